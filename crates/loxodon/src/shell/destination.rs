//! What commands with a destination have in common (`CommandWithDestination`).

use super::command::Command;
use super::failure::{Failure, Result};
use super::item::Item;
use super::session::Session;

/// The destination of a command, as an argument names it.
///
/// # Errors
/// No match; more than one.
pub(crate) fn remote(session: &Session, args: &mut Vec<String>) -> Result<Item> {
    let Some(last) = args.pop_if(|_| true).filter(|_| !args.is_empty()) else {
        return Err(Failure::Illegal("missing destination argument".into()));
    };
    let mut items = Item::expand(session, &last)?;
    match (items.pop(), items.is_empty()) {
        (None, _) => Err(Failure::not_found(last)),
        (Some(item), true) => Ok(item),
        (Some(_), false) => Err(Failure::about(last, "Too many matches")),
    }
}

/// The destination, or the home directory where one argument is all there is.
///
/// # Errors
/// No match; more than one.
pub(crate) fn remote_or_home(session: &Session, args: &mut Vec<String>) -> Result<Item> {
    if args.len() < 2 { Item::new(session, ".") } else { remote(session, args) }
}

/// The local destination, or the current directory where one argument is all there is.
pub(crate) fn local(session: &Session, args: &mut Vec<String>) -> Result<Item> {
    let last = if args.len() < 2 { None } else { args.pop() };
    Item::local(session, last.as_deref().unwrap_or("."))
}

/// Whether so many arguments can go to `destination`.
///
/// # Errors
/// Several that do not go to a directory; a file that would be overwritten; a directory above it
/// that is not there.
pub(crate) fn check(destination: &Item, arguments: usize, overwrite: bool) -> Result<()> {
    if arguments > 1 {
        if !destination.stat()?.is_directory() {
            return Err(Failure::is_not_directory(destination));
        }
    } else if destination.exists() {
        if !destination.is_directory() && !overwrite {
            return Err(Failure::exists(destination));
        }
    } else if !destination.parent_exists()? {
        return Err(Failure::not_found_at(destination, destination.uri()));
    }
    Ok(())
}

/// Where `source` goes.
pub(crate) fn target(destination: &Item, source: &Item, depth: usize) -> Result<Item> {
    if depth > 0 || destination.is_directory() || destination.represents_directory() {
        return destination.child_named_as(source);
    }
    Ok(destination.clone())
}

/// Refuses a directory that would be copied or moved into itself.
pub(crate) fn check_not_into_itself(destination: &Item, source: &Item) -> Result<()> {
    let same = source.fs.uri() == destination.fs.uri();
    if !source.is_directory() || !same {
        return Ok(());
    }
    let target = target(destination, source, 0)?;
    if target.path == source.path {
        let path = target.fs.qualified(&target.path);
        return Err(Failure::about(source, "are identical").during(None, Some(path)));
    }
    let below = if source.path == "/" { "/".to_owned() } else { format!("{}/", source.path) };
    if target.path.starts_with(&below) {
        let text = target.to_string();
        return Err(Failure::about(source, "is a subdirectory of itself").during(None, Some(text)));
    }
    Ok(())
}

/// `mv`.
#[derive(Debug, Default)]
pub(crate) struct Move {
    destination: Option<Item>,
}

impl Move {
    fn destination(&self) -> Result<&Item> {
        self.destination.as_ref().ok_or_else(|| Failure::io("missing destination argument"))
    }
}

impl Command for Move {
    fn options(&mut self, session: &mut Session, args: &mut Vec<String>) -> Result<()> {
        super::options::Format::new(2, &[]).parse(args)?;
        self.destination = Some(remote_or_home(session, args)?);
        Ok(())
    }

    fn arguments(&mut self, session: &mut Session, items: Vec<Item>) -> Result<()> {
        check(self.destination()?, items.len(), false)?;
        self.each(session, items)
    }

    fn existing(&mut self, session: &mut Session, item: Item) -> Result<()> {
        check_not_into_itself(self.destination()?, &item)?;
        session.depth = 0;
        self.paths(session, None, vec![item])
    }

    fn path(&mut self, session: &mut Session, source: &mut Item) -> Result<()> {
        let target = target(self.destination()?, source, session.depth)?;
        if source.fs.uri() != target.fs.uri() {
            return Err(Failure::about(source, "Does not match target filesystem"));
        }
        if target.exists() {
            return Err(Failure::exists(target));
        }
        match source.fs.rename(&source.path, &target.path)? {
            true => Ok(()),
            false => Err(Failure::input_output(source)),
        }
    }
}

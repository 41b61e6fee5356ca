//! How a command walks over its arguments (`Command`).

use super::failure::{Failure, Result};
use super::item::Item;
use super::session::Session;

/// A command. What it must say is its options and what it does with a path; the rest of the walk
/// can be changed where a command differs.
pub(crate) trait Command {
    /// Takes the options out of the arguments.
    fn options(&mut self, session: &mut Session, args: &mut Vec<String>) -> Result<()>;

    /// Does what there is to do with a path that is there.
    fn path(&mut self, session: &mut Session, item: &mut Item) -> Result<()>;

    /// Does what there is to do with a path that is not.
    fn missing(&mut self, _session: &mut Session, item: &mut Item) -> Result<()> {
        Err(Failure::not_found(item))
    }

    /// Everything after the options.
    fn run(&mut self, session: &mut Session, args: Vec<String>) -> Result<()> {
        let items = self.expand_all(session, &args)?;
        session.warn_of_missing_default()?;
        self.arguments(session, items)
    }

    /// What the arguments stand for.
    fn expand_all(&mut self, session: &mut Session, args: &[String]) -> Result<Vec<Item>> {
        let mut items = Vec::new();
        for arg in args {
            match self.expand(session, arg) {
                Ok(found) => items.extend(found),
                Err(failure) => session.report(failure)?,
            }
        }
        Ok(items)
    }

    /// What one argument stands for.
    fn expand(&mut self, session: &mut Session, arg: &str) -> Result<Vec<Item>> {
        let items = Item::expand(session, arg)?;
        if items.is_empty() { Err(Failure::not_found(arg)) } else { Ok(items) }
    }

    /// All arguments.
    fn arguments(&mut self, session: &mut Session, items: Vec<Item>) -> Result<()> {
        self.each(session, items)
    }

    /// Arguments one after the other; what fails is reported, and the next has its turn.
    fn each(&mut self, session: &mut Session, items: Vec<Item>) -> Result<()> {
        for mut item in items {
            let done = if item.exists() {
                self.existing(session, item)
            } else {
                self.missing(session, &mut item)
            };
            done.or_else(|failure| session.report(failure))?;
        }
        Ok(())
    }

    /// An argument that is there.
    fn existing(&mut self, session: &mut Session, item: Item) -> Result<()> {
        session.depth = 0;
        self.paths(session, None, vec![item])
    }

    /// Paths of one directory, or one argument.
    fn paths(
        &mut self,
        session: &mut Session,
        _parent: Option<&Item>,
        items: Vec<Item>,
    ) -> Result<()> {
        self.visit_all(session, items)
    }

    /// One after the other.
    fn visit_all(&mut self, session: &mut Session, items: Vec<Item>) -> Result<()> {
        for mut item in items {
            self.visit(session, &mut item).or_else(|failure| session.report(failure))?;
        }
        Ok(())
    }

    /// A path and, where the command recurses, what is below it.
    fn visit(&mut self, session: &mut Session, item: &mut Item) -> Result<()> {
        self.path(session, item)?;
        if self.recursive() && item.is_directory() {
            self.recurse(session, item)?;
        }
        self.after(session, item)
    }

    /// After a path and what is below it.
    fn after(&mut self, _session: &mut Session, _item: &Item) -> Result<()> {
        Ok(())
    }

    /// Whether directories are walked.
    fn recursive(&self) -> bool {
        false
    }

    /// Whether a directory's children are gathered before they are worked on.
    fn sorted(&self) -> bool {
        false
    }

    /// How many children are worked on together where they are not all gathered; 0 for one by one.
    fn group_size(&self) -> usize {
        0
    }

    /// What is below a directory.
    fn recurse(&mut self, session: &mut Session, item: &mut Item) -> Result<()> {
        self.descend(session, item)
    }

    /// The walk itself.
    fn descend(&mut self, session: &mut Session, item: &Item) -> Result<()> {
        session.depth += 1;
        let done = self.walk_children(session, item);
        session.depth -= 1;
        done
    }

    /// Children in groups.
    fn walk_children(&mut self, session: &mut Session, item: &Item) -> Result<()> {
        let children = item.children()?;
        if self.sorted() {
            return self.paths(session, Some(item), children);
        }
        let mut rest = children.into_iter().peekable();
        while rest.peek().is_some() {
            let group: Vec<Item> = rest.by_ref().take(self.group_size().max(1)).collect();
            self.paths(session, Some(item), group)?;
        }
        Ok(())
    }
}

/// Runs a command to its end; its exit code.
///
/// # Errors
/// A wrong argument or an unexpected error: the caller prints it.
pub(crate) fn execute(
    session: &mut Session,
    command: &mut dyn Command,
    mut args: Vec<String>,
) -> Result<i32> {
    let done = command.options(session, &mut args).and_then(|()| command.run(session, args));
    if let Err(failure) = done {
        session.report(failure)?;
    }
    session.flush()?;
    Ok(if session.errors() == 0 { session.exit } else { 1 })
}

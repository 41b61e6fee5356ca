//! `mkdir`, `rmdir`.

use super::command::Command;
use super::failure::{Failure, Result};
use super::item::Item;
use super::location;
use super::options::{Format, Given};
use super::session::Session;

/// Permission of a directory before the umask.
pub(crate) const DIRECTORY_PERMISSION: u16 = 0o777;

/// `mkdir`.
#[derive(Debug, Default)]
pub(crate) struct Mkdir {
    with_parents: bool,
}

impl Command for Mkdir {
    fn options(&mut self, _session: &mut Session, args: &mut Vec<String>) -> Result<()> {
        self.with_parents = Format::new(1, &["p"]).parse(args)?.has("p");
        Ok(())
    }

    fn path(&mut self, _session: &mut Session, item: &mut Item) -> Result<()> {
        if !item.is_directory() {
            return Err(Failure::is_not_directory(item));
        }
        if self.with_parents { Ok(()) } else { Err(Failure::exists(item)) }
    }

    fn missing(&mut self, _session: &mut Session, item: &mut Item) -> Result<()> {
        if !self.with_parents {
            let parent = location::parent(&item.path).unwrap_or("/");
            if !item.fs.exists(parent)? {
                return Err(Failure::not_found(item.fs.qualified(parent)));
            }
        }
        match item.fs.mkdirs(&item.path, DIRECTORY_PERMISSION)? {
            true => Ok(()),
            false => Err(Failure::input_output(item)),
        }
    }
}

/// `rmdir`.
#[derive(Debug, Default)]
pub(crate) struct Rmdir {
    given: Given,
}

const IGNORE_NON_EMPTY: &str = "-ignore-fail-on-non-empty";

impl Command for Rmdir {
    fn options(&mut self, _session: &mut Session, args: &mut Vec<String>) -> Result<()> {
        self.given = Format::new(1, &[IGNORE_NON_EMPTY]).parse(args)?;
        Ok(())
    }

    fn path(&mut self, _session: &mut Session, item: &mut Item) -> Result<()> {
        if !item.is_directory() {
            return Err(Failure::is_not_directory(item));
        }
        if !item.fs.list(&item.path)?.is_empty() {
            let ignored = self.given.has(IGNORE_NON_EMPTY);
            return if ignored { Ok(()) } else { Err(Failure::is_not_empty(item)) };
        }
        match item.fs.delete(&item.path, false)? {
            true => Ok(()),
            false => Err(Failure::input_output(item)),
        }
    }
}

//! `rm`, `rmr`, `expunge`.

use std::io::{BufRead, Write};

use loxodon_conf::keys;

use super::command::Command;
use super::failure::{Failure, Result};
use super::item::Item;
use super::options::{Format, Given};
use super::session::Session;
use super::size;
use super::trash::Trash;

/// `rm`.
#[derive(Debug, Default)]
pub(crate) struct Rm {
    always_recursive: bool,
    given: Given,
}

impl Rm {
    /// `rmr`.
    pub(crate) fn recursive() -> Self {
        Self { always_recursive: true, given: Given::default() }
    }

    fn deletes_directories(&self) -> bool {
        self.given.has("r") || self.given.has("R")
    }

    fn move_to_trash(&self, session: &mut Session, item: &Item) -> Result<bool> {
        if self.given.has("skipTrash") {
            return Ok(false);
        }
        let moved =
            Trash::of_server(&item.fs, &session.conf).and_then(|trash| trash.take(&item.path));
        match moved {
            Ok(None) => Ok(false),
            Ok(Some(target)) => {
                session.flush()?;
                // Where and how Hadoop's shell says it: a line of its log.
                let _ = writeln!(
                    std::io::stderr(),
                    "{} INFO fs.TrashPolicyDefault: Moved: '{}' to trash at: {}",
                    log_time(),
                    item.fs.qualified(&item.path),
                    item.fs.qualified(&target),
                );
                Ok(true)
            }
            Err(failure) if failure.is("FileNotFoundException") => Err(failure),
            Err(Failure::Io { message, class }) => {
                let message = message.lines().next().unwrap_or_default();
                Err(Failure::Io {
                    class,
                    message: format!("{message}. Consider using -skipTrash option"),
                })
            }
            Err(other) => Err(other),
        }
    }

    /// Whether a large directory may be deleted: asks.
    fn confirmed(&self, session: &mut Session, item: &Item) -> Result<bool> {
        let limit = session.conf.int(&keys::SAFE_DELETE_LIMIT)?;
        if !self.given.has("safely") || limit <= 0 {
            return Ok(true);
        }
        let files = item.fs.content_summary(&item.path)?.files;
        if files <= limit.unsigned_abs() {
            return Ok(true);
        }
        session.flush()?;
        if confirm(&format!("Proceed deleting {files} files?"))? {
            return Ok(true);
        }
        let _ = writeln!(std::io::stderr(), "Delete aborted at user request.\n");
        Ok(false)
    }
}

fn log_time() -> String {
    let now = jiff::Timestamp::now().as_millisecond();
    size::second(u64::try_from(now).unwrap_or(0)) + &format!(",{:03}", now.rem_euclid(1000))
}

/// Asks until the answer is yes or no (`ToolRunner.confirmPrompt`).
fn confirm(question: &str) -> Result<bool> {
    loop {
        let _ = write!(std::io::stderr(), "{question} (Y or N) ");
        let mut answer = String::new();
        let read = std::io::stdin().lock().read_line(&mut answer);
        let read = read.map_err(|e| Failure::local("standard input", &e))?;
        match answer.trim().to_ascii_lowercase().as_str() {
            "y" | "yes" => return Ok(true),
            "n" | "no" => return Ok(false),
            _ if read == 0 => return Ok(false),
            other => {
                let _ = writeln!(std::io::stderr(), "Invalid input: {other}");
            }
        }
    }
}

impl Command for Rm {
    fn options(&mut self, _session: &mut Session, args: &mut Vec<String>) -> Result<()> {
        if self.always_recursive {
            args.insert(0, "-r".into());
        }
        self.given = Format::new(1, &["f", "r", "R", "skipTrash", "safely"]).parse(args)?;
        Ok(())
    }

    fn expand(&mut self, session: &mut Session, arg: &str) -> Result<Vec<Item>> {
        let items = Item::expand(session, arg)?;
        if items.is_empty() && !self.given.has("f") {
            return Err(Failure::not_found(arg));
        }
        Ok(items)
    }

    fn missing(&mut self, _session: &mut Session, item: &mut Item) -> Result<()> {
        if self.given.has("f") { Ok(()) } else { Err(Failure::not_found(item)) }
    }

    fn path(&mut self, session: &mut Session, item: &mut Item) -> Result<()> {
        if item.is_directory() && !self.deletes_directories() {
            return Err(Failure::is_directory(item));
        }
        if self.move_to_trash(session, item)? || !self.confirmed(session, item)? {
            return Ok(());
        }
        if !item.fs.delete(&item.path, self.deletes_directories())? {
            return Err(Failure::input_output(item));
        }
        session.line(format_args!("Deleted {item}"))
    }
}

/// `expunge`.
#[derive(Debug, Default)]
pub(crate) struct Expunge {
    immediate: bool,
}

impl Command for Expunge {
    fn options(&mut self, session: &mut Session, args: &mut Vec<String>) -> Result<()> {
        let given = Format::new(0, &["immediate"]).at_most(2).with_values(&["fs"]).parse(args)?;
        self.immediate = given.has("immediate");
        match given.value("fs") {
            Some(uri) if !uri.is_empty() => session.set_default_filesystem(uri),
            _ => Ok(()),
        }
    }

    fn arguments(&mut self, session: &mut Session, _items: Vec<Item>) -> Result<()> {
        let fs = session.default_filesystem()?;
        let trash = Trash::new(&fs, &session.conf)?;
        if self.immediate {
            trash.checkpoint()?;
            return trash.expunge(true);
        }
        trash.expunge(false)?;
        trash.checkpoint()
    }

    fn path(&mut self, _session: &mut Session, _item: &mut Item) -> Result<()> {
        Ok(())
    }
}

//! `stat`, `test`, `touch`, `touchz`.

use std::time::{SystemTime, UNIX_EPOCH};

use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use loxodon_client::FileKind;

use super::command::Command;
use super::failure::{Failure, Result};
use super::filesystem::Creation;
use super::item::Item;
use super::location;
use super::options::{Format, Given, pop_valued};
use super::session::Session;
use super::size;

/// `stat`.
#[derive(Debug)]
pub(crate) struct Stat {
    recursive: bool,
    format: String,
}

impl Default for Stat {
    fn default() -> Self {
        Self { recursive: false, format: "%y".into() }
    }
}

impl Command for Stat {
    fn options(&mut self, _session: &mut Session, args: &mut Vec<String>) -> Result<()> {
        let format = Format::new(1, &["R"]);
        self.recursive = format.parse(args)?.has("R");
        if args.first().is_some_and(|first| first.contains('%')) {
            self.format = args.remove(0);
        }
        self.recursive |= format.parse(args)?.has("R");
        Ok(())
    }

    fn recursive(&self) -> bool {
        self.recursive
    }

    fn path(&mut self, session: &mut Session, item: &mut Item) -> Result<()> {
        let status = item.stat()?;
        let mut text = String::new();
        let mut rest = self.format.chars();
        while let Some(c) = rest.next() {
            if c != '%' {
                text.push(c);
                continue;
            }
            let Some(letter) = rest.next() else { break };
            text += &match letter {
                'a' => format!("{:o}", status.permission),
                'A' => size::symbols(status.permission),
                'b' => status.length.to_string(),
                'F' => match status.kind {
                    FileKind::Directory => "directory".into(),
                    FileKind::File => "regular file".into(),
                    FileKind::Symlink => "symlink".into(),
                },
                'g' => status.group.clone(),
                'n' => location::name(&item.path).to_owned(),
                'o' => status.block_size.to_string(),
                'r' => status.replication.to_string(),
                'u' => status.owner.clone(),
                'x' => size::second(status.accessed),
                'X' => status.accessed.to_string(),
                'y' => size::second(status.modified),
                'Y' => status.modified.to_string(),
                other => other.to_string(),
            };
        }
        session.line(text)
    }
}

/// `test`.
#[derive(Debug, Default)]
pub(crate) struct Test {
    flag: &'static str,
}

impl Command for Test {
    fn options(&mut self, _session: &mut Session, args: &mut Vec<String>) -> Result<()> {
        const FLAGS: &[&str] = &["e", "d", "f", "s", "z", "w", "r"];
        let flags = Format::new(1, FLAGS).at_most(1).parse(args)?.flags();
        self.flag = match flags.as_slice() {
            [] => return Err(Failure::Illegal("No test flag given".into())),
            [flag] => flag,
            _ => return Err(Failure::Illegal("Only one test flag is allowed".into())),
        };
        Ok(())
    }

    fn path(&mut self, session: &mut Session, item: &mut Item) -> Result<()> {
        let status = item.stat()?;
        let holds = match self.flag {
            "d" => status.is_directory(),
            "f" => status.is_file(),
            "s" => status.length > 0,
            "z" => status.length == 0,
            "w" => may(item, 2)?,
            "r" => may(item, 4)?,
            _ => true,
        };
        if !holds {
            session.exit = 1;
        }
        Ok(())
    }

    fn missing(&mut self, session: &mut Session, _item: &mut Item) -> Result<()> {
        session.exit = 1;
        Ok(())
    }
}

/// Whether the caller may read (4) or write (2).
fn may(item: &Item, mode: u8) -> Result<bool> {
    let Ok(hdfs) = item.fs.hdfs("access") else {
        let wanted =
            if mode == 2 { rustix::fs::Access::WRITE_OK } else { rustix::fs::Access::READ_OK };
        return Ok(rustix::fs::access(item.path.as_str(), wanted).is_ok());
    };
    match hdfs.wait(hdfs.client.check_access(&item.path, mode)) {
        Ok(()) => Ok(true),
        Err(failure)
            if failure.is("AccessControlException") || failure.is("FileNotFoundException") =>
        {
            Ok(false)
        }
        Err(other) => Err(other),
    }
}

/// Creates an empty file, or empties one.
fn create_empty(session: &Session, item: &Item) -> Result<()> {
    let endpoint = item.fs.endpoint();
    session
        .runtime
        .block_on(async { endpoint.create(&item.path, Creation::default()).await?.close().await })
}

fn check_parent(item: &Item) -> Result<()> {
    if item.parent_exists()? { Ok(()) } else { Err(Failure::not_found_at(item, item.uri())) }
}

/// `touchz`.
#[derive(Debug, Default)]
pub(crate) struct Touchz;

impl Command for Touchz {
    fn options(&mut self, _session: &mut Session, args: &mut Vec<String>) -> Result<()> {
        Format::new(1, &[]).parse(args).map(drop)
    }

    fn path(&mut self, session: &mut Session, item: &mut Item) -> Result<()> {
        if item.is_directory() {
            return Err(Failure::is_directory(item));
        }
        if item.stat()?.length != 0 {
            return Err(Failure::about(item, "Not a zero-length file"));
        }
        create_empty(session, item)
    }

    fn missing(&mut self, session: &mut Session, item: &mut Item) -> Result<()> {
        check_parent(item)?;
        create_empty(session, item)
    }
}

/// `touch`.
#[derive(Debug, Default)]
pub(crate) struct Touch {
    given: Given,
    timestamp: Option<String>,
}

impl Touch {
    fn set_times(&self, item: &Item) -> Result<()> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_millis();
        let time = match &self.timestamp {
            Some(text) => timestamp(text).ok_or_else(|| {
                Failure::Illegal(format!(
                    "Unable to parse the specified timestamp {text}. The expected format is yyyyMMdd:HHmmss"
                ))
            })?,
            None => u64::try_from(now).unwrap_or(u64::MAX),
        };
        let (modified, accessed) = (self.given.has("m"), self.given.has("a"));
        let both = modified == accessed;
        item.fs.set_times(
            &item.path,
            (both || modified).then_some(time),
            (both || accessed).then_some(time),
        )
    }
}

/// Milliseconds of `yyyyMMdd:HHmmss` in local time.
fn timestamp(text: &str) -> Option<u64> {
    let time = DateTime::strptime("%Y%m%d:%H%M%S", text).ok()?;
    let zoned = time.to_zoned(TimeZone::system()).ok()?;
    u64::try_from(zoned.timestamp().as_millisecond()).ok()
}

impl Command for Touch {
    fn options(&mut self, _session: &mut Session, args: &mut Vec<String>) -> Result<()> {
        self.timestamp = pop_valued("-t", args)?;
        self.given = Format::new(1, &["t", "a", "m", "c"]).parse(args)?;
        Ok(())
    }

    fn path(&mut self, _session: &mut Session, item: &mut Item) -> Result<()> {
        self.set_times(item)
    }

    fn missing(&mut self, session: &mut Session, item: &mut Item) -> Result<()> {
        check_parent(item)?;
        if self.given.has("c") {
            return Ok(());
        }
        create_empty(session, item)?;
        if self.timestamp.is_some() { self.set_times(item) } else { Ok(()) }
    }
}

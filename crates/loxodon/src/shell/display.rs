//! `cat`, `checksum`, `head`, `tail`.

use std::time::Duration;

use super::command::Command;
use super::failure::{Failure, Result};
use super::item::Item;
use super::options::Format;
use super::session::Session;
use super::stream::Reader;

/// Bytes read at once.
const CHUNK: usize = 1 << 20;

/// Bytes that `head` and `tail` show.
const SHOWN: u64 = 1024;

/// `cat`.
#[derive(Debug, Default)]
pub(crate) struct Cat;

impl Command for Cat {
    fn options(&mut self, session: &mut Session, args: &mut Vec<String>) -> Result<()> {
        let given = Format::new(1, &["ignoreCrc"]).parse(args)?;
        session.verify_checksums(!given.has("ignoreCrc"))
    }

    fn path(&mut self, session: &mut Session, item: &mut Item) -> Result<()> {
        let reader = open(session, item)?;
        print(session, reader, u64::MAX).map(drop)
    }
}

/// Opens a file.
///
/// # Errors
/// A directory.
pub(crate) fn open(session: &Session, item: &Item) -> Result<Reader> {
    if item.is_directory() {
        return Err(Failure::is_directory(item));
    }
    session.runtime.block_on(item.fs.endpoint().open(&item.path))
}

/// Prints at most so many bytes; how many it were.
pub(crate) fn print(session: &mut Session, mut reader: Reader, most: u64) -> Result<u64> {
    let mut printed = 0;
    loop {
        let wanted = usize::try_from(most - printed).unwrap_or(CHUNK).min(CHUNK);
        if wanted == 0 {
            return Ok(printed);
        }
        let bytes = session.runtime.block_on(reader.next(wanted))?;
        if bytes.is_empty() {
            session.flush()?;
            return Ok(printed);
        }
        printed += bytes.len() as u64;
        session.write(&bytes)?;
    }
}

/// `checksum`.
#[derive(Debug, Default)]
pub(crate) struct Checksum {
    with_block_size: bool,
}

impl Command for Checksum {
    fn options(&mut self, _session: &mut Session, args: &mut Vec<String>) -> Result<()> {
        self.with_block_size = Format::new(1, &["v"]).parse(args)?.has("v");
        Ok(())
    }

    fn path(&mut self, session: &mut Session, item: &mut Item) -> Result<()> {
        if item.is_directory() {
            return Err(Failure::is_directory(item));
        }
        let checksum = match item.fs.hdfs("getFileChecksum") {
            Ok(hdfs) => hdfs.wait(hdfs.client.file_checksum(&item.path, None))?,
            Err(_) => None,
        };
        let text = match checksum {
            Some(checksum) => {
                let hex =
                    checksum.bytes.iter().fold(String::new(), |hex, b| hex + &format!("{b:02x}"));
                format!("{}\t{hex}", checksum.algorithm)
            }
            None => "NONE".into(),
        };
        if self.with_block_size {
            let block_size = item.stat()?.block_size;
            return session.line(format_args!("{item}\t{text}\tBlockSize={block_size}"));
        }
        session.line(format_args!("{item}\t{text}"))
    }
}

/// `head`.
#[derive(Debug, Default)]
pub(crate) struct Head;

impl Command for Head {
    fn options(&mut self, _session: &mut Session, args: &mut Vec<String>) -> Result<()> {
        Format::new(1, &[]).at_most(1).parse(args).map(drop)
    }

    fn expand(&mut self, session: &mut Session, arg: &str) -> Result<Vec<Item>> {
        Ok(vec![Item::new(session, arg)?])
    }

    fn path(&mut self, session: &mut Session, item: &mut Item) -> Result<()> {
        let reader = open(session, item)?;
        print(session, reader, SHOWN).map(drop)
    }
}

/// `tail`.
#[derive(Debug)]
pub(crate) struct Tail {
    follow: bool,
    pause: Duration,
}

impl Default for Tail {
    fn default() -> Self {
        Self { follow: false, pause: Duration::from_secs(5) }
    }
}

impl Tail {
    /// Prints from `offset`; where to go on.
    fn print_from(session: &mut Session, item: &mut Item, offset: Option<u64>) -> Result<u64> {
        if !item.refresh()? {
            return Err(Failure::not_found(item));
        }
        let length = item.stat()?.length;
        let offset = offset.unwrap_or_else(|| length.saturating_sub(SHOWN));
        if offset > length {
            return Ok(length);
        }
        let mut reader = open(session, item)?;
        session.runtime.block_on(reader.seek(offset))?;
        Ok(offset + print(session, reader, u64::MAX)?)
    }
}

impl Command for Tail {
    fn options(&mut self, _session: &mut Session, args: &mut Vec<String>) -> Result<()> {
        let given = Format::new(1, &["f"]).at_most(1).with_values(&["s"]).parse(args)?;
        self.follow = given.has("f");
        if let Some(pause) = given.value("s").filter(|value| self.follow && !value.is_empty()) {
            let wrong = |_| Failure::Illegal(format!("For input string: \"{pause}\""));
            let milliseconds: i64 = pause.parse().map_err(wrong)?;
            if milliseconds > 0 {
                self.pause = Duration::from_millis(milliseconds.unsigned_abs());
            }
        }
        Ok(())
    }

    fn expand(&mut self, session: &mut Session, arg: &str) -> Result<Vec<Item>> {
        Ok(vec![Item::new(session, arg)?])
    }

    fn path(&mut self, session: &mut Session, item: &mut Item) -> Result<()> {
        if item.is_directory() {
            return Err(Failure::is_directory(item));
        }
        let mut offset = Self::print_from(session, item, None)?;
        if !self.follow {
            return Ok(());
        }
        loop {
            std::thread::sleep(self.pause);
            offset = Self::print_from(session, item, Some(offset))?;
        }
    }
}

//! `getmerge`, `appendToFile`.

use super::command::Command;
use super::destination;
use super::failure::{Failure, Result};
use super::filesystem::Creation;
use super::item::Item;
use super::options::{Format, Given};
use super::progress::Progress;
use super::session::Session;
use super::stream::{self, Reader};

/// `getmerge`.
#[derive(Debug, Default)]
pub(crate) struct GetMerge {
    given: Given,
    target: Option<Item>,
    sources: Vec<Item>,
    some_missing: bool,
}

impl Command for GetMerge {
    fn options(&mut self, session: &mut Session, args: &mut Vec<String>) -> Result<()> {
        self.given = Format::new(2, &["nl", "skip-empty-file"]).parse(args)?;
        let target = destination::local(session, args)?;
        if target.is_directory() {
            return Err(Failure::is_directory(target));
        }
        self.target = Some(target);
        Ok(())
    }

    fn arguments(&mut self, session: &mut Session, items: Vec<Item>) -> Result<()> {
        self.each(session, items)?;
        let Some(target) = self.target.take().filter(|_| !self.some_missing) else { return Ok(()) };
        let endpoint = target.fs.endpoint();
        let sources = std::mem::take(&mut self.sources);
        let newline = bytes::Bytes::from_static(b"\n");
        session.runtime.block_on(async {
            let mut writer = endpoint.create(&target.path, Creation::default()).await?;
            for source in sources {
                let is_empty = source.stat()?.length == 0;
                if !is_empty {
                    let reader = source.fs.endpoint().open(&source.path).await?;
                    stream::copy(reader, &mut writer, &Progress::default()).await?;
                }
                if self.given.has("nl") && !(is_empty && self.given.has("skip-empty-file")) {
                    writer.write(newline.clone()).await?;
                }
            }
            writer.close().await
        })
    }

    fn missing(&mut self, session: &mut Session, item: &mut Item) -> Result<()> {
        self.some_missing = true;
        session.exit = 1;
        Err(Failure::not_found(item))
    }

    fn path(&mut self, session: &mut Session, item: &mut Item) -> Result<()> {
        if !item.is_directory() {
            self.sources.push(item.clone());
        } else if session.depth == 0 {
            self.descend(session, item)?;
        }
        Ok(())
    }

    fn sorted(&self) -> bool {
        true
    }
}

/// `appendToFile`.
#[derive(Debug, Default)]
pub(crate) struct AppendToFile {
    new_block: bool,
    from_input: bool,
    target: Option<Item>,
}

impl Command for AppendToFile {
    fn options(&mut self, session: &mut Session, args: &mut Vec<String>) -> Result<()> {
        if args.len() < 2 {
            return Err(Failure::io("missing destination argument"));
        }
        self.new_block = Format::new(2, &["n"]).parse(args)?.has("n");
        self.target = Some(destination::remote_or_home(session, args)?);
        Ok(())
    }

    fn expand(&mut self, session: &mut Session, arg: &str) -> Result<Vec<Item>> {
        if arg == "-" {
            self.from_input = true;
            return Ok(Vec::new());
        }
        Ok(vec![Item::local(session, arg)?])
    }

    fn arguments(&mut self, session: &mut Session, items: Vec<Item>) -> Result<()> {
        let Some(target) = self.target.take() else { return Ok(()) };
        let endpoint = target.fs.endpoint();
        let new_file = Creation { overwrite: false, ..Creation::default() };
        session.runtime.block_on(async {
            if !target.exists() {
                endpoint.create(&target.path, new_file).await?.close().await?;
            }
            let mut writer = endpoint.append(&target.path, self.new_block).await?;
            let appended = async {
                if self.from_input {
                    if !items.is_empty() {
                        let message = "stdin (-) must be the sole input argument when present";
                        return Err(Failure::io(message));
                    }
                    stream::copy(Reader::Input, &mut writer, &Progress::default()).await?;
                }
                for source in &items {
                    let reader = open_plainly(&source.path)?;
                    stream::copy(reader, &mut writer, &Progress::default()).await?;
                }
                Ok(())
            };
            let appended = appended.await;
            // What was appended before a failure is kept, as in Hadoop.
            let closed = writer.close().await;
            appended.and(closed)
        })
    }

    fn path(&mut self, _session: &mut Session, _item: &mut Item) -> Result<()> {
        Ok(())
    }
}

/// Opens a local file with the words of `java.nio`.
fn open_plainly(path: &str) -> Result<Reader> {
    match std::fs::metadata(path) {
        Ok(metadata) if metadata.is_dir() => Err(Failure::io("Is a directory")),
        Ok(_) => Reader::local(path),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Err(Failure::io(path)),
        Err(error) => Err(Failure::local(path, &error)),
    }
}

//! `text`: files as text, decompressed where they are compressed.

use std::io::{self, BufReader, Read};
use std::sync::Arc;

use bytes::{Buf, Bytes};
use loxodon_mapreduce::fs::InputStream;
use loxodon_mapreduce::io::codec::Codec;
use tokio::runtime::Runtime;

use super::avro::Datums;
use super::command::Command;
use super::display;
use super::failure::{Failure, Result};
use super::item::Item;
use super::options::Format;
use super::sequence_file::Records;
use super::session::Session;
use super::stream::Reader;

/// Bytes read at once.
const CHUNK: usize = 1 << 18;

/// `text`.
#[derive(Debug, Default)]
pub(crate) struct Text;

/// A file read by code that waits.
struct Blocking {
    runtime: Arc<Runtime>,
    reader: Reader,
    rest: Bytes,
    position: u64,
}

impl InputStream for Blocking {
    fn seek(&mut self, position: u64) -> io::Result<()> {
        let moved = self.runtime.block_on(self.reader.seek(position));
        moved.map_err(|failure| io::Error::other(failure.to_string()))?;
        self.rest = Bytes::new();
        self.position = position;
        Ok(())
    }

    fn position(&self) -> u64 {
        self.position
    }

    fn length(&self) -> u64 {
        self.reader.length().unwrap_or(u64::MAX)
    }
}

impl Read for Blocking {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.rest.is_empty() {
            let next = self.runtime.block_on(self.reader.next(CHUNK));
            self.rest = next.map_err(|failure| io::Error::other(failure.to_string()))?;
        }
        let length = buffer.len().min(self.rest.len());
        if let Some(target) = buffer.get_mut(..length) {
            self.rest.copy_to_slice(target);
        }
        self.position = self.position.saturating_add(length as u64);
        Ok(length)
    }
}

impl Command for Text {
    fn options(&mut self, session: &mut Session, args: &mut Vec<String>) -> Result<()> {
        let given = Format::new(1, &["ignoreCrc"]).parse(args)?;
        session.verify_checksums(!given.has("ignoreCrc"))
    }

    fn path(&mut self, session: &mut Session, item: &mut Item) -> Result<()> {
        let mut reader = display::open(session, item)?;
        let start = session.runtime.block_on(async {
            let start = reader.next(4).await?;
            reader.seek(0).await.map(|()| start)
        })?;
        let runtime = Arc::clone(&session.runtime);
        let file = Blocking { runtime, reader, rest: Bytes::new(), position: 0 };
        let mut text = decoder(item, &start, file)?;
        let mut buffer = vec![0; CHUNK];
        loop {
            let length = text.read(&mut buffer).map_err(|e| Failure::io(e.to_string()))?;
            if length == 0 {
                return session.flush();
            }
            session.write(buffer.get(..length).unwrap_or_default())?;
        }
    }
}

/// What makes text of a file: its first bytes tell, else the ending of its name.
fn decoder(item: &Item, start: &[u8], file: Blocking) -> Result<Box<dyn Read>> {
    match start {
        [0x1f, 0x8b, ..] => return decompressed(Codec::Gzip, file),
        [b'S', b'E', b'Q', ..] => {
            return Ok(Box::new(Records::open(Box::new(file), &item.to_string())?));
        }
        [b'O', b'b', b'j', ..] => {
            return Ok(Box::new(Datums::open(Box::new(file), &item.to_string())?));
        }
        _ => {}
    }
    match Codec::of_name(super::location::name(&item.path)) {
        Some(Codec::Gzip) if !start.is_empty() => Err(Failure::io("not a gzip file")),
        Some(codec) if !start.is_empty() => decompressed(codec, file),
        _ => Ok(Box::new(file)),
    }
}

fn decompressed(codec: Codec, file: Blocking) -> Result<Box<dyn Read>> {
    let decoder = codec.decoder(BufReader::with_capacity(CHUNK, file));
    Ok(decoder.map_err(|e| Failure::io(e.to_string()))?)
}

//! `text`: files as text, decompressed where they are compressed.

use std::io::{self, BufReader, Read};
use std::rc::Rc;

use bytes::{Buf, Bytes};
use tokio::runtime::Runtime;

use super::codec::Codec;
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
    runtime: Rc<Runtime>,
    reader: Reader,
    rest: Bytes,
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
        let runtime = Rc::clone(&session.runtime);
        let file =
            BufReader::with_capacity(CHUNK, Blocking { runtime, reader, rest: Bytes::new() });
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
fn decoder(item: &Item, start: &[u8], file: BufReader<Blocking>) -> Result<Box<dyn Read>> {
    match start {
        [0x1f, 0x8b, ..] => return Ok(Box::new(flate2::bufread::MultiGzDecoder::new(file))),
        [b'S', b'E', b'Q', ..] => return Ok(Box::new(Records::open(file)?)),
        [b'O', b'b', b'j', ..] => {
            return Err(Failure::unsupported(format!("{item}: Avro files are not shown as text")));
        }
        _ => {}
    }
    match Codec::of_name(super::location::name(&item.path)) {
        Some(Codec::Gzip) if !start.is_empty() => Err(Failure::io("not a gzip file")),
        Some(codec) if !start.is_empty() => {
            codec.decoder(file).map_err(|e| Failure::io(e.to_string()))
        }
        _ => Ok(Box::new(file)),
    }
}

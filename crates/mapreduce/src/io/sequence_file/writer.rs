//! Writing (`SequenceFile.Writer`).

use std::io::Write;

use super::header::{Header, NEWEST};
use super::{Compression, ESCAPE, MARK, MOST, SYNC_INTERVAL};
use crate::error::{Error, Result};
use crate::io::codec::{Codec, Levels, Packer};
use crate::io::writable::{Datum, vint};

/// `io.seqfile.compress.blocksize`
const BLOCK_SIZE: usize = 1_000_000;

/// How a file is written.
#[derive(Clone, Debug)]
pub struct Options {
    /// Java class of the keys.
    pub key_class: String,
    /// Java class of the values.
    pub value_class: String,
    /// What is compressed.
    pub compression: Compression,
    /// With what; not looked at where nothing is.
    pub codec: Codec,
    /// How hard.
    pub levels: Levels,
    /// Names and values to add; sorted by name when written.
    pub metadata: Vec<(String, String)>,
    /// Plain bytes of keys and values in a compressed block.
    pub block_size: usize,
    /// The mark; a random one where `None`.
    pub mark: Option<[u8; MARK]>,
}

impl Options {
    /// Nothing compressed.
    pub fn new(key_class: impl Into<String>, value_class: impl Into<String>) -> Self {
        Self {
            key_class: key_class.into(),
            value_class: value_class.into(),
            compression: Compression::None,
            codec: Codec::Zlib,
            levels: Levels::default(),
            metadata: Vec::new(),
            block_size: BLOCK_SIZE,
            mark: None,
        }
    }

    /// Compressed so.
    #[must_use]
    pub fn compressed(self, compression: Compression, codec: Codec) -> Self {
        Self { compression, codec, ..self }
    }
}

/// Writes records one by one.
#[derive(Debug)]
pub struct Writer<W: Write> {
    to: W,
    position: u64,
    last_mark: u64,
    header: Header,
    packer: Option<Packer>,
    block_size: usize,
    record: Vec<u8>,
    /// Of a block: lengths and bytes of keys, then of values.
    buffers: [Vec<u8>; 4],
    count: usize,
}

impl<W: Write> Writer<W> {
    /// Writes the header.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn new(to: W, options: Options) -> Result<Self> {
        let mut metadata = options.metadata;
        metadata.sort_by(|a, b| a.0.cmp(&b.0));
        let codec = (options.compression != Compression::None).then_some(options.codec);
        let header = Header {
            version: NEWEST,
            key_class: options.key_class,
            value_class: options.value_class,
            compression: options.compression,
            codec,
            metadata,
            mark: Some(options.mark.unwrap_or_else(|| fastrand::u128(..).to_be_bytes())),
        };
        let mut writer = Self {
            to,
            position: 0,
            last_mark: 0,
            packer: codec.map(|codec| Packer::at(codec, options.levels)),
            block_size: options.block_size,
            record: Vec::new(),
            buffers: Default::default(),
            count: 0,
            header,
        };
        let mut bytes = Vec::new();
        writer.header.write(&mut bytes);
        writer.put(&bytes)?;
        Ok(writer)
    }

    fn put(&mut self, bytes: &[u8]) -> Result<()> {
        self.to.write_all(bytes)?;
        self.position = self.position.saturating_add(bytes.len() as u64);
        Ok(())
    }

    /// Bytes written so far; of records that are gathered in a block, none.
    pub fn position(&self) -> u64 {
        self.position
    }

    /// What is written to.
    pub fn get_ref(&self) -> &W {
        &self.to
    }

    /// What the file says about itself.
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// Appends a record.
    ///
    /// # Errors
    /// It cannot be written; it is too long.
    pub fn append(&mut self, key: Datum<'_>, value: Datum<'_>) -> Result<()> {
        match self.header.compression {
            Compression::Block => self.append_to_block(key, value),
            _ => self.append_record(key, value),
        }
    }

    fn append_record(&mut self, key: Datum<'_>, value: Datum<'_>) -> Result<()> {
        let mut record = std::mem::take(&mut self.record);
        record.clear();
        record.extend_from_slice(&[0; 8]);
        key.write_to(&mut record);
        let key_length = record.len().saturating_sub(8);
        match &mut self.packer {
            None => value.write_to(&mut record),
            Some(packer) => match value {
                Datum::Serialized(bytes) => packer.pack(bytes, &mut record)?,
                other => {
                    let [plain, ..] = &mut self.buffers;
                    plain.clear();
                    other.write_to(plain);
                    packer.pack(plain, &mut record)?;
                }
            },
        }
        let length = java_int(record.len().saturating_sub(8))?;
        let lengths = [length.to_be_bytes(), java_int(key_length)?.to_be_bytes()].concat();
        if let Some(front) = record.get_mut(..8) {
            front.copy_from_slice(&lengths);
        }
        if self.position >= self.last_mark.saturating_add(SYNC_INTERVAL) {
            self.mark()?;
        }
        self.put(&record)?;
        self.record = record;
        Ok(())
    }

    fn append_to_block(&mut self, key: Datum<'_>, value: Datum<'_>) -> Result<()> {
        let [key_lengths, keys, value_lengths, values] = &mut self.buffers;
        for (datum, lengths, bytes) in [(key, key_lengths, keys), (value, value_lengths, values)] {
            let before = bytes.len();
            datum.write_to(bytes);
            vint::write_length(bytes.len().saturating_sub(before), lengths);
        }
        self.count = self.count.saturating_add(1);
        let [_, keys, _, values] = &self.buffers;
        if keys.len().max(values.len()) > MOST {
            return Err(Error::io("a record of more than 1 GiB"));
        }
        if keys.len().saturating_add(values.len()) >= self.block_size {
            self.sync()?;
        }
        Ok(())
    }

    fn mark(&mut self) -> Result<()> {
        if self.last_mark != self.position {
            let mark = self.header.mark.unwrap_or_default();
            self.put(&ESCAPE.to_be_bytes())?;
            self.put(&mark)?;
            self.last_mark = self.position;
        }
        Ok(())
    }

    /// Sets a mark here; what is gathered in a block is written first.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn sync(&mut self) -> Result<()> {
        if self.header.compression != Compression::Block {
            return self.mark();
        }
        if self.count == 0 {
            return Ok(());
        }
        self.mark()?;
        let mut out = std::mem::take(&mut self.record);
        out.clear();
        vint::write_length(self.count, &mut out);
        self.put(&out)?;
        for at in 0..self.buffers.len() {
            let mut plain = self.buffers.get_mut(at).map(std::mem::take).unwrap_or_default();
            out.clear();
            if let Some(packer) = &mut self.packer {
                packer.pack(&plain, &mut out)?;
            }
            let mut length = Vec::new();
            vint::write_length(out.len(), &mut length);
            self.put(&length)?;
            self.put(&out)?;
            plain.clear();
            if let Some(buffer) = self.buffers.get_mut(at) {
                *buffer = plain;
            }
        }
        self.record = out;
        self.count = 0;
        Ok(())
    }

    /// Writes what is gathered and gives back what was written to.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn finish(mut self) -> Result<W> {
        if self.header.compression == Compression::Block {
            self.sync()?;
        }
        self.to.flush()?;
        Ok(self.to)
    }
}

fn java_int(length: usize) -> Result<i32> {
    i32::try_from(length).map_err(|_| Error::io(format!("a record of {length} bytes is too long")))
}

//! Sequence files as text: a line of key, tab and value for each record.

use std::io::{self, Read};

use loxodon_mapreduce::error::Error;
use loxodon_mapreduce::fs::InputStream;
use loxodon_mapreduce::io::sequence_file::Reader;
use loxodon_mapreduce::io::writable::Kind;

use super::failure::{Failure, Result};

/// A sequence file's records as text.
pub(crate) struct Records {
    reader: Reader,
    key: Kind,
    value: Kind,
    text: Vec<u8>,
    at: usize,
}

impl Records {
    /// Reads the header; errors call the file `name`.
    ///
    /// # Errors
    /// What is no sequence file; a class or codec that is not known here.
    pub(crate) fn open(stream: Box<dyn InputStream>, name: &str) -> Result<Self> {
        let reader = Reader::open(stream, name)?;
        let kind = |class: &str| {
            Kind::of_class(class).ok_or_else(|| {
                Failure::unsupported(format!("sequence files of {class} are not shown as text"))
            })
        };
        let header = reader.header();
        let (key, value) = (kind(&header.key_class)?, kind(&header.value_class)?);
        Ok(Self { reader, key, value, text: Vec::new(), at: 0 })
    }

    /// Shows the next record; false at the end.
    fn next(&mut self) -> Result<bool, Error> {
        self.text.clear();
        self.at = 0;
        if !self.reader.advance()? {
            return Ok(false);
        }
        self.key.show(&mut { self.reader.key() }, &mut self.text)?;
        self.text.push(b'\t');
        self.value.show(&mut { self.reader.value() }, &mut self.text)?;
        self.text.push(b'\n');
        Ok(true)
    }
}

impl Read for Records {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.at >= self.text.len() {
            if !self.next().map_err(io::Error::other)? {
                return Ok(0);
            }
        }
        let mut rest = self.text.get(self.at..).unwrap_or_default();
        let length = rest.read(buffer)?;
        self.at += length;
        Ok(length)
    }
}

#[cfg(test)]
mod tests {
    use loxodon_mapreduce::fs::memory::MemoryInput;
    use loxodon_mapreduce::io::sequence_file::{Options, Writer};
    use loxodon_mapreduce::io::writable::{Datum, IntWritable, Text, Writable};

    use super::*;

    fn shown(bytes: Vec<u8>) -> Result<String> {
        let mut text = String::new();
        let mut records = Records::open(Box::new(MemoryInput::new(bytes)), "f")?;
        records.read_to_string(&mut text).map_err(|e| Failure::io(e.to_string()))?;
        Ok(text)
    }

    #[test]
    fn lines_of_records() {
        let write = |key: &str| {
            let mut writer =
                Writer::new(Vec::new(), Options::new(key, Text::CLASS)).expect("a writer");
            writer.append(Datum::Int(-2), Datum::Text(b"a\tb")).expect("a record");
            writer.append(Datum::Int(9), Datum::Text(b"")).expect("a record");
            writer.finish().expect("the bytes")
        };
        let bytes = write(IntWritable::CLASS);
        assert_eq!(shown(bytes.clone()).unwrap(), "-2\ta\tb\n9\t\n");
        let error = shown(bytes[..bytes.len() - 3].to_vec()).unwrap_err();
        assert!(error.to_string().starts_with("f: at offset"), "{error}");
        let error = shown(write("my.Key")).unwrap_err();
        assert!(error.to_string().contains("my.Key"), "{error}");
    }
}

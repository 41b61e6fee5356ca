//! Avro's data files as text: a line of JSON for each datum.

use std::io::{self, Read};

use loxodon_mapreduce::io::avro::Reader;

use super::failure::Result;

/// A data file's datums as text.
pub(crate) struct Datums {
    reader: Reader,
    text: Vec<u8>,
    at: usize,
}

impl Datums {
    /// Reads the header; errors call the file `name`.
    ///
    /// # Errors
    /// What is no data file of Avro.
    pub(crate) fn open(file: Box<dyn Read + Send>, name: &str) -> Result<Self> {
        Ok(Self { reader: Reader::open(file, name)?, text: Vec::new(), at: 0 })
    }
}

impl Read for Datums {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.at >= self.text.len() {
            self.text.clear();
            self.at = 0;
            if !self.reader.show(&mut self.text).map_err(io::Error::other)? {
                return Ok(0);
            }
            self.text.push(b'\n');
        }
        let mut rest = self.text.get(self.at..).unwrap_or_default();
        let length = rest.read(buffer)?;
        self.at += length;
        Ok(length)
    }
}

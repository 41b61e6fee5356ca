//! Files in memory: what is read from bytes that are there already.

use std::io::{self, Read};

use super::InputStream;

/// Bytes as an open file.
#[derive(Clone, Debug)]
pub struct MemoryInput<B = Vec<u8>> {
    bytes: B,
    at: usize,
}

impl<B: AsRef<[u8]>> MemoryInput<B> {
    /// A file of these bytes.
    pub fn new(bytes: B) -> Self {
        Self { bytes, at: 0 }
    }
}

impl<B: AsRef<[u8]>> Read for MemoryInput<B> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut rest = self.bytes.as_ref().get(self.at..).unwrap_or_default();
        let length = rest.read(buffer)?;
        self.at = self.at.saturating_add(length);
        Ok(length)
    }
}

impl<B: AsRef<[u8]> + Send> InputStream for MemoryInput<B> {
    fn seek(&mut self, position: u64) -> io::Result<()> {
        let at = usize::try_from(position).ok().filter(|at| *at <= self.bytes.as_ref().len());
        self.at = at
            .ok_or_else(|| io::Error::new(io::ErrorKind::UnexpectedEof, "Cannot seek after EOF"))?;
        Ok(())
    }

    fn position(&self) -> u64 {
        self.at as u64
    }

    fn length(&self) -> u64 {
        self.bytes.as_ref().len() as u64
    }
}

//! A read buffer whose bytes can be borrowed.

use std::io;

use crate::error::{Error, ErrorKind, Result};
use crate::fs::InputStream;

/// Bytes read at once.
const BUFFER: usize = 1 << 17;

/// A file read through a buffer that grows to what a caller needs to see in one piece, and only as far as the
/// bytes are really there.
pub struct BufferedInput {
    stream: Box<dyn InputStream>,
    name: String,
    bytes: Vec<u8>,
    at: usize,
    filled: usize,
}

impl std::fmt::Debug for BufferedInput {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("BufferedInput").field("name", &self.name).finish_non_exhaustive()
    }
}

impl BufferedInput {
    /// Reads `stream`; errors call it `name`.
    pub fn new(stream: Box<dyn InputStream>, name: impl Into<String>) -> Self {
        Self { stream, name: name.into(), bytes: Vec::new(), at: 0, filled: 0 }
    }

    /// The file's name in errors.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Position in the file of the next byte.
    pub fn position(&self) -> u64 {
        let buffered = self.filled.saturating_sub(self.at) as u64;
        self.stream.position().saturating_sub(buffered)
    }

    /// Bytes of the file.
    pub fn length(&self) -> u64 {
        self.stream.length()
    }

    /// Moves to a position in the file.
    ///
    /// # Errors
    /// Beyond the end.
    pub fn seek(&mut self, position: u64) -> Result<()> {
        let start = self.stream.position().saturating_sub(self.filled as u64);
        let within = position.checked_sub(start).and_then(|ahead| usize::try_from(ahead).ok());
        if let Some(at) = within.filter(|at| *at <= self.filled) {
            self.at = at;
            return Ok(());
        }
        (self.at, self.filled) = (0, 0);
        self.stream.seek(position).map_err(|error| self.failed(&error))
    }

    /// An error of reading, with file and offset.
    pub fn failed(&self, error: &io::Error) -> Error {
        Error::system(format!("{}: at offset {}", self.name, self.position()), error)
    }

    /// What says that the file is damaged, with file and offset.
    pub fn damaged(&self, what: impl std::fmt::Display) -> Error {
        Error::io(format!("{}: at offset {}: {what}", self.name, self.position()))
    }

    fn cut_off(&self, wanted: usize) -> Error {
        let message = format!(
            "{}: at offset {}: the file ends within {wanted} bytes that should follow",
            self.name,
            self.position()
        );
        Error::new(ErrorKind::Eof, message)
    }

    /// What is in the buffer.
    pub fn buffered(&self) -> &[u8] {
        self.bytes.get(self.at..self.filled).unwrap_or_default()
    }

    /// Reads more into the buffer, behind what is there; `false` at the end of the file.
    fn fill(&mut self) -> Result<bool> {
        if self.at > 0 && (self.at == self.filled || self.filled == self.bytes.len()) {
            self.bytes.copy_within(self.at..self.filled, 0);
            self.filled = self.filled.saturating_sub(self.at);
            self.at = 0;
        }
        if self.filled == self.bytes.len() {
            let grown = self.bytes.len().saturating_mul(2).max(BUFFER);
            self.bytes.resize(grown, 0);
        }
        loop {
            let room = self.bytes.get_mut(self.filled..).unwrap_or_default();
            match self.stream.read(room) {
                Ok(count) => {
                    self.filled = self.filled.saturating_add(count).min(self.bytes.len());
                    return Ok(count > 0);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(self.failed(&error)),
            }
        }
    }

    /// Whether the file has ended.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn is_at_end(&mut self) -> Result<bool> {
        Ok(self.at == self.filled && !self.fill()?)
    }

    /// Makes the next `count` bytes available in one piece.
    ///
    /// # Errors
    /// The file ends before them.
    pub fn need(&mut self, count: usize) -> Result<()> {
        if self.filled.saturating_sub(self.at) >= count {
            return Ok(());
        }
        // No memory for what a damaged length promises.
        if count as u64 > self.length().saturating_sub(self.position()) {
            return Err(self.cut_off(count));
        }
        while self.filled.saturating_sub(self.at) < count {
            if !self.fill()? {
                return Err(self.cut_off(count));
            }
        }
        Ok(())
    }

    /// The next `count` bytes, without taking them; those that [`BufferedInput::need`] has fetched.
    pub fn peek(&self, count: usize) -> &[u8] {
        self.buffered().get(..count).unwrap_or_default()
    }

    /// Skips bytes of the buffer.
    pub fn consume(&mut self, count: usize) {
        self.at = self.at.saturating_add(count).min(self.filled);
    }

    /// Takes the next bytes as an array.
    ///
    /// # Errors
    /// The file ends before them.
    pub fn take<const N: usize>(&mut self) -> Result<[u8; N]> {
        self.need(N)?;
        let bytes = self.peek(N).try_into().map_err(|_| self.cut_off(N))?;
        self.consume(N);
        Ok(bytes)
    }
}

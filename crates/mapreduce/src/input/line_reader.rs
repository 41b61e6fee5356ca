//! Lines, borrowed from a large read buffer (`org.apache.hadoop.util.LineReader`).

use std::io::{self, Read};

use memchr::memmem::Finder;

use crate::error::{Error, Result};

/// Bytes read at once.
const BUFFER: usize = 1 << 18;

/// A line that was found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Found {
    /// Bytes taken from the input, with the end of the line.
    pub consumed: u64,
    /// Bytes of them that end the line; 0 at the end of the input.
    pub delimiter: usize,
    /// Whether it was longer than allowed; its text is then not there.
    pub too_long: bool,
}

/// Cuts bytes into lines. A line ends with `\n`, `\r\n` or `\r`, or with a delimiter of one's own.
///
/// The text of a line lies in one piece in the buffer, which grows to the longest line.
pub struct LineReader<R> {
    from: R,
    delimiter: Option<Finder<'static>>,
    buffer: Vec<u8>,
    at: usize,
    filled: usize,
    ended: bool,
    text: (usize, usize),
}

impl<R> std::fmt::Debug for LineReader<R> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LineReader").field("delimiter", &self.delimiter).finish_non_exhaustive()
    }
}

/// Where a line ends within bytes.
enum End {
    /// Length of the text, and of what ends it.
    At(usize, usize),
    /// Not within these: how many need not be looked at again.
    Beyond(usize),
}

impl<R: Read> LineReader<R> {
    /// Lines of `from`, that end with `delimiter` where one is given.
    ///
    /// # Errors
    /// An empty delimiter.
    pub fn new(from: R, delimiter: Option<&[u8]>) -> Result<Self> {
        if delimiter.is_some_and(<[u8]>::is_empty) {
            return Err(Error::argument("the record delimiter is empty"));
        }
        Ok(Self {
            from,
            delimiter: delimiter.map(|bytes| Finder::new(bytes).into_owned()),
            buffer: Vec::new(),
            at: 0,
            filled: 0,
            ended: false,
            text: (0, 0),
        })
    }

    /// What is read from.
    pub fn get_ref(&self) -> &R {
        &self.from
    }

    /// The text of the last line, without its end.
    #[inline]
    pub fn text(&self) -> &[u8] {
        self.buffer.get(self.text.0..self.text.1).unwrap_or_default()
    }

    /// Drops so many bytes from the front of the last line's text.
    pub(super) fn trim_front(&mut self, count: usize) {
        self.text.0 = self.text.0.saturating_add(count).min(self.text.1);
    }

    fn end_of_line(&self, bytes: &[u8], from: usize) -> End {
        let rest = bytes.get(from..).unwrap_or_default();
        if let Some(finder) = &self.delimiter {
            let length = finder.needle().len();
            return match finder.find(rest) {
                Some(at) => End::At(from.saturating_add(at), length),
                None => End::Beyond(bytes.len().saturating_sub(length.saturating_sub(1)).max(from)),
            };
        }
        let Some(found) = memchr::memchr2(b'\n', b'\r', rest) else {
            return End::Beyond(bytes.len());
        };
        let at = from.saturating_add(found);
        match bytes.get(at..).unwrap_or_default() {
            [b'\n', ..] => End::At(at, 1),
            [b'\r', b'\n', ..] => End::At(at, 2),
            [b'\r'] if !self.ended => End::Beyond(at),
            _ => End::At(at, 1),
        }
    }

    fn fill(&mut self) -> io::Result<()> {
        if self.filled == self.buffer.len() {
            if self.at > 0 {
                self.buffer.copy_within(self.at..self.filled, 0);
                self.filled = self.filled.saturating_sub(self.at);
                self.at = 0;
            }
            if self.filled.saturating_mul(2) >= self.buffer.len() {
                let grown = self.buffer.len().saturating_mul(2).max(BUFFER);
                self.buffer.resize(grown, 0);
            }
        }
        let room = self.buffer.get_mut(self.filled..).unwrap_or_default();
        let count = loop {
            match self.from.read(room) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                other => break other?,
            }
        };
        self.filled = self.filled.saturating_add(count).min(self.buffer.len());
        self.ended = count == 0;
        Ok(())
    }

    /// Moves to the next line; one that consumes nothing is the end of the input. Of a line of more than `most`
    /// bytes nothing is kept, and no more than `give_up` bytes are looked at for its end.
    ///
    /// # Errors
    /// The input cannot be read.
    pub fn advance(&mut self, most: usize, give_up: u64) -> io::Result<Found> {
        let mut dropped: u64 = 0;
        let mut looked = 0;
        loop {
            let bytes = self.buffer.get(self.at..self.filled).unwrap_or_default();
            let end = match self.end_of_line(bytes, looked) {
                End::At(text, delimiter) => Some((text, delimiter)),
                End::Beyond(_) if self.ended => Some((bytes.len(), 0)),
                End::Beyond(up_to) => {
                    looked = up_to;
                    None
                }
            };
            if let Some((text, delimiter)) = end {
                let length = text.saturating_add(delimiter);
                self.text = (self.at, self.at.saturating_add(text));
                self.at = self.at.saturating_add(length);
                let too_long = dropped > 0 || text > most;
                return Ok(Found {
                    consumed: dropped.saturating_add(length as u64),
                    delimiter,
                    too_long,
                });
            }
            // What is certainly text of a line that is too long is not kept.
            if looked > most || dropped > 0 {
                self.at = self.at.saturating_add(looked);
                dropped = dropped.saturating_add(looked as u64);
                looked = 0;
                if dropped > give_up {
                    self.text = (0, 0);
                    return Ok(Found { consumed: dropped, delimiter: 0, too_long: true });
                }
            }
            self.fill()?;
        }
    }
}

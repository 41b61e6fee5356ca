//! Requests of a connection, one after another.

use std::io::{self, ErrorKind};

use loxodon_wire::transfer::{LengthPrefix, Operation, check_version};

use super::link::{Link, invalid};
use crate::error::{DataNodeError, Result};

/// Reads requests and short messages, and keeps what was read too much.
#[derive(Debug)]
pub(super) struct Requests<L> {
    pub(super) link: L,
    buffer: Vec<u8>,
    start: usize,
}

/// Most requests are shorter.
const READ: usize = 2048;

impl<L: Link> Requests<L> {
    pub(super) const fn new(link: L) -> Self {
        Self { link, buffer: Vec::new(), start: 0 }
    }

    /// The next request; `None` if the other side closed the connection or kept silent.
    pub(super) fn next(&mut self) -> Result<Option<Operation>> {
        let first = match self.byte() {
            Ok(byte) => byte,
            Err(error) if ends(&error) => return Ok(None),
            Err(source) => return Err(network(source)),
        };
        // Who speaks another version may have nothing more to say.
        check_version([first, self.byte().map_err(network)?])?;
        let code = self.byte().map_err(network)?;
        if !Operation::exists(code) {
            return Err(loxodon_wire::transfer::TransferError::UnknownOperation(code).into());
        }
        let message = self.message().map_err(network)?;
        Ok(Some(Operation::decode(code, &message)?))
    }

    /// A delimited message.
    pub(super) fn message(&mut self) -> io::Result<Vec<u8>> {
        let mut prefix = LengthPrefix::default();
        let length = loop {
            if let Some(length) = prefix.push(self.byte()?).map_err(invalid)? {
                break length;
            }
        };
        while self.rest().len() < length {
            self.fill()?;
        }
        let message = self.rest().get(..length).unwrap_or_default().to_vec();
        self.start += length;
        Ok(message)
    }

    /// What was read and belongs to what follows the request.
    pub(super) fn take_rest(&mut self) -> Vec<u8> {
        let rest = self.rest().to_vec();
        self.buffer.clear();
        self.start = 0;
        rest
    }

    fn rest(&self) -> &[u8] {
        self.buffer.get(self.start..).unwrap_or_default()
    }

    fn byte(&mut self) -> io::Result<u8> {
        loop {
            if let Some(&byte) = self.buffer.get(self.start) {
                self.start += 1;
                return Ok(byte);
            }
            self.fill()?;
        }
    }

    fn fill(&mut self) -> io::Result<()> {
        if self.start == self.buffer.len() {
            self.buffer.clear();
            self.start = 0;
        }
        let end = self.buffer.len();
        self.buffer.resize(end + READ, 0);
        let read = loop {
            match self.link.read(self.buffer.get_mut(end..).unwrap_or_default()) {
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                other => break other,
            }
        };
        self.buffer.truncate(end + read.as_ref().map_or(0, |count| *count));
        match read {
            Ok(0) => Err(ErrorKind::UnexpectedEof.into()),
            Ok(_) => Ok(()),
            Err(error) => Err(error),
        }
    }
}

fn network(source: io::Error) -> DataNodeError {
    DataNodeError::Network {
        doing: "cannot read a request of",
        peer: "the client".to_owned(),
        source,
    }
}

/// Whether a connection ended as connections end between requests.
pub(super) fn ends(error: &io::Error) -> bool {
    use ErrorKind as Kind;
    matches!(
        error.kind(),
        Kind::UnexpectedEof
            | Kind::ConnectionReset
            | Kind::ConnectionAborted
            | Kind::BrokenPipe
            | Kind::TimedOut
            | Kind::WouldBlock
    )
}

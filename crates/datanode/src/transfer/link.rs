//! A connection as transfers see it.

use std::fs::File;
use std::io::{self, ErrorKind, IoSlice, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::os::unix::fs::FileExt;
use std::time::Duration;

use loxodon_wire::transfer::{LengthPrefix, TransferError};

/// A stream of bytes both ways, with time-outs.
pub(crate) trait Link: Read + Write + Send + Sync + Sized + 'static {
    /// A second handle of the same connection.
    fn duplicate(&self) -> io::Result<Self>;
    /// How long reads and writes may wait; zero is for ever.
    fn set_timeouts(&self, read: Duration, write: Duration) -> io::Result<()>;
    /// Ends the connection for all its handles.
    fn close(&self);
    /// Sends a part of a file: by copying, unless the system knows better.
    fn send_file(&mut self, file: &File, mut offset: u64, mut count: usize) -> io::Result<()> {
        let mut buffer = vec![0; count.min(64 * 1024)];
        while count > 0 {
            let part = buffer.get_mut(..count.min(64 * 1024)).unwrap_or_default();
            file.read_exact_at(part, offset)?;
            self.write_all(part)?;
            offset += part.len() as u64;
            count -= part.len();
        }
        Ok(())
    }
    /// Sends bytes that more will follow at once.
    fn write_more(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.write_all(bytes)
    }
}

fn timeout(patience: Duration) -> Option<Duration> {
    (!patience.is_zero()).then_some(patience)
}

impl Link for TcpStream {
    fn duplicate(&self) -> io::Result<Self> {
        self.try_clone()
    }

    fn set_timeouts(&self, read: Duration, write: Duration) -> io::Result<()> {
        self.set_read_timeout(timeout(read))?;
        self.set_write_timeout(timeout(write))
    }

    fn close(&self) {
        // It may be closed from the other side already.
        drop(self.shutdown(Shutdown::Both));
    }

    fn send_file(&mut self, file: &File, mut offset: u64, mut count: usize) -> io::Result<()> {
        while count > 0 {
            match rustix::fs::sendfile(&*self, file, Some(&mut offset), count) {
                Ok(0) => return Err(ErrorKind::UnexpectedEof.into()),
                Ok(sent) => count = count.saturating_sub(sent),
                Err(rustix::io::Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    fn write_more(&mut self, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            match rustix::net::send(
                &*self,
                bytes,
                rustix::net::SendFlags::MORE | rustix::net::SendFlags::NOSIGNAL,
            ) {
                Ok(sent) => bytes = bytes.get(sent..).unwrap_or_default(),
                Err(rustix::io::Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }
}

/// Writes all of several parts with as few calls as the system needs.
pub(super) fn write_all_vectored(
    link: &mut impl Write,
    parts: &mut [IoSlice<'_>],
) -> io::Result<()> {
    let mut parts = parts;
    IoSlice::advance_slices(&mut parts, 0);
    while !parts.is_empty() {
        match link.write_vectored(parts) {
            Ok(0) => return Err(ErrorKind::WriteZero.into()),
            Ok(written) => IoSlice::advance_slices(&mut parts, written),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// A delimited message's bytes, read without a byte too much.
pub(super) fn read_message(link: &mut impl Read) -> io::Result<Vec<u8>> {
    let mut prefix = LengthPrefix::default();
    let length = loop {
        let mut byte = [0];
        link.read_exact(&mut byte)?;
        if let Some(length) = prefix.push(byte[0]).map_err(invalid)? {
            break length;
        }
    };
    let mut message = vec![0; length];
    link.read_exact(&mut message)?;
    Ok(message)
}

pub(super) fn invalid(error: TransferError) -> io::Error {
    io::Error::new(ErrorKind::InvalidData, error)
}

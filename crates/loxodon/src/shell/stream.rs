//! Bytes from one file system to another.

use std::fs::File;
use std::io::{self, Read, Seek};

use bytes::Bytes;
use loxodon_client::{FileReader, FileWriter};
use tokio::sync::mpsc;

use super::failure::{Failure, Result};
use super::local::LocalWriter;
use super::progress::Progress;

/// Bytes read at once.
const CHUNK: usize = 1 << 20;

/// A file that is read, or standard input.
#[derive(Debug)]
pub(crate) enum Reader {
    /// A file of HDFS.
    Hdfs(Box<FileReader>),
    /// A local file and its path.
    Local(File, String),
    /// Standard input.
    Input,
}

/// A file that is written.
#[derive(Debug)]
pub(crate) enum Writer {
    /// A file of HDFS.
    Hdfs(Box<FileWriter>),
    /// A local file.
    Local(LocalWriter),
}

impl Reader {
    /// Opens a local file.
    pub(crate) fn local(path: &str) -> Result<Self> {
        let file = File::open(path).map_err(|e| Failure::local(path, &e))?;
        Ok(Self::Local(file, path.into()))
    }

    /// Bytes of the file; `None` where nobody knows.
    pub(crate) fn length(&self) -> Option<u64> {
        match self {
            Self::Hdfs(reader) => Some(reader.len()),
            Self::Local(file, _) => file.metadata().ok().map(|metadata| metadata.len()),
            Self::Input => None,
        }
    }

    /// Goes to an offset.
    pub(crate) async fn seek(&mut self, offset: u64) -> Result<()> {
        match self {
            Self::Hdfs(reader) => Ok(reader.seek(offset)?),
            Self::Local(file, path) => {
                file.seek(io::SeekFrom::Start(offset)).map_err(|e| Failure::local(path, &e))?;
                Ok(())
            }
            Self::Input => Err(Failure::io("standard input cannot be read from an offset")),
        }
    }

    /// The next bytes, at most so many; none at the end.
    pub(crate) async fn next(&mut self, most: usize) -> Result<Bytes> {
        match self {
            Self::Hdfs(reader) => Ok(reader.read_bytes(most).await?),
            Self::Local(file, path) => read_some(file, most).map_err(|e| Failure::local(path, &e)),
            Self::Input => read_some(&mut io::stdin().lock(), most)
                .map_err(|e| Failure::local("standard input", &e)),
        }
    }

    /// A channel of what follows, read on a thread of its own where reading blocks.
    fn into_channel(self) -> Channel {
        match self {
            Self::Hdfs(reader) => Channel::Here(Box::new(Self::Hdfs(reader))),
            mut blocking => {
                let (sender, receiver) = mpsc::channel(2);
                tokio::task::spawn_blocking(move || {
                    loop {
                        let next = match &mut blocking {
                            Self::Local(file, path) => {
                                read_some(file, CHUNK).map_err(|e| Failure::local(path, &e))
                            }
                            _ => read_some(&mut io::stdin().lock(), CHUNK)
                                .map_err(|e| Failure::local("standard input", &e)),
                        };
                        let ends = !matches!(&next, Ok(bytes) if !bytes.is_empty());
                        if sender.blocking_send(next).is_err() || ends {
                            return;
                        }
                    }
                });
                Channel::Thread(receiver)
            }
        }
    }
}

enum Channel {
    Here(Box<Reader>),
    Thread(mpsc::Receiver<Result<Bytes>>),
}

impl Channel {
    async fn next(&mut self) -> Result<Bytes> {
        match self {
            Self::Here(reader) => reader.next(CHUNK).await,
            Self::Thread(receiver) => receiver.recv().await.unwrap_or_else(|| Ok(Bytes::new())),
        }
    }
}

fn read_some(from: &mut impl Read, most: usize) -> io::Result<Bytes> {
    let mut buffer = Vec::with_capacity(most);
    from.by_ref().take(most as u64).read_to_end(&mut buffer)?;
    Ok(buffer.into())
}

impl Writer {
    /// Writes all of it.
    pub(crate) async fn write(&mut self, data: Bytes) -> Result<()> {
        match self {
            Self::Hdfs(writer) => Ok(writer.write_bytes(data).await?),
            Self::Local(writer) => writer.write(&data),
        }
    }

    /// Completes the file.
    pub(crate) async fn close(self) -> Result<()> {
        match self {
            Self::Hdfs(mut writer) => Ok(writer.close().await?),
            Self::Local(writer) => writer.close(),
        }
    }
}

/// Copies to the end; the writer stays open.
pub(crate) async fn copy(reader: Reader, writer: &mut Writer, progress: &Progress) -> Result<u64> {
    let mut source = reader.into_channel();
    let mut copied = 0;
    loop {
        let bytes = source.next().await?;
        if bytes.is_empty() {
            return Ok(copied);
        }
        copied += bytes.len() as u64;
        progress.advance(bytes.len() as u64);
        writer.write(bytes).await?;
    }
}

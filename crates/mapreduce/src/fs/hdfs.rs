//! `hdfs:` for callers that wait, with reading ahead.

use std::io::{self, Read, Write};
use std::sync::Arc;

use bytes::{Buf, Bytes};
use loxodon_client::{
    Client, Error as ClientError, FileReader, FileWriter, RenameOptions, SyncOptions,
};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use super::statistics::Statistics;
use super::threads::FsThreads;
use super::{
    BlockLocation, CreateOptions, FileStatus, FileSystem, InputStream, OutputStream, Path, join,
};
use crate::error::{Error, ErrorKind, Result};

/// Bytes that a reader asks for at once.
const CHUNK: usize = 1 << 17;
/// Chunks that may wait to be read: what is read ahead.
const AHEAD: usize = 24;
/// Reads in a row, without a seek, before reading ahead pays.
const SEQUENTIAL: u32 = 2;
/// Bytes gathered before they are handed to the writer.
const BUFFER: usize = 1 << 17;

impl From<ClientError> for Error {
    fn from(error: ClientError) -> Self {
        let class = error.java_class();
        let kind = match class {
            "java.io.FileNotFoundException" => ErrorKind::NotFound,
            "org.apache.hadoop.security.AccessControlException" => ErrorKind::Access,
            "org.apache.hadoop.fs.ChecksumException" => ErrorKind::Checksum,
            "java.io.EOFException" => ErrorKind::Eof,
            "java.io.IOException" => ErrorKind::Io,
            "java.lang.IllegalArgumentException" => ErrorKind::IllegalArgument,
            "java.lang.UnsupportedOperationException" => ErrorKind::Unsupported,
            other => ErrorKind::Remote(other.to_owned()),
        };
        Self::new(kind, error.to_string())
    }
}

/// An HDFS.
#[derive(Clone, Debug)]
pub struct HdfsFileSystem {
    client: Client,
    runtime: Arc<FsThreads>,
    statistics: Statistics,
}

impl HdfsFileSystem {
    pub(super) fn new(client: Client, runtime: Arc<FsThreads>, statistics: Statistics) -> Self {
        Self { client, runtime, statistics }
    }

    /// The client behind it, for calls that are not a file system's.
    #[must_use]
    pub fn client(&self) -> &Client {
        &self.client
    }

    fn describe(&self, path: &str, status: &loxodon_client::FileStatus) -> FileStatus {
        let full = if status.name.is_empty() { path.to_owned() } else { join(path, &status.name) };
        FileStatus {
            path: Path { path: full, ..self.uri() },
            length: if status.is_directory() { 0 } else { status.length },
            is_directory: status.is_directory(),
            block_size: status.block_size,
            modification_time: i64::try_from(status.modification_time.0).unwrap_or(i64::MAX),
            permission: status.permission,
            blocks: status
                .blocks
                .as_ref()
                .map(|located| located.blocks.iter().map(location).collect()),
        }
    }
}

fn location(block: &loxodon_client::LocatedBlock) -> BlockLocation {
    let nodes = || block.locations.iter().map(|l| &l.datanode);
    BlockLocation {
        offset: block.offset,
        length: block.block.length,
        hosts: nodes().map(|node| node.host.clone()).collect(),
        racks: nodes().map(|node| node.rack.clone()).collect(),
    }
}

impl FileSystem for HdfsFileSystem {
    fn uri(&self) -> Path {
        let authority = Some(self.client.authority().to_owned());
        Path { scheme: Some("hdfs".into()), authority, path: "/".into() }
    }

    fn status(&self, path: &Path) -> Result<FileStatus> {
        self.statistics.read_op();
        let status = self.runtime.block_on(self.client.located_file_info(&path.path))?;
        let status = status.ok_or_else(|| {
            Error::new(ErrorKind::NotFound, format!("File does not exist: {}", path.path))
        })?;
        Ok(self.describe(&path.path, &status))
    }

    fn list(&self, path: &Path) -> Result<Vec<FileStatus>> {
        self.statistics.large_read_op();
        self.runtime.block_on(async {
            let mut listing = self.client.list_located(&path.path);
            let mut children = Vec::new();
            while let Some(page) = listing.next_page().await? {
                children.extend(page.iter().map(|status| self.describe(&path.path, status)));
            }
            Ok(children)
        })
    }

    fn block_locations(&self, path: &Path, start: u64, length: u64) -> Result<Vec<BlockLocation>> {
        self.statistics.read_op();
        let located =
            self.runtime.block_on(self.client.block_locations(&path.path, start, length))?;
        Ok(located.blocks.iter().map(location).collect())
    }

    fn mkdirs(&self, path: &Path, permission: u16) -> Result<()> {
        self.statistics.write_op();
        match self.runtime.block_on(self.client.mkdirs(&path.path, permission, true))? {
            true => Ok(()),
            false => Err(Error::io(format!("Mkdirs failed to create {path}"))),
        }
    }

    fn delete(&self, path: &Path, recursive: bool) -> Result<bool> {
        self.statistics.write_op();
        Ok(self.runtime.block_on(self.client.delete(&path.path, recursive))?)
    }

    fn rename(&self, from: &Path, to: &Path) -> Result<bool> {
        self.statistics.write_op();
        Ok(self.runtime.block_on(self.client.rename(&from.path, &to.path))?)
    }

    fn move_to(&self, from: &Path, to: &Path, overwrite: bool) -> Result<()> {
        self.statistics.write_op();
        let options = RenameOptions { overwrite, ..RenameOptions::default() };
        Ok(self.runtime.block_on(self.client.rename2(&from.path, &to.path, options))?)
    }

    fn open(&self, path: &Path, ahead_to: Option<u64>) -> Result<Box<dyn InputStream>> {
        self.statistics.read_op();
        let reader = self.runtime.block_on(self.client.open(&path.path))?;
        Ok(Box::new(HdfsInput {
            runtime: Arc::clone(&self.runtime),
            length: reader.len(),
            position: 0,
            ahead_to: ahead_to.unwrap_or(u64::MAX),
            chunk: Bytes::new(),
            in_a_row: 0,
            source: Source::Here(Box::new(reader)),
            statistics: self.statistics.clone(),
        }))
    }

    fn create(&self, path: &Path, options: CreateOptions) -> Result<Box<dyn OutputStream>> {
        self.statistics.write_op();
        let mut wanted = loxodon_client::CreateOptions::default().overwrite(options.overwrite);
        wanted.replication = options.replication.or(wanted.replication);
        wanted.block_size = options.block_size.or(wanted.block_size);
        wanted.permission = options.permission.unwrap_or(wanted.permission);
        let writer = self.runtime.block_on(self.client.create(&path.path, wanted))?;
        Ok(Box::new(HdfsOutput {
            runtime: Arc::clone(&self.runtime),
            writer,
            buffer: Vec::with_capacity(BUFFER),
            position: 0,
            statistics: self.statistics.clone(),
        }))
    }

    fn set_permission(&self, path: &Path, permission: u16) -> Result<()> {
        self.statistics.write_op();
        Ok(self.runtime.block_on(self.client.set_permission(&path.path, permission))?)
    }

    fn set_replication(&self, path: &Path, replication: u16) -> Result<()> {
        self.statistics.write_op();
        Ok(self.runtime.block_on(self.client.set_replication(&path.path, replication)).map(drop)?)
    }
}

/// Who reads the file.
enum Source {
    /// The caller.
    Here(Box<FileReader>),
    /// A task that is ahead of the caller, and gives the reader back when it ends.
    Ahead(mpsc::Receiver<std::result::Result<Bytes, ClientError>>, JoinHandle<Box<FileReader>>),
    /// Nobody: the task that had it died.
    Lost,
}

struct HdfsInput {
    runtime: Arc<FsThreads>,
    length: u64,
    position: u64,
    ahead_to: u64,
    chunk: Bytes,
    in_a_row: u32,
    source: Source,
    statistics: Statistics,
}

fn system(error: &ClientError) -> io::Error {
    let kind = match error {
        ClientError::Checksum { .. } => io::ErrorKind::InvalidData,
        ClientError::EndOfFile(_) => io::ErrorKind::UnexpectedEof,
        _ => io::ErrorKind::Other,
    };
    io::Error::new(kind, error.to_string())
}

async fn read_ahead(
    mut reader: Box<FileReader>,
    to: u64,
    chunks: mpsc::Sender<std::result::Result<Bytes, ClientError>>,
) -> Box<FileReader> {
    while reader.position() < to {
        let chunk = reader.read_bytes(CHUNK).await;
        let over = chunk.as_ref().map_or(true, Bytes::is_empty);
        if chunks.send(chunk).await.is_err() || over {
            break;
        }
    }
    reader
}

impl HdfsInput {
    /// Fetches the next chunk; none at the end.
    fn refill(&mut self) -> io::Result<()> {
        let worth = self.in_a_row >= SEQUENTIAL && self.position < self.ahead_to;
        if worth && let Source::Here(_) = self.source {
            self.go_ahead();
        }
        if let Source::Ahead(chunks, _) = &mut self.source {
            match chunks.blocking_recv() {
                Some(chunk) => {
                    self.chunk = chunk.map_err(|error| system(&error))?;
                    return Ok(());
                }
                None => self.stop_ahead()?,
            }
        }
        let Source::Here(reader) = &mut self.source else { return Err(lost()) };
        self.chunk =
            self.runtime.block_on(reader.read_bytes(CHUNK)).map_err(|error| system(&error))?;
        self.in_a_row = self.in_a_row.saturating_add(1);
        Ok(())
    }

    fn go_ahead(&mut self) {
        if let Source::Here(reader) = std::mem::replace(&mut self.source, Source::Lost) {
            let (send, chunks) = mpsc::channel(AHEAD);
            let task = self.runtime.spawn(read_ahead(reader, self.ahead_to, send));
            self.source = Source::Ahead(chunks, task);
        }
    }

    /// Takes the reader back, at the caller's position.
    fn stop_ahead(&mut self) -> io::Result<()> {
        match std::mem::replace(&mut self.source, Source::Lost) {
            Source::Ahead(chunks, task) => {
                drop(chunks);
                let mut reader = self.runtime.block_on(task).map_err(|_| lost())?;
                reader.seek(self.position).map_err(|error| system(&error))?;
                self.source = Source::Here(reader);
            }
            other => self.source = other,
        }
        Ok(())
    }
}

fn lost() -> io::Error {
    io::Error::other("the reader of the file has gone")
}

impl Read for HdfsInput {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.chunk.is_empty() {
            if self.position >= self.length || buffer.is_empty() {
                return Ok(0);
            }
            self.refill()?;
        }
        let length = buffer.len().min(self.chunk.len());
        if let Some(target) = buffer.get_mut(..length) {
            self.chunk.copy_to_slice(target);
        }
        self.position = self.position.saturating_add(length as u64);
        self.statistics.read(length);
        Ok(length)
    }
}

impl InputStream for HdfsInput {
    fn seek(&mut self, position: u64) -> io::Result<()> {
        if position > self.length {
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "Cannot seek after EOF"));
        }
        if let Some(ahead) = position.checked_sub(self.position)
            && ahead <= self.chunk.len() as u64
        {
            self.chunk.advance(usize::try_from(ahead).unwrap_or(0));
            self.position = position;
            return Ok(());
        }
        self.chunk = Bytes::new();
        self.in_a_row = 0;
        self.position = position;
        self.stop_ahead()?;
        let Source::Here(reader) = &mut self.source else { return Err(lost()) };
        reader.seek(position).map_err(|error| system(&error))
    }

    fn position(&self) -> u64 {
        self.position
    }

    fn length(&self) -> u64 {
        self.length
    }
}

struct HdfsOutput {
    runtime: Arc<FsThreads>,
    writer: FileWriter,
    buffer: Vec<u8>,
    position: u64,
    statistics: Statistics,
}

impl HdfsOutput {
    fn send(&mut self) -> std::result::Result<(), ClientError> {
        if !self.buffer.is_empty() {
            let sent = self.runtime.block_on(self.writer.write_all(&self.buffer));
            self.buffer.clear();
            sent?;
        }
        Ok(())
    }
}

impl Write for HdfsOutput {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.buffer.len().saturating_add(bytes.len()) > BUFFER {
            self.send().map_err(|error| system(&error))?;
        }
        if bytes.len() >= BUFFER {
            let sent = self.runtime.block_on(self.writer.write_all(bytes));
            sent.map_err(|error| system(&error))?;
        } else {
            self.buffer.extend_from_slice(bytes);
        }
        self.position = self.position.saturating_add(bytes.len() as u64);
        self.statistics.written(bytes.len());
        Ok(bytes.len())
    }

    /// Sends what is buffered on its way; it is safe when the file is closed.
    fn flush(&mut self) -> io::Result<()> {
        self.send().map_err(|error| system(&error))
    }
}

impl OutputStream for HdfsOutput {
    fn position(&self) -> u64 {
        self.position
    }

    fn sync(&mut self) -> Result<()> {
        self.send()?;
        let all = SyncOptions::default();
        Ok(self.runtime.block_on(self.writer.hsync(all))?)
    }

    fn close(&mut self) -> Result<()> {
        self.send()?;
        Ok(self.runtime.block_on(self.writer.close())?)
    }
}

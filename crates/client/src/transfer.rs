//! A connection to a DataNode: operations out, answers in (`Sender`, `DataTransferProtoUtil`).

use std::io;
use std::time::Duration;

use bytes::{Buf, Bytes, BytesMut};
use loxodon_wire::proto::hdfs;
use loxodon_wire::transfer::{MAX_MESSAGE, Operation};
use prost::Message;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::client::Client;
use crate::error::{Error, Result};
use crate::types::{BlockToken, DatanodeInfo, ExtendedBlock};

/// Waits at most `limit`; zero waits for ever, as Hadoop's time-outs have it.
pub(crate) async fn within<T>(
    limit: Duration,
    doing: impl FnOnce() -> String,
    work: impl Future<Output = io::Result<T>>,
) -> Result<T> {
    let outcome = if limit.is_zero() {
        work.await
    } else {
        match tokio::time::timeout(limit, work).await {
            Ok(outcome) => outcome,
            Err(_) => return Err(Error::timed_out(doing())),
        }
    };
    outcome.map_err(|error| Error::io(doing(), error))
}

/// Opens a connection to a DataNode's transfer port.
pub(crate) async fn connect(client: &Client, datanode: &DatanodeInfo) -> Result<TcpStream> {
    let host = client.datanode_host(datanode);
    let stream = within(
        client.settings().socket_timeout,
        || format!("connecting to DataNode {}", datanode.transfer_address()),
        TcpStream::connect((host, datanode.transfer_port)),
    )
    .await?;
    stream.set_nodelay(true).map_err(|error| Error::io(format!("connecting to {host}"), error))?;
    Ok(stream)
}

/// Sends an operation.
pub(crate) async fn send(
    client: &Client,
    stream: &mut TcpStream,
    datanode: &DatanodeInfo,
    operation: &Operation,
) -> Result<()> {
    let mut bytes = Vec::new();
    operation.encode(&mut bytes);
    within(
        client.settings().write_timeout,
        || format!("writing to DataNode {}", datanode.transfer_address()),
        stream.write_all(&bytes),
    )
    .await
}

/// A reader that keeps what it read beyond a message. Its `next` methods may be dropped and
/// called again without losing bytes.
#[derive(Debug)]
pub(crate) struct Incoming<R> {
    stream: R,
    buffer: BytesMut,
}

impl<R: AsyncRead + Unpin> Incoming<R> {
    pub(crate) fn new(stream: R) -> Self {
        Self { stream, buffer: BytesMut::new() }
    }

    pub(crate) fn with_buffer(stream: R, buffer: BytesMut) -> Self {
        Self { stream, buffer }
    }

    pub(crate) fn into_parts(self) -> (R, BytesMut) {
        (self.stream, self.buffer)
    }

    /// Reads until at least `length` bytes are buffered.
    pub(crate) async fn fill(&mut self, length: usize) -> io::Result<()> {
        while self.buffer.len() < length {
            let missing = length.saturating_sub(self.buffer.len());
            self.buffer.reserve(missing.max(4096));
            if self.stream.read_buf(&mut self.buffer).await? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
        Ok(())
    }

    /// Takes bytes that [`Incoming::fill`] made available.
    pub(crate) fn take(&mut self, length: usize) -> Bytes {
        self.buffer.split_to(length.min(self.buffer.len())).freeze()
    }

    pub(crate) fn buffered(&self) -> &[u8] {
        &self.buffer
    }

    pub(crate) fn get_mut(&mut self) -> &mut R {
        &mut self.stream
    }

    /// The next message, which has its length before it (`vintPrefixed`).
    pub(crate) async fn next<M: Message + Default>(&mut self) -> io::Result<M> {
        let body = self.next_bytes().await?;
        M::decode(body).map_err(|error| invalid(error.to_string()))
    }

    /// The bytes of the next message.
    pub(crate) async fn next_bytes(&mut self) -> io::Result<Bytes> {
        loop {
            if let Some(message) = self.split_message()? {
                return Ok(message);
            }
            let more = self.buffer.len().saturating_add(1);
            self.fill(more).await?;
        }
    }

    fn split_message(&mut self) -> io::Result<Option<Bytes>> {
        let mut rest: &[u8] = &self.buffer;
        let length = match prost::decode_length_delimiter(&mut rest) {
            Ok(length) => length,
            Err(_) if self.buffer.len() < 10 => return Ok(None),
            Err(error) => return Err(invalid(error.to_string())),
        };
        if length > MAX_MESSAGE {
            return Err(invalid(format!("an answer of {length} bytes")));
        }
        let prefix = self.buffer.len().saturating_sub(rest.len());
        if rest.len() < length {
            return Ok(None);
        }
        self.buffer.advance(prefix);
        Ok(Some(self.buffer.split_to(length).freeze()))
    }
}

/// What a peer sent makes no sense.
pub(crate) fn invalid(why: String) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, why)
}

/// `DataTransferProtoUtil.checkBlockOpStatus`.
pub(crate) fn check_status(
    answer: &hdfs::BlockOpResponseProto,
    datanode: &DatanodeInfo,
    doing: &str,
) -> Result<()> {
    let status = hdfs::Status::try_from(answer.status);
    if status == Ok(hdfs::Status::Success) {
        return Ok(());
    }
    let name = status.map_or("unknown status", |status| status.as_str_name());
    let class = if status == Ok(hdfs::Status::ErrorAccessToken) {
        "org.apache.hadoop.hdfs.security.token.block.InvalidBlockTokenException"
    } else {
        "java.io.IOException"
    };
    Err(Error::Remote {
        class: class.into(),
        message: format!(
            "Got error, status={name}, status message {}, {doing} (DataNode {})",
            answer.message.as_deref().unwrap_or_default(),
            datanode.transfer_address()
        ),
    })
}

/// The header of an operation on a block.
pub(crate) fn base_header(block: &ExtendedBlock, token: &BlockToken) -> hdfs::BaseHeaderProto {
    hdfs::BaseHeaderProto {
        block: block.to_proto(),
        token: Some(token.to_proto()),
        trace_info: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn read(bytes: &[u8]) -> io::Result<hdfs::BlockOpResponseProto> {
        Incoming::new(bytes).next().await
    }

    #[tokio::test]
    async fn answers_are_read_whole_or_refused() {
        let answer = hdfs::BlockOpResponseProto { status: 0, ..Default::default() };
        let bytes = answer.encode_length_delimited_to_vec();
        assert_eq!(read(&bytes).await.unwrap().status, 0);
        let cut = &bytes[..bytes.len() - 1];
        assert_eq!(read(cut).await.unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
    }

    #[tokio::test]
    async fn hostile_lengths_are_refused_before_memory_is_taken() {
        for bytes in [
            &[0xff, 0xff, 0xff, 0xff, 0x0f][..],
            &[0xff; 11][..],
            &[0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x01][..],
        ] {
            assert_eq!(read(bytes).await.unwrap_err().kind(), io::ErrorKind::InvalidData);
        }
    }

    #[tokio::test]
    async fn several_answers_in_one_read_are_kept_apart() {
        let mut bytes = hdfs::PipelineAckProto { seqno: 4, ..Default::default() }
            .encode_length_delimited_to_vec();
        bytes.extend(
            hdfs::PipelineAckProto { seqno: 5, ..Default::default() }
                .encode_length_delimited_to_vec(),
        );
        let mut incoming = Incoming::new(&bytes[..]);
        let first: hdfs::PipelineAckProto = incoming.next().await.unwrap();
        let second: hdfs::PipelineAckProto = incoming.next().await.unwrap();
        assert_eq!((first.seqno, second.seqno), (4, 5));
    }
}

//! A stretch of one block from one DataNode (`BlockReaderRemote`).

use bytes::{Buf, Bytes};
use loxodon_wire::checksum::{ChecksumError, DataChecksum};
use loxodon_wire::proto::hdfs;
use loxodon_wire::transfer::{
    DEFAULT_MAX_PACKET, Operation, PREFIX, Packet, PacketLengths, Status, encode_message,
};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use crate::client::Client;
use crate::error::{Error, Result};
use crate::transfer::{Incoming, base_header, check_status, connect, invalid, send, within};
use crate::types::{LocatedBlock, Location};

/// A block being read.
#[derive(Debug)]
pub(crate) struct BlockStream {
    client: Client,
    path: String,
    block: String,
    at: Location,
    incoming: Incoming<TcpStream>,
    checksum: DataChecksum,
    /// Where in the block the next packet must begin.
    next_packet: u64,
    /// Next byte of the block to hand out.
    position: u64,
    /// First byte that was not asked for.
    end: u64,
    /// What is left of the current packet.
    data: Bytes,
}

impl BlockStream {
    /// Asks a DataNode for `start..end` of a block. Kept connections are tried first; one that
    /// turns out to be dead says nothing about its DataNode.
    pub(crate) async fn open(
        client: &Client,
        path: &str,
        located: &LocatedBlock,
        at: &Location,
        start: u64,
        end: u64,
    ) -> Result<Self> {
        while let Some(stream) = client.peers().take(&at.datanode.uuid) {
            match Self::ask(client, path, located, at, stream, start, end).await {
                Err(Error::Io { doing, source }) => {
                    tracing::debug!(%doing, %source, "a kept connection was dead");
                }
                outcome => return outcome,
            }
        }
        let stream = connect(client, &at.datanode).await?;
        Self::ask(client, path, located, at, stream, start, end).await
    }

    async fn ask(
        client: &Client,
        path: &str,
        located: &LocatedBlock,
        at: &Location,
        mut stream: TcpStream,
        start: u64,
        end: u64,
    ) -> Result<Self> {
        let settings = client.settings();
        let operation = Operation::ReadBlock(hdfs::OpReadBlockProto {
            header: hdfs::ClientOperationHeaderProto {
                base_header: base_header(&located.block, &located.token),
                client_name: client.client_name().to_owned(),
            },
            offset: start,
            len: end.saturating_sub(start),
            send_checksums: Some(true),
            caching_strategy: Some(hdfs::CachingStrategyProto {
                drop_behind: settings.drop_behind_reads,
                readahead: settings.readahead,
            }),
        });
        send(client, &mut stream, &at.datanode, &operation).await?;
        let mut incoming = Incoming::new(stream);
        let name = located.block.to_string();
        let doing = || format!("reading {name} from {}", at.datanode.transfer_address());
        let answer: hdfs::BlockOpResponseProto =
            within(settings.socket_timeout, doing, incoming.next()).await?;
        check_status(&answer, &at.datanode, &format!("for OP_READ_BLOCK of {name} of {path}"))?;
        let protocol = |message: String| Error::Protocol {
            peer: format!("DataNode {}", at.datanode.transfer_address()),
            message,
        };
        let info = answer
            .read_op_checksum_info
            .ok_or_else(|| protocol(format!("no checksum information for {name}")))?;
        let checksum =
            DataChecksum::from_proto(info.checksum.r#type, info.checksum.bytes_per_checksum)
                .map_err(|error| protocol(error.to_string()))?;
        let chunk = checksum.bytes_per_chunk() as u64;
        if info.chunk_offset > start || info.chunk_offset.saturating_add(chunk) <= start {
            return Err(protocol(format!(
                "first chunk at {} for a read of {name} from {start}",
                info.chunk_offset
            )));
        }
        Ok(Self {
            client: client.clone(),
            path: path.to_owned(),
            block: name,
            at: at.clone(),
            incoming,
            checksum,
            next_packet: info.chunk_offset,
            position: start,
            end,
            data: Bytes::new(),
        })
    }

    /// Next byte of the block that it hands out.
    pub(crate) fn position(&self) -> u64 {
        self.position
    }

    /// Whether everything that was asked for is handed out.
    pub(crate) fn is_done(&self) -> bool {
        self.position >= self.end
    }

    pub(crate) fn location(&self) -> &Location {
        &self.at
    }

    /// The next bytes, at most `max`; none at the end of what was asked for.
    pub(crate) async fn next(&mut self, max: usize) -> Result<Bytes> {
        while self.data.is_empty() && self.position < self.end {
            self.next_packet().await?;
        }
        let bytes = self.data.split_to(max.min(self.data.len()));
        self.position = self.position.saturating_add(bytes.len() as u64);
        Ok(bytes)
    }

    /// Drops `count` bytes, if that many are here already.
    pub(crate) fn skip_buffered(&mut self, count: u64) -> bool {
        let here = usize::try_from(count).ok().filter(|count| *count <= self.data.len());
        if let Some(count) = here {
            self.data.advance(count);
            self.position = self.position.saturating_add(count as u64);
        }
        here.is_some()
    }

    /// Reads to the end of the answer, says that it was good, and keeps the connection.
    pub(crate) async fn finish(mut self) {
        if self.position < self.end {
            return;
        }
        let timeout = self.client.settings().socket_timeout;
        if within(timeout, || "finishing a read".into(), self.confirm()).await.is_ok() {
            let (stream, rest) = self.incoming.into_parts();
            if rest.is_empty() {
                self.client.peers().put(&self.at.datanode.uuid, stream);
            }
        }
    }

    async fn confirm(&mut self) -> std::io::Result<()> {
        let (packet, _) = self.receive().await?;
        if !packet.last {
            return Err(invalid("data beyond what was asked for".into()));
        }
        let status = hdfs::ClientReadStatusProto { status: Status::ChecksumOk as i32 };
        let mut bytes = Vec::new();
        encode_message(&status, &mut bytes);
        self.incoming.get_mut().write_all(&bytes).await
    }

    async fn next_packet(&mut self) -> Result<()> {
        let timeout = self.client.settings().socket_timeout;
        let doing = format!("reading {} from {}", self.block, self.at.datanode.transfer_address());
        let (packet, data) = within(timeout, || doing, self.receive()).await?;
        let protocol = |message: String| Error::Protocol {
            peer: format!("DataNode {}", self.at.datanode.transfer_address()),
            message: format!("{message} in {}", self.block),
        };
        if packet.last || data.is_empty() {
            return Err(protocol(format!(
                "the data ends at {} although {} was asked for",
                self.next_packet, self.end
            )));
        }
        if packet.offset != self.next_packet {
            return Err(protocol(format!(
                "a packet at {} where {} was due",
                packet.offset, self.next_packet
            )));
        }
        self.verify(&data, &packet.checksums)?;
        self.next_packet = self.next_packet.saturating_add(data.len() as u64);
        // The first packet begins with a whole chunk, the last one may end with one.
        let before =
            usize::try_from(self.position.saturating_sub(packet.offset)).unwrap_or(usize::MAX);
        let beyond =
            usize::try_from(self.next_packet.saturating_sub(self.end)).unwrap_or(usize::MAX);
        let stop = data.len().saturating_sub(beyond);
        self.data = data.slice(before.min(stop)..stop);
        Ok(())
    }

    fn verify(&self, data: &[u8], checksums: &[u8]) -> Result<()> {
        self.checksum.verify(data, checksums).map_err(|error| match error {
            ChecksumError::Mismatch { offset, .. } => Error::Checksum {
                path: self.path.clone(),
                block: self.block.clone(),
                position: self.next_packet.saturating_add(offset as u64),
                datanode: self.at.datanode.transfer_address(),
            },
            other => Error::Protocol {
                peer: format!("DataNode {}", self.at.datanode.transfer_address()),
                message: format!("{other} in {}", self.block),
            },
        })
    }

    async fn receive(&mut self) -> std::io::Result<(Received, Bytes)> {
        self.incoming.fill(PREFIX).await?;
        let prefix = self
            .incoming
            .buffered()
            .first_chunk::<PREFIX>()
            .copied()
            .ok_or(std::io::ErrorKind::UnexpectedEof)?;
        let lengths = PacketLengths::decode(prefix, DEFAULT_MAX_PACKET)
            .map_err(|error| invalid(error.to_string()))?;
        self.incoming.fill(lengths.total()).await?;
        let bytes = self.incoming.take(lengths.total());
        let packet = Packet::decode(&bytes, lengths).map_err(|error| invalid(error.to_string()))?;
        let data = bytes.slice_ref(packet.data);
        Ok((
            Received {
                offset: packet.header.offset_in_block,
                last: packet.header.last_in_block,
                checksums: bytes.slice_ref(packet.checksums),
            },
            data,
        ))
    }
}

/// A packet, without its data.
struct Received {
    offset: u64,
    last: bool,
    checksums: Bytes,
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use loxodon_conf::Configuration;
    use loxodon_wire::ids::{BlockId, GenerationStamp};
    use loxodon_wire::rpc::UserIdentity;
    use loxodon_wire::transfer::{MAX_HEADER, PacketHeader};
    use tokio::io::AsyncReadExt;

    use super::*;
    use crate::types::{BlockToken, DatanodeInfo, ExtendedBlock, StorageType};

    const DATA: &[u8] = &[5; 1000];

    fn answer(chunk_offset: Option<u64>) -> Vec<u8> {
        let info = chunk_offset.map(|chunk_offset| hdfs::ReadOpChecksumInfoProto {
            checksum: hdfs::ChecksumProto { r#type: 2, bytes_per_checksum: 512 },
            chunk_offset,
        });
        let mut bytes = Vec::new();
        let message =
            hdfs::BlockOpResponseProto { read_op_checksum_info: info, ..Default::default() };
        encode_message(&message, &mut bytes);
        bytes
    }

    fn packet(offset: u64, data: &[u8], last: bool, damaged: bool) -> Vec<u8> {
        let checksum = DataChecksum::from_proto(2, 512).unwrap();
        let mut sums = vec![0; checksum.checksums_len(data.len() as u64) as usize];
        checksum.compute(data, &mut sums).unwrap();
        let header = PacketHeader {
            offset_in_block: offset,
            seqno: 0,
            last_in_block: last,
            data_len: data.len() as u32,
            sync_block: false,
        };
        let mut front = [0; MAX_HEADER];
        let length = header.encode(sums.len(), &mut front);
        let mut bytes = front[..length].to_vec();
        bytes.extend_from_slice(&sums);
        bytes.extend_from_slice(data);
        if damaged && let Some(byte) = bytes.last_mut() {
            *byte ^= 1;
        }
        bytes
    }

    /// Reads bytes `600..1000` of a block from a DataNode that says `script`, whatever it is asked.
    async fn read_from(script: Vec<u8>) -> Result<Vec<u8>> {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let server = tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut request = [0; 4096];
            let _ = stream.read(&mut request).await.unwrap();
            stream.write_all(&script).await.unwrap();
            stream.shutdown().await.unwrap();
            // Stay until the client is done, so that it is not a reset that it sees.
            while stream.read(&mut request).await.is_ok_and(|count| count > 0) {}
        });
        let client = Client::connect(
            &Configuration::new(),
            "hdfs://127.0.0.1:1",
            UserIdentity::new("test"),
        )?;
        let datanode = DatanodeInfo {
            ip: "127.0.0.1".into(),
            transfer_port: port,
            uuid: "dn".into(),
            ..DatanodeInfo::default()
        };
        let at = Location {
            datanode: Arc::new(datanode),
            storage_id: String::new(),
            storage_type: StorageType::Disk,
            cached: false,
        };
        let located = LocatedBlock {
            block: ExtendedBlock {
                pool: "BP-1".into(),
                id: BlockId(1),
                generation_stamp: GenerationStamp(1001),
                length: 1000,
            },
            offset: 0,
            corrupt: false,
            locations: vec![at.clone()],
            token: BlockToken::default(),
            group_indices: None,
        };
        let outcome = async {
            let mut stream = BlockStream::open(&client, "/f", &located, &at, 600, 1000).await?;
            let mut data = Vec::new();
            while !stream.is_done() {
                data.extend_from_slice(&stream.next(150).await?);
            }
            stream.finish().await;
            Ok(data)
        }
        .await;
        drop(client);
        server.await.unwrap();
        outcome
    }

    #[tokio::test]
    async fn answer_begins_with_a_whole_chunk_and_is_cut_to_what_was_asked() {
        let mut script = answer(Some(512));
        script.extend(packet(512, &DATA[512..], false, false));
        script.extend(packet(1000, &[], true, false));
        assert_eq!(read_from(script).await.unwrap(), &DATA[600..]);
    }

    #[tokio::test]
    async fn damage_is_found() {
        let mut script = answer(Some(512));
        script.extend(packet(512, &DATA[512..], false, true));
        assert!(matches!(read_from(script).await, Err(Error::Checksum { position: 512, .. })));
    }

    #[tokio::test]
    async fn hostile_answers_are_refused() {
        let with = |part: Vec<u8>| [answer(Some(512)), part].concat();
        let huge = [0x7f, 0xff, 0xff, 0xff, 0, 25];
        for (what, script) in [
            ("no checksum information", answer(None)),
            ("first chunk after the start", answer(Some(1024))),
            ("first chunk long before the start", answer(Some(0))),
            ("wrong offset", with(packet(0, &DATA[..400], false, false))),
            ("end too early", with(packet(512, &[], true, false))),
            ("empty packet", with(packet(512, &[], false, false))),
            ("two gigabytes", with(huge.to_vec())),
            ("connection ends", with(Vec::new())),
            ("nothing", Vec::new()),
        ] {
            let error = read_from(script).await.expect_err(what);
            assert!(matches!(error, Error::Protocol { .. } | Error::Io { .. }), "{what}: {error}");
        }
    }
}

//! The transfer protocol, by hand.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};

use loxodon_wire::checksum::{ChecksumType, DataChecksum};
use loxodon_wire::proto::hdfs as proto;
use loxodon_wire::transfer::{
    LengthPrefix, MAX_HEADER, Operation, PacketHeader, PacketReader, PipelineAck, Status,
    WriteStage, decode_message, encode_message,
};

use crate::model::{PATIENCE, POOL};

pub fn block(id: u64) -> proto::ExtendedBlockProto {
    proto::ExtendedBlockProto {
        pool_id: POOL.to_owned(),
        block_id: id,
        generation_stamp: 1001,
        num_bytes: Some(0),
    }
}

pub fn checksum() -> DataChecksum {
    DataChecksum::new(ChecksumType::Crc32c, 512).unwrap()
}

/// Bytes that differ from their neighbours.
pub fn pattern(length: usize, seed: u8) -> Vec<u8> {
    (0..length).map(|at| (at as u8).wrapping_mul(31).wrapping_add((at >> 8) as u8) ^ seed).collect()
}

pub fn connect(address: SocketAddr) -> TcpStream {
    let link = TcpStream::connect(address).unwrap();
    link.set_read_timeout(Some(PATIENCE)).unwrap();
    link.set_nodelay(true).unwrap();
    link
}

fn message(link: &mut TcpStream) -> io::Result<Vec<u8>> {
    let mut prefix = LengthPrefix::default();
    let length = loop {
        let mut byte = [0];
        link.read_exact(&mut byte)?;
        if let Some(length) = prefix.push(byte[0]).map_err(io::Error::other)? {
            break length;
        }
    };
    let mut bytes = vec![0; length];
    link.read_exact(&mut bytes)?;
    Ok(bytes)
}

/// Reads an answer to a request.
pub fn response(link: &mut TcpStream) -> io::Result<proto::BlockOpResponseProto> {
    let bytes = message(link)?;
    decode_message("BlockOpResponseProto", &bytes).map_err(io::Error::other)
}

/// Sends a request on a new connection.
pub fn request(address: SocketAddr, operation: &Operation) -> TcpStream {
    let mut link = connect(address);
    let mut bytes = Vec::new();
    operation.encode(&mut bytes);
    link.write_all(&bytes).unwrap();
    link
}

pub fn client_header(block: &proto::ExtendedBlockProto) -> proto::ClientOperationHeaderProto {
    proto::ClientOperationHeaderProto {
        base_header: proto::BaseHeaderProto { block: block.clone(), ..Default::default() },
        client_name: "a-test".to_owned(),
    }
}

/// An acknowledgement: the packet's number, and what each DataNode says.
#[derive(Debug, PartialEq, Eq)]
pub struct Ack(pub i64, pub Vec<Status>);

/// A client that writes one block.
pub struct Writer {
    pub link: TcpStream,
    pub seqno: i64,
    pub offset: u64,
}

impl Writer {
    /// Asks to write `block`; the answer and, if it was good, the writer.
    pub fn request(
        address: SocketAddr,
        block: &proto::ExtendedBlockProto,
        change: impl FnOnce(&mut proto::OpWriteBlockProto),
    ) -> (io::Result<proto::BlockOpResponseProto>, Self) {
        let mut write = proto::OpWriteBlockProto {
            header: client_header(block),
            stage: WriteStage::SetupCreate.to_proto(),
            pipeline_size: 1,
            latest_generation_stamp: block.generation_stamp,
            requested_checksum: proto::ChecksumProto {
                r#type: ChecksumType::Crc32c.to_proto() as i32,
                bytes_per_checksum: 512,
            },
            ..Default::default()
        };
        change(&mut write);
        let mut link = request(address, &Operation::WriteBlock(Box::new(write)));
        let answer = response(&mut link);
        (answer, Self { link, seqno: 0, offset: 0 })
    }

    /// Begins a new block over a pipeline.
    pub fn create(
        address: SocketAddr,
        block: &proto::ExtendedBlockProto,
        behind: &[proto::DatanodeInfoProto],
    ) -> Self {
        let (answer, writer) = Self::request(address, block, |write| {
            write.targets = behind.to_vec();
            write.target_storage_types = vec![1; behind.len()];
            write.pipeline_size = behind.len() as u32 + 1;
        });
        assert_eq!(answer.unwrap().status, Status::Success as i32);
        writer
    }

    /// Sends a packet as it is said.
    pub fn raw(&mut self, header: PacketHeader, sums: &[u8], data: &[u8]) -> io::Result<()> {
        let mut front = [0; MAX_HEADER];
        let size = header.encode(sums.len(), &mut front);
        self.link.write_all(&[&front[..size], sums, data].concat())
    }

    pub fn header(&self, data: &[u8]) -> PacketHeader {
        PacketHeader {
            offset_in_block: self.offset,
            seqno: self.seqno,
            last_in_block: false,
            data_len: data.len() as u32,
            sync_block: false,
        }
    }

    /// Sends the next data.
    pub fn send(&mut self, data: &[u8]) -> io::Result<()> {
        let mut sums = vec![0; checksum().checksums_len(data.len() as u64) as usize];
        checksum().compute(data, &mut sums).unwrap();
        self.send_with(data, &sums)
    }

    /// Sends the next data with these checksums.
    pub fn send_with(&mut self, data: &[u8], sums: &[u8]) -> io::Result<()> {
        let header = self.header(data);
        self.raw(header, sums, data)?;
        self.seqno += 1;
        self.offset += data.len() as u64;
        Ok(())
    }

    /// Sends the empty packet that ends the block.
    pub fn last(&mut self) -> io::Result<()> {
        let header = PacketHeader { last_in_block: true, ..self.header(&[]) };
        self.seqno += 1;
        self.raw(header, &[], &[])
    }

    pub fn full_ack(&mut self) -> io::Result<PipelineAck> {
        let bytes = message(&mut self.link)?;
        PipelineAck::decode(&bytes).map_err(io::Error::other)
    }

    pub fn ack(&mut self) -> io::Result<Ack> {
        let ack = self.full_ack()?;
        Ok(Ack(ack.seqno, ack.flags.iter().map(|flag| flag.status()).collect()))
    }

    /// Writes a whole block in packets of `step` bytes and ends it.
    pub fn write_all(mut self, data: &[u8], step: usize) {
        let mut answers = 0;
        for part in data.chunks(step) {
            self.send(part).unwrap();
        }
        self.last().unwrap();
        while answers < self.seqno {
            let Ack(seqno, words) = self.ack().unwrap();
            assert_eq!(seqno, answers);
            assert!(words.iter().all(|word| *word == Status::Success), "{words:?}");
            answers += 1;
        }
    }
}

/// A client that reads.
pub struct Reader;

impl Reader {
    /// Reads `length` bytes from `offset`, verified; the DataNode's word where it refuses.
    pub fn read(
        address: SocketAddr,
        block: &proto::ExtendedBlockProto,
        offset: u64,
        length: u64,
    ) -> Result<Vec<u8>, String> {
        let read = proto::OpReadBlockProto {
            header: client_header(block),
            offset,
            len: length,
            ..Default::default()
        };
        let mut link = request(address, &Operation::ReadBlock(read));
        let answer = response(&mut link).map_err(|error| error.to_string())?;
        let Some(info) = answer.read_op_checksum_info else {
            return Err(answer.message.unwrap_or_default());
        };
        let sum = DataChecksum::from_proto(info.checksum.r#type, info.checksum.bytes_per_checksum)
            .unwrap();
        let (mut packets, mut data) = (PacketReader::new(16 << 20), Vec::new());
        loop {
            if let Some(packet) = packets.packet().map_err(|error| error.to_string())? {
                sum.verify(packet.data, packet.checksums).map_err(|error| error.to_string())?;
                data.extend_from_slice(packet.data);
                let last = packet.header.last_in_block;
                packets.consume();
                if last {
                    break;
                }
                continue;
            }
            let count = link.read(packets.space().unwrap()).map_err(|error| error.to_string())?;
            if count == 0 {
                return Err("the DataNode closed the connection".to_owned());
            }
            packets.filled(count);
        }
        let mut status = Vec::new();
        let good = proto::ClientReadStatusProto { status: Status::ChecksumOk as i32 };
        encode_message(&good, &mut status);
        link.write_all(&status).map_err(|error| error.to_string())?;
        let skip = (offset - info.chunk_offset) as usize;
        Ok(data[skip..(skip + length as usize).min(data.len())].to_vec())
    }
}

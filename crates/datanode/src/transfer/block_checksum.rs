//! `BLOCK_CHECKSUM`: one checksum for a whole block: Hadoop's `BlockChecksumHelper`.

use std::io::{BufReader, Read};
use std::net::TcpStream;

use loxodon_wire::checksum::{BlockMetadataHeader, CrcComposer};
use loxodon_wire::proto::hdfs::{
    BlockChecksumTypeProto, BlockOpResponseProto, OpBlockChecksumProto,
    OpBlockChecksumResponseProto,
};
use loxodon_wire::transfer::Status;
use md5::{Digest, Md5};

use super::request::Requests;
use super::server::{Session, respond_error, respond_with};
use crate::block::Block;
use crate::dataset::{Dataset, ReplicaFiles};
use crate::error::{DataNodeError, DiskContext, Result};

/// Serves one request.
pub(super) fn block_checksum(
    session: &Session,
    requests: &mut Requests<TcpStream>,
    request: &OpBlockChecksumProto,
) -> Result<()> {
    let block = Block::from_proto(&request.header.block);
    match compute(&session.node.dataset, &block, request) {
        Ok(checksum) => {
            let answer = BlockOpResponseProto {
                status: Status::Success as i32,
                checksum_response: Some(checksum),
                ..Default::default()
            };
            respond_with(&mut requests.link, &answer)
        }
        Err(error) => {
            respond_error(
                &mut requests.link,
                format!("opBlockChecksum {block} received exception {error}"),
            )?;
            Err(error)
        }
    }
}

fn compute(
    dataset: &Dataset,
    block: &Block,
    request: &OpBlockChecksumProto,
) -> Result<OpBlockChecksumResponseProto> {
    let (pool, replica) = dataset.find(block)?;
    let visible = dataset.visible_length(block)?;
    let volume = dataset.volume(replica.volume)?;
    let place = replica.place();
    let meta = volume.meta_file(&pool.id, block.id, replica.stamp, place);
    let data = volume.data_file(&pool.id, block.id, place);
    let files = ReplicaFiles::open(&volume.times, data, meta, false)?;
    let (size, chunk) =
        (files.checksum.checksum_size() as u64, files.checksum.bytes_per_chunk() as u64);
    let stored = files
        .meta
        .metadata()
        .disk("cannot look at", &files.meta_path)?
        .len()
        .saturating_sub(BlockMetadataHeader::SIZE as u64);
    let count = stored.checked_div(size).unwrap_or(0);
    let options = request.block_checksum_options;
    let kind = options
        .and_then(|options| options.block_checksum_type)
        .unwrap_or(BlockChecksumTypeProto::Md5crc as i32);
    let partial = block.length < visible;
    let digest = if kind == BlockChecksumTypeProto::CompositeCrc as i32 {
        let stripe = options.and_then(|options| options.stripe_length).unwrap_or(0);
        composite(&files, visible.min(block.length), partial, stripe)?
    } else if partial && count > 0 {
        md5(&files, block.length / chunk * size, partial_sum(&files, block.length)?)?
    } else {
        md5(&files, u64::MAX, None)?
    };
    Ok(OpBlockChecksumResponseProto {
        bytes_per_crc: files.checksum.bytes_per_chunk() as u32,
        crc_per_block: count,
        block_checksum: digest.into(),
        crc_type: Some(files.checksum.kind().to_proto() as i32),
        block_checksum_options: options,
    })
}

/// The checksums in the file, from the header on.
fn sums(files: &ReplicaFiles) -> Result<BufReader<&std::fs::File>> {
    let mut reader = BufReader::with_capacity(64 * 1024, &files.meta);
    std::io::Seek::seek(&mut reader, std::io::SeekFrom::Start(BlockMetadataHeader::SIZE as u64))
        .disk("cannot read", &files.meta_path)?;
    Ok(reader)
}

fn md5(files: &ReplicaFiles, length: u64, last: Option<u32>) -> Result<Vec<u8>> {
    let mut digest = Md5::new();
    let mut reader = sums(files)?.take(length);
    let mut buffer = vec![0; 64 * 1024];
    loop {
        let count = reader.read(&mut buffer).disk("cannot read", &files.meta_path)?;
        if count == 0 {
            break;
        }
        digest.update(buffer.get(..count).unwrap_or_default());
    }
    if let Some(last) = last {
        digest.update(last.to_be_bytes());
    }
    Ok(digest.finalize().to_vec())
}

/// The checksum of the chunk that `length` cuts, up to there.
fn partial_sum(files: &ReplicaFiles, length: u64) -> Result<Option<u32>> {
    let partial = length % files.checksum.bytes_per_chunk() as u64;
    if partial == 0 {
        return Ok(None);
    }
    let mut data = vec![0; partial as usize];
    files.read_data(&mut data, length - partial)?;
    Ok(Some(files.checksum.kind().append(0, &data)))
}

fn composite(files: &ReplicaFiles, length: u64, partial: bool, stripe: u64) -> Result<Vec<u8>> {
    let chunk = files.checksum.bytes_per_chunk() as u64;
    let stripe = if stripe == 0 || stripe > length { length } else { stripe };
    let mut composer = CrcComposer::new(files.checksum.kind(), chunk, stripe);
    let refused =
        |error: loxodon_wire::checksum::StripeOverrun| DataNodeError::Refused(error.to_string());
    let mut reader = sums(files)?;
    let mut next = || -> Result<u32> {
        let mut sum = [0; 4];
        reader.read_exact(&mut sum).disk("cannot read", &files.meta_path)?;
        Ok(u32::from_be_bytes(sum))
    };
    for _ in 0..length / chunk {
        composer.update(next()?, chunk).map_err(refused)?;
    }
    let rest = length % chunk;
    if rest > 0 {
        let sum = if partial { partial_sum(files, length)?.unwrap_or(0) } else { next()? };
        composer.update(sum, rest).map_err(refused)?;
    }
    Ok(composer.finish())
}

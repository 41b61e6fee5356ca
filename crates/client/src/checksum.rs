//! Checksums of whole files, from the DataNodes' checksums of blocks (`FileChecksumHelper`).

use loxodon_wire::checksum::{ChecksumType, CrcComposer};
use loxodon_wire::proto::hdfs;
use loxodon_wire::transfer::Operation;
use md5::{Digest, Md5};

use crate::client::Client;
use crate::error::{Error, Result};
use crate::settings::ChecksumCombine;
use crate::transfer::{Incoming, base_header, check_status, connect, send, within};
use crate::types::{LocatedBlock, Location};

/// The checksum of a file (`FileChecksum`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileChecksum {
    /// `MD5-of-0MD5-of-512CRC32C`, `COMPOSITE-CRC32C`: equal bytes mean equal contents only
    /// where this is equal too.
    pub algorithm: String,
    /// Its bytes, as Hadoop's tools print them.
    pub bytes: Vec<u8>,
}

/// What one block's DataNode answers.
struct BlockChecksum {
    bytes: Vec<u8>,
    bytes_per_chunk: u32,
    chunks_per_block: u64,
    kind: ChecksumType,
}

impl Client {
    /// The checksum of a file, or of its first `length` bytes; how blocks are combined is
    /// `dfs.checksum.combine.mode`.
    ///
    /// # Errors
    /// `FileNotFoundException`, `IOException` where the file is being written or a block has
    /// no DataNode that answers. `None` where its checksums are of no or of several types.
    pub async fn file_checksum(
        &self,
        path: &str,
        length: Option<u64>,
    ) -> Result<Option<FileChecksum>> {
        self.file_checksum_combined(path, length, self.settings().checksum_combine).await
    }

    /// As [`Client::file_checksum`], combined as asked.
    ///
    /// # Errors
    /// As [`Client::file_checksum`].
    pub async fn file_checksum_combined(
        &self,
        path: &str,
        length: Option<u64>,
        combine: ChecksumCombine,
    ) -> Result<Option<FileChecksum>> {
        let located = self.block_locations(path, 0, length.unwrap_or(u64::MAX >> 1)).await?;
        if located.under_construction {
            return Err(Error::Remote {
                class: "java.io.IOException".into(),
                message: format!("Fail to get checksum, since file {path} is under construction."),
            });
        }
        if located.erasure_coding_policy.is_some() {
            return Err(Error::Unsupported(format!("checksum of the erasure-coded file {path}")));
        }
        let mut left = length.unwrap_or(located.file_length).min(located.file_length);
        let mut blocks = located.blocks;
        blocks.sort_unstable_by_key(|block| block.offset);
        let mut combiner = Combiner::new(combine);
        for mut block in blocks {
            if left == 0 {
                break;
            }
            block.block.length = block.block.length.min(left);
            left = left.saturating_sub(block.block.length);
            let sum = self.block_checksum(path, &block, combine).await?;
            combiner.add(&block, &sum)?;
        }
        Ok(combiner.finish())
    }

    async fn block_checksum(
        &self,
        path: &str,
        block: &LocatedBlock,
        combine: ChecksumCombine,
    ) -> Result<BlockChecksum> {
        let mut last = None;
        for at in &block.locations {
            match self.ask_block_checksum(block, at, combine).await {
                Ok(sum) => return Ok(sum),
                Err(error) => {
                    tracing::warn!(%path, block = %block.block, datanode = %at.datanode.transfer_address(), %error, "no checksum from a DataNode");
                    last = Some(error);
                }
            }
        }
        Err(Error::Remote {
            class: "org.apache.hadoop.fs.PathIOException".into(),
            message: format!(
                "`{path}': Fail to get block checksum for {}{}",
                block.block,
                last.map(|error| format!(": {error}")).unwrap_or_default()
            ),
        })
    }

    async fn ask_block_checksum(
        &self,
        block: &LocatedBlock,
        at: &Location,
        combine: ChecksumCombine,
    ) -> Result<BlockChecksum> {
        let wanted = match combine {
            ChecksumCombine::Md5Md5Crc => hdfs::BlockChecksumTypeProto::Md5crc,
            ChecksumCombine::CompositeCrc => hdfs::BlockChecksumTypeProto::CompositeCrc,
        };
        let mut stream = connect(self, &at.datanode).await?;
        let operation = Operation::BlockChecksum(hdfs::OpBlockChecksumProto {
            header: base_header(&block.block, &block.token),
            block_checksum_options: Some(hdfs::BlockChecksumOptionsProto {
                block_checksum_type: Some(wanted as i32),
                stripe_length: Some(0),
            }),
        });
        send(self, &mut stream, &at.datanode, &operation).await?;
        let doing = || format!("waiting for the checksum of {}", block.block);
        let mut incoming = Incoming::new(stream);
        // The DataNode reads all of the block's checksums before it answers.
        let limit = self.settings().socket_timeout.saturating_mul(2);
        let answer: hdfs::BlockOpResponseProto = within(limit, doing, incoming.next()).await?;
        check_status(&answer, &at.datanode, &format!("for OP_BLOCK_CHECKSUM of {}", block.block))?;
        parse(answer, at, wanted)
    }
}

fn parse(
    answer: hdfs::BlockOpResponseProto,
    at: &Location,
    wanted: hdfs::BlockChecksumTypeProto,
) -> Result<BlockChecksum> {
    let protocol = |message: &str| Error::Protocol {
        peer: format!("DataNode {}", at.datanode.transfer_address()),
        message: message.to_owned(),
    };
    let sum = answer.checksum_response.ok_or_else(|| protocol("an answer without a checksum"))?;
    let kind = sum.crc_type.unwrap_or(hdfs::ChecksumTypeProto::ChecksumCrc32 as i32);
    let kind = u8::try_from(kind)
        .ok()
        .and_then(ChecksumType::from_id)
        .ok_or_else(|| protocol("an unknown checksum type"))?;
    let expected = match wanted {
        hdfs::BlockChecksumTypeProto::Md5crc => 16,
        hdfs::BlockChecksumTypeProto::CompositeCrc => 4,
    };
    if sum.block_checksum.len() != expected {
        return Err(protocol("a block checksum of a wrong length"));
    }
    Ok(BlockChecksum {
        bytes: sum.block_checksum.to_vec(),
        bytes_per_chunk: sum.bytes_per_crc,
        chunks_per_block: sum.crc_per_block,
        kind,
    })
}

/// Joins the blocks' checksums. Pure.
struct Combiner {
    combine: ChecksumCombine,
    /// The blocks' checksums, one after the other.
    sums: Vec<u8>,
    composer: Option<CrcComposer>,
    /// `None` as soon as blocks differ in it.
    kind: Option<ChecksumType>,
    bytes_per_chunk: u32,
    chunks_per_block: u64,
    blocks: usize,
}

impl Combiner {
    fn new(combine: ChecksumCombine) -> Self {
        Self {
            combine,
            sums: Vec::new(),
            composer: None,
            kind: None,
            bytes_per_chunk: 0,
            chunks_per_block: 0,
            blocks: 0,
        }
    }

    fn add(&mut self, block: &LocatedBlock, sum: &BlockChecksum) -> Result<()> {
        let composite = self.combine == ChecksumCombine::CompositeCrc;
        let refuse =
            |message: String| Error::Remote { class: "java.io.IOException".into(), message };
        if self.blocks == 0 {
            self.kind = Some(sum.kind);
            self.bytes_per_chunk = sum.bytes_per_chunk;
            self.chunks_per_block = sum.chunks_per_block;
        } else if self.bytes_per_chunk != sum.bytes_per_chunk && !composite {
            return Err(refuse(format!(
                "Byte-per-checksum not matched: bpc={} but bytesPerCRC={}",
                sum.bytes_per_chunk, self.bytes_per_chunk
            )));
        } else if self.kind != Some(sum.kind) {
            if composite {
                return Err(refuse(
                    "DataChecksum.Type.MIXED is not supported for COMPOSITE_CRC".into(),
                ));
            }
            self.kind = None;
        }
        self.blocks = self.blocks.saturating_add(1);
        self.sums.extend_from_slice(&sum.bytes);
        if composite {
            let crc = sum.bytes.first_chunk::<4>().copied().map_or(0, u32::from_be_bytes);
            let length = block.block.length;
            self.composer
                .get_or_insert_with(|| CrcComposer::new(sum.kind, length, u64::MAX))
                .update(crc, length)
                .map_err(|error| Error::IllegalArgument(error.to_string()))?;
        }
        Ok(())
    }

    fn finish(self) -> Option<FileChecksum> {
        if self.blocks == 0 {
            return Some(md5_of_md5("CRC32", 0, 0, &[]));
        }
        let kind = self.kind.filter(|kind| *kind != ChecksumType::Null)?;
        Some(match self.composer {
            Some(composer) => FileChecksum {
                algorithm: format!("COMPOSITE-{}", kind.name()),
                bytes: composer.finish(),
            },
            None => {
                // A file of one block is said to have no chunks per block, whatever there were.
                let chunks = if self.blocks > 1 { self.chunks_per_block } else { 0 };
                md5_of_md5(kind.name(), self.bytes_per_chunk, chunks, &self.sums)
            }
        })
    }
}

/// Bytes as `MD5MD5CRC32FileChecksum` writes itself: chunk size, chunks per block, MD5.
///
/// The MD5 is of the blocks' sums and of zeros up to the next power of two, 32 at least: Hadoop
/// digests its whole buffer, and checksums kept since then must stay comparable.
fn md5_of_md5(kind: &str, bytes_per_chunk: u32, chunks: u64, sums: &[u8]) -> FileChecksum {
    let mut padded = sums.to_vec();
    padded.resize(sums.len().next_power_of_two().max(32), 0);
    let mut bytes = Vec::with_capacity(28);
    bytes.extend_from_slice(&bytes_per_chunk.to_be_bytes());
    bytes.extend_from_slice(&chunks.to_be_bytes());
    bytes.extend_from_slice(&Md5::digest(&padded));
    FileChecksum { algorithm: format!("MD5-of-{chunks}MD5-of-{bytes_per_chunk}{kind}"), bytes }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn empty_file_has_the_checksum_it_has_always_had() {
        let sum = Combiner::new(ChecksumCombine::Md5Md5Crc).finish().unwrap();
        assert_eq!(sum.algorithm, "MD5-of-0MD5-of-0CRC32");
        let hex: String = sum.bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(hex, "00000000000000000000000070bc8f4b72a86921468bf8e8441dce51");
    }
}

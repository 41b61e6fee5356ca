//! What actors say to each other: calls in the NameNode's own protocols as bytes, and the data
//! path between clients and DataNodes in a few words of our own.

use bytes::Bytes;
use loxodon_blocks::Block;
use loxodon_wire::ids::{BlockId, GenerationStamp};

use crate::network::Address;

/// The protocol of clients.
pub(crate) const CLIENT: &str = "org.apache.hadoop.hdfs.protocol.ClientProtocol";
/// The protocol of DataNodes.
pub(crate) const DATANODE: &str = "org.apache.hadoop.hdfs.server.protocol.DatanodeProtocol";

/// One call to the NameNode.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Call {
    pub(crate) from: Address,
    /// Which answer belongs to it.
    pub(crate) number: u64,
    pub(crate) protocol: &'static str,
    pub(crate) method: &'static str,
    pub(crate) client_id: [u8; 16],
    pub(crate) call_id: i32,
    pub(crate) body: Bytes,
}

/// Why a call failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Refusal {
    pub(crate) class: &'static str,
    pub(crate) message: String,
}

impl Refusal {
    /// Whether the Java exception has this simple name.
    pub(crate) fn is(&self, name: &str) -> bool {
        self.class.rsplit('.').next() == Some(name)
    }
}

pub(crate) type Answer = Result<Bytes, Refusal>;

/// A stretch of bytes that one write wrote; the tag stands for what they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Chunk {
    pub(crate) tag: u64,
    pub(crate) length: u64,
}

/// Bytes in all.
pub(crate) fn length(content: &[Chunk]) -> u64 {
    content.iter().map(|chunk| chunk.length).sum()
}

/// The first `length` bytes.
pub(crate) fn prefix(content: &[Chunk], length: u64) -> Vec<Chunk> {
    slice(content, 0, length)
}

/// `length` bytes from `start` on, or as many as there are.
pub(crate) fn slice(content: &[Chunk], start: u64, length: u64) -> Vec<Chunk> {
    let (mut at, end) = (0, start.saturating_add(length));
    let mut out: Vec<Chunk> = Vec::new();
    for chunk in content {
        let (from, to) = (at.max(start), (at + chunk.length).min(end));
        if from < to {
            push(&mut out, Chunk { tag: chunk.tag, length: to - from });
        }
        at += chunk.length;
    }
    out
}

/// Appends bytes; those of one write stay one chunk.
pub(crate) fn push(content: &mut Vec<Chunk>, chunk: Chunk) {
    match content.last_mut() {
        Some(last) if last.tag == chunk.tag => last.length += chunk.length,
        _ if chunk.length > 0 => content.push(chunk),
        _ => {}
    }
}

/// What a pipeline is asked to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Stage {
    /// A new replica.
    Create,
    /// An old one goes on under the block's stamp; so many bytes of it are acknowledged.
    Recover { acknowledged: u64 },
    /// Bytes from `offset` on; with the last of them the replica is final.
    Data { offset: u64, bytes: Chunk, last: bool },
}

/// What a DataNode knows of a replica that is to be recovered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Found {
    pub(crate) length: u64,
    /// 0 final, 1 being written, 2 left over from a crash.
    pub(crate) rank: u8,
}

/// What a DataNode says of a block that is to be recovered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Examined {
    Found(Found),
    Nothing,
    /// It cannot be read, or is of another version.
    Refused,
}

/// What goes from actor to actor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Message {
    /// To the NameNode.
    Call(Call),
    /// From it.
    Answer { number: u64, answer: Answer },
    /// Down a pipeline: the rest of it, and the way back.
    Write { number: u64, block: Block, stage: Stage, rest: Vec<usize>, back: Vec<Address> },
    /// Up a pipeline; `refused` is the node that did not.
    Written { number: u64, block: Block, stage: Stage, refused: Option<usize>, back: Vec<Address> },
    /// A copy of a final replica.
    Copy { block: Block, content: Vec<Chunk> },
    /// The first step of a recovery: what have you, and stop the writer.
    Examine { block: Block, recovery: GenerationStamp },
    /// Its answer.
    Examined { block: BlockId, recovery: GenerationStamp, found: Examined },
    /// The second: this is what it is from now on.
    Settle { block: Block, recovery: GenerationStamp },
    /// Its answer: the volume that has it, if it was done.
    Settled { block: BlockId, recovery: GenerationStamp, volume: Option<usize> },
}

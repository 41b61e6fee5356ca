//! Why block management refuses something, and the Java exception that says so.

use std::sync::Arc;

use loxodon_wire::ids::BlockId;
use thiserror::Error;

use crate::Block;

/// A refusal.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum BlockError {
    /// The node must register first (`UnregisteredNodeException`).
    #[error("Unregistered server: {0}")]
    Unregistered(String),
    /// Another node has that uuid now.
    #[error(
        "Data node {reported} is attempting to report storage ID {uuid}. Node {known} is expected to serve this storage."
    )]
    ReplacedNode {
        /// Who calls.
        reported: String,
        /// Under which uuid.
        uuid: Arc<str>,
        /// Who registered it last.
        known: String,
    },
    /// Not in the include list.
    #[error(
        "Datanode denied communication with namenode because the host is not in the include-list: {0}"
    )]
    Disallowed(String),
    /// The rack does not fit in.
    #[error(transparent)]
    Rack(#[from] loxodon_cluster::RackError),
    /// No such block.
    #[error("Block {0} does not exist")]
    UnknownBlock(BlockId),
    /// The block is not being written.
    #[error("{0} is not under construction")]
    NotUnderConstruction(Block),
    /// The stamps do not match.
    #[error("Commit block with mismatching GS. NN has {known}, client submits {given}")]
    StampMismatch {
        /// The block as it is known.
        known: Block,
        /// The block in the call.
        given: Block,
    },
    /// The client says a block is shorter than it was.
    #[error("commitBlock length is less than the stored one {given} vs. {known}")]
    Shrunk {
        /// Length in the call.
        given: u64,
        /// Length before.
        known: u64,
    },
    /// The new pipeline is not newer.
    #[error("Update {known} but the new block {given} does not have a larger generation stamp")]
    StalePipeline {
        /// The block as it is known.
        known: Block,
        /// The block in the call.
        given: Block,
    },
    /// The node is dead, or never registered since.
    #[error("ProcessReport from dead or unregistered node: {0}")]
    DeadNode(String),
    /// A full report without a lease, or with one that has expired
    /// (`InvalidBlockReportLeaseException`).
    #[error("lease 0x{0:x} is invalid")]
    InvalidReportLease(u64),
    /// The id is taken.
    #[error("Block {0} is already in the block map")]
    Exists(BlockId),
    /// No (or too few) nodes for a block.
    #[error(
        "could only be written to {chosen} of the {needed} minReplication nodes. There are {live} datanode(s) running and {excluded} node(s) are excluded in this operation."
    )]
    NotEnoughTargets {
        /// How many were found.
        chosen: usize,
        /// How many it takes.
        needed: u16,
        /// Nodes in the topology.
        live: usize,
        /// Nodes that the caller excluded, or that were tried: here all of them.
        excluded: usize,
    },
    /// A named node is not known.
    #[error("Cannot find datanode {0}")]
    UnknownDatanode(String),
    /// A named storage is not known.
    #[error("Cannot find storage {0}")]
    UnknownStorage(String),
    /// More storages than can be counted.
    #[error("The cluster has as many storages as can be numbered")]
    TooManyStorages,
    /// A report is malformed.
    #[error("Malformed block report: {0}")]
    MalformedReport(&'static str),
}

impl BlockError {
    /// The exception that Hadoop throws here.
    #[must_use]
    pub const fn java_class(&self) -> &'static str {
        match self {
            Self::InvalidReportLease(_) => {
                "org.apache.hadoop.hdfs.server.protocol.InvalidBlockReportLeaseException"
            }
            Self::Unregistered(_) | Self::ReplacedNode { .. } => {
                "org.apache.hadoop.hdfs.protocol.UnregisteredNodeException"
            }
            Self::Disallowed(_) => {
                "org.apache.hadoop.hdfs.server.protocol.DisallowedDatanodeException"
            }
            Self::Rack(error) => error.java_class(),
            _ => "java.io.IOException",
        }
    }
}

//! Who asks, when, and what comes back.

use loxodon_wire::ids::{BlockId, GenerationStamp, InodeId, Milliseconds};
use smallvec::SmallVec;

use crate::edit::{Block, Edit, RpcIds};
use crate::settings::Settings;

/// The user behind a call, with the groups that were looked up for him.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Caller {
    /// Short name.
    pub user: String,
    /// Groups, the primary one first.
    pub groups: Vec<String>,
    /// Owner of the file system, or member of the supergroup.
    pub superuser: bool,
}

impl Caller {
    /// The user with these groups; whether he is superuser follows from `settings`.
    #[must_use]
    pub fn new(user: String, groups: Vec<String>, settings: &Settings) -> Self {
        let superuser = user == settings.fs_owner || groups.contains(&settings.supergroup);
        Self { user, groups, superuser }
    }

    /// `UserGroupInformation` membership.
    #[must_use]
    pub fn member_of(&self, group: &str) -> bool {
        self.groups.iter().any(|g| g == group)
    }
}

/// Everything about a call that is not its arguments.
#[derive(Clone, Copy, Debug)]
pub struct OpContext<'a> {
    /// Who asks.
    pub caller: &'a Caller,
    /// The wall clock.
    pub now: Milliseconds,
    /// A clock that nobody sets: how long a writer was not heard of is measured with it.
    pub monotonic: Milliseconds,
    /// The call's ids, for the edits that log them.
    pub rpc: RpcIds,
}

/// The edits that do what was asked, in order, and what to answer once they are durable.
/// Each edit must be applied before anything else is planned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan<T> {
    /// To be applied and logged in this order; none where nothing changes.
    pub edits: SmallVec<[Edit; 1]>,
    /// The answer.
    pub value: T,
}

impl<T> Plan<T> {
    /// An answer that changes nothing.
    pub(crate) fn unchanged(value: T) -> Self {
        Self { edits: SmallVec::new(), value }
    }

    /// One edit and the answer.
    pub(crate) fn one(edit: Edit, value: T) -> Self {
        let mut edits = SmallVec::new();
        edits.push(edit);
        Self { edits, value }
    }
}

/// `BlockUCState`: how far a block is, which block management knows and the namespace asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BlockState {
    /// Enough finalised replicas are reported.
    Complete,
    /// A client writes it.
    UnderConstruction,
    /// Its last writer is gone and its length is being agreed on.
    UnderRecovery,
    /// The client says it is done; replicas are not reported yet.
    Committed,
}

/// What the namespace must know of block management to judge an operation.
pub trait BlockStates {
    /// A block of a file as its writer left it. A commit is logged with the file's next edit
    /// only; until then block management alone knows how long the block became.
    fn as_committed(&self, block: Block) -> Block {
        block
    }
    /// How far this block is.
    fn state(&self, block: BlockId) -> BlockState;
    /// Finalised replicas reported reach the minimum.
    fn has_min_replication(&self, block: BlockId) -> bool;
    /// DataNodes that are expected to hold the unfinished block.
    fn expected_locations(&self, block: BlockId) -> usize;
    /// No recovery of it is running, or the last attempt has run out of time
    /// (`BlockManager.addBlockRecoveryAttempt`, without noting one).
    fn may_start_recovery(&self, block: BlockId) -> bool;
}

/// What block management must hear after an edit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BlockChange {
    /// A file has a new block at its end, under construction (`complete` is false), or an image or
    /// an old log brought one that is complete.
    Added {
        /// The file.
        file: InodeId,
        /// The block.
        block: Block,
        /// Copies wanted.
        replication: u16,
        /// Finished already.
        complete: bool,
    },
    /// Length or generation stamp of a block changed.
    Updated {
        /// The file.
        file: InodeId,
        /// As it is now.
        block: Block,
        /// It is finished now (another block came after it, or the file is closed).
        complete: bool,
    },
    /// These blocks belong to no file any more.
    Removed(Vec<BlockId>),
    /// A file's blocks are to have another number of copies.
    Replication {
        /// The file.
        file: InodeId,
        /// Copies wanted before.
        old: u16,
        /// Copies wanted now.
        new: u16,
    },
    /// Blocks went from one file to another (concat).
    Moved {
        /// The file they belong to now.
        file: InodeId,
        /// The blocks.
        blocks: Vec<BlockId>,
        /// Copies wanted now.
        replication: u16,
    },
    /// A file was opened again and its last block goes on (append without a new block).
    Reopened {
        /// The file.
        file: InodeId,
        /// Its last block.
        block: Block,
    },
    /// A file's last block is to be cut by recovery: to this length, with this stamp.
    Truncated {
        /// The file.
        file: InodeId,
        /// The block as it is.
        block: Block,
        /// The block as it is to become; another id where it is copied on truncate.
        target: Block,
    },
    /// A file is complete.
    Closed {
        /// The file.
        file: InodeId,
    },
    /// A file's (or a whole subtree's) storage policy may have changed.
    StoragePolicy {
        /// The file or directory.
        inode: InodeId,
    },
    /// A file or directory was moved to where the same storage policy holds.
    Renamed {
        /// The file or directory.
        inode: InodeId,
    },
}

/// What an edit did, for those beside the namespace.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Applied {
    /// For block management, in order.
    pub blocks: SmallVec<[BlockChange; 2]>,
    /// The inode that was created or opened, if the edit did that.
    pub inode: Option<InodeId>,
    /// A removed tree is larger than one step: call `Namespace::reclaim` until it says it is done.
    pub reclaim: bool,
    /// A new generation stamp was taken over.
    pub generation_stamp: Option<GenerationStamp>,
}

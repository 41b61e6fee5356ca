//! The numbers that name things, each a type of its own so that none is taken for another.

use std::fmt;

macro_rules! id {
    ($(#[$doc:meta])* $name:ident($inner:ty)) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub $inner);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl From<$inner> for $name {
            fn from(value: $inner) -> Self {
                Self(value)
            }
        }
    };
}

id! {
    /// A block's number. Sequential ones start at 1073741825 (`SequentialBlockIdGenerator`);
    /// negative ones are erasure-coded block groups.
    BlockId(i64)
}
id! {
    /// Counts the versions of a block's contents; grows with every append and recovery.
    /// The first one given is 1001 (`GenerationStamp.LAST_RESERVED_STAMP` + 1).
    GenerationStamp(u64)
}
id! {
    /// An inode's number; the root is 16385 (`INodeId.ROOT_INODE_ID`).
    InodeId(u64)
}
id! {
    /// A transaction of the edit log; the first is 1, and 0 is "none yet".
    TxId(u64)
}
id! {
    /// Milliseconds since the epoch (wall clock, `Time.now()`), or a span of them.
    Milliseconds(u64)
}

impl BlockId {
    /// The last id that is reserved; the next one is the first that is given out.
    pub const LAST_RESERVED: Self = Self(1024 * 1024 * 1024);
}

impl GenerationStamp {
    /// `HdfsConstants.GRANDFATHER_GENERATION_STAMP`: blocks from before stamps existed.
    pub const GRANDFATHER: Self = Self(0);
    /// Stamps up to here are never given out.
    pub const LAST_RESERVED: Self = Self(1000);
}

impl InodeId {
    /// `HdfsConstants.GRANDFATHER_INODE_ID`: "not known" in calls of old clients.
    pub const GRANDFATHER: Self = Self(0);
    /// `INodeId.LAST_RESERVED_ID`.
    pub const LAST_RESERVED: Self = Self(2 << 13);
    /// The root directory.
    pub const ROOT: Self = Self((2 << 13) + 1);
}

impl TxId {
    /// The transaction after this one; saturates at the end of the number range.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }
}

impl Milliseconds {
    /// The span from `earlier` to `self`; zero if the clock went back.
    #[must_use]
    pub const fn since(self, earlier: Self) -> Self {
        Self(self.0.saturating_sub(earlier.0))
    }
}

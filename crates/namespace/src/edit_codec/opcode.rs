//! The operations' numbers and names (`FSEditLogOpCodes`).

use crate::edit::Edit;

macro_rules! opcodes {
    ($($number:literal $variant:ident $name:literal),+ $(,)?) => {
        /// `FSEditLogOpCodes`.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[repr(u8)]
        #[allow(missing_docs, reason = "each is documented where its operation is")]
        pub enum Opcode {
            $($variant = $number),+
        }

        impl Opcode {
            /// All of them, in order.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The operation with this number.
            #[must_use]
            pub const fn from_number(number: u8) -> Option<Self> {
                match number {
                    $($number => Some(Self::$variant),)+
                    _ => None,
                }
            }

            /// The operation with this name.
            #[must_use]
            pub fn from_name(name: &str) -> Option<Self> {
                match name {
                    $($name => Some(Self::$variant),)+
                    _ => None,
                }
            }

            /// Its name in XML and in statistics.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $name),+
                }
            }
        }
    };
}

opcodes! {
    0 Add "OP_ADD",
    1 RenameOld "OP_RENAME_OLD",
    2 Delete "OP_DELETE",
    3 Mkdir "OP_MKDIR",
    4 SetReplication "OP_SET_REPLICATION",
    7 SetPermissions "OP_SET_PERMISSIONS",
    8 SetOwner "OP_SET_OWNER",
    9 Close "OP_CLOSE",
    10 SetGenstampV1 "OP_SET_GENSTAMP_V1",
    11 SetNsQuota "OP_SET_NS_QUOTA",
    12 ClearNsQuota "OP_CLEAR_NS_QUOTA",
    13 Times "OP_TIMES",
    14 SetQuota "OP_SET_QUOTA",
    15 Rename "OP_RENAME",
    16 ConcatDelete "OP_CONCAT_DELETE",
    17 Symlink "OP_SYMLINK",
    18 GetDelegationToken "OP_GET_DELEGATION_TOKEN",
    19 RenewDelegationToken "OP_RENEW_DELEGATION_TOKEN",
    20 CancelDelegationToken "OP_CANCEL_DELEGATION_TOKEN",
    21 UpdateMasterKey "OP_UPDATE_MASTER_KEY",
    22 ReassignLease "OP_REASSIGN_LEASE",
    23 EndLogSegment "OP_END_LOG_SEGMENT",
    24 StartLogSegment "OP_START_LOG_SEGMENT",
    25 UpdateBlocks "OP_UPDATE_BLOCKS",
    26 CreateSnapshot "OP_CREATE_SNAPSHOT",
    27 DeleteSnapshot "OP_DELETE_SNAPSHOT",
    28 RenameSnapshot "OP_RENAME_SNAPSHOT",
    29 AllowSnapshot "OP_ALLOW_SNAPSHOT",
    30 DisallowSnapshot "OP_DISALLOW_SNAPSHOT",
    31 SetGenstampV2 "OP_SET_GENSTAMP_V2",
    32 AllocateBlockId "OP_ALLOCATE_BLOCK_ID",
    33 AddBlock "OP_ADD_BLOCK",
    34 AddCacheDirective "OP_ADD_CACHE_DIRECTIVE",
    35 RemoveCacheDirective "OP_REMOVE_CACHE_DIRECTIVE",
    36 AddCachePool "OP_ADD_CACHE_POOL",
    37 ModifyCachePool "OP_MODIFY_CACHE_POOL",
    38 RemoveCachePool "OP_REMOVE_CACHE_POOL",
    39 ModifyCacheDirective "OP_MODIFY_CACHE_DIRECTIVE",
    40 SetAcl "OP_SET_ACL",
    41 RollingUpgradeStart "OP_ROLLING_UPGRADE_START",
    42 RollingUpgradeFinalize "OP_ROLLING_UPGRADE_FINALIZE",
    43 SetXAttr "OP_SET_XATTR",
    44 RemoveXAttr "OP_REMOVE_XATTR",
    45 SetStoragePolicy "OP_SET_STORAGE_POLICY",
    46 Truncate "OP_TRUNCATE",
    47 Append "OP_APPEND",
    48 SetQuotaByStorageType "OP_SET_QUOTA_BY_STORAGETYPE",
    49 AddErasureCodingPolicy "OP_ADD_ERASURE_CODING_POLICY",
    50 EnableErasureCodingPolicy "OP_ENABLE_ERASURE_CODING_POLICY",
    51 DisableErasureCodingPolicy "OP_DISABLE_ERASURE_CODING_POLICY",
    52 RemoveErasureCodingPolicy "OP_REMOVE_ERASURE_CODING_POLICY",
}

impl Edit {
    /// This operation's code.
    #[must_use]
    pub const fn opcode(&self) -> Opcode {
        macro_rules! same_names {
            ($($variant:ident),+ $(,)?) => {
                match self {
                    $(Self::$variant { .. } => Opcode::$variant),+
                }
            };
        }
        same_names!(
            Add,
            RenameOld,
            Delete,
            Mkdir,
            SetReplication,
            SetPermissions,
            SetOwner,
            Close,
            SetGenstampV1,
            SetNsQuota,
            ClearNsQuota,
            Times,
            SetQuota,
            Rename,
            ConcatDelete,
            Symlink,
            GetDelegationToken,
            RenewDelegationToken,
            CancelDelegationToken,
            UpdateMasterKey,
            ReassignLease,
            EndLogSegment,
            StartLogSegment,
            UpdateBlocks,
            CreateSnapshot,
            DeleteSnapshot,
            RenameSnapshot,
            AllowSnapshot,
            DisallowSnapshot,
            SetGenstampV2,
            AllocateBlockId,
            AddBlock,
            AddCacheDirective,
            RemoveCacheDirective,
            AddCachePool,
            ModifyCachePool,
            RemoveCachePool,
            ModifyCacheDirective,
            SetAcl,
            RollingUpgradeStart,
            RollingUpgradeFinalize,
            SetXAttr,
            RemoveXAttr,
            SetStoragePolicy,
            Truncate,
            Append,
            SetQuotaByStorageType,
            AddErasureCodingPolicy,
            EnableErasureCodingPolicy,
            DisableErasureCodingPolicy,
            RemoveErasureCodingPolicy,
        )
    }
}

//! Limits and switches of the namespace, as `hdfs-site.xml` gives them.

/// What the NameNode's configuration says about the namespace. `Default` is Hadoop's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// `dfs.permissions.enabled`.
    pub permissions_enabled: bool,
    /// The user the NameNode runs as: always superuser.
    pub fs_owner: String,
    /// `dfs.permissions.superusergroup`.
    pub supergroup: String,
    /// `dfs.namenode.fs-limits.max-component-length`, bytes; 0 for no limit.
    pub max_component_length: usize,
    /// `dfs.namenode.fs-limits.max-directory-items`.
    pub max_directory_items: u32,
    /// `dfs.namenode.fs-limits.min-block-size`, bytes.
    pub min_block_size: u64,
    /// `dfs.namenode.fs-limits.max-blocks-per-file`.
    pub max_blocks_per_file: usize,
    /// `dfs.namenode.fs-limits.max-xattrs-per-inode`.
    pub max_xattrs_per_inode: usize,
    /// `dfs.namenode.fs-limits.max-xattr-size`, bytes of name and value together.
    pub max_xattr_size: usize,
    /// `dfs.namenode.max.objects`; 0 for no limit.
    pub max_objects: u64,
    /// `dfs.namenode.accesstime.precision`, milliseconds; 0 switches access times off.
    pub access_time_precision_ms: u64,
    /// `dfs.replication.max`.
    pub max_replication: u16,
    /// `dfs.namenode.replication.min`.
    pub min_replication: u16,
    /// `dfs.ls.limit`.
    pub ls_limit: usize,
    /// `dfs.batched.ls.limit`: paths of one batched listing.
    pub batched_listing_paths: usize,
    /// `dfs.namenode.list.openfiles.num.responses`.
    pub open_files_per_answer: usize,
    /// `dfs.namenode.acls.enabled`.
    pub acls_enabled: bool,
    /// `dfs.namenode.posix.acl.inheritance.enabled`.
    pub posix_acl_inheritance: bool,
    /// `dfs.namenode.xattrs.enabled`.
    pub xattrs_enabled: bool,
    /// `dfs.storage.policy.enabled`.
    pub storage_policies_enabled: bool,
    /// `dfs.permissions.allow.owner.set.quota`: the owner of the directory above may.
    pub owner_sets_quota: bool,
    /// `dfs.quota.by.storage.type.enabled`.
    pub quota_by_storage_type: bool,
    /// `dfs.permissions.ContentSummary.subAccess`.
    pub content_summary_sub_access: bool,
    /// `dfs.namenode.lease-hard-limit-sec`, milliseconds.
    pub lease_hard_limit_ms: u64,
    /// `HdfsConstants.LEASE_SOFTLIMIT_PERIOD`, milliseconds.
    pub lease_soft_limit_ms: u64,
    /// `fs.protected.directories`, normalised.
    pub protected_directories: Vec<String>,
    /// `dfs.namenode.protected.subdirectories.enable`.
    pub protect_subdirectories: bool,
    /// Symbolic links may be made (`FileSystem.enableSymlinks` on the server; off in Hadoop).
    pub symlinks_enabled: bool,
    /// Committed blocks at a file's end with which it may be closed
    /// (`dfs.namenode.file.close.num-committed-allowed`).
    pub committed_blocks_allowed: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            permissions_enabled: true,
            fs_owner: String::new(),
            supergroup: "supergroup".to_owned(),
            max_component_length: 255,
            max_directory_items: 1024 * 1024,
            min_block_size: 1024 * 1024,
            max_blocks_per_file: 10_000,
            max_xattrs_per_inode: 32,
            max_xattr_size: 16_384,
            max_objects: 0,
            access_time_precision_ms: 3_600_000,
            max_replication: 512,
            min_replication: 1,
            ls_limit: 1000,
            batched_listing_paths: 100,
            open_files_per_answer: 1000,
            acls_enabled: true,
            posix_acl_inheritance: true,
            xattrs_enabled: true,
            storage_policies_enabled: true,
            owner_sets_quota: false,
            quota_by_storage_type: true,
            content_summary_sub_access: false,
            lease_hard_limit_ms: 20 * 60 * 1000,
            lease_soft_limit_ms: 60 * 1000,
            protected_directories: Vec::new(),
            protect_subdirectories: false,
            symlinks_enabled: false,
            committed_blocks_allowed: 0,
        }
    }
}

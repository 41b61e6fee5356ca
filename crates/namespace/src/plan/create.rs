//! New files (`FSNamesystem.startFile`, `FSDirWriteFileOp`).

use loxodon_wire::ids::InodeId;
use smallvec::SmallVec;

use super::CreateMode;
use super::directory::{NewIds, names};
use super::recovery::{Opened, RecoverFor};
use crate::access::WRITE;
use crate::context::{BlockStates, OpContext, Plan};
use crate::edit::{AddFile, Edit};
use crate::error::FsError;
use crate::path::{
    Purpose, Resolved, check_not_empty, is_reserved, is_reserved_inodes, is_reserved_raw,
    is_reserved_root, is_valid_name,
};
use crate::policy::{LAZY_PERSIST, StoragePolicy, UNSPECIFIED, policy_of};
use crate::status::Usage;
use crate::tree::Namespace;

/// `CreateFlag`, as `CreateFlagProto` numbers the bits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CreateFlags(pub u32);

impl CreateFlags {
    /// Make the file.
    pub const CREATE: u32 = 0x01;
    /// Replace one that is there.
    pub const OVERWRITE: u32 = 0x02;
    /// Open one that is there at its end.
    pub const APPEND: u32 = 0x04;
    /// Keep it in memory first.
    pub const LAZY_PERSIST: u32 = 0x10;
    /// Append begins a new block.
    pub const NEW_BLOCK: u32 = 0x20;
    /// Replicate, whatever the directory's erasure coding policy.
    pub const SHOULD_REPLICATE: u32 = 0x80;

    /// Is this bit set?
    #[must_use]
    pub const fn has(self, bit: u32) -> bool {
        self.0 & bit != 0
    }
}

/// The arguments of a create.
#[derive(Clone, Debug)]
pub struct CreateFile<'a> {
    /// Where.
    pub path: &'a str,
    /// Its mode.
    pub mode: CreateMode,
    /// The client, who gets the lease.
    pub client_name: &'a str,
    /// His host.
    pub client_machine: &'a str,
    /// How.
    pub flags: CreateFlags,
    /// Make missing directories on the way.
    pub create_parent: bool,
    /// Copies of each block.
    pub replication: u16,
    /// Bytes per block.
    pub block_size: u64,
    /// Erasure coding policy asked for; empty for none.
    pub erasure_coding_policy: &'a str,
    /// Storage policy asked for; empty for none.
    pub storage_policy: &'a str,
}

impl Namespace {
    /// Creates a file, which is then open for the client; gives its number.
    ///
    /// # Errors
    /// As `ClientProtocol.create` throws.
    pub fn plan_create(
        &self,
        ctx: &OpContext<'_>,
        args: &CreateFile<'_>,
        states: &dyn BlockStates,
    ) -> Result<Plan<Opened<InodeId>>, FsError> {
        check_create_path(args.path)?;
        if args.flags.has(CreateFlags::SHOULD_REPLICATE) && !args.erasure_coding_policy.is_empty() {
            return Err(FsError::HadoopIllegalArgument(
                "SHOULD_REPLICATE flag and ecPolicyName are exclusive parameters. Set both is not allowed!".to_owned(),
            ));
        }
        let resolved = self.resolve_for_create(ctx, args)?;
        if args.block_size < self.settings.min_block_size {
            return Err(FsError::Io(format!(
                "Specified block size {} is less than configured minimum value dfs.namenode.fs-limits.min-block-size={}",
                args.block_size, self.settings.min_block_size
            )));
        }
        self.check_replicated(args, &resolved)?;
        self.verify_replication(resolved.path(), args.replication, Some(args.client_machine))?;
        let overwrite = args.flags.has(CreateFlags::OVERWRITE);
        if let Some(index) = resolved.last()
            && !overwrite
        {
            return self.refuse_existing(ctx, args, &resolved, index, states);
        }
        self.check_object_limit()?;
        let policy = self.policy_of_new(args, &resolved)?;
        self.check_create_limits(&resolved)?;
        Ok(self.add_edits(ctx, args, &resolved, policy))
    }

    fn add_edits(
        &self,
        ctx: &OpContext<'_>,
        args: &CreateFile<'_>,
        resolved: &Resolved<'_>,
        storage_policy: u8,
    ) -> Plan<Opened<InodeId>> {
        let mut ids = NewIds::after(self.counters.last_inode);
        let mut edits = SmallVec::new();
        let parent = match (resolved.last(), resolved.parent()) {
            (Some(_), Some(parent)) => self.heritage(parent),
            _ => {
                let mode = self.ancestors_mode(resolved);
                self.make_ancestors(ctx, resolved, mode, &mut ids, &mut edits)
            }
        };
        let (permissions, acl) = self.inherit(&parent, &ctx.caller.user, args.mode, false);
        let inode = ids.next();
        edits.push(Edit::Add(Box::new(AddFile {
            inode,
            path: resolved.path().to_owned(),
            replication: args.replication,
            mtime: ctx.now,
            atime: ctx.now,
            block_size: args.block_size,
            blocks: Vec::new(),
            permissions,
            acl,
            xattrs: Vec::new(),
            client_name: args.client_name.to_owned(),
            client_machine: args.client_machine.to_owned(),
            overwrite: args.flags.has(CreateFlags::OVERWRITE),
            storage_policy,
            erasure_coding_policy: 0,
            rpc: ctx.rpc,
        })));
        Plan { edits, value: Opened::Done(inode) }
    }

    fn resolve_for_create<'a>(
        &self,
        ctx: &OpContext<'_>,
        args: &CreateFile<'a>,
    ) -> Result<Resolved<'a>, FsError> {
        let resolved = self.resolve(Some(ctx.caller), args.path, Purpose::Create)?;
        self.check_ancestor_write(ctx.caller, &resolved)?;
        if let Some(inode) = resolved.last().and_then(|index| self.inode(index)) {
            if inode.is_directory() {
                return Err(FsError::FileAlreadyExists(format!(
                    "{} already exists as a directory",
                    resolved.path()
                )));
            }
            self.file_at(resolved.last(), args.path)?;
            if args.flags.has(CreateFlags::OVERWRITE) {
                self.check_path_access(ctx.caller, &resolved, WRITE)?;
            }
        } else {
            if !args.create_parent {
                self.verify_parent(&resolved)?;
            }
            if !args.flags.has(CreateFlags::CREATE) {
                return Err(FsError::FileNotFound(format!(
                    "Can't overwrite non-existent {}",
                    args.path
                )));
            }
        }
        Ok(resolved)
    }

    /// Erasure coding is not served: a policy asked for or in force here is refused by name.
    fn check_replicated(
        &self,
        args: &CreateFile<'_>,
        resolved: &Resolved<'_>,
    ) -> Result<(), FsError> {
        if args.flags.has(CreateFlags::SHOULD_REPLICATE) {
            return Ok(());
        }
        let asked = args.erasure_coding_policy;
        let none = asked.is_empty() || super::coding::is_replication(asked);
        let inherited = asked.is_empty() && self.directory_is_coded(resolved.deepest());
        if none && !inherited {
            return Ok(());
        }
        Err(FsError::UnsupportedOperation(format!(
            "Erasure coding is not supported by this NameNode: cannot create {}",
            args.path
        )))
    }

    fn policy_of_new(&self, args: &CreateFile<'_>, resolved: &Resolved<'_>) -> Result<u8, FsError> {
        if args.flags.has(CreateFlags::LAZY_PERSIST) {
            return Ok(LAZY_PERSIST);
        }
        if !args.storage_policy.is_empty() {
            let policy = StoragePolicy::by_name(args.storage_policy).ok_or_else(|| {
                FsError::HadoopIllegalArgument(format!(
                    "Cannot find a block policy with the name {}",
                    args.storage_policy
                ))
            })?;
            return Ok(policy.id.0);
        }
        let parent = resolved.parent().unwrap_or_else(|| resolved.deepest());
        let inherited = self.effective_policy(parent);
        let copied =
            inherited != UNSPECIFIED && policy_of(inherited).is_some_and(|p| p.copy_on_create);
        Ok(if copied { inherited } else { UNSPECIFIED })
    }

    fn check_create_limits(&self, resolved: &Resolved<'_>) -> Result<(), FsError> {
        if resolved.last().is_none() {
            let missing = resolved.len() - resolved.inodes.len();
            return self.check_new(resolved, &names(missing));
        }
        // The file that is replaced makes room for the new one.
        self.check_component(resolved.name(), resolved.parent_path())?;
        let more = Usage::default();
        self.verify_quota(resolved.parent().unwrap_or_default(), &more, None)
    }

    /// The file is there. If its writer's lease has run out, recovery begins all the same.
    fn refuse_existing(
        &self,
        ctx: &OpContext<'_>,
        args: &CreateFile<'_>,
        resolved: &Resolved<'_>,
        index: u32,
        states: &dyn BlockStates,
    ) -> Result<Plan<Opened<InodeId>>, FsError> {
        let who = RecoverFor {
            operation: "CREATE_FILE",
            holder: args.client_name,
            machine: args.client_machine,
        };
        let recovery = self.recover_expired(ctx, &who, resolved.path(), index, states)?;
        let exists = FsError::FileAlreadyExists(format!(
            "{} for client {} already exists",
            resolved.path(),
            args.client_machine
        ));
        match recovery {
            None => Err(exists),
            Some(plan) => Ok(plan.refused_with(exists)),
        }
    }

    /// `BlockManager.verifyReplication`.
    pub(crate) fn verify_replication(
        &self,
        path: &str,
        replication: u16,
        client: Option<&str>,
    ) -> Result<(), FsError> {
        let (min, max) = (self.settings.min_replication, self.settings.max_replication);
        let why = if replication > max {
            format!(" exceeds maximum of {max}")
        } else if replication < min {
            format!(" is less than the required minimum of {min}")
        } else {
            return Ok(());
        };
        let client = client.map_or(String::new(), |c| format!(", clientName={c}"));
        Err(FsError::Io(format!(
            "Requested replication factor of {replication}{why} for {path}{client}"
        )))
    }
}

fn check_create_path(path: &str) -> Result<(), FsError> {
    check_not_empty(path)?;
    let reserved = is_reserved(path) && !is_reserved_raw(path) && !is_reserved_inodes(path);
    if !is_valid_name(path) || is_reserved_root(path) || reserved {
        return Err(FsError::invalid_path(path));
    }
    Ok(())
}

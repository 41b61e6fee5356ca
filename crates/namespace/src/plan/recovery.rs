//! Leases that have run out or are taken away (`FSNamesystem.recoverLeaseInternal`,
//! `internalReleaseLease`).

use loxodon_wire::ids::{BlockId, GenerationStamp, InodeId, Milliseconds};
use smallvec::SmallVec;

use crate::access::WRITE;
use crate::context::{BlockState, BlockStates, OpContext, Plan};
use crate::edit::{Block, CloseFile, Edit};
use crate::error::FsError;
use crate::inode::Writer;
use crate::lease::Lease;
use crate::path::Purpose;
use crate::tree::Namespace;

/// What became of an operation that opens a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Opened<T> {
    /// It was done.
    Done(T),
    /// It is refused with `error`, but the plan's edits stand: the last writer's lease had run
    /// out, and taking it from him begins.
    Refused {
        /// What block management has to do.
        release: LeaseRelease,
        /// What the caller is told.
        error: FsError,
    },
}

/// How a file was taken from its writer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LeaseRelease {
    /// Every block is complete: the file is closed, or was.
    Closed,
    /// The last block's length must be agreed on first.
    Recovering {
        /// The file.
        file: InodeId,
        /// Its last block.
        block: Block,
        /// The stamp of the new attempt; `None` while an earlier one is still running.
        recovery: Option<GenerationStamp>,
        /// What the block is to become, where the file is being cut.
        truncate: Option<Block>,
    },
}

/// On whose behalf a lease is taken away.
pub(crate) struct RecoverFor<'a> {
    pub(crate) operation: &'static str,
    pub(crate) holder: &'a str,
    pub(crate) machine: &'a str,
}

impl RecoverFor<'_> {
    pub(crate) fn message(&self, path: &str, reason: &str) -> String {
        format!(
            "Failed to {} {path} for {} on {} because {reason}",
            self.operation, self.holder, self.machine
        )
    }
}

impl Plan<LeaseRelease> {
    /// The same edits, the operation that led here refused.
    pub(crate) fn refused_with<T>(self, error: FsError) -> Plan<Opened<T>> {
        Plan { edits: self.edits, value: Opened::Refused { release: self.value, error } }
    }
}

impl Namespace {
    pub(crate) fn writer(&self, index: u32) -> Option<&Writer> {
        self.beside(index)?.writer.as_deref()
    }

    /// `Lease.toString`, or that there is none.
    pub(crate) fn lease_text(&self, holder: &str) -> String {
        self.leases.of(holder).map_or_else(
            || format!("Holder {holder} does not have any open files."),
            |lease| format!("[Lease.  Holder: {holder}, pending creates: {}]", lease.files.len()),
        )
    }

    /// For an operation that wants to open a file: is it free, or can it be taken? `None` where
    /// nobody writes it; a plan where its writer's soft limit has passed.
    ///
    /// # Errors
    /// Somebody writes it, or recovery is on its way.
    pub(crate) fn recover_expired(
        &self,
        ctx: &OpContext<'_>,
        who: &RecoverFor<'_>,
        path: &str,
        index: u32,
        states: &dyn BlockStates,
    ) -> Result<Option<Plan<LeaseRelease>>, FsError> {
        let Some(writer) = self.writer(index) else {
            return Ok(None);
        };
        let owned = |reason: &str| FsError::AlreadyBeingCreated(who.message(path, reason));
        let holder = &*writer.client_name;
        if holder == who.holder && self.leases.of(holder).is_some() {
            return Err(owned(&format!("{holder} is already the current lease holder.")));
        }
        let Some(lease) = self.leases.of(holder) else {
            return Err(owned("the file is under construction but no leases found."));
        };
        if ctx.monotonic.since(lease.last_renewed).0 > self.settings.lease_soft_limit_ms {
            // Hadoop leaves the lease with its writer. Were the recovery's end lost in a crash, he could
            // then go on with the old stamp, under which no DataNode has the block any more.
            let holder = crate::NAMENODE_LEASE_HOLDER;
            return self.release(ctx.now, path, index, holder, states).map(Some);
        }
        let machine = &writer.client_machine;
        let last = self.blocks(index).last();
        if last.is_some_and(|b| states.state(b.id) == BlockState::UnderRecovery) {
            return Err(FsError::RecoveryInProgress(who.message(
                path,
                &format!("another recovery is in progress by {holder} on {machine}"),
            )));
        }
        Err(owned(&format!("this file lease is currently owned by {holder} on {machine}")))
    }

    /// What a caller is told while the recovery that his operation began is running.
    pub(crate) fn recovery_began(who: &RecoverFor<'_>, path: &str) -> FsError {
        FsError::RecoveryInProgress(
            who.message(path, "lease recovery is in progress. Try again later."),
        )
    }

    /// Takes a file from its writer (`ClientProtocol.recoverLease`). [`LeaseRelease::Closed`] is
    /// the answer `true`.
    ///
    /// # Errors
    /// No such file, no permission, or its blocks are in no state to be recovered.
    pub fn plan_recover_lease(
        &self,
        ctx: &OpContext<'_>,
        path: &str,
        client_name: &str,
        states: &dyn BlockStates,
    ) -> Result<Plan<LeaseRelease>, FsError> {
        let resolved = self.resolve(Some(ctx.caller), path, Purpose::Write)?;
        let (index, inode) = self.file_at(resolved.last(), resolved.path())?;
        if !inode.is_open() {
            return Ok(Plan::unchanged(LeaseRelease::Closed));
        }
        self.check_path_access(ctx.caller, &resolved, WRITE)?;
        self.release(ctx.now, resolved.path(), index, client_name, states)
    }

    /// Takes a file from a writer whose hard limit has passed (`LeaseManager.checkLeases`) for
    /// `new_holder`: [`NAMENODE_LEASE_HOLDER`](crate::NAMENODE_LEASE_HOLDER), a dash and the time.
    /// `None` where the file is gone or closed.
    ///
    /// # Errors
    /// Its blocks are in no state to be recovered yet.
    pub fn plan_release_expired(
        &self,
        now: Milliseconds,
        file: InodeId,
        new_holder: &str,
        states: &dyn BlockStates,
    ) -> Result<Option<Plan<LeaseRelease>>, FsError> {
        let Some(index) = self.index_of(file) else {
            return Ok(None);
        };
        if self.writer(index).is_none() {
            return Ok(None);
        }
        let path = self.path(index);
        self.release(now, &path, index, new_holder, states).map(Some)
    }

    /// `FSNamesystem.internalReleaseLease`.
    fn release(
        &self,
        now: Milliseconds,
        path: &str,
        index: u32,
        new_holder: &str,
        states: &dyn BlockStates,
    ) -> Result<Plan<LeaseRelease>, FsError> {
        let blocks = self.blocks(index).iter().map(|block| states.as_committed(block));
        let blocks: Vec<Block> = blocks.collect();
        let complete = |b: &Block| states.state(b.id) == BlockState::Complete;
        let finished = blocks.iter().take_while(|b| complete(b)).count();
        let Some(last) = blocks.last().copied().filter(|_| finished < blocks.len()) else {
            return Ok(self.close_plan(now, index, blocks));
        };
        let penultimate = blocks.len().checked_sub(2).and_then(|at| blocks.get(at));
        self.check_releasable(path, &blocks, finished, states)?;
        if complete(&last) {
            return Err(waiting_for_replicas(path));
        }
        let penultimate_safe = penultimate.is_none_or(|b| states.has_min_replication(b.id));
        if states.state(last.id) == BlockState::Committed {
            if penultimate_safe && states.has_min_replication(last.id) {
                return Ok(self.close_plan(now, index, blocks));
            }
            if !penultimate_safe {
                return Err(waiting_for_replicas(path));
            }
        }
        if states.expected_locations(last.id) == 0 && last.length == 0 {
            let mut rest = blocks;
            rest.pop();
            return Ok(self.close_without_last(now, index, path, rest));
        }
        Ok(self.begin_recovery(path, index, last, new_holder, states))
    }

    /// Only the last two blocks may be unfinished, and the last but one only committed.
    fn check_releasable(
        &self,
        path: &str,
        blocks: &[Block],
        finished: usize,
        states: &dyn BlockStates,
    ) -> Result<(), FsError> {
        let committed =
            |at: usize| blocks.get(at).is_some_and(|b| states.state(b.id) == BlockState::Committed);
        let early =
            finished + 2 < blocks.len() || finished + 2 == blocks.len() && !committed(finished);
        if early {
            return Err(FsError::Io(format!(
                "DIR* NameSystem.internalReleaseLease: attempt to release a create lock on {path} but file is already closed."
            )));
        }
        Ok(())
    }

    fn begin_recovery(
        &self,
        path: &str,
        index: u32,
        block: Block,
        new_holder: &str,
        states: &dyn BlockStates,
    ) -> Plan<LeaseRelease> {
        let mut edits = SmallVec::new();
        let recovery = states.may_start_recovery(block.id).then(|| {
            let stamp = self.next_generation_stamp();
            edits.push(Edit::SetGenstampV2 { generation_stamp: stamp });
            stamp
        });
        let writer = self.writer(index);
        if let Some(writer) = writer {
            edits.push(Edit::ReassignLease {
                lease_holder: writer.client_name.to_string(),
                path: path.to_owned(),
                new_holder: new_holder.to_owned(),
            });
        }
        Plan {
            edits,
            value: LeaseRelease::Recovering {
                file: self.inode(index).map_or(InodeId(0), |inode| inode.id()),
                block,
                recovery,
                truncate: writer.and_then(|w| w.truncate),
            },
        }
    }

    pub(crate) fn next_generation_stamp(&self) -> GenerationStamp {
        GenerationStamp(self.counters.generation_stamp.0.saturating_add(1))
    }

    pub(crate) fn next_block_id(&self) -> BlockId {
        BlockId(self.counters.last_block.0.saturating_add(1))
    }

    fn close_plan(&self, now: Milliseconds, index: u32, blocks: Vec<Block>) -> Plan<LeaseRelease> {
        Plan::one(self.close_edit(now, index, blocks), LeaseRelease::Closed)
    }

    /// The last block was never written: it goes, and the file is closed.
    fn close_without_last(
        &self,
        now: Milliseconds,
        index: u32,
        path: &str,
        blocks: Vec<Block>,
    ) -> Plan<LeaseRelease> {
        let mut edits = SmallVec::new();
        edits.push(Edit::UpdateBlocks {
            path: path.to_owned(),
            blocks: blocks.clone(),
            rpc: crate::edit::RpcIds::NONE,
        });
        edits.push(self.close_edit(now, index, blocks));
        Plan { edits, value: LeaseRelease::Closed }
    }

    /// The edit that closes a file with these blocks (`FSEditLog.logCloseFile`).
    pub(crate) fn close_edit(&self, now: Milliseconds, index: u32, blocks: Vec<Block>) -> Edit {
        let inode = self.inode(index).copied().unwrap_or_default();
        let layout = self.layout(&inode);
        Edit::Close(Box::new(CloseFile {
            inode: inode.id(),
            path: self.path(index),
            replication: layout.replication,
            mtime: now,
            atime: inode.atime(),
            block_size: layout.block_size,
            blocks,
            permissions: self.permissions_of(&inode),
        }))
    }

    // Renewal: not logged, so changed in place.

    /// Tells the namespace the time, for leases that edits open from here on. Of all times here,
    /// those of leases alone are of the monotonic clock.
    pub const fn tick(&mut self, now: Milliseconds) {
        self.clock = now;
    }

    /// The holder was heard of. False if he writes nothing.
    pub fn renew_lease(&mut self, holder: &str, now: Milliseconds) -> bool {
        self.leases.renew(holder, now)
    }

    /// Everybody was heard of: after a start, or when this NameNode becomes active.
    pub fn renew_all_leases(&mut self, now: Milliseconds) {
        self.leases.renew_all(now);
    }

    /// Holders whose hard limit has passed, with their files.
    #[must_use]
    pub fn expired_leases(&self, now: Milliseconds) -> Vec<(String, Vec<InodeId>)> {
        let limit = self.settings.lease_hard_limit_ms;
        self.leases
            .holders()
            .filter(|(_, lease)| now.since(lease.last_renewed).0 > limit)
            .map(|(holder, lease)| (holder.to_string(), lease.files.iter().copied().collect()))
            .collect()
    }

    /// A holder's lease.
    #[must_use]
    pub fn lease(&self, holder: &str) -> Option<&Lease> {
        self.leases.of(holder)
    }

    /// Who holds the lease of a file.
    #[must_use]
    pub fn lease_holder_of(&self, file: InodeId) -> Option<&str> {
        self.leases.holder(file).map(|holder| &**holder)
    }

    /// Holders of leases, and files being written.
    #[must_use]
    pub fn lease_counts(&self) -> (usize, usize) {
        (self.leases.len(), self.leases.open_files())
    }
}

fn waiting_for_replicas(path: &str) -> FsError {
    FsError::AlreadyBeingCreated(format!(
        "DIR* NameSystem.internalReleaseLease: Failed to release lease for file {path}. Committed blocks are waiting to be minimally replicated."
    ))
}

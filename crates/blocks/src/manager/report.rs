//! What DataNodes say they hold: full reports in slices, and single changes.

use std::sync::Arc;

use loxodon_cluster::{DatanodeId, StorageType};
use loxodon_wire::ids::{BlockId, Milliseconds};
use roaring::RoaringTreemap;

use super::BlockManager;
use crate::storage::OpenReport;
use crate::{
    Block, BlockError, BlockInfo, BlockState, CorruptReason, NodeIndex, ReplicaState,
    ReportedReplica, Storage, StorageIndex, StorageState, Target,
};

/// The storage that a full report is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReportedStorage {
    /// `DS-...`
    pub id: Arc<str>,
    /// Medium.
    pub kind: StorageType,
    /// What it may be used for.
    pub state: StorageState,
}

/// A full report being read; a token, whose contents are the manager's.
#[derive(Clone, Debug)]
pub struct ReportScan {
    node: NodeIndex,
    storage: StorageIndex,
    serial: u64,
    is_first: bool,
    removed_below: u64,
}

/// One change that a DataNode tells at once (`ReceivedDeletedBlockInfo`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BlockChange {
    /// A replica is being written.
    Receiving,
    /// A replica is final.
    Received {
        /// Uuid of the node that whoever copied it wants relieved; may be empty.
        delete_hint: Option<Arc<str>>,
    },
    /// A replica was deleted.
    Deleted,
}

/// What a reported replica means.
enum Verdict {
    /// Nothing new.
    Known,
    /// A good replica that was not known.
    New,
    /// A replica of a block that is being written.
    Writing,
    /// Nobody wants it.
    Unknown,
    /// Damaged.
    Corrupt(CorruptReason),
}

impl BlockManager {
    /// Begins to read the full report of one storage. `None` where it is to be passed over: it is
    /// a second one while the NameNode still waits for first ones.
    ///
    /// # Errors
    /// If the node is not registered or dead, or its lease is not valid: it must report again.
    pub fn begin_report(
        &mut self,
        now: Milliseconds,
        id: &DatanodeId,
        reported: &ReportedStorage,
        lease: u64,
    ) -> Result<Option<ReportScan>, BlockError> {
        let node = self.live_caller(id)?;
        if !self.leases.is_valid(now, node, lease, self.settings.report_lease) {
            return Err(BlockError::InvalidReportLease(lease));
        }
        let storage = self.storage_for(node, reported)?;
        let Some(entry) = self.cluster.storage_mut(storage) else { return Ok(None) };
        if self.safe_mode.is_startup() && entry.reports > 0 {
            return Ok(None);
        }
        self.report_serial += 1;
        let serial = self.report_serial;
        let (seen, gone) = (RoaringTreemap::new(), RoaringTreemap::new());
        let is_tracking = entry.count > 0;
        entry.open_report = Some(Box::new(OpenReport { serial, is_tracking, seen, gone }));
        let is_first = entry.reports == 0;
        Ok(Some(ReportScan { node, storage, serial, is_first, removed_below: 0 }))
    }

    fn storage_for(
        &mut self,
        node: NodeIndex,
        reported: &ReportedStorage,
    ) -> Result<StorageIndex, BlockError> {
        match self.cluster.storage_by_id(node, &reported.id) {
            Some(storage) => Ok(storage),
            None => self.cluster.insert_storage(Storage::new(
                reported.id.clone(),
                node,
                reported.kind,
                reported.state,
            )),
        }
    }

    /// Whether the scan is still the storage's newest.
    fn is_open(&self, scan: &ReportScan) -> bool {
        let open = self.cluster.storage(scan.storage).and_then(|s| s.open_report.as_ref());
        open.is_some_and(|open| open.serial == scan.serial)
            && self.cluster.node(scan.node).is_some_and(|node| node.is_alive)
    }

    /// Reads up to `most` replicas; `true` once there are no more (or the scan was overtaken by
    /// a newer report). A few thousand take less than a millisecond.
    ///
    /// # Errors
    /// If the report is malformed; it is to be dropped then. What was read counts.
    pub fn report_slice(
        &mut self,
        now: Milliseconds,
        scan: &mut ReportScan,
        replicas: &mut dyn Iterator<Item = Result<ReportedReplica, BlockError>>,
        most: usize,
    ) -> Result<bool, BlockError> {
        if !self.is_open(scan) {
            return Ok(true);
        }
        for _ in 0..most {
            match replicas.next() {
                None => return Ok(true),
                Some(Err(error)) => {
                    if let Some(storage) = self.cluster.storage_mut(scan.storage) {
                        storage.open_report = None;
                    }
                    return Err(error);
                }
                Some(Ok(replica)) => self.reported_in_full(now, scan, replica),
            }
        }
        Ok(false)
    }

    fn reported_in_full(&mut self, now: Milliseconds, scan: &ReportScan, replica: ReportedReplica) {
        let key = replica.block.id.0 as u64;
        let Some(storage) = self.cluster.storage_mut(scan.storage) else { return };
        if let Some(open) = storage.open_report.as_mut() {
            // Deleted since the report was written.
            if open.gone.contains(key) {
                return;
            }
            // Ids mostly ascend, for which this is the fastest way in.
            if open.is_tracking && open.seen.try_push(key).is_err() {
                open.seen.insert(key);
            }
        }
        self.process_replica(now, scan.node, scan.storage, replica, scan.is_first, None);
        self.remind_of_excess(scan.node, replica.block.id);
    }

    /// A replica that is one too many and is still there: the order to delete it may have been
    /// lost. It is given again, to the same node, or taken back where the others have become too
    /// few (Hadoop looks again after `dfs.namenode.excess.redundancy.timeout-sec`).
    fn remind_of_excess(&mut self, node: NodeIndex, id: BlockId) {
        let Some(entry) = self.cluster.node(node) else { return };
        if !entry.excess.contains(&id) || entry.invalidations.contains_key(&id) {
            return;
        }
        let Some(info) = self.map.get(id).filter(BlockInfo::is_complete) else { return };
        let counts = self.count_replicas(id);
        if counts.live >= self.required(&info, &counts) {
            self.invalidate(info.block, node);
        } else if let Some(entry) = self.cluster.node_mut(node) {
            entry.excess.remove(&id);
            self.refresh(id);
        }
    }

    /// After the last slice: replicas that were known but not reported are taken off, up to
    /// `most` at a time; `true` once done.
    pub fn finish_report(&mut self, now: Milliseconds, scan: &mut ReportScan, most: usize) -> bool {
        if !self.is_open(scan) {
            return true;
        }
        let ids = self.blocks_from(scan.storage, scan.removed_below, most.max(1));
        let is_last = ids.len() < most.max(1);
        if let Some(last) = ids.last() {
            scan.removed_below = (last.0 as u64).saturating_add(1);
        }
        for id in ids {
            let seen = self
                .cluster
                .storage(scan.storage)
                .and_then(|s| s.open_report.as_ref())
                .is_some_and(|open| !open.is_tracking || open.seen.contains(id.0 as u64));
            if !seen {
                self.remove_replica(id, scan.storage);
            }
        }
        if is_last {
            self.close_report(now, scan);
        }
        is_last
    }

    fn close_report(&mut self, now: Milliseconds, scan: &ReportScan) {
        if let Some(storage) = self.cluster.storage_mut(scan.storage) {
            storage.open_report = None;
            storage.reports = storage.reports.saturating_add(1);
            storage.content_stale = !storage.heartbeat_seen;
        }
        if let Some(node) = self.cluster.node_mut(scan.node) {
            node.last_report = Some(now);
        }
        self.check_safe_mode(now);
    }

    /// The node's last storage was reported: another node may have its turn.
    pub fn end_report(&mut self, id: &DatanodeId) {
        if let Ok(node) = self.caller(id) {
            self.leases.remove(node);
        }
    }

    /// A node tells one change.
    ///
    /// # Errors
    /// If it is not registered or dead.
    pub fn received_deleted(
        &mut self,
        now: Milliseconds,
        id: &DatanodeId,
        reported: &ReportedStorage,
        changes: &[(Block, BlockChange)],
    ) -> Result<(), BlockError> {
        self.latest = now;
        let node = self.live_caller(id)?;
        let storage = self.storage_for(node, reported)?;
        for (block, change) in changes {
            match change {
                BlockChange::Deleted => self.replica_deleted(block.id, storage),
                BlockChange::Receiving => {
                    let replica =
                        ReportedReplica { block: *block, state: ReplicaState::BeingWritten };
                    self.process_replica(now, node, storage, replica, false, None);
                }
                BlockChange::Received { delete_hint } => {
                    let hint = delete_hint.as_deref().and_then(|uuid| self.cluster.by_uuid(uuid));
                    self.replica_received(now, node, storage, *block, hint);
                }
            }
        }
        self.check_safe_mode(now);
        Ok(())
    }

    fn replica_deleted(&mut self, id: BlockId, storage: StorageIndex) {
        let Some(entry) = self.cluster.storage_mut(storage) else { return };
        if let Some(open) = entry.open_report.as_mut() {
            open.gone.insert(id.0 as u64);
            open.seen.remove(id.0 as u64);
        }
        let node = entry.node;
        if let Some(entry) = self.cluster.node_mut(node) {
            entry.invalidations.remove(&id);
        }
        self.remove_replica(id, storage);
        self.distrusted.remove(id, node);
    }

    fn replica_received(
        &mut self,
        now: Milliseconds,
        node: NodeIndex,
        storage: StorageIndex,
        block: Block,
        hint: Option<NodeIndex>,
    ) {
        // One that was on its way is there: the node has room for the next.
        let from_writer = self
            .constructions
            .get(&block.id)
            .is_some_and(|c| c.expected.iter().any(|e| e.target.node == node));
        if from_writer {
            self.cluster.unschedule(Target { node, storage });
        }
        if self.pending.targets(block.id).iter().any(|target| target.node == node) {
            // A new copy, which a node takes only where it has none.
            self.distrusted.remove(block.id, node);
        }
        let replica = ReportedReplica { block, state: ReplicaState::Finalized };
        self.process_replica(now, node, storage, replica, false, hint);
    }

    fn process_replica(
        &mut self,
        now: Milliseconds,
        node: NodeIndex,
        storage: StorageIndex,
        replica: ReportedReplica,
        is_first: bool,
        hint: Option<NodeIndex>,
    ) {
        let id = replica.block.id;
        match self.judge(node, storage, &replica) {
            Verdict::Known => {}
            Verdict::New => self.add_replica(now, id, storage, hint),
            Verdict::Writing => self.note_writing(now, node, storage, replica, hint),
            Verdict::Unknown => {
                if replica.block.stamp > self.highest_stamp {
                    self.safe_mode.future_replica(replica.block.length);
                }
                // A first report after a restart may be ahead of what is loaded.
                if !(is_first && self.safe_mode.is_startup()) {
                    self.invalidate(replica.block, node);
                }
            }
            Verdict::Corrupt(reason) => {
                self.mark_corrupt(replica.block, node, storage, reason);
            }
        }
    }

    fn judge(&self, node: NodeIndex, storage: StorageIndex, replica: &ReportedReplica) -> Verdict {
        let id = replica.block.id;
        let Some((info, is_there, any_corrupt)) = self.map.get_on(id, storage) else {
            return Verdict::Unknown;
        };
        let flagged = any_corrupt && self.corrupt.contains(id, node);
        let is_plain = info.is_complete()
            && replica.state == ReplicaState::Finalized
            && info.block == replica.block;
        if is_plain && is_there && !flagged {
            return Verdict::Known;
        }
        // Of this version: an older one that goes says nothing of what was written since.
        let entry = self.cluster.node(node).and_then(|entry| entry.invalidations.get(&id));
        let deleting = entry.is_some_and(|ordered| ordered.stamp == replica.block.stamp);
        if deleting {
            return Verdict::Known;
        }
        if let Some(reason) = why_corrupt(&info, replica) {
            return Verdict::Corrupt(reason);
        }
        if self.distrusted.contains(id, node, replica.block.stamp) {
            return Verdict::Corrupt(CorruptReason::Reported);
        }
        if is_writing(&info, replica.state) {
            return Verdict::Writing;
        }
        let was_outlived = flagged
            && info.block.stamp == replica.block.stamp
            && self.corrupt.reason(id, node).is_some_and(|reason| is_outlived(reason, &info));
        if replica.state == ReplicaState::Finalized
            && (!is_there || was_outlived)
            && (!flagged || was_outlived)
        {
            return Verdict::New;
        }
        match self.corrupt.reason(id, node) {
            // Moved to another storage of its node, and damaged still.
            Some(reason) if flagged && !is_there && !was_outlived => Verdict::Corrupt(reason),
            _ => Verdict::Known,
        }
    }

    /// A replica of a block that is being written: who has it, and how far it is.
    fn note_writing(
        &mut self,
        now: Milliseconds,
        node: NodeIndex,
        storage: StorageIndex,
        replica: ReportedReplica,
        hint: Option<NodeIndex>,
    ) {
        let id = replica.block.id;
        let target = Target { node, storage };
        let construction = self.constructions.entry(id).or_default();
        construction.note(target, replica.block.stamp, replica.state);
        if replica.state == ReplicaState::Finalized {
            self.add_replica(now, id, storage, hint);
        }
    }
}

/// Whether what was wrong with a replica is past once it is told with the block's stamp, and its
/// length where that is known. Hadoop keeps wrong lengths until the replica is deleted: clients
/// that append without a new stamp then find their file without a good replica.
pub(super) fn is_outlived(reason: CorruptReason, info: &BlockInfo) -> bool {
    match reason {
        CorruptReason::StampMismatch => true,
        CorruptReason::SizeMismatch => {
            matches!(info.state, BlockState::Committed | BlockState::Complete)
        }
        _ => false,
    }
}

/// Java's `checkReplicaCorrupt`.
fn why_corrupt(info: &BlockInfo, replica: &ReportedReplica) -> Option<CorruptReason> {
    let other_stamp = info.block.stamp != replica.block.stamp;
    match (replica.state, info.state) {
        (ReplicaState::Finalized, BlockState::Complete | BlockState::Committed) => {
            if other_stamp {
                Some(CorruptReason::StampMismatch)
            } else if info.block.length != replica.block.length {
                Some(CorruptReason::SizeMismatch)
            } else {
                None
            }
        }
        (ReplicaState::Finalized, BlockState::UnderConstruction) => {
            (info.block.stamp > replica.block.stamp).then_some(CorruptReason::StampMismatch)
        }
        (ReplicaState::Finalized, BlockState::UnderRecovery) => None,
        (ReplicaState::BeingWritten | ReplicaState::WaitingToBeRecovered, state) => {
            if state != BlockState::Complete {
                // It left the pipeline before; those that stayed have what was written since.
                (info.block.stamp > replica.block.stamp).then_some(CorruptReason::StampMismatch)
            } else if other_stamp {
                Some(CorruptReason::StampMismatch)
            } else if replica.state == ReplicaState::BeingWritten {
                // The report was late; the final replica will be told.
                None
            } else {
                Some(CorruptReason::InvalidState)
            }
        }
        (ReplicaState::UnderRecovery | ReplicaState::Temporary, _) => {
            Some(CorruptReason::InvalidState)
        }
    }
}

/// Java's `isBlockUnderConstruction`.
fn is_writing(info: &BlockInfo, state: ReplicaState) -> bool {
    match state {
        ReplicaState::Finalized => info.is_under_construction(),
        ReplicaState::BeingWritten | ReplicaState::WaitingToBeRecovered => !info.is_complete(),
        ReplicaState::UnderRecovery | ReplicaState::Temporary => false,
    }
}

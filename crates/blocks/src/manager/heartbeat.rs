//! Heartbeats: what nodes say, what they are told, and who was not heard.

use loxodon_cluster::{AdminState, DatanodeId, Liveness};
use loxodon_wire::ids::Milliseconds;

use super::BlockManager;
use super::background::Task;
use crate::{
    Block, BlockError, DatanodeCommand, NodeIndex, NodeLoad, Storage, StorageReport, StorageState,
    Transfer,
};

/// The answer to a heartbeat.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HeartbeatReply {
    /// What to do.
    pub commands: Vec<DatanodeCommand>,
    /// Leave to send a full report; 0 is none.
    pub report_lease: u64,
}

impl BlockManager {
    /// A node is alive, and says how it is.
    ///
    /// # Errors
    /// If it is not admitted any more, or its uuid is another node's.
    pub fn heartbeat(
        &mut self,
        now: Milliseconds,
        id: &DatanodeId,
        reports: &[StorageReport],
        load: NodeLoad,
        wants_lease: bool,
    ) -> Result<HeartbeatReply, BlockError> {
        let register =
            HeartbeatReply { commands: vec![DatanodeCommand::Register], report_lease: 0 };
        let index = match self.caller(id) {
            Ok(index) => index,
            Err(BlockError::Unregistered(_) | BlockError::ReplacedNode { .. }) => {
                return Ok(register);
            }
            Err(error) => return Err(error),
        };
        let Some(node) = self.cluster.node(index) else { return Ok(register) };
        if node.is_disallowed {
            self.declare_dead(index);
            return Err(BlockError::Disallowed(id.transfer_address()));
        }
        if !node.is_alive || !node.is_registered {
            return Ok(register);
        }
        let transfers = load.transfers;
        self.heard(now, index, reports, load)?;
        let report_lease = if wants_lease {
            let lease = self.rng.u64(1..);
            let (most, length) = (self.settings.max_report_leases, self.settings.report_lease);
            self.leases.grant(now, index, lease, most, length)
        } else {
            0
        };
        let commands =
            if self.safe_mode.is_on() { Vec::new() } else { self.commands_for(index, transfers) };
        Ok(HeartbeatReply { commands, report_lease })
    }

    /// A sign of life between heartbeats, which is not answered. A node that is not known, or
    /// dead, or not admitted hears that at its next heartbeat.
    ///
    /// # Errors
    /// If a storage cannot be its.
    pub fn lifeline(
        &mut self,
        now: Milliseconds,
        id: &DatanodeId,
        reports: &[StorageReport],
        load: NodeLoad,
    ) -> Result<(), BlockError> {
        let Ok(index) = self.caller(id) else { return Ok(()) };
        let serves =
            |node: &crate::Datanode| node.is_alive && node.is_registered && !node.is_disallowed;
        match self.cluster.node(index).is_some_and(serves) {
            true => self.heard(now, index, reports, load),
            false => Ok(()),
        }
    }

    fn heard(
        &mut self,
        now: Milliseconds,
        index: NodeIndex,
        reports: &[StorageReport],
        load: NodeLoad,
    ) -> Result<(), BlockError> {
        self.latest = now;
        self.cluster.update(index, |node| {
            node.last_heard = now;
            node.is_stale = false;
            node.load = load;
            node.scheduled.roll(now);
        });
        self.update_storages(index, reports)
    }

    fn update_storages(
        &mut self,
        index: NodeIndex,
        reports: &[StorageReport],
    ) -> Result<(), BlockError> {
        for report in reports {
            let at = match self.cluster.storage_by_id(index, &report.id) {
                Some(at) => at,
                None => self.cluster.insert_storage(Storage::new(
                    report.id.clone(),
                    index,
                    report.kind,
                    report.state,
                ))?,
            };
            let Some(storage) = self.cluster.storage_mut(at) else { continue };
            storage.kind = report.kind;
            storage.usage = report.usage;
            storage.mount.clone_from(&report.mount);
            storage.heartbeat_seen = true;
            let state = if report.failed { StorageState::Failed } else { report.state };
            let failed_now = state == StorageState::Failed && storage.state != StorageState::Failed;
            storage.state = state;
            if failed_now {
                self.tasks.push_back(Task::Empty { storage: at, even_if_alive: true });
            }
        }
        // A volume that is not named any more has failed or was taken out.
        let known = self.cluster.node(index).map(|node| node.storages.clone()).unwrap_or_default();
        for at in known {
            let Some(storage) = self.cluster.storage_mut(at) else { continue };
            let is_named = reports.iter().any(|report| report.id == storage.id);
            if !is_named && storage.state != StorageState::Failed {
                storage.state = StorageState::Failed;
                self.tasks.push_back(Task::Empty { storage: at, even_if_alive: true });
            }
        }
        Ok(())
    }

    fn commands_for(&mut self, index: NodeIndex, transfers: u32) -> Vec<DatanodeCommand> {
        let recoveries = self.take_recoveries(index);
        if !recoveries.is_empty() {
            // Nothing else delays a recovery.
            return vec![DatanodeCommand::Recover(recoveries)];
        }
        let mut commands = Vec::new();
        let copies = self.take_transfers(index, transfers);
        if !copies.is_empty() {
            commands.push(DatanodeCommand::Transfer(copies));
        }
        let limit = self.invalidate_limit();
        if let Some(node) = self.cluster.node_mut(index) {
            let count = node.released.len().min(limit);
            let deletions: Vec<Block> = node.released.drain(..count).collect();
            if !deletions.is_empty() {
                commands.push(DatanodeCommand::Invalidate(deletions));
            }
            if let Some(bandwidth) = node.bandwidth.take() {
                commands.push(DatanodeCommand::BalancerBandwidth(bandwidth));
            }
        }
        commands
    }

    /// Copies that the node shall make now: as many as it has streams free.
    fn take_transfers(&mut self, index: NodeIndex, running: u32) -> Vec<Transfer> {
        let room = self.settings.max_streams.saturating_sub(running) as usize;
        let mut copies = Vec::new();
        while copies.len() < room {
            let Some(work) = self.cluster.node_mut(index).and_then(|n| n.transfers.pop_front())
            else {
                break;
            };
            // Deleted or written again since it was planned.
            match self.map.get(work.block).filter(|info| info.is_complete()) {
                Some(info) => copies.push(Transfer { block: info.block, targets: work.targets }),
                None => work.targets.into_iter().for_each(|target| self.cluster.unschedule(target)),
            }
        }
        copies
    }

    /// Looks who was not heard for too long; call at least every few heartbeats.
    pub fn check_heartbeats(&mut self, now: Milliseconds) {
        for index in self.cluster.node_indexes() {
            let Some(node) = self.cluster.node(index).filter(|node| node.is_alive) else {
                continue;
            };
            match self.settings.liveness.judge(node.last_heard, now) {
                Liveness::Dead => self.declare_dead(index),
                verdict => {
                    let is_stale = verdict == Liveness::Stale;
                    if let Some(node) = self.cluster.node_mut(index) {
                        node.is_stale = is_stale;
                    }
                }
            }
        }
        self.cluster.roll_scheduled(now);
        self.end_maintenance(now);
    }

    /// Every node is told, with its next heartbeat, how much the balancer may take of its network.
    pub fn set_balancer_bandwidth(&mut self, bytes_per_second: u64) {
        for index in self.cluster.node_indexes() {
            if let Some(node) = self.cluster.node_mut(index) {
                node.bandwidth = Some(bytes_per_second);
            }
        }
    }

    fn end_maintenance(&mut self, now: Milliseconds) {
        for index in self.cluster.node_indexes() {
            let expired = self.cluster.node(index).is_some_and(|node| {
                node.admin.is_maintenance()
                    && node.maintenance_expires.is_some_and(|end| now >= end)
            });
            if expired {
                self.set_admin(now, index, AdminState::Normal);
            }
        }
    }
}

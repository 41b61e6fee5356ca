//! DataNodes come, move to another address, and are taken out.

use loxodon_cluster::DatanodeId;
use loxodon_wire::ids::Milliseconds;

use super::BlockManager;
use super::background::Task;
use crate::{BlockError, Datanode, Event, NodeIndex, Registration};

impl BlockManager {
    /// A DataNode registers: new, restarted, at another address, or in the place of another.
    ///
    /// # Errors
    /// If it is not in the include list, or its rack does not fit in.
    pub fn register(
        &mut self,
        now: Milliseconds,
        registration: Registration,
    ) -> Result<NodeIndex, BlockError> {
        if !self.hosts.is_included(&registration.id) {
            return Err(BlockError::Disallowed(registration.id.transfer_address()));
        }
        self.latest = now;
        let id = &registration.id;
        let known = self.cluster.by_uuid(&id.uuid);
        if let Some(other) = self.cluster.by_address(&id.ip, id.transfer_port)
            && known != Some(other)
        {
            // Formatted anew: what the former node at this address held is gone.
            self.retire(other);
        }
        let index = match known {
            Some(index) => {
                self.cluster.topology.place(index.0, &registration.rack)?;
                self.cluster.clear_address(index);
                self.renew(index, registration);
                self.cluster.set_address(index);
                index
            }
            None => {
                let rack = registration.rack.clone();
                let index = self.cluster.insert_node(Datanode::new(registration, now));
                if let Err(error) = self.cluster.topology.place(index.0, &rack) {
                    self.retire(index);
                    return Err(error.into());
                }
                index
            }
        };
        self.cluster.update(index, |node| {
            node.is_alive = true;
            node.is_registered = true;
            node.is_disallowed = false;
            node.is_stale = false;
            node.last_heard = now;
        });
        self.apply_host_lists(now, index);
        self.check_safe_mode(now);
        Ok(index)
    }

    fn renew(&mut self, index: NodeIndex, registration: Registration) {
        self.cluster.update(index, |node| {
            node.id = registration.id;
            node.rack = registration.rack;
            node.software_version = registration.software_version;
            node.load.xceivers = 0;
        });
        let storages = self.cluster.node(index).map(|node| node.storages.clone());
        for at in storages.into_iter().flatten() {
            if let Some(storage) = self.cluster.storage_mut(at) {
                storage.reports = 0;
                storage.heartbeat_seen = false;
                storage.open_report = None;
            }
        }
    }

    /// Takes a node out for good: it is forgotten by name, its replicas go in slices.
    pub(super) fn retire(&mut self, index: NodeIndex) {
        self.declare_dead(index);
        self.cluster.update(index, |node| node.is_registered = false);
        self.cluster.clear_address(index);
        self.cluster.forget_uuid(index);
        self.tasks.push_back(Task::Forget(index));
    }

    /// A node counts as dead: its work is dropped and its replicas are given up in slices.
    pub(super) fn declare_dead(&mut self, index: NodeIndex) {
        let was_alive = self.cluster.update(index, |node| {
            node.invalidations.clear();
            node.released.clear();
            node.transfers.clear();
            node.recoveries.clear();
            node.scheduled = crate::datanode::Scheduled::default();
            std::mem::replace(&mut node.is_alive, false)
        });
        self.leases.remove(index);
        if was_alive == Some(true) {
            self.expired += 1;
            self.events.push(Event::DatanodeDied(index));
        }
        let Some(node) = self.cluster.node(index) else { return };
        if node.admin == loxodon_cluster::AdminState::InMaintenance {
            // It comes back with everything; until maintenance ends its replicas are kept.
            return;
        }
        for storage in node.storages.clone() {
            self.tasks.push_back(Task::Empty { storage, even_if_alive: false });
        }
        self.cluster.topology.remove(index.0);
    }

    /// The registered node that calls.
    ///
    /// # Errors
    /// Nobody of that uuid, or somebody else under it.
    pub(super) fn caller(&self, id: &DatanodeId) -> Result<NodeIndex, BlockError> {
        let index = self
            .cluster
            .by_uuid(&id.uuid)
            .ok_or_else(|| BlockError::Unregistered(id.transfer_address()))?;
        let node = self
            .cluster
            .node(index)
            .ok_or_else(|| BlockError::Unregistered(id.transfer_address()))?;
        if node.id.ip != id.ip || node.id.transfer_port != id.transfer_port {
            return Err(BlockError::ReplacedNode {
                reported: id.transfer_address(),
                uuid: id.uuid.clone(),
                known: node.id.transfer_address(),
            });
        }
        Ok(index)
    }

    /// As [`BlockManager::caller`], alive as well: for reports.
    pub(super) fn live_caller(&self, id: &DatanodeId) -> Result<NodeIndex, BlockError> {
        let dead = || BlockError::DeadNode(id.transfer_address());
        let index = match self.caller(id) {
            // A NameNode that has just started knows nobody. Who reports to it must not be sent
            // away, which is what that exception means to a DataNode: the answer to its next
            // heartbeat has it register.
            Err(BlockError::Unregistered(_)) => return Err(dead()),
            other => other?,
        };
        let node = self.cluster.node(index);
        node.filter(|node| node.is_alive && node.is_registered).map(|_| index).ok_or_else(dead)
    }
}

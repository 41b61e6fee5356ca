//! Host lists, decommissioning, maintenance.

use std::collections::BTreeSet;

use loxodon_cluster::{AdminState, HostEntry, HostLists};
use loxodon_wire::ids::{BlockId, Milliseconds};

use super::BlockManager;
use super::background::Task;
use crate::{Event, NodeIndex, Priority, StorageIndex};

/// A node that is on its way out, and what keeps it.
#[derive(Clone, Debug, Default)]
pub(super) struct Tracked {
    /// Where looking through its blocks goes on: the storage's place, and the id.
    cursor: Option<(usize, u64)>,
    /// Blocks that are not yet sufficiently elsewhere.
    insufficient: BTreeSet<BlockId>,
    /// Its blocks were all looked at once, so that the next pass decides.
    is_second_pass: bool,
}

impl BlockManager {
    /// New include and exclude lists hold from now on (`refreshNodes`).
    pub fn refresh_hosts(&mut self, now: Milliseconds, lists: HostLists) {
        self.hosts = lists;
        for index in self.cluster.node_indexes() {
            let Some(node) = self.cluster.node(index).filter(|node| node.is_registered) else {
                continue;
            };
            let is_included = self.hosts.is_included(&node.id);
            self.cluster.update(index, |node| node.is_disallowed = !is_included);
            if is_included {
                self.apply_host_lists(now, index);
            }
        }
    }

    /// The include and exclude lists that hold.
    #[must_use]
    pub const fn hosts(&self) -> &HostLists {
        &self.hosts
    }

    /// Hosts of the include list from which no DataNode has come: they count as dead
    /// (`DatanodeManager.getDatanodeListForReport`).
    #[must_use]
    pub fn unheard_hosts(&self) -> Vec<HostEntry> {
        let known: BTreeSet<(String, u16)> = (self.cluster.nodes())
            .filter(|(_, node)| node.is_registered)
            .flat_map(|(_, node)| {
                [&node.id.ip, &node.id.host].into_iter().flat_map(|name| {
                    let name = name.to_ascii_lowercase();
                    [(name.clone(), 0), (name, node.id.transfer_port)]
                })
            })
            .collect();
        let unheard = |entry: &HostEntry| !known.contains(&(entry.host.clone(), entry.port));
        self.hosts.included().filter(unheard).collect()
    }

    /// Brings a node into the state that the lists ask for.
    pub(super) fn apply_host_lists(&mut self, now: Milliseconds, index: NodeIndex) {
        let Some(node) = self.cluster.node(index) else { return };
        let properties = self.hosts.properties(&node.id).cloned().unwrap_or_default();
        let expires = properties.maintenance_expires;
        let is_maintenance =
            properties.admin_state.is_maintenance() && expires.is_none_or(|end| now < end);
        let wanted = if self.hosts.is_excluded(&node.id) {
            AdminState::Decommissioned
        } else if is_maintenance {
            AdminState::InMaintenance
        } else {
            AdminState::Normal
        };
        if let Some(node) = self.cluster.node_mut(index) {
            node.upgrade_domain = properties.upgrade_domain;
            node.maintenance_expires = expires.filter(|_| is_maintenance);
        }
        self.set_admin(now, index, wanted);
    }

    /// Starts towards decommissioned or in maintenance, or goes back into service.
    pub(super) fn set_admin(&mut self, now: Milliseconds, index: NodeIndex, wanted: AdminState) {
        let Some(node) = self.cluster.node(index) else { return };
        let (admin, is_alive) = (node.admin, node.is_alive);
        let next = match wanted {
            AdminState::Normal if admin != AdminState::Normal => AdminState::Normal,
            AdminState::Decommissioned if !admin.is_decommission() => {
                if is_alive {
                    AdminState::DecommissionInProgress
                } else {
                    AdminState::Decommissioned
                }
            }
            AdminState::InMaintenance if !admin.is_maintenance() => {
                if is_alive {
                    AdminState::EnteringMaintenance
                } else {
                    AdminState::InMaintenance
                }
            }
            _ => return,
        };
        self.enter_admin(now, index, next);
        if matches!(next, AdminState::DecommissionInProgress | AdminState::EnteringMaintenance) {
            self.tracked.insert(index, Tracked::default());
        } else {
            self.tracked.remove(&index);
        }
        let storages =
            self.cluster.node(index).map(|node| node.storages.clone()).unwrap_or_default();
        for storage in storages {
            // Out of maintenance and not there: given up like any dead node's replicas.
            let task = if next == AdminState::Normal && !is_alive {
                Task::Empty { storage, even_if_alive: false }
            } else {
                Task::Rescan { storage, from: 0 }
            };
            self.tasks.push_back(task);
        }
    }

    fn enter_admin(&mut self, now: Milliseconds, index: NodeIndex, state: AdminState) {
        self.cluster.update(index, |node| {
            node.admin = state;
            node.admin_since = now;
        });
    }

    /// Goes on with decommissioning and entering maintenance; every
    /// `dfs.namenode.decommission.interval` (30 s). Looks at no more blocks than the settings allow.
    pub fn check_admin(&mut self, now: Milliseconds) {
        let mut budget = self.settings.decommission_blocks_per_round.max(1);
        let limit = match self.settings.decommission_tracked_nodes {
            0 => usize::MAX,
            limit => limit,
        };
        let nodes: Vec<NodeIndex> = self.tracked.keys().copied().take(limit).collect();
        for index in nodes {
            let Some(mut tracked) = self.tracked.remove(&index) else { continue };
            if self.advance_tracked(now, index, &mut tracked, &mut budget) {
                continue;
            }
            self.tracked.insert(index, tracked);
            if budget == 0 {
                break;
            }
        }
    }

    /// `true` once the node got where it was going.
    fn advance_tracked(
        &mut self,
        now: Milliseconds,
        index: NodeIndex,
        tracked: &mut Tracked,
        budget: &mut usize,
    ) -> bool {
        let is_leaving = match self.cluster.node(index).map(|node| node.admin) {
            Some(AdminState::DecommissionInProgress) => true,
            Some(AdminState::EnteringMaintenance) => false,
            _ => return true,
        };
        let waiting: Vec<BlockId> = tracked.insufficient.iter().copied().take(*budget).collect();
        *budget = budget.saturating_sub(waiting.len());
        for id in waiting {
            if self.is_sufficient(id, index, is_leaving) {
                tracked.insufficient.remove(&id);
            }
        }
        if !tracked.insufficient.is_empty()
            || !self.look_through(index, tracked, is_leaving, budget)
        {
            return false;
        }
        if !tracked.insufficient.is_empty() || !std::mem::replace(&mut tracked.is_second_pass, true)
        {
            return false;
        }
        if !self.is_healthy(index) {
            return false;
        }
        let (state, event) = if is_leaving {
            (AdminState::Decommissioned, Event::DatanodeDecommissioned(index))
        } else {
            (AdminState::InMaintenance, Event::DatanodeInMaintenance(index))
        };
        self.enter_admin(now, index, state);
        self.events.push(event);
        true
    }

    /// Looks at the node's blocks from the cursor on; `true` once all were seen.
    fn look_through(
        &mut self,
        index: NodeIndex,
        tracked: &mut Tracked,
        is_leaving: bool,
        budget: &mut usize,
    ) -> bool {
        let storages =
            self.cluster.node(index).map(|node| node.storages.clone()).unwrap_or_default();
        let (mut at, mut from) = tracked.cursor.take().unwrap_or((0, 0));
        while let Some(storage) = storages.get(at).copied() {
            if *budget == 0 {
                tracked.cursor = Some((at, from));
                return false;
            }
            let ids = self.blocks_from(storage, from, *budget);
            *budget -= ids.len();
            let last = ids.last().map(|id| (id.0 as u64).saturating_add(1));
            for id in ids {
                if !self.is_sufficient(id, index, is_leaving) {
                    tracked.insufficient.insert(id);
                    self.refresh(id);
                }
            }
            match last {
                Some(next) if *budget == 0 => from = next,
                _ => (at, from) = (at + 1, 0),
            }
        }
        true
    }

    /// Whether the cluster can do without this node's replica of the block.
    fn is_sufficient(&mut self, id: BlockId, index: NodeIndex, is_leaving: bool) -> bool {
        let replicas = self.map.replicas(id);
        let is_here = replicas.into_iter().any(|at| self.is_on(at, index));
        let Some(info) = self.map.get(id).filter(|_| is_here) else { return true };
        let counts = self.count_replicas(id);
        if !info.is_complete() {
            return counts.live >= self.settings.min_replication;
        }
        let enough = if is_leaving {
            counts.live >= info.replication.min(self.settings.default_replication)
                && (counts.live < info.replication || self.has_enough(&info, &counts, 0))
        } else {
            counts.live >= self.required(&info, &counts)
        };
        if !enough
            && self.pending.count(id) == 0
            && self.low.priority(id).is_none()
            && self.queues_open
        {
            let required = self.required(&info, &counts);
            self.low.put(id, Priority::of(&counts, required), info.replication);
        }
        enough
    }

    fn is_on(&self, storage: StorageIndex, index: NodeIndex) -> bool {
        self.cluster.storage(storage).is_some_and(|s| s.node == index)
    }

    /// A node that never reported may hold what nobody else has.
    fn is_healthy(&self, index: NodeIndex) -> bool {
        let Some(node) = self.cluster.node(index) else { return false };
        let reported =
            node.storages.iter().all(|at| self.cluster.storage(*at).is_some_and(|s| s.reports > 0));
        if node.is_alive { reported } else { self.low.reparable() == 0 && self.pending.len() == 0 }
    }

    /// Blocks that keep a node from being decommissioned or going into maintenance.
    #[must_use]
    pub fn blocks_keeping(&self, index: NodeIndex) -> Vec<BlockId> {
        self.tracked.get(&index).map_or_else(Vec::new, |t| t.insufficient.iter().copied().collect())
    }
}

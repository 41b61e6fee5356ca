//! DataNodes and storages by index, and where they stand: what placement looks at.

use std::collections::BTreeMap;
use std::sync::Arc;

use loxodon_cluster::{RackIndex, StorageType, Topology};
use loxodon_wire::ids::Milliseconds;

use crate::record::MAX_STORAGES;
use crate::{BlockError, Datanode, NodeIndex, Storage, StorageIndex, Target};

/// Nodes, storages, racks.
#[derive(Clone, Debug, Default)]
pub(crate) struct ClusterState {
    pub(crate) topology: Topology,
    nodes: Vec<Option<Datanode>>,
    storages: Vec<Option<Storage>>,
    free_storages: Vec<StorageIndex>,
    by_uuid: BTreeMap<Arc<str>, NodeIndex>,
    by_address: BTreeMap<(Arc<str>, u16), NodeIndex>,
    in_service: u64,
    in_service_load: u64,
}

impl ClusterState {
    pub(crate) fn node(&self, index: NodeIndex) -> Option<&Datanode> {
        self.nodes.get(index.0 as usize)?.as_ref()
    }

    pub(crate) fn storage(&self, index: StorageIndex) -> Option<&Storage> {
        self.storages.get(index.0 as usize)?.as_ref()
    }

    pub(crate) fn storage_mut(&mut self, index: StorageIndex) -> Option<&mut Storage> {
        self.storages.get_mut(index.0 as usize)?.as_mut()
    }

    /// For changes that touch neither load nor state: see [`ClusterState::update`] for those.
    pub(crate) fn node_mut(&mut self, index: NodeIndex) -> Option<&mut Datanode> {
        self.nodes.get_mut(index.0 as usize)?.as_mut()
    }

    /// Changes a node and keeps the sums over all nodes right.
    pub(crate) fn update<T>(
        &mut self,
        index: NodeIndex,
        change: impl FnOnce(&mut Datanode) -> T,
    ) -> Option<T> {
        let node = self.nodes.get_mut(index.0 as usize)?.as_mut()?;
        let share = |node: &Datanode| {
            let counts = node.is_alive && node.admin.is_in_service();
            if counts { (1, u64::from(node.load.xceivers)) } else { (0, 0) }
        };
        let before = share(node);
        let result = change(node);
        let after = share(node);
        self.in_service = self.in_service + after.0 - before.0;
        self.in_service_load = self.in_service_load + after.1 - before.1;
        Some(result)
    }

    /// Transfer threads per node in service.
    pub(crate) fn average_load(&self) -> f64 {
        if self.in_service == 0 {
            0.0
        } else {
            self.in_service_load as f64 / self.in_service as f64
        }
    }

    pub(crate) fn node_indexes(&self) -> impl Iterator<Item = NodeIndex> + use<> {
        (0..self.nodes.len() as u32).map(NodeIndex)
    }

    pub(crate) fn nodes(&self) -> impl Iterator<Item = (NodeIndex, &Datanode)> {
        let numbered = self.nodes.iter().enumerate();
        numbered.filter_map(|(at, node)| Some((NodeIndex(at as u32), node.as_ref()?)))
    }

    pub(crate) fn storages(&self) -> impl Iterator<Item = (StorageIndex, &Storage)> {
        let numbered = self.storages.iter().enumerate();
        numbered.filter_map(|(at, storage)| Some((StorageIndex(at as u32), storage.as_ref()?)))
    }

    pub(crate) fn by_uuid(&self, uuid: &str) -> Option<NodeIndex> {
        self.by_uuid.get(uuid).copied()
    }

    pub(crate) fn by_address(&self, ip: &Arc<str>, port: u16) -> Option<NodeIndex> {
        self.by_address.get(&(ip.clone(), port)).copied()
    }

    /// A node at that address, whatever its port; `pick` chooses among several.
    pub(crate) fn on_machine(
        &self,
        ip: &str,
        pick: impl FnOnce(usize) -> usize,
    ) -> Option<NodeIndex> {
        let from: Arc<str> = ip.into();
        let here = || {
            let after = self.by_address.range((from.clone(), 0)..);
            after.take_while(|((known, _), _)| known.as_ref() == ip).map(|(_, index)| *index)
        };
        match here().count() {
            0 => None,
            1 => here().next(),
            several => here().nth(pick(several)),
        }
    }

    /// A node by `host:port` or `ip:port` of its data transfer.
    pub(crate) fn by_name(&self, name: &str) -> Option<NodeIndex> {
        let (host, port) = name.rsplit_once(':')?;
        let port: u16 = port.parse().ok()?;
        self.by_address(&host.into(), port).or_else(|| {
            let same = |(_, node): &(NodeIndex, &Datanode)| {
                node.id.transfer_port == port && node.id.host.as_ref() == host
            };
            self.nodes().find(same).map(|(index, _)| index)
        })
    }

    pub(crate) fn insert_node(&mut self, node: Datanode) -> NodeIndex {
        let index = NodeIndex(self.nodes.len() as u32);
        self.by_uuid.insert(node.id.uuid.clone(), index);
        self.by_address.insert((node.id.ip.clone(), node.id.transfer_port), index);
        self.nodes.push(Some(node));
        index
    }

    /// Forgets under which address the node is known; a new one is set by `set_address`.
    pub(crate) fn clear_address(&mut self, index: NodeIndex) {
        self.by_address.retain(|_, known| *known != index);
    }

    pub(crate) fn set_address(&mut self, index: NodeIndex) {
        if let Some(node) = self.node(index) {
            let key = (node.id.ip.clone(), node.id.transfer_port);
            self.by_address.insert(key, index);
        }
    }

    /// Forgets the uuid: the node's index stays, for replicas that are yet to be taken away.
    pub(crate) fn forget_uuid(&mut self, index: NodeIndex) {
        self.by_uuid.retain(|_, known| *known != index);
    }

    pub(crate) fn insert_storage(&mut self, storage: Storage) -> Result<StorageIndex, BlockError> {
        let node = storage.node;
        let index = match self.free_storages.pop() {
            Some(index) => index,
            None if self.storages.len() >= MAX_STORAGES => return Err(BlockError::TooManyStorages),
            None => {
                self.storages.push(None);
                StorageIndex((self.storages.len() - 1) as u32)
            }
        };
        if let Some(slot) = self.storages.get_mut(index.0 as usize) {
            *slot = Some(storage);
        }
        if let Some(node) = self.node_mut(node) {
            node.storages.push(index);
        }
        Ok(index)
    }

    /// Drops an empty storage.
    pub(crate) fn remove_storage(&mut self, index: StorageIndex) {
        let Some(storage) = self.storages.get_mut(index.0 as usize).and_then(Option::take) else {
            return;
        };
        self.free_storages.push(index);
        if let Some(node) = self.node_mut(storage.node) {
            node.storages.retain(|known| *known != index);
        }
    }

    pub(crate) fn storage_by_id(&self, node: NodeIndex, id: &str) -> Option<StorageIndex> {
        let storages = &self.node(node)?.storages;
        storages.iter().copied().find(|at| self.storage(*at).is_some_and(|s| s.id.as_ref() == id))
    }

    pub(crate) fn kind_of(&self, target: Target) -> Option<StorageType> {
        self.storage(target.storage).map(|storage| storage.kind)
    }

    pub(crate) fn target(&self, storage: StorageIndex) -> Option<Target> {
        self.storage(storage).map(|s| Target { node: s.node, storage })
    }

    pub(crate) fn rack_of(&self, node: NodeIndex) -> Option<RackIndex> {
        self.topology.rack_of(node.0)
    }

    /// Bytes free on all storages of a node.
    pub(crate) fn remaining_of(&self, node: NodeIndex) -> u64 {
        let storages = self.node(node).into_iter().flat_map(|node| &node.storages);
        storages
            .filter_map(|at| self.storage(*at))
            .map(|s| s.usage.remaining)
            .fold(0, u64::saturating_add)
    }

    pub(crate) fn live_count(&self) -> usize {
        self.nodes().filter(|(_, node)| node.is_alive).count()
    }

    pub(crate) fn schedule(&mut self, target: Target) {
        let Some(kind) = self.kind_of(target) else { return };
        if let Some(node) = self.node_mut(target.node) {
            node.scheduled.add(kind);
        }
    }

    pub(crate) fn unschedule(&mut self, target: Target) {
        let Some(kind) = self.kind_of(target) else { return };
        if let Some(node) = self.node_mut(target.node) {
            node.scheduled.remove(kind);
        }
    }

    pub(crate) fn roll_scheduled(&mut self, now: Milliseconds) {
        for node in self.nodes.iter_mut().flatten() {
            node.scheduled.roll(now);
        }
    }
}

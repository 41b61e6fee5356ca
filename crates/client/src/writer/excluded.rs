//! DataNodes that no pipeline could be made with (`DFSClient`'s excluded nodes).

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::types::Location;

/// Failed DataNodes, remembered for a while by all files of a client.
#[derive(Debug)]
pub(crate) struct ExcludedNodes {
    expiry: Duration,
    nodes: Mutex<Vec<(Location, Instant)>>,
}

impl ExcludedNodes {
    pub(crate) fn new(expiry: Duration) -> Self {
        Self { expiry, nodes: Mutex::new(Vec::new()) }
    }

    pub(crate) fn add(&self, node: Location) {
        let mut nodes = self.nodes();
        nodes.retain(|(known, _)| known.datanode.uuid != node.datanode.uuid);
        nodes.push((node, Instant::now()));
    }

    pub(crate) fn current(&self) -> Vec<Location> {
        let mut nodes = self.nodes();
        nodes.retain(|(_, since)| since.elapsed() < self.expiry);
        nodes.iter().map(|(node, _)| node.clone()).collect()
    }

    fn nodes(&self) -> MutexGuard<'_, Vec<(Location, Instant)>> {
        self.nodes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

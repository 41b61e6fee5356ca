//! Keeps the leases of open files alive (`LeaseRenewer`).

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use loxodon_wire::proto::hdfs;
use loxodon_wire::rpc::protocol;
use tokio::time::Instant;

use crate::namenode::NameNodes;
use crate::retry::Repeat;

/// Half of `HdfsConstants.LEASE_SOFTLIMIT_PERIOD`, as Hadoop renews.
const RENEWAL_INTERVAL: Duration = Duration::from_secs(30);

/// Renews one client's lease while it has files open; the task ends with the last of them.
#[derive(Debug)]
pub(crate) struct LeaseRenewer {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    name_nodes: Arc<NameNodes>,
    client_name: String,
    hard_limit: Duration,
    open: Mutex<Open>,
}

#[derive(Debug, Default)]
struct Open {
    /// Inode number to the namespace that it lies in (behind a router).
    files: BTreeMap<u64, Option<String>>,
    running: bool,
}

impl LeaseRenewer {
    pub(crate) fn new(
        name_nodes: Arc<NameNodes>,
        client_name: String,
        hard_limit: Duration,
    ) -> Self {
        let open = Mutex::new(Open::default());
        Self { shared: Arc::new(Shared { name_nodes, client_name, hard_limit, open }) }
    }

    /// A file was opened for writing. Must be called within a tokio runtime.
    pub(crate) fn opened(&self, file_id: u64, namespace: Option<String>) {
        let mut open = self.shared.open();
        open.files.insert(file_id, namespace.filter(|name| !name.is_empty()));
        if !open.running {
            open.running = true;
            tokio::spawn(renew(Arc::clone(&self.shared)));
        }
    }

    /// A file was closed.
    pub(crate) fn closed(&self, file_id: u64) {
        self.shared.open().files.remove(&file_id);
    }
}

impl Shared {
    fn open(&self) -> MutexGuard<'_, Open> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What to renew now; `None` ends the task.
    fn namespaces(&self) -> Option<Vec<String>> {
        let mut open = self.open();
        if open.files.is_empty() {
            open.running = false;
            return None;
        }
        let mut names: Vec<String> = open.files.values().flatten().cloned().collect();
        names.sort_unstable();
        names.dedup();
        Some(names)
    }
}

async fn renew(shared: Arc<Shared>) {
    let mut renewed = Instant::now();
    loop {
        tokio::time::sleep(RENEWAL_INTERVAL).await;
        let Some(namespaces) = shared.namespaces() else { return };
        let request =
            hdfs::RenewLeaseRequestProto { client_name: shared.client_name.clone(), namespaces };
        let answer: crate::error::Result<hdfs::RenewLeaseResponseProto> = shared
            .name_nodes
            .call(&protocol::CLIENT_NAMENODE, "renewLease", &request, Repeat::Safe)
            .await;
        match answer {
            Ok(_) => renewed = Instant::now(),
            Err(error) => {
                let silent = renewed.elapsed();
                tracing::warn!(client = %shared.client_name, ?silent, %error, "lease is not renewed");
                if silent > shared.hard_limit {
                    // The NameNode has given the files to others by now.
                    let mut open = shared.open();
                    open.files.clear();
                    open.running = false;
                    return;
                }
            }
        }
    }
}

//! What clients ask of trackers and queues.

use super::{JobTracker, Tracker};
use crate::job::Caller;
use crate::protocol::{ClusterMetrics, QueueAcl, QueueMessage, TrackerMessage};
use crate::scheduler::{Operation, QueueView};

impl JobTracker {
    /// The cluster in numbers.
    #[must_use]
    pub fn metrics(&self) -> ClusterMetrics {
        let mut metrics =
            ClusterMetrics { submissions: self.submissions, ..ClusterMetrics::default() };
        for tracker in &self.trackers {
            metrics.decommissioned_trackers += u32::from(tracker.excluded);
            if !tracker.alive {
                continue;
            }
            let reduces = tracker.running.iter().filter(|o| o.is_reduce()).count() as u32;
            let node = &tracker.node;
            metrics.trackers += 1;
            metrics.blacklisted_trackers += u32::from(is_blacklisted(tracker));
            metrics.running_reduces += reduces;
            metrics.running_maps += tracker.running.len() as u32 - reduces;
            metrics.map_slots += node.map_slots.unwrap_or(node.capacity.cores);
            metrics.reduce_slots += node.reduce_slots.unwrap_or(node.capacity.cores);
            metrics.memory_mb = metrics.memory_mb.saturating_add(node.capacity.memory_mb);
            metrics.cores = metrics.cores.saturating_add(node.capacity.cores);
            metrics.used_memory_mb = metrics.used_memory_mb.saturating_add(tracker.used.memory_mb);
            metrics.used_cores = metrics.used_cores.saturating_add(tracker.used.cores);
        }
        metrics
    }

    /// Trackers that live and get tasks, by name.
    #[must_use]
    pub fn active_trackers(&self) -> Vec<TrackerMessage> {
        self.trackers_where(|tracker| tracker.alive && !is_blacklisted(tracker))
    }

    /// Trackers that live and get none, by name.
    #[must_use]
    pub fn blacklisted_trackers(&self) -> Vec<TrackerMessage> {
        self.trackers_where(|tracker| tracker.alive && is_blacklisted(tracker))
    }

    /// Trackers that were lost or taken out, by name.
    #[must_use]
    pub fn lost_trackers(&self) -> Vec<TrackerMessage> {
        self.trackers_where(|tracker| !tracker.alive)
    }

    fn trackers_where(&self, wanted: impl Fn(&Tracker) -> bool) -> Vec<TrackerMessage> {
        let indices = self.by_name.values();
        let trackers = indices.filter_map(|index| self.tracker(*index));
        trackers.filter(|tracker| wanted(tracker)).map(message).collect()
    }

    /// All queues as a forest, with their jobs.
    #[must_use]
    pub fn queues(&self) -> Vec<QueueMessage> {
        let views = self.scheduler.queues(self.capacity, &self.shares);
        self.children(&views, "", 0)
    }

    fn children(&self, views: &[QueueView], parent: &str, depth: usize) -> Vec<QueueMessage> {
        // A queue below itself would have no end.
        if depth > 64 {
            return Vec::new();
        }
        let below = views.iter().filter(|view| view.parent == parent);
        let queue = |view: &QueueView| QueueMessage {
            name: view.name.clone(),
            state: view.state.name().to_owned(),
            scheduling_info: view.info.clone(),
            jobs: self
                .active
                .iter()
                .filter(|index| self.job(**index).is_some_and(|job| *job.queue == *view.name))
                .filter_map(|index| self.status_of(*index))
                .collect(),
            children: self.children(views, &view.name, depth + 1),
        };
        below.map(queue).collect()
    }

    /// One queue, wherever it is in the tree.
    #[must_use]
    pub fn queue(&self, name: &str) -> Option<QueueMessage> {
        fn find(queues: Vec<QueueMessage>, name: &str) -> Option<QueueMessage> {
            queues.into_iter().find_map(|mut queue| {
                if queue.name == name {
                    return Some(queue);
                }
                find(std::mem::take(&mut queue.children), name)
            })
        }
        find(self.queues(), name)
    }

    /// What the caller may do in each queue.
    #[must_use]
    pub fn queue_acls(&self, caller: &Caller) -> Vec<QueueAcl> {
        let views = self.scheduler.queues(self.capacity, &self.shares);
        let acl = |view: QueueView| {
            let operations = [Operation::Administer, Operation::Submit];
            let operations = operations
                .into_iter()
                .filter(|operation| self.scheduler.allows(caller, &view.name, *operation));
            let operations = operations.map(|operation| operation.name().to_owned()).collect();
            QueueAcl { queue: view.name, operations }
        };
        views.into_iter().map(acl).collect()
    }

    /// Whether the caller may change others' jobs in a queue.
    #[must_use]
    pub fn administers(&self, caller: &Caller, queue: &str) -> bool {
        self.scheduler.allows(caller, queue, Operation::Administer)
    }

    /// Who may administer a queue, as it is written.
    #[must_use]
    pub fn queue_administrators(&self, queue: &str) -> String {
        self.scheduler.administrators(queue)
    }
}

fn is_blacklisted(tracker: &Tracker) -> bool {
    tracker.blacklisted || tracker.excluded || !tracker.health.is_empty()
}

fn message(tracker: &Tracker) -> TrackerMessage {
    let reason = if tracker.excluded {
        "Excluded by the operator"
    } else if !tracker.health.is_empty() {
        "Node is unhealthy"
    } else if tracker.blacklisted {
        "Too many failures of tasks"
    } else {
        ""
    };
    TrackerMessage {
        name: tracker.name.to_string(),
        host: tracker.node.host.to_string(),
        rack: tracker.node.rack.to_string(),
        http: tracker.http(),
        last_seen: tracker.last_seen,
        running: tracker.running.len() as u32,
        faults: tracker.faults.len() as u32,
        blacklist_reason: reason.to_owned(),
        health_report: tracker.health.clone(),
        memory_mb: tracker.node.capacity.memory_mb,
        cores: tracker.node.capacity.cores,
        used_memory_mb: tracker.used.memory_mb,
        used_cores: tracker.used.cores,
    }
}

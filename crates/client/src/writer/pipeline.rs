//! Which DataNodes a block is written to, and what happens when one fails
//! (`DataStreamer.ErrorState`, `ReplaceDatanodeOnFailure`). Pure: time is an argument.

use std::time::{Duration, Instant};

use crate::settings::ReplacePolicy;
use crate::types::Location;

/// `DataStreamer.handleRestartingDatanode`: how often a restarting node is tried.
const RESTART_PROBE: Duration = Duration::from_secs(4);

/// What went wrong, as far as is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// The node at this place failed.
    Node(usize),
    /// The node at this place says that it restarts.
    Restarting(usize),
    /// Something failed; the first node is the one that can be blamed.
    Unknown,
}

/// Why a block cannot be written on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum GiveUp {
    /// No node is left.
    AllBad,
    /// Recovered too often without a packet being acknowledged.
    TooOften,
}

/// What to do before the next attempt at a pipeline.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Next {
    /// Connect to the nodes that are left.
    Connect,
    /// Give a restarting node time, then connect.
    Wait(Duration),
}

/// The nodes of a block under construction and their failures.
#[derive(Debug, Default)]
pub(crate) struct Pipeline {
    /// Where the block is written, first to last.
    pub(crate) nodes: Vec<Location>,
    /// Nodes that failed while this block was written.
    pub(crate) failed: Vec<Location>,
    bad: Option<usize>,
    /// Place of a restarting node and when its time is up.
    restarting: Option<(usize, Instant)>,
    recoveries: u32,
    acknowledged_before: i64,
}

impl Pipeline {
    pub(crate) fn new(nodes: Vec<Location>) -> Self {
        Self { nodes, acknowledged_before: i64::MIN, ..Self::default() }
    }

    /// Notes a failure. A restarting node is worth waiting for if it is the only one or
    /// `local`; otherwise it counts as failed.
    pub(crate) fn blame(&mut self, fault: Fault, local: bool, timeout: Duration, now: Instant) {
        match fault {
            Fault::Restarting(index) if self.nodes.len() == 1 || local => {
                // Whatever was blamed before was likely the restart.
                self.bad = None;
                if self.restarting.is_none() {
                    self.restarting = Some((index, now + timeout));
                }
            }
            Fault::Node(index) | Fault::Restarting(index) => {
                self.bad = Some(index.min(self.nodes.len().saturating_sub(1)));
            }
            Fault::Unknown => {
                if self.bad.is_none() && self.restarting.is_none() {
                    self.bad = Some(0);
                }
            }
        }
    }

    /// Counts a recovery; `acknowledged` is the last packet that got through.
    pub(crate) fn begin_recovery(&mut self, acknowledged: i64, limit: u32) -> Result<(), GiveUp> {
        if acknowledged > self.acknowledged_before {
            self.acknowledged_before = acknowledged;
            self.recoveries = 0;
        }
        if self.restarting.is_none() {
            self.recoveries = self.recoveries.saturating_add(1);
        }
        if self.recoveries > limit { Err(GiveUp::TooOften) } else { Ok(()) }
    }

    /// Takes out what failed.
    pub(crate) fn prepare(&mut self, timeout: Duration, now: Instant) -> Result<Next, GiveUp> {
        if let Some((index, deadline)) = self.restarting
            && now >= deadline
        {
            self.restarting = None;
            self.bad.get_or_insert(index);
        }
        if let Some(bad) = self.bad.take() {
            if self.nodes.len() <= 1 || bad >= self.nodes.len() {
                return Err(GiveUp::AllBad);
            }
            self.failed.push(self.nodes.remove(bad));
            self.restarting = match self.restarting {
                Some((index, _)) if index == bad => None,
                Some((index, deadline)) if index > bad => Some((index - 1, deadline)),
                unchanged => unchanged,
            };
        }
        Ok(match self.restarting {
            Some(_) => Next::Wait(timeout.min(RESTART_PROBE)),
            None => Next::Connect,
        })
    }

    /// The pipeline stands again.
    pub(crate) fn recovered(&mut self) {
        self.bad = None;
        self.restarting = None;
    }

    /// Whether a node is to be added (`ReplaceDatanodeOnFailure.satisfy`).
    pub(crate) fn wants_replacement(
        &self,
        policy: ReplacePolicy,
        replication: usize,
        appended: bool,
        flushed: bool,
    ) -> bool {
        let left = self.nodes.len();
        if left == 0 || left >= replication {
            return false;
        }
        match policy {
            ReplacePolicy::Disabled | ReplacePolicy::Never => false,
            ReplacePolicy::Always => true,
            ReplacePolicy::Default => {
                replication >= 3 && (left <= replication / 2 || appended || flushed)
            }
        }
    }

    /// The node that hands its data to the one at `added`: at each attempt another of those that were there
    /// before, in their order (`addDatanode2ExistingPipeline`).
    pub(crate) fn transfer_source(&self, added: usize, attempt: usize) -> Option<&Location> {
        let before = self.nodes.len().saturating_sub(1);
        let at = attempt.checked_rem(before)?;
        self.nodes.get(if at < added { at } else { at.saturating_add(1) })
    }

    /// Place of a node by `ip:port`, as a `firstBadLink` names it.
    pub(crate) fn place_of(&self, address: &str) -> Option<usize> {
        self.nodes.iter().position(|at| {
            at.datanode.transfer_address() == address
                || format!("{}:{}", at.datanode.host, at.datanode.transfer_port) == address
        })
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::types::{DatanodeInfo, StorageType};

    const RESTART: Duration = Duration::from_secs(30);

    fn pipeline(names: &[&str]) -> Pipeline {
        Pipeline::new(names.iter().map(|name| node(name)).collect())
    }

    fn node(name: &str) -> Location {
        let datanode =
            DatanodeInfo { ip: name.into(), transfer_port: 9866, ..DatanodeInfo::default() };
        Location {
            datanode: Arc::new(datanode),
            storage_id: String::new(),
            storage_type: StorageType::Disk,
            cached: false,
        }
    }

    fn names(pipeline: &Pipeline) -> Vec<&str> {
        pipeline.nodes.iter().map(|at| at.datanode.ip.as_str()).collect()
    }

    #[test]
    fn failed_node_leaves_and_the_rest_goes_on() {
        let now = Instant::now();
        let mut three = pipeline(&["a", "b", "c"]);
        three.blame(Fault::Node(1), false, RESTART, now);
        // What the broken connection adds does not blame a second node.
        three.blame(Fault::Unknown, false, RESTART, now);
        assert_eq!(three.prepare(RESTART, now), Ok(Next::Connect));
        assert_eq!(names(&three), ["a", "c"]);
        assert_eq!(three.failed.len(), 1);
    }

    #[test]
    fn last_node_is_not_given_up_for_another() {
        let now = Instant::now();
        let mut one = pipeline(&["a"]);
        one.blame(Fault::Unknown, false, RESTART, now);
        assert_eq!(one.prepare(RESTART, now), Err(GiveUp::AllBad));
    }

    #[test]
    fn restarting_node_gets_its_time_and_no_more() {
        let now = Instant::now();
        let mut one = pipeline(&["a"]);
        one.blame(Fault::Unknown, false, RESTART, now);
        one.blame(Fault::Restarting(0), false, RESTART, now);
        assert_eq!(one.prepare(RESTART, now), Ok(Next::Wait(Duration::from_secs(4))));
        assert_eq!(one.prepare(RESTART, now + RESTART), Err(GiveUp::AllBad));
    }

    #[test]
    fn restarting_remote_node_counts_as_failed() {
        let now = Instant::now();
        let mut two = pipeline(&["a", "b"]);
        two.blame(Fault::Restarting(0), false, RESTART, now);
        assert_eq!(two.prepare(RESTART, now), Ok(Next::Connect));
        assert_eq!(names(&two), ["b"]);
    }

    #[test]
    fn restarting_place_moves_when_one_before_it_leaves() {
        let now = Instant::now();
        let mut three = pipeline(&["a", "b", "c"]);
        three.blame(Fault::Restarting(2), true, RESTART, now);
        three.blame(Fault::Node(0), false, RESTART, now);
        assert!(matches!(three.prepare(RESTART, now), Ok(Next::Wait(_))));
        assert_eq!(names(&three), ["b", "c"]);
        assert_eq!(three.prepare(RESTART, now + RESTART), Ok(Next::Connect));
        assert_eq!(names(&three), ["b"]);
    }

    #[test]
    fn recoveries_are_limited_for_the_same_packet_only() {
        let mut three = pipeline(&["a", "b", "c"]);
        for _ in 0..5 {
            assert_eq!(three.begin_recovery(7, 5), Ok(()));
        }
        assert_eq!(three.begin_recovery(7, 5), Err(GiveUp::TooOften));
        assert_eq!(three.begin_recovery(8, 5), Ok(()));
    }

    #[test]
    fn replacement_follows_the_policies() {
        let wants = |left: &[&str], policy, replication, flushed| {
            pipeline(left).wants_replacement(policy, replication, false, flushed)
        };
        assert!(!wants(&["a", "b"], ReplacePolicy::Default, 3, false));
        assert!(wants(&["a", "b"], ReplacePolicy::Default, 3, true));
        assert!(wants(&["a"], ReplacePolicy::Default, 3, false));
        assert!(!wants(&["a"], ReplacePolicy::Default, 2, true));
        assert!(wants(&["a"], ReplacePolicy::Always, 2, false));
        assert!(!wants(&["a"], ReplacePolicy::Never, 3, true));
        assert!(!wants(&["a", "b", "c"], ReplacePolicy::Always, 3, true));
        assert!(!wants(&["a"], ReplacePolicy::Disabled, 3, true));
    }

    #[test]
    fn each_attempt_copies_from_another_node() {
        let three = pipeline(&["a", "b", "c"]);
        let sources = |added| {
            let of = |attempt| three.transfer_source(added, attempt);
            [0, 1, 2]
                .map(|attempt| of(attempt).map(|at| at.datanode.ip.clone()).unwrap_or_default())
        };
        assert_eq!(sources(0), ["b", "c", "b"]);
        assert_eq!(sources(1), ["a", "c", "a"]);
        assert_eq!(sources(2), ["a", "b", "a"]);
        assert!(pipeline(&["a"]).transfer_source(0, 0).is_none());
    }
}

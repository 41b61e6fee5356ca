//! Replicas that were found damaged, until the NameNodes have heard of them: Hadoop's `ReportBadBlockAction`.

use loxodon_wire::proto::hdfs as proto;
use parking_lot::Mutex;

use crate::block::Block;

/// More than this are not kept: what is damaged is found again.
const MOST: usize = 10_000;

/// A replica that is damaged.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct BadReplica {
    pub(crate) block: Block,
    /// Who has it; `None` if it is ours.
    pub(crate) datanode: Option<proto::DatanodeInfoProto>,
    /// Storage type and id, of ours.
    pub(crate) storage: Option<(i32, String)>,
}

impl BadReplica {
    /// The replica for a message; `own` is who we are to this NameNode.
    pub(super) fn to_proto(&self, own: &proto::DatanodeIdProto) -> proto::LocatedBlockProto {
        let us = || proto::DatanodeInfoProto { id: own.clone(), ..Default::default() };
        proto::LocatedBlockProto {
            b: self.block.to_proto(),
            locs: vec![self.datanode.clone().unwrap_or_else(us)],
            storage_types: self.storage.iter().map(|(kind, _)| *kind).collect(),
            storage_i_ds: self.storage.iter().map(|(_, id)| id.clone()).collect(),
            ..Default::default()
        }
    }
}

/// Those that one NameNode has not heard of.
#[derive(Debug, Default)]
pub(crate) struct BadReplicas(Mutex<Vec<BadReplica>>);

impl BadReplicas {
    pub(super) fn add(&self, bad: &BadReplica) {
        let mut waiting = self.0.lock();
        if waiting.len() < MOST && !waiting.contains(bad) {
            waiting.push(bad.clone());
        }
    }

    pub(super) fn take(&self) -> Vec<BadReplica> {
        std::mem::take(&mut *self.0.lock())
    }

    /// Puts back what was not heard.
    pub(super) fn restore(&self, unsent: &[BadReplica]) {
        unsent.iter().for_each(|bad| self.add(bad));
    }
}

//! Full and incremental reports, restarts, safe mode.

use loxodon_blocks::*;
use loxodon_cluster::{HostEntry, HostLists};
use loxodon_wire::ids::{BlockId, GenerationStamp, InodeId, Milliseconds};

use crate::world::{FIRST, LENGTH, World, datanode_id};

fn loaded(n: i64) -> NewBlock {
    NewBlock {
        block: Block { id: BlockId(FIRST + n), length: LENGTH, stamp: GenerationStamp(1001) },
        owner: InodeId(20_000),
        replication: 2,
        policy: PolicyId::HOT,
        state: BlockState::Complete,
    }
}

/// A NameNode that restarted with `blocks` complete blocks and waits for their replicas.
fn restarted(blocks: i64) -> World {
    let mut w = World::new(&[]);
    w.m = BlockManager::new(Settings::default(), 1, w.now);
    for n in 0..blocks {
        w.m.insert_block(loaded(n)).unwrap();
    }
    w.m.start(w.now, true);
    w
}

#[test]
fn after_a_restart_everything_waits_for_reports() {
    let mut w = restarted(100);
    assert!(w.m.safe_mode().is_on());
    let first = w.add_node("/a");
    for n in 0..99 {
        w.nodes[first]
            .replicas
            .insert(loaded(n).block.id, (loaded(n).block, ReplicaState::Finalized));
    }
    let stranger = Block { id: BlockId(5), length: 1, stamp: GenerationStamp(1001) };
    w.nodes[first].replicas.insert(stranger.id, (stranger, ReplicaState::Finalized));
    // The report was empty when the node registered; a second one has to wait.
    w.full_report(first);
    assert_eq!(w.m.safe_mode().safe_blocks(), 0);
    w.register(first);
    assert_eq!(w.m.safe_mode().safe_blocks(), 99);
    assert!(w.m.safe_mode_tip(w.now).contains("In safe mode extension"));
    w.ticks(9);
    assert!(w.m.safe_mode().is_on());
    w.tick();
    assert!(!w.m.safe_mode().is_on());
    assert!(w.events.contains(&Event::SafeModeLeft));
    w.tick();
    let stats = w.m.stats();
    assert_eq!((stats.missing, stats.highest_priority, stats.pending_deletions), (1, 99, 0));
    w.full_report(first);
    assert_eq!(w.m.pending_deletions(), 1, "the stranger goes with the second report");
}

#[test]
fn replicas_are_not_deleted_before_all_their_storages_reported() {
    let mut w = restarted(1);
    let block = loaded(0).block;
    for n in 0..3 {
        w.add_node("/a");
        w.nodes[n].replicas.insert(block.id, (block, ReplicaState::Finalized));
    }
    // Two report at large; the third only tells of this block.
    w.register(0);
    w.register(1);
    w.m.leave_safe_mode(false);
    let id = datanode_id(9);
    let registration =
        Registration { id: id.clone(), rack: "/a".into(), software_version: "3".into() };
    w.m.register(w.now, registration).unwrap();
    let storage =
        ReportedStorage { id: "DS-9".into(), kind: Default::default(), state: Default::default() };
    let change = [(block, BlockChange::Received { delete_hint: None })];
    w.m.received_deleted(w.now, &id, &storage, &change).unwrap();
    while !w.m.background(w.now, 10) {}
    assert_eq!(w.m.count_replicas(block.id).live, 3);
    assert_eq!((w.m.stats().postponed, w.m.stats().excess), (1, 0));
    let report = StorageReport {
        id: "DS-9".into(),
        kind: storage.kind,
        state: storage.state,
        failed: false,
        usage: StorageUsage::default(),
        mount: None,
    };
    w.m.heartbeat(w.now, &id, &[report], NodeLoad::default(), false).unwrap();
    let mut scan = w.m.begin_report(w.now, &id, &storage, 0).unwrap().unwrap();
    let mut replicas = [Ok(ReportedReplica { block, state: ReplicaState::Finalized })].into_iter();
    assert_eq!(w.m.report_slice(w.now, &mut scan, &mut replicas, 9), Ok(true));
    assert!(w.m.finish_report(w.now, &mut scan, 9));
    while !w.m.background(w.now, 10) {}
    assert_eq!((w.m.stats().postponed, w.m.stats().excess), (0, 1));
    w.m.check().unwrap();
}

#[test]
fn what_a_report_leaves_out_is_gone_but_not_what_came_meanwhile() {
    let mut w = World::new(&["/a", "/a"]);
    let old = w.write_on(1, &[0]);
    let kept = w.write_on(1, &[0]);
    let id = w.nodes[0].id.clone();
    let storage = w.nodes[0].storage();
    let mut scan = w.m.begin_report(w.now, &id, &storage, 0).unwrap().unwrap();
    let mut replicas =
        [Ok(ReportedReplica { block: kept, state: ReplicaState::Finalized })].into_iter();
    assert_eq!(w.m.report_slice(w.now, &mut scan, &mut replicas, 1), Ok(false));
    let meanwhile = w.write_on(1, &[0]);
    assert_eq!(w.m.report_slice(w.now, &mut scan, &mut replicas, 1), Ok(true));
    while !w.m.finish_report(w.now, &mut scan, 1) {
        w.m.check().unwrap();
    }
    assert_eq!(w.known_on(old.id), [] as [usize; 0]);
    assert_eq!(w.known_on(kept.id), [0]);
    assert_eq!(w.known_on(meanwhile.id), [0]);
    assert_eq!(w.m.stats().missing, 1);
}

#[test]
fn a_replica_deleted_while_its_report_is_read_stays_deleted() {
    let mut w = World::new(&["/a", "/a"]);
    let block = w.write_on(2, &[0, 1]);
    let (id, storage) = (w.nodes[0].id.clone(), w.nodes[0].storage());
    let mut scan = w.m.begin_report(w.now, &id, &storage, 0).unwrap().unwrap();
    w.deleted(0, block);
    let mut replicas = [Ok(ReportedReplica { block, state: ReplicaState::Finalized })].into_iter();
    assert_eq!(w.m.report_slice(w.now, &mut scan, &mut replicas, 9), Ok(true));
    assert!(w.m.finish_report(w.now, &mut scan, 9));
    assert_eq!(w.known_on(block.id), [1]);
}

#[test]
fn malformed_reports_end_and_take_nothing_away() {
    let mut w = World::new(&["/a"]);
    let block = w.write_on(1, &[0]);
    let (id, storage) = (w.nodes[0].id.clone(), w.nodes[0].storage());
    let mut scan = w.m.begin_report(w.now, &id, &storage, 0).unwrap().unwrap();
    let buffers = [[0xFFu8; 11].as_slice()];
    let mut replicas = EncodedReport::new(&buffers, 1);
    assert!(w.m.report_slice(w.now, &mut scan, &mut replicas, 9).is_err());
    assert!(w.m.finish_report(w.now, &mut scan, 9));
    assert_eq!(w.known_on(block.id), [0]);
}

#[test]
fn damaged_by_stamp_length_or_state() {
    let mut w = World::new(&["/a", "/a"]);
    for (reported, state, reason) in [
        (
            Block { id: BlockId(0), length: LENGTH, stamp: GenerationStamp(999) },
            ReplicaState::Finalized,
            CorruptReason::StampMismatch,
        ),
        (
            Block { id: BlockId(0), length: 1, stamp: GenerationStamp(1001) },
            ReplicaState::Finalized,
            CorruptReason::SizeMismatch,
        ),
        (
            Block { id: BlockId(0), length: LENGTH, stamp: GenerationStamp(1001) },
            ReplicaState::WaitingToBeRecovered,
            CorruptReason::InvalidState,
        ),
    ] {
        let block = w.write_on(1, &[0]);
        w.nodes[0].replicas.insert(block.id, (Block { id: block.id, ..reported }, state));
        w.full_report(0);
        let known = w.m.corrupt_replicas(block.id);
        if state == ReplicaState::Finalized || !known.is_empty() {
            assert_eq!(known, [(w.index(0), reason)]);
        }
        w.m.check().unwrap();
    }
    // One that is only late is not damaged.
    let block = w.write_on(1, &[0]);
    w.nodes[0].replicas.insert(block.id, (block, ReplicaState::BeingWritten));
    w.full_report(0);
    assert_eq!(w.m.corrupt_replicas(block.id), []);
}

/// The stamps under which a node was told to delete a block.
fn deleted_under(w: &World, n: usize, id: BlockId) -> Vec<u64> {
    let commands = w.sent.iter().filter(|(node, _)| *node == n).map(|(_, command)| command);
    let deletions = commands.filter_map(|command| match command {
        DatanodeCommand::Invalidate(blocks) => Some(blocks),
        _ => None,
    });
    deletions.flatten().filter(|block| block.id == id).map(|block| block.stamp.0).collect()
}

#[test]
fn a_replica_left_behind_by_its_pipeline_is_deleted_under_its_own_stamp() {
    for state in [ReplicaState::BeingWritten, ReplicaState::WaitingToBeRecovered] {
        let mut w = World::new(&["/a", "/a", "/a"]);
        let new = w.new_block(2, PolicyId::HOT);
        let (id, targets) = (new.block.id, [w.target(0), w.target(1)]);
        w.m.begin_block(new, &targets).unwrap();
        w.receiving(0, new.block);
        w.receiving(1, new.block);
        // The writer goes on with the second node alone.
        w.nodes[0].is_up = false;
        w.m.update_pipeline(id, GenerationStamp(1002), 0, &[("uuid-1", "DS-uuid-1")]).unwrap();
        let block = Block { id, length: LENGTH, stamp: GenerationStamp(1002) };
        w.received(1, block);
        assert_eq!(w.m.commit_block(id, LENGTH, block.stamp), Ok(true));
        w.nodes[0].is_up = true;
        w.nodes[0].replicas.insert(id, (new.block, state));
        w.register(0);
        w.ticks(4);
        assert_eq!(deleted_under(&w, 0, id), [1001], "{state:?}");
        assert_eq!(w.holders(id).len(), 2);
        assert_eq!(w.m.corrupt_replicas(id), []);
    }
}

#[test]
fn a_deletion_that_was_put_off_is_under_the_replicas_own_stamp() {
    let mut w = restarted(1);
    let block = loaded(0).block;
    let old = Block { length: 7, stamp: GenerationStamp(999), ..block };
    for n in 0..3 {
        w.add_node("/a");
        w.nodes[n].replicas.insert(block.id, (block, ReplicaState::Finalized));
    }
    w.nodes[0].replicas.insert(block.id, (old, ReplicaState::WaitingToBeRecovered));
    for n in 0..2 {
        w.register(n);
    }
    w.m.leave_safe_mode(false);
    // The third one's storage is known from a single change only: nothing may be deleted yet.
    let id = datanode_id(9);
    let registration =
        Registration { id: id.clone(), rack: "/a".into(), software_version: "3".into() };
    w.m.register(w.now, registration).unwrap();
    let storage =
        ReportedStorage { id: "DS-9".into(), kind: Default::default(), state: Default::default() };
    let change = [(block, BlockChange::Received { delete_hint: None })];
    w.m.received_deleted(w.now, &id, &storage, &change).unwrap();
    w.register(0);
    w.nodes[2].is_up = false;
    w.tick();
    w.tick();
    assert_eq!((deleted_under(&w, 0, block.id), w.m.stats().postponed), (vec![], 1));
    let mut scan = w.m.begin_report(w.now, &id, &storage, 0).unwrap().unwrap();
    let mut replicas = [Ok(ReportedReplica { block, state: ReplicaState::Finalized })].into_iter();
    let report = StorageReport {
        id: storage.id,
        kind: storage.kind,
        state: storage.state,
        failed: false,
        usage: StorageUsage::default(),
        mount: None,
    };
    w.m.heartbeat(w.now, &id, &[report], NodeLoad::default(), false).unwrap();
    assert!(w.m.report_slice(w.now, &mut scan, &mut replicas, 9).unwrap());
    assert!(w.m.finish_report(w.now, &mut scan, 9));
    w.ticks(3);
    assert_eq!(deleted_under(&w, 0, block.id), [999]);
    assert_eq!(w.m.corrupt_replicas(block.id), []);
}

#[test]
fn leases_let_six_report_at_a_time() {
    let mut w = World::new(&["/a"; 7]);
    let mut leases = Vec::new();
    for n in 0..7 {
        let id = w.nodes[n].id.clone();
        let usage = StorageUsage::default();
        let storage = w.nodes[n].storage();
        let report = StorageReport {
            id: storage.id,
            kind: storage.kind,
            state: storage.state,
            failed: false,
            usage,
            mount: None,
        };
        let reply = w.m.heartbeat(w.now, &id, &[report], NodeLoad::default(), true).unwrap();
        leases.push(reply.report_lease);
    }
    assert!(leases[..6].iter().all(|lease| *lease != 0));
    assert_eq!(leases[6], 0);
    let (id, storage) = (w.nodes[0].id.clone(), w.nodes[0].storage());
    let invalid = |lease| Err(BlockError::InvalidReportLease(lease));
    let begin = |w: &mut World, now, id, storage, lease| {
        w.m.begin_report(now, id, storage, lease).map(|scan| scan.is_some())
    };
    let now = w.now;
    assert_eq!(begin(&mut w, now, &id, &storage, leases[0] ^ 1), invalid(leases[0] ^ 1));
    assert!(w.m.begin_report(w.now, &id, &storage, leases[0]).unwrap().is_some());
    w.m.end_report(&id);
    assert_eq!(begin(&mut w, now, &id, &storage, leases[0]), invalid(leases[0]), "used up");
    let late = Milliseconds(w.now.0 + 300_000);
    let (id, storage) = (w.nodes[1].id.clone(), w.nodes[1].storage());
    assert_eq!(begin(&mut w, late, &id, &storage, leases[1]), invalid(leases[1]), "expired");
}

#[test]
fn who_is_not_registered_is_told_to() {
    let mut w = World::new(&["/a"]);
    let stranger = datanode_id(5);
    let reply = w.m.heartbeat(w.now, &stranger, &[], NodeLoad::default(), true).unwrap();
    assert_eq!(reply.commands, [DatanodeCommand::Register]);
    let storage = w.nodes[0].storage();
    // With an UnregisteredNodeException a DataNode would end.
    let refused = w.m.begin_report(w.now, &stranger, &storage, 0).unwrap_err();
    assert_eq!(refused.java_class(), "java.io.IOException");
    let refused = w.m.received_deleted(w.now, &stranger, &storage, &[]).unwrap_err();
    assert_eq!(refused.java_class(), "java.io.IOException");
}

#[test]
fn a_node_may_move_and_another_may_take_its_address() {
    let mut w = World::new(&["/a", "/a"]);
    let block = w.write_on(2, &[0, 1]);
    let index = w.index(0);
    // The same node at another address.
    w.nodes[0].id = loxodon_cluster::DatanodeId { ip: "10.9.9.9".into(), ..datanode_id(0) };
    w.register(0);
    assert_eq!(w.index(0), index);
    assert_eq!(w.m.node_by_address("10.9.9.9:9866"), Some(index));
    assert_eq!(w.m.node_by_address("10.0.0.0:9866"), None);
    let old = w.m.heartbeat(w.now, &datanode_id(0), &[], NodeLoad::default(), false).unwrap();
    assert_eq!(old.commands, [DatanodeCommand::Register]);
    assert_eq!(w.known_on(block.id), [0, 1]);
    // Another node, formatted anew, at node 1's address.
    let id = loxodon_cluster::DatanodeId { uuid: "uuid-7".into(), ..datanode_id(1) };
    let registration = Registration { id, rack: "/a".into(), software_version: "3".into() };
    w.m.register(w.now, registration).unwrap();
    while !w.m.background(w.now, 5) {}
    assert_eq!(w.known_on(block.id), [0]);
    assert_eq!(w.m.datanodes(ReportKind::All).len(), 2);
    w.m.check().unwrap();
}

#[test]
fn a_failed_volume_takes_its_replicas_along() {
    let mut w = World::new(&["/a", "/a", "/a"]);
    let block = w.write_on(2, &[0, 1]);
    let id = w.nodes[0].id.clone();
    let load = NodeLoad { failed_volumes: 1, ..NodeLoad::default() };
    w.m.heartbeat(w.now, &id, &[], load, false).unwrap();
    assert_eq!(w.m.count_replicas(block.id).live, 1, "not counted from now on");
    while !w.m.background(w.now, 5) {}
    assert_eq!(w.known_on(block.id), [1]);
    assert_eq!(w.m.stats().failed_volumes, 1);
    assert!(w.m.datanode(w.index(0)).unwrap().storages().is_empty());
    w.m.check().unwrap();
}

#[test]
fn hosts_outside_the_include_list_are_refused() {
    let mut w = World::new(&["/a"]);
    let lists = HostLists::from_entries(HostEntry::parse("10.0.0.77"), None);
    w.m.refresh_hosts(w.now, lists);
    let id = w.nodes[0].id.clone();
    let refused = w.m.heartbeat(w.now, &id, &[], NodeLoad::default(), false).unwrap_err();
    assert_eq!(
        refused.java_class(),
        "org.apache.hadoop.hdfs.server.protocol.DisallowedDatanodeException"
    );
    let registration = Registration { id, rack: "/a".into(), software_version: "3".into() };
    assert!(w.m.register(w.now, registration).is_err());
}

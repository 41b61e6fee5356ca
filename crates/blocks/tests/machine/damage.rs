//! Replicas whose bytes are wrong, and that nobody may take for good again.

use loxodon_blocks::*;

use crate::world::{LENGTH, World};

/// Everybody but node 0 is heard until its orders wait for it; they are lost then.
fn lose_orders_of_first(w: &mut World) {
    w.nodes[0].is_up = false;
    w.ticks(8);
    let orders = w.commands(0);
    assert!(orders.iter().any(|c| matches!(c, DatanodeCommand::Invalidate(_))), "{orders:?}");
    w.nodes[0].is_up = true;
}

#[test]
fn a_damaged_replica_whose_deletion_was_lost_is_damaged_still() {
    let mut w = World::new(&["/a", "/a", "/a"]);
    let block = w.write_on(2, &[0, 1]);
    w.m.report_bad_block(block, "uuid-0", None).unwrap();
    lose_orders_of_first(&mut w);
    assert_eq!(w.known_on(block.id), [1, 2]);
    w.full_report(0);
    assert_eq!(w.m.stats().excess, 0, "it is no third good one");
    w.ticks(8);
    assert_eq!(w.holders(block.id), [1, 2]);
    assert_eq!(w.m.stats().corrupt_replicas, 0);
    // What is copied there afterwards is another one.
    w.m.set_replication(w.now, block.id, 3);
    w.ticks(4);
    assert_eq!((w.m.count_replicas(block.id).live, w.holders(block.id).len()), (3, 3));
}

#[test]
fn a_damaged_replica_of_a_node_that_comes_back_is_damaged_still() {
    let mut w = World::new(&["/a", "/a"]);
    let block = w.write_on(2, &[0, 1]);
    w.m.report_bad_block(block, "uuid-0", None).unwrap();
    w.nodes[0].is_up = false;
    w.ticks(220);
    assert_eq!(w.known_on(block.id), [1]);
    w.nodes[0].is_up = true;
    w.ticks(2);
    let counts = w.m.count_replicas(block.id);
    assert_eq!((counts.live, counts.corrupt), (1, 1));
    assert_eq!(w.m.corrupt_replicas(block.id), [(w.index(0), CorruptReason::Reported)]);
    w.m.set_replication(w.now, block.id, 1);
    w.ticks(8);
    assert_eq!(w.holders(block.id), [1]);
}

#[test]
fn what_a_node_says_before_its_first_report_counts() {
    let mut w = World::new(&["/a", "/a", "/a"]);
    let many = w.write_on(3, &[0, 1, 2]);
    let single = w.write_on(1, &[0]);
    w.restart(&[(many, 1), (single, 1)]);
    for n in 0..3 {
        w.register_only(n);
        if n == 0 {
            w.m.report_bad_block(many, "uuid-0", Some("DS-uuid-0")).unwrap();
            w.m.report_bad_block(single, "uuid-0", Some("DS-uuid-0")).unwrap();
        }
        w.heartbeat(n);
        w.full_report(n);
        w.m.check().unwrap();
    }
    assert_eq!(w.m.safe_mode().safe_blocks(), 2, "a damaged file does not stop the start");
    w.ticks(30);
    assert!(!w.m.safe_mode().is_on());
    let holders = w.holders(many.id);
    assert!(holders == [1] || holders == [2], "{holders:?}");
    assert_eq!(w.holders(single.id), [0]);
    assert_eq!(w.m.corrupt_replicas(single.id), [(w.index(0), CorruptReason::Reported)]);
}

#[test]
fn a_node_that_is_back_before_it_was_given_up_may_have_one_too_many() {
    let mut w = World::new(&["/a", "/a", "/a"]);
    let block = w.write_on(2, &[0, 1]);
    w.tick();
    w.now.0 += 700_000;
    w.heartbeat(1);
    w.heartbeat(2);
    w.m.check_heartbeats(w.now);
    assert!(!w.m.datanode(w.index(0)).unwrap().is_alive());
    // The loss is noticed before the slices that give up what the node had.
    w.m.recheck(w.now, block.id);
    w.m.plan_work(w.now, usize::MAX);
    w.heartbeat(1);
    assert_eq!(w.holders(block.id), [0, 1, 2]);
    w.register(0);
    w.ticks(8);
    assert_eq!(w.holders(block.id).len(), 2);
}

#[test]
fn a_replica_that_is_awaited_and_damaged_is_made_again_at_once() {
    let mut w = World::new(&["/a", "/a", "/a"]);
    let new = w.new_block(2, PolicyId::HOT);
    let targets = [w.target(0), w.target(1)];
    w.m.begin_block(new, &targets).unwrap();
    let block = Block { length: LENGTH, ..new.block };
    w.received(0, block);
    assert_eq!(w.m.commit_block(block.id, LENGTH, block.stamp), Ok(true));
    // Before it is told, its node starts again, and its scanner finds it.
    w.nodes[1].replicas.insert(block.id, (block, ReplicaState::Finalized));
    w.m.report_bad_block(block, "uuid-1", Some("DS-uuid-1")).unwrap();
    w.full_report(1);
    assert_eq!(w.m.datanode(w.index(1)).unwrap().blocks_scheduled(), 0);
    w.ticks(6);
    assert_eq!(w.holders(block.id), [0, 2]);
}

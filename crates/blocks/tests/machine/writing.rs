//! A block from its first byte to its last, with writers and DataNodes that fail.

use loxodon_blocks::*;
use loxodon_wire::ids::GenerationStamp;

use crate::world::{LENGTH, World, reader};

#[test]
fn a_block_is_complete_once_one_replica_is_reported() {
    let mut w = World::new(&["/a", "/a", "/b"]);
    let new = w.new_block(3, PolicyId::HOT);
    let id = new.block.id;
    let request = w.request(0, 3);
    let targets = w.m.choose_targets(w.now, &request).unwrap();
    w.m.begin_block(new, &targets).unwrap();
    assert_eq!(w.m.begin_block(new, &targets), Err(BlockError::Exists(id)));
    assert_eq!(w.m.expected_locations(id), targets);
    let located = w.m.locate(w.now, id, &reader(0)).unwrap();
    assert_eq!(w.numbers(&located.replicas)[0], 0, "the writer's own node first");

    assert_eq!(w.m.commit_block(id, LENGTH, new.block.stamp), Ok(false));
    assert_eq!(w.m.block(id).unwrap().state, BlockState::Committed);
    assert_eq!(w.events, []);
    let block = Block { length: LENGTH, ..new.block };
    w.received(1, block);
    assert_eq!(w.events, [Event::BlockCompleted { block: id, owner: new.owner }]);
    assert_eq!(w.m.commit_block(id, LENGTH, new.block.stamp), Ok(true));
    w.m.check().unwrap();
}

#[test]
fn a_replica_reported_before_the_commit_counts() {
    let mut w = World::new(&["/a", "/a"]);
    let new = w.new_block(2, PolicyId::HOT);
    let targets = [w.target(0), w.target(1)];
    w.m.begin_block(new, &targets).unwrap();
    let block = Block { length: LENGTH, ..new.block };
    w.receiving(0, new.block);
    w.received(0, block);
    assert!(!w.m.is_complete(block.id));
    assert_eq!(w.m.commit_block(block.id, LENGTH, block.stamp), Ok(true));
}

#[test]
fn commits_that_do_not_fit_are_refused() {
    let mut w = World::new(&["/a"]);
    let new = w.new_block(1, PolicyId::HOT);
    let targets = [w.target(0)];
    w.m.begin_block(new, &targets).unwrap();
    let id = new.block.id;
    let refused = w.m.commit_block(id, 5, GenerationStamp(7)).unwrap_err();
    assert_eq!(
        refused.to_string(),
        format!(
            "Commit block with mismatching GS. NN has blk_{id}_1001, client submits blk_{id}_7"
        )
    );
    w.m.set_length(id, 9, new.block.stamp).unwrap();
    let refused = w.m.commit_block(id, 5, new.block.stamp);
    assert_eq!(refused, Err(BlockError::Shrunk { given: 5, known: 9 }));
}

#[test]
fn replicas_of_a_broken_pipeline_do_not_count() {
    let mut w = World::new(&["/a", "/a", "/b"]);
    let new = w.new_block(3, PolicyId::HOT);
    let id = new.block.id;
    let targets = [w.target(0), w.target(1), w.target(2)];
    w.m.begin_block(new, &targets).unwrap();
    for n in 0..3 {
        w.receiving(n, new.block);
    }
    // Node 2 drops out; the writer goes on with a newer stamp.
    let stamp = GenerationStamp(1002);
    let nodes = [("uuid-0", "DS-uuid-0"), ("uuid-1", "DS-uuid-1")];
    assert!(w.m.update_pipeline(id, new.block.stamp, 10, &nodes).is_err());
    w.m.update_pipeline(id, stamp, 10, &nodes).unwrap();
    let block = Block { id, length: LENGTH, stamp };
    w.received(0, block);
    w.received(1, block);
    assert_eq!(w.m.commit_block(id, LENGTH, stamp), Ok(true));
    // Node 2 comes back with what it had: of an older generation, so it goes.
    w.nodes[2].replicas.insert(id, (new.block, ReplicaState::WaitingToBeRecovered));
    w.full_report(2);
    w.ticks(110);
    assert_eq!(w.m.count_replicas(id).live, 3);
    assert!(w.nodes.iter().all(|node| node.replicas[&id].0 == block), "copied anew");
}

#[test]
fn the_last_block_of_a_dead_writer_is_recovered_by_its_datanodes() {
    let mut w = World::new(&["/a", "/a", "/b"]);
    let new = w.new_block(3, PolicyId::HOT);
    let id = new.block.id;
    let targets = [w.target(0), w.target(1), w.target(2)];
    w.m.begin_block(new, &targets).unwrap();
    for (n, length) in [(0, 30), (1, 20), (2, 25)] {
        w.receiving(n, Block { length, ..new.block });
    }
    let stamp = GenerationStamp(1005);
    assert_eq!(w.m.begin_recovery(w.now, id, stamp, None), Ok(true));
    assert_eq!(w.m.begin_recovery(w.now, id, GenerationStamp(1006), None), Ok(false));
    assert_eq!(w.m.recovery_stamp(id), Some(stamp));
    assert_eq!(w.m.block(id).unwrap().state, BlockState::UnderRecovery);
    w.tick();
    let info = w.m.block(id).unwrap();
    assert_eq!(info.block, Block { id, length: 20, stamp });
    assert!(info.is_complete());
    assert_eq!(w.events, [Event::BlockCompleted { block: id, owner: new.owner }]);
    let orders = w.sent.iter().filter(|(_, c)| matches!(c, DatanodeCommand::Recover(_))).count();
    assert_eq!(orders, 1, "one primary");
}

#[test]
fn another_primary_is_tried_after_a_while() {
    let mut w = World::new(&["/a", "/a"]);
    let new = w.new_block(2, PolicyId::HOT);
    let id = new.block.id;
    let targets = [w.target(0), w.target(1)];
    w.m.begin_block(new, &targets).unwrap();
    let mut primaries = Vec::new();
    for attempt in 0..3 {
        let stamp = GenerationStamp(2000 + attempt);
        assert_eq!(w.m.begin_recovery(w.now, id, stamp, None), Ok(true));
        for n in 0..2 {
            if w.commands(n).iter().any(|c| matches!(c, DatanodeCommand::Recover(_))) {
                primaries.push(n);
            }
        }
        w.now.0 += 90_000;
    }
    assert_ne!(primaries[0], primaries[1]);
    assert_eq!(primaries.len(), 3, "once all were tried, all may be again");
}

#[test]
fn an_appended_block_is_written_where_its_replicas_are() {
    let mut w = World::new(&["/a", "/a", "/b"]);
    let block = w.write_on(2, &[0, 2]);
    let pipeline = w.m.append_block(block.id).unwrap();
    let mut pipeline = w.numbers(&pipeline);
    pipeline.sort_unstable();
    assert_eq!(pipeline, [0, 2]);
    assert!(!w.m.is_complete(block.id));
    w.m.check().unwrap();
    let stamp = GenerationStamp(1002);
    let nodes = [("uuid-0", "DS-uuid-0"), ("uuid-2", "DS-uuid-2")];
    w.m.update_pipeline(block.id, stamp, LENGTH, &nodes).unwrap();
    let longer = Block { length: 2 * LENGTH, stamp, ..block };
    w.received(0, longer);
    assert_eq!(w.m.commit_block(block.id, longer.length, stamp), Ok(true));
    w.m.check().unwrap();
}

/// A final block that DataNodes 0 to 2 have written, of which only the first has told.
fn told_by_the_first(w: &mut World) -> Block {
    let new = w.new_block(3, PolicyId::HOT);
    let targets = [w.target(0), w.target(1), w.target(2)];
    w.m.begin_block(new, &targets).unwrap();
    let block = Block { length: LENGTH, ..new.block };
    w.received(0, block);
    assert_eq!(w.m.commit_block(block.id, LENGTH, block.stamp), Ok(true));
    block
}

#[test]
fn an_append_goes_where_a_replica_is_that_is_about_to_be_told() {
    let mut w = World::new(&["/a", "/a", "/a", "/a"]);
    let block = told_by_the_first(&mut w);
    w.received(1, block);
    let pipeline = w.m.append_block(block.id).unwrap();
    let mut pipeline = w.numbers(&pipeline);
    pipeline.sort_unstable();
    assert_eq!(pipeline, [0, 1, 2]);
    // What it had is told before what it has: one that goes on under the old stamp shows it by the length alone.
    w.received(2, block);
    let longer = Block { length: 2 * LENGTH, ..block };
    w.received(0, longer);
    assert_eq!(w.m.commit_block(block.id, longer.length, block.stamp), Ok(true));
    w.received(1, longer);
    w.received(2, longer);
    let counts = w.m.count_replicas(block.id);
    assert_eq!((counts.live, counts.corrupt), (3, 0));
    w.m.check().unwrap();
}

#[test]
fn an_append_does_not_go_where_a_copy_is_only_ordered() {
    let mut w = World::new(&["/a", "/a", "/a"]);
    let block = w.write_on(2, &[0]);
    assert_eq!(w.m.plan_work(w.now, usize::MAX), 1);
    assert_eq!(w.m.stats().pending_copies, 1);
    let pipeline = w.m.append_block(block.id).unwrap();
    assert_eq!(w.numbers(&pipeline), [0]);
    w.m.check().unwrap();
}

#[test]
fn truncation_orders_name_what_the_block_becomes() {
    let mut w = World::new(&["/a"]);
    let block = w.write_on(1, &[0]);
    w.m.reopen_block(block.id).unwrap();
    let stamp = GenerationStamp(1002);
    let shorter = Block { length: 100, stamp, ..block };
    assert_eq!(w.m.begin_recovery(w.now, block.id, stamp, Some(shorter)), Ok(true));
    let commands = w.commands(0);
    let [DatanodeCommand::Recover(orders)] = commands.as_slice() else { panic!("{commands:?}") };
    assert_eq!(orders[0].block, block);
    assert_eq!(orders[0].truncate_to, Some(shorter));
    let nodes = [("uuid-0", "DS-uuid-0")];
    let info = w.m.finish_recovery(block.id, stamp, 100, &nodes, true).unwrap();
    assert_eq!((info.block, info.state), (shorter, BlockState::Complete));
}

#[test]
fn replicas_that_are_about_to_be_told_are_not_copied() {
    let mut w = World::new(&["/a", "/a", "/a", "/a"]);
    let block = told_by_the_first(&mut w);
    assert_eq!(w.m.plan_work(w.now, usize::MAX), 0);
    assert_eq!((w.m.stats().low_redundancy, w.m.stats().pending_copies), (0, 1));
    w.received(1, block);
    w.received(2, block);
    assert_eq!(w.m.stats().pending_copies, 0);
    assert_eq!(w.m.datanode(w.index(2)).unwrap().blocks_scheduled(), 0);
    w.m.check().unwrap();
}

#[test]
fn a_pipeline_that_made_too_many_is_cut_back() {
    let mut w = World::new(&["/a", "/a", "/a"]);
    let new = w.new_block(1, PolicyId::HOT);
    let targets = [w.target(0), w.target(1)];
    w.m.begin_block(new, &targets).unwrap();
    let block = Block { length: LENGTH, ..new.block };
    w.received(0, block);
    w.received(1, block);
    assert_eq!(w.m.commit_block(block.id, LENGTH, block.stamp), Ok(true));
    w.ticks(3);
    assert_eq!(w.holders(block.id).len(), 1);
}

#[test]
fn a_replica_of_an_old_stamp_is_forgiven_when_the_new_one_is_told() {
    let mut w = World::new(&["/a", "/a"]);
    let block = w.write_on(1, &[0]);
    w.m.reopen_block(block.id).unwrap();
    let stamp = GenerationStamp(1002);
    w.m.update_pipeline(block.id, stamp, LENGTH, &[("uuid-0", "DS-uuid-0")]).unwrap();
    // What was on its way when the pipeline was set up again.
    w.received(0, block);
    assert_eq!(w.m.count_replicas(block.id).corrupt, 1);
    let longer = Block { length: 2 * LENGTH, stamp, ..block };
    assert_eq!(w.m.commit_block(block.id, longer.length, stamp), Ok(false));
    w.received(0, longer);
    assert!(w.m.is_complete(block.id));
    let counts = w.m.count_replicas(block.id);
    assert_eq!((counts.live, counts.corrupt), (1, 0));
    // And where it was noted after the block became final.
    w.received(0, block);
    assert_eq!(w.m.count_replicas(block.id).live, 0);
    w.full_report(0);
    w.received(0, longer);
    assert_eq!(w.m.count_replicas(block.id).live, 1);
    w.m.check().unwrap();
}

#[test]
fn nodes_that_left_the_pipeline_do_not_count() {
    let mut w = World::new(&["/a", "/a", "/b"]);
    let block = w.write_on(2, &[0, 2]);
    w.m.reopen_block(block.id).unwrap();
    let stamp = GenerationStamp(1002);
    w.m.update_pipeline(block.id, stamp, LENGTH, &[("uuid-0", "DS-uuid-0")]).unwrap();
    let longer = Block { length: 2 * LENGTH, stamp, ..block };
    w.received(0, longer);
    assert_eq!(w.m.commit_block(block.id, longer.length, stamp), Ok(true));
    assert_eq!(w.known_on(block.id), [0]);
    w.m.check().unwrap();
}

#[test]
fn a_committed_block_whose_recovery_has_begun_is_what_the_recovery_makes_of_it() {
    let mut w = World::new(&["/a", "/a"]);
    let new = w.new_block(1, PolicyId::HOT);
    let (id, targets) = (new.block.id, [w.target(0)]);
    w.m.begin_block(new, &targets).unwrap();
    assert_eq!(w.m.commit_block(id, LENGTH, new.block.stamp), Ok(false));
    let stamp = GenerationStamp(1002);
    assert!(w.m.begin_recovery(w.now, id, stamp, None).unwrap());
    let written = Block { length: LENGTH, ..new.block };
    w.nodes[0].replicas.insert(id, (written, ReplicaState::Finalized));
    let (node, storage) = (w.nodes[0].id.clone(), w.nodes[0].storage());
    // On its way while the DataNode gives the replica its new stamp.
    let late = [(written, BlockChange::Received { delete_hint: None })];
    w.m.received_deleted(w.now, &node, &storage, &late).unwrap();
    assert!(!w.m.is_complete(id));
    w.ticks(2);
    assert_eq!(w.m.block(id).unwrap().block, Block { stamp, ..written });
    assert!(w.m.is_complete(id) && w.m.corrupt_replicas(id).is_empty());
}

#[test]
fn a_recovery_ends_what_was_wrong_with_a_replicas_length() {
    let mut w = World::new(&["/a"]);
    let new = w.new_block(1, PolicyId::HOT);
    let (id, targets) = (new.block.id, [w.target(0)]);
    w.m.begin_block(new, &targets).unwrap();
    assert_eq!(w.m.commit_block(id, LENGTH, new.block.stamp), Ok(false));
    // Shorter than its writer said.
    w.received(0, Block { length: LENGTH - 1, ..new.block });
    assert_eq!(w.m.corrupt_replicas(id), [(w.index(0), CorruptReason::SizeMismatch)]);
    assert!(w.m.begin_recovery(w.now, id, GenerationStamp(1002), None).unwrap());
    w.ticks(2);
    assert!(w.m.is_complete(id));
    assert_eq!((w.m.corrupt_replicas(id), w.m.count_replicas(id).live), (vec![], 1));
}

#[test]
fn a_writer_cannot_commit_what_an_unknown_recovery_has_taken_over() {
    let mut w = World::new(&["/a", "/a"]);
    let new = w.new_block(1, PolicyId::HOT);
    let (id, stamp) = (new.block.id, new.block.stamp);
    w.m.begin_block(new, &[]).unwrap();
    // After a restart: the block is as it was before the recovery, its replica as after it.
    w.received(0, Block { id, length: LENGTH, stamp: GenerationStamp(1002) });
    let refused = w.m.commit_block(id, LENGTH, stamp).unwrap_err();
    assert!(matches!(refused, BlockError::StampMismatch { .. }), "{refused}");
    // A second one that still has the writer's stamp is enough for him to go on.
    w.received(1, Block { id, length: LENGTH, stamp });
    assert_eq!(w.m.commit_block(id, LENGTH, stamp), Ok(true));
}

/// A block on nodes 0 and 1, being recovered by node 1, while the NameNode takes node 0 for dead.
fn recovered_while_one_is_away(replication: u16) -> (World, Block) {
    let mut w = World::new(&["/a", "/a", "/a"]);
    let block = w.write_on(replication, &[0, 1]);
    w.m.reopen_block(block.id).unwrap();
    w.nodes[0].is_up = false;
    w.ticks(220);
    assert!(!w.m.datanode(w.index(0)).unwrap().is_alive());
    let stamp = GenerationStamp(1002);
    assert!(w.m.begin_recovery(w.now, block.id, stamp, None).unwrap());
    // The other DataNodes hear it.
    w.nodes[0].is_up = true;
    (w, Block { stamp, ..block })
}

#[test]
fn a_recovered_replica_of_a_node_that_is_away_counts_when_it_is_back() {
    let (mut w, block) = recovered_while_one_is_away(2);
    w.commands(1);
    w.nodes[0].replicas.insert(block.id, (block, ReplicaState::Finalized));
    w.m.finish_recovery(block.id, block.stamp, LENGTH, &[("uuid-0", "DS-uuid-0")], true).unwrap();
    assert!(!w.m.is_complete(block.id), "the node that has it is not there");
    w.m.check().unwrap();
    w.ticks(8);
    assert!(w.m.is_complete(block.id));
    assert_eq!(w.m.count_replicas(block.id).live, 2, "it is copied");
}

#[test]
fn a_recovered_replica_of_a_node_that_is_away_may_be_one_too_many_when_it_is_back() {
    let (mut w, block) = recovered_while_one_is_away(2);
    w.commands(1);
    for n in [0, 1] {
        w.nodes[n].replicas.insert(block.id, (block, ReplicaState::Finalized));
    }
    let both = [("uuid-0", "DS-uuid-0"), ("uuid-1", "DS-uuid-1")];
    w.m.finish_recovery(block.id, block.stamp, LENGTH, &both, true).unwrap();
    assert!(w.m.is_complete(block.id));
    w.m.plan_work(w.now, usize::MAX);
    w.heartbeat(1);
    assert_eq!(w.holders(block.id), [0, 1, 2], "copied as long as one is away");
    w.ticks(8);
    assert_eq!(w.holders(block.id).len(), 2);
}

#[test]
fn what_was_too_many_before_an_append_does_not_complete_the_block() {
    let mut w = World::new(&["/a", "/a"]);
    let block = w.write_on(2, &[0, 1]);
    // One is too many, and its deletion not ordered yet.
    w.m.set_replication(w.now, block.id, 1);
    while !w.m.background(w.now, 5) {}
    assert_eq!(w.m.stats().excess, 1);
    let targets = w.m.reopen_block(block.id).unwrap();
    let kept = w.numbers(&targets)[0];
    let stamp = GenerationStamp(block.stamp.0 + 1);
    let (uuid, storage) = (format!("uuid-{kept}"), format!("DS-uuid-{kept}"));
    w.m.update_pipeline(block.id, stamp, LENGTH, &[(&uuid, &storage)]).unwrap();
    assert_eq!(w.m.commit_block(block.id, LENGTH, stamp), Ok(false), "nobody has that version yet");
    assert!(w.known_on(block.id).is_empty());
    w.received(kept, Block { stamp, ..block });
    assert_eq!(w.known_on(block.id), [kept]);
    assert!(w.m.block(block.id).unwrap().is_complete());
    w.m.check().unwrap();
}

/// A block that nodes 0 and 1 left before node 2 wrote on, and that is now not heard.
fn left_to_one_that_is_away() -> (World, NewBlock) {
    let mut w = World::new(&["/a", "/a", "/b"]);
    let new = w.new_block(3, PolicyId::HOT);
    let id = new.block.id;
    w.m.begin_block(new, &[w.target(0), w.target(1), w.target(2)]).unwrap();
    let stamp = GenerationStamp(new.block.stamp.0 + 1);
    w.m.update_pipeline(id, stamp, 50, &[("uuid-2", "DS-uuid-2")]).unwrap();
    w.nodes[2].is_up = false;
    w.ticks(20);
    (w, new)
}

#[test]
fn what_left_the_pipeline_is_not_where_readers_are_sent() {
    let (mut w, new) = left_to_one_that_is_away();
    w.receiving(0, Block { length: 20, ..new.block });
    assert_eq!(w.numbers(&w.m.expected_locations(new.block.id)), [2]);
    let corrupt = w.m.corrupt_replicas(new.block.id);
    assert_eq!(corrupt, [(w.index(0), CorruptReason::StampMismatch)]);
    w.m.check().unwrap();
}

#[test]
fn a_recovery_asks_the_last_pipeline_though_only_older_ones_are_heard() {
    let (mut w, new) = left_to_one_that_is_away();
    let id = new.block.id;
    let stamp = GenerationStamp(new.block.stamp.0 + 2);
    assert!(w.m.begin_recovery(w.now, id, stamp, None).unwrap());
    // What is told during a recovery is taken for a part of it, as in Hadoop.
    for n in [0, 1] {
        w.received(n, Block { length: 20, ..new.block });
    }
    w.now.0 += 90_000;
    let stamp = GenerationStamp(stamp.0 + 1);
    assert!(w.m.begin_recovery(w.now, id, stamp, None).unwrap());
    let commands: Vec<DatanodeCommand> = (0..2).flat_map(|n| w.commands(n)).collect();
    let orders = commands.iter().filter_map(|command| match command {
        DatanodeCommand::Recover(orders) => Some(orders),
        _ => None,
    });
    let asked: Vec<Vec<usize>> =
        orders.flatten().map(|order| w.numbers(&order.locations)).collect();
    assert_eq!(asked, [[2]]);
}

#[test]
fn an_order_to_delete_an_older_version_says_nothing_of_the_newer() {
    let mut w = World::new(&["/a", "/a"]);
    let block = w.write_on(2, &[0, 1]);
    w.m.reopen_block(block.id).unwrap();
    let newer = Block { stamp: GenerationStamp(block.stamp.0 + 1), ..block };
    let nodes = [("uuid-0", "DS-uuid-0"), ("uuid-1", "DS-uuid-1")];
    w.m.update_pipeline(block.id, newer.stamp, LENGTH, &nodes).unwrap();
    w.received(0, newer);
    // What it had before is told late, and ordered away; what it has now is told next.
    w.received(1, block);
    assert_eq!(w.m.stats().pending_deletions, 1);
    w.received(1, newer);
    assert_eq!(w.m.commit_block(block.id, LENGTH, newer.stamp), Ok(true));
    assert_eq!(w.m.count_replicas(block.id).live, 2);
    w.m.check().unwrap();
}

#[test]
fn a_length_that_was_told_late_is_past_when_the_right_one_is_told() {
    // A client that appends under the old stamp, as some do.
    let mut w = World::new(&["/a", "/a"]);
    let block = w.write_on(2, &[0, 1]);
    w.m.reopen_block(block.id).unwrap();
    let longer = Block { length: 2 * LENGTH, ..block };
    w.received(0, longer);
    w.m.commit_block(block.id, longer.length, block.stamp).unwrap();
    w.received(1, block);
    let wrong = [(w.index(1), CorruptReason::SizeMismatch)];
    assert_eq!(w.m.corrupt_replicas(block.id), wrong);
    w.received(1, longer);
    assert!(w.m.corrupt_replicas(block.id).is_empty());
    assert_eq!(w.m.count_replicas(block.id).live, 2);
    w.m.check().unwrap();
}

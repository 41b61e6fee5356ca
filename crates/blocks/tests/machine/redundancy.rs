//! Too few, too many, damaged: what is done about it.

use loxodon_blocks::*;
use loxodon_wire::ids::Milliseconds;

use crate::world::{LENGTH, World};

#[test]
fn a_dead_nodes_replicas_are_made_again() {
    let mut w = World::new(&["/a", "/a", "/b", "/b"]);
    let blocks: Vec<Block> = (0..10).map(|_| w.write_on(3, &[0, 2, 3])).collect();
    w.tick();
    w.nodes[2].is_up = false;
    w.ticks(209);
    assert!(w.m.datanode(w.index(2)).unwrap().is_alive(), "630 s are not over");
    assert!(w.m.datanode(w.index(2)).unwrap().is_stale());
    w.ticks(3);
    assert!(w.events.contains(&Event::DatanodeDied(w.index(2))));
    w.ticks(30);
    for block in &blocks {
        assert_eq!(w.known_on(block.id), [0, 1, 3]);
        assert_eq!(w.holders(block.id), [0, 1, 3]);
    }
    assert_eq!(w.m.stats().low_redundancy, 0);
    // It comes back with everything: one replica too many each, and both racks stay.
    w.nodes[2].is_up = true;
    w.ticks(20);
    for block in &blocks {
        let holders = w.holders(block.id);
        assert_eq!(holders.len(), 3);
        assert!(holders.iter().any(|n| *n < 2) && holders.iter().any(|n| *n > 1), "{holders:?}");
        assert_eq!(w.known_on(block.id), holders);
    }
    assert_eq!(w.m.stats().excess, 0);
}

#[test]
fn the_most_urgent_comes_first_and_streams_are_limited() {
    let mut w = World::new(&["/a", "/a", "/a", "/a"]);
    let low: Vec<Block> = (0..20).map(|_| w.write_on(2, &[0, 1])).collect();
    let single: Vec<Block> = (0..3).map(|_| w.write_on(1, &[0])).collect();
    for block in &low {
        w.m.set_replication(w.now, block.id, 3);
    }
    for block in &single {
        w.m.set_replication(w.now, block.id, 3);
    }
    assert_eq!(w.m.low_redundancy(Priority::Highest, 9).len(), 3);
    assert_eq!(w.m.low_redundancy(Priority::Low, 99).len(), 20);
    // Four live nodes, two blocks each.
    assert_eq!(
        w.m.plan_work(w.now, usize::MAX),
        5,
        "three urgent ones fill node 0, two go from node 1"
    );
    let sent: Vec<Block> = w
        .commands(0)
        .into_iter()
        .flat_map(|command| match command {
            DatanodeCommand::Transfer(list) => list.into_iter().map(|t| t.block).collect(),
            _ => Vec::new(),
        })
        .collect();
    assert_eq!(sent, &single[..2], "two at a time, the urgent ones first");
    // Those two were lost on the way, and are ordered again after five minutes.
    w.ticks(130);
    assert!(low.iter().chain(&single).all(|block| w.m.count_replicas(block.id).live == 3));
}

#[test]
fn copies_that_do_not_arrive_are_ordered_again() {
    let mut w = World::new(&["/a", "/a", "/a"]);
    let block = w.write_on(1, &[0]);
    w.m.set_replication(w.now, block.id, 2);
    assert_eq!(w.m.plan_work(w.now, usize::MAX), 1);
    assert_eq!(w.m.plan_work(w.now, usize::MAX), 0, "it is on its way");
    assert!(!w.commands(0).is_empty(), "told, and lost");
    assert_eq!((w.m.stats().pending_copies, w.m.stats().low_redundancy), (1, 0));
    w.now = Milliseconds(w.now.0 + 300_001);
    assert_eq!(w.m.plan_work(w.now, usize::MAX), 1);
    assert_eq!(w.m.stats().timed_out_copies, 1);
    w.heartbeat(0);
    assert_eq!(w.m.count_replicas(block.id).live, 2);
}

#[test]
fn fewer_wanted_replicas_free_the_fullest_node_and_keep_racks() {
    let mut w = World::new(&["/a", "/a", "/b"]);
    w.nodes[1].remaining /= 2;
    w.nodes[2].remaining /= 4;
    w.tick();
    let block = w.write_on(3, &[0, 1, 2]);
    w.m.set_replication(w.now, block.id, 2);
    assert_eq!(w.m.stats().excess, 1);
    w.ticks(4);
    assert_eq!(w.holders(block.id), [0, 2], "2 is fuller, but alone on its rack");
    assert_eq!(w.known_on(block.id), [0, 2]);
}

#[test]
fn replicas_on_one_rack_only_are_spread() {
    let mut w = World::new(&["/a", "/a", "/a", "/b"]);
    let block = w.write_on(3, &[0, 1, 2]);
    assert_eq!(w.m.stats().badly_distributed, 1);
    w.ticks(8);
    assert_eq!(w.m.stats().badly_distributed, 0);
    let holders = w.holders(block.id);
    assert!(holders.contains(&3) && holders.len() == 3, "{holders:?}");
}

#[test]
fn a_damaged_replica_goes_once_a_good_one_was_made() {
    let mut w = World::new(&["/a", "/a", "/a"]);
    let block = w.write_on(2, &[0, 1]);
    w.m.report_bad_block(block, "uuid-0", Some("DS-uuid-0")).unwrap();
    assert!(w.m.report_bad_block(block, "nobody", None).is_err());
    assert_eq!(w.m.corrupt_replicas(block.id), [(w.index(0), CorruptReason::Reported)]);
    let located = w.m.locate(w.now, block.id, &Reader::default()).unwrap();
    assert_eq!((w.numbers(&located.replicas), located.is_corrupt), (vec![1], false));
    w.ticks(6);
    assert_eq!(w.holders(block.id), [1, 2]);
    assert_eq!(w.m.corrupt_replicas(block.id), []);
}

#[test]
fn the_last_replica_is_kept_though_damaged() {
    let mut w = World::new(&["/a", "/a"]);
    let block = w.write_on(1, &[0]);
    w.m.report_bad_block(block, "uuid-0", None).unwrap();
    w.ticks(5);
    assert_eq!(w.holders(block.id), [0]);
    let located = w.m.locate(w.now, block.id, &Reader::default()).unwrap();
    assert_eq!((w.numbers(&located.replicas), located.is_corrupt), (vec![0], true));
    let stats = w.m.stats();
    assert_eq!((stats.missing, stats.missing_single, stats.corrupt_replicas), (1, 1, 1));
    assert_eq!(w.m.corrupt_files(0, 9).len(), 1);
    let text = w.m.meta_save(&|_| Some("/f".to_owned()), &|_| Milliseconds(1_795_267_240_000));
    let line = format!(
        "/f: {block} MISSING (replicas: live: 0 decommissioning and decommissioned: 0 corrupt: 1 in excess: 0 maintenance mode: 0)  10.0.0.0:9866(corrupt) : \n"
    );
    assert!(text.contains(&line), "{text}");
    assert!(text.contains("TotalReplicas=1\tReason=CORRUPTION_REPORTED"), "{text}");
    let nodes = "Metasave: Number of datanodes: 2\n\
        10.0.0.0:9866 /a IN 10737418240(10 GB) 0(0 B) 0.00% 5368709120(5 GB) 0(0 B) 0(0 B) 100.00% 0(0 B) Sat Nov 21 13:20:40 UTC 2026\n\
        10.0.0.1:9866 /a IN 10737418240(10 GB) 0(0 B) 0.00% 5368709120(5 GB) 0(0 B) 0(0 B) 100.00% 0(0 B) Sat Nov 21 13:20:40 UTC 2026\n";
    assert!(text.ends_with(nodes), "{text}");
    w.m.remove_block(block.id);
    w.m.check().unwrap();
    assert_eq!(w.m.stats().missing, 0);
}

#[test]
fn deleted_files_replicas_are_deleted_a_thousand_at_a_time() {
    let mut w = World::new(&["/a"]);
    let blocks: Vec<Block> = (0..1_500).map(|_| w.write_on(1, &[0])).collect();
    for block in &blocks {
        w.m.remove_block(block.id);
    }
    assert_eq!((w.m.block_count(), w.m.pending_deletions()), (0, 1_500));
    w.m.plan_work(w.now, usize::MAX);
    let commands = w.commands(0);
    let [DatanodeCommand::Invalidate(list)] = commands.as_slice() else { panic!("{commands:?}") };
    assert_eq!(list.len(), 1_000);
    assert_eq!(list[0], Block { length: LENGTH, ..blocks[0] });
    assert_eq!(w.m.pending_deletions(), 500);
}

#[test]
fn nothing_is_ordered_in_safe_mode() {
    let mut w = World::new(&["/a", "/a"]);
    let block = w.write_on(1, &[0]);
    w.m.enter_safe_mode(SafeModeCause::Manual);
    w.m.set_replication(w.now, block.id, 2);
    w.ticks(3);
    assert_eq!(w.sent, []);
    assert!(w.m.leave_safe_mode(false));
    w.ticks(3);
    assert_eq!(w.holders(block.id), [0, 1]);
}

#[test]
fn the_balancer_gets_blocks_with_their_places() {
    let mut w = World::new(&["/a", "/a"]);
    for _ in 0..10 {
        w.write_on(2, &[0, 1]);
    }
    let cold = |_| false;
    let some = w.m.blocks_for_balancer("uuid-0", 3 * LENGTH, 1, None, cold).unwrap();
    assert_eq!(some.len(), 3);
    assert!(some.iter().all(|block| block.locations.len() == 2));
    assert_eq!(w.m.blocks_for_balancer("uuid-0", u64::MAX, 1, None, cold).unwrap().len(), 10);
    let longer = w.m.blocks_for_balancer("uuid-0", u64::MAX, LENGTH + 1, None, cold);
    assert_eq!(longer.unwrap(), []);
    assert!(w.m.blocks_for_balancer("nobody", 1, 1, None, cold).is_err());

    let hot = some[0].block.id;
    let owner = w.m.block(hot).unwrap().owner;
    let all = w.m.blocks_for_balancer("uuid-0", u64::MAX, 1, None, |file| file == owner).unwrap();
    let last = all.iter().rposition(|block| w.m.block(block.block.id).unwrap().owner != owner);
    assert!(
        all.len() == 10 && last.is_none_or(|last| all[..=last].iter().all(|b| b.block.id != hot))
    );
}

#[test]
fn an_order_to_delete_that_was_lost_is_given_again() {
    let mut w = World::new(&["/a", "/a", "/b"]);
    let block = w.write_on(3, &[0, 1, 2]);
    w.m.set_replication(w.now, block.id, 2);
    w.now.0 += 3_000;
    w.m.background(w.now, 1000);
    w.m.plan_work(w.now, usize::MAX);
    let told: Vec<usize> = (0..3)
        .filter(|n| w.commands(*n).iter().any(|c| matches!(c, DatanodeCommand::Invalidate(_))))
        .collect();
    let [node] = told[..] else { panic!("{told:?}") };
    w.ticks(3);
    assert_eq!(w.holders(block.id).len(), 3, "nobody obeyed");
    w.full_report(node);
    w.ticks(3);
    assert_eq!(w.holders(block.id).len(), 2);
    assert!(!w.holders(block.id).contains(&node));
    w.m.check().unwrap();
}

#[test]
fn what_was_too_many_is_kept_when_another_replica_turns_out_to_be_damaged() {
    for is_released in [false, true] {
        let mut w = World::new(&["/a", "/a", "/a"]);
        let block = w.write_on(3, &[0, 1, 2]);
        w.m.set_replication(w.now, block.id, 1);
        assert_eq!((w.m.pending_deletions(), w.m.count_replicas(block.id).live), (2, 1));
        if is_released {
            // Handed to the nodes' queues, not told yet.
            for _ in 0..3 {
                w.m.plan_work(w.now, usize::MAX);
            }
            assert_eq!(w.m.pending_deletions(), 0);
        }
        let kept = (0..3).find(|n| !w.m.is_excess(block.id, w.target(*n))).unwrap();
        w.m.report_bad_block(block, &format!("uuid-{kept}"), None).unwrap();
        w.ticks(5);
        let holders = w.holders(block.id);
        assert!(holders.len() == 1 && holders != [kept], "{holders:?}, {kept} is damaged");
    }
}

#[test]
fn what_was_too_many_is_kept_when_the_other_volume_fails() {
    let mut w = World::new(&["/a", "/a"]);
    let block = w.write_on(2, &[0, 1]);
    w.m.set_replication(w.now, block.id, 1);
    let kept = (0..2).find(|n| !w.m.is_excess(block.id, w.target(*n))).unwrap();
    let id = w.nodes[kept].id.clone();
    w.m.heartbeat(w.now, &id, &[], NodeLoad::default(), false).unwrap();
    w.nodes[kept].is_up = false;
    while !w.m.background(w.now, 5) {}
    w.ticks(3);
    assert_eq!(w.holders(block.id), [1 - kept]);
}

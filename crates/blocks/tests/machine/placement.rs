//! Where replicas go.

use loxodon_blocks::*;
use loxodon_cluster::StorageType;

use crate::world::{LENGTH, World, datanode_id, reader};

fn rack(w: &World, n: usize) -> String {
    w.nodes[n].rack.to_string()
}

#[test]
fn writer_then_another_rack_then_that_rack_again() {
    let mut w = World::new(&["/a", "/a", "/a", "/b", "/b", "/b", "/c", "/c", "/c"]);
    for writer in 0..9 {
        let request = w.request(writer, 3);
        let chosen = w.m.choose_targets(w.now, &request).unwrap();
        let n = w.numbers(&chosen);
        assert_eq!(n[0], writer);
        assert_ne!(rack(&w, n[1]), rack(&w, writer));
        assert_eq!(rack(&w, n[2]), rack(&w, n[1]));
        assert_ne!(n[1], n[2]);
    }
}

#[test]
fn a_writer_from_outside_gets_its_rack_if_it_has_one() {
    let mut w = World::new(&["/a", "/a", "/b", "/b"]);
    for _ in 0..20 {
        let mut request = w.request(99, 3);
        request.writer.rack = Some("/b".to_owned());
        let chosen = w.m.choose_targets(w.now, &request).unwrap();
        assert_eq!(rack(&w, w.numbers(&chosen)[0]), "/b");
        let request = w.request(99, 4);
        assert_eq!(w.m.choose_targets(w.now, &request).unwrap().len(), 4);
    }
}

#[test]
fn one_rack_takes_everything_and_two_never_share_all() {
    let mut one = World::new(&["/a", "/a", "/a"]);
    let request = one.request(0, 3);
    assert_eq!(one.m.choose_targets(one.now, &request).unwrap().len(), 3);
    let mut two = World::new(&["/a", "/a", "/a", "/b"]);
    for _ in 0..20 {
        let request = two.request(1, 3);
        let chosen = two.m.choose_targets(two.now, &request).unwrap();
        assert!(two.numbers(&chosen).contains(&3), "the only node of the other rack");
    }
}

#[test]
fn excluded_full_busy_and_leaving_nodes_are_left_out() {
    let mut w = World::new(&["/a"; 6]);
    w.nodes[1].remaining = LENGTH - 1;
    w.nodes[2].xceivers = 100;
    w.tick();
    for _ in 0..20 {
        let mut request = w.request(0, 3);
        request.excluded = vec!["uuid-3".to_owned()];
        let chosen = w.m.choose_targets(w.now, &request).unwrap();
        let mut n = w.numbers(&chosen);
        n.sort_unstable();
        assert_eq!(n, [0, 4, 5]);
    }
    let mut request = w.request(0, 3);
    request.excluded = (0..6).map(|n| format!("uuid-{n}")).collect();
    let refused = w.m.choose_targets(w.now, &request).unwrap_err();
    assert_eq!(
        refused.to_string(),
        "could only be written to 0 of the 1 minReplication nodes. There are 6 datanode(s) running and 6 node(s) are excluded in this operation."
    );
    assert_eq!(refused.java_class(), "java.io.IOException");
    // Who was tried in vain counts as well.
    for node in &mut w.nodes {
        node.remaining = LENGTH - 1;
    }
    w.tick();
    let refused = w.m.choose_targets(w.now, &w.request(0, 3)).unwrap_err().to_string();
    assert!(
        refused.contains("There are 6 datanode(s) running and 6 node(s) are excluded"),
        "{refused}"
    );
}

#[test]
fn blocks_on_their_way_take_room() {
    let mut w = World::new(&["/a"]);
    w.nodes[0].remaining = 3 * LENGTH;
    w.tick();
    for _ in 0..3 {
        let request = w.request(0, 1);
        let chosen = w.m.choose_targets(w.now, &request).unwrap();
        let new = w.new_block(1, PolicyId::HOT);
        w.m.begin_block(new, &chosen).unwrap();
    }
    let request = w.request(0, 1);
    assert!(w.m.choose_targets(w.now, &request).is_err());
    let first = Block {
        id: loxodon_wire::ids::BlockId(crate::world::FIRST),
        length: LENGTH,
        stamp: loxodon_wire::ids::GenerationStamp(1001),
    };
    w.received(0, first);
    assert!(w.m.choose_targets(w.now, &request).is_ok(), "it arrived, and the room was counted");
}

#[test]
fn no_local_write_and_favored_nodes() {
    let mut w = World::new(&["/a", "/a", "/b", "/b"]);
    for _ in 0..20 {
        let mut request = w.request(0, 2);
        request.no_local_write = true;
        let chosen = w.m.choose_targets(w.now, &request).unwrap();
        assert!(!w.numbers(&chosen).contains(&0));
        let mut request = w.request(0, 2);
        request.favored = vec!["10.0.0.3:9866".to_owned(), "dn2:9866".to_owned()];
        let chosen = w.m.choose_targets(w.now, &request).unwrap();
        let mut n = w.numbers(&chosen);
        n.sort_unstable();
        assert_eq!(n, [2, 3]);
    }
    let mut alone = World::new(&["/a"]);
    let mut request = alone.request(0, 1);
    request.no_local_write = true;
    assert_eq!(
        alone.m.choose_targets(alone.now, &request).unwrap().len(),
        1,
        "better than nothing"
    );
}

#[test]
fn one_more_for_a_pipeline_is_none_of_the_old() {
    let mut w = World::new(&["/a", "/a", "/b"]);
    let mut request = w.request(0, 1);
    request.existing = vec![w.target(0), w.target(2)];
    let chosen = w.m.choose_targets(w.now, &request).unwrap();
    assert_eq!(w.numbers(&chosen), [1]);
    request.existing.push(w.target(1));
    assert_eq!(w.m.choose_targets(w.now, &request), Ok(vec![]));
}

#[test]
fn storage_types_follow_the_policy_and_its_fallbacks() {
    let mut w = World::new(&["/a"; 4]);
    w.nodes[3].kind = StorageType::Ssd;
    w.tick();
    for _ in 0..10 {
        let mut request = w.request(99, 3);
        request.policy = PolicyId(10);
        let chosen = w.m.choose_targets(w.now, &request).unwrap();
        assert!(w.numbers(&chosen).contains(&3), "ONE_SSD");
        request.policy = PolicyId(12);
        let chosen = w.m.choose_targets(w.now, &request).unwrap();
        assert_eq!(chosen.len(), 3, "ALL_SSD falls back to DISK");
        assert!(w.numbers(&chosen).contains(&3));
    }
    let mut request = w.request(0, 1);
    request.policy = PolicyId(2);
    assert!(w.m.choose_targets(w.now, &request).is_err(), "COLD has no fallback");
}

#[test]
fn rack_fault_tolerance_uses_every_rack() {
    let settings = Settings { placement: PlacementKind::RackFaultTolerant, ..Settings::default() };
    let mut w = World::with(settings, &["/a", "/a", "/b", "/b", "/c", "/c"]);
    for _ in 0..20 {
        let request = w.request(0, 3);
        let chosen = w.m.choose_targets(w.now, &request).unwrap();
        let mut racks: Vec<String> = w.numbers(&chosen).into_iter().map(|n| rack(&w, n)).collect();
        racks.sort_unstable();
        assert_eq!(racks, ["/a", "/b", "/c"]);
        let request = w.request(0, 6);
        assert_eq!(w.m.choose_targets(w.now, &request).unwrap().len(), 6);
    }
}

#[test]
fn the_nearest_replica_comes_first() {
    let mut w = World::new(&["/a", "/a", "/b"]);
    let block = w.write_on(3, &[2, 1, 0]);
    for _ in 0..10 {
        w.now.0 += 1;
        let order = |w: &World, n| {
            let located = w.m.locate(w.now, block.id, &reader(n)).unwrap();
            w.numbers(&located.replicas)
        };
        assert_eq!(order(&w, 1), [1, 0, 2]);
        assert_eq!(order(&w, 2)[0], 2);
    }
}

#[test]
fn the_same_seed_chooses_the_same() {
    let run = || {
        let mut w = World::new(&["/a", "/a", "/b", "/b", "/c"]);
        let request = w.request(99, 3);
        (0..20).map(|_| w.m.choose_targets(w.now, &request).unwrap()).collect::<Vec<_>>()
    };
    assert_eq!(run(), run());
    assert_eq!(datanode_id(1).to_string(), "10.0.0.1:9866");
}

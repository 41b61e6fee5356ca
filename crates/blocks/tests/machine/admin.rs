//! Decommissioning and maintenance.

use loxodon_blocks::*;
use loxodon_cluster::{AdminState, HostEntry, HostLists, HostProperties};
use loxodon_wire::ids::Milliseconds;

use crate::world::World;

fn state(w: &World, n: usize) -> AdminState {
    w.m.datanode(w.index(n)).unwrap().admin()
}

fn exclude(w: &mut World, names: &str) {
    w.m.refresh_hosts(w.now, HostLists::from_entries(None, HostLists::parse_file(names)));
}

#[test]
fn a_node_is_decommissioned_once_its_blocks_are_elsewhere() {
    let mut w = World::new(&["/a", "/a", "/a", "/a"]);
    let blocks: Vec<Block> = (0..30).map(|_| w.write_on(3, &[0, 1, 2])).collect();
    exclude(&mut w, "10.0.0.0");
    assert_eq!(state(&w, 0), AdminState::DecommissionInProgress);
    w.tick();
    assert_eq!(w.m.blocks_keeping(w.index(0)).len(), 30);
    assert_eq!(w.m.datanodes(ReportKind::Decommissioning), [w.index(0)]);
    let request = w.request(0, 3);
    let chosen = w.m.choose_targets(w.now, &request).unwrap();
    assert!(!w.numbers(&chosen).contains(&0));
    w.ticks(40);
    assert_eq!(state(&w, 0), AdminState::Decommissioned);
    assert!(w.events.contains(&Event::DatanodeDecommissioned(w.index(0))));
    for block in &blocks {
        let counts = w.m.count_replicas(block.id);
        assert_eq!((counts.live, counts.decommissioned), (3, 1));
    }
    // Back in service: one too many each.
    exclude(&mut w, "");
    assert_eq!(state(&w, 0), AdminState::Normal);
    w.ticks(30);
    assert!(blocks.iter().all(|block| w.holders(block.id).len() == 3));
}

#[test]
fn an_empty_node_is_decommissioned_soon_and_one_that_cannot_leave_stays() {
    let mut w = World::new(&["/a", "/a", "/a"]);
    w.write_on(2, &[0, 1]);
    exclude(&mut w, "10.0.0.2 10.0.0.0");
    w.ticks(5);
    assert_eq!(state(&w, 2), AdminState::Decommissioned);
    assert_eq!(state(&w, 0), AdminState::DecommissionInProgress, "nowhere to go");
    w.ticks(10);
    assert_eq!(w.m.stats().decommissioning_nodes, 1);
}

#[test]
fn maintenance_keeps_replicas_of_a_node_that_is_down() {
    let mut w = World::new(&["/a", "/a", "/a"]);
    let block = w.write_on(2, &[0, 1]);
    let single = w.write_on(1, &[0]);
    let maintain = |w: &mut World, until: Option<Milliseconds>| {
        let mut lists = HostLists::default();
        for n in 0..3 {
            let entry = HostEntry::parse(&format!("10.0.0.{n}")).unwrap();
            let admin_state = if n == 0 { AdminState::InMaintenance } else { AdminState::Normal };
            let maintenance_expires = until.filter(|_| n == 0);
            lists.insert(
                entry,
                HostProperties { admin_state, maintenance_expires, ..HostProperties::default() },
            );
        }
        w.m.refresh_hosts(w.now, lists);
    };
    let end = Milliseconds(w.now.0 + 3_000_000);
    maintain(&mut w, Some(end));
    assert_eq!(state(&w, 0), AdminState::EnteringMaintenance);
    assert_eq!(w.m.stats().entering_maintenance_nodes, 1);
    w.ticks(10);
    assert_eq!(state(&w, 0), AdminState::InMaintenance);
    let count =
        |w: &World| (w.m.stats().live_maintenance_nodes, w.m.stats().dead_maintenance_nodes);
    assert_eq!(count(&w), (1, 0));
    assert!(w.events.contains(&Event::DatanodeInMaintenance(w.index(0))));
    assert_eq!(w.m.count_replicas(single.id).live, 1, "the only one was copied first");
    assert_eq!(w.m.count_replicas(block.id).live, 1, "one elsewhere is enough for now");
    w.nodes[0].is_up = false;
    w.ticks(300);
    assert!(!w.m.datanode(w.index(0)).unwrap().is_alive());
    assert_eq!(count(&w), (0, 1));
    assert_eq!(w.m.count_replicas(block.id).in_maintenance, 1);
    assert_eq!(w.m.stats().low_redundancy, 0);
    let located = w.m.locate(w.now, block.id, &Reader::default()).unwrap();
    assert_eq!(w.numbers(&located.replicas), [1]);
    // It never comes back: when maintenance ends, its replicas are given up.
    w.ticks(720);
    assert_eq!(state(&w, 0), AdminState::Normal);
    w.ticks(10);
    assert_eq!(w.holders(block.id), [1, 2]);
    assert_eq!(w.known_on(block.id), [1, 2]);
}

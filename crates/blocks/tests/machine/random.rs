//! Random histories: whatever happens, both sides of every replica agree, the manager agrees with
//! what the nodes really hold, and once faults stop, every block that still has a good replica
//! gets as many as it should.

use std::collections::BTreeMap;

use loxodon_blocks::*;
use loxodon_wire::ids::BlockId;
use proptest::prelude::*;

use crate::world::World;

#[derive(Clone, Copy, Debug)]
enum Op {
    Write(u16, usize),
    Remove(usize),
    Replication(usize, u16),
    Kill(usize),
    Revive(usize),
    Wipe(usize),
    Damage(usize, usize),
    Report(usize),
    Ticks(usize),
    Exclude(Option<usize>),
    Reopen(usize),
}

const NODES: usize = 6;

fn op() -> impl Strategy<Value = Op> {
    let node = 0..NODES;
    prop_oneof![
        4 => (1u16..4, node.clone()).prop_map(|(r, n)| Op::Write(r, n)),
        1 => (0usize..50).prop_map(Op::Remove),
        2 => ((0usize..50), 1u16..6).prop_map(|(b, r)| Op::Replication(b, r)),
        1 => node.clone().prop_map(Op::Kill),
        1 => node.clone().prop_map(Op::Revive),
        1 => node.clone().prop_map(Op::Wipe),
        1 => ((0usize..50), node.clone()).prop_map(|(b, n)| Op::Damage(b, n)),
        2 => node.clone().prop_map(Op::Report),
        3 => prop_oneof![1usize..4, Just(220usize)].prop_map(Op::Ticks),
        1 => proptest::option::of(node).prop_map(Op::Exclude),
        1 => (0usize..50).prop_map(Op::Reopen),
    ]
}

/// What is wanted of each block, and nothing more.
#[derive(Default)]
struct Model {
    wanted: BTreeMap<BlockId, (Block, u16)>,
}

impl Model {
    fn pick(&self, at: usize) -> Option<Block> {
        let count = self.wanted.len();
        self.wanted.values().nth(at.checked_rem(count)?).map(|(block, _)| *block)
    }
}

fn write(w: &mut World, model: &mut Model, replication: u16, writer: usize) {
    let request = w.request(writer, replication);
    let Ok(targets) = w.m.choose_targets(w.now, &request) else { return };
    let new = w.new_block(replication, PolicyId::HOT);
    w.m.begin_block(new, &targets).unwrap();
    let block = Block { length: 500, ..new.block };
    for n in w.numbers(&targets) {
        if w.nodes[n].is_up {
            w.received(n, block);
        }
    }
    if w.m.commit_block(block.id, block.length, block.stamp).unwrap() {
        model.wanted.insert(block.id, (block, replication));
    } else {
        w.m.remove_block(block.id);
    }
}

fn apply(w: &mut World, model: &mut Model, op: Op) {
    match op {
        Op::Write(replication, writer) => write(w, model, replication, writer),
        Op::Remove(at) => {
            if let Some(block) = model.pick(at) {
                w.m.remove_block(block.id);
                model.wanted.remove(&block.id);
            }
        }
        Op::Replication(at, replication) => {
            if let Some(block) = model.pick(at) {
                w.m.set_replication(w.now, block.id, replication);
                model.wanted.insert(block.id, (block, replication));
            }
        }
        Op::Kill(n) => w.nodes[n].is_up = false,
        Op::Revive(n) => w.nodes[n].is_up = true,
        Op::Wipe(n) => {
            w.nodes[n].replicas.clear();
            if w.m.datanode(w.index(n)).unwrap().is_alive() && w.nodes[n].is_up {
                w.full_report(n);
            }
        }
        Op::Damage(at, n) => {
            if let Some(block) = model.pick(at)
                && w.known_on(block.id).contains(&n)
            {
                w.m.report_bad_block(block, &format!("uuid-{n}"), None).unwrap();
            }
        }
        Op::Report(n) => {
            if w.nodes[n].is_up && w.m.datanode(w.index(n)).unwrap().is_alive() {
                w.full_report(n);
            }
        }
        Op::Ticks(count) => w.ticks(count),
        Op::Exclude(node) => {
            let excluded = node.map(|n| format!("10.0.0.{n}")).unwrap_or_default();
            let lists = loxodon_cluster::HostLists::from_entries(
                None,
                loxodon_cluster::HostLists::parse_file(&excluded),
            );
            w.m.refresh_hosts(w.now, lists);
        }
        Op::Reopen(at) => {
            if let Some(block) = model.pick(at)
                && !w.m.reopen_block(block.id).unwrap().is_empty()
            {
                w.m.commit_block(block.id, block.length, block.stamp).unwrap();
            }
        }
    }
    w.m.check().unwrap();
}

/// Faults stop; everything is up, in service and reported.
fn settle(w: &mut World) {
    w.m.refresh_hosts(w.now, loxodon_cluster::HostLists::default());
    for n in 0..NODES {
        w.nodes[n].is_up = true;
    }
    w.ticks(4);
    for n in 0..NODES {
        w.full_report(n);
    }
    w.ticks(150);
}

/// Each history takes long, so fewer than usual unless `PROPTEST_CASES` asks for more.
fn cases() -> ProptestConfig {
    let usual = ProptestConfig::default();
    ProptestConfig { cases: if usual.cases == 256 { 64 } else { usual.cases }, ..usual }
}

proptest! {
    #![proptest_config(cases())]

    #[test]
    fn any_history_converges(ops in proptest::collection::vec(op(), 1..60)) {
        let mut w = World::new(&["/a", "/a", "/b", "/b", "/c", "/c"]);
        let mut model = Model::default();
        for op in ops {
            apply(&mut w, &mut model, op);
        }
        settle(&mut w);
        prop_assert_eq!(w.m.block_count(), model.wanted.len());
        for (id, (block, replication)) in &model.wanted {
            let info = w.m.block(*id).unwrap();
            prop_assert_eq!(info.block, *block);
            let holders = w.holders(*id);
            let counts = w.m.count_replicas(*id);
            if counts.corrupt == 0 || counts.live > 0 {
                prop_assert_eq!(&w.known_on(*id), &holders, "blk_{} as told and as it is", id);
            }
            if counts.live > 0 && info.is_complete() {
                let expected = usize::from(*replication).min(NODES);
                prop_assert_eq!(usize::from(counts.live), expected, "blk_{} {:?}", id, counts);
                prop_assert!(w.m.is_placement_satisfied(*id, &info));
            }
        }
        for n in 0..NODES {
            let strangers = w.nodes[n].replicas.keys().filter(|id| !model.wanted.contains_key(id)).count();
            prop_assert_eq!(strangers, 0, "node {} keeps what nobody wants", n);
        }
        prop_assert_eq!(w.m.stats().excess, 0);
    }
}

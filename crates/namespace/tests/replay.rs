//! Any operations: replay of what was logged gives the same tree, a frozen view never changes, and
//! what directories count is what is there.

#![allow(clippy::unwrap_used, clippy::panic, clippy::expect_used)]

mod support;

use loxodon_namespace::Namespace;
use loxodon_namespace::context::BlockState;
use loxodon_namespace::edit::{
    AclEntry, AclKind, AclScope, Block, RenameOption, StorageType, XAttr, XAttrNamespace,
};
use loxodon_namespace::plan::{AddBlock, CreateFile, CreateFlags, CreateMode, Opened};
use loxodon_namespace::status::Usage;
use loxodon_wire::ids::{InodeId, Milliseconds};
use proptest::prelude::*;
use support::{World, picture, settings};

const NAMES: [&str; 4] = ["a", "b", "é", "long-name-of-something"];
const USERS: [&str; 3] = ["hdfs", "alice", "bob"];

#[derive(Clone, Debug)]
struct Step {
    what: u8,
    from: String,
    to: String,
    user: usize,
    number: u16,
}

fn path() -> impl Strategy<Value = String> {
    proptest::collection::vec(0..NAMES.len(), 1..4)
        .prop_map(|parts| parts.iter().map(|&p| format!("/{}", NAMES[p])).collect::<String>())
}

fn step() -> impl Strategy<Value = Step> {
    (0u8..26, path(), path(), 0..USERS.len(), 0u16..1000)
        .prop_map(|(what, from, to, user, number)| Step { what, from, to, user, number })
}

fn create(path: &str, flags: u32, number: u16) -> CreateFile<'_> {
    CreateFile {
        path,
        mode: CreateMode { masked: 0o644, unmasked: Some(0o666) },
        client_name: if number.is_multiple_of(2) { "one" } else { "two" },
        client_machine: "host",
        flags: CreateFlags(flags),
        create_parent: !number.is_multiple_of(5),
        replication: 1 + number % 3,
        block_size: 100,
        erasure_coding_policy: "",
        storage_policy: ["", "ONE_SSD", "COLD"][usize::from(number % 3)],
    }
}

/// Writes blocks to a file that is open.
fn write(world: &mut World, path: &str, blocks: u16) {
    let Some(file) = world.ns.inode_at_path(path) else { return };
    let Some(client) = world.ns.writer_of(file).map(|w| w.client_name.clone()) else { return };
    let caller = world.caller("hdfs");
    for _ in 0..blocks % 4 {
        let previous =
            world.ns.file_blocks(file).unwrap().last().map(|b| Block { length: 100, ..b });
        let ctx = world.context(&caller);
        let states = &world.states;
        let Ok(plan) = world.ns.plan_add_block(&ctx, path, file, &client, previous, states) else {
            return;
        };
        if let AddBlock::Retry { .. } = world.run(plan) {
            return;
        }
    }
}

fn perform(world: &mut World, step: &Step) {
    let caller = world.caller(USERS[step.user]);
    let ctx = world.context(&caller);
    let (ns, states) = (&world.ns, &world.states);
    let (from, to, n) = (step.from.as_str(), step.to.as_str(), step.number);
    let file = ns.inode_at_path(from).unwrap_or(InodeId(0));
    let client = ns.writer_of(file).map(|w| w.client_name.to_string()).unwrap_or_default();
    let last = ns.file_blocks(file).and_then(|b| b.last());
    macro_rules! go {
        ($plan:expr) => {
            if let Ok(plan) = $plan {
                world.run(plan);
            }
        };
    }
    match step.what {
        0..=2 => go!(ns.plan_mkdirs(&ctx, from, CreateMode::plain(0o777 & !n), n % 4 != 0)),
        3..=5 => go!(ns.plan_create(&ctx, &create(from, 1 | (u32::from(n) & 2), n), states)),
        6 | 7 => write(world, from, n),
        8 | 9 => {
            let last = last.map(|b| Block { length: u64::from(n % 101), ..b });
            go!(ns.plan_complete(&ctx, from, file, &client, last, states));
        }
        10 => go!(ns.plan_append(&ctx, from, "three", "host", n % 2 == 0, states)),
        11 => go!(ns.plan_truncate(&ctx, from, u64::from(n) % 300, "four", "host", states)),
        12 => go!(ns.plan_delete(&ctx, from, n % 3 != 0)),
        13 => go!(ns.plan_rename_old(&ctx, from, to)),
        14 => go!(ns.plan_rename(&ctx, from, to, &[RenameOption::Overwrite])),
        15 => go!(ns.plan_rename(&ctx, from, to, &[RenameOption::None])),
        16 => go!(ns.plan_concat(&ctx, from, &[to.to_owned()])),
        17 => go!(ns.plan_set_replication(&ctx, from, 1 + n % 4)),
        18 => go!(ns.plan_set_permission(&ctx, from, n)),
        19 => go!(ns.plan_set_owner(&ctx, from, Some(USERS[usize::from(n) % 3]), Some("staff"))),
        20 => {
            let kind = (n % 3 == 0).then_some(StorageType::Ssd);
            let names = if kind.is_some() { i64::MAX } else { i64::from(n % 9) - 1 };
            go!(ns.plan_set_quota(&ctx, from, names, i64::from(n) * 5 - 1, kind));
        }
        21 => {
            let policy = ["ONE_SSD", "WARM", "ALL_SSD"][usize::from(n % 3)];
            go!(ns.plan_set_storage_policy(&ctx, from, policy));
        }
        22 => {
            let x =
                XAttr { namespace: XAttrNamespace::User, name: format!("n{}", n % 3), value: None };
            if n % 2 == 0 {
                go!(ns.plan_set_xattr(&ctx, from, &x, 3));
            } else {
                go!(ns.plan_remove_xattr(&ctx, from, &x));
            }
        }
        23 => {
            let scope = if n % 2 == 0 { AclScope::Access } else { AclScope::Default };
            let name = Some(USERS[usize::from(n) % 3].to_owned());
            let entry = AclEntry { scope, kind: AclKind::User, name, permission: (n % 8) as u8 };
            if n % 5 == 0 {
                go!(ns.plan_remove_acl(&ctx, from));
            } else {
                go!(ns.plan_modify_acl(&ctx, from, &[entry]));
            }
        }
        24 => go!(ns.plan_recover_lease(&ctx, from, "five", states)),
        _ => match last {
            Some(block) if n % 2 == 0 => {
                go!(ns.plan_abandon_block(&ctx, from, file, &client, block));
            }
            _ => go!(ns.plan_fsync(&ctx, from, file, &client, Some(u64::from(n % 100)))),
        },
    }
}

/// What a tree uses, counted without the namespace's own counters.
fn check_counts(ns: &Namespace) {
    let caller = loxodon_namespace::context::Caller::new("hdfs".into(), Vec::new(), ns.settings());
    let ctx = loxodon_namespace::context::OpContext {
        caller: &caller,
        now: Milliseconds(0),
        monotonic: Milliseconds(0),
        rpc: loxodon_namespace::edit::RpcIds::NONE,
    };
    for inode in ns.inode_views() {
        let path = ns.path_of(inode.id).unwrap();
        let summary = ns.content_summary(&ctx, &path).unwrap();
        let usage = ns.quota_usage(&ctx, &path).unwrap();
        let counted = Usage {
            namespace: i64::try_from(summary.files + summary.directories).unwrap(),
            storage: i64::try_from(summary.space_consumed).unwrap(),
            by_type: usage.by_type,
        };
        assert_eq!(
            (usage.inodes, usage.space_consumed),
            (counted.namespace, counted.storage),
            "{path}"
        );
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 100, max_shrink_iters: 4000, ..ProptestConfig::default() })]

    #[test]
    fn replay_equals_live_and_views_stay(steps in proptest::collection::vec(step(), 1..120), freeze in 0usize..120) {
        let mut world = World::new(settings());
        let caller = world.caller("hdfs");
        let ctx = world.context(&caller);
        let plan = world.ns.plan_set_permission(&ctx, "/", 0o777).unwrap();
        world.run(plan);
        let mut frozen = None;
        for (at, step) in steps.iter().enumerate() {
            if at == freeze {
                frozen = Some((world.ns.clone(), picture(&world.ns)));
            }
            world.now = Milliseconds(world.now.0 + 30_000);
            perform(&mut world, step);
        }
        if let Some((view, before)) = frozen {
            prop_assert_eq!(picture(&view), before);
        }
        check_counts(&world.ns);
        let mut replayed = Namespace::new(settings());
        for edit in &world.log {
            replayed.apply(edit).map_err(|e| TestCaseError::fail(e.to_string()))?;
            while !replayed.reclaim(1000).done {}
        }
        let (live, again) = (picture(&world.ns), picture(&replayed));
        prop_assert_eq!(live, again);
    }

    #[test]
    fn edits_that_do_not_fit_are_refused_and_leave_a_whole_tree(
        steps in proptest::collection::vec(step(), 1..60),
        order in proptest::collection::vec(0usize..1000, 1..60),
    ) {
        let mut world = World::new(settings());
        for step in &steps {
            perform(&mut world, &Step { user: 0, ..step.clone() });
        }
        let mut other = Namespace::new(settings());
        for at in order {
            if world.log.is_empty() { break; }
            // An error is an answer; a panic or a broken tree is not.
            let _ = other.apply(&world.log[at % world.log.len()]);
            while !other.reclaim(1000).done {}
        }
        check_counts(&other);
        let inodes = other.inode_views().count() as u64;
        prop_assert_eq!(inodes, other.totals().inodes());
    }
}

#[test]
fn opened_is_what_says_that_recovery_began() {
    let mut world = World::new(settings());
    let caller = world.caller("hdfs");
    let ctx = world.context(&caller);
    let plan = world.ns.plan_create(&ctx, &create("/f", 1, 1), &world.states).unwrap();
    world.run(plan);
    write(&mut world, "/f", 1);
    let file = world.ns.inode_at_path("/f").unwrap();
    let block = world.ns.file_blocks(file).unwrap().last().unwrap();
    world.states.told.borrow_mut().insert(block.id, BlockState::UnderConstruction);
    world.now = Milliseconds(world.now.0 + 61_000);
    let ctx = world.context(&caller);
    let plan = world.ns.plan_append(&ctx, "/f", "new", "host", false, &world.states).unwrap();
    let Opened::Refused { error, .. } = world.run(plan) else { panic!("not refused") };
    assert_eq!(
        error.message(),
        "Failed to APPEND_FILE /f for new on host because lease recovery is in progress. Try again later."
    );
    // After a crash the first writer must not go on: DataNodes may have his block under a newer stamp.
    assert_eq!(world.ns.lease_holder_of(file), Some(loxodon_namespace::NAMENODE_LEASE_HOLDER));
    assert!(
        world
            .log
            .iter()
            .any(|edit| matches!(edit, loxodon_namespace::edit::Edit::ReassignLease { .. }))
    );
}

#[test]
fn files_get_the_least_replication_that_is_allowed_when_they_are_replayed() {
    use loxodon_namespace::edit::{AddFile, Edit};
    use loxodon_namespace::settings::Settings;
    let mut ns = Namespace::new(Settings { min_replication: 2, ..settings() });
    for (path, replication, becomes) in [("/one", 1, 2), ("/three", 3, 3)] {
        let inode = InodeId(16_386 + u64::from(replication));
        let add = AddFile { path: path.into(), inode, replication, ..AddFile::default() };
        ns.apply(&Edit::Add(Box::new(add))).unwrap();
        assert_eq!(ns.status_of(inode).unwrap().replication, becomes, "{path}");
    }
}

#[test]
fn a_directory_of_many_children() {
    let mut ns = Namespace::new(settings());
    let mut mkdir =
        loxodon_namespace::edit::Mkdir { timestamp: Milliseconds(1), ..Default::default() };
    mkdir.permissions.mode = 0o755;
    for i in 0..50_000u64 {
        mkdir.inode = InodeId(16_386 + i);
        mkdir.path.clear();
        mkdir.path.push_str("/d");
        mkdir.path.push_str(&(i * 7_919 % 1_000_003).to_string());
        ns.apply(&loxodon_namespace::edit::Edit::Mkdir(Box::new(mkdir.clone()))).unwrap();
    }
    assert_eq!(ns.totals().directories, 50_001);
    let found = ns.inode_at_path(&format!("/d{}", 25_000u64 * 7_919 % 1_000_003));
    assert_eq!(found, Some(InodeId(41_386)));
}

/// The budget that the design sets: everything that the namespace holds, per file.
#[test]
fn a_file_costs_at_most_88_bytes() {
    let files: u64 = 40_000;
    let mut ns = Namespace::new(settings());
    let mut add = loxodon_namespace::edit::AddFile {
        replication: 3,
        block_size: 128 << 20,
        client_name: "client".to_owned(),
        client_machine: "host".to_owned(),
        ..Default::default()
    };
    let mkdir = |inode, path| loxodon_namespace::edit::Mkdir { inode, path, ..Default::default() };
    let mut first = 0;
    for i in 0..files {
        let directory = format!("/dir-{}", i / 1000);
        if i % 1000 == 0 {
            let id = InodeId(ns.counters().last_inode.0 + 1);
            ns.apply(&loxodon_namespace::edit::Edit::Mkdir(Box::new(mkdir(id, directory.clone()))))
                .unwrap();
        }
        if i == 1000 {
            first = ns.heap_bytes();
        }
        add.inode = InodeId(ns.counters().last_inode.0 + 1);
        add.path = format!("{directory}/part-{i:015}");
        ns.apply(&loxodon_namespace::edit::Edit::Add(Box::new(add.clone()))).unwrap();
        let block = Block {
            id: loxodon_wire::ids::BlockId(1_073_741_825 + i as i64),
            length: 4321,
            generation_stamp: loxodon_wire::ids::GenerationStamp(1001 + i),
        };
        let close = loxodon_namespace::edit::CloseFile {
            path: add.path.clone(),
            blocks: vec![block],
            ..Default::default()
        };
        ns.apply(&loxodon_namespace::edit::Edit::Close(Box::new(close))).unwrap();
    }
    let each = (ns.heap_bytes() - first) as f64 / (files - 1000) as f64;
    assert!(each <= 88.0, "{each} bytes per file");
}

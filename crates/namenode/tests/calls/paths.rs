//! Names, attributes of paths, and what the log says of them.

use loxodon_namenode::{Due, Request};
use loxodon_namespace::edit::RpcIds;
use loxodon_wire::ids::BlockId;
use loxodon_wire::proto::hdfs::*;

use crate::world::*;

#[test]
fn what_was_logged_gives_the_same_tree_again() {
    let mut world = World::new();
    world.add_datanode();
    world.mkdirs_as("hdfs", "/a/b/c").unwrap();
    world.create("/a/f");
    let located = world.add_block("/a/f");
    let last = ExtendedBlockProto { num_bytes: Some(9), ..located.b };
    world.received(&last);
    assert!(world.complete("/a/f", &last));
    let rename = Rename2RequestProto {
        src: "/a/f".into(),
        dst: "/a/b/g".into(),
        overwrite_dest: false,
        move_to_trash: None,
    };
    let _: Rename2ResponseProto = world.client("rename2", &rename).unwrap();
    let owner = SetOwnerRequestProto {
        src: "/a/b".into(),
        username: Some("alice".into()),
        groupname: None,
    };
    let _: SetOwnerResponseProto = world.client("setOwner", &owner).unwrap();
    let delete = DeleteRequestProto { src: "/a/b/c".into(), recursive: true };
    let deleted: DeleteResponseProto = world.client("delete", &delete).unwrap();
    assert!(deleted.result);
    world.create("/open");

    let mut again = replayed(&world.edits);
    assert_eq!(again.tree("/"), world.tree("/"));
    assert_eq!(again.machine.blocks.block_count(), world.machine.blocks.block_count());
}

#[test]
fn paths_too_deep_or_too_long_are_not_made() {
    let mut world = World::new();
    world.mkdirs_as("hdfs", &"/d".repeat(1000)).unwrap();
    for path in ["/d".repeat(1001), format!("/{}", format!("{}/", "n".repeat(99)).repeat(80))] {
        let refused = world.mkdirs_as("hdfs", &path).unwrap_err();
        assert_eq!(
            refused.to_string(),
            "mkdirs: Pathname too long.  Limit 8000 characters, 1000 levels."
        );
        let rename = RenameRequestProto { src: "/d".into(), dst: path };
        let refused = world.client::<_, RenameResponseProto>("rename", &rename).unwrap_err();
        assert!(refused.to_string().starts_with("rename: Pathname too long."), "{refused}");
    }
}

#[test]
fn a_directorys_storage_policy_comes_to_the_blocks_below_it() {
    let mut world = World::new();
    world.add_datanode();
    let mut blocks = Vec::new();
    for src in ["/d/a/f", "/d/b/c/f", "/d/b/g", "/d/z/f", "/other/f"] {
        world.create(src);
        let last = ExtendedBlockProto { num_bytes: Some(9), ..world.add_block(src).b };
        world.received(&last);
        assert!(world.complete(src, &last));
        blocks.push(BlockId(last.block_id.cast_signed()));
    }
    let asked = SetStoragePolicyRequestProto { src: "/d".into(), policy_name: "COLD".into() };
    let _: SetStoragePolicyResponseProto = world.client("setStoragePolicy", &asked).unwrap();
    let own = SetStoragePolicyRequestProto { src: "/d/b/c".into(), policy_name: "WARM".into() };
    let _: SetStoragePolicyResponseProto = world.client("setStoragePolicy", &own).unwrap();
    let policies = |world: &World| -> Vec<u8> {
        blocks.iter().map(|id| world.machine.blocks.block(*id).unwrap().policy.0).collect()
    };
    let identity = user("hdfs");
    let turn = |world: &mut World| {
        let mut request = Request::new(world.clocks(), &identity, RpcIds::NONE);
        world.machine.tick(&mut request, Due::default(), 2)
    };
    assert!(turn(&mut world), "two inodes are not all");
    assert_eq!(policies(&world), [2, 7, 7, 7, 7]);
    // From where the walk has not been to where it was.
    let rename = RenameRequestProto { src: "/d/z".into(), dst: "/d/a/z".into() };
    let renamed: RenameResponseProto = world.client("rename", &rename).unwrap();
    assert!(renamed.result);
    while turn(&mut world) {}
    assert_eq!(policies(&world), [2, 5, 2, 2, 7]);
    // Blocks that become another file's.
    let concat = ConcatRequestProto { trg: "/d/b/g".into(), srcs: vec!["/d/b/c/f".into()] };
    let moved = RenameRequestProto { src: "/d/b/c/f".into(), dst: "/d/b/f".into() };
    let _: RenameResponseProto = world.client("rename", &moved).unwrap();
    let concat = ConcatRequestProto { srcs: vec!["/d/b/f".into()], ..concat };
    let _: ConcatResponseProto = world.client("concat", &concat).unwrap();
    assert_eq!(policies(&world), [2, 2, 2, 2, 7]);
    // To where another policy holds.
    let rename = RenameRequestProto { src: "/d/a".into(), dst: "/other/a".into() };
    let _: RenameResponseProto = world.client("rename", &rename).unwrap();
    while turn(&mut world) {}
    assert_eq!(policies(&world), [7, 2, 2, 7, 7]);
}

/// What the log cannot hold would end the NameNode once it is applied, so it is refused before.
#[test]
fn names_that_the_log_cannot_hold_are_refused_and_change_nothing() {
    let mut world = World::new();
    let asked = CreateRequestProto {
        src: "/f".into(),
        masked: FsPermissionProto { perm: 0o644 },
        client_name: "w".repeat(70_000),
        create_flag: CreateFlagProto::Create as u32,
        create_parent: true,
        replication: 1,
        block_size: 128 << 20,
        ..CreateRequestProto::default()
    };
    let refused = world.client::<_, CreateResponseProto>("create", &asked).unwrap_err();
    assert_eq!(refused.java_class(), "java.io.IOException");
    assert!(refused.to_string().contains("CLIENT_NAME: string too long"), "{refused}");
    let asked = SetOwnerRequestProto {
        src: "/".into(),
        groupname: Some("g".repeat(70_000)),
        username: None,
    };
    assert!(world.client::<_, SetOwnerResponseProto>("setOwner", &asked).is_err());
    assert!(world.edits.is_empty());
    assert!(world.tree("/").is_empty());
}

/// A path may grow beyond what can be said, by renames of what is above it. Its writer's lease is then not taken
/// back, those of others are.
#[test]
fn a_path_that_grew_too_long_keeps_nobody_else() {
    let mut world = World::new();
    let long = format!("/{}", vec!["d".repeat(250); 31].join("/"));
    world.mkdirs_as("hdfs", &long).unwrap();
    world.create(&format!("{long}/f"));
    for _ in 0..9 {
        world.mkdirs_as("hdfs", &format!("/x{long}")).unwrap();
        let first = format!("/{}", "d".repeat(250));
        let asked = RenameRequestProto { src: first.clone(), dst: format!("/x{long}/below") };
        let answer: RenameResponseProto = world.client("rename", &asked).unwrap();
        assert!(answer.result);
        let asked = RenameRequestProto { src: "/x".into(), dst: first };
        let answer: RenameResponseProto = world.client("rename", &asked).unwrap();
        assert!(answer.result);
    }
    world.create("/other");
    world.now += 2 * 60 * 60 * 1000;
    let identity = user("hdfs");
    for _ in 0..2 {
        let mut request = Request::new(world.clocks(), &identity, RpcIds::NONE);
        world.machine.check_leases(&mut request).unwrap();
    }
    let open = |name: &str| {
        let inode = world.machine.namespace.inode_at_path(name).unwrap();
        world.machine.namespace.writer_of(inode).is_some()
    };
    assert!(!open("/other"));
}

#[test]
fn replication_is_the_one_coding_policy_that_can_be_set() {
    let mut world = World::new();
    let set = |policy: &str| SetErasureCodingPolicyRequestProto {
        src: "/d".into(),
        ec_policy_name: Some(policy.into()),
    };
    world.create("/d/f");
    let _: SetErasureCodingPolicyResponseProto =
        world.client("setErasureCodingPolicy", &set("REPLICATION")).unwrap();
    let policy_told = |world: &mut World, path: &str| {
        let asked = GetContentSummaryRequestProto { path: path.into() };
        let answer: GetContentSummaryResponseProto =
            world.client("getContentSummary", &asked).unwrap();
        answer.summary.erasure_coding_policy.unwrap()
    };
    assert_eq!(policy_told(&mut world, "/d"), "replication");
    assert_eq!(policy_told(&mut world, "/d/f"), "Replicated");
    assert_eq!(world.create("/d/g").flags, Some(0), "nothing below is coded");
    let mut refused = |policy: &str| {
        let answer = world.client::<_, SetErasureCodingPolicyResponseProto>(
            "setErasureCodingPolicy",
            &set(policy),
        );
        answer.unwrap_err().java_class()
    };
    // Enabled in Hadoop from the start; this one is not.
    assert_eq!(refused("RS-6-3-1024k"), "java.lang.UnsupportedOperationException");
    assert_eq!(refused("XOR-2-1-1024k"), "org.apache.hadoop.HadoopIllegalArgumentException");
    assert_eq!(policy_told(&mut replayed(&world.edits), "/d"), "replication");
    let unset = UnsetErasureCodingPolicyRequestProto { src: "/d".into() };
    let _: UnsetErasureCodingPolicyResponseProto =
        world.client("unsetErasureCodingPolicy", &unset).unwrap();
    assert_eq!(policy_told(&mut world, "/d"), "");
    let twice = world
        .client::<_, UnsetErasureCodingPolicyResponseProto>("unsetErasureCodingPolicy", &unset);
    assert_eq!(
        twice.unwrap_err().java_class(),
        "org.apache.hadoop.hdfs.protocol.NoECPolicySetException"
    );
}

//! Files being written: blocks, leases, recoveries, calls that come again.

use loxodon_namenode::dispatch::{self, Run};
use loxodon_namenode::{Due, ReplayedCalls, Request};
use loxodon_namespace::Namespace;
use loxodon_namespace::edit::{Edit, RpcIds};
use loxodon_wire::ids::{Milliseconds, TxId};
use loxodon_wire::proto::hdfs::*;
use prost::Message;

use crate::world::*;

#[test]
fn complete_is_held_until_the_block_is_reported() {
    let mut world = World::new();
    world.add_datanode();
    world.create("/d/f");
    let located = world.add_block("/d/f");
    assert_eq!(located.locs.len(), 1);
    let last = ExtendedBlockProto { num_bytes: Some(5), ..located.b };
    assert!(!world.complete("/d/f", &last));
    let held = world.last.hold_for.unwrap();
    assert_eq!(held.0.cast_unsigned(), last.block_id);
    world.received(&last);
    assert_eq!(world.last.completed, [held]);
    assert!(world.complete("/d/f", &last));
    // The same call again, its answer lost.
    assert!(world.complete("/d/f", &last));

    let asked = GetBlockLocationsRequestProto { src: "/d/f".into(), offset: 0, length: 100 };
    let answer: GetBlockLocationsResponseProto = world.client("getBlockLocations", &asked).unwrap();
    let locations = answer.locations.unwrap();
    assert_eq!((locations.file_length, locations.under_construction), (5, false));
    assert_eq!(locations.blocks[0].locs[0].id.datanode_uuid, "uuid-1");
    assert_eq!(locations.blocks[0].storage_i_ds, ["DS-1"]);
    assert_eq!(world.machine.blocks.check(), Ok(()));
}

#[test]
fn append_names_the_last_block_only_where_it_goes_on() {
    let mut world = World::new();
    world.add_datanode();
    // (length, asks for a new block, block in the answer, its nodes)
    let cases = [(5, false, true, 1), (5, true, true, 0), (128 << 20, false, false, 0)];
    for (index, (length, new_block, named, nodes)) in cases.into_iter().enumerate() {
        let src = format!("/f{index}");
        world.create(&src);
        let last = ExtendedBlockProto { num_bytes: Some(length), ..world.add_block(&src).b };
        world.received(&last);
        assert!(world.complete(&src, &last));
        let new_block = if new_block { CreateFlagProto::NewBlock as u32 } else { 0 };
        let asked = AppendRequestProto {
            src,
            client_name: "writer".into(),
            flag: Some(CreateFlagProto::Append as u32 | new_block),
        };
        let answer: AppendResponseProto = world.client("append", &asked).unwrap();
        assert_eq!(answer.block.is_some(), named, "case {index}");
        assert_eq!(answer.block.map_or(0, |b| b.locs.len()), nodes, "case {index}");
    }
}

#[test]
fn what_is_said_because_of_others_edits_waits_for_them() {
    let mut world = World::new();
    world.add_datanode();
    world.create("/d/f");
    let last = ExtendedBlockProto { num_bytes: Some(5), ..world.add_block("/d/f").b };
    world.received(&last);
    assert!(world.complete("/d/f", &last));
    assert!(!world.last.after_all, "it waits for its own edit");
    assert!(world.complete("/d/f", &last));
    assert!(world.last.after_all);
    world.mkdirs_as("hdfs", "/d").unwrap();
    assert!(world.last.after_all);
    assert!(world.beat().cmds.is_empty() && !world.last.after_all);
    let delete = DeleteRequestProto { src: "/d".into(), recursive: true };
    let _: DeleteResponseProto = world.client("delete", &delete).unwrap();
    let identity = user("hdfs");
    let mut request = Request::new(world.clocks(), &identity, RpcIds::NONE);
    while !world.machine.reclaim(10) {}
    world.machine.tick(&mut request, Due { redundancy: true, ..Due::default() }, 10);
    assert!(!world.beat().cmds.is_empty());
    assert!(world.last.after_all, "a deletion that a crash undoes must not have cost the replicas");
}

#[test]
fn a_file_that_was_synced_twice_by_one_call_is_synced_once() {
    let run = dispatch::find(CLIENT, "fsync").unwrap().run;
    assert!(matches!(run, Run::Once(_)), "a late copy would give the next block this one's length");
}

#[test]
fn no_block_follows_one_that_is_being_recovered() {
    let mut world = World::new();
    world.add_datanode();
    world.create("/f");
    let first = ExtendedBlockProto { num_bytes: Some(5), ..world.add_block("/f").b };
    let recover = RecoverLeaseRequestProto { src: "/f".into(), client_name: "writer".into() };
    let answer: RecoverLeaseResponseProto = world.client("recoverLease", &recover).unwrap();
    assert!(!answer.result);
    let asked = AddBlockRequestProto {
        src: "/f".into(),
        client_name: "writer".into(),
        previous: Some(first),
        ..AddBlockRequestProto::default()
    };
    let refused = world.client::<_, AddBlockResponseProto>("addBlock", &asked).unwrap_err();
    assert!(refused.to_string().ends_with("whereas it is under recovery."), "{refused}");
}

#[test]
fn a_lease_that_cannot_be_taken_back_yet_does_not_keep_others() {
    let mut world = World::new();
    world.add_datanode();
    world.create("/f");
    let first = ExtendedBlockProto { num_bytes: Some(5), ..world.add_block("/f").b };
    let asked = AddBlockRequestProto {
        src: "/f".into(),
        client_name: "writer".into(),
        previous: Some(first.clone()),
        ..AddBlockRequestProto::default()
    };
    let second: AddBlockResponseProto = world.client("addBlock", &asked).unwrap();
    let second = ExtendedBlockProto { num_bytes: Some(7), ..second.block.b };
    world.received(&second);
    // The second block is final, the first one is reported late.
    assert!(!world.complete("/f", &second));
    world.create("/g");
    world.now += 1_200_001;
    let identity = user("hdfs");
    let mut request = Request::new(world.clocks(), &identity, RpcIds::NONE);
    assert!(!world.machine.check_leases(&mut request).unwrap());
    let open = |world: &World| world.machine.namespace.open_file_views().count();
    assert_eq!(open(&world), 1, "/g is closed");
    world.received(&first);
    world.machine.check_leases(&mut request).unwrap();
    assert_eq!(open(&world), 0);
}

#[test]
fn calls_that_were_replayed_are_answered_as_they_were() {
    let mut world = World::new();
    world.add_datanode();
    let created = world.create("/f");
    let first = world.edits.len();
    let last = ExtendedBlockProto { num_bytes: Some(5), ..world.add_block("/f").b };
    world.received(&last);
    assert!(world.complete("/f", &last));
    let asked = AppendRequestProto {
        src: "/f".into(),
        client_name: "writer".into(),
        flag: Some(CreateFlagProto::Append as u32),
    };
    let appended: AppendResponseProto = world.client("append", &asked).unwrap();

    let answer_after = |edits: &[Edit]| {
        let mut namespace = Namespace::new(namespace_settings());
        // One place: the last call stays.
        let mut calls = ReplayedCalls::new(1);
        for edit in edits {
            namespace.apply(edit).unwrap();
            calls.note(TxId(9), edit, &namespace);
        }
        let mut again = World::with(namespace);
        again.machine.remember_calls(calls, again.clocks());
        let known =
            again.machine.retries.answered(RpcIds::new([1; 16], 1), Milliseconds(again.now));
        let known = known.unwrap();
        assert_eq!(known.txid, Some(TxId(9)));
        known.response.clone()
    };
    let again = CreateResponseProto::decode(answer_after(&world.edits[..first])).unwrap();
    assert_eq!(again.fs, Some(created));
    let again = AppendResponseProto::decode(answer_after(&world.edits)).unwrap();
    assert_eq!(again.stat, appended.stat);
    let (again, appended) = (again.block.unwrap(), appended.block.unwrap());
    assert_eq!((again.b, again.offset), (appended.b, appended.offset));
    // No DataNode has reported yet.
    assert!(again.locs.is_empty());
}

#[test]
fn a_start_with_blocks_waits_for_them_and_then_serves() {
    let mut world = World::new();
    world.add_datanode();
    // Of a single block, 99.9 % are none, and nothing is waited for: as in Hadoop.
    let blocks = ["/f", "/g"].map(|path| {
        world.create(path);
        let located = world.add_block(path);
        let last = ExtendedBlockProto { num_bytes: Some(1), ..located.b };
        world.received(&last);
        assert!(world.complete(path, &last));
        last
    });

    let mut again = replayed(&world.edits);
    let error = again.mkdirs_as("hdfs", "/new").unwrap_err();
    assert_eq!(error.java_class(), "org.apache.hadoop.hdfs.server.namenode.SafeModeException");
    let message = error.to_string();
    assert!(message.starts_with("Cannot create directory /new. Name node is in safe mode.\n"));
    assert!(message.ends_with("NamenodeHostName:localhost"), "{message}");

    again.add_datanode();
    for block in &blocks {
        again.received(block);
    }
    let identity = user("hdfs");
    for _ in 0..40 {
        again.now += 1000;
        let mut request = Request::new(again.clocks(), &identity, RpcIds::NONE);
        while again.machine.tick(&mut request, Due::default(), 100) {}
    }
    assert!(again.mkdirs_as("hdfs", "/new").unwrap().result);
}

#[test]
fn a_silent_writers_file_is_closed_after_the_hard_limit() {
    let mut world = World::new();
    world.add_datanode();
    world.create("/f");
    world.now += 1_200_001;
    let identity = user("hdfs");
    let mut request = Request::new(world.clocks(), &identity, RpcIds::NONE);
    assert!(!world.machine.check_leases(&mut request).unwrap());
    assert!(request.effects.edits.iter().any(|edit| matches!(edit, Edit::Close(_))));
    let asked = IsFileClosedRequestProto { src: "/f".into() };
    let answer: IsFileClosedResponseProto = world.client("isFileClosed", &asked).unwrap();
    assert!(answer.result);
}

#[test]
fn what_a_writer_committed_is_not_cut_off_when_his_lease_is_taken_back() {
    let mut world = World::new();
    world.add_datanode();
    world.create("/f");
    let located = world.add_block("/f");
    let last = ExtendedBlockProto { num_bytes: Some(77), ..located.b };
    // His only try: the replica is reported after it, and he never comes again.
    assert!(!world.complete("/f", &last));
    world.received(&last);
    world.now += 1_200_001;
    let identity = user("hdfs");
    let mut request = Request::new(world.clocks(), &identity, RpcIds::NONE);
    assert!(!world.machine.check_leases(&mut request).unwrap());
    let [Edit::Close(close)] = &request.effects.edits[..] else {
        panic!("{:?}", request.effects.edits)
    };
    assert_eq!(close.blocks[0].length, 77);
    let file = world.machine.namespace.inode_at_path("/f").unwrap();
    assert_eq!(world.machine.namespace.file_blocks(file).unwrap().length(), 77);
}

#[test]
fn a_clock_that_is_set_takes_nobodys_lease() {
    let mut world = World::new();
    world.create("/f");
    let identity = user("hdfs");
    let mut clocks = world.clocks();
    clocks.wall.0 += 24 * 3_600_000;
    clocks.monotonic.0 += 1_000;
    let mut request = Request::new(clocks, &identity, RpcIds::NONE);
    assert!(!world.machine.check_leases(&mut request).unwrap());
    assert!(request.effects.edits.is_empty(), "{:?}", request.effects.edits);
}

#[test]
fn a_clock_that_is_set_back_keeps_nobody_from_losing_his_lease() {
    let mut world = World::new();
    world.add_datanode();
    world.create("/f");
    let identity = user("hdfs");
    let mut clocks = world.clocks();
    clocks.wall.0 -= 24 * 3_600_000;
    clocks.monotonic.0 += 1_000;
    let mut request = Request::new(clocks, &identity, RpcIds::NONE);
    assert!(!world.machine.check_leases(&mut request).unwrap());
    assert!(request.effects.edits.is_empty());
    // What counts is the time that has gone by.
    clocks.monotonic.0 += 1_200_001;
    let mut request = Request::new(clocks, &identity, RpcIds::NONE);
    assert!(!world.machine.check_leases(&mut request).unwrap());
    assert!(request.effects.edits.iter().any(|edit| matches!(edit, Edit::Close(_))));
}

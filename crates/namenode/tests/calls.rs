//! The machine behind its door: calls as bytes in, answers, edits and audit lines out.
#![allow(clippy::unwrap_used, clippy::panic)]

use loxodon_blocks::Settings as BlockSettings;
use loxodon_cluster::HostLists;
use loxodon_namenode::dispatch::{self, Run};
use loxodon_namenode::load::Loaded;
use loxodon_namenode::settings::Settings;
use loxodon_namenode::{
    Due, Effects, Identity, NameNode, NameNodeError, Now, ReplayedCalls, Request, StorageIdentity,
};
use loxodon_namespace::Namespace;
use loxodon_namespace::context::Caller;
use loxodon_namespace::edit::{Edit, RpcIds};
use loxodon_namespace::settings::Settings as NamespaceSettings;
use loxodon_wire::ids::{BlockId, Milliseconds, TxId};
use loxodon_wire::proto::common::{
    GenericRefreshRequestProto, GenericRefreshResponseCollectionProto,
};
use loxodon_wire::proto::hdfs::datanode::received_deleted_block_info_proto::BlockStatus;
use loxodon_wire::proto::hdfs::datanode::*;
use loxodon_wire::proto::hdfs::datanodelifeline::LifelineResponseProto;
use loxodon_wire::proto::hdfs::namenode::{GetBlocksRequestProto, GetBlocksResponseProto};
use loxodon_wire::proto::hdfs::*;
use prost::Message;

const CLIENT: &str = "org.apache.hadoop.hdfs.protocol.ClientProtocol";
const DATANODE: &str = "org.apache.hadoop.hdfs.server.protocol.DatanodeProtocol";

struct World {
    machine: NameNode,
    now: u64,
    edits: Vec<Edit>,
    last: Effects,
}

fn namespace_settings() -> NamespaceSettings {
    NamespaceSettings { fs_owner: "hdfs".into(), ..NamespaceSettings::default() }
}

fn user(name: &str) -> Identity {
    let caller = Caller::new(name.into(), vec!["users".into()], &namespace_settings());
    Identity { caller, real_user: None }
}

impl World {
    fn new() -> Self {
        Self::with(Namespace::new(namespace_settings()))
    }

    fn with(namespace: Namespace) -> Self {
        let now = 1_000_000_000;
        let storage = StorageIdentity {
            namespace_id: 7,
            cluster_id: "CID-1".into(),
            block_pool_id: "BP-1".into(),
            creation_time: 0,
            layout_version: -67,
        };
        let loaded = Loaded { namespace, storage, last_txid: TxId(0) };
        let clocks = Now { wall: Milliseconds(now), monotonic: Milliseconds(now) };
        let machine =
            NameNode::new(loaded, Settings::default(), BlockSettings::default(), 1, clocks)
                .unwrap();
        Self { machine, now, edits: Vec::new(), last: Effects::default() }
    }

    fn clocks(&self) -> Now {
        Now { wall: Milliseconds(self.now), monotonic: Milliseconds(self.now) }
    }

    fn call_as<Q: Message, A: Message + Default>(
        &mut self,
        identity: &Identity,
        protocol: &str,
        method: &str,
        asked: &Q,
    ) -> Result<A, NameNodeError> {
        let mut request = Request::new(self.clocks(), identity, RpcIds::new([1; 16], 1));
        request.address = Some([127, 0, 0, 1].into());
        request.may_wait = true;
        let body = asked.encode_to_vec().into();
        let result = match dispatch::find(protocol, method).unwrap().run {
            Run::Query(run) => run(&self.machine, &mut request, &body),
            Run::Walk(run) => run(&self.machine.namespace, &mut request, &body),
            Run::Update(run) | Run::Once(run) => run(&mut self.machine, &mut request, &body),
            Run::Shell(task) => panic!("{task:?} is the shell's"),
        };
        self.edits.append(&mut request.effects.edits);
        self.last = request.effects;
        result.map(|bytes| A::decode(bytes).unwrap())
    }

    fn client<Q: Message, A: Message + Default>(
        &mut self,
        method: &str,
        asked: &Q,
    ) -> Result<A, NameNodeError> {
        self.call_as(&user("hdfs"), CLIENT, method, asked)
    }

    fn datanode<Q: Message, A: Message + Default>(&mut self, method: &str, asked: &Q) -> A {
        self.call_as(&user("hdfs"), DATANODE, method, asked).unwrap()
    }

    fn registration(&self) -> DatanodeRegistrationProto {
        DatanodeRegistrationProto {
            datanode_id: DatanodeIdProto {
                ip_addr: "127.0.0.1".into(),
                host_name: "node1".into(),
                datanode_uuid: "uuid-1".into(),
                xfer_port: 9866,
                info_port: 9864,
                ipc_port: 9867,
                info_secure_port: None,
            },
            storage_info: StorageInfoProto {
                layout_version: (-57_i32).cast_unsigned(),
                ..self.machine.storage_info()
            },
            keys: ExportedBlockKeysProto::default(),
            software_version: "3.5.0".into(),
        }
    }

    fn add_datanode(&mut self) {
        let registration = self.registration();
        let identity = user("hdfs");
        let mut request = Request::new(self.clocks(), &identity, RpcIds::NONE);
        let asked = RegisterDatanodeRequestProto { registration };
        self.machine.register_datanode(&mut request, asked, "/default-rack".into()).unwrap();
        self.beat();
    }

    fn beat(&mut self) -> HeartbeatResponseProto {
        let registration = self.registration();
        let storage = DatanodeStorageProto {
            storage_uuid: "DS-1".into(),
            state: None,
            storage_type: Some(StorageTypeProto::Disk.into()),
        };
        let report = StorageReportProto {
            capacity: Some(1 << 40),
            remaining: Some(1 << 40),
            storage: Some(storage),
            ..StorageReportProto::default()
        };
        let beat =
            HeartbeatRequestProto { registration, reports: vec![report], ..Default::default() };
        self.datanode("sendHeartbeat", &beat)
    }

    fn create(&mut self, src: &str) -> HdfsFileStatusProto {
        let asked = CreateRequestProto {
            src: src.into(),
            masked: FsPermissionProto { perm: 0o644 },
            client_name: "writer".into(),
            create_flag: CreateFlagProto::Create as u32,
            create_parent: true,
            replication: 1,
            block_size: 128 << 20,
            ..CreateRequestProto::default()
        };
        let answer: CreateResponseProto = self.client("create", &asked).unwrap();
        answer.fs.unwrap()
    }

    fn add_block(&mut self, src: &str) -> LocatedBlockProto {
        let asked = AddBlockRequestProto {
            src: src.into(),
            client_name: "writer".into(),
            ..AddBlockRequestProto::default()
        };
        let answer: AddBlockResponseProto = self.client("addBlock", &asked).unwrap();
        answer.block
    }

    fn complete(&mut self, src: &str, last: &ExtendedBlockProto) -> bool {
        let asked = CompleteRequestProto {
            src: src.into(),
            client_name: "writer".into(),
            last: Some(last.clone()),
            file_id: None,
        };
        let answer: CompleteResponseProto = self.client("complete", &asked).unwrap();
        answer.result
    }

    fn received(&mut self, block: &ExtendedBlockProto) {
        let asked = BlockReceivedAndDeletedRequestProto {
            registration: self.registration(),
            block_pool_id: "BP-1".into(),
            blocks: vec![StorageReceivedDeletedBlocksProto {
                storage: Some(DatanodeStorageProto {
                    storage_uuid: "DS-1".into(),
                    ..DatanodeStorageProto::default()
                }),
                blocks: vec![ReceivedDeletedBlockInfoProto {
                    block: BlockProto {
                        block_id: block.block_id,
                        gen_stamp: block.generation_stamp,
                        num_bytes: block.num_bytes,
                    },
                    status: BlockStatus::Received.into(),
                    delete_hint: None,
                }],
                ..Default::default()
            }],
        };
        let _: BlockReceivedAndDeletedResponseProto =
            self.datanode("blockReceivedAndDeleted", &asked);
    }

    fn mkdirs_as(&mut self, name: &str, src: &str) -> Result<MkdirsResponseProto, NameNodeError> {
        let asked = MkdirsRequestProto {
            src: src.into(),
            masked: FsPermissionProto { perm: 0o755 },
            create_parent: true,
            unmasked: None,
        };
        self.call_as(&user(name), CLIENT, "mkdirs", &asked)
    }

    /// Everything below `path`, as clients see it.
    fn tree(&mut self, path: &str) -> Vec<(String, HdfsFileStatusProto)> {
        let asked = GetListingRequestProto {
            src: path.into(),
            start_after: bytes::Bytes::new(),
            need_location: false,
        };
        let answer: GetListingResponseProto = self.client("getListing", &asked).unwrap();
        let mut all = Vec::new();
        for entry in answer.dir_list.unwrap().partial_listing {
            let name = String::from_utf8(entry.path.to_vec()).unwrap();
            let below = format!("{}/{name}", path.trim_end_matches('/'));
            let is_directory =
                entry.file_type == i32::from(hdfs_file_status_proto::FileType::IsDir);
            all.push((below.clone(), entry));
            if is_directory {
                all.extend(self.tree(&below));
            }
        }
        all
    }
}

fn replayed(edits: &[Edit]) -> World {
    let mut namespace = Namespace::new(namespace_settings());
    for edit in edits {
        namespace.apply(edit).unwrap();
    }
    World::with(namespace)
}

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
fn what_permissions_forbid_is_in_the_audit_log() {
    let mut world = World::new();
    let error = world.mkdirs_as("bob", "/bobs").unwrap_err();
    assert_eq!(error.java_class(), "org.apache.hadoop.security.AccessControlException");
    let event = &world.last.audit[0];
    assert_eq!((event.allowed, &*event.command), (false, "mkdirs"));
    world.mkdirs_as("hdfs", "/x").unwrap();
    let event = &world.last.audit[0];
    assert!(event.allowed);
    let status = event.status.as_ref().unwrap();
    assert_eq!((&*status.owner, &*status.group, status.mode), ("hdfs", "supergroup", 0o755));
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
fn a_datanode_of_another_file_system_is_refused() {
    let mut world = World::new();
    let mut registration = world.registration();
    registration.storage_info.cluster_id = "CID-2".into();
    let beat = HeartbeatRequestProto { registration, ..HeartbeatRequestProto::default() };
    let refused: Result<HeartbeatResponseProto, _> =
        world.call_as(&user("hdfs"), DATANODE, "sendHeartbeat", &beat);
    assert_eq!(
        refused.unwrap_err().java_class(),
        "org.apache.hadoop.hdfs.protocol.UnregisteredNodeException"
    );
}

#[test]
fn bytes_that_are_no_message_are_refused() {
    let mut world = World::new();
    let identity = user("hdfs");
    let mut request = Request::new(world.clocks(), &identity, RpcIds::NONE);
    let Run::Update(mkdirs) = dispatch::find(CLIENT, "mkdirs").unwrap().run else {
        panic!("mkdirs changes something");
    };
    let error = mkdirs(&mut world.machine, &mut request, &bytes::Bytes::from_static(b"\x0a\xff"))
        .unwrap_err();
    assert!(error.java_class().ends_with("InvalidProtocolBufferException"));
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

#[test]
fn a_lifeline_keeps_a_node_alive_and_is_not_answered_with_commands() {
    let mut world = World::new();
    world.add_datanode();
    let live = |world: &mut World| {
        let identity = user("hdfs");
        let mut request = Request::new(world.clocks(), &identity, RpcIds::NONE);
        let due = Due { heartbeats: true, ..Due::default() };
        while world.machine.tick(&mut request, due, 100) {}
        world.machine.blocks.live_datanodes()
    };
    let asked = HeartbeatRequestProto {
        registration: world.registration(),
        ..HeartbeatRequestProto::default()
    };
    const LIFELINE: &str = "org.apache.hadoop.hdfs.server.protocol.DatanodeLifelineProtocol";
    for _ in 0..4 {
        world.now += 400_000;
        let answer: Result<LifelineResponseProto, _> =
            world.call_as(&user("hdfs"), LIFELINE, "sendLifeline", &asked);
        answer.unwrap();
        assert_eq!(live(&mut world), 1);
    }
    world.now += 800_000;
    assert_eq!(live(&mut world), 0);
    // It is too late: the node must register again, which only a heartbeat tells it.
    let answer: Result<LifelineResponseProto, _> =
        world.call_as(&user("hdfs"), LIFELINE, "sendLifeline", &asked);
    answer.unwrap();
    assert_eq!(live(&mut world), 0);
}

#[test]
fn nothing_can_be_refreshed_by_name_or_set_anew() {
    let mut world = World::new();
    let asked = GenericRefreshRequestProto { identifier: Some("x".into()), args: Vec::new() };
    let refresh = "org.apache.hadoop.ipc.GenericRefreshProtocol";
    let error = world
        .call_as::<_, GenericRefreshResponseCollectionProto>(
            &user("hdfs"),
            refresh,
            "refresh",
            &asked,
        )
        .unwrap_err();
    assert!(error.to_string().contains("'x' does not exist in RefreshRegistry"), "{error}");
}

#[test]
fn settings_change_one_by_one() {
    use loxodon_conf::Configuration;
    let mut world = World::new();
    let mut conf = Configuration::new();
    for (name, value) in [
        ("dfs.namenode.replication.max-streams", "7"),
        ("dfs.block.invalidate.limit", "50"),
        ("fs.protected.directories", "/kept"),
        ("dfs.datanode.peer.stats.enabled", "true"),
        ("dfs.heartbeat.interval", "9"),
    ] {
        conf.set(name, value, "test");
    }
    for name in loxodon_namenode::reconfigure::NAMES {
        let streams = world.machine.blocks.settings().max_streams;
        world.machine.reconfigure(name, &conf).unwrap();
        let changed = world.machine.blocks.settings().max_streams != streams;
        assert_eq!(changed, *name == "dfs.namenode.replication.max-streams", "{name}");
    }
    assert_eq!(world.machine.blocks.settings().invalidate_limit, 50);
    assert_eq!(world.machine.blocks.settings().liveness.heartbeat, Milliseconds(9000));
    assert_eq!(world.machine.namespace.settings().protected_directories, ["/kept"]);
    assert!(world.machine.slow_peers.is_enabled());
    conf.set("dfs.block.replicator.classname", "a.b.Unknown", "test");
    let wrong = world.machine.reconfigure("dfs.block.replicator.classname", &conf).unwrap_err();
    assert!(wrong.to_string().contains("a.b.Unknown"), "{wrong}");
}

#[test]
fn slow_datanodes_are_listed_and_told() {
    let mut world = World::new();
    let mut conf = loxodon_conf::Configuration::new();
    conf.set("dfs.datanode.peer.stats.enabled", "true", "test");
    world.machine.slow_peers.configure(&conf).unwrap();
    let registration = world.registration();
    world.add_datanode();
    let own =
        format!("{}:{}", registration.datanode_id.ip_addr, registration.datanode_id.info_port);
    let slow = SlowPeerReportProto {
        data_node_id: Some(own),
        aggregate_latency: Some(50.0),
        ..SlowPeerReportProto::default()
    };
    let beat = |slow_peers| HeartbeatRequestProto {
        registration: registration.clone(),
        slow_peers,
        ..HeartbeatRequestProto::default()
    };
    let answer: HeartbeatResponseProto = world.datanode("sendHeartbeat", &beat(vec![slow]));
    assert_eq!(answer.is_slownode, Some(true));
    let listed: GetSlowDatanodeReportResponseProto =
        world.client("getSlowDatanodeReport", &GetSlowDatanodeReportRequestProto {}).unwrap();
    assert_eq!(listed.datanode_info_proto.len(), 1);
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
    let refused = world
        .client::<_, SetErasureCodingPolicyResponseProto>(
            "setErasureCodingPolicy",
            &set("RS-6-3-1024k"),
        )
        .unwrap_err();
    assert_eq!(refused.java_class(), "org.apache.hadoop.HadoopIllegalArgumentException");
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

#[test]
fn hosts_that_never_came_are_dead_and_open_files_keep_a_node() {
    let mut world = World::new();
    world.add_datanode();
    world.create("/open");
    let block = world.add_block("/open").b;
    world.received(&block);
    let hosts = |text: &str| HostLists::parse_file(text);
    let report = |world: &mut World, kind: DatanodeReportTypeProto| {
        let asked = GetDatanodeReportRequestProto { r#type: kind.into() };
        let answer: GetDatanodeReportResponseProto =
            world.client("getDatanodeReport", &asked).unwrap();
        answer.di.into_iter().map(|node| node.id.ip_addr).collect::<Vec<_>>()
    };
    let lists = HostLists::from_entries(
        hosts("127.0.0.1:9866 # ours\n203.0.113.9\nnode1:9867"),
        hosts("node1"),
    );
    let now = world.clocks();
    world.machine.blocks.refresh_hosts(now.monotonic, lists);
    let dead = report(&mut world, DatanodeReportTypeProto::Dead);
    assert_eq!(dead, ["203.0.113.9", "node1"], "another port of a host is another DataNode");
    assert_eq!(report(&mut world, DatanodeReportTypeProto::Live), ["127.0.0.1"]);

    let identity = user("hdfs");
    let mut request = Request::new(now, &identity, RpcIds::NONE);
    let due = Due { administration: true, ..Due::default() };
    while world.machine.tick(&mut request, due, 100) {}
    let asked = ListOpenFilesRequestProto {
        id: 0,
        types: vec![OpenFilesTypeProto::BlockingDecommission.into()],
        path: None,
    };
    let open: ListOpenFilesResponseProto = world.client("listOpenFiles", &asked).unwrap();
    let paths: Vec<&str> = open.entries.iter().map(|entry| entry.path.as_str()).collect();
    assert_eq!(paths, ["/open"]);

    let lists = HostLists::from_entries(hosts("203.0.113.9"), []);
    world.machine.blocks.refresh_hosts(now.monotonic, lists);
    let all = report(&mut world, DatanodeReportTypeProto::All);
    assert_eq!(all, ["203.0.113.9"], "who is not included is not shown");
}

#[test]
fn a_balancer_gets_blocks_of_known_datanodes() {
    let mut world = World::new();
    world.add_datanode();
    let datanode = world.registration().datanode_id;
    let mut asked = GetBlocksRequestProto { datanode, size: 1, ..Default::default() };
    let ask = |world: &mut World, asked: &GetBlocksRequestProto| {
        let protocol = "org.apache.hadoop.hdfs.server.protocol.NamenodeProtocol";
        world.call_as::<_, GetBlocksResponseProto>(&user("hdfs"), protocol, "getBlocks", asked)
    };
    assert_eq!(ask(&mut world, &asked).unwrap().blocks.blocks, []);
    asked.datanode.datanode_uuid = "nobody".into();
    let refused = ask(&mut world, &asked).unwrap_err();
    assert_eq!(refused.java_class(), "org.apache.hadoop.HadoopIllegalArgumentException");
}

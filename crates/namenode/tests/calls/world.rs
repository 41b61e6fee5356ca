//! A NameNode without I/O, its users and one DataNode.

use loxodon_blocks::Settings as BlockSettings;
use loxodon_namenode::dispatch::{self, Run};
use loxodon_namenode::load::Loaded;
use loxodon_namenode::settings::Settings;
use loxodon_namenode::{Effects, Identity, NameNode, NameNodeError, Now, Request, StorageIdentity};
use loxodon_namespace::Namespace;
use loxodon_namespace::context::Caller;
use loxodon_namespace::edit::{Edit, RpcIds};
use loxodon_namespace::settings::Settings as NamespaceSettings;
use loxodon_wire::ids::{Milliseconds, TxId};
use loxodon_wire::proto::hdfs::datanode::received_deleted_block_info_proto::BlockStatus;
use loxodon_wire::proto::hdfs::datanode::*;
use loxodon_wire::proto::hdfs::*;
use loxodon_wire::version;
use prost::Message;

pub(crate) const CLIENT: &str = "org.apache.hadoop.hdfs.protocol.ClientProtocol";
pub(crate) const DATANODE: &str = "org.apache.hadoop.hdfs.server.protocol.DatanodeProtocol";

pub(crate) struct World {
    pub(crate) machine: NameNode,
    pub(crate) now: u64,
    pub(crate) edits: Vec<Edit>,
    pub(crate) last: Effects,
}

pub(crate) fn namespace_settings() -> NamespaceSettings {
    NamespaceSettings { fs_owner: "hdfs".into(), ..NamespaceSettings::default() }
}

pub(crate) fn user(name: &str) -> Identity {
    let caller = Caller::new(name.into(), vec!["users".into()], &namespace_settings());
    Identity { caller, real_user: None }
}

impl World {
    pub(crate) fn new() -> Self {
        Self::with(Namespace::new(namespace_settings()))
    }

    pub(crate) fn with(namespace: Namespace) -> Self {
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

    pub(crate) fn clocks(&self) -> Now {
        Now { wall: Milliseconds(self.now), monotonic: Milliseconds(self.now) }
    }

    pub(crate) fn call_as<Q: Message, A: Message + Default>(
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

    pub(crate) fn client<Q: Message, A: Message + Default>(
        &mut self,
        method: &str,
        asked: &Q,
    ) -> Result<A, NameNodeError> {
        self.call_as(&user("hdfs"), CLIENT, method, asked)
    }

    pub(crate) fn datanode<Q: Message, A: Message + Default>(
        &mut self,
        method: &str,
        asked: &Q,
    ) -> A {
        self.call_as(&user("hdfs"), DATANODE, method, asked).unwrap()
    }

    pub(crate) fn registration(&self) -> DatanodeRegistrationProto {
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
                layout_version: version::DATANODE_LAYOUT.cast_unsigned(),
                ..self.machine.storage_info()
            },
            keys: ExportedBlockKeysProto::default(),
            software_version: version::HADOOP.into(),
        }
    }

    pub(crate) fn add_datanode(&mut self) {
        let registration = self.registration();
        let identity = user("hdfs");
        let mut request = Request::new(self.clocks(), &identity, RpcIds::NONE);
        let asked = RegisterDatanodeRequestProto { registration };
        self.machine.register_datanode(&mut request, asked, "/default-rack".into()).unwrap();
        self.beat();
    }

    pub(crate) fn beat(&mut self) -> HeartbeatResponseProto {
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

    pub(crate) fn create(&mut self, src: &str) -> HdfsFileStatusProto {
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

    pub(crate) fn add_block(&mut self, src: &str) -> LocatedBlockProto {
        let asked = AddBlockRequestProto {
            src: src.into(),
            client_name: "writer".into(),
            ..AddBlockRequestProto::default()
        };
        let answer: AddBlockResponseProto = self.client("addBlock", &asked).unwrap();
        answer.block
    }

    pub(crate) fn complete(&mut self, src: &str, last: &ExtendedBlockProto) -> bool {
        let asked = CompleteRequestProto {
            src: src.into(),
            client_name: "writer".into(),
            last: Some(last.clone()),
            file_id: None,
        };
        let answer: CompleteResponseProto = self.client("complete", &asked).unwrap();
        answer.result
    }

    pub(crate) fn received(&mut self, block: &ExtendedBlockProto) {
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

    pub(crate) fn mkdirs_as(
        &mut self,
        name: &str,
        src: &str,
    ) -> Result<MkdirsResponseProto, NameNodeError> {
        let asked = MkdirsRequestProto {
            src: src.into(),
            masked: FsPermissionProto { perm: 0o755 },
            create_parent: true,
            unmasked: None,
        };
        self.call_as(&user(name), CLIENT, "mkdirs", &asked)
    }

    /// Everything below `path`, as clients see it.
    pub(crate) fn tree(&mut self, path: &str) -> Vec<(String, HdfsFileStatusProto)> {
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

pub(crate) fn replayed(edits: &[Edit]) -> World {
    let mut namespace = Namespace::new(namespace_settings());
    for edit in edits {
        namespace.apply(edit).unwrap();
    }
    World::with(namespace)
}

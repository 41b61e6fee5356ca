//! What a client and a DataNode say while a file is written, appended to, moved and deleted.

use loxodon_fuzz::machine::{TIME, World, number};
use loxodon_fuzz::put_piece;
use loxodon_wire::proto::hdfs::datanode::received_deleted_block_info_proto::BlockStatus;
use loxodon_wire::proto::hdfs::datanode::{
    BlockReceivedAndDeletedRequestProto, BlockReportRequestProto, HeartbeatRequestProto,
    ReceivedDeletedBlockInfoProto, RegisterDatanodeRequestProto, StorageBlockReportProto,
    StorageReceivedDeletedBlocksProto,
};
use loxodon_wire::proto::hdfs::*;
use loxodon_wire::rpc::protocol::{CLIENT_NAMENODE, DATANODE, Protocol};
use prost::Message;

use crate::{Corpora, Result};

/// Calls that are made as they are written down, so that the next ones can name what they gave.
struct Script {
    world: World,
    bytes: Vec<u8>,
}

impl Script {
    fn new() -> Self {
        let mut script = Self { world: World::new(), bytes: Vec::new() };
        let registration = script.world.registration();
        script.say::<Anything>(
            &DATANODE,
            "registerDatanode",
            &RegisterDatanodeRequestProto { registration: registration.clone() },
        );
        let storage = DatanodeStorageProto { storage_uuid: "DS-1".into(), ..Default::default() };
        let report = StorageReportProto {
            capacity: Some(1 << 40),
            remaining: Some(1 << 40),
            storage: Some(storage.clone()),
            ..Default::default()
        };
        script.datanode(
            "sendHeartbeat",
            &HeartbeatRequestProto {
                registration: registration.clone(),
                reports: vec![report],
                ..Default::default()
            },
        );
        let report =
            StorageBlockReportProto { storage, number_of_blocks: Some(0), ..Default::default() };
        let block_pool_id = "BP-1".into();
        let reports = vec![report];
        script.datanode(
            "blockReport",
            &BlockReportRequestProto { registration, block_pool_id, reports, ..Default::default() },
        );
        script
    }

    fn say<A: Message + Default>(
        &mut self,
        protocol: &Protocol,
        method: &str,
        asked: &impl Message,
    ) -> A {
        let (number, body) = (number(protocol, method), asked.encode_to_vec());
        put_piece(number, &body, &mut self.bytes);
        let answer = self.world.call(number, &body);
        let answer = answer.unwrap_or_else(|| panic!("{method} was refused"));
        A::decode(answer).expect("an answer")
    }

    fn client<A: Message + Default>(&mut self, method: &str, asked: &impl Message) -> A {
        self.say(&CLIENT_NAMENODE, method, asked)
    }

    fn datanode(&mut self, method: &str, asked: &impl Message) {
        self.say::<Anything>(&DATANODE, method, asked);
    }

    fn wait(&mut self, step: u8) {
        put_piece(TIME, &[step], &mut self.bytes);
        self.world.call(TIME, &[step]);
    }

    fn mkdirs(&mut self, src: &str) {
        let masked = FsPermissionProto { perm: 0o777 };
        let asked =
            MkdirsRequestProto { src: src.into(), masked, create_parent: true, unmasked: None };
        self.client::<MkdirsResponseProto>("mkdirs", &asked);
    }

    fn create(&mut self, src: &str) {
        let asked = CreateRequestProto {
            src: src.into(),
            masked: FsPermissionProto { perm: 0o644 },
            client_name: "writer".into(),
            create_flag: CreateFlagProto::Create as u32,
            create_parent: true,
            replication: 1,
            block_size: 1 << 20,
            ..Default::default()
        };
        self.client::<CreateResponseProto>("create", &asked);
    }

    fn add_block(&mut self, src: &str) -> ExtendedBlockProto {
        let asked = AddBlockRequestProto {
            src: src.into(),
            client_name: "writer".into(),
            ..Default::default()
        };
        let block = self.client::<AddBlockResponseProto>("addBlock", &asked).block.b;
        let block = ExtendedBlockProto { num_bytes: Some(1000), ..block };
        let storage = DatanodeStorageProto { storage_uuid: "DS-1".into(), ..Default::default() };
        let received = ReceivedDeletedBlockInfoProto {
            block: BlockProto {
                block_id: block.block_id,
                gen_stamp: block.generation_stamp,
                num_bytes: Some(1000),
            },
            status: BlockStatus::Received.into(),
            delete_hint: None,
        };
        let blocks = vec![StorageReceivedDeletedBlocksProto {
            storage: Some(storage),
            blocks: vec![received],
            ..Default::default()
        }];
        let (registration, block_pool_id) = (self.world.registration(), "BP-1".into());
        self.datanode(
            "blockReceivedAndDeleted",
            &BlockReceivedAndDeletedRequestProto { registration, block_pool_id, blocks },
        );
        block
    }

    fn complete(&mut self, src: &str, last: ExtendedBlockProto) {
        let (src, client_name) = (src.into(), "writer".into());
        let asked = CompleteRequestProto { src, client_name, last: Some(last), file_id: None };
        self.client::<CompleteResponseProto>("complete", &asked);
    }

    fn file(&mut self, src: &str) {
        self.create(src);
        let block = self.add_block(src);
        self.complete(src, block);
    }
}

pub(crate) fn put(corpora: &Corpora) -> Result {
    let mut script = Script::new();
    script.mkdirs("/d/e");
    script.file("/d/f");
    let asked = AppendRequestProto {
        src: "/d/f".into(),
        client_name: "writer".into(),
        flag: Some(CreateFlagProto::Append as u32),
    };
    let appended: AppendResponseProto = script.client("append", &asked);
    let block = appended.block.map(|located| located.b).ok_or("a last block")?;
    let asked =
        UpdateBlockForPipelineRequestProto { block: block.clone(), client_name: "writer".into() };
    let updated: UpdateBlockForPipelineResponseProto =
        script.client("updateBlockForPipeline", &asked);
    let new_block = ExtendedBlockProto { num_bytes: Some(1500), ..updated.block.b };
    let asked = UpdatePipelineRequestProto {
        client_name: "writer".into(),
        old_block: block,
        new_block: new_block.clone(),
        new_nodes: vec![script.world.registration().datanode_id],
        storage_i_ds: vec!["DS-1".into()],
    };
    script.client::<UpdatePipelineResponseProto>("updatePipeline", &asked);
    script.complete("/d/f", new_block);
    corpora.put("calls", "append", &script.bytes)?;

    let mut script = Script::new();
    for name in ["/d/a", "/d/b", "/e/c"] {
        script.file(name);
    }
    let asked = ConcatRequestProto { trg: "/d/a".into(), srcs: vec!["/d/b".into()] };
    script.client::<ConcatResponseProto>("concat", &asked);
    let asked = RenameRequestProto { src: "/d".into(), dst: "/e/d".into() };
    script.client::<RenameResponseProto>("rename", &asked);
    let asked = SetReplicationRequestProto { src: "/e/d/a".into(), replication: 2 };
    script.client::<SetReplicationResponseProto>("setReplication", &asked);
    let asked = SetQuotaRequestProto {
        path: "/e".into(),
        namespace_quota: 100,
        storagespace_quota: 1 << 30,
        storage_type: None,
    };
    script.client::<SetQuotaResponseProto>("setQuota", &asked);
    script.wait(3);
    let asked = DeleteRequestProto { src: "/e/d".into(), recursive: true };
    script.client::<DeleteResponseProto>("delete", &asked);
    script.wait(15);
    corpora.put("calls", "tree", &script.bytes)?;

    let mut script = Script::new();
    script.create("/open");
    let _ = script.add_block("/open");
    let asked =
        TruncateRequestProto { src: "/t".into(), new_length: 300, client_name: "writer".into() };
    script.file("/t");
    script.client::<TruncateResponseProto>("truncate", &asked);
    let asked = RecoverLeaseRequestProto { src: "/open".into(), client_name: "other".into() };
    script.client::<RecoverLeaseResponseProto>("recoverLease", &asked);
    script.wait(255);
    let asked = GetListingRequestProto {
        src: "/".into(),
        start_after: bytes::Bytes::new(),
        need_location: true,
    };
    script.client::<GetListingResponseProto>("getListing", &asked);
    corpora.put("calls", "recover", &script.bytes)
}

/// A message of which nothing is looked at.
#[derive(Clone, PartialEq, prost::Message)]
struct Anything {}

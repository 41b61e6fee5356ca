//! DataNodes that have no disks: they register, and report every block of a file system.

use bytes::Bytes;
use loxodon_interop::site::Site;
use loxodon_rpc::client::{CallOptions, ClientSettings, RpcClient, ServerAddress};
use loxodon_wire::proto::hdfs::datanode::{
    BlockReportContextProto, BlockReportRequestProto, BlockReportResponseProto,
    DatanodeRegistrationProto, HeartbeatRequestProto, HeartbeatResponseProto,
    RegisterDatanodeRequestProto, RegisterDatanodeResponseProto, StorageBlockReportProto,
};
use loxodon_wire::proto::hdfs::{
    BlockKeyProto, DatanodeIdProto, DatanodeStorageProto, ExportedBlockKeysProto,
    NamespaceInfoProto, StorageReportProto, VersionRequestProto, VersionResponseProto,
};
use loxodon_wire::rpc::protocol::Protocol;
use loxodon_wire::rpc::{UserIdentity, protocol};
use prost::encoding::encode_varint;

use crate::{Result, filled};

/// Blocks of one report, as DataNodes split them (`dfs.blockreport.split.threshold`).
const PER_REPORT: u64 = 1_000_000;
/// Bytes of one buffer of a report.
const BUFFER: usize = 64 * 1024;
/// Layout of DataNodes' directories in 3.5.
const DATANODE_LAYOUT: i32 = -57;

/// `count` DataNodes report the blocks of `files` files each.
pub(crate) async fn send(site: &Site, count: u32, files: u64) -> Result<()> {
    let user = UserIdentity::new(loxodon_interop::java::whoami()).into();
    let namenode = NameNode {
        client: RpcClient::new(ClientSettings::default(), user),
        address: ServerAddress::new("127.0.0.1", site.rpc_port()),
    };
    let version: VersionResponseProto =
        namenode.call(&protocol::NAMENODE, "versionRequest", &VersionRequestProto {}).await?;
    for number in 0..count {
        Node { namenode: &namenode, number, info: &version.info, files }.report().await?;
    }
    Ok(())
}

struct NameNode {
    client: RpcClient,
    address: ServerAddress,
}

impl NameNode {
    async fn call<Q, A>(
        &self,
        protocol: &'static Protocol,
        method: &'static str,
        request: &Q,
    ) -> Result<A>
    where
        Q: prost::Message,
        A: prost::Message + Default,
    {
        let options = CallOptions::default();
        Ok(self.client.call(&self.address, protocol, method, request, options).await?)
    }
}

struct Node<'a> {
    namenode: &'a NameNode,
    number: u32,
    info: &'a NamespaceInfoProto,
    files: u64,
}

impl Node<'_> {
    fn registration(&self) -> DatanodeRegistrationProto {
        let mut storage_info = self.info.storage_info.clone();
        storage_info.layout_version = DATANODE_LAYOUT.cast_unsigned();
        DatanodeRegistrationProto {
            datanode_id: DatanodeIdProto {
                ip_addr: "127.0.0.1".into(),
                host_name: "localhost".into(),
                datanode_uuid: format!("00000000-0000-0000-0000-{:012}", self.number),
                xfer_port: 20_000 + self.number,
                info_port: 21_000 + self.number,
                ipc_port: 22_000 + self.number,
                info_secure_port: None,
            },
            storage_info,
            keys: ExportedBlockKeysProto {
                is_block_token_enabled: false,
                key_update_interval: 0,
                token_life_time: 0,
                current_key: BlockKeyProto { key_id: 0, expiry_date: 0, key_bytes: None },
                all_keys: Vec::new(),
            },
            software_version: self.info.software_version.clone(),
        }
    }

    /// A storage for each million of blocks.
    fn storages(&self) -> u64 {
        self.files.div_ceil(PER_REPORT).max(1)
    }

    fn storage(&self, index: u64) -> DatanodeStorageProto {
        DatanodeStorageProto {
            storage_uuid: format!("DS-{}-{index}", self.number),
            state: None,
            storage_type: None,
        }
    }

    async fn report(&self) -> Result<()> {
        let registration = self.registration();
        let request = RegisterDatanodeRequestProto { registration: registration.clone() };
        let _: RegisterDatanodeResponseProto = self.datanode("registerDatanode", &request).await?;
        let lease_id = self.heartbeat(&registration).await?;
        for index in 0..self.storages() {
            let from = index * PER_REPORT;
            let to = (from + PER_REPORT).min(self.files);
            let request = BlockReportRequestProto {
                registration: registration.clone(),
                block_pool_id: self.info.block_pool_id.clone(),
                reports: vec![StorageBlockReportProto {
                    storage: self.storage(index),
                    blocks: Vec::new(),
                    number_of_blocks: Some(to - from),
                    blocks_buffers: buffers(from..to),
                }],
                context: Some(BlockReportContextProto {
                    total_rpcs: i32::try_from(self.storages())?,
                    cur_rpc: i32::try_from(index)?,
                    id: 1,
                    lease_id,
                }),
            };
            let _: BlockReportResponseProto = self.datanode("blockReport", &request).await?;
        }
        Ok(())
    }

    /// Gives the lease for a full report.
    async fn heartbeat(&self, registration: &DatanodeRegistrationProto) -> Result<Option<u64>> {
        let reports = (0..self.storages()).map(|index| self.storage_report(index)).collect();
        let request = HeartbeatRequestProto {
            registration: registration.clone(),
            reports,
            request_full_block_report_lease: Some(true),
            ..HeartbeatRequestProto::default()
        };
        let answer: HeartbeatResponseProto = self.datanode("sendHeartbeat", &request).await?;
        Ok(answer.full_block_report_lease_id)
    }

    /// Hadoop still requires the name that is also in `storage`.
    #[expect(deprecated, reason = "the field is required")]
    fn storage_report(&self, index: u64) -> StorageReportProto {
        let storage = self.storage(index);
        StorageReportProto {
            storage_uuid: storage.storage_uuid.clone(),
            capacity: Some(1 << 40),
            remaining: Some(1 << 39),
            storage: Some(storage),
            ..StorageReportProto::default()
        }
    }

    async fn datanode<Q, A>(&self, method: &'static str, request: &Q) -> Result<A>
    where
        Q: prost::Message,
        A: prost::Message + Default,
    {
        self.namenode.call(&protocol::DATANODE, method, request).await
    }
}

/// Finalized replicas of these files' blocks (`BlockListAsLongs.BufferDecoder`).
fn buffers(files: std::ops::Range<u64>) -> Vec<Bytes> {
    let mut buffers = Vec::new();
    let mut buffer = Vec::with_capacity(BUFFER);
    for file in files {
        let block = filled::block(file);
        encode_varint(block.id.0.cast_unsigned() << 1, &mut buffer);
        encode_varint(block.length, &mut buffer);
        encode_varint(block.generation_stamp.0, &mut buffer);
        encode_varint(0, &mut buffer);
        if buffer.len() + 40 > BUFFER {
            buffers.push(Bytes::from(std::mem::replace(&mut buffer, Vec::with_capacity(BUFFER))));
        }
    }
    buffers.push(Bytes::from(buffer));
    buffers
}

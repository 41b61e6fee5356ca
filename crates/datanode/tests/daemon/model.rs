//! A NameNode that only listens, and a writer and reader that speak the transfer protocol by hand.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use loxodon_datanode::{DataNode, DataNodeSettings, StorageLocation};
use loxodon_rpc::client::ServerAddress;
use loxodon_rpc::server::{Call, Handler, Responder, Server, ServerLimits};
use loxodon_wire::proto::hdfs as proto;
use loxodon_wire::proto::hdfs::datanode as dn;
use loxodon_wire::rpc::protocol::{DATANODE, DATANODE_LIFELINE, NAMENODE, Protocol};
use loxodon_wire::rpc::{RemoteError, exception};
use parking_lot::{Condvar, Mutex};

pub(crate) use crate::transfer::{Ack, Reader, Writer, block, pattern, request, response};

pub const POOL: &str = "BP-1-127.0.0.1-1";
pub const CLUSTER: &str = "CID-model";
/// `ReceivedDeletedBlockInfoProto.BlockStatus`.
pub const RECEIVED: i32 = 2;
pub const DELETED: i32 = 3;
/// Whatever is waited for comes long before, however slow the machine.
pub const PATIENCE: Duration = Duration::from_secs(180);

/// What a model NameNode heard, and what it will say.
#[derive(Default)]
pub struct Heard {
    pub registrations: Vec<dn::DatanodeRegistrationProto>,
    pub heartbeats: Vec<dn::HeartbeatRequestProto>,
    pub reports: Vec<dn::BlockReportRequestProto>,
    pub changes: Vec<dn::ReceivedDeletedBlockInfoProto>,
    pub bad: Vec<proto::LocatedBlockProto>,
    pub lifelines: Vec<dn::HeartbeatRequestProto>,
    /// Names of all calls, in order.
    pub calls: Vec<&'static str>,
    /// Heartbeats get no answer while this is set.
    pub holds_heartbeats: bool,
    held: Vec<Responder>,
    /// Whether it says that it starts still.
    pub is_starting: bool,
    commands: Vec<dn::DatanodeCommandProto>,
}

impl Heard {
    /// The storages of the last heartbeat.
    pub fn storages(&self) -> Vec<proto::StorageReportProto> {
        self.heartbeats.last().map(|beat| beat.reports.clone()).unwrap_or_default()
    }
}

/// A NameNode that answers what every DataNode asks, and keeps it.
pub struct Model {
    heard: Mutex<Heard>,
    changed: Condvar,
    cluster: String,
}

static PROTOCOLS: [&Protocol; 3] = [&NAMENODE, &DATANODE, &DATANODE_LIFELINE];

impl Handler for Model {
    fn protocols(&self) -> &[&'static Protocol] {
        &PROTOCOLS
    }

    fn call(&self, call: Call, reply: Responder) {
        let result = self.answer(&call);
        self.changed.notify_all();
        let mut heard = self.heard.lock();
        if heard.holds_heartbeats && call.method.name == "sendHeartbeat" {
            heard.held.push(reply);
            return;
        }
        drop(heard);
        match result {
            Ok(bytes) => reply.reply_encoded(&bytes),
            Err(error) => reply.fail(&error),
        }
    }
}

impl Model {
    fn answer(&self, call: &Call) -> Result<Vec<u8>, RemoteError> {
        use prost::Message;
        let mut heard = self.heard.lock();
        heard.calls.push(call.method.name);
        match call.method.name {
            "versionRequest" if heard.is_starting => {
                Err(RemoteError::new(exception::RETRIABLE, "NameNode still not started"))
            }
            "versionRequest" => Ok(self.version().encode_to_vec()),
            "registerDatanode" => {
                let request: dn::RegisterDatanodeRequestProto = call.decode()?;
                heard.registrations.push(request.registration.clone());
                let registration = request.registration;
                Ok(dn::RegisterDatanodeResponseProto { registration }.encode_to_vec())
            }
            "sendHeartbeat" => {
                let request: dn::HeartbeatRequestProto = call.decode()?;
                let lease = request.request_full_block_report_lease.unwrap_or(false);
                heard.heartbeats.push(request);
                let answer = dn::HeartbeatResponseProto {
                    cmds: std::mem::take(&mut heard.commands),
                    ha_status: proto::NnhaStatusHeartbeatProto { state: 0, txid: 1 },
                    full_block_report_lease_id: lease.then_some(1),
                    ..Default::default()
                };
                Ok(answer.encode_to_vec())
            }
            "blockReport" => {
                heard.reports.push(call.decode()?);
                Ok(dn::BlockReportResponseProto::default().encode_to_vec())
            }
            "blockReceivedAndDeleted" => {
                let request: dn::BlockReceivedAndDeletedRequestProto = call.decode()?;
                heard.changes.extend(request.blocks.into_iter().flat_map(|storage| storage.blocks));
                Ok(Vec::new())
            }
            "reportBadBlocks" => {
                let request: dn::ReportBadBlocksRequestProto = call.decode()?;
                heard.bad.extend(request.blocks);
                Ok(Vec::new())
            }
            "sendLifeline" => {
                heard.lifelines.push(call.decode()?);
                Ok(Vec::new())
            }
            "errorReport" => Ok(Vec::new()),
            name => Err(RemoteError::new(exception::UNSUPPORTED_OPERATION, name)),
        }
    }

    fn version(&self) -> proto::VersionResponseProto {
        proto::VersionResponseProto {
            info: proto::NamespaceInfoProto {
                block_pool_id: POOL.to_owned(),
                storage_info: proto::StorageInfoProto {
                    layout_version: -67_i32 as u32,
                    namespce_id: 7,
                    cluster_id: self.cluster.clone(),
                    c_time: 0,
                },
                software_version: "3.5.0".to_owned(),
                capabilities: Some(1),
                ..Default::default()
            },
        }
    }

    /// Says this with the next heartbeat.
    pub fn command(&self, command: dn::DatanodeCommandProto) {
        self.heard.lock().commands.push(command);
    }

    /// Has blocks copied to `targets` or deleted.
    pub fn block_command(
        &self,
        action: dn::block_command_proto::Action,
        blocks: &[proto::ExtendedBlockProto],
        targets: &[proto::DatanodeInfoProto],
    ) {
        let to_block = |block: &proto::ExtendedBlockProto| proto::BlockProto {
            block_id: block.block_id,
            gen_stamp: block.generation_stamp,
            num_bytes: block.num_bytes,
        };
        let each = |_: &proto::ExtendedBlockProto| proto::DatanodeInfosProto {
            datanodes: targets.to_vec(),
        };
        let command = dn::BlockCommandProto {
            action: action as i32,
            block_pool_id: POOL.to_owned(),
            blocks: blocks.iter().map(to_block).collect(),
            targets: blocks.iter().map(each).collect(),
            ..Default::default()
        };
        self.command(dn::DatanodeCommandProto {
            cmd_type: dn::datanode_command_proto::Type::BlockCommand as i32,
            blk_cmd: Some(command),
            ..Default::default()
        });
    }

    /// Says from now on that it starts still, or has started.
    pub fn set_starting(&self, is_starting: bool) {
        self.heard.lock().is_starting = is_starting;
    }

    /// Gives heartbeats no answers any more.
    pub fn hold_heartbeats(&self) {
        self.heard.lock().holds_heartbeats = true;
    }

    /// Waits until `look` finds something in what was heard.
    pub fn wait<T>(&self, what: &str, mut look: impl FnMut(&Heard) -> Option<T>) -> T {
        let until = Instant::now() + PATIENCE;
        let mut heard = self.heard.lock();
        loop {
            if let Some(found) = look(&heard) {
                return found;
            }
            assert!(!self.changed.wait_until(&mut heard, until).timed_out(), "not heard: {what}");
        }
    }

    /// Waits until a block is reported with this status.
    pub fn wait_change(&self, block: &proto::ExtendedBlockProto, status: i32) -> proto::BlockProto {
        self.wait(&format!("change {status} of {}", block.block_id), |heard| {
            let mut changes = heard.changes.iter();
            let found = changes
                .find(|change| change.block.block_id == block.block_id && change.status == status);
            found.map(|change| change.block)
        })
    }

    /// Waits until a replica of the block is reported as bad.
    pub fn wait_bad(&self, block: &proto::ExtendedBlockProto) -> proto::LocatedBlockProto {
        self.wait(&format!("{} is bad", block.block_id), |heard| {
            heard.bad.iter().find(|bad| bad.b.block_id == block.block_id).cloned()
        })
    }

    pub fn has_heard<T>(&self, look: impl FnOnce(&Heard) -> T) -> T {
        look(&self.heard.lock())
    }
}

/// A model NameNode at its port.
pub struct NameNode {
    pub model: Arc<Model>,
    pub server: Server,
}

impl NameNode {
    pub async fn start() -> Self {
        Self::of(CLUSTER).await
    }

    pub async fn of(cluster: &str) -> Self {
        let model = Arc::new(Model {
            heard: Mutex::default(),
            changed: Condvar::new(),
            cluster: cluster.to_owned(),
        });
        let anywhere = SocketAddr::from(([127, 0, 0, 1], 0));
        let server = Server::bind(anywhere, ServerLimits::default(), model.clone()).await.unwrap();
        Self { model, server }
    }

    pub fn settings(&self, volumes: &[&str]) -> DataNodeSettings {
        let locations = volumes.iter().map(|text| StorageLocation::parse(text).unwrap()).collect();
        let namenode: ServerAddress = self.server.local_addr().into();
        let mut settings = DataNodeSettings::local(locations, namenode);
        settings.heartbeat = Duration::from_millis(30);
        settings
    }

    /// A DataNode on one new volume in `place`.
    pub async fn datanode(&self, place: &Path) -> DataNode {
        let text = place.to_str().unwrap();
        let datanode = DataNode::start(self.settings(&[text])).await.unwrap();
        datanode.registered().await.unwrap();
        datanode
    }

    /// The last DataNode that registered, as pipelines name it.
    pub fn info_of(&self, datanode: &DataNode) -> proto::DatanodeInfoProto {
        let port = u32::from(datanode.transfer_address().port());
        let id = self.model.wait("registration", |heard| {
            let mut known = heard.registrations.iter().rev();
            known
                .find(|known| known.datanode_id.xfer_port == port)
                .map(|known| known.datanode_id.clone())
        });
        proto::DatanodeInfoProto { id, ..Default::default() }
    }
}

/// Waits until something outside is as it should be.
pub fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    let until = Instant::now() + PATIENCE;
    while !holds() {
        assert!(Instant::now() < until, "not seen: {what}");
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// All files below `root` whose names begin with `blk_`, by name.
pub fn replica_files(root: &Path) -> Vec<PathBuf> {
    let (mut found, mut ahead) = (Vec::new(), vec![root.to_owned()]);
    while let Some(directory) = ahead.pop() {
        for entry in std::fs::read_dir(directory).into_iter().flatten().flatten() {
            let path = entry.path();
            if path.is_dir() {
                ahead.push(path);
            } else if entry.file_name().to_string_lossy().starts_with("blk_") {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

/// The data file of a block below `root`.
pub fn data_file(root: &Path, block: &proto::ExtendedBlockProto) -> Option<PathBuf> {
    let name = format!("blk_{}", block.block_id);
    replica_files(root).into_iter().find(|path| path.file_name().unwrap().to_str() == Some(&name))
}

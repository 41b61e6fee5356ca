//! Getting to know a NameNode, and it us: `versionRequest` and `registerDatanode`.

use loxodon_wire::proto::hdfs as proto;
use loxodon_wire::proto::hdfs::datanode::DatanodeRegistrationProto;

use crate::error::{DataNodeError, Result};
use crate::node::{HADOOP_VERSION, Node};
use crate::storage::{LAYOUT_VERSION, PoolIdentity};

/// `NamenodeProtocols`' capability to read block reports as buffers.
const REPORT_BUFFERS: u64 = 1;

/// What a NameNode says of its cluster, if we can work with it.
pub(super) fn identity(info: &proto::NamespaceInfoProto) -> Result<PoolIdentity> {
    if info.capabilities.unwrap_or(0) & REPORT_BUFFERS == 0 {
        return Err(DataNodeError::Layout(format!(
            "The NameNode's software version is {}, which cannot read this DataNode's block reports",
            info.software_version
        )));
    }
    let storage = &info.storage_info;
    Ok(PoolIdentity {
        pool: info.block_pool_id.clone(),
        cluster: storage.cluster_id.clone(),
        namespace: storage.namespce_id,
        created: storage.c_time,
    })
}

/// What we say of ourselves.
pub(super) fn registration(node: &Node, identity: &PoolIdentity) -> DatanodeRegistrationProto {
    DatanodeRegistrationProto {
        datanode_id: node.datanode_id(),
        storage_info: proto::StorageInfoProto {
            layout_version: LAYOUT_VERSION as u32,
            namespce_id: identity.namespace,
            cluster_id: identity.cluster.clone(),
            c_time: identity.created,
        },
        keys: proto::ExportedBlockKeysProto::default(),
        software_version: HADOOP_VERSION.to_owned(),
    }
}

//! Getting to know a NameNode, and it us: `versionRequest` and `registerDatanode`.

use loxodon_wire::proto::hdfs as proto;
use loxodon_wire::proto::hdfs::datanode::DatanodeRegistrationProto;
use loxodon_wire::version;

use crate::error::{DataNodeError, Result};
use crate::node::Node;
use crate::storage::PoolIdentity;

/// `NamenodeProtocols`' capability to read block reports as buffers.
const REPORT_BUFFERS: u64 = 1;

/// What a NameNode says of its cluster, if we can work with it: a release not before `least`
/// (`BPServiceActor.checkNNVersion`).
pub(super) fn identity(info: &proto::NamespaceInfoProto, least: &str) -> Result<PoolIdentity> {
    let theirs = &info.software_version;
    if version::compare(theirs, least).is_lt() {
        return Err(DataNodeError::Layout(format!(
            "The reported NameNode version is too low to communicate with this DataNode. \
             NameNode version: '{theirs}' Minimum NameNode version: '{least}'"
        )));
    }
    if info.capabilities.unwrap_or(0) & REPORT_BUFFERS == 0 {
        return Err(DataNodeError::Layout(format!(
            "The NameNode's software version is {theirs}, which cannot read this DataNode's block reports"
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
            layout_version: version::DATANODE_LAYOUT.cast_unsigned(),
            namespce_id: identity.namespace,
            cluster_id: identity.cluster.clone(),
            c_time: identity.created,
        },
        keys: proto::ExportedBlockKeysProto::default(),
        software_version: version::HADOOP.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_namenode_of_too_old_a_release_is_not_served() {
        let info = |release: &str| proto::NamespaceInfoProto {
            software_version: release.to_owned(),
            capabilities: Some(REPORT_BUFFERS),
            ..proto::NamespaceInfoProto::default()
        };
        assert!(identity(&info("2.1.0"), "2.1.0-beta").is_ok());
        let refused = identity(&info("2.0.6-alpha"), "2.1.0-beta").unwrap_err();
        assert!(refused.java_class().ends_with(".IncorrectVersionException"));
        let said = "NameNode version: '2.0.6-alpha' Minimum NameNode version: '2.1.0-beta'";
        assert!(refused.to_string().contains(said), "{refused}");
    }
}

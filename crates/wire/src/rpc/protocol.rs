//! The protocols by the names that Java gives them (`@ProtocolInfo` of the `*PB` interfaces).

use crate::proto::services::{self, MESSAGE_SHAPES, MessageShape, ServiceCall};

/// A protocol: a name, a version and its calls.
#[derive(Debug, PartialEq, Eq)]
pub struct Protocol {
    /// What a request's header names (`protocolName`).
    pub name: &'static str,
    /// The only version there is.
    pub version: u64,
    /// The Java interface that `getProtocolVersions` asks for.
    pub interface: &'static str,
    /// Its calls, sorted by name.
    pub calls: &'static [ServiceCall],
}

impl Protocol {
    /// Index in `calls` of the call with this name.
    #[must_use]
    pub fn find(&self, method: &str) -> Option<usize> {
        self.calls.binary_search_by(|call| call.name.cmp(method)).ok()
    }

    /// The protocol that a Java client names so, of those in [`ALL`].
    #[must_use]
    pub fn named(name: &str) -> Option<&'static Self> {
        ALL.iter().copied().find(|p| p.name == name)
    }
}

impl ServiceCall {
    /// Required fields of the call's request.
    #[must_use]
    pub fn request_shape(&self) -> Option<&'static MessageShape> {
        MESSAGE_SHAPES.get(usize::from(self.request))
    }

    /// Required fields of the call's answer.
    #[must_use]
    pub fn response_shape(&self) -> Option<&'static MessageShape> {
        MESSAGE_SHAPES.get(usize::from(self.response))
    }
}

/// State and transitions of a highly available server.
pub static HA_SERVICE: Protocol = Protocol {
    name: "org.apache.hadoop.ha.HAServiceProtocol",
    version: 1,
    interface: "org.apache.hadoop.ha.protocolPB.HAServiceProtocolPB",
    calls: services::HASERVICE_PROTOCOL_CALLS,
};
/// To a ZooKeeper failover controller.
pub static ZKFC: Protocol = Protocol {
    name: "org.apache.hadoop.ha.ZKFCProtocol",
    version: 1,
    interface: "org.apache.hadoop.ha.protocolPB.ZKFCProtocolPB",
    calls: services::ZKFCPROTOCOL_CALLS,
};
/// Groups of a user (`hdfs groups`).
pub static GET_USER_MAPPINGS: Protocol = Protocol {
    name: "org.apache.hadoop.tools.GetUserMappingsProtocol",
    version: 1,
    interface: "org.apache.hadoop.tools.protocolPB.GetUserMappingsProtocolPB",
    calls: services::GET_USER_MAPPINGS_PROTOCOL_CALLS,
};
/// Refreshes anything that registered by name.
pub static GENERIC_REFRESH: Protocol = Protocol {
    name: "org.apache.hadoop.ipc.GenericRefreshProtocol",
    version: 1,
    interface: "org.apache.hadoop.ipc.protocolPB.GenericRefreshProtocolPB",
    calls: services::GENERIC_REFRESH_PROTOCOL_CALLS,
};
/// Re-reads the call queue's configuration.
pub static REFRESH_CALL_QUEUE: Protocol = Protocol {
    name: "org.apache.hadoop.ipc.RefreshCallQueueProtocol",
    version: 1,
    interface: "org.apache.hadoop.ipc.protocolPB.RefreshCallQueueProtocolPB",
    calls: services::REFRESH_CALL_QUEUE_PROTOCOL_CALLS,
};
/// Versions and signatures; the server answers it itself.
pub static PROTOCOL_META_INFO: Protocol = Protocol {
    name: "org.apache.hadoop.ipc.ProtocolMetaInfoPB",
    version: 1,
    interface: "org.apache.hadoop.ipc.ProtocolMetaInfoPB",
    calls: services::PROTOCOL_INFO_CALLS,
};
/// Re-reads who may call what.
pub static REFRESH_AUTHORIZATION_POLICY: Protocol = Protocol {
    name: "org.apache.hadoop.security.authorize.RefreshAuthorizationPolicyProtocol",
    version: 1,
    interface: "org.apache.hadoop.security.protocolPB.RefreshAuthorizationPolicyProtocolPB",
    calls: services::REFRESH_AUTHORIZATION_POLICY_PROTOCOL_CALLS,
};
/// Re-reads groups and proxy users.
pub static REFRESH_USER_MAPPINGS: Protocol = Protocol {
    name: "org.apache.hadoop.security.RefreshUserMappingsProtocol",
    version: 1,
    interface: "org.apache.hadoop.security.protocolPB.RefreshUserMappingsProtocolPB",
    calls: services::REFRESH_USER_MAPPINGS_PROTOCOL_CALLS,
};
/// Changes a running daemon's configuration.
pub static RECONFIGURATION: Protocol = Protocol {
    name: "org.apache.hadoop.hdfs.protocol.ReconfigurationProtocol",
    version: 1,
    interface: "org.apache.hadoop.hdfs.protocolPB.ReconfigurationProtocolPB",
    calls: services::RECONFIGURATION_PROTOCOL_CALLS,
};
/// Client to NameNode.
pub static CLIENT_NAMENODE: Protocol = Protocol {
    name: "org.apache.hadoop.hdfs.protocol.ClientProtocol",
    version: 1,
    interface: "org.apache.hadoop.hdfs.protocolPB.ClientNamenodeProtocolPB",
    calls: services::CLIENT_NAMENODE_PROTOCOL_CALLS,
};
/// Client to DataNode.
pub static CLIENT_DATANODE: Protocol = Protocol {
    name: "org.apache.hadoop.hdfs.protocol.ClientDatanodeProtocol",
    version: 1,
    interface: "org.apache.hadoop.hdfs.protocolPB.ClientDatanodeProtocolPB",
    calls: services::CLIENT_DATANODE_PROTOCOL_CALLS,
};
/// Secondary NameNode and balancer to NameNode.
pub static NAMENODE: Protocol = Protocol {
    name: "org.apache.hadoop.hdfs.server.protocol.NamenodeProtocol",
    version: 1,
    interface: "org.apache.hadoop.hdfs.protocolPB.NamenodeProtocolPB",
    calls: services::NAMENODE_PROTOCOL_CALLS,
};
/// DataNode to DataNode.
pub static INTER_DATANODE: Protocol = Protocol {
    name: "org.apache.hadoop.hdfs.server.protocol.InterDatanodeProtocol",
    version: 1,
    interface: "org.apache.hadoop.hdfs.protocolPB.InterDatanodeProtocolPB",
    calls: services::INTER_DATANODE_PROTOCOL_CALLS,
};
/// DataNode to NameNode.
pub static DATANODE: Protocol = Protocol {
    name: "org.apache.hadoop.hdfs.server.protocol.DatanodeProtocol",
    version: 1,
    interface: "org.apache.hadoop.hdfs.protocolPB.DatanodeProtocolPB",
    calls: services::DATANODE_PROTOCOL_CALLS,
};
/// A busy DataNode's sign of life.
pub static DATANODE_LIFELINE: Protocol = Protocol {
    name: "org.apache.hadoop.hdfs.server.protocol.DatanodeLifelineProtocol",
    version: 1,
    interface: "org.apache.hadoop.hdfs.protocolPB.DatanodeLifelineProtocolPB",
    calls: services::DATANODE_LIFELINE_PROTOCOL_CALLS,
};
/// NameNode to Backup node.
pub static JOURNAL: Protocol = Protocol {
    name: "org.apache.hadoop.hdfs.server.protocol.JournalProtocol",
    version: 1,
    interface: "org.apache.hadoop.hdfs.protocolPB.JournalProtocolPB",
    calls: services::JOURNAL_PROTOCOL_CALLS,
};
/// JournalNode to JournalNode.
pub static INTER_QJOURNAL: Protocol = Protocol {
    name: "org.apache.hadoop.hdfs.qjournal.protocol.InterQJournalProtocol",
    version: 1,
    interface: "org.apache.hadoop.hdfs.qjournal.protocolPB.InterQJournalProtocolPB",
    calls: services::INTER_QJOURNAL_PROTOCOL_CALLS,
};
/// NameNode to JournalNode.
pub static QJOURNAL: Protocol = Protocol {
    name: "org.apache.hadoop.hdfs.qjournal.protocol.QJournalProtocol",
    version: 1,
    interface: "org.apache.hadoop.hdfs.qjournal.protocolPB.QJournalProtocolPB",
    calls: services::QJOURNAL_PROTOCOL_CALLS,
};

/// All of them.
pub static ALL: &[&Protocol] = &[
    &HA_SERVICE,
    &ZKFC,
    &GET_USER_MAPPINGS,
    &GENERIC_REFRESH,
    &REFRESH_CALL_QUEUE,
    &PROTOCOL_META_INFO,
    &REFRESH_AUTHORIZATION_POLICY,
    &REFRESH_USER_MAPPINGS,
    &RECONFIGURATION,
    &CLIENT_NAMENODE,
    &CLIENT_DATANODE,
    &NAMENODE,
    &INTER_DATANODE,
    &DATANODE,
    &DATANODE_LIFELINE,
    &JOURNAL,
    &INTER_QJOURNAL,
    &QJOURNAL,
];

//! The protocols of each kind of daemon, and the lists of `hadoop-policy.xml` that guard them.

use loxodon_conf::keys;
use loxodon_mapreduce::protocol::{HISTORY_ADMIN, INTER_TRACKER, JOB_CLIENT};
use loxodon_rpc::server::Service;
use loxodon_wire::rpc::protocol;

/// Of the NameNode and of DataNodes (`HDFSPolicyProvider`).
pub(crate) static HDFS: [Service; 13] = [
    (&protocol::CLIENT_NAMENODE, &keys::CLIENT_PROTOCOL_ACL),
    (&protocol::CLIENT_DATANODE, &keys::CLIENT_DATANODE_PROTOCOL_ACL),
    (&protocol::DATANODE, &keys::DATANODE_PROTOCOL_ACL),
    (&protocol::INTER_DATANODE, &keys::INTER_DATANODE_PROTOCOL_ACL),
    (&protocol::NAMENODE, &keys::NAMENODE_PROTOCOL_ACL),
    (&protocol::HA_SERVICE, &keys::HA_SERVICE_PROTOCOL_ACL),
    (&protocol::REFRESH_AUTHORIZATION_POLICY, &keys::REFRESH_POLICY_PROTOCOL_ACL),
    (&protocol::REFRESH_USER_MAPPINGS, &keys::REFRESH_USER_MAPPINGS_PROTOCOL_ACL),
    (&protocol::GET_USER_MAPPINGS, &keys::GET_USER_MAPPINGS_PROTOCOL_ACL),
    (&protocol::REFRESH_CALL_QUEUE, &keys::REFRESH_CALL_QUEUE_PROTOCOL_ACL),
    (&protocol::GENERIC_REFRESH, &keys::REFRESH_GENERIC_PROTOCOL_ACL),
    (&protocol::DATANODE_LIFELINE, &keys::DATANODE_LIFELINE_PROTOCOL_ACL),
    (&protocol::RECONFIGURATION, &keys::RECONFIGURATION_PROTOCOL_ACL),
];

/// Of the JobTracker (Hadoop 1's `MapReducePolicyProvider`).
pub(crate) static MAPREDUCE: [Service; 5] = [
    (&JOB_CLIENT, &keys::JOB_CLIENT_PROTOCOL_ACL),
    (&INTER_TRACKER, &keys::INTER_TRACKER_PROTOCOL_ACL),
    (&protocol::REFRESH_AUTHORIZATION_POLICY, &keys::REFRESH_POLICY_PROTOCOL_ACL),
    (&protocol::REFRESH_USER_MAPPINGS, &keys::REFRESH_USER_MAPPINGS_PROTOCOL_ACL),
    (&protocol::GET_USER_MAPPINGS, &keys::GET_USER_MAPPINGS_PROTOCOL_ACL),
];

/// Of a history server's port for operators (`ClientHSPolicyProvider`).
pub(crate) static HISTORY: [Service; 3] = [
    (&HISTORY_ADMIN, &keys::HISTORY_ADMIN_PROTOCOL_ACL),
    (&protocol::REFRESH_USER_MAPPINGS, &keys::REFRESH_USER_MAPPINGS_PROTOCOL_ACL),
    (&protocol::GET_USER_MAPPINGS, &keys::GET_USER_MAPPINGS_PROTOCOL_ACL),
];

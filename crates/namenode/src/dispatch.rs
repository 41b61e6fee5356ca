//! Which operation answers which call: one row per call that is there.
//!
//! A call of a known protocol without a row is one that Hadoop has and we do not; it is answered
//! with `UnsupportedOperationException`. Calls that no protocol knows never come here.

use bytes::Bytes;
use loxodon_namespace::Namespace;
use prost::Message;

use crate::error::{NameNodeError, Result};
use crate::machine::NameNode;
use crate::request::Request;
use crate::tables;

/// A call that reads.
pub type Query = fn(&NameNode, &mut Request<'_>, &Bytes) -> Result<Bytes>;
/// A call that may look at a whole tree: it gets a frozen view of the namespace, so that no lock
/// is held meanwhile.
pub type Walk = fn(&Namespace, &mut Request<'_>, &Bytes) -> Result<Bytes>;
/// A call that changes something.
pub type Update = fn(&mut NameNode, &mut Request<'_>, &Bytes) -> Result<Bytes>;

/// What it takes to answer a call.
#[derive(Clone, Copy)]
pub enum Run {
    /// Shared access to the machine.
    Query(Query),
    /// A frozen view.
    Walk(Walk),
    /// Exclusive access; running it twice does no harm.
    Update(Update),
    /// Exclusive access; a call that is sent again gets its first answer (`@AtMostOnce`).
    Once(Update),
    /// Files and other daemons: the shell does it.
    Shell(ShellCall),
}

/// Calls that need the disk or other daemons, done by the shell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ShellCall {
    /// `saveNamespace`.
    SaveNamespace,
    /// `rollEdits`.
    RollEdits,
    /// `restoreFailedStorage`.
    RestoreFailedStorage,
    /// `refreshNodes`.
    RefreshNodes,
    /// `NamenodeProtocol.rollEditLog`.
    RollEditLog,
    /// `NamenodeProtocol.getEditLogManifest`.
    EditLogManifest,
    /// `NamenodeProtocol.getMostRecentCheckpointTxId`.
    MostRecentCheckpoint,
    /// `NamenodeProtocol.getMostRecentNameNodeFileTxId`.
    MostRecentFile,
    /// `NamenodeProtocol.startCheckpoint`.
    StartCheckpoint,
    /// `NamenodeProtocol.endCheckpoint`.
    EndCheckpoint,
    /// `DatanodeProtocol.registerDatanode`: the node's rack may take a script.
    RegisterDatanode,
    /// `DatanodeProtocol.blockReport`: in slices.
    BlockReport,
    /// `GetUserMappingsProtocol.getGroupsForUser`.
    GroupsForUser,
    /// `RefreshUserMappingsProtocol.refreshUserToGroupsMappings`.
    RefreshUserToGroups,
    /// `RefreshUserMappingsProtocol.refreshSuperUserGroupsConfiguration`.
    RefreshProxyUsers,
    /// `RefreshAuthorizationPolicyProtocol.refreshServiceAcl`.
    RefreshServiceAccess,
    /// `ClientProtocol.getEditsFromTxid`.
    EditsFromTxid,
    /// `ReconfigurationProtocol.startReconfiguration`.
    StartReconfiguration,
    /// `ReconfigurationProtocol.getReconfigurationStatus`.
    ReconfigurationStatus,
    /// `ReconfigurationProtocol.listReconfigurableProperties`.
    ReconfigurableProperties,
}

/// One row of a protocol's table.
#[derive(Clone, Copy)]
pub struct Method {
    /// The call's name.
    pub name: &'static str,
    /// What answers it.
    pub run: Run,
}

/// The row of a call, if we have one.
#[must_use]
pub fn find(protocol: &str, method: &str) -> Option<&'static Method> {
    let table: &[Method] = match protocol {
        "org.apache.hadoop.hdfs.protocol.ClientProtocol" => tables::CLIENT,
        "org.apache.hadoop.hdfs.server.protocol.DatanodeProtocol" => tables::DATANODE,
        "org.apache.hadoop.hdfs.server.protocol.NamenodeProtocol" => tables::NAMENODE,
        "org.apache.hadoop.ha.HAServiceProtocol" => tables::HA_SERVICE,
        "org.apache.hadoop.tools.GetUserMappingsProtocol" => tables::GET_USER_MAPPINGS,
        "org.apache.hadoop.security.RefreshUserMappingsProtocol" => tables::REFRESH_USER_MAPPINGS,
        "org.apache.hadoop.security.authorize.RefreshAuthorizationPolicyProtocol" => {
            tables::REFRESH_AUTHORIZATION
        }
        "org.apache.hadoop.ipc.GenericRefreshProtocol" => tables::GENERIC_REFRESH,
        "org.apache.hadoop.hdfs.protocol.ReconfigurationProtocol" => tables::RECONFIGURATION,
        "org.apache.hadoop.hdfs.server.protocol.DatanodeLifelineProtocol" => tables::LIFELINE,
        _ => return None,
    };
    let index = table.binary_search_by(|row| row.name.cmp(method)).ok()?;
    table.get(index)
}

/// The answer to a call that has no row.
#[must_use]
pub fn unsupported(method: &str) -> NameNodeError {
    NameNodeError::Unsupported(format!("{method} is not supported by this NameNode"))
}

/// The fields of a request.
pub(crate) fn decode<M: Message + Default>(body: &Bytes) -> Result<M> {
    M::decode(body.clone()).map_err(|error| NameNodeError::Malformed(error.to_string()))
}

/// The bytes of an answer.
pub(crate) fn encode<M: Message>(answer: &M) -> Bytes {
    Bytes::from(answer.encode_to_vec())
}

//! Calls that take a disk, a script or several turns of the lock.

use std::sync::Arc;

use bytes::Bytes;
use loxodon_conf::ConfError;
use loxodon_namenode::dispatch::ShellCall;
use loxodon_namenode::{Identity, NameNodeError, full_report};
use loxodon_rpc::server::{Call, Responder};
use loxodon_wire::proto::common::{
    GetGroupsForUserRequestProto, GetGroupsForUserResponseProto, RefreshServiceAclResponseProto,
    RefreshSuperUserGroupsConfigurationResponseProto, RefreshUserToGroupsMappingsResponseProto,
};
use loxodon_wire::proto::hdfs::datanode::{BlockReportRequestProto, RegisterDatanodeRequestProto};
use loxodon_wire::rpc::{RemoteError, UserIdentity, exception};
use prost::Message;

use super::door::Door;
use super::{StartError, groups};

type Answer = Result<Bytes, RemoteError>;

/// Replicas of a report that are read while the lock is held once.
const REPLICAS: usize = 500;

impl Door {
    /// Does what a call asks of the shell, and answers it.
    pub(crate) async fn perform(
        self: &Arc<Self>,
        task: ShellCall,
        call: Call,
        identity: Arc<Identity>,
        reply: Responder,
    ) {
        let answer = match task {
            ShellCall::RegisterDatanode => self.register_datanode(call, identity).await,
            ShellCall::BlockReport => self.block_report(call, identity).await,
            ShellCall::GroupsForUser => self.groups_for_user(&call).await,
            ShellCall::RefreshUserToGroups => self.refresh_groups(&call, &identity),
            ShellCall::RefreshProxyUsers => self.refresh_proxy_users(call, identity).await,
            ShellCall::RefreshServiceAccess => self.refresh_service_access().await,
            ShellCall::StartReconfiguration
            | ShellCall::ReconfigurationStatus
            | ShellCall::ReconfigurableProperties => self.reconfiguration(task, &call, &identity),
            ShellCall::EditsFromTxid => self.edits_from(call, identity).await,
            other => self.store(other, call, identity).await,
        };
        match answer {
            Ok(bytes) => reply.reply_encoded(&bytes),
            Err(error) => reply.fail(&error),
        }
    }

    async fn register_datanode(self: &Arc<Self>, call: Call, identity: Arc<Identity>) -> Answer {
        let door = Arc::clone(self);
        let register = move || {
            let asked: RegisterDatanodeRequestProto = call.decode()?;
            let ip = call.peer.ip().to_canonical().to_string();
            let id = &asked.registration.datanode_id;
            let port = u16::try_from(id.xfer_port).unwrap_or_default();
            let rack = door.racks.rack_of(&ip, port).ok_or_else(|| {
                RemoteError::new(
                    "org.apache.hadoop.hdfs.server.blockmanagement.UnresolvedTopologyException",
                    format!("Unresolved topology mapping for host {ip}"),
                )
            })?;
            let mut request = door.request(&call, &identity);
            let result = door.machine.write().register_datanode(&mut request, asked, rack);
            door.after(request);
            result.map(|answer| encoded(&answer)).map_err(|error| RemoteError::from(&error))
        };
        blocking(register).await
    }

    /// A full report, some hundred replicas at a time.
    async fn block_report(self: &Arc<Self>, call: Call, identity: Arc<Identity>) -> Answer {
        let door = Arc::clone(self);
        blocking(move || {
            let asked: BlockReportRequestProto = call.decode()?;
            let answer = full_report(&asked, REPLICAS, &mut |work| {
                let mut request = door.request(&call, &identity);
                work(&mut door.machine.write(), &mut request);
                door.after(request);
            });
            answer.map(|answer| encoded(&answer)).map_err(|error| RemoteError::from(&error))
        })
        .await
    }

    async fn groups_for_user(self: &Arc<Self>, call: &Call) -> Answer {
        let asked: GetGroupsForUserRequestProto = call.decode()?;
        let door = Arc::clone(self);
        blocking(move || {
            let found = door.look_up(&UserIdentity::new(asked.user));
            Ok(encoded(&GetGroupsForUserResponseProto { groups: found.caller.groups.clone() }))
        })
        .await
    }

    fn refresh_groups(self: &Arc<Self>, call: &Call, identity: &Identity) -> Answer {
        // Everybody may, as in Hadoop, where only service-level authorization forbids it.
        self.users.write().forget();
        self.note(call, identity, "refreshUserToGroupsMappings");
        Ok(encoded(&RefreshUserToGroupsMappingsResponseProto {}))
    }

    async fn refresh_proxy_users(self: &Arc<Self>, call: Call, identity: Arc<Identity>) -> Answer {
        let door = Arc::clone(self);
        blocking(move || {
            let failed =
                |error: StartError| RemoteError::new(error.java_class(), error.to_string());
            let conf = door.conf.reread().map_err(|error| failed(error.into()))?;
            let fresh = Arc::new(groups::proxy_users(&conf).map_err(failed)?);
            *door.proxy_users.write() = fresh;
            door.note(&call, &identity, "refreshSuperUserGroupsConfiguration");
            Ok(encoded(&RefreshSuperUserGroupsConfigurationResponseProto {}))
        })
        .await
    }

    /// Whoever may speak the protocol may do it: its own list says who.
    async fn refresh_service_access(self: &Arc<Self>) -> Answer {
        let door = Arc::clone(self);
        blocking(move || {
            let Some(services) = &door.services else {
                let text = "Service Level Authorization not enabled!";
                return Err(RemoteError::new(exception::AUTHORIZATION, text));
            };
            let failed = |error: ConfError| RemoteError::new(exception::IO, error.to_string());
            services.refresh(&door.conf).map_err(failed)?;
            Ok(encoded(&RefreshServiceAclResponseProto {}))
        })
        .await
    }

    /// Refuses whoever is not a superuser.
    pub(crate) fn require_superuser(
        self: &Arc<Self>,
        call: &Call,
        identity: &Identity,
        operation: &'static str,
    ) -> Result<(), RemoteError> {
        let mut request = self.request(call, identity);
        let result = request.require_superuser(operation);
        self.after(request);
        result.map_err(|error: NameNodeError| RemoteError::from(&error))
    }
}

pub(crate) fn encoded<M: Message>(answer: &M) -> Bytes {
    Bytes::from(answer.encode_to_vec())
}

/// Runs what may wait for the disk or another process.
pub(crate) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, RemoteError> + Send + 'static,
) -> Result<T, RemoteError> {
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result,
        Err(error) => {
            Err(RemoteError::new(exception::IO, format!("a task of the NameNode failed: {error}")))
        }
    }
}

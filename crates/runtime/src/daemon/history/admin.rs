//! Where calls to a history server come in: its operators' (`mapred hsadmin`), and YARN clients', which are refused.

use std::sync::Arc;

use loxodon_mapreduce::error::Error;
use loxodon_mapreduce::protocol::{Empty, HISTORY_ADMIN, HISTORY_CLIENT};
use loxodon_rpc::server::{Call, Handler, Responder, ServiceAccess};
use loxodon_wire::proto::common::{GetGroupsForUserRequestProto, GetGroupsForUserResponseProto};
use loxodon_wire::rpc::protocol::{GET_USER_MAPPINGS, Protocol, REFRESH_USER_MAPPINGS};
use loxodon_wire::rpc::{RemoteError, exception};
use tokio::runtime::Handle;

use super::shelf::Shelf;

const UNSUPPORTED: &str = "java.lang.UnsupportedOperationException";

/// The door of `mapreduce.jobhistory.admin.address`.
pub(super) struct AdminDoor {
    pub(super) shelf: Arc<Shelf>,
    /// Who may speak which protocol, if that is checked.
    pub(super) services: Option<ServiceAccess>,
    pub(super) runtime: Handle,
}

impl Handler for AdminDoor {
    fn protocols(&self) -> &[&'static Protocol] {
        static SPOKEN: [&Protocol; 3] =
            [&HISTORY_ADMIN, &GET_USER_MAPPINGS, &REFRESH_USER_MAPPINGS];
        &SPOKEN
    }

    fn call(&self, call: Call, reply: Responder) {
        let shelf = Arc::clone(&self.shelf);
        self.runtime.spawn_blocking(move || {
            if call.method.name == "getGroupsForUser" {
                let request = call.decode::<GetGroupsForUserRequestProto>();
                return reply.finish(request.map(|request| GetGroupsForUserResponseProto {
                    groups: shelf.groups_of(&request.user),
                }));
            }
            reply.finish(order(&shelf, &call).map(|()| Empty {}));
        });
    }

    fn services(&self) -> Option<&ServiceAccess> {
        self.services.as_ref()
    }

    fn groups_of(&self, user: &str) -> Vec<String> {
        self.shelf.groups_of(user)
    }
}

fn order(shelf: &Shelf, call: &Call) -> Result<(), RemoteError> {
    let (user, name) = (&call.user.effective, call.method.name);
    if !shelf.is_operator(user) {
        let text = format!("User {user} doesn't have permission to call '{name}'");
        return Err(RemoteError::new(exception::ACCESS_CONTROL, text));
    }
    let failed = |error: Error| RemoteError::new(error.java_class().to_owned(), error.to_string());
    match name {
        "refreshAdminAcls" => shelf.reread_rights().map_err(failed)?,
        "refreshLoadedJobCache" => shelf.reread_loaded().map_err(failed)?,
        "refreshJobRetentionSettings" => shelf.reread_retention().map_err(failed)?,
        "refreshUserToGroupsMappings" => shelf.forget_groups(),
        "refreshLogRetentionSettings" => {
            let text =
                "aggregated logs are not kept here: TaskTrackers keep the logs of their tasks";
            return Err(RemoteError::new(UNSUPPORTED, text));
        }
        _ => {
            let text = "nobody speaks for others at a history server: hadoop.proxyuser is not read";
            return Err(RemoteError::new(UNSUPPORTED, text));
        }
    }
    tracing::info!("{name} by {user}");
    Ok(())
}

/// The door of `mapreduce.jobhistory.address`.
pub(super) struct ClientDoor;

impl Handler for ClientDoor {
    fn protocols(&self) -> &[&'static Protocol] {
        static SPOKEN: [&Protocol; 1] = [&HISTORY_CLIENT];
        &SPOKEN
    }

    fn call(&self, call: Call, reply: Responder) {
        let text = format!(
            "{} is not answered by this history server: /ws/v1/history of its pages tells of jobs",
            call.method.name
        );
        reply.fail(&RemoteError::new(UNSUPPORTED, text));
    }
}

//! Files that an operator changes while the JobTracker runs: hosts, queues, pools.

use std::sync::Arc;
use std::time::SystemTime;

use loxodon_conf::{ConfError, Configuration};
use loxodon_mapreduce::error::{Error, Result};
use loxodon_mapreduce::job::Caller;
use loxodon_mapreduce::jobtracker::JobTrackerSettings;
use loxodon_mapreduce::scheduler::{Scheduler, SchedulerFiles, from_configuration};
use loxodon_rpc::server::Call;
use loxodon_wire::proto::common::{GetGroupsForUserRequestProto, GetGroupsForUserResponseProto};
use loxodon_wire::rpc::{RemoteError, exception};

use super::hosts::Hosts;
use super::hub::{Hub, remote};
use super::settings::ShellSettings;
use crate::daemon::namenode::proxy_users;

/// Queues of the scheduler that takes jobs in turn, beside the site's files.
const QUEUES: &str = "mapred-queues.xml";

/// The scheduler of a configuration and of the files that belong to it. Blocks.
///
/// # Errors
/// A file that cannot be read, or says something wrong.
pub(super) fn scheduler(
    conf: &Configuration,
    settings: &ShellSettings,
) -> Result<Box<dyn Scheduler>> {
    let read = |file: &std::path::PathBuf| {
        std::fs::read_to_string(file)
            .map_err(|e| Error::system(format_args!("reading {}", file.display()), &e))
    };
    let allocations = settings.allocations.as_ref().map(read).transpose()?;
    let queues = conf.beside(QUEUES).as_ref().map(read).transpose()?;
    let files = SchedulerFiles { allocations: allocations.as_deref(), queues: queues.as_deref() };
    from_configuration(conf, files)
}

/// When the Fair Scheduler's file was changed last.
pub(super) fn allocations_changed(settings: &ShellSettings) -> Option<SystemTime> {
    settings.allocations.as_ref()?.metadata().ok()?.modified().ok()
}

/// Only the JobTracker's user and administrators give orders to it.
fn require_administrator(hub: &Arc<Hub>, user: &str) -> std::result::Result<(), RemoteError> {
    let caller: Caller = hub.caller(user);
    let listed = hub.with(|machine| caller.is_on(&machine.settings().administrators));
    if listed || user == crate::daemon::process_user() {
        return Ok(());
    }
    let text = format!("User {user} is not an administrator of this JobTracker");
    Err(RemoteError::new(exception::ACCESS_CONTROL, text))
}

/// Reads the lists of hosts again: `refreshNodes`. Blocks.
pub(super) fn nodes(hub: &Arc<Hub>, user: &str) -> std::result::Result<(), RemoteError> {
    require_administrator(hub, user)?;
    let read = || -> Result<Hosts> {
        let conf = hub.conf.reread()?;
        Hosts::read(&ShellSettings::read(&conf)?)
    };
    let hosts = read().map_err(|error| remote(&error))?;
    *hub.hosts.lock() = hosts.clone();
    let now = hub.now();
    hub.with(|machine| machine.exclude(now, |host| !hosts.allows(host)));
    Ok(())
}

/// Reads again who may do everything: `refreshAdminAcls`. Blocks.
pub(super) fn administrators(hub: &Arc<Hub>, user: &str) -> std::result::Result<(), RemoteError> {
    require_administrator(hub, user)?;
    let read = || -> Result<JobTrackerSettings> { JobTrackerSettings::read(&hub.conf.reread()?) };
    let fresh = read().map_err(|error| remote(&error))?;
    hub.with(|machine| machine.set_administrators(fresh.administrators));
    Ok(())
}

/// Groups of users, and who speaks for whom: Hadoop's protocols of those, whose answers without fields are all alike.
/// Blocks.
pub(super) fn user_mappings(
    hub: &Arc<Hub>,
    call: &Call,
) -> std::result::Result<GetGroupsForUserResponseProto, RemoteError> {
    match call.method.name {
        "getGroupsForUser" => {
            let request: GetGroupsForUserRequestProto = call.decode()?;
            return Ok(GetGroupsForUserResponseProto { groups: hub.groups_of(&request.user) });
        }
        "refreshUserToGroupsMappings" => {
            require_administrator(hub, &call.user.effective)?;
            hub.forget_groups();
        }
        _ => {
            require_administrator(hub, &call.user.effective)?;
            let failed = |text: String| RemoteError::new(exception::IO, text);
            let conf = hub.conf.reread().map_err(|error| failed(error.to_string()))?;
            let fresh = proxy_users(&conf).map_err(|error| failed(error.to_string()))?;
            *hub.proxy_users.lock() = fresh.into();
        }
    }
    Ok(GetGroupsForUserResponseProto { groups: Vec::new() })
}

/// Reads again who may speak which protocol: `refreshServiceAcl`, which has a list of its own. Blocks.
pub(super) fn services(hub: &Arc<Hub>) -> std::result::Result<(), RemoteError> {
    let Some(services) = &hub.services else {
        let text = "Service Level Authorization not enabled!";
        return Err(RemoteError::new(exception::AUTHORIZATION, text));
    };
    let failed = |error: ConfError| RemoteError::new(exception::IO, error.to_string());
    services.refresh(&hub.conf).map_err(failed)
}

/// Reads queues and pools again: `refreshQueues`. Blocks.
pub(super) fn queues(hub: &Arc<Hub>, user: &str) -> std::result::Result<(), RemoteError> {
    require_administrator(hub, user)?;
    let read = || -> Result<Box<dyn Scheduler>> {
        let conf = hub.conf.reread()?;
        scheduler(&conf, &ShellSettings::read(&conf)?)
    };
    let scheduler = read().map_err(|error| remote(&error))?;
    hub.with(|machine| machine.set_scheduler(scheduler));
    Ok(())
}

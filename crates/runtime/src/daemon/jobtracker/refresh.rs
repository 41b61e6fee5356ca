//! Files that an operator changes while the JobTracker runs: hosts, queues, pools.

use std::sync::Arc;
use std::time::SystemTime;

use loxodon_conf::Configuration;
use loxodon_mapreduce::error::{Error, Result};
use loxodon_mapreduce::job::Caller;
use loxodon_mapreduce::scheduler::{Scheduler, from_configuration};
use loxodon_wire::rpc::{RemoteError, exception};

use super::hosts::Hosts;
use super::hub::{Hub, remote};
use super::settings::ShellSettings;

/// The scheduler of a configuration and of the Fair Scheduler's file. Blocks.
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
    let text = settings.allocations.as_ref().map(read).transpose()?;
    from_configuration(conf, text.as_deref())
}

/// When the Fair Scheduler's file was changed last.
pub(super) fn allocations_changed(settings: &ShellSettings) -> Option<SystemTime> {
    settings.allocations.as_ref()?.metadata().ok()?.modified().ok()
}

/// Only the JobTracker's user and administrators give orders to it.
fn require_administrator(hub: &Arc<Hub>, user: &str) -> std::result::Result<(), RemoteError> {
    let caller: Caller = hub.caller(user);
    let listed = hub.with(|machine| machine.settings().administrators.allows(&caller));
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

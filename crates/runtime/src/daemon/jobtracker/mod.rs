//! The JobTracker daemon: takes jobs, gives their tasks to trackers, keeps their histories.
//!
//! What it decides is `mapreduce::jobtracker`'s; here are its doors, files, timers and pages.
//!
//! | file | is |
//! | --- | --- |
//! | `hub` | the machine behind its lock, and who carries out what it wants done; held heartbeats |
//! | `door` | calls of clients and trackers |
//! | `submit`, `recover` | a job comes in, from its staging directory or from an earlier start |
//! | `journal`, `archive` | a job's history: while it runs, when it is over; afterwards it is `daemon::history`'s |
//! | `refresh`, `hosts` | files that operators change |
//! | `web`, `rest` | pages and JSON |

mod archive;
mod door;
mod hosts;
mod hub;
mod journal;
mod recover;
mod refresh;
mod rest;
mod settings;
mod submit;
mod web;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use loxodon_client::UserIdentity;
use loxodon_conf::Configuration;
use loxodon_mapreduce::error::Error;
use loxodon_mapreduce::fs::FileSystems;
use loxodon_mapreduce::jobtracker::{JobTracker, JobTrackerSettings};
use loxodon_rpc::server::{Place, Server, ServerError, ServerLimits};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};

use crate::daemon::address::{AddressError, address, web_server};
use crate::daemon::history::DIRECTORY;
use crate::daemon::namenode::{ConfiguredGroups, Racks, proxy_users};
use crate::daemon::waiting::until_done;
use crate::web::{Response, Router, StatusCode, WebServer};
use door::Door;
use hosts::Hosts;
#[cfg(feature = "fuzzing")]
pub(crate) use hosts::parse as parse_hosts;
use hub::Hub;
use settings::ShellSettings;
#[cfg(feature = "fuzzing")]
pub(crate) use submit::{JobInfo, parse_conf};

/// Between looks at what comes round by itself.
const TICK: Duration = Duration::from_secs(1);
/// Ticks between looks at the Fair Scheduler's file (`mapred.fairscheduler.update.interval` and its like).
const FILE_LOOK: u32 = 10;
/// Anybody may have a staging directory, his own.
const STAGING_PERMISSION: u16 = 0o1777;
/// Nobody else reads what the JobTracker keeps of jobs.
const SYSTEM_PERMISSION: u16 = 0o700;

/// Why a JobTracker does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// Configuration, or directories that are not to be had.
    #[error(transparent)]
    Settings(#[from] Error),
    /// Where racks come from.
    #[error(transparent)]
    Conf(#[from] loxodon_conf::ConfError),
    /// An address that is none.
    #[error(transparent)]
    Address(#[from] AddressError),
    /// The port for calls.
    #[error(transparent)]
    Rpc(#[from] ServerError),
}

/// A JobTracker that serves. Dropped, it stops at once, as if it were killed.
pub struct RunningJobTracker {
    hub: Arc<Hub>,
    server: Server,
    web: WebServer,
    _tasks: JoinSet<()>,
}

impl std::fmt::Debug for RunningJobTracker {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RunningJobTracker")
            .field("address", &self.server.local_addr())
            .finish_non_exhaustive()
    }
}

impl RunningJobTracker {
    /// Takes its ports, waits until the file system can be written to, takes up the jobs that are not over,
    /// and serves.
    ///
    /// # Errors
    /// Whatever keeps it from doing so, by name.
    pub async fn start(conf: Configuration) -> Result<Self, StartError> {
        for notice in conf.notices() {
            tracing::warn!("{notice}");
        }
        let settings = ShellSettings::read(&conf)?;
        let place = Place::take(address("mapreduce.jobtracker.address", &settings.address)?)?;
        let web = "mapreduce.jobtracker.http.address";
        let web = web_server(web, &settings.http, while_starting()).await?;
        let limits = ServerLimits::from_conf(&conf)?;
        let hub = Arc::new(hub(conf.clone(), settings, web.local_addr())?);
        prepare(&hub).await?;
        let own = Arc::clone(&hub);
        let taken = tokio::task::spawn_blocking(move || recover::take_up(&own)).await;
        taken.map_err(|error| Error::io(error.to_string()))??;
        let door = Arc::new(Door::new(Arc::clone(&hub)));
        let server = Server::serve(place, limits, door)?;
        web.replace(web::router(&conf, &hub, &server, &web));
        let mut tasks = JoinSet::new();
        tasks.spawn(keep_time(Arc::clone(&hub)));
        tasks.spawn(remove_old(Arc::clone(&hub)));
        tracing::info!("JobTracker at {}, pages at {}", server.local_addr(), web.local_addr());
        Ok(Self { hub, server, web, _tasks: tasks })
    }

    /// Where clients and trackers call.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.server.local_addr()
    }

    /// Where its pages are.
    #[must_use]
    pub const fn http_address(&self) -> SocketAddr {
        self.web.local_addr()
    }

    /// Trackers that live.
    #[must_use]
    pub fn trackers(&self) -> usize {
        self.hub.with(|machine| machine.metrics().trackers as usize)
    }
}

impl Drop for RunningJobTracker {
    fn drop(&mut self) {
        // Journals are written by tasks of their own, which end with what feeds them.
        self.hub.stop();
    }
}

fn while_starting() -> Router {
    Router::new().route_below("/", |_| async {
        let reason = "JobTracker is not RUNNING: it waits for its file system";
        Response::error(StatusCode::SERVICE_UNAVAILABLE, reason).header("Retry-After", "1")
    })
}

fn hub(conf: Configuration, settings: ShellSettings, http: SocketAddr) -> Result<Hub, StartError> {
    let mut machine = JobTrackerSettings::read(&conf)?;
    let host = match http.ip() {
        ip if ip.is_unspecified() => super::host_name(),
        ip => ip.to_string(),
    };
    machine.http_address = format!("{host}:{}", http.port());
    let racks = Racks::from_conf(&conf)?;
    let hosts = Hosts::read(&settings)?;
    let scheduler = refresh::scheduler(&conf, &settings)?;
    let files = FileSystems::new(&conf, UserIdentity::new(super::process_user()))?;
    // Each start has its own, so that no id is given out twice.
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    let identifier = since.as_millis().to_string();
    let machine = JobTracker::new(machine, scheduler, &identifier);
    let groups = ConfiguredGroups::from_conf(&conf)?;
    let proxy_users = proxy_users(&conf).map_err(|error| Error::argument(error.to_string()))?;
    Ok(Hub::new(settings, conf, machine, racks, (hosts, proxy_users), files, groups)?)
}

/// Makes the directories; waits while the file system is not there or in safe mode.
async fn prepare(hub: &Arc<Hub>) -> Result<(), StartError> {
    let own = Arc::clone(hub);
    Ok(until_done(move || make_directories(&own)).await?)
}

fn make_directories(hub: &Hub) -> Result<(), Error> {
    let directories = [
        (hub.settings.system_dir.as_str(), SYSTEM_PERMISSION),
        (hub.settings.staging_root.as_str(), STAGING_PERMISSION),
        (hub.settings.history.done_dir.as_str(), DIRECTORY),
    ];
    for (directory, permission) in directories {
        let (fs, path) = hub.place(directory)?;
        if !fs.exists(&path)? {
            fs.mkdirs(&path, permission)?;
            fs.set_permission(&path, permission)?;
        }
    }
    Ok(())
}

/// Tells the machine what time it is.
async fn keep_time(hub: Arc<Hub>) {
    let mut tick = Instant::now() + TICK;
    let mut ticks = 0u32;
    let mut changed = refresh::allocations_changed(&hub.settings);
    loop {
        let now = hub.now();
        let next = hub.with(|machine| machine.next_timer());
        let wait = next.map(|next| u64::try_from(next.saturating_sub(now)).unwrap_or(0));
        let timer =
            wait.map_or(tick, |wait| (Instant::now() + Duration::from_millis(wait)).min(tick));
        tokio::select! {
            () = sleep_until(timer) => {}
            () = hub.timer.notified() => continue,
        }
        let now = hub.now();
        hub.with(|machine| machine.tick(now));
        if Instant::now() >= tick {
            tick = Instant::now() + TICK;
            ticks = ticks.wrapping_add(1);
            if ticks.is_multiple_of(FILE_LOOK) {
                let is = refresh::allocations_changed(&hub.settings);
                if is != changed {
                    changed = is;
                    read_allocations(&hub).await;
                }
            }
        }
    }
}

async fn read_allocations(hub: &Arc<Hub>) {
    let own = Arc::clone(hub);
    let read =
        tokio::task::spawn_blocking(move || refresh::scheduler(&own.conf, &own.settings)).await;
    match read {
        Ok(Ok(scheduler)) => {
            tracing::info!("the pools were read again");
            hub.with(|machine| machine.set_scheduler(scheduler));
        }
        Ok(Err(error)) => tracing::error!("the pools stay as they were: {error}"),
        Err(error) => tracing::error!("the pools stay as they were: {error}"),
    }
}

/// Deletes old histories.
async fn remove_old(hub: Arc<Hub>) {
    let Some(every) = hub.settings.history.clean_every else { return };
    loop {
        let own = Arc::clone(&hub);
        let removed = tokio::task::spawn_blocking(move || {
            own.done.remove_before(own.now().saturating_sub(own.settings.history.max_age))
        });
        match removed.await {
            Ok(Ok(0)) => {}
            Ok(Ok(count)) => tracing::info!("{count} old histories were deleted"),
            Ok(Err(error)) => tracing::warn!("old histories stay: {error}"),
            Err(error) => tracing::warn!("old histories stay: {error}"),
        }
        tokio::time::sleep(every).await;
    }
}

/// Runs a JobTracker until it ends; the process's exit code. Messages go to standard error.
pub fn run(conf: Configuration, args: &[String]) -> i32 {
    crate::daemon::run_until_told(
        "JobTracker",
        "mapred jobtracker",
        args,
        RunningJobTracker::start(conf),
    )
}

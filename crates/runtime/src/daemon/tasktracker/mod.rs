//! The TaskTracker daemon: runs attempts as processes for the JobTracker, and serves their outputs.
//!
//! What it decides is `mapreduce::tasktracker`'s; here are its heartbeats, timers, doors and pages.

mod attempt;
mod cache;
mod control_group;
mod debug_script;
mod files;
mod logs;
mod process;
mod settings;
mod shuffle;
mod tracker;
mod umbilical;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use loxodon_conf::Configuration;
use loxodon_mapreduce::error::Error;
use loxodon_mapreduce::fs::wait_for_hdfs;
use loxodon_mapreduce::jobtracker::{HeartbeatAnswer, TrackerNode};
use loxodon_mapreduce::protocol::{HeartbeatRequest, HeartbeatResponse, INTER_TRACKER};
use loxodon_mapreduce::shuffle::server::IndexCache;
use loxodon_mapreduce::tasktracker::TaskTracker;
use loxodon_rpc::client::{CallOptions, ClientSettings, RpcClient, ServerAddress};
use loxodon_rpc::server::{Server, ServerLimits};
use loxodon_wire::rpc::UserIdentity;
use serde_json::{Value, json};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, sleep_until};

use super::address::{AddressError, address, web_server};
use crate::web::look::{Frame, with_elements};
use crate::web::{
    Bean, BeanSource, Daemon, ProcessBeans, Request, Response, Router, StatusCode, WebServer,
    escape_html, standard_pages,
};
use attempt::Slot;
use control_group::ControlGroups;
#[cfg(feature = "fuzzing")]
pub(crate) use control_group::own_group;
use files::LocalDirectories;
use settings::TaskTrackerSettings;
use shuffle::ShuffleServer;
use tracker::Tracker;
use umbilical::Umbilical;

/// Between looks at memory, time and disks.
const WATCH: Duration = Duration::from_secs(1);
/// Between looks at old logs.
const SWEEP: Duration = Duration::from_secs(3600);
/// After a heartbeat that failed.
const RETRY: Duration = Duration::from_millis(500);
/// What the JobTracker may take for an answer beyond the time that it holds one.
const ANSWER: Duration = Duration::from_secs(30);
/// Heartbeats on their way at once: one that is held, and urgent ones.
const MOST_BEATS: usize = 4;

/// Milliseconds since 1970.
fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

/// Why a TaskTracker does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// Configuration or local directories.
    #[error(transparent)]
    Settings(#[from] Error),
    /// The directories.
    #[error("{0}")]
    Directories(std::io::Error),
    /// An address that is none, or cannot be listened on.
    #[error(transparent)]
    Address(#[from] AddressError),
}

/// A TaskTracker that serves. Dropped, it stops at once, and ends the processes of its tasks.
pub struct RunningTaskTracker {
    tracker: Arc<Tracker>,
    web: WebServer,
    shuffle: ShuffleServer,
    _umbilical: Server,
    tasks: JoinSet<()>,
}

impl std::fmt::Debug for RunningTaskTracker {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RunningTaskTracker")
            .field("http", &self.web.local_addr())
            .finish_non_exhaustive()
    }
}

impl RunningTaskTracker {
    /// Opens directories and sockets, ends what an earlier tracker left, and begins to send heartbeats.
    ///
    /// # Errors
    /// Whatever keeps it from doing so, by name.
    pub async fn start(conf: Configuration) -> Result<Self, StartError> {
        for notice in conf.notices() {
            tracing::warn!("{notice}");
        }
        let settings = TaskTrackerSettings::read(&conf)?;
        let mut for_jobs = conf.clone();
        wait_for_hdfs(&mut for_jobs);
        let limits = ServerLimits::from_conf(&conf).map_err(Error::from)?;
        let calls = ClientSettings::from_conf(&conf).map_err(Error::from)?;
        let jobtracker = jobtracker_address(&settings.jobtracker)?;
        let directories = LocalDirectories::open(settings.local_dirs.clone());
        let directories = Arc::new(directories.map_err(StartError::Directories)?);
        let left = process::end_marked(process::TRACKER_MARK, &directories.mark());
        if left > 0 {
            tracing::warn!("{left} processes of an earlier tracker were ended");
        }
        let web = "mapreduce.tasktracker.http.address";
        let web = web_server(web, &settings.http, Router::new()).await?;
        let failed =
            |name, value: &str, source| AddressError { name, value: value.to_owned(), source };
        let report = address("mapreduce.tasktracker.report.address", &settings.report)?;
        let place = loxodon_rpc::server::Place::take(report);
        let named = |e: loxodon_rpc::server::ServerError| {
            let source = std::io::Error::other(e.to_string());
            failed("mapreduce.tasktracker.report.address", &settings.report, source)
        };
        let place = place.map_err(named)?;
        let door = Arc::new(Door::default());
        let server = Server::serve(place, limits, Arc::<Door>::clone(&door)).map_err(named)?;
        let indexes = Arc::new(IndexCache::new(settings.index_room));
        let outputs = Arc::new(LateOutputs::default());
        let listen = SocketAddr::new(web.local_addr().ip(), settings.shuffle_port);
        let shuffle = ShuffleServer::start(
            listen,
            settings.shuffle_connections,
            Arc::<LateOutputs>::clone(&outputs),
            Arc::clone(&indexes),
        )
        .map_err(|e| failed("mapreduce.shuffle.port", &settings.shuffle_port.to_string(), e))?;
        let machine =
            machine(&settings, server.local_addr(), web.local_addr(), shuffle.local_addr());
        let tracker = Arc::new(Tracker::new(
            settings,
            for_jobs,
            web.local_addr().port(),
            server.local_addr().to_string(),
            report.ip(),
            directories,
            indexes,
            machine,
        ));
        // Set once, here, before anybody is told the ports.
        let _ = door.0.set(Umbilical(Arc::clone(&tracker)));
        let _ = outputs.0.set(Arc::clone(&tracker));
        web.replace(router(&conf, &tracker));
        let mut tasks = JoinSet::new();
        tasks.spawn(beat(Arc::clone(&tracker), jobtracker, calls));
        tasks.spawn(watch(Arc::clone(&tracker)));
        tasks.spawn(sweep(Arc::clone(&tracker)));
        tasks.spawn(check_health(Arc::clone(&tracker)));
        Ok(Self { tracker, web, shuffle, _umbilical: server, tasks })
    }

    /// Where its pages are.
    #[must_use]
    pub const fn http_address(&self) -> SocketAddr {
        self.web.local_addr()
    }

    /// Where map outputs are served.
    #[must_use]
    pub fn shuffle_address(&self) -> SocketAddr {
        self.shuffle.local_addr()
    }

    /// Its name, as the JobTracker lists it.
    #[must_use]
    pub fn name(&self) -> String {
        self.tracker.machine.lock().name().to_string()
    }

    /// Attempts that run here now.
    #[must_use]
    pub fn running(&self) -> Vec<String> {
        self.tracker.running.lock().keys().map(|(id, _)| id.to_string()).collect()
    }
}

impl Drop for RunningTaskTracker {
    fn drop(&mut self) {
        self.tasks.abort_all();
        let mark = self.tracker.directories.mark();
        // Tasks of a tracker that is gone have nobody to report to.
        let groups: Vec<(i32, String)> = {
            let running = self.tracker.running.lock();
            let group = |(slot, (running, _)): (&Slot, &(attempt::Running, i64))| {
                Some((running.group?, attempt::mark(&slot.0, slot.1)))
            };
            running.iter().filter_map(group).collect()
        };
        for (group, mark) in groups {
            process::end_now(group, &mark);
        }
        process::end_marked(process::TRACKER_MARK, &mark);
        self.tracker.groups.iter().for_each(ControlGroups::end_all);
    }
}

/// Doors that listen before the tracker behind them is made; who comes that early is asked to wait.
#[derive(Default)]
struct Door(std::sync::OnceLock<Umbilical>);

impl loxodon_rpc::server::Handler for Door {
    fn protocols(&self) -> &[&'static loxodon_wire::rpc::protocol::Protocol] {
        static SPOKEN: [&loxodon_wire::rpc::protocol::Protocol; 1] =
            [&loxodon_mapreduce::protocol::TASK_UMBILICAL];
        &SPOKEN
    }

    fn authorize(
        &self,
        user: &UserIdentity,
        protocol: Option<&str>,
        peer: SocketAddr,
    ) -> Result<(), loxodon_wire::rpc::RemoteError> {
        self.0.get().map_or(Ok(()), |door| door.authorize(user, protocol, peer))
    }

    fn call(&self, call: loxodon_rpc::server::Call, reply: loxodon_rpc::server::Responder) {
        if let Some(door) = self.0.get() {
            door.call(call, reply);
        }
    }
}

#[derive(Default)]
struct LateOutputs(std::sync::OnceLock<Arc<Tracker>>);

impl shuffle::Outputs for LateOutputs {
    fn key(&self, job: &loxodon_mapreduce::job::JobId) -> Option<Arc<[u8]>> {
        self.0.get()?.key(job)
    }

    fn files(
        &self,
        map: &loxodon_mapreduce::job::AttemptId,
    ) -> Option<(std::path::PathBuf, std::path::PathBuf)> {
        self.0.get()?.files(map)
    }
}

fn jobtracker_address(text: &str) -> Result<ServerAddress, StartError> {
    let split = text.rsplit_once(':').and_then(|(host, port)| Some((host, port.parse().ok()?)));
    let (host, port) = split.ok_or_else(|| {
        Error::argument(format!("mapreduce.jobtracker.address is {text:?}, which is not host:port"))
    })?;
    Ok(ServerAddress::new(host, port))
}

fn machine(
    settings: &TaskTrackerSettings,
    report: SocketAddr,
    http: SocketAddr,
    shuffle: SocketAddr,
) -> TaskTracker {
    let node = TrackerNode {
        host: settings.host.as_str().into(),
        rack: settings.rack.as_str().into(),
        http_port: http.port(),
        shuffle_port: shuffle.port(),
        capacity: settings.capacity,
        map_slots: settings.map_slots,
        reduce_slots: settings.reduce_slots,
    };
    // The port of its pages is configured, so the name survives a restart.
    let port = if settings.http.ends_with(":0") { report.port() } else { http.port() };
    let name = format!("tracker_{}:{port}", settings.host);
    TaskTracker::new(&name, node, u64::try_from(now()).unwrap_or(1))
}

/// Sends heartbeats: one is always with the JobTracker, which answers when it has something to say; what is
/// urgent goes out beside it.
async fn beat(tracker: Arc<Tracker>, address: ServerAddress, calls: ClientSettings) {
    let user = Arc::new(UserIdentity::new(super::process_user()));
    let client = RpcClient::new(calls, user);
    let mut beats: JoinSet<Option<HeartbeatAnswer>> = JoinSet::new();
    let mut interval = Duration::from_secs(3);
    loop {
        let began = Instant::now();
        let (sent, heartbeat) = tracker.machine.lock().beat(now());
        let (client, address, own) = (client.clone(), address.clone(), Arc::clone(&tracker));
        let options = CallOptions { timeout: Some(interval + ANSWER), ..CallOptions::default() };
        beats.spawn(async move {
            let request = HeartbeatRequest::from(heartbeat);
            let answer: Result<HeartbeatResponse, _> =
                client.call(&address, &INTER_TRACKER, "heartbeat", &request, options).await;
            let answer = match answer {
                Ok(answer) => answer,
                Err(error) => {
                    tracing::warn!("the JobTracker at {address} does not answer: {error}");
                    return None;
                }
            };
            match HeartbeatAnswer::try_from(answer) {
                Ok(answer) => {
                    let orders = own.with(|machine| machine.answered(now(), sent, answer.clone()));
                    own.perform(orders);
                    Some(answer)
                }
                Err(error) => {
                    tracing::warn!("the JobTracker's answer is not one: {error}");
                    None
                }
            }
        });
        let mut next = began + interval;
        loop {
            tokio::select! {
                () = tracker.urgent.notified(), if beats.len() < MOST_BEATS => break,
                Some(ended) = beats.join_next(), if !beats.is_empty() => {
                    match ended.ok().flatten() {
                        Some(answer) => {
                            interval = Duration::from_millis(u64::try_from(answer.interval).unwrap_or(3000).max(10));
                            // Whoever had orders may have more; whoever had none is asked again in his time. The
                            // empty answer of a heartbeat that another overtook does not put that off.
                            if !(answer.actions.is_empty() && answer.events.is_empty()) {
                                next = Instant::now();
                            }
                        }
                        None => next = next.min(Instant::now() + RETRY),
                    }
                }
                () = sleep_until(next), if beats.is_empty() => break,
            }
        }
    }
}

/// Memory, silence and disks.
async fn watch(tracker: Arc<Tracker>) {
    loop {
        sleep(WATCH).await;
        limit_time(&tracker);
        if tracker.settings.memory_is_limited {
            limit_memory(&tracker).await;
        }
        let own = Arc::clone(&tracker);
        let looked = tokio::task::spawn_blocking(move || {
            own.directories.check();
            free_space(&own)
        });
        let free = looked.await.unwrap_or(0);
        let accepts =
            free > tracker.settings.minimum_space && !tracker.directories.good().is_empty();
        let health = tracker.health.lock().clone();
        tracker.with(|machine| machine.set_condition(accepts, &health));
    }
}

/// Bytes free on the emptiest disk.
fn free_space(tracker: &Tracker) -> u64 {
    let free = |dir: &std::path::PathBuf| {
        rustix::fs::statvfs(dir).map_or(0, |disk| disk.f_bavail.saturating_mul(disk.f_frsize))
    };
    tracker.directories.good().iter().map(free).max().unwrap_or(0)
}

fn limit_time(tracker: &Arc<Tracker>) {
    let limits: std::collections::HashMap<_, _> = {
        let running = tracker.running.lock();
        running.iter().map(|(slot, (running, _))| (slot.0.clone(), running.timeout)).collect()
    };
    let orders =
        tracker.with(|machine| machine.silent(now(), |id| limits.get(id).copied().unwrap_or(0)));
    tracker.perform(orders);
}

async fn limit_memory(tracker: &Arc<Tracker>) {
    let (slots, groups): (Vec<_>, Vec<_>) = {
        let running = tracker.running.lock();
        let one = |(slot, (running, _)): (&Slot, &(attempt::Running, i64))| {
            let group = running.group?;
            (running.memory > 0 && running.ending.is_none())
                .then(|| ((slot.clone(), running.memory), (group, attempt::mark(&slot.0, slot.1))))
        };
        running.iter().filter_map(one).unzip()
    };
    if slots.is_empty() {
        return;
    }
    let used = tokio::task::spawn_blocking(move || process::resident(&groups)).await;
    for ((slot, limit), used) in slots.into_iter().zip(used.unwrap_or_default()) {
        if used <= limit {
            continue;
        }
        let reason = format!(
            "Task {} is running beyond physical memory limits. Current usage: {} MB of {} MB physical \
             memory used. Killing task.",
            slot.0,
            used >> 20,
            limit >> 20
        );
        let order = tracker.with(|machine| machine.fail_for(&slot.0, slot.1, &reason));
        tracker.perform(order.into_iter().collect());
    }
}

/// Removes old logs.
async fn sweep(tracker: Arc<Tracker>) {
    loop {
        let (root, age) = (tracker.settings.log_dir.clone(), tracker.settings.log_age);
        let swept = tokio::task::spawn_blocking(move || logs::remove_old(&root, age));
        let _: Result<(), _> = swept.await;
        sleep(SWEEP).await;
    }
}

/// Runs the operator's health script; a line that begins with ERROR makes the tracker unhealthy.
async fn check_health(tracker: Arc<Tracker>) {
    let Some(script) = tracker.settings.health_script.clone() else { return };
    loop {
        let run = tokio::process::Command::new(&script).kill_on_drop(true).output();
        let health = match tokio::time::timeout(tracker.settings.health_interval, run).await {
            Ok(Ok(output)) => {
                let text = String::from_utf8_lossy(&output.stdout).into_owned();
                let error = text.lines().find(|line| line.starts_with("ERROR"));
                error.unwrap_or_default().to_owned()
            }
            Ok(Err(error)) => format!("ERROR {script}: {error}"),
            Err(_) => format!("ERROR {script} did not end in time"),
        };
        *tracker.health.lock() = health;
        sleep(tracker.settings.health_interval).await;
    }
}

fn router(conf: &Configuration, tracker: &Arc<Tracker>) -> Router {
    let process = ProcessBeans::new("TaskTracker", super::host_name(), SystemTime::now());
    let sources: Vec<Arc<dyn BeanSource>> =
        vec![Arc::new(TrackerBeans(Arc::clone(tracker))), Arc::new(process)];
    let daemon = Daemon {
        name: "TaskTracker".into(),
        beans: sources.into(),
        configuration: Arc::new(conf.clone()),
        log_levels: super::log::levels(),
    };
    let (for_logs, for_page) = (Arc::clone(tracker), Arc::clone(tracker));
    let router = with_elements(Router::new())
        .route("/tasklog", move |request: Request| {
            let tracker = Arc::clone(&for_logs);
            async move {
                let page = move || logs::page(&tracker.settings.log_dir, &request);
                tokio::task::spawn_blocking(page).await.unwrap_or_else(|error| {
                    Response::error(StatusCode::INTERNAL_SERVER_ERROR, &error.to_string())
                })
            }
        })
        .page("/", move |_| page(&for_page));
    standard_pages(router, daemon)
}

/// What runs here, for a browser.
fn page(tracker: &Tracker) -> Response {
    let name = tracker.machine.lock().name().to_string();
    let mut rows = String::new();
    for (id, is_cleanup) in tracker.running.lock().keys() {
        let id = id.to_string();
        let what = if *is_cleanup { "clean-up" } else { "runs" };
        rows.push_str(&format!(
            "<tr><td>{0}</td><td>{what}</td><td><a href=\"/tasklog?attemptid={0}\">logs</a></td></tr>",
            escape_html(&id)
        ));
    }
    let running = if rows.is_empty() {
        "<p class=\"empty\">No attempt runs here now.</p>".to_owned()
    } else {
        format!(
            "<div class=\"scroll\"><table><thead><tr><th>Attempt</th><th>State</th><th>Logs</th></tr></thead>\
             <tbody>{rows}</tbody></table></div>"
        )
    };
    let name = escape_html(&name);
    let frame = Frame {
        daemon: ("TaskTracker", "/"),
        title: &name,
        icon: "M4 4h8M4 8h8M4 12h4",
        links: &[],
        refresh: Some(3),
    };
    let main = format!("<main>\n<h1>{name}</h1>\n<h2>Attempts</h2>\n{running}\n</main>\n");
    Response::html(StatusCode::OK, frame.around(&main))
}

struct TrackerBeans(Arc<Tracker>);

impl BeanSource for TrackerBeans {
    fn beans(&self) -> Vec<Bean> {
        let tracker = &self.0;
        let running: Vec<Value> = {
            let running = tracker.running.lock();
            running.keys().map(|(id, _)| json!(id.to_string())).collect()
        };
        let machine = tracker.machine.lock();
        let capacity = tracker.settings.capacity;
        let class = "org.apache.hadoop.mapred.TaskTracker";
        vec![
            Bean::new("Hadoop:service=TaskTracker,name=TaskTrackerInfo", class)
                .with("Hostname", tracker.host.clone())
                .with("Name", machine.name().to_string())
                .with("HttpPort", tracker.http_port)
                .with("Healthy", tracker.health.lock().is_empty())
                .with("MemoryMB", capacity.memory_mb)
                .with("VCores", capacity.cores)
                .with("TasksRunning", running.len())
                .with("Attempts", Value::Array(running)),
        ]
    }
}

/// Runs a TaskTracker until it ends; the process's exit code. Messages go to standard error.
pub fn run(conf: Configuration, args: &[String]) -> i32 {
    crate::daemon::run_until_told(
        "TaskTracker",
        "mapred tasktracker",
        args,
        RunningTaskTracker::start(conf),
    )
}

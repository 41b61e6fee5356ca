//! The history server: pages and REST for finished jobs (`JobHistoryServer`).

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use loxodon_conf::Configuration;
use loxodon_mapreduce::error::{Error, Result};
use loxodon_rpc::server::{Place, Server, ServerError, ServerLimits, ServiceAccess};
use loxodon_wire::version;
use serde_json::{Value, json};
use tokio::runtime::Handle;
use tokio::task::JoinSet;

use super::admin::{AdminDoor, ClientDoor};
use super::answer::respond;
use super::finished::answer_history;
use super::page::pages;
use super::settings::HistorySettings;
use super::shelf::Shelf;
use crate::daemon::address::{AddressError, address, web_server};
use crate::daemon::services;
use crate::daemon::waiting::until_done;
use crate::web::{
    BeanSource, Daemon, Method, ProcessBeans, Request, Response, Router, RpcBeans, StatusCode,
    TrafficBeans, WebServer, standard_pages,
};

/// Looks at whether the cleaner is on, while it is off.
const CLEANER_LOOK: Duration = Duration::from_secs(60);

/// Why a history server does not start.
#[derive(Debug, thiserror::Error)]
pub enum HistoryStartError {
    /// Configuration, or directories that are not to be had.
    #[error(transparent)]
    Settings(#[from] Error),
    /// An address that is none, or is taken.
    #[error(transparent)]
    Address(#[from] AddressError),
    /// A port for calls.
    #[error(transparent)]
    Rpc(#[from] ServerError),
}

/// A history server that serves. Dropped, it stops at once.
pub struct RunningHistoryServer {
    client: Server,
    admin: Server,
    web: WebServer,
    _tasks: JoinSet<()>,
}

impl std::fmt::Debug for RunningHistoryServer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RunningHistoryServer")
            .field("http", &self.web.local_addr())
            .finish_non_exhaustive()
    }
}

impl RunningHistoryServer {
    /// Takes its ports, waits until the file system can be written to, and serves.
    ///
    /// # Errors
    /// Whatever keeps it from doing so, by name.
    pub async fn start(conf: Configuration) -> Result<Self, HistoryStartError> {
        const WEB: &str = "mapreduce.jobhistory.webapp.address";
        for notice in conf.notices() {
            tracing::warn!("{notice}");
        }
        let settings = HistorySettings::read(&conf)?;
        let client = Place::take(address("mapreduce.jobhistory.address", &settings.address)?)?;
        let admin = Place::take(address("mapreduce.jobhistory.admin.address", &settings.admin)?)?;
        let web = web_server(WEB, &settings.web, while_starting()).await?;
        let shelf = Arc::new(Shelf::new(conf.clone(), settings)?);
        let own = Arc::clone(&shelf);
        until_done(move || own.make_directories()).await?;
        let client = Server::serve(client, ServerLimits::default(), Arc::new(ClientDoor))?;
        let services = ServiceAccess::from_conf(&conf, &services::HISTORY).map_err(Error::from)?;
        let door = AdminDoor { shelf: Arc::clone(&shelf), services, runtime: Handle::current() };
        let admin = Server::serve(admin, ServerLimits::default(), Arc::new(door))?;
        web.replace(router(&conf, &shelf, &admin, &web));
        let mut tasks = JoinSet::new();
        tasks.spawn(put_away(Arc::clone(&shelf)));
        tasks.spawn(remove_old(shelf));
        tracing::info!("history server at {}, pages at {}", client.local_addr(), web.local_addr());
        Ok(Self { client, admin, web, _tasks: tasks })
    }

    /// Where its pages are.
    #[must_use]
    pub const fn http_address(&self) -> SocketAddr {
        self.web.local_addr()
    }

    /// Where job clients call, and are refused.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.client.local_addr()
    }

    /// Where operators call.
    #[must_use]
    pub const fn admin_address(&self) -> SocketAddr {
        self.admin.local_addr()
    }
}

fn while_starting() -> Router {
    Router::new().route_below("/", |_| async {
        let reason = "The history server is not RUNNING: it waits for its file system";
        Response::error(StatusCode::SERVICE_UNAVAILABLE, reason).header("Retry-After", "1")
    })
}

fn router(conf: &Configuration, shelf: &Arc<Shelf>, rpc: &Server, web: &WebServer) -> Router {
    const NAME: &str = "JobHistoryServer";
    let host = crate::daemon::host_name();
    let (rpc_port, web_port) = (rpc.local_addr().port(), web.local_addr().port());
    let beans: Vec<Arc<dyn BeanSource>> = vec![
        Arc::new(RpcBeans::new(NAME, host.clone(), rpc_port, rpc.metrics())),
        Arc::new(TrafficBeans::new(NAME, host.clone(), web_port, web.traffic())),
        Arc::new(ProcessBeans::new(NAME, host, SystemTime::now())),
    ];
    let daemon = Daemon {
        name: NAME.into(),
        beans: beans.into(),
        configuration: Arc::new(conf.clone()),
        log_levels: crate::daemon::log::levels(),
    };
    let own = Arc::clone(shelf);
    let pages = pages("JobHistory", "/ws/v1/history/mapreduce/jobs");
    let router = pages.route_below("/ws/v1/history", move |request: Request| {
        let shelf = Arc::clone(&own);
        async move {
            if !matches!(request.method, Method::GET | Method::HEAD) {
                return Response::error(StatusCode::METHOD_NOT_ALLOWED, "Method Not Allowed");
            }
            tokio::task::spawn_blocking(move || answer(&shelf, &request)).await.unwrap_or_else(
                |error| Response::error(StatusCode::INTERNAL_SERVER_ERROR, &error.to_string()),
            )
        }
    });
    standard_pages(router, daemon)
}

fn answer(shelf: &Shelf, request: &Request) -> Response {
    let path = request.path.strip_prefix("/ws/v1/history").unwrap_or_default();
    let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
    let found = match parts.as_slice() {
        [] | ["info"] => Ok(info(shelf.started())),
        below => answer_history(shelf, request, below),
    };
    respond(request, found)
}

fn info(started: i64) -> Value {
    let version = env!("CARGO_PKG_VERSION");
    json!({"historyInfo": {
        "startedOn": started,
        "hadoopVersion": version::HADOOP,
        "hadoopBuildVersion": format!("3.5.0 (Loxodon {version})"),
        "hadoopVersionBuiltOn": "",
    }})
}

/// Puts away what others leave.
async fn put_away(shelf: Arc<Shelf>) {
    loop {
        let own = Arc::clone(&shelf);
        match tokio::task::spawn_blocking(move || own.put_away(true)).await {
            Ok(Ok(0)) => {}
            Ok(Ok(count)) => tracing::info!("{count} histories were put away"),
            Ok(Err(error)) => tracing::warn!("histories are not put away: {error}"),
            Err(error) => tracing::warn!("histories are not put away: {error}"),
        }
        tokio::time::sleep(shelf.settings().move_every).await;
    }
}

/// Deletes old histories.
async fn remove_old(shelf: Arc<Shelf>) {
    loop {
        let Some(every) = shelf.settings().clean_every else {
            tokio::time::sleep(CLEANER_LOOK).await;
            continue;
        };
        let own = Arc::clone(&shelf);
        match tokio::task::spawn_blocking(move || own.remove_old()).await {
            Ok(Ok(0)) => {}
            Ok(Ok(count)) => tracing::info!("{count} old histories were deleted"),
            Ok(Err(error)) => tracing::warn!("old histories stay: {error}"),
            Err(error) => tracing::warn!("old histories stay: {error}"),
        }
        tokio::time::sleep(every).await;
    }
}

/// Runs a history server until it is told to end; the process's exit code. Messages go to standard error.
pub fn run(conf: Configuration, args: &[String]) -> i32 {
    crate::daemon::run_until_told(
        "history server",
        "mapred historyserver",
        args,
        RunningHistoryServer::start(conf),
    )
}

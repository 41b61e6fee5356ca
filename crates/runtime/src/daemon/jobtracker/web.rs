//! The JobTracker's web server.

use std::sync::Arc;
use std::time::SystemTime;

use loxodon_conf::Configuration;
use loxodon_rpc::server::Server;

use super::hub::Hub;
use crate::daemon::history::pages;
use crate::web::{
    Bean, BeanSource, Daemon, Method, ProcessBeans, Request, Response, Router, RpcBeans,
    StatusCode, TrafficBeans, WebServer, standard_pages,
};

/// Pages of the JobTracker behind `hub`, whose calls come in at `server`.
pub(super) fn router(
    conf: &Configuration,
    hub: &Arc<Hub>,
    server: &Server,
    web: &WebServer,
) -> Router {
    let host = crate::daemon::host_name();
    let beans: Vec<Arc<dyn BeanSource>> = vec![
        Arc::new(JobTrackerBeans(Arc::clone(hub))),
        Arc::new(RpcBeans::new(
            "JobTracker",
            host.clone(),
            server.local_addr().port(),
            server.metrics(),
        )),
        Arc::new(TrafficBeans::new(
            "JobTracker",
            host.clone(),
            web.local_addr().port(),
            web.traffic(),
        )),
        Arc::new(ProcessBeans::new("JobTracker", host, SystemTime::now())),
    ];
    let daemon = Daemon {
        name: "JobTracker".into(),
        beans: beans.into(),
        configuration: Arc::new(conf.clone()),
        log_levels: crate::daemon::log::levels(),
    };
    let own = Arc::clone(hub);
    let router = pages("JobTracker", "/ws/v1/mapreduce/jobs").route_below(
        "/ws/v1",
        move |request: Request| {
            let hub = Arc::clone(&own);
            async move {
                if !matches!(request.method, Method::GET | Method::HEAD) {
                    return Response::error(StatusCode::METHOD_NOT_ALLOWED, "Method Not Allowed");
                }
                let answer = move || super::rest::answer(&hub, &request);
                tokio::task::spawn_blocking(answer).await.unwrap_or_else(|error| {
                    Response::error(StatusCode::INTERNAL_SERVER_ERROR, &error.to_string())
                })
            }
        },
    );
    standard_pages(router, daemon)
}

struct JobTrackerBeans(Arc<Hub>);

impl BeanSource for JobTrackerBeans {
    fn beans(&self) -> Vec<Bean> {
        let hub = &self.0;
        let (metrics, running) =
            hub.with(|machine| (machine.metrics(), machine.running_jobs().len()));
        let held = hub.held.lock().len();
        let class = "org.apache.hadoop.mapred.JobTracker";
        vec![
            Bean::new("Hadoop:service=JobTracker,name=JobTrackerInfo", class)
                .with("Hostname", crate::daemon::host_name())
                .with("Version", env!("CARGO_PKG_VERSION"))
                .with("StartTime", hub.started())
                .with("JobsRunning", running)
                .with("JobsSubmitted", metrics.submissions)
                .with("AliveNodes", metrics.trackers)
                .with("BlacklistedNodes", metrics.blacklisted_trackers)
                .with("ExcludedNodes", metrics.decommissioned_trackers)
                .with("MapSlots", metrics.map_slots)
                .with("ReduceSlots", metrics.reduce_slots)
                .with("RunningMaps", metrics.running_maps)
                .with("RunningReduces", metrics.running_reduces)
                .with("MemoryMB", metrics.memory_mb)
                .with("UsedMemoryMB", metrics.used_memory_mb)
                .with("VCores", metrics.cores)
                .with("UsedVCores", metrics.used_cores)
                .with("HeldHeartbeats", held),
        ]
    }
}

//! The NameNode's web server: beans, images for others, file system checks.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::SystemTime;

use loxodon_conf::Configuration;
use loxodon_rpc::metrics::ServerMetrics;
use loxodon_rpc::server::Server;

use super::activity::ActivityBeans;
use super::beans::NameNodeBeans;
use super::door::Door;
use super::progress::Progress;
use crate::web::look::{Page, with_page};
use crate::web::{
    BeanSource, Daemon, LogLevels, ProcessBeans, Response, Router, RpcBeans, StatusCode,
    TrafficBeans, WebServer, is_active_page, standard_pages,
};

const PAGE: Page<'_> = Page {
    daemon: "NameNode",
    icon: "M8 3v4M4 12V9h8v3",
    links: &[("/startupProgress", "Startup")],
    data: "/jmx",
    scripts: &[("/static/page.js", include_str!("page.js"))],
};

/// Where calls come in, and what is counted there.
pub(crate) struct Calls<'a> {
    /// The address that clients know.
    pub(crate) at: SocketAddr,
    /// Of that address.
    pub(crate) metrics: Arc<ServerMetrics>,
    /// The address of DataNodes and administrators, if it is another.
    pub(crate) service: Option<&'a Server>,
}

/// What is shown while the NameNode starts and when it serves.
pub(crate) struct Site {
    conf: Arc<Configuration>,
    levels: Arc<LogLevels>,
    progress: Arc<Progress>,
    process: Arc<ProcessBeans>,
}

impl Site {
    /// Of a NameNode that begins to start now.
    pub(crate) fn new(
        conf: &Configuration,
        levels: Option<Arc<LogLevels>>,
        progress: Arc<Progress>,
    ) -> Self {
        let host = crate::daemon::host_name();
        Self {
            conf: Arc::new(conf.clone()),
            levels: levels.unwrap_or_else(crate::daemon::log::levels),
            progress,
            process: Arc::new(ProcessBeans::new("NameNode", host, SystemTime::now())),
        }
    }

    /// Pages while image and edits are read: what is known already, and for the rest that it must
    /// be asked for again.
    pub(crate) fn while_starting(&self) -> Router {
        let router = self.common(Router::new(), Vec::new(), false);
        router.route_below("/", |_| async {
            let reason = "NameNode still not started";
            Response::error(StatusCode::SERVICE_UNAVAILABLE, reason).header("Retry-After", "1")
        })
    }

    /// Pages of the NameNode behind `door`.
    pub(crate) fn while_serving(
        &self,
        door: &Arc<Door>,
        calls: &Calls<'_>,
        web: &WebServer,
    ) -> Router {
        let (rpc, metrics) = (calls.at, Arc::clone(&calls.metrics));
        let host = crate::daemon::host_name();
        let traffic =
            TrafficBeans::new("NameNode", host.clone(), web.local_addr().port(), web.traffic());
        let mut beans: Vec<Arc<dyn BeanSource>> = vec![
            Arc::new(NameNodeBeans::new(Arc::clone(door), rpc)),
            Arc::new(ActivityBeans::new(Arc::clone(door), Arc::clone(&metrics))),
            Arc::new(RpcBeans::new("NameNode", host.clone(), rpc.port(), metrics)),
            Arc::new(traffic),
        ];
        if let Some(service) = calls.service {
            let (port, metrics) = (service.local_addr().port(), service.metrics());
            beans.push(Arc::new(RpcBeans::new("NameNode", host, port, metrics)));
        }
        let router = super::fsck::pages(Router::new(), door, rpc);
        let router = super::transfer::pages(router, door);
        let router = super::topology::pages(router, door);
        self.common(router, beans, true)
    }

    fn common(
        &self,
        router: Router,
        mut beans: Vec<Arc<dyn BeanSource>>,
        is_active: bool,
    ) -> Router {
        beans.push(Arc::clone(&self.progress) as _);
        beans.push(Arc::clone(&self.process) as _);
        let progress = Arc::clone(&self.progress);
        let router = with_page(router, &["/"], &PAGE)
            .page("/isActive", is_active_page(move || is_active))
            .page("/startupProgress", move |_| progress.page());
        let daemon = Daemon {
            name: "NameNode".into(),
            beans: beans.into(),
            configuration: Arc::clone(&self.conf),
            log_levels: Arc::clone(&self.levels),
        };
        standard_pages(router, daemon)
    }
}

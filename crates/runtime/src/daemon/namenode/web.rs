//! The NameNode's web server: beans, images for others, file system checks.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::SystemTime;

use loxodon_conf::Configuration;
use loxodon_rpc::metrics::ServerMetrics;

use super::activity::ActivityBeans;
use super::address::Listen;
use super::beans::NameNodeBeans;
use super::door::Door;
use crate::web::{
    Daemon, LogLevels, ProcessBeans, Router, RpcBeans, WebLimits, WebServer, is_active_page,
    standard_pages,
};

/// Listens and serves.
pub(crate) async fn start(
    door: &Arc<Door>,
    conf: &Configuration,
    listen: &Listen,
    rpc: SocketAddr,
    metrics: Arc<ServerMetrics>,
    log_levels: Option<Arc<LogLevels>>,
) -> io::Result<WebServer> {
    let host = crate::daemon::host_name();
    let beans: Vec<Arc<dyn crate::web::BeanSource>> = vec![
        Arc::new(NameNodeBeans::new(Arc::clone(door), rpc)),
        Arc::new(ActivityBeans::new(Arc::clone(door), Arc::clone(&metrics))),
        Arc::new(RpcBeans::new("NameNode", host.clone(), rpc.port(), metrics)),
        Arc::new(ProcessBeans::new("NameNode", host, SystemTime::now())),
    ];
    let daemon = Daemon {
        name: "NameNode".into(),
        beans: beans.into(),
        configuration: Arc::new(conf.clone()),
        log_levels: log_levels.unwrap_or_else(crate::daemon::log::levels),
    };
    let router = Router::new().page("/isActive", is_active_page(|| true));
    let router = super::fsck::pages(router, door);
    let router = super::transfer::pages(router, door);
    WebServer::bind(listen.bind, WebLimits::default(), standard_pages(router, daemon)).await
}

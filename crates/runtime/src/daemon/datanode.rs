//! The DataNode daemon: the node, its web server, its end.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::SystemTime;

use loxodon_conf::{ConfError, Configuration, keys};
use loxodon_console::eprintln;
use loxodon_datanode::{DataNode, DataNodeError, DataNodeSettings, GroupLookup};
use loxodon_namenode::users::GroupSource;
use loxodon_rpc::server::ServiceAccess;

use super::address::{AddressError, address};
use super::datanode_beans::DataNodeBeans;
use super::namenode::ConfiguredGroups;
use crate::web::look::{Page, with_page};
use crate::web::{BeanSource, Daemon, ProcessBeans, Router, WebLimits, WebServer, standard_pages};

/// Why a DataNode does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// A configuration value does not parse.
    #[error(transparent)]
    Conf(#[from] ConfError),
    /// The node itself.
    #[error(transparent)]
    Node(#[from] DataNodeError),
    /// The web server's address is not known.
    #[error(transparent)]
    Address(#[from] AddressError),
    /// The web port.
    #[error("Problem binding to [{address}] java.net.BindException: {source}")]
    Web {
        /// Where.
        address: SocketAddr,
        /// What the system says.
        source: std::io::Error,
    },
}

/// A DataNode that serves. Dropped, it stops at once, as if it were killed.
pub struct RunningDataNode {
    node: DataNode,
    web: WebServer,
}

impl std::fmt::Debug for RunningDataNode {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let address = self.node.transfer_address();
        f.debug_struct("RunningDataNode").field("transfer", &address).finish_non_exhaustive()
    }
}

impl RunningDataNode {
    /// Opens volumes and sockets; registration goes on in the background.
    ///
    /// # Errors
    /// Whatever keeps it from doing so, by name.
    pub async fn start(conf: Configuration) -> Result<Self, StartError> {
        for notice in conf.notices() {
            tracing::warn!("{notice}");
        }
        super::refused::by_datanode(&conf)?;
        let address = web_address(&conf)?;
        let user = super::process_user();
        let mut settings = DataNodeSettings::from_conf(&conf, &user)?;
        let groups = ConfiguredGroups::from_conf(&conf)?;
        settings.groups_of = GroupLookup::new(move |user| groups.groups_of(user));
        settings.access = ServiceAccess::from_conf(&conf, &super::services::HDFS)?.map(Arc::new);
        let beans = Arc::new(DataNodeBeans::default());
        let router = router(&conf, Arc::clone(&beans));
        let web = WebServer::bind(address, WebLimits::default(), router)
            .await
            .map_err(|source| StartError::Web { address, source })?;
        settings.info_port = web.local_addr().port();
        let node = DataNode::start(settings).await?;
        beans.show(&node, web.traffic());
        Ok(Self { node, web })
    }

    /// Where blocks are transferred.
    #[must_use]
    pub fn transfer_address(&self) -> SocketAddr {
        self.node.transfer_address()
    }

    /// Where web pages are asked for.
    #[must_use]
    pub const fn http_address(&self) -> SocketAddr {
        self.web.local_addr()
    }

    /// Waits until the process is told to end or the DataNode cannot go on; the exit code.
    pub async fn wait(&self) -> i32 {
        tokio::select! {
            reason = self.node.ended() => {
                if self.node.shutdown_wanted() {
                    return 0;
                }
                tracing::error!("{reason}");
                eprintln!("{reason}");
                1
            }
            () = super::told_to_end() => 0,
        }
    }

    /// Stops in order: what the next start needs is saved.
    pub async fn stop(self) {
        let Self { node, web } = self;
        node.shutdown().await;
        drop(web);
    }
}

/// Runs a DataNode until it ends; the process's exit code. Messages go to standard error.
pub fn run(conf: Configuration, args: &[String]) -> i32 {
    if args.iter().any(|arg| arg != "-regular") {
        eprintln!("Usage: hdfs datanode [-regular]");
        return 1;
    }
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("Exception in secureMain\n{error}");
            return 1;
        }
    };
    runtime.block_on(async {
        // Heard from the first moment on, so that a start is always followed by an orderly end.
        let told = super::told_to_end();
        let node = match RunningDataNode::start(conf).await {
            Ok(node) => node,
            Err(error) => {
                tracing::error!("{error}");
                eprintln!("Exception in secureMain\n{error}");
                return 1;
            }
        };
        let code = tokio::select! {
            code = node.wait() => code,
            () = told => 0,
        };
        node.stop().await;
        code
    })
}

fn web_address(conf: &Configuration) -> Result<SocketAddr, StartError> {
    let name = keys::DATANODE_HTTP_ADDRESS.name;
    let value = conf.text(&keys::DATANODE_HTTP_ADDRESS)?.unwrap_or_default();
    Ok(address(name, &value)?)
}

const PAGE: Page<'_> = Page {
    daemon: "DataNode",
    icon: "M8 3v4M4 12V9h8v3",
    links: &[],
    data: "/jmx",
    scripts: &[("/static/page.js", include_str!("datanode_page.js"))],
};

fn router(conf: &Configuration, beans: Arc<DataNodeBeans>) -> Router {
    let process = ProcessBeans::new("DataNode", super::host_name(), SystemTime::now());
    let sources: Vec<Arc<dyn BeanSource>> = vec![beans, Arc::new(process)];
    let daemon = Daemon {
        name: "DataNode".into(),
        beans: sources.into(),
        configuration: Arc::new(conf.clone()),
        log_levels: super::log::levels(),
    };
    standard_pages(with_page(Router::new(), &["/"], &PAGE), daemon)
}

//! A connection to a file system: its NameNodes, its peers, what it has open.

use std::sync::{Arc, OnceLock};
use std::time::Instant;

use loxodon_conf::Configuration;
use loxodon_rpc::client::{CallOptions, ClientSettings, RpcClient, ServerAddress};
use loxodon_wire::rpc::UserIdentity;
use loxodon_wire::rpc::protocol;

use crate::error::Result;
use crate::lease::LeaseRenewer;
use crate::namenode::{NameNodes, describe};
use crate::nameservice::NameNodeAddresses;
use crate::peer::PeerCache;
use crate::retry::RetryPolicy;
use crate::settings::Settings;
use crate::types::{DatanodeInfo, ServerDefaults};
use crate::writer::ExcludedNodes;

/// A file system. Cheap to clone; clones share connections, leases and the client's name.
///
/// ```no_run
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// use loxodon_client::{Client, CreateOptions, UserIdentity};
/// use loxodon_conf::Configuration;
///
/// let user = UserIdentity::new("alice");
/// let fs = Client::connect(&Configuration::new(), "hdfs://localhost:9000", user)?;
/// let mut file = fs.create("/greeting", CreateOptions::default()).await?;
/// file.write_all(b"hello").await?;
/// file.close().await?;
/// # Ok(()) }
/// ```
#[derive(Clone, Debug)]
pub struct Client {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    uri: String,
    authority: String,
    user: UserIdentity,
    name: String,
    settings: Settings,
    name_nodes: Arc<NameNodes>,
    server_defaults: std::sync::Mutex<Option<(ServerDefaults, Instant)>>,
    peers: PeerCache,
    excluded_nodes: ExcludedNodes,
    lease_renewer: OnceLock<LeaseRenewer>,
    hedged_permits: Arc<tokio::sync::Semaphore>,
}

impl Client {
    /// Makes a client of the file system at `uri` (`hdfs://host:port` or `hdfs://nameservice`)
    /// for a user. Nothing is sent yet.
    ///
    /// # Errors
    /// A URI or configuration that makes no sense.
    pub fn connect(conf: &Configuration, uri: &str, user: UserIdentity) -> Result<Self> {
        let mut settings = Settings::from_configuration(conf)?;
        let addresses = NameNodeAddresses::resolve(conf, uri)?;
        settings.of_nameservice(conf, &addresses.authority)?;
        let rpc_settings = rpc_settings(&settings, addresses.highly_available);
        let rpc = RpcClient::new(rpc_settings, Arc::new(user.clone()));
        Ok(Self::assemble(settings, addresses, uri, user, rpc))
    }

    fn assemble(
        settings: Settings,
        addresses: NameNodeAddresses,
        uri: &str,
        user: UserIdentity,
        rpc: RpcClient,
    ) -> Self {
        let policy = retry_policy(&settings, addresses.highly_available);
        let servers: Vec<_> =
            addresses.name_nodes.into_iter().map(|(_, address)| address).collect();
        let first = match settings.failover_random_order {
            true => fastrand::usize(..servers.len().max(1)),
            false => 0,
        };
        let scheme_and_authority = format!("hdfs://{}", addresses.authority);
        // `DFSClient`'s own pattern: tools look for the prefix in lease listings.
        let name = format!("DFSClient_NONMAPREDUCE_{}_{}", fastrand::i32(..), std::process::id());
        tracing::debug!(%name, %uri, user = %user.effective, "client");
        Self {
            inner: Arc::new(Inner {
                uri: scheme_and_authority,
                authority: addresses.authority,
                user,
                name,
                name_nodes: Arc::new(NameNodes::new(rpc, servers, first, policy)),
                server_defaults: std::sync::Mutex::new(None),
                peers: PeerCache::new(settings.peer_cache_capacity, settings.peer_cache_expiry),
                excluded_nodes: ExcludedNodes::new(settings.excluded_expiry),
                lease_renewer: OnceLock::new(),
                hedged_permits: Arc::new(tokio::sync::Semaphore::new(settings.hedged_reads)),
                settings,
            }),
        }
    }

    /// `hdfs://` and the authority.
    #[must_use]
    pub fn uri(&self) -> &str {
        &self.inner.uri
    }

    /// The nameservice, or `host:port`.
    #[must_use]
    pub fn authority(&self) -> &str {
        &self.inner.authority
    }

    /// On whose behalf calls are made.
    #[must_use]
    pub fn user(&self) -> &UserIdentity {
        &self.inner.user
    }

    /// The name under which this client holds leases.
    #[must_use]
    pub fn client_name(&self) -> &str {
        &self.inner.name
    }

    /// The user's home directory (`/user/alice`).
    #[must_use]
    pub fn home_directory(&self) -> String {
        let prefix = self.inner.settings.home_prefix.trim_end_matches('/');
        format!("{prefix}/{}", self.inner.user.effective)
    }

    /// One client for each NameNode behind this one's name, without failover: for orders that
    /// each of them must get.
    #[must_use]
    pub fn each_name_node(&self) -> Vec<Self> {
        let rpc = self.inner.name_nodes.rpc();
        let each = self.inner.name_nodes.addresses().iter();
        each.map(|address| {
            let authority = format!("{}:{}", address.host, address.port);
            let uri = format!("hdfs://{authority}");
            let one = NameNodeAddresses {
                authority,
                highly_available: false,
                name_nodes: vec![(String::new(), address.clone())],
            };
            Self::assemble(
                self.inner.settings.clone(),
                one,
                &uri,
                self.inner.user.clone(),
                rpc.clone(),
            )
        })
        .collect()
    }

    pub(crate) fn settings(&self) -> &Settings {
        &self.inner.settings
    }

    pub(crate) fn name_nodes(&self) -> &NameNodes {
        &self.inner.name_nodes
    }

    pub(crate) fn peers(&self) -> &PeerCache {
        &self.inner.peers
    }

    pub(crate) fn excluded_nodes(&self) -> &ExcludedNodes {
        &self.inner.excluded_nodes
    }

    pub(crate) fn hedged_permits(&self) -> &Arc<tokio::sync::Semaphore> {
        &self.inner.hedged_permits
    }

    pub(crate) fn lease_renewer(&self) -> &LeaseRenewer {
        self.inner.lease_renewer.get_or_init(|| {
            LeaseRenewer::new(
                Arc::clone(&self.inner.name_nodes),
                self.inner.name.clone(),
                self.inner.settings.lease_hard_limit,
            )
        })
    }

    pub(crate) fn cached_server_defaults(&self) -> Option<(ServerDefaults, Instant)> {
        self.inner.server_defaults.lock().ok().and_then(|cached| cached.clone())
    }

    pub(crate) fn cache_server_defaults(&self, defaults: ServerDefaults, now: Instant) {
        if let Ok(mut cached) = self.inner.server_defaults.lock() {
            *cached = Some((defaults, now));
        }
    }

    /// A call to a DataNode's RPC server.
    pub(crate) async fn datanode_call<Q, A>(
        &self,
        datanode: &DatanodeInfo,
        method: &'static str,
        request: &Q,
    ) -> Result<A>
    where
        Q: prost::Message,
        A: prost::Message + Default,
    {
        let host = self.datanode_host(datanode);
        let address = ServerAddress::new(host, datanode.ipc_port);
        let options = CallOptions {
            timeout: Some(self.inner.settings.socket_timeout).filter(|limit| !limit.is_zero()),
            ..CallOptions::default()
        };
        self.inner
            .name_nodes
            .rpc()
            .call(&address, &protocol::CLIENT_DATANODE, method, request, options)
            .await
            .map_err(|error| describe(&error))
    }

    /// Name or address under which a DataNode is reached (`dfs.client.use.datanode.hostname`).
    pub(crate) fn datanode_host<'a>(&self, datanode: &'a DatanodeInfo) -> &'a str {
        if self.inner.settings.use_datanode_hostname { &datanode.host } else { &datanode.ip }
    }
}

fn retry_policy(settings: &Settings, highly_available: bool) -> RetryPolicy {
    RetryPolicy {
        highly_available,
        max_failovers: settings.max_failovers,
        max_retries: settings.max_retries,
        sleep_base: settings.failover_sleep_base,
        sleep_max: settings.failover_sleep_max,
        linear: settings.linear_retries.clone(),
    }
}

/// With several NameNodes it is better to try the next one than to insist. One that refuses is not
/// tried again: `NameNodeProxiesClient` gives the connection the calls' own policy, which without
/// `dfs.client.retry.policy.enabled` is to try once. One that does not answer is.
fn rpc_settings(settings: &Settings, highly_available: bool) -> ClientSettings {
    let (connect_retries, connect_retries_on_timeout) = if highly_available {
        (settings.failover_connect_retries, settings.failover_connect_retries_on_timeout)
    } else {
        (0, settings.rpc.connect_retries_on_timeout)
    };
    ClientSettings { connect_retries, connect_retries_on_timeout, ..settings.rpc.clone() }
}

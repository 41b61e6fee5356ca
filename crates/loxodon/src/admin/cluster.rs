//! The cluster that a configuration names.

use loxodon_client::{Client, NameNodeAddresses};
use loxodon_conf::{Configuration, keys};
use loxodon_rpc::client::ServerAddress;
use tokio::runtime::{Builder, Runtime};

use crate::shell::{Failure, current_user, normalize, require_known_host};

/// A client of the default file system and where its calls are waited for.
#[derive(Debug)]
pub(crate) struct Cluster {
    /// The configuration.
    pub(crate) conf: Configuration,
    /// The client.
    pub(crate) client: Client,
    /// The NameNodes behind its name.
    pub(crate) addresses: NameNodeAddresses,
    runtime: Runtime,
}

impl Cluster {
    /// The cluster of `fs.defaultFS`.
    ///
    /// # Errors
    /// A default file system that is not HDFS.
    pub(crate) fn of(conf: Configuration) -> Result<Self, Failure> {
        let uri = conf.text(&keys::DEFAULT_FS)?.unwrap_or_default();
        if !uri.starts_with("hdfs://") {
            return Err(Failure::Illegal(format!("FileSystem {uri} is not an HDFS file system")));
        }
        let runtime = Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|e| Failure::io(format!("cannot start: {e}")))?;
        let addresses = NameNodeAddresses::resolve(&conf, &uri)?;
        require_known_host(&addresses)?;
        let client = Client::connect(&conf, &uri, current_user())?;
        Ok(Self { conf, client, addresses, runtime })
    }

    /// Waits for a call.
    pub(crate) fn wait<T>(
        &self,
        call: impl Future<Output = loxodon_client::Result<T>>,
    ) -> Result<T, Failure> {
        Ok(self.runtime.block_on(call)?)
    }

    /// Waits for anything.
    pub(crate) fn block_on<T>(&self, future: impl Future<Output = T>) -> T {
        self.runtime.block_on(future)
    }

    /// A path without scheme and host, from the home directory where it is relative.
    pub(crate) fn absolute(&self, path: &str) -> String {
        let path = match path.split_once("://") {
            Some((_, rest)) => rest.find('/').map_or("/", |slash| rest.get(slash..).unwrap_or("/")),
            None => path,
        };
        if path.starts_with('/') {
            return normalize(path);
        }
        normalize(&format!("{}/{path}", self.client.home_directory()))
    }

    /// The active NameNode: its id and where it takes calls.
    ///
    /// # Errors
    /// Where no NameNode is active.
    pub(crate) fn active(&self) -> Result<&(String, ServerAddress), Failure> {
        let mut chosen = self.addresses.name_nodes.first();
        if self.addresses.highly_available {
            let each = self.client.each_name_node();
            let active = each.iter().zip(&self.addresses.name_nodes).find(|(client, _)| {
                let state = self.wait(client.ha_service_state());
                state.is_ok_and(|state| state.name().eq_ignore_ascii_case("active"))
            });
            chosen = active.map(|(_, named)| named);
        }
        chosen.ok_or_else(|| Failure::io("no NameNode is active"))
    }

    /// Host and port of the active NameNode's web server.
    ///
    /// # Errors
    /// Where no NameNode is active.
    pub(crate) fn web_address(&self) -> Result<String, Failure> {
        let (id, rpc) = self.active()?;
        let service = self.addresses.authority.as_str();
        let suffixes: &[&str] = if self.addresses.highly_available { &[service, id] } else { &[] };
        let configured = self.conf.suffixed(&keys::NAMENODE_HTTP_ADDRESS, suffixes)?;
        let address = configured.unwrap_or_else(|| keys::NAMENODE_HTTP_ADDRESS.default.to_owned());
        // A wildcard is where the server listens; it is reached where its calls are.
        Ok(match address.strip_prefix("0.0.0.0:") {
            Some(port) => format!("{}:{port}", rpc.host),
            None => address,
        })
    }
}

//! Where the NameNode listens, as the configuration says it.

use std::net::{SocketAddr, ToSocketAddrs};

use loxodon_conf::{ConfError, Configuration, Key, keys};

/// The port of `hdfs://host` without one.
const DEFAULT_RPC_PORT: u16 = 8020;

/// An address that cannot be listened on.
#[derive(Debug, thiserror::Error)]
pub(crate) enum AddressError {
    /// Neither `dfs.namenode.rpc-address` nor an `hdfs://` file system is configured.
    #[error("Invalid URI for NameNode address (check fs.defaultFS): {0} has no authority.")]
    NotHdfs(String),
    /// Not `host:port`.
    #[error("{name} is {value:?}, which is not of the form host:port")]
    Malformed {
        /// Which key.
        name: &'static str,
        /// Its value.
        value: String,
    },
    /// The host's name is not known.
    #[error("{name} is {value:?}, and the host is not known: {source}")]
    Unknown {
        /// Which key.
        name: &'static str,
        /// Its value.
        value: String,
        /// What the resolver says.
        source: std::io::Error,
    },
    /// The configuration does not parse.
    #[error(transparent)]
    Conf(#[from] ConfError),
}

/// A place to listen: what clients call it, and what the system is asked for.
#[derive(Clone, Debug)]
pub(crate) struct Listen {
    /// The host's name as configured.
    pub(crate) host: String,
    /// Where to bind.
    pub(crate) bind: SocketAddr,
}

/// Where calls come in: `dfs.namenode.rpc-address`, else the authority of `fs.defaultFS`.
pub(crate) fn rpc(conf: &Configuration) -> Result<Listen, AddressError> {
    let name = keys::NAMENODE_RPC_ADDRESS.name;
    let value = match conf.text(&keys::NAMENODE_RPC_ADDRESS)? {
        Some(value) => value,
        None => {
            let uri = conf.text(&keys::DEFAULT_FS)?.unwrap_or_default();
            let authority = uri
                .strip_prefix("hdfs://")
                .map(|rest| rest.split('/').next().unwrap_or_default().to_owned());
            authority.filter(|it| !it.is_empty()).ok_or(AddressError::NotHdfs(uri))?
        }
    };
    let bind_host = conf.text(&keys::NAMENODE_RPC_BIND_HOST)?;
    listen(name, &value, bind_host.as_deref(), DEFAULT_RPC_PORT)
}

/// Where web pages are asked for: `dfs.namenode.http-address`.
pub(crate) fn http(conf: &Configuration) -> Result<Listen, AddressError> {
    let value = conf.text(&keys::NAMENODE_HTTP_ADDRESS)?.unwrap_or_default();
    let bind_host = conf.text(&keys::NAMENODE_HTTP_BIND_HOST)?;
    listen(keys::NAMENODE_HTTP_ADDRESS.name, &value, bind_host.as_deref(), 9870)
}

/// Where lifelines come in: `dfs.namenode.lifeline.rpc-address`, if it is set.
pub(crate) fn lifeline(conf: &Configuration) -> Result<Option<Listen>, AddressError> {
    if_set(conf, &keys::NAMENODE_LIFELINE_ADDRESS, &keys::NAMENODE_LIFELINE_BIND_HOST)
}

/// Where DataNodes and administrators call: `dfs.namenode.servicerpc-address`, if it is set.
pub(crate) fn service(conf: &Configuration) -> Result<Option<Listen>, AddressError> {
    if_set(conf, &keys::NAMENODE_SERVICE_RPC_ADDRESS, &keys::NAMENODE_SERVICE_RPC_BIND_HOST)
}

fn if_set(
    conf: &Configuration,
    address: &Key,
    bind_host: &Key,
) -> Result<Option<Listen>, AddressError> {
    let name = address.name;
    let value = conf.text(address)?.unwrap_or_default();
    if value.is_empty() {
        return Ok(None);
    }
    if !value.contains(':') {
        return Err(AddressError::Malformed { name, value });
    }
    let bind_host = conf.text(bind_host)?;
    listen(name, &value, bind_host.as_deref(), 0).map(Some)
}

fn listen(
    name: &'static str,
    value: &str,
    bind_host: Option<&str>,
    default_port: u16,
) -> Result<Listen, AddressError> {
    let malformed = || AddressError::Malformed { name, value: value.to_owned() };
    let (host, port) = match value.rsplit_once(':') {
        Some((host, port)) => (host, port.parse().map_err(|_| malformed())?),
        None => (value, default_port),
    };
    let host = host.trim_start_matches('[').trim_end_matches(']');
    if host.is_empty() {
        return Err(malformed());
    }
    let bind = bind_host.filter(|it| !it.is_empty()).unwrap_or(host);
    let unknown = |source| AddressError::Unknown { name, value: value.to_owned(), source };
    let mut addresses = (bind, port).to_socket_addrs().map_err(unknown)?;
    let bind = addresses
        .next()
        .ok_or_else(|| unknown(std::io::Error::from(std::io::ErrorKind::NotFound)))?;
    Ok(Listen { host: host.to_owned(), bind })
}

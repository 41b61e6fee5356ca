//! Which DataNodes may register and which are to leave: the include and exclude files (`dfs.hosts`,
//! `dfs.hosts.exclude`), or one JSON file with a state for each host.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use loxodon_cluster::{AdminState, HostEntry, HostLists, HostProperties};
use loxodon_conf::{ConfError, Configuration, keys};
use loxodon_namenode::Now;
use loxodon_wire::ids::Milliseconds;
use serde_json::Value;

/// Values of `dfs.namenode.hosts.provider.classname`, without their package.
const PROVIDERS: [&str; 2] = ["HostFileManager", "CombinedHostFileManager"];
const PACKAGE: &str = "org.apache.hadoop.hdfs.server.blockmanagement.";

/// Where the lists are; they are read at start and on `refreshNodes`.
#[derive(Clone, Debug)]
pub(crate) enum HostFiles {
    /// Names, a file for each list (`HostFileManager`).
    Lists {
        /// Who may register.
        include: Option<PathBuf>,
        /// Who is to be decommissioned.
        exclude: Option<PathBuf>,
    },
    /// JSON (`CombinedHostFileManager`).
    Combined(Option<PathBuf>),
}

/// A list that cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("cannot read the list of hosts {path}: {reason}")]
pub(crate) struct HostsError {
    path: String,
    reason: String,
}

impl HostFiles {
    /// As the configuration has it.
    pub(crate) fn from_conf(conf: &Configuration) -> Result<Self, ConfError> {
        let file = |key| Ok::<_, ConfError>(conf.text(key)?.map(PathBuf::from));
        let names = PROVIDERS.map(|name| format!("{PACKAGE}{name}"));
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        Ok(match conf.choice(&keys::HOSTS_PROVIDER, &names)? {
            0 => Self::Lists { include: file(&keys::HOSTS)?, exclude: file(&keys::HOSTS_EXCLUDE)? },
            _ => Self::Combined(file(&keys::HOSTS)?),
        })
    }

    /// The lists as they are now.
    pub(crate) fn read(&self, now: Now) -> Result<HostLists, HostsError> {
        match self {
            Self::Lists { include, exclude } => {
                let words = |file: &Option<PathBuf>| {
                    let text = file.as_deref().map(read).transpose()?.unwrap_or_default();
                    Ok::<_, HostsError>(HostLists::parse_file(&text))
                };
                Ok(HostLists::from_entries(words(include)?, words(exclude)?))
            }
            Self::Combined(None) => Ok(HostLists::default()),
            Self::Combined(Some(path)) => combined(path, now),
        }
    }
}

fn read(path: &Path) -> Result<String, HostsError> {
    std::fs::read_to_string(path).map_err(|source| HostsError {
        path: path.display().to_string(),
        reason: source.to_string(),
    })
}

/// A file that is missing or empty names nobody (`CombinedHostsFileReader`).
fn combined(path: &Path, now: Now) -> Result<HostLists, HostsError> {
    let text = match std::fs::metadata(path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new(),
        _ => read(path)?,
    };
    if text.trim().is_empty() {
        tracing::warn!("{} is empty: every DataNode may register", path.display());
    }
    parse_combined(&text, now)
        .map_err(|reason| HostsError { path: path.display().to_string(), reason })
}

/// An array of hosts, or, as in earlier versions, one host after the other.
pub(crate) fn parse_combined(text: &str, now: Now) -> Result<HostLists, String> {
    let mut lists = HostLists::default();
    for value in serde_json::Deserializer::from_str(text).into_iter::<Value>() {
        let hosts = match value.map_err(|error| error.to_string())? {
            Value::Array(hosts) => hosts,
            host => vec![host],
        };
        for host in &hosts {
            let (entry, properties) = one_host(host, now)?;
            lists.insert(entry, properties);
        }
    }
    Ok(lists)
}

fn one_host(host: &Value, now: Now) -> Result<(HostEntry, HostProperties), String> {
    let fields = host.as_object().ok_or_else(|| format!("{host} is not a host"))?;
    let mut entry = HostEntry { host: String::new(), port: 0 };
    let mut properties = HostProperties::default();
    for (name, value) in fields {
        let wrong = |wanted: &str| format!("{name} is {value}, not {wanted}");
        let text = || value.as_str().ok_or_else(|| wrong("a string"));
        match name.as_str() {
            "hostName" => entry.host = text()?.trim().to_ascii_lowercase(),
            "port" => {
                let port = number(value).and_then(|port| u16::try_from(port).ok());
                entry.port = port.ok_or_else(|| wrong("a port"))?;
            }
            "upgradeDomain" if value.is_null() => {}
            "upgradeDomain" => properties.upgrade_domain = Some(Arc::from(text()?)),
            "adminState" => {
                properties.admin_state = match text()? {
                    "NORMAL" => AdminState::Normal,
                    "DECOMMISSIONED" => AdminState::Decommissioned,
                    "IN_MAINTENANCE" => AdminState::InMaintenance,
                    _ => return Err(wrong("NORMAL, DECOMMISSIONED or IN_MAINTENANCE")),
                }
            }
            "maintenanceExpireTimeInMS" => {
                let end = number(value).ok_or_else(|| wrong("milliseconds since 1970"))?;
                properties.maintenance_expires = (end != i64::MAX).then(|| monotonic(end, now));
            }
            _ => return Err(format!("a host has no property {name}")),
        }
    }
    if entry.host.is_empty() {
        return Err(format!("{host} has no hostName"));
    }
    Ok((entry, properties))
}

/// Jackson takes numbers in quotes as well.
fn number(value: &Value) -> Option<i64> {
    value.as_i64().or_else(|| value.as_str()?.trim().parse().ok())
}

/// A moment since the epoch on the clock that never goes back.
fn monotonic(wall: i64, now: Now) -> Milliseconds {
    let left = u64::try_from(wall).unwrap_or_default().saturating_sub(now.wall.0);
    Milliseconds(now.monotonic.0.saturating_add(left))
}

#[cfg(test)]
mod tests {
    use loxodon_cluster::DatanodeId;

    use super::*;

    const NOW: Now = Now { wall: Milliseconds(1000), monotonic: Milliseconds(50) };

    fn node(host: &str, port: u16) -> DatanodeId {
        DatanodeId {
            ip: "10.0.0.1".into(),
            host: host.into(),
            uuid: "u".into(),
            transfer_port: port,
            info_port: 0,
            info_secure_port: 0,
            ipc_port: 0,
        }
    }

    #[test]
    fn states_and_moments_are_read() {
        let text = r#"[
            {"hostName": "host1"},
            {"hostName": "host2", "port": "50", "upgradeDomain": "ud0"},
            {"hostName": "host3", "port": 0, "adminState": "DECOMMISSIONED"},
            {"hostName": "host4", "adminState": "IN_MAINTENANCE", "maintenanceExpireTimeInMS": "1700"},
            {"hostName": "host5", "adminState": "IN_MAINTENANCE"}
        ]"#;
        let lists = parse_combined(text, NOW).unwrap();
        assert!(lists.is_included(&node("host1", 7)));
        assert!(lists.is_included(&node("host2", 50)) && !lists.is_included(&node("host2", 51)));
        assert!(lists.is_excluded(&node("host3", 7)) && !lists.is_excluded(&node("host1", 7)));
        let of = |host| lists.properties(&node(host, 50)).unwrap();
        assert_eq!(of("host2").upgrade_domain.as_deref(), Some("ud0"));
        assert_eq!(of("host4").maintenance_expires, Some(Milliseconds(750)));
        assert_eq!(of("host5").maintenance_expires, None);
        assert!(!lists.is_included(&node("other", 7)));
    }

    #[test]
    fn hosts_may_stand_one_after_the_other() {
        let lists = parse_combined("{\"hostName\": \"a\"}\n{\"hostName\": \"b\"}", NOW).unwrap();
        assert_eq!(lists.included().count(), 2);
        assert_eq!(parse_combined("", NOW).unwrap(), HostLists::default());
    }

    #[test]
    fn what_is_not_understood_is_refused_by_name() {
        let error = |text| parse_combined(text, NOW).unwrap_err();
        assert_eq!(error(r#"[{"port": 5}]"#), "{\"port\":5} has no hostName");
        assert_eq!(error(r#"[{"hostName": "a", "rack": "/r"}]"#), "a host has no property rack");
        assert_eq!(
            error(r#"[{"hostName": "a", "adminState": "GONE"}]"#),
            "adminState is \"GONE\", not NORMAL, DECOMMISSIONED or IN_MAINTENANCE"
        );
        assert_eq!(error(r#"[{"hostName": "a", "port": 70000}]"#), "port is 70000, not a port");
        assert!(error("nonsense").contains("line 1"));
    }
}

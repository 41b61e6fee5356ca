//! Groups of users as the operating system knows them, and who may speak for others.

use std::net::{IpAddr, ToSocketAddrs};

use loxodon_conf::Configuration;
use loxodon_namenode::proxy_users::{PREFIX, ProxyUsers};
use loxodon_namenode::users::GroupSource;

use super::StartError;

/// `hadoop.proxyuser.*` of a configuration. Hosts are looked up now, as in Hadoop.
pub(crate) fn proxy_users(conf: &Configuration) -> Result<ProxyUsers, StartError> {
    let mut entries = Vec::new();
    for (name, _) in conf.entries().filter(|(name, _)| name.starts_with(PREFIX)) {
        entries.extend(conf.get(name)?.map(|value| (name.to_owned(), value)));
    }
    Ok(ProxyUsers::new(entries, &addresses_of)?)
}

fn addresses_of(host: &str) -> Vec<IpAddr> {
    match (host, 0).to_socket_addrs() {
        Ok(found) => found.map(|address| address.ip()).collect(),
        Err(error) => {
            tracing::warn!("{host}: {error}");
            Vec::new()
        }
    }
}

/// `ShellBasedUnixGroupsMapping` and its like: the system's user and group databases.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemGroups;

impl GroupSource for SystemGroups {
    fn groups_of(&self, user: &str) -> Vec<String> {
        let Some(found) = uzers::get_user_by_name(user) else { return Vec::new() };
        let primary = found.primary_group_id();
        let groups = uzers::get_user_groups(user, primary).unwrap_or_default();
        let mut names: Vec<String> = Vec::with_capacity(groups.len());
        for group in &groups {
            let name = group.name().to_string_lossy().into_owned();
            if names.contains(&name) {
                continue;
            }
            if group.gid() == primary {
                names.insert(0, name);
            } else {
                names.push(name);
            }
        }
        names
    }
}

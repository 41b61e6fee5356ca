//! Groups of users as the operating system knows them, and who may speak for others.

use loxodon_conf::{ConfError, Configuration, keys};
use loxodon_namenode::proxy_users::{PREFIX, ProxyUsers};
use loxodon_namenode::users::{GroupSource, StaticMapping};
use loxodon_rpc::server::addresses_of;

use super::StartError;

/// `hadoop.proxyuser.*` of a configuration. Hosts are looked up now, as in Hadoop.
pub(crate) fn proxy_users(conf: &Configuration) -> Result<ProxyUsers, StartError> {
    let mut entries = Vec::new();
    for (name, _) in conf.entries().filter(|(name, _)| name.starts_with(PREFIX)) {
        entries.extend(conf.get(name)?.map(|value| (name.to_owned(), value)));
    }
    Ok(ProxyUsers::new(entries, &addresses_of)?)
}

/// Where a configuration says that groups come from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum GroupMapping {
    /// The operating system.
    #[default]
    System,
    /// Nowhere: nobody is in a group (`NullGroupsMapping`).
    Nowhere,
}

impl GroupMapping {
    /// `hadoop.security.group.mapping`.
    ///
    /// # Errors
    /// A mapping that is not there: whoever configured one must not get other groups.
    pub fn from_conf(conf: &Configuration) -> Result<Self, ConfError> {
        let key = &keys::GROUP_MAPPING;
        let class = conf.text(key)?.unwrap_or_default();
        match class.rsplit('.').next().unwrap_or_default() {
            "JniBasedUnixGroupsMappingWithFallback"
            | "JniBasedUnixGroupsMapping"
            | "ShellBasedUnixGroupsMapping" => Ok(Self::System),
            "NullGroupsMapping" => Ok(Self::Nowhere),
            _ => Err(ConfError::Value {
                key: key.name.to_owned(),
                value: class,
                source_name: conf.source(key.name),
                wanted: "one of JniBasedUnixGroupsMappingWithFallback, \
                         JniBasedUnixGroupsMapping, ShellBasedUnixGroupsMapping, NullGroupsMapping"
                    .to_owned(),
            }),
        }
    }
}

impl GroupSource for GroupMapping {
    fn groups_of(&self, user: &str) -> Vec<String> {
        match self {
            Self::System => SystemGroups.groups_of(user),
            Self::Nowhere => Vec::new(),
        }
    }
}

/// The static mapping first, then the configured one.
#[derive(Clone, Debug)]
pub struct ConfiguredGroups {
    mapped: StaticMapping,
    mapping: GroupMapping,
}

impl ConfiguredGroups {
    /// As the configuration has it.
    ///
    /// # Errors
    /// As [`GroupMapping::from_conf`].
    pub fn from_conf(conf: &Configuration) -> Result<Self, ConfError> {
        let mapped = conf.text(&keys::STATIC_GROUP_MAPPING)?.unwrap_or_default();
        let mapping = GroupMapping::from_conf(conf)?;
        Ok(Self { mapped: StaticMapping::parse(&mapped), mapping })
    }
}

impl GroupSource for ConfiguredGroups {
    fn groups_of(&self, user: &str) -> Vec<String> {
        self.mapped.get(user).map_or_else(|| self.mapping.groups_of(user), <[String]>::to_vec)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mappings_by_name() {
        let mut conf = Configuration::new();
        assert_eq!(GroupMapping::from_conf(&conf).unwrap(), GroupMapping::System);
        let mut set = |class: &str| {
            let class = format!("org.apache.hadoop.security.{class}");
            conf.set("hadoop.security.group.mapping", &class, "core-site.xml");
            GroupMapping::from_conf(&conf)
        };
        assert_eq!(set("ShellBasedUnixGroupsMapping").unwrap(), GroupMapping::System);
        assert_eq!(set("NullGroupsMapping").unwrap(), GroupMapping::Nowhere);
        let error = set("LdapGroupsMapping").unwrap_err().to_string();
        assert!(error.contains("LdapGroupsMapping") && error.contains("core-site.xml"), "{error}");
    }

    #[test]
    fn the_static_mapping_comes_first() {
        let mut conf = Configuration::new();
        conf.set("hadoop.user.group.static.mapping.overrides", "root=wheel;dr.who=", "test");
        let groups = ConfiguredGroups::from_conf(&conf).unwrap();
        assert_eq!(groups.groups_of("root"), ["wheel"]);
        assert!(groups.groups_of("dr.who").is_empty());
        conf.set("hadoop.security.group.mapping", "o.a.NullGroupsMapping", "test");
        conf.set("hadoop.user.group.static.mapping.overrides", "dr.who=", "test");
        assert!(ConfiguredGroups::from_conf(&conf).unwrap().groups_of("root").is_empty());
    }
}

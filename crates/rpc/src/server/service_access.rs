//! Who may speak which protocol, and from where: service-level authorization (`ServiceAuthorizationManager`).

use std::net::{IpAddr, ToSocketAddrs};
use std::sync::Arc;

use loxodon_conf::{AccessControlList, ConfError, Configuration, Key, MachineList, keys};
use loxodon_wire::rpc::protocol::Protocol;
use loxodon_wire::rpc::{RemoteError, UserIdentity, exception};
use parking_lot::RwLock;

/// The file with the lists, beside the site's files, unless `HADOOP_POLICYFILE` names another.
const POLICY: &str = "hadoop-policy.xml";

/// A protocol, and the key of the list of those who may speak it.
pub type Service = (&'static Protocol, &'static Key);

/// The lists of a daemon, as last read.
#[derive(Debug)]
pub struct ServiceAccess {
    services: &'static [Service],
    /// Replaced whole: nobody holds the lock while groups are looked up.
    rules: RwLock<Arc<[Rule]>>,
}

/// Who may speak one protocol.
#[derive(Debug)]
struct Rule {
    protocol: &'static str,
    allowed: AccessControlList,
    blocked: AccessControlList,
    from: MachineList,
    not_from: MachineList,
}

impl ServiceAccess {
    /// The lists of these services; `None` where `hadoop.security.authorization` is off. Looks hosts up, so it may block.
    ///
    /// # Errors
    /// A file or value that cannot be read.
    pub fn from_conf(
        conf: &Configuration,
        services: &'static [Service],
    ) -> Result<Option<Self>, ConfError> {
        if !conf.bool(&keys::AUTHORIZATION)? {
            return Ok(None);
        }
        Ok(Some(Self { services, rules: RwLock::new(rules(conf, services)?.into()) }))
    }

    /// Reads the lists again (`refreshServiceAcl`). May block.
    ///
    /// # Errors
    /// A file or value that cannot be read; the lists stay as they were.
    pub fn refresh(&self, conf: &Configuration) -> Result<(), ConfError> {
        let fresh = rules(conf, self.services)?;
        *self.rules.write() = fresh.into();
        Ok(())
    }

    /// Whether a user may speak a protocol from a machine. `groups` looks his groups up, where they matter.
    ///
    /// # Errors
    /// `AuthorizationException`, in Hadoop's words.
    pub fn authorize(
        &self,
        user: &UserIdentity,
        protocol: Option<&str>,
        from: IpAddr,
        groups: impl Fn() -> Vec<String>,
    ) -> Result<(), RemoteError> {
        let refused = |text: String| Err(RemoteError::new(exception::AUTHORIZATION, text));
        let Some(protocol) = protocol else {
            return refused("Null protocol not authorized".to_owned());
        };
        let rules = Arc::clone(&self.rules.read());
        let Some(rule) = rules.iter().find(|rule| rule.protocol == protocol) else {
            return refused(match Protocol::named(protocol) {
                Some(_) => format!("Protocol interface {protocol} is not known."),
                None => format!("Unknown protocol: {protocol}"),
            });
        };
        if !is_on(&rule.allowed, user, &groups) || is_on(&rule.blocked, user, &groups) {
            return refused(format!(
                "User {} is not authorized for protocol interface {protocol}: denied by configured ACL",
                shown(user)
            ));
        }
        if !rule.from.includes(from) || rule.not_from.includes(from) {
            return refused(format!(
                "Host {from} is not authorized for protocol interface {protocol}"
            ));
        }
        Ok(())
    }
}

/// Whether a user is on a list, himself or by who speaks for him.
fn is_on(list: &AccessControlList, user: &UserIdentity, groups: impl Fn() -> Vec<String>) -> bool {
    list.allows(short(&user.effective), groups)
        || user.real.as_deref().is_some_and(|real| list.allows_all_of(short(real)))
}

/// The name without the rest of `user/host@REALM`.
fn short(user: &str) -> &str {
    user.split(['/', '@']).next().unwrap_or_default()
}

/// As `UserGroupInformation.toString` has it.
fn shown(user: &UserIdentity) -> String {
    match &user.real {
        None => format!("{} (auth:SIMPLE)", user.effective),
        Some(real) => format!("{} (auth:PROXY) via {real} (auth:SIMPLE)", user.effective),
    }
}

fn rules(conf: &Configuration, services: &[Service]) -> Result<Vec<Rule>, ConfError> {
    let file = std::env::var("HADOOP_POLICYFILE").ok().filter(|file| !file.is_empty());
    let conf = conf.reread_with(file.as_deref().unwrap_or(POLICY))?;
    let reader = Reader { conf: &conf };
    services.iter().map(|(protocol, key)| reader.rule(protocol, key)).collect()
}

struct Reader<'a> {
    conf: &'a Configuration,
}

impl Reader<'_> {
    fn rule(&self, protocol: &Protocol, key: &'static Key) -> Result<Rule, ConfError> {
        let (default, blocked) = (keys::SERVICE_ACL.name, ".blocked");
        let (own_hosts, default_hosts) = (hosts_key(key.name), hosts_key(default));
        let all = [key.name, default];
        Ok(Rule {
            protocol: protocol.name,
            allowed: AccessControlList::parse(&self.value(all, "")?.unwrap_or_else(|| "*".into())),
            blocked: AccessControlList::parse(&self.value(all, blocked)?.unwrap_or_default()),
            from: self.machines([&own_hosts, &default_hosts], "", "*")?,
            not_from: self.machines([&own_hosts, &default_hosts], blocked, "")?,
        })
    }

    /// The value of the first of two keys that is set.
    fn value(&self, names: [&str; 2], suffix: &str) -> Result<Option<String>, ConfError> {
        for name in names {
            if let Some(value) = self.conf.get(&format!("{name}{suffix}"))? {
                return Ok(Some(value));
            }
        }
        Ok(None)
    }

    fn machines(
        &self,
        names: [&str; 2],
        suffix: &str,
        default: &str,
    ) -> Result<MachineList, ConfError> {
        let value = self.value(names, suffix)?.unwrap_or_else(|| default.to_owned());
        MachineList::parse(&value, &addresses_of).map_err(|entry| {
            let key = format!("{}{suffix}", names[0]);
            let source_name = self.conf.source(&key);
            let wanted = "addresses, networks such as 10.0.0.0/8, or hosts".to_owned();
            ConfError::Value { key, value: entry, source_name, wanted }
        })
    }
}

/// `security.client.protocol.hosts` for `security.client.protocol.acl`.
fn hosts_key(key: &str) -> String {
    key.rsplit_once('.').map_or_else(|| key.to_owned(), |(service, _)| format!("{service}.hosts"))
}

/// Addresses of a host, none where it is not known. Blocks.
pub fn addresses_of(host: &str) -> Vec<IpAddr> {
    match (host, 0).to_socket_addrs() {
        Ok(found) => found.map(|address| address.ip()).collect(),
        Err(error) => {
            tracing::warn!("{host}: {error}");
            Vec::new()
        }
    }
}

#[cfg(test)]
mod tests {
    use loxodon_wire::rpc::protocol::{CLIENT_DATANODE, CLIENT_NAMENODE, NAMENODE};

    use super::*;

    static SERVICES: [Service; 2] =
        [(&CLIENT_NAMENODE, &keys::CLIENT_PROTOCOL_ACL), (&NAMENODE, &keys::NAMENODE_PROTOCOL_ACL)];

    fn access(settings: &[(&str, &str)]) -> ServiceAccess {
        let mut conf = Configuration::new();
        conf.set("hadoop.security.authorization", "true", "core-site.xml");
        for (name, value) in settings {
            conf.set(name, value, "hadoop-policy.xml");
        }
        ServiceAccess::from_conf(&conf, &SERVICES).unwrap().unwrap()
    }

    fn ask(access: &ServiceAccess, user: &str, protocol: &Protocol, from: [u8; 4]) -> String {
        let user = match user.split_once(" by ") {
            Some((effective, real)) => {
                UserIdentity { effective: effective.into(), real: Some(real.into()) }
            }
            None => UserIdentity::new(user),
        };
        let groups = || match user.effective.as_str() {
            "ann" => vec!["staff".to_owned()],
            _ => Vec::new(),
        };
        let answer = access.authorize(&user, Some(protocol.name), from.into(), groups);
        answer.map_or_else(
            |error| {
                assert_eq!(error.class, exception::AUTHORIZATION);
                error.message
            },
            |()| "may".to_owned(),
        )
    }

    const HERE: [u8; 4] = [127, 0, 0, 1];

    #[test]
    fn without_lists_everybody_may() {
        assert!(ServiceAccess::from_conf(&Configuration::new(), &SERVICES).unwrap().is_none());
        let all = access(&[]);
        assert_eq!(ask(&all, "eve", &CLIENT_NAMENODE, HERE), "may");
        let unknown = "Protocol interface org.apache.hadoop.hdfs.protocol.ClientDatanodeProtocol is not known.";
        assert_eq!(ask(&all, "eve", &CLIENT_DATANODE, HERE), unknown);
        let (eve, from) = (UserIdentity::new("eve"), HERE.into());
        let said = |name| all.authorize(&eve, name, from, Vec::new).unwrap_err().message;
        assert_eq!(said(None), "Null protocol not authorized");
        assert_eq!(said(Some("a.B")), "Unknown protocol: a.B");
    }

    #[test]
    fn users_and_groups_are_allowed_or_blocked() {
        let some = access(&[
            ("security.client.protocol.acl", "bob,eve staff"),
            ("security.client.protocol.acl.blocked", "eve"),
            ("security.service.authorization.default.acl", "hdfs,~hue"),
        ]);
        let no = |user: &str, protocol: &Protocol| {
            format!(
                "User {user} is not authorized for protocol interface {}: denied by configured ACL",
                protocol.name
            )
        };
        for user in ["ann", "bob", "bob/host@REALM"] {
            assert_eq!(ask(&some, user, &CLIENT_NAMENODE, HERE), "may");
        }
        let eve = no("eve (auth:SIMPLE)", &CLIENT_NAMENODE);
        assert_eq!(ask(&some, "eve", &CLIENT_NAMENODE, HERE), eve);
        assert_eq!(ask(&some, "hdfs", &NAMENODE, HERE), "may");
        assert_eq!(ask(&some, "bob by hue", &NAMENODE, HERE), "may");
        let proxy = no("bob (auth:PROXY) via oozie (auth:SIMPLE)", &NAMENODE);
        assert_eq!(ask(&some, "bob by oozie", &NAMENODE, HERE), proxy);
        assert_eq!(
            ask(&access(&[("security.client.protocol.acl", " ")]), "eve", &CLIENT_NAMENODE, HERE),
            eve
        );
    }

    #[test]
    fn machines_are_allowed_or_blocked() {
        let some = access(&[
            ("security.service.authorization.default.hosts", "10.0.0.0/8"),
            ("security.client.protocol.hosts", "10.1.0.0/16,10.9.9.9"),
            ("security.client.protocol.hosts.blocked", "10.1.2.3"),
        ]);
        for (protocol, from, may) in [
            (&CLIENT_NAMENODE, [10, 1, 0, 1], true),
            (&CLIENT_NAMENODE, [10, 9, 9, 9], true),
            (&CLIENT_NAMENODE, [10, 2, 0, 1], false),
            (&CLIENT_NAMENODE, [10, 1, 2, 3], false),
            (&NAMENODE, [10, 1, 2, 3], true),
            (&NAMENODE, HERE, false),
        ] {
            let host = IpAddr::from(from);
            let no =
                format!("Host {host} is not authorized for protocol interface {}", protocol.name);
            let wanted = if may { "may".to_owned() } else { no };
            assert_eq!(ask(&some, "eve", protocol, from), wanted);
        }
        let mut conf = Configuration::new();
        conf.set("hadoop.security.authorization", "true", "core-site.xml");
        conf.set("security.client.protocol.hosts", "10.0.0.0/40", "-D");
        let error = ServiceAccess::from_conf(&conf, &SERVICES).unwrap_err().to_string();
        assert!(
            error.contains("security.client.protocol.hosts") && error.contains("10.0.0.0/40"),
            "{error}"
        );
    }

    #[test]
    fn lists_can_be_read_again_while_groups_are_looked_up() {
        let access = access(&[("security.client.protocol.acl", " staff")]);
        let mut conf = Configuration::new();
        conf.set("hadoop.security.authorization", "true", "core-site.xml");
        let groups = || {
            // It would wait for ever for whoever looks groups up.
            access.refresh(&conf).unwrap();
            vec!["staff".to_owned()]
        };
        let user = UserIdentity::new("ann");
        access.authorize(&user, Some(CLIENT_NAMENODE.name), HERE.into(), groups).unwrap();
    }

    #[test]
    fn the_policy_file_is_read_again() {
        let directory = tempfile::tempdir().unwrap();
        let write = |name: &str, key: &str, value: &str| {
            let text = format!(
                "<configuration><property><name>{key}</name><value>{value}</value></property></configuration>"
            );
            std::fs::write(directory.path().join(name), text).unwrap();
        };
        write("core-site.xml", "hadoop.security.authorization", "true");
        let mut conf = Configuration::new();
        conf.load_directory(directory.path()).unwrap();
        let access = ServiceAccess::from_conf(&conf, &SERVICES).unwrap().unwrap();
        assert_eq!(ask(&access, "eve", &CLIENT_NAMENODE, HERE), "may");
        write(POLICY, "security.client.protocol.acl", "bob");
        access.refresh(&conf).unwrap();
        assert_ne!(ask(&access, "eve", &CLIENT_NAMENODE, HERE), "may");
        assert_eq!(ask(&access, "bob", &CLIENT_NAMENODE, HERE), "may");
        std::fs::write(directory.path().join(POLICY), "<configuration>").unwrap();
        access.refresh(&conf).unwrap_err();
        assert_eq!(ask(&access, "bob", &CLIENT_NAMENODE, HERE), "may");
    }
}

//! Users who may speak for others: `hadoop.proxyuser.NAME.hosts`, `.groups` and `.users`
//! (`DefaultImpersonationProvider`).

use std::net::IpAddr;

use foldhash::fast::FixedState;
use hashbrown::HashMap;
use loxodon_conf::{AccessControlList, MachineList};
use loxodon_wire::rpc::{RemoteError, UserIdentity, exception};

/// What all these keys begin with.
pub const PREFIX: &str = "hadoop.proxyuser.";

/// Who may speak for whom, from where.
#[derive(Debug, Default)]
pub struct ProxyUsers {
    rights: HashMap<String, Rights, FixedState>,
}

#[derive(Debug, Default)]
struct Rights {
    users: AccessControlList,
    groups: AccessControlList,
    hosts: MachineList,
}

/// A value that is no list of hosts.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{key}: Could not parse [{entry}]")]
pub struct BadNetwork {
    key: String,
    entry: String,
}

impl ProxyUsers {
    /// As these keys and values say; others are passed over. `resolve` gives the addresses of a
    /// host, none where it is not known.
    ///
    /// # Errors
    /// A network that is not written `address/length`.
    pub fn new(
        entries: impl IntoIterator<Item = (String, String)>,
        resolve: &dyn Fn(&str) -> Vec<IpAddr>,
    ) -> Result<Self, BadNetwork> {
        let mut all = Self::default();
        for (key, value) in entries {
            let Some((user, what)) =
                key.strip_prefix(PREFIX).and_then(|rest| rest.rsplit_once('.'))
            else {
                continue;
            };
            let rights = all.rights.entry(user.to_owned()).or_default();
            match what {
                "users" => rights.users = AccessControlList::new(&value, ""),
                "groups" => rights.groups = AccessControlList::new("", &value),
                "hosts" => {
                    rights.hosts = MachineList::parse(&value, resolve)
                        .map_err(|entry| BadNetwork { key: key.clone(), entry })?;
                }
                _ => {}
            }
        }
        Ok(all)
    }

    /// Whether this user may connect from there. `groups` looks up the groups of the one who is
    /// spoken for, where that matters.
    ///
    /// # Errors
    /// `AuthorizationException`, in Hadoop's words.
    pub fn authorize(
        &self,
        user: &UserIdentity,
        groups: impl FnOnce() -> Vec<String>,
        from: IpAddr,
    ) -> Result<(), RemoteError> {
        let Some(real) = &user.real else { return Ok(()) };
        // Rights belong to the short name of `user/host@REALM`.
        let short = real.split(['/', '@']).next().unwrap_or_default();
        let rights = self.rights.get(short);
        if !rights.is_some_and(|rights| rights.cover(&user.effective, groups)) {
            return Err(RemoteError::new(
                exception::AUTHORIZATION,
                format!("User: {real} is not allowed to impersonate {}", user.effective),
            ));
        }
        if !rights.is_some_and(|rights| rights.hosts.includes(from)) {
            return Err(RemoteError::new(
                exception::AUTHORIZATION,
                format!("Unauthorized connection for super-user: {real} from IP /{from}"),
            ));
        }
        Ok(())
    }
}

impl Rights {
    fn cover(&self, user: &str, groups: impl FnOnce() -> Vec<String>) -> bool {
        self.users.allows(user, Vec::new) || self.groups.allows(user, groups)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn users(entries: &[(&str, &str)]) -> ProxyUsers {
        let entries =
            entries.iter().map(|(key, value)| (format!("{PREFIX}{key}"), (*value).into()));
        let resolve = |host: &str| match host {
            "gateway" => vec![[10, 0, 0, 9].into()],
            _ => Vec::new(),
        };
        ProxyUsers::new(entries, &resolve).unwrap()
    }

    fn ask(users: &ProxyUsers, real: &str, effective: &str, from: [u8; 4]) -> Result<(), String> {
        let user = UserIdentity { effective: effective.into(), real: Some(real.into()) };
        let groups = || if effective == "alice" { vec!["staff".into()] } else { Vec::new() };
        let answer = users.authorize(&user, groups, from.into());
        answer.map_err(|error| {
            assert_eq!(error.class, exception::AUTHORIZATION);
            error.message
        })
    }

    #[test]
    fn rights_are_by_user_group_and_host() {
        let users = users(&[
            ("oozie.groups", "staff, ops"),
            ("oozie.hosts", "10.0.0.1, gateway, unknown.host, 192.168.4.0/22"),
            ("hue.users", "bob"),
            ("hue.hosts", "*"),
            ("knox.groups", "*"),
        ]);
        assert_eq!(ask(&users, "oozie", "alice", [10, 0, 0, 1]), Ok(()));
        assert_eq!(ask(&users, "oozie", "alice", [10, 0, 0, 9]), Ok(()));
        assert_eq!(ask(&users, "oozie", "alice", [192, 168, 7, 255]), Ok(()));
        let other = "Unauthorized connection for super-user: oozie from IP /192.168.8.0";
        assert_eq!(ask(&users, "oozie", "alice", [192, 168, 8, 0]), Err(other.into()));
        let not = |real, who| Err(format!("User: {real} is not allowed to impersonate {who}"));
        assert_eq!(ask(&users, "oozie", "bob", [10, 0, 0, 1]), not("oozie", "bob"));
        assert_eq!(ask(&users, "hue", "bob", [1, 2, 3, 4]), Ok(()));
        assert_eq!(ask(&users, "hue", "alice", [1, 2, 3, 4]), not("hue", "alice"));
        assert_eq!(ask(&users, "eve", "bob", [1, 2, 3, 4]), not("eve", "bob"));
        // Allowed to, but from nowhere.
        assert!(ask(&users, "knox", "bob", [1, 2, 3, 4]).unwrap_err().ends_with("/1.2.3.4"));
        let plain = UserIdentity { effective: "eve".into(), real: None };
        assert!(users.authorize(&plain, Vec::new, [1, 2, 3, 4].into()).is_ok());
    }

    #[test]
    fn a_bad_network_is_named() {
        let none = |_: &str| Vec::new();
        let entry = ("hadoop.proxyuser.a.hosts".to_owned(), "10.0.0.0/33".to_owned());
        let error = ProxyUsers::new([entry], &none).unwrap_err().to_string();
        assert_eq!(error, "hadoop.proxyuser.a.hosts: Could not parse [10.0.0.0/33]");
    }
}

//! Users and their groups: the static mapping of `hadoop.user.group.static.mapping.overrides`
//! first, then what the operating system says.

use std::fmt;
use std::sync::Arc;

use foldhash::fast::FixedState;
use hashbrown::HashMap;
use loxodon_namespace::context::Caller;
use loxodon_namespace::settings::Settings;
use loxodon_wire::ids::Milliseconds;

use crate::request::Identity;

/// Looks up the groups of a user, primary group first.
pub trait GroupSource: Send + Sync + fmt::Debug {
    /// The user's groups; empty where the user is not known.
    fn groups_of(&self, user: &str) -> Vec<String>;
}

/// Users that are known already, each with the time at which it was looked up.
#[derive(Debug)]
pub struct Users {
    overrides: StaticMapping,
    known: HashMap<String, (Milliseconds, Arc<Identity>), FixedState>,
    validity: Milliseconds,
    negative_validity: Milliseconds,
}

/// Groups by user, as `hadoop.user.group.static.mapping.overrides` lists them.
#[derive(Clone, Debug)]
pub struct StaticMapping(HashMap<String, Vec<String>, FixedState>);

impl StaticMapping {
    /// Reads `user1=group1,group2;user2=;...` (`Groups.parseStaticMapping`).
    #[must_use]
    pub fn parse(text: &str) -> Self {
        let mut mapping = HashMap::with_hasher(FixedState::with_seed(0));
        for entry in text.split(';').map(str::trim).filter(|entry| !entry.is_empty()) {
            let (user, groups) = entry.split_once('=').unwrap_or((entry, ""));
            let groups = groups.split(',').map(str::trim).filter(|group| !group.is_empty());
            mapping.insert(user.trim().to_owned(), groups.map(str::to_owned).collect());
        }
        Self(mapping)
    }

    /// The groups of a user who is listed.
    #[must_use]
    pub fn get(&self, user: &str) -> Option<&[String]> {
        self.0.get(user).map(Vec::as_slice)
    }
}

/// How many users are remembered; more, and the memory starts anew.
const MAX_KNOWN: usize = 100_000;

impl Users {
    /// `overrides` is the static mapping's value; `validity` is `hadoop.security.groups.cache.secs`,
    /// and for users in no group `negative_validity`, `hadoop.security.groups.negative-cache.secs`.
    #[must_use]
    pub fn new(overrides: &str, validity: Milliseconds, negative_validity: Milliseconds) -> Self {
        Self {
            overrides: StaticMapping::parse(overrides),
            known: HashMap::with_hasher(FixedState::with_seed(0)),
            validity,
            negative_validity,
        }
    }

    /// The user if remembered and fresh.
    #[must_use]
    pub fn known(&self, user: &str, now: Milliseconds) -> Option<&Arc<Identity>> {
        let (at, identity) = self.known.get(user)?;
        let validity = match identity.caller.groups.is_empty() {
            true => self.negative_validity,
            false => self.validity,
        };
        (now.since(*at).0 < validity.0).then_some(identity)
    }

    /// The groups that the static mapping gives this user.
    #[must_use]
    pub fn mapped(&self, user: &str) -> Option<&[String]> {
        self.overrides.get(user)
    }

    /// Remembers a user with these groups; who is superuser follows from the settings.
    pub fn remember(
        &mut self,
        user: &str,
        groups: Vec<String>,
        settings: &Settings,
        now: Milliseconds,
    ) -> Arc<Identity> {
        if self.known.len() >= MAX_KNOWN {
            self.known.clear();
        }
        let caller = Caller::new(user.to_owned(), groups, settings);
        let identity = Arc::new(Identity { caller, real_user: None });
        self.known.insert(user.to_owned(), (now, Arc::clone(&identity)));
        identity
    }

    /// Forgets what was looked up (`refreshUserToGroupsMappings`).
    pub fn forget(&mut self) {
        self.known.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_static_mapping_is_read() {
        let users =
            Users::new("dr.who=;alice = staff, supergroup;", Milliseconds(300), Milliseconds(30));
        let none: &[String] = &[];
        assert_eq!(users.mapped("dr.who"), Some(none));
        assert_eq!(users.mapped("alice").unwrap(), ["staff", "supergroup"]);
        assert_eq!(users.mapped("bob"), None);
    }

    #[test]
    fn what_was_looked_up_is_known_for_a_while() {
        let mut users = Users::new("", Milliseconds(300), Milliseconds(30));
        let settings = Settings { fs_owner: "hdfs".into(), ..Settings::default() };
        assert!(users.known("bob", Milliseconds(0)).is_none());
        users.remember("bob", vec!["staff".into()], &settings, Milliseconds(1000));
        assert!(!users.known("bob", Milliseconds(1299)).unwrap().caller.superuser);
        assert!(users.known("bob", Milliseconds(1300)).is_none());
        let hdfs = users.remember("hdfs", Vec::new(), &settings, Milliseconds(1300));
        assert!(hdfs.caller.superuser);
        assert!(users.known("hdfs", Milliseconds(1329)).is_some());
        assert!(users.known("hdfs", Milliseconds(1330)).is_none());
        users.forget();
        assert!(users.known("hdfs", Milliseconds(1300)).is_none());
    }
}

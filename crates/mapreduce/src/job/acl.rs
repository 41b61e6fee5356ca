//! Who may do what: users and groups as Hadoop writes them, `user1,user2 group1,group2`.

use std::collections::BTreeSet;

/// Who calls.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Caller {
    /// Short name.
    pub user: String,
    /// His groups.
    pub groups: Vec<String>,
}

impl Caller {
    /// A user without groups.
    #[must_use]
    pub fn named(user: &str) -> Self {
        Self { user: user.to_owned(), groups: Vec::new() }
    }
}

/// What a job's own list allows (`org.apache.hadoop.mapreduce.JobACL`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum JobAcl {
    /// To see details: counters, configuration, logs, diagnostics.
    View,
    /// To kill, and to change priorities.
    Modify,
}

impl JobAcl {
    /// The key that sets it.
    #[must_use]
    pub const fn key(self) -> &'static str {
        match self {
            Self::View => "mapreduce.job.acl-view-job",
            Self::Modify => "mapreduce.job.acl-modify-job",
        }
    }

    /// Hadoop's name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::View => "VIEW_JOB",
            Self::Modify => "MODIFY_JOB",
        }
    }
}

/// Users and groups (`org.apache.hadoop.security.authorize.AccessControlList`).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AccessControlList {
    everybody: bool,
    users: BTreeSet<String>,
    groups: BTreeSet<String>,
}

impl AccessControlList {
    /// Nobody.
    #[must_use]
    pub fn nobody() -> Self {
        Self::default()
    }

    /// Everybody.
    #[must_use]
    pub fn everybody() -> Self {
        Self { everybody: true, ..Self::default() }
    }

    /// Users between commas, a space, groups between commas; `*` is everybody.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        if text.contains('*') {
            return Self::everybody();
        }
        let names = |part: Option<&str>| {
            let names = part.unwrap_or_default().split(',').map(str::trim);
            names.filter(|name| !name.is_empty()).map(str::to_owned).collect()
        };
        let mut parts = text.splitn(2, ' ');
        let users = names(parts.next());
        Self { everybody: false, users, groups: names(parts.next()) }
    }

    /// Whether the caller or a group of his is on it.
    #[must_use]
    pub fn allows(&self, caller: &Caller) -> bool {
        self.everybody
            || self.users.contains(&caller.user)
            || caller.groups.iter().any(|group| self.groups.contains(group))
    }

    /// As it is written (`getAclString`).
    #[must_use]
    pub fn text(&self) -> String {
        if self.everybody {
            return "*".into();
        }
        let join = |names: &BTreeSet<String>| names.iter().cloned().collect::<Vec<_>>().join(",");
        format!("{} {}", join(&self.users), join(&self.groups))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn users_groups_everybody() {
        let list = AccessControlList::parse("ann,bob  staff, admins");
        assert!(list.allows(&Caller::named("bob")));
        assert!(!list.allows(&Caller::named("eve")));
        assert!(list.allows(&Caller { user: "eve".into(), groups: vec!["admins".into()] }));
        assert_eq!(list.text(), "ann,bob admins,staff");
        assert!(AccessControlList::parse(" * ").allows(&Caller::named("eve")));
        assert!(!AccessControlList::parse(" ").allows(&Caller::named("ann")));
    }
}

//! Who calls, and what a job's own lists are about.

use loxodon_conf::AccessControlList;

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

    /// Whether he or a group of his is on the list.
    #[must_use]
    pub fn is_on(&self, list: &AccessControlList) -> bool {
        list.allows(&self.user, || &self.groups)
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

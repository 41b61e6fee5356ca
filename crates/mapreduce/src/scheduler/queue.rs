//! Queues: their tree, who may use them, whether they take jobs.

use std::collections::BTreeMap;
use std::sync::Arc;

use thiserror::Error;

use crate::job::{AccessControlList, Caller};

/// What a user does with a queue (`org.apache.hadoop.mapreduce.QueueACL`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    /// Hands in jobs.
    Submit,
    /// Kills and changes others' jobs.
    Administer,
}

impl Operation {
    /// The name that `mapred queue -showacls` prints.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Submit => "SUBMIT_APPLICATIONS",
            Self::Administer => "ADMINISTER_QUEUE",
        }
    }
}

/// Whether a queue takes jobs (`org.apache.hadoop.mapreduce.QueueState`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum QueueState {
    /// It does.
    #[default]
    Running,
    /// Only those that it has go on.
    Stopped,
}

impl QueueState {
    /// As Hadoop writes it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Stopped => "stopped",
        }
    }
}

/// Why a queue does not take a job.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum QueueError {
    /// There is none of that name.
    #[error("Queue \"{0}\" does not exist")]
    Unknown(String),
    /// It has queues below it, and only those take jobs.
    #[error("Queue \"{0}\" is not a leaf queue")]
    NotLeaf(String),
    /// It was stopped.
    #[error("Queue \"{0}\" is not running")]
    Stopped(String),
    /// Too many jobs.
    #[error("Queue \"{queue}\" already has {limit} applications, cannot accept submission")]
    Full {
        /// The queue.
        queue: String,
        /// How many it may have.
        limit: usize,
    },
    /// Not for this user.
    #[error("User {user} cannot perform operation {} on queue {queue}.", operation.name())]
    Denied {
        /// Who.
        user: String,
        /// What.
        operation: Operation,
        /// Where.
        queue: String,
    },
}

impl QueueError {
    /// The exception that Hadoop throws here.
    #[must_use]
    pub const fn java_class(&self) -> &'static str {
        match self {
            Self::Denied { .. } => "org.apache.hadoop.security.AccessControlException",
            _ => "java.io.IOException",
        }
    }
}

/// One queue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QueueSettings {
    /// Its name, which no other has.
    pub name: Arc<str>,
    /// The queue that it is in; none at the top.
    pub parent: Option<Arc<str>>,
    /// Whether it takes jobs.
    pub state: QueueState,
    /// Who may hand in jobs.
    pub submit: AccessControlList,
    /// Who may change others' jobs.
    pub administer: AccessControlList,
}

impl QueueSettings {
    /// A queue at the top that is open to everybody.
    #[must_use]
    pub fn open(name: &str) -> Self {
        Self {
            name: name.into(),
            parent: None,
            state: QueueState::Running,
            submit: AccessControlList::everybody(),
            administer: AccessControlList::nobody(),
        }
    }
}

/// Queues by name.
#[derive(Clone, Debug, Default)]
pub struct QueueTree {
    queues: BTreeMap<Arc<str>, QueueSettings>,
    /// Whether access lists are checked (`mapreduce.cluster.acls.enabled`).
    acls: bool,
}

impl QueueTree {
    /// These queues.
    #[must_use]
    pub fn new(queues: impl IntoIterator<Item = QueueSettings>, acls: bool) -> Self {
        let queues = queues.into_iter().map(|queue| (queue.name.clone(), queue)).collect();
        Self { queues, acls }
    }

    /// The queue of that name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&QueueSettings> {
        self.queues.get(name)
    }

    /// All of them, by name.
    pub fn iter(&self) -> impl Iterator<Item = &QueueSettings> {
        self.queues.values()
    }

    /// Whether queues are below it.
    #[must_use]
    pub fn is_parent(&self, name: &str) -> bool {
        self.queues.values().any(|queue| queue.parent.as_deref() == Some(name))
    }

    /// The queue and those it is in, from within outwards.
    pub fn path<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a QueueSettings> {
        let next = |queue: &&'a QueueSettings| self.queues.get(queue.parent.as_deref()?);
        // A queue in itself would have no end; no tree is as deep as this.
        std::iter::successors(self.queues.get(name), next).take(64)
    }

    /// Whether the caller may: a right on a queue holds for those below it.
    #[must_use]
    pub fn allows(&self, caller: &Caller, name: &str, operation: Operation) -> bool {
        let list = |queue: &QueueSettings| match operation {
            Operation::Submit => caller.is_on(&queue.submit) || caller.is_on(&queue.administer),
            Operation::Administer => caller.is_on(&queue.administer),
        };
        !self.acls || self.path(name).any(list)
    }

    /// The leaf for a submission.
    ///
    /// # Errors
    /// As [`super::Scheduler::place`].
    pub fn leaf(&self, caller: &Caller, name: &str) -> Result<Arc<str>, QueueError> {
        let short = name.rsplit('.').next().unwrap_or(name);
        let queue = self.queues.get(name).or_else(|| self.queues.get(short));
        let Some(queue) = queue else { return Err(QueueError::Unknown(name.to_owned())) };
        if self.is_parent(&queue.name) {
            return Err(QueueError::NotLeaf(name.to_owned()));
        }
        if self.path(&queue.name).any(|queue| queue.state == QueueState::Stopped) {
            return Err(QueueError::Stopped(name.to_owned()));
        }
        if !self.allows(caller, &queue.name, Operation::Submit) {
            let (user, queue) = (caller.user.clone(), name.to_owned());
            return Err(QueueError::Denied { user, operation: Operation::Submit, queue });
        }
        Ok(queue.name.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_open_leaves_take_jobs() {
        let below = |name: &str, parent: &str| QueueSettings {
            parent: Some(parent.into()),
            submit: AccessControlList::nobody(),
            ..QueueSettings::open(name)
        };
        let mut root = QueueSettings::open("root");
        root.submit = AccessControlList::parse("ann");
        let stopped = QueueSettings { state: QueueState::Stopped, ..below("old", "root") };
        let tree = QueueTree::new([root, below("a", "root"), below("b", "a"), stopped], true);
        let (ann, eve) = (Caller::named("ann"), Caller::named("eve"));
        assert_eq!(tree.leaf(&ann, "root.a.b").as_deref(), Ok("b"));
        assert!(matches!(tree.leaf(&ann, "a"), Err(QueueError::NotLeaf(_))));
        assert!(matches!(tree.leaf(&ann, "old"), Err(QueueError::Stopped(_))));
        assert!(matches!(tree.leaf(&ann, "x"), Err(QueueError::Unknown(_))));
        let denied = tree.leaf(&eve, "b").map_err(|e| e.to_string());
        assert_eq!(
            denied,
            Err("User eve cannot perform operation SUBMIT_APPLICATIONS on queue b.".into())
        );
    }
}

//! States of jobs, tasks and attempts, by the names that Hadoop gives them.

macro_rules! named {
    ($(#[$doc:meta])* $name:ident { $($(#[$vdoc:meta])* $variant:ident = $text:literal, $number:literal;)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $name { $($(#[$vdoc])* $variant),* }

        impl $name {
            /// Every one of them, in Hadoop's order.
            pub const ALL: &[Self] = &[$(Self::$variant),*];

            /// Hadoop's name.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $text),* }
            }

            /// The number in messages.
            #[must_use]
            pub const fn number(self) -> i32 {
                match self { $(Self::$variant => $number),* }
            }

            /// The one of that number.
            #[must_use]
            pub const fn from_number(number: i32) -> Option<Self> {
                match number { $($number => Some(Self::$variant),)* _ => None }
            }

            /// The one of that name, in any case.
            #[must_use]
            pub fn from_name(name: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|one| one.name().eq_ignore_ascii_case(name))
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.name())
            }
        }
    };
}

named! {
    /// How far a job is (`org.apache.hadoop.mapreduce.JobStatus.State`).
    JobState {
        /// Its tasks run.
        Running = "RUNNING", 1;
        /// Its output is committed.
        Succeeded = "SUCCEEDED", 2;
        /// It was given up.
        Failed = "FAILED", 3;
        /// It waits for its set-up.
        Prep = "PREP", 4;
        /// A user ended it.
        Killed = "KILLED", 5;
    }
}

impl JobState {
    /// Whether nothing more will happen.
    #[must_use]
    pub const fn is_over(self) -> bool {
        matches!(self, Self::Succeeded | Self::Failed | Self::Killed)
    }
}

named! {
    /// How far an attempt is (`org.apache.hadoop.mapred.TaskStatus.State`).
    TaskState {
        /// Its process runs.
        Running = "RUNNING", 0;
        /// It is done, and committed where that was needed.
        Succeeded = "SUCCEEDED", 1;
        /// It ended by a fault of its own, which counts.
        Failed = "FAILED", 2;
        /// It was ordered and has not been heard of.
        Unassigned = "UNASSIGNED", 3;
        /// It was ended by somebody else, which does not count.
        Killed = "KILLED", 4;
        /// It is done but for the commit, which it waits to be granted.
        CommitPending = "COMMIT_PENDING", 5;
        /// Failed, and its output is to be removed by a clean-up attempt.
        FailedUnclean = "FAILED_UNCLEAN", 6;
        /// Killed, and its output is to be removed by a clean-up attempt.
        KilledUnclean = "KILLED_UNCLEAN", 7;
    }
}

impl TaskState {
    /// Whether its process has ended for good.
    #[must_use]
    pub const fn is_over(self) -> bool {
        !matches!(self, Self::Running | Self::Unassigned | Self::CommitPending)
    }

    /// Whether it ended by its own fault.
    #[must_use]
    pub const fn is_failure(self) -> bool {
        matches!(self, Self::Failed | Self::FailedUnclean)
    }
}

named! {
    /// What an attempt is doing (`org.apache.hadoop.mapred.TaskStatus.Phase`).
    Phase {
        /// Its process starts.
        Starting = "STARTING", 0;
        /// Reads and maps records.
        Map = "MAP", 1;
        /// Fetches map outputs.
        Shuffle = "SHUFFLE", 2;
        /// Merges what it has.
        Sort = "SORT", 3;
        /// Reduces groups.
        Reduce = "REDUCE", 4;
        /// Removes what another left.
        Cleanup = "CLEANUP", 5;
    }
}

named! {
    /// How far a task is (`org.apache.hadoop.mapred.TIPStatus`).
    TipStatus {
        /// No attempt runs yet.
        Pending = "PENDING", 0;
        /// An attempt runs.
        Running = "RUNNING", 1;
        /// An attempt succeeded.
        Complete = "COMPLETE", 2;
        /// Ended with the job.
        Killed = "KILLED", 3;
        /// All its attempts failed.
        Failed = "FAILED", 4;
    }
}

named! {
    /// What a completion event says (`org.apache.hadoop.mapreduce.TaskCompletionEvent.Status`).
    CompletionStatus {
        /// The attempt failed.
        Failed = "FAILED", 0;
        /// The attempt was killed.
        Killed = "KILLED", 1;
        /// The attempt succeeded.
        Succeeded = "SUCCEEDED", 2;
        /// The attempt succeeded once and its output is lost.
        Obsolete = "OBSOLETE", 3;
        /// The attempt failed, and its task with it.
        TipFailed = "TIPFAILED", 4;
    }
}

named! {
    /// A job's urgency (`org.apache.hadoop.mapreduce.JobPriority`).
    JobPriority {
        /// Before all others.
        VeryHigh = "VERY_HIGH", 5;
        /// Before most.
        High = "HIGH", 4;
        /// As most.
        Normal = "NORMAL", 3;
        /// After most.
        Low = "LOW", 2;
        /// After all others.
        VeryLow = "VERY_LOW", 1;
        /// As the queue says; ranks as normal.
        Default = "DEFAULT", 0;
    }
}

impl JobPriority {
    /// Greater comes first.
    #[must_use]
    pub const fn rank(self) -> i32 {
        match self {
            Self::Default => Self::Normal.number(),
            other => other.number(),
        }
    }

    /// A name, or a number from 0 to 5 as Hadoop 3 takes it.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        Self::from_name(text).or_else(|| Self::from_number(text.parse().ok()?))
    }
}

named! {
    /// How near an attempt runs to its input.
    Locality {
        /// On a machine that holds it.
        Node = "NODE_LOCAL", 0;
        /// On a rack that holds it.
        Rack = "RACK_LOCAL", 1;
        /// Elsewhere, or the input is nowhere.
        Any = "OFF_SWITCH", 2;
    }
}

/// When a reduce attempt got from one phase to the next, in milliseconds; 0 is "not yet".
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TaskPhaseTimes {
    /// The last map output was there.
    pub shuffle_finished: i64,
    /// Everything was merged.
    pub sort_finished: i64,
    /// A map read its last record.
    pub map_finished: i64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_numbers_agree() {
        for state in JobState::ALL {
            assert_eq!(JobState::from_name(state.name()), Some(*state));
            assert_eq!(JobState::from_number(state.number()), Some(*state));
        }
        assert_eq!(JobState::from_number(0), None);
        assert_eq!(TaskState::FailedUnclean.to_string(), "FAILED_UNCLEAN");
    }

    #[test]
    fn priorities_are_names_or_numbers() {
        assert_eq!(JobPriority::parse("very_high"), Some(JobPriority::VeryHigh));
        assert_eq!(JobPriority::parse(" 2 "), Some(JobPriority::Low));
        assert_eq!(JobPriority::parse("9"), None);
        assert!(JobPriority::High.rank() > JobPriority::Default.rank());
        assert_eq!(JobPriority::Default.rank(), JobPriority::Normal.rank());
    }
}

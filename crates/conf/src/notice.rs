//! What an operator should hear about his configuration, once, by name.

use std::fmt;

use crate::configuration::Configuration;
use crate::{hadoop, keys};

/// Something about a key that is set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Notice {
    /// An older name was used.
    Deprecated {
        /// The name used.
        old: String,
        /// The name to use.
        new: String,
    },
    /// A key of Hadoop's that changes nothing here.
    NotHonoured {
        /// The key.
        key: String,
        /// The file or option that set it.
        source: String,
    },
    /// A key that nobody knows and that looks like one that somebody does.
    Misspelt {
        /// The key.
        key: String,
        /// The file or option that set it.
        source: String,
        /// What may have been meant.
        similar: String,
    },
}

impl fmt::Display for Notice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Deprecated { old, new } => {
                write!(f, "{old} is deprecated. Instead, use {new}")
            }
            Self::NotHonoured { key, source } => {
                write!(f, "{key} (set in {source}) is not honoured and changes nothing")
            }
            Self::Misspelt { key, source, similar } => {
                write!(f, "{key} (set in {source}) is unknown; did you mean {similar}?")
            }
        }
    }
}

impl Configuration {
    /// What daemons log when they start, and commands print for `-D`.
    pub fn notices(&self) -> Vec<Notice> {
        let mut notices: Vec<Notice> = self
            .deprecated_names()
            .map(|(old, new)| Notice::Deprecated { old: old.into(), new: new.into() })
            .collect();
        for (name, entry) in self.entries() {
            let (key, source) = (name.to_owned(), entry.source.to_string());
            if keys::honours(name) {
                continue;
            }
            if is_hadoop_key(name) {
                notices.push(Notice::NotHonoured { key, source });
            } else if let Some(similar) = similar_key(name) {
                notices.push(Notice::Misspelt { key, source, similar: similar.into() });
            }
        }
        notices
    }

    /// What is misspelt among what this job or command was given, not among what the machine's files hold.
    pub fn misspelt(&self) -> Vec<Notice> {
        let own = |source: &str| !crate::DEFAULT_FILES.contains(&source);
        if !self.entries().any(|(_, entry)| own(&entry.source)) {
            return Vec::new();
        }
        let mut notices = self.notices();
        notices.retain(|n| matches!(n, Notice::Misspelt { source, .. } if own(source)));
        notices
    }
}

fn is_hadoop_key(name: &str) -> bool {
    hadoop::names().any(|known| known == name)
}

/// The known key within two edits of `name`.
fn similar_key(name: &str) -> Option<&'static str> {
    let known = keys::all().map(|key| key.name).chain(hadoop::names());
    known
        .filter(|known| known.len().abs_diff(name.len()) <= 2)
        .map(|known| (distance(known.as_bytes(), name.as_bytes()), known))
        .filter(|(distance, _)| *distance <= 2)
        .min()
        .map(|(_, known)| known)
}

/// Insertions, deletions and replacements between two names.
fn distance(a: &[u8], b: &[u8]) -> usize {
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.iter().enumerate() {
        let mut diagonal = i;
        let mut left = i + 1;
        for (y, cell) in b.iter().zip(row.iter_mut().skip(1)) {
            let best = (diagonal + usize::from(x != y)).min(left + 1).min(*cell + 1);
            diagonal = std::mem::replace(cell, best);
            left = best;
        }
        if let Some(first) = row.first_mut() {
            *first = i + 1;
        }
    }
    row.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_once() {
        let mut conf = Configuration::new();
        for name in [
            "fs.default.name",
            "dfs.replicatoin",
            "dfs.webhdfs.rest-csrf.enabled",
            "dfs.namenode.rpc-address.ns1.nn1",
            "my.own.key",
        ] {
            conf.set(name, "x", "-D");
        }
        let lines: Vec<String> = conf.notices().iter().map(ToString::to_string).collect();
        assert_eq!(
            lines,
            [
                "fs.default.name is deprecated. Instead, use fs.defaultFS",
                "dfs.replicatoin (set in -D) is unknown; did you mean dfs.replication?",
                "dfs.webhdfs.rest-csrf.enabled (set in -D) is not honoured and changes nothing",
            ]
        );
    }

    #[test]
    fn a_jobs_misspelt_keys_are_named() {
        let mut conf = Configuration::new();
        let property =
            |name: &str| format!("<property><name>{name}</name><value>1</value></property>");
        let file = [
            "mapreduce.job.reducse",
            "mapred.reduce.tasks",
            "mapreduce.task.profile",
            "word.length",
        ];
        let file: String = file.map(property).concat();
        conf.load_foreign("job.xml", &format!("<configuration>{file}</configuration>")).unwrap();
        conf.set("mapred.queue.fast.state", "running", "-D");
        conf.set("io.sort.mb", "7", "-D");
        let lines: Vec<String> = conf.misspelt().iter().map(ToString::to_string).collect();
        let wanted = "mapreduce.job.reducse (set in job.xml) is unknown; did you mean mapreduce.job.reduces?";
        assert_eq!(lines, [wanted]);
        assert_eq!(conf.get("mapreduce.job.reduces").unwrap().as_deref(), Some("1"));
        assert_eq!(conf.get("mapreduce.task.io.sort.mb").unwrap().as_deref(), Some("7"));
    }

    #[test]
    fn distances() {
        assert_eq!(distance(b"", b"abc"), 3);
        assert_eq!(distance(b"kitten", b"sitting"), 3);
        assert_eq!(distance(b"same", b"same"), 0);
    }
}

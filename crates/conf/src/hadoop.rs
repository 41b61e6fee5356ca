//! Hadoop's own keys, beyond those that are honoured, and what its default files say of them.

use crate::configuration::Configuration;
use crate::error::ConfError;

/// Names, one a line and sorted, each with a tab and its value where `core-default.xml` or `hdfs-default.xml` has one;
/// `\n` and `\\` stand for a new line and a backslash.
const KEYS: &str = include_str!("hadoop-keys.txt");

fn keys() -> impl Iterator<Item = (&'static str, Option<&'static str>)> {
    KEYS.lines().map(|line| match line.split_once('\t') {
        Some((name, value)) => (name, Some(value)),
        None => (line, None),
    })
}

/// All names.
pub(crate) fn names() -> impl Iterator<Item = &'static str> {
    keys().map(|(name, _)| name)
}

/// What Hadoop's default files give a key.
fn default_of(name: &str) -> Option<String> {
    let (_, value) = keys().find(|(known, _)| *known == name)?;
    let mut parts = value?.split("\\\\");
    let mut text = parts.next().unwrap_or_default().replace("\\n", "\n");
    for part in parts {
        text.push('\\');
        text += &part.replace("\\n", "\n");
    }
    Some(text)
}

impl Configuration {
    /// The value as a Hadoop client shows it (`hdfs getconf -confKey`): with Hadoop's default also for keys that change
    /// nothing here.
    ///
    /// # Errors
    /// Variables that refer to themselves.
    pub fn shown(&self, name: &str) -> Result<Option<String>, ConfError> {
        match self.get(name)? {
            Some(value) => Ok(Some(value)),
            None => default_of(name).map(|value| self.expanded(name, &value)).transpose(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hadoops_defaults_are_shown_and_what_is_set_goes_first() {
        let mut conf = Configuration::new();
        conf.set("hadoop.tmp.dir", "/t", "-D");
        let shown = |conf: &Configuration, name: &str| conf.shown(name).unwrap();
        assert_eq!(shown(&conf, "dfs.namenode.handler.count").as_deref(), Some("10"));
        assert_eq!(shown(&conf, "fs.s3a.buffer.dir").as_deref(), Some("/t/s3a"));
        assert_eq!(shown(&conf, "dfs.hosts"), None, "Java takes an empty value for none");
        assert_eq!(shown(&conf, "no.such.key"), None);
        conf.set("dfs.namenode.handler.count", "7", "-D");
        assert_eq!(shown(&conf, "dfs.namenode.handler.count").as_deref(), Some("7"));
    }

    #[test]
    fn names_are_sorted_and_stand_once() {
        let all: Vec<_> = names().collect();
        assert!(all.is_sorted_by(|a, b| a < b));
    }
}

//! Values by key, typed.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use crate::error::ConfError;
use crate::expand::{Process, expand};
use crate::key::{Key, Kind, Unit};
use crate::keys;
use crate::value;

/// What is set for one key, and by what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// As written, before expansion.
    pub value: String,
    /// The file or option that set it.
    pub source: Arc<str>,
    /// Who set it before that, first to last, where the file tells (`<source>`).
    pub earlier: Vec<String>,
    /// Whether later files may not change it.
    pub is_final: bool,
    /// Whether an option or the program set it, not a file.
    pub is_option: bool,
}

/// A key that has another value in a newer configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// The key.
    pub name: String,
    /// As it was written; empty where it was not set and has no default.
    pub old: String,
    /// As it is written now, or the default.
    pub new: Option<String>,
}

/// A configuration: what files and options set, over the table's defaults.
///
/// Every getter takes a [`Key`] of [`keys`]; its default applies where nothing sets the key.
/// Keys with a suffix (`dfs.namenode.rpc-address.ns1.nn1`) are read with [`Configuration::suffixed`].
#[derive(Clone, Debug, Default)]
pub struct Configuration {
    entries: BTreeMap<String, Entry>,
    deprecated: BTreeSet<(&'static str, &'static str)>,
    /// Files that were read, first to last; those they include are not in it.
    pub(crate) files: Vec<PathBuf>,
}

impl Configuration {
    /// Nothing but defaults.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets a key, as `-D` does: `source` says who, final or not. Deprecated names set their successor.
    pub fn set(&mut self, name: &str, value: &str, source: &str) {
        let name = self.current_name(name.trim());
        let (value, source) = (value.into(), source.into());
        let earlier = Vec::new();
        let entry = Entry { value, source, earlier, is_final: false, is_option: true };
        self.entries.insert(name, entry);
    }

    /// Takes a key back to its default.
    pub fn unset(&mut self, name: &str) {
        let name = self.current_name(name.trim());
        self.entries.remove(&name);
    }

    /// Sets a key from a file, unless an earlier one made it final.
    pub(crate) fn set_from_file(&mut self, name: &str, entry: Entry) {
        let name = self.current_name(name);
        if !self.entries.get(&name).is_some_and(|known| known.is_final) {
            self.entries.insert(name, entry);
        }
    }

    fn current_name(&mut self, name: &str) -> String {
        match keys::replacement(name) {
            Some((old, new)) => {
                self.deprecated.insert((old, new));
                new.into()
            }
            None => name.into(),
        }
    }

    /// What files and options set, by name; defaults are not in it.
    pub fn entries(&self) -> impl Iterator<Item = (&str, &Entry)> {
        self.entries.iter().map(|(name, entry)| (name.as_str(), entry))
    }

    /// Deprecated names that were used, with their successors.
    pub(crate) fn deprecated_names(&self) -> impl Iterator<Item = (&'static str, &'static str)> {
        self.deprecated.iter().copied()
    }

    /// The value of any name, expanded; the table's default where it has one. `None` where neither is there.
    ///
    /// # Errors
    /// Variables that refer to themselves.
    pub fn get(&self, name: &str) -> Result<Option<String>, ConfError> {
        let name = keys::replacement(name).map_or(name, |(_, new)| new);
        self.raw(name).map(|raw| self.expanded(name, raw)).transpose()
    }

    /// A value of `name` with its variables substituted.
    pub(crate) fn expanded(&self, name: &str, raw: &str) -> Result<String, ConfError> {
        expand(raw, &Process, |other| self.raw(other).map(str::to_owned)).map_err(|value| {
            ConfError::Expansion { key: name.into(), value, source_name: self.source(name) }
        })
    }

    fn raw(&self, name: &str) -> Option<&str> {
        if let Some(entry) = self.entries.get(name) {
            return Some(&entry.value);
        }
        keys::find(name).map(|key| key.default).filter(|default| !default.is_empty())
    }

    /// Keys whose value is another in `newer`, by name (`ReconfigurationUtil.parseChangedProperties`).
    #[must_use]
    pub fn changes(&self, newer: &Self) -> Vec<Change> {
        let names: BTreeSet<&String> = self.entries.keys().chain(newer.entries.keys()).collect();
        let mut changes = Vec::new();
        for name in names {
            let (old, new) = (self.raw(name), newer.raw(name));
            if old != new {
                let (old, new) = (old.unwrap_or_default().to_owned(), new.map(str::to_owned));
                changes.push(Change { name: name.clone(), old, new });
            }
        }
        changes
    }

    /// Sets a key to `value`, as said by whoever set it in `other`.
    pub fn put(&mut self, name: &str, value: &str, other: &Self) {
        match other.entries.get(name) {
            Some(entry) => {
                let entry = Entry { value: value.to_owned(), ..entry.clone() };
                self.entries.insert(name.to_owned(), entry);
            }
            None => self.unset(name),
        }
    }

    /// What set a key: a file's name, an option, or the defaults.
    pub fn source(&self, name: &str) -> String {
        self.entries.get(name).map_or_else(|| "the defaults".into(), |e| e.source.to_string())
    }

    /// Whether a file or an option sets it.
    pub fn is_set(&self, key: &Key) -> bool {
        self.entries.contains_key(key.name)
    }

    /// Text, trimmed; `None` where it is not set and has no default, or is empty.
    ///
    /// # Errors
    /// Variables that refer to themselves.
    pub fn text(&self, key: &Key) -> Result<Option<String>, ConfError> {
        self.text_of(key.name)
    }

    /// Text of `key` with suffixes joined by dots (name service, NameNode id); `None` where that is not set.
    ///
    /// # Errors
    /// Variables that refer to themselves.
    pub fn suffixed(&self, key: &Key, suffixes: &[&str]) -> Result<Option<String>, ConfError> {
        let mut name = key.name.to_owned();
        for suffix in suffixes.iter().filter(|s| !s.is_empty()) {
            name.push('.');
            name.push_str(suffix);
        }
        self.text_of(&name)
    }

    fn text_of(&self, name: &str) -> Result<Option<String>, ConfError> {
        let text = self.get(name)?;
        Ok(text.map(|t| t.trim().to_owned()).filter(|t| !t.is_empty()))
    }

    /// A whole number.
    ///
    /// # Errors
    /// A value that is none; a key with neither a value nor a default.
    pub fn int(&self, key: &Key) -> Result<i64, ConfError> {
        self.parsed(key, "a whole number", value::parse_int)
    }

    /// A whole number between two others, both allowed.
    ///
    /// # Errors
    /// A value that is none, or outside.
    pub fn int_in(
        &self,
        key: &Key,
        range: std::ops::RangeInclusive<i64>,
    ) -> Result<i64, ConfError> {
        let wanted = format!("a whole number from {} to {}", range.start(), range.end());
        self.parsed(key, &wanted, |text| value::parse_int(text).filter(|v| range.contains(v)))
    }

    /// A count of things: a whole number of at least 0 that fits `usize`.
    ///
    /// # Errors
    /// A value that is none, or negative.
    pub fn count(&self, key: &Key) -> Result<usize, ConfError> {
        self.parsed(key, "a whole number of at least 0", |text| {
            usize::try_from(value::parse_int(text)?).ok()
        })
    }

    /// Bytes; may be negative where Hadoop's key may.
    ///
    /// # Errors
    /// A value that is no size.
    pub fn size(&self, key: &Key) -> Result<i64, ConfError> {
        self.parsed(key, "a number of bytes such as 64m", value::parse_size)
    }

    /// Bytes, of at least 0.
    ///
    /// # Errors
    /// A value that is no size, or negative.
    pub fn bytes(&self, key: &Key) -> Result<u64, ConfError> {
        self.parsed(key, "a number of bytes of at least 0 such as 64m", |text| {
            u64::try_from(value::parse_size(text)?).ok()
        })
    }

    /// A length of time; the key's unit where none is written.
    ///
    /// # Errors
    /// A value that is none, or negative.
    pub fn time(&self, key: &Key) -> Result<Duration, ConfError> {
        let unit = unit_of(key);
        self.parsed(key, "a length of time of at least 0 such as 30s", |text| {
            let ns = value::parse_time_ns(text, unit)?;
            Some(Duration::from_nanos(u64::try_from(ns).ok()?))
        })
    }

    /// A length of time in milliseconds; may be negative where Hadoop's key may.
    ///
    /// # Errors
    /// A value that is none.
    pub fn time_ms(&self, key: &Key) -> Result<i64, ConfError> {
        let unit = unit_of(key);
        self.parsed(key, "a length of time such as 30s", |text| {
            i64::try_from(value::parse_time_ns(text, unit)? / 1_000_000).ok()
        })
    }

    /// `true` or `false`.
    ///
    /// # Errors
    /// Any other value.
    pub fn bool(&self, key: &Key) -> Result<bool, ConfError> {
        self.parsed(key, "true or false", value::parse_bool)
    }

    /// A decimal number.
    ///
    /// # Errors
    /// A value that is none.
    pub fn float(&self, key: &Key) -> Result<f64, ConfError> {
        self.parsed(key, "a number", value::parse_float)
    }

    /// Values between commas; empty where the key is not set.
    ///
    /// # Errors
    /// Variables that refer to themselves.
    pub fn list(&self, key: &Key) -> Result<Vec<String>, ConfError> {
        Ok(self.text(key)?.map_or_else(Vec::new, |text| value::parse_list(&text)))
    }

    /// One of several words, compared without case; the index of the one it is.
    ///
    /// # Errors
    /// Any other word.
    pub fn choice(&self, key: &Key, words: &[&str]) -> Result<usize, ConfError> {
        let wanted = format!("one of {}", words.join(", "));
        self.parsed(key, &wanted, |text| {
            words.iter().position(|word| word.eq_ignore_ascii_case(text.trim()))
        })
    }

    fn parsed<T>(
        &self,
        key: &Key,
        wanted: &str,
        parse: impl FnOnce(&str) -> Option<T>,
    ) -> Result<T, ConfError> {
        // An empty value counts as not set, as in Hadoop's getters.
        let text = match self.text(key)? {
            Some(text) => text,
            None => key.default.to_owned(),
        };
        parse(&text).ok_or_else(|| ConfError::Value {
            key: key.name.into(),
            value: text,
            source_name: self.source(key.name),
            wanted: wanted.into(),
        })
    }

    /// Whether every key that is set has a value its kind allows.
    ///
    /// # Errors
    /// The first that has not.
    pub fn check(&self) -> Result<(), ConfError> {
        for name in self.entries.keys() {
            let Some(key) = keys::find(name) else { continue };
            match key.kind {
                Kind::Text | Kind::List => self.text(key).map(drop)?,
                Kind::Bool => self.bool(key).map(drop)?,
                Kind::Int => self.int(key).map(drop)?,
                Kind::Size => self.size(key).map(drop)?,
                Kind::Time(_) => self.time_ms(key).map(drop)?,
                Kind::Float => self.float(key).map(drop)?,
            }
        }
        Ok(())
    }
}

fn unit_of(key: &Key) -> Unit {
    match key.kind {
        Kind::Time(unit) => unit,
        _ => Unit::Milliseconds,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn defaults_then_what_is_set() {
        let mut conf = Configuration::new();
        assert_eq!(conf.int(&keys::REPLICATION).unwrap(), 3);
        conf.set("dfs.replication", " 2 ", "-D");
        assert_eq!(conf.int(&keys::REPLICATION).unwrap(), 2);
        conf.set("dfs.replication", "", "-D");
        assert_eq!(conf.int(&keys::REPLICATION).unwrap(), 3);
        conf.unset("dfs.replication");
        assert!(!conf.is_set(&keys::REPLICATION));
    }

    #[test]
    fn deprecated_names_set_their_successor() {
        let mut conf = Configuration::new();
        conf.set("fs.default.name", "hdfs://h:1", "core-site.xml");
        assert_eq!(conf.text(&keys::DEFAULT_FS).unwrap().as_deref(), Some("hdfs://h:1"));
        assert_eq!(conf.get("fs.default.name").unwrap().as_deref(), Some("hdfs://h:1"));
        let used: Vec<_> = conf.deprecated_names().collect();
        assert_eq!(used, [("fs.default.name", "fs.defaultFS")]);
    }

    #[test]
    fn errors_name_key_value_and_source() {
        let mut conf = Configuration::new();
        conf.set("dfs.replication", "three", "hdfs-site.xml");
        assert_eq!(
            conf.int(&keys::REPLICATION).unwrap_err().to_string(),
            "dfs.replication: 'three' (set in hdfs-site.xml) is not a whole number"
        );
        assert!(conf.check().is_err());
        conf.set("dfs.replication", "9", "-D");
        let error = conf.int_in(&keys::REPLICATION, 1..=5).unwrap_err().to_string();
        assert!(error.contains("from 1 to 5"), "{error}");
        conf.set("hadoop.tmp.dir", "${hadoop.tmp.dir}", "-D");
        assert!(matches!(conf.text(&keys::TMP_DIR), Err(ConfError::Expansion { .. })));
    }

    #[test]
    fn variables_see_defaults_and_other_keys() {
        let mut conf = Configuration::new();
        conf.set("hadoop.tmp.dir", "/data", "-D");
        assert_eq!(conf.list(&keys::NAME_DIR).unwrap(), ["file:///data/dfs/name"]);
    }

    #[test]
    fn suffixes_and_choices() {
        let mut conf = Configuration::new();
        conf.set("dfs.namenode.rpc-address.ns.a", "h:1", "-D");
        let address = conf.suffixed(&keys::NAMENODE_RPC_ADDRESS, &["ns", "a"]).unwrap();
        assert_eq!(address.as_deref(), Some("h:1"));
        assert_eq!(conf.choice(&keys::CHECKSUM_TYPE, &["NULL", "CRC32", "CRC32C"]).unwrap(), 2);
        conf.set("dfs.checksum.type", "md5", "-D");
        assert!(conf.choice(&keys::CHECKSUM_TYPE, &["NULL", "CRC32"]).is_err());
    }

    #[test]
    fn every_default_is_of_its_kind() {
        let mut conf = Configuration::new();
        for key in keys::all().filter(|key| !key.default.is_empty()) {
            conf.set(key.name, key.default, "the table");
        }
        conf.check().unwrap();
    }
}

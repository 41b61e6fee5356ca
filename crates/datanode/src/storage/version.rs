//! `VERSION` files: Java's properties, as far as Hadoop writes them.

use std::fs::{self, File};
use std::io::Write;
use std::path::Path;

use crate::error::{DataNodeError, DiskContext, Result};

/// The lines of a `VERSION` file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Properties(Vec<(String, String)>);

impl Properties {
    pub(crate) fn set(&mut self, name: &str, value: impl ToString) {
        self.0.retain(|(known, _)| known != name);
        self.0.push((name.to_owned(), value.to_string()));
    }

    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// The value of `name`, which must be there.
    pub(crate) fn require(&self, name: &str, path: &Path) -> Result<&str> {
        self.get(name)
            .ok_or_else(|| inconsistent(path, format!("file VERSION is invalid: no {name}.")))
    }

    /// The number that `name` must have.
    pub(crate) fn number<T: std::str::FromStr>(&self, name: &str, path: &Path) -> Result<T> {
        let text = self.require(name, path)?;
        text.trim()
            .parse()
            .map_err(|_| inconsistent(path, format!("file VERSION is invalid: {name}={text}")))
    }

    pub(crate) fn parse(text: &str) -> Self {
        let lines = text
            .lines()
            .map(str::trim)
            .filter(|line| !line.is_empty() && !line.starts_with(['#', '!']));
        let pairs = lines.filter_map(|line| line.split_once(['=', ':']));
        Self(
            pairs
                .map(|(name, value)| (name.trim().to_owned(), value.trim().replace('\\', "")))
                .collect(),
        )
    }

    pub(crate) fn to_text(&self) -> String {
        let mut text = String::from("#\n");
        for (name, value) in &self.0 {
            text.push_str(&format!("{name}={}\n", value.replace(':', "\\:").replace('=', "\\=")));
        }
        text
    }

    pub(crate) fn load(path: &Path) -> Result<Self> {
        Ok(Self::parse(&fs::read_to_string(path).disk("cannot read", path)?))
    }

    /// Replaces the file at once and durably.
    pub(crate) fn store(&self, path: &Path) -> Result<()> {
        let draft = path.with_extension("tmp");
        let mut file = File::create(&draft).disk("cannot create", &draft)?;
        file.write_all(self.to_text().as_bytes()).disk("cannot write", &draft)?;
        file.sync_all().disk("cannot sync", &draft)?;
        fs::rename(&draft, path).disk("cannot replace", path)?;
        let Some(parent) = path.parent() else { return Ok(()) };
        File::open(parent).and_then(|directory| directory.sync_all()).disk("cannot sync", parent)
    }
}

pub(super) fn inconsistent(path: &Path, reason: String) -> DataNodeError {
    DataNodeError::Inconsistent { path: path.to_owned(), reason }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_java_writes() {
        let text = "#Sat Nov 21 06:00:00 UTC 2026\nclusterID=CID-1\ncTime=0\nlayoutVersion=-57\nname=a\\:b\n";
        let properties = Properties::parse(text);
        assert_eq!(properties.get("clusterID"), Some("CID-1"));
        assert_eq!(properties.get("name"), Some("a:b"));
        assert_eq!(properties.number::<i32>("layoutVersion", Path::new("v")).unwrap(), -57);
        assert!(properties.require("storageID", Path::new("v")).is_err());
        assert_eq!(Properties::parse(&properties.to_text()), properties);
    }
}

//! The `VERSION` file of a storage directory: a Java properties file.

use loxodon_wire::editlog::LAYOUT_VERSION;

/// Which file system a directory belongs to (`StorageInfo` and `NNStorage`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StorageInfo {
    /// Chosen at random when the file system was formatted.
    pub namespace_id: i32,
    /// The cluster's name.
    pub cluster_id: String,
    /// When the file system was formatted or last upgraded, milliseconds since the epoch.
    pub c_time: i64,
    /// The pool its blocks are in.
    pub block_pool_id: String,
    /// Layout of what is in the directory.
    pub layout_version: i32,
}

/// A `VERSION` file that cannot be accepted. Messages are Hadoop's, without the directory.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum VersionError {
    /// A property is not there.
    #[error("file VERSION has {0} missing.")]
    Missing(&'static str),
    /// A property is no number.
    #[error("file VERSION has {name} that is no number: {value}")]
    Number {
        /// The property.
        name: &'static str,
        /// Its value.
        value: String,
    },
    /// The directory is another daemon's.
    #[error("Incompatible node types: storageType=NAME_NODE but StorageDirectory type={0}")]
    NodeType(String),
    /// A newer Hadoop wrote it.
    #[error(
        "Unexpected version of storage directory. Reported: {0}. Expecting = {LAYOUT_VERSION}."
    )]
    Future(i32),
    /// It disagrees with the other directories.
    #[error("{0} is incompatible with others.")]
    Incompatible(&'static str),
}

impl VersionError {
    /// The exception Java raises here.
    #[must_use]
    pub const fn java_class(&self) -> &'static str {
        match self {
            Self::Future(_) => "org.apache.hadoop.hdfs.server.common.IncorrectVersionException",
            _ => "org.apache.hadoop.hdfs.server.common.InconsistentFSStateException",
        }
    }
}

const NODE_TYPE: &str = "NAME_NODE";

impl StorageInfo {
    /// Reads a `VERSION` file.
    ///
    /// # Errors
    /// [`VersionError`], if a property is missing or cannot be accepted.
    pub fn parse(text: &str) -> Result<Self, VersionError> {
        let properties = Properties(text);
        let node_type = properties.get("storageType")?;
        if node_type != NODE_TYPE {
            return Err(VersionError::NodeType(node_type));
        }
        let layout_version = properties.number("layoutVersion")?;
        if layout_version < LAYOUT_VERSION {
            return Err(VersionError::Future(layout_version));
        }
        Ok(Self {
            namespace_id: properties.number("namespaceID")?,
            cluster_id: properties.get("clusterID")?,
            c_time: properties.number("cTime")?,
            block_pool_id: properties.get("blockpoolID")?,
            layout_version,
        })
    }

    /// The file's text; `date` is the comment Java begins with, as `Date.toString()` writes it.
    #[must_use]
    pub fn render(&self, date: &str) -> String {
        format!(
            "#{date}\nnamespaceID={}\nblockpoolID={}\nstorageType={NODE_TYPE}\ncTime={}\n\
             clusterID={}\nlayoutVersion={}\n",
            self.namespace_id,
            escape(&self.block_pool_id),
            self.c_time,
            escape(&self.cluster_id),
            self.layout_version,
        )
    }

    /// Whether another directory belongs to the same file system.
    ///
    /// # Errors
    /// [`VersionError::Incompatible`], naming what differs.
    pub fn check_same(&self, other: &Self) -> Result<(), VersionError> {
        if self.namespace_id != other.namespace_id {
            Err(VersionError::Incompatible("namespaceID"))
        } else if self.cluster_id != other.cluster_id {
            Err(VersionError::Incompatible("cluster Id"))
        } else if self.block_pool_id != other.block_pool_id {
            Err(VersionError::Incompatible("blockpoolID"))
        } else {
            Ok(())
        }
    }
}

struct Properties<'a>(&'a str);

impl Properties<'_> {
    fn get(&self, name: &'static str) -> Result<String, VersionError> {
        self.0
            .lines()
            .map(str::trim_start)
            .filter(|line| !line.starts_with(['#', '!']))
            .filter_map(|line| line.split_once(['=', ':']))
            .filter(|(key, _)| key.trim_end() == name)
            .map(|(_, value)| unescape(value.trim_start()))
            .next_back()
            .ok_or(VersionError::Missing(name))
    }

    fn number<T: std::str::FromStr>(&self, name: &'static str) -> Result<T, VersionError> {
        let value = self.get(name)?;
        value.parse().map_err(|_| VersionError::Number { name, value })
    }
}

fn escape(value: &str) -> String {
    let mut out = String::with_capacity(value.len());
    for character in value.chars() {
        if matches!(character, '=' | ':' | '#' | '!' | '\\') {
            out.push('\\');
        }
        out.push(character);
    }
    out
}

fn unescape(value: &str) -> String {
    let mut out = String::with_capacity(value.len());
    let mut characters = value.chars();
    while let Some(character) = characters.next() {
        out.push(match character {
            '\\' => characters.next().unwrap_or('\\'),
            other => other,
        });
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    const JAVAS: &str = "#Sat Nov 21 05:55:12 UTC 2026\nnamespaceID=1328912033\n\
        blockpoolID=BP-1572896212-127.0.0.1-1795240498667\nstorageType=NAME_NODE\n\
        cTime=1795240498669\nclusterID=testClusterID\nlayoutVersion=-67\n";

    #[test]
    fn javas_file_is_read_and_written() {
        let info = StorageInfo::parse(JAVAS).unwrap();
        assert_eq!(info.namespace_id, 1_328_912_033);
        assert_eq!(info.cluster_id, "testClusterID");
        assert_eq!(info.render("Sat Nov 21 05:55:12 UTC 2026"), JAVAS);
    }

    #[test]
    fn odd_values_survive() {
        let mut info = StorageInfo::parse(JAVAS).unwrap();
        info.cluster_id = "a:b=c\\d#e".into();
        assert_eq!(StorageInfo::parse(&info.render("x")).unwrap(), info);
    }

    #[test]
    fn what_is_wrong_is_named() {
        let broken = |from: &str, to: &str| StorageInfo::parse(&JAVAS.replace(from, to));
        assert_eq!(broken("cTime=", "ctime="), Err(VersionError::Missing("cTime")));
        assert_eq!(broken("-67", "-68"), Err(VersionError::Future(-68)));
        assert!(matches!(broken("-67", "x"), Err(VersionError::Number { .. })));
        assert!(matches!(broken("NAME_NODE", "DATA_NODE"), Err(VersionError::NodeType(_))));
        let ours = StorageInfo::parse(JAVAS).unwrap();
        let theirs = broken("testClusterID", "other").unwrap();
        assert_eq!(ours.check_same(&theirs), Err(VersionError::Incompatible("cluster Id")));
    }
}

//! Finding and reading the files.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::configuration::{Configuration, Entry};
use crate::error::ConfError;
use crate::xml::{self, Item};

/// The files of a configuration directory, in the order they are read.
pub const DEFAULT_FILES: [&str; 6] = [
    "core-site.xml",
    "hdfs-site.xml",
    "mapred-site.xml",
    "mapred-queue-acls.xml",
    "yarn-site.xml",
    "capacity-scheduler.xml",
];

/// Includes within includes beyond this depth are a loop.
const MAX_INCLUDE_DEPTH: usize = 16;

/// The directory of `--config`, else `HADOOP_CONF_DIR`, else `HADOOP_HOME/etc/hadoop`, else `/etc/hadoop/conf`;
/// `None` where none of these is there.
pub fn configuration_directory(option: Option<&Path>) -> Option<PathBuf> {
    if let Some(dir) = option {
        return Some(dir.into());
    }
    if let Some(dir) = std::env::var_os("HADOOP_CONF_DIR").filter(|d| !d.is_empty()) {
        return Some(dir.into());
    }
    let home = std::env::var_os("HADOOP_HOME").filter(|d| !d.is_empty());
    let home = home.map(|home| PathBuf::from(home).join("etc/hadoop"));
    home.into_iter().chain([PathBuf::from("/etc/hadoop/conf")]).find(|dir| dir.is_dir())
}

impl Configuration {
    /// Reads [`DEFAULT_FILES`] of a directory; files that are not there set nothing.
    ///
    /// # Errors
    /// A file that cannot be read or parsed.
    pub fn load_directory(&mut self, dir: &Path) -> Result<(), ConfError> {
        for name in DEFAULT_FILES {
            let path = dir.join(name);
            self.load_if_there(path)?;
        }
        Ok(())
    }

    fn load_if_there(&mut self, path: PathBuf) -> Result<(), ConfError> {
        match fs::read_to_string(&path) {
            Ok(text) => self.load_text(&path, &text, 0)?,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => return Err(ConfError::Read { path, error }),
        }
        self.files.push(path);
        Ok(())
    }

    /// A file of another kind beside the site's files, if it is there; of two directories the later one's.
    #[must_use]
    pub fn beside(&self, name: &str) -> Option<PathBuf> {
        let is_site = |file: &&PathBuf| {
            let name = file.file_name().and_then(|name| name.to_str());
            name.is_some_and(|name| DEFAULT_FILES.contains(&name))
        };
        let directories = self.files.iter().filter(is_site).filter_map(|file| file.parent());
        directories.map(|directory| directory.join(name)).rfind(|path| path.is_file())
    }

    /// The same files as they are now, under what options set: for a daemon that is told to
    /// refresh a part of its configuration.
    ///
    /// # Errors
    /// A file that cannot be read or parsed.
    pub fn reread(&self) -> Result<Self, ConfError> {
        self.reread_then(None)
    }

    /// As [`Self::reread`], with one file more that lies beside the site's files, if it is there.
    ///
    /// # Errors
    /// A file that cannot be read or parsed.
    pub fn reread_with(&self, name: &str) -> Result<Self, ConfError> {
        self.reread_then(self.beside(name))
    }

    fn reread_then(&self, last: Option<PathBuf>) -> Result<Self, ConfError> {
        let mut fresh = Self::new();
        for path in self.files.iter().cloned().chain(last) {
            fresh.load_if_there(path)?;
        }
        for (name, entry) in self.entries().filter(|(_, entry)| entry.is_option) {
            fresh.set(name, &entry.value, &entry.source);
        }
        Ok(fresh)
    }

    /// Reads one file, which must be there.
    ///
    /// # Errors
    /// A file that cannot be read or parsed.
    pub fn load_file(&mut self, path: &Path) -> Result<(), ConfError> {
        self.load_nested(path, 0)?;
        self.files.push(path.into());
        Ok(())
    }

    /// Reads the text of a file that somebody else wrote, such as a job's `job.xml`: it may not include
    /// files of this machine.
    ///
    /// # Errors
    /// A text that is no configuration, or one that includes another.
    pub fn load_foreign(&mut self, name: &str, text: &str) -> Result<(), ConfError> {
        self.load_text(Path::new(name), text, MAX_INCLUDE_DEPTH)
    }

    fn load_nested(&mut self, path: &Path, depth: usize) -> Result<(), ConfError> {
        let text = fs::read_to_string(path)
            .map_err(|error| ConfError::Read { path: path.into(), error })?;
        self.load_text(path, &text, depth)
    }

    fn load_text(&mut self, path: &Path, text: &str, depth: usize) -> Result<(), ConfError> {
        let items = xml::parse(text).map_err(|e| ConfError::Syntax {
            path: path.into(),
            line: e.line,
            reason: e.reason,
        })?;
        let source = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy();
        let source: Arc<str> = source.into();
        for item in items {
            match item {
                Item::Property { name, value, is_final, sources: earlier, .. } => {
                    let source = source.clone();
                    let entry = Entry { value, source, earlier, is_final, is_option: false };
                    self.set_from_file(&name, entry);
                }
                Item::Include { href, fallback, line } => {
                    let included = path.parent().unwrap_or(Path::new("")).join(strip_file(&href));
                    if depth >= MAX_INCLUDE_DEPTH {
                        let reason = format!("{href} is included more than 16 levels deep");
                        return Err(ConfError::Syntax { path: path.into(), line, reason });
                    }
                    if !fallback || included.exists() {
                        self.load_nested(&included, depth + 1)?;
                    }
                }
            }
        }
        Ok(())
    }
}

fn strip_file(href: &str) -> &str {
    href.strip_prefix("file://").or_else(|| href.strip_prefix("file:")).unwrap_or(href)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(dir: &Path, name: &str, body: &str) {
        fs::write(dir.join(name), format!("<configuration>{body}</configuration>")).unwrap();
    }

    #[test]
    fn what_others_wrote_includes_nothing() {
        let dir = tempfile::tempdir().unwrap();
        write(dir.path(), "own.xml", "<property><name>a</name><value>secret</value></property>");
        let mut conf = Configuration::new();
        let own = dir.path().join("own.xml");
        let text = format!("<configuration><include href='{}'/></configuration>", own.display());
        assert!(conf.load_foreign("job.xml", &text).is_err());
        assert_eq!(conf.get("a").unwrap(), None);
    }

    #[test]
    fn files_override_in_order_but_not_what_is_final() {
        let dir = tempfile::tempdir().unwrap();
        write(
            dir.path(),
            "core-site.xml",
            "<property><name>a</name><value>core</value><final>true</final></property>\
             <property><name>b</name><value>core</value></property>\
             <include href='more.xml'/><include href='absent.xml'><fallback/></include>",
        );
        write(
            dir.path(),
            "hdfs-site.xml",
            "<property><name>a</name><value>hdfs</value></property>\
             <property><name>b</name><value>hdfs</value></property>",
        );
        write(dir.path(), "more.xml", "<property><name>c</name><value>more</value></property>");
        let mut conf = Configuration::new();
        conf.load_directory(dir.path()).unwrap();
        let value = |name| conf.get(name).unwrap().unwrap();
        assert_eq!(
            (value("a"), value("b"), value("c")),
            ("core".into(), "hdfs".into(), "more".into())
        );
    }

    #[test]
    fn other_files_lie_beside_the_sites() {
        let directory = tempfile::tempdir().unwrap();
        let mut conf = Configuration::new();
        conf.load_directory(directory.path()).unwrap();
        assert_eq!(conf.beside("mapred-queues.xml"), None);
        fs::write(directory.path().join("mapred-queues.xml"), "<queues/>").unwrap();
        assert!(conf.beside("mapred-queues.xml").is_some());
        assert_eq!(Configuration::new().beside("mapred-queues.xml"), None);
    }

    #[test]
    fn files_are_read_again_under_the_options() {
        let dir = tempfile::tempdir().unwrap();
        let property = |name: &str, value: &str| {
            format!("<property><name>{name}</name><value>{value}</value></property>")
        };
        let site = |b: &str| property("a", "file") + &property("b", b);
        write(dir.path(), "hdfs-site.xml", &site("old"));
        let mut conf = Configuration::new();
        conf.load_directory(dir.path()).unwrap();
        conf.set("a", "option", "-D");
        write(dir.path(), "hdfs-site.xml", &site("new"));
        write(dir.path(), "core-site.xml", &property("c", "late"));
        let fresh = conf.reread().unwrap();
        let value = |name| fresh.get(name).unwrap().unwrap();
        assert_eq!(
            (value("a"), value("b"), value("c")),
            ("option".into(), "new".into(), "late".into())
        );
    }

    #[test]
    fn errors_name_the_file() {
        let dir = tempfile::tempdir().unwrap();
        write(dir.path(), "core-site.xml", "<include href='core-site.xml'/>");
        let error = Configuration::new().load_directory(dir.path()).unwrap_err().to_string();
        assert!(error.contains("core-site.xml: line 1:"), "{error}");
        fs::write(dir.path().join("core-site.xml"), "<configuration><property>").unwrap();
        assert!(Configuration::new().load_directory(dir.path()).is_err());
        let error = Configuration::new().load_file(&dir.path().join("none.xml")).unwrap_err();
        assert!(error.to_string().contains("none.xml"), "{error}");
        assert!(Configuration::new().load_directory(&dir.path().join("none")).is_ok());
    }
}

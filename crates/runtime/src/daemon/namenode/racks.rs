//! Which rack a DataNode stands on: a script, a table, or nothing said.

use std::collections::HashMap;
use std::path::PathBuf;
use std::process::Command;
use std::sync::Arc;

use loxodon_conf::{ConfError, Configuration, keys};
use parking_lot::Mutex;

/// Where nodes are that nobody said anything about (`NetworkTopology.DEFAULT_RACK`).
const DEFAULT_RACK: &str = "/default-rack";

/// Addresses that are remembered; with more, all are asked for anew. Peers name them.
const MOST_KNOWN: usize = 100_000;

/// Finds racks, and remembers them (`CachedDNSToSwitchMapping`).
#[derive(Debug)]
pub(crate) struct Racks {
    source: Source,
    /// Whether a node whose rack cannot be found is refused.
    refuses: bool,
    known: Mutex<HashMap<String, Arc<str>>>,
}

#[derive(Debug)]
enum Source {
    /// Everybody is on the default rack.
    None,
    /// `net.topology.script.file.name`.
    Script(PathBuf),
    /// `net.topology.table.file.name`, lines of address and rack.
    Table(HashMap<String, Arc<str>>),
    /// Said by whoever runs us (an embedded cluster's `-racks`).
    Fixed(HashMap<String, Arc<str>>),
}

impl Racks {
    /// As the configuration has it. A table that cannot be read is warned about, as Hadoop does.
    pub(crate) fn from_conf(conf: &Configuration) -> Result<Self, ConfError> {
        let mapping = conf.text(&keys::TOPOLOGY_MAPPING)?.unwrap_or_default();
        let source = if mapping.ends_with("TableMapping") {
            conf.text(&keys::TOPOLOGY_TABLE)?.map(|path| Source::Table(read_table(&path)))
        } else {
            conf.text(&keys::TOPOLOGY_SCRIPT)?.map(|path| Source::Script(path.into()))
        };
        let refuses = conf.bool(&keys::TOPOLOGY_REFUSE)?;
        Ok(Self { source: source.unwrap_or(Source::None), refuses, known: Mutex::default() })
    }

    /// Racks that are known beforehand, by `ip:port` of the data transfer.
    pub(crate) fn fixed(racks: HashMap<String, Arc<str>>) -> Self {
        Self { source: Source::Fixed(racks), refuses: false, known: Mutex::default() }
    }

    /// The rack of the node at this address; `None` where the script failed and the node is
    /// to be refused (`dfs.namenode.reject-unresolved-dn-topology-mapping`). May run the script.
    pub(crate) fn rack_of(&self, ip: &str, port: u16) -> Option<Arc<str>> {
        let default = || Arc::from(DEFAULT_RACK);
        match &self.source {
            Source::None => Some(default()),
            Source::Table(racks) => Some(racks.get(ip).cloned().unwrap_or_else(default)),
            Source::Fixed(racks) => {
                let rack = racks.get(&format!("{ip}:{port}"));
                Some(rack.cloned().unwrap_or_else(default))
            }
            Source::Script(path) => {
                if let Some(rack) = self.known.lock().get(ip) {
                    return Some(Arc::clone(rack));
                }
                let Some(rack) = run_script(path, ip) else {
                    return (!self.refuses).then(default);
                };
                let rack: Arc<str> = Arc::from(rack);
                let mut known = self.known.lock();
                if known.len() >= MOST_KNOWN {
                    known.clear();
                }
                known.insert(ip.to_owned(), Arc::clone(&rack));
                Some(rack)
            }
        }
    }
}

/// `ScriptBasedMapping`: the script gets an address and prints a rack.
fn run_script(path: &PathBuf, ip: &str) -> Option<String> {
    let output = Command::new(path).arg(ip).output();
    let printed = match output {
        Ok(output) if output.status.success() => {
            String::from_utf8_lossy(&output.stdout).into_owned()
        }
        Ok(output) => {
            let said = String::from_utf8_lossy(&output.stderr).into_owned();
            tracing::warn!(script = %path.display(), ip, status = %output.status, %said,
                "the topology script failed");
            return None;
        }
        Err(error) => {
            tracing::warn!(script = %path.display(), ip, %error,
                "the topology script cannot be run");
            return None;
        }
    };
    let mut words = printed.split_whitespace();
    match (words.next(), words.next()) {
        (Some(rack), None) => Some(rack.to_owned()),
        _ => {
            tracing::warn!(script = %path.display(), ip, %printed,
                "the topology script did not print one rack");
            None
        }
    }
}

fn read_table(path: &str) -> HashMap<String, Arc<str>> {
    let text = match std::fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) => {
            tracing::warn!(path, %error, "the topology table cannot be read; all nodes are on \
                /default-rack");
            return HashMap::new();
        }
    };
    parse_table(&text, path)
}

pub(crate) fn parse_table(text: &str, path: &str) -> HashMap<String, Arc<str>> {
    let mut racks = HashMap::new();
    for line in
        text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'))
    {
        let mut words = line.split_whitespace();
        if let (Some(name), Some(rack), None) = (words.next(), words.next(), words.next()) {
            racks.insert(name.to_owned(), Arc::from(rack));
        } else {
            tracing::warn!(path, line, "a line of the topology table has not two columns");
        }
    }
    racks
}

#[cfg(test)]
mod tests {
    use super::*;

    fn racks(entries: &[(&str, &str)]) -> Racks {
        let mut conf = Configuration::new();
        for (name, value) in entries {
            conf.set(name, value, "test");
        }
        Racks::from_conf(&conf).unwrap()
    }

    fn rack(racks: &Racks, ip: &str) -> Option<String> {
        racks.rack_of(ip, 9866).map(|rack| rack.to_string())
    }

    fn script(place: &std::path::Path, text: &str) -> String {
        use std::os::unix::fs::PermissionsExt;
        let path = place.join("racks.sh");
        std::fs::write(&path, format!("#!/bin/sh\n{text}\n")).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
        path.display().to_string()
    }

    #[test]
    fn a_script_is_asked_once_for_each_address() {
        let place = tempfile::tempdir().unwrap();
        let asked = place.path().join("asked");
        let text = format!("echo $1 >> {}; echo /rack-${{1##*.}}", asked.display());
        let racks = racks(&[("net.topology.script.file.name", &script(place.path(), &text))]);
        assert_eq!(rack(&racks, "10.0.0.7").as_deref(), Some("/rack-7"));
        assert_eq!(rack(&racks, "10.0.0.8").as_deref(), Some("/rack-8"));
        assert_eq!(rack(&racks, "10.0.0.7").as_deref(), Some("/rack-7"));
        assert_eq!(std::fs::read_to_string(asked).unwrap(), "10.0.0.7\n10.0.0.8\n");
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let place = tempfile::tempdir().unwrap();
        let racks = racks(&[("net.topology.script.file.name", &script(place.path(), "echo /a"))]);
        let old = (0..MOST_KNOWN).map(|host| (format!("h{host}"), Arc::from("/b")));
        racks.known.lock().extend(old);
        assert_eq!(rack(&racks, "h7").as_deref(), Some("/b"));
        assert_eq!(rack(&racks, "10.0.0.7").as_deref(), Some("/a"));
        assert_eq!(racks.known.lock().len(), 1);
    }

    #[test]
    fn who_has_no_rack_is_on_the_default_one_or_refused() {
        let place = tempfile::tempdir().unwrap();
        for text in ["exit 1", "echo /a /b", "true"] {
            let script = script(place.path(), text);
            let key = ("net.topology.script.file.name", script.as_str());
            assert_eq!(rack(&racks(&[key]), "10.0.0.7").as_deref(), Some("/default-rack"));
            let refuse = ("dfs.namenode.reject-unresolved-dn-topology-mapping", "true");
            assert_eq!(rack(&racks(&[key, refuse]), "10.0.0.7"), None, "{text}");
        }
        let missing = ("net.topology.script.file.name", "/no/such/script");
        assert_eq!(rack(&racks(&[missing]), "10.0.0.7").as_deref(), Some("/default-rack"));
    }

    #[test]
    fn a_table_is_read() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("racks").display().to_string();
        std::fs::write(&path, "# racks\n10.0.0.1 /a\n10.0.0.2\t/b\none two three\n\n").unwrap();
        let table = [
            ("net.topology.node.switch.mapping.impl", "org.apache.hadoop.net.TableMapping"),
            ("net.topology.table.file.name", path.as_str()),
        ];
        let known = racks(&table);
        assert_eq!(rack(&known, "10.0.0.1").as_deref(), Some("/a"));
        assert_eq!(rack(&known, "10.0.0.2").as_deref(), Some("/b"));
        assert_eq!(rack(&known, "10.0.0.3").as_deref(), Some("/default-rack"));
        let missing = racks(&[table[0], ("net.topology.table.file.name", "/no/such/table")]);
        assert_eq!(rack(&missing, "10.0.0.1").as_deref(), Some("/default-rack"));
    }
}

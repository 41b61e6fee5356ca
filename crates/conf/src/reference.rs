//! The reference page, `docs/configuration.md`, made from the table.

use std::fmt::Write as _;

use crate::key::Key;
use crate::keys;

/// The page as Markdown.
pub fn reference_page() -> String {
    let mut page = String::from(
        "# Configuration\n\n\
         Every key that Loxodon honours, with Hadoop's name and meaning. It reads `core-site.xml`,\n\
         `hdfs-site.xml`, `mapred-site.xml`, `yarn-site.xml` and `capacity-scheduler.xml` from `--config DIR`, `HADOOP_CONF_DIR`, `HADOOP_HOME/etc/hadoop` or `/etc/hadoop/conf`;\n\
         `-conf FILE` adds a file and `-D KEY=VALUE` a value. A key of Hadoop's that is not on this page changes\n\
         nothing: daemons log a warning with its name. Besides these, the NameNode honours\n\
         `hadoop.proxyuser.NAME.hosts`, `.groups` and `.users`, for any `NAME`. This page is generated from\n\
         `crates/conf/src/keys.rs` and `keys/mapreduce.rs`.\n\n",
    );
    let mut sorted: Vec<&Key> = keys::all().collect();
    sorted.sort_by_key(|key| key.name);
    for key in sorted {
        let _ = writeln!(page, "## `{}`\n\n{}\n", key.name, key.doc);
        let _ = writeln!(page, "- takes: {}", key.kind.name());
        let _ = match key.default {
            "" => writeln!(page, "- default: not set"),
            default => writeln!(page, "- default: `{default}`"),
        };
        let names: Vec<String> = keys::older_names(key).map(|n| format!("`{n}`")).collect();
        if !names.is_empty() {
            let _ = writeln!(page, "- older names: {}", names.join(", "));
        }
        page.push('\n');
    }
    page.truncate(page.trim_end().len());
    page.push('\n');
    page
}

#[cfg(test)]
mod tests {
    use super::*;

    /// With `UPDATE_REFERENCE` set it writes the page instead.
    #[test]
    fn the_page_is_current() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/configuration.md");
        if std::env::var_os("UPDATE_REFERENCE").is_some() {
            std::fs::create_dir_all(concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs")).unwrap();
            std::fs::write(path, reference_page()).unwrap();
        }
        let current = std::fs::read_to_string(path).unwrap_or_default();
        assert!(
            current == reference_page(),
            "docs/configuration.md is not what the table says: \
             run UPDATE_REFERENCE=1 cargo test -p loxodon-conf the_page_is_current"
        );
    }
}

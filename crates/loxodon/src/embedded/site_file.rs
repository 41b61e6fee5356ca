//! Writing a configuration as the XML that every Hadoop program reads.

use std::fs;
use std::io;
use std::path::Path;

use loxodon_conf::Configuration;
use quick_xml::escape::escape;

/// Writes all keys that are set as one `*-site.xml`.
pub(super) fn write(conf: &Configuration, path: &Path) -> io::Result<()> {
    let mut text = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<configuration>\n");
    for (name, entry) in conf.entries() {
        text += &format!(
            "  <property><name>{}</name><value>{}</value></property>\n",
            escape(name),
            escape(&entry.value)
        );
    }
    text += "</configuration>\n";
    fs::write(path, text)
        .map_err(|error| io::Error::new(error.kind(), format!("{}: {error}", path.display())))
}

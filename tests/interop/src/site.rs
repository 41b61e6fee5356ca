//! Configuration directories that Java's programs and ours both read.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::free_port;

/// One cluster's configuration directory and the folder that its daemons write below.
#[derive(Debug)]
pub struct Site {
    root: PathBuf,
    rpc: u16,
    http: u16,
}

impl Site {
    /// Lays out a cluster below `root` with ports that are free now.
    ///
    /// # Errors
    /// Where the files cannot be written.
    pub fn new(root: &Path) -> io::Result<Self> {
        let site = Self { root: root.into(), rpc: free_port()?, http: free_port()? };
        fs::create_dir_all(site.conf())?;
        site.write_core()?;
        site.write_hdfs(&site.conf(), &[])?;
        Ok(site)
    }

    /// The directory with `core-site.xml` and `hdfs-site.xml` of clients and the NameNode.
    pub fn conf(&self) -> PathBuf {
        self.root.join("conf")
    }

    /// Where the NameNode keeps image and edits.
    pub fn name_dir(&self) -> PathBuf {
        self.root.join("name")
    }

    /// Where DataNode `index` keeps its blocks.
    pub fn data_dir(&self, index: usize) -> PathBuf {
        self.root.join(format!("data{index}"))
    }

    /// The cluster's address, `hdfs://127.0.0.1:port`.
    pub fn uri(&self) -> String {
        format!("hdfs://127.0.0.1:{}", self.rpc)
    }

    /// Port of the NameNode's calls.
    pub fn rpc_port(&self) -> u16 {
        self.rpc
    }

    /// Port of the NameNode's web server.
    pub fn http_port(&self) -> u16 {
        self.http
    }

    /// A configuration directory of DataNode `index`'s own, with its directory and free ports.
    ///
    /// # Errors
    /// Where the files cannot be written.
    pub fn datanode_conf(&self, index: usize, extra: &[(&str, &str)]) -> io::Result<PathBuf> {
        let conf = self.root.join(format!("conf-datanode{index}"));
        fs::create_dir_all(&conf)?;
        fs::copy(self.conf().join("core-site.xml"), conf.join("core-site.xml"))?;
        let data = format!("file://{}", self.data_dir(index).display());
        let mut own = vec![
            ("dfs.datanode.data.dir", data.as_str()),
            ("dfs.datanode.address", "127.0.0.1:0"),
            ("dfs.datanode.ipc.address", "127.0.0.1:0"),
            ("dfs.datanode.http.address", "127.0.0.1:0"),
        ];
        own.extend_from_slice(extra);
        self.write_hdfs(&conf, &own)?;
        Ok(conf)
    }

    /// Writes the NameNode's and clients' `hdfs-site.xml` again with `extra` keys.
    ///
    /// # Errors
    /// Where the file cannot be written.
    pub fn configure(&self, extra: &[(&str, &str)]) -> io::Result<()> {
        self.write_hdfs(&self.conf(), extra)
    }

    fn write_core(&self) -> io::Result<()> {
        let tmp = self.root.join("tmp").display().to_string();
        let uri = self.uri();
        // A NameNode makes checkpoints of trashes at whole multiples of this: no test meets one.
        let year = "525600";
        write_xml(
            &self.conf().join("core-site.xml"),
            &[("fs.defaultFS", &uri), ("hadoop.tmp.dir", &tmp), ("fs.trash.interval", year)],
        )
    }

    fn write_hdfs(&self, conf: &Path, extra: &[(&str, &str)]) -> io::Result<()> {
        let name = format!("file://{}", self.name_dir().display());
        let http = format!("127.0.0.1:{}", self.http);
        let mut pairs = vec![
            ("dfs.namenode.name.dir", name.as_str()),
            ("dfs.namenode.http-address", &http),
            ("dfs.namenode.secondary.http-address", "127.0.0.1:0"),
            ("dfs.replication", "1"),
            ("dfs.namenode.fs-limits.min-block-size", "512"),
            ("dfs.namenode.safemode.extension", "0"),
            ("dfs.namenode.acls.enabled", "true"),
            ("dfs.namenode.heartbeat.recheck-interval", "2000"),
            ("dfs.heartbeat.interval", "1"),
            ("dfs.namenode.redundancy.interval.seconds", "1s"),
            ("dfs.permissions.superusergroup", "supergroup"),
        ];
        pairs.extend_from_slice(extra);
        write_xml(&conf.join("hdfs-site.xml"), &pairs)
    }
}

/// Writes a configuration file.
///
/// # Errors
/// Where it cannot be written.
pub fn write_xml(path: &Path, pairs: &[(&str, &str)]) -> io::Result<()> {
    let mut text = String::from("<configuration>\n");
    for (name, value) in pairs {
        text += &format!("  <property><name>{name}</name><value>{value}</value></property>\n");
    }
    fs::write(path, text + "</configuration>\n")
}

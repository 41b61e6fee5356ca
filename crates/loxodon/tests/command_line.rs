//! The program with wrong command lines and configurations: what is wrong is named, and where.

#![allow(clippy::expect_used)] // helpers of tests are not marked as tests

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Output, Stdio};

fn run(conf: &Path, args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_loxodon"))
        .env("HADOOP_CONF_DIR", conf)
        .args(args)
        .output()
        .expect("the program starts")
}

fn refused(conf: &Path, args: &[&str], named: &[&str]) {
    let output = run(conf, args);
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_ne!(output.status.code(), Some(0), "{args:?} succeeded");
    for word in named {
        assert!(stderr.contains(word), "{args:?} does not name {word}:\n{stderr}");
    }
}

#[test]
fn misspelt_words_and_options() {
    let conf = tempfile::tempdir().expect("a directory");
    let conf = conf.path();
    refused(conf, &["hdfs", "dsf", "-ls"], &["dsf is not COMMAND"]);
    refused(conf, &["hdfs", "--conifg", "x", "dfs"], &["--conifg"]);
    refused(conf, &["hdfs", "--config", "/no/such", "dfs"], &["/no/such"]);
    refused(conf, &["hdfs", "--loglevel", "loud", "dfs"], &["loud"]);
    refused(conf, &["dfs", "-lss"], &["-lss: Unknown command"]);
    refused(conf, &["dfs", "ls"], &["Did you mean -ls?"]);
    refused(conf, &["dfs", "-ls", "-Z"], &["-ls: Illegal option -Z", "Usage: hadoop fs"]);
    refused(conf, &["dfs", "-conf", "/no/such.xml", "-ls"], &["/no/such.xml"]);
    refused(conf, &["dfsadmin", "-raport"], &["raport: Unknown command"]);
    refused(conf, &["fsck", "/", "-fils"], &["Illegal option '-fils'"]);
    refused(conf, &["balancer"], &["UnsupportedOperationException"]);
    refused(conf, &["getconf", "-confKey", "no.such.key"], &["no.such.key is missing"]);
}

#[test]
fn the_version_is_where_scripts_look() {
    let conf = tempfile::tempdir().expect("a directory");
    for args in [&["version"][..], &["hdfs", "version"], &["hadoop", "version"], &["--version"]] {
        let output = run(conf.path(), args);
        let text = String::from_utf8_lossy(&output.stdout);
        let own = format!("Loxodon {}", env!("CARGO_PKG_VERSION"));
        assert_eq!(text.lines().collect::<Vec<_>>(), ["Hadoop 3.5.0", &own], "{args:?}");
    }
    refused(conf.path(), &["hdfs", "secondarynamenode"], &["UnsupportedOperationException"]);
}

/// Without a NameNode a command fails at once, as Hadoop's do.
#[test]
fn a_refused_connection_is_not_tried_again() {
    let conf = tempfile::tempdir().expect("a directory");
    let nobodys = loxodon_runtime::held_port::HeldPort::any().expect("a port");
    let uri = format!("hdfs://127.0.0.1:{}", nobodys.number());
    // Whoever tried again would do so in an hour.
    let pause = "ipc.client.connect.retry.interval=3600000";
    let args = ["dfs", "-D", pause, "-fs", &uri, "-ls", "/"];
    refused(conf.path(), &args, &["Connection refused"]);
}

#[test]
fn wrong_configurations() {
    let dir = tempfile::tempdir().expect("a directory");
    let site = dir.path().join("core-site.xml");
    std::fs::write(&site, "<configuration>\n<property>\n</configuration>").expect("a file");
    refused(dir.path(), &["dfs", "-ls"], &["core-site.xml", "line 3"]);
    std::fs::write(
        &site,
        "<configuration><property><name>fs.trash.interval</name><value>soon</value></property>\
         <property><name>fs.defaultFS</name><value>nosuch://x</value></property></configuration>",
    )
    .expect("a file");
    refused(dir.path(), &["dfs", "-ls", "/"], &["No FileSystem for scheme", "nosuch"]);
    let local = ["dfs", "-fs", "file:///", "-expunge"];
    refused(dir.path(), &local, &["fs.trash.interval", "soon", "core-site.xml"]);
    let misspelt = run(dir.path(), &["dfs", "-D", "dfs.replicatoin=2", "-ls", "file:///"]);
    let stderr = String::from_utf8_lossy(&misspelt.stderr);
    assert!(stderr.contains("did you mean dfs.replication?"), "{stderr}");
}

#[test]
fn local_files_without_a_cluster() {
    let dir = tempfile::tempdir().expect("a directory");
    let path = format!("file://{}", dir.path().display());
    std::fs::write(dir.path().join("a"), "text\n").expect("a file");
    let output = run(dir.path(), &["fs", "-cat", &format!("{path}/a")]);
    assert_eq!((output.status.code(), output.stdout.as_slice()), (Some(0), &b"text\n"[..]));
    let output = run(dir.path(), &["getconf", "-confKey", "dfs.blocksize"]);
    assert_eq!(output.stdout, b"134217728\n");
}

/// How the tests of other languages' clients (snakebite's, for one) get their cluster.
#[test]
fn a_cluster_by_the_jar_of_hadoops_tests() {
    let dir = tempfile::tempdir().expect("a directory");
    let jar = "/no/such/hadoop-mapreduce-client-jobclient-3.5.0-tests.jar";
    refused(dir.path(), &["hadoop", "jar", jar, "TestDFSIO"], &["TestDFSIO", "minicluster"]);
    let mut cluster = Command::new(env!("CARGO_BIN_EXE_loxodon"))
        .args(["hadoop", "jar", jar, "minicluster", "-nomr", "-format"])
        .env("HADOOP_CONF_DIR", dir.path())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program starts");
    // Whoever read its log has gone, and whoever reads its output goes after the first line.
    drop(cluster.stderr.take());
    let said = BufReader::new(cluster.stdout.take().expect("its output"));
    let port = said.lines().map_while(Result::ok).find_map(|line| {
        let (_, after) = line.split_once("Started MiniDFSCluster -- namenode on port ")?;
        after.split(',').next().map(str::to_owned)
    });
    let root = format!("hdfs://localhost:{}/", port.as_deref().unwrap_or("none"));
    let listed = run(dir.path(), &["fs", "-ls", &root]);
    cluster.kill().and_then(|()| cluster.wait()).expect("it ends");
    assert_eq!((listed.status.code(), listed.stdout), (Some(0), Vec::new()), "{root}");
}

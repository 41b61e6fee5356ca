//! Starts that cannot be: ports that are taken, options and values that mean nothing.

use std::net::TcpListener;

use crate::daemon::{Site, files};

#[test]
fn ports_that_are_taken_are_named() {
    let taken = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = taken.local_addr().expect("an address").to_string();
    let site = Site::formatted().with("fs.defaultFS", &format!("hdfs://{address}"));
    let before = files(&site.current(), "");
    site.refused(&[&format!(
        "java.net.BindException: Problem binding to [{address}] java.net.BindException: Address \
         already in use; For more details see:  http://wiki.apache.org/hadoop/BindException"
    )]);
    let site =
        site.with("fs.defaultFS", "hdfs://127.0.0.1:0").with("dfs.namenode.http-address", &address);
    site.refused(&[&format!("java.net.BindException: Port in use: {address}")]);
    // Nothing was written: ports are taken before an edit segment is opened.
    assert_eq!(files(&site.current(), ""), before);
    site.with("dfs.namenode.http-address", "127.0.0.1:0").start().stop();
}

#[test]
fn options_that_mean_nothing_are_named() {
    let site = Site::unformatted();
    for (args, named) in [
        (&["-rekover"][..], "unknown option -rekover"),
        (&["-format", "-froce"], "unknown option -froce"),
        (&["-format", "-clusterid"], "Must specify a valid cluster ID"),
        (&["-recover", "-now"], "can't understand option \"-now\""),
        (&["-upgrade"], "UnsupportedOperationException: -upgrade"),
        (&["-rollback"], "UnsupportedOperationException: -rollback"),
        (&["-importCheckpoint"], "UnsupportedOperationException: -importCheckpoint"),
        (&["-initializeSharedEdits"], "UnsupportedOperationException: -initializeSharedEdits"),
        (&["-bootstrapStandby"], "UnsupportedOperationException: -bootstrapStandby"),
        (&["-observer"], "UnsupportedOperationException: -observer"),
        (&["-nonInteractive"], "unknown option -nonInteractive"),
        (&["-rollingUpgrade", "started"], "UnsupportedOperationException: -rollingUpgrade"),
    ] {
        let output = site.run(args);
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(1), "{text}");
        assert!(text.contains(named) && text.contains("Usage: hdfs namenode"), "{text}");
    }
    assert!(!site.path("name").exists());
}

#[test]
fn values_that_mean_nothing_are_named_with_key_and_file() {
    for (name, value) in [
        ("dfs.replication", "many"),
        ("dfs.namenode.checkpoint.period", "1 fortnight"),
        ("dfs.namenode.resource.du.reserved", "-3"),
        ("dfs.permissions.enabled", "perhaps"),
        ("dfs.namenode.http-address", "127.0.0.1:port"),
        ("fs.defaultFS", "file:///"),
        ("dfs.namenode.edits.dir.required", "file:///not/a/directory/of/edits"),
    ] {
        let site = Site::formatted().with(name, value);
        site.refused(&[name, value, "IllegalArgumentException"]);
    }
    let site = Site::formatted();
    let file = site.path("hdfs-site.xml");
    let property = "<name>dfs.namenode.safemode.threshold-pct</name><value>most</value>";
    let text = format!("<configuration><property>{property}</property></configuration>");
    std::fs::write(&file, text).expect("a file");
    site.refused(&["dfs.namenode.safemode.threshold-pct", "most", "hdfs-site.xml"]);
    // A key that nobody has is no reason not to start, but is said.
    let text = "<configuration><property><name>dfs.namenode.name.dri</name><value>x</value>\
                </property></configuration>";
    std::fs::write(&file, text).expect("a file");
    let mut namenode = site.start();
    assert!(namenode.log().contains("did you mean dfs.namenode.name.dir?"), "{}", namenode.log());
}

#[test]
fn formatting_asks_before_it_destroys() {
    let site = Site::formatted();
    let name = site.path("name").to_string_lossy().into_owned();
    let version = std::fs::read(site.current().join("VERSION")).expect("VERSION");
    for (args, said) in [
        (&["-format", "-nonInteractive"][..], "Not formatting."),
        (&["-format"], "Format aborted in Storage Directory"),
    ] {
        let output = site.run(args);
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(1), "{text}");
        assert!(text.contains(said) && text.contains(&name), "{text}");
    }
    assert_eq!(std::fs::read(site.current().join("VERSION")).expect("VERSION"), version);
    // Not under a NameNode that runs, whatever is asked for.
    let running = site.start();
    let output = site.run(&["-format", "-force"]);
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success() && text.contains("already locked"), "{text}");
    running.stop();
}

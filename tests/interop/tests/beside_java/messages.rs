//! What commands say when no NameNode answers: the lines that scripts look for, as Hadoop's programs print them.

use std::io;
use std::net::{Shutdown, TcpListener};
use std::path::Path;

use loxodon_interop::cluster::in_fresh_directory;
use loxodon_interop::java::{JavaHost, Outcome, whoami};
use loxodon_interop::{free_port, loxodon};

/// A server that takes every connection and hangs up.
fn rude_server() -> io::Result<u16> {
    let listener = TcpListener::bind(("127.0.0.1", 0))?;
    let port = listener.local_addr()?.port();
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            std::thread::spawn(move || {
                let _ = stream.peek(&mut [0]);
                let _ = stream.shutdown(Shutdown::Write);
                // All that the client says is read, so that it sees an end and never a reset.
                let _ = io::copy(&mut stream, &mut io::sink());
            });
        }
    });
    Ok(port)
}

fn configure(root: &Path, pairs: &[(&str, &str)]) -> io::Result<()> {
    let mut text = String::from("<configuration>\n");
    for (name, value) in pairs {
        text += &format!("<property><name>{name}</name><value>{value}</value></property>\n");
    }
    std::fs::write(root.join("core-site.xml"), text + "</configuration>\n")
}

/// Without Java's log, stack traces and what follows a usage.
fn comparable(outcome: Outcome) -> Outcome {
    let is_noise = |line: &&str| {
        line.contains(" INFO ")
            || line.contains(" WARN ")
            || line.starts_with("\tat ")
            || line.starts_with("java.")
            || line.starts_with("Caused by")
            || line.starts_with("\t...")
    };
    let plain = |text: &str| -> String {
        let lines = text.lines().filter(|line| !is_noise(line));
        let lines = lines.take_while(|line| !line.starts_with("Usage:"));
        lines.map(|line| format!("{line}\n")).collect()
    };
    Outcome {
        exit: outcome.exit & 0xff,
        stdout: plain(&outcome.stdout),
        stderr: plain(&outcome.stderr),
    }
}

#[test]
fn no_namenode_is_told_as_hadoop_tells_it() {
    in_fresh_directory(|root| {
        let mut java = JavaHost::start(&root.join("java.log"))?;
        let (closed, rude) = (free_port()?, rude_server()?);
        let mut differences = Vec::new();
        for uri in [
            format!("hdfs://127.0.0.1:{closed}"),
            format!("hdfs://localhost:{closed}"),
            format!("hdfs://0.0.0.0:{closed}"),
            format!("hdfs://127.0.0.1:{rude}"),
            "hdfs://nosuch.invalid:8020".to_owned(),
        ] {
            let address = uri.trim_start_matches("hdfs://");
            configure(
                root,
                &[
                    ("fs.defaultFS", &uri),
                    ("dfs.nameservices", "pair"),
                    ("dfs.ha.namenodes.pair", "nn1,nn2"),
                    ("dfs.namenode.rpc-address.pair.nn1", address),
                    ("dfs.namenode.rpc-address.pair.nn2", address),
                    ("ipc.client.connect.max.retries", "0"),
                    ("ipc.client.connect.retry.interval", "1"),
                    ("ha.failover-controller.cli-check.rpc-timeout.ms", "5000"),
                ],
            )?;
            for line in [
                "dfs -ls /",
                "dfs -mkdir /x",
                "dfs -cat /a /b",
                "dfs -test -e /x",
                "dfsadmin -report",
                "dfsadmin -safemode get",
                "dfsadmin -saveNamespace",
                "storagepolicies -listPolicies",
                "storagepolicies -getStoragePolicy -path /x",
                "haadmin -getServiceState nn1",
                "haadmin -checkHealth nn2",
                "haadmin -getAllServiceState",
                "haadmin -transitionToActive nn1",
            ] {
                let words: Vec<&str> = line.split(' ').collect();
                let Some((program, args)) = words.split_first() else { continue };
                let theirs = comparable(java.run(root, &whoami(), program, args)?);
                let ours = comparable(loxodon::run(root, &whoami(), &words)?);
                if theirs != ours {
                    differences
                        .push(format!("{uri} {line}\n  Hadoop: {theirs:?}\n  ours:   {ours:?}"));
                }
            }
            if uri.contains("nosuch") {
                continue;
            }
            for command in
                ["-getDatanodeInfo", "-evictWriters", "-getBalancerBandwidth", "-getVolumeReport"]
            {
                let args = [command, address];
                let theirs = comparable(java.run(root, &whoami(), "dfsadmin", &args)?);
                let ours =
                    comparable(loxodon::run(root, &whoami(), &["dfsadmin", command, address])?);
                if theirs != ours {
                    differences
                        .push(format!("{uri} {command}\n  Hadoop: {theirs:?}\n  ours:   {ours:?}"));
                }
            }
        }
        if differences.is_empty() {
            return Ok(());
        }
        Err(io::Error::other(format!("{} differ:\n{}", differences.len(), differences.join("\n"))))
    });
}

//! The cases with which Hadoop tests its own shell and `dfsadmin`, run by ours on our cluster.

use std::path::Path;
use std::time::Duration;
use std::{fs, io};

use loxodon_interop::cluster::in_fresh_directory;
use loxodon_interop::java::{JavaHost, whoami};
use loxodon_interop::loxodon::{self, Daemon};
use loxodon_interop::site::Site;
use loxodon_interop::{eventually, hadoop};

/// Files of cases; how many each holds at least, so that none is lost unseen.
const FILES: &[(&str, usize)] = &[
    ("testHDFSConf.xml", 670),
    ("testAclCLIWithPosixAclInheritance.xml", 26),
    ("testXAttrConf.xml", 25),
    ("testDeleteConf.xml", 2),
];

/// Cases, by the start of their description, that do not apply, and why.
const NOT_OURS: &[(&str, &str)] = &[
    ("help: help for dfsadmin", "help texts are our own"),
    ("allowSnapshot", "snapshots are not there yet"),
    ("disallowSnapshot", "snapshots are not there yet"),
    ("createSnapshot", "snapshots are not there yet"),
    ("renameSnapshot", "snapshots are not there yet"),
    ("deleteSnapshot", "snapshots are not there yet"),
    ("refreshServiceAcl", "this cluster checks no lists; `service_access.rs` does"),
];

#[test]
fn hadoops_own_cases() {
    in_fresh_directory(|root| {
        let failed = run_all(root)?;
        match failed.is_empty() {
            true => Ok(()),
            false => Err(io::Error::other(format!(
                "{} cases (description, expected, printed):\n{}",
                failed.len(),
                failed.join("\n")
            ))),
        }
    });
}

/// The cases that fail.
fn run_all(root: &Path) -> io::Result<Vec<String>> {
    let archive = hadoop::hdfs_test_sources()?.display().to_string();
    let site = Site::new(root)?;
    site.configure(&[("fs.trash.interval", "0")])?;
    let _cluster = start_cluster(&site, root)?;
    let mut java = JavaHost::start(&root.join("java.log"))?;
    let data = root.join("data");
    fs::create_dir(&data)?;
    let (program, user) = (loxodon::program()?.display().to_string(), whoami());
    let (data, uri) = (data.display().to_string(), site.uri());
    let mut failed = Vec::new();
    for (file, at_least) in FILES {
        let args = [archive.as_str(), file, &program, &user, &uri, &data];
        let printed = java.run(&site.conf(), &user, "cases", &args)?.succeeded()?;
        let mut lines: Vec<&str> = printed.lines().collect();
        let count = lines.pop().and_then(|last| last.parse::<usize>().ok()).unwrap_or(0);
        if count < *at_least {
            return Err(io::Error::other(format!("{file}: {count} cases of {at_least} were run")));
        }
        let is_ours = |line: &&str| !NOT_OURS.iter().any(|(start, _)| line.starts_with(start));
        failed.extend(lines.into_iter().filter(is_ours).map(|line| format!("{file}: {line}")));
    }
    Ok(failed)
}

/// As many DataNodes in as many racks as Hadoop's own test has.
fn start_cluster(site: &Site, root: &Path) -> io::Result<Daemon> {
    let details = root.join("details.json");
    let (written, disks) =
        (details.display().to_string(), root.join("disks").display().to_string());
    let (rpc, http) = (site.rpc_port().to_string(), site.http_port().to_string());
    let racks = "/rack1,/rack1,/rack2,/rack2,/rack2,/rack3,/rack4,/rack4";
    let args = [
        "minicluster",
        "-datanodes",
        "8",
        "-racks",
        racks,
        "-nnport",
        &rpc,
        "-nnhttpport",
        &http,
        "-dir",
        &disks,
        "-writeDetails",
        &written,
        "-D",
        "dfs.replication=1",
    ];
    let mut cluster = Daemon::start_with(&site.conf(), &args, &root.join("cluster.log"))?;
    eventually("the cluster", Duration::from_secs(180), || {
        if let Err(error) = cluster.alive() {
            return Some(Err(error));
        }
        details.exists().then_some(Ok(()))
    })??;
    Ok(cluster)
}

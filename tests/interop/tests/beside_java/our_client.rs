//! Our client's own scenarios (`crates/client/tests/against_cluster.rs`) on Java's daemons, and
//! Java's balancer on ours.

use std::io;
use std::process::Command;

use loxodon_interop::cluster::Maker::{Java, Loxodon};
use loxodon_interop::cluster::{Cluster, Maker, in_fresh_directory};
use loxodon_interop::java::whoami;
use loxodon_interop::repository;

#[test]
fn works_on_a_java_cluster() {
    scenarios_hold(Java, &[Java, Java, Java]);
}

#[test]
fn works_on_both_kinds_of_datanodes() {
    scenarios_hold(Loxodon, &[Java, Loxodon, Java]);
}

fn scenarios_hold(namenode: Maker, datanodes: &[Maker]) {
    in_fresh_directory(|root| {
        let mut cluster = Cluster::start(root, namenode, datanodes)?;
        let output = Command::new(env!("CARGO"))
            .args(["test", "--quiet", "-p", "loxodon-client", "--test", "against_cluster"])
            .current_dir(repository())
            .env("LOXODON_TEST_FS", cluster.site().uri())
            .env("LOXODON_TEST_USER", whoami())
            .output()?;
        cluster.all_alive()?;
        let text = String::from_utf8_lossy(&output.stdout);
        if output.status.success() && text.contains(" ... ok") {
            return Ok(());
        }
        let errors = String::from_utf8_lossy(&output.stderr);
        Err(io::Error::other(format!("{}\n{text}\n{errors}", output.status)))
    });
}

#[test]
fn javas_balancer_runs_on_our_cluster() {
    in_fresh_directory(|root| {
        let mut cluster = Cluster::start(root, Loxodon, &[Loxodon, Java])?;
        let outcome = cluster.java("balancer", &["-idleiterations", "1"])?;
        cluster.all_alive()?;
        let text = format!("{}{}", outcome.stdout, outcome.stderr);
        if outcome.exit == 0 && text.contains("The cluster is balanced. Exiting...") {
            return Ok(());
        }
        Err(io::Error::other(format!("exit {}\n{text}", outcome.exit)))
    });
}

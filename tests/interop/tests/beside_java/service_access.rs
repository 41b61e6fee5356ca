//! Service-level authorization: Java's daemons and ours admit and refuse the same callers in the same words.

use std::io;
use std::path::Path;

use loxodon_interop::cluster::{Cluster, Maker, in_fresh_directory};
use loxodon_interop::java::{Outcome, whoami};
use loxodon_interop::site::write_xml;

/// Who runs which command. {dn} is the address of the DataNode's calls, {nn} of the NameNode's.
const LINES: [(&str, &str); 9] = [
    ("ann", "dfs -ls /"),
    ("eve", "dfs -ls /"),
    ("eve", "dfs -mkdir /eve"),
    ("ann", "dfsadmin -refreshServiceAcl"),
    ("ann", "dfsadmin -refreshUserToGroupsMappings"),
    ("ann", "groups ann"),
    ("ann", "dfsadmin -getBalancerBandwidth {dn}"),
    ("eve", "dfsadmin -getBalancerBandwidth {dn}"),
    ("", "dfsadmin -reconfig namenode {nn} properties"),
];

#[test]
fn callers_are_admitted_and_refused_as_by_hadoop() {
    in_fresh_directory(|root| {
        let javas = run_all(&root.join("java"), Maker::Java)?;
        let ours = run_all(&root.join("loxodon"), Maker::Loxodon)?;
        let mut differences = Vec::new();
        for (line, (javas, ours)) in LINES.iter().zip(javas.iter().zip(&ours)) {
            let [javas_by_java, _] = javas;
            if javas.iter().chain(ours).any(|outcome| outcome != javas_by_java) {
                differences
                    .push(format!("{line:?}\n  on Hadoop's: {javas:?}\n  on ours: {ours:?}"));
            }
        }
        let refused =
            javas.iter().filter(|[one, _]| one.stderr.contains("is not authorized for protocol"));
        if refused.count() < 6 {
            differences.push(format!("too few were refused: {javas:?}"));
        }
        if differences.is_empty() { Ok(()) } else { Err(io::Error::other(differences.join("\n"))) }
    });
}

/// What Java's and our programs print of each line, on a cluster of this maker.
fn run_all(root: &Path, maker: Maker) -> io::Result<Vec<[Outcome; 2]>> {
    std::fs::create_dir(root)?;
    let own = whoami();
    let listed = format!("{own},ann");
    let lists = [
        ("hadoop.security.authorization", "true"),
        ("security.client.protocol.acl", &listed),
        ("security.client.datanode.protocol.acl", &listed),
        ("security.refresh.policy.protocol.acl", &own),
        ("security.refresh.user.mappings.protocol.acl", "*"),
        ("security.refresh.user.mappings.protocol.acl.blocked", "ann"),
        ("security.get.user.mappings.protocol.acl", "ann"),
        ("security.reconfiguration.protocol.hosts", "10.1.2.3"),
    ];
    let mut cluster = Cluster::start_with(root, maker, &[], &lists)?;
    cluster.start_datanode_with(0, maker, &lists)?;
    cluster.wait_for_datanodes(1)?;
    let datanode = cluster.datanode_calls(0)?.to_owned();
    let namenode = format!("127.0.0.1:{}", cluster.site().rpc_port());
    let mut outcomes = Vec::new();
    for (user, line) in LINES {
        let line = line.replace("{dn}", &datanode).replace("{nn}", &namenode);
        let words: Vec<&str> = line.split(' ').collect();
        let Some((program, args)) = words.split_first() else { continue };
        let user = if user.is_empty() { &own } else { user };
        let both = [cluster.java_as(user, program, args)?, cluster.ours_as(user, &words)?];
        outcomes.push(both.map(|outcome| comparable(outcome, &[&datanode, &namenode])));
    }
    if maker == Maker::Loxodon {
        lists_are_read_again(&mut cluster)?;
    }
    cluster.all_alive()?;
    Ok(outcomes)
}

/// Java's client has our NameNode read `hadoop-policy.xml` again.
fn lists_are_read_again(cluster: &mut Cluster) -> io::Result<()> {
    let listed = format!("{},eve", whoami());
    let policy = cluster.site().conf().join("hadoop-policy.xml");
    write_xml(&policy, &[("security.client.protocol.acl", &listed)])?;
    cluster.java("dfsadmin", &["-refreshServiceAcl"])?.succeeded()?;
    cluster.java_as("eve", "dfs", &["-ls", "/"])?.succeeded()?;
    let refused = cluster.java_as("ann", "dfs", &["-ls", "/"])?;
    let wanted = "ls: User ann (auth:SIMPLE) is not authorized for protocol interface \
                  org.apache.hadoop.hdfs.protocol.ClientProtocol: denied by configured ACL\n";
    match (refused.exit, refused.stderr.ends_with(wanted)) {
        (1, true) => Ok(()),
        _ => Err(io::Error::other(format!("{refused:?}"))),
    }
}

/// Without lines of a log and stack traces; addresses are the same for everybody.
fn comparable(outcome: Outcome, addresses: &[&str]) -> Outcome {
    let plain = |text: &str| -> String {
        let is_said = |line: &&str| {
            let trace = ["\tat ", "java.", "org.apache.hadoop.", "Caused by", "\t..."];
            !line.contains(" INFO ")
                && !line.contains(" WARN ")
                && !line.is_empty()
                && !trace.iter().any(|start| line.starts_with(start))
        };
        let text: String = text.lines().filter(is_said).map(|line| format!("{line}\n")).collect();
        addresses.iter().fold(text, |text, address| text.replace(address, "{address}"))
    };
    let (stdout, stderr) = (plain(&outcome.stdout), plain(&outcome.stderr));
    Outcome { exit: outcome.exit & 0xff, stdout, stderr }
}

//! Users for whom others speak (`HADOOP_PROXY_USER`, `hadoop.proxyuser.*`).

use std::process::Output;

use crate::site::{Site, all};
use crate::web::json;

fn speaks_for(site: &Site, real: &str, effective: &str, words: &[&str]) -> Output {
    let mut command = site.command(words);
    command.env("HADOOP_USER_NAME", real).env("HADOOP_PROXY_USER", effective);
    command.output().expect("the program starts")
}

fn refused(output: &Output, real: &str, effective: &str) {
    let text = all(output);
    assert!(!output.status.success(), "{text}");
    let said = format!("User: {real} is not allowed to impersonate {effective}");
    assert!(text.contains(&said), "{text}");
}

#[test]
fn a_proxy_user_hands_in_and_kills_for_whom_he_may() {
    let site = Site::start(
        1,
        &[
            ("hadoop.proxyuser.oozie.users", "alice"),
            ("hadoop.proxyuser.oozie.hosts", "*"),
            ("mapreduce.cluster.acls.enabled", "true"),
        ],
    );
    // HDFS began before its files said so.
    site.text(&["hdfs", "dfsadmin", "-refreshSuperUserGroupsConfiguration"]);
    site.put("/in", "a\nb\n");
    site.text(&["hdfs", "dfs", "-mkdir", "-p", "/shared"]);
    site.text(&["hdfs", "dfs", "-chmod", "777", "/shared"]);
    let job = |output: &'static str| {
        let words = ["mapred", "streaming", "-background", "-input", "/in", "-output", output];
        [&words[..], &["-mapper", "sleep 600", "-reducer", "NONE"]].concat()
    };
    let done = speaks_for(&site, "oozie", "alice", &job("/shared/alices"));
    assert!(done.status.success(), "{}", all(&done));
    let jobs = json(site.page_address(), "/ws/v1/mapreduce/jobs");
    let one = &jobs["jobs"]["job"][0];
    assert_eq!(one["user"], "alice", "{jobs}");
    let id = one["id"].as_str().expect("an id").to_owned();
    let staged = site.text(&["hdfs", "dfs", "-ls", "-d", &format!("/user/alice/.staging/{id}")]);
    assert!(staged.contains(" alice "), "{staged}");

    // Nobody else may speak for her, and he for nobody else; nor has he her rights by himself.
    for (real, effective) in [("eve", "alice"), ("oozie", "bob")] {
        refused(&speaks_for(&site, real, effective, &job("/shared/no")), real, effective);
        let kill = speaks_for(&site, real, effective, &["mapred", "job", "-kill", &id]);
        refused(&kill, real, effective);
    }
    let kill = site.run_as("oozie", &["mapred", "job", "-kill", &id]);
    assert!(
        all(&kill).contains("User oozie cannot perform operation MODIFY_JOB"),
        "{}",
        all(&kill)
    );
    let kill = speaks_for(&site, "oozie", "alice", &["mapred", "job", "-kill", &id]);
    assert!(kill.status.success(), "{}", all(&kill));
    let listed = json(site.page_address(), "/ws/v1/mapreduce/jobs");
    assert_eq!(listed["jobs"]["job"].as_array().map(Vec::len), Some(1), "{listed}");
}

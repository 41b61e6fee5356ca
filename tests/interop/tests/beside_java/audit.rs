//! The audit log tells of the same operations line by line as Hadoop's does.

use std::io;
use std::path::Path;
use std::time::Duration;

use loxodon_interop::cluster::{Cluster, Maker, in_fresh_directory};
use loxodon_interop::eventually;

const BEGIN: &str = "/audit-begins";
const END: &str = "/audit-ends";

#[test]
fn both_write_the_same_lines() {
    in_fresh_directory(|root| {
        let theirs = lines(&root.join("java"), Maker::Java)?;
        let ours = lines(&root.join("ours"), Maker::Loxodon)?;
        if theirs == ours && theirs.len() > 120 {
            return Ok(());
        }
        let at = theirs.iter().zip(&ours).position(|(theirs, ours)| theirs != ours);
        let at = at.unwrap_or(theirs.len().min(ours.len()));
        let around = |lines: &[String]| {
            lines.iter().skip(at.saturating_sub(3)).take(8).cloned().collect::<Vec<_>>().join("\n")
        };
        Err(io::Error::other(format!(
            "{} and {} lines, unlike from line {at} on\nHadoop:\n{}\nours:\n{}",
            theirs.len(),
            ours.len(),
            around(&theirs),
            around(&ours)
        )))
    });
}

/// What is done: by the superuser, or by the user before the colon.
const COMMANDS: &[&str] = &[
    "dfs -mkdir -p /d/sub",
    "dfs -put {local} /d/file",
    "dfs -put {local} /d/more",
    "dfs -ls /d",
    "dfs -ls -R /",
    "dfs -cat /d/file",
    "dfs -cat /d/missing",
    "dfs -tail /d/file",
    "dfs -appendToFile {local} /d/file",
    "dfs -touchz /d/zero",
    "dfs -setrep 2 /d/file",
    "dfs -chmod 640 /d/file",
    "dfs -chmod 1777 /d/sub",
    "dfs -chown ann:staff /d/file",
    "dfs -chgrp other /d/file",
    "dfs -touch -t 20200102:030405 /d/file",
    "dfs -setfacl -m user:bob:r-- /d/file",
    "dfs -setfacl -x user:bob /d/file",
    "dfs -setfacl -m default:user:bob:rwx /d/sub",
    "dfs -setfacl -k /d/sub",
    "dfs -setfacl -b /d/sub",
    "dfs -setfacl --set user::rw-,group::r--,other::--- /d/more",
    "dfs -getfacl /d/file",
    "dfs -setfattr -n user.color -v red /d/file",
    "dfs -getfattr -d /d/file",
    "dfs -getfattr -n user.color /d/file",
    "dfs -getfattr -n user.missing /d/file",
    "dfs -setfattr -x user.color /d/file",
    "dfs -stat %n /d/file",
    "dfs -test -e /d/file",
    "dfs -checksum /d/file",
    "dfs -du -s /d",
    "dfs -count -q /d",
    "dfs -count -u /d",
    "dfs -df /",
    "dfs -find /d -name file",
    "dfs -truncate -w 100 /d/file",
    "dfs -mv /d/more /d/moved",
    "dfs -mv /d/missing /d/nowhere",
    "dfs -cp /d/moved /d/copied",
    "dfs -rm /d/copied",
    "dfs -rm -skipTrash /d/moved",
    "dfs -expunge",
    "dfs -rmdir /d/sub",
    "bob:dfs -ls /d",
    "bob:dfs -mkdir /d/bobs",
    "bob:dfs -put {local} /d/bobs",
    "bob:dfs -cat /d/file",
    "bob:dfs -chmod 777 /d/file",
    "bob:dfs -chown bob /d/zero",
    "bob:dfs -setrep 3 /d/zero",
    "bob:dfs -rm -r -skipTrash /d",
    "bob:dfs -setfattr -n user.a -v b /d/zero",
    "bob:dfs -setfacl -m user:bob:rwx /d/zero",
    "bob:dfs -mv /d/zero /zero",
    "bob:dfs -truncate 0 /d/zero",
    "bob:dfs -appendToFile {local} /d/zero",
    "bob:dfsadmin -safemode enter",
    "bob:dfsadmin -saveNamespace",
    "bob:dfsadmin -rollEdits",
    "bob:dfsadmin -refreshNodes",
    "bob:dfsadmin -metasave bobs",
    "bob:dfsadmin -setBalancerBandwidth 1000",
    "bob:dfsadmin -listOpenFiles",
    "bob:dfsadmin -setQuota 10 /d",
    "bob:dfsadmin -setSpaceQuota 1g /d",
    "bob:dfsadmin -refreshUserToGroupsMappings",
    "bob:dfsadmin -refreshSuperUserGroupsConfiguration",
    "bob:fsck /d",
    "dfsadmin -setQuota 10 /d",
    "dfsadmin -clrQuota /d",
    "dfsadmin -setSpaceQuota 1g /d",
    "dfsadmin -clrSpaceQuota /d",
    "dfsadmin -safemode get",
    "dfsadmin -safemode enter",
    "dfs -mkdir /in-safe-mode",
    "dfsadmin -saveNamespace",
    "dfsadmin -safemode leave",
    "dfsadmin -rollEdits",
    "dfsadmin -refreshNodes",
    "dfsadmin -metasave saved",
    "dfsadmin -listOpenFiles",
    "dfsadmin -setBalancerBandwidth 1000000",
    "dfsadmin -printTopology",
    "dfsadmin -restoreFailedStorage check",
    "dfsadmin -refreshUserToGroupsMappings",
    "dfsadmin -refreshSuperUserGroupsConfiguration",
    "fsck / -files -blocks",
    "fsck /d -list-corruptfileblocks",
    "policies -listPolicies",
    "policies -setStoragePolicy -path /d -policy COLD",
    "policies -getStoragePolicy -path /d",
    "policies -unsetStoragePolicy -path /d",
    "debug recoverLease -path /d/file",
    "dfs -rm -r /d",
];

fn lines(root: &Path, maker: Maker) -> io::Result<Vec<String>> {
    std::fs::create_dir(root)?;
    let mut cluster = Cluster::start(root, maker, &[Maker::Loxodon])?;
    let local = root.join("local");
    std::fs::write(&local, "x".repeat(5000))?;
    let local = local.display().to_string();
    cluster.java("dfs", &["-mkdir", BEGIN])?.succeeded()?;
    for command in COMMANDS {
        let (user, words) = match command.split_once(':') {
            Some((user, words)) if user == "bob" => (Some(user), words),
            _ => (None, *command),
        };
        let filled = words.replace("{local}", &local);
        let words: Vec<&str> = filled.split(' ').collect();
        let Some((program, args)) = words.split_first() else { continue };
        let before = checks(&cluster)?;
        // Some fail, and how is compared elsewhere.
        match user {
            Some(user) => cluster.java_as(user, program, args)?,
            None => cluster.java(program, args)?,
        };
        if *program == "fsck" {
            // Java's NameNode writes this line when the answer is out already.
            eventually("the line of a check", Duration::from_secs(60), || {
                checks(&cluster).is_ok_and(|now| now > before).then_some(())
            })?;
        }
    }
    cluster.java("dfs", &["-mkdir", END])?.succeeded()?;
    cluster.all_alive()?;
    let log = cluster.namenode_log()?;
    let audit = log.lines().filter_map(|line| Some(line.split_once(": allowed=")?.1));
    let mut audit = audit.skip_while(|line| !line.contains(BEGIN));
    let made = |line: &str| line.contains("cmd=mkdirs") && line.contains(END);
    let mut lines: Vec<String> =
        audit.by_ref().take_while(|line| !made(line)).map(masked).collect();
    // Who waits for a truncation asks for the file every second until it is done.
    let mut waits = false;
    lines.dedup_by(|line, before| {
        waits = before.contains("cmd=truncate") || waits && line == before;
        waits && line == before
    });
    Ok(lines)
}

/// How many runs of `fsck` the log tells of.
fn checks(cluster: &Cluster) -> io::Result<usize> {
    Ok(cluster.namenode_log()?.matches("cmd=fsck").count())
}

/// Without what changes from run to run: the time in the name of a checkpoint, and that of a copy.
fn masked(line: &str) -> String {
    let words = line.split('/').map(|part| {
        let digits = part.len() - part.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        if digits == 12 {
            format!("TIME{}", part.get(12..).unwrap_or_default())
        } else {
            part.into()
        }
    });
    words.collect::<Vec<String>>().join("/")
}

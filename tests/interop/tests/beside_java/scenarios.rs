//! A Java program's use of a file system (`java/Scenarios.java`), on Hadoop's own daemons, which
//! proves the scenarios, and on every mix of theirs and ours.

use std::io;

use loxodon_interop::cluster::{Cluster, Maker, in_fresh_directory};

const SCENARIOS: [&str; 44] = [
    "create_and_read",
    "create_flags",
    "append",
    "hflush_and_read",
    "hsync_updates_length",
    "seek",
    "rename",
    "list",
    "locations",
    "checksum",
    "truncate",
    "concat",
    "recover_lease",
    "permissions",
    "attributes",
    "summary",
    "many_small_files",
    "builders",
    "file_context",
    "favored_nodes",
    "kinds_of_reads",
    "sync_block",
    "large_delete",
    "trash",
    "open_files",
    "many_threads",
    "two_appenders",
    "rename_while_open",
    "delete_while_open",
    "overwrite_while_open",
    "read_while_cut",
    "path_handles",
    "batched_listing",
    "acls",
    "default_acls",
    "xattrs",
    "quotas",
    "quota_by_storage_type",
    "storage_policies",
    "coding_policies",
    "symlinks_refused",
    "name_limits",
    "inode_paths",
    "sticky_bit",
];

#[test]
fn hold_on_java() {
    all_hold(Maker::Java, Maker::Java);
}

#[test]
fn hold_on_ours() {
    all_hold(Maker::Loxodon, Maker::Loxodon);
}

#[test]
fn hold_on_our_namenode_with_a_java_datanode() {
    all_hold(Maker::Loxodon, Maker::Java);
}

#[test]
fn hold_on_a_java_namenode_with_our_datanode() {
    all_hold(Maker::Java, Maker::Loxodon);
}

fn all_hold(namenode: Maker, datanode: Maker) {
    in_fresh_directory(|root| {
        let mut cluster = Cluster::start(root, namenode, &[datanode])?;
        let mut failures = Vec::new();
        let ours_only = (namenode == Maker::Loxodon).then_some("snapshots_refused");
        for scenario in SCENARIOS.into_iter().chain(ours_only) {
            let outcome = cluster.java("scenario", &[scenario])?;
            cluster.all_alive()?;
            if outcome.exit != 0 {
                failures.push(format!("{scenario}: {}", outcome.stderr));
            }
        }
        if failures.is_empty() { Ok(()) } else { Err(io::Error::other(failures.join("\n"))) }
    });
}

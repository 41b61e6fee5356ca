//! `hdfs lsSnapshottableDir`, `lsSnapshot`, `snapshotDiff`: what a NameNode knows of snapshots. One that has none
//! says so itself.

use loxodon_conf::{Configuration, keys};
use loxodon_console::{eprintln, print};
use loxodon_wire::proto::hdfs;
use loxodon_wire::rpc::protocol::CLIENT_NAMENODE;
use prost::Message;

use super::call::call;
use super::cluster::Cluster;
use crate::shell::{Failure, size};

/// Exit code of what failed.
const REFUSED: i32 = 1;

fn ask<Q: Message, A: Message + Default>(
    cluster: &Cluster,
    method: &str,
    request: &Q,
) -> Result<A, Failure> {
    let (_, address) = cluster.active()?;
    call(&cluster.conf, address, &CLIENT_NAMENODE, method, request)
}

/// Says what a command found, or its name and what failed.
fn finish(name: &str, found: Result<String, Failure>) -> i32 {
    match found {
        Ok(text) => {
            print!("{text}");
            0
        }
        Err(failure) => {
            let text = failure.to_string();
            eprintln!("{name}: {}", text.lines().next().unwrap_or_default());
            REFUSED
        }
    }
}

/// A cluster that a path may name.
fn cluster_of(mut conf: Configuration, path: &str) -> Result<Cluster, Failure> {
    if path.contains("://") {
        let authority = path.splitn(4, '/').take(3).collect::<Vec<_>>().join("/");
        conf.set(keys::DEFAULT_FS.name, &authority, "argument");
    }
    Cluster::of(conf)
}

/// Runs `lsSnapshottableDir`; its exit code.
pub(crate) fn directories(conf: Configuration, args: &[String]) -> i32 {
    if !args.is_empty() {
        eprintln!(
            "Usage: \nhdfs lsSnapshottableDir: \n\tPrints the directories of which snapshots may be taken.\n"
        );
        return REFUSED;
    }
    let found = Cluster::of(conf).and_then(|cluster| {
        let request = hdfs::GetSnapshottableDirListingRequestProto {};
        let answer: hdfs::GetSnapshottableDirListingResponseProto =
            ask(&cluster, "getSnapshottableDirListing", &request)?;
        let list = answer.snapshottable_dir_list.unwrap_or_default().snapshottable_dir_listing;
        let rows = list.into_iter().map(|entry| Row {
            numbers: [entry.snapshot_number.to_string(), entry.snapshot_quota.to_string()],
            path: joined(&entry.parent_fullpath, &entry.dir_status.path),
            status: entry.dir_status,
        });
        Ok(table(rows.collect()))
    });
    finish("lsSnapshottableDir", found)
}

/// Runs `lsSnapshot`; its exit code.
pub(crate) fn snapshots(conf: Configuration, args: &[String]) -> i32 {
    let [root] = args else {
        eprintln!("Invalid no of arguments");
        eprintln!(
            "Usage: \nhdfs lsSnapshot <snapshotDir>: \n\tPrints the snapshots of a directory.\n"
        );
        return REFUSED;
    };
    let found = cluster_of(conf, root).and_then(|cluster| {
        let request =
            hdfs::GetSnapshotListingRequestProto { snapshot_root: cluster.absolute(root) };
        let answer: hdfs::GetSnapshotListingResponseProto =
            ask(&cluster, "getSnapshotListing", &request)?;
        let list = answer.snapshot_list.unwrap_or_default().snapshot_listing;
        let rows = list.into_iter().map(|entry| Row {
            numbers: [
                entry.snapshot_id.to_string(),
                if entry.is_deleted { "DELETED" } else { "ACTIVE" }.to_owned(),
            ],
            path: {
                let parent = String::from_utf8_lossy(&entry.parent_fullpath).into_owned();
                let parent = parent.trim_end_matches('/');
                format!("{parent}/.snapshot/{}", String::from_utf8_lossy(&entry.dir_status.path))
            },
            status: entry.dir_status,
        });
        Ok(table(rows.collect()))
    });
    finish("lsSnapshot", found)
}

/// Runs `snapshotDiff`; its exit code.
pub(crate) fn difference(conf: Configuration, args: &[String]) -> i32 {
    let [root, from, to] = args else {
        eprintln!(
            "Usage: \nhdfs snapshotDiff <snapshotDir> <from> <to>:\n\tPrints what changed between two snapshots; . is \
             the directory as it is now.\n"
        );
        return REFUSED;
    };
    let found = cluster_of(conf, root).and_then(|cluster| {
        let request = hdfs::GetSnapshotDiffReportRequestProto {
            snapshot_root: cluster.absolute(root),
            from_snapshot: snapshot_name(from).to_owned(),
            to_snapshot: snapshot_name(to).to_owned(),
        };
        let answer: hdfs::GetSnapshotDiffReportResponseProto =
            ask(&cluster, "getSnapshotDiffReport", &request)?;
        Ok(report(&answer.diff_report))
    });
    finish("snapshotDiff", found)
}

/// `.snapshot/name` or `name`; `.` is the directory as it is now.
fn snapshot_name(text: &str) -> &str {
    if text == "." {
        return "";
    }
    let bare = text.strip_prefix('/').unwrap_or(text);
    bare.strip_prefix(".snapshot/").unwrap_or(text)
}

/// `SnapshotDiffReport.toString`, and the line's end.
fn report(diff: &hdfs::SnapshotDiffReportProto) -> String {
    let named = |name: &str| match name {
        "" => "current directory".to_owned(),
        name => format!("snapshot {name}"),
    };
    let mut text = format!(
        "Difference between {} and {} under directory {}:\n",
        named(&diff.from_snapshot),
        named(&diff.to_snapshot),
        diff.snapshot_root
    );
    let shown = |path: &[u8]| match path {
        [] => ".".to_owned(),
        path => format!("./{}", String::from_utf8_lossy(path)),
    };
    for entry in &diff.diff_report_entries {
        let label = &entry.modification_label;
        text += &format!("{label}\t{}", shown(&entry.fullpath));
        if label == "R" {
            text += &format!(" -> {}", shown(entry.target_path.as_deref().unwrap_or_default()));
        }
        text.push('\n');
    }
    text + "\n"
}

fn joined(parent: &[u8], name: &[u8]) -> String {
    let (parent, name) = (String::from_utf8_lossy(parent), String::from_utf8_lossy(name));
    match (&*parent, &*name) {
        ("", "") => "/".to_owned(),
        (parent, name) => format!("{}/{name}", parent.trim_end_matches('/')),
    }
}

/// A directory with what stands before its path.
struct Row {
    status: hdfs::HdfsFileStatusProto,
    numbers: [String; 2],
    path: String,
}

/// Rows whose columns are as wide as they need to be; an empty line for none.
fn table(rows: Vec<Row>) -> String {
    let width = |of: &dyn Fn(&Row) -> String| {
        rows.iter().map(|row| of(row).chars().count()).max().unwrap_or(0)
    };
    let replication = |row: &Row| row.status.block_replication.unwrap_or(0).to_string();
    let length = |row: &Row| row.status.length.to_string();
    let (replications, lengths) = (width(&replication), width(&length));
    let owners = width(&|row| row.status.owner.clone());
    let groups = width(&|row| row.status.group.clone());
    let firsts = width(&|row| row.numbers[0].clone());
    let seconds = width(&|row| row.numbers[1].clone());
    let mut text = String::new();
    for row in &rows {
        let status = &row.status;
        let mode = u16::try_from(status.permission.perm).unwrap_or(0);
        let [first, second] = &row.numbers;
        text += &format!(
            "d{} {:>replications$} {:<owners$} {:<groups$} {:>lengths$} {} {first:>firsts$} {second:>seconds$} {}\n",
            size::symbols(mode),
            replication(row),
            status.owner,
            status.group,
            length(row),
            size::minute(status.modification_time),
            row.path
        );
    }
    if text.is_empty() { "\n".to_owned() } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_reports() {
        for (text, wanted) in
            [(".", ""), ("a", "a"), (".snapshot/a", "a"), ("/.snapshot/a", "a"), ("/a", "/a")]
        {
            assert_eq!(snapshot_name(text), wanted);
        }
        let entry = |label: &str, path: &'static [u8]| hdfs::SnapshotDiffReportEntryProto {
            modification_label: label.into(),
            fullpath: path.into(),
            target_path: (label == "R").then(|| (&b"new"[..]).into()),
        };
        let diff = hdfs::SnapshotDiffReportProto {
            snapshot_root: "/d".into(),
            from_snapshot: "s1".into(),
            to_snapshot: String::new(),
            diff_report_entries: vec![entry("M", b""), entry("R", b"old")],
        };
        assert_eq!(
            report(&diff),
            "Difference between snapshot s1 and current directory under directory /d:\nM\t.\nR\t./old -> ./new\n\n"
        );
        assert_eq!(table(Vec::new()), "\n");
    }
}

//! Hadoop's `fsck` says the same of a damaged tree whether Java's NameNode or ours is asked.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use loxodon_interop::cluster::{Cluster, Maker, in_fresh_directory};
use loxodon_interop::eventually;

const COMMANDS: [&[&str]; 12] = [
    &["/t"],
    &["/t", "-files"],
    &["/t", "-files", "-blocks"],
    &["/t", "-files", "-blocks", "-locations"],
    &["/t", "-files", "-blocks", "-racks"],
    &["/t", "-files", "-blocks", "-replicaDetails", "-upgradedomains"],
    &["/t", "-storagepolicies", "-maintenance"],
    &["/t", "-list-corruptfileblocks"],
    &["/t", "-includeSnapshots", "-replicate"],
    &["/t/half", "-move"],
    &["/t", "-delete"],
    &["/t"],
];

#[test]
fn a_damaged_tree_is_described_alike() {
    in_fresh_directory(|root| {
        let theirs = said(&root.join("java"), Maker::Java)?;
        let ours = said(&root.join("ours"), Maker::Loxodon)?;
        let differing = theirs.iter().zip(&ours).filter(|(theirs, ours)| theirs != ours);
        let shown: Vec<String> =
            differing.map(|(theirs, ours)| format!("Java's:\n{theirs}\nours:\n{ours}")).collect();
        match shown.is_empty() {
            true => Ok(()),
            false => Err(io::Error::other(shown.join("\n"))),
        }
    });
}

fn said(root: &Path, maker: Maker) -> io::Result<Vec<String>> {
    fs::create_dir(root)?;
    // Pages of two, so that there are several.
    let paged = [("dfs.namenode.max-corrupt-file-blocks-returned", "2")];
    let mut cluster = Cluster::start_with(root, maker, &[Maker::Loxodon], &paged)?;
    damage(root, &mut cluster)?;
    let mut said = Vec::new();
    for args in COMMANDS {
        let outcome = cluster.java("fsck", args)?;
        if !args.contains(&"-move") && !args.contains(&"-delete") {
            let mut words = vec!["fsck"];
            words.extend_from_slice(args);
            let ours = cluster.ours(&words)?;
            let same = |text: &str| text.lines().map(masked).collect::<Vec<_>>();
            if same(&ours.stdout) != same(&outcome.stdout) || ours.exit != outcome.exit & 0xff {
                let (theirs, ours) = (outcome.stdout, ours.stdout);
                return Err(io::Error::other(format!("DFSck says:\n{theirs}\nours:\n{ours}")));
            }
        }
        let mut text: Vec<String> = outcome.stdout.lines().map(masked).collect();
        if args.contains(&"-list-corruptfileblocks") {
            // Hadoop lists them in the order in which they were missed.
            text.sort_unstable();
        }
        said.push(format!("{args:?}: exit {}\n{}", outcome.exit, text.join("\n")));
    }
    // What was saved can be read.
    let saved = cluster.java("dfs", &["-cat", "/lost+found/t/half/0"])?.succeeded()?;
    said.push(format!("{} bytes saved", saved.len()));
    let left = cluster.java("dfs", &["-ls", "-C", "/t"])?.succeeded()?;
    said.push(left);
    cluster.all_alive()?;
    Ok(said)
}

/// Files of every kind below `/t`: whole, empty, with too few replicas, with a block that is
/// damaged, with one that is missing, and with one of two missing.
fn damage(root: &Path, cluster: &mut Cluster) -> io::Result<()> {
    let local = root.join("local");
    fs::write(&local, "0123456789abcdef".repeat(96 * 1024))?;
    let local = local.display().to_string();
    let block_size = "dfs.blocksize=1048576";
    cluster.java("dfs", &["-mkdir", "/t"])?.succeeded()?;
    cluster.java("dfs", &["-touchz", "/t/zero"])?.succeeded()?;
    for (name, replication) in
        [("good", "1"), ("under", "3"), ("bad", "1"), ("gone", "1"), ("half", "1")]
    {
        let (path, replication) = (format!("/t/{name}"), format!("dfs.replication={replication}"));
        let args = ["-D", block_size, "-D", &replication, "-put", &local, &path];
        cluster.java("dfs", &args)?.succeeded()?;
    }
    let (bad, gone, half) =
        (blocks(cluster, "bad")?, blocks(cluster, "gone")?, blocks(cluster, "half")?);
    cluster.stop_datanode(0)?;
    let replicas = cluster.site().data_dir(0);
    for id in gone.iter().chain(half.first()) {
        fs::remove_file(find(&replicas, id)?)?;
    }
    let first = bad.first().ok_or_else(|| io::Error::other("no block"))?;
    let path = find(&replicas, first)?;
    let mut bytes = fs::read(&path)?;
    bytes[1000] ^= 1;
    fs::write(&path, bytes)?;
    cluster.start_datanode(0, Maker::Loxodon)?;
    eventually("blocks that are missing", Duration::from_secs(180), || {
        let text = cluster.java("fsck", &["/t"]).ok()?.stdout;
        text.contains("MISSING BLOCKS:\t3").then_some(())
    })?;
    // Whoever reads the damaged one reports it.
    cluster.java("dfs", &["-cat", "/t/bad"])?;
    eventually("a block that is damaged", Duration::from_secs(180), || {
        let text = cluster.java("fsck", &["/t"]).ok()?.stdout;
        text.contains("CORRUPT BLOCKS: \t1").then_some(())
    })
}

/// The names of a file's blocks, `blk_N`.
fn blocks(cluster: &mut Cluster, name: &str) -> io::Result<Vec<String>> {
    let path = format!("/t/{name}");
    let text = cluster.java("fsck", &[&path, "-files", "-blocks"])?.stdout;
    let words = text.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_'));
    let ids = words.filter_map(|word| word.strip_prefix("blk_")?.split('_').next());
    Ok(ids.map(|id| format!("blk_{id}")).collect())
}

fn find(directory: &Path, name: &str) -> io::Result<PathBuf> {
    let mut waiting = vec![directory.to_owned()];
    while let Some(directory) = waiting.pop() {
        for entry in fs::read_dir(directory)? {
            let path = entry?.path();
            if path.is_dir() {
                waiting.push(path);
            } else if path.file_name().is_some_and(|found| found == name) {
                return Ok(path);
            }
        }
    }
    Err(io::Error::other(format!("no {name} below {}", directory.display())))
}

/// A line without dates, and without names that are drawn by lot.
fn masked(line: &str) -> String {
    for start in ["FSCK started by", "FSCK ended at"] {
        if line.starts_with(start) {
            return format!("{start} #");
        }
    }
    ["BP-", "DS-", "127.0.0.1:"].iter().fold(line.to_owned(), |line, prefix| {
        let mut parts = line.split(prefix);
        let mut masked = parts.next().unwrap_or_default().to_owned();
        for part in parts {
            let end = part.find(|c: char| !(c.is_ascii_alphanumeric() || c == '-' || c == '.'));
            masked += &format!("{prefix}#{}", &part[end.unwrap_or(part.len())..]);
        }
        masked
    })
}

//! Java's DataNodes and ours side by side under either NameNode: pipelines through both, deaths in
//! the middle of a file, copies from one kind to the other.

use std::fs;
use std::io;
use std::path::Path;
use std::time::Duration;

use loxodon_interop::cluster::Maker::{Java, Loxodon};
use loxodon_interop::cluster::{Cluster, Maker, in_fresh_directory};
use loxodon_interop::eventually;

const SETTINGS: [(&str, &str); 5] = [
    ("dfs.replication", "2"),
    ("dfs.blocksize", "1048576"),
    // A silent DataNode is dead after 11 seconds.
    ("dfs.namenode.heartbeat.recheck-interval", "500"),
    // A copy to a node that died meanwhile is tried again soon.
    ("dfs.namenode.reconstruction.pending.timeout-sec", "5"),
    ("dfs.client.block.write.replace-datanode-on-failure.best-effort", "true"),
];

#[test]
fn blocks_move_from_our_datanodes_to_javas_under_our_namenode() {
    survives_deaths(Loxodon, [Loxodon, Loxodon, Java]);
}

#[test]
fn blocks_move_from_javas_datanodes_to_ours_under_our_namenode() {
    survives_deaths(Loxodon, [Java, Java, Loxodon]);
}

#[test]
fn blocks_move_from_javas_datanodes_to_ours_under_a_java_namenode() {
    survives_deaths(Java, [Java, Java, Loxodon]);
}

#[test]
fn blocks_move_from_our_datanodes_to_javas_under_a_java_namenode() {
    survives_deaths(Java, [Loxodon, Loxodon, Java]);
}

/// DataNodes of one machine register with one name, whoever made them: its full one, by which others look for blocks.
fn named_alike(cluster: &mut Cluster) -> io::Result<()> {
    let report = cluster.java("dfsadmin", &["-report"])?.succeeded()?;
    let mut names: Vec<&str> =
        report.lines().filter(|line| line.starts_with("Hostname: ")).collect();
    let nodes = names.len();
    names.dedup();
    match (nodes, names.as_slice()) {
        (3, [_]) => Ok(()),
        _ => Err(io::Error::other(format!("host names differ:\n{report}"))),
    }
}

/// Files of two replicas on three DataNodes, of which the first dies during a write and the second
/// after its blocks were copied: the last one has every byte.
fn survives_deaths(namenode: Maker, datanodes: [Maker; 3]) {
    in_fresh_directory(|root| {
        let mut cluster = Cluster::start_with(root, namenode, &datanodes, &SETTINGS)?;
        named_alike(&mut cluster)?;
        let files = Files::new(root)?;
        files.put(&mut cluster)?;
        healthy(&mut cluster, "after the files were written", None)?;

        cluster.java("writer", &["open", "/open", "3"])?.succeeded()?;
        cluster.java("writer", &["write", "/open", "300000"])?.succeeded()?;
        cluster.stop_datanode(0)?;
        cluster.java("writer", &["write", "/open", "300001"])?.succeeded()?;
        cluster.java("writer", &["write", "/open", "900002"])?.succeeded()?;
        cluster.java("writer", &["close", "/open"])?.succeeded()?;
        cluster.java("dfs", &["-setrep", "2", "/open"])?.succeeded()?;
        healthy(&mut cluster, "after the first death", Some(0))?;
        verify(&mut cluster)?;

        cluster.stop_datanode(1)?;
        files.get(&mut cluster)?;
        verify(&mut cluster)?;

        // Back under the other maker's program, on the same disk.
        let other = if datanodes[0] == Java { Loxodon } else { Java };
        cluster.start_datanode(0, other)?;
        healthy(&mut cluster, "after a DataNode came back", Some(1))?;
        files.get(&mut cluster)?;
        cluster.all_alive()
    });
}

fn verify(cluster: &mut Cluster) -> io::Result<()> {
    let steps = ["verify", "/open", "300000", "300001", "900002"];
    cluster.java("writer", &steps)?.succeeded().map(drop)
}

/// Waits until `fsck` finds two replicas of every block, none of them on the DataNode that is gone.
fn healthy(cluster: &mut Cluster, when: &str, gone: Option<usize>) -> io::Result<()> {
    let gone = gone.map(|index| storage_id(&cluster.site().data_dir(index))).transpose()?;
    let mut last = String::new();
    let wanted = ["is HEALTHY", "Under-replicated blocks:\t0 (", "Over-replicated blocks:\t0 ("];
    eventually(when, Duration::from_secs(180), || {
        last = cluster.java("fsck", &["/", "-files", "-blocks", "-locations"]).ok()?.stdout;
        let whole = last.contains("Average block replication:\t2.0")
            && gone.as_ref().is_none_or(|id| !last.contains(id.as_str()));
        (whole && wanted.iter().all(|w| last.contains(w))).then_some(())
    })
    .map_err(|e| io::Error::other(format!("{e}\n{last}")))
}

fn storage_id(data_dir: &Path) -> io::Result<String> {
    let version = fs::read_to_string(data_dir.join("current/VERSION"))?;
    let id = version.lines().find_map(|line| line.strip_prefix("storageID="));
    id.map(str::to_owned).ok_or_else(|| io::Error::other(format!("no storageID in {version}")))
}

/// Local files of several lengths, each put once by Java's shell and once by ours.
struct Files {
    folder: std::path::PathBuf,
    names: Vec<String>,
}

impl Files {
    fn new(root: &Path) -> io::Result<Self> {
        let folder = root.join("local");
        fs::create_dir_all(folder.join("java"))?;
        fs::create_dir_all(folder.join("ours"))?;
        let mut names = Vec::new();
        for length in [0u32, 1, 513, 70_000, 1 << 20, (3 << 20) + 5] {
            let bytes: Vec<u8> =
                (0..length).map(|i| (i.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
            let path = folder.join(format!("f{length}"));
            fs::write(&path, bytes)?;
            names.push(path.display().to_string());
        }
        Ok(Self { folder, names })
    }

    fn put(&self, cluster: &mut Cluster) -> io::Result<()> {
        cluster.java("dfs", &["-mkdir", "/java", "/ours"])?.succeeded()?;
        let args = |to| {
            let all = ["-put"].into_iter().chain(self.names.iter().map(String::as_str));
            all.chain([to]).collect::<Vec<_>>()
        };
        cluster.java("dfs", &args("/java"))?.succeeded()?;
        let ours: Vec<&str> = ["dfs"].into_iter().chain(args("/ours")).collect();
        cluster.ours(&ours)?.succeeded().map(drop)
    }

    /// Reads each maker's files with the other's shell.
    fn get(&self, cluster: &mut Cluster) -> io::Result<()> {
        let [to_java, to_ours] =
            ["java", "ours"].map(|name| self.folder.join(name).display().to_string());
        cluster.java("dfs", &["-get", "-f", "/ours/*", &to_java])?.succeeded()?;
        cluster.ours(&["dfs", "-get", "-f", "/java/*", &to_ours])?.succeeded()?;
        for name in &self.names {
            let path = Path::new(name);
            for copies in ["java", "ours"] {
                let copy = self.folder.join(copies).join(path.file_name().unwrap_or_default());
                if fs::read(path)? != fs::read(&copy)? {
                    return Err(io::Error::other(format!("{}: other bytes", copy.display())));
                }
            }
        }
        Ok(())
    }
}

//! Disks that one maker's daemons wrote, under the other's.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use loxodon_interop::cluster::{Cluster, Maker, in_fresh_directory};

const LISTING: [&str; 3] = ["-ls", "-R", "/"];

#[test]
fn java_goes_on_from_our_disks_and_we_from_javas() {
    in_fresh_directory(|root| {
        let mut cluster = Cluster::start(root, Maker::Loxodon, &[Maker::Loxodon])?;
        write_some(&mut cluster, root, "first")?;
        let before = state(&mut cluster)?;

        swap(&mut cluster, Maker::Java)?;
        same(&before, &state(&mut cluster)?, "after Java took over")?;
        write_some(&mut cluster, root, "second")?;
        cluster.java("dfsadmin", &["-safemode", "enter"])?.succeeded()?;
        cluster.java("dfsadmin", &["-saveNamespace"])?.succeeded()?;
        cluster.java("dfsadmin", &["-safemode", "leave"])?.succeeded()?;
        write_some(&mut cluster, root, "third")?;
        let between = state(&mut cluster)?;

        swap(&mut cluster, Maker::Loxodon)?;
        same(&between, &state(&mut cluster)?, "after we took over again")?;
        write_some(&mut cluster, root, "fourth")
    });
}

#[test]
fn a_java_secondary_checkpoints_our_namenode() {
    in_fresh_directory(|root| {
        let mut cluster = Cluster::start(root, Maker::Loxodon, &[Maker::Loxodon])?;
        write_some(&mut cluster, root, "before")?;
        let before = images(&cluster.site().name_dir())?;
        cluster.java("checkpoint", &[])?.succeeded()?;
        let after = images(&cluster.site().name_dir())?;
        if before == after {
            return Err(io::Error::other(format!("no image came from the secondary: {after:?}")));
        }
        let wanted = state(&mut cluster)?;
        cluster.stop_namenode()?;
        cluster.start_namenode(Maker::Loxodon)?;
        cluster.wait_for_datanodes(1)?;
        same(&wanted, &state(&mut cluster)?, "after a start from the secondary's image")
    });
}

#[test]
fn offline_viewers_read_our_files_as_ours_do() {
    in_fresh_directory(|root| {
        let mut cluster = Cluster::start(root, Maker::Loxodon, &[Maker::Loxodon])?;
        write_some(&mut cluster, root, "files")?;
        cluster.java("dfsadmin", &["-safemode", "enter"])?.succeeded()?;
        cluster.java("dfsadmin", &["-saveNamespace"])?.succeeded()?;
        let name = cluster.site().name_dir().join("current");
        let image = newest(&name, "fsimage_", ".md5")?;
        let edits = newest(&name, "edits_0", "")?;
        for (command, file) in [("oiv", &image), ("oev", &edits)] {
            let (theirs, mine) = (root.join("theirs.xml"), root.join("ours.xml"));
            let file = file.display().to_string();
            let [theirs_text, mine_text] = [&theirs, &mine].map(|p| p.display().to_string());
            let processor = if command == "oiv" { "XML" } else { "xml" };
            cluster
                .java(command, &["-i", &file, "-o", &theirs_text, "-p", processor])?
                .succeeded()?;
            cluster
                .ours(&["hdfs", command, "-i", &file, "-o", &mine_text, "-p", processor])?
                .succeeded()?;
            let [theirs, mine] = [fs::read_to_string(&theirs)?, fs::read_to_string(&mine)?];
            same(&without_revision(&theirs), &without_revision(&mine), command)?;
        }
        Ok(())
    });
}

#[test]
fn fsck_and_report_of_java_see_our_cluster_whole() {
    in_fresh_directory(|root| {
        let mut cluster = Cluster::start(root, Maker::Loxodon, &[Maker::Loxodon])?;
        write_some(&mut cluster, root, "files")?;
        let fsck = cluster.java("fsck", &["/", "-files", "-blocks", "-locations"])?.succeeded()?;
        for wanted in ["is HEALTHY", "Total files:\t3", "Minimally replicated blocks:\t2 (100.0 %)"]
        {
            if !fsck.contains(wanted) {
                return Err(io::Error::other(format!("fsck lacks '{wanted}':\n{fsck}")));
            }
        }
        Ok(())
    });
}

/// Writes three files with Java's shell: empty, one block, and with a name that is not ASCII.
fn write_some(cluster: &mut Cluster, root: &Path, name: &str) -> io::Result<()> {
    let local = root.join(format!("{name}.bin"));
    let bytes: Vec<u8> = (0..300_000u32).flat_map(|i| (i * 7 + 3).to_le_bytes()).collect();
    fs::write(&local, bytes)?;
    let local = local.display().to_string();
    let dir = format!("/kept/{name}");
    cluster.java("dfs", &["-mkdir", "-p", &dir])?.succeeded()?;
    cluster.java("dfs", &["-touchz", &format!("{dir}/empty")])?.succeeded()?;
    cluster.java("dfs", &["-put", &local, &format!("{dir}/block")])?.succeeded()?;
    cluster.java("dfs", &["-put", &local, &format!("{dir}/größe 1")])?.succeeded()?;
    cluster.java("dfs", &["-chmod", "640", &format!("{dir}/block")])?.succeeded()?;
    cluster.java("dfs", &["-setrep", "2", &format!("{dir}/block")])?.succeeded()?;
    cluster.java("dfs", &["-mv", &format!("{dir}/empty"), &format!("{dir}/none")])?.succeeded()?;
    Ok(())
}

/// The tree as Java's shell lists it and every file's checksum.
fn state(cluster: &mut Cluster) -> io::Result<String> {
    let listing = cluster.java("dfs", &LISTING)?.succeeded()?;
    let files: Vec<String> = listing
        .lines()
        .filter(|l| l.starts_with('-'))
        .filter_map(|l| l.find('/').map(|at| l[at..].to_owned()))
        .collect();
    let mut args = vec!["-checksum"];
    args.extend(files.iter().map(String::as_str));
    Ok(listing + &cluster.java("dfs", &args)?.succeeded()?)
}

fn swap(cluster: &mut Cluster, to: Maker) -> io::Result<()> {
    cluster.stop_datanode(0)?;
    cluster.stop_namenode()?;
    cluster.start_namenode(to)?;
    cluster.start_datanode(0, to)?;
    cluster.wait_for_datanodes(1)?;
    cluster.java("dfsadmin", &["-safemode", "wait"])?.succeeded().map(drop)
}

fn same(wanted: &str, seen: &str, when: &str) -> io::Result<()> {
    if wanted == seen {
        return Ok(());
    }
    let differing = wanted.lines().zip(seen.lines()).find(|(w, s)| w != s);
    Err(io::Error::other(format!(
        "{when}: first difference {differing:?}\n--- wanted\n{wanted}\n--- seen\n{seen}"
    )))
}

/// The image's text without the viewer's own version, in which the two cannot agree.
fn without_revision(text: &str) -> String {
    match (text.split_once("<oivRevision>"), text.split_once("</oivRevision>")) {
        (Some((before, _)), Some((_, after))) => format!("{before}{after}"),
        _ => text.to_owned(),
    }
}

fn images(name_dir: &Path) -> io::Result<Vec<String>> {
    let mut found: Vec<String> = fs::read_dir(name_dir.join("current"))?
        .filter_map(|e| e.ok()?.file_name().into_string().ok())
        .filter(|n| n.starts_with("fsimage_") && !n.ends_with(".md5"))
        .collect();
    found.sort();
    Ok(found)
}

fn newest(folder: &Path, prefix: &str, but_not: &str) -> io::Result<PathBuf> {
    let mut found: Vec<PathBuf> = fs::read_dir(folder)?
        .filter_map(|e| Some(e.ok()?.path()))
        .filter(|p| {
            let name = p.file_name().unwrap_or_default().to_string_lossy();
            name.starts_with(prefix) && (but_not.is_empty() || !name.ends_with(but_not))
        })
        .collect();
    found.sort();
    found.pop().ok_or_else(|| io::Error::other(format!("no {prefix}* in {}", folder.display())))
}

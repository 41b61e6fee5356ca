//! Java's programs for administrators that talk to DataNodes and read their disks.

use std::io;
use std::path::{Path, PathBuf};

use loxodon_interop::cluster::{Cluster, Maker, in_fresh_directory};

#[test]
fn javas_mover_and_debugger_work_on_our_cluster() {
    in_fresh_directory(|root| {
        let (disk, archive) = (root.join("disk"), root.join("archive"));
        let mut cluster = Cluster::start(root, Maker::Loxodon, &[])?;
        let volumes =
            format!("[DISK]file://{},[ARCHIVE]file://{}", disk.display(), archive.display());
        let extra = [("dfs.datanode.data.dir", volumes.as_str())];
        cluster.start_datanode_with(0, Maker::Loxodon, &extra)?;
        cluster.wait_for_datanodes(1)?;
        let local = root.join("local");
        std::fs::write(&local, "x".repeat(50_000))?;
        cluster.java("dfs", &["-put", &local.display().to_string(), "/f"])?.succeeded()?;
        debug(&mut cluster, root, &disk)?;
        expect("all on disk", blocks(&disk)?.len() == 1 && blocks(&archive)?.is_empty())?;
        let cold = ["-setStoragePolicy", "-path", "/f", "-policy", "COLD"];
        cluster.java("policies", &cold)?.succeeded()?;
        let moved = cluster.java("mover", &["-p", "/f"])?;
        cluster.all_alive()?;
        let text = format!("exit {}\n{}{}", moved.exit, moved.stdout, moved.stderr);
        expect(&text, moved.exit == 0 && text.contains("Mover Successful"))?;
        expect("the archive has it", blocks(&archive)?.len() == 1)?;
        let read = cluster.java("dfs", &["-cat", "/f"])?.succeeded()?;
        expect("it is whole", read.len() == 50_000)?;
        let checked = cluster.java("fsck", &["/f", "-storagepolicies"])?.succeeded()?;
        expect(&checked, checked.contains("All blocks satisfy specified storage policy."))
    });
}

/// `hdfs debug` on a block that our DataNode wrote.
fn debug(cluster: &mut Cluster, root: &Path, volume: &Path) -> io::Result<()> {
    let found = blocks(volume)?;
    let block = found.first().ok_or_else(|| io::Error::other("no block"))?;
    let name = format!("{}_", block.file_name().unwrap_or_default().to_string_lossy());
    let metas = files(volume)?;
    let is_meta = |path: &&PathBuf| {
        path.file_name().is_some_and(|file| file.to_string_lossy().starts_with(&name))
    };
    let meta = metas.iter().find(is_meta).ok_or_else(|| io::Error::other("no meta file"))?;
    let (block, meta) = (block.display().to_string(), meta.display().to_string());
    let verified = cluster.java("debug", &["verifyMeta", "-meta", &meta, "-block", &block])?;
    let verified = verified.succeeded()?;
    expect(&verified, verified.contains("Checksum verification succeeded"))?;
    let out = root.join("computed.meta");
    let compute = ["computeMeta", "-block", &block, "-out", &out.display().to_string()];
    cluster.java("debug", &compute)?.succeeded()?;
    expect("the computed checksums are ours", std::fs::read(&out)? == std::fs::read(&meta)?)?;
    let recovered = cluster.java("debug", &["recoverLease", "-path", "/f"])?.succeeded()?;
    expect(&recovered, recovered.contains("recoverLease SUCCEEDED on /f"))
}

fn expect(what: &str, holds: bool) -> io::Result<()> {
    if holds { Ok(()) } else { Err(io::Error::other(format!("not so: {what}"))) }
}

/// The finalized data files of a volume.
fn blocks(volume: &Path) -> io::Result<Vec<PathBuf>> {
    let mut found = files(volume)?;
    found.retain(|path| path.extension().is_none());
    Ok(found)
}

/// Every file below `finalized` of a volume.
fn files(volume: &Path) -> io::Result<Vec<PathBuf>> {
    let (mut found, mut ahead) = (Vec::new(), vec![volume.to_path_buf()]);
    while let Some(directory) = ahead.pop() {
        for entry in std::fs::read_dir(directory)? {
            let path = entry?.path();
            if path.is_dir() {
                ahead.push(path);
            } else if path.components().any(|part| part.as_os_str() == "finalized") {
                found.push(path);
            }
        }
    }
    Ok(found)
}

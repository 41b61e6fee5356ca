//! Java's programs for administrators that talk to DataNodes and read their disks.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use loxodon_interop::cluster::{Cluster, Maker, in_fresh_directory};
use loxodon_interop::eventually;

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
        // The mover ends with the DataNode's answer; a report tells the NameNode.
        let mut checked = String::new();
        eventually("a satisfied policy", Duration::from_secs(60), || {
            checked = cluster.java("fsck", &["/f", "-storagepolicies"]).ok()?.stdout;
            checked.contains("All blocks satisfy specified storage policy.").then_some(())
        })
        .map_err(|e| io::Error::other(format!("{e}\n{checked}")))
    });
}

/// Blocks of one file on each DataNode, on two volumes of the same type.
const SPREAD: usize = 8;
const BLOCK: usize = 1 << 20;

#[test]
fn javas_disk_balancer_moves_blocks_on_datanodes_of_both_makers() {
    in_fresh_directory(|root| {
        let mut cluster = Cluster::start(root, Maker::Loxodon, &[])?;
        let makers = [Maker::Java, Maker::Loxodon];
        let volumes =
            |node: usize| ["a", "b"].map(|volume| root.join(format!("node{node}")).join(volume));
        for (node, maker) in makers.into_iter().enumerate() {
            let both = volumes(node).map(|volume| format!("file://{}", volume.display())).join(",");
            cluster.start_datanode_with(node, maker, &[("dfs.datanode.data.dir", &both)])?;
        }
        cluster.wait_for_datanodes(makers.len())?;
        let local = root.join("local");
        std::fs::write(&local, "x".repeat(SPREAD * BLOCK))?;
        let size = format!("dfs.blocksize={BLOCK}");
        let local = local.display().to_string();
        let put = ["-D", &size, "-D", "dfs.replication=2", "-put", &local, "/f"];
        cluster.java("dfs", &put)?.succeeded()?;
        let mut told = Vec::new();
        for node in 0..makers.len() {
            // The NameNode chose the storages: from the one that has more.
            let mut volumes = volumes(node);
            if whole(&volumes[0])? < whole(&volumes[1])? {
                volumes.reverse();
            }
            let before = whole(&volumes[0])?;
            told.push(balance(&mut cluster, root, node, &volumes)?);
            expect("two blocks moved", whole(&volumes[0])? == before - 2)?;
            expect("they are there", whole(&volumes[1])? == SPREAD - before + 2)?;
        }
        expect(&format!("the same is told: {told:?}"), told[0] == told[1])?;
        let read = cluster.java("dfs", &["-cat", "/f"])?.succeeded()?;
        expect("it is whole", read.len() == SPREAD * BLOCK)?;
        let checked = cluster.java("fsck", &["/f"])?.succeeded()?;
        expect(&checked, checked.contains("is HEALTHY"))
    });
}

/// How many blocks of the file a volume has.
fn whole(volume: &Path) -> io::Result<usize> {
    let lengths = blocks(volume)?.into_iter().filter_map(|path| path.metadata().ok());
    Ok(lengths.filter(|known| known.len() == BLOCK as u64).count())
}

/// Has two blocks moved from the first volume to the second; what `-query` tells then, without what differs by itself.
fn balance(
    cluster: &mut Cluster,
    root: &Path,
    node: usize,
    volumes: &[PathBuf; 2],
) -> io::Result<String> {
    let version = |volume: &Path, key: &str| -> io::Result<String> {
        let text = std::fs::read_to_string(volume.join("current/VERSION"))?;
        let value = text.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix('='));
        value.map(str::to_owned).ok_or_else(|| io::Error::other(format!("no {key} in {text}")))
    };
    let calls = cluster.datanode_calls(node)?.to_owned();
    let (host, port) = calls.split_once(':').unwrap_or((&calls, "0"));
    let named = |volume: &Path| -> io::Result<serde_json::Value> {
        let id = version(volume, "storageID")?;
        Ok(serde_json::json!({"path": volume, "storageType": "DISK", "uuid": id}))
    };
    let plan = serde_json::json!({
        "volumeSetPlans": [{
            "@class": "org.apache.hadoop.hdfs.server.diskbalancer.planner.MoveStep",
            "sourceVolume": named(&volumes[0])?,
            "destinationVolume": named(&volumes[1])?,
            "bytesToMove": 2 * BLOCK,
            "bandwidth": 1000,
        }],
        "nodeName": host,
        "nodeUUID": version(&volumes[0], "datanodeUuid")?,
        "port": port.parse::<u16>().unwrap_or(0),
        "timeStamp": 0,
    });
    let (file, path) = (root.join("plan"), format!("/plan{node}.json"));
    std::fs::write(&file, plan.to_string())?;
    cluster.java("dfs", &["-put", &file.display().to_string(), &path])?.succeeded()?;
    let old = cluster.java("diskbalancer", &["-execute", &path])?;
    let text = format!("{}{}", old.stdout, old.stderr);
    expect(&text, old.exit != 0 && text.contains("Plan was generated more than 1d ago"))?;
    cluster.java("diskbalancer", &["-execute", &path, "-skipDateCheck"])?.succeeded()?;
    let mut text = String::new();
    for _ in 0..300 {
        text = cluster.java("diskbalancer", &["-query", &calls, "-v"])?.succeeded()?;
        // The last of the old files is removed after that.
        if text.contains("PLAN_DONE") && whole(&volumes[0])? + whole(&volumes[1])? == SPREAD {
            break;
        }
        std::thread::sleep(Duration::from_millis(200));
    }
    let place = volumes[0].parent().unwrap_or(root).display().to_string();
    let text = text.replace(&calls, "NODE").replace(&path, "PLAN");
    let text =
        text.replace(&format!("{place}/a"), "VOLUME").replace(&format!("{place}/b"), "VOLUME");
    let stays = |line: &&str| {
        let differs = ["startTime", "secondsElapsed", "Plan ID"];
        !differs.iter().any(|word| line.contains(word))
    };
    Ok(text.lines().filter(stays).collect::<Vec<_>>().join("\n"))
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

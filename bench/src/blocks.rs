//! Start of a DataNode that has blocks: from the start of the process until the NameNode has its report, first by
//! listing its directories, then with the list of replicas that it saved when it ended.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use loxodon_interop::site::Site;
use loxodon_namespace::edit::Block;
use loxodon_rpc::client::{CallOptions, ClientSettings, RpcClient, ServerAddress};
use loxodon_wire::proto::hdfs::{
    DatanodeReportTypeProto, GetDatanodeReportRequestProto, GetDatanodeReportResponseProto,
};
use loxodon_wire::rpc::{UserIdentity, protocol};

use crate::daemon::{Daemon, Maker};
use crate::report::Table;
use crate::serving::until_served;
use crate::{Plan, Result, filled};

const BLOCKS: u64 = 200_000;
const LIMIT: Duration = Duration::from_secs(300);
const STEP: Duration = Duration::from_millis(5);
/// Bytes of a block that one checksum is of.
const CHUNK: u64 = 512;

/// Measures both makers, one after the other.
pub(crate) fn measure(plan: &Plan) -> Result<()> {
    let blocks = plan.size.unwrap_or(BLOCKS);
    let mut tables = [Table::default(), Table::default(), Table::default()];
    let runtime = tokio::runtime::Runtime::new()?;
    for maker in &plan.makers {
        let root = tempfile::tempdir()?;
        let site = Site::new(root.path())?;
        maker.format(&site)?;
        filled::write(&site, blocks, filled::PER_DIRECTORY)?;
        let log = root.path().join("log");
        let _namenode = maker.start(&site.conf(), "namenode", &log)?;
        runtime.block_on(until_served(&site, &filled::path(blocks - 1)))?;
        let conf = site.datanode_conf(0, &[])?;
        // The first start makes the directories.
        let (first, _) = runtime.block_on(reported(*maker, &site, &conf, &log))?;
        drop(first);
        let finalized = finalized(&site.data_dir(0))?;
        (0..blocks).try_for_each(|file| write_replica(&finalized, &filled::block(file)))?;
        for what in ["by listing", "with the saved list"] {
            let (daemon, seconds) = runtime.block_on(reported(*maker, &site, &conf, &log))?;
            let figures = [seconds, daemon.cpu_seconds()?, daemon.resident_bytes()? as f64 / 1e6];
            for (table, figure) in tables.iter_mut().zip(figures) {
                table.add(what, *maker, figure);
            }
            daemon.stop()?;
        }
    }
    let units = ["seconds until its report is in", "CPU seconds", "MB resident"];
    for (table, unit) in tables.iter().zip(units) {
        table.print(unit, false);
    }
    Ok(())
}

/// Starts the DataNode and waits until the NameNode has a block report of this start; says how long that took.
async fn reported(maker: Maker, site: &Site, conf: &Path, log: &Path) -> Result<(Daemon, f64)> {
    let server = ServerAddress::new("127.0.0.1", site.rpc_port());
    let user = UserIdentity::new(loxodon_interop::java::whoami()).into();
    let client = RpcClient::new(ClientSettings::default(), user);
    let request = GetDatanodeReportRequestProto { r#type: DatanodeReportTypeProto::All.into() };
    let since = SystemTime::now().duration_since(UNIX_EPOCH)?.as_millis();
    let start = Instant::now();
    let daemon = maker.start(conf, "datanode", log)?;
    while start.elapsed() < LIMIT {
        let answer: GetDatanodeReportResponseProto = client
            .call(
                &server,
                &protocol::CLIENT_NAMENODE,
                "getDatanodeReport",
                &request,
                CallOptions::default(),
            )
            .await?;
        let told = answer.di.iter().filter_map(|node| node.last_block_report_time);
        if told.max().is_some_and(|at| u128::from(at) > since) {
            return Ok((daemon, start.elapsed().as_secs_f64()));
        }
        tokio::time::sleep(STEP).await;
    }
    Err(format!("no block report after {LIMIT:?}").into())
}

/// Where a volume has its block pool's finalized replicas.
fn finalized(volume: &Path) -> Result<PathBuf> {
    let pool = fs::read_dir(volume.join("current"))?
        .filter_map(|entry| Some(entry.ok()?.path()))
        .find(|path| path.file_name().is_some_and(|n| n.to_string_lossy().starts_with("BP-")));
    let pool = pool.ok_or_else(|| format!("no block pool in {}", volume.display()))?;
    Ok(pool.join("current/finalized"))
}

/// A replica of the right length, with holes for bytes, and its checksums (`DatanodeUtil.idToBlockDir`).
fn write_replica(finalized: &Path, block: &Block) -> Result<()> {
    let id = block.id.0;
    let directory = finalized
        .join(format!("subdir{}", id >> 16 & 0x1f))
        .join(format!("subdir{}", id >> 8 & 0x1f));
    fs::create_dir_all(&directory)?;
    fs::File::create(directory.join(format!("blk_{id}")))?.set_len(block.length)?;
    // `BlockMetadataHeader`: version 1, CRC32C of each 512 bytes.
    let mut checksums = vec![0, 1, 2, 0, 0, 2, 0];
    checksums.resize(7 + 4 * usize::try_from(block.length.div_ceil(CHUNK))?, 0);
    fs::write(directory.join(format!("blk_{id}_{}.meta", block.generation_stamp.0)), checksums)?;
    Ok(())
}

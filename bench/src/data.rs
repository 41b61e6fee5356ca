//! What data costs: CPU seconds of the DataNodes per GB written and read, throughput, and a small
//! file from create to close.
//!
//! The client is ours for both makers but for the small file, whose client is the `hdfs-native`
//! crate: written by others, used as it is.

use std::path::Path;
use std::time::Instant;

use bytes::Bytes;
use hdfs_native::WriteOptions;
use hdfs_native::client::ClientBuilder;
use loxodon_client::{Client, CreateOptions, UserIdentity};
use loxodon_conf::Configuration;
use loxodon_interop::java::whoami;
use loxodon_interop::site::Site;

use crate::daemon::{Daemon, Maker};
use crate::report::Table;
use crate::{Plan, Result};

const BLOCK: u64 = 128 << 20;
const PIECE: usize = 1 << 20;
const DATANODES: usize = 3;
const SMALL: usize = 16 << 10;
const SMALL_FILES: usize = 50;
/// Megabytes of one file where the command line names none.
const MEGABYTES: u64 = 1000;
/// The first rounds warm Java's compiler and the disk up.
const ROUNDS: usize = 3;

/// Measures both makers, one after the other; the number is megabytes of a file.
pub(crate) fn measure(plan: &Plan) -> Result<()> {
    let megabytes = plan.size.unwrap_or(MEGABYTES);
    let (mut cpu, mut rate, mut small) = (Table::default(), Table::default(), Table::default());
    let runtime = tokio::runtime::Runtime::new()?;
    for maker in &plan.makers {
        let root = tempfile::tempdir()?;
        let cluster = Cluster::start(*maker, root.path())?;
        runtime.block_on(async {
            let client = cluster.client()?;
            for replication in [1, 3] {
                cluster.stream(&client, replication, megabytes, &mut cpu, &mut rate).await?;
            }
            cluster.small_files(&mut small).await
        })?;
    }
    cpu.print("CPU seconds of all DataNodes per GB of the file", false);
    rate.print("MB/s, one client", true);
    small.print("16 KiB file, create to close, replication 1, ms", false);
    Ok(())
}

struct Cluster {
    maker: Maker,
    site: Site,
    datanodes: Vec<Daemon>,
    _namenode: Daemon,
}

impl Cluster {
    fn start(maker: Maker, root: &Path) -> Result<Self> {
        let site = Site::new(root)?;
        let namenode = maker.namenode(&site, root)?;
        let mut datanodes = Vec::new();
        for index in 0..DATANODES {
            let conf = site.datanode_conf(index, &[])?;
            datanodes.push(maker.start(&conf, "datanode", &root.join(format!("dn{index}.log")))?);
        }
        Ok(Self { maker, site, datanodes, _namenode: namenode })
    }

    fn client(&self) -> Result<Client> {
        let mut conf = Configuration::new();
        conf.load_directory(&self.site.conf())?;
        Ok(Client::connect(&conf, &self.site.uri(), UserIdentity::new(whoami()))?)
    }

    fn cpu_seconds(&self) -> Result<f64> {
        let mut sum = 0.0;
        for datanode in &self.datanodes {
            sum += datanode.cpu_seconds()?;
        }
        Ok(sum)
    }

    async fn wait_for_datanodes(&self, client: &Client) -> Result<()> {
        let kind = loxodon_client::DatanodeReportKind::Live;
        while client.datanode_report(kind).await.map_or(0, |live| live.len()) < DATANODES {
            tokio::time::sleep(std::time::Duration::from_millis(200)).await;
        }
        Ok(())
    }

    /// DataNodes delete in the background, and their next round is not to pay for it.
    async fn wait_for_deletion(&self) {
        while (0..DATANODES).any(|index| has_blocks(&self.site.data_dir(index))) {
            tokio::time::sleep(std::time::Duration::from_millis(200)).await;
        }
    }

    async fn stream(
        &self,
        client: &Client,
        replication: u16,
        megabytes: u64,
        cpu: &mut Table,
        rate: &mut Table,
    ) -> Result<()> {
        self.wait_for_datanodes(client).await?;
        let piece = Bytes::from((0..PIECE).map(|i| (i * 131 % 251) as u8).collect::<Vec<_>>());
        let pieces = megabytes * 1_000_000 / PIECE as u64;
        let gigabytes = (pieces * PIECE as u64) as f64 / 1e9;
        for round in 0..ROUNDS {
            let path = format!("/stream-{replication}-{round}");
            let options =
                CreateOptions::default().overwrite(true).replication(replication).block_size(BLOCK);
            let (before, start) = (self.cpu_seconds()?, Instant::now());
            let mut writer = client.create(&path, options).await?;
            for _ in 0..pieces {
                writer.write_bytes(piece.clone()).await?;
            }
            writer.close().await?;
            let (wrote, used) = (start.elapsed().as_secs_f64(), self.cpu_seconds()? - before);

            let (before, start) = (self.cpu_seconds()?, Instant::now());
            let mut reader = client.open(&path).await?;
            while !reader.read_bytes(PIECE).await?.is_empty() {}
            let (read, served) = (start.elapsed().as_secs_f64(), self.cpu_seconds()? - before);
            client.delete(&path, false).await?;
            self.wait_for_deletion().await;
            if round + 1 == ROUNDS {
                let mut add = |what: &str, used: f64, seconds: f64| {
                    let what = format!("{what}, replication {replication}");
                    cpu.add(&what, self.maker, used / gigabytes);
                    rate.add(&what, self.maker, gigabytes * 1000.0 / seconds);
                };
                add("write", used, wrote);
                add("read", served, read);
            }
        }
        Ok(())
    }

    async fn small_files(&self, table: &mut Table) -> Result<()> {
        let client = ClientBuilder::new().with_url(self.site.uri()).with_user(whoami()).build()?;
        let options = WriteOptions::default().replication(1);
        let data = Bytes::from(vec![7; SMALL]);
        let mut times = Vec::new();
        for index in 0..SMALL_FILES {
            let start = Instant::now();
            let mut writer = client.create(&format!("/small-{index}"), &options).await?;
            writer.write_bytes(data.clone()).await?;
            writer.close().await?;
            times.push(start.elapsed().as_secs_f64() * 1e3);
        }
        times.sort_by(f64::total_cmp);
        let median = times.get(times.len() / 2).copied().unwrap_or(f64::NAN);
        table.add("median of 50, hdfs-native client", self.maker, median);
        Ok(())
    }
}

/// Whether there is a block's file anywhere below a directory. What goes away meanwhile is none.
fn has_blocks(directory: &Path) -> bool {
    std::fs::read_dir(directory).into_iter().flatten().flatten().any(|entry| {
        entry.file_name().as_encoded_bytes().starts_with(b"blk_")
            || entry.file_type().is_ok_and(|kind| kind.is_dir()) && has_blocks(&entry.path())
    })
}

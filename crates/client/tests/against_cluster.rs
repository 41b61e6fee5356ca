//! The client against a running cluster, ours or Java's.
//!
//! `LOXODON_TEST_FS` names it (`hdfs://localhost:9000`, with at least one DataNode); `./test`
//! sets it. Without it nothing runs, and the program says so. Arguments choose scenarios by
//! part of their names.

use std::error::Error;
use std::time::{Duration, Instant};

use bytes::Bytes;
use loxodon_client::{
    AppendOptions, ChecksumCombine, Client, CreateOptions, DatanodeReportKind, QuotaChange,
    RenameOptions, SafeModeAction, SyncOptions, UserIdentity,
};
use loxodon_conf::Configuration;

type Outcome = Result<(), Box<dyn Error>>;

const KIB: usize = 1024;
const MIB: usize = 1024 * KIB;

struct Cluster {
    client: Client,
    uri: String,
    user: String,
    root: String,
    datanodes: usize,
}

fn main() -> Outcome {
    let Ok(uri) = std::env::var("LOXODON_TEST_FS") else {
        println!("against_cluster: NOT RUN, LOXODON_TEST_FS names no cluster");
        return Ok(());
    };
    let filters: Vec<String> =
        std::env::args().skip(1).filter(|arg| !arg.starts_with('-')).collect();
    let runtime = tokio::runtime::Runtime::new()?;
    let failed = runtime.block_on(run_all(&uri, &filters))?;
    if failed > 0 {
        println!("against_cluster: {failed} FAILED");
        std::process::exit(1);
    }
    Ok(())
}

fn connect(uri: &str, user: &str, settings: &[(&str, &str)]) -> loxodon_client::Result<Client> {
    let mut conf = Configuration::new();
    for (key, value) in settings {
        conf.set(key, value, "test");
    }
    Client::connect(&conf, uri, UserIdentity::new(user))
}

macro_rules! scenarios {
    ($cluster:expr, $filters:expr, $failed:ident, [$($name:ident),* $(,)?]) => {
        $(
            let name = stringify!($name);
            if $filters.is_empty() || $filters.iter().any(|filter: &String| name.contains(filter.as_str())) {
                let start = Instant::now();
                match tokio::time::timeout(Duration::from_secs(120), $name($cluster)).await {
                    Ok(Ok(())) => println!("{name} ... ok ({:.2?})", start.elapsed()),
                    Ok(Err(error)) => { $failed += 1; println!("{name} ... FAILED: {error}"); }
                    Err(_) => { $failed += 1; println!("{name} ... FAILED: it hangs"); }
                }
            }
        )*
    };
}

async fn run_all(uri: &str, filters: &[String]) -> Result<usize, Box<dyn Error>> {
    let user = std::env::var("LOXODON_TEST_USER")
        .unwrap_or_else(|_| std::env::var("USER").unwrap_or_else(|_| "root".into()));
    let client = connect(uri, &user, &[])?;
    let root = format!("/against_cluster_{}", std::process::id());
    let datanodes = client.datanode_report(DatanodeReportKind::Live).await?.len();
    let cluster = Cluster { client, uri: uri.to_owned(), user, root, datanodes };
    cluster.client.mkdirs(&cluster.root, 0o755, true).await?;
    let mut failed = 0;
    scenarios!(
        &cluster,
        filters,
        failed,
        [
            sizes_come_back,
            several_blocks_and_positions,
            bytes_without_copies,
            pipeline_of_three,
            append_fills_the_last_chunk,
            append_in_small_steps,
            append_with_a_new_block,
            flushed_data_is_read_while_written,
            flush_in_the_middle_of_chunks,
            sync_ends_a_block,
            hedged_reads,
            checksums_of_files,
            other_checksum_types,
            truncate_and_concat,
            renames,
            listing_pages,
            attributes,
            acl_and_xattr,
            two_writers,
            lease_recovery,
            statistics,
            safe_mode,
            errors_are_hadoops,
            small_file_latency,
        ]
    );
    if let Err(error) = cluster.client.delete(&cluster.root, true).await {
        println!("clean-up ... FAILED: {error}");
        failed += 1;
    }
    Ok(failed)
}

impl Cluster {
    fn path(&self, name: &str) -> String {
        format!("{}/{name}", self.root)
    }

    fn options(&self) -> CreateOptions {
        CreateOptions::default().overwrite(true).replication(1)
    }

    async fn put(&self, path: &str, data: &[u8], options: CreateOptions) -> Outcome {
        let mut file = self.client.create(path, options).await?;
        file.write_all(data).await?;
        file.close().await?;
        Ok(())
    }

    async fn get(&self, path: &str) -> Result<Vec<u8>, Box<dyn Error>> {
        read_all(&self.client, path).await
    }
}

async fn read_all(client: &Client, path: &str) -> Result<Vec<u8>, Box<dyn Error>> {
    let mut file = client.open(path).await?;
    let mut data = Vec::new();
    loop {
        let bytes = file.read_bytes(MIB).await?;
        if bytes.is_empty() {
            break;
        }
        data.extend_from_slice(&bytes);
    }
    Ok(data)
}

/// Bytes that differ everywhere, the same each time.
fn pattern(length: usize) -> Vec<u8> {
    let mut state = 0x9E37_79B9_7F4A_7C15_u64;
    let mut data = Vec::with_capacity(length + 8);
    while data.len() < length {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        data.extend_from_slice(&state.to_be_bytes());
    }
    data.truncate(length);
    data
}

fn same(found: &[u8], expected: &[u8]) -> Outcome {
    if found == expected {
        return Ok(());
    }
    let at = found.iter().zip(expected).position(|(a, b)| a != b);
    Err(format!("{} bytes instead of {}, first difference {at:?}", found.len(), expected.len())
        .into())
}

fn check(holds: bool, what: &str) -> Outcome {
    if holds { Ok(()) } else { Err(what.into()) }
}

async fn sizes_come_back(cluster: &Cluster) -> Outcome {
    let path = cluster.path("sizes");
    for size in [0, 1, 511, 512, 513, 64512, 64513, 65536, 200_000, 3 * MIB + 17] {
        let data = pattern(size);
        cluster.put(&path, &data, cluster.options()).await?;
        same(&cluster.get(&path).await?, &data)?;
        check(cluster.client.file_status(&path).await?.length == size as u64, "length")?;
    }
    Ok(())
}

async fn several_blocks_and_positions(cluster: &Cluster) -> Outcome {
    let path = cluster.path("blocks");
    let data = pattern(5 * MIB + 1000);
    cluster.put(&path, &data, cluster.options().block_size(MIB as u64)).await?;
    same(&cluster.get(&path).await?, &data)?;
    let located = cluster.client.block_locations(&path, 0, u64::MAX >> 1).await?;
    check(located.blocks.len() == 6, "six blocks")?;
    let mut file = cluster.client.open(&path).await?;
    for (position, length) in
        [(0, 10), (MIB - 5, 10), (MIB, 512), (5 * MIB + 990, 10), (777, 3 * MIB)]
    {
        let mut buffer = vec![0; length];
        file.read_exact_at(position as u64, &mut buffer).await?;
        same(&buffer, &data[position..position + length])?;
    }
    let mut buffer = vec![0; 100];
    check(file.read_at((data.len() - 3) as u64, &mut buffer).await? == 3, "short at the end")?;
    check(
        file.read_exact_at((data.len() - 3) as u64, &mut buffer).await.is_err(),
        "beyond the end",
    )?;
    for position in [3 * MIB + 1, 3 * MIB + 100, 12, data.len(), 0] {
        file.seek(position as u64)?;
        let bytes = file.read_bytes(100).await?;
        same(&bytes, &data[position..position + bytes.len()])?;
    }
    check(file.seek(data.len() as u64 + 1).is_err(), "seek beyond the end")
}

async fn bytes_without_copies(cluster: &Cluster) -> Outcome {
    let path = cluster.path("bytes");
    let data = Bytes::from(pattern(2 * MIB + 333));
    let mut file = cluster.client.create(&path, cluster.options().block_size(MIB as u64)).await?;
    file.write_bytes(data.slice(..100)).await?;
    file.write_bytes(data.slice(100..MIB + 7)).await?;
    file.write_all(&data[MIB + 7..MIB + 9]).await?;
    file.write_bytes(data.slice(MIB + 9..)).await?;
    check(file.position() == data.len() as u64, "position")?;
    file.close().await?;
    same(&cluster.get(&path).await?, &data)
}

async fn pipeline_of_three(cluster: &Cluster) -> Outcome {
    let path = cluster.path("three");
    let wanted = cluster.datanodes.min(3);
    let data = pattern(4 * MIB);
    cluster
        .put(&path, &data, cluster.options().replication(wanted as u16).block_size(MIB as u64))
        .await?;
    same(&cluster.get(&path).await?, &data)
}

async fn append_fills_the_last_chunk(cluster: &Cluster) -> Outcome {
    let path = cluster.path("append");
    let data = pattern(300_000);
    for first in [0, 1, 100, 512, 1000, 64512, 65537] {
        cluster.put(&path, &data[..first], cluster.options()).await?;
        let mut file = cluster.client.append(&path, AppendOptions::default()).await?;
        check(file.position() == first as u64, "position")?;
        file.write_all(&data[first..]).await?;
        file.close().await?;
        same(&cluster.get(&path).await?, &data)?;
    }
    Ok(())
}

async fn append_in_small_steps(cluster: &Cluster) -> Outcome {
    let path = cluster.path("append-steps");
    let data = pattern(2000);
    cluster.put(&path, &[], cluster.options().block_size(1024)).await?;
    for part in data.chunks(237) {
        let mut file = cluster.client.append(&path, AppendOptions::default()).await?;
        file.write_all(part).await?;
        file.close().await?;
    }
    same(&cluster.get(&path).await?, &data)
}

async fn append_with_a_new_block(cluster: &Cluster) -> Outcome {
    let path = cluster.path("append-block");
    let data = pattern(5000);
    cluster.put(&path, &data[..1000], cluster.options()).await?;
    let options = AppendOptions { new_block: true, ..AppendOptions::default() };
    let mut file = cluster.client.append(&path, options).await?;
    file.write_all(&data[1000..]).await?;
    file.close().await?;
    same(&cluster.get(&path).await?, &data)?;
    let located = cluster.client.block_locations(&path, 0, 10_000).await?;
    check(located.blocks.len() == 2, "two blocks")
}

async fn flushed_data_is_read_while_written(cluster: &Cluster) -> Outcome {
    let path = cluster.path("flush");
    let data = pattern(MIB + 10_000);
    let mut file =
        cluster.client.create(&path, cluster.options().block_size(512 * KIB as u64)).await?;
    let mut written = 0;
    for step in [1, 10, 511, 1000, 70_000, 512 * KIB, 100_000] {
        file.write_all(&data[written..written + step]).await?;
        written += step;
        if step % 2 == 0 {
            file.hflush().await?;
        } else {
            file.hsync(SyncOptions::default()).await?;
        }
        same(&cluster.get(&path).await?, &data[..written])?;
    }
    file.hsync(SyncOptions { update_length: true, ..SyncOptions::default() }).await?;
    check(cluster.client.file_status(&path).await?.length == written as u64, "length is known")?;
    file.write_all(&data[written..]).await?;
    file.close().await?;
    same(&cluster.get(&path).await?, &data)
}

async fn flush_in_the_middle_of_chunks(cluster: &Cluster) -> Outcome {
    let path = cluster.path("flush-chunks");
    let data = pattern(6000);
    cluster.put(&path, &data[..300], cluster.options().block_size(4096)).await?;
    let mut file = cluster.client.append(&path, AppendOptions::default()).await?;
    for part in data[300..].chunks(97) {
        file.write_all(part).await?;
        file.hflush().await?;
        file.hflush().await?;
    }
    file.close().await?;
    same(&cluster.get(&path).await?, &data)
}

async fn sync_ends_a_block(cluster: &Cluster) -> Outcome {
    let path = cluster.path("end-block");
    let data = pattern(3000);
    let mut file = cluster.client.create(&path, cluster.options()).await?;
    for part in data.chunks(1000) {
        file.write_all(part).await?;
        file.hsync(SyncOptions { end_block: true, update_length: true }).await?;
    }
    file.close().await?;
    same(&cluster.get(&path).await?, &data)?;
    let located = cluster.client.block_locations(&path, 0, 10_000).await?;
    check(located.blocks.len() == 3, "three blocks")
}

async fn hedged_reads(cluster: &Cluster) -> Outcome {
    let path = cluster.path("hedged");
    let data = pattern(2 * MIB);
    let replication = cluster.datanodes.min(3) as u16;
    cluster
        .put(&path, &data, cluster.options().replication(replication).block_size(MIB as u64))
        .await?;
    let client = connect(
        &cluster.uri,
        &cluster.user,
        &[
            ("dfs.client.hedged.read.threadpool.size", "4"),
            ("dfs.client.hedged.read.threshold.millis", "0"),
        ],
    )?;
    let mut file = client.open(&path).await?;
    let mut buffer = vec![0; data.len()];
    file.read_exact_at(0, &mut buffer).await?;
    same(&buffer, &data)
}

async fn checksums_of_files(cluster: &Cluster) -> Outcome {
    let path = cluster.path("checksum");
    let data = pattern(3 * MIB + 7);
    cluster.put(&path, &data, cluster.options().block_size(MIB as u64)).await?;
    let md5 = cluster.client.file_checksum(&path, None).await?.ok_or("no checksum")?;
    check(md5.algorithm == "MD5-of-2048MD5-of-512CRC32C", &md5.algorithm)?;
    let mut composites = Vec::new();
    for block_size in [MIB, 4 * MIB] {
        cluster.put(&path, &data, cluster.options().block_size(block_size as u64)).await?;
        let sum = cluster
            .client
            .file_checksum_combined(&path, None, ChecksumCombine::CompositeCrc)
            .await?;
        composites.push(sum.ok_or("no checksum")?);
    }
    check(composites[0] == composites[1], "composite checksums depend on blocks")?;
    let whole = loxodon_wire::checksum::crc32c_append(0, &data);
    check(composites[0].bytes == whole.to_be_bytes(), "composite is not the CRC of the data")
}

async fn other_checksum_types(cluster: &Cluster) -> Outcome {
    let data = pattern(100_000);
    for (kind, chunk) in [(0, 512), (1, 512), (1, 64), (2, 4096)] {
        let path = cluster.path(&format!("sum-{kind}-{chunk}"));
        let options = CreateOptions {
            checksum_type: Some(kind),
            bytes_per_checksum: Some(chunk),
            ..cluster.options()
        };
        cluster.put(&path, &data, options).await?;
        same(&cluster.get(&path).await?, &data)?;
    }
    Ok(())
}

async fn wait_until_closed(cluster: &Cluster, path: &str) -> Outcome {
    for _ in 0..600 {
        if cluster.client.is_file_closed(path).await? {
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    Err("the file stays open".into())
}

async fn truncate_and_concat(cluster: &Cluster) -> Outcome {
    let path = cluster.path("truncate");
    let data = pattern(3 * MIB);
    cluster.put(&path, &data, cluster.options().block_size(MIB as u64)).await?;
    check(
        cluster.client.truncate(&path, 2 * MIB as u64).await?,
        "at a block's end it is done at once",
    )?;
    same(&cluster.get(&path).await?, &data[..2 * MIB])?;
    check(
        !cluster.client.truncate(&path, MIB as u64 + 700).await?,
        "within a block it takes a recovery",
    )?;
    wait_until_closed(cluster, &path).await?;
    same(&cluster.get(&path).await?, &data[..MIB + 700])?;

    let parts: Vec<String> = (0..3).map(|part| cluster.path(&format!("concat-{part}"))).collect();
    for (part, path) in parts.iter().enumerate() {
        let size = if part == 2 { 100 } else { MIB };
        cluster
            .put(
                path,
                &data[part * MIB..part * MIB + size],
                cluster.options().block_size(MIB as u64),
            )
            .await?;
    }
    cluster.client.concat(&parts[0], &[&parts[1], &parts[2]]).await?;
    same(&cluster.get(&parts[0]).await?, &data[..2 * MIB + 100])?;
    check(!cluster.client.exists(&parts[1]).await?, "the source is gone")
}

async fn renames(cluster: &Cluster) -> Outcome {
    let (a, b) = (cluster.path("rename-a"), cluster.path("rename-b"));
    cluster.put(&a, b"a", cluster.options()).await?;
    cluster.put(&b, b"b", cluster.options()).await?;
    check(!cluster.client.rename(&a, &b).await?, "rename onto a file")?;
    let refused = cluster.client.rename2(&a, &b, RenameOptions::default()).await;
    check(
        refused.is_err_and(|error| error.is("FileAlreadyExistsException")),
        "rename2 onto a file",
    )?;
    cluster.client.rename2(&a, &b, RenameOptions { overwrite: true, to_trash: false }).await?;
    same(&cluster.get(&b).await?, b"a")
}

async fn listing_pages(cluster: &Cluster) -> Outcome {
    let directory = cluster.path("list");
    for name in 0..25 {
        cluster.client.mkdirs(&format!("{directory}/d{name:02}"), 0o700, true).await?;
    }
    cluster.put(&format!("{directory}/file"), b"x", cluster.options()).await?;
    let mut listing = cluster.client.list_located(&directory);
    let mut names = Vec::new();
    while let Some(status) = listing.next().await? {
        check(status.is_directory() || status.blocks.is_some(), "a file without locations")?;
        names.push(status.name);
    }
    check(names.len() == 26 && names.is_sorted() && names[25] == "file", "names")?;
    let page = cluster.client.list_page(&directory, b"d23", false).await?.ok_or("no page")?;
    check(page.entries.len() == 2, "a page begins after a name")?;
    let missing = cluster.client.list(&cluster.path("nothing")).next().await;
    check(missing.is_err_and(|error| error.is("FileNotFoundException")), "a missing directory")?;
    let root = cluster.path("list");
    let page = cluster.client.list_batched(&[&root], &Bytes::new(), false).await?;
    check(page.listings.len() == 1 && !page.has_more, "batched")
}

async fn attributes(cluster: &Cluster) -> Outcome {
    let path = cluster.path("attributes");
    let client = &cluster.client;
    cluster.put(&path, b"x", cluster.options()).await?;
    check(client.file_status(&path).await?.permission == 0o644, "umask")?;
    client.set_permission(&path, 0o1750).await?;
    client.set_times(&path, Some(1_000_000.into()), None).await?;
    client.set_owner(&path, Some("someone"), Some("somegroup")).await?;
    check(client.set_replication(&path, 2).await?, "replication")?;
    let status = client.file_status(&path).await?;
    check(status.permission == 0o1750 || status.permission == 0o750, "permission")?;
    check(status.modification_time.0 == 1_000_000, "time")?;
    check(status.owner == "someone" && status.group == "somegroup", "owner")?;
    check(status.replication == 2, "replication")?;
    let directory = cluster.path("quota");
    client.mkdirs(&directory, 0o755, true).await?;
    client.set_quota(&directory, QuotaChange::Set(2), QuotaChange::Keep, None).await?;
    client.mkdirs(&format!("{directory}/one"), 0o755, true).await?;
    let refused = client.mkdirs(&format!("{directory}/two"), 0o755, true).await;
    check(refused.is_err_and(|error| error.is("NSQuotaExceededException")), "quota")?;
    let usage = client.quota_usage(&directory).await?;
    check(usage.quota == Some(2) && usage.files_and_directories == 2, "usage")?;
    let summary = client.content_summary(&cluster.root).await?;
    check(summary.directories >= 3 && summary.files >= 1, "summary")
}

async fn acl_and_xattr(cluster: &Cluster) -> Outcome {
    use loxodon_client::{AclEntry, AclScope, AclSubject, XAttr, XAttrNamespace, XAttrSetMode};
    let path = cluster.path("acl");
    let client = &cluster.client;
    cluster.put(&path, b"x", cluster.options()).await?;
    let entry = AclEntry {
        subject: AclSubject::User,
        scope: AclScope::Access,
        permission: 6,
        name: Some("bruce".into()),
    };
    match client.modify_acl_entries(&path, std::slice::from_ref(&entry)).await {
        Ok(()) => {
            check(client.acl_status(&path).await?.entries.contains(&entry), "ACL entry")?;
            client.remove_acl(&path).await?;
        }
        // A NameNode may not have them.
        Err(error) => check(
            error.is("UnsupportedOperationException") || error.is("AclException"),
            &error.to_string(),
        )?,
    }
    let attribute = XAttr {
        namespace: XAttrNamespace::User,
        name: "colour".into(),
        value: Bytes::from_static(b"red"),
    };
    match client.set_xattr(&path, &attribute, XAttrSetMode::Create).await {
        Ok(()) => check(client.xattrs(&path, &["user.colour"]).await? == [attribute], "XAttr"),
        Err(error) => check(error.is("UnsupportedOperationException"), &error.to_string()),
    }
}

async fn two_writers(cluster: &Cluster) -> Outcome {
    let path = cluster.path("two");
    let mut first = cluster.client.create(&path, cluster.options()).await?;
    first.write_all(b"mine").await?;
    let other = connect(&cluster.uri, &cluster.user, &[])?;
    let refused = other.create(&path, CreateOptions::default()).await;
    check(refused.is_err(), "create while another writes")?;
    let refused = other.append(&path, AppendOptions::default()).await;
    check(
        refused.is_err_and(|error| {
            error.is("AlreadyBeingCreatedException") || error.is("RecoveryInProgressException")
        }),
        "append while another writes",
    )?;
    first.close().await?;
    same(&cluster.get(&path).await?, b"mine")
}

async fn lease_recovery(cluster: &Cluster) -> Outcome {
    let path = cluster.path("lease");
    let data = pattern(100_000);
    let writer = connect(&cluster.uri, &cluster.user, &[])?;
    let mut file = writer.create(&path, cluster.options()).await?;
    file.write_all(&data).await?;
    file.hflush().await?;
    file.abort();
    let mut closed = cluster.client.recover_lease(&path).await?;
    for _ in 0..600 {
        if closed {
            break;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
        closed = cluster.client.recover_lease(&path).await?;
    }
    check(closed, "the lease is not recovered")?;
    same(&cluster.get(&path).await?, &data)
}

async fn statistics(cluster: &Cluster) -> Outcome {
    let client = &cluster.client;
    let stats = client.fs_stats().await?;
    check(stats.capacity > 0, "capacity")?;
    client.replicated_block_stats().await?;
    client.erasure_coded_block_stats().await?;
    let reports = client.datanode_storage_report(DatanodeReportKind::Live).await?;
    check(reports.len() == cluster.datanodes && !reports[0].storages.is_empty(), "storages")?;
    client.list_corrupt_file_blocks("/", None).await?;
    client.list_open_files(0, false, "/").await?;
    check(client.storage_policies().await?.iter().any(|policy| policy.name == "HOT"), "policies")?;
    check(client.server_defaults().await?.bytes_per_checksum == 512, "defaults")?;
    for answer in [client.ha_service_state().await.map(drop), client.msync().await] {
        // Java's NameNode answers these only as one of several.
        if let Err(error) = answer {
            check(
                error.to_string().contains("HA for namenode is not enabled"),
                &error.to_string(),
            )?;
        }
    }
    client.transaction_id().await?;
    client.user_groups(&cluster.user).await?;
    client.set_balancer_bandwidth(100_000_000).await?;
    client.refresh_nodes().await?;
    Ok(())
}

async fn safe_mode(cluster: &Cluster) -> Outcome {
    let client = &cluster.client;
    check(!client.set_safe_mode(SafeModeAction::Get, false).await?, "already in safe mode")?;
    check(client.set_safe_mode(SafeModeAction::Enter, false).await?, "enter")?;
    let refused = client.mkdirs(&cluster.path("safe"), 0o755, true).await;
    let saved = client.save_namespace(0, 0).await;
    check(!client.set_safe_mode(SafeModeAction::Leave, false).await?, "leave")?;
    check(refused.is_err_and(|error| error.is("SafeModeException")), "mkdirs in safe mode")?;
    saved?;
    client.roll_edits().await?;
    Ok(())
}

async fn errors_are_hadoops(cluster: &Cluster) -> Outcome {
    let client = &cluster.client;
    let missing = cluster.path("missing");
    let error = client.open(&missing).await.err().ok_or("opened a missing file")?;
    check(
        error.is("FileNotFoundException") && !error.to_string().contains('\n'),
        &error.to_string(),
    )?;
    let path = cluster.path("there");
    cluster.put(&path, b"x", cluster.options()).await?;
    let error =
        client.create(&path, CreateOptions::default()).await.err().ok_or("created twice")?;
    check(error.is("FileAlreadyExistsException"), &error.to_string())?;
    let error = client
        .mkdirs(&format!("{path}/below"), 0o755, true)
        .await
        .err()
        .ok_or("made below a file")?;
    check(error.is("ParentNotDirectoryException"), &error.to_string())?;
    let error =
        client.delete(&cluster.root, false).await.err().ok_or("deleted what is not empty")?;
    check(error.is("PathIsNotEmptyDirectoryException"), &error.to_string())?;
    let error = client
        .create(&path, CreateOptions::default().block_size(1000))
        .await
        .err()
        .ok_or("odd block size")?;
    check(error.is("IllegalArgumentException"), &error.to_string())
}

async fn small_file_latency(cluster: &Cluster) -> Outcome {
    let data = pattern(16 * KIB);
    let mut times = Vec::new();
    for round in 0..30 {
        let path = cluster.path(&format!("small-{round}"));
        let start = Instant::now();
        cluster.put(&path, &data, cluster.options()).await?;
        times.push(start.elapsed());
    }
    times.sort_unstable();
    println!("  16 KiB created, written, closed: median {:.2?}, least {:.2?}", times[15], times[0]);
    Ok(())
}

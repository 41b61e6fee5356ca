//! The NameNode daemon on real sockets and disks.
#![allow(clippy::unwrap_used, clippy::panic)]

mod hosts;

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use loxodon_client::{AdminState, Client, CreateOptions, DatanodeReportKind, QuotaChange};
use loxodon_rpc::client::{CallOptions, ClientSettings, RpcClient, RpcError, ServerAddress};
use loxodon_runtime::daemon::namenode::{RunningNameNode, StartOptions};
use loxodon_runtime::held_port::HeldPort;
use loxodon_runtime::minicluster::{MiniCluster, MiniClusterOptions};
use loxodon_runtime::web::{self, client::HttpTarget};
use loxodon_wire::proto::common::{
    GetServiceStatusRequestProto, GetServiceStatusResponseProto, HaRequestSource,
    HaStateChangeRequestInfoProto, RefreshServiceAclRequestProto, RefreshServiceAclResponseProto,
    RefreshSuperUserGroupsConfigurationRequestProto as RefreshProxyUsersRequest,
    RefreshSuperUserGroupsConfigurationResponseProto as RefreshProxyUsersResponse,
    TransitionToActiveRequestProto, TransitionToActiveResponseProto,
};
use loxodon_wire::proto::hdfs::*;
use loxodon_wire::rpc::{UserIdentity, protocol};

fn me() -> String {
    loxodon_runtime::daemon::process_user()
}

async fn cluster(datanodes: usize, settings: &[(&str, &str)]) -> MiniCluster {
    let settings = settings.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect();
    let options = MiniClusterOptions { datanodes, settings, ..MiniClusterOptions::default() };
    MiniCluster::start(options).await.unwrap()
}

fn address(cluster: &MiniCluster) -> ServerAddress {
    ServerAddress::new("127.0.0.1", cluster.rpc_port())
}

fn calls_as(user: UserIdentity) -> RpcClient {
    RpcClient::new(ClientSettings::default(), Arc::new(user))
}

fn files(cluster: &MiniCluster) -> Client {
    Client::connect(cluster.conf(), &cluster.uri(), UserIdentity::new(me())).unwrap()
}

async fn put(client: &Client, path: &str, data: &[u8], options: CreateOptions) {
    let mut file = client.create(path, options).await.unwrap();
    file.write_all(data).await.unwrap();
    file.close().await.unwrap();
}

/// Looks every few milliseconds, for as long as the slowest machine needs.
async fn eventually<F: Future<Output = bool>>(what: &str, mut look: impl FnMut() -> F) {
    let end = Instant::now() + Duration::from_secs(180);
    while !look().await {
        assert!(Instant::now() < end, "it did not happen that {what}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

fn create_request(src: &str) -> CreateRequestProto {
    CreateRequestProto {
        src: src.into(),
        masked: FsPermissionProto { perm: 0o644 },
        client_name: "writer".into(),
        create_flag: CreateFlagProto::Create as u32,
        create_parent: true,
        replication: 1,
        block_size: 1 << 20,
        ..CreateRequestProto::default()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_that_is_sent_again_is_done_once() {
    let mut cluster = cluster(0, &[]).await;
    let at = address(&cluster);
    let client = calls_as(UserIdentity::new(me()));
    let files = files(&cluster);
    let identity = client.new_call();
    let again = |retry_count| CallOptions {
        identity: Some(identity),
        retry_count,
        ..CallOptions::default()
    };
    let asked = create_request("/f");
    // Each user has a connection of his own; the call's identity is all that counts.
    files.set_permission("/", 0o777).await.unwrap();
    let elsewhere = client.with_user(Arc::new(UserIdentity::new("somebody")));
    let create = |retry_count: i32| {
        let client = if retry_count % 2 == 0 { &client } else { &elsewhere };
        client.call::<_, CreateResponseProto>(
            &at,
            &protocol::CLIENT_NAMENODE,
            "create",
            &asked,
            again(retry_count),
        )
    };
    // Both before either is on disk, as far as the sockets let them.
    let (first, second) = tokio::join!(create(0), create(1));
    let first = first.unwrap();
    assert_eq!(second.unwrap(), first);
    let written = files.transaction_id().await.unwrap();
    assert_eq!(create(2).await.unwrap(), first);
    assert_eq!(files.transaction_id().await.unwrap(), written);

    // Another call of the same client is another call.
    let other = client.call::<_, CreateResponseProto>(
        &at,
        &protocol::CLIENT_NAMENODE,
        "create",
        &asked,
        CallOptions::default(),
    );
    let error = other.await.unwrap_err();
    assert!(error.java_class().ends_with("AlreadyBeingCreatedException"), "{error}");

    // What was acknowledged is known after a crash.
    cluster.kill_namenode().await;
    cluster.start_namenode().await.unwrap();
    assert_eq!(create(3).await.unwrap(), first);
    cluster.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn proxy_users_speak_for_whom_they_may() {
    let settings =
        [("hadoop.proxyuser.oozie.users", "alice"), ("hadoop.proxyuser.oozie.hosts", "*")];
    let cluster = cluster(0, &settings).await;
    let at = address(&cluster);
    let ask = |effective: &str, real: &str| {
        let user = UserIdentity { effective: effective.into(), real: Some(real.into()) };
        let at = at.clone();
        async move {
            let asked = GetFileInfoRequestProto { src: "/".into() };
            calls_as(user)
                .call::<_, GetFileInfoResponseProto>(
                    &at,
                    &protocol::CLIENT_NAMENODE,
                    "getFileInfo",
                    &asked,
                    CallOptions::default(),
                )
                .await
        }
    };
    assert!(ask("alice", "oozie").await.unwrap().fs.is_some());
    for (effective, real) in [("bob", "oozie"), ("alice", "eve")] {
        let error = ask(effective, real).await.unwrap_err();
        let RpcError::Remote(error) = error else { panic!("{error}") };
        assert_eq!(error.class, "org.apache.hadoop.security.authorize.AuthorizationException");
        let text = format!("User: {real} is not allowed to impersonate {effective}");
        assert_eq!(error.message, text);
    }
    let refresh = |user: &str| {
        let at = at.clone();
        let client = calls_as(UserIdentity::new(user));
        async move {
            client
                .call::<_, RefreshProxyUsersResponse>(
                    &at,
                    &protocol::REFRESH_USER_MAPPINGS,
                    "refreshSuperUserGroupsConfiguration",
                    &RefreshProxyUsersRequest {},
                    CallOptions::default(),
                )
                .await
        }
    };
    refresh(&me()).await.unwrap();
    // Whose right to refresh Hadoop leaves to service-level authorization.
    refresh("eve").await.unwrap();
    assert!(ask("alice", "oozie").await.is_ok());
    cluster.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_single_namenode_says_so() {
    let cluster = cluster(0, &[]).await;
    let at = address(&cluster);
    let client = calls_as(UserIdentity::new(me()));
    let options = CallOptions::default;
    let status = client
        .call::<_, GetServiceStatusResponseProto>(
            &at,
            &protocol::HA_SERVICE,
            "getServiceStatus",
            &GetServiceStatusRequestProto {},
            options(),
        )
        .await;
    let change = |source: HaRequestSource| TransitionToActiveRequestProto {
        req_info: HaStateChangeRequestInfoProto { req_source: source.into() },
    };
    let (by_user, by_controller) =
        (change(HaRequestSource::RequestByUser), change(HaRequestSource::RequestByZkfc));
    let active = |asked| {
        client.call::<_, TransitionToActiveResponseProto>(
            &at,
            &protocol::HA_SERVICE,
            "transitionToActive",
            asked,
            options(),
        )
    };
    let acl = client
        .call::<_, RefreshServiceAclResponseProto>(
            &at,
            &protocol::REFRESH_AUTHORIZATION_POLICY,
            "refreshServiceAcl",
            &RefreshServiceAclRequestProto {},
            options(),
        )
        .await;
    let said = |error: RpcError| match error {
        RpcError::Remote(error) => (error.class.into_owned(), error.message),
        other => panic!("{other}"),
    };
    let failed = "org.apache.hadoop.ha.ServiceFailedException";
    let disabled = (failed.to_owned(), "HA for namenode is not enabled".to_owned());
    assert_eq!(said(status.unwrap_err()), disabled);
    assert_eq!(said(active(&by_user).await.unwrap_err()), disabled);
    let (class, message) = said(active(&by_controller).await.unwrap_err());
    assert_eq!(class, "org.apache.hadoop.security.AccessControlException");
    assert!(message.starts_with("Request from ZK failover controller at "), "{message}");
    let (class, message) = said(acl.unwrap_err());
    assert_eq!(class, "org.apache.hadoop.security.authorize.AuthorizationException");
    assert_eq!(message, "Service Level Authorization not enabled!");
    cluster.stop().await;
}

/// The page, as the `fsck` command asks for it.
async fn fsck(cluster: &MiniCluster, query: &str) -> String {
    let target = HttpTarget::new("127.0.0.1", cluster.http_port());
    let path = format!("/fsck?ugi={}&{query}", me());
    let answer = web::client::get(&target, &path, &[]).await.unwrap();
    answer.text(1 << 20).await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fsck_and_jmx_say_what_is_there() {
    let cluster = cluster(1, &[]).await;
    let client = files(&cluster);
    put(&client, "/d/f", b"some bytes", CreateOptions::default().replication(1)).await;
    let located = client.block_locations("/d/f", 0, 1).await.unwrap();
    let name = format!("blk_{}", located.blocks[0].block.id);
    let host = &located.blocks[0].locations[0].datanode.host;
    let text = fsck(&cluster, &format!("blockId={name}+17+blk_5")).await;
    let (first, rest) = text.split_once('\n').unwrap();
    assert!(first.starts_with(&format!("FSCK started by {} (auth:SIMPLE) from /127", me())));
    let wanted = format!(
        "\nBlock Id: {name}\nBlock belongs to: /d/f\nNo. of Expected Replica: 1\n\
         No. of live Replica: 1\nNo. of excess Replica: 0\nNo. of stale Replica: 0\n\
         No. of decommissioned Replica: 0\nNo. of decommissioning Replica: 0\n\
         No. of corrupted Replica: 0\n\
         Block replica on datanode/rack: {host}/default-rack is HEALTHY\n\
         Incorrect blockId format: 17\n\nBlock blk_5 does not exist\n"
    );
    assert_eq!(rest, wanted);
    for option in ["move", "storagepolicies", "upgradedomains", "replicate"] {
        let text = fsck(&cluster, &format!("path=/&{option}=1")).await;
        assert!(text.ends_with("The filesystem under path '/' is HEALTHY"), "{option}: {text}");
        let has_table = text.contains("All blocks satisfy specified storage policy.");
        assert_eq!(has_table, option == "storagepolicies", "{text}");
    }
    let target = HttpTarget::new("127.0.0.1", cluster.http_port());
    let page = "/jmx?qry=Hadoop:service=NameNode,name=NameNodeActivity";
    let answer = web::client::get(&target, page, &[]).await.unwrap();
    let beans = answer.text(1 << 20).await.unwrap();
    // The file and its directory, by one create.
    for wanted in ["\"CreateFileOps\" : 1", "\"FilesCreated\" : 2", "\"AddBlockOps\" : 1"] {
        assert!(beans.contains(wanted), "{wanted}: {beans}");
    }
    let text = fsck(&cluster, "path=/&showprogress=1&includeSnapshots=1").await;
    assert!(text.starts_with("The fsck switch -showprogress is deprecated"), "{text}");
    assert!(text.ends_with("The filesystem under path '/' is HEALTHY"), "{text}");
    cluster.stop().await;
}

async fn admin_state(client: &Client, port: u16) -> Option<AdminState> {
    let report = client.datanode_report(DatanodeReportKind::All).await.unwrap();
    report.into_iter().find(|node| node.transfer_port == port).map(|node| node.admin_state)
}

fn port_of(cluster: &MiniCluster, index: usize) -> u16 {
    let address = cluster.datanode_address(index).unwrap();
    address.rsplit_once(':').unwrap().1.parse().unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_silent_datanode_is_stale_then_dead_and_its_blocks_are_copied() {
    let settings = [
        ("dfs.heartbeat.interval", "1s"),
        ("dfs.namenode.heartbeat.recheck-interval", "500"),
        ("dfs.namenode.stale.datanode.interval", "3000"),
        ("dfs.namenode.redundancy.interval.seconds", "1s"),
    ];
    let mut cluster = cluster(3, &settings).await;
    let client = files(&cluster);
    put(&client, "/f", b"some bytes", CreateOptions::default().replication(2)).await;
    let located = client.block_locations("/f", 0, 1).await.unwrap();
    let holder = located.blocks[0].locations[0].datanode.transfer_port;
    let index = (0..3).find(|index| port_of(&cluster, *index) == holder).unwrap();
    cluster.kill_datanode(index).unwrap();
    eventually("the node is dead", || async {
        let dead = client.datanode_report(DatanodeReportKind::Dead).await.unwrap();
        dead.iter().any(|node| node.transfer_port == holder)
    })
    .await;
    eventually("its block is on two others", || async {
        let located = client.block_locations("/f", 0, 1).await.unwrap();
        let places = &located.blocks[0].locations;
        places.len() == 2 && places.iter().all(|at| at.datanode.transfer_port != holder)
    })
    .await;
    cluster.stop().await;
}

fn storage_files(cluster: &MiniCluster, prefix: &str) -> Vec<String> {
    let current = cluster.directory().join("name/current");
    let mut names: Vec<String> = std::fs::read_dir(current)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.starts_with(prefix) && Path::new(name).extension().is_none())
        .collect();
    names.sort();
    names
}

/// Every path, with its length and permission.
async fn tree(client: &Client) -> Vec<String> {
    let mut found = Vec::new();
    let mut pending = vec!["/".to_owned()];
    while let Some(directory) = pending.pop() {
        let mut listing = client.list(&directory);
        while let Some(entry) = listing.next().await.unwrap() {
            found.push(format!("{directory} {entry:?}"));
            if entry.is_directory() {
                let name = String::from_utf8_lossy(entry.name.as_ref()).into_owned();
                pending.push(format!("{}/{name}", directory.trim_end_matches('/')));
            }
        }
    }
    found.sort();
    found
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn checkpoints_are_made_while_writers_write_and_a_start_goes_on_from_them() {
    let settings = [
        ("dfs.namenode.checkpoint.txns", "50"),
        ("dfs.namenode.checkpoint.check.period", "1s"),
        ("dfs.namenode.num.checkpoints.retained", "2"),
        ("dfs.namenode.num.extra.edits.retained", "0"),
    ];
    let mut cluster = cluster(0, &settings).await;
    let client = files(&cluster);
    let stop = Arc::new(AtomicBool::new(false));
    let writers: Vec<_> = (0..4)
        .map(|writer| {
            let (client, stop) = (client.clone(), Arc::clone(&stop));
            tokio::spawn(async move {
                for index in 0.. {
                    if stop.load(Ordering::Relaxed) {
                        return;
                    }
                    let base = format!("/w{writer}/d{}", index % 17);
                    client.mkdirs(&format!("{base}/n{index}"), 0o755, true).await.unwrap();
                    client
                        .rename(&format!("{base}/n{index}"), &format!("{base}/m{index}"))
                        .await
                        .unwrap();
                    if index % 3 == 0 {
                        client.delete(&format!("{base}/m{index}"), true).await.unwrap();
                    }
                }
            })
        })
        .collect();
    eventually("three checkpoints were made", || async {
        let images = storage_files(&cluster, "fsimage_");
        images.len() == 2 && !images.contains(&format!("fsimage_{:019}", 0)) && {
            client.most_recent_checkpoint_txid().await.unwrap().0 > 200
        }
    })
    .await;
    stop.store(true, Ordering::Relaxed);
    for writer in writers {
        writer.await.unwrap();
    }
    // The last checkpoint may be under way still.
    eventually(
        "the older images are gone, and the segments before those that are left",
        || async {
            let images = storage_files(&cluster, "fsimage_");
            let oldest: u64 = images[0].strip_prefix("fsimage_").unwrap().parse().unwrap();
            let last =
                |segment: &String| segment.rsplit('-').next().unwrap().parse::<u64>().unwrap();
            let segments = storage_files(&cluster, "edits_0");
            images.len() == 2 && segments.iter().all(|segment| last(segment) > oldest)
        },
    )
    .await;
    let before = tree(&client).await;
    assert!(before.len() > 40);
    cluster.kill_namenode().await;
    cluster.start_namenode().await.unwrap();
    assert_eq!(tree(&client).await, before);
    cluster.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_checkpointer_did_wrong_is_in_the_status_line() {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let cluster = cluster(0, &[]).await;
    for (request, status) in [
        (
            "GET /imagetransfer?getimage=1&txid=99 HTTP/1.0\r\n\r\n".to_owned(),
            "410 GetImage failed. java.io.IOException: Could not find image with txid 99",
        ),
        (
            "PUT /imagetransfer?imageFile=IMAGE&txid=0 HTTP/1.0\r\nContent-Length: 0\r\n\r\n"
                .to_owned(),
            "409 Either current namenode has checkpointed or another checkpointer already \
             uploaded an checkpoint for txid 0",
        ),
        (
            format!(
                "PUT /imagetransfer?imageFile=IMAGE&txid=99 HTTP/1.0\r\nContent-Length: 1\r\n\
                 X-MD5-Digest: {:032}\r\n\r\nx",
                7
            ),
            "410 PutImage failed. java.io.IOException: File fsimage_0000000000000000099 computed \
             digest 9dd4e461268c8034f5c8564e155c67a6 does not match advertised digest \
             00000000000000000000000000000007",
        ),
    ] {
        let address = ("127.0.0.1", cluster.http_port());
        let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        let line = answer.lines().next().unwrap_or_default();
        assert_eq!(line.split_once(' ').unwrap().1, status, "{request}");
    }
    cluster.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_start_that_read_many_edits_leaves_the_next_one_few() {
    let settings =
        [("dfs.namenode.checkpoint.txns", "20"), ("dfs.namenode.checkpoint.check.period", "3600s")];
    let mut cluster = cluster(0, &settings).await;
    let client = files(&cluster);
    for (directories, images) in [(0..10, 1), (10..30, 2)] {
        for index in directories {
            client.mkdirs(&format!("/d{index}"), 0o755, true).await.unwrap();
        }
        cluster.kill_namenode().await;
        cluster.start_namenode().await.unwrap();
        assert_eq!(storage_files(&cluster, "fsimage_").len(), images);
    }
    cluster.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn long_segments_are_rolled_and_a_full_disk_means_safe_mode() {
    let settings = [
        ("dfs.namenode.checkpoint.txns", "40"),
        ("dfs.namenode.checkpoint.check.period", "3600s"),
        ("dfs.namenode.edit.log.autoroll.multiplier.threshold", "0.5"),
        ("dfs.namenode.edit.log.autoroll.check.interval.ms", "20"),
    ];
    let mut cluster = cluster(0, &settings).await;
    let client = files(&cluster);
    for index in 0..30 {
        client.mkdirs(&format!("/d{index}"), 0o755, true).await.unwrap();
    }
    eventually("the segment is rolled", || async {
        !storage_files(&cluster, "edits_0").is_empty()
    })
    .await;
    cluster.kill_namenode().await;

    // A NameNode in its place, which nobody waits for to leave safe mode.
    let mut conf = cluster.conf().clone();
    // More than any disk has.
    conf.set("dfs.namenode.resource.du.reserved", "9000000000000000", "test");
    conf.set("dfs.namenode.resource.check.interval", "20", "test");
    let second = RunningNameNode::start(conf, StartOptions::default()).await.unwrap();
    let client = calls_as(UserIdentity::new(me()));
    let at = address(&cluster);
    let refused = || async {
        let asked = MkdirsRequestProto {
            src: "/d".into(),
            masked: FsPermissionProto { perm: 0o755 },
            create_parent: true,
            unmasked: None,
        };
        let (protocol, options) = (&protocol::CLIENT_NAMENODE, CallOptions::default());
        let answer =
            client.call::<_, MkdirsResponseProto>(&at, protocol, "mkdirs", &asked, options);
        answer.await.err()
    };
    eventually("safe mode is on", || async { refused().await.is_some() }).await;
    let Some(RpcError::Remote(error)) = refused().await else { panic!("safe mode ended") };
    assert_eq!(error.class, "org.apache.hadoop.hdfs.server.namenode.SafeModeException");
    assert!(error.message.contains("Resources are low on NN"), "{}", error.message);
    second.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn datanodes_and_administrators_may_have_a_port_of_their_own() {
    let held = HeldPort::any().unwrap();
    let service = format!("127.0.0.1:{}", held.number());
    // The DataNode calls there: the cluster would never serve if nobody listened.
    let cluster = cluster(1, &[("dfs.namenode.servicerpc-address", &service)]).await;
    put(&files(&cluster), "/f", b"found", CreateOptions::default()).await;
    let user = UserIdentity::new(me());
    let uri = format!("hdfs://{service}");
    let administrator = Client::connect(cluster.conf(), &uri, user).unwrap();
    let live = administrator.datanode_report(DatanodeReportKind::Live).await.unwrap();
    assert_eq!(live.len(), 1);
    let mut file = administrator.open("/f").await.unwrap();
    assert_eq!(file.read_bytes(10).await.unwrap(), b"found".as_slice());
    cluster.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_default_policy_and_who_sets_quotas_are_as_configured() {
    let settings =
        [("dfs.storage.default.policy", "COLD"), ("dfs.permissions.allow.owner.set.quota", "true")];
    let cluster = cluster(0, &settings).await;
    let admin = files(&cluster);
    admin.mkdirs("/home/ann/sub", 0o755, true).await.unwrap();
    admin.set_owner("/home/ann", Some("ann"), None).await.unwrap();
    assert_eq!(admin.storage_policy("/home").await.unwrap().name, "COLD");
    admin.set_storage_policy("/home", "WARM").await.unwrap();
    assert_eq!(admin.storage_policy("/home/ann").await.unwrap().name, "WARM");

    let as_user = |user: &str| {
        Client::connect(cluster.conf(), &cluster.uri(), UserIdentity::new(user)).unwrap()
    };
    let limit = |client: Client, path: &'static str| async move {
        let names = QuotaChange::Set(7);
        client.set_quota(path, names, QuotaChange::Keep, None).await.map_err(|e| e.to_string())
    };
    limit(as_user("ann"), "/home/ann/sub").await.unwrap();
    for (user, path) in [("ann", "/home/ann"), ("bob", "/home/ann/sub"), ("ann", "/")] {
        let error = limit(as_user(user), path).await.unwrap_err();
        let wanted = format!(
            "Access denied for user {user}. Superuser or owner of parent folder privilege is required"
        );
        assert!(error.contains(&wanted), "{path}: {error}");
    }
    let summary = as_user("ann").content_summary("/home/ann/sub").await.unwrap();
    assert_eq!((summary.directories, summary.quota), (1, Some(7)));
    cluster.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn trash_becomes_checkpoints_and_old_ones_go() {
    // A round each half second; what is older than a second goes.
    let settings = [("fs.trash.interval", "0.02"), ("fs.trash.checkpoint.interval", "0.008")];
    let cluster = cluster(0, &settings).await;
    let client = files(&cluster);
    let root = "/user/alice/.Trash";
    client.mkdirs(&format!("{root}/Current/a"), 0o700, true).await.unwrap();
    client.mkdirs(&format!("{root}/not-a-checkpoint"), 0o700, true).await.unwrap();
    client.mkdirs("/user/bob", 0o700, true).await.unwrap();
    eventually("Current is a checkpoint", || async {
        !client.exists(&format!("{root}/Current")).await.unwrap()
    })
    .await;
    eventually("the checkpoint is gone", || async {
        let mut listing = client.list(root);
        let mut names = Vec::new();
        while let Some(status) = listing.next().await.unwrap() {
            names.push(status.name);
        }
        names == ["not-a-checkpoint"]
    })
    .await;
    cluster.stop().await;
}

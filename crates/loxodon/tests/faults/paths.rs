//! Bad and odd paths in every family of calls, answered as Hadoop 3.5.0's NameNode answers them.
//!
//! `paths.txt` holds Hadoop's answers. `LOXODON_WRITE_PATHS=host:port` asks a freshly formatted
//! Java NameNode there and writes the file anew.

use std::fmt::Write as _;
use std::sync::Arc;

use loxodon_rpc::client::{CallOptions, ClientSettings, RpcClient, RpcError, ServerAddress};
use loxodon_wire::proto::hdfs::{
    self, AppendRequestProto, CheckAccessRequestProto, ConcatRequestProto, CreateRequestProto,
    DeleteRequestProto, FsPermissionProto, GetBlockLocationsRequestProto,
    GetContentSummaryRequestProto, GetFileInfoRequestProto, GetListingRequestProto,
    MkdirsRequestProto, RecoverLeaseRequestProto, RenameRequestProto, SetPermissionRequestProto,
    SetReplicationRequestProto, SetTimesRequestProto, TruncateRequestProto,
};
use loxodon_wire::rpc::UserIdentity;
use loxodon_wire::rpc::protocol::CLIENT_NAMENODE;
use prost::Message;

use crate::daemon::Site;

const CLIENT: &str = "odd";

/// A NameNode, and who asks it.
struct Asker {
    client: RpcClient,
    address: ServerAddress,
}

impl Asker {
    fn new(address: &str) -> Self {
        let (host, port) = address.rsplit_once(':').expect("host:port");
        let user = Arc::new(UserIdentity::new(loxodon_runtime::daemon::process_user()));
        Self {
            client: RpcClient::new(ClientSettings::default(), user),
            address: ServerAddress::new(host, port.parse().expect("a port")),
        }
    }

    /// `ok` with the answer's single truth value where it has one, else the exception.
    async fn ask<M: Message>(&self, method: &str, request: &M) -> String {
        let options = CallOptions::default();
        let called = self.client.call::<M, hdfs::MkdirsResponseProto>(
            &self.address,
            &CLIENT_NAMENODE,
            method,
            request,
            options,
        );
        match called.await {
            Ok(answer) if matches!(method, "mkdirs" | "delete" | "rename" | "setReplication") => {
                format!("ok {}", answer.result)
            }
            // Whatever the answer holds, it is not an exception.
            Ok(_) | Err(RpcError::Decode { .. }) => "ok".to_owned(),
            Err(RpcError::Remote(error)) => {
                let class = error.class.rsplit('.').next().unwrap_or_default().to_owned();
                let message = error.message.lines().next().unwrap_or_default();
                // Java puts the class in front of a message in some calls, and not in others.
                let message =
                    message.strip_prefix(&format!("{}: ", error.class)).unwrap_or(message);
                format!("{class}: {message}")
            }
            Err(error) => panic!("{method}: {error}"),
        }
    }
}

const fn mode(perm: u32) -> FsPermissionProto {
    FsPermissionProto { perm }
}

fn mkdirs(src: &str) -> MkdirsRequestProto {
    MkdirsRequestProto { src: src.into(), masked: mode(0o755), create_parent: true, unmasked: None }
}

fn create(src: &str) -> CreateRequestProto {
    CreateRequestProto {
        src: src.into(),
        masked: mode(0o644),
        client_name: CLIENT.into(),
        create_flag: 1,
        create_parent: true,
        replication: 1,
        block_size: 1 << 20,
        ..CreateRequestProto::default()
    }
}

/// The name of a call, and the request that asks it about a path.
async fn every_call(asker: &Asker, path: &str) -> Vec<(&'static str, String)> {
    let src = path.to_owned();
    let client_name = CLIENT.to_owned();
    let mut answers = Vec::new();
    macro_rules! ask {
        ($method:literal, $request:expr) => {
            answers.push(($method, asker.ask($method, &$request).await));
        };
    }
    ask!("getFileInfo", GetFileInfoRequestProto { src: src.clone() });
    ask!(
        "getListing",
        GetListingRequestProto {
            src: src.clone(),
            start_after: prost::bytes::Bytes::new(),
            need_location: false,
        }
    );
    ask!("getContentSummary", GetContentSummaryRequestProto { path: src.clone() });
    ask!(
        "getBlockLocations",
        GetBlockLocationsRequestProto { src: src.clone(), offset: 0, length: 1 }
    );
    ask!("checkAccess", CheckAccessRequestProto { path: src.clone(), mode: 4 });
    ask!("setPermission", SetPermissionRequestProto { src: src.clone(), permission: mode(0o755) });
    ask!("setTimes", SetTimesRequestProto { src: src.clone(), mtime: 1, atime: 1 });
    ask!("setReplication", SetReplicationRequestProto { src: src.clone(), replication: 2 });
    ask!(
        "recoverLease",
        RecoverLeaseRequestProto { src: src.clone(), client_name: client_name.clone() }
    );
    ask!(
        "append",
        AppendRequestProto { src: src.clone(), client_name: client_name.clone(), flag: None }
    );
    ask!("truncate", TruncateRequestProto { src: src.clone(), new_length: 1, client_name });
    ask!("concat", ConcatRequestProto { trg: "/x/f".into(), srcs: vec![src.clone()] });
    ask!("rename", RenameRequestProto { src: src.clone(), dst: "/target".into() });
    ask!("delete", DeleteRequestProto { src: "/target".into(), recursive: true });
    ask!("rename", RenameRequestProto { src: "/x/source".into(), dst: src.clone() });
    ask!("create", create(&src));
    ask!("mkdirs", mkdirs(&src));
    ask!("delete", DeleteRequestProto { src, recursive: true });
    answers
}

/// Paths, and what they are called in the table.
fn paths() -> Vec<(String, String)> {
    let mut paths: Vec<_> = [
        "",
        "x",
        "x/f",
        "/..",
        "/x/../y",
        "/x/./y",
        "/x//y",
        "//",
        "/x/",
        "/.",
        "/x:y",
        "/x/f/y",
        "/.reserved",
        "/.reserved/",
        "/.reserved/x",
        "/.reserved/raw",
        "/.reserved/raw/y",
        "/.reserved/.inodes",
        "/.reserved/.inodes/x",
        "/.reserved/.inodes/99999999",
        "/.reserved/.inodes/99999999/y",
    ]
    .map(|path| (path.to_owned(), path.to_owned()))
    .into();
    paths.push(("a name of 256 bytes".to_owned(), format!("/{}", "n".repeat(256))));
    paths.push(("8001 bytes".to_owned(), format!("/{}", "abcdefg/".repeat(1000))));
    paths.push(("1001 names".to_owned(), "/d".repeat(1001)));
    paths
}

/// What a freshly formatted NameNode says to all of it.
async fn table(asker: &Asker) -> String {
    let mut table = String::new();
    for (shown, path) in paths() {
        asker.ask("mkdirs", &mkdirs("/x/source")).await;
        asker.ask("create", &create("/x/f")).await;
        asker
            .ask(
                "complete",
                &hdfs::CompleteRequestProto {
                    src: "/x/f".into(),
                    client_name: CLIENT.into(),
                    last: None,
                    file_id: None,
                },
            )
            .await;
        for (method, answer) in every_call(asker, &path).await {
            let answer = if path.len() > 100 { answer.replace(&path, "<path>") } else { answer };
            let answer: String = answer.chars().take(200).collect();
            writeln!(table, "{shown:?} {method}: {answer}").expect("text");
        }
    }
    table
}

#[tokio::test]
async fn odd_paths_are_answered_as_hadoop_answers_them() {
    if let Ok(address) = std::env::var("LOXODON_WRITE_PATHS") {
        let file = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/faults/paths.txt");
        std::fs::write(file, table(&Asker::new(&address)).await).expect("the file");
        return;
    }
    let site = Site::formatted();
    let namenode = site.start();
    let ours = table(&Asker::new(&namenode.rpc)).await;
    let hadoops = include_str!("paths.txt");
    let mut different = String::new();
    for (ours, hadoops) in ours.lines().zip(hadoops.lines()) {
        if ours != hadoops {
            writeln!(different, "hadoop {hadoops}\nours   {ours}").expect("text");
        }
    }
    assert!(different.is_empty(), "{different}");
    assert_eq!(ours.lines().count(), hadoops.lines().count());
    namenode.stop();
    // And whatever was accepted is read again.
    site.start().stop();
}

#[tokio::test]
async fn a_path_that_is_not_utf_8_harms_nobody() {
    let site = Site::formatted();
    let namenode = site.start();
    let asker = Asker::new(&namenode.rpc);
    // A message with nothing but bytes in its first field, where the path is.
    for path in [&b"/a\xff"[..], b"\xc0\x80", b"/\xed\xa0\x80", b"/ok/\xf0\x9f"] {
        for method in ["getFileInfo", "getContentSummary", "isFileClosed", "getStoragePolicy"] {
            let answer = asker.ask(method, &path.to_vec()).await;
            assert!(answer.contains("Exception"), "{method}: {answer}");
        }
    }
    let answer = asker.ask("mkdirs", &mkdirs("/ünï/\u{1f600}")).await;
    assert_eq!(answer, "ok true");
    namenode.stop();
    let namenode = site.start();
    assert!(namenode.client().exists("/ünï/\u{1f600}").await.expect("getFileInfo"));
}

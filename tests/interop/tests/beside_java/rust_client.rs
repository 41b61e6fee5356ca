//! The `hdfs-native` crate, a client that others wrote, on a cluster of ours.

use std::io;

use bytes::Bytes;
use hdfs_native::acl::{AclEntry, AclEntryScope, AclEntryType, FsAction};
use hdfs_native::client::ClientBuilder;
use hdfs_native::{Client, HdfsError, WriteOptions};
use loxodon_interop::cluster::{Cluster, Maker, in_fresh_directory};

#[test]
fn hdfs_native_works_on_our_cluster() {
    in_fresh_directory(|root| {
        let cluster = Cluster::start(root, Maker::Loxodon, &[Maker::Loxodon])?;
        let runtime = tokio::runtime::Runtime::new()?;
        runtime.block_on(async {
            let client = ClientBuilder::new()
                .with_url(cluster.site().uri())
                .with_user(loxodon_interop::java::whoami())
                .build()
                .map_err(io::Error::other)?;
            files(&client).await.map_err(|e| io::Error::other(format!("files: {e}")))?;
            names(&client).await.map_err(|e| io::Error::other(format!("names: {e}")))?;
            attributes(&client).await.map_err(|e| io::Error::other(format!("attributes: {e}")))
        })
    });
}

fn wanted(holds: bool, what: &str) -> Result<(), HdfsError> {
    if holds { Ok(()) } else { Err(HdfsError::OperationFailed(what.to_owned())) }
}

async fn files(client: &Client) -> Result<(), HdfsError> {
    let options = WriteOptions::default().block_size(1 << 20).replication(1);
    for length in [0, 1, 511, 512, 65_537, (1 << 20) - 1, 1 << 20, (3 << 20) + 77] {
        let path = format!("/native/f{length}");
        let data: Vec<u8> = (0..length).map(|i| (i * 31 % 251) as u8).collect();
        let mut writer = client.create(&path, &options).await?;
        writer.write_bytes(Bytes::from(data.clone())).await?;
        writer.close().await?;
        let mut reader = client.read(&path).await?;
        wanted(reader.file_length() == length, "length")?;
        wanted(reader.read_bytes(length + 1).await? == data, "the bytes that were written")?;
        if length > 1000 {
            let part = reader.read_range(length - 700, 600).await?;
            wanted(part == data[length - 700..length - 100], "a range")?;
        }
        let mut writer = client.append(&path).await?;
        writer.write_bytes(Bytes::from_static(b"more")).await?;
        writer.close().await?;
        let info = client.get_file_info(&path).await?;
        wanted(info.length == length + 4, "length after append")?;
    }
    let mut writer = client.create("/native/synced", &options).await?;
    writer.write_bytes(Bytes::from_static(b"synced")).await?;
    writer.hsync().await?;
    writer.close().await?;
    wanted(client.create("/native/synced", &options).await.is_err(), "create of what exists fails")
}

async fn names(client: &Client) -> Result<(), HdfsError> {
    client.mkdirs("/native/dir/sub", 0o755, true).await?;
    client.rename("/native/synced", "/native/dir/moved", false).await?;
    client.rename("/native/dir/moved", "/native/f0", true).await?;
    wanted(client.get_file_info("/native/dir/moved").await.is_err(), "moved away")?;
    for i in 0..1500 {
        client.mkdirs(&format!("/native/many/d{i:04}"), 0o755, true).await?;
    }
    wanted(client.list_status("/native/many", false).await?.len() == 1500, "a paged listing")?;
    wanted(client.list_status("/native", true).await?.len() == 8 + 2 + 1 + 1500, "a deep listing")?;
    wanted(client.glob_status("/native/many/d00*").await?.len() == 100, "glob")?;
    wanted(client.delete("/native/many", true).await?, "delete")?;
    wanted(!client.delete("/native/many", true).await?, "delete of nothing")
}

async fn attributes(client: &Client) -> Result<(), HdfsError> {
    let path = "/native/f1";
    client.set_times(path, 1_234_567_890_123, 1_234_567_890_456).await?;
    client.set_permission(path, 0o640).await?;
    client.set_owner(path, Some("alice"), Some("users")).await?;
    wanted(client.set_replication(path, 2).await?, "set replication")?;
    let info = client.get_file_info(path).await?;
    wanted(info.modification_time == 1_234_567_890_123, "modification time")?;
    wanted(info.owner == "alice" && info.group == "users", "owner and group")?;
    wanted(info.permission == 0o640 && info.replication == Some(2), "permission, replication")?;
    let summary = client.get_content_summary("/native").await?;
    wanted(summary.file_count == 8, "files in the summary")?;

    let entry = AclEntry::new(
        AclEntryType::User,
        AclEntryScope::Access,
        FsAction::ReadWrite,
        Some("bob".into()),
    );
    client.modify_acl_entries(path, vec![entry]).await?;
    let acl = client.get_acl_status(path).await?;
    wanted(acl.entries.iter().any(|e| e.name.as_deref() == Some("bob")), "an ACL entry")?;
    client.remove_acl(path).await?;
    wanted(client.get_acl_status(path).await?.entries.is_empty(), "no ACL entry")
}

//! `fsck -move`: what can still be read of a damaged file is copied below `/lost+found`, each
//! unbroken stretch of blocks into a file of its own (`NamenodeFsck.copyBlocksToLostFound`).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use loxodon_client::{Client, CreateOptions, FileWriter, UserIdentity};
use loxodon_conf::Configuration;
use loxodon_namenode::fsck::Damaged;

const PLACE: &str = "/lost+found";
/// Bytes read at a time.
const PIECE: usize = 64 * 1024;

/// The directory, and a client that writes there as whoever asked.
pub(crate) struct LostFound {
    client: Client,
}

impl LostFound {
    /// Makes the directory where it is missing.
    pub(crate) async fn open(
        conf: &Configuration,
        rpc: SocketAddr,
        user: &str,
    ) -> Result<Self, String> {
        let mut conf = conf.clone();
        // A replica that cannot be read now is damaged or gone: nothing is gained by waiting.
        conf.set("dfs.client.max.block.acquire.failures", "0", "fsck");
        let ip = match rpc.ip() {
            IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
            IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
            ip => ip,
        };
        let uri = format!("hdfs://{}", SocketAddr::new(ip, rpc.port()));
        let client = Client::connect(&conf, &uri, UserIdentity::new(user)).map_err(text)?;
        match client.file_info(PLACE).await.map_err(text)? {
            None => drop(client.mkdirs(PLACE, 0o755, true).await.map_err(text)?),
            Some(there) if there.is_directory() => {}
            Some(_) => {
                let reason = "a regular file with this name exists.";
                return Err(format!("Cannot use {PLACE} : {reason}"));
            }
        }
        Ok(Self { client })
    }

    /// Copies what is left of a file; false where a replica that is known could not be read.
    pub(crate) async fn save(&self, damaged: &Damaged) -> Result<bool, String> {
        let Damaged { path, mode } = damaged;
        let target = format!("{PLACE}{path}");
        if self.client.exists(&target).await.map_err(text)? {
            tracing::warn!(
                "Fsck: can't copy the remains of {path} to lost+found, because {target} already \
                 exists."
            );
            return Ok(true);
        }
        if !self.client.mkdirs(&target, *mode, true).await.map_err(text)? {
            return Err(format!("failed to create directory {target}"));
        }
        let length = self.client.file_status(path).await.map_err(text)?.length;
        let located = self.client.block_locations(path, 0, length).await.map_err(text)?;
        let (mut chain, mut writer, mut all_read) = (0_u32, None::<FileWriter>, true);
        for block in &located.blocks {
            if block.locations.is_empty() {
                end(&mut writer).await?;
                continue;
            }
            let to = match &mut writer {
                Some(writer) => writer,
                None => {
                    let name = format!("{target}/{chain}");
                    chain += 1;
                    let options = CreateOptions::default().overwrite(true);
                    writer.insert(self.client.create(&name, options).await.map_err(text)?)
                }
            };
            if let Err(error) = self.copy(path, block.offset, block.block.length, to).await {
                tracing::error!(
                    "Fsck: could not copy block {:?} to {target}: {error}",
                    block.block
                );
                all_read = false;
                end(&mut writer).await?;
            }
        }
        end(&mut writer).await?;
        if all_read {
            tracing::info!("Fsck: copied the remains of the corrupted file {path} to {PLACE}");
        }
        Ok(all_read)
    }

    async fn copy(
        &self,
        path: &str,
        offset: u64,
        length: u64,
        to: &mut FileWriter,
    ) -> Result<(), String> {
        let mut reader = self.client.open(path).await.map_err(text)?;
        reader.seek(offset).map_err(text)?;
        let mut left = length;
        while left > 0 {
            let most = usize::try_from(left).map_or(PIECE, |left| left.min(PIECE));
            let bytes = reader.read_bytes(most).await.map_err(text)?;
            if bytes.is_empty() {
                return Err(format!("the file ends {left} bytes before the block does"));
            }
            left = left.saturating_sub(bytes.len() as u64);
            to.write_bytes(bytes).await.map_err(text)?;
        }
        Ok(())
    }
}

async fn end(writer: &mut Option<FileWriter>) -> Result<(), String> {
    match writer.take() {
        Some(mut writer) => writer.close().await.map_err(text),
        None => Ok(()),
    }
}

fn text(error: impl ToString) -> String {
    error.to_string()
}

//! Empties the trash of all users: old checkpoints go, what was thrown away since the last round becomes
//! one (`TrashPolicyDefault.Emptier`).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use loxodon_client::{Client, RenameOptions, UserIdentity};
use loxodon_conf::{ConfError, Configuration, keys};

use super::clock::wall;
use crate::trash_checkpoint;

const CURRENT: &str = "Current";
/// Checkpoints of one second beyond which something else is wrong.
const ATTEMPTS: u32 = 1000;

/// When, and what.
#[derive(Clone, Debug)]
pub(crate) struct Emptier {
    /// Milliseconds after which a checkpoint is deleted.
    age: u64,
    /// Milliseconds between rounds.
    interval: u64,
    /// Whether what is no checkpoint is deleted as well.
    cleans: bool,
    homes: String,
}

impl Emptier {
    /// As the configuration has it; `None` where the trash is off.
    pub(crate) fn from_conf(conf: &Configuration) -> Result<Option<Self>, ConfError> {
        let milliseconds = |key| {
            let minutes = conf.float(key)?;
            Ok::<_, ConfError>(if minutes > 0.0 { (minutes * 60_000.0) as u64 } else { 0 })
        };
        let age = milliseconds(&keys::TRASH_INTERVAL)?;
        let mut interval = milliseconds(&keys::TRASH_CHECKPOINT_INTERVAL)?;
        let cleans = conf.bool(&keys::TRASH_CLEAN_ROOT)?;
        if interval == 0 || interval > age {
            interval = age;
        }
        let homes = conf.text(&keys::HOME_PREFIX)?.unwrap_or_else(|| "/user".to_owned());
        Ok((age > 0).then_some(Self { age, interval, cleans, homes }))
    }

    /// Empties for as long as the NameNode at `rpc` lives.
    pub(crate) async fn run(self, conf: Configuration, rpc: SocketAddr) {
        tracing::info!(
            "Namenode trash configuration: Deletion interval = {} minutes, Emptier interval = {} \
             minutes.",
            self.age / 60_000,
            self.interval / 60_000
        );
        let ip = match rpc.ip() {
            IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
            IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
            ip => ip,
        };
        let uri = format!("hdfs://{}", SocketAddr::new(ip, rpc.port()));
        let user = UserIdentity::new(crate::daemon::process_user());
        let client = match Client::connect(&conf, &uri, user) {
            Ok(client) => client,
            Err(error) => {
                tracing::error!(%error, "trash is not emptied");
                return;
            }
        };
        loop {
            let now = wall().0;
            // At whole multiples of the interval, as Java's.
            let pause = self.interval - now % self.interval;
            tokio::time::sleep(Duration::from_millis(pause)).await;
            if let Err(error) = self.round(&client, wall().0).await {
                tracing::warn!("Trash caught: {error}");
            }
        }
    }

    async fn round(&self, client: &Client, now: u64) -> Result<(), String> {
        for home in names(client, &self.homes).await? {
            let root = format!("{}/{home}/.Trash", self.homes.trim_end_matches('/'));
            match client.file_info(&root).await {
                Ok(Some(status)) if status.is_directory() => {}
                Ok(_) => continue,
                Err(error) => {
                    tracing::warn!("Trash caught: {error}. Skipping {root}.");
                    continue;
                }
            }
            let done = match self.delete_old(client, &root, now).await {
                Ok(()) => checkpoint(client, &root, now).await,
                failed => failed,
            };
            if let Err(error) = done {
                tracing::warn!("Trash caught: {error}. Skipping {root}.");
            }
        }
        Ok(())
    }

    async fn delete_old(&self, client: &Client, root: &str, now: u64) -> Result<(), String> {
        for name in names(client, root).await? {
            if name == CURRENT {
                continue;
            }
            let path = format!("{root}/{name}");
            match trash_checkpoint::time(&name) {
                Some(made) if now.saturating_sub(self.age) <= made => continue,
                Some(_) => {}
                None if self.cleans => {
                    tracing::warn!("Unexpected item in trash: {path}. Deleting.");
                }
                None => {
                    tracing::warn!("Unexpected item in trash: {path}. Ignoring.");
                    continue;
                }
            }
            match client.delete(&path, true).await.map_err(|error| error.to_string())? {
                true => tracing::info!("Deleted trash checkpoint: {path}"),
                false => tracing::warn!("Couldn't delete checkpoint: {path} Ignoring."),
            }
        }
        Ok(())
    }
}

/// Gives what was thrown away the name of the time.
async fn checkpoint(client: &Client, root: &str, now: u64) -> Result<(), String> {
    let current = format!("{root}/{CURRENT}");
    if !client.exists(&current).await.map_err(|error| error.to_string())? {
        return Ok(());
    }
    let base = format!("{root}/{}", trash_checkpoint::name(now));
    let mut target = base.clone();
    for attempt in 1..=ATTEMPTS {
        match client.rename2(&current, &target, RenameOptions::default()).await {
            Ok(()) => {
                tracing::info!("Created trash checkpoint: {target}");
                return Ok(());
            }
            Err(error) if error.java_class().ends_with("FileAlreadyExistsException") => {
                target = format!("{base}-{attempt}");
            }
            Err(error) => return Err(error.to_string()),
        }
    }
    Err(format!("Failed to checkpoint trash: {target}"))
}

async fn names(client: &Client, directory: &str) -> Result<Vec<String>, String> {
    let failed = |error: loxodon_client::Error| error.to_string();
    if !client.exists(directory).await.map_err(failed)? {
        return Ok(Vec::new());
    }
    let mut listing = client.list(directory);
    let mut names = Vec::new();
    while let Some(status) = listing.next().await.map_err(failed)? {
        names.push(status.name);
    }
    Ok(names)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn intervals() {
        let mut conf = Configuration::new();
        assert!(Emptier::from_conf(&conf).unwrap().is_none());
        conf.set("fs.trash.interval", "2", "test");
        assert_eq!(Emptier::from_conf(&conf).unwrap().unwrap().interval, 120_000);
        conf.set("fs.trash.checkpoint.interval", "0.5", "test");
        assert_eq!(Emptier::from_conf(&conf).unwrap().unwrap().interval, 30_000);
        conf.set("fs.trash.checkpoint.interval", "3", "test");
        assert_eq!(Emptier::from_conf(&conf).unwrap().unwrap().interval, 120_000);
    }
}

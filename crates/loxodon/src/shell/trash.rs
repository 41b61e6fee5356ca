//! The trash: `.Trash/Current` in a home directory, checkpoints beside it (`TrashPolicyDefault`).

use std::time::{SystemTime, UNIX_EPOCH};

use loxodon_conf::{Configuration, keys};
use loxodon_runtime::trash_checkpoint;

use super::failure::{Failure, Result};
use super::filesystem::FileSystem;
use super::location;

/// Only the owner sees what he threw away.
const TRASH_PERMISSION: u16 = 0o700;

/// The trash of one file system and user.
#[derive(Debug)]
pub(crate) struct Trash<'a> {
    fs: &'a FileSystem,
    interval_ms: u64,
}

impl<'a> Trash<'a> {
    /// The trash with the configured interval.
    pub(crate) fn new(fs: &'a FileSystem, conf: &Configuration) -> Result<Self> {
        let minutes = conf.float(&keys::TRASH_INTERVAL)?;
        let interval_ms = if minutes > 0.0 { (minutes * 60_000.0) as u64 } else { 0 };
        Ok(Self { fs, interval_ms })
    }

    /// The trash with the server's interval, where it has one.
    pub(crate) fn of_server(fs: &'a FileSystem, conf: &Configuration) -> Result<Self> {
        let mut trash = Self::new(fs, conf)?;
        if let FileSystem::Hdfs(hdfs) = fs {
            let defaults = hdfs
                .wait(hdfs.client.server_defaults())
                .map_err(|_| Failure::io("Failed to get server trash configuration"))?;
            if defaults.trash_interval_minutes != 0 {
                trash.interval_ms = defaults.trash_interval_minutes.saturating_mul(60_000);
            }
        }
        Ok(trash)
    }

    fn root(&self) -> String {
        let home = match self.fs {
            FileSystem::Hdfs(hdfs) => hdfs.client.home_directory(),
            FileSystem::Local { directory } => {
                std::env::var("HOME").unwrap_or_else(|_| directory.clone())
            }
        };
        location::join(&home, ".Trash")
    }

    /// Moves a path to the trash; where to, or `None` where it must be deleted instead: the trash is
    /// off, or the path lies in it already.
    ///
    /// # Errors
    /// A path that contains the trash; whatever the file system says.
    pub(crate) fn take(&self, path: &str) -> Result<Option<String>> {
        if self.interval_ms == 0 {
            return Ok(None);
        }
        if !self.fs.exists(path)? {
            return Err(Failure::Io {
                class: "FileNotFoundException".into(),
                message: format!("File does not exist: {path}"),
            });
        }
        let root = self.root();
        if path.starts_with(&root) {
            return Ok(None);
        }
        if location::parent(&root).is_some_and(|above| above.starts_with(path)) {
            let qualified = self.fs.qualified(path);
            return Err(Failure::io(format!(
                "Cannot move \"{qualified}\" to the trash, as it contains the trash"
            )));
        }
        let current = location::join(&root, "Current");
        let target = format!("{current}{path}");
        self.move_below(path, &target)
    }

    fn move_below(&self, path: &str, target: &str) -> Result<Option<String>> {
        let mut target = target.to_owned();
        let mut cause = None;
        let mut attempts = 0;
        while attempts < 2 {
            let parent = location::parent(&target).unwrap_or("/").to_owned();
            match self.fs.mkdirs(&parent, TRASH_PERMISSION) {
                Ok(true) => {}
                Ok(false) => return Ok(None),
                Err(failure)
                    if failure.is("FileAlreadyExistsException")
                        || failure.is("ParentNotDirectoryException") =>
                {
                    // A file of an earlier delete stands where a directory is needed now.
                    target = self.beside(&parent, location::name(&target))?;
                    continue;
                }
                Err(failure) => {
                    cause = Some(failure);
                    break;
                }
            }
            let wanted = target.clone();
            while self.fs.exists(&target)? {
                target = format!("{wanted}{}", now_ms());
            }
            match self.fs.rename_strictly(path, &target, true) {
                Ok(()) => return Ok(Some(target)),
                Err(failure) => cause = Some(failure),
            }
            attempts += 1;
        }
        let cause = cause.map(|cause| format!(": {cause}")).unwrap_or_default();
        let (from, to) = (self.fs.qualified(path), self.fs.qualified(&target));
        Err(Failure::io(format!("Failed to move {from} to trash {to}{cause}")))
    }

    fn beside(&self, parent: &str, name: &str) -> Result<String> {
        let mut file = parent;
        while !self.fs.exists(file)? {
            file = location::parent(file).unwrap_or("/");
        }
        let rest = parent.strip_prefix(file).unwrap_or_default();
        Ok(location::join(&format!("{file}{}{rest}", now_ms()), name))
    }

    /// Gives `Current` the name of the time, so that it grows old.
    pub(crate) fn checkpoint(&self) -> Result<()> {
        let root = self.root();
        let current = location::join(&root, "Current");
        if !self.fs.exists(&current)? {
            return Ok(());
        }
        let base = location::join(&root, &trash_checkpoint::name(now_ms()));
        let mut checkpoint = base.clone();
        for attempt in 1..=1000 {
            match self.fs.rename_strictly(&current, &checkpoint, false) {
                Err(failure) if failure.is("FileAlreadyExistsException") => {
                    checkpoint = format!("{base}-{attempt}");
                }
                done => return done,
            }
        }
        Err(Failure::io(format!("Failed to checkpoint trash: {checkpoint}")))
    }

    /// Deletes checkpoints older than the interval, or all of them.
    pub(crate) fn expunge(&self, all: bool) -> Result<()> {
        let root = self.root();
        let children = match self.fs.list(&root) {
            Err(failure) if failure.is("FileNotFoundException") => return Ok(()),
            other => other?,
        };
        let oldest = now_ms().saturating_sub(self.interval_ms);
        for (name, _) in children {
            let Some(time) = trash_checkpoint::time(&name) else { continue };
            if all || time < oldest {
                self.fs.delete(&location::join(&root, &name), true)?;
            }
        }
        Ok(())
    }
}

fn now_ms() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(now.as_millis()).unwrap_or(u64::MAX)
}

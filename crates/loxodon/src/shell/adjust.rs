//! `chmod`, `chown`, `chgrp`, `setrep`, `truncate`, `concat`: changes to what is there.

use std::time::Duration;

use super::command::Command;
use super::failure::{Failure, Result};
use super::item::Item;
use super::mode::Mode;
use super::options::Format;
use super::session::Session;

/// `chmod`.
#[derive(Debug, Default)]
pub(crate) struct Chmod {
    recursive: bool,
    mode: Option<Mode>,
}

impl Command for Chmod {
    fn options(&mut self, _session: &mut Session, args: &mut Vec<String>) -> Result<()> {
        self.recursive = Format::new(2, &["R"]).pass_unknown().parse(args)?.has("R");
        let text = args.remove(0);
        self.mode = Some(Mode::parse(&text).ok_or_else(|| {
            Failure::Illegal(format!("chmod : mode '{text}' does not match the expected pattern."))
        })?);
        Ok(())
    }

    fn path(&mut self, _session: &mut Session, item: &mut Item) -> Result<()> {
        let (Some(mode), status) = (&self.mode, item.stat()?) else { return Ok(()) };
        let permission = mode.apply(status.permission, status.is_directory());
        if permission == status.permission {
            return Ok(());
        }
        let done = item.fs.set_permission(&item.path, permission);
        done.map_err(|failure| changing("permissions", item, failure))
    }

    fn recursive(&self) -> bool {
        self.recursive
    }
}

fn changing(what: &str, item: &Item, failure: Failure) -> Failure {
    match failure {
        Failure::Io { message, .. } => {
            Failure::io(format!("changing {what} of '{item}': {message}"))
        }
        other => other,
    }
}

/// `chown`, `chgrp`.
#[derive(Debug, Default)]
pub(crate) struct Chown {
    only_group: bool,
    recursive: bool,
    owner: Option<String>,
    group: Option<String>,
}

impl Chown {
    /// `chgrp`.
    pub(crate) fn group() -> Self {
        Self { only_group: true, ..Self::default() }
    }

    /// `OWNER`, `OWNER:GROUP`, `OWNER:`, `:GROUP`; for `chgrp`, `GROUP`.
    fn parse(&mut self, text: &str) -> Result<()> {
        let allowed =
            |name: &str| name.chars().all(|c| c.is_ascii_alphanumeric() || "-+_./@".contains(c));
        let some = |name: &str| (!name.is_empty()).then(|| name.to_owned());
        let trimmed = text.trim();
        if self.only_group {
            self.group = some(trimmed).filter(|name| allowed(name));
            return match self.group {
                Some(_) => Ok(()),
                None => Err(Failure::Illegal(format!(
                    "'{text}' does not match expected pattern for group"
                ))),
            };
        }
        let (owner, group) = trimmed.split_once(':').unwrap_or((trimmed, ""));
        if !allowed(owner) || !allowed(group) {
            return Err(Failure::Illegal(format!(
                "'{text}' does not match expected pattern for [owner][:group]."
            )));
        }
        (self.owner, self.group) = (some(owner), some(group));
        if self.owner.is_none() && self.group.is_none() {
            return Err(Failure::Illegal(format!("'{text}' does not specify owner or group.")));
        }
        Ok(())
    }
}

impl Command for Chown {
    fn options(&mut self, _session: &mut Session, args: &mut Vec<String>) -> Result<()> {
        self.recursive = Format::new(2, &["R"]).parse(args)?.has("R");
        let text = args.remove(0);
        self.parse(&text)
    }

    fn path(&mut self, _session: &mut Session, item: &mut Item) -> Result<()> {
        let status = item.stat()?;
        let owner = self.owner.as_deref().filter(|owner| *owner != status.owner);
        let group = self.group.as_deref().filter(|group| *group != status.group);
        if owner.is_none() && group.is_none() {
            return Ok(());
        }
        let done = item.fs.set_owner(&item.path, owner, group);
        done.map_err(|failure| changing("ownership", item, failure))
    }

    fn recursive(&self) -> bool {
        self.recursive
    }
}

/// `setrep`.
#[derive(Debug, Default)]
pub(crate) struct SetRep {
    replication: u16,
    wait: bool,
    waiting: Vec<Item>,
}

/// Time between looks at what is waited for.
const REPLICATION_PAUSE: Duration = Duration::from_secs(10);
/// The same for `truncate -w`.
const TRUNCATE_PAUSE: Duration = Duration::from_secs(1);

impl SetRep {
    fn wait(&self, session: &mut Session, item: &Item) -> Result<()> {
        session.write(format!("Waiting for {item} ...").as_bytes())?;
        session.flush()?;
        let hdfs = item.fs.hdfs("getFileBlockLocations")?;
        let mut warned = false;
        loop {
            let length = hdfs.wait(hdfs.client.file_status(&item.path))?.length;
            let located = hdfs.wait(hdfs.client.block_locations(&item.path, 0, length))?;
            let wanted = usize::from(self.replication);
            let off =
                located.blocks.iter().map(|block| block.locations.len()).find(|n| *n != wanted);
            let Some(replicas) = off else { break };
            if replicas > wanted && !warned {
                warned = true;
                session.line(
                    "\nWARNING: the waiting time may be long for DECREASING the number of replications.",
                )?;
            }
            session.write(b".")?;
            session.flush()?;
            std::thread::sleep(REPLICATION_PAUSE);
        }
        session.line(" done")
    }
}

impl Command for SetRep {
    fn options(&mut self, session: &mut Session, args: &mut Vec<String>) -> Result<()> {
        self.wait = Format::new(2, &["R", "w"]).parse(args)?.has("w");
        let text = args.remove(0);
        let Ok(replication) = text.parse::<i16>() else {
            session.warn("Illegal replication, a positive integer expected")?;
            return Err(Failure::Illegal(number_error(&text, i16::MIN.into(), i16::MAX.into())));
        };
        self.replication = match u16::try_from(replication) {
            Ok(replication) if replication > 0 => replication,
            _ => return Err(Failure::Illegal("replication must be >= 1".into())),
        };
        Ok(())
    }

    fn arguments(&mut self, session: &mut Session, items: Vec<Item>) -> Result<()> {
        self.each(session, items)?;
        for item in std::mem::take(&mut self.waiting) {
            self.wait(session, &item)?;
        }
        Ok(())
    }

    fn path(&mut self, session: &mut Session, item: &mut Item) -> Result<()> {
        let status = item.stat()?;
        if !status.is_file() {
            return Ok(());
        }
        if status.erasure_coded {
            return session.line(format_args!(
                "Did not set replication for: {item}, because it's an erasure coded file."
            ));
        }
        if let Ok(hdfs) = item.fs.hdfs("setReplication") {
            let set = hdfs.wait(hdfs.client.set_replication(&item.path, self.replication))?;
            if !set {
                return Err(Failure::io(format!("Could not set replication for: {item}")));
            }
            if self.wait {
                self.waiting.push(item.clone());
            }
        }
        session.line(format_args!("Replication {} set: {item}", self.replication))
    }

    fn recursive(&self) -> bool {
        true
    }
}

/// Java's words for a text that is no number, or one that is too large.
fn number_error(text: &str, low: i64, high: i64) -> String {
    match text.parse::<i64>() {
        Ok(number) if number < low || number > high => {
            format!("Value out of range. Value:\"{text}\" Radix:10")
        }
        _ => format!("For input string: \"{text}\""),
    }
}

/// `truncate`.
#[derive(Debug, Default)]
pub(crate) struct Truncate {
    length: u64,
    wait: bool,
    waiting: Vec<Item>,
}

impl Command for Truncate {
    fn options(&mut self, session: &mut Session, args: &mut Vec<String>) -> Result<()> {
        self.wait = Format::new(2, &["w"]).parse(args)?.has("w");
        let text = args.remove(0);
        let Ok(length) = text.parse::<i64>() else {
            session.warn("Illegal length, a non-negative integer expected")?;
            return Err(Failure::Illegal(number_error(&text, i64::MIN, i64::MAX)));
        };
        self.length =
            u64::try_from(length).map_err(|_| Failure::Illegal("length must be >= 0".into()))?;
        Ok(())
    }

    fn arguments(&mut self, session: &mut Session, items: Vec<Item>) -> Result<()> {
        self.each(session, items)?;
        for mut item in std::mem::take(&mut self.waiting) {
            session.line(format_args!("Waiting for {item} ..."))?;
            session.flush()?;
            loop {
                item.refresh()?;
                if item.stat()?.length == self.length {
                    break;
                }
                std::thread::sleep(TRUNCATE_PAUSE);
            }
            session.line(format_args!("Truncated {item} to length: {}", self.length))?;
        }
        Ok(())
    }

    fn path(&mut self, session: &mut Session, item: &mut Item) -> Result<()> {
        if item.is_directory() {
            return Err(Failure::is_directory(item));
        }
        let (old, new) = (item.stat()?.length, self.length);
        if new > old {
            return Err(Failure::Illegal(format!(
                "Cannot truncate to a larger file size. Current size: {old}, truncate size: {new}."
            )));
        }
        let hdfs = item.fs.hdfs("truncate")?;
        if hdfs.wait(hdfs.client.truncate(&item.path, new))? {
            return session.line(format_args!("Truncated {item} to length: {new}"));
        }
        if self.wait {
            self.waiting.push(item.clone());
            return Ok(());
        }
        session.line(format_args!(
            "Truncating {item} to length: {new}. Wait for block recovery to complete before further updating this file."
        ))
    }
}

/// `concat`.
#[derive(Debug, Default)]
pub(crate) struct Concat;

const CONCAT_USAGE: &str = "<target path> <src path> <src path> ...";

impl Command for Concat {
    fn options(&mut self, _session: &mut Session, _args: &mut Vec<String>) -> Result<()> {
        Ok(())
    }

    fn arguments(&mut self, _session: &mut Session, items: Vec<Item>) -> Result<()> {
        let Some((target, sources)) = items.split_first() else {
            return Err(Failure::io(format!("Target path not specified. {CONCAT_USAGE}")));
        };
        if sources.len() < 2 {
            return Err(Failure::io(format!(
                "The number of source paths is less than 2. {CONCAT_USAGE}"
            )));
        }
        let is_file =
            |item: &Item| item.status.as_ref().is_some_and(super::status::Status::is_file);
        let full = |item: &Item| item.fs.qualified(&item.path);
        if !is_file(target) {
            let path = full(target);
            return Err(Failure::io(format!("Target path {path} does not exist or is not file.")));
        }
        if let Some(wrong) = sources.iter().find(|source| !is_file(source)) {
            let path = full(wrong);
            return Err(Failure::io(format!("{path} does not exist or is not file.")));
        }
        let Ok(hdfs) = target.fs.hdfs("concat") else {
            let scheme = target.fs.scheme();
            let error = "Not implemented by the LocalFileSystem FileSystem implementation";
            let path = format!("Dest filesystem '{scheme}' doesn't support concat.");
            return Err(Failure::about(path, &format!("Input/output error: {error}")));
        };
        let paths: Vec<&str> = sources.iter().map(|source| source.path.as_str()).collect();
        hdfs.wait(hdfs.client.concat(&target.path, &paths))
    }

    fn path(&mut self, _session: &mut Session, _item: &mut Item) -> Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn owners_and_groups() {
        let parsed = |text: &str| {
            let mut chown = Chown::default();
            chown.parse(text).map(|()| (chown.owner, chown.group)).map_err(|e| e.to_string())
        };
        let some = |text: &str| Some(text.to_owned());
        assert_eq!(parsed("a"), Ok((some("a"), None)));
        assert_eq!(parsed(" a:b "), Ok((some("a"), some("b"))));
        assert_eq!(parsed(":b"), Ok((None, some("b"))));
        assert_eq!(parsed("a:"), Ok((some("a"), None)));
        assert!(parsed(":").unwrap_err().contains("does not specify"));
        assert!(parsed("a b").unwrap_err().contains("does not match"));
        assert!(Chown::group().parse("a:b").is_err());
    }

    #[test]
    fn number_errors() {
        assert_eq!(number_error("x", 0, 1), "For input string: \"x\"");
        assert_eq!(number_error("99999", -1, 1), "Value out of range. Value:\"99999\" Radix:10");
    }
}

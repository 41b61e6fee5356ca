//! `dfsadmin`'s quota commands, which walk over their paths as the shell's do.

use loxodon_client::{QuotaChange, StorageType};

use super::command::Command;
use super::failure::{Failure, Result};
use super::item::Item;
use super::options::{Format, pop_valued};
use super::session::Session;
use super::{size, usage};

/// What a quota command does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// `-setQuota`.
    SetNames,
    /// `-clrQuota`.
    ClearNames,
    /// `-setSpaceQuota`.
    SetSpace,
    /// `-clrSpaceQuota`.
    ClearSpace,
}

/// A quota command.
#[derive(Debug)]
pub(crate) struct Quota {
    kind: Kind,
    change: QuotaChange,
    storage_type: Option<StorageType>,
}

impl Quota {
    /// The command of this kind.
    pub(crate) fn new(kind: Kind) -> Self {
        Self { kind, change: QuotaChange::Clear, storage_type: None }
    }

    fn apply(&self, item: &Item) -> Result<()> {
        let hdfs = item.fs.hdfs("a quota")?;
        let (names, space) = match self.kind {
            Kind::SetNames | Kind::ClearNames => (self.change, QuotaChange::Keep),
            Kind::SetSpace | Kind::ClearSpace => (QuotaChange::Keep, self.change),
        };
        hdfs.wait(hdfs.client.set_quota(&item.path, names, space, self.storage_type))
    }

    /// Takes the limit from the front of the arguments.
    fn take_limit(&mut self, args: &mut Vec<String>) -> Result<()> {
        let text = args.remove(0);
        let limit = limit(&text, self.kind == Kind::SetSpace)?;
        self.change = QuotaChange::Set(limit);
        Ok(())
    }

    fn set_type(&mut self, name: Option<&str>) -> Result<()> {
        let Some(name) = name else { return Ok(()) };
        let known = usage::QUOTA_TYPES.into_iter().find(|t| t.name().eq_ignore_ascii_case(name));
        let names: Vec<&str> = usage::QUOTA_TYPES.iter().map(|known| known.name()).collect();
        self.storage_type = Some(known.ok_or_else(|| {
            Failure::Illegal(format!(
                "Storage type {name} is not available. Available storage types are [{}]",
                names.join(", ")
            ))
        })?);
        Ok(())
    }
}

/// A limit, with a binary prefix or without; `DFSClient.setQuota` refuses what is none.
fn limit(text: &str, of_space: bool) -> Result<u64> {
    let text = text.trim();
    let parsed = size::with_prefix(text).map_err(|message| {
        // Java tells a wrong number of bytes in its own words, a wrong number of names as parsed.
        let is_number_wrong = message.starts_with("For input string");
        Failure::Illegal(if of_space && is_number_wrong {
            format!("\"{text}\" is not a valid value for a quota.")
        } else {
            message
        })
    })?;
    let keep = i64::MAX;
    let (names, space) = if of_space { (keep, parsed) } else { (parsed, keep) };
    if names <= 0 || space < 0 {
        return Err(Failure::Illegal(format!("Invalid values for quota : {names} and {space}")));
    }
    Ok(parsed.unsigned_abs())
}

impl Command for Quota {
    fn options(&mut self, _session: &mut Session, args: &mut Vec<String>) -> Result<()> {
        match self.kind {
            Kind::ClearNames => Format::new(1, &[]).parse(args).map(drop),
            Kind::SetNames => {
                Format::new(2, &[]).parse(args)?;
                self.take_limit(args)
            }
            Kind::SetSpace => {
                Format::new(2, &[]).parse(args)?;
                self.take_limit(args)?;
                let named = pop_valued("-storageType", args)?;
                self.set_type(named.as_deref())
            }
            Kind::ClearSpace => {
                let given = Format::new(1, &[]).with_values(&["storageType"]).parse(args)?;
                self.set_type(given.value("storageType"))
            }
        }
    }

    /// A glob that stands for nothing is passed over.
    fn expand(&mut self, session: &mut Session, arg: &str) -> Result<Vec<Item>> {
        Item::expand(session, arg)
    }

    fn path(&mut self, _session: &mut Session, item: &mut Item) -> Result<()> {
        self.apply(item)
    }

    /// The NameNode has the words for a path that is not there.
    fn missing(&mut self, _session: &mut Session, item: &mut Item) -> Result<()> {
        self.apply(item)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits() {
        assert_eq!(limit("10", false).unwrap(), 10);
        assert_eq!(limit("1m", true).unwrap(), 1 << 20);
        assert_eq!(limit("0", true).unwrap(), 0);
        for (text, of_space, words) in [
            ("0", false, "Invalid values for quota : 0 and 9223372036854775807"),
            ("a5", true, "\"a5\" is not a valid value for a quota."),
            ("a5", false, "For input string: \"a5\""),
            ("5x", true, "Invalid size prefix 'x' in '5x'"),
            ("9e", true, "9e does not fit in a Long"),
        ] {
            let error = limit(text, of_space).unwrap_err().to_string();
            assert!(error.starts_with(words), "{error}");
        }
    }
}

//! `df`, `du`, `dus`, `count`: how much there is.

use loxodon_client::{ContentSummary, QuotaUsage, StorageType, TypeQuota};

use super::command::Command;
use super::failure::{Failure, Result};
use super::item::Item;
use super::options::{Format, Given};
use super::session::Session;
use super::size;

/// Rows whose columns line up, two blanks between.
#[derive(Debug)]
pub(crate) struct Table {
    rows: Vec<Vec<String>>,
    has_header: bool,
    right: &'static [usize],
}

impl Table {
    /// An empty table; columns in `right` are flush right.
    pub(crate) fn new(header: Option<&[&str]>, right: &'static [usize]) -> Self {
        let rows = header.map(|names| names.iter().map(|name| (*name).to_owned()).collect());
        Self { has_header: rows.is_some(), rows: rows.into_iter().collect(), right }
    }

    /// Adds a row.
    pub(crate) fn add(&mut self, row: Vec<String>) {
        self.rows.push(row);
    }

    /// Prints it, unless there is nothing but the header.
    pub(crate) fn print(&self, session: &mut Session) -> Result<()> {
        if self.rows.len() <= usize::from(self.has_header) {
            return Ok(());
        }
        let columns = self.rows.iter().map(Vec::len).max().unwrap_or(0);
        let width = |column: usize| {
            let cells = self.rows.iter().filter_map(|row| row.get(column));
            cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
        };
        let widths: Vec<usize> = (0..columns).map(width).collect();
        for row in &self.rows {
            let mut line = String::new();
            for (column, (cell, width)) in row.iter().zip(&widths).enumerate() {
                if column > 0 {
                    line.push_str("  ");
                }
                if self.right.contains(&column) {
                    line += &format!("{cell:>width$}");
                } else if column + 1 < columns {
                    line += &format!("{cell:<width$}");
                } else {
                    line += cell;
                }
            }
            session.line(line)?;
        }
        Ok(())
    }
}

/// `df`.
#[derive(Debug)]
pub(crate) struct Df {
    human: bool,
    table: Table,
}

impl Default for Df {
    fn default() -> Self {
        let header = ["Filesystem", "Size", "Used", "Available", "Use%"];
        Self { human: false, table: Table::new(Some(&header), &[1, 2, 3, 4]) }
    }
}

impl Command for Df {
    fn options(&mut self, _session: &mut Session, args: &mut Vec<String>) -> Result<()> {
        self.human = Format::new(0, &["h"]).parse(args)?.has("h");
        if args.is_empty() {
            args.push("/".into());
        }
        Ok(())
    }

    fn arguments(&mut self, session: &mut Session, items: Vec<Item>) -> Result<()> {
        self.each(session, items)?;
        self.table.print(session)
    }

    fn path(&mut self, _session: &mut Session, item: &mut Item) -> Result<()> {
        let (capacity, used, remaining) = match item.fs.hdfs("getStatus") {
            Ok(hdfs) => {
                let stats = hdfs.wait(hdfs.client.fs_stats())?;
                (stats.capacity, stats.used, stats.remaining)
            }
            Err(_) => {
                let stats = rustix::fs::statvfs(item.path.as_str())
                    .map_err(|e| Failure::local(&item.path, &e.into()))?;
                let bytes = |blocks: u64| blocks.saturating_mul(stats.f_frsize);
                let total = bytes(stats.f_blocks);
                (total, total.saturating_sub(bytes(stats.f_bfree)), bytes(stats.f_bavail))
            }
        };
        let percent = match capacity {
            0 => "NaN".to_owned(),
            _ => size::rounded(used as f64 / capacity as f64 * 100.0, 0),
        };
        self.table.add(vec![
            item.fs.uri(),
            size::size(capacity, self.human),
            size::size(used, self.human),
            size::size(remaining, self.human),
            format!("{percent}%"),
        ]);
        Ok(())
    }
}

/// `du`.
#[derive(Debug)]
pub(crate) struct Du {
    always_summary: bool,
    given: Given,
    table: Table,
}

impl Du {
    /// `du`, or `dus` which always sums up.
    pub(crate) fn new(always_summary: bool) -> Self {
        Self { always_summary, given: Given::default(), table: Table::new(None, &[]) }
    }
}

impl Command for Du {
    fn options(&mut self, _session: &mut Session, args: &mut Vec<String>) -> Result<()> {
        if self.always_summary {
            args.insert(0, "-s".into());
        }
        self.given = Format::new(0, &["h", "s", "v", "x"]).parse(args)?;
        if args.is_empty() {
            args.push(".".into());
        }
        if self.given.has("v") {
            let header = ["SIZE", "DISK_SPACE_CONSUMED_WITH_ALL_REPLICAS", "FULL_PATH_NAME"];
            self.table = Table::new(Some(&header), &[]);
        }
        Ok(())
    }

    fn arguments(&mut self, session: &mut Session, items: Vec<Item>) -> Result<()> {
        self.each(session, items)?;
        self.table.print(session)
    }

    fn existing(&mut self, session: &mut Session, mut item: Item) -> Result<()> {
        if !self.given.has("s") && item.is_directory() {
            return self.recurse(session, &mut item);
        }
        session.depth = 0;
        self.paths(session, None, vec![item])
    }

    fn path(&mut self, _session: &mut Session, item: &mut Item) -> Result<()> {
        let summary = item.fs.content_summary(&item.path)?;
        let (mut length, mut space) = (summary.length, summary.space_consumed);
        if self.given.has("x") {
            length = length.saturating_sub(summary.snapshot_length);
            space = space.saturating_sub(summary.snapshot_space_consumed);
        }
        let human = self.given.has("h");
        self.table.add(vec![size::size(length, human), size::size(space, human), item.to_string()]);
        Ok(())
    }
}

/// Storage types that quotas can be set for, in Hadoop's order.
pub(crate) const QUOTA_TYPES: [StorageType; 5] = [
    StorageType::Ssd,
    StorageType::Disk,
    StorageType::Archive,
    StorageType::Provided,
    StorageType::Nvdimm,
];

/// `count`.
#[derive(Debug, Default)]
pub(crate) struct Count {
    given: Given,
    without_snapshots: bool,
    types: Option<Vec<StorageType>>,
}

impl Count {
    fn header(&self) -> String {
        let mut header = String::new();
        if let Some(types) = &self.types {
            for wanted in types {
                let name = wanted.name();
                header += &format!(
                    "{:>14} {:>18} ",
                    format!("{name}_QUOTA"),
                    format!("REM_{name}_QUOTA")
                );
            }
        } else {
            if self.given.has("q") || self.given.has("u") {
                let names = ["QUOTA", "REM_QUOTA", "SPACE_QUOTA", "REM_SPACE_QUOTA"];
                let [quota, left, space, space_left] = names;
                header += &format!("{quota:>12} {left:>15} {space:>15} {space_left:>15} ");
            }
            if !self.given.has("u") {
                header +=
                    &format!("{:>12} {:>12} {:>18} ", "DIR_COUNT", "FILE_COUNT", "CONTENT_SIZE");
            }
        }
        if self.given.has("e") {
            header += &format!("{:>20} ", "ERASURECODING_POLICY");
        }
        if self.given.has("s") {
            let names = ["SNAPSHOT_LENGTH", "SNAPSHOT_FILE_COUNT", "SNAPSHOT_DIR_COUNT"];
            let [length, files, directories] = names;
            let space = "SNAPSHOT_SPACE_CONSUMED";
            header += &format!("{length:>18} {files:>24} {directories:>24} {space:>28} ");
        }
        header + "PATHNAME"
    }

    fn sums(&self, summary: &ContentSummary) -> String {
        let human = self.given.has("h");
        let (mut directories, mut files, mut length) =
            (summary.directories, summary.files, summary.length);
        if self.without_snapshots {
            directories = directories.saturating_sub(summary.snapshot_directories);
            files = files.saturating_sub(summary.snapshot_files);
            length = length.saturating_sub(summary.snapshot_length);
        }
        let [directories, files, length] =
            [directories, files, length].map(|n| size::size(n, human));
        format!("{directories:>12} {files:>12} {length:>18} ")
    }

    /// Limit and rest, or `none` and `inf`.
    fn limit(&self, quota: Option<u64>, used: u64) -> (String, String) {
        let human = self.given.has("h");
        let number = |n: i64| if human { size::human(n) } else { n.to_string() };
        let Some(quota) = quota.and_then(|quota| i64::try_from(quota).ok()) else {
            return ("none".into(), "inf".into());
        };
        let left = quota.saturating_sub(i64::try_from(used).unwrap_or(i64::MAX));
        (number(quota), number(left))
    }

    fn quotas(&self, names: u64, usage: (Option<u64>, Option<u64>), space: u64) -> String {
        let (quota, left) = self.limit(usage.0.filter(|quota| *quota > 0), names);
        let (space_quota, space_left) = self.limit(usage.1, space);
        format!("{quota:>12} {left:>15} {space_quota:>15} {space_left:>15} ")
    }

    fn type_quotas(&self, wanted: &[StorageType], types: &[TypeQuota]) -> String {
        let mut text = String::new();
        for storage_type in wanted {
            let found = types.iter().find(|known| known.storage_type == *storage_type);
            let (quota, left) =
                self.limit(found.and_then(|t| t.quota), found.map_or(0, |t| t.consumed));
            text += &format!("{quota:>14} {left:>18} ");
        }
        text
    }

    fn usage(&self, usage: &QuotaUsage) -> String {
        match &self.types {
            Some(wanted) => self.type_quotas(wanted, &usage.types),
            None => self.quotas(
                usage.files_and_directories,
                (usage.quota, usage.space_quota),
                usage.space_consumed,
            ),
        }
    }
}

/// The storage types of `-t`.
fn storage_types(text: &str) -> Result<Vec<StorageType>> {
    if text.is_empty() || text.eq_ignore_ascii_case("all") {
        return Ok(QUOTA_TYPES.to_vec());
    }
    let parse = |name: &str| {
        let mut known = QUOTA_TYPES.iter().chain([&StorageType::RamDisk]);
        known.find(|known| known.name().eq_ignore_ascii_case(name)).copied().ok_or_else(|| {
            let name = name.to_ascii_uppercase();
            Failure::Illegal(format!("No enum constant org.apache.hadoop.fs.StorageType.{name}"))
        })
    };
    text.split(',').filter(|name| !name.is_empty()).map(parse).collect()
}

impl Command for Count {
    fn options(&mut self, session: &mut Session, args: &mut Vec<String>) -> Result<()> {
        let format = Format::new(1, &["q", "h", "v", "u", "x", "e", "s"]).with_values(&["t"]);
        self.given = format.parse(args)?;
        self.without_snapshots = self.given.has("x");
        if self.given.has("q") || self.given.has("u") {
            self.types = self.given.value("t").map(storage_types).transpose()?;
            if self.without_snapshots {
                session.line("q or u option is given, the -x option is ignored.")?;
                self.without_snapshots = false;
            }
        }
        if self.given.has("v") {
            session.line(self.header())?;
        }
        Ok(())
    }

    fn path(&mut self, session: &mut Session, item: &mut Item) -> Result<()> {
        let mut line = String::new();
        let needs_summary = ["e", "s"].iter().any(|flag| self.given.has(flag));
        let only_quota = self.given.has("u") || self.types.is_some();
        let summary = match !only_quota || needs_summary {
            true => item.fs.content_summary(&item.path)?,
            false => ContentSummary::default(),
        };
        if only_quota {
            line += &self.usage(&item.fs.quota_usage(&item.path)?);
        } else {
            if self.given.has("q") {
                let names = summary.files + summary.directories;
                let limits = (summary.quota, summary.space_quota);
                line += &self.quotas(names, limits, summary.space_consumed);
            }
            line += &self.sums(&summary);
        }
        if self.given.has("e") {
            let policy = match summary.erasure_coding_policy.as_str() {
                "Replicated" => "Replicated".to_owned(),
                other => format!("EC:{other}"),
            };
            line += &format!("{policy:>20} ");
        }
        if self.given.has("s") {
            let human = self.given.has("h");
            let [length, files, directories, space] = [
                summary.snapshot_length,
                summary.snapshot_files,
                summary.snapshot_directories,
                summary.snapshot_space_consumed,
            ]
            .map(|n| size::size(n, human));
            line += &format!("{length:>18} {files:>24} {directories:>24} {space:>28} ");
        }
        session.line(line + &item.to_string())
    }
}

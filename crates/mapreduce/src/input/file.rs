//! Files cut into splits (`FileInputFormat`).

use loxodon_conf::Configuration;

use super::paths::list_input;
use super::{Api, FileSplit, InputSplit};
use crate::error::{Error, Result};
use crate::fs::{BlockLocation, FileStatus, FileSystems, Path};
use crate::settings::Settings;

const SPLIT_MIN: &str = "mapreduce.input.fileinputformat.split.minsize";
const SPLIT_MAX: &str = "mapreduce.input.fileinputformat.split.maxsize";
const RECURSIVE: &str = "mapreduce.input.fileinputformat.input.dir.recursive";
const IGNORE_DIRECTORIES: &str =
    "mapreduce.input.fileinputformat.input.dir.nonrecursive.ignore.subdirs";
const MAPS: &str = "mapreduce.job.maps";
/// The last split may be longer than the others by a tenth (`SPLIT_SLOP`).
const SLOP: f64 = 1.1;

/// What a format says about how its files may be cut.
pub struct FileFormat<'a> {
    /// Which of Hadoop's rules.
    pub api: Api,
    /// Bytes that a split has at least.
    pub min_size: u64,
    /// Whether a file can be read from its middle.
    pub is_splittable: &'a dyn Fn(&Path) -> bool,
}

impl std::fmt::Debug for FileFormat<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("FileFormat").field("api", &self.api).finish_non_exhaustive()
    }
}

/// Cuts a job's input files, each at multiples of the split size.
///
/// # Errors
/// Input that is not there; with the old interface, a directory within it.
pub fn file_splits(
    format: &FileFormat<'_>,
    job: &Configuration,
    files: &FileSystems,
) -> Result<Vec<InputSplit>> {
    cut(format, job, files, list_input(job, files)?)
}

pub(super) fn cut(
    format: &FileFormat<'_>,
    job: &Configuration,
    files: &FileSystems,
    mut inputs: Vec<FileStatus>,
) -> Result<Vec<InputSplit>> {
    let ignored = job.get_bool(IGNORE_DIRECTORIES, false)? && !job.get_bool(RECURSIVE, false)?;
    if ignored {
        inputs.retain(|status| !status.is_directory);
    }
    let min = positive(job.get_size(SPLIT_MIN, 1)?).max(format.min_size);
    let most = match format.api {
        Api::New => positive(job.get_size(SPLIT_MAX, i64::MAX)?),
        Api::Old => goal(job, &inputs)?,
    };
    let mut splits = Vec::new();
    for status in &inputs {
        cut_file(format, files, status, min, most, &mut splits)?;
    }
    Ok(splits.into_iter().map(InputSplit::File).collect())
}

fn positive(value: i64) -> u64 {
    u64::try_from(value).unwrap_or(0)
}

/// Bytes of a split if there are to be as many as maps are asked for.
fn goal(job: &Configuration, inputs: &[FileStatus]) -> Result<u64> {
    if let Some(directory) = inputs.iter().find(|status| status.is_directory) {
        return Err(Error::io(format!("Not a file: {}", directory.path)));
    }
    let total = inputs.iter().fold(0_u64, |sum, status| sum.saturating_add(status.length));
    let maps = positive(job.get_int(MAPS, 2)?).max(1);
    Ok(total.checked_div(maps).unwrap_or(total))
}

fn cut_file(
    format: &FileFormat<'_>,
    files: &FileSystems,
    status: &FileStatus,
    min: u64,
    most: u64,
    splits: &mut Vec<FileSplit>,
) -> Result<()> {
    let length = status.length;
    let split = |start, length, hosts: &[String]| FileSplit {
        path: status.path.clone(),
        start,
        length,
        hosts: hosts.to_vec(),
    };
    if length == 0 {
        splits.push(split(0, 0, &[]));
        return Ok(());
    }
    let blocks = match &status.blocks {
        Some(blocks) => blocks.clone(),
        None => files.get(&status.path)?.block_locations(&status.path, 0, length)?,
    };
    if !(format.is_splittable)(&status.path) {
        let hosts = blocks.first().map(|block| block.hosts.as_slice()).unwrap_or_default();
        splits.push(split(0, length, hosts));
        return Ok(());
    }
    let size = min.max(most.min(status.block_size)).max(1);
    let mut start = 0;
    while start < length {
        let left = length.saturating_sub(start);
        let more = left as f64 / size as f64 > SLOP;
        let this = if more { size } else { left };
        splits.push(split(start, this, hosts_at(&blocks, start)));
        start = start.saturating_add(this);
    }
    Ok(())
}

/// Hosts of the block in which a split begins. A file that is being written may be longer than its blocks.
fn hosts_at(blocks: &[BlockLocation], offset: u64) -> &[String] {
    let within = |block: &&BlockLocation| {
        block.offset <= offset && offset < block.offset.saturating_add(block.length)
    };
    blocks.iter().find(within).map(|block| block.hosts.as_slice()).unwrap_or_default()
}

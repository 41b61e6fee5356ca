//! A job's input paths, and the files they stand for.

use loxodon_conf::Configuration;

use crate::error::{Error, ErrorKind, Result};
use crate::fs::{FileStatus, FileSystem, FileSystems, Path, glob_status};
use crate::settings::Settings;

const INPUT_DIR: &str = "mapreduce.input.fileinputformat.inputdir";
const RECURSIVE: &str = "mapreduce.input.fileinputformat.input.dir.recursive";
const PATH_FILTER: &str = "mapreduce.input.pathFilter.class";
/// Directories below each other, at most.
const DEEPEST: usize = 1000;

/// Whether a file of that name is no input (`hiddenFileFilter`).
#[must_use]
pub fn is_hidden(name: &str) -> bool {
    name.starts_with(['_', '.'])
}

/// Paths between commas, where commas within braces belong to a path (`FileInputFormat.getPathStrings`).
#[must_use]
pub fn split_paths(text: &str) -> Vec<&str> {
    let mut paths = Vec::new();
    let (mut open, mut start) = (0_i32, 0);
    let mut in_glob = false;
    for (at, c) in text.char_indices() {
        match c {
            '{' => {
                open = open.saturating_add(1);
                in_glob = true;
            }
            '}' => {
                open = open.saturating_sub(1);
                in_glob = in_glob && open != 0;
            }
            ',' if !in_glob => {
                paths.push(text.get(start..at).unwrap_or_default());
                start = at.saturating_add(1);
            }
            _ => {}
        }
    }
    paths.push(text.get(start..).unwrap_or_default());
    paths
}

/// Adds paths between commas to a job's input, in full.
///
/// # Errors
/// A text that is no path.
pub fn add_input_path(job: &mut Configuration, files: &FileSystems, text: &str) -> Result<()> {
    let mut all = job.get(INPUT_DIR)?.unwrap_or_default();
    for path in split_paths(text) {
        let path = files.path(path)?.to_string();
        if !all.is_empty() {
            all.push(',');
        }
        for c in path.chars() {
            if c == ',' || c == '\\' {
                all.push('\\');
            }
            all.push(c);
        }
    }
    job.set(INPUT_DIR, &all, "the job");
    Ok(())
}

/// A job's input paths as it has them.
///
/// # Errors
/// A text that is no path.
pub fn input_paths(job: &Configuration) -> Result<Vec<Path>> {
    let text = job.get(INPUT_DIR)?.unwrap_or_default();
    let mut paths = vec![String::new()];
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        if c == ',' {
            paths.push(String::new());
            continue;
        }
        let c = if c == '\\' { chars.next().unwrap_or(c) } else { c };
        if let Some(path) = paths.last_mut() {
            path.push(c);
        }
    }
    paths.iter().filter(|path| !path.is_empty()).map(|path| Path::parse(path)).collect()
}

/// The files and directories of a job's input, with the locations of their blocks.
///
/// # Errors
/// `InvalidInputException` with a line for every path that is not there; a directory that cannot be listed.
pub fn list_input(job: &Configuration, files: &FileSystems) -> Result<Vec<FileStatus>> {
    if let Some(class) = job.get_text(PATH_FILTER)? {
        let message = format!("Class {class} (of {PATH_FILTER}) not found");
        return Err(Error::new(ErrorKind::ClassNotFound, message));
    }
    let paths = input_paths(job)?;
    if paths.is_empty() {
        return Err(Error::io("No input paths specified in job"));
    }
    let recursive = job.get_bool(RECURSIVE, false)?;
    let mut found = Vec::new();
    let mut missing = Vec::new();
    for path in paths {
        let path = files.qualify(&path)?;
        let fs = files.get(&path)?;
        match glob_status(&*fs, &path, |path| !is_hidden(path.name()))? {
            None => missing.push(format!("Input path does not exist: {path}")),
            Some(matched) if matched.is_empty() => {
                missing.push(format!("Input Pattern {path} matches 0 files"));
            }
            Some(matched) => {
                for status in matched {
                    if status.is_directory {
                        list_directory(&*fs, &status.path, recursive, 0, &mut found)?;
                    } else {
                        found.push(status);
                    }
                }
            }
        }
    }
    if missing.is_empty() {
        Ok(found)
    } else {
        Err(Error::new(ErrorKind::InvalidInput, missing.join("\n")))
    }
}

fn list_directory(
    fs: &dyn FileSystem,
    directory: &Path,
    recursive: bool,
    depth: usize,
    found: &mut Vec<FileStatus>,
) -> Result<()> {
    if depth > DEEPEST {
        return Err(Error::io(format!("{directory} lies more than {DEEPEST} directories deep")));
    }
    for status in fs.list(directory)? {
        if is_hidden(status.path.name()) {
            continue;
        }
        if recursive && status.is_directory {
            list_directory(fs, &status.path, recursive, depth.saturating_add(1), found)?;
        } else {
            found.push(status);
        }
    }
    Ok(())
}

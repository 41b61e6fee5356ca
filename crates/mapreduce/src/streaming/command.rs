//! The command of a streaming job: its words, where it is found, what its environment says.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use loxodon_conf::{Configuration, RENAMED};

use crate::error::{Error, ErrorKind, Result};
use crate::settings::Settings;

/// Bytes that a pipe to or from a command may hold.
const PIPE: usize = 1 << 20;

/// Cuts a command line into words at blanks; quotes of both kinds hold a word together, and end one
/// (`PipeMapRed.splitArgs`).
pub fn split_args(line: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut quote = None;
    let mut start = 0;
    let mut end = |start: &mut usize, at: usize| {
        if let Some(word) = line.get(*start..at).filter(|word| !word.is_empty()) {
            words.push(word.to_owned());
        }
        *start = at.saturating_add(1);
    };
    for (at, byte) in line.bytes().enumerate() {
        match (byte, quote) {
            (b'\'' | b'"', None) => {
                quote = Some(byte);
                end(&mut start, at);
            }
            (byte, Some(open)) if byte == open => {
                quote = None;
                end(&mut start, at);
            }
            (b' ', None) => end(&mut start, at),
            _ => {}
        }
    }
    end(&mut start, line.len());
    words
}

/// A name that a shell's variable can have.
fn safe_name(name: &str) -> String {
    name.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect()
}

/// The variables that a command finds: the job's configuration, also under the names that its keys had once, then
/// those of `-cmdenv`.
///
/// # Errors
/// A value that refers to itself.
pub fn environment(conf: &Configuration) -> Result<BTreeMap<String, String>> {
    let limit = conf.get_int("stream.jobconf.truncate.limit", -1)?;
    let limit = usize::try_from(limit).ok();
    let shortened = |value: String| match limit {
        Some(limit) if value.len() > limit => value.chars().take(limit).collect(),
        _ => value,
    };
    let mut all = BTreeMap::new();
    for (name, _) in conf.entries() {
        if let Some(value) = conf.get(name)? {
            all.insert(safe_name(name), shortened(value));
        }
    }
    for (old, new) in RENAMED {
        if let Some(value) = all.get(&safe_name(new)).cloned() {
            all.entry(safe_name(old)).or_insert(value);
        }
    }
    let added = conf.get("stream.addenvironment")?.unwrap_or_default();
    for pair in added.split(' ') {
        if let Some((name, value)) = pair.split_once('=').filter(|(name, _)| !name.is_empty()) {
            all.insert(name.to_owned(), value.to_owned());
        }
    }
    let temporary = std::env::temp_dir().display().to_string();
    all.insert("TMPDIR".into(), temporary);
    // What cannot be in an environment is not for the command.
    all.retain(|_, value| !value.contains('\0'));
    Ok(all)
}

/// Where a program is: in the working directory, else on the path; as it is written where it is nowhere.
fn find(program: &str, directory: &Path) -> PathBuf {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found = std::iter::once(directory.to_path_buf())
        .chain(std::env::split_paths(&path))
        .map(|directory| directory.join(program))
        .find(|file| file.is_file());
    found.unwrap_or_else(|| PathBuf::from(program))
}

/// Starts a command in the working directory, with its three streams to us.
///
/// # Errors
/// No words; a program that cannot be started.
pub(super) fn start(line: &str, conf: &Configuration) -> Result<Child> {
    let words = split_args(line);
    let Some((program, arguments)) = words.split_first() else {
        return Err(Error::argument(format!("the command {line:?} names no program")));
    };
    let directory =
        std::env::current_dir().map_err(|e| Error::system("finding the working directory", &e))?;
    let own = directory.join(program);
    let mut file = PathBuf::from(program);
    if !file.is_absolute() {
        // A file that was shipped may have lost its bits on the way.
        if let Ok(about) = fs::metadata(&own).and_then(|about| {
            let mode = about.permissions().mode() | 0o111;
            fs::set_permissions(&own, fs::Permissions::from_mode(mode)).map(|()| about)
        }) {
            tracing::debug!(file = %own.display(), length = about.len(), "made executable");
        }
        file = find(program, &directory);
    }
    tracing::info!(?words, "PipeMapRed exec");
    let child = Command::new(&file)
        .args(arguments)
        .envs(environment(conf)?)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|e| {
            let text = format!("configuration exception: Cannot run program \"{program}\": {e}");
            Error::new(ErrorKind::Runtime, text)
        })?;
    if let (Some(stdin), Some(stdout)) = (&child.stdin, &child.stdout) {
        // Larger pipes mean fewer changes between the two; smaller ones do as well.
        let _ = rustix::pipe::fcntl_setpipe_size(stdin, PIPE);
        let _ = rustix::pipe::fcntl_setpipe_size(stdout, PIPE);
    }
    Ok(child)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_cut_as_hadoop_cuts_them() {
        let words = |line: &str| split_args(line).join("|");
        assert_eq!(words("cat"), "cat");
        assert_eq!(words("  sed   s/a/b/ "), "sed|s/a/b/");
        assert_eq!(words("awk '{print $1, $2}' x"), "awk|{print $1, $2}|x");
        assert_eq!(words("sh -c \"it's one\""), "sh|-c|it's one");
        assert_eq!(words("a\"b c\"d"), "a|b c|d");
        assert_eq!(words("x ''"), "x");
        assert_eq!(words("x 'open é"), "x|open é");
        assert_eq!(words(""), "");
    }

    #[test]
    fn the_environment_has_new_and_old_names() {
        let mut conf = Configuration::new();
        conf.set("mapreduce.job.reduces", "7", "test");
        conf.set("my.own-key", "${mapreduce.job.reduces}x", "test");
        conf.set("stream.addenvironment", "HADOOP_ROOT_LOGGER= A=b=c nothing", "test");
        let all = environment(&conf).unwrap();
        assert_eq!(all["mapreduce_job_reduces"], "7");
        assert_eq!(all["mapred_reduce_tasks"], "7");
        assert_eq!(all["my_own_key"], "7x");
        assert_eq!(all["A"], "b=c");
        assert_eq!(all["HADOOP_ROOT_LOGGER"], "");
        assert!(!all.contains_key("nothing"));
        conf.set("stream.jobconf.truncate.limit", "1", "test");
        assert_eq!(environment(&conf).unwrap()["my_own_key"], "7");
    }

    #[test]
    fn a_program_in_the_working_directory_comes_first() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("sh"), "").unwrap();
        assert_eq!(find("sh", dir.path()), dir.path().join("sh"));
        assert!(find("cat", dir.path()).is_absolute());
        assert_eq!(find("no-such-program", dir.path()), PathBuf::from("no-such-program"));
    }

    #[test]
    fn a_program_that_is_not_there_is_named() {
        let error = start("no-such-program x", &Configuration::new()).unwrap_err();
        assert!(error.message().contains("Cannot run program \"no-such-program\""), "{error}");
        assert!(start(" ", &Configuration::new()).is_err());
    }
}

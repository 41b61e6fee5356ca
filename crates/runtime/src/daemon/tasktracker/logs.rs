//! What a task's process writes to its standard output and error, kept in
//! `userlogs/<job>/<attempt>/`, within a limit: the older half of what is too much gives way.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use loxodon_mapreduce::job::AttemptId;
use tokio::io::{AsyncRead, AsyncReadExt};

use crate::web::{Request, Response, StatusCode};

/// Kept of one stream where `mapreduce.task.userlog.limit.kb` sets no limit, in bytes.
const DEFAULT_LIMIT: u64 = 64 << 20;
/// Read at once.
const PIECE: usize = 64 << 10;
/// The streams that are served.
const NAMES: [&str; 4] = ["stdout", "stderr", "syslog", super::debug_script::LOG];
/// Sent of one log at most, from its end.
const MOST_SENT: u64 = 4 << 20;

/// One log of limited length: when it is half full it becomes the older half.
struct Log {
    path: PathBuf,
    older: PathBuf,
    file: File,
    written: u64,
    half: u64,
}

impl Log {
    fn create(path: &Path, limit: u64) -> io::Result<Self> {
        let file = OpenOptions::new().create(true).append(true).open(path)?;
        let older = path.with_extension("older");
        Ok(Self { path: path.to_owned(), older, file, written: 0, half: (limit / 2).max(1) })
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        if self.written > 0 && self.written.saturating_add(bytes.len() as u64) > self.half {
            fs::rename(&self.path, &self.older)?;
            self.file = OpenOptions::new().create(true).append(true).open(&self.path)?;
            self.written = 0;
        }
        self.written = self.written.saturating_add(bytes.len() as u64);
        self.file.write_all(bytes)
    }
}

/// The limit of a stream, from `mapreduce.task.userlog.limit.kb`.
pub(super) const fn limit(kilobytes: u64) -> u64 {
    if kilobytes == 0 { DEFAULT_LIMIT } else { kilobytes.saturating_mul(1024) }
}

/// Copies a stream of a process into its log until its end. A log that cannot be written any more
/// does not stop the process: what follows is thrown away.
pub(super) async fn keep(mut stream: impl AsyncRead + Unpin, path: PathBuf, limit: u64) {
    let mut log = match Log::create(&path, limit) {
        Ok(log) => Some(log),
        Err(error) => {
            tracing::warn!("{}: {error}", path.display());
            None
        }
    };
    let mut piece = vec![0; PIECE];
    loop {
        let count = match stream.read(&mut piece).await {
            Ok(0) | Err(_) => return,
            Ok(count) => count,
        };
        let bytes = piece.get(..count).unwrap_or_default();
        if let Some(Err(error)) = log.as_mut().map(|log| log.write(bytes)) {
            tracing::warn!("{}: {error}; what follows is not kept", path.display());
            log = None;
        }
    }
}

/// The directory of an attempt's logs.
pub(super) fn directory(root: &Path, attempt: &AttemptId) -> PathBuf {
    root.join(attempt.job().to_string()).join(attempt.to_string())
}

/// The end of a log, older half included. No more is read: how long a log may be is its job's to say.
fn read(directory: &Path, name: &str, most: u64) -> io::Result<Vec<u8>> {
    let path = directory.join(name);
    let newer = end_of(&path, most)?;
    let left = most.saturating_sub(newer.len() as u64);
    let mut text = end_of(&path.with_extension("older"), left).unwrap_or_default();
    text.extend(newer);
    Ok(text)
}

/// The last bytes of a file, `most` of them.
fn end_of(path: &Path, most: u64) -> io::Result<Vec<u8>> {
    let mut file = super::files::open_plain(path)?;
    let skip = file.metadata()?.len().saturating_sub(most);
    file.seek(SeekFrom::Start(skip))?;
    let mut text = Vec::new();
    // It may grow meanwhile.
    file.take(most).read_to_end(&mut text)?;
    Ok(text)
}

/// The last lines of what an attempt said, for its diagnostics.
pub(super) fn tail(directory: &Path, name: &str, most: u64) -> String {
    let text = read(directory, name, most).unwrap_or_default();
    String::from_utf8_lossy(&text).trim().to_owned()
}

/// `/tasklog?attemptid=…&filter=stderr`: one log as text (Hadoop 1's `TaskLogServlet`).
pub(super) fn page(root: &Path, request: &Request) -> Response {
    let Some(attempt) = request.parameter("attemptid") else {
        return Response::error(StatusCode::BAD_REQUEST, "Argument attemptid is required");
    };
    let Ok(attempt) = attempt.parse::<AttemptId>() else {
        return Response::error(StatusCode::BAD_REQUEST, "attemptid is not an attempt's id");
    };
    let directory = directory(root, &attempt);
    let wanted = request.parameter("filter");
    if let Some(name) = wanted.filter(|name| !NAMES.contains(name)) {
        let text = format!("Illegal value for filter: {name}");
        return Response::error(StatusCode::BAD_REQUEST, &text);
    }
    let mut text = Vec::new();
    for name in NAMES.iter().filter(|name| wanted.is_none_or(|wanted| wanted == **name)) {
        let Ok(log) = read(&directory, name, MOST_SENT) else { continue };
        if wanted.is_none() {
            text.extend_from_slice(format!("==== {name}\n").as_bytes());
        }
        text.extend_from_slice(&log);
        if wanted.is_none() {
            text.push(b'\n');
        }
    }
    if text.is_empty() && !directory.is_dir() {
        let text = format!("Task log directory for task {attempt} does not exist.");
        return Response::error(StatusCode::GONE, &text);
    }
    Response::plain(StatusCode::OK, text)
}

/// Removes the logs of jobs that nothing was written to for so long.
pub(super) fn remove_old(root: &Path, age: Duration) {
    let Ok(entries) = fs::read_dir(root) else { return };
    let old = SystemTime::now().checked_sub(age);
    for entry in entries.flatten() {
        let changed = entry.metadata().and_then(|about| about.modified());
        if changed.is_ok_and(|changed| old.is_some_and(|old| changed < old)) {
            super::files::remove_tree(&entry.path());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_log_keeps_its_end_within_its_limit() {
        let dir = tempfile::tempdir().unwrap();
        let text: String = (0..100_000).map(|n| format!("line {n}\n")).collect();
        keep(text.as_bytes(), dir.path().join("stderr"), 200_000).await;
        let kept = read(dir.path(), "stderr", u64::MAX).unwrap();
        assert!(kept.len() <= 200_000 && kept.len() > 60_000, "{}", kept.len());
        assert!(text.as_bytes().ends_with(&kept));
        assert_eq!(tail(dir.path(), "stderr", 11), "line 99999");
    }

    #[test]
    fn no_more_of_a_log_is_read_than_is_wanted() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("stdout");
        // Longer than any memory; only the end is on the disk.
        let mut file = File::create(&path).unwrap();
        file.seek(SeekFrom::Start(1 << 42)).unwrap();
        file.write_all(b"the end").unwrap();
        fs::write(path.with_extension("older"), "older").unwrap();
        assert_eq!(tail(dir.path(), "stdout", 7), "the end");
        fs::write(&path, "end").unwrap();
        assert_eq!(read(dir.path(), "stdout", 5).unwrap(), b"erend");
    }

    #[test]
    fn what_a_task_puts_in_the_place_of_a_log_is_not_waited_for_nor_followed() {
        let dir = tempfile::tempdir().unwrap();
        let (pipe, link) = (dir.path().join("stdout"), dir.path().join("stderr"));
        let mode = rustix::fs::Mode::from_raw_mode(0o600);
        let kind = rustix::fs::FileType::Fifo;
        rustix::fs::mknodat(rustix::fs::CWD, &pipe, kind, mode, 0).unwrap();
        std::os::unix::fs::symlink("/etc/passwd", link).unwrap();
        for name in ["stdout", "stderr"] {
            assert!(read(dir.path(), name, 10).is_err(), "{name}");
        }
    }
}

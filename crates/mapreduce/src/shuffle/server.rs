//! The server's side of the shuffle, without its sockets (Hadoop's `ShuffleHandler`): what a request asks for, whether
//! it may, and where the bytes lie.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use super::ShuffleHeader;
use super::security::{message, sign, verify};
use crate::error::Result;
use crate::ifile::{ENTRY_BYTES, SpillIndex};
use crate::job::{AttemptId, JobId, TaskKind};

/// Maps that one request may ask for.
const MAX_MAPS: usize = 1000;

/// A request for segments: `/mapOutput?job=…&reduce=…&map=…,…`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShuffleRequest {
    /// The job.
    pub job: JobId,
    /// The partition.
    pub reduce: u32,
    /// The map attempts.
    pub maps: Vec<AttemptId>,
    /// Whether the connection is to stay open.
    pub keep_alive: bool,
}

/// Why a request is refused: HTTP status and the sentence of the body.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{status}: {reason}")]
pub struct Refusal {
    /// HTTP status.
    pub status: u16,
    /// Why.
    pub reason: String,
}

fn refusal(status: u16, reason: impl Into<String>) -> Refusal {
    Refusal { status, reason: reason.into() }
}

impl ShuffleRequest {
    /// Reads method, path with query and the two protocol headers.
    ///
    /// # Errors
    /// 405 for another method, 400 for another protocol or a query that is none.
    pub fn parse(
        method: &str,
        path_and_query: &str,
        name: Option<&str>,
        version: Option<&str>,
    ) -> Result<Self, Refusal> {
        if method != "GET" {
            return Err(refusal(405, "only GET is served"));
        }
        if name != Some(super::security::NAME.1) || version != Some(super::security::VERSION.1) {
            return Err(refusal(400, "Incompatible shuffle request version"));
        }
        let query = path_and_query.split_once('?').map_or("", |(_, query)| query);
        let (mut job, mut reduce, mut keep_alive) = (None, None, false);
        let mut maps = Vec::new();
        for (key, value) in query.split('&').filter_map(|pair| pair.split_once('=')) {
            match key {
                "job" => once(&mut job, value)?,
                "reduce" => once(&mut reduce, value)?,
                "keepAlive" => keep_alive = value == "true",
                "map" => maps.extend(value.split(',').filter(|m| !m.is_empty())),
                _ => {}
            }
        }
        let (Some(job), Some(reduce)) = (job, reduce) else {
            return Err(refusal(400, "Required param job, map and reduce"));
        };
        if maps.is_empty() || maps.len() > MAX_MAPS {
            return Err(refusal(400, "Required param job, map and reduce"));
        }
        let job: JobId = job.parse().map_err(|e| refusal(400, format!("{e}")))?;
        let reduce = reduce.parse().map_err(|_| refusal(400, "Bad reduce parameter"))?;
        let maps = maps
            .into_iter()
            .map(|map| map.parse::<AttemptId>().map_err(|e| refusal(400, format!("{e}"))))
            .collect::<Result<Vec<_>, _>>()?;
        if maps.iter().any(|map| *map.job() != job || map.kind() != TaskKind::Map) {
            return Err(refusal(400, format!("a map is not of {job}")));
        }
        Ok(Self { job, reduce, maps, keep_alive })
    }
}

fn once<'a>(slot: &mut Option<&'a str>, value: &'a str) -> Result<(), Refusal> {
    match slot.replace(value) {
        None => Ok(()),
        Some(_) => Err(refusal(400, "Too many job/reduce parameters")),
    }
}

/// Checks a request's signature and gives that of the answer.
///
/// # Errors
/// 401 where it is missing or wrong.
pub fn authorize(
    key: &[u8],
    port: u16,
    path_and_query: &str,
    signature: Option<&str>,
) -> Result<String, Refusal> {
    let signature = signature.ok_or_else(|| refusal(401, "Request is not signed"))?;
    if !verify(key, &message(port, path_and_query), signature) {
        return Err(refusal(401, "Verification of the hashReply failed"));
    }
    Ok(sign(key, signature))
}

/// One segment to be sent: its header, then that part of the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// Bytes to be sent first.
    pub header: Vec<u8>,
    /// The file.
    pub file: PathBuf,
    /// First byte of it.
    pub start: u64,
    /// Bytes of it.
    pub length: u64,
}

/// Indexes of map outputs, kept while there is room (`mapreduce.tasktracker.indexcache.mb`, `IndexCache`).
#[derive(Debug)]
pub struct IndexCache {
    room: usize,
    kept: Mutex<Kept>,
}

#[derive(Debug, Default)]
struct Kept {
    indexes: HashMap<AttemptId, (u64, Arc<SpillIndex>)>,
    bytes: usize,
    uses: u64,
}

impl IndexCache {
    /// Keeps so many bytes of indexes.
    pub fn new(room: usize) -> Self {
        Self { room, kept: Mutex::default() }
    }

    /// The index of a map's output, from memory or from its file.
    ///
    /// # Errors
    /// The file cannot be read or is damaged.
    pub fn index(&self, map: &AttemptId, file: &Path) -> Result<Arc<SpillIndex>> {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.uses += 1;
        let uses = kept.uses;
        if let Some((used, index)) = kept.indexes.get_mut(map) {
            *used = uses;
            return Ok(Arc::clone(index));
        }
        drop(kept);
        let index = Arc::new(SpillIndex::read(file)?);
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.keep(map.clone(), Arc::clone(&index), self.room);
        Ok(index)
    }

    /// Forgets a job's indexes.
    pub fn forget(&self, job: &JobId) {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.indexes.retain(|map, _| map.job() != job);
        kept.bytes = kept.indexes.values().map(|(_, index)| size(index)).sum();
    }

    /// What to send for one map: its header and the part of its file.
    ///
    /// # Errors
    /// The index cannot be read, or has no such partition.
    pub fn part(&self, map: &AttemptId, reduce: u32, file: &Path, index: &Path) -> Result<Part> {
        let found = self.index(map, index)?;
        let entry = found.entries.get(reduce as usize).ok_or_else(|| {
            crate::error::Error::argument(format!("{}: no partition {reduce}", index.display()))
        })?;
        let mut header = Vec::new();
        ShuffleHeader {
            map: map.to_string(),
            part_length: entry.part_length,
            raw_length: entry.raw_length,
            reduce,
        }
        .write(&mut header);
        let (start, length) = (entry.start, entry.part_length);
        Ok(Part { header, file: file.to_owned(), start, length })
    }
}

fn size(index: &SpillIndex) -> usize {
    index.entries.len() * ENTRY_BYTES
}

impl Kept {
    fn keep(&mut self, map: AttemptId, index: Arc<SpillIndex>, room: usize) {
        self.bytes += size(&index);
        if let Some((_, old)) = self.indexes.insert(map, (self.uses, index)) {
            self.bytes -= size(&old);
        }
        while self.bytes > room {
            let oldest = self.indexes.iter().min_by_key(|(_, (used, _))| *used);
            let Some(oldest) = oldest.map(|(map, _)| map.clone()) else { return };
            if let Some((_, index)) = self.indexes.remove(&oldest) {
                self.bytes -= size(&index);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATH: &str = "/mapOutput?job=job_1_0001&reduce=3&map=attempt_1_0001_m_000000_0,attempt_1_0001_m_000007_1";

    fn parse(path: &str) -> Result<ShuffleRequest, Refusal> {
        ShuffleRequest::parse("GET", path, Some("mapreduce"), Some("1.0.0"))
    }

    #[test]
    fn hadoops_request_is_read() {
        let request = parse(PATH).unwrap();
        assert_eq!(request.job, JobId::new("1", 1));
        assert_eq!(request.reduce, 3);
        let maps: Vec<String> = request.maps.iter().map(ToString::to_string).collect();
        assert_eq!(maps, ["attempt_1_0001_m_000000_0", "attempt_1_0001_m_000007_1"]);
    }

    #[test]
    fn others_are_refused() {
        let status = |path: &str| parse(path).unwrap_err().status;
        assert_eq!(status("/mapOutput"), 400);
        assert_eq!(status("/mapOutput?job=job_1_0001&reduce=3"), 400);
        assert_eq!(status("/mapOutput?job=job_1_0001&reduce=x&map=attempt_1_0001_m_000000_0"), 400);
        assert_eq!(status("/mapOutput?job=../..&reduce=1&map=attempt_1_0001_m_000000_0"), 400);
        assert_eq!(status("/mapOutput?job=job_1_0001&reduce=1&map=../../etc/passwd"), 400);
        assert_eq!(status("/mapOutput?job=job_1_0002&reduce=1&map=attempt_1_0001_m_000000_0"), 400);
        assert_eq!(status(&format!("{PATH}&job=job_1_0001")), 400);
        assert_eq!(ShuffleRequest::parse("PUT", PATH, None, None).unwrap_err().status, 405);
        let other = ShuffleRequest::parse("GET", PATH, Some("mapreduce"), Some("2.0.0"));
        assert_eq!(other.unwrap_err().status, 400);
    }

    #[test]
    fn a_request_must_be_signed_for_this_port_and_path() {
        let signature = sign(b"key", &message(13562, PATH));
        let reply = authorize(b"key", 13562, PATH, Some(&signature)).unwrap();
        assert!(verify(b"key", &signature, &reply));
        for (port, path, signature) in [
            (13563, PATH, Some(signature.as_str())),
            (13562, "/mapOutput?job=job_1_0001", Some(signature.as_str())),
            (13562, PATH, Some("")),
            (13562, PATH, None),
        ] {
            assert_eq!(authorize(b"key", port, path, signature).unwrap_err().status, 401);
        }
    }

    #[test]
    fn indexes_are_kept_within_their_room() {
        let dir = tempfile::tempdir().unwrap();
        let cache = IndexCache::new(2 * ENTRY_BYTES);
        let job = JobId::new("1", 1);
        for number in 0..5 {
            let map = job.task(TaskKind::Map, number).attempt(0);
            let path = dir.path().join(number.to_string());
            let entries =
                vec![crate::ifile::IndexEntry { start: 1, raw_length: 2, part_length: 6 }];
            SpillIndex { entries }.write(&path).unwrap();
            let part = cache.part(&map, 0, Path::new("/file.out"), &path).unwrap();
            assert_eq!((part.start, part.length), (1, 6));
            assert!(cache.part(&map, 1, Path::new("/file.out"), &path).is_err());
            assert!(cache.kept.lock().unwrap().bytes <= 2 * ENTRY_BYTES);
        }
        cache.forget(&job);
        assert_eq!(cache.kept.lock().unwrap().bytes, 0);
    }
}

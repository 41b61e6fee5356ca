//! A reduce fetches from a server on a socket that answers with [`server`]'s logic.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Read, Seek, SeekFrom, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

use loxodon_client::UserIdentity;
use loxodon_conf::Configuration;

use super::server::{IndexCache, ShuffleRequest, authorize};
use super::*;
use crate::fs::FileSystems;
use crate::ifile::{IFileWriter, SpillIndex};
use crate::job::{CompletionStatus, JobId, TaskKind};
use crate::merge::RecordStream;
use crate::task::{Answer, LocalDirs, MapEvent, MapSource, TaskStatus};

const KEY: &[u8] = b"the job's key";
/// Longer than a fetcher waits for bytes that do not come.
const SILENCE: std::time::Duration = std::time::Duration::from_secs(2);

/// How a connection breaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Cut {
    InTheHeader,
    InTheData,
    /// It stays open, and nothing comes any more.
    Silence,
}

/// Map outputs behind a socket; so many answers are damaged first.
struct Server {
    port: u16,
    outputs: HashMap<AttemptId, (PathBuf, PathBuf)>,
    cache: IndexCache,
    damaged: AtomicU32,
    /// How the next connections break, last first.
    cuts: std::sync::Mutex<Vec<Cut>>,
}

impl Server {
    fn answer(&self, stream: TcpStream) -> std::io::Result<()> {
        let mut reader = BufReader::new(stream.try_clone()?);
        let mut line = String::new();
        reader.read_line(&mut line)?;
        let path = line.split(' ').nth(1).unwrap_or_default().to_owned();
        let mut headers = HashMap::new();
        loop {
            let mut line = String::new();
            reader.read_line(&mut line)?;
            let Some((name, value)) = line.trim().split_once(": ") else { break };
            headers.insert(name.to_owned(), value.to_owned());
        }
        let header = |name: &str| headers.get(name).map(String::as_str);
        let request =
            ShuffleRequest::parse("GET", &path, header("name"), header("version")).unwrap();
        let mut stream = stream;
        let cut = self.cuts.lock().unwrap().pop();
        let reply = match authorize(KEY, self.port, &path, header("UrlHash")) {
            Ok(reply) => reply,
            Err(refused) => return write!(stream, "HTTP/1.1 {} No\r\n\r\n", refused.status),
        };
        write!(
            stream,
            "HTTP/1.1 200 OK\r\nname: mapreduce\r\nversion: 1.0.0\r\nReplyHash: {reply}\r\n\r\n"
        )?;
        for map in &request.maps {
            let (file, index) = &self.outputs[map];
            let part = self.cache.part(map, request.reduce, file, index).unwrap();
            let mut bytes = vec![0; part.length as usize];
            let mut file = std::fs::File::open(&part.file)?;
            file.seek(SeekFrom::Start(part.start))?;
            file.read_exact(&mut bytes)?;
            // What follows a damaged segment is not read.
            let first = request.maps.first() == Some(map);
            if first && self.damaged.fetch_update(Relaxed, Relaxed, |n| n.checked_sub(1)).is_ok() {
                bytes[0] ^= 0x20;
            }
            if let Some(cut) = cut {
                let (header, data) = match cut {
                    Cut::InTheHeader => (part.header.len() / 2, 0),
                    _ => (part.header.len(), bytes.len() / 2),
                };
                stream.write_all(&part.header[..header])?;
                stream.write_all(&bytes[..data])?;
                if cut == Cut::Silence {
                    thread::sleep(SILENCE);
                }
                return Ok(());
            }
            stream.write_all(&part.header)?;
            stream.write_all(&bytes)?;
        }
        Ok(())
    }
}

struct Tracker(Vec<MapEvent>);

impl Umbilical for Tracker {
    fn report(&self, _: &TaskStatus) -> Result<Answer> {
        Ok(Answer::Continue)
    }
    fn commit_pending(&self, _: &TaskStatus) -> Result<Answer> {
        Ok(Answer::Continue)
    }
    fn can_commit(&self) -> Result<bool> {
        Ok(true)
    }
    fn done(&self, _: &TaskStatus) -> Result<()> {
        Ok(())
    }
    fn failed(&self, _: &str, _: bool) -> Result<()> {
        Ok(())
    }
    fn map_events(&self, from: usize, most: usize) -> Result<MapEvents> {
        let events = self.0.iter().skip(from).take(most).cloned().collect();
        Ok(MapEvents { events, reset: false })
    }
}

/// Writes maps of two partitions; partition 1 gets the odd numbers.
fn write_maps(
    dir: &Path,
    job: &JobId,
    maps: u32,
    codec: Option<Codec>,
) -> HashMap<AttemptId, (PathBuf, PathBuf)> {
    let write = |map: u32| {
        let (file, index) = (dir.join(format!("{map}.out")), dir.join(format!("{map}.index")));
        let mut writer = IFileWriter::create(file.clone(), codec).unwrap();
        for partition in 0..2 {
            writer.begin_segment().unwrap();
            // Map 0 has nothing, later ones more and more.
            for number in (0..map * 20).filter(|n| n % 2 == partition) {
                let key = u64::from(number * maps + map).to_be_bytes();
                writer.append(&key, &vec![7; number as usize % 50]).unwrap();
            }
            writer.end_segment().unwrap();
        }
        let found: SpillIndex = writer.finish().unwrap();
        found.write(&index).unwrap();
        (job.task(TaskKind::Map, map).attempt(0), (file, index))
    };
    (0..maps).map(write).collect()
}

struct Fetched {
    keys: Result<Vec<u64>>,
    failures: usize,
    counted: crate::counters::Counters,
}

fn fetch(memory: u64, codec: Option<Codec>, damaged: u32, key: &[u8]) -> Fetched {
    fetch_through(memory, codec, (damaged, Vec::new()), key)
}

fn fetch_through(
    memory: u64,
    codec: Option<Codec>,
    (damaged, cuts): (u32, Vec<Cut>),
    key: &[u8],
) -> Fetched {
    let dir = tempfile::tempdir().unwrap();
    let job = JobId::new("1", 1);
    let outputs = write_maps(dir.path(), &job, 30, codec);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let source = MapSource::Http(format!("http://127.0.0.1:{port}"));
    let event = |attempt: &AttemptId| MapEvent {
        attempt: attempt.clone(),
        status: CompletionStatus::Succeeded,
        source: source.clone(),
        run_time: 1,
    };
    let events: Vec<MapEvent> = outputs.keys().map(event).collect();
    // Only a server that says nothing is to be given up.
    let patience = if cuts.contains(&Cut::Silence) { "200" } else { "120000" };
    let (cache, damaged) = (IndexCache::new(100), AtomicU32::new(damaged));
    let cuts = std::sync::Mutex::new(cuts);
    let server = Arc::new(Server { port, outputs, cache, damaged, cuts });
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let server = Arc::clone(&server);
            thread::spawn(move || server.answer(stream));
        }
    });
    let mut conf = Configuration::new();
    conf.set("mapreduce.reduce.memory.totalbytes", &memory.to_string(), "test");
    conf.set("mapreduce.reduce.shuffle.retry-delay.max.ms", "5", "test");
    conf.set("mapreduce.reduce.shuffle.read.timeout", patience, "test");
    let files = FileSystems::new(&conf, UserIdentity::new("somebody")).unwrap();
    let dirs = Arc::new(LocalDirs::new("a reduce", vec![dir.path().join("local")]));
    let settings = ShuffleSettings::of_job(&conf).unwrap();
    let attempt = job.task(TaskKind::Reduce, 1).attempt(0);
    let task = Arc::new(TaskContext::new(attempt, conf, files, dirs).unwrap());
    let shuffle = Shuffle {
        task: Arc::clone(&task),
        umbilical: Arc::new(Tracker(events)),
        maps: 30,
        key: key.to_vec(),
        settings,
        order: KeyOrder::of_class("org.apache.hadoop.io.LongWritable").unwrap(),
        codec,
        combiner: None,
        factor: 3,
    };
    let keys = shuffle.run().and_then(|mut stream| {
        let mut keys = Vec::new();
        while stream.advance()? {
            keys.push(u64::from_be_bytes(stream.record().key.try_into().unwrap()));
        }
        Ok(keys)
    });
    let failures = task.status().fetch_failures.len();
    Fetched { keys, failures, counted: task.counters() }
}

fn expected() -> Vec<u64> {
    let keys = |map: u64| (0..map * 20).filter(|n| n % 2 == 1).map(move |n| n * 30 + map);
    let mut keys: Vec<u64> = (0..30).flat_map(keys).collect();
    keys.sort_unstable();
    keys
}

#[test]
fn everything_is_fetched_whether_it_fits_memory_or_not() {
    for codec in [None, Some(Codec::Zlib), Some(Codec::Snappy)] {
        for memory in [1 << 20, 30_000, 100] {
            let fetched = fetch(memory, codec, 0, KEY);
            assert_eq!(fetched.keys.unwrap(), expected(), "{codec:?} {memory}");
            let task = crate::counters::TASK_GROUP;
            assert_eq!(fetched.counted.get(task, "SHUFFLED_MAPS"), 30);
            assert_eq!(fetched.counted.get(task, "FAILED_SHUFFLE"), 0);
        }
    }
}

#[test]
fn a_damaged_segment_is_reported_and_fetched_again() {
    for memory in [1 << 20, 100] {
        let fetched = fetch(memory, None, 3, KEY);
        assert_eq!(fetched.keys.unwrap(), expected());
        assert_eq!(fetched.failures, 3);
    }
}

#[test]
fn a_wrong_key_fails_the_reduce_with_the_servers_answer() {
    let error = fetch(1 << 20, None, 0, b"another key").keys.unwrap_err();
    assert_eq!(*error.kind(), ErrorKind::Shuffle);
    assert!(error.message().contains("Got invalid response code 401"), "{error}");
}

#[test]
fn what_a_broken_connection_did_not_bring_is_fetched_again() {
    for memory in [1 << 20, 100] {
        for cut in [Cut::InTheHeader, Cut::InTheData, Cut::Silence] {
            let fetched = fetch_through(memory, None, (0, vec![cut; 2]), KEY);
            assert_eq!(fetched.keys.unwrap(), expected(), "{cut:?} {memory}");
            let failed = fetched.counted.get(crate::counters::TASK_GROUP, "FAILED_SHUFFLE");
            assert!(failed >= 2, "{cut:?} {memory}: {failed}");
        }
    }
}

//! One thread that copies map outputs (Hadoop's `Fetcher`).

use std::fs::File;
use std::io::{self, Read, Write};
use std::sync::Arc;
use std::time::Duration;

use super::http::{self, Server};
use super::merger::{Place, whole_file};
use super::scheduler::{Batch, Failure, Next};
use super::security::{NAME, REPLY_HASH, URL_HASH, VERSION, message, sign, verify};
use super::{Copies, ShuffleHeader};
use crate::counters::SHUFFLE_ERRORS_GROUP;
use crate::error::{Error, ErrorKind, Result};
use crate::ifile::{Segment, SpillIndex};
use crate::job::AttemptId;
use crate::task::{MapSource, now};

/// Bytes copied at once.
const COPY_BYTES: usize = 64 << 10;
/// Milliseconds to stay away from a server that has too much to do and says no time.
const BUSY_PAUSE: i64 = 1000;

/// Why a batch ended before all of it was copied.
enum Trouble {
    /// No segment is to blame: what is left is asked for again.
    PutBack,
    /// The server asks to be left alone so long.
    Busy(i64),
    /// These maps failed.
    Failed(Failure, Error),
    /// The reduce cannot go on: its own disk, or a merge.
    Local(Error),
}

impl Trouble {
    fn request(error: &io::Error, what: &str) -> Self {
        Self::Failed(Failure::Request, Error::system(what, error))
    }
}

/// Fetches until everything is here or the shuffle ends.
pub(crate) fn run(copies: &Copies) {
    while copies.merger.await_room() {
        copies.task.note_processor_time();
        match copies.next() {
            Next::Done => return,
            Next::Wait(until) => {
                if !copies.pause(until) {
                    return;
                }
            }
            Next::Fetch(batch) => fetch(copies, batch),
        }
    }
}

fn fetch(copies: &Copies, batch: Batch) {
    let Batch { host, source, maps } = batch;
    let mut left = maps;
    let trouble = match &source {
        MapSource::Http(url) => from_server(copies, url, &host, &mut left),
        MapSource::Files { file, index } => from_files(copies, file, index, &host, &mut left),
    };
    let Err(trouble) = trouble else {
        copies.free(&host, left);
        return;
    };
    match trouble {
        Trouble::PutBack => copies.free(&host, left),
        Trouble::Busy(delay) => {
            copies.scheduler().penalize(&host, delay, now());
            copies.free(&host, left);
        }
        Trouble::Local(error) => {
            copies.fail(error);
            copies.free(&host, left);
        }
        Trouble::Failed(how, error) => {
            tracing::warn!(%host, error = %error, "map outputs could not be copied");
            // A segment that broke off is one map's failure, a refused request that of all.
            let blamed = if how == Failure::Read { left.len().min(1) } else { left.len() };
            let rest = left.split_off(blamed);
            for map in left {
                copies.copy_failed(map, &host, how, &error);
            }
            copies.free(&host, rest);
        }
    }
}

fn error_counter(copies: &Copies, name: &str) {
    // Too many counters of the job's own are reported where the job counts them.
    if let Ok(counter) = copies.task.counter(SHUFFLE_ERRORS_GROUP, name) {
        counter.add(1);
    }
}

/// Copies from a shuffle server. Maps are taken off `left` as they come; a failed one is the first of what is left.
fn from_server(
    copies: &Copies,
    url: &str,
    host: &str,
    left: &mut Vec<AttemptId>,
) -> Result<(), Trouble> {
    let Some(server) = Server::parse(url) else {
        let error = Error::argument(format!("{url} is no address of a shuffle server"));
        return Err(Trouble::Failed(Failure::Request, error));
    };
    let settings = &copies.settings;
    let stream = http::connect(&server, settings.connect_timeout, settings.read_timeout);
    let stream = stream.map_err(|e| {
        error_counter(copies, "CONNECTION");
        error_counter(copies, "IO_ERROR");
        Trouble::Failed(Failure::Connect, Error::system(format_args!("connecting to {url}"), &e))
    })?;
    let reduce = copies.task.attempt().task.number;
    let maps: Vec<String> = left.iter().map(ToString::to_string).collect();
    let job = copies.task.attempt().job();
    let path = format!("/mapOutput?job={job}&reduce={reduce}&map={}", maps.join(","));
    let signature = sign(&copies.key, &message(server.port, &path));
    let headers = [(URL_HASH, signature.as_str()), NAME, VERSION];
    let answer = http::get(stream, &server, &path, &headers).map_err(|e| {
        error_counter(copies, "IO_ERROR");
        Trouble::request(&e, &format!("asking {url} for map outputs"))
    })?;
    check_answer(copies, &answer, url, &signature)?;
    let mut body = answer.body;
    while !left.is_empty() {
        copy_one(copies, &mut body, host, reduce, left)?;
    }
    Ok(())
}

fn check_answer(
    copies: &Copies,
    answer: &http::Answer,
    url: &str,
    signature: &str,
) -> Result<(), Trouble> {
    let refused = |text: String| Trouble::Failed(Failure::Request, Error::io(text));
    if answer.status == 429 {
        let pause = answer.header("Retry-After").and_then(|t| t.parse().ok());
        return Err(Trouble::Busy(pause.filter(|t| *t >= 0).unwrap_or(BUSY_PAUSE)));
    }
    if answer.status != 200 {
        error_counter(copies, "IO_ERROR");
        let (status, reason) = (answer.status, &answer.reason);
        return Err(refused(format!("Got invalid response code {status} from {url}: {reason}")));
    }
    if answer.header(NAME.0) != Some(NAME.1) || answer.header(VERSION.0) != Some(VERSION.1) {
        return Err(refused(format!("Incompatible shuffle response version from {url}")));
    }
    match answer.header(REPLY_HASH) {
        None => Err(refused(format!("security validation of TT Map output failed: {url}"))),
        Some(reply) if !verify(&copies.key, signature, reply) => {
            Err(refused(format!("Verification of the hashReply failed: {url}")))
        }
        Some(_) => Ok(()),
    }
}

/// The header of the next output, which becomes the first of what is left.
fn next_header(
    copies: &Copies,
    body: &mut http::Body,
    reduce: u32,
    left: &mut [AttemptId],
) -> Result<ShuffleHeader, Trouble> {
    let broken = |counter: &str, error: Error| {
        error_counter(copies, counter);
        Trouble::Failed(Failure::Read, error)
    };
    let header = ShuffleHeader::read(|| {
        let mut byte = [0];
        body.read_exact(&mut byte)?;
        Ok(byte.first().copied().unwrap_or(0))
    });
    let header = header.map_err(|e| {
        let id = *e.kind() == ErrorKind::IllegalArgument;
        broken(if id { "BAD_ID" } else { "IO_ERROR" }, e.during("reading a shuffle header"))
    })?;
    let Some(position) = left.iter().position(|map| map.to_string() == header.map) else {
        let text = format!("Invalid map-output! Received output for {}", header.map);
        return Err(broken("WRONG_MAP", Error::io(text)));
    };
    left.swap(0, position);
    if header.reduce != reduce {
        let text = format!("data for the wrong reduce {} -> reduce {reduce}", header.reduce);
        return Err(broken("WRONG_REDUCE", Error::io(text)));
    }
    if header.part_length < 6 || header.raw_length < 2 {
        let text = format!("invalid lengths of {}: {header:?}", header.map);
        return Err(broken("WRONG_LENGTH", Error::io(text)));
    }
    Ok(header)
}

fn copy_one(
    copies: &Copies,
    body: &mut http::Body,
    host: &str,
    reduce: u32,
    left: &mut Vec<AttemptId>,
) -> Result<(), Trouble> {
    let header = next_header(copies, body, reduce, left)?;
    let mut from = body.take(header.part_length);
    let copied = match copies.merger.reserve(header.raw_length) {
        None => return Err(Trouble::PutBack),
        Some(Place::Memory) => into_memory(copies, &mut from, &header).map_err(|e| {
            copies.merger.release(header.raw_length);
            error_counter(copies, "IO_ERROR");
            Trouble::Failed(Failure::Read, e)
        })?,
        Some(Place::Disk) => onto_disk(copies, &mut from, &header)?,
    };
    arrived(copies, left, host, header.part_length, copied);
    Ok(())
}

/// A map output that is here.
enum Copied {
    Memory(Vec<u8>),
    Disk(Segment),
}

/// The first of what is left is here: it is kept, unless another attempt of it came before.
fn arrived(copies: &Copies, left: &mut Vec<AttemptId>, host: &str, bytes: u64, copied: Copied) {
    let map = left.remove(0);
    match (copies.succeeded(&map, host, bytes), copied) {
        (true, Copied::Memory(bytes)) => {
            copies.merger.add_memory(Arc::from(map.to_string()), bytes);
            copies.kept();
        }
        (true, Copied::Disk(segment)) => {
            copies.merger.add_disk(segment);
            copies.kept();
        }
        (false, Copied::Memory(bytes)) => copies.merger.release(bytes.len() as u64),
        (false, Copied::Disk(_)) => {}
    }
}

fn into_memory(
    copies: &Copies,
    from: &mut (impl Read + Send),
    header: &ShuffleHeader,
) -> Result<Copied> {
    let wrong =
        |what: &str| Error::new(ErrorKind::Checksum, format!("map output {}: {what}", header.map));
    let data = header.part_length - 4;
    if copies.codec.is_none() && data != header.raw_length {
        return Err(wrong("its lengths contradict each other"));
    }
    let mut summed = Summing { from: from.take(data), sum: crc32fast::Hasher::new() };
    let mut bytes = Vec::with_capacity(usize::try_from(header.raw_length).unwrap_or(0));
    match copies.codec {
        None => {
            summed.read_to_end(&mut bytes)?;
        }
        Some(codec) => {
            codec.decompress(&mut summed)?.take(header.raw_length + 1).read_to_end(&mut bytes)?;
            io::copy(&mut summed, &mut io::sink())?;
        }
    }
    let sum = summed.sum.finalize();
    let mut stored = [0; 4];
    from.read_exact(&mut stored)?;
    if u32::from_be_bytes(stored) != sum {
        return Err(wrong("Checksum Error"));
    }
    if bytes.len() as u64 != header.raw_length {
        return Err(wrong("it is not as long as it should be"));
    }
    Ok(Copied::Memory(bytes))
}

/// Adds up what is read.
struct Summing<R> {
    from: R,
    sum: crc32fast::Hasher,
}

impl<R: Read> Read for Summing<R> {
    fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
        let count = self.from.read(to)?;
        self.sum.update(to.get(..count).unwrap_or_default());
        Ok(count)
    }
}

fn onto_disk(
    copies: &Copies,
    from: &mut impl Read,
    header: &ShuffleHeader,
) -> Result<Copied, Trouble> {
    let path = copies.merger.file("map", header.part_length).map_err(Trouble::Local)?;
    let local = |e: io::Error| {
        Trouble::Local(Error::system(format_args!("writing {}", path.display()), &e))
    };
    let mut file = File::create(&path).map_err(local)?;
    let mut left = header.part_length;
    let mut buffer = vec![0; COPY_BYTES];
    let mut sum = crc32fast::Hasher::new();
    while left > 4 {
        let most = usize::try_from(left - 4).unwrap_or(usize::MAX).min(buffer.len());
        let room = buffer.get_mut(..most).unwrap_or_default();
        let read = from
            .read(room)
            .and_then(|n| if n == 0 { Err(io::ErrorKind::UnexpectedEof.into()) } else { Ok(n) });
        let count = read.map_err(|e| {
            error_counter(copies, "IO_ERROR");
            let what = format!("copying map output {}", header.map);
            Trouble::Failed(Failure::Read, Error::system(what, &e))
        })?;
        let bytes = buffer.get(..count).unwrap_or_default();
        sum.update(bytes);
        file.write_all(bytes).map_err(local)?;
        left -= count as u64;
    }
    let mut stored = [0; 4];
    let read = from.read_exact(&mut stored);
    if read.is_err() || u32::from_be_bytes(stored) != sum.finalize() {
        error_counter(copies, "IO_ERROR");
        let text = format!("map output {}: Checksum Error", header.map);
        return Err(Trouble::Failed(Failure::Read, Error::new(ErrorKind::Checksum, text)));
    }
    file.write_all(&stored).map_err(local)?;
    Ok(Copied::Disk(whole_file(path, header.raw_length, header.part_length, copies.codec)))
}

/// Takes outputs of this machine: small ones into memory, large ones where they lie.
fn from_files(
    copies: &Copies,
    file: &std::path::Path,
    index: &std::path::Path,
    host: &str,
    left: &mut Vec<AttemptId>,
) -> Result<(), Trouble> {
    let reduce = copies.task.attempt().task.number;
    let read = |e: Error| Trouble::Failed(Failure::Read, e);
    let index = SpillIndex::read(index).map_err(read)?;
    let Some(place) = index.entries.get(reduce as usize).copied() else {
        let text = format!("{}: no partition {reduce}", file.display());
        return Err(read(Error::argument(text)));
    };
    while let Some(map) = left.first().map(ToString::to_string) {
        let copied = match copies.merger.reserve(place.raw_length) {
            None => return Err(Trouble::PutBack),
            Some(Place::Memory) => {
                let (part_length, raw_length) = (place.part_length, place.raw_length);
                let header = ShuffleHeader { map, part_length, raw_length, reduce };
                from_file(copies, file, place.start, &header).map_err(|e| {
                    copies.merger.release(raw_length);
                    read(e)
                })?
            }
            Some(Place::Disk) => Copied::Disk(Segment::Disk {
                path: file.to_owned(),
                place,
                codec: copies.codec,
                remove: false,
                from_map: true,
            }),
        };
        arrived(copies, left, host, place.part_length, copied);
    }
    Ok(())
}

/// Takes one output of this machine into memory.
fn from_file(
    copies: &Copies,
    file: &std::path::Path,
    start: u64,
    header: &ShuffleHeader,
) -> Result<Copied> {
    let open = || {
        let mut opened = File::open(file)?;
        io::Seek::seek(&mut opened, io::SeekFrom::Start(start))?;
        Ok(opened)
    };
    let opened = open()
        .map_err(|e: io::Error| Error::system(format_args!("opening {}", file.display()), &e));
    into_memory(copies, &mut opened?, header)
}

/// How long a fetcher waits for news at most.
pub(crate) const IDLE: Duration = Duration::from_millis(1000);

//! Runs a command beside a task: records go in, records come out (`PipeMapRed` and what is made of it).

use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::OwnedFd;
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, ChildStdin, ChildStdout, ExitStatus};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use loxodon_conf::Configuration;
use rustix::event::{PollFd, PollFlags, Timespec, poll};

use super::command;
use super::errors::Listener;
use super::form::{Decoder, Encoder, Form};
use crate::error::{Error, ErrorKind, Result};
use crate::io::writable::{Datum, Kind};
use crate::settings::Settings;
use crate::task::{
    Collector, Groups, MapInput, MapRunner, ReduceRunner, TaskContext, map_output_classes,
};

/// Bytes gathered before they are written to a command.
const BUFFER: usize = 1 << 17;
/// Between two looks at whether the task is to go on while a command says nothing.
const LOOK: Duration = Duration::from_millis(200);
/// Between two notes of how many records passed.
const NOTE: Duration = Duration::from_secs(10);

/// The keys of a job that say how a command is spoken to.
struct Side {
    command: Option<String>,
    encoder: Encoder,
    form: Form,
    separator: Vec<u8>,
    fields: usize,
}

impl Side {
    /// `side` is `map` or `reduce`; the command may be another one's (a combiner's).
    fn of_job(conf: &Configuration, side: &str, command: &str) -> Result<Self> {
        let separator = |which: &str| {
            let key = format!("stream.{side}.{which}.field.separator");
            let text = conf.get(&key)?.unwrap_or_else(|| "\t".into());
            Ok::<_, Error>(text.into_bytes())
        };
        let fields = conf.get_int(&format!("stream.num.{side}.output.key.fields"), 1)?;
        let command = conf.get(&format!("stream.{command}.streamprocessor"))?;
        Ok(Self {
            command: command.map(|encoded| decode(&encoded)),
            encoder: Encoder {
                form: Form::of_job(conf, &format!("stream.{side}.input.writer.class"))?,
                separator: separator("input")?,
                ignore_key: false,
                kinds: (None, None),
            },
            form: Form::of_job(conf, &format!("stream.{side}.output.reader.class"))?,
            separator: separator("output")?,
            fields: usize::try_from(fields).unwrap_or(1),
        })
    }
}

/// `URLEncoder.encode`: a job's configuration has its commands in this form.
pub(super) fn encode(text: &str) -> String {
    let mut to = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b' ' => to.push('+'),
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'.' | b'-' | b'*' | b'_' => {
                to.push(char::from(byte));
            }
            other => to.push_str(&format!("%{other:02X}")),
        }
    }
    to
}

/// `URLDecoder.decode`; a percent sign that begins nothing stands for itself.
fn decode(text: &str) -> String {
    let mut rest = text.as_bytes();
    let mut to = Vec::with_capacity(text.len());
    while let Some((byte, after)) = rest.split_first() {
        rest = after;
        let digits = after.get(..2).and_then(|two| std::str::from_utf8(two).ok());
        match (byte, digits.and_then(|two| u8::from_str_radix(two, 16).ok())) {
            (b'+', _) => to.push(b' '),
            (b'%', Some(value)) => {
                to.push(value);
                rest = after.get(2..).unwrap_or_default();
            }
            _ => to.push(*byte),
        }
    }
    String::from_utf8_lossy(&to).into_owned()
}

/// What the threads beside a command know of each other.
#[derive(Default)]
struct Passed {
    read: AtomicU64,
    written: AtomicU64,
    /// The command gets no more input because something failed.
    failed: AtomicBool,
    has_status: AtomicBool,
}

/// The way into a command.
struct Feed<'a> {
    to: ChildStdin,
    buffer: Vec<u8>,
    encoder: Encoder,
    passed: &'a Passed,
    /// Records that a command must have written before it may end without reading all.
    enough: u64,
    flush_each: bool,
    /// The command has ended; what is left is passed over.
    closed: bool,
}

impl<'a> Feed<'a> {
    fn new(
        to: ChildStdin,
        conf: &Configuration,
        encoder: Encoder,
        passed: &'a Passed,
    ) -> Result<Self> {
        let enough = conf.get_int("stream.minRecWrittenToEnableSkip_", i64::MAX)?;
        Ok(Self {
            to,
            buffer: Vec::with_capacity(BUFFER.saturating_mul(2)),
            encoder,
            passed,
            enough: u64::try_from(enough).unwrap_or(u64::MAX),
            flush_each: conf.get_bool("mapreduce.job.skiprecords", false)?,
            closed: false,
        })
    }

    #[inline]
    fn record(&mut self, key: Datum<'_>, value: Datum<'_>) -> Result<()> {
        let read = self.passed.read.load(Ordering::Relaxed);
        self.passed.read.store(read.wrapping_add(1), Ordering::Relaxed);
        if self.closed {
            return Ok(());
        }
        self.encoder.record(key, value, &mut self.buffer)?;
        if self.buffer.len() >= BUFFER || self.flush_each { self.send() } else { Ok(()) }
    }

    #[cold]
    fn send(&mut self) -> Result<()> {
        let sent = self.to.write_all(&self.buffer);
        self.buffer.clear();
        match sent {
            Err(_) if self.passed.written.load(Ordering::Relaxed) >= self.enough => {
                self.closed = true;
                Ok(())
            }
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {
                Err(Error::io("Broken pipe"))
            }
            other => other.map_err(|e| Error::system("writing to the command", &e)),
        }
    }

    /// What is left may be unwanted: a command need not read its last bytes.
    fn finish(mut self) {
        let _ = self.to.write_all(&self.buffer);
    }
}

/// The way out of a command: ends early where the task is to end, or the command is gone and somebody else holds
/// its output open.
struct Output<'a> {
    from: File,
    task: &'a TaskContext,
    passed: &'a Passed,
    child: &'a mut Child,
    /// How long output may come after the command has ended; `None`: for ever.
    join_delay: Option<Duration>,
    ended: Option<Instant>,
}

impl<'a> Output<'a> {
    fn new(
        from: ChildStdout,
        task: &'a TaskContext,
        passed: &'a Passed,
        child: &'a mut Child,
    ) -> Result<Self> {
        let delay = task.conf().get_int("stream.joindelay.milli", 0)?;
        let delay = Duration::from_millis(u64::try_from(delay).unwrap_or(0));
        let join_delay = Some(delay).filter(|delay| !delay.is_zero());
        let from = File::from(OwnedFd::from(from));
        Ok(Self { from, task, passed, child, join_delay, ended: None })
    }

    fn look(&mut self) -> io::Result<bool> {
        if self.task.check().is_err() || self.passed.failed.load(Ordering::Relaxed) {
            return Err(io::Error::other("the task is to end"));
        }
        let Some(delay) = self.join_delay else { return Ok(true) };
        if self.ended.is_none() && self.child.try_wait()?.is_some() {
            self.ended = Some(Instant::now());
        }
        Ok(self.ended.is_none_or(|ended| ended.elapsed() < delay))
    }
}

impl Read for Output<'_> {
    fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
        let pause = Timespec { tv_sec: 0, tv_nsec: i64::from(LOOK.subsec_nanos()) };
        loop {
            let mut waits = [PollFd::new(&self.from, PollFlags::IN)];
            match poll(&mut waits, Some(&pause)) {
                Ok(0) => {
                    if !self.look()? {
                        return Ok(0);
                    }
                }
                Ok(_) => return self.from.read(to),
                Err(rustix::io::Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }
}

/// Runs a command: `feed` writes to it, what it writes goes to `collector`. Where `feed` never had a record for a
/// reduce, the output goes nowhere.
fn run(
    line: &str,
    side: Side,
    task: &TaskContext,
    mut collector: Collector<'_>,
    is_map: bool,
    feed: impl FnOnce(&mut Feed<'_>, &dyn Fn()) -> Result<()> + Send,
) -> Result<()> {
    let conf = task.conf();
    let fails = conf.get_bool("stream.non.zero.exit.is.failure", true)?;
    let passed = Passed::default();
    let listener = Listener::new(task, conf, &passed.has_status)?;
    let mut child = command::start(line, conf)?;
    let taken = (child.stdin.take(), child.stdout.take(), child.stderr.take());
    let (Some(stdin), Some(stdout), Some(stderr)) = taken else {
        return Err(Error::io("the command has no streams"));
    };
    let mut way_in = Feed::new(stdin, conf, side.encoder.clone(), &passed)?;
    let (begun, first) = mpsc::sync_channel(1);
    let ran = thread::scope(|scope| {
        let feeder = scope.spawn(move || {
            let fed = feed(&mut way_in, &|| begin(&begun));
            if fed.is_err() {
                way_in.passed.failed.store(true, Ordering::Relaxed);
            } else {
                way_in.finish();
            }
            fed
        });
        let listening = scope.spawn(|| listener.listen(stderr, io::stderr()));
        // Without a record nobody sends, and the other end is gone.
        let wanted = is_map || first.recv().is_ok();
        let output = Output::new(stdout, task, &passed, &mut child);
        let collected = output.and_then(|output| {
            collect(output, &side, task, &passed, wanted.then_some(&mut collector))
        });
        if collected.is_err() {
            passed.failed.store(true, Ordering::Relaxed);
            // It may have ended by itself.
            let _ = child.kill();
        }
        let fed = feeder.join().unwrap_or_else(|_| Err(Error::io("a thread panicked")));
        if fed.is_err() && !is_broken_pipe(&fed) {
            let _ = child.kill();
        }
        let status = child.wait().map_err(|e| Error::system("waiting for the command", &e));
        let heard = listening.join().unwrap_or_else(|_| Err(Error::io("a thread panicked")));
        (collected, fed, heard, status)
    });
    judge(ran, task, fails)
}

/// Only the first time counts; nobody may listen any more.
fn begin(to: &mpsc::SyncSender<()>) {
    let _ = to.try_send(());
}

fn is_broken_pipe(fed: &Result<()>) -> bool {
    matches!(fed, Err(error) if error.message() == "Broken pipe")
}

/// Which of several failures is the one to tell of.
fn judge(
    (collected, fed, heard, status): (Result<()>, Result<()>, Result<()>, Result<ExitStatus>),
    task: &TaskContext,
    fails: bool,
) -> Result<()> {
    task.check()?;
    heard?;
    let (status, broken) = (status?, is_broken_pipe(&fed));
    if !broken {
        fed?;
        collected?;
    }
    // As Java counts: a signal is 128 and its number.
    let code = status.code().or_else(|| status.signal().map(|s| s.saturating_add(128)));
    match code.unwrap_or(-1) {
        0 if broken => Err(Error::io("subprocess exited successfully\nBroken pipe")),
        0 => Ok(()),
        code if fails => {
            let text =
                format!("PipeMapRed.waitOutputThreads(): subprocess failed with code {code}");
            Err(Error::new(ErrorKind::Runtime, text))
        }
        code if broken => {
            Err(Error::io(format!("subprocess exited with error code {code}\nBroken pipe")))
        }
        code => {
            tracing::info!(code, "the command's exit code is no failure");
            Ok(())
        }
    }
}

/// Takes all records that a command writes.
fn collect(
    output: Output<'_>,
    side: &Side,
    task: &TaskContext,
    passed: &Passed,
    mut collector: Option<&mut Collector<'_>>,
) -> Result<()> {
    let mut decoder = Decoder::new(side.form, output, &side.separator, side.fields)?;
    let (mut written, mut noted) = (0_u64, Instant::now());
    while decoder.advance()? {
        if let Some(collector) = &mut collector {
            collector.write_datum(decoder.key(), decoder.value())?;
        }
        written = written.wrapping_add(1);
        if written.is_multiple_of(1024) {
            passed.written.store(written, Ordering::Relaxed);
            if noted.elapsed() > NOTE {
                noted = Instant::now();
                let read = passed.read.load(Ordering::Relaxed);
                match passed.has_status.load(Ordering::Relaxed) {
                    true => task.alive(),
                    false => task.set_state(format!("Records R/W={read}/{written}")),
                }
            }
        }
    }
    passed.written.store(written, Ordering::Relaxed);
    Ok(())
}

/// A map that is a command.
#[derive(Debug, Default)]
pub struct PipeMapper;

const TEXT_INPUT: &str = "org.apache.hadoop.mapred.TextInputFormat";

impl MapRunner for PipeMapper {
    fn run(
        &mut self,
        input: &mut MapInput<'_>,
        output: Collector<'_>,
        task: &TaskContext,
    ) -> Result<()> {
        let conf = task.conf();
        let mut side = Side::of_job(conf, "map", "map")?;
        if side.encoder.form == Form::Text {
            let format = conf.get_text("mapred.input.format.class")?;
            let is_text = format.as_deref().unwrap_or(TEXT_INPUT) == TEXT_INPUT;
            side.encoder.ignore_key = conf.get_bool("stream.map.input.ignoreKey", is_text)?;
        }
        let Some(line) = side.command.take() else {
            return Err(Error::argument("stream.map.streamprocessor is not set"));
        };
        run(&line, side, task, output, true, |feed, _| {
            while input.advance()? {
                if feed.passed.failed.load(Ordering::Relaxed) {
                    return Ok(());
                }
                if let (None, Some((key, value))) = (feed.encoder.kinds.0, input.classes()) {
                    feed.encoder.kinds = (Kind::of_class(key), Kind::of_class(value));
                }
                feed.record(input.key(), input.value())?;
            }
            Ok(())
        })
    }
}

/// A reduce that is a command, or passes everything on where there is none.
#[derive(Debug)]
pub struct PipeReducer {
    command: &'static str,
}

impl PipeReducer {
    /// The job's reducer.
    pub fn reducer() -> Self {
        Self { command: "reduce" }
    }

    /// The job's combiner.
    pub fn combiner() -> Self {
        Self { command: "combine" }
    }
}

impl ReduceRunner for PipeReducer {
    fn run(
        &mut self,
        groups: &mut Groups<'_>,
        output: Collector<'_>,
        task: &TaskContext,
    ) -> Result<()> {
        let conf = task.conf();
        let mut side = Side::of_job(conf, "reduce", self.command)?;
        let (key, value) = map_output_classes(conf)?;
        side.encoder.kinds = (Kind::of_class(&key), Kind::of_class(&value));
        let line = side.command.take().filter(|line| line != super::job::NONE);
        let Some(line) = line else {
            return crate::builtin::pass_groups(groups, output, side.encoder.kinds);
        };
        run(&line, side, task, output, false, |feed, begin| {
            while let Some((_, mut values)) = groups.next_group()? {
                begin();
                while values.advance()? {
                    if feed.passed.failed.load(Ordering::Relaxed) {
                        return Ok(());
                    }
                    let (key, value) = (values.key(), values.value());
                    feed.record(Datum::Serialized(key), Datum::Serialized(value))?;
                }
            }
            Ok(())
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_are_kept_in_a_form_of_urls() {
        let line = "awk '{print $1\"\\t\"1}' 100% a+b é";
        let encoded = encode(line);
        assert!(encoded.starts_with("awk+%27%7Bprint+%241%22%5Ct%221%7D%27+100%25+a%2Bb+%C3%A9"));
        assert_eq!(decode(&encoded), line);
        assert_eq!(decode("50%"), "50%");
        assert_eq!(decode("%zz%4"), "%zz%4");
    }
}

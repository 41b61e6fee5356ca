//! `randomwriter` and `randomtextwriter`: as many bytes as wanted, of no meaning.

use std::time::Instant;

use loxodon_conf::Configuration;
use loxodon_console::{eprintln, println};

use super::launch::{Launch, usage};
use crate::error::{Error, Result};
use crate::fs::FileSystems;
use crate::input::{FileSplit, InputFormat, InputSplit, RecordReader};
use crate::io::writable::{BytesWritable, Datum, Text, Writable};
use crate::output::output_path;
use crate::settings::Settings;
use crate::task::{Collector, MapInput, MapRunner, TaskContext};

/// Splits of files that are not there, one for each map (`RandomWriter.RandomInputFormat`).
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct RandomInputFormat;

impl InputFormat for RandomInputFormat {
    fn splits(&self, job: &Configuration, files: &FileSystems) -> Result<Vec<InputSplit>> {
        let output = output_path(job, files)?;
        let output = output.ok_or_else(|| Error::argument("there is no output directory"))?;
        let split = |number| {
            let path = output.child(&format!("dummy-split-{number}"));
            InputSplit::File(FileSplit { path, start: 0, length: 1, hosts: Vec::new() })
        };
        Ok((0..job.get_int("mapreduce.job.maps", 1)?).map(split).collect())
    }

    fn open(
        &self,
        split: &InputSplit,
        _: &Configuration,
        _: &FileSystems,
    ) -> Result<Box<dyn RecordReader>> {
        let InputSplit::File(split) = split else {
            return Err(Error::io(format!("{} is no stretch of a file", split.class())));
        };
        Ok(Box::new(Name { name: split.path.name().to_owned(), given: false }))
    }
}

struct Name {
    name: String,
    given: bool,
}

impl RecordReader for Name {
    fn advance(&mut self) -> Result<bool> {
        Ok(!std::mem::replace(&mut self.given, true))
    }

    fn key(&self) -> Datum<'_> {
        Datum::Text(self.name.as_bytes())
    }

    fn value(&self) -> Datum<'_> {
        Datum::Text(b"")
    }

    fn progress(&self) -> f32 {
        0.0
    }

    fn bytes_read(&self) -> u64 {
        0
    }
}

/// Which of the two programs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Random {
    /// Bytes.
    Bytes,
    /// Sentences.
    Text,
}

impl Random {
    fn prefix(self) -> &'static str {
        match self {
            Self::Bytes => "mapreduce.randomwriter",
            Self::Text => "mapreduce.randomtextwriter",
        }
    }

    /// Keys and defaults: least and most of a key, least and most of a value.
    fn sizes(self) -> [(&'static str, i64); 4] {
        match self {
            Self::Bytes => {
                [("minkey", 10), ("maxkey", 1000), ("minvalue", 0), ("maxvalue", 20_000)]
            }
            Self::Text => [
                ("minwordskey", 5),
                ("maxwordskey", 10),
                ("minwordsvalue", 10),
                ("maxwordsvalue", 100),
            ],
        }
    }

    fn append(self, random: &mut fastrand::Rng, size: u64, to: &mut Vec<u8>) {
        match self {
            Self::Bytes => {
                let length = usize::try_from(size).unwrap_or(0);
                to.resize(length, 0);
                random.fill(to);
            }
            Self::Text => (0..size).for_each(|_| {
                append_word(random.u32(0..1000), to);
                to.push(b' ');
            }),
        }
    }
}

/// One of a thousand words: three syllables of ten.
fn append_word(number: u32, to: &mut Vec<u8>) {
    const SYLLABLES: [&[u8]; 10] =
        [b"ba", b"cor", b"de", b"fin", b"go", b"lu", b"mi", b"nar", b"pe", b"sto"];
    for place in [100, 10, 1] {
        let at = (number / place % 10) as usize;
        to.extend_from_slice(SYLLABLES.get(at).copied().unwrap_or_default());
    }
}

/// Writes until there are bytes enough (`RandomWriter.RandomMapper`, `RandomTextWriter.RandomTextMapper`).
pub(super) struct RandomMapper(pub(super) Random);

impl MapRunner for RandomMapper {
    fn run(
        &mut self,
        input: &mut MapInput<'_>,
        mut output: Collector<'_>,
        task: &TaskContext,
    ) -> Result<()> {
        let (kind, conf) = (self.0, task.conf());
        let prefix = kind.prefix();
        let mut left = conf.get_int(&format!("{prefix}.bytespermap"), 1 << 30)?;
        let mut sizes = [0_u64; 4];
        for (to, (name, default)) in sizes.iter_mut().zip(kind.sizes()) {
            *to = u64::try_from(conf.get_int(&format!("{prefix}.{name}"), default)?).unwrap_or(0);
        }
        let [min_key, max_key, min_value, max_value] = sizes;
        let class = if kind == Random::Bytes { "RandomWriter" } else { "RandomTextWriter" };
        let group = format!("org.apache.hadoop.examples.{class}$Counters");
        let records = task.counter(&group, "RECORDS_WRITTEN")?;
        let bytes = task.counter(&group, "BYTES_WRITTEN")?;
        let mut random = fastrand::Rng::new();
        let (mut key, mut value, mut items) = (Vec::new(), Vec::new(), 0_u64);
        while input.advance()? {
            while left > 0 {
                key.clear();
                value.clear();
                let size = random.u64(min_key..max_key.max(min_key.saturating_add(1)));
                kind.append(&mut random, size, &mut key);
                let size = random.u64(min_value..max_value.max(min_value.saturating_add(1)));
                kind.append(&mut random, size, &mut value);
                match kind {
                    Random::Bytes => output.write_datum(Datum::Bytes(&key), Datum::Bytes(&value)),
                    Random::Text => output.write_datum(Datum::Text(&key), Datum::Text(&value)),
                }?;
                let length = key.len().saturating_add(value.len()) as i64;
                // Records of nothing would never be enough.
                left = left.saturating_sub(length.max(1));
                bytes.add(length);
                records.add(1);
                items = items.wrapping_add(1);
                if items.is_multiple_of(200) {
                    task.check()?;
                    task.set_state(format!("wrote record {items}. {left} bytes left."));
                }
            }
        }
        task.set_state(format!("done with {items} records."));
        Ok(())
    }
}

/// `randomwriter <out-dir>`, `randomtextwriter [-outFormat <output format class>] <output>`
pub(super) fn random_writer(launch: &Launch, kind: Random) -> Result<i32> {
    let mut format = "org.apache.hadoop.mapreduce.lib.output.SequenceFileOutputFormat";
    let arguments: Vec<&str> = launch.arguments.iter().map(String::as_str).collect();
    let output = match (kind, arguments.as_slice()) {
        (Random::Text, ["-outFormat", class, output, ..]) => {
            format = class;
            output
        }
        (_, [output, ..]) if !output.starts_with('-') => output,
        (Random::Bytes, _) => return Ok(usage("Usage: writer <out-dir>")),
        (Random::Text, _) => {
            return Ok(usage("randomtextwriter [-outFormat <output format class>] <output>"));
        }
    };
    let prefix = kind.prefix();
    let name = if kind == Random::Bytes { "random-writer" } else { "random-text-writer" };
    let mut job = launch.job(name)?;
    let per_map_key = format!("{prefix}.bytespermap");
    let per_map = job.conf.get_int(&per_map_key, 1 << 30)?;
    if per_map <= 0 {
        eprintln!("Cannot have {per_map_key} set to {per_map}");
        return Ok(-2);
    }
    let per_host = job.conf.get_int(&format!("{prefix}.mapsperhost"), 10)?;
    let hosts = super::cluster_size(&job)?.0;
    let default = per_host.saturating_mul(per_map).saturating_mul(hosts);
    let total = job.conf.get_int(&format!("{prefix}.totalbytes"), default)?;
    let mut maps = total.checked_div(per_map).unwrap_or(0);
    if maps == 0 && total > 0 {
        maps = 1;
        job.set(&per_map_key, total);
    }
    job.set("mapreduce.job.maps", maps).reduces(0);
    let (class, of) = match kind {
        Random::Bytes => ("RandomWriter$RandomMapper", BytesWritable::CLASS),
        Random::Text => ("RandomTextWriter$RandomTextMapper", Text::CLASS),
    };
    job.mapper(class, of, of).output_classes(of, of);
    job.input_format("RandomWriter$RandomInputFormat").output_format(format);
    job.output(output)?;
    println!("Running {maps} maps.");
    let start = Instant::now();
    println!("Job started: {}", super::date());
    let code = job.run()?;
    println!("Job ended: {}", super::date());
    println!("The job took {} seconds.", start.elapsed().as_secs());
    Ok(code)
}

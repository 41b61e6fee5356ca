//! `aggregatewordcount`, `aggregatewordhist`: a mapper that says of each word how it is to be put together, and
//! Hadoop's aggregating reducer. `multifilewc`: words of many small files.

use loxodon_conf::Configuration;
use loxodon_console::println;

use super::launch::{Launch, usage};
use super::words::each_word;
use crate::error::{Error, ErrorKind, Result};
use crate::io::writable::{Datum, IntWritable, Kind, Text, Writable};
use crate::settings::Settings;
use crate::task::{Collector, MapInput, MapRunner, TaskContext};

/// Keys of a job that say which plug-ins its mapper has.
const DESCRIPTORS: &str = "mapreduce.aggregate.descriptor.num";
const DESCRIPTOR: &str = "mapreduce.aggregate.descriptor";
const WORDS: &str = "org.apache.hadoop.examples.AggregateWordCount$WordCountPlugInClass";
const HISTOGRAM: &str =
    "org.apache.hadoop.examples.AggregateWordHistogram$AggregateWordHistogramPlugin";
/// What counts records where a job names no plug-in.
const RECORDS: &str = "org.apache.hadoop.mapreduce.lib.aggregate.ValueAggregatorBaseDescriptor";

/// What is told of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum PlugIn {
    Words,
    Histogram,
    Records,
}

impl PlugIn {
    fn all(conf: &Configuration) -> Result<Vec<Self>> {
        let mut all = Vec::new();
        for number in 0..conf.get_int(DESCRIPTORS, 0)? {
            let text = conf.get(&format!("{DESCRIPTOR}.{number}"))?.unwrap_or_default();
            match text.split_once(',') {
                Some((kind, class)) if kind.eq_ignore_ascii_case("UserDefined") => {
                    all.push(Self::of_class(class)?);
                }
                // Java passes over what it does not know.
                _ => {}
            }
        }
        Ok(if all.is_empty() { vec![Self::Records] } else { all })
    }

    fn of_class(class: &str) -> Result<Self> {
        match class {
            WORDS => Ok(Self::Words),
            HISTOGRAM => Ok(Self::Histogram),
            RECORDS => Ok(Self::Records),
            other => {
                let text = format!("Class {other} not found");
                Err(Error::new(ErrorKind::ClassNotFound, text))
            }
        }
    }

    fn tell(
        self,
        text: &[u8],
        file: Option<&str>,
        each: &mut dyn FnMut(&str, &str) -> Result<()>,
    ) -> Result<()> {
        match self {
            Self::Words => each_word(text, |word| {
                each(&format!("LongValueSum:{}", String::from_utf8_lossy(word)), "1")
            }),
            Self::Histogram => {
                let text = String::from_utf8_lossy(text);
                let mut words: Vec<&str> = text.split([' ', '\t']).collect();
                // `String.split` leaves out what is empty at the end, but not the only one.
                while words.len() > 1 && words.last().is_some_and(|word| word.is_empty()) {
                    words.pop();
                }
                let only_blanks = words == [""] && !text.is_empty();
                let words = if only_blanks { Vec::new() } else { words };
                words
                    .into_iter()
                    .try_for_each(|w| each("ValueHistogram:WORD_HISTOGRAM", &format!("{w}\t1")))
            }
            Self::Records => {
                each("LongValueSum:record_count", "1")?;
                file.map_or(Ok(()), |file| each(&format!("LongValueSum:{file}"), "1"))
            }
        }
    }
}

/// `ValueAggregatorMapper`
#[derive(Debug, Default)]
pub(super) struct AggregateMapper;

impl MapRunner for AggregateMapper {
    fn run(
        &mut self,
        input: &mut MapInput<'_>,
        mut output: Collector<'_>,
        task: &TaskContext,
    ) -> Result<()> {
        let plug_ins = PlugIn::all(task.conf())?;
        let file = task.conf().get_text("mapreduce.map.input.file")?;
        let mut shown = Vec::new();
        while input.advance()? {
            let kind = input.classes().and_then(|(_, class)| Kind::of_class(class));
            let text = match (input.value(), kind) {
                (Datum::Text(text), _) => text,
                (value, kind) => {
                    let mut bytes = Vec::new();
                    value.write_to(&mut bytes);
                    let kind = value.class().and_then(Kind::of_class).or(kind);
                    let kind = kind.ok_or_else(|| Error::io("values of an unknown class"))?;
                    shown.clear();
                    kind.show(&mut bytes.as_slice(), &mut shown)?;
                    shown.as_slice()
                }
            };
            for plug_in in &plug_ins {
                plug_in.tell(text, file.as_deref(), &mut |key, value| {
                    let (key, value) = (Datum::Text(key.as_bytes()), Datum::Text(value.as_bytes()));
                    output.write_datum(key, value)
                })?;
            }
        }
        Ok(())
    }
}

/// `inputDirs outDir [numOfReducer [textinputformat|seq [specfile [jobName]]]]`
fn aggregate(launch: &Launch, plug_in: &str) -> Result<i32> {
    let words: Vec<&str> = launch.arguments.iter().map(String::as_str).collect();
    let [input, output, rest @ ..] = words.as_slice() else {
        return Ok(usage(
            "usage: inputDirs outDir [numOfReducer [textinputformat|seq [specfile [jobName]]]]",
        ));
    };
    let reduces = rest.first().map_or(Ok(1), |text| {
        text.parse::<u32>().map_err(|_| Error::argument(format!("For input string: \"{text}\"")))
    })?;
    let library = "org.apache.hadoop.mapreduce.lib";
    let is_text = rest.get(1).is_some_and(|name| name.eq_ignore_ascii_case("textinputformat"));
    let format = if is_text { "TextInputFormat" } else { "SequenceFileInputFormat" };
    let name = rest.get(3).copied().unwrap_or_default();
    let mut job = launch.job(&format!("ValueAggregatorJob: {name}"))?;
    if let Some(file) = rest.get(2) {
        let loaded = job.conf.load_file(std::path::Path::new(file));
        loaded.map_err(|e| Error::argument(format!("{file}: {e}")))?;
    }
    job.set(DESCRIPTORS, 1).set(&format!("{DESCRIPTOR}.0"), format!("UserDefined,{plug_in}"));
    job.input_format(&format!("{library}.input.{format}"));
    let class = format!("{library}.aggregate.ValueAggregator");
    job.mapper(&format!("{class}Mapper"), Text::CLASS, Text::CLASS);
    job.combiner(&format!("{class}Combiner"));
    job.reducer(&format!("{class}Reducer"), Text::CLASS, Text::CLASS).reduces(reduces);
    job.input(input)?.output(output)?.run()
}

/// `aggregatewordcount`
pub(super) fn word_count(launch: &Launch) -> Result<i32> {
    aggregate(launch, WORDS)
}

/// `aggregatewordhist`
pub(super) fn word_histogram(launch: &Launch) -> Result<i32> {
    aggregate(launch, HISTOGRAM)
}

/// `multifilewc <input_dir> <output>`
pub(super) fn of_many_files(launch: &Launch) -> Result<i32> {
    let [input, output, ..] = launch.arguments.as_slice() else {
        println!("Usage : multifilewc <input_dir> <output>");
        return Ok(2);
    };
    let mut job = launch.job("MultiFileWordCount")?;
    job.input_format("MultiFileWordCount$MyInputFormat");
    job.mapper("MultiFileWordCount$MapClass", Text::CLASS, IntWritable::CLASS);
    let sum = "org.apache.hadoop.mapreduce.lib.reduce.IntSumReducer";
    job.combiner(sum).reducer(sum, Text::CLASS, IntWritable::CLASS);
    job.input(input)?.output(output)?.run()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(plug_in: PlugIn, text: &str) -> Vec<String> {
        let mut all = Vec::new();
        plug_in
            .tell(text.as_bytes(), Some("f"), &mut |key, value| {
                all.push(format!("{key}={value}"));
                Ok(())
            })
            .unwrap();
        all
    }

    #[test]
    fn words_are_told_as_javas_plug_ins_tell_them() {
        assert_eq!(told(PlugIn::Words, " a  b\n"), ["LongValueSum:a=1", "LongValueSum:b=1"]);
        let histogram = |text: &str| -> Vec<String> {
            let told = told(PlugIn::Histogram, text);
            told.iter().map(|t| t.replace("ValueHistogram:WORD_HISTOGRAM=", "")).collect()
        };
        assert_eq!(histogram("a b\ta  "), ["a\t1", "b\t1", "a\t1"]);
        assert_eq!(histogram(" a"), ["\t1", "a\t1"]);
        assert_eq!(histogram(""), ["\t1"]);
        assert!(histogram("  ").is_empty());
        assert_eq!(told(PlugIn::Records, "x"), ["LongValueSum:record_count=1", "LongValueSum:f=1"]);
    }

    #[test]
    fn plug_ins_are_named_by_the_job() {
        let mut conf = Configuration::new();
        assert_eq!(PlugIn::all(&conf).unwrap(), [PlugIn::Records]);
        conf.set(DESCRIPTORS, "2", "test");
        conf.set(&format!("{DESCRIPTOR}.0"), &format!("userdefined,{HISTOGRAM}"), "test");
        conf.set(&format!("{DESCRIPTOR}.1"), "Other,x", "test");
        assert_eq!(PlugIn::all(&conf).unwrap(), [PlugIn::Histogram]);
        conf.set(&format!("{DESCRIPTOR}.1"), "UserDefined,my.PlugIn", "test");
        assert!(PlugIn::all(&conf).unwrap_err().message().contains("my.PlugIn"));
    }
}

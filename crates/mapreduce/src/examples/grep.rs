//! `grep`: how often each text occurs that matches a pattern, most often first.

use regex::bytes::Regex;

use super::launch::{Launch, usage};
use crate::error::{Error, Result};
use crate::io::writable::{LongWritable, Text, Writable};
use crate::settings::Settings;
use crate::task::{Collector, MapInput, MapRunner, TaskContext};

const PATTERN: &str = "mapreduce.mapper.regex";
const GROUP: &str = "mapreduce.mapper.regexmapper..group";

/// `RegexMapper`
#[derive(Debug, Default)]
pub(super) struct RegexMapper;

fn pattern(text: &str) -> Result<Regex> {
    Regex::new(text).map_err(|error| {
        let text = format!("the pattern \"{text}\" is not supported: {error}");
        Error::argument(text)
    })
}

impl MapRunner for RegexMapper {
    fn run(
        &mut self,
        input: &mut MapInput<'_>,
        mut output: Collector<'_>,
        task: &TaskContext,
    ) -> Result<()> {
        let text = task.conf().get(PATTERN)?;
        let text = text.ok_or_else(|| Error::argument(format!("{PATTERN} is not set")))?;
        let pattern = pattern(&text)?;
        let group = usize::try_from(task.conf().get_int(GROUP, 0)?).unwrap_or(usize::MAX);
        if group >= pattern.captures_len() {
            let text = format!("No group {group} in the pattern \"{text}\"");
            return Err(Error::argument(text));
        }
        while input.advance()? {
            let line = Text::of_datum(input.value())?;
            if group == 0 {
                for found in pattern.find_iter(line) {
                    output.write::<Text, LongWritable>(found.as_bytes(), 1)?;
                }
                continue;
            }
            for found in pattern.captures_iter(line) {
                if let Some(part) = found.get(group) {
                    output.write::<Text, LongWritable>(part.as_bytes(), 1)?;
                }
            }
        }
        Ok(())
    }
}

/// `grep <inDir> <outDir> <regex> [<group>]`
pub(super) fn grep(launch: &Launch) -> Result<i32> {
    let [input, output, text, rest @ ..] = launch.arguments.as_slice() else {
        return Ok(usage("Grep <inDir> <outDir> <regex> [<group>]"));
    };
    pattern(text)?;
    let between = format!("grep-temp-{}", fastrand::u32(..=i32::MAX as u32));
    let mut search = launch.job("grep-search")?;
    search.set(PATTERN, text);
    if let [group] = rest {
        search.set(GROUP, group);
    }
    let sum = "org.apache.hadoop.mapreduce.lib.reduce.LongSumReducer";
    let package = "org.apache.hadoop.mapreduce.lib";
    search.mapper(&format!("{package}.map.RegexMapper"), Text::CLASS, LongWritable::CLASS);
    search.combiner(sum).reducer(sum, Text::CLASS, LongWritable::CLASS);
    search.output_format(&format!("{package}.output.SequenceFileOutputFormat"));
    search.input(input)?.output(&between)?;
    let searched = search.run();
    let sorted = searched.and_then(|code| {
        if code != 0 {
            return Ok(code);
        }
        let mut sort = launch.job("grep-sort")?;
        sort.input_format(&format!("{package}.input.SequenceFileInputFormat"));
        let inverse = format!("{package}.map.InverseMapper");
        sort.mapper(&inverse, LongWritable::CLASS, Text::CLASS);
        sort.output_classes(LongWritable::CLASS, Text::CLASS).reduces(1);
        let order = "org.apache.hadoop.io.LongWritable$DecreasingComparator";
        sort.set("mapreduce.job.output.key.comparator.class", order);
        sort.input(&between)?.output(output)?.run()
    });
    let path = search.files.path(&between)?;
    search.files.get(&path)?.delete(&path, true)?;
    sorted
}

//! Counting words, and their lengths: `wordcount`, `wordmean`, `wordmedian`, `wordstandarddeviation`.

use std::borrow::Cow;

use loxodon_console::println;

use super::launch::{Launch, usage_error};
use crate::error::Result;
use crate::io::writable::show_double;
use crate::program::{IntWritable, LongWritable, Mapper, Output, Text, Writable};

/// What is between words (`StringTokenizer`).
fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | b'\r' | 0x0c)
}

/// A line as Java has it: what is not UTF-8 is replaced.
#[inline]
fn text(line: &[u8]) -> Cow<'_, [u8]> {
    match std::str::from_utf8(line) {
        Ok(_) => Cow::Borrowed(line),
        Err(_) => Cow::Owned(String::from_utf8_lossy(line).into_owned().into_bytes()),
    }
}

/// Calls for each word of a line.
#[inline]
pub(super) fn each_word(line: &[u8], mut each: impl FnMut(&[u8]) -> Result<()>) -> Result<()> {
    let line = text(line);
    line.split(|byte| is_blank(*byte)).filter(|word| !word.is_empty()).try_for_each(&mut each)
}

/// `String.length()`: units of UTF-16.
fn java_length(word: &[u8]) -> i64 {
    // A byte that continues a character counts nothing, one that begins four counts twice.
    word.iter().map(|byte| i64::from(byte & 0xc0 != 0x80) + i64::from(*byte >= 0xf0)).sum()
}

macro_rules! of_each_word {
    ($(#[$doc:meta] $name:ident: $key:ty => $value:ty, |$word:ident, $out:ident| $writes:expr;)*) => {$(
        #[$doc]
        #[derive(Default)]
        pub(super) struct $name;

        impl Mapper for $name {
            type KeyIn = LongWritable;
            type ValueIn = Text;
            type KeyOut = $key;
            type ValueOut = $value;

            fn map(&mut self, _: i64, line: &[u8], $out: &mut Output<'_, '_, $key, $value>) -> Result<()> {
                each_word(line, |$word| $writes)
            }
        }
    )*};
}

of_each_word! {
    /// Every word, with the number 1.
    Tokenizer: Text => IntWritable, |word, out| out.write(word, 1);

    /// Lengths of words, as a sum and a count.
    MeanMapper: Text => LongWritable, |word, out| {
        out.write(b"length", java_length(word))?;
        out.write(b"count", 1)
    };

    /// Lengths of words, each with the number 1.
    MedianMapper: IntWritable => IntWritable, |word, out| {
        out.write(i32::try_from(java_length(word)).unwrap_or(i32::MAX), 1)
    };

    /// Lengths of words, their squares, and a count.
    DeviationMapper: Text => LongWritable, |word, out| {
        let length = java_length(word);
        out.write(b"length", length)?;
        out.write(b"square", length.wrapping_mul(length))?;
        out.write(b"count", 1)
    };
}

/// `wordcount <in> [<in>...] <out>`
pub(super) fn word_count(launch: &Launch) -> Result<i32> {
    let arguments = launch.arguments.split_last().filter(|(_, inputs)| !inputs.is_empty());
    let Some((output, inputs)) = arguments else {
        return Ok(usage_error("Usage: wordcount <in> [<in>...] <out>", 2));
    };
    let mut job = launch.job("word count")?;
    job.mapper("WordCount$TokenizerMapper", Text::CLASS, IntWritable::CLASS);
    job.combiner("WordCount$IntSumReducer");
    job.reducer("WordCount$IntSumReducer", Text::CLASS, IntWritable::CLASS);
    for input in inputs {
        job.input(input)?;
    }
    job.output(output)?.run()
}

/// Numbers of an output by their names.
fn numbers(lines: &[String], name: &str) -> f64 {
    let found = lines.iter().filter_map(|line| line.split_once('\t')).find(|(key, _)| *key == name);
    found.and_then(|(_, value)| value.parse::<i64>().ok()).unwrap_or(0) as f64
}

/// `wordmean <in> <out>`
pub(super) fn word_mean(launch: &Launch) -> Result<i32> {
    let [input, output] = launch.arguments.as_slice() else {
        return Ok(usage_error("Usage: wordmean <in> <out>", 0));
    };
    let mut job = launch.job("word mean")?;
    job.mapper("WordMean$WordMeanMapper", Text::CLASS, LongWritable::CLASS);
    job.combiner("WordMean$WordMeanReducer");
    job.reducer("WordMean$WordMeanReducer", Text::CLASS, LongWritable::CLASS);
    job.input(input)?.output(output)?.run()?;
    let lines = job.output_lines(output)?;
    let mean = numbers(&lines, "length") / numbers(&lines, "count");
    println!("The mean is: {}", show_double(mean));
    Ok(0)
}

/// `wordstandarddeviation <in> <out>`
pub(super) fn word_deviation(launch: &Launch) -> Result<i32> {
    let [input, output] = launch.arguments.as_slice() else {
        return Ok(usage_error("Usage: wordstddev <in> <out>", 0));
    };
    let mut job = launch.job("word stddev")?;
    let class = "WordStandardDeviation$WordStandardDeviation";
    job.mapper(&format!("{class}Mapper"), Text::CLASS, LongWritable::CLASS);
    job.combiner(&format!("{class}Reducer"));
    job.reducer(&format!("{class}Reducer"), Text::CLASS, LongWritable::CLASS);
    job.input(input)?.output(output)?.run()?;
    let lines = job.output_lines(output)?;
    let count = numbers(&lines, "count");
    let mean = numbers(&lines, "length") / count;
    let deviation = (numbers(&lines, "square") / count - mean * mean).sqrt();
    println!("The standard deviation is: {}", show_double(deviation));
    Ok(0)
}

/// `wordmedian <in> <out>`
pub(super) fn word_median(launch: &Launch) -> Result<i32> {
    let [input, output] = launch.arguments.as_slice() else {
        return Ok(usage_error("Usage: wordmedian <in> <out>", 0));
    };
    let mut job = launch.job("word median")?;
    job.mapper("WordMedian$WordMedianMapper", IntWritable::CLASS, IntWritable::CLASS);
    job.combiner("WordMedian$WordMedianReducer");
    job.reducer("WordMedian$WordMedianReducer", IntWritable::CLASS, IntWritable::CLASS);
    let result = job.input(input)?.output(output)?.result()?;
    let words =
        result.counters.get("org.apache.hadoop.mapreduce.TaskCounter", "MAP_OUTPUT_RECORDS");
    let (upper, lower) = ((words.saturating_add(1)) / 2, words / 2);
    let mut seen = 0_i64;
    for line in job.output_lines(output)? {
        let Some((length, count)) = line.split_once('\t') else { continue };
        let before = seen;
        seen = seen.saturating_add(count.parse().unwrap_or(0));
        if lower >= before && upper <= seen {
            println!("The median is: {length}");
            break;
        }
    }
    Ok(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_and_their_lengths_are_javas() {
        let mut words = Vec::new();
        each_word(b" a\tb\x0c\xc3\xa9\xff c\r\n", |word| {
            words.push(word.to_vec());
            Ok(())
        })
        .unwrap();
        assert_eq!(words, [b"a".to_vec(), b"b".to_vec(), "é\u{fffd}".into(), b"c".to_vec()]);
        for word in ["", "abc", "é", "\u{1f600}x"] {
            assert_eq!(java_length(word.as_bytes()), word.encode_utf16().count() as i64);
        }
    }
}

//! `sort`: sorts what the random writer wrote, or any other files.

use std::time::Instant;

use super::launch::{Launch, usage};
use crate::error::{Error, Result};
use crate::io::writable::{BytesWritable, Writable};
use crate::settings::Settings;

const USAGE: &str = "sort [-r <reduces>] [-inFormat <input format class>] \
                     [-outFormat <output format class>] [-outKey <output key class>] \
                     [-outValue <output value class>] <input> <output>";

fn wrong(message: &str) -> i32 {
    println!("ERROR: {message}");
    usage(USAGE)
}

/// `sort [-r <reduces>] [...] <input> <output>`
pub(super) fn sort(launch: &Launch) -> Result<i32> {
    let mut job = launch.job("sorter")?;
    let (trackers, slots) = super::cluster_size(&job)?;
    let per_host = job.conf.get_int("mapreduce.sort.reducesperhost", 0)?;
    let mut reduces = match per_host {
        0 => (slots as f64 * 0.9) as i64,
        per_host => trackers.saturating_mul(per_host),
    }
    // Unsorted output is not what is asked for.
    .max(1);
    let package = "org.apache.hadoop.mapreduce.lib";
    let mut input_format = format!("{package}.input.SequenceFileInputFormat");
    let mut output_format = format!("{package}.output.SequenceFileOutputFormat");
    let (mut key, mut value) = (BytesWritable::CLASS.to_owned(), BytesWritable::CLASS.to_owned());
    let mut others = Vec::new();
    let mut words = launch.arguments.iter();
    while let Some(word) = words.next() {
        let to = match word.as_str() {
            "-r" => {
                let Some(count) = words.next() else {
                    return Ok(wrong("Required parameter missing from -r"));
                };
                match count.parse::<u32>() {
                    Ok(count) => reduces = i64::from(count),
                    Err(_) => return Ok(wrong(&format!("Integer expected instead of {count}"))),
                }
                continue;
            }
            "-inFormat" => &mut input_format,
            "-outFormat" => &mut output_format,
            "-outKey" => &mut key,
            "-outValue" => &mut value,
            "-totalOrder" => {
                let text = "sort -totalOrder: samples are taken by terasort only";
                return Err(Error::new(crate::error::ErrorKind::Unsupported, text));
            }
            _ => {
                others.push(word.as_str());
                continue;
            }
        };
        match words.next() {
            Some(class) => to.clone_from(class),
            None => return Ok(wrong(&format!("Required parameter missing from {word}"))),
        }
    }
    let [input, output] = others.as_slice() else {
        let count = others.len();
        return Ok(wrong(&format!("Wrong number of parameters: {count} instead of 2.")));
    };
    job.set("mapreduce.job.reduces", reduces);
    job.input_format(&input_format).output_format(&output_format);
    job.mapper("org.apache.hadoop.mapreduce.Mapper", &key, &value);
    job.reducer("org.apache.hadoop.mapreduce.Reducer", &key, &value);
    job.input(input)?.output(output)?;
    let from = job.conf.get("mapreduce.input.fileinputformat.inputdir")?.unwrap_or_default();
    let to = job.conf.get("mapreduce.output.fileoutputformat.outputdir")?.unwrap_or_default();
    println!("Running on {trackers} nodes to sort from {from} into {to} with {reduces} reduces.");
    let start = Instant::now();
    println!("Job started: {}", super::date());
    let code = job.run()?;
    println!("Job ended: {}", super::date());
    println!("The job took {} seconds.", start.elapsed().as_secs());
    Ok(code)
}

//! The formats and classes that a job names, with Hadoop's defaults, of the old and the new interface.

use loxodon_conf::Configuration;

use super::{Classes, TaskContext, TaskDescription};
use crate::error::{Error, ErrorKind, Result};
use crate::input::{self, Api, InputFormat};
use crate::io::sequence_file;
use crate::output::{self, OutputFormat, RecordWriter};
use crate::settings::Settings;

const TEXT_INPUT: &str = "org.apache.hadoop.mapreduce.lib.input.TextInputFormat";
const TEXT_OUTPUT: &str = "org.apache.hadoop.mapreduce.lib.output.TextOutputFormat";

fn first_of(conf: &Configuration, names: &[&str]) -> Result<Option<String>> {
    for name in names {
        if let Some(value) = conf.get_text(name)? {
            return Ok(Some(value));
        }
    }
    Ok(None)
}

fn no_class(class: &str) -> Error {
    Error::new(ErrorKind::ClassNotFound, format!("Class {class} not found"))
}

/// The job's input format.
///
/// # Errors
/// No class of its name is known.
pub fn input_format_of(
    classes: &dyn Classes,
    conf: &Configuration,
) -> Result<Box<dyn InputFormat>> {
    let names = ["mapreduce.job.inputformat.class", "mapred.input.format.class"];
    let class = first_of(conf, &names)?.unwrap_or_else(|| TEXT_INPUT.into());
    let own = classes.input_format(&class);
    own.or_else(|| input::input_format(&class)).ok_or_else(|| no_class(&class))
}

/// Which of Hadoop's interfaces the job's input format is of.
///
/// # Errors
/// The configuration cannot be read.
pub(super) fn input_api(conf: &Configuration) -> Result<Api> {
    let is_new = conf.get_text("mapreduce.job.inputformat.class")?.is_some();
    let is_old = conf.get_text("mapred.input.format.class")?.is_some();
    Ok(if is_old && !is_new { Api::Old } else { Api::New })
}

/// The job's output format.
///
/// # Errors
/// No class of its name is known.
pub fn output_format_of(
    classes: &dyn Classes,
    conf: &Configuration,
) -> Result<Box<dyn OutputFormat>> {
    let names = ["mapreduce.job.outputformat.class", "mapred.output.format.class"];
    let class = first_of(conf, &names)?.unwrap_or_else(|| TEXT_OUTPUT.into());
    let own = classes.output_format(&class);
    own.or_else(|| output::output_format(&class)).ok_or_else(|| no_class(&class))
}

/// Classes of the keys and values of map outputs.
///
/// # Errors
/// The configuration cannot be read.
pub fn map_output_classes(conf: &Configuration) -> Result<(String, String)> {
    let class = |names: &[&str], default: &str| {
        first_of(conf, names).map(|c| c.unwrap_or_else(|| default.into()))
    };
    let key = ["mapreduce.map.output.key.class", "mapreduce.job.output.key.class"];
    let value = ["mapreduce.map.output.value.class", "mapreduce.job.output.value.class"];
    Ok((
        class(&key, "org.apache.hadoop.io.LongWritable")?,
        class(&value, "org.apache.hadoop.io.Text")?,
    ))
}

/// Opens the attempt's output.
pub(super) fn open_output(
    description: &TaskDescription,
    classes: &dyn Classes,
    task: &TaskContext,
) -> Result<Box<dyn RecordWriter>> {
    let format = output_format_of(classes, task.conf())?;
    format.open(task.conf(), task.files(), &description.attempt)
}

/// The keys of the job's partition file (`mapreduce.totalorderpartitioner.path`), serialized.
pub(super) fn split_points(task: &TaskContext) -> Result<Vec<Vec<u8>>> {
    let name = "mapreduce.totalorderpartitioner.path";
    let file = task.conf().get_text(name)?;
    let read = |text: &str| {
        let path = task.files().path(text)?;
        let stream = task.files().get(&path)?.open(&path, None)?;
        let mut reader = sequence_file::Reader::open(stream, text)?;
        let mut keys = Vec::new();
        while reader.advance()? {
            keys.push(reader.key().to_vec());
        }
        Ok(keys)
    };
    // Without a path it is a file of the distributed cache, in the working directory.
    read(file.as_deref().unwrap_or("file:_partition.lst"))
        .map_err(|e: Error| Error::argument(format!("Can't read partitions file: {e}")))
}

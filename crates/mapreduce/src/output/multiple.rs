//! Further outputs of a task beside its own (`MultipleOutputs`).

use std::collections::BTreeMap;

use loxodon_conf::Configuration;

use super::{RecordWriter, required_output_format};
use crate::error::{Error, ErrorKind, Result};
use crate::fs::FileSystems;
use crate::io::writable::Datum;
use crate::job::AttemptId;
use crate::settings::Settings;

const NAMES: &str = "mapreduce.multipleoutputs";
const PREFIX: &str = "mapreduce.multipleoutputs.namedOutput.";
const BASE_NAME: &str = "mapreduce.output.basename";
const FORMAT: &str = "mapreduce.job.outputformat.class";
const KEY_CLASS: &str = "mapreduce.job.output.key.class";
const VALUE_CLASS: &str = "mapreduce.job.output.value.class";
const DEFAULT_FORMAT: &str = "org.apache.hadoop.mapreduce.lib.output.TextOutputFormat";
/// Group of the counters that count records by base name, where they are wanted.
pub const COUNTERS_GROUP: &str = "org.apache.hadoop.mapreduce.lib.output.MultipleOutputs";

fn check_name(name: &str) -> Result<()> {
    if name.is_empty() {
        return Err(Error::argument("Name cannot be NULL or emtpy"));
    }
    if let Some(c) = name.chars().find(|c| !c.is_ascii_alphanumeric()) {
        return Err(Error::argument(format!("Name cannot be have a '{c}' char")));
    }
    check_base(name)
}

fn check_base(name: &str) -> Result<()> {
    if name == "part" {
        return Err(Error::argument("output name cannot be 'part'"));
    }
    Ok(())
}

fn names(job: &Configuration) -> Result<Vec<String>> {
    let text = job.get_text(NAMES)?.unwrap_or_default();
    Ok(text.split_whitespace().map(str::to_owned).collect())
}

/// Defines an output of a job (`MultipleOutputs.addNamedOutput`).
///
/// # Errors
/// A name of other than letters and digits, `part`, or one that is there.
pub fn add_named_output(
    job: &mut Configuration,
    name: &str,
    format: &str,
    key_class: &str,
    value_class: &str,
) -> Result<()> {
    check_name(name)?;
    let mut all = names(job)?;
    if all.iter().any(|other| other == name) {
        return Err(Error::argument(format!("Named output '{name}' already alreadyDefined")));
    }
    all.push(name.to_owned());
    job.set(NAMES, &all.join(" "), "the job");
    for (what, value) in [("format", format), ("key", key_class), ("value", value_class)] {
        job.set(&format!("{PREFIX}{name}.{what}"), value, "the job");
    }
    Ok(())
}

/// The further outputs of one attempt. Their files lie beside its own, and are committed with them.
pub struct MultipleOutputs {
    job: Configuration,
    files: FileSystems,
    attempt: AttemptId,
    names: Vec<String>,
    writers: BTreeMap<String, Box<dyn RecordWriter>>,
}

impl std::fmt::Debug for MultipleOutputs {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("MultipleOutputs").field("names", &self.names).finish_non_exhaustive()
    }
}

impl MultipleOutputs {
    /// Those that the job defines.
    ///
    /// # Errors
    /// Settings that make no sense.
    pub fn new(job: &Configuration, files: &FileSystems, attempt: &AttemptId) -> Result<Self> {
        Ok(Self {
            names: names(job)?,
            job: job.clone(),
            files: files.clone(),
            attempt: attempt.clone(),
            writers: BTreeMap::new(),
        })
    }

    /// Writes a record to a named output, into files called `name-m-00000`, or by another base name.
    ///
    /// # Errors
    /// A name that is not defined; the output cannot be written.
    pub fn write(
        &mut self,
        name: &str,
        base: Option<&str>,
        key: Datum<'_>,
        value: Datum<'_>,
    ) -> Result<()> {
        let base = base.unwrap_or(name);
        if let Some(writer) = self.writers.get_mut(base) {
            return writer.write(key, value);
        }
        check_name(name)?;
        check_base(base)?;
        if !self.names.iter().any(|known| known == name) {
            return Err(Error::argument(format!("Named output '{name}' not defined")));
        }
        let mut job = self.job.clone();
        for (what, key) in [("format", FORMAT), ("key", KEY_CLASS), ("value", VALUE_CLASS)] {
            let set = job.get_text(&format!("{PREFIX}{name}.{what}"))?.ok_or_else(|| {
                let message = format!("{PREFIX}{name}.{what} is not set");
                Error::new(ErrorKind::InvalidJobConf, message)
            })?;
            job.set(key, &set, "the named output");
        }
        self.open(job, base)?.write(key, value)
    }

    /// Writes a record with the job's own format, into files of another base name.
    ///
    /// # Errors
    /// The output cannot be written.
    pub fn write_to(&mut self, base: &str, key: Datum<'_>, value: Datum<'_>) -> Result<()> {
        if let Some(writer) = self.writers.get_mut(base) {
            return writer.write(key, value);
        }
        check_base(base)?;
        let job = self.job.clone();
        self.open(job, base)?.write(key, value)
    }

    fn open(&mut self, mut job: Configuration, base: &str) -> Result<&mut Box<dyn RecordWriter>> {
        job.set(BASE_NAME, base, "the named output");
        let class = job.get_text(FORMAT)?.unwrap_or_else(|| DEFAULT_FORMAT.into());
        let writer = required_output_format(&class)?.open(&job, &self.files, &self.attempt)?;
        Ok(self.writers.entry(base.to_owned()).or_insert(writer))
    }

    /// Ends all files.
    ///
    /// # Errors
    /// The first that cannot be written to its end; the others are closed all the same.
    pub fn close(&mut self) -> Result<()> {
        let mut outcome = Ok(());
        for writer in std::mem::take(&mut self.writers).values_mut() {
            let closed = writer.close();
            outcome = outcome.and(closed);
        }
        outcome
    }
}

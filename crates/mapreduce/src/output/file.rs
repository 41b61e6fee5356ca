//! Where the files of a job's output lie, and what they are called (`FileOutputFormat`).

use loxodon_conf::Configuration;

use super::{Api, FileOutputCommitter, OutputCommitter};
use crate::error::{Error, ErrorKind, Result};
use crate::fs::{CreateOptions, FileSystems, OutputStream, Path};
use crate::io::codec::Codec;
use crate::io::sequence_file::Compression;
use crate::job::AttemptId;
use crate::settings::Settings;

const OUTPUT_DIR: &str = "mapreduce.output.fileoutputformat.outputdir";
const COMPRESS: &str = "mapreduce.output.fileoutputformat.compress";
const CODEC: &str = "mapreduce.output.fileoutputformat.compress.codec";
const TYPE: &str = "mapreduce.output.fileoutputformat.compress.type";
const BASE_NAME: &str = "mapreduce.output.basename";
const REDUCES: &str = "mapreduce.job.reduces";
const KEY_CLASS: &str = "mapreduce.job.output.key.class";
const VALUE_CLASS: &str = "mapreduce.job.output.value.class";

/// The job's output directory, in full.
///
/// # Errors
/// A text that is no path.
pub fn output_path(job: &Configuration, files: &FileSystems) -> Result<Option<Path>> {
    job.get_text(OUTPUT_DIR)?.map(|text| files.path(&text)).transpose()
}

/// Looks whether the output directory is set and not there (`checkOutputSpecs`).
///
/// # Errors
/// `InvalidJobConfException`, `FileAlreadyExistsException`.
pub fn check_output(api: Api, job: &Configuration, files: &FileSystems) -> Result<()> {
    let Some(output) = output_path(job, files)? else {
        let message = match api {
            Api::New => "Output directory not set.",
            Api::Old if job.get_int(REDUCES, 1)? == 0 => return Ok(()),
            Api::Old => "Output directory not set in JobConf.",
        };
        return Err(Error::new(ErrorKind::InvalidJobConf, message));
    };
    if files.get(&output)?.exists(&output)? {
        let message = format!("Output directory {output} already exists");
        return Err(Error::new(ErrorKind::Exists, message));
    }
    Ok(())
}

/// `name-m-00000` and an extension (`getUniqueFile`).
#[must_use]
pub fn unique_name(attempt: &AttemptId, name: &str, extension: &str) -> String {
    format!("{name}-{}-{:05}{extension}", attempt.kind().letter(), attempt.task.number)
}

/// Where an attempt writes its part: `part-r-00000`, with the old interface `part-00000`.
///
/// # Errors
/// No output directory.
pub fn work_file(
    api: Api,
    job: &Configuration,
    files: &FileSystems,
    attempt: &AttemptId,
    extension: &str,
) -> Result<Path> {
    let base = job.get_text(BASE_NAME)?;
    let name = match (api, base) {
        (Api::Old, None) => format!("part-{:05}{extension}", attempt.task.number),
        (_, base) => unique_name(attempt, base.as_deref().unwrap_or("part"), extension),
    };
    let work = FileOutputCommitter::new(job, files)?
        .work_path(attempt)
        .ok_or_else(|| Error::new(ErrorKind::InvalidJobConf, "Output directory not set."))?;
    // A base name may have directories in it.
    Path::parse(&format!("{work}/{name}"))
}

/// Creates an attempt's file, which must not be there.
pub(super) fn create(files: &FileSystems, path: &Path) -> Result<Box<dyn OutputStream>> {
    files.get(path)?.create(path, CreateOptions::default())
}

/// The codec of a job's output; `None` where it is not compressed.
pub(super) fn output_codec(job: &Configuration, default: Codec) -> Result<Option<Codec>> {
    if !job.get_bool(COMPRESS, false)? {
        return Ok(None);
    }
    job.get_text(CODEC)?.map_or(Ok(Some(default)), |class| Codec::required(&class).map(Some))
}

/// What is compressed in a job's sequence files, and with what.
pub(super) fn output_compression(job: &Configuration) -> Result<(Compression, Codec)> {
    let Some(codec) = output_codec(job, Codec::Zlib)? else {
        return Ok((Compression::None, Codec::Zlib));
    };
    let kind = job.get_text(TYPE)?.unwrap_or_else(|| "RECORD".into());
    Ok((Compression::of_name(&kind)?, codec))
}

/// Classes of a job's output keys and values.
pub(super) fn output_classes(job: &Configuration) -> Result<(String, String)> {
    let class = |name, default: &str| {
        Ok::<_, Error>(job.get_text(name)?.unwrap_or_else(|| default.to_owned()))
    };
    Ok((
        class(KEY_CLASS, "org.apache.hadoop.io.LongWritable")?,
        class(VALUE_CLASS, "org.apache.hadoop.io.Text")?,
    ))
}

/// The committer of output in files.
pub(super) fn file_committer(
    job: &Configuration,
    files: &FileSystems,
) -> Result<Box<dyn OutputCommitter>> {
    Ok(Box::new(FileOutputCommitter::new(job, files)?))
}

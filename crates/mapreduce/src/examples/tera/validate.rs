//! `teravalidate`: whether rows are in order, within files and from file to file, and the sum of their checksums.

use super::super::launch::{Launch, usage_error};
use crate::error::{Error, Result};
use crate::fs::Path;
use crate::io::writable::{Datum, Kind, Text, Writable};
use crate::settings::Settings;
use crate::task::{Collector, Groups, MapInput, MapRunner, ReduceRunner, TaskContext};

const ERROR: &[u8] = b"error";
const CHECKSUM: &[u8] = b"checksum";

/// Bytes in pairs of digits.
fn shown(bytes: &[u8]) -> Result<String> {
    let mut serialized = Vec::new();
    Datum::Bytes(bytes).write_to(&mut serialized);
    let mut text = Vec::new();
    Kind::Bytes.show(&mut serialized.as_slice(), &mut text)?;
    Ok(String::from_utf8_lossy(&text).into_owned())
}

/// One file: its first key and its last, rows out of order, the sum of checksums.
#[derive(Debug, Default)]
pub(in super::super) struct ValidateMapper;

impl MapRunner for ValidateMapper {
    fn run(
        &mut self,
        input: &mut MapInput<'_>,
        mut output: Collector<'_>,
        task: &TaskContext,
    ) -> Result<()> {
        let file = task.conf().get_text("mapreduce.map.input.file")?.unwrap_or_default();
        let file = Path::parse(&file)?.name().to_owned();
        let (mut last, mut sum): (Option<Vec<u8>>, u128) = (None, 0);
        while input.advance()? {
            let (key, value) = (Text::of_datum(input.key())?, Text::of_datum(input.value())?);
            match &last {
                None => {
                    let name = format!("{file}:begin");
                    output.write_datum(Datum::Text(name.as_bytes()), Datum::Text(key))?;
                }
                Some(last) if key < last.as_slice() => {
                    let (last, key) = (shown(last)?, shown(key)?);
                    let text = format!("misorder in {file} between {last} and {key}");
                    output.write_datum(Datum::Text(ERROR), Datum::Text(text.as_bytes()))?;
                }
                Some(_) => {}
            }
            let mut crc = crc32fast::Hasher::new();
            crc.update(key);
            crc.update(value);
            sum = sum.wrapping_add(u128::from(crc.finalize()));
            let last = last.get_or_insert_default();
            last.clear();
            last.extend_from_slice(key);
        }
        let Some(last) = last else { return Ok(()) };
        let name = format!("{file}:end");
        output.write_datum(Datum::Text(name.as_bytes()), Datum::Text(&last))?;
        let sum = format!("{sum:x}");
        output.write_datum(Datum::Text(CHECKSUM), Datum::Text(sum.as_bytes()))
    }
}

/// All files in the order of their names.
#[derive(Debug, Default)]
pub(in super::super) struct ValidateReducer;

impl ReduceRunner for ValidateReducer {
    fn run(
        &mut self,
        groups: &mut Groups<'_>,
        mut output: Collector<'_>,
        _: &TaskContext,
    ) -> Result<()> {
        let mut last: Option<(Vec<u8>, Vec<u8>)> = None;
        while let Some((mut key, mut values)) = groups.next_group()? {
            let key = Text::read(&mut key)?.to_vec();
            let mut sum = 0_u128;
            while values.advance()? {
                let value = Text::read(&mut values.value())?;
                if key == ERROR {
                    output.write_datum(Datum::Text(&key), Datum::Text(value))?;
                } else if key == CHECKSUM {
                    let text = String::from_utf8_lossy(value);
                    let part = u128::from_str_radix(&text, 16)
                        .map_err(|_| Error::io(format!("{text} is no sum of checksums")))?;
                    sum = sum.wrapping_add(part);
                } else {
                    if let Some((file, before)) = &last
                        && value < before.as_slice()
                    {
                        let text = format!(
                            "bad key partitioning:\n  file {} key {}\n  file {} key {}",
                            String::from_utf8_lossy(file),
                            shown(before)?,
                            String::from_utf8_lossy(&key),
                            shown(value)?
                        );
                        output.write_datum(Datum::Text(ERROR), Datum::Text(text.as_bytes()))?;
                    }
                    last = Some((key.clone(), value.to_vec()));
                    // Only the first value of a file's name counts.
                    break;
                }
            }
            if key == CHECKSUM {
                let sum = format!("{sum:x}");
                output.write_datum(Datum::Text(CHECKSUM), Datum::Text(sum.as_bytes()))?;
            }
        }
        Ok(())
    }
}

/// `teravalidate <out-dir> <report-dir>`
pub(in super::super) fn teravalidate(launch: &Launch) -> Result<i32> {
    let [input, report] = launch.arguments.as_slice() else {
        return Ok(usage_error("teravalidate <out-dir> <report-dir>", 1));
    };
    let mut job = launch.job("TeraValidate")?;
    job.mapper("terasort.TeraValidate$ValidateMapper", Text::CLASS, Text::CLASS);
    job.reducer("terasort.TeraValidate$ValidateReducer", Text::CLASS, Text::CLASS);
    job.reduces(1).input_format("terasort.TeraInputFormat");
    // A file is one split.
    job.set("mapreduce.input.fileinputformat.split.minsize", i64::MAX);
    job.input(input)?.output(report)?.run()
}

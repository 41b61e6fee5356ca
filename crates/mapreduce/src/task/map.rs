//! A map attempt.

use std::sync::Arc;

use super::classes::{OrderUse, order_of};
use super::collector::{MapInput, RecordOutput};
use super::combine::combiner_of;
use super::formats::{input_api, input_format_of, map_output_classes, open_output};
use super::{Classes, Collector, TaskContext, TaskDescription};
use crate::collect::{BufferSize, MapOutput, MapOutputBuffer, Partitioner, Spiller};
use crate::counters::{FILE_INPUT_GROUP, FILE_OUTPUT_GROUP, TaskCounter};
use crate::error::{Error, Result};
use crate::input::InputSplit;
use crate::io::codec::Codec;
use crate::job::Phase;
use crate::settings::Settings;

/// Part of a map's progress that reading its input is; sorting is the rest.
const MAP_PART: f32 = 0.667;

/// Maps one split. Says where the output is, where there are reduces.
pub(super) fn run(
    description: &TaskDescription,
    split: &InputSplit,
    classes: &dyn Classes,
    task: &Arc<TaskContext>,
) -> Result<Option<MapOutput>> {
    let conf = task.conf();
    let raw = split.raw_length(input_api(conf)?);
    task.task_counter(TaskCounter::SplitRawBytes).set(i64::try_from(raw).unwrap_or(i64::MAX));
    let reader = input_format_of(classes, conf)?.open(split, conf, task.files())?;
    let reduces = reduces(task)?;
    let whole = if reduces == 0 { 1.0 } else { MAP_PART };
    let records = task.task_counter(TaskCounter::MapInputRecords);
    let bytes = task.counter(FILE_INPUT_GROUP, "BYTES_READ")?;
    let mut input = MapInput::new(reader, task, records, bytes, whole);
    let mut mapper = classes.mapper(conf)?;
    if reduces == 0 {
        let writer = open_output(description, classes, task)?;
        let records = task.task_counter(TaskCounter::MapOutputRecords);
        let bytes = task.counter(FILE_OUTPUT_GROUP, "BYTES_WRITTEN")?;
        let mut output = RecordOutput::new(writer, records, bytes);
        mapper.run(&mut input, Collector::Records(&mut output), task)?;
        output.close()?;
        return Ok(None);
    }
    let mut buffer = sort_buffer(classes, task, reduces)?;
    mapper.run(&mut input, Collector::Sort(&mut buffer), task)?;
    drop((mapper, input));
    task.set_phase(Phase::Sort);
    task.set_progress(MAP_PART);
    let output = buffer.finish(&mut |part| {
        task.set_progress(MAP_PART + (1.0 - MAP_PART) * part);
        task.check()
    })?;
    let bytes = i64::try_from(output.length).unwrap_or(i64::MAX);
    task.task_counter(TaskCounter::MapOutputMaterializedBytes).add(bytes);
    Ok(Some(output))
}

pub(super) fn reduces(task: &TaskContext) -> Result<u32> {
    let reduces = task.conf().get_int("mapreduce.job.reduces", 1)?;
    u32::try_from(reduces).map_err(|_| {
        Error::argument(format!("mapreduce.job.reduces: {reduces} is no number of reduces"))
    })
}

/// The codec of map outputs (`mapreduce.map.output.compress`), where they are compressed.
pub(super) fn map_output_codec(task: &TaskContext) -> Result<Option<Codec>> {
    let conf = task.conf();
    if !conf.get_bool("mapreduce.map.output.compress", false)? {
        return Ok(None);
    }
    let class = conf.get_text("mapreduce.map.output.compress.codec")?;
    let class = class.as_deref().unwrap_or("org.apache.hadoop.io.compress.DefaultCodec");
    Codec::required(class).map(Some)
}

/// A positive number of the configuration.
pub(super) fn count(task: &TaskContext, name: &str, default: i64) -> Result<usize> {
    let value = task.conf().get_int(name, default)?;
    usize::try_from(value)
        .map_err(|_| Error::argument(format!("{name}: {value} is less than nothing")))
}

fn sort_buffer(
    classes: &dyn Classes,
    task: &Arc<TaskContext>,
    partitions: u32,
) -> Result<MapOutputBuffer> {
    let conf = task.conf();
    let megabytes = conf.get_int("mapreduce.task.io.sort.mb", 100)?;
    if !(1..=0x7ff).contains(&megabytes) {
        let text = format!("Invalid \"mapreduce.task.io.sort.mb\": {megabytes}");
        return Err(Error::io(text));
    }
    let limit = conf.get_int("mapreduce.task.spill.files.count.limit", -1)?;
    if limit < -1 {
        return Err(Error::io(format!(
            "Invalid value for \"mapreduce.task.spill.files.count.limit\", current value: {limit}"
        )));
    }
    let size = BufferSize {
        bytes: usize::try_from(megabytes).unwrap_or(1) << 20,
        spill_at: conf.get_float("mapreduce.map.sort.spill.percent", 0.8)?,
    };
    // Told also where nothing is combined, as Hadoop does.
    for counter in [TaskCounter::CombineInputRecords, TaskCounter::CombineOutputRecords] {
        task.task_counter(counter);
    }
    let (key_class, _) = map_output_classes(conf)?;
    let order = order_of(classes, conf, &key_class, OrderUse::Sort)?;
    let partitioner = match classes.partitioner(conf)? {
        Some(_) if partitions <= 1 => Partitioner::Single,
        Some(own) => own,
        None => Partitioner::of_job(conf, &key_class, partitions, &order, || {
            super::formats::split_points(task)
        })?,
    };
    let spiller = Spiller {
        partitions,
        order,
        codec: map_output_codec(task)?,
        combiner: combiner_of(classes, task, &key_class)?,
        task: Some(Arc::clone(task)),
        combine_early: classes.combines_early(conf),
        combine_spills: count(task, "mapreduce.map.combine.minspills", 3)?,
        factor: count(task, "mapreduce.task.io.sort.factor", 10)?,
        spill_limit: usize::try_from(limit).ok(),
        buffers: (size.bytes / 4).min(16 << 20),
        dirs: Arc::clone(task.dirs()),
        spilled: task.task_counter(TaskCounter::SpilledRecords),
    };
    let records = task.task_counter(TaskCounter::MapOutputRecords);
    let bytes = task.task_counter(TaskCounter::MapOutputBytes);
    MapOutputBuffer::new(size, partitioner, spiller, records, bytes)
}

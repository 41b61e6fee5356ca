//! A reduce attempt.

use std::sync::Arc;

use super::classes::{OrderUse, order_of};
use super::collector::RecordOutput;
use super::combine::combiner_of;
use super::formats::{map_output_classes, open_output};
use super::map::{count, map_output_codec};
use super::{Classes, Collector, Groups, TaskContext, TaskDescription, Umbilical};
use crate::counters::{FILE_OUTPUT_GROUP, TaskCounter};
use crate::error::Result;
use crate::job::Phase;
use crate::shuffle::{Shuffle, ShuffleSettings};

/// Fetches, merges and reduces one partition.
pub(super) fn run(
    description: &TaskDescription,
    maps: u32,
    classes: &dyn Classes,
    task: &Arc<TaskContext>,
    umbilical: &Arc<dyn Umbilical>,
) -> Result<()> {
    let conf = task.conf();
    let (key_class, _) = map_output_classes(conf)?;
    let order = order_of(classes, conf, &key_class, OrderUse::Sort)?;
    let group_order = order_of(classes, conf, &key_class, OrderUse::Groups)?;
    let settings = ShuffleSettings::of_job(conf)?;
    let shuffle = Shuffle {
        task: Arc::clone(task),
        umbilical: Arc::clone(umbilical),
        maps,
        key: description.shuffle_key.clone(),
        settings,
        order,
        codec: map_output_codec(task)?,
        combiner: combiner_of(classes, task, &key_class)?,
        factor: count(task, "mapreduce.task.io.sort.factor", 10)?,
    };
    let mut stream = shuffle.run()?;
    task.set_phase(Phase::Reduce);
    task.set_progress(2.0 / 3.0);
    let writer = open_output(description, classes, task)?;
    let records = task.task_counter(TaskCounter::ReduceOutputRecords);
    let bytes = task.counter(FILE_OUTPUT_GROUP, "BYTES_WRITTEN")?;
    let mut output = RecordOutput::new(writer, records, bytes);
    let mut reducer = classes.reducer(conf)?;
    let records = task.task_counter(TaskCounter::ReduceInputRecords);
    let counted = task.task_counter(TaskCounter::ReduceInputGroups);
    let mut groups = Groups::new(&mut stream, &group_order, records).reporting(
        counted,
        task,
        2.0 / 3.0,
        1.0 / 3.0,
    );
    reducer.run(&mut groups, Collector::Records(&mut output), task)?;
    // A reducer may leave values unread; what it read is counted.
    groups.publish();
    output.close()
}

//! A job's combiner, as spills and merges use it.

use std::sync::Arc;

use super::classes::{CombineMaker, OrderUse, order_of};
use super::{Classes, Collector, Groups, TaskContext};
use crate::collect::{CombineOutput, Combiner, CombinerFactory, KeyOrder};
use crate::counters::{Counter, TaskCounter};
use crate::error::Result;
use crate::merge::RecordStream;

struct RunnerCombiner {
    make: CombineMaker,
    order: Arc<KeyOrder>,
    task: Arc<TaskContext>,
    input: Counter,
    output: Counter,
}

impl Combiner for RunnerCombiner {
    fn combine(&mut self, input: &mut dyn RecordStream, out: &mut CombineOutput<'_>) -> Result<()> {
        let before = out.records();
        let mut groups = Groups::new(input, &self.order, self.input.clone());
        let mut runner = (self.make)()?;
        runner.run(&mut groups, Collector::Combined(&mut out.reborrow()), &self.task)?;
        self.output.add((out.records() - before) as i64);
        Ok(())
    }
}

/// The combiner that a job names, where it names one.
pub(super) fn combiner_of(
    classes: &dyn Classes,
    task: &Arc<TaskContext>,
    key_class: &str,
) -> Result<Option<CombinerFactory>> {
    let Some(make) = classes.combiner(task.conf())? else { return Ok(None) };
    let order = order_of(classes, task.conf(), key_class, OrderUse::CombinerGroups)?;
    let (order, task) = (Arc::new(order), Arc::clone(task));
    let input = task.task_counter(TaskCounter::CombineInputRecords);
    let output = task.task_counter(TaskCounter::CombineOutputRecords);
    Ok(Some(Arc::new(move || {
        Ok(Box::new(RunnerCombiner {
            make: Arc::clone(&make),
            order: Arc::clone(&order),
            task: Arc::clone(&task),
            input: input.clone(),
            output: output.clone(),
        }))
    })))
}

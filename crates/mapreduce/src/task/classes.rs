//! What a job's class names stand for: who runs its maps, reduces and combiners.

use std::sync::Arc;

use loxodon_conf::Configuration;

use super::{Collector, Groups, MapInput, TaskContext};
use crate::collect::{KeyOrder, Partitioner};
use crate::error::Result;
use crate::input::InputFormat;
use crate::output::OutputFormat;

/// Runs a map task: reads all of its input.
pub trait MapRunner: Send {
    /// Reads records until there are none and emits others.
    ///
    /// # Errors
    /// The program's own, and those of reading and writing.
    fn run(
        &mut self,
        input: &mut MapInput<'_>,
        output: Collector<'_>,
        task: &TaskContext,
    ) -> Result<()>;
}

/// Runs a reduce task, or a combiner over some records.
pub trait ReduceRunner: Send {
    /// Reads groups until there are none and emits records.
    ///
    /// # Errors
    /// The program's own, and those of reading and writing.
    fn run(
        &mut self,
        groups: &mut Groups<'_>,
        output: Collector<'_>,
        task: &TaskContext,
    ) -> Result<()>;
}

/// Makes a runner of combiners, for one spill or merge.
pub type CombineMaker = Arc<dyn Fn() -> Result<Box<dyn ReduceRunner>> + Send + Sync>;

/// What the names in a job's configuration stand for. A program of one's own, streaming and the examples each
/// have theirs; names that are none of theirs are Hadoop's own classes.
pub trait Classes: Send + Sync {
    /// Who runs the maps.
    ///
    /// # Errors
    /// The job names nobody that is known.
    fn mapper(&self, conf: &Configuration) -> Result<Box<dyn MapRunner>>;

    /// Who runs the reduces.
    ///
    /// # Errors
    /// The job names nobody that is known.
    fn reducer(&self, conf: &Configuration) -> Result<Box<dyn ReduceRunner>>;

    /// Who combines, where the job has a combiner.
    ///
    /// # Errors
    /// The job names nobody that is known.
    fn combiner(&self, conf: &Configuration) -> Result<Option<CombineMaker>>;

    /// Whether the job's combiner costs little to start, so that it may run over many small batches of records
    /// before these are sorted. One that is a process of its own does not.
    fn combines_early(&self, _conf: &Configuration) -> bool {
        false
    }

    /// The partitioner, where it is none of Hadoop's.
    ///
    /// # Errors
    /// It cannot be set up.
    fn partitioner(&self, _conf: &Configuration) -> Result<Option<Partitioner>> {
        Ok(None)
    }

    /// The order of keys and that of groups, where they are none of Hadoop's.
    ///
    /// # Errors
    /// They cannot be set up.
    fn order(&self, _use_: OrderUse, _conf: &Configuration) -> Result<Option<KeyOrder>> {
        Ok(None)
    }

    /// An input format that is none of Hadoop's.
    fn input_format(&self, _class: &str) -> Option<Box<dyn InputFormat>> {
        None
    }

    /// An output format that is none of Hadoop's.
    fn output_format(&self, _class: &str) -> Option<Box<dyn OutputFormat>> {
        None
    }
}

/// What an order is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OrderUse {
    /// Sorting map outputs.
    Sort,
    /// Which keys are one group of a reduce.
    Groups,
    /// Which keys are one group of a combiner.
    CombinerGroups,
}

/// The order of a job's keys for a use, of its own or of Hadoop's.
///
/// # Errors
/// The job names a comparator or a class that is not known.
pub fn order_of(
    classes: &dyn Classes,
    conf: &Configuration,
    key_class: &str,
    use_: OrderUse,
) -> Result<KeyOrder> {
    if let Some(order) = classes.order(use_, conf)? {
        return Ok(order);
    }
    match use_ {
        OrderUse::Sort => KeyOrder::of_job(conf, key_class),
        OrderUse::Groups => KeyOrder::of_groups(conf, key_class),
        OrderUse::CombinerGroups => KeyOrder::of_combiner_groups(conf, key_class),
    }
}

//! A job, put together step by step.

use loxodon_conf::Configuration;

use super::api::{Mapper, Order, Partition, Reducer};
use super::registry::{KEY_TYPE, Program, name_of};
use crate::input::InputFormat;
use crate::io::writable::Writable;
use crate::output::OutputFormat;

/// Who set a key, for error messages.
const SOURCE: &str = "the program";

/// A job of a program: its configuration, and the classes that this names.
///
/// Every step sets Hadoop's own key; [`set`](Self::set) reaches those that have no step.
#[derive(Clone, Debug)]
pub struct Job {
    conf: Configuration,
    program: Program,
}

impl Job {
    /// A job with a configuration and no classes yet.
    pub fn new(conf: Configuration) -> Self {
        Self { conf, program: Program::new() }
    }

    /// Sets any key.
    pub fn set(&mut self, name: &str, value: impl ToString) -> &mut Self {
        self.conf.set(name, &value.to_string(), SOURCE);
        self
    }

    /// The job's name.
    pub fn name(&mut self, name: &str) -> &mut Self {
        self.set("mapreduce.job.name", name)
    }

    /// The mapper, and with it the types of the map's output.
    pub fn mapper<M: Mapper>(&mut self) -> &mut Self {
        self.program.mapper::<M>();
        self.set("mapreduce.job.map.class", name_of::<M>());
        self.set("mapreduce.map.output.key.class", M::KeyOut::CLASS);
        self.set("mapreduce.map.output.value.class", M::ValueOut::CLASS);
        self.set(KEY_TYPE, name_of::<M::KeyOut>());
        if self.conf.get("mapreduce.job.reduce.class").is_ok_and(|class| class.is_none()) {
            self.output_classes::<M::KeyOut, M::ValueOut>();
        }
        self
    }

    /// The combiner.
    pub fn combiner<R: Reducer>(&mut self) -> &mut Self {
        self.program.reducer::<R>();
        self.set("mapreduce.job.combine.class", name_of::<R>())
    }

    /// The reducer, and with it the types of the output.
    pub fn reducer<R: Reducer>(&mut self) -> &mut Self {
        self.program.reducer::<R>();
        self.set("mapreduce.job.reduce.class", name_of::<R>());
        self.output_classes::<R::KeyOut, R::ValueOut>()
    }

    fn output_classes<K: Writable, V: Writable>(&mut self) -> &mut Self {
        self.set("mapreduce.job.output.key.class", K::CLASS);
        self.set("mapreduce.job.output.value.class", V::CLASS)
    }

    /// The partitioner; without one it is the hash of the key.
    pub fn partitioner<P: Partition>(&mut self) -> &mut Self {
        self.program.partitioner::<P>();
        self.set("mapreduce.job.partitioner.class", name_of::<P>())
    }

    /// The order that keys are sorted in, where it is not their own.
    pub fn sort_by<O: Order>(&mut self) -> &mut Self {
        self.program.order::<O>();
        self.set("mapreduce.job.output.key.comparator.class", name_of::<O>())
    }

    /// Which keys make one group of a reduce: those that are equal in this order.
    pub fn group_by<O: Order>(&mut self) -> &mut Self {
        self.program.order::<O>();
        self.set("mapreduce.job.output.group.comparator.class", name_of::<O>())
    }

    /// Number of reduces; with none the maps write the output.
    pub fn reduces(&mut self, count: u32) -> &mut Self {
        self.set("mapreduce.job.reduces", count)
    }

    /// Adds an input: a file, a directory, or a pattern.
    pub fn input(&mut self, path: &str) -> &mut Self {
        let name = "mapreduce.input.fileinputformat.inputdir";
        let escaped = path.replace('\\', "\\\\").replace(',', "\\,");
        let before = self.conf.get(name).ok().flatten().filter(|b| !b.is_empty());
        let all = before.map_or_else(|| escaped.clone(), |before| format!("{before},{escaped}"));
        self.set(name, all)
    }

    /// The directory of the output, which must not be there yet.
    pub fn output(&mut self, path: &str) -> &mut Self {
        self.set("mapreduce.output.fileoutputformat.outputdir", path)
    }

    /// One of Hadoop's input formats, by its class.
    pub fn input_format(&mut self, class: &str) -> &mut Self {
        self.set("mapreduce.job.inputformat.class", class)
    }

    /// One of Hadoop's output formats, by its class.
    pub fn output_format(&mut self, class: &str) -> &mut Self {
        self.set("mapreduce.job.outputformat.class", class)
    }

    /// An input format of the program's own.
    pub fn own_input_format<F: InputFormat + Default + 'static>(&mut self) -> &mut Self {
        self.program.input_format::<F>();
        self.set("mapreduce.job.inputformat.class", name_of::<F>())
    }

    /// An output format of the program's own.
    pub fn own_output_format<F: OutputFormat + Default + 'static>(&mut self) -> &mut Self {
        self.program.output_format::<F>();
        self.set("mapreduce.job.outputformat.class", name_of::<F>())
    }

    /// The configuration.
    pub fn conf(&self) -> &Configuration {
        &self.conf
    }

    /// Configuration and classes.
    pub fn into_parts(self) -> (Configuration, Program) {
        (self.conf, self.program)
    }
}

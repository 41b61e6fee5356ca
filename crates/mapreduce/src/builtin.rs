//! What the class names of built-in jobs stand for: streaming, the examples, and the small classes of Hadoop's
//! libraries that both use.

use std::sync::Arc;

use loxodon_conf::Configuration;

use crate::collect::{KeyOrder, Partitioner};
use crate::error::{Error, ErrorKind, Result};
use crate::examples;
use crate::input::InputFormat;
use crate::io::writable::{BytesWritable, Datum, IntWritable, Kind, LongWritable, Text, Writable};
use crate::output::OutputFormat;
use crate::program::runners::ReducerRunner;
use crate::program::{IntSum, LongSum};
use crate::settings::Settings;
use crate::streaming::{
    AggregateCombiner, AggregateReducer, AutoInputFormat, PipeMapper, PipeReducer,
    StreamInputFormat,
};
use crate::task::{
    Classes, Collector, CombineMaker, Groups, MapInput, MapRunner, OrderUse, ReduceRunner,
    TaskContext, map_output_classes,
};

/// The classes of jobs that this library has itself. What a job's configuration names decides.
#[derive(Clone, Copy, Debug, Default)]
pub struct Builtin;

/// The classes of streaming and the examples.
pub fn builtin_classes() -> Builtin {
    Builtin
}

fn named(conf: &Configuration, new: &str, old: &str) -> Result<Option<String>> {
    match conf.get_text(new)? {
        Some(name) => Ok(Some(name)),
        None => conf.get_text(old),
    }
}

fn not_found(class: &str) -> Error {
    Error::new(ErrorKind::ClassNotFound, format!("Class {class} not found"))
}

fn mapper(class: &str) -> Option<Box<dyn MapRunner>> {
    Some(match class {
        "org.apache.hadoop.streaming.PipeMapper" => Box::new(PipeMapper),
        "org.apache.hadoop.mapreduce.Mapper" | "org.apache.hadoop.mapred.lib.IdentityMapper" => {
            Box::new(PassRecords { inverse: false })
        }
        "org.apache.hadoop.mapreduce.lib.map.InverseMapper"
        | "org.apache.hadoop.mapred.lib.InverseMapper" => Box::new(PassRecords { inverse: true }),
        other => return examples::mapper(other),
    })
}

fn reducer(class: &str) -> Option<Box<dyn ReduceRunner>> {
    Some(match class {
        "org.apache.hadoop.streaming.PipeReducer" => Box::new(PipeReducer::reducer()),
        "org.apache.hadoop.streaming.PipeCombiner" => Box::new(PipeReducer::combiner()),
        "org.apache.hadoop.mapreduce.Reducer" | "org.apache.hadoop.mapred.lib.IdentityReducer" => {
            Box::new(PassGroups)
        }
        "org.apache.hadoop.mapreduce.lib.reduce.LongSumReducer"
        | "org.apache.hadoop.mapred.lib.LongSumReducer" => Box::new(ReducerRunner(LongSum)),
        "org.apache.hadoop.mapreduce.lib.reduce.IntSumReducer" => Box::new(ReducerRunner(IntSum)),
        "org.apache.hadoop.mapred.lib.aggregate.ValueAggregatorReducer"
        | "org.apache.hadoop.mapreduce.lib.aggregate.ValueAggregatorReducer" => {
            Box::new(AggregateReducer)
        }
        "org.apache.hadoop.mapred.lib.aggregate.ValueAggregatorCombiner"
        | "org.apache.hadoop.mapreduce.lib.aggregate.ValueAggregatorCombiner" => {
            Box::new(AggregateCombiner)
        }
        other => return examples::reducer(other),
    })
}

/// Whether `-mapper` names one of these and no command.
pub(crate) fn is_known_mapper(class: &str) -> bool {
    class.starts_with("org.apache.hadoop.mapred.lib.") && mapper(class).is_some()
}

/// Whether `-reducer` or `-combiner` names one of these and no command.
pub(crate) fn is_known_reducer(class: &str) -> bool {
    class.starts_with("org.apache.hadoop.mapred.lib.") && reducer(class).is_some()
}

impl Classes for Builtin {
    fn mapper(&self, conf: &Configuration) -> Result<Box<dyn MapRunner>> {
        match named(conf, "mapreduce.job.map.class", "mapred.mapper.class")? {
            None => Ok(Box::new(PassRecords { inverse: false })),
            Some(class) => mapper(&class).ok_or_else(|| not_found(&class)),
        }
    }

    fn reducer(&self, conf: &Configuration) -> Result<Box<dyn ReduceRunner>> {
        match named(conf, "mapreduce.job.reduce.class", "mapred.reducer.class")? {
            None => Ok(Box::new(PassGroups)),
            Some(class) => reducer(&class).ok_or_else(|| not_found(&class)),
        }
    }

    fn combiner(&self, conf: &Configuration) -> Result<Option<CombineMaker>> {
        let class = named(conf, "mapreduce.job.combine.class", "mapred.combiner.class")?;
        let Some(class) = class else { return Ok(None) };
        // Found once, or the job ends before it has begun.
        reducer(&class).ok_or_else(|| not_found(&class))?;
        Ok(Some(Arc::new(move || reducer(&class).ok_or_else(|| not_found(&class)))))
    }

    fn combines_early(&self, conf: &Configuration) -> bool {
        // Streaming's combiner is a process for each use; one that is not named well fails in `combiner`.
        named(conf, "mapreduce.job.combine.class", "mapred.combiner.class")
            .is_ok_and(|class| class.is_some_and(|class| !class.ends_with("PipeCombiner")))
    }

    fn partitioner(&self, conf: &Configuration) -> Result<Option<Partitioner>> {
        match conf.get_text("mapreduce.job.partitioner.class")? {
            Some(class) => examples::partitioner(&class, conf),
            None => Ok(None),
        }
    }

    fn order(&self, use_: OrderUse, conf: &Configuration) -> Result<Option<KeyOrder>> {
        examples::order(use_, conf)
    }

    fn input_format(&self, class: &str) -> Option<Box<dyn InputFormat>> {
        match class {
            "org.apache.hadoop.streaming.StreamInputFormat" => Some(Box::new(StreamInputFormat)),
            "org.apache.hadoop.streaming.AutoInputFormat" => Some(Box::new(AutoInputFormat)),
            other => examples::input_format(other),
        }
    }

    fn output_format(&self, class: &str) -> Option<Box<dyn OutputFormat>> {
        examples::output_format(class)
    }
}

/// `IdentityMapper`, and `InverseMapper`, which exchanges keys and values.
struct PassRecords {
    inverse: bool,
}

/// The class of a value; that of a serialised one must be known.
fn class_of<'a>(datum: Datum<'_>, serialized: Option<&'a str>) -> &'a str {
    datum.class().or(serialized).unwrap_or("a class that is not known")
}

impl MapRunner for PassRecords {
    fn run(
        &mut self,
        input: &mut MapInput<'_>,
        mut output: Collector<'_>,
        task: &TaskContext,
    ) -> Result<()> {
        let sorted = matches!(output, Collector::Sort(_));
        let (key_class, value_class) = map_output_classes(task.conf())?;
        let mut checked = false;
        while input.advance()? {
            let (mut key, mut value) = (input.key(), input.value());
            let (mut keys, mut values) = input.classes().unzip();
            if self.inverse {
                std::mem::swap(&mut key, &mut value);
                std::mem::swap(&mut keys, &mut values);
            }
            if sorted && !checked {
                // All records of an input are of one class.
                expect("key", &key_class, class_of(key, keys))?;
                expect("value", &value_class, class_of(value, values))?;
                checked = true;
            }
            match sorted {
                true => output.write_datum(key, value)?,
                false => {
                    let key = unpacked(key, keys.and_then(Kind::of_class))?;
                    output.write_datum(key, unpacked(value, values.and_then(Kind::of_class))?)?;
                }
            }
        }
        Ok(())
    }
}

fn expect(what: &str, expected: &str, received: &str) -> Result<()> {
    if expected == received {
        return Ok(());
    }
    let text =
        format!("Type mismatch in {what} from map: expected {expected}, received {received}");
    Err(Error::io(text))
}

/// A value in a form that says what it is, where there is one.
fn unpacked(datum: Datum<'_>, kind: Option<Kind>) -> Result<Datum<'_>> {
    let Datum::Serialized(mut bytes) = datum else { return Ok(datum) };
    let from = &mut bytes;
    Ok(match kind {
        Some(Kind::Text) => Datum::Text(Text::read(from)?),
        Some(Kind::Bytes) => Datum::Bytes(BytesWritable::read(from)?),
        Some(Kind::Long) => Datum::Long(LongWritable::read(from)?),
        Some(Kind::Int) => Datum::Int(IntWritable::read(from)?),
        Some(Kind::Null) => Datum::Null,
        _ => datum,
    })
}

/// Passes all records of all groups on; what they are is told, because the job need not say what it puts out.
pub(crate) fn pass_groups(
    groups: &mut Groups<'_>,
    mut output: Collector<'_>,
    kinds: (Option<Kind>, Option<Kind>),
) -> Result<()> {
    while let Some((_, mut values)) = groups.next_group()? {
        while values.advance()? {
            let key = unpacked(Datum::Serialized(values.key()), kinds.0)?;
            let value = unpacked(Datum::Serialized(values.value()), kinds.1)?;
            output.write_datum(key, value)?;
        }
    }
    Ok(())
}

/// `IdentityReducer`.
struct PassGroups;

impl ReduceRunner for PassGroups {
    fn run(
        &mut self,
        groups: &mut Groups<'_>,
        output: Collector<'_>,
        task: &TaskContext,
    ) -> Result<()> {
        let (key, value) = map_output_classes(task.conf())?;
        pass_groups(groups, output, (Kind::of_class(&key), Kind::of_class(&value)))
    }
}

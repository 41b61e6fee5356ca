//! The classes of one program, by name: what a job's configuration names, a task finds here again.

use std::collections::BTreeMap;
use std::sync::Arc;

use loxodon_conf::Configuration;

use super::api::{Mapper, Order, Partition, Reducer};
use super::runners::{
    IdentityMapper, IdentityReducer, MapperRunner, ReducerRunner, TypedOrder, TypedPartitioner,
};
use crate::collect::{KeyOrder, Partitioner};
use crate::error::{Error, ErrorKind, Result};
use crate::input::InputFormat;
use crate::output::OutputFormat;
use crate::settings::Settings;
use crate::task::{Classes, CombineMaker, MapRunner, OrderUse, ReduceRunner};

type Make<T> = Arc<dyn Fn() -> Box<T> + Send + Sync>;

/// Names of Hadoop's own mapper and reducer, which pass everything on.
const IDENTITY: [&str; 4] = [
    "org.apache.hadoop.mapreduce.Mapper",
    "org.apache.hadoop.mapreduce.Reducer",
    "org.apache.hadoop.mapred.lib.IdentityMapper",
    "org.apache.hadoop.mapred.lib.IdentityReducer",
];

/// Where the job keeps the name of the map's key type, for an order that Hadoop does not know.
pub(super) const KEY_TYPE: &str = "loxodon.job.map.key.type";

/// The classes of a program.
#[derive(Clone, Default)]
pub struct Program {
    mappers: BTreeMap<String, Make<dyn MapRunner>>,
    reducers: BTreeMap<String, Make<dyn ReduceRunner>>,
    partitioners: BTreeMap<String, Partitioner>,
    orders: BTreeMap<String, KeyOrder>,
    inputs: BTreeMap<String, Make<dyn InputFormat>>,
    outputs: BTreeMap<String, Make<dyn OutputFormat>>,
}

/// A type's name, as configurations have it.
pub(super) fn name_of<T: ?Sized>() -> &'static str {
    std::any::type_name::<T>()
}

impl Program {
    /// No classes yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Knows a mapper.
    pub fn mapper<M: Mapper>(&mut self) -> &mut Self {
        let make: Make<dyn MapRunner> = Arc::new(|| Box::new(MapperRunner(M::default())));
        self.mappers.insert(name_of::<M>().into(), make);
        self.orders.insert(name_of::<M::KeyOut>().into(), super::api::natural_order::<M::KeyOut>());
        self
    }

    /// Knows a mapper that sees its whole input at once.
    pub fn map_runner<M: MapRunner + Default + 'static>(&mut self) -> &mut Self {
        self.mappers.insert(name_of::<M>().into(), Arc::new(|| Box::new(M::default())));
        self
    }

    /// Knows a reducer, as a combiner too.
    pub fn reducer<R: Reducer>(&mut self) -> &mut Self {
        let make: Make<dyn ReduceRunner> = Arc::new(|| Box::new(ReducerRunner(R::default())));
        self.reducers.insert(name_of::<R>().into(), make);
        self
    }

    /// Knows a partitioner.
    pub fn partitioner<P: Partition>(&mut self) -> &mut Self {
        let custom = Partitioner::Custom(Arc::new(TypedPartitioner(P::default())));
        self.partitioners.insert(name_of::<P>().into(), custom);
        self
    }

    /// Knows an order of keys.
    pub fn order<O: Order>(&mut self) -> &mut Self {
        let custom = KeyOrder::Custom(Arc::new(TypedOrder(O::default())));
        self.orders.insert(name_of::<O>().into(), custom);
        self
    }

    /// Knows an input format.
    pub fn input_format<F: InputFormat + Default + 'static>(&mut self) -> &mut Self {
        self.inputs.insert(name_of::<F>().into(), Arc::new(|| Box::new(F::default())));
        self
    }

    /// Knows an output format.
    pub fn output_format<F: OutputFormat + Default + 'static>(&mut self) -> &mut Self {
        self.outputs.insert(name_of::<F>().into(), Arc::new(|| Box::new(F::default())));
        self
    }
}

fn not_found(class: &str) -> Error {
    Error::new(ErrorKind::ClassNotFound, format!("Class {class} not found"))
}

fn named(conf: &Configuration, names: [&str; 2]) -> Result<Option<String>> {
    match conf.get_text(names[0])? {
        Some(name) => Ok(Some(name)),
        None => conf.get_text(names[1]),
    }
}

impl Classes for Program {
    fn mapper(&self, conf: &Configuration) -> Result<Box<dyn MapRunner>> {
        let name = named(conf, ["mapreduce.job.map.class", "mapred.mapper.class"])?;
        match name {
            None => Ok(Box::new(IdentityMapper)),
            Some(name) if IDENTITY.contains(&name.as_str()) => Ok(Box::new(IdentityMapper)),
            Some(name) => Ok(self.mappers.get(&name).ok_or_else(|| not_found(&name))?()),
        }
    }

    fn reducer(&self, conf: &Configuration) -> Result<Box<dyn ReduceRunner>> {
        let name = named(conf, ["mapreduce.job.reduce.class", "mapred.reducer.class"])?;
        match name {
            None => Ok(Box::new(IdentityReducer)),
            Some(name) if IDENTITY.contains(&name.as_str()) => Ok(Box::new(IdentityReducer)),
            Some(name) => Ok(self.reducers.get(&name).ok_or_else(|| not_found(&name))?()),
        }
    }

    fn combiner(&self, conf: &Configuration) -> Result<Option<CombineMaker>> {
        let name = named(conf, ["mapreduce.job.combine.class", "mapred.combiner.class"])?;
        let Some(name) = name else { return Ok(None) };
        let make = Arc::clone(self.reducers.get(&name).ok_or_else(|| not_found(&name))?);
        Ok(Some(Arc::new(move || Ok(make()))))
    }

    fn combines_early(&self, _conf: &Configuration) -> bool {
        true
    }

    fn partitioner(&self, conf: &Configuration) -> Result<Option<Partitioner>> {
        let name = named(conf, ["mapreduce.job.partitioner.class", "mapred.partitioner.class"])?;
        Ok(name.and_then(|name| self.partitioners.get(&name).cloned()))
    }

    fn order(&self, use_: OrderUse, conf: &Configuration) -> Result<Option<KeyOrder>> {
        let sort = "mapreduce.job.output.key.comparator.class";
        let names: &[&str] = match use_ {
            OrderUse::Sort => &[sort],
            OrderUse::Groups => &["mapreduce.job.output.group.comparator.class", sort],
            OrderUse::CombinerGroups => &["mapreduce.job.combiner.group.comparator.class", sort],
        };
        for name in names {
            if let Some(named) = conf.get_text(name)? {
                return Ok(self.orders.get(&named).cloned());
            }
        }
        let key = conf.get_text(KEY_TYPE)?;
        Ok(key.and_then(|key| self.orders.get(&key).cloned()))
    }

    fn input_format(&self, class: &str) -> Option<Box<dyn InputFormat>> {
        self.inputs.get(class).map(|make| make())
    }

    fn output_format(&self, class: &str) -> Option<Box<dyn OutputFormat>> {
        self.outputs.get(class).map(|make| make())
    }
}

impl std::fmt::Debug for Program {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let names = |names: Vec<&String>| format!("{names:?}");
        f.debug_struct("Program")
            .field("mappers", &names(self.mappers.keys().collect()))
            .field("reducers", &names(self.reducers.keys().collect()))
            .finish_non_exhaustive()
    }
}

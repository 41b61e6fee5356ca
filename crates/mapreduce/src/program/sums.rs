//! Reducers that sum up (`org.apache.hadoop.mapreduce.lib.reduce`).

use super::{IntWritable, LongWritable, Output, Reducer, Text, Values, Writable};
use crate::error::Result;

macro_rules! sums {
    ($(#[$doc:meta] $visible:vis $name:ident: $key:ty => $value:ty;)*) => {$(
        #[$doc]
        #[derive(Clone, Copy, Debug, Default)]
        $visible struct $name;

        impl Reducer for $name {
            type KeyIn = $key;
            type ValueIn = $value;
            type KeyOut = $key;
            type ValueOut = $value;

            fn reduce(
                &mut self,
                key: <$key as Writable>::View<'_>,
                values: &mut Values<'_, '_, '_, $key, $value>,
                out: &mut Output<'_, '_, $key, $value>,
            ) -> Result<()> {
                let zero: <$value as Writable>::View<'static> = 0;
                out.write(key, values.fold(zero, |sum, value| sum.wrapping_add(value))?)
            }
        }
    )*};
}

sums! {
    /// Sums up the numbers of a text (`IntSumReducer`).
    pub IntSum: Text => IntWritable;
    /// Sums up the numbers of a text (`LongSumReducer`).
    pub LongSum: Text => LongWritable;
    /// Sums up the numbers of a number (`WordMedianReducer`).
    pub(crate) SumOfInts: IntWritable => IntWritable;
}

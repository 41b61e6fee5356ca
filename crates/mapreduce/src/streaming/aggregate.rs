//! Reducer and combiner `aggregate`: each key says how its values are put together (`mapred.lib.aggregate`).

use std::collections::{BTreeMap, BTreeSet};

use crate::error::{Error, ErrorKind, Result};
use crate::io::writable::{Datum, Text, Writable, show_double};
use crate::task::{Collector, Groups, ReduceRunner, TaskContext};

/// What stands between a key's kind of aggregation and the key.
const SEPARATOR: char = ':';

/// One aggregation in the making.
enum Aggregator {
    LongSum(i64),
    LongMax(i64),
    LongMin(i64),
    StringMax(Option<String>),
    StringMin(Option<String>),
    DoubleSum(f64),
    UniqueCount(BTreeSet<String>),
    Histogram(BTreeMap<String, i64>),
}

fn number(text: &str) -> Result<i64> {
    text.parse().map_err(|_| {
        let text = format!("For input string: \"{text}\"");
        Error::new(ErrorKind::Remote("java.lang.NumberFormatException".into()), text)
    })
}

/// As Java compares strings: by UTF-16 units.
fn java_less(a: &str, b: &str) -> bool {
    a.encode_utf16().lt(b.encode_utf16())
}

impl Aggregator {
    fn of_name(name: &str) -> Option<Self> {
        Some(match name.to_ascii_lowercase().as_str() {
            "longvaluesum" => Self::LongSum(0),
            "longvaluemax" => Self::LongMax(i64::MIN),
            "longvaluemin" => Self::LongMin(i64::MAX),
            "stringvaluemax" => Self::StringMax(None),
            "stringvaluemin" => Self::StringMin(None),
            "doublevaluesum" => Self::DoubleSum(0.0),
            "uniqvaluecount" => Self::UniqueCount(BTreeSet::new()),
            "valuehistogram" => Self::Histogram(BTreeMap::new()),
            _ => return None,
        })
    }

    fn add(&mut self, value: &str) -> Result<()> {
        match self {
            Self::LongSum(sum) => *sum = sum.wrapping_add(number(value)?),
            Self::LongMax(most) => *most = (*most).max(number(value)?),
            Self::LongMin(least) => *least = (*least).min(number(value)?),
            Self::StringMax(most) => {
                if most.as_deref().is_none_or(|most| java_less(most, value)) {
                    *most = Some(value.to_owned());
                }
            }
            Self::StringMin(least) => {
                if least.as_deref().is_none_or(|least| java_less(value, least)) {
                    *least = Some(value.to_owned());
                }
            }
            Self::DoubleSum(sum) => {
                let parsed: f64 = value.trim().parse().map_err(|_| {
                    let text = format!("For input string: \"{value}\"");
                    Error::new(ErrorKind::Remote("java.lang.NumberFormatException".into()), text)
                })?;
                *sum += parsed;
            }
            Self::UniqueCount(all) => drop(all.insert(value.to_owned())),
            Self::Histogram(all) => {
                let (value, count) = match value.rsplit_once('\t') {
                    Some((value, count)) => (value, number(count)?),
                    None => (value, 1),
                };
                let sum = all.entry(value.to_owned()).or_default();
                *sum = sum.wrapping_add(count);
            }
        }
        Ok(())
    }

    fn report(&self) -> String {
        match self {
            Self::LongSum(n) | Self::LongMax(n) | Self::LongMin(n) => n.to_string(),
            Self::StringMax(text) | Self::StringMin(text) => text.clone().unwrap_or_default(),
            Self::DoubleSum(sum) => show_double(*sum),
            Self::UniqueCount(all) => all.len().to_string(),
            Self::Histogram(all) => histogram(all.values().copied().collect()),
        }
    }

    /// What a combiner hands on.
    fn partial(&self) -> Vec<String> {
        match self {
            Self::UniqueCount(all) => all.iter().cloned().collect(),
            Self::Histogram(all) => all.iter().map(|(v, count)| format!("{v}\t{count}")).collect(),
            other => vec![other.report()],
        }
    }
}

/// How many values, the least, the median and the largest of their counts, average and deviation.
fn histogram(mut counts: Vec<i64>) -> String {
    counts.sort_unstable();
    let mut report = counts.len().to_string();
    let median = counts.get(counts.len() / 2);
    if let (Some(least), Some(median), Some(most)) = (counts.first(), median, counts.last()) {
        let sum = counts.iter().fold(0_i64, |sum, count| sum.wrapping_add(*count));
        let length = counts.len() as f64;
        let average = sum as f64 / length;
        let squares: f64 = counts.iter().map(|count| (*count as f64 - average).powi(2)).sum();
        let deviation = show_double((squares / length).sqrt());
        let average = show_double(average);
        report.push_str(&format!("\t{least}\t{median}\t{most}\t{average}\t{deviation}"));
    }
    report
}

/// Gathers a group; the key behind its kind of aggregation.
fn gather<'k>(
    key: &'k str,
    values: &mut crate::task::Values<'_, '_>,
) -> Result<(Aggregator, &'k str)> {
    let named = key.split_once(SEPARATOR);
    let found = named.and_then(|(name, rest)| Some((Aggregator::of_name(name)?, rest)));
    let Some((mut aggregator, rest)) = found else {
        let text =
            format!("the key \"{key}\" does not begin with a kind of aggregation and a colon");
        return Err(Error::new(ErrorKind::Runtime, text));
    };
    while values.advance()? {
        aggregator.add(&String::from_utf8_lossy(Text::read(&mut values.value())?))?;
    }
    Ok((aggregator, rest))
}

/// `ValueAggregatorReducer`.
#[derive(Debug, Default)]
pub struct AggregateReducer;

impl ReduceRunner for AggregateReducer {
    fn run(
        &mut self,
        groups: &mut Groups<'_>,
        mut output: Collector<'_>,
        _task: &TaskContext,
    ) -> Result<()> {
        while let Some((mut key, mut values)) = groups.next_group()? {
            let key = String::from_utf8_lossy(Text::read(&mut key)?).into_owned();
            let (aggregator, rest) = gather(&key, &mut values)?;
            let report = aggregator.report();
            output.write_datum(Datum::Text(rest.as_bytes()), Datum::Text(report.as_bytes()))?;
        }
        Ok(())
    }
}

/// `ValueAggregatorCombiner`.
#[derive(Debug, Default)]
pub struct AggregateCombiner;

impl ReduceRunner for AggregateCombiner {
    fn run(
        &mut self,
        groups: &mut Groups<'_>,
        mut output: Collector<'_>,
        _task: &TaskContext,
    ) -> Result<()> {
        while let Some((mut key, mut values)) = groups.next_group()? {
            let key = String::from_utf8_lossy(Text::read(&mut key)?).into_owned();
            let (aggregator, _) = gather(&key, &mut values)?;
            for value in aggregator.partial() {
                output.write_datum(Datum::Text(key.as_bytes()), Datum::Text(value.as_bytes()))?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn aggregated(name: &str, values: &[&str]) -> (String, Vec<String>) {
        let mut aggregator = Aggregator::of_name(name).unwrap();
        values.iter().for_each(|value| aggregator.add(value).unwrap());
        (aggregator.report(), aggregator.partial())
    }

    #[test]
    fn values_are_put_together_as_their_key_says() {
        assert_eq!(aggregated("LongValueSum", &["1", "-3"]).0, "-2");
        assert_eq!(aggregated("longvaluemax", &["1", "-3"]).0, "1");
        assert_eq!(aggregated("LongValueMin", &["1", "-3"]).0, "-3");
        assert_eq!(aggregated("StringValueMax", &["b", "ab"]).0, "b");
        assert_eq!(aggregated("StringValueMin", &["b", "ab"]).0, "ab");
        assert_eq!(aggregated("DoubleValueSum", &["1", "0.5"]).0, "1.5");
        assert_eq!(aggregated("UniqValueCount", &["x", "y", "x"]).0, "2");
        assert_eq!(aggregated("UniqValueCount", &["x", "y", "x"]).1, ["x", "y"]);
        let histogram = aggregated("ValueHistogram", &["x", "y\t2", "x", "z\t5"]);
        assert_eq!(histogram.0, "3\t2\t2\t5\t3.0\t1.4142135623730951");
        assert_eq!(histogram.1, ["x\t2", "y\t2", "z\t5"]);
        assert!(Aggregator::of_name("Other").is_none());
        assert!(Aggregator::LongSum(0).add("x").is_err());
    }
}

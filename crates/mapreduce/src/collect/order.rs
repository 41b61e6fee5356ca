//! In which order keys are sorted, on their serialized bytes.

use std::cmp::Ordering;
use std::sync::Arc;

use loxodon_conf::Configuration;

use super::key_field::KeyFieldOrder;
use crate::error::{Error, ErrorKind, Result};
use crate::ifile::vint;
use crate::io::writable::Kind;
use crate::settings::Settings;

/// Compares serialized keys (Hadoop's `RawComparator`).
pub trait RawComparator: Send + Sync {
    /// The order of two keys.
    fn compare(&self, a: &[u8], b: &[u8]) -> Ordering;

    /// A number that never contradicts [`compare`](Self::compare): a smaller one means a smaller key.
    fn prefix(&self, _key: &[u8]) -> u64 {
        0
    }
}

/// Where, in a serialized key, the bytes start that decide its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Leading {
    /// At once.
    None,
    /// After a variable-length integer (`Text`).
    VInt,
    /// After four bytes (`BytesWritable`).
    Four,
}

/// An order of keys.
#[derive(Clone)]
pub enum KeyOrder {
    /// As unsigned bytes, a shorter one before what it begins.
    Bytes(Leading),
    /// As numbers that fit 64 bits.
    Number(Number),
    /// All are equal (`NullWritable`).
    Equal,
    /// As the type of that class compares.
    Kind(Kind),
    /// As a comparator says.
    Custom(Arc<dyn RawComparator>),
    /// The other way round.
    Reverse(Arc<Self>),
}

/// How a number is serialized.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Number {
    /// `ByteWritable`.
    Byte,
    /// `BooleanWritable`.
    Boolean,
    /// `ShortWritable`.
    Short,
    /// `IntWritable`.
    Int,
    /// `LongWritable`.
    Long,
    /// `VIntWritable`, `VLongWritable`.
    Variable,
    /// `FloatWritable`.
    Float,
    /// `DoubleWritable`.
    Double,
}

const SIGN: u64 = 1 << 63;

impl Number {
    /// The value's place among all, as an unsigned number; `None` where the bytes are too few.
    fn place(self, key: &[u8]) -> Option<u64> {
        Some(match self {
            Self::Byte => u64::from(*key.first()? ^ 0x80),
            Self::Boolean => u64::from(*key.first()? != 0),
            Self::Short => u64::from(u16::from_be_bytes(*key.first_chunk()?) ^ 0x8000),
            Self::Int => u64::from(u32::from_be_bytes(*key.first_chunk()?) ^ 0x8000_0000),
            Self::Long => u64::from_be_bytes(*key.first_chunk()?) ^ SIGN,
            Self::Variable => vint::read(key)?.0 as u64 ^ SIGN,
            Self::Float => {
                let bits = u32::from_be_bytes(*key.first_chunk()?);
                u64::from(if bits >> 31 == 1 { !bits } else { bits ^ 0x8000_0000 })
            }
            Self::Double => {
                let bits = u64::from_be_bytes(*key.first_chunk()?);
                if bits >> 63 == 1 { !bits } else { bits ^ SIGN }
            }
        })
    }
}

impl Leading {
    /// The bytes that decide.
    #[inline]
    pub fn rest(self, key: &[u8]) -> &[u8] {
        let skipped = match self {
            Self::None => 0,
            Self::VInt => match key.first() {
                Some(first) if (*first as i8) < -112 => vint_size(*first as i8),
                _ => 1,
            },
            Self::Four => 4,
        };
        key.get(skipped..).unwrap_or_default()
    }
}

fn vint_size(first: i8) -> usize {
    (if first < -120 { -119 - i32::from(first) } else { -111 - i32::from(first) }) as usize
}

/// The first eight bytes as a number, filled up with zeros.
#[inline]
pub(crate) fn word(bytes: &[u8]) -> u64 {
    if let Some(whole) = bytes.first_chunk::<8>() {
        return u64::from_be_bytes(*whole);
    }
    let mut padded = [0; 8];
    for (to, from) in padded.iter_mut().zip(bytes) {
        *to = *from;
    }
    u64::from_be_bytes(padded)
}

impl KeyOrder {
    /// The order of two keys.
    #[inline]
    pub fn compare(&self, a: &[u8], b: &[u8]) -> Ordering {
        match self {
            Self::Bytes(leading) => leading.rest(a).cmp(leading.rest(b)),
            Self::Number(number) => number.place(a).cmp(&number.place(b)),
            Self::Equal => Ordering::Equal,
            Self::Kind(kind) => kind.compare(a, b),
            Self::Custom(comparator) => comparator.compare(a, b),
            Self::Reverse(order) => order.compare(b, a),
        }
    }

    /// A number that never contradicts the order: a smaller one means a smaller key.
    #[inline]
    pub fn prefix(&self, key: &[u8]) -> u64 {
        match self {
            Self::Bytes(leading) => word(leading.rest(key)),
            Self::Number(number) => number.place(key).unwrap_or(0),
            Self::Equal | Self::Kind(_) => 0,
            Self::Custom(comparator) => comparator.prefix(key),
            Self::Reverse(order) => !order.prefix(key),
        }
    }

    /// Whether equal prefixes mean equal keys.
    pub fn prefix_decides(&self) -> bool {
        match self {
            Self::Number(_) | Self::Equal => true,
            Self::Reverse(order) => order.prefix_decides(),
            _ => false,
        }
    }

    /// The order of a key class (`WritableComparator.get`).
    ///
    /// # Errors
    /// No class of that name is known.
    pub fn of_class(class: &str) -> Result<Self> {
        let short = class.strip_prefix("org.apache.hadoop.io.").unwrap_or(class);
        Ok(match short {
            "Text" => Self::Bytes(Leading::VInt),
            "BytesWritable" | "org.apache.hadoop.typedbytes.TypedBytesWritable" => {
                Self::Bytes(Leading::Four)
            }
            "MD5Hash" => Self::Bytes(Leading::None),
            "NullWritable" => Self::Equal,
            "ByteWritable" => Self::Number(Number::Byte),
            "BooleanWritable" => Self::Number(Number::Boolean),
            "ShortWritable" => Self::Number(Number::Short),
            "IntWritable" => Self::Number(Number::Int),
            "LongWritable" => Self::Number(Number::Long),
            "VIntWritable" | "VLongWritable" => Self::Number(Number::Variable),
            "FloatWritable" => Self::Number(Number::Float),
            "DoubleWritable" => Self::Number(Number::Double),
            _ => Self::Kind(Kind::of_class(class).ok_or_else(|| no_class(class))?),
        })
    }

    /// The order named by a comparator's class, for keys of a class.
    ///
    /// # Errors
    /// No comparator of that name is known, or its options are wrong.
    pub fn of_comparator(comparator: &str, key_class: &str, conf: &Configuration) -> Result<Self> {
        Ok(match comparator {
            "org.apache.hadoop.mapreduce.lib.partition.KeyFieldBasedComparator"
            | "org.apache.hadoop.mapred.lib.KeyFieldBasedComparator" => {
                Self::Custom(Arc::new(KeyFieldOrder::new(conf)?))
            }
            "org.apache.hadoop.io.LongWritable$DecreasingComparator" => {
                Self::Reverse(Arc::new(Self::Number(Number::Long)))
            }
            _ => match comparator.strip_suffix("$Comparator") {
                Some(class) => Self::of_class(class)?,
                None if comparator == "org.apache.hadoop.io.WritableComparator" => {
                    Self::of_class(key_class)?
                }
                None => return Err(no_class(comparator)),
            },
        })
    }

    /// The order a job sorts its map outputs in (`mapreduce.job.output.key.comparator.class`).
    ///
    /// # Errors
    /// The class or the comparator is not known.
    pub fn of_job(conf: &Configuration, key_class: &str) -> Result<Self> {
        match conf.get_text("mapreduce.job.output.key.comparator.class")? {
            Some(name) => Self::of_comparator(&name, key_class, conf),
            None => Self::of_class(key_class),
        }
    }

    /// By which order keys make one group of a reduce (`mapreduce.job.output.group.comparator.class`).
    ///
    /// # Errors
    /// The class or the comparator is not known.
    pub fn of_groups(conf: &Configuration, key_class: &str) -> Result<Self> {
        match conf.get_text("mapreduce.job.output.group.comparator.class")? {
            Some(name) => Self::of_comparator(&name, key_class, conf),
            None => Self::of_job(conf, key_class),
        }
    }

    /// By which order keys make one group of a combiner (`mapreduce.job.combiner.group.comparator.class`).
    ///
    /// # Errors
    /// The class or the comparator is not known.
    pub fn of_combiner_groups(conf: &Configuration, key_class: &str) -> Result<Self> {
        match conf.get_text("mapreduce.job.combiner.group.comparator.class")? {
            Some(name) => Self::of_comparator(&name, key_class, conf),
            None => Self::of_job(conf, key_class),
        }
    }
}

fn no_class(class: &str) -> Error {
    Error::new(ErrorKind::ClassNotFound, format!("Class {class} not found"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn serialized_text(text: &[u8]) -> Vec<u8> {
        let mut bytes = Vec::new();
        vint::write(text.len() as i64, &mut bytes);
        bytes.extend_from_slice(text);
        bytes
    }

    fn agrees(order: &KeyOrder, a: &[u8], b: &[u8], expected: Ordering) {
        assert_eq!(order.compare(a, b), expected);
        let (x, y) = (order.prefix(a), order.prefix(b));
        assert!(x == y || x.cmp(&y) == expected);
        assert!(x != y || !order.prefix_decides() || expected == Ordering::Equal);
        let reverse = KeyOrder::Reverse(Arc::new(order.clone()));
        assert_eq!(reverse.compare(a, b), expected.reverse());
        let (x, y) = (reverse.prefix(a), reverse.prefix(b));
        assert!(x == y || x.cmp(&y) == expected.reverse());
    }

    proptest! {
        #[test]
        fn text_is_ordered_by_its_bytes(a: Vec<u8>, b: Vec<u8>) {
            let order = KeyOrder::of_class("org.apache.hadoop.io.Text").unwrap();
            agrees(&order, &serialized_text(&a), &serialized_text(&b), a.cmp(&b));
        }

        #[test]
        fn long_text_too(a in proptest::collection::vec(0u8..2, 100..300), cut in 0usize..300) {
            let b = &a[..cut.min(a.len())];
            let order = KeyOrder::of_class("org.apache.hadoop.io.Text").unwrap();
            agrees(&order, &serialized_text(&a), &serialized_text(b), a.as_slice().cmp(b));
        }

        #[test]
        fn numbers_are_ordered_by_value(a: i64, b: i64, shift in 0u32..64) {
            let (a, b) = (a >> shift, b >> shift);
            let order = |name: &str| KeyOrder::of_class(&format!("org.apache.hadoop.io.{name}")).unwrap();
            agrees(&order("LongWritable"), &a.to_be_bytes(), &b.to_be_bytes(), a.cmp(&b));
            let (x, y) = (a as i32, b as i32);
            agrees(&order("IntWritable"), &x.to_be_bytes(), &y.to_be_bytes(), x.cmp(&y));
            let (x, y) = (f64::from_bits(a as u64), f64::from_bits(b as u64));
            if !x.is_nan() && !y.is_nan() {
                agrees(&order("DoubleWritable"), &x.to_be_bytes(), &y.to_be_bytes(), x.total_cmp(&y));
            }
            let coded = |v: i64| { let mut to = Vec::new(); vint::write(v, &mut to); to };
            agrees(&order("VLongWritable"), &coded(a), &coded(b), a.cmp(&b));
        }
    }

    #[test]
    fn an_unknown_comparator_is_named() {
        let mut conf = Configuration::new();
        conf.set("mapreduce.job.output.key.comparator.class", "org.example.Odd", "-D");
        let error = KeyOrder::of_job(&conf, "org.apache.hadoop.io.Text").err().unwrap();
        assert_eq!(error.message(), "Class org.example.Odd not found");
        assert_eq!(error.java_class(), "java.lang.ClassNotFoundException");
    }
}

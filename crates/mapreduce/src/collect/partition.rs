//! Which reduce a key goes to.

use std::sync::Arc;

use loxodon_conf::Configuration;
use loxodon_wire::java_hash::{bytes_hash, string_hash};

use super::key_field::KeyFields;
use super::order::{KeyOrder, Leading};
use crate::error::{Error, ErrorKind, Result};
use crate::settings::Settings;

/// Assigns serialized keys (and values) to partitions.
pub trait RawPartitioner: Send + Sync {
    /// The partition, from 0; one outside of `0..partitions` fails the record.
    fn partition(&self, key: &[u8], value: &[u8], partitions: u32) -> i64;
}

/// A job's partitioner.
#[derive(Clone)]
pub enum Partitioner {
    /// Everything to the only partition.
    Single,
    /// Java's hash code of the key (`HashPartitioner`).
    Hash(JavaHash),
    /// The hash of some fields of a text key (`KeyFieldBasedPartitioner`).
    KeyFields(Arc<KeyFields>),
    /// The hash of a range of the key's bytes (`BinaryPartitioner`): offsets may count from the end.
    Binary {
        /// Where the bytes of a serialized key start.
        leading: Leading,
        /// First byte.
        left: i64,
        /// Last byte.
        right: i64,
    },
    /// Between which split points the key lies (`TotalOrderPartitioner`).
    TotalOrder(Arc<SplitPoints>),
    /// As a program says.
    Custom(Arc<dyn RawPartitioner>),
}

/// Java's `hashCode` of a key class, from the serialized key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JavaHash {
    /// `Text`, `BytesWritable`: of the bytes after a prefix (`WritableComparator.hashBytes`).
    Bytes(Leading),
    /// `IntWritable`, `VIntWritable`, `ByteWritable`, `ShortWritable`: the value.
    Value(Width),
    /// `LongWritable`, and the bits of `DoubleWritable`: the lower half.
    Long,
    /// `VLongWritable`: the lower half of the value.
    VLong,
    /// `BooleanWritable`: 0 for true, 1 for false.
    Boolean,
    /// `FloatWritable`: its bits.
    Float,
    /// `MD5Hash`: the quarter digest.
    Md5,
    /// A class without a hash code of its own: Java takes the object's identity, here it is 0.
    Zero,
}

/// How an integer is serialized.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Width {
    /// One byte.
    One,
    /// Two.
    Two,
    /// Four.
    Four,
    /// Hadoop's variable length.
    Variable,
}

/// `WritableComparator.hashBytes`.
#[inline]
pub fn hash_bytes(bytes: &[u8]) -> i32 {
    bytes_hash(1, bytes)
}

impl JavaHash {
    /// The hash of a class's keys; `None` where the class is not known.
    pub fn of_class(class: &str) -> Option<Self> {
        Some(match class.strip_prefix("org.apache.hadoop.io.").unwrap_or(class) {
            "Text" => Self::Bytes(Leading::VInt),
            "BytesWritable" | "org.apache.hadoop.typedbytes.TypedBytesWritable" => {
                Self::Bytes(Leading::Four)
            }
            "IntWritable" => Self::Value(Width::Four),
            "VIntWritable" => Self::Value(Width::Variable),
            "ByteWritable" => Self::Value(Width::One),
            "ShortWritable" => Self::Value(Width::Two),
            "LongWritable" | "DoubleWritable" => Self::Long,
            "VLongWritable" => Self::VLong,
            "BooleanWritable" => Self::Boolean,
            "FloatWritable" => Self::Float,
            "MD5Hash" => Self::Md5,
            "NullWritable" => Self::Zero,
            _ => return None,
        })
    }

    /// The hash of a serialized key.
    #[inline]
    pub fn hash(self, key: &[u8]) -> i32 {
        match self {
            Self::Bytes(leading) => hash_bytes(leading.rest(key)),
            other => other.of_number(key).unwrap_or(0),
        }
    }

    fn of_number(self, key: &[u8]) -> Option<i32> {
        Some(match self {
            Self::Value(Width::One) => i32::from(*key.first()? as i8),
            Self::Value(Width::Two) => i32::from(i16::from_be_bytes(*key.first_chunk()?)),
            Self::Value(Width::Four) => i32::from_be_bytes(*key.first_chunk()?),
            Self::Value(Width::Variable) | Self::VLong => crate::ifile::vint::read(key)?.0 as i32,
            Self::Long => i64::from_be_bytes(*key.first_chunk()?) as i32,
            Self::Boolean => i32::from(*key.first()? == 0),
            Self::Float => i32::from_be_bytes(*key.first_chunk()?),
            Self::Md5 => i32::from_be_bytes(*key.first_chunk()?),
            Self::Bytes(_) | Self::Zero => 0,
        })
    }
}

/// Sorted keys between partitions; the key equal to a point goes behind it.
pub struct SplitPoints {
    order: KeyOrder,
    points: Vec<Vec<u8>>,
    prefixes: Vec<u64>,
}

impl SplitPoints {
    /// Takes the serialized keys of a partition file.
    ///
    /// # Errors
    /// Their number does not fit the partitions, or they are not in order: Hadoop's sentences.
    pub fn new(points: Vec<Vec<u8>>, order: KeyOrder, partitions: u32) -> Result<Self> {
        let wrong = |text: &str| Error::argument(format!("Can't read partitions file: {text}"));
        if points.len() as u64 + 1 != u64::from(partitions) {
            return Err(wrong("Wrong number of partitions in keyset"));
        }
        let out_of_order = |pair: &[Vec<u8>]| match pair {
            [a, b] => order.compare(a, b).is_ge(),
            _ => false,
        };
        if points.windows(2).any(out_of_order) {
            return Err(wrong("Split points are out of order"));
        }
        let prefixes = points.iter().map(|p| order.prefix(p)).collect();
        Ok(Self { order, points, prefixes })
    }

    /// The partition of a key.
    #[inline]
    pub fn find(&self, key: &[u8]) -> u32 {
        let prefix = self.order.prefix(key);
        let low = self.prefixes.partition_point(|p| *p < prefix);
        let same = self.points.get(low..).unwrap_or_default();
        let behind = same.partition_point(|p| self.order.compare(p, key).is_le());
        (low + behind) as u32
    }
}

impl Partitioner {
    /// The partitioner that a job names (`mapreduce.job.partitioner.class`), for keys of a class.
    ///
    /// A total order needs its split points read from a file: [`SplitPoints`] are `points()` then.
    ///
    /// # Errors
    /// The class is not known or its options are wrong.
    pub fn of_job(
        conf: &Configuration,
        key_class: &str,
        partitions: u32,
        order: &KeyOrder,
        points: impl FnOnce() -> Result<Vec<Vec<u8>>>,
    ) -> Result<Self> {
        if partitions <= 1 {
            return Ok(Self::Single);
        }
        let class = match conf.get_text("mapreduce.job.partitioner.class")? {
            Some(class) => Some(class),
            None => conf.get_text("mapred.partitioner.class")?,
        };
        let class =
            class.as_deref().unwrap_or("org.apache.hadoop.mapreduce.lib.partition.HashPartitioner");
        match class.rsplit('.').next().unwrap_or(class) {
            "HashPartitioner" => {
                let hash = JavaHash::of_class(key_class).ok_or_else(|| {
                    Error::new(ErrorKind::ClassNotFound, format!("Class {key_class} not found"))
                })?;
                Ok(Self::Hash(hash))
            }
            "KeyFieldBasedPartitioner" => {
                let fields = match conf.get_text("num.key.fields.for.partition")? {
                    Some(_) => {
                        let count = conf.get_int("num.key.fields.for.partition", 0)?;
                        KeyFields::first(conf, usize::try_from(count).unwrap_or(0))?
                    }
                    None => {
                        let options =
                            conf.get_text("mapreduce.partition.keypartitioner.options")?;
                        KeyFields::new(conf, options.as_deref())?
                    }
                };
                Ok(Self::KeyFields(Arc::new(fields)))
            }
            "BinaryPartitioner" => Ok(Self::Binary {
                leading: if key_class.ends_with(".Text") { Leading::VInt } else { Leading::Four },
                left: conf.get_int("mapreduce.partition.binarypartitioner.left.offset", 0)?,
                right: conf.get_int("mapreduce.partition.binarypartitioner.right.offset", -1)?,
            }),
            "TotalOrderPartitioner" => {
                let points = SplitPoints::new(points()?, order.clone(), partitions)?;
                Ok(Self::TotalOrder(Arc::new(points)))
            }
            _ => Err(Error::new(ErrorKind::ClassNotFound, format!("Class {class} not found"))),
        }
    }

    /// The partition of a record; one outside of `0..partitions` only from a program's own partitioner.
    #[inline]
    pub fn partition(&self, key: &[u8], value: &[u8], partitions: u32) -> i64 {
        match self {
            Self::Single => 0,
            Self::Hash(hash) => of_hash(hash.hash(key), partitions),
            Self::KeyFields(fields) => of_hash(of_fields(fields, key), partitions),
            Self::Binary { leading, left, right } => {
                of_hash(of_range(leading.rest(key), *left, *right), partitions)
            }
            Self::TotalOrder(points) => i64::from(points.find(key)),
            Self::Custom(partitioner) => partitioner.partition(key, value, partitions),
        }
    }
}

#[inline]
fn of_hash(hash: i32, partitions: u32) -> i64 {
    i64::from((hash & i32::MAX) as u32 % partitions.max(1))
}

fn of_fields(fields: &KeyFields, key: &[u8]) -> i32 {
    let text = Leading::VInt.rest(key);
    if fields.is_empty() { string_hash(&String::from_utf8_lossy(text)) } else { fields.hash(text) }
}

fn of_range(bytes: &[u8], left: i64, right: i64) -> i32 {
    let length = bytes.len() as i64;
    if length == 0 {
        return hash_bytes(&[]);
    }
    let index = |offset: i64| ((offset + length) % length).max(0) as usize;
    let (left, right) = (index(left), index(right));
    hash_bytes(bytes.get(left..=right).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn text(text: &str) -> Vec<u8> {
        let mut bytes = Vec::new();
        crate::ifile::vint::write(text.len() as i64, &mut bytes);
        bytes.extend_from_slice(text.as_bytes());
        bytes
    }

    #[test]
    fn hash_codes_are_javas() {
        // new Text("hadoop").hashCode(), new DoubleWritable(1.5).hashCode() and so on.
        let hash = |class: &str, key: &[u8]| {
            JavaHash::of_class(&format!("org.apache.hadoop.io.{class}")).unwrap().hash(key)
        };
        assert_eq!(hash("Text", &text("")), 1);
        assert_eq!(hash("Text", &text("a")), 31 + 97);
        assert_eq!(hash("Text", &text("é")), (31 - 61) * 31 - 87);
        assert_eq!(hash("BytesWritable", &[0, 0, 0, 1, 97]), 128);
        assert_eq!(hash("IntWritable", &(-7_i32).to_be_bytes()), -7);
        assert_eq!(hash("LongWritable", &(1_i64 << 32 | 5).to_be_bytes()), 5);
        assert_eq!(hash("BooleanWritable", &[1]), 0);
        assert_eq!(hash("DoubleWritable", &0.1_f64.to_be_bytes()), 0x9999_999a_u32 as i32);
        assert_eq!(hash("ByteWritable", &[0xff]), -1);
    }

    #[test]
    fn a_negative_hash_gives_a_partition_too() {
        let partitioner = Partitioner::Hash(JavaHash::Value(Width::Four));
        assert_eq!(partitioner.partition(&(-1_i32).to_be_bytes(), &[], 10), 7);
    }

    #[test]
    fn a_binary_range_may_count_from_the_end() {
        let whole = Partitioner::Binary { leading: Leading::VInt, left: 0, right: -1 };
        let tail = Partitioner::Binary { leading: Leading::VInt, left: -2, right: -1 };
        let part = |p: &Partitioner, key: &str| p.partition(&text(key), &[], 1000);
        assert_eq!(part(&tail, "xxab"), part(&tail, "yab"));
        assert_eq!(part(&tail, "xab"), part(&whole, "ab"));
        assert_eq!(part(&whole, ""), 1);
    }

    #[test]
    fn points_must_fit_and_be_in_order() {
        let order = || KeyOrder::of_class("org.apache.hadoop.io.Text").unwrap();
        let error = SplitPoints::new(vec![text("a")], order(), 3).err().unwrap();
        assert!(error.message().ends_with("Wrong number of partitions in keyset"));
        let error = SplitPoints::new(vec![text("b"), text("a")], order(), 3).err().unwrap();
        assert!(error.message().ends_with("Split points are out of order"));
    }

    proptest! {
        #[test]
        fn total_order_finds_what_a_scan_finds(
            mut points in proptest::collection::btree_set("[ab]{0,12}", 1..9),
            keys in proptest::collection::vec("[ab]{0,12}", 1..50),
        ) {
            points.insert("aaaaaaaaab".into());
            let order = KeyOrder::of_class("org.apache.hadoop.io.Text").unwrap();
            let serialized = points.iter().map(|p| text(p)).collect();
            let found = SplitPoints::new(serialized, order, points.len() as u32 + 1).unwrap();
            for key in keys {
                let expected = points.iter().filter(|p| **p <= key).count();
                prop_assert_eq!(found.find(&text(&key)) as usize, expected);
            }
        }
    }
}

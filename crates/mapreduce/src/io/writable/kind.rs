//! Types by the class that a file or a job names.

use std::cmp::Ordering;

use super::{
    BooleanWritable, ByteWritable, BytesWritable, DoubleWritable, FloatWritable, IntWritable,
    LongWritable, MD5Hash, MapWritable, NullWritable, ShortWritable, Text, VIntWritable,
    VLongWritable, Writable, tuple,
};
use crate::error::{Error, ErrorKind, Result};
use crate::streaming::typed_bytes;

/// A type known by its Java class (`WritableName`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// [`Text`]
    Text,
    /// [`BytesWritable`]
    Bytes,
    /// [`NullWritable`]
    Null,
    /// [`BooleanWritable`]
    Boolean,
    /// [`ByteWritable`]
    Byte,
    /// [`ShortWritable`]
    Short,
    /// [`IntWritable`]
    Int,
    /// [`LongWritable`]
    Long,
    /// [`FloatWritable`]
    Float,
    /// [`DoubleWritable`]
    Double,
    /// [`VIntWritable`]
    VInt,
    /// [`VLongWritable`]
    VLong,
    /// [`MD5Hash`]
    Md5Hash,
    /// [`MapWritable`]
    Map,
    /// `SortedMapWritable`: the same bytes, in the order of the keys.
    SortedMap,
    /// `TypedBytesWritable` of streaming: a [`BytesWritable`] whose bytes say what they are.
    TypedBytes,
    /// `TupleWritable` of joins.
    Tuple,
    /// The same of the old interface.
    OldTuple,
}

/// All of them, with their classes.
const CLASSES: &[(Kind, &str)] = &[
    (Kind::Text, Text::CLASS),
    (Kind::Bytes, BytesWritable::CLASS),
    (Kind::Null, NullWritable::CLASS),
    (Kind::Boolean, BooleanWritable::CLASS),
    (Kind::Byte, ByteWritable::CLASS),
    (Kind::Short, ShortWritable::CLASS),
    (Kind::Int, IntWritable::CLASS),
    (Kind::Long, LongWritable::CLASS),
    (Kind::Float, FloatWritable::CLASS),
    (Kind::Double, DoubleWritable::CLASS),
    (Kind::VInt, VIntWritable::CLASS),
    (Kind::VLong, VLongWritable::CLASS),
    (Kind::Md5Hash, MD5Hash::CLASS),
    (Kind::Map, MapWritable::CLASS),
    (Kind::SortedMap, "org.apache.hadoop.io.SortedMapWritable"),
    (Kind::TypedBytes, "org.apache.hadoop.typedbytes.TypedBytesWritable"),
    (Kind::Tuple, "org.apache.hadoop.mapreduce.lib.join.TupleWritable"),
    (Kind::OldTuple, "org.apache.hadoop.mapred.join.TupleWritable"),
];

impl Kind {
    /// By class name; `None` for a class that is not in this library.
    #[must_use]
    pub fn of_class(class: &str) -> Option<Self> {
        CLASSES.iter().find(|(_, name)| *name == class).map(|(kind, _)| *kind)
    }

    /// By class name.
    ///
    /// # Errors
    /// A class that is not in this library.
    pub fn required(class: &str) -> Result<Self> {
        Self::of_class(class).ok_or_else(|| {
            Error::new(ErrorKind::ClassNotFound, format!("Class {class} is not a known Writable"))
        })
    }

    /// The Java class.
    #[must_use]
    pub fn class(self) -> &'static str {
        CLASSES.iter().find(|(kind, _)| *kind == self).map_or("", |(_, name)| name)
    }

    /// Takes one value from the front of `from`, serialised.
    ///
    /// # Errors
    /// The bytes are no such value.
    pub fn split_off<'a>(self, from: &mut &'a [u8]) -> Result<&'a [u8]> {
        let all = *from;
        self.skip(from)?;
        let length = all.len().saturating_sub(from.len());
        Ok(all.get(..length).unwrap_or_default())
    }

    fn skip(self, from: &mut &[u8]) -> Result<()> {
        match self {
            Self::Text => Text::read(from).map(drop),
            Self::Bytes | Self::TypedBytes => BytesWritable::read(from).map(drop),
            Self::Null => Ok(()),
            Self::Boolean | Self::Byte => ByteWritable::read(from).map(drop),
            Self::Short => ShortWritable::read(from).map(drop),
            Self::Int | Self::Float => IntWritable::read(from).map(drop),
            Self::Long | Self::Double => LongWritable::read(from).map(drop),
            Self::VInt => VIntWritable::read(from).map(drop),
            Self::VLong => VLongWritable::read(from).map(drop),
            Self::Md5Hash => MD5Hash::read(from).map(drop),
            Self::Map | Self::SortedMap => MapWritable::read(from).map(drop),
            Self::Tuple | Self::OldTuple => tuple::read(from).map(drop),
        }
    }

    /// Takes one value from the front of `from` and appends what Java's `toString` says, in UTF-8.
    ///
    /// # Errors
    /// The bytes are no such value.
    pub fn show(self, from: &mut &[u8], text: &mut Vec<u8>) -> Result<()> {
        match self {
            Self::Text => {
                let shown = String::from_utf8_lossy(Text::read(from)?);
                text.extend_from_slice(shown.as_bytes());
            }
            Self::Bytes => show_hex(BytesWritable::read(from)?, " ", text),
            Self::Null => text.extend_from_slice(b"(null)"),
            Self::Boolean => {
                let word: &[u8] = if BooleanWritable::read(from)? { b"true" } else { b"false" };
                text.extend_from_slice(word);
            }
            Self::Byte => show_number(ByteWritable::read(from)?.into(), text),
            Self::Short => show_number(ShortWritable::read(from)?.into(), text),
            Self::Int => show_number(IntWritable::read(from)?.into(), text),
            Self::Long => show_number(LongWritable::read(from)?, text),
            Self::VInt => show_number(VIntWritable::read(from)?.into(), text),
            Self::VLong => show_number(VLongWritable::read(from)?, text),
            Self::Float => text.extend(show_float(FloatWritable::read(from)?).bytes()),
            Self::Double => text.extend(show_double(DoubleWritable::read(from)?).bytes()),
            Self::Md5Hash => show_hex(&MD5Hash::read(from)?, "", text),
            Self::Map | Self::SortedMap => MapWritable::read(from)?.show(text)?,
            Self::TypedBytes => typed_bytes::show(&mut BytesWritable::read(from)?, text)?,
            Self::Tuple | Self::OldTuple => tuple::show(from, text)?,
        }
        Ok(())
    }

    /// Compares two serialised values as the class's own comparator does; damaged ones by their bytes.
    #[must_use]
    pub fn compare(self, a: &[u8], b: &[u8]) -> Ordering {
        match self {
            Self::Text => by::<Text>(a, b, |a, b| a.cmp(b)),
            Self::Bytes | Self::TypedBytes => by::<BytesWritable>(a, b, |a, b| a.cmp(b)),
            Self::Null => Ordering::Equal,
            Self::Boolean => by::<BooleanWritable>(a, b, |a, b| a.cmp(&b)),
            Self::Byte => by::<ByteWritable>(a, b, |a, b| a.cmp(&b)),
            Self::Short => by::<ShortWritable>(a, b, |a, b| a.cmp(&b)),
            Self::Int => by::<IntWritable>(a, b, |a, b| a.cmp(&b)),
            Self::Long => by::<LongWritable>(a, b, |a, b| a.cmp(&b)),
            Self::VInt => by::<VIntWritable>(a, b, |a, b| a.cmp(&b)),
            Self::VLong => by::<VLongWritable>(a, b, |a, b| a.cmp(&b)),
            Self::Float => by::<FloatWritable>(a, b, |a, b| java_order(a.into(), b.into())),
            Self::Double => by::<DoubleWritable>(a, b, java_order),
            Self::Md5Hash | Self::Map | Self::SortedMap | Self::Tuple | Self::OldTuple => a.cmp(b),
        }
    }
}

fn by<W: Writable>(
    a: &[u8],
    b: &[u8],
    compare: impl for<'v> Fn(W::View<'v>, W::View<'v>) -> Ordering,
) -> Ordering {
    match (W::read(&mut { a }), W::read(&mut { b })) {
        (Ok(x), Ok(y)) => compare(x, y),
        _ => a.cmp(b),
    }
}

/// `Double.compare`
fn java_order(a: f64, b: f64) -> Ordering {
    plain_nan(a).total_cmp(&plain_nan(b))
}

/// Java knows one NaN, above all numbers.
fn plain_nan(value: f64) -> f64 {
    if value.is_nan() { f64::NAN.copysign(1.0) } else { value }
}

fn show_number(value: i64, text: &mut Vec<u8>) {
    text.extend_from_slice(value.to_string().as_bytes());
}

fn show_hex(bytes: &[u8], blank: &str, text: &mut Vec<u8>) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    for (at, byte) in bytes.iter().enumerate() {
        if at > 0 {
            text.extend_from_slice(blank.as_bytes());
        }
        for half in [byte >> 4, byte & 15] {
            text.push(DIGITS.get(usize::from(half)).copied().unwrap_or(b'?'));
        }
    }
}

/// As Java's `Double.toString`: at least one digit after the point, `E` from 10⁷ up and below 10⁻³.
#[must_use]
pub fn show_double(value: f64) -> String {
    if value.is_nan() {
        return "NaN".into();
    }
    let scientific = [format!("{value:e}"), format!("{value:.1e}")];
    show_decimal(value.is_infinite(), value < 0.0, value.abs(), &scientific, || {
        format!("{value:?}")
    })
}

/// As Java's `Float.toString`.
#[must_use]
pub fn show_float(value: f32) -> String {
    if value.is_nan() {
        return "NaN".into();
    }
    let wide = f64::from(value.abs());
    let scientific = [format!("{value:e}"), format!("{value:.1e}")];
    show_decimal(value.is_infinite(), value < 0.0, wide, &scientific, || format!("{value:?}"))
}

fn show_decimal(
    infinite: bool,
    negative: bool,
    magnitude: f64,
    [shortest, two_digits]: &[String; 2],
    plain: impl Fn() -> String,
) -> String {
    if infinite {
        return if negative { "-Infinity".into() } else { "Infinity".into() };
    }
    if magnitude == 0.0 || (1e-3..1e7).contains(&magnitude) {
        return plain();
    }
    // Two digits at least, those that come nearest.
    let scientific = if shortest.contains('.') { shortest } else { two_digits };
    scientific.replace('e', "E")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_as_java_shows_them() {
        for (value, shown) in [
            (0.0, "0.0"),
            (-0.0, "-0.0"),
            (1.0, "1.0"),
            (100.25, "100.25"),
            (1e7, "1.0E7"),
            (12_345_678.9, "1.23456789E7"),
            (9_999_999.0, "9999999.0"),
            (0.001, "0.001"),
            (0.000_12, "1.2E-4"),
            (-1e300, "-1.0E300"),
            (4.9e-324, "4.9E-324"),
            (f64::INFINITY, "Infinity"),
            (f64::NAN, "NaN"),
        ] {
            assert_eq!(show_double(value), shown);
        }
        assert_eq!(show_float(0.1), "0.1");
        assert_eq!(show_float(1e10), "1.0E10");
        assert_eq!(show_float(16_777_216.0), "1.6777216E7");
    }

    #[test]
    fn order() {
        let compare = |kind: Kind, a: &dyn Fn(&mut Vec<u8>), b: &dyn Fn(&mut Vec<u8>)| {
            let (mut x, mut y) = (Vec::new(), Vec::new());
            a(&mut x);
            b(&mut y);
            kind.compare(&x, &y)
        };
        let less = Ordering::Less;
        assert_eq!(
            compare(Kind::Int, &|t| IntWritable::write(-1, t), &|t| IntWritable::write(1, t)),
            less
        );
        assert_eq!(
            compare(Kind::VLong, &|t| VLongWritable::write(-500, t), &|t| {
                VLongWritable::write(127, t);
            }),
            less
        );
        // By bytes, not by length.
        assert_eq!(
            compare(Kind::Text, &|t| Text::write(b"ab", t), &|t| Text::write(b"b", t)),
            less
        );
        assert_eq!(
            compare(Kind::Double, &|t| DoubleWritable::write(1e9, t), &|t| {
                DoubleWritable::write(f64::NAN, t);
            }),
            less
        );
        assert_eq!(
            compare(Kind::Float, &|t| FloatWritable::write(-0.0, t), &|t| {
                FloatWritable::write(0.0, t);
            }),
            less
        );
        assert_eq!(Kind::Null.compare(b"", b""), Ordering::Equal);
        // Damaged keys have some order too.
        assert_eq!(Kind::Int.compare(b"a", b"b"), less);
    }

    #[test]
    fn every_class_is_found_by_its_name() {
        for (kind, class) in CLASSES {
            assert_eq!(Kind::of_class(class), Some(*kind));
            assert_eq!(kind.class(), *class);
        }
        assert!(Kind::required("a.B").unwrap_err().to_string().contains("a.B"));
    }

    proptest::proptest! {
        #[test]
        fn nothing_panics(bytes: Vec<u8>, other: Vec<u8>) {
            for (kind, _) in CLASSES {
                let mut text = Vec::new();
                let _ = kind.show(&mut &*bytes, &mut text);
                let _ = kind.split_off(&mut &*bytes);
                let _ = kind.compare(&bytes, &other);
            }
        }
    }
}

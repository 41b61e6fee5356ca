//! Hadoop's serialised types (`org.apache.hadoop.io.Writable`).
//!
//! [`Writable`] is for programs that know their types; [`Kind`] does the same by class name, for those that read
//! the name in a file. Nothing is copied: a view borrows the bytes it was read from.
//!
//! ```
//! use loxodon_mapreduce::io::writable::{IntWritable, Kind, Text, Writable};
//!
//! let mut bytes = Vec::new();
//! Text::write(b"hello", &mut bytes);
//! IntWritable::write(7, &mut bytes);
//! assert_eq!(bytes, b"\x05hello\x00\x00\x00\x07");
//!
//! let mut rest = bytes.as_slice();
//! assert_eq!(Text::read(&mut rest)?, b"hello");
//! let mut shown = Vec::new();
//! Kind::of_class(IntWritable::CLASS).unwrap().show(&mut rest, &mut shown)?;
//! assert_eq!(shown, b"7");
//! # Ok::<(), loxodon_mapreduce::error::Error>(())
//! ```

mod composite;
mod kind;
mod tuple;
mod types;
pub mod vint;

pub use composite::{ArrayWritable, MapWritable, Value};
pub use kind::{Kind, show_double, show_float};
pub use tuple::MOST_VALUES;
pub use types::{
    BooleanWritable, ByteWritable, BytesWritable, DoubleWritable, FloatWritable, IntWritable,
    LongWritable, MD5Hash, NullWritable, ShortWritable, Text, VIntWritable, VLongWritable,
};

use crate::collect::{KeyOrder, Leading};
use crate::error::{Error, Result};

/// One key or value on its way through a task, borrowed from whoever has it.
///
/// What readers take from plain files comes as it lies in their buffer; what lay in Hadoop's own
/// serialisation comes as [`Datum::Serialized`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Datum<'a> {
    /// `NullWritable`: nothing.
    Null,
    /// What a `Text` holds, without its length.
    Text(&'a [u8]),
    /// What a `BytesWritable` holds, without its length.
    Bytes(&'a [u8]),
    /// What a `LongWritable` holds.
    Long(i64),
    /// What an `IntWritable` holds.
    Int(i32),
    /// A value as its class serialises itself.
    Serialized(&'a [u8]),
}

impl Datum<'_> {
    /// Appends Hadoop's serialised bytes.
    pub fn write_to(self, to: &mut Vec<u8>) {
        match self {
            Self::Null => {}
            Self::Text(bytes) => Text::write(bytes, to),
            Self::Bytes(bytes) => BytesWritable::write(bytes, to),
            Self::Long(value) => LongWritable::write(value, to),
            Self::Int(value) => IntWritable::write(value, to),
            Self::Serialized(bytes) => to.extend_from_slice(bytes),
        }
    }

    /// The Java class of what it is; that of a serialised value is not in it.
    #[must_use]
    pub fn class(self) -> Option<&'static str> {
        Some(match self {
            Self::Null => NullWritable::CLASS,
            Self::Text(_) => Text::CLASS,
            Self::Bytes(_) => BytesWritable::CLASS,
            Self::Long(_) => LongWritable::CLASS,
            Self::Int(_) => IntWritable::CLASS,
            Self::Serialized(_) => return None,
        })
    }

    /// How many bytes [`Datum::write_to`] appends.
    #[must_use]
    pub fn serialized_length(self) -> usize {
        match self {
            Self::Null => 0,
            Self::Text(bytes) => vint::size(bytes.len() as u64).saturating_add(bytes.len()),
            Self::Bytes(bytes) => bytes.len().saturating_add(4),
            Self::Long(_) => 8,
            Self::Int(_) => 4,
            Self::Serialized(bytes) => bytes.len(),
        }
    }
}

/// A type that Hadoop can serialise. A view of a value borrows where it can: `&[u8]` for `Text`, `i32` for
/// `IntWritable`.
pub trait Writable {
    /// The Java class.
    const CLASS: &'static str;
    /// A value.
    type View<'a>: Copy;

    /// Reads a serialised value from the front of `from`.
    ///
    /// # Errors
    /// The bytes are no such value.
    fn read<'a>(from: &mut &'a [u8]) -> Result<Self::View<'a>>;

    /// Appends a value, serialised.
    fn write(view: Self::View<'_>, to: &mut Vec<u8>);

    /// A value as a reader handed it over.
    ///
    /// # Errors
    /// It is of another class.
    fn of_datum(datum: Datum<'_>) -> Result<Self::View<'_>> {
        match datum {
            Datum::Serialized(mut bytes) => Self::read(&mut bytes),
            other => Err(mismatch(Self::CLASS, other)),
        }
    }

    /// The order of serialised values: the class's own, for others that of their bytes.
    fn order() -> KeyOrder {
        KeyOrder::of_class(Self::CLASS).unwrap_or(KeyOrder::Bytes(Leading::None))
    }

    /// A value to hand to a writer; `scratch` holds it where it must be serialised.
    fn datum<'o, 'a: 'o, 's: 'o>(view: Self::View<'a>, scratch: &'s mut Vec<u8>) -> Datum<'o> {
        scratch.clear();
        Self::write(view, scratch);
        Datum::Serialized(scratch)
    }
}

fn mismatch(class: &str, datum: Datum<'_>) -> Error {
    let is = datum.class().unwrap_or("a serialised value");
    Error::io(format!("Type mismatch: expected {class}, received {is}"))
}

/// Takes so many bytes from the front.
fn take<'a>(from: &mut &'a [u8], length: usize) -> Result<&'a [u8]> {
    let (taken, rest) = from.split_at_checked(length).ok_or_else(|| {
        let left = from.len();
        Error::new(
            crate::error::ErrorKind::Eof,
            format!("a value of {length} bytes has only {left} left"),
        )
    })?;
    *from = rest;
    Ok(taken)
}

/// Takes so many bytes from the front, as an array.
fn take_array<const N: usize>(from: &mut &[u8]) -> Result<[u8; N]> {
    let bytes = take(from, N)?;
    bytes.try_into().map_err(|_| Error::io("a value is cut off"))
}

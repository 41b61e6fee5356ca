//! The plain types.

use super::{Datum, Writable, mismatch, take, take_array, vint};
use crate::error::{Error, Result};

/// Text of any length, UTF-8 by convention; its view is the bytes.
#[derive(Clone, Copy, Debug)]
pub enum Text {}

impl Writable for Text {
    const CLASS: &'static str = "org.apache.hadoop.io.Text";
    type View<'a> = &'a [u8];

    fn read<'a>(from: &mut &'a [u8]) -> Result<&'a [u8]> {
        let length = vint::read_length(from)?;
        take(from, length)
    }

    fn write(view: &[u8], to: &mut Vec<u8>) {
        vint::write_length(view.len(), to);
        to.extend_from_slice(view);
    }

    fn of_datum(datum: Datum<'_>) -> Result<&[u8]> {
        match datum {
            Datum::Text(bytes) => Ok(bytes),
            Datum::Serialized(mut bytes) => Self::read(&mut bytes),
            other => Err(mismatch(Self::CLASS, other)),
        }
    }

    fn datum<'o, 'a: 'o, 's: 'o>(view: &'a [u8], _scratch: &'s mut Vec<u8>) -> Datum<'o> {
        Datum::Text(view)
    }
}

/// Bytes with their length in four bytes.
#[derive(Clone, Copy, Debug)]
pub enum BytesWritable {}

impl Writable for BytesWritable {
    const CLASS: &'static str = "org.apache.hadoop.io.BytesWritable";
    type View<'a> = &'a [u8];

    fn read<'a>(from: &mut &'a [u8]) -> Result<&'a [u8]> {
        let length = i32::from_be_bytes(take_array(from)?);
        let length =
            usize::try_from(length).map_err(|_| Error::io(format!("{length} is no length")))?;
        take(from, length)
    }

    fn write(view: &[u8], to: &mut Vec<u8>) {
        let length = i32::try_from(view.len()).unwrap_or(i32::MAX);
        to.extend_from_slice(&length.to_be_bytes());
        to.extend_from_slice(view);
    }

    fn of_datum(datum: Datum<'_>) -> Result<&[u8]> {
        match datum {
            Datum::Bytes(bytes) => Ok(bytes),
            Datum::Serialized(mut bytes) => Self::read(&mut bytes),
            other => Err(mismatch(Self::CLASS, other)),
        }
    }

    fn datum<'o, 'a: 'o, 's: 'o>(view: &'a [u8], _scratch: &'s mut Vec<u8>) -> Datum<'o> {
        Datum::Bytes(view)
    }
}

/// Nothing, in no bytes.
#[derive(Clone, Copy, Debug)]
pub enum NullWritable {}

impl Writable for NullWritable {
    const CLASS: &'static str = "org.apache.hadoop.io.NullWritable";
    type View<'a> = ();

    fn read(_from: &mut &[u8]) -> Result<()> {
        Ok(())
    }

    fn write(_view: (), _to: &mut Vec<u8>) {}

    fn of_datum(datum: Datum<'_>) -> Result<()> {
        match datum {
            Datum::Null | Datum::Serialized([]) => Ok(()),
            other => Err(mismatch(Self::CLASS, other)),
        }
    }

    fn datum<'o, 'a: 'o, 's: 'o>(_view: (), _scratch: &'s mut Vec<u8>) -> Datum<'o> {
        Datum::Null
    }
}

/// Eight bytes.
#[derive(Clone, Copy, Debug)]
pub enum LongWritable {}

impl Writable for LongWritable {
    const CLASS: &'static str = "org.apache.hadoop.io.LongWritable";
    type View<'a> = i64;

    fn read(from: &mut &[u8]) -> Result<i64> {
        Ok(i64::from_be_bytes(take_array(from)?))
    }

    fn write(view: i64, to: &mut Vec<u8>) {
        to.extend_from_slice(&view.to_be_bytes());
    }

    fn of_datum(datum: Datum<'_>) -> Result<i64> {
        match datum {
            Datum::Long(value) => Ok(value),
            Datum::Serialized(mut bytes) => Self::read(&mut bytes),
            other => Err(mismatch(Self::CLASS, other)),
        }
    }

    fn datum<'o, 'a: 'o, 's: 'o>(view: i64, _scratch: &'s mut Vec<u8>) -> Datum<'o> {
        Datum::Long(view)
    }
}

/// Four bytes.
#[derive(Clone, Copy, Debug)]
pub enum IntWritable {}

impl Writable for IntWritable {
    const CLASS: &'static str = "org.apache.hadoop.io.IntWritable";
    type View<'a> = i32;

    fn read(from: &mut &[u8]) -> Result<i32> {
        Ok(i32::from_be_bytes(take_array(from)?))
    }

    fn write(view: i32, to: &mut Vec<u8>) {
        to.extend_from_slice(&view.to_be_bytes());
    }

    fn of_datum(datum: Datum<'_>) -> Result<i32> {
        match datum {
            Datum::Int(value) => Ok(value),
            Datum::Serialized(mut bytes) => Self::read(&mut bytes),
            other => Err(mismatch(Self::CLASS, other)),
        }
    }

    fn datum<'o, 'a: 'o, 's: 'o>(view: i32, _scratch: &'s mut Vec<u8>) -> Datum<'o> {
        Datum::Int(view)
    }
}

/// A type whose values are numbers of a fixed count of bytes, highest first.
macro_rules! fixed {
    ($(#[$doc:meta])* $name:ident, $class:literal, $type:ty) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug)]
        pub enum $name {}

        impl Writable for $name {
            const CLASS: &'static str = $class;
            type View<'a> = $type;

            fn read(from: &mut &[u8]) -> Result<$type> {
                Ok(<$type>::from_be_bytes(take_array(from)?))
            }

            fn write(view: $type, to: &mut Vec<u8>) {
                to.extend_from_slice(&view.to_be_bytes());
            }
        }
    };
}

fixed!(
    /// One signed byte.
    ByteWritable, "org.apache.hadoop.io.ByteWritable", i8
);
fixed!(
    /// Two bytes.
    ShortWritable, "org.apache.hadoop.io.ShortWritable", i16
);
fixed!(
    /// A number with a fraction, in four bytes.
    FloatWritable, "org.apache.hadoop.io.FloatWritable", f32
);
fixed!(
    /// A number with a fraction, in eight bytes.
    DoubleWritable, "org.apache.hadoop.io.DoubleWritable", f64
);

/// One byte, 0 for false.
#[derive(Clone, Copy, Debug)]
pub enum BooleanWritable {}

impl Writable for BooleanWritable {
    const CLASS: &'static str = "org.apache.hadoop.io.BooleanWritable";
    type View<'a> = bool;

    fn read(from: &mut &[u8]) -> Result<bool> {
        Ok(take_array::<1>(from)? != [0])
    }

    fn write(view: bool, to: &mut Vec<u8>) {
        to.push(u8::from(view));
    }
}

/// A whole number in one to nine bytes.
#[derive(Clone, Copy, Debug)]
pub enum VLongWritable {}

impl Writable for VLongWritable {
    const CLASS: &'static str = "org.apache.hadoop.io.VLongWritable";
    type View<'a> = i64;

    fn read(from: &mut &[u8]) -> Result<i64> {
        vint::read(from)
    }

    fn write(view: i64, to: &mut Vec<u8>) {
        vint::write(view, to);
    }
}

/// A whole number in one to five bytes.
#[derive(Clone, Copy, Debug)]
pub enum VIntWritable {}

impl Writable for VIntWritable {
    const CLASS: &'static str = "org.apache.hadoop.io.VIntWritable";
    type View<'a> = i32;

    fn read(from: &mut &[u8]) -> Result<i32> {
        let value = vint::read(from)?;
        i32::try_from(value).map_err(|_| Error::io("value too long to fit in integer"))
    }

    fn write(view: i32, to: &mut Vec<u8>) {
        vint::write(view.into(), to);
    }
}

/// An MD5 digest: sixteen bytes.
#[derive(Clone, Copy, Debug)]
pub enum MD5Hash {}

impl Writable for MD5Hash {
    const CLASS: &'static str = "org.apache.hadoop.io.MD5Hash";
    type View<'a> = [u8; 16];

    fn read(from: &mut &[u8]) -> Result<[u8; 16]> {
        take_array(from)
    }

    fn write(view: [u8; 16], to: &mut Vec<u8>) {
        to.extend_from_slice(&view);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn round_trip<W: Writable>(view: W::View<'_>, wanted: &[u8]) {
        let mut scratch = Vec::new();
        let mut bytes = Vec::new();
        W::write(view, &mut bytes);
        assert_eq!(bytes, wanted, "{}", W::CLASS);
        let mut rest = bytes.as_slice();
        let mut again = Vec::new();
        W::write(W::read(&mut rest).unwrap(), &mut again);
        assert!(rest.is_empty());
        assert_eq!(again, bytes);
        let datum = W::datum(view, &mut scratch);
        assert_eq!(datum.serialized_length(), bytes.len());
        let mut from_datum = Vec::new();
        datum.write_to(&mut from_datum);
        assert_eq!(from_datum, bytes);
        from_datum.clear();
        W::write(W::of_datum(datum).unwrap(), &mut from_datum);
        assert_eq!(from_datum, bytes);
    }

    #[test]
    fn bytes_of_every_type() {
        round_trip::<Text>(b"ab", b"\x02ab");
        round_trip::<BytesWritable>(b"ab", b"\0\0\0\x02ab");
        round_trip::<NullWritable>((), b"");
        round_trip::<LongWritable>(-2, &[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xfe]);
        round_trip::<IntWritable>(258, &[0, 0, 1, 2]);
        round_trip::<ShortWritable>(-1, &[0xff, 0xff]);
        round_trip::<ByteWritable>(-1, &[0xff]);
        round_trip::<BooleanWritable>(true, &[1]);
        round_trip::<FloatWritable>(1.5, &[0x3f, 0xc0, 0, 0]);
        round_trip::<DoubleWritable>(1.5, &[0x3f, 0xf8, 0, 0, 0, 0, 0, 0]);
        round_trip::<VIntWritable>(300, &[0x8e, 1, 44]);
        round_trip::<VLongWritable>(-300, &[0x86, 1, 43]);
        round_trip::<MD5Hash>([7; 16], &[7; 16]);
    }

    #[test]
    fn hostile_lengths() {
        assert!(Text::read(&mut &[0x8c, 0x7f, 0xff, 0xff, 0xff][..]).is_err());
        assert!(Text::read(&mut &[0x80, 0x7f, 0xff, 0xff, 0xff, 0, 0, 0, 0][..]).is_err());
        assert!(BytesWritable::read(&mut &[0xff; 4][..]).is_err());
        assert!(BytesWritable::read(&mut &[0x7f, 0xff, 0xff, 0xff, 1][..]).is_err());
        assert!(Text::of_datum(Datum::Int(1)).unwrap_err().to_string().contains("IntWritable"));
    }
}

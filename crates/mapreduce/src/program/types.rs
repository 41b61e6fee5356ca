//! Types of keys and values beside Hadoop's: text as `&str`, and pairs.

use std::marker::PhantomData;
use std::sync::Arc;

use super::runners::PairOrder;
use crate::collect::KeyOrder;
use crate::error::{Error, Result};
use crate::io::writable::{Datum, Text, Writable};

/// Hadoop's `Text` as `&str`: what is not UTF-8 fails the task. [`Text`] takes any bytes.
#[derive(Clone, Copy, Debug)]
pub struct Str;

fn checked(bytes: &[u8]) -> Result<&str> {
    std::str::from_utf8(bytes).map_err(|e| {
        let shown = String::from_utf8_lossy(bytes.get(..80).unwrap_or(bytes));
        Error::io(format!("a text is not UTF-8 at byte {}: \"{shown}\"", e.valid_up_to()))
    })
}

impl Writable for Str {
    const CLASS: &'static str = Text::CLASS;
    type View<'a> = &'a str;

    fn read<'a>(from: &mut &'a [u8]) -> Result<&'a str> {
        checked(Text::read(from)?)
    }

    fn write(view: &str, to: &mut Vec<u8>) {
        Text::write(view.as_bytes(), to);
    }

    fn of_datum(datum: Datum<'_>) -> Result<&str> {
        checked(Text::of_datum(datum)?)
    }

    fn datum<'o, 'a: 'o, 's: 'o>(view: &'a str, scratch: &'s mut Vec<u8>) -> Datum<'o> {
        Text::datum(view.as_bytes(), scratch)
    }
}

/// Two values, one after the other; ordered by the first, then by the second.
impl<A: Writable + 'static, B: Writable + 'static> Writable for (A, B) {
    const CLASS: &'static str = "loxodon.Pair";
    type View<'a> = (A::View<'a>, B::View<'a>);

    fn read<'a>(from: &mut &'a [u8]) -> Result<Self::View<'a>> {
        Ok((A::read(from)?, B::read(from)?))
    }

    fn write((a, b): Self::View<'_>, to: &mut Vec<u8>) {
        A::write(a, to);
        B::write(b, to);
    }

    fn order() -> KeyOrder {
        let order = PairOrder::<A, B> { first: A::order(), second: B::order(), types: PhantomData };
        KeyOrder::Custom(Arc::new(order))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::io::writable::{IntWritable, LongWritable};
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn pairs_are_ordered_by_the_first_then_the_second(
            a in ("[ab]{0,9}", -2i32..2), b in ("[ab]{0,9}", -2i32..2),
        ) {
            type Pair = (Str, IntWritable);
            let bytes = |(s, n): &(String, i32)| {
                let mut to = Vec::new();
                Pair::write((s, *n), &mut to);
                to
            };
            let (x, y) = (bytes(&a), bytes(&b));
            let order = Pair::order();
            let expected = a.0.as_bytes().cmp(b.0.as_bytes()).then(a.1.cmp(&b.1));
            prop_assert_eq!(order.compare(&x, &y), expected);
            let prefixes = order.prefix(&x).cmp(&order.prefix(&y));
            prop_assert!(prefixes.is_eq() || prefixes == expected);
        }
    }

    #[test]
    fn text_that_is_none_is_named() {
        let error = Str::of_datum(Datum::Text(b"ab\xff")).unwrap_err();
        assert!(error.message().contains("at byte 2"), "{error}");
        assert_eq!(LongWritable::order().prefix(&1_i64.to_be_bytes()), (1 << 63) | 1);
    }
}

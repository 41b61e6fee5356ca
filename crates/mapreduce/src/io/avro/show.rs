//! A datum as JSON, as Avro's `JsonEncoder` writes it.

use std::io::Write;

use loxodon_wire::java_hash;

use super::schema::{Schema, Type, TypeId};
use crate::io::writable::{show_double, show_float};

/// Values inside values.
const MAX_DEPTH: usize = 256;
/// Values without a byte of their own, in one datum.
const MAX_EMPTY: u64 = 1 << 24;

type Result<T> = std::result::Result<T, &'static str>;

/// Appends the JSON of the datum at the beginning of `data`, and takes it from there.
pub(super) fn datum(schema: &Schema, data: &mut &[u8], out: &mut Vec<u8>) -> Result<()> {
    let mut datum = Datum { schema, data, empty: 0 };
    datum.value(schema.root(), 0, out)
}

struct Datum<'s, 'd, 'r> {
    schema: &'s Schema,
    data: &'r mut &'d [u8],
    empty: u64,
}

impl<'s, 'd> Datum<'s, 'd, '_> {
    fn take(&mut self, length: usize) -> Result<&'d [u8]> {
        let (taken, rest) = self.data.split_at_checked(length).ok_or("it ends early")?;
        *self.data = rest;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N]> {
        let (taken, rest) = self.data.split_first_chunk().ok_or("it ends early")?;
        *self.data = rest;
        Ok(*taken)
    }

    fn number(&mut self) -> Result<i64> {
        super::number(self.data).map_err(|_| "a number is malformed")?.ok_or("it ends early")
    }

    fn bytes(&mut self) -> Result<&'d [u8]> {
        let length = self.number()?;
        self.take(usize::try_from(length).map_err(|_| "a length is out of range")?)
    }

    fn value(&mut self, id: TypeId, depth: usize, out: &mut Vec<u8>) -> Result<()> {
        if depth > MAX_DEPTH {
            return Err("it is too deep");
        }
        let schema: &'s Schema = self.schema;
        match schema.get(id) {
            Type::Null => out.extend_from_slice(b"null"),
            Type::Boolean => {
                let [byte] = self.array()?;
                out.extend_from_slice(if byte == 1 { b"true" } else { b"false" });
            }
            Type::Int => {
                let number = self.number()? as i32;
                put(out, format_args!("{number}"));
            }
            Type::Long => {
                let number = self.number()?;
                put(out, format_args!("{number}"));
            }
            Type::Float => {
                let value = f32::from_le_bytes(self.array()?);
                put_real(&show_float(value), value.is_finite(), out);
            }
            Type::Double => {
                let value = f64::from_le_bytes(self.array()?);
                put_real(&show_double(value), value.is_finite(), out);
            }
            Type::Bytes => put_latin(self.bytes()?, out),
            Type::Fixed(_, length) => put_latin(self.take(*length)?, out),
            Type::String => put_string(&String::from_utf8_lossy(self.bytes()?), out),
            Type::Enum(_, symbols) => {
                let number = usize::try_from(self.number()?).ok();
                let symbol = number.and_then(|number| symbols.get(number));
                put_string(symbol.ok_or("an enum has no such symbol")?, out);
            }
            Type::Union(branches) => {
                let number = usize::try_from(self.number()?).ok();
                let branch = number.and_then(|number| branches.get(number));
                let branch = *branch.ok_or("a union has no such branch")?;
                if *schema.get(branch) == Type::Null {
                    out.extend_from_slice(b"null");
                } else {
                    out.push(b'{');
                    put_string(schema.label(branch), out);
                    out.push(b':');
                    self.value(branch, depth + 1, out)?;
                    out.push(b'}');
                }
            }
            Type::Record(_, fields) => {
                out.push(b'{');
                for (at, (name, kind)) in fields.iter().enumerate() {
                    if at > 0 {
                        out.push(b',');
                    }
                    put_string(name, out);
                    out.push(b':');
                    self.value(*kind, depth + 1, out)?;
                }
                out.push(b'}');
            }
            Type::Array(items) => {
                out.push(b'[');
                let mut first = true;
                self.blocks(|datum, _| {
                    if !std::mem::take(&mut first) {
                        out.push(b',');
                    }
                    datum.value(*items, depth + 1, out)
                })?;
                out.push(b']');
            }
            Type::Map(values, java) => self.map(*values, *java, depth, out)?,
        }
        Ok(())
    }

    /// Reads the blocks of an array or map; each item is told its block's count.
    fn blocks(&mut self, mut item: impl FnMut(&mut Self, u64) -> Result<()>) -> Result<()> {
        loop {
            let mut count = self.number()?;
            if count == 0 {
                return Ok(());
            }
            if count < 0 {
                count = count.checked_neg().ok_or("a count is out of range")?;
                self.number()?;
            }
            for _ in 0..count {
                let before = self.data.len();
                item(self, count as u64)?;
                if self.data.len() == before {
                    self.empty += 1;
                    if self.empty > MAX_EMPTY {
                        return Err("there are too many values without bytes");
                    }
                }
            }
        }
    }

    /// Entries stand in the order of the `HashMap` that Java reads them into.
    fn map(&mut self, values: TypeId, java: bool, depth: usize, out: &mut Vec<u8>) -> Result<()> {
        let mut entries: Vec<(&[u8], Vec<u8>)> = Vec::new();
        let mut first_block = 0;
        self.blocks(|datum, count| {
            if first_block == 0 {
                first_block = count;
            }
            let key = datum.bytes()?;
            let mut value = Vec::new();
            datum.value(values, depth + 1, &mut value)?;
            entries.push((key, value));
            Ok(())
        })?;
        for (at, (key, value)) in in_java_order(entries, first_block, java).into_iter().enumerate()
        {
            if at > 0 {
                out.push(b',');
            } else {
                out.push(b'{');
            }
            put_string(&String::from_utf8_lossy(key), out);
            out.push(b':');
            out.extend_from_slice(&value);
        }
        out.extend_from_slice(if first_block == 0 { b"{}" } else { b"}" });
        Ok(())
    }
}

type Entries<'d> = Vec<(&'d [u8], Vec<u8>)>;

fn in_java_order(entries: Entries<'_>, first_block: u64, java: bool) -> Entries<'_> {
    let mut found: std::collections::HashMap<&[u8], usize> = std::collections::HashMap::new();
    let mut kept: Entries<'_> = Vec::new();
    for (key, value) in entries {
        // The last value of a key counts, in the first one's place.
        match found.get(key).and_then(|at| kept.get_mut(*at)) {
            Some((_, slot)) => *slot = value,
            None => {
                found.insert(key, kept.len());
                kept.push((key, value));
            }
        }
    }
    let buckets = usize::try_from(first_block).unwrap_or(usize::MAX);
    java_hash::walk(&mut kept, buckets, |(key, _)| {
        if java {
            java_hash::string_hash(&String::from_utf8_lossy(key))
        } else {
            // `Utf8`
            java_hash::bytes_hash(0, key)
        }
    });
    kept
}

fn put(out: &mut Vec<u8>, text: std::fmt::Arguments<'_>) {
    // Writing to a vector does not fail.
    let _ = out.write_fmt(text);
}

fn put_real(text: &str, is_finite: bool, out: &mut Vec<u8>) {
    if is_finite {
        out.extend_from_slice(text.as_bytes());
    } else {
        put_string(text, out);
    }
}

/// Bytes as characters of the same numbers.
fn put_latin(bytes: &[u8], out: &mut Vec<u8>) {
    put_string(&bytes.iter().map(|byte| char::from(*byte)).collect::<String>(), out);
}

/// A string as Jackson writes it.
fn put_string(text: &str, out: &mut Vec<u8>) {
    out.push(b'"');
    for character in text.chars() {
        match character {
            '"' => out.extend_from_slice(b"\\\""),
            '\\' => out.extend_from_slice(b"\\\\"),
            '\x08' => out.extend_from_slice(b"\\b"),
            '\t' => out.extend_from_slice(b"\\t"),
            '\n' => out.extend_from_slice(b"\\n"),
            '\x0c' => out.extend_from_slice(b"\\f"),
            '\r' => out.extend_from_slice(b"\\r"),
            control if control < ' ' => put(out, format_args!("\\u{:04X}", u32::from(control))),
            other => out.extend_from_slice(other.encode_utf8(&mut [0; 4]).as_bytes()),
        }
    }
    out.push(b'"');
}

//! Types made of others.

use super::{Datum, Kind, Writable, take, take_array};
use crate::error::{Error, Result};

/// Classes that every map knows by number, from -127 up (`AbstractMapWritable`); `None` for those whose bytes
/// do not say where they end.
const NUMBERED: [(i8, Option<Kind>); 15] = [
    (-127, None),
    (-126, Some(Kind::Boolean)),
    (-125, Some(Kind::Bytes)),
    (-124, Some(Kind::Float)),
    (-123, Some(Kind::Int)),
    (-122, Some(Kind::Long)),
    (-121, Some(Kind::Map)),
    (-120, Some(Kind::Md5Hash)),
    (-119, Some(Kind::Null)),
    (-118, None),
    (-117, Some(Kind::SortedMap)),
    (-116, Some(Kind::Text)),
    (-115, None),
    (-114, Some(Kind::VInt)),
    (-113, Some(Kind::VLong)),
];
/// Maps within maps, at most.
const DEEPEST: usize = 32;

/// Values of one class with their count in front. The class is not written: both sides must know it.
#[derive(Clone, Copy, Debug)]
pub struct ArrayWritable;

impl ArrayWritable {
    /// The Java class; Java programs read it through a subclass that names the element.
    pub const CLASS: &'static str = "org.apache.hadoop.io.ArrayWritable";

    /// Appends an array.
    pub fn write<W: Writable>(values: &[W::View<'_>], to: &mut Vec<u8>) {
        let count = i32::try_from(values.len()).unwrap_or(i32::MAX);
        to.extend_from_slice(&count.to_be_bytes());
        for value in values {
            W::write(*value, to);
        }
    }

    /// Reads an array from the front.
    ///
    /// # Errors
    /// The bytes are no such array.
    pub fn read<'a, W: Writable>(from: &mut &'a [u8]) -> Result<Vec<W::View<'a>>> {
        let count = read_count(from)?;
        let mut values = Vec::new();
        for _ in 0..count {
            // Elements of no bytes would let a small input fill the memory.
            if from.is_empty() {
                return Err(Error::io(format!("an array of {count} values ends early")));
            }
            values.push(W::read(from)?);
        }
        Ok(values)
    }
}

/// A value in a map: its class and its bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Value<'a> {
    /// Its class.
    pub kind: Kind,
    /// As it serialises itself.
    pub bytes: &'a [u8],
}

/// A map that names the classes of its keys and values (`MapWritable`, `SortedMapWritable`).
///
/// Its view is the bytes; [`MapWritable::entries`] and [`MapWritable::build`] take it apart and make it.
#[derive(Clone, Copy, Debug)]
pub struct MapWritable<'a> {
    bytes: &'a [u8],
}

impl Writable for MapWritable<'_> {
    const CLASS: &'static str = "org.apache.hadoop.io.MapWritable";
    type View<'a> = MapWritable<'a>;

    fn read<'a>(from: &mut &'a [u8]) -> Result<MapWritable<'a>> {
        let all = *from;
        walk(from, 0, &mut |_, _| Ok(()))?;
        let length = all.len().saturating_sub(from.len());
        Ok(MapWritable { bytes: all.get(..length).unwrap_or_default() })
    }

    fn write(view: MapWritable<'_>, to: &mut Vec<u8>) {
        to.extend_from_slice(view.bytes);
    }

    fn datum<'o, 'a: 'o, 's: 'o>(view: MapWritable<'a>, _scratch: &'s mut Vec<u8>) -> Datum<'o> {
        Datum::Serialized(view.bytes)
    }
}

impl<'a> MapWritable<'a> {
    /// Appends a map, serialised.
    pub fn build(entries: &[(Value<'_>, Value<'_>)], to: &mut Vec<u8>) {
        let mut foreign: Vec<Kind> = Vec::new();
        let values = entries.iter().flat_map(|(key, value)| [key.kind, value.kind]);
        for kind in values {
            if number_of(kind).is_none() && !foreign.contains(&kind) {
                foreign.push(kind);
            }
        }
        to.push(u8::try_from(foreign.len()).unwrap_or(u8::MAX));
        for (at, kind) in foreign.iter().enumerate() {
            to.push(u8::try_from(at.saturating_add(1)).unwrap_or(u8::MAX));
            let class = kind.class();
            to.extend_from_slice(&u16::try_from(class.len()).unwrap_or(u16::MAX).to_be_bytes());
            to.extend_from_slice(class.as_bytes());
        }
        to.extend_from_slice(&u32::try_from(entries.len()).unwrap_or(u32::MAX).to_be_bytes());
        for (key, value) in entries {
            for one in [key, value] {
                let own = foreign.iter().position(|kind| *kind == one.kind);
                let own = own.and_then(|at| u8::try_from(at.saturating_add(1)).ok());
                to.push(number_of(one.kind).map(i8::cast_unsigned).or(own).unwrap_or(0));
                to.extend_from_slice(one.bytes);
            }
        }
    }

    /// Keys and values in the order they were written.
    ///
    /// # Errors
    /// The bytes are no such map.
    pub fn entries(&self) -> Result<Vec<(Value<'a>, Value<'a>)>> {
        let mut entries = Vec::new();
        walk(&mut { self.bytes }, 0, &mut |key, value| {
            entries.push((key, value));
            Ok(())
        })?;
        Ok(entries)
    }

    /// Appends `{key=value, key=value}`.
    pub(super) fn show(&self, text: &mut Vec<u8>) -> Result<()> {
        text.push(b'{');
        for (at, (key, value)) in self.entries()?.into_iter().enumerate() {
            text.extend_from_slice(if at > 0 { b", " } else { b"" });
            key.kind.show(&mut { key.bytes }, text)?;
            text.push(b'=');
            value.kind.show(&mut { value.bytes }, text)?;
        }
        text.push(b'}');
        Ok(())
    }
}

fn number_of(kind: Kind) -> Option<i8> {
    NUMBERED.iter().find(|(_, known)| *known == Some(kind)).map(|(number, _)| *number)
}

fn read_count(from: &mut &[u8]) -> Result<usize> {
    let count = i32::from_be_bytes(take_array(from)?);
    usize::try_from(count).map_err(|_| Error::io(format!("{count} is no count")))
}

fn walk<'a>(
    from: &mut &'a [u8],
    depth: usize,
    visit: &mut dyn FnMut(Value<'a>, Value<'a>) -> Result<()>,
) -> Result<()> {
    if depth > DEEPEST {
        return Err(Error::io(format!("maps within maps, more than {DEEPEST}")));
    }
    let own = read_classes(from)?;
    let count = read_count(from)?;
    for _ in 0..count {
        let key = read_value(from, &own, depth)?;
        let value = read_value(from, &own, depth)?;
        visit(key, value)?;
    }
    Ok(())
}

fn read_classes(from: &mut &[u8]) -> Result<Vec<(i8, Kind)>> {
    let [count] = take_array::<1>(from)?;
    let mut classes = Vec::new();
    for _ in 0..count.cast_signed().max(0) {
        let [number] = take_array::<1>(from)?;
        let length = u16::from_be_bytes(take_array(from)?);
        let class = String::from_utf8_lossy(take(from, length.into())?);
        let kind = Kind::required(&class)?;
        if matches!(kind, Kind::Tuple | Kind::OldTuple) {
            return Err(Error::io(format!("a map that holds a {class} is not read")));
        }
        classes.push((number.cast_signed(), kind));
    }
    Ok(classes)
}

fn read_value<'a>(from: &mut &'a [u8], own: &[(i8, Kind)], depth: usize) -> Result<Value<'a>> {
    let [number] = take_array::<1>(from)?;
    let number = number.cast_signed();
    let known = NUMBERED.iter().find(|(n, _)| *n == number).and_then(|(_, kind)| *kind);
    let kind = known
        .or_else(|| own.iter().find(|(n, _)| *n == number).map(|(_, kind)| *kind))
        .ok_or_else(|| Error::io(format!("a map has a value of unknown class {number}")))?;
    let all = *from;
    if matches!(kind, Kind::Map | Kind::SortedMap) {
        walk(from, depth.saturating_add(1), &mut |_, _| Ok(()))?;
    } else {
        kind.split_off(from)?;
    }
    let length = all.len().saturating_sub(from.len());
    Ok(Value { kind, bytes: all.get(..length).unwrap_or_default() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::io::writable::{IntWritable, NullWritable, Text};

    #[test]
    fn arrays() {
        let mut bytes = Vec::new();
        ArrayWritable::write::<Text>(&[b"a", b"bc"], &mut bytes);
        assert_eq!(bytes, b"\0\0\0\x02\x01a\x02bc");
        let read = ArrayWritable::read::<Text>(&mut &*bytes).unwrap();
        assert_eq!(read, [b"a".as_slice(), b"bc"]);
        bytes[0] = 0x7f;
        assert!(ArrayWritable::read::<Text>(&mut &*bytes).is_err());
        assert!(ArrayWritable::read::<NullWritable>(&mut &bytes[..4]).is_err());
    }

    #[test]
    fn maps() {
        let (mut key, mut value) = (Vec::new(), Vec::new());
        Text::write(b"k", &mut key);
        IntWritable::write(5, &mut value);
        let mut bytes = Vec::new();
        let entries = [
            (Value { kind: Kind::Text, bytes: &key }, Value { kind: Kind::Int, bytes: &value }),
            (Value { kind: Kind::Short, bytes: &[0, 9] }, Value { kind: Kind::Null, bytes: &[] }),
        ];
        MapWritable::build(&entries, &mut bytes);
        let mut rest = bytes.as_slice();
        let map = MapWritable::read(&mut rest).unwrap();
        assert!(rest.is_empty());
        assert_eq!(map.entries().unwrap(), entries);
        let mut shown = Vec::new();
        Kind::Map.show(&mut &*bytes, &mut shown).unwrap();
        assert_eq!(String::from_utf8(shown).unwrap(), "{k=5, 9=(null)}");
        for end in 0..bytes.len() {
            assert!(MapWritable::read(&mut &bytes[..end]).is_err());
        }
        // Maps in maps without end.
        let deep: Vec<u8> = [0, 0, 0, 0, 1, 0x89, 0, 0, 0, 0, 1, 0x87].repeat(10_000);
        assert!(MapWritable::read(&mut &*deep).is_err());
        let nested: Vec<u8> = [0, 0, 0, 0, 1, 0x87].repeat(10_000);
        assert!(MapWritable::read(&mut &*nested).is_err());
    }
}

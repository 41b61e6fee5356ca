//! Avro, as far as history files need it: fields as JSON, and binary data read by the schema that
//! the file itself carries.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

use super::event::NamedCounters;
use crate::protocol::{CounterGroupMessage, CounterMessage, CountersMessage};

/// The package that names in the schema belong to.
pub(super) const NAMESPACE: &str = "org.apache.hadoop.mapreduce.jobhistory";

/// Records that a schema has defined so far; later it only names them.
#[derive(Default)]
pub(super) struct Named(BTreeSet<&'static str>);

/// A type that a field may have.
pub(super) trait AvroField: Sized {
    fn schema(named: &mut Named) -> Value;

    fn to_value(&self) -> Value;

    fn from_value(value: Value) -> Option<Self>;

    /// What the schema says where a file does not have the field.
    fn default_in_schema() -> Option<Value> {
        None
    }
}

impl AvroField for String {
    fn schema(_: &mut Named) -> Value {
        json!("string")
    }

    fn to_value(&self) -> Value {
        Value::String(self.clone())
    }

    fn from_value(value: Value) -> Option<Self> {
        match value {
            Value::String(text) => Some(text),
            _ => None,
        }
    }
}

impl AvroField for i64 {
    fn schema(_: &mut Named) -> Value {
        json!("long")
    }

    fn to_value(&self) -> Value {
        json!(self)
    }

    fn from_value(value: Value) -> Option<Self> {
        value.as_i64()
    }
}

impl AvroField for i32 {
    fn schema(_: &mut Named) -> Value {
        json!("int")
    }

    fn to_value(&self) -> Value {
        json!(self)
    }

    fn from_value(value: Value) -> Option<Self> {
        Self::try_from(value.as_i64()?).ok()
    }
}

impl AvroField for bool {
    fn schema(_: &mut Named) -> Value {
        json!("boolean")
    }

    fn to_value(&self) -> Value {
        json!(self)
    }

    fn from_value(value: Value) -> Option<Self> {
        value.as_bool()
    }
}

impl AvroField for Vec<i32> {
    fn schema(_: &mut Named) -> Value {
        json!({"type": "array", "items": "int"})
    }

    fn to_value(&self) -> Value {
        json!(self)
    }

    fn from_value(value: Value) -> Option<Self> {
        let Value::Array(items) = value else { return None };
        items.into_iter().map(i32::from_value).collect()
    }
}

impl AvroField for BTreeMap<String, String> {
    fn schema(_: &mut Named) -> Value {
        json!({"type": "map", "values": "string"})
    }

    fn to_value(&self) -> Value {
        json!(self)
    }

    fn from_value(value: Value) -> Option<Self> {
        let Value::Object(entries) = value else { return None };
        let entry = |(key, value)| Some((key, String::from_value(value)?));
        entries.into_iter().map(entry).collect()
    }
}

/// What the branch of a union is called that is not null.
trait Branch: AvroField {
    const NAME: &'static str;
    /// The name in the schema, where the namespace is understood.
    const NAMES: &'static [&'static str];
}

impl Branch for String {
    const NAME: &'static str = "string";
    const NAMES: &'static [&'static str] = &["string"];
}

impl Branch for NamedCounters {
    const NAME: &'static str = "org.apache.hadoop.mapreduce.jobhistory.JhCounters";
    const NAMES: &'static [&'static str] = &[Self::NAME, "JhCounters"];
}

impl<T: Branch> AvroField for Option<T> {
    fn schema(named: &mut Named) -> Value {
        json!(["null", T::schema(named)])
    }

    fn to_value(&self) -> Value {
        match self {
            Some(value) => json!({T::NAME: value.to_value()}),
            None => Value::Null,
        }
    }

    fn from_value(value: Value) -> Option<Self> {
        match value {
            Value::Null => Some(None),
            Value::Object(branch) if branch.len() == 1 => {
                let (name, value) = branch.into_iter().next()?;
                T::NAMES.contains(&name.as_str()).then(|| T::from_value(value).map(Some))?
            }
            // Files of early versions had no union here.
            plain => T::from_value(plain).map(Some),
        }
    }

    fn default_in_schema() -> Option<Value> {
        Some(Value::Null)
    }
}

impl AvroField for NamedCounters {
    fn schema(named: &mut Named) -> Value {
        if !named.0.insert("JhCounters") {
            return json!("JhCounters");
        }
        let text = |name: &str| json!({"name": name, "type": "string"});
        let counter = json!({"type": "record", "name": "JhCounter", "fields":
            [text("name"), text("displayName"), {"name": "value", "type": "long"}]});
        let counts = json!({"type": "array", "items": counter});
        let group = json!({"type": "record", "name": "JhCounterGroup", "fields":
            [text("name"), text("displayName"), {"name": "counts", "type": counts}]});
        let groups = json!({"type": "array", "items": group});
        json!({"type": "record", "name": "JhCounters", "fields":
            [text("name"), {"name": "groups", "type": groups}]})
    }

    fn to_value(&self) -> Value {
        let counter = |counter: &CounterMessage| json!({"name": counter.name, "displayName": counter.display_name, "value": counter.value});
        let group = |group: &CounterGroupMessage| {
            let counts: Vec<_> = group.counters.iter().map(counter).collect();
            json!({"name": group.name, "displayName": group.display_name, "counts": counts})
        };
        let groups: Vec<_> = self.counters.groups.iter().map(group).collect();
        let name = if self.name.is_empty() { "COUNTERS" } else { self.name };
        json!({"name": name, "groups": groups})
    }

    fn from_value(value: Value) -> Option<Self> {
        let Value::Object(mut record) = value else { return None };
        let groups = objects(record.remove("groups")?)?.map(group_of).collect::<Option<_>>()?;
        let name = match record.get("name").and_then(Value::as_str) {
            Some("TOTAL_COUNTERS") => "TOTAL_COUNTERS",
            Some("MAP_COUNTERS") => "MAP_COUNTERS",
            Some("REDUCE_COUNTERS") => "REDUCE_COUNTERS",
            _ => "COUNTERS",
        };
        Some(Self { name, counters: CountersMessage { groups } })
    }
}

fn objects(value: Value) -> Option<impl Iterator<Item = Map<String, Value>>> {
    let Value::Array(items) = value else { return None };
    if !items.iter().all(Value::is_object) {
        return None;
    }
    Some(items.into_iter().filter_map(|item| match item {
        Value::Object(object) => Some(object),
        _ => None,
    }))
}

fn group_of(mut group: Map<String, Value>) -> Option<CounterGroupMessage> {
    let counter = |mut counter: Map<String, Value>| {
        Some(CounterMessage {
            name: String::from_value(counter.remove("name")?)?,
            display_name: String::from_value(counter.remove("displayName")?)?,
            value: i64::from_value(counter.remove("value")?)?,
        })
    };
    Some(CounterGroupMessage {
        name: String::from_value(group.remove("name")?)?,
        display_name: String::from_value(group.remove("displayName")?)?,
        counters: objects(group.remove("counts")?)?.map(counter).collect::<Option<_>>()?,
    })
}

/// How deep a schema may nest: those of history files have six levels.
const MAX_DEPTH: u32 = 32;

/// Reads one binary datum by the schema it was written with, into the JSON that Avro would write
/// for it. `None` where the bytes end too soon or make no sense.
pub(super) fn read_binary(schema: &Schema, input: &mut &[u8]) -> Option<Value> {
    read(schema, schema.root.as_ref()?, input, 0)
}

/// A file's schema: the root, and records by name.
#[derive(Debug, Default)]
pub(super) struct Schema {
    root: Option<Value>,
    named: BTreeMap<String, Value>,
}

impl Schema {
    pub(super) fn parse(text: &str) -> Option<Self> {
        let root: Value = serde_json::from_str(text).ok()?;
        let mut schema = Self::default();
        schema.collect(&root, 0);
        schema.root = Some(root);
        Some(schema)
    }

    fn collect(&mut self, value: &Value, depth: u32) {
        if depth > MAX_DEPTH {
            return;
        }
        match value {
            Value::Array(items) => items.iter().for_each(|item| self.collect(item, depth + 1)),
            Value::Object(object) => {
                if let (Some(name), Some(Value::String(kind))) =
                    (object.get("name"), object.get("type"))
                    && (kind == "record" || kind == "enum")
                    && let Some(name) = name.as_str()
                {
                    let short = name.rsplit('.').next().unwrap_or(name);
                    self.named.insert(short.to_owned(), value.clone());
                }
                object.values().for_each(|inner| self.collect(inner, depth + 1));
            }
            _ => {}
        }
    }
}

fn read(schema: &Schema, kind: &Value, input: &mut &[u8], depth: u32) -> Option<Value> {
    if depth > MAX_DEPTH {
        return None;
    }
    match kind {
        Value::String(name) => match name.as_str() {
            "null" => Some(Value::Null),
            "boolean" => Some(json!(byte(input)? != 0)),
            "int" | "long" => Some(json!(long(input)?)),
            "string" => text(input).map(Value::String),
            named => {
                let short = named.rsplit('.').next().unwrap_or(named);
                read(schema, schema.named.get(short)?, input, depth + 1)
            }
        },
        Value::Array(branches) => {
            let branch = branches.get(usize::try_from(long(input)?).ok()?)?;
            let value = read(schema, branch, input, depth + 1)?;
            Some(match branch_name(branch)? {
                "null" => value,
                "string" => json!({"string": value}),
                name => json!({format!("{NAMESPACE}.{name}"): value}),
            })
        }
        Value::Object(object) => read_object(schema, object, input, depth),
        _ => None,
    }
}

fn branch_name(branch: &Value) -> Option<&str> {
    let name = branch.as_str().or_else(|| branch.get("name")?.as_str())?;
    name.rsplit('.').next()
}

fn read_object(
    schema: &Schema,
    object: &Map<String, Value>,
    input: &mut &[u8],
    depth: u32,
) -> Option<Value> {
    match object.get("type")? {
        Value::String(kind) => match kind.as_str() {
            "record" => {
                let mut record = Map::new();
                for field in object.get("fields")?.as_array()? {
                    let value = read(schema, field.get("type")?, input, depth + 1)?;
                    record.insert(field.get("name")?.as_str()?.to_owned(), value);
                }
                Some(Value::Object(record))
            }
            "enum" => {
                let symbols = object.get("symbols")?.as_array()?;
                symbols.get(usize::try_from(long(input)?).ok()?).cloned()
            }
            "array" => {
                let mut items = Vec::new();
                blocks(input, |input| {
                    items.push(read(schema, object.get("items")?, input, depth + 1)?);
                    Some(())
                })?;
                Some(Value::Array(items))
            }
            "map" => {
                let mut entries = Map::new();
                blocks(input, |input| {
                    let key = text(input)?;
                    entries.insert(key, read(schema, object.get("values")?, input, depth + 1)?);
                    Some(())
                })?;
                Some(Value::Object(entries))
            }
            _ => read(schema, object.get("type")?, input, depth + 1),
        },
        inner => read(schema, inner, input, depth + 1),
    }
}

/// Arrays and maps come in blocks; a negative count is followed by the block's length.
fn blocks(input: &mut &[u8], mut item: impl FnMut(&mut &[u8]) -> Option<()>) -> Option<()> {
    loop {
        let mut count = long(input)?;
        if count == 0 {
            return Some(());
        }
        if count < 0 {
            count = count.checked_neg()?;
            long(input)?;
        }
        for _ in 0..count {
            // Every item of our schemas has at least a byte, so a hostile count ends here.
            if input.is_empty() {
                return None;
            }
            item(input)?;
        }
    }
}

fn byte(input: &mut &[u8]) -> Option<u8> {
    let (first, rest) = input.split_first()?;
    *input = rest;
    Some(*first)
}

fn long(input: &mut &[u8]) -> Option<i64> {
    let mut value = 0u64;
    for shift in (0..64).step_by(7) {
        let next = byte(input)?;
        value |= u64::from(next & 0x7f).checked_shl(shift)?;
        if next & 0x80 == 0 {
            return Some((value >> 1) as i64 ^ -((value & 1) as i64));
        }
    }
    None
}

fn text(input: &mut &[u8]) -> Option<String> {
    let length = usize::try_from(long(input)?).ok()?;
    let (text, rest) = input.split_at_checked(length)?;
    *input = rest;
    Some(String::from_utf8_lossy(text).into_owned())
}

//! Schemas of Avro, from their JSON.

use std::collections::HashMap;

use serde_json::Value;

/// Schemas inside schemas.
const MAX_DEPTH: usize = 64;

/// Place of a type in its schema.
pub(super) type TypeId = usize;

/// A type.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Type {
    Null,
    Boolean,
    Int,
    Long,
    Float,
    Double,
    Bytes,
    String,
    Array(TypeId),
    /// Of what, and whether Java reads its keys as its own strings.
    Map(TypeId, bool),
    Union(Vec<TypeId>),
    /// Its full name and its fields.
    Record(String, Vec<(String, TypeId)>),
    /// Its full name and its symbols.
    Enum(String, Vec<String>),
    /// Its full name and its bytes.
    Fixed(String, usize),
}

/// A schema: types that refer to each other.
#[derive(Debug)]
pub(super) struct Schema {
    types: Vec<Type>,
    root: TypeId,
}

struct Parser {
    types: Vec<Type>,
    named: HashMap<String, TypeId>,
}

impl Schema {
    pub(super) fn parse(text: &[u8]) -> Result<Self, String> {
        let json: Value = serde_json::from_slice(text).map_err(|e| e.to_string())?;
        let mut parser = Parser { types: Vec::new(), named: HashMap::new() };
        let root = parser.any(&json, "", 0)?;
        Ok(Self { types: parser.types, root })
    }

    pub(super) const fn root(&self) -> TypeId {
        self.root
    }

    pub(super) fn get(&self, id: TypeId) -> &Type {
        self.types.get(id).unwrap_or(&Type::Null)
    }

    /// How a union's branch is called in JSON.
    pub(super) fn label(&self, id: TypeId) -> &str {
        match self.get(id) {
            Type::Null => "null",
            Type::Boolean => "boolean",
            Type::Int => "int",
            Type::Long => "long",
            Type::Float => "float",
            Type::Double => "double",
            Type::Bytes => "bytes",
            Type::String => "string",
            Type::Array(_) => "array",
            Type::Map(..) => "map",
            Type::Union(_) => "union",
            Type::Record(name, _) | Type::Enum(name, _) | Type::Fixed(name, _) => name,
        }
    }
}

impl Parser {
    fn add(&mut self, kind: Type) -> TypeId {
        self.types.push(kind);
        self.types.len() - 1
    }

    fn any(&mut self, json: &Value, space: &str, depth: usize) -> Result<TypeId, String> {
        if depth > MAX_DEPTH {
            return Err("it is too deep".to_owned());
        }
        match json {
            Value::String(name) => self.name(name, space),
            Value::Array(branches) => {
                let branches = branches.iter().map(|branch| self.any(branch, space, depth + 1));
                let branches = branches.collect::<Result<_, _>>()?;
                Ok(self.add(Type::Union(branches)))
            }
            Value::Object(object) => {
                let kind = object.get("type").ok_or("a type has no \"type\"")?;
                let part = |name: &str| {
                    object.get(name).ok_or_else(|| format!("a type has no \"{name}\""))
                };
                match kind.as_str() {
                    Some("array") => {
                        let items = self.any(part("items")?, space, depth + 1)?;
                        Ok(self.add(Type::Array(items)))
                    }
                    Some("map") => {
                        let values = self.any(part("values")?, space, depth + 1)?;
                        let java = json.get("avro.java.string").and_then(Value::as_str);
                        Ok(self.add(Type::Map(values, java == Some("String"))))
                    }
                    Some("record" | "error") => self.record(json, space, depth),
                    Some("enum") => {
                        let all = part("symbols")?.as_array().into_iter().flatten();
                        let symbols = all.filter_map(Value::as_str).map(str::to_owned).collect();
                        let (name, _) = full_name(json, space)?;
                        let id = self.add(Type::Enum(name.clone(), symbols));
                        self.named.insert(name, id);
                        Ok(id)
                    }
                    Some("fixed") => {
                        let size =
                            part("size")?.as_u64().and_then(|size| usize::try_from(size).ok());
                        let (name, _) = full_name(json, space)?;
                        let id =
                            self.add(Type::Fixed(name.clone(), size.ok_or("a size is wrong")?));
                        self.named.insert(name, id);
                        Ok(id)
                    }
                    // A type with further properties.
                    _ => self.any(kind, space, depth + 1),
                }
            }
            _ => Err(format!("{json} is no type")),
        }
    }

    fn name(&mut self, name: &str, space: &str) -> Result<TypeId, String> {
        let plain = match name {
            "null" => Type::Null,
            "boolean" => Type::Boolean,
            "int" => Type::Int,
            "long" => Type::Long,
            "float" => Type::Float,
            "double" => Type::Double,
            "bytes" => Type::Bytes,
            "string" => Type::String,
            _ => {
                let full = qualified(name, space);
                let found = self.named.get(&full).or_else(|| self.named.get(name));
                return found.copied().ok_or_else(|| format!("\"{name}\" is not a defined name"));
            }
        };
        Ok(self.add(plain))
    }

    fn record(&mut self, json: &Value, space: &str, depth: usize) -> Result<TypeId, String> {
        let (name, space) = full_name(json, space)?;
        // Its fields may be of this type.
        let id = self.add(Type::Null);
        self.named.insert(name.clone(), id);
        let mut fields = Vec::new();
        for field in json.get("fields").and_then(Value::as_array).into_iter().flatten() {
            let field_name =
                field.get("name").and_then(Value::as_str).ok_or("a field has no name")?;
            let kind = field.get("type").ok_or("a field has no type")?;
            fields.push((field_name.to_owned(), self.any(kind, &space, depth + 1)?));
        }
        if let Some(slot) = self.types.get_mut(id) {
            *slot = Type::Record(name, fields);
        }
        Ok(id)
    }
}

fn qualified(name: &str, space: &str) -> String {
    if space.is_empty() || name.contains('.') { name.to_owned() } else { format!("{space}.{name}") }
}

/// A named type's full name, and the name space that holds inside it.
fn full_name(json: &Value, space: &str) -> Result<(String, String), String> {
    let name = json.get("name").and_then(Value::as_str).ok_or("a type has no \"name\"")?;
    let own = json.get("namespace").and_then(Value::as_str).unwrap_or(space);
    let full = qualified(name, own);
    let inside = full.rsplit_once('.').map_or("", |(space, _)| space).to_owned();
    Ok((full, inside))
}

//! A schema as little more than a few comparisons: almost every value is allowed, and to say so of one takes no more.

use serde_json::{Map, Value};

/// The members of a schema that ask for nothing.
const REMARKS: [&str; 8] =
    ["default", "deprecated", "description", "example", "nullable", "title", "x-enum-varnames", "xml"];

/// How deep schemas may lie in each other.
const DEPTH: usize = 16;

/// A fast check of a schema. It may fail to see that a value is allowed, and never takes one for allowed that is not.
#[derive(Debug, Default)]
pub(super) struct Sketch {
    types: Vec<String>,
    values: Option<Vec<Value>>,
    least: Option<f64>,
    /// `true` if a number must fit into 32 bits.
    short: bool,
    min_length: Option<u64>,
    max_length: Option<u64>,
    min_members: Option<u64>,
    required: Vec<String>,
    /// `None` for a schema that has no sketch.
    properties: Vec<(String, Option<Sketch>)>,
}

impl Sketch {
    /// `None` if the schema at this pointer asks for anything that is not known here.
    pub(super) fn at(document: &Value, pointer: &str) -> Option<Sketch> {
        Sketch::of(document, document.pointer(pointer)?, 0)
    }

    fn of(document: &Value, schema: &Value, depth: usize) -> Option<Sketch> {
        let members = schema.as_object().filter(|_| depth < DEPTH)?;
        if let Some(reference) = members.get("$ref") {
            // What stands beside it would have to hold as well.
            let alone = members.keys().all(|name| name == "$ref" || is_remark(name));
            let target = document.pointer(reference.as_str().filter(|_| alone)?.strip_prefix('#')?)?;
            return Sketch::of(document, target, depth + 1);
        }
        let mut sketch = Sketch::default();
        for (name, value) in members {
            match name.as_str() {
                "type" => sketch.types = texts(value)?,
                "enum" => sketch.values = Some(value.as_array()?.clone()),
                "minimum" => sketch.least = Some(value.as_f64()?),
                "format" => match value.as_str()? {
                    "int32" => sketch.short = true,
                    "int64" => {}
                    _ => return None,
                },
                "minLength" => sketch.min_length = Some(value.as_u64()?),
                "maxLength" => sketch.max_length = Some(value.as_u64()?),
                "minProperties" => sketch.min_members = Some(value.as_u64()?),
                "required" => sketch.required = texts(value)?,
                "properties" => {
                    let of =
                        |(name, schema): (&String, &Value)| (name.clone(), Sketch::of(document, schema, depth + 1));
                    sketch.properties = value.as_object()?.iter().map(of).collect();
                }
                name if is_remark(name) => {}
                _ => return None,
            }
        }
        Some(sketch).filter(|sketch| !sketch.types.is_empty())
    }

    /// Returns whether the value is allowed for certain.
    pub(super) fn allows(&self, value: &Value) -> bool {
        let has_type = |kind: &str| self.types.iter().any(|wanted| wanted == kind);
        let fits = match value {
            Value::Null => has_type("null"),
            Value::Bool(_) => has_type("boolean"),
            Value::String(text) => has_type("string") && self.allows_text(text),
            Value::Number(number) => {
                has_type("integer") && number.as_i64().is_some_and(|number| self.allows_integer(number))
            }
            Value::Object(members) => has_type("object") && self.allows_members(members),
            Value::Array(_) => false,
        };
        fits && self.values.as_ref().is_none_or(|values| values.contains(value))
    }

    fn allows_text(&self, text: &str) -> bool {
        if self.min_length.is_none() && self.max_length.is_none() {
            return true;
        }
        let length = text.chars().count() as u64;
        self.min_length.is_none_or(|least| length >= least) && self.max_length.is_none_or(|most| length <= most)
    }

    fn allows_integer(&self, number: i64) -> bool {
        self.least.is_none_or(|least| number as f64 >= least) && (!self.short || i32::try_from(number).is_ok())
    }

    fn allows_members(&self, members: &Map<String, Value>) -> bool {
        self.min_members.is_none_or(|least| members.len() as u64 >= least)
            && self.required.iter().all(|name| members.contains_key(name))
            && members.iter().all(|(name, value)| match self.properties.iter().find(|(known, _)| known == name) {
                Some((_, sketch)) => sketch.as_ref().is_some_and(|sketch| sketch.allows(value)),
                None => true,
            })
    }
}

fn is_remark(name: &str) -> bool {
    REMARKS.contains(&name) || name.starts_with("x-")
}

/// One text, or several.
fn texts(value: &Value) -> Option<Vec<String>> {
    match value {
        Value::String(text) => Some(vec![text.clone()]),
        Value::Array(items) => items.iter().map(|item| item.as_str().map(str::to_owned)).collect(),
        _ => None,
    }
}

//! The XML form of a body: the default mapping of OpenAPI. An object is an element with one child per member, named
//! as the member; the root has the `xml.name` of the schema. Entities beyond the five predefined ones are refused.

use quick_xml::Reader;
use quick_xml::escape::escape;
use quick_xml::events::{BytesRef, Event};
use serde_json::{Map, Value};
use user_status_openapi::{Contract, pointer};

/// Writes an object. Members that are null are left out.
pub(super) fn write(contract: &Contract, schema: &str, body: &Value) -> String {
    let root = root_name(contract, schema);
    let mut text = format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<{root}>");
    for (name, value) in body.as_object().into_iter().flatten() {
        let value = match value {
            Value::Null => continue,
            Value::String(value) => escape(value.as_str()).into_owned(),
            other => other.to_string(),
        };
        text.push_str(&format!("<{name}>{value}</{name}>"));
    }
    text.push_str(&format!("</{root}>"));
    text
}

/// Reads an object.
pub(super) fn read(contract: &Contract, schema: &str, body: &[u8]) -> Result<Value, String> {
    let text = std::str::from_utf8(body).map_err(|_| "must be UTF-8".to_owned())?;
    let root = root_name(contract, schema);
    let mut reader = Reader::from_str(text);
    let mut members = Map::new();
    // The open elements: none, the root, or the root and a member.
    let mut open: Vec<String> = Vec::new();
    let mut content = String::new();
    let mut seen_root = false;
    loop {
        let event = reader.read_event().map_err(|_| malformed(&reader))?;
        match event {
            Event::Start(element) => {
                let name = element.local_name().as_ref().to_owned();
                match open.len() {
                    0 if name == root && !seen_root => seen_root = true,
                    0 => return Err(format!("must be one element `{root}`")),
                    1 => content.clear(),
                    _ => return Err(format!("must have members without elements in them, as `{}` has", open[1])),
                }
                open.push(name);
            }
            Event::End(_) => {
                if open.len() == 2 {
                    let name = open.remove(1);
                    let value = typed(contract, schema, &name, std::mem::take(&mut content));
                    if members.insert(name.clone(), value).is_some() {
                        return Err(format!("must have `{name}` once"));
                    }
                } else {
                    open.pop();
                }
            }
            Event::Empty(element) => {
                let name = element.local_name().as_ref().to_owned();
                match open.len() {
                    0 if name == root && !seen_root => seen_root = true,
                    0 => return Err(format!("must be one element `{root}`")),
                    1 if !members.contains_key(&name) => {
                        let value = typed(contract, schema, &name, String::new());
                        members.insert(name, value);
                    }
                    1 => return Err(format!("must have `{name}` once")),
                    _ => return Err(format!("must have members without elements in them, as `{}` has", open[1])),
                }
            }
            Event::Text(part) if open.len() == 2 => content.push_str(&part),
            Event::CData(part) if open.len() == 2 => content.push_str(&part),
            Event::Text(part) if part.trim().is_empty() => {}
            Event::Text(_) | Event::CData(_) => {
                return Err("must have text in the members of the element only".to_owned());
            }
            Event::GeneralRef(_) if open.len() != 2 => {
                return Err("must have text in the members of the element only".to_owned());
            }
            Event::GeneralRef(reference) => {
                content.push_str(&resolve(&reference).ok_or("must not have entities of its own")?);
            }
            Event::DocType(_) => return Err("must not have a document type".to_owned()),
            Event::Decl(_) | Event::PI(_) | Event::Comment(_) => {}
            Event::Eof => break,
        }
    }
    if seen_root && open.is_empty() { Ok(Value::Object(members)) } else { Err(format!("must be one element `{root}`")) }
}

/// A predefined entity or a character reference.
fn resolve(reference: &BytesRef<'_>) -> Option<String> {
    if let Some(character) = reference.resolve_char_ref().ok()? {
        return Some(character.to_string());
    }
    let text = match &**reference {
        "lt" => "<",
        "gt" => ">",
        "amp" => "&",
        "apos" => "'",
        "quot" => "\"",
        _ => return None,
    };
    Some(text.to_owned())
}

fn malformed(reader: &Reader<&[u8]>) -> String {
    format!("must be well-formed XML, and is not at byte {}", reader.error_position())
}

fn root_name<'a>(contract: &'a Contract, schema: &'a str) -> &'a str {
    let named = contract.document().pointer(&format!("{schema}/xml/name")).and_then(Value::as_str);
    named.or_else(|| schema.rsplit('/').next()).unwrap_or_default()
}

/// The text of a member as the type that its schema has. What does not fit stays text, and fails validation.
fn typed(contract: &Contract, schema: &str, member: &str, text: String) -> Value {
    let at = pointer::join(&format!("{schema}/properties"), member);
    let kind = contract.resolve(&at).and_then(|schema| schema.get("type")).and_then(Value::as_str);
    match (kind, text.trim()) {
        (Some("boolean"), "true" | "1") => Value::Bool(true),
        (Some("boolean"), "false" | "0") => Value::Bool(false),
        (Some("integer"), digits) => digits.parse::<i64>().map_or(Value::String(text), Value::from),
        _ => Value::String(text),
    }
}

//! The XML form of a body: the default mapping of OpenAPI. An object is an element with one child per member, named
//! as the member; the root has the `xml.name` of the schema. Entities beyond the five predefined ones are refused.

use quick_xml::Reader;
use quick_xml::escape::escape;
use quick_xml::events::{BytesRef, BytesStart, Event};
use serde_json::{Map, Value};
use user_status_openapi::{Contract, pointer};

/// The longest name of an element that is read. The contract's are shorter; those that it does not have are passed over.
const LONGEST_NAME: usize = 1024;

/// Writes an object. Members that are null are left out.
pub(crate) fn write(contract: &Contract, schema: &str, body: &Value) -> String {
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
pub(crate) fn read(contract: &Contract, schema: &str, body: &[u8]) -> Result<Value, String> {
    let text = std::str::from_utf8(body).map_err(|_| "must be UTF-8".to_owned())?;
    if !text.chars().all(is_character) {
        return Err("must have the characters of XML 1.0 only".to_owned());
    }
    let root = root_name(contract, schema);
    let mut reader = Reader::from_str(text);
    reader.config_mut().check_comments = true;
    let mut members = Map::new();
    // The open elements: none, the root, or the root and a member.
    let mut open: Vec<String> = Vec::new();
    let mut content = String::new();
    let mut seen_root = false;
    let mut declared = false;
    loop {
        let event = reader.read_event().map_err(|_| malformed(&reader))?;
        match event {
            Event::Start(element) => {
                let name = name_of(&element)?;
                match open.len() {
                    0 if name == root && !seen_root => seen_root = true,
                    0 => return Err(format!("must be one element `{root}`")),
                    1 => content.clear(),
                    _ if is_known(contract, schema, &open[1]) => return Err(not_flat(&open[1])),
                    _ => {}
                }
                open.push(name);
            }
            Event::End(_) => {
                if open.len() == 2 {
                    let name = open.remove(1);
                    let value = typed(contract, schema, &name, std::mem::take(&mut content));
                    if members.insert(name.clone(), value).is_some() && is_known(contract, schema, &name) {
                        return Err(format!("must have `{name}` once"));
                    }
                } else {
                    open.pop();
                }
            }
            Event::Empty(element) => {
                let name = name_of(&element)?;
                match open.len() {
                    0 if name == root && !seen_root => seen_root = true,
                    0 => return Err(format!("must be one element `{root}`")),
                    1 => {
                        let value = typed(contract, schema, &name, String::new());
                        if members.insert(name.clone(), value).is_some() && is_known(contract, schema, &name) {
                            return Err(format!("must have `{name}` once"));
                        }
                    }
                    _ if is_known(contract, schema, &open[1]) => return Err(not_flat(&open[1])),
                    _ => {}
                }
            }
            Event::Text(part) if part.contains("]]>") => return Err(malformed(&reader)),
            Event::Text(part) if open.len() == 2 => content.push_str(&part),
            Event::CData(part) if open.len() == 2 => content.push_str(&part),
            Event::Text(part) if open.len() < 2 && part.trim().is_empty() => {}
            Event::Text(_) | Event::CData(_) if open.len() < 2 => {
                return Err("must have text in the members of the element only".to_owned());
            }
            // Within an unknown member.
            Event::Text(_) | Event::CData(_) => {}
            Event::GeneralRef(_) if open.len() < 2 => {
                return Err("must have text in the members of the element only".to_owned());
            }
            Event::GeneralRef(reference) => {
                let text = resolve(&reference)
                    .ok_or("must not have entities of its own, nor references to characters that XML 1.0 lacks")?;
                if open.len() == 2 {
                    content.push_str(&text);
                }
            }
            Event::DocType(_) => return Err("must not have a document type".to_owned()),
            Event::Decl(declaration) => {
                // Only the first event of a document can be one.
                if declared {
                    return Err(malformed(&reader));
                }
                let encoding = declaration.encoding().transpose().map_err(|_| malformed(&reader))?;
                if encoding.is_some_and(|encoding| !encoding.eq_ignore_ascii_case("utf-8")) {
                    return Err("must be UTF-8, and declares another encoding".to_owned());
                }
            }
            Event::PI(_) | Event::Comment(_) => {}
            Event::Eof => break,
        }
        declared = true;
    }
    if seen_root && open.is_empty() { Ok(Value::Object(members)) } else { Err(format!("must be one element `{root}`")) }
}

/// The name of an element without its prefix. The mapping has no attributes; a namespace may be declared.
fn name_of(element: &BytesStart<'_>) -> Result<String, String> {
    for attribute in element.attributes() {
        let attribute = attribute.map_err(|_| "must have well-formed attributes".to_owned())?;
        let name: &str = attribute.key.as_ref();
        if name != "xmlns" && !name.starts_with("xmlns:") {
            return Err("must not have attributes".to_owned());
        }
    }
    let name: &str = element.name().into_inner();
    let begins = |part: &str| part.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_' || !c.is_ascii());
    let goes_on = |c: char| c.is_ascii_alphanumeric() || "_-.".contains(c) || !c.is_ascii();
    let parts = name.split(':').count();
    if parts > 2 || name.len() > LONGEST_NAME || !name.split(':').all(|part| begins(part) && part.chars().all(goes_on))
    {
        return Err(format!("must have elements with names of at most {LONGEST_NAME} bytes"));
    }
    Ok(element.local_name().as_ref().to_owned())
}

/// Returns whether XML 1.0 has this character.
fn is_character(character: char) -> bool {
    matches!(character, '\t' | '\n' | '\r' | ' '..='\u{fffd}' | '\u{10000}'..)
}

/// A predefined entity or a character reference.
fn resolve(reference: &BytesRef<'_>) -> Option<String> {
    if let Some(character) = reference.resolve_char_ref().ok()? {
        return is_character(character).then(|| character.to_string());
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

/// Returns whether the contract has this member. Of others only the text is read, and what else is in them is passed over, as it
/// is in JSON.
fn is_known(contract: &Contract, schema: &str, member: &str) -> bool {
    contract.resolve(&pointer::join(&format!("{schema}/properties"), member)).is_some()
}

fn not_flat(member: &str) -> String {
    format!("must have `{member}` without elements in it")
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

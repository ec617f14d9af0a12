//! Akana's other representations. The generated client speaks JSON; XML is translated at the one seam below it.
//!
//! The form is the default mapping of OpenAPI: an element per member, named as the member, in a root named as the
//! schema. No sample of the platform's XML is public; the namespace is unverified.

use quick_xml::Reader;
use quick_xml::escape::escape;
use quick_xml::events::Event;
use serde_json::{Map, Value};

use crate::codec::BoxError;

/// The representation that is spoken instead of plain JSON.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Representation {
    /// The media type.
    pub(crate) media_type: &'static str,
    /// The names of the elements in XML.
    pub(crate) elements: Elements,
}

/// The names of the elements of requests and responses.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Elements {
    /// The root of a request.
    pub(crate) request: &'static str,
    /// Its members, in the order of the document: in XML the order may matter.
    pub(crate) members: &'static [&'static str],
    /// The root of a response that says what was asked for.
    pub(crate) answer: &'static str,
    /// The root of a fault.
    pub(crate) fault: &'static str,
    /// The members of responses that are booleans.
    pub(crate) booleans: &'static [&'static str],
}

impl Representation {
    /// Returns whether XML travels.
    pub(crate) fn is_xml(&self) -> bool {
        self.media_type.ends_with("xml")
    }

    /// A request body, from JSON.
    pub(crate) fn request(&self, json: &[u8]) -> Result<Vec<u8>, BoxError> {
        if !self.is_xml() {
            return Ok(json.to_owned());
        }
        let elements = &self.elements;
        let mut members: Vec<(String, Value)> = serde_json::from_slice::<Map<_, _>>(json)?.into_iter().collect();
        members.sort_by_key(|(name, _)| elements.members.iter().position(|member| member == name));
        let root = elements.request;
        let mut text = format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<{root}>");
        for (name, value) in members {
            let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            let unfit =
                |c: &char| (c.is_control() && !matches!(c, '\t' | '\n' | '\r')) || matches!(c, '\u{fffe}' | '\u{ffff}');
            if let Some(c) = value.chars().find(unfit) {
                return Err(format!("XML cannot carry the character {}", c.escape_unicode()).into());
            }
            text.push_str(&format!("<{name}>{}</{name}>", escape(value.as_str())));
        }
        text.push_str(&format!("</{root}>"));
        Ok(text.into_bytes())
    }
}

/// An XML document: one element with plain members, or with elements of the same kind in them.
pub(crate) struct Document {
    /// The name of its root, without a prefix: no namespace is documented.
    pub(crate) root: String,
    /// Its members, as the reader of JSON would give them.
    pub(crate) value: Value,
}

/// An element that is not closed yet.
struct Open {
    name: String,
    text: String,
    members: Map<String, Value>,
}

/// More elements than this, one within the other, are no response.
const DEEPEST: usize = 127;

/// Reads a document, with the members of these names as booleans; `None` if it is none, or one that could be read in two
/// ways. Attributes, comments and processing instructions say nothing.
pub(crate) fn read(xml: &str, booleans: &[&str]) -> Option<Document> {
    let mut reader = Reader::from_str(xml);
    let mut open: Vec<Open> = Vec::new();
    let mut document = None;
    loop {
        match reader.read_event().ok()? {
            Event::Start(_) | Event::Empty(_) if document.is_some() || open.len() == DEEPEST => return None,
            Event::Start(element) => {
                open.push(Open::new(element.local_name().as_ref()));
            }
            Event::Empty(element) => {
                let element = Open::new(element.local_name().as_ref());
                close(element, &mut open, &mut document, booleans)?;
            }
            Event::End(_) => {
                let element = open.pop()?;
                close(element, &mut open, &mut document, booleans)?;
            }
            Event::Text(part) => push(&mut open, &part)?,
            Event::CData(part) => push(&mut open, &part)?,
            Event::GeneralRef(reference) => {
                let text = match reference.resolve_char_ref().ok()? {
                    Some(character) => character.to_string(),
                    None => predefined(&reference)?.to_owned(),
                };
                push(&mut open, &text)?;
            }
            Event::DocType(_) => return None,
            Event::Decl(_) | Event::PI(_) | Event::Comment(_) => {}
            Event::Eof => break,
        }
    }
    document.filter(|_| open.is_empty())
}

impl Open {
    fn new(name: &str) -> Open {
        Open { name: name.to_owned(), text: String::new(), members: Map::new() }
    }
}

/// Puts an element where it belongs.
fn close(element: Open, open: &mut [Open], document: &mut Option<Document>, booleans: &[&str]) -> Option<()> {
    let Open { name, text, mut members } = element;
    let depth = open.len();
    let blank = text.trim().is_empty();
    let Some(parent) = open.last_mut() else {
        *document = Some(Document { root: name, value: Value::Object(members) }).filter(|_| blank);
        return document.is_some().then_some(());
    };
    let value = match text.trim() {
        _ if !members.is_empty() => {
            if !blank {
                members.insert("#text".to_owned(), Value::String(text));
            }
            Value::Object(members)
        }
        "true" | "1" if booleans.contains(&name.as_str()) => Value::Bool(true),
        "false" | "0" if booleans.contains(&name.as_str()) => Value::Bool(false),
        _ => Value::String(text),
    };
    match parent.members.get_mut(&name) {
        None => drop(parent.members.insert(name, value)),
        // Twice is no answer: nobody knows which of the two holds. Deeper down it is a list.
        Some(_) if depth == 1 => return None,
        Some(Value::Array(items)) => items.push(value),
        Some(first) => *first = Value::Array(vec![first.take(), value]),
    }
    Some(())
}

/// Text belongs to an element; outside of the root there is white space only.
fn push(open: &mut [Open], text: &str) -> Option<()> {
    match open.last_mut() {
        Some(element) => element.text.push_str(text),
        None if text.trim().is_empty() => {}
        None => return None,
    }
    Some(())
}

/// Writes a document as it would be read.
pub(crate) fn write(root: &str, value: &Value) -> String {
    let mut text = String::new();
    element(&mut text, root, value);
    text
}

fn element(text: &mut String, name: &str, value: &Value) {
    let plain = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '.');
    // The name may have been replaced, by what is none.
    let name: String = name.chars().filter(|c| plain(*c)).collect();
    match value {
        Value::Array(items) => items.iter().for_each(|item| element(text, &name, item)),
        Value::Object(members) => {
            text.push_str(&format!("<{name}>"));
            members.iter().for_each(|(name, value)| element(text, name, value));
            text.push_str(&format!("</{name}>"));
        }
        Value::String(value) => text.push_str(&format!("<{name}>{}</{name}>", escape(value.as_str()))),
        other => text.push_str(&format!("<{name}>{other}</{name}>")),
    }
}

fn predefined(entity: &str) -> Option<&'static str> {
    Some(match entity {
        "lt" => "<",
        "gt" => ">",
        "amp" => "&",
        "apos" => "'",
        "quot" => "\"",
        _ => return None,
    })
}

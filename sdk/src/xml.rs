//! Akana's other representations. The generated client speaks JSON; XML is translated at the one seam below it.
//!
//! The form is the default mapping of OpenAPI: an element per member, named as the member, in a root named as the
//! schema. No sample of the platform's XML is public; the namespace is unverified.

use quick_xml::Reader;
use quick_xml::escape::escape;
use quick_xml::events::Event;
use serde_json::{Map, Value};

use crate::error::BoxError;

/// What is spoken instead of plain JSON.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Representation {
    /// The media type.
    pub(crate) media_type: &'static str,
    /// For XML, what its elements are called.
    pub(crate) xml: Option<Elements>,
}

/// What the elements of requests and answers are called.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Elements {
    /// The root of a request.
    pub(crate) request: &'static str,
    /// Its members, in the order of the document: in XML the order may matter.
    pub(crate) members: &'static [&'static str],
    /// The members of answers that are booleans.
    pub(crate) booleans: &'static [&'static str],
}

impl Representation {
    /// A request body, from JSON.
    pub(crate) fn request(&self, json: &[u8]) -> Result<Vec<u8>, BoxError> {
        let Some(elements) = &self.xml else { return Ok(json.to_owned()) };
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

    /// An answer as JSON; `None` if it is not one element with plain members.
    pub(crate) fn answer(&self, xml: &[u8]) -> Option<Vec<u8>> {
        json(xml, self.xml.as_ref()?.booleans)
    }
}

/// One element with plain members as JSON, those of these names as booleans; `None` if it is none.
pub(crate) fn json(xml: &[u8], booleans: &[&str]) -> Option<Vec<u8>> {
    let mut reader = Reader::from_str(std::str::from_utf8(xml).ok()?);
    let mut members = Map::new();
    let (mut root_seen, mut member): (bool, Option<(String, String)>) = (false, None);
    let mut depth = 0;
    loop {
        match reader.read_event().ok()? {
            Event::Start(element) => {
                depth += 1;
                match depth {
                    1 if !root_seen => root_seen = true,
                    2 => member = Some((element.local_name().as_ref().to_owned(), String::new())),
                    // A member with elements in it is none that is known; it is passed over.
                    _ if depth > 2 => member = None,
                    _ => return None,
                }
            }
            Event::End(_) => {
                depth -= 1;
                if let Some((name, text)) = member.take() {
                    let value = match text.trim() {
                        "true" | "1" if booleans.contains(&name.as_str()) => Value::Bool(true),
                        "false" | "0" if booleans.contains(&name.as_str()) => Value::Bool(false),
                        _ => Value::String(text),
                    };
                    // Twice is no answer: nobody knows which of the two holds.
                    if members.insert(name, value).is_some() {
                        return None;
                    }
                }
            }
            Event::Empty(element) if depth == 1 => {
                let name = element.local_name().as_ref().to_owned();
                if members.insert(name, Value::String(String::new())).is_some() {
                    return None;
                }
            }
            Event::Empty(_) if depth > 1 => member = None,
            Event::Empty(_) if depth == 0 && !root_seen => root_seen = true,
            Event::Empty(_) | Event::DocType(_) => return None,
            // Within a member that is passed over.
            Event::Text(_) | Event::CData(_) | Event::GeneralRef(_) if depth > 1 && member.is_none() => {}
            Event::Text(part) => push(&mut member, &part)?,
            Event::CData(part) => push(&mut member, &part)?,
            Event::GeneralRef(reference) => {
                let text = match reference.resolve_char_ref().ok()? {
                    Some(character) => character.to_string(),
                    None => predefined(&reference)?.to_owned(),
                };
                push(&mut member, &text)?;
            }
            Event::Decl(_) | Event::PI(_) | Event::Comment(_) => {}
            Event::Eof => break,
        }
    }
    (root_seen && depth == 0).then(|| Value::Object(members).to_string().into_bytes())
}

/// Text belongs to a member; between members there is white space only.
fn push(member: &mut Option<(String, String)>, text: &str) -> Option<()> {
    match member {
        Some((_, content)) => content.push_str(text),
        None if text.trim().is_empty() => {}
        None => return None,
    }
    Some(())
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

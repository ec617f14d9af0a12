//! The one reader of JSON that comes from a system.
//!
//! What RFC 8259 lets a reader take is taken: half of a surrogate pair becomes U+FFFD, and a number that no `f64` holds
//! stays the text that it is. What could be read in two ways is refused: a name that is in an object twice.

use std::fmt;

use memchr::memchr2;
use serde::de::{DeserializeSeed, Deserializer, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::error::Category;
use serde_json::{Map, Number, Value};

/// Reads a text as one value.
///
/// # Errors
/// Why it is none.
pub(crate) fn read(text: &str) -> Result<Value, &'static str> {
    let why = match value(text) {
        Ok(value) => return Ok(value),
        Err(why) => why,
    };
    // What stands in the way of an ordinary reader is rare, and only then looked for.
    let why = match plain(text).map(|text| value(&text)) {
        Some(Ok(value)) => return Ok(value),
        Some(Err(why)) => why,
        None => why,
    };
    Err(match why.classify() {
        Category::Data => "a member of the body is there twice",
        _ if why.to_string().starts_with("recursion limit") => "the body is nested too deeply",
        _ => "the body is not JSON",
    })
}

fn value(text: &str) -> Result<Value, serde_json::Error> {
    let mut reader = serde_json::Deserializer::from_str(text);
    let value = Strict.deserialize(&mut reader)?;
    reader.end()?;
    Ok(value)
}

/// Any value in which every name is there once.
struct Strict;

impl<'de> DeserializeSeed<'de> for Strict {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Strict {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::from(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(Value::from(value))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(Number::from_f64(value).map_or_else(|| Value::String(value.to_string()), Value::Number))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::String(value.to_owned()))
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(Value::String(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Value, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = access.next_element_seed(Strict)? {
            items.push(item);
        }
        Ok(Value::Array(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Value, A::Error> {
        // So `serde_json` hands out numbers where another crate has switched on its `arbitrary_precision`.
        const NUMBER: &str = "$serde_json::private::Number";
        let mut members = Map::new();
        while let Some(name) = access.next_key::<String>()? {
            let value = access.next_value_seed(Strict)?;
            if name == NUMBER
                && members.is_empty()
                && let Some(number) = value.as_str().and_then(|text| text.parse().ok())
            {
                return Ok(Value::Number(number));
            }
            if members.insert(name, value).is_some() {
                return Err(A::Error::custom("twice"));
            }
        }
        Ok(Value::Object(members))
    }
}

/// The text with all in it that an ordinary reader does not take, although it is JSON, in a form that it takes; `None` if
/// there is nothing of the kind.
fn plain(text: &str) -> Option<String> {
    let bytes = text.as_bytes();
    let (mut clean, mut from, mut at) = (String::new(), 0, 0);
    let mut replace = |from: &mut usize, at: usize, length: usize, with: &str| {
        clean.push_str(&text[*from..at]);
        clean.push_str(with);
        *from = at + length;
    };
    while at < bytes.len() {
        match bytes[at] {
            b'"' => {
                at += 1;
                while let Some(found) = memchr2(b'"', b'\\', &bytes[at.min(bytes.len())..]) {
                    at += found;
                    if bytes[at] == b'"' {
                        break;
                    }
                    let length = match surrogate(&bytes[at..]) {
                        Some(0xd800..0xdc00) if matches!(surrogate(&bytes[at + 6..]), Some(0xdc00..0xe000)) => 12,
                        Some(_) => {
                            replace(&mut from, at, 6, "\\ufffd");
                            6
                        }
                        None => 2,
                    };
                    at += length;
                }
                at += 1;
            }
            b'-' | b'0'..=b'9' => {
                let part = |byte: &u8| byte.is_ascii_digit() || matches!(byte, b'+' | b'-' | b'.' | b'e' | b'E');
                let length = bytes[at..].iter().take_while(|byte| part(byte)).count();
                let number = &text[at..at + length];
                let infinite = number.parse::<f64>().is_ok_and(f64::is_infinite);
                if infinite && serde_json::from_str::<IgnoredAny>(number).is_ok() {
                    replace(&mut from, at, length, &format!("\"{number}\""));
                }
                at += length;
            }
            _ => at += 1,
        }
    }
    (from > 0).then(|| clean + &text[from..])
}

/// The surrogate that is escaped at the start of a text.
fn surrogate(text: &[u8]) -> Option<u16> {
    let digits = text.strip_prefix(b"\\u")?.get(..4).filter(|digits| digits.iter().all(u8::is_ascii_hexdigit))?;
    let unit = u16::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?;
    (0xd800..0xe000).contains(&unit).then_some(unit)
}

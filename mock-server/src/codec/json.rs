//! The JSON form of a body. A member that is there twice is refused: readers differ in which of the two they take.

use std::{fmt, io};

use serde::Serialize;
use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};

/// Reads a body.
///
/// # Errors
/// What keeps it from being read, without any of its content.
pub(crate) fn read(body: &[u8]) -> Result<Value, String> {
    let mut reader = serde_json::Deserializer::from_slice(body);
    let value = (&mut reader).deserialize_any(Unique).and_then(|value| reader.end().map(|()| value));
    value.map_err(|e| {
        let (line, column) = (e.line(), e.column());
        if e.is_data() {
            format!("must have each member once, and does not at line {line} column {column}")
        } else {
            format!("must be JSON, and is not from line {line} column {column}")
        }
    })
}

/// Writes a body. A value is always writable; `Display`, which says the same, takes several times as long.
pub(crate) fn write(body: &Value) -> String {
    serde_json::to_string(body).unwrap_or_default()
}

/// Writes a value of at most so many bytes; `None` if it has more.
pub(crate) fn write_within(most: usize, value: &impl Serialize) -> Option<Vec<u8>> {
    struct Within(Vec<u8>, usize);

    impl io::Write for Within {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            if bytes.len() > self.1 - self.0.len() {
                return Err(io::ErrorKind::FileTooLarge.into());
            }
            self.0.extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    let mut text = Within(Vec::new(), most);
    serde_json::to_writer(&mut text, value).ok()?;
    Some(text.0)
}

/// Reads a value in which each object has each member once.
struct Unique;

impl<'de> DeserializeSeed<'de> for Unique {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Unique {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
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
        Ok(Value::from(value))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::from(value))
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(Value::String(value))
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut array = Vec::new();
        while let Some(item) = items.next_element_seed(Unique)? {
            array.push(item);
        }
        Ok(Value::Array(array))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Value, A::Error> {
        let mut object = Map::new();
        while let Some(name) = members.next_key::<String>()? {
            let value = members.next_value_seed(Unique)?;
            if object.insert(name, value).is_some() {
                return Err(A::Error::custom("a member is there twice"));
            }
        }
        Ok(Value::Object(object))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn every_value_is_read_and_no_member_twice() {
        let text = br#"{"a":[1,-2,1.5,true,null,"x"],"b":{"a":18446744073709551615}}"#;
        let value = json!({ "a": [1, -2, 1.5, true, null, "x"], "b": { "a": u64::MAX } });
        assert_eq!(read(text), Ok(value));
        for (text, problem) in [
            (&br#"{"a":1,"a":2}"#[..], "must have each member once, and does not at line 1 column 13"),
            (br#"{"b":[{"a":1,"\u0061":2}]}"#, "must have each member once, and does not at line 1 column 24"),
            (b"{} {}", "must be JSON, and is not from line 1 column 4"),
            (b"{\"a\":\xff}", "must be JSON, and is not from line 1 column 6"),
            (b"", "must be JSON, and is not from line 1 column 0"),
        ] {
            assert_eq!(read(text), Err(problem.to_owned()));
        }
        let deep = "[".repeat(100_000);
        assert!(read(deep.as_bytes()).unwrap_err().starts_with("must be JSON"));
    }
}

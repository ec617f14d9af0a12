//! What is asked, and whether the contract allows it.

use bytes::Bytes;
use http::Request;
use serde_json::{Map, Value};
use user_status_openapi::validate::{Validator, Violation};
use user_status_openapi::{Contract, Location, Parameter, pointer};

use super::media_type::Spoken;
use super::route::Found;

/// A request that the contract allows.
pub(crate) struct Asked {
    path: Map<String, Value>,
    body: Value,
}

impl Asked {
    /// A path parameter as text.
    pub(crate) fn path(&self, name: &str) -> String {
        match self.path.get(name) {
            Some(Value::String(text)) => text.clone(),
            Some(other) => other.to_string(),
            None => String::new(),
        }
    }

    /// A path parameter as a number; 0, which no id is, if it is none.
    pub(crate) fn path_number(&self, name: &str) -> i64 {
        self.path.get(name).and_then(Value::as_i64).unwrap_or_default()
    }

    /// A member of the body.
    pub(crate) fn body(&self, name: &str) -> Option<&Value> {
        self.body.get(name)
    }

    /// A member of the body as text.
    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        self.body(name).and_then(Value::as_str)
    }

    /// A member of the body as a boolean.
    pub(crate) fn flag(&self, name: &str) -> Option<bool> {
        self.body(name).and_then(Value::as_bool)
    }
}

/// Reads a request.
///
/// # Errors
/// Everything that the contract does not allow. Locations start with `/path`, `/query`, `/header` or `/body`.
pub(crate) fn read(
    contract: &Contract,
    validator: &Validator,
    found: &Found<'_>,
    spoken: &Spoken,
    request: &Request<Bytes>,
) -> Result<Asked, Vec<Violation>> {
    let mut violations = Vec::new();
    let mut path = Map::new();
    for parameter in &found.operation.parameters {
        let (place, given) = match parameter.location {
            Location::Path => {
                let given = found.path.iter().find(|(name, _)| *name == parameter.name).map(|(_, text)| text.clone());
                ("/path", given)
            }
            Location::Query => ("/query", query(request.uri().query().unwrap_or_default(), &parameter.name)),
            Location::Header => {
                let value = request.headers().get(&parameter.name).map(|value| value.to_str().unwrap_or("\u{fffd}"));
                ("/header", value.map(str::to_owned))
            }
        };
        let location = pointer::join(place, &parameter.name);
        match given {
            Some(text) => {
                let value = typed(contract, parameter, text);
                collect(validator, &parameter.schema, &value, &location, &mut violations);
                if parameter.location == Location::Path {
                    path.insert(parameter.name.clone(), value);
                }
            }
            None if parameter.required => violations.push(missing(&location, &parameter.schema)),
            None => {}
        }
    }
    let body = match &spoken.request {
        None => Value::Null,
        Some(codec) if request.body().is_empty() => {
            violations.push(missing("/body", &codec.schema));
            Value::Null
        }
        Some(codec) => match codec.read(contract, request.body()) {
            Ok(body) => {
                collect(validator, &codec.schema, &body, "/body", &mut violations);
                body
            }
            Err(message) => {
                let contract = codec.schema.clone();
                violations.push(Violation { location: "/body".to_owned(), contract, message });
                Value::Null
            }
        },
    };
    if violations.is_empty() { Ok(Asked { path, body }) } else { Err(violations) }
}

fn collect(validator: &Validator, schema: &str, value: &Value, location: &str, violations: &mut Vec<Violation>) {
    violations.extend(validator.validate(schema, value).into_iter().map(|mut violation| {
        violation.location.insert_str(0, location);
        violation
    }));
}

fn missing(location: &str, schema: &str) -> Violation {
    Violation { location: location.to_owned(), contract: schema.to_owned(), message: "is required".to_owned() }
}

/// The text of a parameter as the type that its schema has. What does not fit stays text, and fails validation.
fn typed(contract: &Contract, parameter: &Parameter, text: String) -> Value {
    let kind = contract.resolve(&parameter.schema).and_then(|schema| schema.get("type")).and_then(Value::as_str);
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    match kind {
        Some("integer") if digits => text.parse::<i64>().map_or(Value::String(text), Value::from),
        _ => Value::String(text),
    }
}

fn query(query: &str, name: &str) -> Option<String> {
    let pairs = query.split('&').map(|pair| pair.split_once('=').unwrap_or((pair, "")));
    let decode =
        |text: &str| percent_encoding::percent_decode_str(&text.replace('+', " ")).decode_utf8_lossy().into_owned();
    pairs.map(|(key, value)| (decode(key), decode(value))).find(|(key, _)| key == name).map(|(_, value)| value)
}

//! What is asked, and whether the contract allows it.

use std::borrow::Cow;

use bytes::Bytes;
use http::Request;
use percent_encoding::percent_decode_str;
use serde_json::Value;
use user_status_openapi::validate::{Validator, Violation};
use user_status_openapi::{Contract, Location, Parameter, pointer};

use crate::codec::media_type::Negotiated;
use crate::engine::route::RouteMatch;
use crate::model::Arguments;

/// Reads a request. What the contract does not allow comes along; locations start with `/path`, `/query`, `/header` or
/// `/body`.
pub(crate) fn read(
    (contract, validator): (&Contract, &Validator),
    found: &RouteMatch,
    spoken: &Negotiated<'_>,
    request: &Request<Bytes>,
) -> (Arguments, Vec<Violation>) {
    let operation = found.operation;
    let mut violations = Vec::new();
    let mut parameters = Vec::new();
    for parameter in &operation.parameters {
        let (place, given) = match parameter.location {
            Location::Path => {
                let given = found.path.iter().find(|(name, _)| *name == parameter.name);
                ("/path", given.map(|(_, text)| Cow::Borrowed(text.as_str())))
            }
            Location::Query => {
                let mut given = query(request.uri().query()).filter(|(name, _)| *name == parameter.name);
                ("/query", given.next().map(|(_, value)| Cow::Owned(value)))
            }
            Location::Header => {
                let value = request.headers().get(&parameter.name).map(|value| value.to_str().unwrap_or("\u{fffd}"));
                ("/header", value.map(Cow::Borrowed))
            }
        };
        let location = || pointer::join(place, &parameter.name);
        match given {
            Some(text) => {
                let value = typed(parameter, text);
                collect(validator, &parameter.schema, &value, &location, &mut violations);
                parameters.push((parameter.name.as_str(), value));
            }
            None if parameter.required => violations.push(missing(&location(), &parameter.schema)),
            None => {}
        }
    }
    for (name, _) in query(request.uri().query()) {
        let known = |parameter: &&Parameter| parameter.location == Location::Query && parameter.name == name;
        if !operation.parameters.iter().any(|parameter| known(&parameter)) {
            violations.push(Violation {
                location: pointer::join("/query", &name),
                contract: format!("{}/parameters", operation.pointer),
                message: "is no parameter of the operation".to_owned(),
            });
        }
    }
    let body = match &spoken.request {
        None => Value::Null,
        Some(codec) if request.body().is_empty() => {
            violations.push(missing("/body", codec.schema()));
            Value::Null
        }
        Some(codec) => match codec.read(contract, request.body()) {
            Ok(body) => {
                collect(validator, codec.schema(), &body, &|| "/body".to_owned(), &mut violations);
                body
            }
            Err(message) => {
                let contract = codec.schema().to_owned();
                violations.push(Violation { location: "/body".to_owned(), contract, message });
                Value::Null
            }
        },
    };
    (Arguments { parameters, body }, violations)
}

/// Takes what the contract does not allow out of what is asked, as far as that leaves something to ask. What is left of
/// the violations is what cannot be overlooked.
pub(crate) fn drop_violations(asked: &mut Arguments, violations: &[Violation]) -> Vec<Violation> {
    let cannot = |violation: &&Violation| {
        if violation.location.starts_with("/query/") {
            return false;
        }
        let member = violation.location.strip_prefix("/body/").and_then(|rest| rest.split('/').next());
        match (member, asked.body.as_object_mut()) {
            (Some(member), Some(members)) => {
                members.remove(&member.replace("~1", "/").replace("~0", "~"));
                false
            }
            // A member is missing, or one that is unknown is there: for the system to see.
            (None, Some(_)) => violation.location != "/body",
            _ => true,
        }
    };
    violations.iter().filter(cannot).cloned().collect()
}

fn collect(
    validator: &Validator,
    schema: &str,
    value: &Value,
    location: &dyn Fn() -> String,
    violations: &mut Vec<Violation>,
) {
    violations.extend(validator.validate(schema, value).into_iter().map(|mut violation| {
        violation.location.insert_str(0, &location());
        violation
    }));
}

fn missing(location: &str, schema: &str) -> Violation {
    Violation { location: location.to_owned(), contract: schema.to_owned(), message: "is required".to_owned() }
}

/// The text of a parameter as the type that its schema has. What does not fit stays text, and fails validation.
fn typed(parameter: &Parameter, text: Cow<'_, str>) -> Value {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let number = if parameter.integer && digits { text.parse::<i64>().ok() } else { None };
    number.map_or_else(|| Value::String(text.into_owned()), Value::from)
}

/// The parameters of a query, decoded.
fn query(query: Option<&str>) -> impl Iterator<Item = (String, String)> {
    let decode = |text: &str| percent_decode_str(&text.replace('+', " ")).decode_utf8_lossy().into_owned();
    let pairs = query.unwrap_or_default().split('&').filter(|pair| !pair.is_empty());
    pairs.map(move |pair| {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        (decode(name), decode(value))
    })
}

//! What of a request may be kept. Deny by default: a client may put a credential under a wrong name.

use std::sync::LazyLock;

use http::HeaderMap;
use serde_json::{Map, Value};
use user_status_openapi::{Contract, Location, Operation, Parameter, SchemeKind, pointer};

use crate::codec::json;
use crate::contract::contract;
use crate::journal::secrets::Secrets;

/// The text in the place of what is not kept.
pub(crate) const REDACTED: &str = "[redacted]";

/// Returns whether the value of a header is kept: it carries no credential.
fn is_kept(name: &str) -> bool {
    matches!(
        name,
        "accept"
            | "accept-charset"
            | "accept-encoding"
            | "accept-language"
            | "access-control-request-headers"
            | "access-control-request-method"
            | "cache-control"
            | "connection"
            | "content-encoding"
            | "content-length"
            | "content-type"
            | "date"
            | "expect"
            | "host"
            | "if-match"
            | "keep-alive"
            | "origin"
            | "prefer"
            | "te"
            | "transfer-encoding"
            | "user-agent"
            | "x-api-key-type"
            | "x-mock-world"
    )
}

/// The members of bodies that may be kept, by the JSON pointer of its schema, and which headers carry credentials.
#[derive(Debug)]
pub(crate) struct Redaction {
    bodies: Vec<(String, Members)>,
    /// In lower case, as far as the name is the same for every tenant.
    headers: Vec<String>,
}

/// The documented members of a body.
#[derive(Debug)]
struct Members {
    kept: Vec<(String, Shape)>,
    credentials: Vec<String>,
}

/// What of a value may be kept.
#[derive(Debug)]
enum Shape {
    /// All of it, if it is plain.
    Plain,
    /// What each item of a list may keep.
    List(Box<Shape>),
    /// These members of an object.
    Object(Vec<(String, Shape)>),
}

impl Shape {
    /// That of the values of a schema.
    fn of(contract: &Contract, schema: &str) -> Shape {
        let resolved = |at: &str| contract.resolve(at).unwrap_or(&Value::Null);
        match resolved(schema)["type"].as_str() {
            Some("array") => {
                Shape::List(Box::new(Shape::of(contract, &target_of(contract, &format!("{schema}/items")))))
            }
            Some("object") => Shape::Object(Members::of(contract, schema).kept),
            _ => Shape::Plain,
        }
    }

    /// Takes out of a value what is not kept. What is in a member is no less unknown than a member that is not documented.
    fn redact(&self, value: &mut Value) {
        match (self, &mut *value) {
            (Shape::List(of_item), Value::Array(items)) => items.iter_mut().for_each(|item| of_item.redact(item)),
            (Shape::Object(kept), Value::Object(members)) => redact_members(members, kept),
            (_, Value::Array(_) | Value::Object(_)) => *value = REDACTED.into(),
            _ => {}
        }
    }
}

impl Members {
    fn of(contract: &Contract, schema: &str) -> Members {
        let at = format!("{schema}/properties");
        let properties = contract.resolve(&at).and_then(Value::as_object).into_iter().flatten();
        let secret = |property: &Value| property.get("x-credential").is_some() || property["format"] == "password";
        let (credentials, kept): (Vec<_>, Vec<_>) = properties.partition(|(_, property)| secret(property));
        let shape = |name: &String| Shape::of(contract, &target_of(contract, &pointer::join(&at, name)));
        Members {
            kept: kept.into_iter().map(|(name, _)| (name.clone(), shape(name))).collect(),
            credentials: credentials.into_iter().map(|(name, _)| name.clone()).collect(),
        }
    }
}

/// Where a schema is written: itself, or what it refers to.
fn target_of(contract: &Contract, at: &str) -> String {
    let target = contract.document().pointer(at).and_then(|schema| schema["$ref"].as_str()?.strip_prefix('#'));
    target.unwrap_or(at).to_owned()
}

impl Redaction {
    /// That of the contract.
    pub(crate) fn shared() -> &'static Redaction {
        static SHARED: LazyLock<Redaction> = LazyLock::new(|| Redaction::of(contract()));
        &SHARED
    }

    pub(crate) fn of(contract: &Contract) -> Redaction {
        let bodies = contract.operations().iter().flat_map(|operation| &operation.request_body);
        let schemas = bodies.flat_map(|body| &body.content).map(|media_type| &media_type.schema);
        let schemes = contract.operations().iter().flat_map(|operation| operation.security.iter().flatten());
        let header = |name: &String| {
            let scheme = contract.scheme(name)?;
            let SchemeKind::Header(header) = &scheme.kind else { return None };
            let constant = scheme.name_template.as_ref().and_then(|template| template.split('{').next());
            Some(constant.unwrap_or(header).to_ascii_lowercase())
        };
        let mut headers = ["authorization", "proxy-authorization", "cookie"].map(str::to_owned).to_vec();
        headers.extend(schemes.filter_map(header));
        headers.sort();
        headers.dedup();
        Redaction { bodies: schemas.map(|schema| (schema.clone(), Members::of(contract, schema))).collect(), headers }
    }

    /// Takes out of a body what is not kept.
    pub(crate) fn body(&self, schema: &str, body: &mut Value) {
        let kept = self.members(schema).map_or(&[][..], |members| &members.kept);
        match body {
            Value::Object(members) => redact_members(members, kept),
            Value::Null => {}
            other => *other = REDACTED.into(),
        }
    }

    /// Everything that a request carries as a credential, whether one of the world or not: a client may have put it in a
    /// second place. `body` is one of this schema, if there is one.
    pub(crate) fn presented<'a>(
        &self,
        headers: &'a HeaderMap,
        body: Option<(&str, &'a Value)>,
    ) -> impl Iterator<Item = &'a str> {
        let named = |name: &str| self.headers.iter().any(|known| name.starts_with(known.as_str()));
        let values = headers.iter().filter(move |(name, _)| named(name.as_str()));
        let words = values.filter_map(|(name, value)| Some((name, value.to_str().ok()?))).flat_map(|(name, value)| {
            let cookies = name == http::header::COOKIE;
            // A word before it is the scheme.
            let value = if cookies { value } else { value.split_once(' ').map_or(value, |(_, word)| word.trim()) };
            let value_of = move |cookie: &'a str| match cookie.split_once('=') {
                Some((_, value)) if cookies => value,
                _ => cookie,
            };
            value.split(move |c| cookies && c == ';').map(str::trim).map(value_of)
        });
        let members = body.and_then(|(schema, body)| Some((&self.members(schema)?.credentials, body)));
        let members =
            members.into_iter().flat_map(|(names, body)| names.iter().filter_map(|name| body.get(name)?.as_str()));
        words.chain(members)
    }

    fn members(&self, schema: &str) -> Option<&Members> {
        self.bodies.iter().find(|(known, _)| known == schema).map(|(_, members)| members)
    }
}

fn redact_members(members: &mut Map<String, Value>, kept: &[(String, Shape)]) {
    for (name, value) in members {
        match kept.iter().find(|(known, _)| known == name) {
            Some((_, shape)) => shape.redact(value),
            None => *value = REDACTED.into(),
        }
    }
}

/// The headers as lines, values that are not kept replaced.
pub(crate) fn headers(headers: &HeaderMap, lines: &mut String) {
    for (name, value) in headers {
        let value = if is_kept(name.as_str()) { value.to_str().unwrap_or(REDACTED) } else { REDACTED };
        lines.extend([name.as_str(), ": ", value, "\n"]);
    }
}

/// The target of a request: its path, the names in its query, and of those that the operation documents the values.
pub(crate) fn target(path: &str, query: Option<&str>, operation: Option<&Operation>, target: &mut String) {
    target.push_str(path);
    let documented = |name: &str| {
        let is_it = |parameter: &Parameter| parameter.location == Location::Query && parameter.name == name;
        operation.is_some_and(|operation| operation.parameters.iter().any(is_it))
    };
    for (i, pair) in query.into_iter().flat_map(|query| query.split('&')).enumerate() {
        target.push(if i == 0 { '?' } else { '&' });
        match pair.split_once('=') {
            Some((name, _)) if documented(name) => target.push_str(pair),
            Some((name, _)) => target.extend([name, "=", REDACTED]),
            None => target.push_str(pair),
        }
    }
}

/// Texts without credentials. Each is for a text that may have one.
impl Secrets<'_> {
    /// A text: runs of a credential are taken out, and all of it is where that is not enough, as where one is encoded.
    pub(crate) fn taken_out_of(&self, text: &str) -> String {
        let text = self.without_runs(text, REDACTED);
        if self.are_in(&text) { REDACTED.to_owned() } else { text }
    }

    /// A target: what is between two separators is a text of its own.
    pub(crate) fn taken_out_of_target(&self, target: &str) -> String {
        let parts = target.split_inclusive(['/', '?', '&', '=']);
        let clean = |part: &str| {
            let (text, separator) = match part.char_indices().next_back() {
                Some((end, '/' | '?' | '&' | '=')) => part.split_at(end),
                _ => (part, ""),
            };
            let text = if self.are_in(text) { REDACTED } else { text };
            [text, separator].concat()
        };
        let target: String = parts.map(clean).collect();
        self.taken_out_of(&target)
    }

    /// Header lines.
    pub(crate) fn taken_out_of_lines(&self, lines: &str) -> String {
        let clean = |line: &str| {
            let (name, value) = line.split_once(": ").unwrap_or((line, ""));
            let kept = |text: &str| if self.are_in(text) { REDACTED.to_owned() } else { text.to_owned() };
            format!("{}: {}\n", kept(name), kept(value))
        };
        lines.lines().map(clean).collect()
    }

    /// A body, of which only names and plain values are left.
    pub(crate) fn taken_out_of_body(&self, body: &str) -> String {
        let clean = |text: String| if self.are_in(&text) { self.taken_out_of(&text) } else { text };
        match serde_json::from_str(body) {
            Ok(Value::Object(members)) => {
                let clean_value = |value: Value| match value {
                    Value::String(text) => clean(text).into(),
                    other if self.are_in(&other.to_string()) => REDACTED.into(),
                    other => other,
                };
                let members: Map<String, Value> =
                    members.into_iter().map(|(name, value)| (clean(name), clean_value(value))).collect();
                json::write(&members.into())
            }
            Ok(_) | Err(_) => json::write(&REDACTED.into()),
        }
    }
}

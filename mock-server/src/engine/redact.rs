//! What of a request may be kept. Deny by default: a client may put a credential under a wrong name.

use http::HeaderMap;
use serde_json::{Map, Value};
use user_status_openapi::Contract;

use crate::system::Presented;

/// What stands in the place of what is not kept.
const REDACTED: &str = "[redacted]";

/// Whether the value of a header is kept: it carries no credential.
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

/// Which members of a body may be kept, by the JSON pointer of its schema.
#[derive(Debug)]
pub(super) struct Redaction(Vec<(String, Members)>);

/// The documented members of a body that are no credentials.
type Members = Vec<String>;

impl Redaction {
    pub(super) fn of(contract: &Contract) -> Redaction {
        let bodies = contract.operations().iter().flat_map(|operation| &operation.request_body);
        let schemas = bodies.flat_map(|body| &body.content).map(|media_type| &media_type.schema);
        let members = |schema: &String| {
            let at = format!("{schema}/properties");
            let properties = contract.resolve(&at).and_then(Value::as_object).into_iter().flatten();
            let secret = |property: &Value| property.get("x-credential").is_some() || property["format"] == "password";
            properties.filter(|(_, property)| !secret(property)).map(|(name, _)| name.clone()).collect()
        };
        Redaction(schemas.map(|schema| (schema.clone(), members(schema))).collect())
    }

    /// Takes out of a body what is not kept.
    pub(super) fn body(&self, schema: &str, body: &mut Value) {
        let kept = self.0.iter().find(|(known, _)| known == schema).map_or(&[][..], |(_, members)| members);
        match body {
            Value::Object(members) => redact_members(members, kept),
            Value::Null => {}
            other => *other = REDACTED.into(),
        }
    }
}

fn redact_members(members: &mut Map<String, Value>, kept: &[String]) {
    for (name, value) in members {
        // The contract's bodies are flat: what is in a member is no less unknown than a member that is not documented.
        if value.is_array() || value.is_object() || !kept.contains(name) {
            *value = REDACTED.into();
        }
    }
}

/// The headers as lines, values that are not kept replaced.
pub(super) fn headers(headers: &HeaderMap, lines: &mut String) {
    for (name, value) in headers {
        let value = if is_kept(name.as_str()) { value.to_str().unwrap_or(REDACTED) } else { REDACTED };
        lines.extend([name.as_str(), ": ", value, "\n"]);
    }
}

/// The target of a request: its path, and the names in its query.
pub(super) fn target(path: &str, query: Option<&str>, target: &mut String) {
    target.push_str(path);
    for (i, pair) in query.into_iter().flat_map(|query| query.split('&')).enumerate() {
        target.push(if i == 0 { '?' } else { '&' });
        // No operation has query parameters, so no value is known to be harmless.
        match pair.split_once('=') {
            Some((name, _)) => target.extend([name, "=", REDACTED]),
            None => target.push_str(pair),
        }
    }
}

/// The credentials that came with a request, to be taken out of texts of it: a client may have put one in a second place,
/// also percent-encoded.
pub(super) struct Secrets<'a>(Vec<&'a str>);

impl<'a> Secrets<'a> {
    pub(super) fn of(presented: &Presented<'a>) -> Secrets<'a> {
        let mut secrets = Vec::with_capacity(4);
        for secret in presented.all() {
            secrets.push(secret);
            secrets.extend(secret.split_once(' ').map(|(_, word)| word.trim()));
        }
        // Shorter ones would hit words by chance.
        secrets.retain(|secret| secret.len() >= 8);
        // One may be the start of another.
        secrets.sort_by_key(|secret| std::cmp::Reverse(secret.len()));
        Secrets(secrets)
    }

    /// Whether one may be in a text or in any part of it. There is none if not.
    pub(super) fn may_be_in(&self, text: &str) -> bool {
        self.are_in(text) || text.contains('%')
    }

    fn are_in(&self, text: &str) -> bool {
        self.0.iter().any(|secret| text.contains(secret))
    }

    /// The text without them.
    pub(super) fn taken_out_of(&self, text: String) -> String {
        let redacted = |text: String| self.0.iter().fold(text, |text, secret| text.replace(secret, REDACTED));
        if self.are_in(&text) {
            return redacted(text);
        }
        match text.contains('%') {
            true => {
                let decoded = percent_encoding::percent_decode_str(&text).decode_utf8_lossy().into_owned();
                if self.are_in(&decoded) { redacted(decoded) } else { text }
            }
            false => text,
        }
    }

    /// A body without them.
    pub(super) fn take_out_of_body(&self, body: &mut Value) {
        for value in body.as_object_mut().into_iter().flat_map(Map::values_mut) {
            if let Value::String(text) = value {
                *text = self.taken_out_of(std::mem::take(text));
            }
        }
    }
}

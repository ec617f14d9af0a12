//! An answer as it came, for whoever asks for it.

use std::fmt;

use bytes::Bytes;
use memchr::memchr_iter;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use serde_json::Value;

use crate::secret::Secret;

/// The usual names of a system's id of the request.
const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const X_TRACE_ID: HeaderName = HeaderName::from_static("x-trace-id");

/// The response headers whose values may be shown. All others are marked sensitive, so that nothing that prints them
/// can show a session cookie. What is not on the list stays hidden.
const SHOWN: [HeaderName; 8] = [
    reqwest::header::ALLOW,
    reqwest::header::CONTENT_LENGTH,
    reqwest::header::CONTENT_TYPE,
    reqwest::header::DATE,
    reqwest::header::RETRY_AFTER,
    reqwest::header::SERVER,
    X_REQUEST_ID,
    X_TRACE_ID,
];

/// A credential that is shorter than this is not looked for in answers: replacing it would hit words by chance.
const SHORTEST: usize = 8;

/// What a system answered: status code, headers and body. The credentials of the call, if they have 8 characters or
/// more, are replaced by `[redacted]` wherever the system sent them back. Debug shows the status, the harmless headers and the length of the body.
#[derive(Clone)]
#[non_exhaustive]
pub struct RawResponse {
    /// The HTTP status code.
    pub status: u16,
    /// The headers.
    pub headers: HeaderMap,
    /// The body.
    pub body: Bytes,
}

impl RawResponse {
    /// Takes an answer in, without the credentials that may be in it.
    pub(crate) fn new(status: u16, mut headers: HeaderMap, body: Bytes, secrets: &[Secret]) -> RawResponse {
        let shortest = secrets.iter().map(|secret| secret.expose().len()).min().unwrap_or(usize::MAX);
        for (name, value) in headers.iter_mut() {
            if value.len() >= shortest && mentions(value.as_bytes(), secrets) {
                *value = HeaderValue::from_static("[redacted]");
            }
            if !SHOWN.contains(name) {
                value.set_sensitive(true);
            }
        }
        RawResponse { status, headers, body: without_secrets(body, secrets) }
    }

    /// A header as text, if it is there and no secret.
    pub(crate) fn shown_header(&self, name: &HeaderName) -> Option<&str> {
        self.headers.get(name).filter(|value| !value.is_sensitive())?.to_str().ok()
    }

    /// The system's id of the request, under one of its usual names.
    pub(crate) fn request_id(&self) -> Option<String> {
        [X_REQUEST_ID, X_TRACE_ID].iter().find_map(|name| self.shown_header(name)).map(str::to_owned)
    }
}

impl fmt::Debug for RawResponse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RawResponse")
            .field("status", &self.status)
            .field("headers", &self.headers)
            .field("body_length", &self.body.len())
            .finish()
    }
}

/// Whether a text has one of the secrets in it.
pub(crate) fn mentions(text: &[u8], secrets: &[Secret]) -> bool {
    secrets.iter().any(|secret| contains(text, secret.expose().as_bytes()))
}

/// A body with `[redacted]` in the place of each secret.
pub(crate) fn without_secrets(body: Bytes, secrets: &[Secret]) -> Bytes {
    let body = secrets.iter().fold(body, |body, secret| without(body, secret.expose().as_bytes()));
    without_escaped(body, secrets)
}

/// Where the part begins. Most texts do not have it, and not often its first byte.
pub(crate) fn find(text: &[u8], part: &[u8]) -> Option<usize> {
    memchr_iter(*part.first()?, text).find(|at| text[*at..].starts_with(part))
}

fn contains(text: &[u8], part: &[u8]) -> bool {
    part.len() >= SHORTEST && find(text, part).is_some()
}

fn without(body: Bytes, secret: &[u8]) -> Bytes {
    if !contains(&body, secret) {
        return body;
    }
    let mut rest: &[u8] = &body;
    let mut clean = Vec::with_capacity(body.len());
    while let Some(at) = find(rest, secret) {
        clean.extend_from_slice(&rest[..at]);
        clean.extend_from_slice(b"[redacted]");
        rest = &rest[at + secret.len()..];
    }
    clean.extend_from_slice(rest);
    Bytes::from(clean)
}

/// In JSON any character may be escaped: what is hidden that way is found in the decoded text, and the body written
/// anew.
fn without_escaped(body: Bytes, secrets: &[Secret]) -> Bytes {
    if !body.contains(&b'\\') {
        return body;
    }
    let Ok(mut value) = serde_json::from_slice::<Value>(&body) else { return body };
    if redact(&mut value, secrets) { Bytes::from(value.to_string()) } else { body }
}

/// Replaces the secrets in all texts. Whether there were any.
fn redact(value: &mut Value, secrets: &[Secret]) -> bool {
    let clean = |text: &str| {
        let bytes = Bytes::copy_from_slice(text.as_bytes());
        let clean = secrets.iter().fold(bytes, |text, secret| without(text, secret.expose().as_bytes()));
        String::from_utf8_lossy(&clean).into_owned()
    };
    match value {
        Value::String(text) => {
            let cleaned = clean(text);
            let found = cleaned != *text;
            *text = cleaned;
            found
        }
        Value::Array(items) => items.iter_mut().fold(false, |found, item| redact(item, secrets) | found),
        Value::Object(members) => {
            let mut found = false;
            let taken = std::mem::take(members);
            for (name, mut value) in taken {
                let cleaned = clean(&name);
                found |= (cleaned != name) | redact(&mut value, secrets);
                members.insert(cleaned, value);
            }
            found
        }
        _ => false,
    }
}

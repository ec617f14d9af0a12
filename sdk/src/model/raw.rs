//! A response as it came, for whoever asks for it.

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use serde_json::{Map, Value};

use crate::codec::decode::{self, Problem};
use crate::codec::json;
use crate::codec::redact::{REDACTED, Secrets};
use crate::codec::xml::{self, Representation};

/// The names in use for a system's id of the request, the most usual first.
const REQUEST_IDS: [HeaderName; 9] = [
    HeaderName::from_static("x-request-id"),
    HeaderName::from_static("request-id"),
    HeaderName::from_static("x-trace-id"),
    HeaderName::from_static("x-correlation-id"),
    HeaderName::from_static("x-okta-request-id"),
    HeaderName::from_static("x-openstack-request-id"),
    HeaderName::from_static("x-github-request-id"),
    HeaderName::from_static("x-slack-req-id"),
    HeaderName::from_static("x-ms-request-id"),
];

/// The response headers whose values may be shown. All others are marked sensitive, so that nothing that prints them
/// can show a session cookie. What is not on the list stays hidden.
const SHOWN: [HeaderName; 7] = [
    reqwest::header::ALLOW,
    reqwest::header::CONTENT_LENGTH,
    reqwest::header::CONTENT_TYPE,
    reqwest::header::DATE,
    reqwest::header::ETAG,
    reqwest::header::RETRY_AFTER,
    reqwest::header::SERVER,
];

/// The response of a system: status code, headers and body. A text that shares eight characters in a row with a credential
/// of the call, in whatever it is encoded, is replaced by `[redacted]`; credentials of less than 8 characters are not looked
/// for. Debug shows the status, the harmless headers and the length of the body.
#[derive(Clone)]
#[non_exhaustive]
pub struct RawResponse {
    /// The HTTP status code.
    pub status: u16,
    /// The headers. Without `Content-Encoding` and `Content-Length` if the body was decoded.
    pub headers: HeaderMap,
    /// The body as it came, without its content encoding, and in UTF-8 where its character set is known. If something in it
    /// is redacted, it is written anew; a body that cannot be taken apart is then `[redacted]` as a whole.
    pub body: Bytes,
    /// The body, read.
    content: Arc<Content>,
}

/// The content of a body. Read once: all that is concluded from a response, and all that is shown of it, is taken from here.
struct Content {
    /// As it came. What is concluded from it does not depend on what may be shown.
    value: Option<Value>,
    /// As it may be shown, if that is something else.
    shown: Option<Value>,
    /// The name of the root, if it is XML.
    root: Option<String>,
    /// Why it is not what the contract describes, whatever it says.
    problem: Option<Problem>,
    secrets: Arc<Secrets>,
}

/// The kind of text that a body is by its media type.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Json,
    Xml,
    Other,
}

impl RawResponse {
    /// Takes a response in: what was read of it, and whether that was all. Whether it is whole still, decoded. `labelled` says
    /// that its media type is one of the system's.
    pub(crate) fn read(
        status: u16,
        mut headers: HeaderMap,
        body: Bytes,
        whole: bool,
        limit: usize,
        (spoken, labelled): (Option<&Representation>, bool),
        secrets: &Arc<Secrets>,
    ) -> (RawResponse, bool) {
        let decoded = decode::content(&mut headers, body, whole, limit);
        let whole = decoded.whole;
        let text = decode::text(&headers, decoded.bytes);
        let problem = decoded.problem.or(text.problem);
        let (content, body) = content(&headers, text.bytes, whole, problem, (spoken, labelled), secrets);
        clean(&mut headers, secrets);
        (RawResponse { status, headers, body, content: Arc::new(content) }, whole)
    }

    /// A header as text, if it is there and no secret.
    pub(crate) fn shown_header(&self, name: &HeaderName) -> Option<&str> {
        self.headers.get(name).filter(|value| !value.is_sensitive())?.to_str().ok()
    }

    /// The system's id of the request, under one of its usual names.
    pub(crate) fn request_id(&self) -> Option<String> {
        REQUEST_IDS.iter().find_map(|name| self.shown_header(name)).map(str::to_owned)
    }

    /// Returns what the body says, for conclusions only: nothing in it is fit to be shown.
    pub(crate) fn seen(&self) -> Option<&Value> {
        self.content.value.as_ref()
    }

    /// The members of an error body, for conclusions only; `None` if the body is none, or is of another root than the
    /// documented.
    pub(crate) fn fault(&self, spoken: Option<&Representation>) -> Option<&Map<String, Value>> {
        let expected = spoken.map(|spoken| spoken.elements.fault);
        let documented = self.content.root.as_deref().is_none_or(|root| Some(root) == expected);
        self.seen().filter(|_| documented)?.as_object()
    }

    /// Returns the response without the members of its body that are not among these. A body that is no object is left out.
    pub(crate) fn only(mut self, members: &[&str]) -> RawResponse {
        let kept = |value: &Value| match value {
            Value::Object(all) => {
                let kept = all.iter().filter(|(name, _)| members.contains(&name.as_str()));
                Some(Value::Object(kept.map(|(name, value)| (name.clone(), value.clone())).collect()))
            }
            _ => None,
        };
        let shown = self.shown().and_then(kept);
        self.body = shown.as_ref().map(Value::to_string).unwrap_or_default().into();
        self.content = Arc::new(Content {
            value: self.content.value.as_ref().and_then(kept),
            shown,
            root: None,
            problem: self.content.problem.clone(),
            secrets: self.content.secrets.clone(),
        });
        self
    }

    /// Returns what the body says, as it may be shown.
    pub(crate) fn shown(&self) -> Option<&Value> {
        self.content.shown.as_ref().or(self.content.value.as_ref())
    }

    /// A text of the system as it may be shown.
    pub(crate) fn clean<'a>(&self, text: &'a str) -> &'a str {
        self.content.secrets.clean(text)
    }

    /// Returns what the body says, as it may be shown, if it is of a form that the contract describes.
    ///
    /// # Errors
    /// Why it is not.
    pub(crate) fn described(&self, spoken: Option<&Representation>) -> Result<&Value, Problem> {
        const NO_XML: Problem = Problem::Borrowed("the body is not the XML that the contract describes");
        if let Some(problem) = &self.content.problem {
            return Err(problem.clone());
        }
        if let Some(root) = &self.content.root {
            let spoken = spoken.filter(|spoken| spoken.is_xml()).ok_or(NO_XML)?;
            let expected = if self.status < 300 { spoken.elements.answer } else { spoken.elements.fault };
            if root != expected {
                return Err(format!("the body is not an XML element {expected}").into());
            }
        }
        self.shown().ok_or(Problem::Borrowed("the body is empty"))
    }
}

/// Replaces the secrets in the headers, and marks those that are not for everybody's eyes.
fn clean(headers: &mut HeaderMap, secrets: &Secrets) {
    let named: Vec<HeaderName> =
        headers.keys().filter(|name| secrets.are_in(name.as_str().as_bytes())).cloned().collect();
    for name in named {
        headers.remove(name);
    }
    for (name, value) in headers.iter_mut() {
        if secrets.are_in(value.as_bytes()) {
            *value = HeaderValue::from_static(REDACTED);
        }
        if !SHOWN.contains(name) && !REQUEST_IDS.contains(name) {
            value.set_sensitive(true);
        }
    }
}

/// Reads a body, and cleans it.
fn content(
    headers: &HeaderMap,
    body: Bytes,
    whole: bool,
    problem: Option<Problem>,
    (spoken, labelled): (Option<&Representation>, bool),
    secrets: &Arc<Secrets>,
) -> (Content, Bytes) {
    let mut content = Content { value: None, shown: None, root: None, problem, secrets: secrets.clone() };
    let text = std::str::from_utf8(&body).unwrap_or_default();
    let mut kind = kind(headers);
    // A system may label its JSON as something else.
    if kind == Kind::Other && labelled {
        kind = Kind::Json;
    }
    if kind == Kind::Xml && spoken.is_none() {
        kind = Kind::Other;
    }
    let mut refuse = |why: Problem| {
        content.problem.get_or_insert(why);
    };
    if kind == Kind::Other {
        refuse("the body is not of a media type that the contract has".into());
    }
    // What is no answer by its media type may still say something to people.
    let is_xml = kind == Kind::Xml || (kind == Kind::Other && spoken.is_some() && text.trim_start().starts_with('<'));
    if !whole {
        refuse("the body is too long".into());
    } else if is_xml {
        let booleans = spoken.map_or(&[][..], |spoken| spoken.elements.booleans);
        match xml::read(text, booleans) {
            Some(document) => (content.root, content.value) = (Some(document.root), Some(document.value)),
            None => refuse("the body is not the XML that the contract describes".into()),
        }
    } else {
        match json::read(text) {
            Ok(value) => content.value = Some(value),
            Err(why) => refuse(why.into()),
        }
    }
    let body = match &content.value {
        Some(value) => {
            // Member by member nothing is found in JSON that is not found in the whole, unless something is escaped in it.
            let found = secrets.are_in(&body);
            if found || is_xml || body.contains(&b'\\') {
                content.shown = secrets.cleaned(value);
            }
            match (&content.shown, found) {
                (None, false) => body,
                // What is in it is outside of all members, or only in two of them taken together.
                (None, true) if !is_xml && !secrets.are_in_document(&body) => body,
                (shown, _) => {
                    let shown = shown.as_ref().unwrap_or(value);
                    let text = match &content.root {
                        Some(root) => xml::write(secrets.clean(root), shown),
                        None => shown.to_string(),
                    };
                    if secrets.are_in_document(text.as_bytes()) { REDACTED.into() } else { text.into() }
                }
            }
        }
        None if (whole && secrets.are_in(&body)) || (!whole && secrets.are_in_beginning(&body)) => REDACTED.into(),
        None => body,
    };
    (content, body)
}

fn kind(headers: &HeaderMap) -> Kind {
    let media_type = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let essence = media_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    match essence.rsplit(['/', '+']).next() {
        Some("json") if essence != "json" => Kind::Json,
        Some("xml") if essence != "xml" => Kind::Xml,
        _ => Kind::Other,
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

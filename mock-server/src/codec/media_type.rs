//! What is spoken: the media type of the request, and the one that the response shall have.

use std::borrow::Cow;

use bytes::Bytes;
use http::{HeaderMap, Request, header};
use serde_json::Value;
use user_status_openapi::validate::Violation;
use user_status_openapi::{Contract, MediaType, Operation};

use super::{json, xml};

/// The media type that every operation has.
pub(crate) const JSON: &str = "application/json";

/// The result of content negotiation.
pub(crate) struct Negotiated<'a> {
    /// The way in which the request body is read; `None` if the operation has no body.
    pub(crate) request: Option<Codec<'a>>,
    /// The way in which the response is written.
    pub(crate) answer: Codec<'a>,
    /// Why the two cannot speak with each other.
    pub(crate) problem: Option<Problem>,
}

/// Why not, as the system is to say it.
pub(crate) struct Problem {
    pub(crate) status: u16,
    pub(crate) violation: Violation,
}

/// The codec of a media type. `None` is JSON with no schema.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Codec<'a>(Option<&'a MediaType>);

impl<'a> Codec<'a> {
    /// The media type.
    pub(crate) fn name(&self) -> &'a str {
        self.0.map_or(JSON, |media_type| media_type.name.as_str())
    }

    /// JSON pointer of the schema of its bodies.
    pub(crate) fn schema(&self) -> &'a str {
        self.0.map_or("", |media_type| media_type.schema.as_str())
    }

    pub(crate) fn is_xml(&self) -> bool {
        self.name().ends_with("xml")
    }

    /// Reads a body.
    ///
    /// # Errors
    /// What keeps it from being read, without any of its content.
    pub(crate) fn read(&self, contract: &Contract, body: &[u8]) -> Result<Value, String> {
        if self.is_xml() { xml::read(contract, self.schema(), body) } else { json::read(body) }
    }

    /// Writes a body of the schema at a JSON pointer.
    pub(crate) fn write(&self, contract: &Contract, schema: &str, body: &Value) -> Bytes {
        Bytes::from(if self.is_xml() { xml::write(contract, schema, body) } else { json::write(body) })
    }

    /// Writes a response with this status code, if the operation has such a one; with its media type.
    pub(crate) fn write_answer(
        &self,
        contract: &Contract,
        operation: &Operation,
        status: u16,
        body: &Value,
    ) -> Option<(&'a str, Bytes)> {
        let response = operation.responses.get(&status)?;
        let documented = response.content.iter().find(|documented| documented.name == self.name())?;
        Some((self.name(), self.write(contract, &documented.schema, body)))
    }
}

/// The way in which a system refuses a media type that it does not speak.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Refusal {
    pub(crate) status: u16,
    /// `true` if it refuses an `Accept` that fits nothing it has. Else it answers with the one type it has, as RFC 9110 allows.
    pub(crate) of_accept: bool,
    /// `true` if it refuses `application/json` where its JSON has another name.
    pub(crate) of_plain_json: bool,
}

/// Chooses the media types for a request with these headers.
pub(crate) fn negotiate<'a>(operation: &'a Operation, headers: &HeaderMap, refusal: Refusal) -> Negotiated<'a> {
    let answers = operation.responses.get(&200).map_or(&[][..], |response| &response.content);
    let json = Codec(MediaType::json(answers));
    let accepted = match header_text(headers, header::ACCEPT) {
        Some(accept) => preferred(answers, &accept).map(|media_type| Codec(Some(media_type))),
        None => Some(json),
    };
    let mut problem = match accepted {
        None if refusal.of_accept => Some(not_spoken(operation, refusal, "accept", answers)),
        _ => None,
    };
    let request = operation.request_body.as_ref().and_then(|body| {
        let given = header_text(headers, header::CONTENT_TYPE);
        let found = body.content.iter().find(|media_type| {
            given.as_deref().is_some_and(|given| essence(given).eq_ignore_ascii_case(&media_type.name) && utf8(given))
        });
        let is_plain = |given: &str| essence(given).eq_ignore_ascii_case(JSON) && utf8(given) && !refusal.of_plain_json;
        let found = found.or_else(|| MediaType::json(&body.content).filter(|_| given.as_deref().is_some_and(is_plain)));
        if found.is_none() && problem.is_none() {
            problem = Some(not_spoken(operation, refusal, "content-type", &body.content));
        }
        found.map(|media_type| Codec(Some(media_type)))
    });
    Negotiated { request, answer: accepted.unwrap_or(json), problem }
}

/// Returns what is wrong with a body that is encoded, such as by `gzip`: no system documents that it decodes one.
pub(crate) fn coded(operation: &Operation, request: &Request<Bytes>) -> Option<Violation> {
    Some(Violation {
        location: "/header/content-encoding".to_owned(),
        contract: format!("{}/requestBody", operation.pointer),
        message: coding(request)?,
    })
}

/// Why a body is not read as it is encoded; `None` if it is not, or is none.
pub(crate) fn coding(request: &Request<Bytes>) -> Option<String> {
    let mut values = request.headers().get_all(header::CONTENT_ENCODING).iter().peekable();
    values.peek()?;
    let mut codings = values.flat_map(|value| value.as_bytes().split(|byte| *byte == b',')).map(<[u8]>::trim_ascii);
    let coded = codings.any(|coding| !coding.is_empty() && !coding.eq_ignore_ascii_case(b"identity"));
    let problem = "must be `identity` or left out: the body is not decoded; send it as it is";
    (coded && !request.body().is_empty()).then(|| problem.to_owned())
}

/// Returns whether the charset of a media type, if it names one, is the one that is read.
fn utf8(value: &str) -> bool {
    value.split(';').skip(1).all(|parameter| match parameter.split_once('=') {
        Some((name, charset)) if name.trim().eq_ignore_ascii_case("charset") => {
            charset.trim().trim_matches('"').eq_ignore_ascii_case("utf-8")
        }
        _ => true,
    })
}

/// Why a media type is refused.
fn not_spoken(operation: &Operation, refusal: Refusal, header: &str, known: &[MediaType]) -> Problem {
    let names: Vec<&str> = known.iter().map(|media_type| media_type.name.as_str()).collect();
    let violation = Violation {
        location: format!("/header/{header}"),
        contract: format!("{}/{}", operation.pointer, if header == "accept" { "responses" } else { "requestBody" }),
        message: format!("must be {}", names.join(" or ")),
    };
    Problem { status: refusal.status, violation }
}

/// The known type that an Accept header prefers: by quality, then by our own order. The most specific range that
/// matches a type decides its quality, so that `q=0` excludes it from a wildcard.
fn preferred<'a>(known: &'a [MediaType], accept: &str) -> Option<&'a MediaType> {
    let ranges: Vec<(&str, f32)> = accept
        .split(',')
        .map(|range| {
            let quality = range.split(';').skip(1).find_map(|parameter| {
                let (name, value) = parameter.split_once('=')?;
                name.trim().eq_ignore_ascii_case("q").then_some(value)
            });
            (essence(range), quality.and_then(|quality| quality.trim().parse().ok()).unwrap_or(1.0))
        })
        .collect();
    let quality = |name: &str| {
        let exact = |range: &str| range.eq_ignore_ascii_case(name);
        let wildcard = |wanted: &'static str| move |range: &str| range == wanted;
        let find = |matches: &dyn Fn(&str) -> bool| ranges.iter().find(|(range, _)| matches(range)).map(|(_, q)| *q);
        find(&exact).or_else(|| find(&wildcard("application/*"))).or_else(|| find(&wildcard("*/*"))).unwrap_or(0.0)
    };
    let mut best: Option<(&MediaType, f32)> = None;
    for media_type in known {
        let quality = quality(&media_type.name);
        if quality > best.map_or(0.0, |(_, quality)| quality) {
            best = Some((media_type, quality));
        }
    }
    best.map(|(media_type, _)| media_type)
}

/// A media type without its parameters.
fn essence(value: &str) -> &str {
    value.split(';').next().unwrap_or(value).trim()
}

/// A header's values as one text.
pub(crate) fn header_text(headers: &HeaderMap, name: header::HeaderName) -> Option<Cow<'_, str>> {
    let mut values = headers.get_all(name).iter().filter_map(|value| value.to_str().ok());
    let first = values.next()?;
    Some(values.fold(Cow::Borrowed(first), |text, value| format!("{text}, {value}").into()))
}

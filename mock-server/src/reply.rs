//! What leaves the mock: a response, late or broken as a fault has it.

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderValue, Response, StatusCode, header};
use serde_json::{Value, json};

use crate::codec::json as text;
use crate::codec::media_type::JSON;

/// A response in pieces that are shared by everybody who reads it, beside few of its own.
#[derive(Clone, Debug)]
pub(crate) struct Pieces(pub(crate) Vec<Bytes>);

/// The reply to a request.
#[derive(Debug)]
#[non_exhaustive]
pub struct Reply {
    /// The response.
    pub response: Response<Bytes>,
    /// The time by which it is delayed.
    pub delay: Option<Duration>,
    /// The fault of its bytes.
    pub wire: Option<WireFault>,
}

impl Reply {
    /// Returns whether any of the response leaves.
    pub(crate) fn leaves(&self) -> bool {
        !matches!(self.wire, Some(WireFault::Reset | WireFault::Close | WireFault::Hang))
    }

    pub(crate) fn plain(response: Response<Bytes>) -> Reply {
        Reply { response, delay: None, wire: None }
    }
}

/// A fault of the bytes of a response. Only a transport of the mock's own can do it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum WireFault {
    /// The connection is reset (RST) before the first byte of the response.
    Reset,
    /// The connection is reset (RST) in the middle of the body.
    ResetInBody,
    /// The connection is closed (FIN) before the first byte of the response.
    Close,
    /// The connection is closed (FIN) in the middle of the body, shorter than announced.
    Truncate,
    /// No response ever comes.
    Hang,
    /// The body comes so many bytes at a time.
    Drip {
        /// The number of bytes at a time.
        bytes: usize,
        /// The time until the next ones.
        every: Duration,
    },
}

/// A response with a body.
pub(crate) fn respond(status: u16, content_type: &str, body: Bytes) -> Response<Bytes> {
    let mut response = Response::new(body);
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let content_type = match content_type {
        JSON => Ok(HeaderValue::from_static(JSON)),
        other => HeaderValue::from_str(other),
    };
    if let Ok(value) = content_type {
        response.headers_mut().insert(header::CONTENT_TYPE, value);
    }
    response
}

/// A response without a body.
pub(crate) fn respond_empty(status: u16) -> Response<Bytes> {
    let mut response = respond(status, JSON, Bytes::new());
    response.headers_mut().remove(header::CONTENT_TYPE);
    response
}

/// The refusal of a body that is encoded, for this reason.
pub(crate) fn not_decoded(problem: &str) -> Response<Bytes> {
    let mut response = respond_json(415, &json!({ "error": format!("/header/content-encoding {problem}") }));
    response.headers_mut().insert(header::ACCEPT_ENCODING, HeaderValue::from_static("identity"));
    response
}

/// A response of the mock itself, outside every operation.
pub(crate) fn respond_json(status: u16, body: &Value) -> Response<Bytes> {
    respond(status, JSON, Bytes::from(text::write(body)))
}

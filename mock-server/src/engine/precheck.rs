//! What no server may accept in the head of a request, and the HTTP libraries under the transports do. One with both
//! Content-Length and Transfer-Encoding they read as chunked, and end the connection afterwards.

use bytes::Bytes;
use http::{HeaderValue, Request, header};

/// The most bytes of a request target.
const TARGET: usize = 8 << 10;

/// Returns what is wrong with the head of a request, if anything is: status code and message.
pub(super) fn problem(request: &Request<Bytes>) -> Option<(u16, String)> {
    if request.uri().path_and_query().is_some_and(|target| target.as_str().len() > TARGET) {
        return Some((414, format!("the request target must have at most {TARGET} bytes")));
    }
    if request.headers().get_all(header::HOST).iter().count() > 1 {
        return Some((400, "the request must have one Host header".to_owned()));
    }
    let codings: Vec<&HeaderValue> = request.headers().get_all(header::TRANSFER_ENCODING).iter().collect();
    let known = match codings[..] {
        [] => true,
        [coding] => coding.as_bytes().eq_ignore_ascii_case(b"chunked"),
        _ => false,
    };
    (!known).then(|| (501, "the only transfer coding here is `chunked`, once".to_owned()))
}

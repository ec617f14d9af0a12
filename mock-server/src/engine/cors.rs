//! Cross-origin requests: pages of every origin may call the operations, and none but the server's own the admin API.

use std::net::IpAddr;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Request, Response, StatusCode, header};

/// Returns whether a browser asks what it may send.
pub(super) fn is_preflight(headers: &HeaderMap) -> bool {
    headers.contains_key(header::ORIGIN) && headers.contains_key(header::ACCESS_CONTROL_REQUEST_METHOD)
}

/// Returns what a browser may send: everything.
pub(super) fn preflight(headers: &HeaderMap) -> Response<Bytes> {
    let mut response = Response::new(Bytes::new());
    *response.status_mut() = StatusCode::NO_CONTENT;
    let answer = response.headers_mut();
    let methods = HeaderValue::from_static("GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS");
    answer.insert(header::ACCESS_CONTROL_ALLOW_METHODS, methods);
    // `*` would not stand for Authorization.
    if let Some(asked) = headers.get(header::ACCESS_CONTROL_REQUEST_HEADERS) {
        answer.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, asked.clone());
    }
    answer.insert(header::ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("600"));
    answer.insert(header::VARY, HeaderValue::from_static("access-control-request-headers"));
    response
}

/// Lets the page that asked read the response.
pub(super) fn allow(request: &Request<Bytes>, response: &mut Response<Bytes>) {
    if request.headers().contains_key(header::ORIGIN) {
        let any = HeaderValue::from_static("*");
        response.headers_mut().insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, any.clone());
        response.headers_mut().insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, any);
    }
}

/// Returns `false` for a request of a page of another origin, and for DNS rebinding: without a token, `Host` must be an IP
/// address or `localhost`, since a page whose name was made to resolve to this server would have its origin.
pub(super) fn is_own(headers: &HeaderMap, with_token: bool) -> bool {
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok());
    let named = host.is_none_or(|host| {
        let name = host.rsplit_once(':').filter(|(_, port)| port.bytes().all(|b| b.is_ascii_digit()));
        let name = name.map_or(host, |(name, _)| name).trim_matches(['[', ']']);
        name.eq_ignore_ascii_case("localhost") || name.parse::<IpAddr>().is_ok()
    });
    let other_origin = headers.get(header::ORIGIN).is_some_and(|origin| {
        let authority = origin.to_str().ok().and_then(|origin| origin.split_once("://")).map(|(_, rest)| rest);
        authority.is_none() || authority != host
    });
    // Images, scripts, links and forms come without an origin, and with this header.
    let other_site = headers.get_all(SITE).iter().any(|site| site != "same-origin" && site != "none");
    (named || with_token) && !other_origin && !other_site
}

/// The header in which a browser says who has made it ask.
const SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// No browser takes a response for what it does not say it is.
pub(super) fn no_sniffing(response: &mut Response<Bytes>) {
    response.headers_mut().insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
}

/// What a browser may do with a response of the mock itself: show a page as a whole, and nothing else. No page has it in a
/// frame, reads it from another origin, learns its address by a link, or finds it in a cache.
pub(super) fn protect(response: &mut Response<Bytes>) {
    no_sniffing(response);
    let page =
        response.headers().get(header::CONTENT_TYPE).is_some_and(|value| value.as_bytes().starts_with(b"text/html"));
    // A page has a policy of its own, which cannot say the last of these.
    let policy = if page { "frame-ancestors 'none'" } else { "default-src 'none'; frame-ancestors 'none'" };
    for (name, value) in [
        (header::CONTENT_SECURITY_POLICY, policy),
        (header::X_FRAME_OPTIONS, "DENY"),
        (header::REFERRER_POLICY, "no-referrer"),
        (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
        (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
        (header::CACHE_CONTROL, "no-store"),
    ] {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
}

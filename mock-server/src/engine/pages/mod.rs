//! What a browser shows, and the contract itself.

use bytes::Bytes;
use http::{HeaderValue, Method, Response, StatusCode, header};
use serde_json::Value;

use crate::engine::route::NoRoute;
#[cfg(not(feature = "docs"))]
use crate::reply::respond_json;
use crate::reply::{Pieces, respond};

#[cfg(feature = "docs")]
mod template;

/// A response that is a text of the program: it takes no memory, whoever reads it.
pub(super) fn shared(content_type: &str, text: &'static str) -> Response<Bytes> {
    let text = Bytes::from_static(text.as_bytes());
    let mut response = respond(200, content_type, text.clone());
    response.extensions_mut().insert(Pieces(vec![text]));
    response
}

/// Returns whether a path, which is none of the contract's, is that of a page.
pub(super) fn is_page(path: &str) -> bool {
    ["/", "/docs", "/openapi.json", "/openapi.yaml"].contains(&path)
}

/// A page. `prefix` is what names the world in the path of the request, if that does. The credentials are shown.
pub(super) fn page(method: &Method, prefix: &str, path: &str, credentials: Value) -> Response<Bytes> {
    let page = match path {
        "/openapi.json" => shared("application/json", user_status_openapi::JSON),
        "/openapi.yaml" => shared("application/yaml", user_status_openapi::YAML),
        "/docs" => docs(prefix, credentials),
        _ => {
            let mut response = Response::new(Bytes::new());
            *response.status_mut() = StatusCode::TEMPORARY_REDIRECT;
            let docs = HeaderValue::try_from(format!("{prefix}/docs"));
            response.headers_mut().insert(header::LOCATION, docs.unwrap_or(HeaderValue::from_static("/docs")));
            response
        }
    };
    if [Method::GET, Method::HEAD].contains(method) {
        return page;
    }
    let allowed = ["GET", "HEAD", "OPTIONS"].map(str::to_owned).into();
    NoRoute::Method { method: method.clone(), path: path.to_owned(), allowed }.response()
}

/// The documentation, with this server and credentials that work filled in.
#[cfg(feature = "docs")]
fn docs(prefix: &str, credentials: Value) -> Response<Bytes> {
    let own = if prefix.is_empty() { "/" } else { prefix };
    // A page cannot send a Cookie header; the browser does, with the cookie that comes along with the page.
    let session = credentials["akana"].as_object().into_iter().flatten();
    let session = session.into_iter().find(|(name, _)| name.starts_with("AtmoAuthToken_"));
    let cookie = session.map(|(name, value)| {
        format!("{name}={}; Path=/; SameSite=Strict; HttpOnly", value.as_str().unwrap_or_default())
    });
    let mut response = respond(200, "text/html; charset=utf-8", Bytes::new());
    response.extensions_mut().insert(Pieces(template::page(own, &credentials)));
    if let Some(Ok(cookie)) = cookie.map(HeaderValue::try_from) {
        response.headers_mut().insert(header::SET_COOKIE, cookie);
    }
    response
}

/// A library that a test uses does without the page.
#[cfg(not(feature = "docs"))]
fn docs(_: &str, _: Value) -> Response<Bytes> {
    let problem = "this server was built without feature `docs`; the contract is at /openapi.yaml";
    respond_json(404, &serde_json::json!({ "error": problem }))
}

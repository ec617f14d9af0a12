//! What a browser shows, and the contract itself.

use bytes::Bytes;
use http::{HeaderValue, Method, Response, StatusCode, header};
use user_status_openapi::{Operation, Vendor};

use super::contract;
use super::respond;
use super::world::World;

/// The answer for a path that is none of the contract's, if it is one of these.
pub(super) fn page(method: &Method, path: &str, world: &World) -> Option<Response<Bytes>> {
    if ![Method::GET, Method::HEAD].contains(method) {
        return None;
    }
    let file = |content_type, text: &'static str| respond(200, content_type, Bytes::from_static(text.as_bytes()));
    match path {
        "/openapi.json" => Some(file("application/json", user_status_openapi::JSON)),
        "/openapi.yaml" => Some(file("application/yaml", user_status_openapi::YAML)),
        "/docs" => {
            let mut response = respond(200, "text/html; charset=utf-8", Bytes::from(docs(world)));
            let policy = HeaderValue::from_static("default-src 'none'; style-src 'unsafe-inline'");
            response.headers_mut().insert(header::CONTENT_SECURITY_POLICY, policy);
            Some(response)
        }
        "/" => {
            let mut response = Response::new(Bytes::new());
            *response.status_mut() = StatusCode::TEMPORARY_REDIRECT;
            response.headers_mut().insert(header::LOCATION, HeaderValue::from_static("/docs"));
            Some(response)
        }
        _ => None,
    }
}

/// All operations, with what they do and what they answer.
fn docs(world: &World) -> String {
    let mut page = String::from(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><title>User status mock</title>\
         <meta name=\"viewport\" content=\"width=device-width\"><style>body{font:16px/1.5 system-ui;margin:2rem auto;\
         max-width:60rem;padding:0 1rem;color-scheme:light dark}code{overflow-wrap:anywhere}</style></head><body>\
         <main><h1>User status mock</h1><p>The contract: <a href=\"/openapi.yaml\">YAML</a>, \
         <a href=\"/openapi.json\">JSON</a>. The admin API: <a href=\"/__admin/openapi.yaml\">YAML</a>, \
         <a href=\"/__admin/credentials\">credentials that work</a>, <a href=\"/__admin/users\">users</a>, \
         <a href=\"/__admin/requests\">the last requests</a>.</p>",
    );
    for &vendor in Vendor::ALL {
        page.push_str(&format!("<h2>{vendor}</h2>"));
        for operation in contract().operations().iter().filter(|operation| operation.vendor == vendor) {
            page.push_str(&section(operation, world));
        }
    }
    page.push_str("</main></body></html>");
    page
}

fn section(operation: &Operation, world: &World) -> String {
    let text = |member: &str| {
        let at = format!("{}/{member}", operation.pointer);
        contract().resolve(&at).and_then(|value| value.as_str()).map(escape).unwrap_or_default()
    };
    let codes: Vec<String> = operation.responses.keys().map(ToString::to_string).collect();
    let users = world.users(operation.vendor);
    format!(
        "<h3>{}</h3><p><code>{} {}{}</code></p><p>{}</p><p>Answers: {}. Users: {}.</p>",
        text("summary"),
        operation.method,
        contract().base_path(operation.vendor),
        escape(&operation.path),
        text("description"),
        codes.join(", "),
        users.iter().take(5).map(|user| escape(user)).collect::<Vec<_>>().join(", "),
    )
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

//! The one seam under the generated clients: every request passes through [`execute`].

use reqwest::header::{ACCEPT, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, USER_AGENT};
use reqwest::{Body, Client, Request, Response};
use serde_json::{Map, Value};

use crate::session::{Parts, Session};

/// A header that the generator adds to every request and no system documents.
const STRAY: HeaderName = HeaderName::from_static("api-version");

/// The response headers whose values may be shown. All others are marked sensitive, so that printing an error or a
/// response cannot show a session cookie.
const SHOWN: [&str; 8] =
    ["allow", "content-length", "content-type", "date", "retry-after", "server", "x-request-id", "x-trace-id"];

/// Sends one request of a generated client: with the session's credentials, within its limits.
pub(crate) async fn execute(session: &Session, client: &Client, mut request: Request) -> reqwest::Result<Response> {
    let parts = session.parts();
    prepare(parts, request.headers_mut());
    if let Some((name, secret)) = &parts.body_member {
        fill_in(&mut request, name, secret.expose());
    }
    *request.timeout_mut() = Some(parts.attempt_timeout);
    let mut response = client.execute(request).await?;
    hide_values(response.headers_mut());
    Ok(response)
}

fn prepare(parts: &Parts, headers: &mut HeaderMap) {
    headers.remove(STRAY);
    headers.insert(USER_AGENT, HeaderValue::from_static(concat!("user-status/", env!("CARGO_PKG_VERSION"))));
    for (name, value) in &parts.headers {
        headers.insert(name.clone(), value.clone());
    }
    if let Some(media_type) = &parts.media_type {
        headers.insert(ACCEPT, media_type.clone());
        if headers.contains_key(CONTENT_TYPE) {
            headers.insert(CONTENT_TYPE, media_type.clone());
        }
    }
}

/// Puts a credential into the JSON body, unless the caller gave one there.
fn fill_in(request: &mut Request, name: &str, value: &str) {
    let body = request.body().and_then(Body::as_bytes);
    let Some(mut members) = body.and_then(|bytes| serde_json::from_slice::<Map<String, Value>>(bytes).ok()) else {
        return;
    };
    if !members.contains_key(name) {
        members.insert(name.to_owned(), Value::from(value));
        *request.body_mut() = Some(Body::from(Value::Object(members).to_string()));
    }
}

fn hide_values(headers: &mut HeaderMap) {
    for (name, value) in headers.iter_mut() {
        if !SHOWN.contains(&name.as_str()) {
            value.set_sensitive(true);
        }
    }
}

/// Gives a generated client its hooks, and a Debug that shows no more than where it sends.
macro_rules! hooks {
    ($client:ty) => {
        impl progenitor_client::ClientHooks<crate::Session> for $client {
            async fn exec(
                &self,
                request: reqwest::Request,
                _info: &progenitor_client::OperationInfo,
            ) -> reqwest::Result<reqwest::Response> {
                crate::hooks::execute(&self.inner, &self.client, request).await
            }
        }

        impl std::fmt::Debug for $client {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.debug_struct("Client").field("base_url", &self.baseurl).field("session", &self.inner).finish()
            }
        }
    };
}

pub(crate) use hooks;

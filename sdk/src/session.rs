//! What a generated client holds for its hooks: credentials ready to travel, and the limits of a call.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use reqwest::header::{HeaderName, HeaderValue};

use crate::error::{Error, Result};
use crate::secret::Secret;
use crate::vendor::Vendor;

/// The session of a generated client. Made by the builders in [`vendors`](crate::vendors); Debug shows which
/// credentials there are, never what they are.
#[derive(Clone)]
pub struct Session(Arc<Parts>);

/// What a session is made of.
pub(crate) struct Parts {
    /// The credential headers, each marked sensitive.
    pub(crate) headers: Vec<(HeaderName, HeaderValue)>,
    /// A credential that travels in the JSON body: the member's name and its value.
    pub(crate) body_member: Option<(&'static str, Secret)>,
    /// The media type to speak instead of `application/json`.
    pub(crate) media_type: Option<HeaderValue>,
    /// How long one attempt may take, from opening the connection to the last byte read.
    pub(crate) attempt_timeout: Duration,
}

impl Session {
    pub(crate) fn new(parts: Parts) -> Session {
        Session(Arc::new(parts))
    }

    pub(crate) fn parts(&self) -> &Parts {
        &self.0
    }
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let headers: Vec<&str> = self.0.headers.iter().map(|(name, _)| name.as_str()).collect();
        f.debug_struct("Session")
            .field("credential_headers", &headers)
            .field("credential_in_body", &self.0.body_member.as_ref().map(|(name, _)| name))
            .field("media_type", &self.0.media_type)
            .field("attempt_timeout", &self.0.attempt_timeout)
            .finish()
    }
}

/// A credential as a header value, such as `Bearer …`. An error names the credential and not its value.
pub(crate) fn credential_header(vendor: Vendor, what: &str, prefix: &str, secret: &Secret) -> Result<HeaderValue> {
    let refuse = |problem: &str| Err(Error::invalid_input(vendor, format!("{what} {problem}")));
    let value = secret.expose();
    if value.is_empty() {
        return refuse("is empty");
    }
    if let Some(at) = value.chars().position(|c| !c.is_ascii_graphic()) {
        let what = match value.chars().nth(at) {
            Some(c) if c.is_whitespace() => "white space (such as a line end from a file)",
            _ => "a character that a header cannot carry",
        };
        return refuse(&format!("has {what} at character {}", at + 1));
    }
    match HeaderValue::try_from(format!("{prefix}{value}")) {
        Ok(mut header) => {
            header.set_sensitive(true);
            Ok(header)
        }
        Err(_) => refuse("has a character that a header cannot carry"),
    }
}

/// A name of a header that depends on the tenant.
pub(crate) fn header_name(vendor: Vendor, what: &str, name: &str) -> Result<HeaderName> {
    HeaderName::try_from(name)
        .map_err(|_| Error::invalid_input(vendor, format!("{what}: `{}` is no header name", name.escape_debug())))
}

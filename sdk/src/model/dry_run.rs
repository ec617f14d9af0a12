//! What a change would send, without sending it.

use std::fmt;

use bytes::Bytes;
use reqwest::{Body, Request};
use serde::Serialize;

use crate::codec::redact::{REDACTED, Secrets};
use crate::model::change::StatusChange;
use crate::model::kind::SystemKind;
use crate::model::status::AccountStatus;

/// A dry run of a change: from [`AccountSystem::dry_run`](crate::AccountSystem::dry_run).
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct DryRun {
    /// The system.
    pub system: SystemKind,
    /// The account, as the caller named it.
    pub user: String,
    /// The id of the account: `user` itself, unless it was found by another name.
    pub account: String,
    /// The change that would be asked for.
    pub change: StatusChange,
    /// The status of the account, where `apply` reads it first.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<AccountStatus>,
    /// The request that would be sent; `None` if the account is so already, and nothing would be.
    pub request: Option<DryRunRequest>,
}

/// A request as it would leave, without a credential in it: in the place of each is `[redacted]`. What the connection
/// adds, such as `host`, `connection` and `content-length`, is not there yet.
///
/// Its Display is that of an HTTP request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct DryRunRequest {
    /// The HTTP method, in capitals.
    pub method: String,
    /// The whole URL.
    pub url: String,
    /// The headers, names in lower case.
    pub headers: Vec<(String, String)>,
    /// The body, if there is one.
    pub body: Option<String>,
}

impl DryRun {
    /// Creates the dry run of a change of an account that is so already: nothing was read, and nothing would be sent.
    pub fn new(system: SystemKind, user: impl Into<String>, change: StatusChange) -> DryRun {
        let user = user.into();
        DryRun { system, account: user.clone(), user, change, status: None, request: None }
    }

    /// Sets what the account was read to be.
    #[must_use]
    pub fn with_status(mut self, status: AccountStatus) -> DryRun {
        self.status = Some(status);
        self
    }

    /// Sets the request that would be sent.
    #[must_use]
    pub fn with_request(mut self, request: DryRunRequest) -> DryRun {
        self.request = Some(request);
        self
    }
}

impl fmt::Display for DryRunRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} HTTP/1.1", self.method, self.url)?;
        for (name, value) in &self.headers {
            write!(f, "\n{name}: {value}")?;
        }
        match &self.body {
            Some(body) => write!(f, "\n\n{body}"),
            None => Ok(()),
        }
    }
}

impl DryRunRequest {
    /// Creates the description of a request without headers and body. It is shown as it is given: leave credentials out.
    pub fn new(method: impl Into<String>, url: impl Into<String>) -> DryRunRequest {
        DryRunRequest { method: method.into(), url: url.into(), headers: Vec::new(), body: None }
    }

    /// Adds a header.
    #[must_use]
    pub fn with_header(mut self, name: impl Into<String>, value: impl Into<String>) -> DryRunRequest {
        self.headers.push((name.into(), value.into()));
        self
    }

    /// Sets the body.
    #[must_use]
    pub fn with_body(mut self, body: impl Into<String>) -> DryRunRequest {
        self.body = Some(body.into());
        self
    }

    /// Takes down a request. Its credentials are replaced already; the secrets are those that a caller may have put
    /// into it besides.
    pub(crate) fn of(request: &Request, secrets: &Secrets) -> DryRunRequest {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let header = |name: &reqwest::header::HeaderName, value: &reqwest::header::HeaderValue| {
            let hidden = value.is_sensitive() || secrets.are_in(value.as_bytes());
            (name.to_string(), if hidden { REDACTED.to_owned() } else { text(value.as_bytes()) })
        };
        let body = request.body().and_then(Body::as_bytes).map(Bytes::copy_from_slice);
        DryRunRequest {
            method: request.method().to_string(),
            url: request.url().as_str().split('/').map(|segment| secrets.clean(segment)).collect::<Vec<_>>().join("/"),
            headers: request.headers().iter().map(|(name, value)| header(name, value)).collect(),
            body: body.map(|body| text(&secrets.clean_body(body))),
        }
    }
}

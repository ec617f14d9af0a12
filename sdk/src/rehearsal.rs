//! What a change would send, without sending it.

use std::fmt;

use bytes::Bytes;
use reqwest::{Body, Request};
use serde::Serialize;

use crate::call::CallOptions;
use crate::change::StatusChange;
use crate::clock::BoxFuture;
use crate::error::{Applied, Error, ErrorKind, Result};
use crate::kind::SystemKind;
use crate::receipt::Proof;
use crate::redact::{REDACTED, Secrets};
use crate::status::AccountStatus;
use crate::system::AccountSystem;

/// A dry run of [`apply`](AccountSystem::apply): from [`rehearse`](AccountSystem::rehearse).
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Rehearsal {
    /// The system.
    pub system: SystemKind,
    /// The account, as the caller named it.
    pub user: String,
    /// The change that would be asked for.
    pub change: StatusChange,
    /// The status of the account, where `apply` reads it first.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<AccountStatus>,
    /// The request that would be sent; `None` if the account is so already, and nothing would be.
    pub request: Option<PlannedRequest>,
}

/// A request as it would leave, without a credential in it: in the place of each is `[redacted]`. What the connection
/// adds, such as `host`, `connection` and `content-length`, is not there yet.
///
/// Its Display is that of an HTTP request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct PlannedRequest {
    /// The HTTP method, in capitals.
    pub method: String,
    /// The whole URL.
    pub url: String,
    /// The headers, names in lower case.
    pub headers: Vec<(String, String)>,
    /// The body, if there is one.
    pub body: Option<String>,
}

impl fmt::Display for PlannedRequest {
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

impl PlannedRequest {
    /// Takes down a request. Its credentials are replaced already; the secrets are those that a caller may have put
    /// into it besides.
    pub(crate) fn new(request: &Request, secrets: &Secrets) -> PlannedRequest {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let header = |name: &reqwest::header::HeaderName, value: &reqwest::header::HeaderValue| {
            let hidden = value.is_sensitive() || secrets.are_in(value.as_bytes());
            (name.to_string(), if hidden { REDACTED.to_owned() } else { text(value.as_bytes()) })
        };
        let body = request.body().and_then(Body::as_bytes).map(Bytes::copy_from_slice);
        PlannedRequest {
            method: request.method().to_string(),
            url: request.url().as_str().split('/').map(|segment| secrets.clean(segment)).collect::<Vec<_>>().join("/"),
            headers: request.headers().iter().map(|(name, value)| header(name, value)).collect(),
            body: body.map(|body| text(&secrets.clean_body(body))),
        }
    }
}

/// A request that was prepared and not sent, on its way out of a call.
pub(crate) struct Captured {
    pub(crate) request: PlannedRequest,
    /// What the account was read to be before.
    pub(crate) status: Option<AccountStatus>,
}

/// Goes the way of [`apply_with`](AccountSystem::apply_with) up to the request that would change something.
pub(crate) fn rehearse<'a, S: AccountSystem>(
    system: &'a S,
    user: &'a str,
    change: &'a StatusChange,
    options: CallOptions,
) -> BoxFuture<'a, Result<Rehearsal>> {
    Box::pin(async move {
        let (status, request) = match system.apply_with(user, change, options.rehearsing()).await {
            Ok(receipt) if receipt.proof == Proof::Unchanged => (Some(receipt.status), None),
            // A rehearsal that was answered was none.
            Ok(_) => {
                let message = "a rehearsal was answered as if it were a change";
                return Err(Error::new(ErrorKind::Contradicted, system.kind(), message).with_applied(Applied::Unknown));
            }
            Err(error) => {
                let captured = error.into_captured()?;
                (captured.status, Some(captured.request))
            }
        };
        Ok(Rehearsal { system: system.kind(), user: user.to_owned(), change: change.clone(), status, request })
    })
}

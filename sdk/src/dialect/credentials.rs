//! Credentials of systems that have no type of their own for them.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use reqwest::header::{AUTHORIZATION, HeaderName};

use crate::client::auth::{WireCredentials, credential_header};
use crate::model::error::{Error, Result};
use crate::model::kind::SystemKind;
use crate::model::secret::Secret;

/// The credentials of a system over HTTP: headers, or a member of the JSON body. Debug shows none of them.
///
/// ```
/// use user_status::dialect::HttpCredentials;
///
/// let token = HttpCredentials::bearer("the-token");
/// let key = HttpCredentials::header("x-api-key", "the-key").and_header("x-tenant", "acme");
/// assert!(!format!("{token:?} {key:?}").contains("the-"));
/// ```
#[derive(Clone, Debug, Default)]
#[must_use]
pub struct HttpCredentials {
    headers: Vec<Header>,
    body_member: Option<(&'static str, Secret)>,
}

#[derive(Clone, Debug)]
struct Header {
    name: String,
    prefix: &'static str,
    value: Secret,
    /// Further secrets in it.
    parts: Vec<Secret>,
}

impl HttpCredentials {
    /// Creates credentials of nothing, for a system that asks for none.
    pub fn none() -> HttpCredentials {
        HttpCredentials::default()
    }

    /// Creates credentials from a token that travels as `Authorization: Bearer …`. Give it without `Bearer`.
    pub fn bearer(token: impl Into<Secret>) -> HttpCredentials {
        HttpCredentials::none().and("authorization".to_owned(), "Bearer ", token.into(), Vec::new())
    }

    /// Creates credentials for HTTP Basic authentication.
    pub fn basic(user: impl Into<Secret>, password: impl Into<Secret>) -> HttpCredentials {
        let (user, password) = (user.into(), password.into());
        let value = BASE64_STANDARD.encode(format!("{}:{}", user.expose(), password.expose()));
        HttpCredentials::none().and("authorization".to_owned(), "Basic ", value.into(), vec![password])
    }

    /// Creates credentials that travel in a header of this name.
    pub fn header(name: impl Into<String>, value: impl Into<Secret>) -> HttpCredentials {
        HttpCredentials::none().and_header(name, value)
    }

    /// Adds a header.
    pub fn and_header(self, name: impl Into<String>, value: impl Into<Secret>) -> HttpCredentials {
        self.and(name.into(), "", value.into(), Vec::new())
    }

    /// Adds a member of this name to the JSON body of every request that has one.
    pub fn and_body_member(mut self, name: &'static str, value: impl Into<Secret>) -> HttpCredentials {
        self.body_member = Some((name, value.into()));
        self
    }

    fn and(mut self, name: String, prefix: &'static str, value: Secret, parts: Vec<Secret>) -> HttpCredentials {
        self.headers.push(Header { name, prefix, value, parts });
        self
    }

    pub(crate) fn prepare(&self, system: SystemKind) -> Result<WireCredentials> {
        let mut headers = Vec::new();
        let mut secrets: Vec<&Secret> = Vec::new();
        for Header { name, prefix, value, parts } in &self.headers {
            let problem = || Error::invalid_input(system, "a credential has a name that no header can have");
            let header = HeaderName::try_from(name.as_str()).map_err(|_| problem())?;
            let what =
                if header == AUTHORIZATION { "the credential".to_owned() } else { format!("the header {header}") };
            headers.push((header, credential_header(system, &what, prefix, value)?));
            secrets.push(value);
            secrets.extend(parts);
        }
        secrets.extend(self.body_member.iter().map(|(_, secret)| secret));
        Ok(WireCredentials::new(headers, self.body_member.clone(), &secrets))
    }
}

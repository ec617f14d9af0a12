//! The Symphony Pod API: enable, disable, suspend and unsuspend by one operation, `updateUserStatus`.

use reqwest::header::{HeaderName, HeaderValue};

use crate::config::{Config, config_setters};
use crate::error::{Error, Fault, Result};
use crate::hooks::hooks;
use crate::secret::Secret;
use crate::session::{Parts, Session, credential_header};
use crate::vendor::Vendor;

pub use crate::generated::symphony::{Client, builder, types};
pub use crate::generated::values::{SymphonyAccountState, SymphonyMessageFormat, SymphonyUserId};

/// A pod, and the credentials for it.
///
/// ```
/// use user_status::vendors::symphony::{Credentials, Symphony, SymphonyAccountState};
///
/// # async fn disable() -> user_status::Result<()> {
/// let symphony = Symphony::builder()
///     .base_url("https://acme.symphony.com/pod")
///     .credentials(Credentials::session_token("…"))
///     .build()?;
/// let answer = symphony
///     .client()
///     .update_user_status()
///     .uid(7215545078541i64)
///     .body_map(|body| body.status(SymphonyAccountState::Disabled))
///     .send()
///     .await?;
/// println!("{:?}", answer.message);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Symphony {
    client: Client,
}

impl Symphony {
    /// Starts with the defaults; base URL and credentials must be set.
    pub fn builder() -> SymphonyBuilder {
        SymphonyBuilder { config: Config::default(), credentials: None }
    }

    /// The generated typed client.
    pub fn client(&self) -> &Client {
        &self.client
    }
}

/// Builds a [`Symphony`]. The base URL ends in `/pod`, as in `https://acme.symphony.com/pod`.
#[derive(Clone, Debug)]
#[must_use]
pub struct SymphonyBuilder {
    config: Config,
    credentials: Option<Credentials>,
}

impl SymphonyBuilder {
    config_setters!();

    /// Who calls.
    pub fn credentials(mut self, credentials: Credentials) -> Self {
        self.credentials = Some(credentials);
        self
    }

    /// Checks the settings and sets up the client. Nothing is sent.
    ///
    /// # Errors
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput) names the setting that is missing or wrong,
    /// [`Setup`](crate::ErrorKind::Setup) says why TLS or the HTTP client cannot be set up.
    pub fn build(self) -> Result<Symphony> {
        let credentials = self.credentials.ok_or_else(|| Error::missing(Vendor::Symphony, "credentials"))?;
        let session = Session::new(Parts {
            headers: credentials.headers()?,
            body_member: None,
            media_type: None,
            attempt_timeout: self.config.attempt_timeout,
        });
        let (base_url, http) = self.config.connect(Vendor::Symphony)?;
        Ok(Symphony { client: Client::new_with_client(&base_url, http, session) })
    }
}

/// Who calls Symphony: a session of a user or bot with the privilege `ACCESS_USER_PROVISIONING_API`.
#[derive(Clone, Debug)]
pub struct Credentials {
    session_token: Secret,
}

impl Credentials {
    /// The session token that RSA authentication gave. It lives between an hour and two weeks.
    pub fn session_token(token: impl Into<Secret>) -> Credentials {
        Credentials { session_token: token.into() }
    }

    fn headers(&self) -> Result<Vec<(HeaderName, HeaderValue)>> {
        let token = credential_header(Vendor::Symphony, "the session token", "", &self.session_token)?;
        Ok(vec![(HeaderName::from_static("sessiontoken"), token)])
    }
}

hooks!(Client);

impl Fault for types::SymphonyError {
    const VENDOR: Vendor = Vendor::Symphony;

    fn message(&self) -> Option<String> {
        match (&self.message, self.code) {
            (Some(message), Some(code)) => Some(format!("{message} (code {code})")),
            (message, _) => message.clone(),
        }
    }
}

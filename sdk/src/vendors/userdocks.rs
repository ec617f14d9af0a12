//! Userdocks: enable and disable by one operation, `setAccessStatus`.

use reqwest::header::{AUTHORIZATION, HeaderName, HeaderValue};

use crate::config::{Config, config_setters};
use crate::error::{Error, Fault, Result};
use crate::hooks::hooks;
use crate::secret::Secret;
use crate::session::{Parts, Session, credential_header};
use crate::vendor::Vendor;

pub use crate::generated::userdocks::{Client, builder, types};
pub use crate::generated::values::{UserdocksAccessStatus, UserdocksUserId};

/// Userdocks, and the credentials for an app there.
///
/// ```
/// use user_status::vendors::userdocks::{Credentials, Userdocks, UserdocksAccessStatus};
///
/// # async fn disable() -> user_status::Result<()> {
/// let userdocks = Userdocks::builder()
///     .base_url("https://api.userdocks.com")
///     .credentials(Credentials::api_key("…", "8c5ab9a4-46a3-4b5f-8f0b-7c0f3f6a9e10"))
///     .build()?;
/// let answer = userdocks
///     .client()
///     .set_access_status()
///     .user_id("6f1e9c1e-3b57-4f0a-9d0e-0c2f0f5a1d11")
///     .access_status(UserdocksAccessStatus::Freezed)
///     .send()
///     .await?;
/// println!("{:?}", answer.success);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Userdocks {
    client: Client,
}

impl Userdocks {
    /// Starts with the defaults; base URL and credentials must be set.
    pub fn builder() -> UserdocksBuilder {
        UserdocksBuilder { config: Config::default(), credentials: None }
    }

    /// The generated typed client.
    pub fn client(&self) -> &Client {
        &self.client
    }
}

/// Builds a [`Userdocks`]. The base URL is `https://api.userdocks.com`.
#[derive(Clone, Debug)]
#[must_use]
pub struct UserdocksBuilder {
    config: Config,
    credentials: Option<Credentials>,
}

impl UserdocksBuilder {
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
    pub fn build(self) -> Result<Userdocks> {
        let credentials = self.credentials.ok_or_else(|| Error::missing(Vendor::Userdocks, "credentials"))?;
        let session = Session::new(Parts {
            headers: credentials.headers()?,
            body_member: None,
            media_type: None,
            attempt_timeout: self.config.attempt_timeout,
        });
        let (base_url, http) = self.config.connect(Vendor::Userdocks)?;
        Ok(Userdocks { client: Client::new_with_client(&base_url, http, session) })
    }
}

/// Who calls Userdocks: a server with an API key, or a client with the access token of a user.
#[derive(Clone, Debug)]
pub struct Credentials(Kind);

#[derive(Clone, Debug)]
enum Kind {
    ApiKey { key: Secret, client_id: Secret },
    AccessToken(Secret),
}

impl Credentials {
    /// An API key of type `write`, and the client id of the app: its UUID. For servers only.
    pub fn api_key(key: impl Into<Secret>, client_id: impl Into<Secret>) -> Credentials {
        Credentials(Kind::ApiKey { key: key.into(), client_id: client_id.into() })
    }

    /// The access token of a signed-in user, without `Bearer`. It acts on that user only.
    pub fn access_token(token: impl Into<Secret>) -> Credentials {
        Credentials(Kind::AccessToken(token.into()))
    }

    fn headers(&self) -> Result<Vec<(HeaderName, HeaderValue)>> {
        match &self.0 {
            Kind::ApiKey { key, client_id } => Ok(vec![
                (HeaderName::from_static("x-api-key"), credential_header(Vendor::Userdocks, "the API key", "", key)?),
                (HeaderName::from_static("x-api-key-type"), HeaderValue::from_static("write")),
                (
                    HeaderName::from_static("x-client-id"),
                    credential_header(Vendor::Userdocks, "the client id", "", client_id)?,
                ),
            ]),
            Kind::AccessToken(token) => {
                let token = credential_header(Vendor::Userdocks, "the access token", "Bearer ", token)?;
                Ok(vec![(AUTHORIZATION, token)])
            }
        }
    }
}

hooks!(Client);

impl Fault for types::UserdocksError {
    const VENDOR: Vendor = Vendor::Userdocks;

    fn message(&self) -> Option<String> {
        self.error.clone().or_else(|| self.message.clone())
    }
}

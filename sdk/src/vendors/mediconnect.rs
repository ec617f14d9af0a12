//! The MediConnect admin API: enable, disable, suspend and unsuspend by one operation, `toggleUserStatus`.

use reqwest::header::{AUTHORIZATION, HeaderName, HeaderValue};

use crate::config::{Config, config_setters};
use crate::error::{Error, Fault, Result};
use crate::hooks::hooks;
use crate::secret::Secret;
use crate::session::{Parts, Session, credential_header};
use crate::vendor::Vendor;

pub use crate::generated::mediconnect::{Client, builder, types};
pub use crate::generated::values::{MediconnectRole, MediconnectUserId};

/// A MediConnect installation, and the credentials for it.
///
/// Name both booleans in every request: the deployed system flips an `is_active` that is left out.
///
/// ```
/// use user_status::vendors::mediconnect::{Credentials, Mediconnect};
///
/// # async fn disable() -> user_status::Result<()> {
/// let mediconnect = Mediconnect::builder()
///     .base_url("https://api.example.com")
///     .credentials(Credentials::token("…"))
///     .build()?;
/// let answer = mediconnect
///     .client()
///     .toggle_user_status()
///     .id(42)
///     .body_map(|body| body.is_active(false).is_suspended(false))
///     .send()
///     .await?;
/// println!("{:?}", answer.is_active);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Mediconnect {
    client: Client,
}

impl Mediconnect {
    /// Starts with the defaults; base URL and credentials must be set.
    pub fn builder() -> MediconnectBuilder {
        MediconnectBuilder { config: Config::default(), credentials: None }
    }

    /// The generated typed client.
    pub fn client(&self) -> &Client {
        &self.client
    }
}

/// Builds a [`Mediconnect`]. The base URL is that of the installation, as in `https://api.example.com`.
#[derive(Clone, Debug)]
#[must_use]
pub struct MediconnectBuilder {
    config: Config,
    credentials: Option<Credentials>,
}

impl MediconnectBuilder {
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
    pub fn build(self) -> Result<Mediconnect> {
        let credentials = self.credentials.ok_or_else(|| Error::missing(Vendor::Mediconnect, "credentials"))?;
        let session = Session::new(Parts {
            headers: credentials.headers()?,
            body_member: None,
            media_type: None,
            attempt_timeout: self.config.attempt_timeout,
        });
        let (base_url, http) = self.config.connect(Vendor::Mediconnect)?;
        Ok(Mediconnect { client: Client::new_with_client(&base_url, http, session) })
    }
}

/// Who calls MediConnect: a user with the role ADMIN.
#[derive(Clone, Debug)]
pub struct Credentials {
    token: Secret,
}

impl Credentials {
    /// The JWT of a user with the role ADMIN, without `Bearer`.
    pub fn token(token: impl Into<Secret>) -> Credentials {
        Credentials { token: token.into() }
    }

    fn headers(&self) -> Result<Vec<(HeaderName, HeaderValue)>> {
        let token = credential_header(Vendor::Mediconnect, "the token", "Bearer ", &self.token)?;
        Ok(vec![(AUTHORIZATION, token)])
    }
}

hooks!(Client);

impl Fault for types::MediconnectError {
    const VENDOR: Vendor = Vendor::Mediconnect;

    fn message(&self) -> Option<String> {
        self.error.clone()
    }
}

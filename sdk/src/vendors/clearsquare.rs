//! The ClearSquare admin API: toggle by one operation, `manageUserStatus`.

use reqwest::header::{AUTHORIZATION, HeaderName, HeaderValue};

use crate::config::{Config, config_setters};
use crate::error::{Error, Fault, Result};
use crate::hooks::hooks;
use crate::secret::Secret;
use crate::session::{Parts, Session, credential_header};
use crate::vendor::Vendor;

pub use crate::generated::clearsquare::{Client, builder, types};
pub use crate::generated::values::{ClearsquareOutcome, ClearsquareUserId};

/// A ClearSquare site, and the credentials for it.
///
/// The token travels in the header and in the body; it is given once, here, and left out of the request body.
/// The call toggles: never repeat it unless it is certain that it was not carried out.
///
/// ```
/// use user_status::vendors::clearsquare::{Clearsquare, Credentials};
///
/// # async fn toggle() -> user_status::Result<()> {
/// let clearsquare = Clearsquare::builder()
///     .base_url("https://admin.your-site.com")
///     .credentials(Credentials::token("…"))
///     .build()?;
/// let answer = clearsquare
///     .client()
///     .manage_user_status()
///     .body_map(|body| body.id("634441cecbb5901d133039f8"))
///     .send()
///     .await?;
/// println!("{:?}", answer.message);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Clearsquare {
    client: Client,
}

impl Clearsquare {
    /// Starts with the defaults; base URL and credentials must be set.
    pub fn builder() -> ClearsquareBuilder {
        ClearsquareBuilder { config: Config::default(), credentials: None }
    }

    /// The generated typed client.
    pub fn client(&self) -> &Client {
        &self.client
    }
}

/// Builds a [`Clearsquare`]. The base URL is that of the site, as in `https://admin.your-site.com`.
#[derive(Clone, Debug)]
#[must_use]
pub struct ClearsquareBuilder {
    config: Config,
    credentials: Option<Credentials>,
}

impl ClearsquareBuilder {
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
    pub fn build(self) -> Result<Clearsquare> {
        let credentials = self.credentials.ok_or_else(|| Error::missing(Vendor::Clearsquare, "credentials"))?;
        let session = Session::new(Parts {
            headers: credentials.headers()?,
            body_member: Some(("token", credentials.token.clone())),
            media_type: None,
            attempt_timeout: self.config.attempt_timeout,
        });
        let (base_url, http) = self.config.connect(Vendor::Clearsquare)?;
        Ok(Clearsquare { client: Client::new_with_client(&base_url, http, session) })
    }
}

/// Who calls ClearSquare.
#[derive(Clone, Debug)]
pub struct Credentials {
    token: Secret,
}

impl Credentials {
    /// A JWT that permits the operation, without `Bearer`. It is sent in the header and in the body.
    pub fn token(token: impl Into<Secret>) -> Credentials {
        Credentials { token: token.into() }
    }

    fn headers(&self) -> Result<Vec<(HeaderName, HeaderValue)>> {
        let token = credential_header(Vendor::Clearsquare, "the token", "Bearer ", &self.token)?;
        Ok(vec![(AUTHORIZATION, token)])
    }
}

hooks!(Client);

impl Fault for types::ClearsquareResult {
    const VENDOR: Vendor = Vendor::Clearsquare;

    fn message(&self) -> Option<String> {
        self.message.clone()
    }
}

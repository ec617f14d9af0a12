//! The Akana API Platform: enable, disable and lock by one operation, `changeUserStatus`.

use reqwest::header::{COOKIE, HeaderName, HeaderValue};

use crate::config::{Config, config_setters};
use crate::error::{Error, Fault, Result};
use crate::hooks::hooks;
use crate::secret::Secret;
use crate::session::{Parts, Session, credential_header, header_name};
use crate::vendor::Vendor;

pub use crate::generated::akana::{Client, builder, types};
pub use crate::generated::values::{AkanaUserId, AkanaUserStatus};

/// A site of the platform, and the credentials for it.
///
/// ```
/// use user_status::vendors::akana::{Akana, AkanaUserStatus, Credentials};
///
/// # async fn lock() -> user_status::Result<()> {
/// let akana = Akana::builder()
///     .base_url("https://portal.acmepaymentscorp.example")
///     .tenant("acmepaymentscorp")
///     .credentials(Credentials::session("TokenID…", "TokenID%3D…"))
///     .build()?;
/// let answer = akana
///     .client()
///     .change_user_status()
///     .user_id("f57dd9cc-2608-456e-9dfa-300c85224a73.acmepaymentscorp")
///     .body_map(|body| body.user_status(AkanaUserStatus::Locked).comments("Compromised".to_owned()))
///     .send()
///     .await?;
/// println!("{:?}", answer.locked);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Akana {
    client: Client,
}

impl Akana {
    /// Starts with the defaults; base URL and credentials must be set.
    pub fn builder() -> AkanaBuilder {
        AkanaBuilder { config: Config::default(), credentials: None, tenant: None, media_type: MediaType::Json }
    }

    /// The generated typed client.
    pub fn client(&self) -> &Client {
        &self.client
    }
}

/// Builds a [`Akana`]. The base URL is that of the site, as in
/// `https://portal.acmepaymentscorp.example`.
#[derive(Clone, Debug)]
#[must_use]
pub struct AkanaBuilder {
    config: Config,
    credentials: Option<Credentials>,
    tenant: Option<String>,
    media_type: MediaType,
}

impl AkanaBuilder {
    config_setters!();

    /// Who calls.
    pub fn credentials(mut self, credentials: Credentials) -> Self {
        self.credentials = Some(credentials);
        self
    }

    /// The id of the tenant (the federation member), such as `acmepaymentscorp`. The cookie and the CSRF header are
    /// named after it.
    pub fn tenant(mut self, tenant: impl Into<String>) -> Self {
        self.tenant = Some(tenant.into());
        self
    }

    /// The version of the JSON representation to speak: plain `application/json` by default.
    pub fn media_type(mut self, media_type: MediaType) -> Self {
        self.media_type = media_type;
        self
    }

    /// Checks the settings and sets up the client. Nothing is sent.
    ///
    /// # Errors
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput) names the setting that is missing or wrong,
    /// [`Setup`](crate::ErrorKind::Setup) says why TLS or the HTTP client cannot be set up.
    pub fn build(self) -> Result<Akana> {
        let credentials = self.credentials.ok_or_else(|| Error::missing(Vendor::Akana, "credentials"))?;
        let tenant = self.tenant.ok_or_else(|| Error::missing(Vendor::Akana, "tenant"))?;
        let session = Session::new(Parts {
            headers: credentials.headers(&tenant)?,
            body_member: None,
            media_type: Some(HeaderValue::from_static(self.media_type.as_str())),
            attempt_timeout: self.config.attempt_timeout,
        });
        let (base_url, http) = self.config.connect(Vendor::Akana)?;
        Ok(Akana { client: Client::new_with_client(&base_url, http, session) })
    }
}

/// The JSON representations that the platform speaks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum MediaType {
    /// `application/json`
    #[default]
    Json,
    /// `application/vnd.soa.v71+json`
    JsonV71,
    /// `application/vnd.soa.v72+json`
    JsonV72,
    /// `application/vnd.soa.v80+json`
    JsonV80,
    /// `application/vnd.soa.v81+json`
    JsonV81,
}

impl MediaType {
    /// The name that travels in `Accept` and `Content-Type`.
    pub const fn as_str(self) -> &'static str {
        match self {
            MediaType::Json => "application/json",
            MediaType::JsonV71 => "application/vnd.soa.v71+json",
            MediaType::JsonV72 => "application/vnd.soa.v72+json",
            MediaType::JsonV80 => "application/vnd.soa.v80+json",
            MediaType::JsonV81 => "application/vnd.soa.v81+json",
        }
    }
}

/// Who calls Akana: a signed-in Site Admin.
#[derive(Clone, Debug)]
pub struct Credentials {
    session_cookie: Secret,
    csrf_token: Secret,
}

impl Credentials {
    /// The values of the cookies `AtmoAuthToken_{tenant}` and `Csrf-Token_{tenant}` that signing in set, each exactly
    /// as it came: the CSRF token stays percent-encoded. The session lives 30 minutes by default.
    pub fn session(session_cookie: impl Into<Secret>, csrf_token: impl Into<Secret>) -> Credentials {
        Credentials { session_cookie: session_cookie.into(), csrf_token: csrf_token.into() }
    }

    fn headers(&self, tenant: &str) -> Result<Vec<(HeaderName, HeaderValue)>> {
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
        if tenant.is_empty() || tenant.len() > 64 || !tenant.chars().all(plain) {
            let problem = "tenant must be 1 to 64 letters, digits, `-`, `_` or `.`, such as acmepaymentscorp";
            return Err(Error::invalid_input(Vendor::Akana, problem));
        }
        if self.session_cookie.expose().contains([';', ',', '"', '\\']) {
            let problem = "the session cookie must be the bare value, without its name, quotes or attributes";
            return Err(Error::invalid_input(Vendor::Akana, problem));
        }
        let cookie_name = format!("AtmoAuthToken_{tenant}=");
        let cookie = credential_header(Vendor::Akana, "the session cookie", &cookie_name, &self.session_cookie)?;
        let csrf = credential_header(Vendor::Akana, "the CSRF token", "", &self.csrf_token)?;
        let csrf_name = header_name(Vendor::Akana, "tenant", &format!("X-Csrf-Token_{tenant}"))?;
        Ok(vec![(COOKIE, cookie), (csrf_name, csrf)])
    }
}

hooks!(Client);

impl Fault for types::AkanaFault {
    const VENDOR: Vendor = Vendor::Akana;

    fn message(&self) -> Option<String> {
        match (&self.faultstring, &self.faultcode) {
            (Some(text), Some(code)) => Some(format!("{text} ({code})")),
            (text, code) => text.clone().or_else(|| code.clone()),
        }
    }
}

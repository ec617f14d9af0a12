//! The Akana API Platform: enable, disable and lock; unlock if it is switched on.

use reqwest::header::{COOKIE, HeaderName};
use serde_json::Value;

use crate::client::auth::{CredentialInput, WireCredentials, credential_header};
use crate::client::config::{Config, Peer, config_setters};
use crate::codec::xml::{Elements, Representation};
use crate::dialect::{Before, Conventions, Dialect, HttpSystem, ReadFirst, Request, Response, Verdict};
use crate::model::change::{Change, StatusChange};
use crate::model::conclusion::Conclusion;
use crate::model::error::{Error, ErrorKind, Result};
use crate::model::kind::SystemKind;
use crate::model::secret::Secret;
use crate::model::status::AccountStatus;
use crate::seam::convert::ErrorBody;
use crate::seam::hooks;
use crate::system::Capabilities;
use crate::systems::operations::repeatable;

pub use crate::generated::akana::{Client, builder, types};
pub use crate::generated::values::{AkanaUserId, AkanaUserStatus};

/// A site of the platform, and the credentials for it.
///
/// ```
/// use user_status::systems::akana::{Akana, Credentials};
/// use user_status::{AccountSystem, StatusChange};
///
/// # async fn lock() -> user_status::Result<()> {
/// let akana = Akana::builder()
///     .base_url("https://portal.acmepaymentscorp.example")
///     .tenant("acmepaymentscorp")
///     .credentials(Credentials::session("TokenID…", "TokenID%3D…"))
///     .build()?;
/// let user = "f57dd9cc-2608-456e-9dfa-300c85224a73.acmepaymentscorp";
/// let receipt = akana.apply(user, &StatusChange::lock().with_comment("Compromised")).await?;
/// println!("{}: {}", receipt.proof, receipt.status);
/// # Ok(())
/// # }
/// ```
pub type Akana = HttpSystem<Api>;

/// The dialect of a site.
#[derive(Clone, Debug)]
pub struct Api {
    client: Client,
    unlock_by_enabling: bool,
}

pub(crate) const KIND: SystemKind = SystemKind::AKANA;
const PEER: Peer = Peer { kind: KIND, reads: true, conventions: CONVENTIONS, representation: None };

impl Akana {
    /// Starts with the defaults; base URL, tenant and credentials must be set.
    pub fn builder() -> AkanaBuilder {
        AkanaBuilder {
            config: Config::default(),
            credentials: None,
            tenant: None,
            media_type: MediaType::default(),
            unlock_by_enabling: false,
        }
    }

    /// Returns the generated typed client. It speaks JSON, whatever travels.
    pub fn client(&self) -> &Client {
        &self.dialect.client
    }
}

/// Builds an [`Akana`]. The base URL is that of the site, as in `https://portal.acmepaymentscorp.example`.
#[derive(Clone, Debug)]
#[must_use]
pub struct AkanaBuilder {
    config: Config,
    credentials: Option<CredentialInput<Credentials>>,
    tenant: Option<String>,
    media_type: MediaType,
    unlock_by_enabling: bool,
}

impl AkanaBuilder {
    config_setters!();

    /// Sets the id of the tenant (the federation member), such as `acmepaymentscorp`. The cookie and the CSRF header are
    /// named after it.
    pub fn tenant(mut self, tenant: impl Into<String>) -> Self {
        self.tenant = Some(tenant.into());
        self
    }

    /// Sets the representation that travels: plain `application/json` by default. No sample of the platform's XML is
    /// public; its namespace is unverified.
    pub fn media_type(mut self, media_type: MediaType) -> Self {
        self.media_type = media_type;
        self
    }

    /// Sets whether *unlock* is expressed by the status `enabled`. No document says that it unlocks; and it would
    /// enable a disabled account too, so the account is read first and a disabled one refused. Off by default.
    pub fn unlock_by_enabling(mut self, allow: bool) -> Self {
        self.unlock_by_enabling = allow;
        self
    }

    /// Checks the settings and sets up the client. Nothing is sent.
    ///
    /// # Errors
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput) names the setting that is missing or wrong,
    /// [`ClientSetup`](crate::ErrorKind::ClientSetup) says why TLS or the HTTP client cannot be set up.
    pub fn build(self) -> Result<Akana> {
        let tenant = self.tenant.ok_or_else(|| Error::missing(KIND, "tenant"))?;
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
        if tenant.is_empty() || tenant.len() > 128 || !tenant.chars().all(plain) {
            let problem = "tenant must be 1 to 128 letters, digits, `-`, `_` or `.`, such as acmepaymentscorp";
            return Err(Error::invalid_input(KIND, problem));
        }
        let prepare = move |credentials: &Credentials| credentials.prepare(&tenant);
        let peer = Peer { representation: Some(self.media_type.representation()), ..PEER };
        let session = self.config.connect(peer, self.credentials, prepare)?;
        let client = session.client(Client::new_with_client);
        Ok(HttpSystem { dialect: Api { client, unlock_by_enabling: self.unlock_by_enabling }, session })
    }
}

macro_rules! media_types {
    ($($(#[$doc:meta])* $name:ident = $value:literal,)+) => {
        /// The representations that the platform speaks.
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
        #[non_exhaustive]
        pub enum MediaType {
            $(#[doc = concat!("`", $value, "`")] $(#[$doc])* $name,)+
        }

        /// Their names.
        const MEDIA_TYPES: &[&str] = &[$($value),+];

        impl MediaType {
            /// All ten.
            pub const ALL: &'static [MediaType] = &[$(MediaType::$name),+];

            /// Returns the name that travels in `Accept` and `Content-Type`.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(MediaType::$name => $value,)+
                }
            }
        }
    };
}

media_types! {
    #[default] Json = "application/json",
    Xml = "application/xml",
    JsonV71 = "application/vnd.soa.v71+json",
    XmlV71 = "application/vnd.soa.v71+xml",
    JsonV72 = "application/vnd.soa.v72+json",
    XmlV72 = "application/vnd.soa.v72+xml",
    JsonV80 = "application/vnd.soa.v80+json",
    XmlV80 = "application/vnd.soa.v80+xml",
    JsonV81 = "application/vnd.soa.v81+json",
    XmlV81 = "application/vnd.soa.v81+xml",
}

impl MediaType {
    fn representation(self) -> Representation {
        const ELEMENTS: Elements = Elements {
            request: "ChangeUserStatusRequest",
            members: &["UserStatus", "Comments"],
            answer: "User",
            fault: "Fault",
            booleans: &["HasPicture", "Disabled", "ForcePasswordChangeOnLogin", "Locked"],
        };
        Representation { media_type: self.as_str(), elements: ELEMENTS }
    }
}

/// Credentials for Akana: the session of a signed-in Site Admin.
#[derive(Clone, Debug)]
pub struct Credentials {
    session_cookie: Secret,
    csrf_token: Secret,
}

impl Credentials {
    /// Creates credentials from the values of the cookies `AtmoAuthToken_{tenant}` and `Csrf-Token_{tenant}` that signing in set,
    /// each exactly as it came: the CSRF token stays percent-encoded. The session lives 30 minutes by default.
    pub fn session(session_cookie: impl Into<Secret>, csrf_token: impl Into<Secret>) -> Credentials {
        Credentials { session_cookie: session_cookie.into(), csrf_token: csrf_token.into() }
    }

    fn prepare(&self, tenant: &str) -> Result<WireCredentials> {
        let cookie = self.session_cookie.expose();
        if cookie.contains([';', ',', '"', '\\']) || cookie.starts_with("AtmoAuthToken_") {
            let problem = "the session cookie must be the bare value, without its name, quotes or attributes";
            return Err(Error::invalid_input(KIND, problem));
        }
        let cookie_name = format!("AtmoAuthToken_{tenant}=");
        let cookie = credential_header(KIND, "the session cookie", &cookie_name, &self.session_cookie)?;
        let csrf = credential_header(KIND, "the CSRF token", "", &self.csrf_token)?;
        let csrf_name = HeaderName::try_from(format!("X-Csrf-Token_{tenant}"))
            .map_err(|_| Error::invalid_input(KIND, "tenant gives no header name"))?;
        Ok(WireCredentials::new(
            vec![(COOKIE, cookie), (csrf_name, csrf)],
            None,
            &[&self.session_cookie, &self.csrf_token],
        ))
    }
}

hooks!(Client, crate::systems::operation);

/// The conventions of Akana's status codes, in each of its representations.
pub(crate) const CONVENTIONS: Conventions = Conventions::new()
    .with_media_types(MEDIA_TYPES)
    .with_refusals(
        &[
            (400, Conclusion::Refused, PLATFORM),
            (401, Conclusion::Refused, DOCUMENT),
            (403, Conclusion::Refused, PLATFORM),
            (404, Conclusion::Refused, PLATFORM),
            (405, Conclusion::Refused, PLATFORM),
        ],
        |members| {
            let says = |name: &str| members.get(name).is_some_and(Value::is_string);
            says("faultcode") && says("faultstring") && !members.contains_key("UserID")
        },
    )
    .with_message(|members| {
        let text = |name: &str| members.get(name).and_then(Value::as_str);
        match (text("faultstring"), text("faultcode")) {
            (Some(text), Some(code)) => Some(format!("{text} ({code})")),
            (text, code) => text.or(code).map(str::to_owned),
        }
    });

const DOCUMENT: &str = "its document, \"PUT /api/users/{UserID}/status\"";
const PLATFORM: &str = "the platform's page of HTTP response codes";

impl ErrorBody for types::AkanaFault {
    const SYSTEM: SystemKind = KIND;
    const CONVENTIONS: Conventions = CONVENTIONS;
}

/// Returns what a response says of the account: the user, which is the whole of it. In XML its root is `User`. What is a yes:
///
/// | | yes | nothing else says |
/// |---|---|---|
/// | write | there is a `UserID`, `Disabled` or `Locked`; proved by the one that was asked for | – |
/// | read | there is a `Disabled` or `Locked` | – |
fn account(response: &Response<'_>) -> AccountStatus {
    let mut status = AccountStatus::default();
    status.enabled = response.flag("Disabled", &[""], &mut status).map(|disabled| !disabled);
    status.locked = response.flag("Locked", &[""], &mut status);
    status
}

impl Dialect for Api {
    fn kind(&self) -> SystemKind {
        KIND
    }

    fn capabilities(&self) -> Capabilities {
        let changes: &'static [Change] = match self.unlock_by_enabling {
            true => &[Change::Enable, Change::Disable, Change::Lock, Change::Unlock],
            false => &[Change::Enable, Change::Disable, Change::Lock],
        };
        Capabilities::new(changes).with_comments(true).with_reads(true)
    }

    fn conventions(&self) -> Conventions {
        CONVENTIONS
    }

    fn repeatable(&self, change: &StatusChange) -> bool {
        repeatable(KIND, change.change(), None)
    }

    fn read_first(&self, change: &StatusChange) -> ReadFirst {
        if change.change() == Change::Unlock { ReadFirst::Yes } else { ReadFirst::No }
    }

    fn change_request<'a>(
        &'a self,
        user: &'a str,
        change: &'a StatusChange,
        before: Option<&Before<'_>>,
    ) -> Result<Request<'a>> {
        let before = before.map(Before::status);
        if before.is_some_and(|before| before.enabled != Some(true)) {
            let why = "the account is not known to be enabled, and unlocking it would enable it too";
            return Err(Error::new(ErrorKind::Unsupported, KIND, why));
        }
        let id: AkanaUserId = user.parse()?;
        let user_status = match change.change() {
            Change::Disable => AkanaUserStatus::Disabled,
            Change::Lock => AkanaUserStatus::Locked,
            _ => AkanaUserStatus::Enabled,
        };
        let comments = change.comment().map(str::to_owned);
        let body = types::AkanaChangeUserStatusRequest { user_status, comments };
        // Not every character of a comment can be written in XML.
        if let Some(representation) = &self.client.inner.parts().representation {
            let written = serde_json::to_vec(&body).map_err(Into::into).and_then(|json| representation.request(&json));
            written.map_err(|e| Error::invalid_input(KIND, e.to_string()))?;
        }
        Ok(Request::generated(self.client.change_user_status().user_id(id).body(body).send()))
    }

    fn read_request<'a>(&'a self, user: &'a str) -> Result<Request<'a>> {
        let id: AkanaUserId = user.parse()?;
        Ok(Request::generated(self.client.get_platform_user().user_id(id).send()))
    }

    fn verdict(&self, response: &Response<'_>) -> Verdict {
        Verdict::Proof(account(response))
    }

    fn change_verdict(&self, _: &StatusChange, _: Option<&AccountStatus>, response: &Response<'_>) -> Verdict {
        match account(response) {
            status if response.member("UserID").is_none() && status == AccountStatus::default() => Verdict::NOTHING,
            status => Verdict::Proof(status),
        }
    }
}

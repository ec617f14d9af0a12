//! The Akana API Platform: enable, disable and lock; unlock if it is switched on.

use std::pin::pin;

use reqwest::header::{COOKIE, HeaderName};
use serde_json::Value;

use super::answer::Answer;
use super::{Applying, contradicted_read, empty_read, read, send};
use crate::auth::{Given, Prepared, credential_header};
use crate::call::CallOptions;
use crate::change::{Change, StatusChange};
use crate::clock::BoxFuture;
use crate::conclusion::{Conclusion, Conventions};
use crate::config::{Config, config_setters};
use crate::error::{Error, ErrorKind, Result};
use crate::fault::Fault;
use crate::kind::SystemKind;
use crate::receipt::Receipt;
use crate::rehearsal::Rehearsal;
use crate::report::reported;
use crate::secret::Secret;
use crate::status::AccountStatus;
use crate::system::{AccountSystem, Capabilities};
use crate::transport::hooks;
use crate::xml::{Elements, Representation};

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
/// let receipt = akana.apply(user, &StatusChange::lock().comment("Compromised")).await?;
/// println!("{}: {}", receipt.proof, receipt.status);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Akana {
    client: Client,
    unlock_by_enabling: bool,
}

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

    /// The generated typed client. It speaks JSON, whatever travels.
    pub fn client(&self) -> &Client {
        &self.client
    }
}

/// Builds an [`Akana`]. The base URL is that of the site, as in `https://portal.acmepaymentscorp.example`.
#[derive(Clone, Debug)]
#[must_use]
pub struct AkanaBuilder {
    config: Config,
    credentials: Option<Given<Credentials>>,
    tenant: Option<String>,
    media_type: MediaType,
    unlock_by_enabling: bool,
}

impl AkanaBuilder {
    config_setters!();

    /// The id of the tenant (the federation member), such as `acmepaymentscorp`. The cookie and the CSRF header are
    /// named after it.
    pub fn tenant(mut self, tenant: impl Into<String>) -> Self {
        self.tenant = Some(tenant.into());
        self
    }

    /// The representation that travels: plain `application/json` by default. No sample of the platform's XML is
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
    /// [`Setup`](crate::ErrorKind::Setup) says why TLS or the HTTP client cannot be set up.
    pub fn build(self) -> Result<Akana> {
        let credentials = self.credentials.ok_or_else(|| Error::missing(SystemKind::AKANA, "credentials"))?;
        let tenant = self.tenant.ok_or_else(|| Error::missing(SystemKind::AKANA, "tenant"))?;
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
        if tenant.is_empty() || tenant.len() > 128 || !tenant.chars().all(plain) {
            let problem = "tenant must be 1 to 128 letters, digits, `-`, `_` or `.`, such as acmepaymentscorp";
            return Err(Error::invalid_input(SystemKind::AKANA, problem));
        }
        let auth = credentials.into_auth(SystemKind::AKANA, move |c: &Credentials| c.prepare(&tenant))?;
        let representation = Some(self.media_type.representation());
        let (base_url, http, session) = self.config.connect(&CONVENTIONS, auth, representation)?;
        let client = Client::new_with_client(&base_url, http, session);
        Ok(Akana { client, unlock_by_enabling: self.unlock_by_enabling })
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

            /// The name that travels in `Accept` and `Content-Type`.
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
    /// The values of the cookies `AtmoAuthToken_{tenant}` and `Csrf-Token_{tenant}` that signing in set, each exactly
    /// as it came: the CSRF token stays percent-encoded. The session lives 30 minutes by default.
    pub fn session(session_cookie: impl Into<Secret>, csrf_token: impl Into<Secret>) -> Credentials {
        Credentials { session_cookie: session_cookie.into(), csrf_token: csrf_token.into() }
    }

    fn prepare(&self, tenant: &str) -> Result<Prepared> {
        let cookie = self.session_cookie.expose();
        if cookie.contains([';', ',', '"', '\\']) || cookie.starts_with("AtmoAuthToken_") {
            let problem = "the session cookie must be the bare value, without its name, quotes or attributes";
            return Err(Error::invalid_input(SystemKind::AKANA, problem));
        }
        let cookie_name = format!("AtmoAuthToken_{tenant}=");
        let cookie = credential_header(SystemKind::AKANA, "the session cookie", &cookie_name, &self.session_cookie)?;
        let csrf = credential_header(SystemKind::AKANA, "the CSRF token", "", &self.csrf_token)?;
        let csrf_name = HeaderName::try_from(format!("X-Csrf-Token_{tenant}"))
            .map_err(|_| Error::invalid_input(SystemKind::AKANA, "tenant gives no header name"))?;
        Ok(Prepared::new(vec![(COOKIE, cookie), (csrf_name, csrf)], None, &[&self.session_cookie, &self.csrf_token]))
    }
}

hooks!(Client);

/// What Akana says with a status code, in each of its representations.
pub(crate) const CONVENTIONS: Conventions = Conventions {
    system: SystemKind::AKANA,
    media_types: MEDIA_TYPES,
    refusals: &[
        (400, Conclusion::Refused, PLATFORM),
        (401, Conclusion::Refused, DOCUMENT),
        (403, Conclusion::Refused, PLATFORM),
        (404, Conclusion::Refused, PLATFORM),
        (405, Conclusion::Refused, PLATFORM),
    ],
    is_fault: |members| {
        let says = |name: &str| members.get(name).is_some_and(Value::is_string);
        says("faultcode") && says("faultstring") && !members.contains_key("UserID")
    },
    retries_500: false,
    expired_403: None,
};

const DOCUMENT: &str = "its document, \"PUT /api/users/{UserID}/status\"";
const PLATFORM: &str = "the platform's page of HTTP response codes";

impl Fault for types::AkanaFault {
    const SYSTEM: SystemKind = SystemKind::AKANA;
    const CONVENTIONS: &'static Conventions = &CONVENTIONS;

    fn message(&self) -> Option<String> {
        match (&self.faultstring, &self.faultcode) {
            (Some(text), Some(code)) => Some(format!("{text} ({code})")),
            (text, code) => text.clone().or_else(|| code.clone()),
        }
    }
}

impl Akana {
    /// What a change is sent with. Refuses what cannot be sent, before anything is.
    fn accept(&self, user: &str, change: &StatusChange) -> Result<(AkanaUserId, types::AkanaChangeUserStatusRequest)> {
        self.capabilities().check(SystemKind::AKANA, change)?;
        let id = user.parse()?;
        let user_status = match change.change() {
            Change::Disable => AkanaUserStatus::Disabled,
            Change::Lock => AkanaUserStatus::Locked,
            _ => AkanaUserStatus::Enabled,
        };
        let comments = change.comment_text().map(str::to_owned);
        let body = types::AkanaChangeUserStatusRequest { user_status, comments };
        // Not every character of a comment can be written in XML.
        if let Some(representation) = &self.client.inner.parts().representation {
            let written = serde_json::to_vec(&body).map_err(Into::into).and_then(|json| representation.request(&json));
            written.map_err(|e| Error::invalid_input(SystemKind::AKANA, e.to_string()))?;
        }
        Ok((id, body))
    }
}

/// What an answer says of the account: the user, which is the whole of it. In XML its root is `User`. What is a yes:
///
/// | | yes | nothing else says |
/// |---|---|---|
/// | write | there is a `UserID`, `Disabled` or `Locked`; proved by the one that was asked for | – |
/// | read | there is a `Disabled` or `Locked` | – |
fn account(answer: &Answer<'_>) -> AccountStatus {
    let mut status = AccountStatus::default();
    status.enabled = answer.flag("Disabled", &[""], &mut status).map(|disabled| !disabled);
    status.locked = answer.flag("Locked", &[""], &mut status);
    status
}

impl AccountSystem for Akana {
    fn kind(&self) -> SystemKind {
        SystemKind::AKANA
    }

    fn base_url(&self) -> &str {
        &self.client.baseurl
    }

    fn capabilities(&self) -> Capabilities {
        let changes: &'static [Change] = match self.unlock_by_enabling {
            true => &[Change::Enable, Change::Disable, Change::Lock, Change::Unlock],
            false => &[Change::Enable, Change::Disable, Change::Lock],
        };
        Capabilities { changes, suspends_until: false, comments: true, reads: true }
    }

    fn check(&self, user: &str, change: &StatusChange) -> Result<()> {
        self.accept(user, change).map(drop)
    }

    fn repeatable(&self, change: &StatusChange) -> bool {
        crate::operation::repeatable(SystemKind::AKANA, change.change(), None)
    }

    fn apply_with<'a>(
        &'a self,
        user: &'a str,
        change: &'a StatusChange,
        options: CallOptions,
    ) -> BoxFuture<'a, Result<Receipt>> {
        reported(&self.client.inner, "apply", user, async move {
            let (id, body) = self.accept(user, change)?;
            let applying = Applying::start(&self.client.inner, user, change);
            let mut before = None;
            if change.change() == Change::Unlock {
                let status = before.insert(self.status_with(user, options).await?);
                if status.enabled != Some(true) {
                    let why = "the account is not known to be enabled, and unlocking it would enable it too";
                    return Err(Error::new(ErrorKind::Unsupported, SystemKind::AKANA, why));
                }
            }
            let call = self.client.change_user_status().user_id(id).body(body);
            let sent = send(applying.rest(options), pin!(call.send())).await;
            let result = sent.and_then(|record| {
                let answer = Answer::of(&record);
                if let Some(why) = answer.objection(user) {
                    return Err(applying.contradicted(&record, &why));
                }
                let status = account(&answer);
                if answer.member("UserID").is_none() && status == AccountStatus::default() {
                    return Err(applying.says_nothing(&record));
                }
                applying.weigh(record, status)
            });
            match result {
                Ok(receipt) => Ok(Receipt { before, ..receipt }),
                Err(error) => Err(error.with_status_before(before.as_ref())),
            }
        })
    }

    fn rehearse_with<'a>(
        &'a self,
        user: &'a str,
        change: &'a StatusChange,
        options: CallOptions,
    ) -> BoxFuture<'a, Result<Rehearsal>> {
        reported(&self.client.inner, "rehearse", user, crate::rehearsal::rehearse(self, user, change, options))
    }

    fn apply_and_verify_with<'a>(
        &'a self,
        user: &'a str,
        change: &'a StatusChange,
        options: CallOptions,
    ) -> BoxFuture<'a, Result<Receipt>> {
        let verified = crate::system::apply_and_verify(self, &self.client.inner, user, change, options);
        reported(&self.client.inner, "apply_and_verify", user, verified)
    }

    fn status_with<'a>(&'a self, user: &'a str, options: CallOptions) -> BoxFuture<'a, Result<AccountStatus>> {
        reported(&self.client.inner, "status", user, async move {
            let id: AkanaUserId = user.parse()?;
            let call = self.client.get_platform_user().user_id(id);
            let record = read(&self.client.inner, options, pin!(call.send())).await?;
            let answer = Answer::of(&record);
            if let Some(why) = answer.objection(user) {
                return Err(contradicted_read(SystemKind::AKANA, &record, &why));
            }
            match account(&answer) {
                status if status == AccountStatus::default() => Err(empty_read(SystemKind::AKANA, &record)),
                status => Ok(status),
            }
        })
    }
}

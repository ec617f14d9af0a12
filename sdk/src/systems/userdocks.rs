//! Userdocks: enable and disable.

use std::pin::pin;

use reqwest::header::{AUTHORIZATION, HeaderName, HeaderValue};
use serde_json::Value;

use super::answer::Answer;
use super::{Applying, contradicted_read, empty_read, read, send};
use crate::auth::{Given, Prepared, credential_header};
use crate::call::CallOptions;
use crate::change::{Change, StatusChange};
use crate::clock::BoxFuture;
use crate::conclusion::{Conclusion, Conventions, JSON};
use crate::config::{Config, config_setters};
use crate::error::{Error, Result};
use crate::fault::Fault;
use crate::kind::SystemKind;
use crate::receipt::{Proof, Receipt};
use crate::rehearsal::Rehearsal;
use crate::report::reported;
use crate::secret::Secret;
use crate::status::AccountStatus;
use crate::system::{AccountSystem, Capabilities};
use crate::transport::hooks;

pub use crate::generated::userdocks::{Client, builder, types};
pub use crate::generated::values::{UserdocksAccessStatus, UserdocksAppId, UserdocksUserId};

/// Userdocks, and the credentials for an app there.
///
/// ```
/// use user_status::systems::userdocks::{Credentials, Userdocks};
/// use user_status::{AccountSystem, StatusChange};
///
/// # async fn disable() -> user_status::Result<()> {
/// let userdocks = Userdocks::builder()
///     .base_url("https://api.userdocks.com")
///     .credentials(Credentials::api_key("…", "8c5ab9a4-46a3-4b5f-8f0b-7c0f3f6a9e10"))
///     .build()?;
/// let user = "6f1e9c1e-3b57-4f0a-9d0e-0c2f0f5a1d11";
/// let receipt = userdocks.apply_and_verify(user, &StatusChange::disable()).await?;
/// println!("{}", receipt.proof);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Userdocks {
    client: Client,
    route: Route,
    /// The app, if the credentials name one.
    app: Option<UserdocksAppId>,
}

impl Userdocks {
    /// Starts with the defaults; base URL and credentials must be set.
    pub fn builder() -> UserdocksBuilder {
        UserdocksBuilder { config: Config::default(), credentials: None, route: Route::default(), app: None }
    }

    /// The generated typed client. Its answers are as they came: `success` may be `false` in a 200.
    pub fn client(&self) -> &Client {
        &self.client
    }
}

/// Builds a [`Userdocks`]. The base URL is `https://api.userdocks.com`.
#[derive(Clone, Debug)]
#[must_use]
pub struct UserdocksBuilder {
    config: Config,
    credentials: Option<Given<Credentials>>,
    route: Route,
    app: Option<String>,
}

/// The two routes to an account's access status.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Route {
    /// `/api/v1/users/{userId}/access-status/{accessStatus}`
    #[default]
    Documented,
    /// `/v1/apps/{appId}/users/{userId}/access-status/{accessStatus}`, which has replaced it. Needs an API key, and
    /// [`app`](UserdocksBuilder::app).
    Current,
}

impl UserdocksBuilder {
    config_setters!();

    /// Sets the route that a change takes.
    pub fn route(mut self, route: Route) -> Self {
        self.route = route;
        self
    }

    /// The UUID of the app, for [`Route::Current`]: the same as the client id of the credentials.
    pub fn app(mut self, app: impl Into<String>) -> Self {
        self.app = Some(app.into());
        self
    }

    /// Checks the settings and sets up the client. Nothing is sent.
    ///
    /// # Errors
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput) names the setting that is missing or wrong,
    /// [`Setup`](crate::ErrorKind::Setup) says why TLS or the HTTP client cannot be set up.
    pub fn build(self) -> Result<Userdocks> {
        let credentials = self.credentials.ok_or_else(|| Error::missing(SystemKind::USERDOCKS, "credentials"))?;
        let auth = credentials.into_auth(SystemKind::USERDOCKS, Credentials::prepare)?;
        let app = self.app.map(UserdocksAppId::try_from).transpose()?;
        if self.route == Route::Current && app.is_none() {
            return Err(Error::missing(SystemKind::USERDOCKS, "app"));
        }
        let (base_url, http, session) = self.config.connect(&CONVENTIONS, auth, None)?;
        Ok(Userdocks { client: Client::new_with_client(&base_url, http, session), route: self.route, app })
    }
}

/// Credentials for Userdocks: the API key of a server, or the access token of a user.
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

    fn prepare(&self) -> Result<Prepared> {
        let header = |what, prefix, secret| credential_header(SystemKind::USERDOCKS, what, prefix, secret);
        Ok(match &self.0 {
            Kind::ApiKey { key, client_id } => Prepared::new(
                vec![
                    (HeaderName::from_static("x-api-key"), header("the API key", "", key)?),
                    (HeaderName::from_static("x-api-key-type"), HeaderValue::from_static("write")),
                    (HeaderName::from_static("x-client-id"), header("the client id", "", client_id)?),
                ],
                None,
                &[key, client_id],
            ),
            Kind::AccessToken(token) => {
                Prepared::new(vec![(AUTHORIZATION, header("the access token", "Bearer ", token)?)], None, &[token])
            }
        })
    }
}

hooks!(Client);

/// What Userdocks says with a status code: its page lists these as errors of the request.
pub(crate) const CONVENTIONS: Conventions = Conventions {
    system: SystemKind::USERDOCKS,
    media_types: JSON,
    refusals: &[
        (400, Conclusion::Refused, DOCUMENT),
        (401, Conclusion::Refused, DOCUMENT),
        (403, Conclusion::Refused, DOCUMENT),
    ],
    is_fault: |members| {
        // The envelope of its document, or the one that its own clients know.
        let listed = members.get("kind").is_some_and(|kind| kind == "errors") && members.contains_key("errors");
        listed || (members.get("success") == Some(&false.into()) && members.get("error").is_some_and(Value::is_string))
    },
    retries_500: false,
    expired_403: None,
};

const DOCUMENT: &str = "its document, \"PUT /users/:userId/access-status/:accessStatus\"";

impl Fault for types::UserdocksError {
    const SYSTEM: SystemKind = SystemKind::USERDOCKS;
    const CONVENTIONS: &'static Conventions = &CONVENTIONS;

    fn message(&self) -> Option<String> {
        self.error.clone().or_else(|| self.message.clone())
    }
}

impl Userdocks {
    /// What a change is sent with. Refuses what cannot be sent, before anything is.
    fn accept(&self, user: &str, change: &StatusChange) -> Result<(UserdocksUserId, UserdocksAccessStatus)> {
        self.capabilities().check(SystemKind::USERDOCKS, change)?;
        let status = match change.change() {
            Change::Enable => UserdocksAccessStatus::Unfreezed,
            _ => UserdocksAccessStatus::Freezed,
        };
        Ok((user.parse()?, status))
    }
}

/// Whether an answer says yes:
///
/// | | yes | nothing else says |
/// |---|---|---|
/// | write | `success` is `true`; or, as observed, `kind` is a text and `response` an object | `freezed` is not as asked |
/// | read | `success` is `true`, and `data` has `freezed` or `deleted` | – |
fn says_yes(answer: &Answer<'_>) -> bool {
    let observed = || answer.member("kind").is_some_and(Value::is_string) && answer.has("response");
    match answer.member("success") {
        Some(success) => success == &Value::Bool(true),
        None => observed(),
    }
}

/// What an answer says of the account, at these places.
fn account(answer: &Answer<'_>, known: &[&str]) -> AccountStatus {
    let mut status = AccountStatus::default();
    let freezed = answer.flag("freezed", known, &mut status);
    let deleted = answer.flag("deleted", known, &mut status);
    status.enabled = match (freezed, deleted) {
        (_, Some(true)) | (Some(true), _) => Some(false),
        // What one of the two is, is not known: then it is not known to be enabled either.
        (Some(false), _) if status.unrecognized.is_empty() => Some(true),
        _ => None,
    };
    status
}

impl AccountSystem for Userdocks {
    fn kind(&self) -> SystemKind {
        SystemKind::USERDOCKS
    }

    fn base_url(&self) -> &str {
        &self.client.baseurl
    }

    fn capabilities(&self) -> Capabilities {
        let changes = &[Change::Enable, Change::Disable];
        Capabilities { changes, suspends_until: false, comments: false, reads: true }
    }

    fn check(&self, user: &str, change: &StatusChange) -> Result<()> {
        self.accept(user, change).map(drop)
    }

    fn repeatable(&self, change: &StatusChange) -> bool {
        crate::operation::repeatable(SystemKind::USERDOCKS, change.change(), None)
    }

    fn apply_with<'a>(
        &'a self,
        user: &'a str,
        change: &'a StatusChange,
        options: CallOptions,
    ) -> BoxFuture<'a, Result<Receipt>> {
        reported(&self.client.inner, "apply", user, async move {
            let (id, status) = self.accept(user, change)?;
            let applying = Applying::start(&self.client.inner, user, change);
            let record = match (self.route, &self.app) {
                (Route::Current, Some(app)) => {
                    let call = self.client.set_app_access_status().app_id(app.clone()).user_id(id);
                    send(options, pin!(call.access_status(status).send())).await?
                }
                _ => {
                    send(options, pin!(self.client.set_access_status().user_id(id).access_status(status).send()))
                        .await?
                }
            };
            let answer = Answer::of(&record);
            if let Some(why) = answer.objection(user) {
                return Err(applying.contradicted(&record, &why));
            }
            if !says_yes(&answer) {
                return Err(applying.says_nothing(&record));
            }
            applying.take_back(&record, &account(&answer, &[]))?;
            Ok(applying.receipt(record, Proof::Accepted, AccountStatus::default()))
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
            let id: UserdocksUserId = user.parse()?;
            let call = self.client.get_user().user_id(id);
            let record = read(&self.client.inner, options, pin!(call.send())).await?;
            let answer = Answer::of(&record);
            if let Some(why) = answer.objection(user) {
                return Err(contradicted_read(SystemKind::USERDOCKS, &record, &why));
            }
            match account(&answer, &["data"]) {
                status if status == AccountStatus::default() || !says_yes(&answer) => {
                    Err(empty_read(SystemKind::USERDOCKS, &record))
                }
                status => Ok(status),
            }
        })
    }
}

//! Userdocks: enable and disable.

use std::pin::pin;

use reqwest::header::{AUTHORIZATION, HeaderName, HeaderValue};

use super::{ANOTHER, Applying, contradicted_read, has_member, is_another, members, send, text};
use crate::auth::{Given, Prepared, credential_header};
use crate::call::{CallOptions, Record};
use crate::change::{Change, StatusChange};
use crate::clock::BoxFuture;
use crate::conclusion::{Conclusion, Conventions, JSON};
use crate::config::{Config, config_setters};
use crate::error::{Error, Result};
use crate::fault::Fault;
use crate::receipt::{Proof, Receipt};
use crate::rehearsal::Rehearsal;
use crate::report::reported;
use crate::secret::Secret;
use crate::status::AccountStatus;
use crate::system::{AccountSystem, Capabilities};
use crate::transport::hooks;
use crate::vendor::Vendor;

pub use crate::generated::userdocks::{Client, builder, types};
pub use crate::generated::values::{UserdocksAccessStatus, UserdocksAppId, UserdocksUserId};

/// Userdocks, and the credentials for an app there.
///
/// ```
/// use user_status::vendors::userdocks::{Credentials, Userdocks};
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

    /// Which of the two routes a change takes.
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
        let credentials = self.credentials.ok_or_else(|| Error::missing(Vendor::Userdocks, "credentials"))?;
        let auth = credentials.into_auth(Vendor::Userdocks, Credentials::prepare)?;
        let app = self.app.map(UserdocksAppId::try_from).transpose()?;
        if self.route == Route::Current && app.is_none() {
            return Err(Error::missing(Vendor::Userdocks, "app"));
        }
        let (base_url, http, session) = self.config.connect(&CONVENTIONS, auth, None)?;
        Ok(Userdocks { client: Client::new_with_client(&base_url, http, session), route: self.route, app })
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

    fn prepare(&self) -> Result<Prepared> {
        let header = |what, prefix, secret| credential_header(Vendor::Userdocks, what, prefix, secret);
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
    vendor: Vendor::Userdocks,
    media_types: JSON,
    refusals: &[
        (400, Conclusion::Refused, DOCUMENT),
        (401, Conclusion::Refused, DOCUMENT),
        (403, Conclusion::Refused, DOCUMENT),
    ],
    retries_500: false,
    expired_403: None,
};

const DOCUMENT: &str = "its document, \"PUT /users/:userId/access-status/:accessStatus\"";

impl Fault for types::UserdocksError {
    const VENDOR: Vendor = Vendor::Userdocks;
    const CONVENTIONS: &'static Conventions = &CONVENTIONS;

    fn message(&self) -> Option<String> {
        self.error.clone().or_else(|| self.message.clone())
    }
}

impl Userdocks {
    /// What a change is sent with. Refuses what cannot be sent, before anything is.
    fn accept(&self, user: &str, change: &StatusChange) -> Result<(UserdocksUserId, UserdocksAccessStatus)> {
        self.capabilities().check(Vendor::Userdocks, change)?;
        let status = match change.change() {
            Change::Enable => UserdocksAccessStatus::Unfreezed,
            _ => UserdocksAccessStatus::Freezed,
        };
        Ok((user.parse()?, status))
    }

    /// Why a 200 is a failure all the same: the envelope says so, in one of its two forms.
    fn refusal(success: Option<bool>, error: Option<&String>, record: &Record) -> Option<String> {
        let members = members(record);
        let errors = members.get("errors").filter(|errors| !errors.is_null());
        let listed = errors.map(|errors| {
            let text = errors.get(0).and_then(|error| error.get("message")?.as_str());
            text.unwrap_or("the answer lists errors").to_owned()
        });
        let of_kind = text(&members, &["kind"]).filter(|kind| kind == "errors");
        let no = (success == Some(false)).then(|| "the answer says `success: false`".to_owned());
        error.cloned().or(listed).or(of_kind).or(no)
    }
}

impl AccountSystem for Userdocks {
    fn vendor(&self) -> Vendor {
        Vendor::Userdocks
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
        crate::operation::repeatable(Vendor::Userdocks, change.change(), None)
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
            let (answer, record) = match (self.route, &self.app) {
                (Route::Current, Some(app)) => {
                    let call = self.client.set_app_access_status().app_id(app.clone()).user_id(id);
                    send(options, pin!(call.access_status(status).send())).await?
                }
                _ => {
                    send(options, pin!(self.client.set_access_status().user_id(id).access_status(status).send()))
                        .await?
                }
            };
            if let Some(why) = Userdocks::refusal(answer.success, answer.error.as_ref(), &record) {
                return Err(applying.contradicted(&record, &why));
            }
            // The vendor's own clients know another envelope of a success.
            if answer.success != Some(true) && !has_member(&record, "response") {
                return Err(applying.says_nothing(&record));
            }
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
            let (answer, record) = send(options, pin!(self.client.get_user().user_id(id).send())).await?;
            let refuse = |why: &str| Err(contradicted_read(Vendor::Userdocks, &record, why));
            if let Some(why) = Userdocks::refusal(answer.success, answer.error.as_ref(), &record) {
                return refuse(&why);
            }
            let data = answer.data.unwrap_or_default();
            // The id may be asked for by email address.
            if !user.contains('@') && is_another(user, data.id.as_deref()) {
                return refuse(ANOTHER);
            }
            let enabled = match data.deleted {
                Some(true) => Some(false),
                _ => data.freezed.map(|freezed| !freezed),
            };
            Ok(AccountStatus { enabled, ..AccountStatus::default() })
        })
    }
}

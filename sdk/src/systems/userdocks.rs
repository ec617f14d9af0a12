//! Userdocks: enable and disable.

use reqwest::header::{AUTHORIZATION, HeaderName, HeaderValue};
use serde_json::Value;

use crate::client::auth::{CredentialInput, WireCredentials, credential_header};
use crate::client::config::{Config, Peer, config_setters};
use crate::dialect::{Before, Conventions, Dialect, HttpSystem, Request, Response, Verdict};
use crate::model::change::{Change, StatusChange};
use crate::model::conclusion::Conclusion;
use crate::model::error::{Error, Result};
use crate::model::kind::SystemKind;
use crate::model::secret::Secret;
use crate::model::status::AccountStatus;
use crate::seam::convert::ErrorBody;
use crate::seam::hooks;
use crate::system::{Capabilities, DisableEffect};
use crate::systems::operations::repeatable;

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
pub type Userdocks = HttpSystem<Api>;

/// The dialect of Userdocks.
#[derive(Clone, Debug)]
pub struct Api {
    client: Client,
    route: Route,
    /// The app, if the credentials name one.
    app: Option<UserdocksAppId>,
}

pub(crate) const KIND: SystemKind = SystemKind::USERDOCKS;
const PEER: Peer = Peer { kind: KIND, reads: true, conventions: CONVENTIONS, representation: None };

impl Userdocks {
    /// Starts with the defaults; base URL and credentials must be set.
    pub fn builder() -> UserdocksBuilder {
        UserdocksBuilder { config: Config::default(), credentials: None, route: Route::default(), app: None }
    }

    /// Returns the generated typed client. Its responses are as they came: `success` may be `false` in a 200.
    pub fn client(&self) -> &Client {
        &self.dialect.client
    }
}

/// Builds a [`Userdocks`]. The base URL is `https://api.userdocks.com`.
#[derive(Clone, Debug)]
#[must_use]
pub struct UserdocksBuilder {
    config: Config,
    credentials: Option<CredentialInput<Credentials>>,
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

    /// Sets the UUID of the app, for [`Route::Current`]: the same as the client id of the credentials.
    pub fn app(mut self, app: impl Into<String>) -> Self {
        self.app = Some(app.into());
        self
    }

    /// Checks the settings and sets up the client. Nothing is sent.
    ///
    /// # Errors
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput) names the setting that is missing or wrong,
    /// [`ClientSetup`](crate::ErrorKind::ClientSetup) says why TLS or the HTTP client cannot be set up.
    pub fn build(self) -> Result<Userdocks> {
        let app = self.app.map(UserdocksAppId::try_from).transpose()?;
        if self.route == Route::Current && app.is_none() {
            return Err(Error::missing(KIND, "app"));
        }
        let session = self.config.connect(PEER, self.credentials, Credentials::prepare)?;
        let client = session.client(Client::new_with_client);
        Ok(HttpSystem { dialect: Api { client, route: self.route, app }, session })
    }
}

/// Credentials for Userdocks: the API key of a server, or the access token of a user.
#[derive(Clone, Debug)]
pub struct Credentials(KeyType);

#[derive(Clone, Debug)]
enum KeyType {
    ApiKey { key: Secret, client_id: Secret },
    AccessToken(Secret),
}

impl Credentials {
    /// Creates credentials from an API key of type `write`, and the client id of the app: its UUID. For servers only.
    pub fn api_key(key: impl Into<Secret>, client_id: impl Into<Secret>) -> Credentials {
        Credentials(KeyType::ApiKey { key: key.into(), client_id: client_id.into() })
    }

    /// Creates credentials from the access token of a signed-in user, without `Bearer`. It acts on that user only.
    pub fn access_token(token: impl Into<Secret>) -> Credentials {
        Credentials(KeyType::AccessToken(token.into()))
    }

    fn prepare(&self) -> Result<WireCredentials> {
        let header = |what, prefix, secret| credential_header(KIND, what, prefix, secret);
        Ok(match &self.0 {
            KeyType::ApiKey { key, client_id } => WireCredentials::new(
                vec![
                    (HeaderName::from_static("x-api-key"), header("the API key", "", key)?),
                    (HeaderName::from_static("x-api-key-type"), HeaderValue::from_static("write")),
                    (HeaderName::from_static("x-client-id"), header("the client id", "", client_id)?),
                ],
                None,
                &[key, client_id],
            ),
            KeyType::AccessToken(token) => WireCredentials::new(
                vec![(AUTHORIZATION, header("the access token", "Bearer ", token)?)],
                None,
                &[token],
            ),
        })
    }
}

hooks!(Client, crate::systems::operation);

/// The conventions of Userdocks' status codes: its page lists these as errors of the request.
pub(crate) const CONVENTIONS: Conventions = Conventions::new().with_refusals(
    &[(400, Conclusion::Refused, DOCUMENT), (401, Conclusion::Refused, DOCUMENT), (403, Conclusion::Refused, DOCUMENT)],
    |members| {
        // The envelope of its document, or the one that its own clients know.
        let listed = members.get("kind").is_some_and(|kind| kind == "errors") && members.contains_key("errors");
        let known = || members.get("error").is_some_and(Value::is_string);
        listed || (members.get("success") == Some(&false.into()) && known())
    },
);

const DOCUMENT: &str = "its document, \"PUT /users/:userId/access-status/:accessStatus\"";

impl ErrorBody for types::UserdocksError {
    const SYSTEM: SystemKind = KIND;
    const CONVENTIONS: Conventions = CONVENTIONS;
}

/// Returns whether a response says yes:
///
/// | | yes | nothing else says |
/// |---|---|---|
/// | write | `success` is `true`; or, as observed, `kind` is a text and `response` an object | `freezed` is not as asked |
/// | read | `success` is `true`, and `data` has `freezed` or `deleted` | – |
fn says_yes(response: &Response<'_>) -> bool {
    let observed = || response.member("kind").is_some_and(Value::is_string) && response.has("response");
    match response.member("success") {
        Some(success) => success == &Value::Bool(true),
        None => observed(),
    }
}

/// Returns what a response says of the account, at these places.
fn account(response: &Response<'_>, known: &[&str]) -> AccountStatus {
    let mut status = AccountStatus::default();
    let freezed = response.flag("freezed", known, &mut status);
    let deleted = response.flag("deleted", known, &mut status);
    status.enabled = match (freezed, deleted) {
        (_, Some(true)) | (Some(true), _) => Some(false),
        // What one of the two is, is not known: then it is not known to be enabled either.
        (Some(false), _) if status.unrecognized.is_empty() => Some(true),
        _ => None,
    };
    status
}

impl Dialect for Api {
    fn kind(&self) -> SystemKind {
        KIND
    }

    fn capabilities(&self) -> Capabilities {
        // Its document: who is freezed cannot sign in. Of sessions it says nothing.
        Capabilities::new(&[Change::Enable, Change::Disable])
            .with_reads(true)
            .with_disable_effect(DisableEffect::SignInRefused)
    }

    fn conventions(&self) -> Conventions {
        CONVENTIONS
    }

    fn repeatable(&self, change: &StatusChange) -> bool {
        repeatable(KIND, change.change(), None)
    }

    fn change_request<'a>(
        &'a self,
        user: &'a str,
        change: &'a StatusChange,
        _: Option<&Before<'_>>,
    ) -> Result<Request<'a>> {
        let status = match change.change() {
            Change::Enable => UserdocksAccessStatus::Unfreezed,
            _ => UserdocksAccessStatus::Freezed,
        };
        let id: UserdocksUserId = user.parse()?;
        Ok(match (self.route, &self.app) {
            (Route::Current, Some(app)) => {
                let call = self.client.set_app_access_status().app_id(app.clone()).user_id(id);
                Request::generated(call.access_status(status).send())
            }
            _ => Request::generated(self.client.set_access_status().user_id(id).access_status(status).send()),
        })
    }

    fn read_request<'a>(&'a self, user: &'a str) -> Result<Request<'a>> {
        let id: UserdocksUserId = user.parse()?;
        Ok(Request::generated(self.client.get_user().user_id(id).send()))
    }

    fn verdict(&self, response: &Response<'_>) -> Verdict {
        match says_yes(response) {
            true => Verdict::Proof(account(response, &["data"])),
            false => Verdict::Proof(AccountStatus::default()),
        }
    }

    fn change_verdict(&self, _: &StatusChange, _: Option<&AccountStatus>, response: &Response<'_>) -> Verdict {
        match says_yes(response) {
            true => Verdict::Yes(account(response, &[])),
            false => Verdict::NOTHING,
        }
    }
}

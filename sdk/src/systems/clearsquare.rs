//! The ClearSquare admin API: toggle.

use reqwest::header::AUTHORIZATION;
use serde_json::Value;

use crate::client::auth::{CredentialInput, WireCredentials, credential_header};
use crate::client::config::{Config, Peer, config_setters};
use crate::dialect::{Before, Conventions, Dialect, HttpSystem, Request, Response, Verdict};
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

pub use crate::generated::clearsquare::{Client, builder, types};
pub use crate::generated::values::{ClearsquareOutcome, ClearsquareUserId};

/// A ClearSquare site, and the credentials for it.
///
/// The token travels in the header and in the body; it is given once, here, and left out of the request body.
/// The call toggles: never repeat it unless it is certain that it was not carried out.
///
/// ```
/// use user_status::systems::clearsquare::{Clearsquare, Credentials};
/// use user_status::{AccountSystem, StatusChange};
///
/// # async fn toggle() -> user_status::Result<()> {
/// let clearsquare = Clearsquare::builder()
///     .base_url("https://admin.your-site.com")
///     .credentials(Credentials::token("…"))
///     .build()?;
/// let receipt = clearsquare.apply("634441cecbb5901d133039f8", &StatusChange::toggle()).await?;
/// println!("{}", receipt.proof);
/// # Ok(())
/// # }
/// ```
pub type Clearsquare = HttpSystem<Api>;

/// The dialect of a site.
#[derive(Clone, Debug)]
pub struct Api {
    client: Client,
}

pub(crate) const KIND: SystemKind = SystemKind::CLEARSQUARE;
const PEER: Peer = Peer { kind: KIND, reads: false, conventions: CONVENTIONS, representation: None };

impl Clearsquare {
    /// Starts with the defaults; base URL and credentials must be set.
    pub fn builder() -> ClearsquareBuilder {
        ClearsquareBuilder { config: Config::default(), credentials: None }
    }

    /// Returns the generated typed client. Its responses are as they came: `status` may be `error` in a 200.
    pub fn client(&self) -> &Client {
        &self.dialect.client
    }
}

/// Builds a [`Clearsquare`]. The base URL is that of the site, as in `https://admin.your-site.com`.
#[derive(Clone, Debug)]
#[must_use]
pub struct ClearsquareBuilder {
    config: Config,
    credentials: Option<CredentialInput<Credentials>>,
}

impl ClearsquareBuilder {
    config_setters!();

    /// Checks the settings and sets up the client. Nothing is sent.
    ///
    /// # Errors
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput) names the setting that is missing or wrong,
    /// [`ClientSetup`](crate::ErrorKind::ClientSetup) says why TLS or the HTTP client cannot be set up.
    pub fn build(self) -> Result<Clearsquare> {
        let session = self.config.connect(PEER, self.credentials, Credentials::prepare)?;
        Ok(HttpSystem { dialect: Api { client: session.client(Client::new_with_client) }, session })
    }
}

/// Credentials for ClearSquare.
#[derive(Clone, Debug)]
pub struct Credentials {
    token: Secret,
}

impl Credentials {
    /// Creates credentials from a JWT that permits the operation, without `Bearer`. It is sent in the header and in the body.
    pub fn token(token: impl Into<Secret>) -> Credentials {
        Credentials { token: token.into() }
    }

    fn prepare(&self) -> Result<WireCredentials> {
        let header = credential_header(KIND, "the token", "Bearer ", &self.token)?;
        Ok(WireCredentials::new(vec![(AUTHORIZATION, header)], Some(("token", self.token.clone())), &[&self.token]))
    }
}

hooks!(Client, crate::systems::operation);

/// The conventions of ClearSquare's status codes. No refusal for now is documented, so the toggle is never repeated but
/// after a 401 with fresh credentials.
pub(crate) const CONVENTIONS: Conventions = Conventions::new()
    .with_refusals(&[(400, Conclusion::Refused, SIBLING), (401, Conclusion::Refused, DOCUMENT)], |members| {
        members.get("status").is_some_and(|status| status == "error")
    })
    .with_message(|members| members.get("message")?.as_str().map(str::to_owned))
    .with_meanings(|text| {
        (text == "Invalid token or user ID")
            .then_some("the token or the id of the user is wrong; the system does not say which")
    });

const DOCUMENT: &str = "its document, \"Activate/Deactivate a User\"";
const SIBLING: &str = "the document of a sibling operation, with the same body";

impl ErrorBody for types::ClearsquareResult {
    const SYSTEM: SystemKind = KIND;
    const CONVENTIONS: Conventions = CONVENTIONS;
}

impl Dialect for Api {
    fn kind(&self) -> SystemKind {
        KIND
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities::new(&[Change::Toggle])
    }

    fn conventions(&self) -> Conventions {
        CONVENTIONS
    }

    fn repeatable(&self, change: &StatusChange) -> bool {
        repeatable(KIND, change.change(), None)
    }

    fn change_request<'a>(&'a self, user: &'a str, _: &'a StatusChange, _: Option<&Before<'_>>) -> Result<Request<'a>> {
        let id: ClearsquareUserId = user.parse()?;
        Ok(Request::generated(self.client.manage_user_status().body_map(|body| body.id(id)).send()))
    }

    fn read_request<'a>(&'a self, _: &'a str) -> Result<Request<'a>> {
        Err(Error::new(ErrorKind::Unsupported, KIND, "the system documents no way to read an account"))
    }

    /// Returns what is a yes: `status` is `success`. Nothing is said of the account.
    fn verdict(&self, response: &Response<'_>) -> Verdict {
        match response.member("status").and_then(Value::as_str) {
            Some("success") => Verdict::Yes(AccountStatus::default()),
            Some(_) => Verdict::No(response.message()),
            None => Verdict::NOTHING,
        }
    }
}

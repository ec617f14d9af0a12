//! The ClearSquare admin API: toggle.

use std::pin::pin;

use reqwest::header::AUTHORIZATION;
use serde_json::Value;

use super::answer::Answer;
use super::{Applying, send};
use crate::auth::{Given, Prepared, credential_header};
use crate::call::CallOptions;
use crate::change::{Change, StatusChange};
use crate::clock::BoxFuture;
use crate::conclusion::{Conclusion, Conventions, JSON};
use crate::config::{Config, config_setters};
use crate::error::{Error, ErrorKind, Result};
use crate::fault::Fault;
use crate::kind::SystemKind;
use crate::raw::RawResponse;
use crate::receipt::{Proof, Receipt};
use crate::rehearsal::Rehearsal;
use crate::report::reported;
use crate::secret::Secret;
use crate::status::AccountStatus;
use crate::system::{AccountSystem, Capabilities};
use crate::transport::hooks;

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
#[derive(Clone, Debug)]
pub struct Clearsquare {
    client: Client,
}

impl Clearsquare {
    /// Starts with the defaults; base URL and credentials must be set.
    pub fn builder() -> ClearsquareBuilder {
        ClearsquareBuilder { config: Config::default(), credentials: None }
    }

    /// The generated typed client. Its answers are as they came: `status` may be `error` in a 200.
    pub fn client(&self) -> &Client {
        &self.client
    }
}

/// Builds a [`Clearsquare`]. The base URL is that of the site, as in `https://admin.your-site.com`.
#[derive(Clone, Debug)]
#[must_use]
pub struct ClearsquareBuilder {
    config: Config,
    credentials: Option<Given<Credentials>>,
}

impl ClearsquareBuilder {
    config_setters!();

    /// Checks the settings and sets up the client. Nothing is sent.
    ///
    /// # Errors
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput) names the setting that is missing or wrong,
    /// [`Setup`](crate::ErrorKind::Setup) says why TLS or the HTTP client cannot be set up.
    pub fn build(self) -> Result<Clearsquare> {
        let credentials = self.credentials.ok_or_else(|| Error::missing(SystemKind::CLEARSQUARE, "credentials"))?;
        let auth = credentials.into_auth(SystemKind::CLEARSQUARE, Credentials::prepare)?;
        let (base_url, http, session) = self.config.connect(&CONVENTIONS, auth, None)?;
        Ok(Clearsquare { client: Client::new_with_client(&base_url, http, session) })
    }
}

/// Credentials for ClearSquare.
#[derive(Clone, Debug)]
pub struct Credentials {
    token: Secret,
}

impl Credentials {
    /// A JWT that permits the operation, without `Bearer`. It is sent in the header and in the body.
    pub fn token(token: impl Into<Secret>) -> Credentials {
        Credentials { token: token.into() }
    }

    fn prepare(&self) -> Result<Prepared> {
        let header = credential_header(SystemKind::CLEARSQUARE, "the token", "Bearer ", &self.token)?;
        Ok(Prepared::new(vec![(AUTHORIZATION, header)], Some(("token", self.token.clone())), &[&self.token]))
    }
}

hooks!(Client);

/// What ClearSquare says with a status code. No refusal for now is documented, so the toggle is never repeated but
/// after a 401 with fresh credentials.
pub(crate) const CONVENTIONS: Conventions = Conventions {
    system: SystemKind::CLEARSQUARE,
    media_types: JSON,
    refusals: &[(400, Conclusion::Refused, SIBLING), (401, Conclusion::Refused, DOCUMENT)],
    is_fault: |members| members.get("status").is_some_and(|status| status == "error"),
    retries_500: false,
    expired_403: None,
};

const DOCUMENT: &str = "its document, \"Activate/Deactivate a User\"";
const SIBLING: &str = "the document of a sibling operation, with the same body";

impl Fault for types::ClearsquareResult {
    const SYSTEM: SystemKind = SystemKind::CLEARSQUARE;
    const CONVENTIONS: &'static Conventions = &CONVENTIONS;

    fn message(&self) -> Option<String> {
        self.message.clone()
    }
}

impl Clearsquare {
    /// What a change is sent with. Refuses what cannot be sent, before anything is.
    fn accept(&self, user: &str, change: &StatusChange) -> Result<ClearsquareUserId> {
        self.capabilities().check(SystemKind::CLEARSQUARE, change)?;
        Ok(user.parse()?)
    }
}

impl AccountSystem for Clearsquare {
    fn kind(&self) -> SystemKind {
        SystemKind::CLEARSQUARE
    }

    fn base_url(&self) -> &str {
        &self.client.baseurl
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities { changes: &[Change::Toggle], suspends_until: false, comments: false, reads: false }
    }

    fn check(&self, user: &str, change: &StatusChange) -> Result<()> {
        self.accept(user, change).map(drop)
    }

    fn repeatable(&self, change: &StatusChange) -> bool {
        crate::operation::repeatable(SystemKind::CLEARSQUARE, change.change(), None)
    }

    fn apply_with<'a>(
        &'a self,
        user: &'a str,
        change: &'a StatusChange,
        options: CallOptions,
    ) -> BoxFuture<'a, Result<Receipt>> {
        reported(&self.client.inner, "apply", user, async move {
            let id = self.accept(user, change)?;
            let applying = Applying::start(&self.client.inner, user, change);
            let call = self.client.manage_user_status().body_map(|body| body.id(id));
            let record = send(options, pin!(call.send())).await?;
            let answer = Answer::of(&record);
            if let Some(why) = answer.objection(user) {
                return Err(applying.contradicted(&record, &why));
            }
            // What is a yes: `status` is `success`. There is no read.
            match answer.member("status").and_then(Value::as_str) {
                Some("success") => Ok(applying.receipt(record, Proof::Accepted, AccountStatus::default())),
                Some(_) => {
                    let why = record.raw.as_ref().map(RawResponse::message).unwrap_or_default();
                    Err(applying.contradicted(&record, &why))
                }
                None => Err(applying.says_nothing(&record)),
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

    fn status_with<'a>(&'a self, user: &'a str, _: CallOptions) -> BoxFuture<'a, Result<AccountStatus>> {
        let why = "the system documents no way to read an account";
        reported(&self.client.inner, "status", user, async move {
            Err(Error::new(ErrorKind::Unsupported, SystemKind::CLEARSQUARE, why))
        })
    }
}

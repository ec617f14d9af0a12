//! The MediConnect admin API: enable, disable, suspend and unsuspend.

use reqwest::header::AUTHORIZATION;
use serde_json::Value;

use crate::client::auth::{CredentialInput, WireCredentials, credential_header};
use crate::client::config::{Config, Peer, config_setters};
use crate::codec::redact::REDACTED;
use crate::dialect::{Before, Conventions, Dialect, HttpSystem, ReadFirst, Request, Response, Verdict};
use crate::model::change::{Change, StatusChange};
use crate::model::conclusion::Conclusion;
use crate::model::error::{Applied, Error, ErrorKind, Result};
use crate::model::kind::SystemKind;
use crate::model::secret::Secret;
use crate::model::status::{AccountStatus, Suspension};
use crate::seam::convert::ErrorBody;
use crate::seam::hooks;
use crate::system::Capabilities;
use crate::systems::operations::repeatable;

pub use crate::generated::mediconnect::{Client, builder, types};
pub use crate::generated::values::{MediconnectRole, MediconnectUserId};

/// A MediConnect installation, and the credentials for it.
///
/// The deployed system flips an `isActive` that is left out, against its documentation. So a request names both
/// booleans: the one to change, and the other as it is, which is read first. [`ActiveFlag`] has the other ways.
///
/// ```
/// use user_status::systems::mediconnect::{Credentials, Mediconnect};
/// use user_status::{AccountSystem, StatusChange};
///
/// # async fn suspend() -> user_status::Result<()> {
/// let mediconnect = Mediconnect::builder()
///     .base_url("https://api.example.com")
///     .credentials(Credentials::token("…"))
///     .build()?;
/// let receipt = mediconnect.apply("42", &StatusChange::suspend("Violation of terms of service")).await?;
/// println!("{}: {}", receipt.proof, receipt.status);
/// # Ok(())
/// # }
/// ```
pub type Mediconnect = HttpSystem<Api>;

/// The dialect of an installation.
#[derive(Clone, Debug)]
pub struct Api {
    client: Client,
    active_flag: ActiveFlag,
}

pub(crate) const KIND: SystemKind = SystemKind::MEDICONNECT;
const PEER: Peer = Peer { kind: KIND, reads: true, conventions: CONVENTIONS, representation: None };

impl Mediconnect {
    /// Starts with the defaults; base URL and credentials must be set.
    pub fn builder() -> MediconnectBuilder {
        MediconnectBuilder { config: Config::default(), credentials: None, active_flag: ActiveFlag::default() }
    }

    /// Returns the generated typed client. It sends what it is told: name both booleans.
    pub fn client(&self) -> &Client {
        &self.dialect.client
    }
}

/// Builds a [`Mediconnect`]. The base URL is that of the installation, as in `https://api.example.com`.
#[derive(Clone, Debug)]
#[must_use]
pub struct MediconnectBuilder {
    config: Config,
    credentials: Option<CredentialInput<Credentials>>,
    active_flag: ActiveFlag,
}

/// The value of the flag that a change does not target: `isActive` of a suspension, `isSuspended` of an activation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum ActiveFlag {
    /// Reads the account first, and names what it finds. An account that is as asked already is not changed.
    ///
    /// The system has no conditional write, so nothing closes the time between the read and the change: if somebody
    /// else changes the other boolean meanwhile, the change sets it back to what was read, and the response shows no
    /// trace of that. An account that is suspended because somebody left, and deactivated by somebody else within the
    /// same moment, may so be active again. Where that must not happen, one program alone changes accounts, or both are
    /// looked at again later.
    #[default]
    ReadFirst,
    /// Sends this value for `isActive` without reading the account first: the account has it afterwards, whatever it had
    /// before. An activation leaves `isSuspended` out.
    Assume(bool),
    /// Leaves it out, as the documentation shows. The account is read first all the same, so that a flip that nobody
    /// asked for is noticed.
    LeaveOut,
}

impl MediconnectBuilder {
    config_setters!();

    /// Sets the value of the flag that a change does not target.
    pub fn active_flag(mut self, flag: ActiveFlag) -> Self {
        self.active_flag = flag;
        self
    }

    /// Sends this value for `isActive` without reading accounts first. The same as [`active_flag`](Self::active_flag)
    /// with [`ActiveFlag::Assume`].
    pub fn assume_active(self, active: bool) -> Self {
        self.active_flag(ActiveFlag::Assume(active))
    }

    /// Checks the settings and sets up the client. Nothing is sent.
    ///
    /// # Errors
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput) names the setting that is missing or wrong,
    /// [`ClientSetup`](crate::ErrorKind::ClientSetup) says why TLS or the HTTP client cannot be set up.
    pub fn build(self) -> Result<Mediconnect> {
        let session = self.config.connect(PEER, self.credentials, Credentials::prepare)?;
        let client = session.client(Client::new_with_client);
        Ok(HttpSystem { dialect: Api { client, active_flag: self.active_flag }, session })
    }
}

/// Credentials for MediConnect: the token of a user with the role ADMIN.
#[derive(Clone, Debug)]
pub struct Credentials {
    token: Secret,
}

impl Credentials {
    /// Creates credentials from the JWT of a user with the role ADMIN, without `Bearer`.
    pub fn token(token: impl Into<Secret>) -> Credentials {
        Credentials { token: token.into() }
    }

    fn prepare(&self) -> Result<WireCredentials> {
        let header = credential_header(KIND, "the token", "Bearer ", &self.token)?;
        Ok(WireCredentials::new(vec![(AUTHORIZATION, header)], None, &[&self.token]))
    }
}

hooks!(Client, crate::systems::operation);

/// The conventions of MediConnect's status codes. It speaks Spanish, and says 403 for a token that is not valid any more.
pub(crate) const CONVENTIONS: Conventions = Conventions::new()
    .with_refusals(
        &[
            (400, Conclusion::Refused, DOCUMENT),
            (401, Conclusion::Refused, CODE),
            (403, Conclusion::Refused, DOCUMENT),
            (404, Conclusion::Refused, DOCUMENT),
            (413, Conclusion::Refused, CODE),
            (429, Conclusion::RefusedForNow, CODE),
        ],
        |members| {
            const ACCOUNT: [&str; 4] = ["id", "isActive", "isSuspended", "user"];
            let shows_account = ACCOUNT.iter().any(|name| members.contains_key(*name));
            members.get("error").is_some_and(Value::is_string) && !shows_account
        },
    )
    .with_meanings(|text| match text {
        "Usuario no encontrado" => Some("there is no such user"),
        "Access denied" => Some("the token is not of a user with the role ADMIN"),
        "Invalid token" => Some("the token is not valid, or not any more"),
        _ => None,
    })
    .with_expired_403("Invalid token");

const DOCUMENT: &str = "its document, \"Toggle User Status\"";
const CODE: &str = "its published code, which refuses before it looks at the account";

impl ErrorBody for types::MediconnectError {
    const SYSTEM: SystemKind = KIND;
    const CONVENTIONS: Conventions = CONVENTIONS;
}

impl Api {
    /// The request body for a change of an account that is so.
    fn body(&self, change: &StatusChange, before: Option<&AccountStatus>) -> types::MediconnectToggleUserStatusRequest {
        let mut body = types::MediconnectToggleUserStatusRequest::default();
        match change.change() {
            Change::Enable => body.is_active = Some(true),
            Change::Disable => body.is_active = Some(false),
            Change::Unsuspend => body.is_suspended = Some(false),
            _ => {
                body.is_suspended = Some(true);
                body.suspension_reason = change.reason().map(str::to_owned);
            }
        }
        match self.active_flag {
            ActiveFlag::ReadFirst => {
                if body.is_active.is_none() {
                    body.is_active = before.and_then(|before| before.enabled);
                } else if let Some(suspension) = before.and_then(|before| before.suspended.as_ref()) {
                    body.is_suspended = Some(suspension.active);
                    // A suspension that stays needs its reason again; one that has none, or one that cannot be shown, is
                    // better left out.
                    let reason = suspension.reason.clone().filter(|reason| reason != REDACTED);
                    body.suspension_reason = reason.filter(|_| suspension.active);
                    if suspension.active && body.suspension_reason.is_none() {
                        body.is_suspended = None;
                    }
                }
            }
            ActiveFlag::Assume(active) => body.is_active = body.is_active.or(Some(active)),
            ActiveFlag::LeaveOut => {}
        }
        body
    }
}

/// Returns what a response says of the account: the user, which is the response itself or, as the deployed system has it, the
/// member `user` of it. What is a yes:
///
/// | | yes | nothing else says |
/// |---|---|---|
/// | write | there is an `isActive` or `isSuspended`; proved by both together | that the other one was changed |
/// | read | there is an `isActive` or `isSuspended` | – |
fn account(response: &Response<'_>) -> AccountStatus {
    const KNOWN: &[&str] = &["", "user"];
    let mut status = AccountStatus::default();
    status.enabled = response.flag("isActive", KNOWN, &mut status);
    let active = response.flag("isSuspended", KNOWN, &mut status);
    let reason = response.text("suspensionReason", KNOWN, &mut status);
    status.suspended = active.map(|active| Suspension { active, reason, until: None });
    status
}

impl Dialect for Api {
    fn kind(&self) -> SystemKind {
        KIND
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities::new(&[Change::Enable, Change::Disable, Change::Suspend, Change::Unsuspend]).with_reads(true)
    }

    fn conventions(&self) -> Conventions {
        CONVENTIONS
    }

    fn repeatable(&self, change: &StatusChange) -> bool {
        // An account that does not say whether it is active is not changed.
        let before = AccountStatus { enabled: Some(true), ..AccountStatus::default() };
        let body = serde_json::to_vec(&self.body(change, Some(&before))).ok();
        repeatable(KIND, change.change(), body.as_deref())
    }

    fn read_first(&self, change: &StatusChange) -> ReadFirst {
        match self.active_flag {
            ActiveFlag::ReadFirst => ReadFirst::SkipIfSo,
            ActiveFlag::LeaveOut => ReadFirst::Yes,
            ActiveFlag::Assume(active) => match change.change() {
                Change::Suspend | Change::Unsuspend => {
                    ReadFirst::Assume(AccountStatus { enabled: Some(active), ..AccountStatus::default() })
                }
                _ => ReadFirst::No,
            },
        }
    }

    fn change_request<'a>(
        &'a self,
        user: &'a str,
        change: &'a StatusChange,
        before: Option<&Before<'_>>,
    ) -> Result<Request<'a>> {
        let before = before.map(Before::status);
        let id: MediconnectUserId = user.parse()?;
        if change.change() == Change::Suspend && change.reason().is_none() {
            return Err(Error::invalid_input(KIND, "a suspension needs a `reason`"));
        }
        let is_named = self.active_flag == ActiveFlag::ReadFirst;
        if let Some(before) = before.filter(|before| is_named && before.enabled.is_none()) {
            let why = "the account does not say whether it is active, and a request must name it";
            let why = match before.unrecognized.is_empty() {
                true => why.to_owned(),
                false => format!("{why}: it reads {before}"),
            };
            return Err(Error::new(ErrorKind::UnexpectedResponse, KIND, why).with_applied(Applied::No));
        }
        Ok(Request::generated(self.client.toggle_user_status().id(id).body(self.body(change, before)).send()))
    }

    fn read_request<'a>(&'a self, user: &'a str) -> Result<Request<'a>> {
        let id: MediconnectUserId = user.parse()?;
        Ok(Request::generated(self.client.get_admin_user().id(id).send()))
    }

    fn verdict(&self, response: &Response<'_>) -> Verdict {
        Verdict::Proof(account(response))
    }

    fn change_verdict(&self, _: &StatusChange, before: Option<&AccountStatus>, response: &Response<'_>) -> Verdict {
        let after = account(response);
        if after == AccountStatus::default() {
            return Verdict::NOTHING;
        }
        // What was left out may have been flipped, and nobody knows from what; and what the response leaves out may have
        // been, too.
        let flipped = self.active_flag == ActiveFlag::LeaveOut && before.is_none_or(|before| before.enabled.is_none());
        if flipped || after.enabled.is_none() || after.suspended.is_none() {
            return Verdict::Yes(after);
        }
        Verdict::Proof(after)
    }

    fn read_back_proves(&self) -> bool {
        // A read shows what was asked, and not what was flipped besides.
        self.active_flag != ActiveFlag::LeaveOut
    }
}

//! The MediConnect admin API: enable, disable, suspend and unsuspend.

use std::pin::pin;

use reqwest::header::AUTHORIZATION;
use serde_json::Value;

use super::answer::Answer;
use super::{Applying, contradicted_read, empty_read, read, send};
use crate::auth::{Given, Prepared, credential_header};
use crate::call::{CallOptions, Record};
use crate::change::{Change, StatusChange};
use crate::clock::BoxFuture;
use crate::conclusion::{Conclusion, Conventions, JSON};
use crate::config::{Config, config_setters};
use crate::error::{Error, ErrorKind, Result};
use crate::fault::Fault;
use crate::kind::SystemKind;
use crate::receipt::{Proof, Receipt};
use crate::redact::REDACTED;
use crate::rehearsal::Rehearsal;
use crate::report::reported;
use crate::secret::Secret;
use crate::status::{AccountStatus, Suspension};
use crate::system::{AccountSystem, Capabilities};
use crate::transport::hooks;

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
#[derive(Clone, Debug)]
pub struct Mediconnect {
    client: Client,
    active_flag: ActiveFlag,
}

impl Mediconnect {
    /// Starts with the defaults; base URL and credentials must be set.
    pub fn builder() -> MediconnectBuilder {
        MediconnectBuilder { config: Config::default(), credentials: None, active_flag: ActiveFlag::default() }
    }

    /// The generated typed client. It sends what it is told: name both booleans.
    pub fn client(&self) -> &Client {
        &self.client
    }
}

/// Builds a [`Mediconnect`]. The base URL is that of the installation, as in `https://api.example.com`.
#[derive(Clone, Debug)]
#[must_use]
pub struct MediconnectBuilder {
    config: Config,
    credentials: Option<Given<Credentials>>,
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
    /// [`Setup`](crate::ErrorKind::Setup) says why TLS or the HTTP client cannot be set up.
    pub fn build(self) -> Result<Mediconnect> {
        let credentials = self.credentials.ok_or_else(|| Error::missing(SystemKind::MEDICONNECT, "credentials"))?;
        let auth = credentials.into_auth(SystemKind::MEDICONNECT, Credentials::prepare)?;
        let (base_url, http, session) = self.config.connect(&CONVENTIONS, auth, None)?;
        Ok(Mediconnect { client: Client::new_with_client(&base_url, http, session), active_flag: self.active_flag })
    }
}

/// Credentials for MediConnect: the token of a user with the role ADMIN.
#[derive(Clone, Debug)]
pub struct Credentials {
    token: Secret,
}

impl Credentials {
    /// The JWT of a user with the role ADMIN, without `Bearer`.
    pub fn token(token: impl Into<Secret>) -> Credentials {
        Credentials { token: token.into() }
    }

    fn prepare(&self) -> Result<Prepared> {
        let header = credential_header(SystemKind::MEDICONNECT, "the token", "Bearer ", &self.token)?;
        Ok(Prepared::new(vec![(AUTHORIZATION, header)], None, &[&self.token]))
    }
}

hooks!(Client);

/// What MediConnect says with a status code.
pub(crate) const CONVENTIONS: Conventions = Conventions {
    system: SystemKind::MEDICONNECT,
    media_types: JSON,
    refusals: &[
        (400, Conclusion::Refused, DOCUMENT),
        (401, Conclusion::Refused, CODE),
        (403, Conclusion::Refused, DOCUMENT),
        (404, Conclusion::Refused, DOCUMENT),
        (413, Conclusion::Refused, CODE),
        (429, Conclusion::RefusedForNow, CODE),
    ],
    is_fault: |members| {
        let shows_account = ["id", "isActive", "isSuspended", "user"].iter().any(|name| members.contains_key(*name));
        members.get("error").is_some_and(Value::is_string) && !shows_account
    },
    retries_500: false,
    expired_403: Some("Invalid token"),
};

const DOCUMENT: &str = "its document, \"Toggle User Status\"";
const CODE: &str = "its published code, which refuses before it looks at the account";

impl Fault for types::MediconnectError {
    const SYSTEM: SystemKind = SystemKind::MEDICONNECT;
    const CONVENTIONS: &'static Conventions = &CONVENTIONS;

    fn message(&self) -> Option<String> {
        self.error.clone()
    }
}

impl Mediconnect {
    /// What a change is sent with. Refuses what cannot be sent, before anything is.
    fn accept(&self, user: &str, change: &StatusChange) -> Result<MediconnectUserId> {
        self.capabilities().check(SystemKind::MEDICONNECT, change)?;
        let id = user.parse()?;
        if change.change() == Change::Suspend && change.reason().is_none() {
            return Err(Error::invalid_input(SystemKind::MEDICONNECT, "a suspension needs a `reason`"));
        }
        Ok(id)
    }

    async fn read(&self, id: MediconnectUserId, options: CallOptions) -> Result<AccountStatus> {
        let call = self.client.get_admin_user().id(id);
        let record = read(&self.client.inner, options, pin!(call.send())).await?;
        let answer = Answer::of(&record);
        if let Some(why) = answer.objection(&id.get().to_string()) {
            return Err(contradicted_read(SystemKind::MEDICONNECT, &record, &why));
        }
        match account(&answer) {
            status if status == AccountStatus::default() => Err(empty_read(SystemKind::MEDICONNECT, &record)),
            status => Ok(status),
        }
    }

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

impl Mediconnect {
    /// What the answer to a change of an account that was so proves.
    fn weigh(
        &self,
        applying: &Applying<'_>,
        id: MediconnectUserId,
        before: Option<&AccountStatus>,
        record: Record,
    ) -> Result<Receipt> {
        let answer = Answer::of(&record);
        if let Some(why) = answer.objection(&id.get().to_string()) {
            return Err(applying.contradicted(&record, &why));
        }
        let after = account(&answer);
        if after == AccountStatus::default() {
            return Err(applying.says_nothing(&record));
        }
        let mut receipt = applying.weigh(record.clone(), after.clone())?;
        // What was left out may have been flipped, and nobody knows from what; and what the answer leaves out may have been,
        // too.
        let flipped = self.active_flag == ActiveFlag::LeaveOut && before.is_none_or(|before| before.enabled.is_none());
        if flipped || after.enabled.is_none() || after.suspended.is_none() {
            receipt.proof = Proof::Accepted;
        }
        match before.filter(|before| !before.differs_only_by(applying.change, &after)) {
            Some(before) => {
                let message = format!("the account was {before}, and now reads {after}, which nobody asked for");
                Err(applying.contradicted(&record, &message))
            }
            None => Ok(receipt),
        }
    }
}

/// What an answer says of the account: the user, which is the answer itself or, as the deployed system has it, the
/// member `user` of it. What is a yes:
///
/// | | yes | nothing else says |
/// |---|---|---|
/// | write | there is an `isActive` or `isSuspended`; proved by both together | that the other one was changed |
/// | read | there is an `isActive` or `isSuspended` | – |
fn account(answer: &Answer<'_>) -> AccountStatus {
    const KNOWN: &[&str] = &["", "user"];
    let mut status = AccountStatus::default();
    status.enabled = answer.flag("isActive", KNOWN, &mut status);
    let active = answer.flag("isSuspended", KNOWN, &mut status);
    let reason = answer.text("suspensionReason", KNOWN, &mut status);
    status.suspended = active.map(|active| Suspension { active, reason, until: None });
    status
}

impl AccountSystem for Mediconnect {
    fn kind(&self) -> SystemKind {
        SystemKind::MEDICONNECT
    }

    fn base_url(&self) -> &str {
        &self.client.baseurl
    }

    fn capabilities(&self) -> Capabilities {
        let changes = &[Change::Enable, Change::Disable, Change::Suspend, Change::Unsuspend];
        Capabilities { changes, suspends_until: false, comments: false, reads: true }
    }

    fn check(&self, user: &str, change: &StatusChange) -> Result<()> {
        self.accept(user, change).map(drop)
    }

    fn repeatable(&self, change: &StatusChange) -> bool {
        // An account that does not say whether it is active is not changed.
        let before = AccountStatus { enabled: Some(true), ..AccountStatus::default() };
        let body = serde_json::to_vec(&self.body(change, Some(&before))).ok();
        crate::operation::repeatable(SystemKind::MEDICONNECT, change.change(), body.as_deref())
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
            let before = match self.active_flag {
                ActiveFlag::ReadFirst | ActiveFlag::LeaveOut => Some(self.read(id, options).await?),
                ActiveFlag::Assume(active) => Some(AccountStatus { enabled: Some(active), ..AccountStatus::default() })
                    .filter(|_| matches!(change.change(), Change::Suspend | Change::Unsuspend)),
            };
            if self.active_flag == ActiveFlag::ReadFirst
                && let Some(before) = before.as_ref().filter(|before| before.shows(change) == Some(true))
            {
                let reason = before.suspended.as_ref().and_then(|suspension| suspension.reason.as_deref());
                if change.change() != Change::Suspend || reason == change.reason() {
                    return Ok(applying.receipt(Record::default(), Proof::Unchanged, before.clone()));
                }
            }
            if self.active_flag == ActiveFlag::ReadFirst
                && before.as_ref().is_none_or(|before| before.enabled.is_none())
            {
                let why = "the account does not say whether it is active, and a request must name it";
                let why = match before.as_ref().filter(|before| !before.unrecognized.is_empty()) {
                    Some(before) => format!("{why}: it reads {before}"),
                    None => why.to_owned(),
                };
                return Err(Error::new(ErrorKind::OffContract, SystemKind::MEDICONNECT, why));
            }
            let body = self.body(change, before.as_ref());
            let call = self.client.toggle_user_status().id(id).body(body);
            // What is assumed was not read.
            let read = before.as_ref().filter(|_| !matches!(self.active_flag, ActiveFlag::Assume(_)));
            let sent = send(applying.rest(options), pin!(call.send())).await;
            let result = sent.and_then(|record| self.weigh(&applying, id, before.as_ref(), record));
            match result {
                Ok(receipt) => Ok(Receipt { before: read.cloned(), ..receipt }),
                Err(error) => Err(error.with_status_before(read)),
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
        match self.active_flag {
            // After a lost answer a read shows what was asked, and not what was flipped besides.
            ActiveFlag::LeaveOut => self.apply_with(user, change, options),
            _ => {
                let verified = crate::system::apply_and_verify(self, &self.client.inner, user, change, options);
                reported(&self.client.inner, "apply_and_verify", user, verified)
            }
        }
    }

    fn status_with<'a>(&'a self, user: &'a str, options: CallOptions) -> BoxFuture<'a, Result<AccountStatus>> {
        reported(&self.client.inner, "status", user, async move {
            let id: MediconnectUserId = user.parse()?;
            self.read(id, options).await
        })
    }
}

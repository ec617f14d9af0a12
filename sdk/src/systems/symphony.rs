//! The Symphony Pod API: enable, disable, suspend and unsuspend.

use std::pin::pin;

use jiff::Timestamp;
use reqwest::header::HeaderName;
use serde_json::Value;

use super::answer::{Answer, Fact};
use super::{Applying, contradicted_read, empty_read, read, send, with_record};
use crate::auth::{Given, Prepared, credential_header};
use crate::call::{CallOptions, Record};
use crate::change::{Change, StatusChange};
use crate::clock::BoxFuture;
use crate::conclusion::{Conclusion, Conventions, JSON};
use crate::config::{Config, config_setters};
use crate::error::{Applied, Error, ErrorKind, Result};
use crate::fault::Fault;
use crate::kind::SystemKind;
use crate::receipt::{Proof, Receipt};
use crate::rehearsal::Rehearsal;
use crate::report::reported;
use crate::secret::Secret;
use crate::status::{AccountStatus, Suspension};
use crate::system::{AccountSystem, Capabilities};
use crate::transport::hooks;

pub use crate::generated::symphony::{Client, builder, types};
pub use crate::generated::values::{SymphonyAccountState, SymphonyMessageFormat, SymphonyUserId};

/// A pod, and the credentials for it.
///
/// ```
/// use user_status::systems::symphony::{Credentials, Symphony};
/// use user_status::{AccountSystem, StatusChange};
///
/// # async fn suspend() -> Result<(), Box<dyn std::error::Error>> {
/// let symphony = Symphony::builder()
///     .base_url("https://acme.symphony.com/pod")
///     .credentials(Credentials::session_token("…"))
///     .build()?;
/// let leave = StatusChange::suspend("Leave of absence").until("2026-12-31T23:59:59Z".parse()?);
/// let receipt = symphony.apply_and_verify("7215545078541", &leave).await?;
/// println!("{}: {}", receipt.proof, receipt.status);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Symphony {
    client: Client,
    unit: Unit,
}

impl Symphony {
    /// Starts with the defaults; base URL and credentials must be set.
    pub fn builder() -> SymphonyBuilder {
        SymphonyBuilder { config: Config::default(), credentials: None, unit: Unit::default() }
    }

    /// The generated typed client.
    pub fn client(&self) -> &Client {
        &self.client
    }
}

/// Builds a [`Symphony`]. The base URL ends in `/pod`, as in `https://acme.symphony.com/pod`.
#[derive(Clone, Debug)]
#[must_use]
pub struct SymphonyBuilder {
    config: Config,
    credentials: Option<Given<Credentials>>,
    unit: Unit,
}

/// The unit in which a pod counts the end of a suspension. The document says "unix timestamp", the system's clients
/// send milliseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Unit {
    /// Milliseconds since 1970.
    #[default]
    Milliseconds,
    /// Seconds since 1970.
    Seconds,
}

impl Unit {
    /// Numbers below are seconds, numbers from here on milliseconds: 1973 in the one, 5138 in the other.
    const BORDER: i64 = 100_000_000_000;

    /// As a number; `None` for an instant whose number could only be of the other unit.
    fn number(self, instant: Timestamp) -> Option<i64> {
        match self {
            Unit::Milliseconds => Some(instant.as_millisecond()).filter(|number| *number >= Unit::BORDER),
            Unit::Seconds => Some(instant.as_second()).filter(|number| (0..Unit::BORDER).contains(number)),
        }
    }

    /// From a number; `None` if it can only be of the other unit.
    fn instant(self, number: i64) -> Option<Timestamp> {
        match self {
            Unit::Milliseconds if number >= Unit::BORDER => Timestamp::from_millisecond(number).ok(),
            Unit::Seconds if (0..Unit::BORDER).contains(&number) => Timestamp::from_second(number).ok(),
            _ => None,
        }
    }
}

impl SymphonyBuilder {
    config_setters!();

    /// The unit of the end of a suspension: milliseconds by default.
    pub fn unit(mut self, unit: Unit) -> Self {
        self.unit = unit;
        self
    }

    /// Checks the settings and sets up the client. Nothing is sent.
    ///
    /// # Errors
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput) names the setting that is missing or wrong,
    /// [`Setup`](crate::ErrorKind::Setup) says why TLS or the HTTP client cannot be set up.
    pub fn build(self) -> Result<Symphony> {
        let credentials = self.credentials.ok_or_else(|| Error::missing(SystemKind::SYMPHONY, "credentials"))?;
        let auth = credentials.into_auth(SystemKind::SYMPHONY, Credentials::prepare)?;
        let (base_url, http, session) = self.config.connect(&CONVENTIONS, auth, None)?;
        Ok(Symphony { client: Client::new_with_client(&base_url, http, session), unit: self.unit })
    }
}

/// Credentials for Symphony: the session of a user or bot with the privilege `ACCESS_USER_PROVISIONING_API`.
#[derive(Clone, Debug)]
pub struct Credentials {
    session_token: Secret,
}

impl Credentials {
    /// The session token that RSA authentication gave. It lives between an hour and two weeks.
    pub fn session_token(token: impl Into<Secret>) -> Credentials {
        Credentials { session_token: token.into() }
    }

    fn prepare(&self) -> Result<Prepared> {
        let token = credential_header(SystemKind::SYMPHONY, "the session token", "", &self.session_token)?;
        Ok(Prepared::new(vec![(HeaderName::from_static("sessiontoken"), token)], None, &[&self.session_token]))
    }
}

hooks!(Client);

/// What Symphony says with a status code: its actions are atomic, and a 40x made no change.
pub(crate) const CONVENTIONS: Conventions = Conventions {
    system: SystemKind::SYMPHONY,
    media_types: JSON,
    refusals: &[
        (400, Conclusion::Refused, DOCUMENT),
        (401, Conclusion::Refused, DOCUMENT),
        (403, Conclusion::Refused, DOCUMENT),
    ],
    is_fault: |members| {
        let says = |name: &str, is: fn(&Value) -> bool| members.get(name).is_some_and(is);
        says("code", Value::is_i64) && says("message", Value::is_string)
    },
    retries_500: true,
    expired_403: None,
};

const DOCUMENT: &str =
    "its document, \"Update User Status\"; its guide says that actions are atomic, and a 40x made no change";

impl Fault for types::SymphonyError {
    const SYSTEM: SystemKind = SystemKind::SYMPHONY;
    const CONVENTIONS: &'static Conventions = &CONVENTIONS;

    fn message(&self) -> Option<String> {
        match (&self.message, self.code) {
            (Some(message), Some(code)) => Some(format!("{message} (code {code})")),
            (message, _) => message.clone(),
        }
    }
}

impl Symphony {
    /// What a change is sent with. Refuses what cannot be sent, before anything is.
    fn accept(&self, user: &str, change: &StatusChange) -> Result<(SymphonyUserId, types::SymphonyUserStatus)> {
        self.capabilities().check(SystemKind::SYMPHONY, change)?;
        Ok((user.parse()?, self.body(change)?))
    }

    fn body(&self, change: &StatusChange) -> Result<types::SymphonyUserStatus> {
        let mut body = types::SymphonyUserStatus::default();
        match change.change() {
            Change::Enable => body.status = Some(SymphonyAccountState::Enabled),
            Change::Disable => body.status = Some(SymphonyAccountState::Disabled),
            Change::Unsuspend => body.suspended = Some(false),
            _ => {
                body.suspended = Some(true);
                body.suspension_reason = change.reason().map(str::to_owned);
                if let Some(end) = change.end() {
                    let invalid = |problem: &str| {
                        Error::invalid_input(SystemKind::SYMPHONY, format!("`until` is {end}, {problem}"))
                    };
                    let number = self.unit.number(end);
                    let number = number.ok_or_else(|| invalid("which as a number could only be of the other unit"))?;
                    if self.unit.instant(number) != Some(end) {
                        return Err(invalid("finer than the unit in which the pod counts; round it"));
                    }
                    if end <= self.client.inner.parts().clock.wall() {
                        return Err(invalid("which is past"));
                    }
                    body.suspended_until = Some(number);
                }
            }
        }
        Ok(body)
    }
}

/// What is a yes:
///
/// | | yes | nothing else says |
/// |---|---|---|
/// | write | there is a `message` or a `format` | `code`; a `status` or `suspended` that is not as asked |
/// | read | there is a `status` or `suspended` | `code`, `message` |
impl Symphony {
    /// What an answer says of the account: the status, which is the whole of it.
    fn account(&self, answer: &Answer<'_>, record: &Record) -> Result<AccountStatus> {
        let mut status = AccountStatus::default();
        status.enabled = match answer.fact("status", &[""]) {
            Fact::Is(Value::String(text)) if text == "ENABLED" => Some(true),
            Fact::Is(Value::String(text)) if text == "DISABLED" => Some(false),
            fact => answer.not_understood("status", fact, &mut status),
        };
        let active = answer.flag("suspended", &[""], &mut status);
        let reason = answer.text("suspensionReason", &[""], &mut status);
        let until = match answer.fact("suspendedUntil", &[""]) {
            Fact::Is(Value::Null) => None,
            Fact::Is(Value::Number(number)) if number.as_i64().is_some() => match number.as_i64().unwrap_or_default() {
                0 => None,
                number => Some(self.unit.instant(number).ok_or_else(|| {
                    let problem = "`suspendedUntil` can only be of the other unit; see `SymphonyBuilder::unit`";
                    with_record(Error::new(ErrorKind::OffContract, SystemKind::SYMPHONY, problem), record)
                })?),
            },
            fact => answer.not_understood("suspendedUntil", fact, &mut status),
        };
        status.suspended = active.map(|active| Suspension { active, reason, until });
        Ok(status)
    }
}

/// Why an answer is no yes. A `code`, even one that is null, is a member of faults only.
fn objection(answer: &Answer<'_>, asked: &str) -> Option<String> {
    let code = || answer.member("code").map(|_| "the answer has a code, as a fault has".to_owned());
    answer.objection(asked).or_else(code)
}

impl AccountSystem for Symphony {
    fn kind(&self) -> SystemKind {
        SystemKind::SYMPHONY
    }

    fn base_url(&self) -> &str {
        &self.client.baseurl
    }

    fn capabilities(&self) -> Capabilities {
        let changes = &[Change::Enable, Change::Disable, Change::Suspend, Change::Unsuspend];
        Capabilities { changes, suspends_until: true, comments: false, reads: true }
    }

    fn check(&self, user: &str, change: &StatusChange) -> Result<()> {
        self.accept(user, change).map(drop)
    }

    fn repeatable(&self, change: &StatusChange) -> bool {
        crate::operation::repeatable(SystemKind::SYMPHONY, change.change(), None)
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
            let asked = id.get().to_string();
            let record = send(options, pin!(self.client.update_user_status().uid(id).body(body).send())).await?;
            let answer = Answer::of(&record);
            if let Some(why) = objection(&answer, &asked) {
                return Err(applying.contradicted(&record, &why));
            }
            let text = |name: &str| answer.member(name).and_then(Value::as_str);
            if text("message").is_none_or(str::is_empty) && text("format").is_none() {
                return Err(applying.says_nothing(&record));
            }
            let status = self.account(&answer, &record).map_err(|error| error.with_applied(Applied::Unknown))?;
            applying.take_back(&record, &status)?;
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
            let id: SymphonyUserId = user.parse()?;
            let asked = id.get().to_string();
            let call = self.client.get_user_status().uid(id);
            let record = read(&self.client.inner, options, pin!(call.send())).await?;
            let answer = Answer::of(&record);
            // A status has no message; a fault has one, and need not have a code.
            let message = || answer.member("message").map(|_| "the answer has a message, as a fault has".to_owned());
            if let Some(why) = objection(&answer, &asked).or_else(message) {
                return Err(contradicted_read(SystemKind::SYMPHONY, &record, &why));
            }
            match self.account(&answer, &record)? {
                status if status == AccountStatus::default() => Err(empty_read(SystemKind::SYMPHONY, &record)),
                status => Ok(status),
            }
        })
    }
}

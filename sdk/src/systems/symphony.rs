//! The Symphony Pod API: enable, disable, suspend and unsuspend.

use jiff::Timestamp;
use reqwest::header::HeaderName;
use serde_json::Value;

use crate::client::auth::{CredentialInput, WireCredentials, credential_header};
use crate::client::config::{Config, Peer, config_setters};
use crate::dialect::{Before, Conventions, Dialect, Fact, HttpSystem, Request, Response, Verdict};
use crate::model::change::{Change, StatusChange};
use crate::model::conclusion::Conclusion;
use crate::model::error::{Error, Result};
use crate::model::kind::SystemKind;
use crate::model::secret::Secret;
use crate::model::status::{AccountStatus, Suspension};
use crate::seam::convert::ErrorBody;
use crate::seam::hooks;
use crate::system::Capabilities;
use crate::systems::operations::repeatable;

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
/// let leave = StatusChange::suspend("Leave of absence").with_until("2026-12-31T23:59:59Z".parse()?);
/// let receipt = symphony.apply_and_verify("7215545078541", &leave).await?;
/// println!("{}: {}", receipt.proof, receipt.status);
/// # Ok(())
/// # }
/// ```
pub type Symphony = HttpSystem<Api>;

/// The dialect of a pod.
#[derive(Clone, Debug)]
pub struct Api {
    client: Client,
    unit: Unit,
}

pub(crate) const KIND: SystemKind = SystemKind::SYMPHONY;
const PEER: Peer = Peer { kind: KIND, reads: true, conventions: CONVENTIONS, representation: None };

impl Symphony {
    /// Starts with the defaults; base URL and credentials must be set.
    pub fn builder() -> SymphonyBuilder {
        SymphonyBuilder { config: Config::default(), credentials: None, unit: Unit::default() }
    }

    /// Returns the generated typed client.
    pub fn client(&self) -> &Client {
        &self.dialect.client
    }
}

/// Builds a [`Symphony`]. The base URL ends in `/pod`, as in `https://acme.symphony.com/pod`.
#[derive(Clone, Debug)]
#[must_use]
pub struct SymphonyBuilder {
    config: Config,
    credentials: Option<CredentialInput<Credentials>>,
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

    /// Sets the unit of the end of a suspension: milliseconds by default.
    pub fn unit(mut self, unit: Unit) -> Self {
        self.unit = unit;
        self
    }

    /// Checks the settings and sets up the client. Nothing is sent.
    ///
    /// # Errors
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput) names the setting that is missing or wrong,
    /// [`ClientSetup`](crate::ErrorKind::ClientSetup) says why TLS or the HTTP client cannot be set up.
    pub fn build(self) -> Result<Symphony> {
        let session = self.config.connect(PEER, self.credentials, Credentials::prepare)?;
        Ok(HttpSystem { dialect: Api { client: session.client(Client::new_with_client), unit: self.unit }, session })
    }
}

/// Credentials for Symphony: the session of a user or bot with the privilege `ACCESS_USER_PROVISIONING_API`.
#[derive(Clone, Debug)]
pub struct Credentials {
    session_token: Secret,
}

impl Credentials {
    /// Creates credentials from the session token that RSA authentication gave. It lives between an hour and two weeks.
    pub fn session_token(token: impl Into<Secret>) -> Credentials {
        Credentials { session_token: token.into() }
    }

    fn prepare(&self) -> Result<WireCredentials> {
        let token = credential_header(KIND, "the session token", "", &self.session_token)?;
        Ok(WireCredentials::new(vec![(HeaderName::from_static("sessiontoken"), token)], None, &[&self.session_token]))
    }
}

hooks!(Client, crate::systems::operation);

/// The conventions of Symphony's status codes: its actions are atomic, and a 40x made no change. Its own clients retry after a
/// 500.
pub(crate) const CONVENTIONS: Conventions = Conventions::new()
    .with_refusals(
        &[
            (400, Conclusion::Refused, DOCUMENT),
            (401, Conclusion::Refused, DOCUMENT),
            (403, Conclusion::Refused, DOCUMENT),
        ],
        |members| {
            let says = |name: &str, is: fn(&Value) -> bool| members.get(name).is_some_and(is);
            says("code", Value::is_i64) && says("message", Value::is_string)
        },
    )
    .with_message(|members| {
        let message = members.get("message")?.as_str()?;
        let code = members.get("code").and_then(Value::as_i64);
        Some(code.map_or_else(|| message.to_owned(), |code| format!("{message} (code {code})")))
    })
    .with_meanings(|text| {
        const MEANINGS: [(&str, &str); 2] = [
            ("Invalid session", "the session has ended, or there was none"),
            (
                "The user lacks the required entitlement",
                "the owner of the session lacks the privilege ACCESS_USER_PROVISIONING_API",
            ),
        ];
        MEANINGS.iter().find(|(says, _)| text.starts_with(says)).map(|(_, meaning)| *meaning)
    })
    .with_retries_after_500();

const DOCUMENT: &str =
    "its document, \"Update User Status\"; its guide says that actions are atomic, and a 40x made no change";

impl ErrorBody for types::SymphonyError {
    const SYSTEM: SystemKind = KIND;
    const CONVENTIONS: Conventions = CONVENTIONS;
}

impl Api {
    /// The body of a request.
    fn body(&self, change: &StatusChange) -> Result<types::SymphonyUserStatus> {
        let mut body = types::SymphonyUserStatus::default();
        match change.change() {
            Change::Enable => body.status = Some(SymphonyAccountState::Enabled),
            Change::Disable => body.status = Some(SymphonyAccountState::Disabled),
            Change::Unsuspend => body.suspended = Some(false),
            _ => {
                body.suspended = Some(true);
                body.suspension_reason = change.reason().map(str::to_owned);
                if let Some(end) = change.until() {
                    let invalid = |problem: &str| Error::invalid_input(KIND, format!("`until` is {end}, {problem}"));
                    let number = self.unit.number(end);
                    let number = number.ok_or_else(|| invalid("which as a number could only be of the other unit"))?;
                    if self.unit.instant(number) != Some(end) {
                        return Err(invalid("finer than the unit in which the pod counts; round it"));
                    }
                    if end <= self.client.inner.parts().wall() {
                        return Err(invalid("which is past"));
                    }
                    body.suspended_until = Some(number);
                }
            }
        }
        Ok(body)
    }

    /// Returns what a response says of the account: the status, which is the whole of it.
    fn account(&self, response: &Response<'_>) -> std::result::Result<AccountStatus, Verdict> {
        let mut status = AccountStatus::default();
        status.enabled = match response.fact("status", &[""]) {
            Fact::Is(Value::String(text)) if text == "ENABLED" => Some(true),
            Fact::Is(Value::String(text)) if text == "DISABLED" => Some(false),
            fact => response.not_understood("status", fact, &mut status),
        };
        let active = response.flag("suspended", &[""], &mut status);
        let reason = response.text("suspensionReason", &[""], &mut status);
        let until = match response.fact("suspendedUntil", &[""]) {
            Fact::Is(Value::Null) => None,
            Fact::Is(Value::Number(number)) if number.as_i64().is_some() => match number.as_i64().unwrap_or_default() {
                0 => None,
                number => Some(self.unit.instant(number).ok_or_else(|| {
                    let problem = "`suspendedUntil` can only be of the other unit; see `SymphonyBuilder::unit`";
                    Verdict::Unclear(problem.into())
                })?),
            },
            fact => response.not_understood("suspendedUntil", fact, &mut status),
        };
        status.suspended = active.map(|active| Suspension { active, reason, until });
        Ok(status)
    }
}

/// A yes has:
///
/// | | yes | nothing else says |
/// |---|---|---|
/// | write | there is a `message` or a `format` | `code`; a `status` or `suspended` that is not as asked |
/// | read | there is a `status` or `suspended` | `code`, `message` |
impl Dialect for Api {
    fn kind(&self) -> SystemKind {
        KIND
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities::new(&[Change::Enable, Change::Disable, Change::Suspend, Change::Unsuspend])
            .with_suspends_until(true)
            // Its guide: a suspension that has ended is lifted when the user signs in.
            .with_suspension_bars_sign_in(true)
            .with_reads(true)
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
        let id: SymphonyUserId = user.parse()?;
        Ok(Request::generated(self.client.update_user_status().uid(id).body(self.body(change)?).send()))
    }

    fn read_request<'a>(&'a self, user: &'a str) -> Result<Request<'a>> {
        let id: SymphonyUserId = user.parse()?;
        Ok(Request::generated(self.client.get_user_status().uid(id).send()))
    }

    fn verdict(&self, response: &Response<'_>) -> Verdict {
        // A `code`, even one that is null, is a member of faults only; so is a message of what is no write.
        match ["code", "message"].iter().find(|name| response.member(name).is_some()) {
            Some(name) => Verdict::No(format!("the response has a {name}, as a fault has")),
            None => self.account(response).map_or_else(|unclear| unclear, Verdict::Proof),
        }
    }

    fn change_verdict(&self, _: &StatusChange, _: Option<&AccountStatus>, response: &Response<'_>) -> Verdict {
        if response.member("code").is_some() {
            return Verdict::No("the response has a code, as a fault has".to_owned());
        }
        let text = |name: &str| response.member(name).and_then(Value::as_str);
        if text("message").is_none_or(str::is_empty) && text("format").is_none() {
            return Verdict::NOTHING;
        }
        self.account(response).map_or_else(|unclear| unclear, Verdict::Yes)
    }
}

//! Faults: what goes wrong in real life, on demand.
//!
//! A fault says which calls it strikes, how often, and whether it strikes **before or after the change is applied**. That
//! is what makes a claim about a lost response testable.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use user_status_openapi::{Operation, SystemKind};

use crate::bounds;
use crate::contract::contract;

mod effect;
mod injection;

pub use effect::RetryAfter;
use effect::{Effect, Latency, Status};
pub(crate) use injection::{ActiveFault, Injection};

/// One thing that goes wrong.
///
/// ```
/// use user_status_mock::{Fault, SystemKind};
///
/// // The first answer of Symphony is lost after the change was made, the next one is not.
/// let lost = Fault::reset().after_the_change().on_system(SystemKind::Symphony).times(1);
/// ```
///
/// The admin API and a world's document take the same as JSON, where what needs no arguments is a word:
///
/// ```
/// use user_status_mock::Fault;
/// use serde_json::json;
///
/// let lost: Fault = serde_json::from_value(json!({
///     "kind": "reset", "when": "after_the_change", "on": { "system": "symphony" }, "times": 1,
/// }))?;
/// let busy: Fault = serde_json::from_value(json!({
///     "kind": { "unavailable": { "retry_after": { "seconds": 2 } } }, "probability": 0.1,
/// }))?;
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fault {
    #[serde(deserialize_with = "effect::read")]
    kind: Effect,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    when: Option<Strikes>,
    #[serde(default, skip_serializing_if = "On::is_everything")]
    on: On,
    /// The number of times that it strikes; always if it is left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    times: Option<u32>,
    /// The number of calls that it lets pass first.
    #[serde(default, skip_serializing_if = "is_zero")]
    skip: u32,
    /// How likely it is to strike a call; always if it is left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    probability: Option<f64>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    off_contract: bool,
}

fn is_zero(number: &u32) -> bool {
    *number == 0
}

/// The moment of a fault: before the change, or after it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Strikes {
    BeforeTheChange,
    AfterTheChange,
}

/// The calls that a fault strikes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct On {
    #[serde(skip_serializing_if = "Option::is_none")]
    system: Option<SystemKind>,
    #[serde(skip_serializing_if = "Option::is_none")]
    operation: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    user: Option<String>,
}

impl On {
    fn is_everything(&self) -> bool {
        *self == On::default()
    }

    fn is_for(&self, operation: &Operation) -> bool {
        self.system.is_none_or(|system| system == operation.system)
            && self.operation.as_ref().is_none_or(|id| *id == operation.id)
    }
}

impl Fault {
    fn of(kind: Effect) -> Fault {
        Fault { kind, when: None, on: On::default(), times: None, skip: 0, probability: None, off_contract: false }
    }

    /// Sends a response of this status code with this JSON body. One that the contract does not have is refused when the fault
    /// is registered, unless it is [`off_contract`](Fault::off_contract).
    pub fn response(status: u16, body: Value) -> Fault {
        Fault::of(Effect::Response { status, body, headers: Default::default() })
    }

    /// Adds a header to an [`response`](Fault::response); no other fault has headers of its own.
    #[must_use]
    pub fn header(mut self, name: impl Into<String>, value: impl Into<String>) -> Fault {
        if let Effect::Response { headers, .. } = &mut self.kind {
            headers.insert(name.into(), value.into());
        }
        self
    }

    /// Sends a 429, which no system's document has.
    pub fn rate_limited(retry_after: RetryAfter) -> Fault {
        Fault::of(Effect::RateLimited { retry_after })
    }

    /// Sends a 503, which no system's document has.
    pub fn unavailable(retry_after: RetryAfter) -> Fault {
        Fault::of(Effect::Unavailable { retry_after })
    }

    /// Sends a 429 for every request beyond so many in a window of so many seconds on the clock of the world. The window opens
    /// with its first request. Requests that another fault struck before are not counted.
    pub fn quota(requests: u32, seconds: u32) -> Fault {
        Fault::of(Effect::Quota { requests, seconds })
    }

    /// Sends a gateway's page: 502 in HTML.
    pub fn html_502() -> Fault {
        Fault::of(Effect::Html502)
    }

    /// Sends a truncated body: invalid JSON, or invalid XML where XML was negotiated.
    pub fn malformed_body(status: u16) -> Fault {
        Fault::of(Effect::MalformedBody(Status { status }))
    }

    /// Sends a JSON body that says it is plain text.
    pub fn wrong_content_type(status: u16) -> Fault {
        Fault::of(Effect::WrongContentType(Status { status }))
    }

    /// Sends a body that is not UTF-8.
    pub fn invalid_utf8(status: u16) -> Fault {
        Fault::of(Effect::InvalidUtf8(Status { status }))
    }

    /// Sends no body at all.
    pub fn empty_body(status: u16) -> Fault {
        Fault::of(Effect::EmptyBody(Status { status }))
    }

    /// Resets the connection before the first byte of the response.
    pub fn reset() -> Fault {
        Fault::of(Effect::Reset)
    }

    /// Resets the connection in the middle of the body.
    pub fn reset_in_body() -> Fault {
        Fault::of(Effect::ResetInBody)
    }

    /// Closes the connection before the first byte of the response.
    pub fn close() -> Fault {
        Fault::of(Effect::Close)
    }

    /// Closes the connection within a body that is shorter than announced.
    pub fn truncate() -> Fault {
        Fault::of(Effect::Truncate)
    }

    /// Never responds.
    pub fn hang() -> Fault {
        Fault::of(Effect::Hang)
    }

    /// Sends the body so many bytes at a time, with a pause before each.
    pub fn drip(bytes: usize, pause: Duration) -> Fault {
        Fault::of(Effect::Drip { bytes, milliseconds: milliseconds(pause) })
    }

    /// Delays the response. The change is made at once, unless the fault strikes
    /// [`before_the_change`](Fault::before_the_change): then a caller who goes away in the meantime finds it not made.
    /// Delays add up, and leave the call to further faults. A [`MockServer`](crate::MockServer) makes the change at once
    /// all the same.
    pub fn delay(by: Duration) -> Fault {
        Fault::of(Effect::Delay(Latency::Milliseconds(milliseconds(by))))
    }

    /// Delays as [`delay`](Fault::delay), with every delay from the one to the other equally likely.
    pub fn delay_uniform(from: Duration, to: Duration) -> Fault {
        Fault::of(Effect::Delay(Latency::Uniform { from: milliseconds(from), to: milliseconds(to) }))
    }

    /// Delays as [`delay`](Fault::delay), as real services are: half of the delays are below the median, and some are much
    /// longer, the more so the greater `sigma` (0.5 is usual).
    pub fn delay_lognormal(median: Duration, sigma: f64) -> Fault {
        Fault::of(Effect::Delay(Latency::Lognormal { median: milliseconds(median), sigma }))
    }

    /// Strikes with one fault after the other, each for one call or as many [`times`](Fault::times) as it says; after the last one,
    /// none. Which calls are struck is for the script to say, and not for its steps.
    ///
    /// ```
    /// use user_status_mock::{Fault, RetryAfter, SystemKind};
    ///
    /// let unavailable = Fault::unavailable(RetryAfter::Missing);
    /// let script = Fault::script([unavailable.times(2), Fault::normal(), Fault::reset().after_the_change()]);
    /// let script = script.on_system(SystemKind::Symphony);
    /// ```
    pub fn script(steps: impl IntoIterator<Item = Fault>) -> Fault {
        Fault::of(Effect::Script(steps.into_iter().collect()))
    }

    /// Strikes with nothing: a step of a [`script`](Fault::script).
    pub fn normal() -> Fault {
        Fault::of(Effect::Normal)
    }

    /// Strikes before the change: it is not made. The default, except for a delay.
    #[must_use]
    pub fn before_the_change(mut self) -> Fault {
        self.when = Some(Strikes::BeforeTheChange);
        self
    }

    /// Strikes after the change: it is made, and the response is lost or replaced.
    #[must_use]
    pub fn after_the_change(mut self) -> Fault {
        self.when = Some(Strikes::AfterTheChange);
        self
    }

    /// Strikes calls of one system only.
    #[must_use]
    pub fn on_system(mut self, system: SystemKind) -> Fault {
        self.on.system = Some(system);
        self
    }

    /// Strikes calls of one operation only.
    #[must_use]
    pub fn on_operation(mut self, id: impl Into<String>) -> Fault {
        self.on.operation = Some(id.into());
        self
    }

    /// Strikes calls about this user only.
    #[must_use]
    pub fn on_user(mut self, user: impl Into<String>) -> Fault {
        self.on.user = Some(user.into());
        self
    }

    /// Strikes so many times, and then no more. Always by default.
    #[must_use]
    pub fn times(mut self, times: u32) -> Fault {
        self.times = Some(times);
        self
    }

    /// Lets so many calls pass first.
    #[must_use]
    pub fn skip(mut self, calls: u32) -> Fault {
        self.skip = calls;
        self
    }

    /// Strikes with this probability, from 0 to 1, by the seed of the world.
    #[must_use]
    pub fn probability(mut self, probability: f64) -> Fault {
        self.probability = Some(probability);
        self
    }

    /// Allows an [`response`](Fault::response) that the contract does not have. The faults that never are of the contract,
    /// such as [`rate_limited`](Fault::rate_limited), need not say so.
    #[must_use]
    pub fn off_contract(mut self) -> Fault {
        self.off_contract = true;
        self
    }

    /// Returns whether it needs a transport that can break the wire.
    pub(crate) fn breaks_the_wire(&self) -> bool {
        match &self.kind {
            Effect::Script(steps) => steps.iter().any(Fault::breaks_the_wire),
            kind => kind.wire().is_some(),
        }
    }

    /// Refuses what strikes no operation, answers that the contract does not have, and what is too long to be kept.
    pub(crate) fn check(&self) -> Result<(), FaultError> {
        let size = bounds::size(self);
        if size > bounds::BYTES {
            return Err(FaultError(format!("it must have at most {} bytes as JSON, and has {size}", bounds::BYTES)));
        }
        let all = contract().operations().iter();
        let struck: Vec<&Operation> = all.filter(|operation| self.on.is_for(operation)).collect();
        if struck.is_empty() {
            return Err(FaultError(match &self.on.operation {
                Some(id) if contract().operation(id).is_none() => {
                    let known: Vec<&str> = contract().operations().iter().map(|o| o.id.as_str()).collect();
                    format!("`{}` is no operation; there are {}", id.escape_debug(), known.join(", "))
                }
                _ => "no operation of the contract is struck by it".to_owned(),
            }));
        }
        if self.probability.is_some_and(|probability| !(0.0..=1.0).contains(&probability)) {
            return Err(FaultError("`probability` must be from 0 to 1".to_owned()));
        }
        self.kind.check(&struck, self.off_contract)
    }

    fn check_step(&self, struck: &[&Operation], off_contract: bool) -> Result<(), FaultError> {
        if matches!(self.kind, Effect::Script(_) | Effect::Quota { .. }) {
            return Err(FaultError("a step of a script must not be a script or a quota".to_owned()));
        }
        if !self.on.is_everything() || self.skip > 0 || self.probability.is_some() {
            let problem = "a step of a script has no `on`, `skip` or `probability`; the script itself may";
            return Err(FaultError(problem.to_owned()));
        }
        self.kind.check(struck, off_contract || self.off_contract)
    }

    /// Returns whether the change is made.
    fn applies_change(&self) -> bool {
        let default = if matches!(self.kind, Effect::Delay(_) | Effect::Drip { .. }) {
            Strikes::AfterTheChange
        } else {
            Strikes::BeforeTheChange
        };
        self.when.unwrap_or(default) == Strikes::AfterTheChange
    }
}

fn milliseconds(duration: Duration) -> u64 {
    duration.as_millis().try_into().unwrap_or(u64::MAX)
}

/// Why a fault was refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FaultError(pub(crate) String);

impl FaultError {
    /// There is no room for another one.
    pub(crate) fn too_many() -> FaultError {
        FaultError(format!("a world must have at most {} faults, and has them already; take some back", bounds::FAULTS))
    }

    /// The fault breaks the wire, and the transport cannot.
    pub(crate) fn no_wire() -> FaultError {
        FaultError("this transport cannot break the wire; a StandaloneServer can".to_owned())
    }
}

impl fmt::Display for FaultError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the fault was refused: {}", self.0)
    }
}

impl std::error::Error for FaultError {}

//! Faults: what goes wrong in real life, on demand.
//!
//! A fault says which calls it strikes, how often, and whether it strikes **before or after the change is applied**. That
//! is what makes a claim about a lost answer testable.

use std::fmt;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderValue, Response, header};
use jiff::Timestamp;
use serde_json::Value;
use user_status_openapi::validate::Validator;
use user_status_openapi::{Contract, Operation, Vendor};

use super::{Reply, respond};

/// One thing that goes wrong.
///
/// ```
/// use user_status_mock::{Fault, Vendor};
///
/// // The first answer of Symphony is lost after the change was made, the next one is not.
/// let lost = Fault::reset().after_the_change().on_vendor(Vendor::Symphony).times(1);
/// ```
#[derive(Clone, Debug)]
pub struct Fault {
    kind: Kind,
    strikes: Strikes,
    vendor: Option<Vendor>,
    operation: Option<String>,
    user: Option<String>,
    /// How often it still strikes; `None` for always.
    times: Option<u32>,
    off_contract: bool,
}

#[derive(Clone, Debug)]
enum Kind {
    Answer { status: u16, body: Value, headers: Vec<(header::HeaderName, HeaderValue)> },
    Raw { status: u16, content_type: &'static str, body: &'static [u8] },
    Delay(Duration),
    Wire(WireFault),
}

/// Whether the change is made before the fault strikes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Strikes {
    BeforeTheChange,
    AfterTheChange,
}

/// What happens to the bytes of an answer. Only a transport of the mock's own can do it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum WireFault {
    /// The connection is reset (RST) before the first byte of the answer.
    Reset,
    /// The connection is reset (RST) in the middle of the body.
    ResetInBody,
    /// The connection is closed (FIN) before the first byte of the answer.
    Close,
    /// The connection is closed (FIN) in the middle of the body, shorter than announced.
    Truncate,
    /// No answer ever comes.
    Hang,
}

/// What `Retry-After` says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RetryAfter {
    /// There is none.
    Missing,
    /// So many seconds.
    Seconds(u64),
    /// At this time, as an HTTP date.
    Date(Timestamp),
}

impl Fault {
    fn of(kind: Kind) -> Fault {
        Fault {
            kind,
            strikes: Strikes::BeforeTheChange,
            vendor: None,
            operation: None,
            user: None,
            times: None,
            off_contract: false,
        }
    }

    /// An answer of this status code with this JSON body. One that the contract does not have is refused when the fault
    /// is registered, unless it is [`off_contract`](Fault::off_contract).
    pub fn answer(status: u16, body: Value) -> Fault {
        Fault::of(Kind::Answer { status, body, headers: Vec::new() })
    }

    /// 429, which no vendor's document has.
    pub fn rate_limited(retry_after: RetryAfter) -> Fault {
        Fault::come_back(429, retry_after)
    }

    /// 503, which no vendor's document has.
    pub fn unavailable(retry_after: RetryAfter) -> Fault {
        Fault::come_back(503, retry_after)
    }

    fn come_back(status: u16, retry_after: RetryAfter) -> Fault {
        let value = match retry_after {
            RetryAfter::Missing => None,
            RetryAfter::Seconds(seconds) => Some(seconds.to_string()),
            RetryAfter::Date(time) => Some(time.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string()),
        };
        let value = value.and_then(|value| HeaderValue::try_from(value).ok());
        let headers = value.map(|value| (header::RETRY_AFTER, value)).into_iter().collect();
        Fault::of(Kind::Answer { status, body: Value::Object(Default::default()), headers }).off_contract()
    }

    /// A gateway's page: 502 in HTML.
    pub fn html_502() -> Fault {
        let body = b"<html><body><h1>502 Bad Gateway</h1></body></html>";
        Fault::of(Kind::Raw { status: 502, content_type: "text/html", body }).off_contract()
    }

    /// A body that starts as JSON and is none.
    pub fn malformed_body(status: u16) -> Fault {
        Fault::of(Kind::Raw { status, content_type: "application/json", body: b"{\"message\": \"O" }).off_contract()
    }

    /// A JSON body that says it is plain text.
    pub fn wrong_content_type(status: u16) -> Fault {
        Fault::of(Kind::Raw { status, content_type: "text/plain", body: b"{\"message\": \"OK\"}" }).off_contract()
    }

    /// A body that is no UTF-8.
    pub fn invalid_utf8(status: u16) -> Fault {
        Fault::of(Kind::Raw { status, content_type: "application/json", body: b"{\"message\": \"\xff\xfe\"}" })
            .off_contract()
    }

    /// No body at all.
    pub fn empty_body(status: u16) -> Fault {
        Fault::of(Kind::Raw { status, content_type: "application/json", body: b"" }).off_contract()
    }

    /// The connection is reset before the first byte of the answer.
    pub fn reset() -> Fault {
        Fault::of(Kind::Wire(WireFault::Reset))
    }

    /// The connection is reset in the middle of the body.
    pub fn reset_in_body() -> Fault {
        Fault::of(Kind::Wire(WireFault::ResetInBody))
    }

    /// The connection is closed before the first byte of the answer.
    pub fn close() -> Fault {
        Fault::of(Kind::Wire(WireFault::Close))
    }

    /// The body is shorter than announced.
    pub fn truncate() -> Fault {
        Fault::of(Kind::Wire(WireFault::Truncate))
    }

    /// No answer ever comes.
    pub fn hang() -> Fault {
        Fault::of(Kind::Wire(WireFault::Hang))
    }

    /// The answer comes so much later. The change is made at once.
    pub fn delay(by: Duration) -> Fault {
        Fault::of(Kind::Delay(by)).after_the_change()
    }

    /// Strikes before the change: it is not made. The default.
    #[must_use]
    pub fn before_the_change(mut self) -> Fault {
        self.strikes = Strikes::BeforeTheChange;
        self
    }

    /// Strikes after the change: it is made, and the answer is lost or replaced.
    #[must_use]
    pub fn after_the_change(mut self) -> Fault {
        self.strikes = Strikes::AfterTheChange;
        self
    }

    /// Strikes calls of one vendor only.
    #[must_use]
    pub fn on_vendor(mut self, vendor: Vendor) -> Fault {
        self.vendor = Some(vendor);
        self
    }

    /// Strikes calls of one operation only.
    #[must_use]
    pub fn on_operation(mut self, id: impl Into<String>) -> Fault {
        self.operation = Some(id.into());
        self
    }

    /// Strikes calls whose path names this user only.
    #[must_use]
    pub fn on_user(mut self, user: impl Into<String>) -> Fault {
        self.user = Some(user.into());
        self
    }

    /// Strikes so many times, and then no more. Always by default.
    #[must_use]
    pub fn times(mut self, times: u32) -> Fault {
        self.times = Some(times);
        self
    }

    /// The answer may be one that the contract does not have.
    #[must_use]
    pub fn off_contract(mut self) -> Fault {
        self.off_contract = true;
        self
    }

    /// Whether it needs a transport that can break the wire.
    pub(crate) fn breaks_the_wire(&self) -> bool {
        matches!(self.kind, Kind::Wire(_))
    }

    /// Refuses what can never strike, and answers that the contract does not have.
    pub(super) fn check(&self, contract: &Contract, validator: &Validator) -> Result<(), FaultError> {
        let struck: Vec<&Operation> = contract.operations().iter().filter(|operation| self.is_for(operation)).collect();
        if struck.is_empty() {
            return Err(FaultError("no operation of the contract is struck by it".to_owned()));
        }
        let Kind::Answer { status, body, .. } = &self.kind else { return Ok(()) };
        if self.off_contract {
            return Ok(());
        }
        for operation in struck {
            let Some(response) = operation.responses.get(status) else {
                let problem =
                    format!("#{}/responses has no {status}; say `off_contract` to send it", operation.pointer);
                return Err(FaultError(problem));
            };
            let schema = response.content.first().map(|content| content.schema.as_str()).unwrap_or_default();
            if let Some(violation) = validator.validate(schema, body).first() {
                let problem = format!("{violation} (by #{}); say `off_contract` to send it", violation.contract);
                return Err(FaultError(problem));
            }
        }
        Ok(())
    }

    /// Whether it strikes this call; if so, it has struck once more.
    pub(super) fn strike(&mut self, operation: &Operation, users: &[(&str, String)]) -> bool {
        let user = self.user.as_ref().is_none_or(|user| users.iter().any(|(_, given)| given == user));
        if !self.is_for(operation) || !user || self.times == Some(0) {
            return false;
        }
        self.times = self.times.map(|times| times - 1);
        true
    }

    fn is_for(&self, operation: &Operation) -> bool {
        self.vendor.is_none_or(|vendor| vendor == operation.vendor)
            && self.operation.as_ref().is_none_or(|id| *id == operation.id)
    }

    /// Whether the change is made.
    pub(super) fn lets_the_change_be(&self) -> bool {
        self.strikes == Strikes::AfterTheChange
    }

    /// What goes back instead of, or with, the answer.
    pub(super) fn reply(&self, answer: Response<Bytes>) -> Reply {
        let plain = |response| Reply { response, delay: None, wire: None };
        match &self.kind {
            Kind::Answer { status, body, headers } => {
                let mut response = respond(*status, super::media_type::JSON, Bytes::from(body.to_string()));
                for (name, value) in headers {
                    response.headers_mut().insert(name, value.clone());
                }
                plain(response)
            }
            Kind::Raw { status, content_type, body } => plain(respond(*status, content_type, Bytes::from_static(body))),
            Kind::Delay(by) => Reply { delay: Some(*by), ..plain(answer) },
            Kind::Wire(fault) => Reply { wire: Some(*fault), ..plain(answer) },
        }
    }
}

/// Why a fault was refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FaultError(pub(crate) String);

impl fmt::Display for FaultError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the fault was refused: {}", self.0)
    }
}

impl std::error::Error for FaultError {}

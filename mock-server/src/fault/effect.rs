//! What a fault does.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Response, header};
use jiff::{SignedDuration, Timestamp};
use serde::de::value::MapAccessDeserializer;
use serde::de::{self, Deserializer, IntoDeserializer as _, MapAccess, Visitor};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use user_status_openapi::Operation;

use super::{Fault, FaultError};
use crate::codec::media_type::{Codec, JSON};
use crate::contract::{contract, validator};
use crate::reply::{Reply, WireFault, respond, respond_empty};

/// The longest that a fault delays a response: an hour.
const LONGEST: u64 = 60 * 60 * 1000;

/// The effect of a fault.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub(super) enum Effect {
    Response {
        status: u16,
        #[serde(default = "empty")]
        body: Value,
        #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
        headers: BTreeMap<String, String>,
    },
    RateLimited {
        #[serde(default)]
        retry_after: RetryAfter,
    },
    Unavailable {
        #[serde(default)]
        retry_after: RetryAfter,
    },
    Quota {
        requests: u32,
        seconds: u32,
    },
    #[serde(rename = "html_502")]
    Html502,
    MalformedBody(Status),
    WrongContentType(Status),
    #[serde(rename = "invalid_utf8")]
    InvalidUtf8(Status),
    EmptyBody(Status),
    Delay(Latency),
    Drip {
        bytes: usize,
        milliseconds: u64,
    },
    Reset,
    ResetInBody,
    Close,
    Truncate,
    Hang,
    /// No fault: a step of a script.
    Normal,
    Script(Vec<Fault>),
}

/// Reads a kind: an object with one member, or a word where there is nothing to say beside it or all of it may be left
/// out.
pub(super) fn read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Effect, D::Error> {
    struct Read;

    impl<'de> Visitor<'de> for Read {
        type Value = Effect;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a word, or an object with one member")
        }

        fn visit_str<E: de::Error>(self, word: &str) -> Result<Effect, E> {
            let status = || Status { status: ok() };
            Ok(match word {
                "rate_limited" => Effect::RateLimited { retry_after: RetryAfter::Missing },
                "unavailable" => Effect::Unavailable { retry_after: RetryAfter::Missing },
                "malformed_body" => Effect::MalformedBody(status()),
                "wrong_content_type" => Effect::WrongContentType(status()),
                "invalid_utf8" => Effect::InvalidUtf8(status()),
                "empty_body" => Effect::EmptyBody(status()),
                _ => return Effect::deserialize(word.into_deserializer()),
            })
        }

        fn visit_map<A: MapAccess<'de>>(self, members: A) -> Result<Effect, A::Error> {
            Effect::deserialize(MapAccessDeserializer::new(members))
        }
    }
    deserializer.deserialize_any(Read)
}

/// The status code of a response whose body is broken.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Status {
    #[serde(default = "ok")]
    pub(super) status: u16,
}

fn ok() -> u16 {
    200
}

fn empty() -> Value {
    Value::Object(serde_json::Map::new())
}

/// The delay of a response, in milliseconds.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub(super) enum Latency {
    Milliseconds(u64),
    Uniform { from: u64, to: u64 },
    Lognormal { median: u64, sigma: f64 },
}

impl Latency {
    pub(super) fn draw(self, rng: &mut fastrand::Rng) -> Duration {
        Duration::from_millis(match self {
            Latency::Milliseconds(fixed) => fixed,
            Latency::Uniform { from, to } => rng.u64(from..=to.max(from)),
            Latency::Lognormal { median, sigma } => {
                // Box and Muller's way from two uniform numbers to a normal one; the first must not be 0.
                let (u, v) = (1.0 - rng.f64(), rng.f64());
                let normal = (-2.0 * u.ln()).sqrt() * (std::f64::consts::TAU * v).cos();
                // A float becomes the nearest integer that there is, and never less than 0.
                (median as f64 * (sigma * normal).exp()).min(LONGEST as f64) as u64
            }
        })
    }

    fn check(self) -> Result<(), String> {
        let longest = match self {
            Latency::Milliseconds(fixed) => fixed,
            Latency::Uniform { from, to } if from <= to => to,
            Latency::Uniform { .. } => return Err("`from` must not be more than `to`".to_owned()),
            Latency::Lognormal { median, sigma } if (0.0..=10.0).contains(&sigma) => median,
            Latency::Lognormal { .. } => return Err("`sigma` must be from 0 to 10".to_owned()),
        };
        if longest > LONGEST { Err(format!("a delay must be at most {LONGEST} milliseconds")) } else { Ok(()) }
    }
}

/// The value of `Retry-After`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RetryAfter {
    /// There is none.
    #[default]
    Missing,
    /// So many seconds.
    Seconds(u64),
    /// At this time, as an HTTP date.
    Date(Timestamp),
    /// So many seconds from now on the clock of the world, as an HTTP date.
    DateIn(u32),
}

impl RetryAfter {
    fn value(self, now: Timestamp) -> Option<HeaderValue> {
        let date = |time: Timestamp| time.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string();
        let text = match self {
            RetryAfter::Missing => return None,
            RetryAfter::Seconds(seconds) => seconds.to_string(),
            RetryAfter::Date(time) => date(time),
            RetryAfter::DateIn(seconds) => {
                date(now.saturating_add(SignedDuration::from_secs(seconds.into())).unwrap_or(Timestamp::MAX))
            }
        };
        HeaderValue::try_from(text).ok()
    }
}

impl Effect {
    /// Returns what happens to the wire.
    pub(super) fn wire(&self) -> Option<WireFault> {
        Some(match self {
            Effect::Reset => WireFault::Reset,
            Effect::ResetInBody => WireFault::ResetInBody,
            Effect::Close => WireFault::Close,
            Effect::Truncate => WireFault::Truncate,
            Effect::Hang => WireFault::Hang,
            Effect::Drip { bytes, milliseconds } => {
                WireFault::Drip { bytes: *bytes, every: Duration::from_millis(*milliseconds) }
            }
            _ => return None,
        })
    }

    /// Returns whether it sends what no contract has: what gateways and broken services send.
    fn is_off_contract(&self) -> bool {
        match self {
            Effect::RateLimited { .. }
            | Effect::Unavailable { .. }
            | Effect::Quota { .. }
            | Effect::Html502
            | Effect::MalformedBody(_)
            | Effect::WrongContentType(_)
            | Effect::InvalidUtf8(_)
            | Effect::EmptyBody(_) => true,
            Effect::Response { .. }
            | Effect::Delay(_)
            | Effect::Drip { .. }
            | Effect::Reset
            | Effect::ResetInBody
            | Effect::Close
            | Effect::Truncate
            | Effect::Hang
            | Effect::Normal
            | Effect::Script(_) => false,
        }
    }

    /// Refuses what cannot be done, and an [`Response`](Kind::Response) that these operations do not have.
    pub(super) fn check(&self, struck: &[&Operation], off_contract: bool) -> Result<(), FaultError> {
        let refuse = |problem: String| Err(FaultError(problem));
        let status = match self {
            Effect::Response { status, .. } => *status,
            Effect::MalformedBody(s) | Effect::WrongContentType(s) | Effect::InvalidUtf8(s) | Effect::EmptyBody(s) => {
                s.status
            }
            Effect::RateLimited { .. } | Effect::Quota { .. } => 429,
            Effect::Unavailable { .. } => 503,
            Effect::Html502 => 502,
            Effect::Delay(latency) => return latency.check().map_err(FaultError),
            Effect::Drip { bytes: 0, .. } => return refuse("`bytes` must be at least 1".to_owned()),
            Effect::Drip { milliseconds: LONGEST.., .. } => {
                return refuse(format!("`milliseconds` must be less than {LONGEST}"));
            }
            Effect::Script(steps) if steps.is_empty() => return refuse("a script must have a step".to_owned()),
            Effect::Script(steps) => return steps.iter().try_for_each(|step| step.check_step(struck, off_contract)),
            _ => return Ok(()),
        };
        if !(200..=599).contains(&status) {
            return refuse(format!("`status` must be from 200 to 599, and is {status}"));
        }
        if let Effect::Quota { seconds: 0, .. } = self {
            return refuse("`seconds` must be at least 1".to_owned());
        }
        if let Effect::Response { headers, .. } = self {
            headers.iter().try_for_each(|(name, value)| check_header(name, value))?;
            let content_type = headers.keys().any(|name| name.eq_ignore_ascii_case("content-type"));
            if content_type && !off_contract {
                let problem = "a content type of its own is none of the contract's; say `off_contract` to send it";
                return refuse(problem.to_owned());
            }
        }
        if off_contract || self.is_off_contract() {
            return Ok(());
        }
        for operation in struck {
            let Some(response) = operation.responses.get(&status) else {
                let at = format!("#{}/responses has no {status}", operation.pointer);
                return refuse(format!("{at}; say `off_contract` to send it"));
            };
            let Effect::Response { body, .. } = self else { return Ok(()) };
            let Some(content) = response.content.first() else {
                if *body == empty() {
                    continue;
                }
                return refuse(format!("#{} has no body; say `off_contract` to send any", response.pointer));
            };
            if let Some(violation) = validator().validate(&content.schema, body).first() {
                return refuse(format!("{violation} (by #{}); say `off_contract` to send it", violation.contract));
            }
        }
        Ok(())
    }

    /// Returns what goes back instead of, or with, the response.
    pub(super) fn reply(
        &self,
        operation: &Operation,
        codec: &Codec<'_>,
        now: Timestamp,
        answer: Response<Bytes>,
    ) -> Reply {
        let plain = |response| Reply { response, delay: None, wire: None };
        let come_back = |status, retry_after: RetryAfter| {
            // As MediConnect's code has it, the only system of which such a response is known.
            let body: &[u8] =
                if status == 429 { br#"{"error":"Too many requests","code":"RATE_LIMITED"}"# } else { b"{}" };
            let mut response = respond(status, JSON, Bytes::from_static(body));
            if let Some(value) = retry_after.value(now) {
                response.headers_mut().insert(header::RETRY_AFTER, value);
            }
            plain(response)
        };
        match self {
            Effect::Response { status, body, headers } => {
                let bodyless = operation.responses.get(status).is_some_and(|response| response.content.is_empty());
                let mut response = if bodyless && *body == empty() {
                    respond_empty(*status)
                } else {
                    let written = codec.write_answer(contract(), operation, *status, body);
                    let (content_type, body) = written.unwrap_or_else(|| (JSON, Bytes::from(body.to_string())));
                    respond(*status, content_type, body)
                };
                for (name, value) in headers {
                    if let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::try_from(value)) {
                        response.headers_mut().insert(name, value);
                    }
                }
                plain(response)
            }
            Effect::RateLimited { retry_after } => come_back(429, *retry_after),
            Effect::Unavailable { retry_after } => come_back(503, *retry_after),
            Effect::Quota { seconds, .. } => come_back(429, RetryAfter::Seconds((*seconds).into())),
            Effect::Html502 => {
                let body = b"<html><body><h1>502 Bad Gateway</h1></body></html>";
                plain(respond(502, "text/html", Bytes::from_static(body)))
            }
            Effect::MalformedBody(s) if codec.is_xml() => {
                plain(respond(s.status, codec.name(), Bytes::from_static(b"<User><UserID>f57dd9cc</User")))
            }
            Effect::MalformedBody(s) => {
                plain(respond(s.status, codec.name(), Bytes::from_static(b"{\"message\": \"O")))
            }
            Effect::WrongContentType(s) => {
                plain(respond(s.status, "text/plain", Bytes::from_static(b"{\"message\": \"OK\"}")))
            }
            Effect::InvalidUtf8(s) => {
                plain(respond(s.status, codec.name(), Bytes::from_static(b"{\"message\": \"\xff\xfe\"}")))
            }
            Effect::EmptyBody(s) => plain(respond(s.status, codec.name(), Bytes::new())),
            other => Reply { wire: other.wire(), ..plain(answer) },
        }
    }
}

/// Headers that a response may be given: not those that say how its bytes are framed, which the transport does.
fn check_header(name: &str, value: &str) -> Result<(), FaultError> {
    let framing = [header::CONTENT_LENGTH, header::TRANSFER_ENCODING, header::CONNECTION];
    let problem = match (HeaderName::try_from(name), HeaderValue::try_from(value)) {
        (Ok(name), _) if framing.contains(&name) => format!("the header `{name}` is for the transport to send"),
        (Ok(_), Ok(_)) => return Ok(()),
        (Ok(name), Err(_)) => format!("the value of the header `{name}` is none"),
        (Err(_), _) => format!("`{}` is no header name", name.escape_debug()),
    };
    Err(FaultError(problem))
}

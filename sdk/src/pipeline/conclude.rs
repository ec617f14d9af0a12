//! What a call ends with: a documented response, or an error that says whether the account may have been changed.

use std::time::Duration;

use serde_json::{Map, Value};

use super::attempt::Attempt;
use super::{CallDriver, CallResponse};
use crate::codec::decode::Problem;
use crate::codec::text::shown;
use crate::model::conclusion::Conclusion;
use crate::model::error::{Applied, Error, ErrorKind};
use crate::model::operation::Parsed;
use crate::model::raw::RawResponse;
use crate::policy::retry::AttemptOutcome;

/// The problem with a body that is well-formed, and has a member of another type than the documented.
pub(crate) const MISSHAPEN: &str = "the body is not of the shape that the contract describes";

impl CallDriver<'_> {
    /// Returns whether a response is a 403 that says that there were too many requests.
    pub(super) fn is_rate_limit(&self, raw: &RawResponse) -> bool {
        raw.status == 403 && raw.seen().and_then(Value::as_object).is_some_and(self.parts.conventions.is_rate_limit)
    }

    /// The status code as it is meant: some systems say 403 for credentials that are not valid any more, or for too many requests.
    pub(super) fn effective_status(&self, raw: &RawResponse) -> u16 {
        if self.is_rate_limit(raw) {
            return 429;
        }
        let expired = self.parts.conventions.expired_403.filter(|_| raw.status == 403);
        if expired.is_some_and(|text| self.parts.conventions.message(raw.shown()) == text) { 401 } else { raw.status }
    }

    /// Returns what the call ends with.
    pub(super) fn finish(
        &self,
        ended: Attempt,
        outcome: AttemptOutcome,
        maybe_applied: bool,
        attempts: u32,
    ) -> Result<CallResponse, Error> {
        let system = self.parts.system;
        let write = !self.operation.changes.is_empty();
        let unknown = outcome.may_have_changed();
        let (conclusion, retry_after) = match outcome {
            AttemptOutcome::Answered { conclusion, retry_after, .. } => (conclusion, retry_after),
            _ => (Conclusion::Unknown, None),
        };
        // What a typed client is told by its status code, and by the headers that it gets, alone.
        let told = |raw: &RawResponse| self.parts.conventions.conclude(raw.status, &raw.headers);
        let error = match ended {
            Attempt::Answered(raw) => {
                let status = self.effective_status(&raw);
                match self.parse(&raw) {
                    Ok(body) if status < 300 => return Ok(CallResponse { raw, body, conclusion }),
                    // A plain refusal goes to the typed client as it is. One that an earlier attempt makes uncertain, or
                    // that is not in the system's own words, is no plain refusal any more.
                    Ok(body)
                        if !self.call.is_recorded()
                            && status == raw.status
                            && attempts == 1
                            && !maybe_applied
                            && (write || !unknown)
                            && told(&raw) == conclusion =>
                    {
                        return Ok(CallResponse { raw, body, conclusion });
                    }
                    Err(why) if raw.status < 400 => {
                        Error::new(ErrorKind::UnexpectedResponse, system, why).with_raw(raw)
                    }
                    _ => {
                        let text = self.parts.conventions.message(raw.shown());
                        let meaning = (self.parts.conventions.meaning)(&text);
                        if status == 404 && self.parts.conventions.own_not_found && !self.is_own_error(&raw) {
                            let why = "a 404 that is not the system's own: the base URL may be wrong";
                            Error::new(ErrorKind::UnexpectedResponse, system, why).with_raw(raw)
                        } else {
                            let error = Error::new(ErrorKind::of_status(status), system, shown(&text));
                            error.in_its_words(meaning).with_raw(raw)
                        }
                    }
                }
            }
            Attempt::TooLong(raw) => {
                let limit = self.parts.body_limit;
                let message = format!("the body is longer than the {limit} bytes that are read");
                Error::new(ErrorKind::of_status(self.effective_status(&raw)), system, message).with_raw(raw)
            }
            Attempt::Stale(raw, why) => Error::new(ErrorKind::UnexpectedResponse, system, shown(&why)).with_raw(raw),
            Attempt::NotSent(e) if maybe_applied => {
                let why = "an earlier attempt left, and the last one did not";
                Error::new(ErrorKind::OutcomeUnknown, system, why).with_source(e)
            }
            Attempt::NotSent(e) => Error::new(ErrorKind::NotSent, system, e.to_string()).with_source(e),
            Attempt::Lost { status, why, source } => {
                let kind = status.filter(|_| !unknown).map_or(ErrorKind::OutcomeUnknown, ErrorKind::of_status);
                let error = Error::new(kind, system, why);
                let error = match status {
                    Some(status) => error.with_status(status),
                    None => error,
                };
                match source {
                    Some(source) => error.with_source(source),
                    None => error,
                }
            }
        };
        Err(error
            .with_applied(self.applied(maybe_applied || unknown))
            .with_attempts(attempts)
            .asked_to_wait(retry_after, self.parts.wall()))
    }

    /// The body of a response, of the type that the contract describes.
    ///
    /// # Errors
    /// Why it is not.
    pub(super) fn parse(&self, raw: &RawResponse) -> Result<Parsed, Problem> {
        let Some(parse) = self.operation.parse else { return self.undescribed(raw) };
        if !self.operation.statuses.contains(&raw.status) {
            return Err("this status code is not documented here".into());
        }
        let empty = Value::Object(Map::new());
        let value = match raw.body.is_empty() && self.operation.bodyless.contains(&raw.status) {
            true => &empty,
            false => raw.described(self.parts.representation.as_ref())?,
        };
        // The error's own text may repeat the value.
        parse(raw.status, value).map_err(|_| MISSHAPEN.into())
    }

    /// The body of a response that no contract describes: any success, with JSON or without a body.
    pub(super) fn undescribed(&self, raw: &RawResponse) -> Result<Parsed, Problem> {
        match raw.status {
            200..300 if raw.body.is_empty() => Ok(Box::new(())),
            200..300 => raw.described(self.parts.representation.as_ref()).map(|_| Box::new(()) as Parsed),
            _ => Err("this status code says neither yes nor no".into()),
        }
    }

    /// Nothing is changed by a read, however it ends.
    pub(super) fn applied(&self, unknown: bool) -> Applied {
        if unknown && !self.operation.changes.is_empty() { Applied::Unknown } else { Applied::No }
    }

    /// An earlier call was told to come back later, and this one was not sent before that.
    pub(super) fn asked_to_wait(&self, wait: Duration) -> Error {
        let error = Error::new(ErrorKind::NotSent, self.parts.system, "an earlier request was refused");
        error.asked_to_wait(Some(wait), self.parts.wall())
    }

    pub(super) fn out_of_time(&self) -> Error {
        Error::new(ErrorKind::NotSent, self.parts.system, "there was no time left to send it")
    }
}

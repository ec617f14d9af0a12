//! The five systems, each with its builder, its credentials and its generated typed client.
//!
//! The five modules have the same parts in the same order: the type of the system, its builder, its credentials, what
//! its answers say, and how the canonical changes are expressed; and what was generated for it (`Client`, `types`,
//! `builder`).

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use progenitor_client::ResponseValue;
use serde_json::{Map, Value};

use crate::call::{self, CallOptions, Record};
use crate::change::StatusChange;
use crate::conclusion::Conventions;
use crate::error::{Applied, Error, ErrorKind, Result, shown};
use crate::fault::Fault;
use crate::raw::{RawResponse, find};
use crate::receipt::{Proof, Receipt};
use crate::session::Session;
use crate::status::AccountStatus;
use crate::vendor::Vendor;

#[cfg(feature = "akana")]
pub mod akana;
#[cfg(feature = "clearsquare")]
pub mod clearsquare;
#[cfg(feature = "mediconnect")]
pub mod mediconnect;
#[cfg(feature = "symphony")]
pub mod symphony;
#[cfg(feature = "userdocks")]
pub mod userdocks;

#[cfg(feature = "akana")]
pub use akana::Akana;
#[cfg(feature = "clearsquare")]
pub use clearsquare::Clearsquare;
#[cfg(feature = "mediconnect")]
pub use mediconnect::Mediconnect;
#[cfg(feature = "symphony")]
pub use symphony::Symphony;
#[cfg(feature = "userdocks")]
pub use userdocks::Userdocks;

/// What is true of one system and of no other, of the systems whose features are on.
pub(crate) const CONVENTIONS: &[&Conventions] = &[
    #[cfg(feature = "userdocks")]
    &userdocks::CONVENTIONS,
    #[cfg(feature = "akana")]
    &akana::CONVENTIONS,
    #[cfg(feature = "mediconnect")]
    &mediconnect::CONVENTIONS,
    #[cfg(feature = "symphony")]
    &symphony::CONVENTIONS,
    #[cfg(feature = "clearsquare")]
    &clearsquare::CONVENTIONS,
];

/// Sends one call of a generated client, and says what is known of it. The call is pinned where it is made: it is large, and
/// would be moved otherwise.
async fn send<T, E: Fault>(
    options: CallOptions,
    call: Pin<&mut impl Future<Output = std::result::Result<ResponseValue<T>, progenitor_client::Error<E>>>>,
) -> Result<(T, Record)> {
    let (result, record) = call::record(options, call).await;
    match result {
        Ok(answer) => Ok((answer.into_inner(), record)),
        Err(error) => {
            let error = Error::from(error).with_attempts(record.attempts);
            Err(match record.raw {
                Some(raw) if error.raw().is_none() && error.status() == Some(raw.status) => {
                    error.with_raw(raw).with_retry_after(record.retry_after, record.at)
                }
                _ => error,
            })
        }
    }
}

/// A change that is being made.
struct Applying<'a> {
    session: &'a Session,
    user: &'a str,
    change: &'a StatusChange,
    started: Duration,
}

impl<'a> Applying<'a> {
    fn start(session: &'a Session, user: &'a str, change: &'a StatusChange) -> Applying<'a> {
        Applying { session, user, change, started: session.parts().clock.now() }
    }

    /// Weighs what the answer says the account is: that is the proof, or the contradiction.
    fn weigh(&self, record: Record, status: AccountStatus) -> Result<Receipt> {
        match status.shows(self.change) {
            Some(true) => Ok(self.receipt(record, Proof::Confirmed, status)),
            None => Ok(self.receipt(record, Proof::Accepted, status)),
            Some(false) => {
                let message = format!("asked to {}, the answer shows {status}", self.change);
                Err(self.contradicted(&record, &message).with_other_state_shown())
            }
        }
    }

    fn receipt(&self, record: Record, proof: Proof, status: AccountStatus) -> Receipt {
        let parts = self.session.parts();
        Receipt {
            vendor: parts.vendor,
            user: self.user.to_owned(),
            change: self.change.clone(),
            proof,
            status,
            attempts: record.attempts,
            elapsed: parts.clock.now().saturating_sub(self.started),
            request_id: record.raw.as_ref().and_then(|raw| raw.request_id()),
            raw: record.raw,
        }
    }

    /// An answer that says yes and, in the same breath, no.
    fn contradicted(&self, record: &Record, message: &str) -> Error {
        self.doubt(ErrorKind::Contradicted, record, message)
    }

    /// An answer that says neither yes nor no.
    fn says_nothing(&self, record: &Record) -> Error {
        self.doubt(ErrorKind::OffContract, record, "the answer has none of the members that would say what was done")
    }

    fn doubt(&self, kind: ErrorKind, record: &Record, message: &str) -> Error {
        let error = Error::new(kind, self.session.parts().vendor, shown(message));
        with_record(error.with_applied(Applied::Unknown), record)
    }

    /// The options for the next request of the same call: with the time that is left.
    fn rest(&self, options: CallOptions) -> CallOptions {
        let parts = self.session.parts();
        let spent = parts.clock.now().saturating_sub(self.started);
        options.total_timeout(options.total_timeout.unwrap_or(parts.total_timeout).saturating_sub(spent))
    }
}

/// A read whose answer says yes and no. Nothing was changed by it.
fn contradicted_read(vendor: Vendor, record: &Record, message: &str) -> Error {
    with_record(Error::new(ErrorKind::Contradicted, vendor, shown(message)), record)
}

/// An error with what is known of the call that it is about.
fn with_record(error: Error, record: &Record) -> Error {
    let error = error.with_attempts(record.attempts);
    match &record.raw {
        Some(raw) => error.with_raw(raw.clone()),
        None => error,
    }
}

/// What an answer has besides what its type knows.
fn members(record: &Record) -> Map<String, Value> {
    let raw = record.raw.as_ref();
    raw.and_then(|raw| serde_json::from_slice(&raw.body).ok()).unwrap_or_default()
}

/// Whether an answer has a member that its type does not know. It is parsed only if the name can be in it.
fn has_member(record: &Record, name: &str) -> bool {
    let may_have = |raw: &RawResponse| raw.body.contains(&b'\\') || find(&raw.body, name.as_bytes()).is_some();
    record.raw.as_ref().is_some_and(may_have) && members(record).contains_key(name)
}

/// The first of these members that is a text.
fn text(members: &Map<String, Value>, names: &[&str]) -> Option<String> {
    names.iter().find_map(|name| members.get(*name)?.as_str()).map(str::to_owned)
}

/// Whether an answer is about another account than the one asked for.
fn is_another(asked: &str, answered: Option<&str>) -> bool {
    answered.is_some_and(|answered| !answered.eq_ignore_ascii_case(asked))
}

/// How an answer about another account is reported.
const ANOTHER: &str = "the answer is about another account than the one asked for";

//! The five systems, each with its builder, its credentials and its generated typed client.
//!
//! The five modules have the same parts in the same order: the type of the system, its builder, its credentials, what
//! its answers say, and how the canonical changes are expressed; and what was generated for it (`Client`, `types`,
//! `builder`).

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use progenitor_client::ResponseValue;

use crate::call::{self, CallOptions, Record};
use crate::change::StatusChange;
use crate::conclusion::Conventions;
use crate::error::{Applied, Error, ErrorKind, Result, shown};
use crate::fault::Fault;
use crate::kind::SystemKind;
use crate::receipt::{Proof, Receipt};
use crate::session::Session;
use crate::status::AccountStatus;
use crate::transport::MISSHAPEN;

mod answer;

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
/// would be moved otherwise. What the answer says is in the record.
async fn send<T, E: Fault>(
    options: CallOptions,
    call: Pin<&mut impl Future<Output = std::result::Result<ResponseValue<T>, progenitor_client::Error<E>>>>,
) -> Result<Record> {
    let (result, record) = call::record(options, call).await;
    match result {
        Ok(_) => Ok(record),
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

/// The same for a read. An answer in which a member is not of the documented type is of use all the same: what is known of
/// the account is in the others.
async fn read<T, E: Fault>(
    session: &Session,
    options: CallOptions,
    call: Pin<&mut impl Future<Output = std::result::Result<ResponseValue<T>, progenitor_client::Error<E>>>>,
) -> Result<Record> {
    match send(options, call).await {
        Err(error) if error.is_off_contract() && error.says(MISSHAPEN) => {
            let spoken = session.parts().representation.as_ref();
            match error.raw().filter(|raw| raw.described(spoken).is_ok()).cloned() {
                Some(raw) => Ok(Record { attempts: error.attempts(), raw: Some(raw), ..Record::default() }),
                None => Err(error),
            }
        }
        other => other,
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
        self.take_back(&record, &status)?;
        let proof = if status.shows(self.change) == Some(true) { Proof::Confirmed } else { Proof::Accepted };
        Ok(self.receipt(record, proof, status))
    }

    fn receipt(&self, record: Record, proof: Proof, status: AccountStatus) -> Receipt {
        let parts = self.session.parts();
        Receipt {
            system: parts.system,
            user: self.user.to_owned(),
            change: self.change.clone(),
            proof,
            status,
            attempts: record.attempts,
            elapsed: parts.clock.now().saturating_sub(self.started),
            request_id: record.raw.as_ref().and_then(|raw| raw.request_id()),
            raw: record.raw,
            before: None,
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

    /// What an answer says of the account besides its yes may take the yes away: it shows something else than was asked for,
    /// or something that is not understood.
    fn take_back(&self, record: &Record, status: &AccountStatus) -> Result<()> {
        if !status.unrecognized.is_empty() {
            let message = format!("the answer says what is not understood: {status}");
            return Err(self.doubt(ErrorKind::OffContract, record, &message));
        }
        match status.shows(self.change) {
            Some(false) => Err(self.shows_otherwise(record, status)),
            _ => Ok(()),
        }
    }

    fn shows_otherwise(&self, record: &Record, status: &AccountStatus) -> Error {
        let message = format!("asked to {}, the answer shows {status}", self.change);
        self.contradicted(record, &message).with_other_state_shown()
    }

    fn doubt(&self, kind: ErrorKind, record: &Record, message: &str) -> Error {
        let error = Error::new(kind, self.session.parts().system, shown(message));
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
fn contradicted_read(system: SystemKind, record: &Record, message: &str) -> Error {
    with_record(Error::new(ErrorKind::Contradicted, system, shown(message)), record)
}

/// A read whose answer says nothing of the account.
fn empty_read(system: SystemKind, record: &Record) -> Error {
    let message = "the answer has none of the members that would say what the account is";
    with_record(Error::new(ErrorKind::OffContract, system, message), record)
}

/// An error with what is known of the call that it is about.
fn with_record(error: Error, record: &Record) -> Error {
    let error = error.with_attempts(record.attempts);
    match &record.raw {
        Some(raw) => error.with_raw(raw.clone()),
        None => error,
    }
}

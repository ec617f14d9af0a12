//! A row of a journal: what was asked, and what became of it.

use std::fmt;
use std::iter::Sum;
use std::ops::{Index, IndexMut};
use std::str::FromStr;

use jiff::Timestamp;

use super::row::Row;
use crate::model::error::{Applied, Error, ErrorKind};
use crate::model::open_enum::UnknownValue;
use crate::model::receipt::{Proof, Receipt};
use crate::model::status::AccountStatus;

/// The state of a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum RowState {
    /// Nothing was sent yet.
    Pending,
    /// A request may have left, and nothing more is known: it is under way, or the program ended while it was.
    Sending,
    /// The change is proved.
    Confirmed,
    /// The system accepted the change and offers no proof.
    Accepted,
    /// The account was already as asked; nothing was sent.
    Unchanged,
    /// The system said no, or the row cannot be carried out as it is. Nothing was changed, and trying again would be
    /// the same.
    Refused,
    /// It did not work, and nothing was changed. It can be tried again.
    Failed,
    /// It is unknown whether the account was changed.
    Unknown,
}

impl RowState {
    /// All of them.
    pub const ALL: [RowState; 8] = [
        RowState::Pending,
        RowState::Sending,
        RowState::Confirmed,
        RowState::Accepted,
        RowState::Unchanged,
        RowState::Refused,
        RowState::Failed,
        RowState::Unknown,
    ];

    /// Returns the word in the journal.
    pub const fn as_str(self) -> &'static str {
        match self {
            RowState::Pending => "pending",
            RowState::Sending => "sending",
            RowState::Confirmed => "confirmed",
            RowState::Accepted => "accepted",
            RowState::Unchanged => "unchanged",
            RowState::Refused => "refused",
            RowState::Failed => "failed",
            RowState::Unknown => "unknown",
        }
    }

    /// Returns the state of a row whose call or read failed with this error.
    pub fn of_error(error: &Error) -> RowState {
        match (error.applied(), error.kind()) {
            (Applied::Unknown, _) => RowState::Unknown,
            // What may be otherwise the next time: the network, the load, the credentials and what they may do, an answer
            // to a look at the account that nobody understands. The system did not say no.
            (
                Applied::No,
                ErrorKind::NotSent
                | ErrorKind::RateLimited
                | ErrorKind::Server
                | ErrorKind::OutcomeUnknown
                | ErrorKind::UnexpectedResponse
                | ErrorKind::Contradicted
                | ErrorKind::Credentials
                | ErrorKind::Forbidden
                | ErrorKind::ClientSetup,
            ) => RowState::Failed,
            (Applied::No, _) => RowState::Refused,
        }
    }

    /// Returns `true` if a request may have left and its outcome is unknown.
    pub const fn is_in_doubt(self) -> bool {
        matches!(self, RowState::Sending | RowState::Unknown)
    }

    /// Returns `true` if a resumed run skips the row.
    pub const fn is_finished(self) -> bool {
        matches!(self, RowState::Confirmed | RowState::Accepted | RowState::Unchanged | RowState::Refused)
    }
}

impl fmt::Display for RowState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for RowState {
    type Err = UnknownValue;

    fn from_str(word: &str) -> Result<RowState, UnknownValue> {
        static WORDS: [&str; RowState::ALL.len()] = {
            let (mut words, mut at) = ([""; RowState::ALL.len()], 0);
            while at < words.len() {
                words[at] = RowState::ALL[at].as_str();
                at += 1;
            }
            words
        };
        let known = RowState::ALL.into_iter().find(|state| state.as_str() == word);
        known.ok_or(UnknownValue { known: &WORDS })
    }
}

/// The number of rows in each state.
///
/// ```
/// use user_status::bulk::{Counts, RowState};
///
/// let mut counts = Counts::default();
/// counts[RowState::Confirmed] += 2;
/// counts[RowState::Unknown] += 1;
/// assert_eq!(counts.total(), 3);
/// assert_eq!(counts.to_string(), "2 confirmed, 1 unknown");
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts([u64; RowState::ALL.len()]);

impl Counts {
    /// Returns all rows.
    pub fn total(&self) -> u64 {
        self.0.iter().sum()
    }

    /// Returns the rows that a resumed run would take up.
    pub fn open(&self) -> u64 {
        self.iter().filter(|(state, _)| !state.is_finished()).map(|(_, count)| count).sum()
    }

    /// Returns each state with its number of rows.
    pub fn iter(&self) -> impl Iterator<Item = (RowState, u64)> + '_ {
        RowState::ALL.into_iter().zip(self.0)
    }
}

/// Those of all systems together.
impl<'a> Sum<&'a Counts> for Counts {
    fn sum<I: Iterator<Item = &'a Counts>>(all: I) -> Counts {
        all.flat_map(Counts::iter).fold(Counts::default(), |mut sum, (state, count)| {
            sum[state] += count;
            sum
        })
    }
}

impl Index<RowState> for Counts {
    type Output = u64;

    fn index(&self, state: RowState) -> &u64 {
        &self.0[state as usize]
    }
}

impl IndexMut<RowState> for Counts {
    fn index_mut(&mut self, state: RowState) -> &mut u64 {
        &mut self.0[state as usize]
    }
}

/// Such as `2 confirmed, 1 unknown`.
impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words: Vec<String> =
            self.iter().filter(|(_, count)| *count > 0).map(|(state, count)| format!("{count} {state}")).collect();
        f.write_str(if words.is_empty() { "no rows" } else { "" })?;
        f.write_str(&words.join(", "))
    }
}

/// A row of a journal.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct JournalEntry {
    /// Its place in the run, from 1.
    pub number: i64,
    /// The row as it was asked for.
    pub row: Row,
    /// Its state.
    pub state: RowState,
    /// The status of the account before the change, if it was read.
    pub before: Option<AccountStatus>,
    /// The outcome of the last call for it.
    pub outcome: RowOutcome,
    /// When the request was about to leave.
    pub started: Option<Timestamp>,
    /// When the outcome was known.
    pub ended: Option<Timestamp>,
}

/// The outcome of the call for a row.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct RowOutcome {
    /// The status of the account after it, as far as the system said.
    pub after: Option<AccountStatus>,
    /// Why it did not work: a word such as `not_found`, which stays the same in later versions.
    pub reason: Option<String>,
    /// Why it did not work, for people.
    pub message: Option<String>,
    /// The HTTP status code of the last response.
    pub status: Option<u16>,
    /// The number of requests that were sent for the change.
    pub attempts: u32,
    /// The system's id of the last request.
    pub request_id: Option<String>,
    /// Of a row that is unknown: what was known when it became so. Later calls for it add to the message, and take this
    /// away only with a proof.
    pub doubt: Option<String>,
    /// The status of the account before, as the call itself read it, later than the run did.
    pub(crate) before: Option<AccountStatus>,
}

impl RowOutcome {
    /// Why a row ended without a call.
    pub(crate) fn because(reason: &str, message: impl Into<String>) -> RowOutcome {
        RowOutcome { reason: Some(reason.to_owned()), message: Some(message.into()), ..RowOutcome::default() }
    }

    pub(crate) fn of_receipt(receipt: &Receipt) -> (RowState, RowOutcome) {
        let state = match receipt.proof {
            Proof::Confirmed => RowState::Confirmed,
            Proof::Accepted => RowState::Accepted,
            Proof::Unchanged => RowState::Unchanged,
        };
        // A read-back that was not understood is something else than none.
        let unread = receipt.proof == Proof::Accepted && !receipt.status.unrecognized.is_empty();
        let message = || {
            format!("the system accepted the change, and the account reads {}, which is not understood", receipt.status)
        };
        let outcome = RowOutcome {
            reason: unread.then(|| NOT_UNDERSTOOD.to_owned()),
            message: unread.then(message),
            after: Some(receipt.status.clone()).filter(|status| *status != AccountStatus::default()),
            status: receipt.raw.as_ref().map(|raw| raw.status),
            attempts: receipt.attempts,
            request_id: receipt.request_id.clone(),
            before: receipt.before.clone(),
            ..RowOutcome::default()
        };
        (state, outcome)
    }

    pub(crate) fn of_error(error: &Error) -> (RowState, RowOutcome) {
        let state = RowState::of_error(error);
        let outcome = RowOutcome {
            after: None,
            reason: Some(error.kind().as_str().to_owned()),
            message: Some(error.to_string()),
            status: error.status(),
            attempts: error.attempts(),
            request_id: error.request_id(),
            doubt: None,
            before: error.status_before().cloned(),
        };
        (state, outcome)
    }
}

/// The reason of a row whose account was read and not understood.
pub(super) const NOT_UNDERSTOOD: &str = "not_understood";

//! What is known after a call.

use std::fmt;
use std::time::Duration;

use crate::model::change::{Change, StatusChange};
use crate::model::kind::SystemKind;
use crate::model::raw::RawResponse;
use crate::model::status::AccountStatus;

/// A receipt for a change: what was done, and the proof of it.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Receipt {
    /// The system.
    pub system: SystemKind,
    /// The account, as the caller named it.
    pub user: String,
    /// The id of the account: `user` itself, unless it was found by another name.
    pub account: String,
    /// The change that was asked for.
    pub change: StatusChange,
    /// The proof that it was applied.
    pub proof: Proof,
    /// The status of the account, as far as the system said.
    pub status: AccountStatus,
    /// The number of attempts that the change itself took; 0 if nothing was sent.
    pub attempts: u32,
    /// The time that it took, waiting included.
    pub elapsed: Duration,
    /// The system's id of the last request, if it gave one.
    pub request_id: Option<String>,
    /// The last response as it came, with all that the types do not know; without the credentials of the call.
    pub raw: Option<RawResponse>,
    /// The status of the account before, if it was read: a read-back must not show more than was asked.
    pub(crate) before: Option<AccountStatus>,
}

impl Receipt {
    /// Creates a receipt for a change that was proved so, of one attempt; 0 for a change that was not needed.
    pub fn new(system: SystemKind, user: impl Into<String>, change: StatusChange, proof: Proof) -> Receipt {
        let attempts = if proof == Proof::Unchanged { 0 } else { 1 };
        let user = user.into();
        Receipt {
            system,
            account: user.clone(),
            user,
            change,
            proof,
            status: AccountStatus::default(),
            attempts,
            elapsed: Duration::ZERO,
            request_id: None,
            raw: None,
            before: None,
        }
    }

    /// Returns the changes that the account still needs after this one before nothing in its record bars the owner any more: an
    /// account that was enabled may still be locked, or suspended. Empty after a change that bars the owner, and where the system
    /// did not say.
    ///
    /// ```
    /// use user_status::{AccountStatus, Change, Proof, Receipt, StatusChange, SystemKind};
    ///
    /// let status = AccountStatus { enabled: Some(true), locked: Some(true), ..AccountStatus::default() };
    /// let receipt = Receipt::new(SystemKind::AKANA, "jane", StatusChange::enable(), Proof::Confirmed).with_status(status);
    /// assert_eq!(receipt.still_needed(), [Change::Unlock]);
    /// ```
    pub fn still_needed(&self) -> Vec<Change> {
        let AccountStatus { enabled, suspended, locked, .. } = &self.status;
        let lifts = matches!(self.change.change(), Change::Enable | Change::Unsuspend | Change::Unlock);
        let is_suspended = suspended.as_ref().is_some_and(|suspension| suspension.active);
        let needed = [
            (Change::Enable, *enabled == Some(false)),
            (Change::Unsuspend, is_suspended),
            (Change::Unlock, *locked == Some(true)),
        ];
        needed.into_iter().filter(|(_, is_needed)| lifts && *is_needed).map(|(change, _)| change).collect()
    }

    /// Sets the id of an account that was found by another name.
    #[must_use]
    pub fn with_account(mut self, id: impl Into<String>) -> Receipt {
        self.account = id.into();
        self
    }

    /// Sets what the account is, as far as the system said.
    #[must_use]
    pub fn with_status(mut self, status: AccountStatus) -> Receipt {
        self.status = status;
        self
    }

    /// Sets what the account was read to be before the change. A read-back that shows more than was asked to change is no
    /// proof then.
    #[must_use]
    pub fn with_status_before(mut self, before: AccountStatus) -> Receipt {
        self.before = Some(before);
        self
    }

    /// Sets the number of attempts and the time that they took.
    #[must_use]
    pub fn with_attempts(mut self, attempts: u32, elapsed: Duration) -> Receipt {
        self.attempts = attempts;
        self.elapsed = elapsed;
        self
    }

    /// Sets the system's id of the request.
    #[must_use]
    pub fn with_request_id(mut self, id: impl Into<String>) -> Receipt {
        self.request_id = Some(id.into());
        self
    }
}

/// The proof that a change was applied.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Proof {
    /// The system's response, or reading the account back, shows the asked state. That is the system's record of the account;
    /// what follows from it, such as whether the owner can still sign in, is
    /// [`Capabilities::disable_effect`](crate::Capabilities::disable_effect).
    Confirmed,
    /// The system accepted the change, and there is no proof: it offers none or, where [`Receipt::status`] has what was
    /// [not understood](AccountStatus::unrecognized), one that cannot be read.
    Accepted,
    /// The account was already in the requested state; nothing was sent.
    Unchanged,
}

impl fmt::Display for Proof {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Proof::Confirmed => "confirmed",
            Proof::Accepted => "accepted",
            Proof::Unchanged => "unchanged",
        })
    }
}

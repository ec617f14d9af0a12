//! What is known after a call.

use std::fmt;
use std::time::Duration;

use crate::change::StatusChange;
use crate::kind::SystemKind;
use crate::raw::RawResponse;
use crate::status::AccountStatus;

/// What a call did, and how that is known.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Receipt {
    /// The system.
    pub system: SystemKind,
    /// The account, as the caller named it.
    pub user: String,
    /// What was asked.
    pub change: StatusChange,
    /// How it is known that it happened.
    pub proof: Proof,
    /// What the account is, as far as the system said.
    pub status: AccountStatus,
    /// How many attempts the change itself took; 0 if nothing was sent.
    pub attempts: u32,
    /// How long it took, waiting included.
    pub elapsed: Duration,
    /// The system's id of the last request, if it gave one.
    pub request_id: Option<String>,
    /// The last answer as it came, with all that the types do not know; without the credentials of the call.
    pub raw: Option<RawResponse>,
    /// What the account was before, if it was read: a read-back must not show more than was asked.
    pub(crate) before: Option<AccountStatus>,
}

/// How it is known that a change happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Proof {
    /// The system's answer, or reading the account back, shows the asked state.
    Confirmed,
    /// The system said yes, and there is no proof: it offers none or, where [`Receipt::status`] has what was
    /// [not understood](AccountStatus::unrecognized), one that cannot be read.
    Accepted,
    /// The account was so already; nothing was sent.
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

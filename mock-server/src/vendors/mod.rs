//! The five systems, each a state machine of its own.
//!
//! The five files have the same parts in the same order: the users, who may call, what each operation does, and what
//! an error looks like.

use jiff::Timestamp;
use serde_json::Value;
use user_status_openapi::{Operation, Vendor};

use crate::engine::{Asked, Presented};
use crate::status::AccountStatus;

mod akana;
mod clearsquare;
mod mediconnect;
mod symphony;
mod userdocks;

/// A system.
pub(crate) trait System: Send {
    /// Who calls.
    ///
    /// # Errors
    /// The refusal, as the system gives it.
    fn authenticate(&self, operation: &Operation, presented: &Presented) -> Result<Caller, Answer>;

    /// Does what a valid request of an authenticated caller asks: changes an account, or reads it.
    ///
    /// # Errors
    /// The refusal, as the system gives it; then nothing was changed.
    fn perform(&mut self, call: &Call<'_>) -> Result<Answer, Answer>;

    /// A refusal in the system's own shape.
    fn refuse(&self, status: u16, message: &str) -> Answer;

    /// What an account is; `None` if there is no such user.
    fn status(&self, user: &str) -> Option<AccountStatus>;
}

/// The caller of an authenticated request.
pub(crate) struct Caller {
    /// The only user that the caller may change, if the credentials limit it to one.
    pub(crate) only: Option<String>,
}

impl Caller {
    /// A caller that may change every user.
    pub(crate) const ANYBODY: Caller = Caller { only: None };
}

/// An authenticated, valid request.
pub(crate) struct Call<'a> {
    pub(crate) operation: &'a Operation,
    /// The time of the request.
    pub(crate) now: Timestamp,
    pub(crate) caller: Caller,
    pub(crate) presented: &'a Presented,
    pub(crate) asked: Asked,
}

/// An answer before it is put into a media type.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: Value,
}

/// The state of all five.
#[derive(Debug, Default)]
pub(crate) struct Systems {
    userdocks: userdocks::Userdocks,
    akana: akana::Akana,
    mediconnect: mediconnect::Mediconnect,
    symphony: symphony::Symphony,
    clearsquare: clearsquare::Clearsquare,
}

impl Systems {
    pub(crate) fn of(&mut self, vendor: Vendor) -> &mut dyn System {
        match vendor {
            Vendor::Userdocks => &mut self.userdocks,
            Vendor::Akana => &mut self.akana,
            Vendor::Mediconnect => &mut self.mediconnect,
            Vendor::Symphony => &mut self.symphony,
            Vendor::Clearsquare => &mut self.clearsquare,
        }
    }
}

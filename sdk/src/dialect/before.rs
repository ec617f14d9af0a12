//! What an account is before a change.

use super::Response;
use crate::model::status::AccountStatus;

/// An account as it is before a change: its status and, if it was read, the response that says so.
#[derive(Debug)]
pub struct Before<'a> {
    status: &'a AccountStatus,
    response: Option<&'a Response<'a>>,
}

impl<'a> Before<'a> {
    pub(super) fn new(status: &'a AccountStatus, response: Option<&'a Response<'a>>) -> Before<'a> {
        Before { status, response }
    }

    /// Returns the status.
    pub fn status(&self) -> &'a AccountStatus {
        self.status
    }

    /// Returns the response to the read; `None` if the status was [assumed](super::ReadFirst::Assume).
    pub fn response(&self) -> Option<&'a Response<'a>> {
        self.response
    }
}

//! ClearSquare: an account is active or not, and a call makes it the other.

use std::collections::BTreeMap;

use serde_json::json;

use user_status_openapi::Operation;

use super::{Answer, Call, Caller, System};
use crate::engine::Presented;
use crate::status::AccountStatus;
use crate::world::{self, Credentials};

/// The refusal of the source document, for a bad token as for an unknown user.
const REFUSED: &str = "Invalid token or user ID";

/// The users.
#[derive(Debug)]
pub(crate) struct Clearsquare {
    /// Whether a user is active, by id.
    active: BTreeMap<String, bool>,
}

impl Default for Clearsquare {
    fn default() -> Self {
        Clearsquare { active: BTreeMap::from([(world::CLEARSQUARE_USER.to_owned(), true)]) }
    }
}

impl System for Clearsquare {
    fn authenticate(&self, _: &Operation, presented: &Presented) -> Result<Caller, Answer> {
        match presented.get("clearsquareToken") {
            Some(token) if token == Credentials::DEFAULT.clearsquare.token => Ok(Caller::ANYBODY),
            _ => Err(self.refuse(401, REFUSED)),
        }
    }

    fn perform(&mut self, call: &Call<'_>) -> Result<Answer, Answer> {
        if call.asked.text("token") != call.presented.get("clearsquareToken") {
            return Err(self.refuse(401, REFUSED));
        }
        let user = call.asked.text("id").unwrap_or_default();
        match self.active.get_mut(user) {
            Some(active) => {
                *active = !*active;
                let body = json!({ "message": "User status updated successfully", "status": "success" });
                Ok(Answer { status: 200, body })
            }
            None => Err(self.refuse(401, REFUSED)),
        }
    }

    fn refuse(&self, status: u16, message: &str) -> Answer {
        Answer { status, body: json!({ "message": message, "status": "error" }) }
    }

    fn status(&self, user: &str) -> Option<AccountStatus> {
        let active = self.active.get(user)?;
        Some(AccountStatus { enabled: Some(*active), ..AccountStatus::default() })
    }
}

//! Akana: an account is disabled or not and, independently, locked or not.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use user_status_openapi::Operation;

use super::{Answer, Call, Caller, System};
use crate::engine::Presented;
use crate::status::AccountStatus;
use crate::world::{self, Credentials};

/// The users.
#[derive(Debug)]
pub(crate) struct Akana {
    /// The users as the platform shows them, by id.
    users: BTreeMap<String, Value>,
}

impl Default for Akana {
    fn default() -> Self {
        let philip = json!({
            "UserID": world::AKANA_USER,
            "UserName": "PhilipPirrip",
            "FirstName": "Philip",
            "LastName": "Pirrip",
            "AuthIdentifier": "",
            "Visibility": "0",
            "Email": "ppirrip@acmepaymentscorp.com",
            "Title": "",
            "Industry": "",
            "Favorites": "",
            "HasPicture": false,
            "State": "registered",
            "Domain": "Local Domain",
            "LastLoginDate": "2015-02-04T22:30:36Z",
            "Disabled": false,
            "ProfileName": "PhilipPirrip",
            "ForcePasswordChangeOnLogin": false,
            "Locked": false,
        });
        Akana { users: BTreeMap::from([(world::AKANA_USER.to_owned(), philip)]) }
    }
}

impl System for Akana {
    fn authenticate(&self, operation: &Operation, presented: &Presented) -> Result<Caller, Answer> {
        let known = Credentials::DEFAULT.akana;
        let Some(session) = presented.get("akanaSession") else {
            return Err(self.refuse(401, &format!("the cookie AtmoAuthToken_{} is required", world::AKANA_TENANT)));
        };
        let (admin, wanted) = match session {
            _ if session == known.session_cookie => (true, known.csrf_token),
            _ if session == known.member_session_cookie => (false, known.member_csrf_token),
            _ => return Err(self.refuse(401, "the session is not valid or has expired")),
        };
        // A read needs no CSRF header.
        if !operation.changes.is_empty() {
            let name = format!("X-Csrf-Token_{}", world::AKANA_TENANT);
            match presented.get("akanaCsrf") {
                Some(csrf) if csrf == wanted => {}
                Some(_) => return Err(self.refuse(401, &format!("{name} is not valid"))),
                None => return Err(self.refuse(401, &format!("{name} is required"))),
            }
        }
        if admin { Ok(Caller::ANYBODY) } else { Err(self.refuse(401, "only a Site Admin may do this")) }
    }

    fn perform(&mut self, call: &Call<'_>) -> Result<Answer, Answer> {
        let Some(user) = self.users.get_mut(&call.asked.path("UserID")) else {
            return Err(self.refuse(404, "The user does not exist"));
        };
        match call.asked.text("UserStatus") {
            _ if call.operation.changes.is_empty() => {}
            Some("com.soa.user.status.enabled") => {
                user["Disabled"] = Value::Bool(false);
                user["Locked"] = Value::Bool(false);
            }
            Some("com.soa.user.status.disabled") => user["Disabled"] = Value::Bool(true),
            Some("com.soa.user.status.locked") => user["Locked"] = Value::Bool(true),
            _ => return Err(self.refuse(400, "UserStatus is not a status of this site")),
        }
        Ok(Answer { status: 200, body: user.clone() })
    }

    fn refuse(&self, status: u16, message: &str) -> Answer {
        let code = match status {
            401 => "Client.Unauthorized",
            404 => "Client.NotFound",
            500.. => "Server",
            _ => "Client",
        };
        Answer { status, body: json!({ "faultcode": code, "faultstring": message }) }
    }

    fn status(&self, user: &str) -> Option<AccountStatus> {
        let user = self.users.get(user)?;
        Some(AccountStatus {
            enabled: user["Disabled"].as_bool().map(|disabled| !disabled),
            locked: user["Locked"].as_bool(),
            ..AccountStatus::default()
        })
    }
}

//! MediConnect: an account is active or not and, independently, suspended or not, for a reason.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use user_status_openapi::Operation;

use super::{Answer, Call, Caller, System};
use crate::engine::Presented;
use crate::status::{AccountStatus, Suspension};
use crate::world::{self, Credentials};

/// The users.
#[derive(Debug)]
pub(crate) struct Mediconnect {
    /// The users as the system shows them, by id.
    users: BTreeMap<i64, Value>,
}

impl Default for Mediconnect {
    fn default() -> Self {
        let user = |id: i64, name: &str, email: &str, role: &str| {
            let user = json!({
                "id": id,
                "name": name,
                "email": email,
                "role": role,
                "isActive": true,
                "isSuspended": false,
                "suspensionReason": null,
                "createdAt": "2024-02-01T14:20:00.000Z",
                "updatedAt": "2024-02-01T14:20:00.000Z",
            });
            (id, user)
        };
        Mediconnect {
            users: BTreeMap::from([
                user(world::MEDICONNECT_USER, "John Smith", "john.smith@example.com", "PATIENT"),
                user(world::MEDICONNECT_ADMIN, "Ada Keller", "ada.keller@example.com", "ADMIN"),
            ]),
        }
    }
}

impl System for Mediconnect {
    fn authenticate(&self, _: &Operation, presented: &Presented) -> Result<Caller, Answer> {
        let known = Credentials::DEFAULT.mediconnect;
        match presented.get("mediconnectToken") {
            Some(token) if token == known.token => Ok(Caller::ANYBODY),
            Some(token) if token == known.patient_token => Err(self.refuse(403, "Access denied")),
            Some(_) => Err(self.refuse(401, "Invalid token")),
            None if presented.has("mediconnectToken") => {
                Err(self.refuse(401, "Authorization must be `Bearer` and a token"))
            }
            None => Err(self.refuse(401, "No token provided")),
        }
    }

    fn perform(&mut self, call: &Call<'_>) -> Result<Answer, Answer> {
        let asked = &call.asked;
        let suspend = asked.flag("isSuspended");
        let members = ["isActive", "isSuspended", "suspensionReason"];
        if !call.operation.changes.is_empty() && members.iter().all(|member| asked.body(member).is_none()) {
            return Err(self.refuse(400, "the request asks for nothing"));
        }
        if suspend == Some(true) && asked.text("suspensionReason").is_none() {
            return Err(self.refuse(400, "suspensionReason is required when suspending a user"));
        }
        let Some(user) = self.users.get_mut(&asked.path_number("id")) else {
            return Err(self.refuse(404, "Usuario no encontrado"));
        };
        if call.operation.changes.is_empty() {
            return Ok(Answer { status: 200, body: user.clone() });
        }
        if let Some(active) = asked.flag("isActive") {
            user["isActive"] = Value::Bool(active);
        }
        if let Some(suspend) = suspend {
            user["isSuspended"] = Value::Bool(suspend);
            user["suspensionReason"] = asked.text("suspensionReason").filter(|_| suspend).into();
        }
        user["updatedAt"] = Value::String(format!("{:.3}", call.now));
        Ok(Answer { status: 200, body: user.clone() })
    }

    fn refuse(&self, status: u16, message: &str) -> Answer {
        Answer { status, body: json!({ "error": message }) }
    }

    fn status(&self, user: &str) -> Option<AccountStatus> {
        let user = self.users.get(&user.parse().ok()?)?;
        Some(AccountStatus {
            enabled: user["isActive"].as_bool(),
            suspended: user["isSuspended"].as_bool().map(|active| Suspension {
                active,
                reason: user["suspensionReason"].as_str().map(str::to_owned),
                until: None,
            }),
            locked: None,
        })
    }
}

//! Symphony: an account is enabled or not and, independently, suspended or not, for a reason and until a time.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::{Value, json};

use user_status_openapi::Operation;

use super::{Answer, Call, Caller, System};
use crate::engine::Presented;
use crate::status::{AccountStatus, Suspension};
use crate::world::{self, Credentials};

/// The users.
#[derive(Debug)]
pub(crate) struct Symphony {
    users: BTreeMap<i64, User>,
}

#[derive(Debug)]
struct User {
    /// The name of a service user, which cannot be disabled.
    service: Option<&'static str>,
    enabled: bool,
    suspended: bool,
    suspended_until: Option<i64>,
    suspension_reason: Option<String>,
}

impl User {
    /// As the system shows it.
    fn read(&self) -> Value {
        let mut body = json!({
            "status": if self.enabled { "ENABLED" } else { "DISABLED" },
            "suspended": self.suspended,
        });
        if let Some(until) = self.suspended_until {
            body["suspendedUntil"] = until.into();
        }
        if let Some(reason) = &self.suspension_reason {
            body["suspensionReason"] = reason.as_str().into();
        }
        body
    }
}

impl Default for Symphony {
    fn default() -> Self {
        let user =
            |service| User { service, enabled: true, suspended: false, suspended_until: None, suspension_reason: None };
        Symphony {
            users: BTreeMap::from([
                (world::SYMPHONY_USER, user(None)),
                (world::SYMPHONY_KEYMANAGER, user(Some("keymanager"))),
                (world::SYMPHONY_CESERVICE, user(Some("ceservice"))),
            ]),
        }
    }
}

impl System for Symphony {
    fn authenticate(&self, _: &Operation, presented: &Presented) -> Result<Caller, Answer> {
        let known = Credentials::DEFAULT.symphony;
        match presented.get("symphonySession") {
            Some(token) if token == known.session_token => Ok(Caller::ANYBODY),
            Some(token) if token == known.unentitled_session_token => {
                Err(self.refuse(403, "The user lacks the required entitlement to perform this operation"))
            }
            _ => Err(self.refuse(401, "Invalid session")),
        }
    }

    fn perform(&mut self, call: &Call<'_>) -> Result<Answer, Answer> {
        let asked = &call.asked;
        let enable = asked.text("status").map(|status| status == "ENABLED");
        let members = ["status", "suspended", "suspendedUntil", "suspensionReason"];
        if !call.operation.changes.is_empty() && members.iter().all(|member| asked.body(member).is_none()) {
            return Err(self.refuse(400, "the request asks for nothing"));
        }
        let Some(user) = self.users.get_mut(&asked.path_number("uid")) else {
            return Err(self.refuse(400, "The user does not exist"));
        };
        if call.operation.changes.is_empty() {
            return Ok(Answer { status: 200, body: user.read() });
        }
        if let (Some(name), Some(false)) = (user.service, enable) {
            return Err(self.refuse(400, &format!("The service user {name} cannot be disabled")));
        }
        // What is left out stays as it is; a suspension that is lifted takes its reason and its end along.
        user.enabled = enable.unwrap_or(user.enabled);
        user.suspended = asked.flag("suspended").unwrap_or(user.suspended);
        user.suspended_until = asked.body("suspendedUntil").and_then(Value::as_i64).or(user.suspended_until);
        user.suspension_reason = asked.text("suspensionReason").map(str::to_owned).or(user.suspension_reason.take());
        if !user.suspended {
            (user.suspended_until, user.suspension_reason) = (None, None);
        }
        Ok(Answer { status: 200, body: json!({ "format": "TEXT", "message": "OK" }) })
    }

    fn refuse(&self, status: u16, message: &str) -> Answer {
        Answer { status, body: json!({ "code": status, "message": message }) }
    }

    fn status(&self, user: &str) -> Option<AccountStatus> {
        let user = self.users.get(&user.parse().ok()?)?;
        Some(AccountStatus {
            enabled: Some(user.enabled),
            suspended: Some(Suspension {
                active: user.suspended,
                reason: user.suspension_reason.clone(),
                until: user.suspended_until.and_then(|millis| Timestamp::from_millisecond(millis).ok()),
            }),
            locked: None,
        })
    }
}

//! Symphony: an account is enabled or not and, independently, suspended or not, for a reason and until a time.
//!
//! | member | what it does |
//! |---|---|
//! | `status` | enables or disables; a service user cannot be disabled |
//! | `suspended: true` | suspends, with the reason and the end that come along |
//! | `suspended: false` | lifts the suspension, and its reason and end with it |
//! | left out | nothing |
//! | the user signs in | a suspension whose end has passed is lifted, and not before: it reads as suspended until then |

use std::sync::LazyLock;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use user_status_openapi::Operation;

use super::Users;
use crate::codec::media_type::Refusal;
use crate::credentials::{Mint, Session, problem, without_secrets};
use crate::model::{Arguments, BeyondKind, Call, Caller, PresentedCredentials, Quirks, SystemModel, SystemResponse};
use crate::status::{AccountStatus, Suspension};

/// The response to every change.
static DONE: LazyLock<Value> = LazyLock::new(|| json!({ "format": "TEXT", "message": "OK" }));

/// A Symphony user.
pub const USER: i64 = 7215545078541;
/// The protected service user *keymanager*.
pub const KEYMANAGER: i64 = 7215545057281;
/// The protected service user *ceservice*.
pub const CESERVICE: i64 = 7215545057282;

/// The fixed facts about it.
pub(super) const QUIRKS: Quirks = Quirks {
    id_schema: "/components/schemas/SymphonyUserId",
    user_schema: Some("/components/schemas/SymphonyUserStatus"),
    id_member: Some("id"),
    own_members: &["service"],
    media_type: Refusal { status: 400, of_accept: false, of_plain_json: true },
    beyond: |_| BeyondKind::Unknown,
};

/// Symphony credentials.
#[derive(Clone, Default)]
#[non_exhaustive]
pub struct Credentials {
    /// `sessionToken` with the entitlement.
    pub session_token: String,
    /// `sessionToken` without it: refused with 403.
    pub unentitled_session_token: String,
}

without_secrets!(Credentials);

/// The system.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Symphony {
    sessions: Vec<Session>,
    users: Users<i64, User>,
}

/// A user.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
struct User {
    /// The name of a service user, which cannot be disabled.
    #[serde(skip_serializing_if = "Option::is_none")]
    service: Option<String>,
    status: State,
    suspended: bool,
    /// In milliseconds since 1970.
    #[serde(skip_serializing_if = "Option::is_none")]
    suspended_until: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    suspension_reason: Option<String>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
enum State {
    #[default]
    Enabled,
    Disabled,
}

impl User {
    /// As the system shows it.
    fn read(&self) -> Value {
        json!(User { service: None, ..self.clone() })
    }

    fn unsuspend(&mut self) {
        (self.suspended, self.suspended_until, self.suspension_reason) = (false, None, None);
    }
}

impl Default for Symphony {
    fn default() -> Self {
        let service = |name: &str| User { service: Some(name.to_owned()), ..User::default() };
        Symphony {
            sessions: vec![
                Session::of("mock-symphony-session-token", true),
                Session::of("mock-symphony-unentitled-session-token", false),
            ],
            users: Users::from_iter([
                (USER, User::default()),
                (KEYMANAGER, service("keymanager")),
                (CESERVICE, service("ceservice")),
            ]),
        }
    }
}

impl SystemModel for Symphony {
    fn authenticate(
        &self,
        _: &Operation,
        presented: &PresentedCredentials<'_>,
        now: Timestamp,
    ) -> Result<Caller, SystemResponse> {
        let session = presented.get("symphonySession");
        match session.and_then(|sent| Session::find(&self.sessions, sent)) {
            Some(session) if session.expired(now) => Err(self.refuse(401, "Invalid session")),
            Some(session) if session.entitled => Ok(Caller::ANYBODY),
            Some(_) => Err(self.refuse(403, "The user lacks the required entitlement to perform this operation")),
            None => Err(self.refuse(401, "Invalid session")),
        }
    }

    fn user_of(&self, asked: &Arguments) -> String {
        asked.path("uid")
    }

    fn perform(&mut self, call: &Call<'_>) -> Result<SystemResponse, SystemResponse> {
        let asked = call.asked;
        let changes = !call.operation.changes.is_empty();
        if changes && asked.lacks_all(&["status", "suspended", "suspendedUntil", "suspensionReason"]) {
            return Err(self.refuse(400, "the request asks for nothing"));
        }
        let Some(user) = self.users.get_mut(&asked.path_number("uid")) else {
            return Err(self.refuse(400, "The user does not exist"));
        };
        if !changes {
            return Ok(SystemResponse::of(200, user.read()));
        }
        let status = match asked.text("status") {
            Some("ENABLED") => State::Enabled,
            Some("DISABLED") => State::Disabled,
            _ => user.status,
        };
        if let (Some(name), State::Disabled) = (&user.service, status) {
            let message = format!("The service user {name} cannot be disabled");
            return Err(self.refuse(400, &message));
        }
        // What is left out stays as it is.
        user.status = status;
        user.suspended = asked.flag("suspended").unwrap_or(user.suspended);
        user.suspended_until = asked.body("suspendedUntil").and_then(Value::as_i64).or(user.suspended_until);
        user.suspension_reason = asked.text("suspensionReason").map(str::to_owned).or(user.suspension_reason.take());
        if !user.suspended {
            user.unsuspend();
        }
        Ok(SystemResponse::fixed(200, &DONE))
    }

    fn refuse(&self, status: u16, message: &str) -> SystemResponse {
        SystemResponse::of(status, json!({ "code": status, "message": message }))
    }

    fn count(&self) -> usize {
        self.users.size()
    }

    fn users(&self) -> Vec<String> {
        self.users.keys().map(ToString::to_string).collect()
    }

    fn status(&self, user: &str) -> Option<AccountStatus> {
        let user = self.users.get(&user.parse().ok()?)?;
        Some(AccountStatus {
            enabled: Some(user.status == State::Enabled),
            suspended: Some(Suspension {
                active: user.suspended,
                reason: user.suspension_reason.clone(),
                until: user.suspended_until.and_then(|millis| Timestamp::from_millisecond(millis).ok()),
            }),
            locked: None,
        })
    }

    fn get(&self, user: &str) -> Option<Value> {
        self.users.get(&user.parse().ok()?).map(|user| json!(user))
    }

    fn put(&mut self, user: &str, value: &Value) -> Result<(), String> {
        let id: i64 = user.parse().map_err(|_| "the id must be an integer".to_owned())?;
        if id.to_string() != user {
            return Err(format!("the id must be written as {id}"));
        }
        self.users.insert_mut(id, super::user(value)?);
        Ok(())
    }

    fn remove(&mut self, user: &str) -> bool {
        user.parse().is_ok_and(|id: i64| self.users.remove_mut(&id))
    }

    fn sign_in(&mut self, user: &str, now: Timestamp) {
        let user = user.parse().ok().and_then(|id: i64| self.users.get_mut(&id));
        if let Some(user) = user.filter(|user| user.suspended_until.is_some_and(|end| end <= now.as_millisecond())) {
            user.unsuspend();
        }
    }

    fn sample(&self, base_url: &str, now: Timestamp) -> Option<String> {
        let token = self.credentials(now)["sessionToken"].as_str()?.replace('\'', "'\\''");
        let (id, _) = self.users.iter().find(|(_, user)| user.service.is_none())?;
        let insecure = if base_url.starts_with("https") { " --insecure" } else { "" };
        Some(format!(
            "curl{insecure} -H 'sessionToken: {token}' -H 'Content-Type: application/json' \\\n      \
             -d '{{\"status\": \"DISABLED\"}}' {base_url}/v1/admin/user/{id}/status/update"
        ))
    }

    fn secrets(&self) -> Vec<&str> {
        self.sessions.iter().map(|session| session.token.as_str()).collect()
    }

    fn problem(&self) -> Option<&'static str> {
        problem(self.secrets())
    }

    fn credentials(&self, now: Timestamp) -> Value {
        Session::working(&self.sessions, now).map_or_else(|| json!({}), |token| json!({ "sessionToken": token }))
    }

    fn mint(&mut self, mint: &Mint, now: Timestamp, number: u64) -> Result<Value, String> {
        if mint.user.is_some() {
            return Err("a session has the entitlement or lacks it; leave `user` out".to_owned());
        }
        // An hour is the shortest that a pod gives.
        let expires = Some(mint.expiry(now, 60 * 60));
        let session = Session { token: format!("mock-symphony-made-{number}"), entitled: mint.entitled, expires };
        let listed = json!({ "sessionToken": session.token });
        self.sessions.push(session);
        Ok(listed)
    }
}

impl Symphony {
    /// The credentials as a Rust program gets them.
    pub(crate) fn typed(&self) -> Credentials {
        let token = |entitled| Session::first(&self.sessions, entitled);
        Credentials { session_token: token(true), unentitled_session_token: token(false) }
    }
}

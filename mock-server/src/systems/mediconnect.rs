//! MediConnect: an account is active or not and, independently, suspended or not, for a reason.
//!
//! | member | what it does |
//! |---|---|
//! | `isActive: true` or `false` | activates or deactivates |
//! | `isSuspended: true`, with `suspensionReason` | suspends, for that reason |
//! | `isSuspended: false` | lifts the suspension, and its reason with it |
//! | left out | nothing; as observed, a missing `isActive` is flipped |

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use user_status_openapi::{Operation, SystemKind};

use super::Users;
use crate::codec::media_type::{JSON, Refusal};
use crate::credentials::{Issuer, Mint, SigningKey, Token, bearer, find_token, mint_bearer, problem, without_secrets};
use crate::model::{
    Arguments, BeyondKind, Call, Caller, Fidelity, PresentedCredentials, Quirks, SystemModel, SystemResponse,
};
use crate::status::{AccountStatus, Suspension};

/// A MediConnect user.
pub const USER: i64 = 42;
/// The MediConnect administrator whose token [`Credentials`](crate::Credentials) has.
pub const ADMIN: i64 = 7;

/// The fixed facts about it.
pub(super) const QUIRKS: Quirks = Quirks {
    id_schema: "/components/schemas/MediconnectUserId",
    user_schema: Some("/components/schemas/MediconnectUser"),
    id_member: Some("id"),
    own_members: &[],
    media_type: Refusal { status: 400, of_accept: false, of_plain_json: true },
    beyond: |_| BeyondKind::Unknown,
};

/// The issuer of its tokens.
const ISSUER: Issuer = Issuer { system: SystemKind::Mediconnect, key: SigningKey::Hs256 };

/// MediConnect credentials.
#[derive(Clone, Default)]
#[non_exhaustive]
pub struct Credentials {
    /// Token of [`MEDICONNECT_ADMIN`](ADMIN).
    pub token: String,
    /// Token of [`MEDICONNECT_USER`](USER), who is a patient: refused with 403.
    pub patient_token: String,
}

without_secrets!(Credentials);

/// The system.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Mediconnect {
    fidelity: Fidelity,
    /// JWTs, HS256.
    tokens: Vec<Token>,
    /// The users as the system shows them, by id.
    users: Users<i64, Value>,
}

impl Default for Mediconnect {
    fn default() -> Self {
        let user = |id: i64, name: &str, email: &str, role: &str| (id, shown(id, name, email, role));
        Mediconnect {
            fidelity: Fidelity::Documented,
            tokens: vec![Token::of(ADMIN, true), Token::of(USER, false)],
            users: Users::from_iter([
                user(USER, "John Smith", "john.smith@example.com", "PATIENT"),
                user(ADMIN, "Ada Keller", "ada.keller@example.com", "ADMIN"),
            ]),
        }
    }
}

fn shown(id: i64, name: &str, email: &str, role: &str) -> Value {
    json!({
        "id": id,
        "name": name,
        "email": email,
        "role": role,
        "isActive": true,
        "isSuspended": false,
        "suspensionReason": null,
        "createdAt": "2024-02-01T14:20:00.000Z",
        "updatedAt": "2024-02-01T14:20:00.000Z",
    })
}

/// Returns what a document says of a user, and what it leaves out as for a new user.
fn completed(id: i64, given: &Value) -> Value {
    let new = shown(id, &format!("User {id}"), &format!("user{id}@example.com"), "PATIENT");
    super::completed(new, given)
}

impl SystemModel for Mediconnect {
    fn authenticate(
        &self,
        _: &Operation,
        presented: &PresentedCredentials<'_>,
        now: Timestamp,
    ) -> Result<Caller, SystemResponse> {
        // 401 is a decision of the contract; the published code says 403.
        let not_valid = if self.fidelity == Fidelity::Observed { 403 } else { 401 };
        let Some(sent) = presented.get("mediconnectToken") else {
            let malformed = presented.has("mediconnectToken");
            let message = if malformed { "Authorization must be `Bearer` and a token" } else { "No token provided" };
            return Err(self.refuse(401, message));
        };
        match find_token(&self.tokens, sent) {
            None => Err(self.refuse(not_valid, "Invalid token")),
            Some(token) if token.expired(now) && not_valid == 401 => Err(self.refuse(401, "Token expired")),
            Some(token) if token.expired(now) => Err(self.refuse(not_valid, "Invalid token")),
            Some(token) if !token.entitled => Err(self.refuse(403, "Access denied")),
            Some(_) => Ok(Caller::ANYBODY),
        }
    }

    fn user_of(&self, asked: &Arguments) -> String {
        asked.path("id")
    }

    fn perform(&mut self, call: &Call<'_>) -> Result<SystemResponse, SystemResponse> {
        let (asked, observed) = (call.asked, self.fidelity == Fidelity::Observed);
        let changes = !call.operation.changes.is_empty();
        let suspend = asked.flag("isSuspended");
        if changes && !observed {
            if asked.lacks_all(&["isActive", "isSuspended", "suspensionReason"]) {
                return Err(self.refuse(400, "the request asks for nothing"));
            }
            let reason = asked.text("suspensionReason").unwrap_or_default();
            if suspend == Some(true) && reason.trim().is_empty() {
                return Err(self.refuse(400, "suspensionReason is required when suspending a user"));
            }
        }
        let Some(user) = self.users.get_mut(&asked.path_number("id")) else {
            return Err(self.refuse(404, "Usuario no encontrado"));
        };
        if !changes {
            return Ok(SystemResponse::of(200, user.clone()));
        }
        match asked.flag("isActive") {
            Some(active) => user["isActive"] = Value::Bool(active),
            None if observed => user["isActive"] = Value::Bool(user["isActive"] != true),
            None => {}
        }
        if let Some(suspend) = suspend {
            user["isSuspended"] = Value::Bool(suspend);
            user["suspensionReason"] = asked.text("suspensionReason").filter(|_| suspend).into();
        }
        user["updatedAt"] = Value::String(format!("{:.3}", call.now));
        if observed {
            let body = json!({ "message": "Estado del usuario actualizado", "user": user });
            return Ok(SystemResponse::observed(200, JSON, body));
        }
        Ok(SystemResponse::of(200, user.clone()))
    }

    fn refuse(&self, status: u16, message: &str) -> SystemResponse {
        SystemResponse::of(status, json!({ "error": message }))
    }

    fn count(&self) -> usize {
        self.users.size()
    }

    fn users(&self) -> Vec<String> {
        self.users.keys().map(ToString::to_string).collect()
    }

    fn status(&self, user: &str) -> Option<AccountStatus> {
        let user = self.users.get(&user.parse().ok()?)?;
        let flag = |name: &str| user.get(name).and_then(Value::as_bool);
        Some(AccountStatus {
            enabled: flag("isActive"),
            suspended: flag("isSuspended").map(|active| Suspension {
                active,
                reason: user.get("suspensionReason").and_then(Value::as_str).map(str::to_owned),
                until: None,
            }),
            locked: None,
        })
    }

    fn get(&self, user: &str) -> Option<Value> {
        self.users.get(&user.parse().ok()?).cloned()
    }

    fn put(&mut self, user: &str, value: &Value) -> Result<(), String> {
        let id: i64 = user.parse().map_err(|_| "the id must be an integer".to_owned())?;
        if id.to_string() != user {
            return Err(format!("the id must be written as {id}"));
        }
        super::user::<serde_json::Map<String, Value>>(value)?;
        self.users.insert_mut(id, completed(id, value));
        Ok(())
    }

    fn remove(&mut self, user: &str) -> bool {
        user.parse().is_ok_and(|id: i64| self.users.remove_mut(&id))
    }

    fn set_fidelity(&mut self, fidelity: Fidelity) {
        self.fidelity = fidelity;
    }

    fn fill_defaults(&mut self) {
        self.users = self.users.iter().map(|(id, user)| (*id, completed(*id, user))).collect();
        self.tokens.iter_mut().for_each(|token| token.sign(&ISSUER));
    }

    fn secrets(&self) -> Vec<&str> {
        self.tokens.iter().map(|token| token.token.as_str()).collect()
    }

    fn problem(&self) -> Option<&'static str> {
        problem(self.secrets())
    }

    fn credentials(&self, now: Timestamp) -> Value {
        bearer(&self.tokens, now).map_or_else(|| json!({}), |token| json!({ "bearer": token.token }))
    }

    fn mint(&mut self, mint: &Mint, now: Timestamp, _: u64) -> Result<Value, String> {
        let user = if mint.entitled { ADMIN } else { USER };
        Ok(mint_bearer(&mut self.tokens, &ISSUER, mint, now, 24 * 60 * 60, &user.to_string()))
    }
}

impl Mediconnect {
    /// The credentials as a Rust program gets them.
    pub(crate) fn typed(&self) -> Credentials {
        let of = |entitled| self.tokens.iter().find(|token| token.entitled == entitled);
        let token = |entitled| of(entitled).map(|token| token.token.clone()).unwrap_or_default();
        Credentials { token: token(true), patient_token: token(false) }
    }
}

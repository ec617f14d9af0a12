//! ClearSquare: an account is active or not, and a call makes it the other.
//!
//! | from | a call |
//! |---|---|
//! | active | not active |
//! | not active | active |

use std::sync::LazyLock;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use user_status_openapi::{Operation, SystemKind};

use super::Users;
use crate::codec::media_type::Refusal;
use crate::credentials::{
    Issuer, Mint, SigningKey, Token, bearer, find_token, mint_bearer, problem, without_secrets, yes,
};
use crate::model::{Arguments, BeyondKind, Call, Caller, PresentedCredentials, Quirks, SystemModel, SystemResponse};
use crate::status::AccountStatus;

/// The refusal of the source document, for a bad token as for an unknown user.
const REFUSED: &str = "Invalid token or user ID";

/// The response to every change.
static DONE: LazyLock<Value> =
    LazyLock::new(|| json!({ "message": "User status updated successfully", "status": "success" }));

/// A ClearSquare user.
pub const USER: &str = "634441cecbb5901d133039f8";

/// The fixed facts about it.
pub(super) const QUIRKS: Quirks = Quirks {
    id_schema: "/components/schemas/ClearsquareUserId",
    user_schema: None,
    id_member: None,
    own_members: &[],
    media_type: Refusal { status: 400, of_accept: false, of_plain_json: true },
    beyond: |_| BeyondKind::Unknown,
};

/// The issuer of its tokens.
const ISSUER: Issuer = Issuer { system: SystemKind::Clearsquare, key: SigningKey::Hs256 };

/// ClearSquare credentials.
#[derive(Clone, Default)]
#[non_exhaustive]
pub struct Credentials {
    /// The token for the header and the body.
    pub token: String,
}

without_secrets!(Credentials);

/// The system.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Clearsquare {
    /// JWTs, HS256.
    tokens: Vec<Token>,
    users: Users<String, User>,
}

/// A user.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct User {
    #[serde(default = "yes")]
    active: bool,
}

impl Default for Clearsquare {
    fn default() -> Self {
        Clearsquare {
            tokens: vec![Token::of("admin", true)],
            users: Users::from_iter([(USER.to_owned(), User { active: true })]),
        }
    }
}

impl SystemModel for Clearsquare {
    fn authenticate(
        &self,
        _: &Operation,
        presented: &PresentedCredentials<'_>,
        now: Timestamp,
    ) -> Result<Caller, SystemResponse> {
        let sent = presented.get("clearsquareToken");
        match sent.and_then(|sent| find_token(&self.tokens, sent)) {
            Some(token) if token.entitled && !token.expired(now) => Ok(Caller::ANYBODY),
            _ => Err(self.refuse(401, REFUSED)),
        }
    }

    fn user_of(&self, asked: &Arguments) -> String {
        asked.text("id").unwrap_or_default().to_owned()
    }

    fn perform(&mut self, call: &Call<'_>) -> Result<SystemResponse, SystemResponse> {
        if call.asked.text("token") != call.presented.get("clearsquareToken") {
            return Err(self.refuse(401, REFUSED));
        }
        match self.users.get_mut(call.asked.text("id").unwrap_or_default()) {
            Some(user) => {
                user.active = !user.active;
                Ok(SystemResponse::fixed(200, &DONE))
            }
            None => Err(self.refuse(401, REFUSED)),
        }
    }

    fn refuse(&self, status: u16, message: &str) -> SystemResponse {
        SystemResponse::of(status, json!({ "message": message, "status": "error" }))
    }

    fn count(&self) -> usize {
        self.users.size()
    }

    fn users(&self) -> Vec<String> {
        self.users.keys().cloned().collect()
    }

    fn status(&self, user: &str) -> Option<AccountStatus> {
        let user = self.users.get(user)?;
        Some(AccountStatus { enabled: Some(user.active), ..AccountStatus::default() })
    }

    fn get(&self, user: &str) -> Option<Value> {
        self.users.get(user).map(|user| json!(user))
    }

    fn put(&mut self, user: &str, value: &Value) -> Result<(), String> {
        self.users.insert_mut(user.to_owned(), super::user(value)?);
        Ok(())
    }

    fn remove(&mut self, user: &str) -> bool {
        self.users.remove_mut(user)
    }

    fn fill_defaults(&mut self) {
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
        Ok(mint_bearer(&mut self.tokens, &ISSUER, mint, now, 24 * 60 * 60, "admin"))
    }
}

impl Clearsquare {
    /// The credentials as a Rust program gets them.
    pub(crate) fn typed(&self) -> Credentials {
        Credentials { token: self.tokens.first().map(|token| token.token.clone()).unwrap_or_default() }
    }
}

//! Userdocks: an account is freezed or not.
//!
//! | from | `0` | `1` |
//! |---|---|---|
//! | not freezed | freezed | stays |
//! | freezed | stays | not freezed |

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
use crate::status::AccountStatus;

/// A Userdocks user.
pub const USER: &str = "6f1e9c1e-3b57-4f0a-9d0e-0c2f0f5a1d11";
/// Another Userdocks user: the one whose access token [`Credentials`](crate::Credentials) has.
pub const SECOND_USER: &str = "0b9d2f3c-7a55-4a0e-8f6e-5b1f4c2d3e22";

/// The fixed facts about it.
pub(super) const QUIRKS: Quirks = Quirks {
    id_schema: "/components/schemas/UserdocksUserId",
    user_schema: None,
    id_member: None,
    own_members: &[],
    media_type: Refusal { status: 400, of_accept: false, of_plain_json: true },
    beyond: |_| BeyondKind::Unknown,
};

/// The issuer of its tokens.
const ISSUER: Issuer =
    Issuer { system: SystemKind::Userdocks, key: SigningKey::Rs256(include_bytes!("../keys/userdocks-private.der")) };

/// Userdocks credentials.
#[derive(Clone, Default)]
#[non_exhaustive]
pub struct Credentials {
    /// `X-API-KEY` of type `write`.
    pub api_key: String,
    /// `X-API-KEY` of type `read`: refused with 403 for a change.
    pub read_key: String,
    /// `X-CLIENT-ID`.
    pub client_id: String,
    /// Access token of [`USERDOCKS_SECOND_USER`](SECOND_USER).
    pub access_token: String,
}

without_secrets!(Credentials);

/// The system.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Userdocks {
    fidelity: Fidelity,
    /// The UUID of the app, which travels as X-CLIENT-ID.
    app: String,
    keys: Vec<Key>,
    /// Access tokens of users. JWTs, RS256.
    tokens: Vec<Token>,
    users: Users<String, User>,
}

/// An API key.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Key {
    key: String,
    #[serde(rename = "type")]
    kind: KeyType,
}

impl std::fmt::Debug for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Key").field("kind", &self.kind).finish_non_exhaustive()
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum KeyType {
    Read,
    Write,
}

impl KeyType {
    fn as_str(self) -> &'static str {
        match self {
            KeyType::Read => "read",
            KeyType::Write => "write",
        }
    }
}

/// A user.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct User {
    freezed: bool,
    deleted: bool,
}

impl Default for Userdocks {
    fn default() -> Self {
        let key = |key: &str, kind| Key { key: key.to_owned(), kind };
        let users = [USER, SECOND_USER];
        Userdocks {
            fidelity: Fidelity::Documented,
            app: "8c5ab9a4-46a3-4b5f-8f0b-7c0f3f6a9e10".to_owned(),
            keys: vec![key("mock-userdocks-write-key", KeyType::Write), key("mock-userdocks-read-key", KeyType::Read)],
            tokens: vec![Token::of(SECOND_USER, true)],
            users: users.map(|user| (user.to_owned(), User::default())).into_iter().collect(),
        }
    }
}

impl Userdocks {
    /// The caller with an access token: the user whose it is, who may do this to no other.
    fn signed_in(
        &self,
        operation: &Operation,
        presented: &PresentedCredentials<'_>,
        now: Timestamp,
    ) -> Result<Caller, SystemResponse> {
        let Some(sent) = presented.get("userdocksAccessToken") else {
            return Err(self.refuse(401, "Authorization must be `Bearer` and a token"));
        };
        match find_token(&self.tokens, sent) {
            None => Err(self.refuse(401, "the access token is not valid")),
            Some(token) if token.expired(now) => Err(self.refuse(401, "the access token has expired")),
            Some(token) if !token.entitled && !operation.changes.is_empty() => {
                Err(self.refuse(403, "the user needs permissions to change the access status"))
            }
            Some(token) => Ok(Caller { only: Some(token.user.clone()) }),
        }
    }
}

impl SystemModel for Userdocks {
    fn authenticate(
        &self,
        operation: &Operation,
        presented: &PresentedCredentials<'_>,
        now: Timestamp,
    ) -> Result<Caller, SystemResponse> {
        let names = ["userdocksApiKey", "userdocksApiKeyType", "userdocksClientId"];
        let by_token = operation.security.iter().any(|needed| needed.iter().any(|name| name == "userdocksAccessToken"));
        if !presented.has(names[0]) && presented.has("userdocksAccessToken") && by_token {
            return self.signed_in(operation, presented, now);
        }
        let (Some(sent), Some(kind), Some(app)) =
            (presented.get(names[0]), presented.get(names[1]), presented.get(names[2]))
        else {
            let or = if by_token { ", or Authorization" } else { "" };
            return Err(self.refuse(401, &format!("X-API-KEY, X-CLIENT-ID and X-API-KEY-TYPE are required{or}")));
        };
        let Some(key) = self.keys.iter().find(|key| key.key == sent) else {
            return Err(self.refuse(401, "the API key is not valid"));
        };
        if app != self.app {
            return Err(self.refuse(401, "X-CLIENT-ID is not that of an app"));
        }
        if kind != key.kind.as_str() {
            return Err(self.refuse(401, "X-API-KEY-TYPE is not the type of this key"));
        }
        if key.kind == KeyType::Read && !operation.changes.is_empty() {
            return Err(self.refuse(403, "an API key of type write is needed"));
        }
        Ok(Caller::ANYBODY)
    }

    fn user_of(&self, asked: &Arguments) -> String {
        asked.path("userId")
    }

    fn perform(&mut self, call: &Call<'_>) -> Result<SystemResponse, SystemResponse> {
        let id = self.user_of(call.asked);
        if call.caller.only.as_ref().is_some_and(|only| *only != id) {
            return Err(self.refuse(403, "the access token belongs to another user"));
        }
        let app = call.asked.path("appId");
        if !app.is_empty() && app != self.app {
            return Err(self.refuse(403, "the API key belongs to another app"));
        }
        let Some(user) = self.users.get_mut(&id) else { return Err(self.refuse(400, "user not found")) };
        let (message, data) = if call.operation.changes.is_empty() {
            ("user found", json!({ "id": id, "freezed": user.freezed, "deleted": user.deleted }))
        } else {
            user.freezed = call.asked.path("accessStatus") == "0";
            ("access status changed", Value::Null)
        };
        Ok(SystemResponse::of(200, json!({ "success": true, "message": message, "error": null, "data": data })))
    }

    fn refuse(&self, status: u16, message: &str) -> SystemResponse {
        if self.fidelity == Fidelity::Observed && status == 400 {
            let body = json!({ "kind": "errors", "itemsLength": 1, "errors": [{ "message": message }] });
            return SystemResponse::observed(200, JSON, body);
        }
        SystemResponse::of(status, json!({ "success": false, "error": message, "message": null, "data": null }))
    }

    fn count(&self) -> usize {
        self.users.size()
    }

    fn users(&self) -> Vec<String> {
        self.users.keys().cloned().collect()
    }

    fn status(&self, user: &str) -> Option<AccountStatus> {
        let user = self.users.get(user)?;
        Some(AccountStatus { enabled: Some(!user.freezed), ..AccountStatus::default() })
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

    fn set_fidelity(&mut self, fidelity: Fidelity) {
        self.fidelity = fidelity;
    }

    fn fill_defaults(&mut self) {
        self.tokens.iter_mut().for_each(|token| token.sign(&ISSUER));
    }

    fn secrets(&self) -> Vec<&str> {
        let keys = self.keys.iter().map(|key| key.key.as_str());
        let tokens = self.tokens.iter().map(|token| token.token.as_str());
        keys.chain(tokens).chain([self.app.as_str()]).collect()
    }

    fn problem(&self) -> Option<&'static str> {
        problem(self.secrets())
    }

    fn credentials(&self, now: Timestamp) -> Value {
        let mut known = json!({ "X-CLIENT-ID": self.app });
        if let Some(key) = self.keys.iter().find(|key| key.kind == KeyType::Write) {
            known["X-API-KEY"] = json!(key.key);
            known["X-API-KEY-TYPE"] = json!("write");
        }
        if let Some(token) = bearer(&self.tokens, now) {
            known["bearer"] = json!(token.token);
        }
        known
    }

    fn mint(&mut self, mint: &Mint, now: Timestamp, _: u64) -> Result<Value, String> {
        Ok(mint_bearer(&mut self.tokens, &ISSUER, mint, now, 60 * 60, SECOND_USER))
    }
}

impl Userdocks {
    /// The credentials as a Rust program gets them.
    pub(crate) fn typed(&self) -> Credentials {
        let key = |kind| self.keys.iter().find(|key| key.kind == kind).map(|key| key.key.clone()).unwrap_or_default();
        Credentials {
            api_key: key(KeyType::Write),
            read_key: key(KeyType::Read),
            client_id: self.app.clone(),
            access_token: self.tokens.first().map(|token| token.token.clone()).unwrap_or_default(),
        }
    }
}

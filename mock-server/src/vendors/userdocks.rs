//! Userdocks: an account is freezed or not.

use std::collections::BTreeMap;

use serde_json::json;

use user_status_openapi::Operation;

use super::{Answer, Call, Caller, System};
use crate::engine::Presented;
use crate::status::AccountStatus;
use crate::world::{self, Credentials};

/// The users.
#[derive(Debug)]
pub(crate) struct Userdocks {
    /// Whether a user is freezed, by id.
    freezed: BTreeMap<String, bool>,
}

impl Default for Userdocks {
    fn default() -> Self {
        let users = [world::USERDOCKS_USER, world::USERDOCKS_SECOND_USER];
        Userdocks { freezed: users.map(|user| (user.to_owned(), false)).into() }
    }
}

impl System for Userdocks {
    fn authenticate(&self, operation: &Operation, presented: &Presented) -> Result<Caller, Answer> {
        let known = Credentials::DEFAULT.userdocks;
        let names = ["userdocksApiKey", "userdocksApiKeyType", "userdocksClientId"];
        if !names.iter().any(|name| presented.has(name)) {
            return match presented.get("userdocksAccessToken") {
                Some(token) if token == known.access_token => {
                    Ok(Caller { only: Some(world::USERDOCKS_SECOND_USER.to_owned()) })
                }
                Some(_) => Err(self.refuse(401, "the access token is not valid")),
                None if presented.has("userdocksAccessToken") => {
                    Err(self.refuse(401, "Authorization must be `Bearer` and a token"))
                }
                None => {
                    Err(self.refuse(401, "X-API-KEY, X-CLIENT-ID and X-API-KEY-TYPE, or Authorization, are required"))
                }
            };
        }
        let (Some(key), Some(kind), Some(client_id)) =
            (presented.get(names[0]), presented.get(names[1]), presented.get(names[2]))
        else {
            return Err(self.refuse(401, "X-API-KEY, X-CLIENT-ID and X-API-KEY-TYPE are required together"));
        };
        if client_id != known.client_id {
            return Err(self.refuse(401, "X-CLIENT-ID is not that of an app"));
        }
        match (key, kind) {
            _ if key == known.api_key && kind == "write" => Ok(Caller::ANYBODY),
            _ if key == known.read_key && kind == "read" && operation.changes.is_empty() => Ok(Caller::ANYBODY),
            _ if key == known.read_key && kind == "read" => Err(self.refuse(403, "an API key of type write is needed")),
            _ if key == known.api_key || key == known.read_key => {
                Err(self.refuse(401, "X-API-KEY-TYPE is not the type of this key"))
            }
            _ => Err(self.refuse(401, "the API key is not valid")),
        }
    }

    fn perform(&mut self, call: &Call<'_>) -> Result<Answer, Answer> {
        let user = call.asked.path("userId");
        if call.caller.only.as_ref().is_some_and(|only| *only != user) {
            return Err(self.refuse(403, "the access token belongs to another user"));
        }
        let app = call.asked.path("appId");
        if !app.is_empty() && app != Credentials::DEFAULT.userdocks.client_id {
            return Err(self.refuse(403, "the API key belongs to another app"));
        }
        match self.freezed.get_mut(&user) {
            Some(freezed) if call.operation.changes.is_empty() => {
                let data = json!({ "id": user, "freezed": *freezed, "deleted": false });
                let body = json!({ "success": true, "message": "user found", "error": null, "data": data });
                Ok(Answer { status: 200, body })
            }
            Some(freezed) => {
                *freezed = call.asked.path("accessStatus") == "0";
                let body = json!({ "success": true, "message": "access status changed", "error": null, "data": null });
                Ok(Answer { status: 200, body })
            }
            None => Err(self.refuse(400, "user not found")),
        }
    }

    fn refuse(&self, status: u16, message: &str) -> Answer {
        Answer { status, body: json!({ "success": false, "error": message, "message": null, "data": null }) }
    }

    fn status(&self, user: &str) -> Option<AccountStatus> {
        let freezed = self.freezed.get(user)?;
        Some(AccountStatus { enabled: Some(!freezed), ..AccountStatus::default() })
    }
}

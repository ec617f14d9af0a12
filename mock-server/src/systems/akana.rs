//! Akana: an account is disabled or not and, independently, locked or not.
//!
//! | from | `…enabled` | `…disabled` | `…locked` |
//! |---|---|---|---|
//! | neither | stays | disabled | locked |
//! | disabled | neither | stays | disabled and locked |
//! | locked | neither | disabled and locked | stays |

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use user_status_openapi::Operation;

use super::Users;
use crate::codec::media_type::Refusal;
use crate::credentials::{Mint, expired, problem, without_secrets, yes};
use crate::model::{Arguments, BeyondKind, Call, Caller, PresentedCredentials, Quirks, SystemModel, SystemResponse};
use crate::status::AccountStatus;

/// An Akana user.
pub const USER: &str = "f57dd9cc-2608-456e-9dfa-300c85224a73.acmepaymentscorp";
/// The id of the Akana tenant.
pub const TENANT: &str = "acmepaymentscorp";

/// The fixed facts about it.
pub(super) const QUIRKS: Quirks = Quirks {
    id_schema: "/components/schemas/AkanaUserId",
    user_schema: Some("/components/schemas/AkanaUser"),
    id_member: Some("UserID"),
    own_members: &[],
    // Its documentation says so; of all systems it alone has a choice to offer.
    media_type: Refusal { status: 404, of_accept: true, of_plain_json: true },
    beyond: |_| BeyondKind::Unknown,
};

/// Akana credentials.
#[derive(Clone, Default)]
#[non_exhaustive]
pub struct Credentials {
    /// Value of the cookie `AtmoAuthToken_acmepaymentscorp` of a Site Admin.
    pub session_cookie: String,
    /// Value of the header `X-Csrf-Token_acmepaymentscorp` for it.
    pub csrf_token: String,
    /// The cookie of a signed-in user who is not a Site Admin: refused with 401.
    pub member_session_cookie: String,
    /// The CSRF token for it.
    pub member_csrf_token: String,
}

without_secrets!(Credentials);

/// The system.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Akana {
    /// The id of the tenant, which is part of the names of the cookie and the CSRF header.
    tenant: String,
    sessions: Vec<Session>,
    /// The users as the platform shows them, by id.
    users: Users<String, Value>,
}

/// Somebody who has signed in.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Session {
    /// The value of the cookie.
    cookie: String,
    /// The value of the CSRF header.
    csrf: String,
    /// `true` if the user is a Site Admin.
    #[serde(default = "yes")]
    site_admin: bool,
    /// When it ends; never if it is left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    expires: Option<Timestamp>,
}

impl std::fmt::Debug for Session {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Session").field("site_admin", &self.site_admin).finish_non_exhaustive()
    }
}

impl Session {
    fn of(name: &str, site_admin: bool) -> Session {
        Session {
            cookie: format!("TokenID%3Dmock-akana-{name}-session"),
            csrf: format!("TokenID%3Dmock-akana-{name}-csrf"),
            site_admin,
            expires: None,
        }
    }
}

impl Default for Akana {
    fn default() -> Self {
        let philip = json!({
            "UserID": USER,
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
        Akana {
            tenant: TENANT.to_owned(),
            sessions: vec![Session::of("admin", true), Session::of("member", false)],
            users: Users::from_iter([(USER.to_owned(), philip)]),
        }
    }
}

/// Returns what a document says of a user, and what it leaves out as for a new user.
fn completed(id: &str, given: &Value) -> Value {
    super::completed(json!({ "UserID": id, "Disabled": false, "Locked": false }), given)
}

impl SystemModel for Akana {
    fn authenticate(
        &self,
        operation: &Operation,
        presented: &PresentedCredentials<'_>,
        now: Timestamp,
    ) -> Result<Caller, SystemResponse> {
        let Some(sent) = presented.get("akanaSession") else {
            let name = format!("AtmoAuthToken_{}", self.tenant);
            return Err(match presented.cookie_that_starts("AtmoAuthToken_") {
                Some(tenant) if tenant != self.tenant => self.refuse(
                    401,
                    &format!("the cookie AtmoAuthToken_{tenant} is of another tenant; {name} is required"),
                ),
                _ => self.refuse(401, &format!("the cookie {name} is required, once")),
            });
        };
        let Some(session) = self.sessions.iter().find(|session| session.cookie == sent) else {
            return Err(self.refuse(401, "the session is not valid"));
        };
        if expired(session.expires, now) {
            return Err(self.refuse(401, "the session has expired"));
        }
        // A read needs no CSRF header.
        if !operation.changes.is_empty() {
            let name = format!("X-Csrf-Token_{}", self.tenant);
            match presented.get("akanaCsrf") {
                Some(csrf) if csrf == session.csrf => {}
                Some(_) => return Err(self.refuse(401, &format!("{name} is not valid"))),
                None if presented.header_that_starts("x-csrf-token_").is_some_and(|of| of != self.tenant) => {
                    return Err(self.refuse(401, &format!("the CSRF header is of another tenant; {name} is required")));
                }
                None => return Err(self.refuse(401, &format!("{name} is required, once"))),
            }
        }
        if session.site_admin { Ok(Caller::ANYBODY) } else { Err(self.refuse(401, "only a Site Admin may do this")) }
    }

    fn user_of(&self, asked: &Arguments) -> String {
        asked.path("UserID")
    }

    fn perform(&mut self, call: &Call<'_>) -> Result<SystemResponse, SystemResponse> {
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
        Ok(SystemResponse::of(200, user.clone()))
    }

    fn refuse(&self, status: u16, message: &str) -> SystemResponse {
        let code = match status {
            401 => "Client.Unauthorized",
            404 => "Client.NotFound",
            500.. => "Server",
            _ => "Client",
        };
        SystemResponse::of(status, json!({ "faultcode": code, "faultstring": message }))
    }

    fn tenant(&self) -> Option<&str> {
        Some(&self.tenant)
    }

    fn count(&self) -> usize {
        self.users.size()
    }

    fn users(&self) -> Vec<String> {
        self.users.keys().cloned().collect()
    }

    fn status(&self, user: &str) -> Option<AccountStatus> {
        let user = self.users.get(user)?;
        let flag = |name: &str| user.get(name).and_then(Value::as_bool);
        Some(AccountStatus {
            enabled: flag("Disabled").map(|disabled| !disabled),
            locked: flag("Locked"),
            ..AccountStatus::default()
        })
    }

    fn get(&self, user: &str) -> Option<Value> {
        self.users.get(user).cloned()
    }

    fn put(&mut self, user: &str, value: &Value) -> Result<(), String> {
        super::user::<serde_json::Map<String, Value>>(value)?;
        self.users.insert_mut(user.to_owned(), completed(user, value));
        Ok(())
    }

    fn remove(&mut self, user: &str) -> bool {
        self.users.remove_mut(user)
    }

    fn fill_defaults(&mut self) {
        self.users = self.users.iter().map(|(id, user)| (id.clone(), completed(id, user))).collect();
    }

    fn secrets(&self) -> Vec<&str> {
        self.sessions.iter().flat_map(|session| [session.cookie.as_str(), session.csrf.as_str()]).collect()
    }

    fn problem(&self) -> Option<&'static str> {
        let tenant = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
        if self.tenant.is_empty() || !self.tenant.bytes().all(tenant) {
            return Some("`tenant` must be letters, digits, `-`, `_` and `.`");
        }
        // Two sessions may have the same CSRF token, and not the same cookie.
        let csrf = self.sessions.iter().find_map(|session| problem([session.csrf.as_str()]));
        csrf.or_else(|| problem(self.sessions.iter().map(|session| session.cookie.as_str())))
    }

    fn credentials(&self, now: Timestamp) -> Value {
        match self.sessions.iter().find(|session| session.site_admin && !expired(session.expires, now)) {
            Some(session) => self.listed(session),
            None => json!({}),
        }
    }

    fn mint(&mut self, mint: &Mint, now: Timestamp, number: u64) -> Result<Value, String> {
        if mint.user.is_some() {
            return Err("a session is of a Site Admin or of somebody else; leave `user` out".to_owned());
        }
        // 30 minutes is the platform's default.
        let expires = Some(mint.expiry(now, 30 * 60));
        let session = Session { expires, ..Session::of(&format!("made-{number}"), mint.entitled) };
        let listed = self.listed(&session);
        self.sessions.push(session);
        Ok(listed)
    }
}

impl Akana {
    fn listed(&self, session: &Session) -> Value {
        let mut known = json!({});
        known[format!("AtmoAuthToken_{}", self.tenant)] = json!(session.cookie);
        known[format!("X-Csrf-Token_{}", self.tenant)] = json!(session.csrf);
        known
    }

    /// The credentials as a Rust program gets them.
    pub(crate) fn typed(&self) -> Credentials {
        let find = |site_admin| self.sessions.iter().find(|session| session.site_admin == site_admin);
        let of = |site_admin| find(site_admin).map(|s| (s.cookie.clone(), s.csrf.clone())).unwrap_or_default();
        let ((session_cookie, csrf_token), (member_session_cookie, member_csrf_token)) = (of(true), of(false));
        Credentials { session_cookie, csrf_token, member_session_cookie, member_csrf_token }
    }
}

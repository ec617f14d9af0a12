//! What these tests know of the SDK: how each operation is called, by whom, and what is to come of it.

use progenitor_client::ResponseValue;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use user_status::systems::{
    Akana, Clearsquare, Mediconnect, Scim, Symphony, Userdocks, akana, clearsquare, mediconnect, scim, symphony,
    userdocks,
};
use user_status::{AccountSystem, Error, RawResponse, RetryPolicy, StatusChange};
use user_status_mock::{Credentials, SystemKind};
use user_status_openapi::{Contract, Operation};

use super::cells::Cell;

/// Who can call.
const CALLERS: [(SystemKind, &[&str]); 8] = [
    (SystemKind::Userdocks, &["userdocksApiKey", "userdocksApiKeyType", "userdocksClientId"]),
    (SystemKind::Userdocks, &["userdocksAccessToken"]),
    (SystemKind::Akana, &["akanaSession", "akanaCsrf"]),
    // A read needs no CSRF header; the client sends it with every request.
    (SystemKind::Akana, &["akanaSession"]),
    (SystemKind::Mediconnect, &["mediconnectToken"]),
    (SystemKind::Symphony, &["symphonySession"]),
    (SystemKind::Clearsquare, &["clearsquareToken"]),
    (SystemKind::Scim, &["scimToken"]),
];

/// What the unified layer makes of a success, by operation and example: proof and status of a change, status of a read.
const SUCCESSES: [(&str, &str, &str); 17] = [
    ("setAccessStatus", "freezed", "accepted: unknown"),
    ("setAppAccessStatus", "freezed", "accepted: unknown"),
    ("getUser", "user", "enabled"),
    ("changeUserStatus", "locked", "confirmed: enabled, locked"),
    ("getPlatformUser", "locked", "enabled, locked"),
    ("toggleUserStatus", "suspended", "confirmed: disabled, suspended (Violation of terms of service)"),
    ("getAdminUser", "suspended", "disabled, suspended (Violation of terms of service)"),
    ("updateUserStatus", "ok", "accepted: unknown"),
    ("getUserStatus", "enabled", "enabled"),
    ("manageUserStatus", "changed", "accepted: unknown"),
    ("getScimUser", "enabled", "enabled"),
    ("patchScimUser", "disabled", "confirmed: disabled"),
    ("patchScimUser", NO_BODY, "accepted: unknown"),
    ("replaceScimUser", "disabled", "confirmed: disabled"),
    ("findScimUsers", "found", "2819c223-7f76-453a-919d-413861904646"),
    ("findScimUsers", "nobody", "not_found, applied: No"),
    ("getScimConfig", "config", ASKED_BESIDE),
];

/// In the place of an example, for a response without a body.
pub(super) const NO_BODY: &str = "–";

/// In the place of a result: the unified layer asks for it beside a change, and goes on without it.
const ASKED_BESIDE: &str = "";

/// The kind of error for each status code, and whether the account may have been changed: by a change, by a read.
const REFUSALS: [(u16, &str); 10] = [
    (400, "rejected"),
    (401, "credentials"),
    (403, "forbidden"),
    (404, "not_found"),
    (409, "rejected"),
    (412, "rejected"),
    (413, "rejected"),
    (429, "rate_limited"),
    (500, "server"),
    (501, "server"),
];

/// Returns whether a cell can be brought about, and what is to come of it is known.
pub(super) fn covers(cell: &Cell) -> bool {
    let operation = cell.operation();
    let called = SUCCESSES.iter().any(|(id, ..)| *id == operation.id);
    let caller = CALLERS.iter().any(|(system, known)| *system == operation.system && *known == cell.schemes());
    let spoken = cell.media_type().is_none_or(|spoken| {
        let known = akana::MediaType::ALL.iter().any(|known| known.as_str() == spoken.name);
        match operation.system {
            SystemKind::Akana => known,
            SystemKind::Scim => spoken.name == "application/scim+json",
            _ => spoken.name == "application/json",
        }
    });
    let expected = match cell {
        Cell::Request(_) => true,
        Cell::Answer(answer) if answer.status < 300 => {
            let known = |(id, example, _): &(&str, &str, &str)| (*id, *example) == (&operation.id, &answer.example);
            SUCCESSES.iter().any(known)
        }
        Cell::Answer(answer) => REFUSALS.iter().any(|(status, _)| *status == answer.status),
        Cell::Bodyless(_) => SUCCESSES.iter().any(|(id, example, _)| (*id, *example) == (&*operation.id, NO_BODY)),
    };
    called && caller && spoken && expected
}

/// Returns what the unified layer is to make of an answer.
pub(super) fn expected(operation: &str, status: u16, example: &str, changes: bool) -> String {
    if let Some((_, kind)) = REFUSALS.iter().find(|(known, _)| *known == status) {
        // Of a 412 it is not known who has changed the account.
        let applied = if changes && matches!(status, 412 | 500) { "Unknown" } else { "No" };
        return format!("{kind}, applied: {applied}");
    }
    let found = SUCCESSES.iter().find(|(id, known, _)| (*id, *known) == (operation, example));
    found.unwrap_or_else(|| panic!("{operation} {example}")).2.to_owned()
}

/// The media type in which a client of JSON calls an operation.
pub(super) fn json_of(operation: &Operation) -> &str {
    let content = &operation.responses[&200].content;
    content.iter().map(|media_type| media_type.name.as_str()).find(|name| name.ends_with("json")).unwrap()
}

/// A client of one system.
pub(super) enum Client {
    Userdocks(Userdocks, String),
    Akana(Akana),
    Mediconnect(Mediconnect),
    Symphony(Symphony),
    Clearsquare(Clearsquare),
    Scim(Scim),
}

/// Who calls, what is spoken, and what is preferred.
pub(super) struct Caller<'a> {
    pub(super) schemes: &'a [String],
    pub(super) media_type: &'a str,
    pub(super) credentials: &'a Credentials,
    pub(super) prefer: Option<&'a str>,
}

macro_rules! built {
    ($builder:expr, $prefer:expr) => {{
        let builder = $builder.retry(RetryPolicy::never());
        let builder = match $prefer {
            Some(prefer) => builder.configure_http(preferring(prefer)),
            None => builder,
        };
        builder.build().unwrap()
    }};
}

pub(super) fn connect(system: SystemKind, uri: &str, caller: &Caller<'_>, operation: &str) -> Client {
    let (known, prefer) = (caller.credentials, caller.prefer);
    match system {
        SystemKind::Userdocks => {
            let docks = &known.userdocks;
            let credentials = match caller.schemes.len() {
                3 => userdocks::Credentials::api_key(&*docks.api_key, &*docks.client_id),
                _ => userdocks::Credentials::access_token(&*docks.access_token),
            };
            let route = match operation {
                "setAppAccessStatus" => userdocks::Route::Current,
                _ => userdocks::Route::Documented,
            };
            let builder = Userdocks::builder().base_url(uri).credentials(credentials).route(route);
            Client::Userdocks(built!(builder.app(&*docks.client_id), prefer), docks.client_id.clone())
        }
        SystemKind::Akana => {
            let credentials = akana::Credentials::session(&*known.akana.session_cookie, &*known.akana.csrf_token);
            let media_type = akana::MediaType::ALL.iter().find(|known| known.as_str() == caller.media_type).unwrap();
            let builder = Akana::builder().base_url(uri).tenant("acmepaymentscorp").credentials(credentials);
            Client::Akana(built!(builder.media_type(*media_type), prefer))
        }
        SystemKind::Mediconnect => {
            let credentials = mediconnect::Credentials::token(&*known.mediconnect.token);
            // Without a read before, so that each call is the operation of its cell.
            let builder = Mediconnect::builder().base_url(uri).credentials(credentials).assume_active(false);
            Client::Mediconnect(built!(builder, prefer))
        }
        SystemKind::Symphony => {
            let credentials = symphony::Credentials::session_token(&*known.symphony.session_token);
            Client::Symphony(built!(Symphony::builder().base_url(uri).credentials(credentials), prefer))
        }
        SystemKind::Clearsquare => {
            let credentials = clearsquare::Credentials::token(&*known.clearsquare.token);
            Client::Clearsquare(built!(Clearsquare::builder().base_url(uri).credentials(credentials), prefer))
        }
        SystemKind::Scim => {
            let method = match operation {
                "replaceScimUser" => scim::Method::Put,
                _ => scim::Method::Patch,
            };
            let credentials = scim::Credentials::bearer(&*known.scim.token);
            Client::Scim(built!(Scim::builder().base_url(uri).credentials(credentials).method(method), prefer))
        }
    }
}

/// An HTTP client that says with each request which answer it prefers.
fn preferring(prefer: &str) -> impl Fn(reqwest::ClientBuilder) -> reqwest::ClientBuilder + Send + Sync + 'static {
    let name = reqwest::header::HeaderName::from_static("prefer");
    let headers = reqwest::header::HeaderMap::from_iter([(name, prefer.parse().unwrap())]);
    move |http| http.default_headers(headers.clone())
}

/// What came of a call of a generated client.
#[derive(Debug)]
pub(super) struct Typed {
    pub(super) status: u16,
    /// The typed value, written back.
    pub(super) body: Value,
}

/// Calls an operation by its generated client, with the examples of its parameters, and with this body.
pub(super) async fn typed(client: &Client, operation: &str, user: &str, body: Option<Value>) -> Typed {
    fn of<T: DeserializeOwned>(body: Option<Value>) -> T {
        serde_json::from_value(body.unwrap()).unwrap()
    }
    let id = || user.parse::<i64>().unwrap();
    match client {
        Client::Userdocks(docks, app) => {
            let client = docks.client();
            match operation {
                "setAccessStatus" => {
                    let call = client.set_access_status().user_id(user).access_status("0");
                    outcome(call.send().await)
                }
                "setAppAccessStatus" => {
                    let call = client.set_app_access_status().app_id(app.as_str()).user_id(user).access_status("0");
                    outcome(call.send().await)
                }
                _ => outcome(client.get_user().user_id(user).send().await),
            }
        }
        Client::Akana(akana) => match operation {
            "changeUserStatus" => {
                let body: akana::types::AkanaChangeUserStatusRequest = of(body);
                let call = akana.client().change_user_status().user_id(user).body(body);
                outcome(call.send().await)
            }
            _ => outcome(akana.client().get_platform_user().user_id(user).send().await),
        },
        Client::Mediconnect(mediconnect) => match operation {
            "toggleUserStatus" => {
                let body: mediconnect::types::MediconnectToggleUserStatusRequest = of(body);
                let call = mediconnect.client().toggle_user_status().id(id()).body(body);
                outcome(call.send().await)
            }
            _ => outcome(mediconnect.client().get_admin_user().id(id()).send().await),
        },
        Client::Symphony(symphony) => match operation {
            "updateUserStatus" => {
                let body: symphony::types::SymphonyUserStatus = of(body);
                let call = symphony.client().update_user_status().uid(id()).body(body);
                outcome(call.send().await)
            }
            _ => outcome(symphony.client().get_user_status().uid(id()).send().await),
        },
        Client::Clearsquare(clearsquare) => {
            let body: clearsquare::types::ClearsquareManageStatusRequest = of(body);
            let call = clearsquare.client().manage_user_status().accept_language("en-US,en;q=0.9").body(body);
            outcome(call.send().await)
        }
        Client::Scim(scim) => {
            let client = scim.client();
            match operation {
                "getScimUser" => {
                    let call = client.get_scim_user().id(user).attributes("id,active,meta");
                    outcome(call.excluded_attributes("displayName").send().await)
                }
                "patchScimUser" => {
                    let body: scim::types::ScimPatch = of(body);
                    outcome(client.patch_scim_user().id(user).if_match("*").body(body).send().await)
                }
                "replaceScimUser" => {
                    let body: scim::types::ScimReplacement = of(body);
                    outcome(client.replace_scim_user().id(user).if_match("*").body(body).send().await)
                }
                "findScimUsers" => {
                    let call = client.find_scim_users().filter(r#"userName eq "jane@acme.example""#);
                    let call = call.start_index(1).count(10).attributes("id,userName");
                    outcome(call.excluded_attributes("displayName").send().await)
                }
                _ => outcome(client.get_scim_config().send().await),
            }
        }
    }
}

fn outcome<T, E>(result: Result<ResponseValue<T>, progenitor_client::Error<E>>) -> Typed
where
    T: Serialize,
    E: DeserializeOwned + Serialize,
    Error: From<progenitor_client::Error<E>>,
{
    match result {
        Ok(answer) => Typed { status: answer.status().as_u16(), body: json!(answer.into_inner()) },
        Err(progenitor_client::Error::ErrorResponse(answer)) => {
            Typed { status: answer.status().as_u16(), body: json!(answer.into_inner()) }
        }
        // What the generated client has no words for: the failure of a read, which leaves nothing open.
        Err(error) => {
            let error = Error::from(error);
            let fault: Option<E> = error.error_body();
            let fault = fault.unwrap_or_else(|| panic!("no typed error body: {error:?}"));
            Typed { status: error.status().unwrap(), body: json!(fault) }
        }
    }
}

/// Returns whether the unified layer sends other requests before this one, which would get what is preferred as well.
pub(super) fn comes_after_others(operation: &str) -> bool {
    matches!(operation, "patchScimUser" | "replaceScimUser")
}

/// Returns whether the unified layer has a call of its own for an operation.
pub(super) fn is_called_by_itself(operation: &str) -> bool {
    SUCCESSES.iter().any(|(id, _, result)| *id == operation && *result != ASKED_BESIDE)
}

/// Calls an operation by the unified layer: what comes of it, in the words of [`expected`], and the answer as it came.
pub(super) async fn unified(client: &Client, operation: &str, user: &str) -> (String, Option<RawResponse>) {
    let (system, change): (&dyn AccountSystem, StatusChange) = match client {
        Client::Userdocks(system, _) => (system, StatusChange::disable()),
        Client::Akana(system) => (system, StatusChange::lock()),
        Client::Mediconnect(system) => (system, StatusChange::suspend("Violation of terms of service")),
        Client::Symphony(system) => (system, StatusChange::disable()),
        Client::Clearsquare(system) => (system, StatusChange::toggle()),
        Client::Scim(system) => (system, StatusChange::disable()),
    };
    let reads = Contract::embedded().operation(operation).unwrap().changes.is_empty();
    let result = match reads {
        true if operation == "findScimUsers" => system.find("userName:jane@acme.example").await.map(|id| (id, None)),
        true => system.status(user).await.map(|status| (status.to_string(), None)),
        false => system
            .apply(user, &change)
            .await
            .map(|receipt| (format!("{}: {}", receipt.proof, receipt.status), receipt.raw)),
    };
    match result {
        Ok((said, raw)) => (said, raw),
        Err(error) => {
            let said = format!("{}, applied: {:?}", error.kind().as_str(), error.applied());
            // Nobody was found, in a response that is no error.
            let raw = error.raw().cloned();
            assert!(raw.is_some() || operation == "findScimUsers", "{error:?}");
            (said, raw)
        }
    }
}

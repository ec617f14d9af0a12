//! From the mock to the SDK: each answer of the contract over a real socket, as the generated client and the unified layer
//! give it.

use serde_json::{Map, Value, json};
use user_status::RawResponse;
use user_status_mock::{Credentials, Fault, Mint, Options, StandaloneServer, SystemKind, WorldState};
use user_status_openapi::{Contract, Operation, pointer};

use super::calls::{self, Caller, Client};
use super::cells::{Answer, Bodyless, examples};
use crate::support::raw;

/// The world in which the examples of the documents run as they are written.
const WORLD: &str = include_str!("../../../../mock-server/worlds/documents.yaml");

/// The way in which the mock is brought to an answer without being told which.
#[derive(Clone, Copy, Debug)]
enum State {
    /// As the world is.
    AsItIs,
    /// The account has this in addition.
    Account(&'static str),
    /// There is no such account.
    NoUser,
    /// The caller is known, and may not.
    Unentitled,
    /// The session or token of the caller is over.
    Expired,
}

/// The examples that the mock gives by itself, word for word.
const BY_STATE: &[(&str, u16, &str, State)] = &[
    ("setAccessStatus", 200, "freezed", State::AsItIs),
    ("setAccessStatus", 400, "unknownUser", State::NoUser),
    ("setAppAccessStatus", 200, "freezed", State::AsItIs),
    ("setAppAccessStatus", 400, "unknownUser", State::NoUser),
    ("getUser", 200, "user", State::AsItIs),
    ("getUser", 400, "unknownUser", State::NoUser),
    ("changeUserStatus", 200, "locked", State::AsItIs),
    ("changeUserStatus", 404, "unknownUser", State::NoUser),
    ("getPlatformUser", 200, "locked", State::Account(r#"{"Locked":true}"#)),
    ("getPlatformUser", 404, "unknownUser", State::NoUser),
    ("toggleUserStatus", 200, "suspended", State::AsItIs),
    ("toggleUserStatus", 403, "notAdmin", State::Unentitled),
    ("toggleUserStatus", 404, "unknownUser", State::NoUser),
    (
        "getAdminUser",
        200,
        "suspended",
        State::Account(
            r#"{"isSuspended":true,"suspensionReason":"Violation of terms of service","updatedAt":"2024-03-03T15:45:00.000Z"}"#,
        ),
    ),
    ("getAdminUser", 403, "notAdmin", State::Unentitled),
    ("getAdminUser", 404, "unknownUser", State::NoUser),
    ("updateUserStatus", 200, "ok", State::AsItIs),
    ("updateUserStatus", 401, "invalidSession", State::Expired),
    ("updateUserStatus", 403, "noEntitlement", State::Unentitled),
    ("getUserStatus", 200, "enabled", State::AsItIs),
    ("getUserStatus", 400, "unknownUser", State::NoUser),
    ("getUserStatus", 401, "invalidSession", State::Expired),
    ("getUserStatus", 403, "noEntitlement", State::Unentitled),
    ("manageUserStatus", 200, "changed", State::AsItIs),
    ("manageUserStatus", 401, "refused", State::Unentitled),
    ("getScimUser", 403, "forbidden", State::Unentitled),
    ("getScimUser", 404, "notFound", State::NoUser),
    ("patchScimUser", 403, "forbidden", State::Unentitled),
    ("patchScimUser", 404, "notFound", State::NoUser),
    ("replaceScimUser", 404, "notFound", State::NoUser),
    ("findScimUsers", 200, "found", State::AsItIs),
    ("findScimUsers", 403, "forbidden", State::Unentitled),
    ("getScimConfig", 200, "config", State::AsItIs),
    ("getScimConfig", 403, "forbidden", State::Unentitled),
];

/// The attributes of a user that are about the person.
const PERSONAL: [&str; 3] = ["userName", "externalId", "displayName"];

/// Every row of [`BY_STATE`] is about a cell.
#[test]
fn states_are_those_of_cells() {
    for (id, status, example, state) in BY_STATE {
        let response = &Contract::embedded().operation(id).unwrap().responses[status];
        let known = response
            .content
            .iter()
            .all(|media_type| examples(Contract::embedded(), media_type).iter().any(|(name, _)| name == example));
        assert!(known, "{id} {status} {example}, {state:?}");
    }
}

/// Proves a cell, and says by which means the mock was brought to it.
pub(super) async fn prove(cell: &Answer) -> Vec<&'static str> {
    let id = &cell.operation.id;
    let prefer = format!("code={}, example={}", cell.status, cell.example);
    hold(cell, None, Some(&prefer), &cell.body).await;
    if calls::comes_after_others(id) {
        hold(cell, Some(Means::Fault(&cell.body)), None, &cell.body).await;
    }
    // Also with what nobody knows yet: members, and values of open sets.
    let later = later(&cell.media_type.schema, &cell.body);
    hold(cell, Some(Means::Fault(&later)), None, &later).await;
    let mut by = vec!["prefer", "fault"];
    let row = BY_STATE.iter().find(|row| (row.0, row.1, row.2) == (id, cell.status, &cell.example));
    if let Some((.., state)) = row {
        hold(cell, Some(Means::State(*state)), None, &cell.body).await;
        by.push("state");
    }
    by
}

/// Proves the cell of a response without a body: the generated client hands it out under its own status code, with a value in
/// which nothing is said.
pub(super) async fn prove_bodyless(cell: &Bodyless) -> Vec<&'static str> {
    let (operation, what) = (&cell.operation, format!("{} {}", cell.operation.id, cell.status));
    let prefer = format!("code={}", cell.status);
    for prefer in [Some(&*prefer), None] {
        let server = server().await;
        let credentials = credentials(&server);
        if prefer.is_none() {
            let fault = Fault::response(cell.status, json!({})).on_operation(&*operation.id);
            server.fault(fault.times(1)).unwrap();
        }
        let media_type = calls::json_of(operation);
        let caller = Caller { schemes: &cell.schemes, media_type, credentials: &credentials, prefer };
        let client = calls::connect(operation.system, &server.uri(operation.system), &caller, &operation.id);
        let typed = calls::typed(&client, &operation.id, raw::user(operation), first_body(operation)).await;
        assert_eq!((typed.status, typed.body), (cell.status, json!({})), "{what}");
        let exchange = server.journal().pop().unwrap();
        assert_eq!((exchange.status, &*exchange.response), (Some(cell.status), ""), "{what}");
    }
    let server = server().await;
    let credentials = credentials(&server);
    server.fault(Fault::response(cell.status, json!({})).on_operation(&*operation.id)).unwrap();
    let media_type = calls::json_of(operation);
    let caller = Caller { schemes: &cell.schemes, media_type, credentials: &credentials, prefer: None };
    let client = calls::connect(operation.system, &server.uri(operation.system), &caller, &operation.id);
    let (said, raw) = calls::unified(&client, &operation.id, raw::user(operation)).await;
    assert_eq!(said, calls::expected(&operation.id, cell.status, calls::NO_BODY, true), "{what}");
    let raw = raw.unwrap();
    assert_eq!((raw.status, &raw.body[..]), (cell.status, &b""[..]), "{what}");
    vec!["prefer", "fault"]
}

enum Means<'a> {
    State(State),
    Fault(&'a Value),
}

/// Brings the mock to the answer, and holds what comes of it to what it must be.
async fn hold(cell: &Answer, means: Option<Means<'_>>, prefer: Option<&str>, body: &Value) {
    let operation = &cell.operation;
    let server = server().await;
    let mut credentials = credentials(&server);
    match &means {
        None => {}
        Some(Means::Fault(body)) => {
            let fault = Fault::response(cell.status, Value::clone(body)).off_contract();
            server.fault(fault.on_operation(&*operation.id)).unwrap();
        }
        Some(Means::State(state)) => bring(&server, operation, *state, &mut credentials),
    }
    let caller =
        Caller { schemes: &cell.schemes, media_type: &cell.media_type.name, credentials: &credentials, prefer };
    let client = calls::connect(operation.system, &server.uri(operation.system), &caller, &operation.id);
    let what = format!("{} {} {} {}", operation.id, cell.status, cell.media_type.name, cell.example);

    let typed = calls::typed(&client, &operation.id, raw::user(operation), first_body(operation)).await;
    assert_eq!(typed.status, cell.status, "{what}: {typed:?}");
    assert_eq!(typed.body, known(&cell.media_type.schema, body), "{what}: the typed value");
    if !calls::is_called_by_itself(&operation.id)
        || (!matches!(means, Some(Means::Fault(_))) && calls::comes_after_others(&operation.id))
    {
        return;
    }
    if matches!(means, Some(Means::State(State::AsItIs | State::Account(_)))) {
        unified_in_a_fresh_world(cell, body, &what).await;
    } else {
        unified(cell, &server, &client, body, &what).await;
    }
}

/// A change has been made already: the unified layer gets a world of its own.
async fn unified_in_a_fresh_world(cell: &Answer, body: &Value, what: &str) {
    let row = BY_STATE.iter().find(|row| (row.0, row.1, row.2) == (&cell.operation.id, cell.status, &cell.example));
    let server = server().await;
    let mut credentials = credentials(&server);
    bring(&server, &cell.operation, row.unwrap().3, &mut credentials);
    let (schemes, media_type) = (&cell.schemes, &cell.media_type.name);
    let caller = Caller { schemes, media_type, credentials: &credentials, prefer: None };
    let uri = server.uri(cell.operation.system);
    let client = calls::connect(cell.operation.system, &uri, &caller, &cell.operation.id);
    unified(cell, &server, &client, body, what).await;
}

async fn unified(cell: &Answer, server: &StandaloneServer, client: &Client, body: &Value, what: &str) {
    let operation = &cell.operation;
    let (said, raw) = calls::unified(client, &operation.id, raw::user(operation)).await;
    let known_body = body == &cell.body;
    let expected = calls::expected(&operation.id, cell.status, &cell.example, !operation.changes.is_empty());
    // A value that nobody knows is kept, and says nothing; also of whose refusal it is.
    if known_body {
        assert_eq!(said, expected, "{what}");
    } else if cell.status >= 300 {
        let kind = |said: &str| said.split(',').next().map(str::to_owned);
        assert_eq!(kind(&said), kind(&expected), "{what}");
    }
    let exchange = server.journal().pop().unwrap();
    assert_eq!((exchange.operation, exchange.status), (Some(&*operation.id), Some(cell.status)), "{what}");
    assert!(exchange.violations.is_empty(), "{what}: {:?}", exchange.violations);
    if let Some(raw) = raw {
        assert_eq!(raw.status, cell.status, "{what}");
        assert_eq!(raw.headers["content-type"], cell.media_type.name, "{what}");
        // Nothing of the person is kept of a whole user.
        if operation.system == SystemKind::Scim {
            let kept: Map<String, Value> = serde_json::from_slice(&raw.body).unwrap();
            assert!(kept.keys().all(|name| !PERSONAL.contains(&name.as_str())), "{what}: {kept:?}");
            assert!(kept.iter().all(|(name, value)| body.get(name) == Some(value)), "{what}: {kept:?}");
            return;
        }
        assert_eq!(raw.body, exchange.response, "{what}: byte for byte");
        holds_all(&raw, body, what);
    }
}

/// Every member of the body is in the answer as it came.
fn holds_all(raw: &RawResponse, body: &Value, what: &str) {
    let text = std::str::from_utf8(&raw.body).unwrap();
    if !raw.headers["content-type"].to_str().unwrap().ends_with("xml") {
        let came: Value = serde_json::from_str(text).unwrap();
        assert_eq!(came, *body, "{what}");
        return;
    }
    for (name, value) in body.as_object().unwrap() {
        let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        assert!(text.contains(&format!("<{name}>{value}</{name}>")), "{what}: {name} in {text}");
    }
}

pub(super) async fn server() -> StandaloneServer {
    StandaloneServer::start_with(Options::new().world(WorldState::from_yaml(WORLD).unwrap())).await.unwrap()
}

/// Those of the world, and an access token of the user of the examples.
pub(super) fn credentials(server: &StandaloneServer) -> Credentials {
    let mut credentials = server.credentials();
    let mint = Mint::new(SystemKind::Userdocks).user(user_status_mock::world::USERDOCKS_USER);
    credentials.userdocks.access_token = server.mint(&mint).unwrap().get("bearer").unwrap().to_owned();
    credentials
}

fn bring(server: &StandaloneServer, operation: &Operation, state: State, credentials: &mut Credentials) {
    let (system, user) = (operation.system, raw::user(operation));
    let minted = |mint: Mint| server.mint(&mint).unwrap();
    let made = match state {
        State::AsItIs => return,
        State::NoUser => {
            assert!(server.remove_user(system, user));
            return;
        }
        State::Account(more) => {
            let mut account = server.user(system, user).unwrap();
            let more: Map<String, Value> = serde_json::from_str(more).unwrap();
            account.as_object_mut().unwrap().extend(more);
            server.put_user(system, user, &account).unwrap();
            return;
        }
        State::Unentitled => minted(Mint::new(system).unentitled()),
        State::Expired => minted(Mint::new(system).expires_in(-1)),
    };
    match system {
        SystemKind::Mediconnect => credentials.mediconnect.token = made.get("bearer").unwrap().to_owned(),
        SystemKind::Clearsquare => credentials.clearsquare.token = made.get("bearer").unwrap().to_owned(),
        SystemKind::Symphony => credentials.symphony.session_token = made.get("sessionToken").unwrap().to_owned(),
        SystemKind::Scim => credentials.scim.token = made.get("bearer").unwrap().to_owned(),
        other => panic!("{other} has no such row"),
    }
}

/// A request body to ask with: the first example, with the token left to the client.
fn first_body(operation: &Operation) -> Option<Value> {
    let media_type = operation.request_body.as_ref()?.content.first()?;
    let (_, mut body) = examples(Contract::embedded(), media_type).remove(0);
    body.as_object_mut().unwrap().remove("token");
    Some(body)
}

/// Returns what the typed value has of a body: the members of the schema, at every depth, that are not null.
pub(super) fn known(schema: &str, body: &Value) -> Value {
    let contract = Contract::embedded();
    if let Value::Array(items) = body {
        let at = target(contract, &format!("{schema}/items"));
        return items.iter().map(|item| known(&at, item)).collect();
    }
    let Some(members) = body.as_object() else { return body.clone() };
    let open = contract.resolve(&format!("{schema}/additionalProperties")) == Some(&Value::Bool(true));
    let Some(documented) = contract.resolve(&format!("{schema}/properties")).and_then(Value::as_object) else {
        return body.clone();
    };
    let mut kept = Map::new();
    for (name, value) in members.iter().filter(|(_, value)| !value.is_null()) {
        if !documented.contains_key(name) {
            if open {
                kept.insert(name.clone(), value.clone());
            }
            continue;
        }
        let at = pointer::join(&format!("{schema}/properties"), name);
        kept.insert(name.clone(), known(&target(contract, &at), value));
    }
    Value::Object(kept)
}

/// A body as a later version of the system may send it: a member more, and another value in each open set.
pub(super) fn later(schema: &str, body: &Value) -> Value {
    let contract = Contract::embedded();
    let mut body = body.clone();
    for (name, value) in body.as_object_mut().unwrap() {
        let at = target(contract, &pointer::join(&format!("{schema}/properties"), name));
        let property = contract.resolve(&at).unwrap();
        if property.get("enum").is_some() || property.get("x-known-values").is_some() {
            *value = json!("a-word-of-tomorrow");
        } else if value.is_object() {
            *value = later(&at, value);
        }
    }
    body["memberOfTomorrow"] = json!("kept");
    body
}

/// Where a schema stands after `$ref`.
fn target(contract: &Contract, at: &str) -> String {
    let reference = contract.document().pointer(at).and_then(|schema| schema["$ref"].as_str());
    reference.map_or_else(|| at.to_owned(), |reference| reference.trim_start_matches('#').to_owned())
}

//! Worlds: many suites on one server, none of which sees another; and worlds as documents.

use std::time::Duration;

use serde_json::{Value, json};
use user_status_mock::{Fault, Fidelity, Options, RetryAfter, StandaloneServer, SystemKind, WorldState, world};
use user_status_tests::{Message, send};

const LINE: &str = "POST /pod/v1/admin/user/7215545078541/status/update";
const DISABLE: &str = r#"{"status":"DISABLED"}"#;

async fn disable(server: &StandaloneServer, line: &str, headers: &[(&str, &str)]) -> Message {
    let mut all = vec![("sessionToken", "mock-symphony-session-token"), ("content-type", "application/json")];
    all.extend(headers);
    send(&server.root(), line, &all, DISABLE).await
}

fn enabled(server: &StandaloneServer, name: &str) -> Option<bool> {
    let world = server.engine().named_world(name).unwrap();
    world.status(SystemKind::Symphony, &world::SYMPHONY_USER.to_string()).unwrap().enabled
}

#[tokio::test]
async fn a_world_is_made_on_demand_and_none_sees_another() {
    let server = StandaloneServer::start().await.unwrap();
    assert_eq!(disable(&server, LINE, &[("X-Mock-World", "suite-1")]).await.status(), 200);
    let by_path = LINE.replace("/pod", "/__world/suite-2/pod");
    server.engine().named_world("suite-3").unwrap().fault(Fault::unavailable(RetryAfter::Missing)).unwrap();
    assert_eq!(disable(&server, LINE, &[("x-mock-world", "suite-3")]).await.status(), 503);
    assert_eq!(
        ["default", "suite-1", "suite-2", "suite-3"].map(|name| enabled(&server, name)),
        [true, false, true, true].map(Some)
    );
    assert_eq!(disable(&server, &by_path, &[]).await.status(), 200);
    assert_eq!(
        ["default", "suite-1", "suite-2", "suite-3"].map(|name| enabled(&server, name)),
        [true, false, false, true].map(Some)
    );
    assert_eq!(disable(&server, LINE, &[]).await.status(), 200);
    assert_eq!(["default", "suite-3"].map(|name| enabled(&server, name)), [false, true].map(Some));

    // A path that names a world comes before the header, and the admin API is that of the world.
    let admin = send(&server.root(), "GET /__world/suite-1/__admin/requests", &[("x-mock-world", "suite-2")], "").await;
    assert_eq!(admin.json()["total"], 1);
    assert_eq!(admin.json()["requests"][0]["request"]["target"], "/pod/v1/admin/user/7215545078541/status/update");

    for name in ["", "a b", "../x", &"x".repeat(65)] {
        let answer = disable(&server, LINE, &[("x-mock-world", name)]).await;
        assert_eq!(answer.status(), 400, "{name}");
        assert!(answer.text().contains("1 to 64 letters"), "{}", answer.text());
    }
}

#[tokio::test]
async fn there_are_only_so_many_and_idle_ones_are_dropped() {
    let few = Options::new().worlds(2, Duration::from_secs(3600));
    let server = StandaloneServer::start_with(few).await.unwrap();
    for (name, status) in [("a", 200), ("b", 200), ("c", 503), ("a", 200), ("default", 200)] {
        assert_eq!(disable(&server, LINE, &[("x-mock-world", name)]).await.status(), status, "{name}");
    }
    let dropped = send(&server.root(), "DELETE /__admin/worlds", &[("x-mock-world", "a")], "").await;
    assert_eq!(dropped.status(), 204);
    assert_eq!(disable(&server, LINE, &[("x-mock-world", "c")]).await.status(), 200);

    // Without any patience a world is gone when the next request comes.
    let server = StandaloneServer::start_with(Options::new().worlds(1, Duration::ZERO)).await.unwrap();
    assert_eq!(disable(&server, LINE, &[("x-mock-world", "a")]).await.status(), 200);
    assert_eq!(disable(&server, LINE, &[("x-mock-world", "b")]).await.status(), 200);
    assert_eq!(enabled(&server, "a"), Some(true), "it is a new one");
}

#[tokio::test]
async fn a_snapshot_brings_everything_back_and_a_reset_the_beginning() {
    let start = WorldState::from_yaml("systems: { symphony: { users: { 1: { status: DISABLED } } } }").unwrap();
    let server = StandaloneServer::start_with(Options::new().world(start)).await.unwrap();
    server.set_clock("2026-01-02T03:04:05Z".parse().unwrap());
    server.put_user(SystemKind::Userdocks, "u-1", &json!({ "freezed": true })).unwrap();
    server.fault(Fault::hang().on_system(SystemKind::Akana).times(3).skip(1).probability(0.5)).unwrap();
    let snapshot = server.snapshot();

    server.remove_user(SystemKind::Symphony, "1");
    server.clear_faults();
    server.release_clock();
    assert_ne!(server.snapshot().to_json(), snapshot.to_json());
    let restored = WorldState::from_json(&snapshot.to_json()).unwrap();
    server.restore(restored).unwrap();
    assert_eq!(server.snapshot().to_json(), snapshot.to_json());
    assert_eq!(server.now(), "2026-01-02T03:04:05Z".parse().unwrap());

    server.reset();
    assert_eq!(server.status(SystemKind::Userdocks, "u-1"), None);
    assert_eq!(server.status(SystemKind::Symphony, "1").unwrap().enabled, Some(false));
    assert_eq!(server.snapshot().to_json()["faults"], json!([]));
    assert_ne!(server.now(), "2026-01-02T03:04:05Z".parse().unwrap());
}

#[test]
fn a_document_that_is_no_world_is_refused_with_line_and_place() {
    for (text, wanted) in [
        ("sistems: {}", &["line 1", "unknown field", "systems"][..]),
        (
            "systems:\n  symphony:\n    users: { 1: { status: GONE } }",
            &["/systems/symphony/users/1/status", "line 3", "ENABLED"],
        ),
        ("systems: { symphony: { users: { x: {} } } }", &["/systems/symphony/users", "line 1"]),
        ("systems: { symphony: { users: { -1: {} } } }", &["/systems/symphony/users/-1", "SymphonyUserId"]),
        ("systems: { userdocks: { users: { 'a/b': {} } } }", &["/systems/userdocks/users/a~1b", "UserdocksUserId"]),
        (
            "systems: { mediconnect: { users: { 3: { isActive: maybe } } } }",
            &["/systems/mediconnect/users/3", "/isActive must be boolean, is string"],
        ),
        ("faults: [{ kind: { response: { status: 418 } } }]", &["/faults/0", "has no 418", "off_contract"]),
        ("faults: [{ kind: reset, sometimes: true }]", &["/faults/0", "sometimes", "line 1"]),
        ("seed: 1\nseed: 2", &["line 2", "duplicate"]),
        ("seed: -1", &["/seed", "line 1"]),
        ("clock: yesterday", &["/clock", "line 1"]),
        ("[", &["line"]),
    ] {
        let error = WorldState::from_yaml(text).unwrap_err().to_string();
        for part in wanted {
            assert!(error.to_lowercase().contains(&part.to_lowercase()), "{text}\n{error}\nlacks {part}");
        }
    }
    // A line of the document might show a credential.
    let error =
        WorldState::from_yaml("systems: { symphony: { sessions: [{ token: s3cret-value, x: 1 }] } }").unwrap_err();
    assert!(!format!("{error} {error:?}").contains("s3cret-value"), "{error}");
}

#[tokio::test]
async fn as_observed_mediconnect_flips_what_is_left_out() {
    let world = WorldState::default().fidelity(Fidelity::Observed);
    let server = StandaloneServer::start_with(Options::new().world(world)).await.unwrap();
    let token = format!("Bearer {}", server.credentials().mediconnect.token);
    let headers = [("authorization", token.as_str()), ("content-type", "application/json")];
    let line = "PATCH /api/admin/users/42/status";
    let patch = async |headers: &[(&str, &str)], body: &str| {
        let answer = send(&server.root(), line, headers, body).await;
        (answer.status(), answer.json())
    };
    let (status, body) = patch(&headers, r#"{"isSuspended":true}"#).await;
    assert_eq!((status, &body["user"]["isActive"], &body["user"]["isSuspended"]), (200, &json!(false), &json!(true)));
    assert!(body["message"].is_string());
    let (status, body) = patch(&headers, r#"{"isActive":false,"isSuspended":false}"#).await;
    assert_eq!(
        (status, &body["user"]["isActive"], &body["user"]["suspensionReason"]),
        (200, &json!(false), &Value::Null)
    );
    let bad = [("authorization", "Bearer wrong"), headers[1]];
    assert_eq!(patch(&bad, r#"{"isActive":true}"#).await, (403, json!({ "error": "Invalid token" })));
    assert_eq!(patch(&headers[1..], r#"{"isActive":true}"#).await, (401, json!({ "error": "No token provided" })));
}

#[tokio::test]
async fn as_observed_userdocks_refuses_in_a_200() {
    let world = WorldState::default().fidelity(Fidelity::Observed);
    let server = StandaloneServer::start_with(Options::new().world(world)).await.unwrap();
    let known = server.credentials().userdocks;
    let headers =
        [("x-api-key", known.api_key.as_str()), ("x-api-key-type", "write"), ("x-client-id", &known.client_id)];
    let answer = send(&server.root(), "PUT /api/v1/users/nobody/access-status/0", &headers, "").await;
    let errors = json!({ "kind": "errors", "itemsLength": 1, "errors": [{ "message": "user not found" }] });
    assert_eq!((answer.status(), answer.json()), (200, errors));
}

/// What opens one world opens no other, and a reset forgets what was made.
#[tokio::test]
async fn credentials_that_are_made_are_those_of_their_world() {
    let server = StandaloneServer::start().await.unwrap();
    let made = |world: &user_status_mock::World| {
        let made = world.mint(&user_status_mock::Mint::new(SystemKind::Mediconnect).user("made-here")).unwrap();
        format!("Bearer {}", made.get("bearer").unwrap())
    };
    let read = async |world: &str, token: &str| {
        let headers = [("x-mock-world", world), ("authorization", token)];
        send(&server.root(), "GET /api/admin/users/42", &headers, "").await.status()
    };
    let token = made(&server.engine().named_world("a").unwrap());
    assert_eq!((read("a", &token).await, read("b", &token).await, read("default", &token).await), (200, 401, 401));
    let token = made(&server);
    assert_eq!(read("default", &token).await, 200);
    server.reset();
    assert_eq!(read("default", &token).await, 401);
    // A world without tokens has none.
    let bare = WorldState::from_yaml("systems: { mediconnect: { tokens: [] } }").unwrap();
    let default = format!("Bearer {}", server.credentials().mediconnect.token);
    server.restore(bare).unwrap();
    assert_eq!(read("default", &default).await, 401);
}

#[tokio::test]
async fn only_a_request_for_something_makes_a_world() {
    let server = StandaloneServer::start_with(Options::new().admin_token("the-admin-token")).await.unwrap();
    for line in
        ["GET /__world/x/__admin/credentials", "GET /__world/x/nowhere", "GET /__world/x/docs", "POST /__world/x/docs"]
    {
        send(&server.root(), line, &[], "").await;
    }
    let bearer = ("authorization", "Bearer the-admin-token");
    let worlds = send(&server.root(), "GET /__admin/worlds", &[bearer], "").await;
    assert_eq!(worlds.json()["worlds"], json!(["default"]));
    for name in ["a/b", "a/", "..", ".", ""] {
        assert!(server.engine().named_world(name).is_err(), "{name}");
    }
}

#[tokio::test]
async fn what_is_expected_in_any_world_is_verified() {
    use user_status_mock::{Expectation, RequestMatcher};
    let server = StandaloneServer::start().await.unwrap();
    server
        .engine()
        .named_world("suite")
        .unwrap()
        .expect(Expectation::of(RequestMatcher::new()).named("a call in suite"));
    let panic = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| drop(server))).unwrap_err();
    assert!(panic.downcast_ref::<String>().unwrap().contains("a call in suite"));
}

/// Credentials that could never work, or would be those of two callers.
#[test]
fn a_document_with_useless_credentials_is_refused() {
    for (system, wanted) in [
        ("symphony: { sessions: [{ token: '' }] }", "visible ASCII"),
        ("symphony: { sessions: [{ token: ' padded ' }] }", "visible ASCII"),
        ("symphony: { sessions: [{ token: same }, { token: same, entitled: false }] }", "there once"),
        ("userdocks: { keys: [{ key: same, type: read }, { key: same, type: write }] }", "there once"),
        ("userdocks: { app: '' }", "visible ASCII"),
        ("akana: { tenant: 'a b;{x' }", "`tenant` must be letters"),
        ("akana: { sessions: [{ cookie: 'a;b', csrf: c }] }", "visible ASCII"),
        ("akana: { sessions: [{ cookie: a, csrf: 'ü' }] }", "visible ASCII"),
        ("clearsquare: { tokens: [{ token: 'a,b' }] }", "visible ASCII"),
    ] {
        let error = WorldState::from_yaml(&format!("systems: {{ {system} }}")).unwrap_err();
        assert!(error.to_string().contains(wanted) && error.pointer().starts_with("/systems/"), "{system}: {error}");
    }
}

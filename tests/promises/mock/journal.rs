//! What happened, and what should have: the journal, and expectations.

use std::panic::{AssertUnwindSafe, catch_unwind};

use serde_json::json;
use user_status_mock::{
    Engine, Expectation, Fault, MockServer, Options, RequestMatcher, StandaloneServer, SystemKind, WorldState, world,
};
use user_status_tests::send;

const LINE: &str = "POST /pod/v1/admin/user/7215545078541/status/update";
const HEADERS: [(&str, &str); 2] =
    [("sessionToken", "mock-symphony-session-token"), ("content-type", "application/json")];

#[tokio::test]
async fn an_exchange_says_what_came_what_was_wrong_what_went_back_and_what_changed() {
    let server = StandaloneServer::start().await.unwrap();
    server.set_clock("2026-01-02T03:04:05Z".parse().unwrap());
    let fault = server.fault(Fault::reset().after_the_change().on_system(SystemKind::Clearsquare)).unwrap();
    send(&server.root(), LINE, &HEADERS, r#"{"status":"DISABLED"}"#).await;
    send(&server.root(), LINE, &HEADERS, r#"{"status":"GONE"}"#).await;
    send(&server.root(), "GET /nowhere?a=1", &[], "").await;
    let [changed, refused, missed] = &server.journal()[..] else { panic!("three") };

    assert_eq!((changed.id, changed.at, changed.status), (1, server.now(), Some(200)));
    assert_eq!((changed.method.as_str(), changed.operation), ("POST", Some("updateUserStatus")));
    assert_eq!((changed.system, changed.user.as_deref()), (Some(SystemKind::Symphony), Some("7215545078541")));
    assert_eq!(changed.body, Some(json!({ "status": "DISABLED" })));
    assert_eq!(changed.response, r#"{"format":"TEXT","message":"OK"}"#);
    let enabled = |status: &Option<user_status_mock::AccountStatus>| status.as_ref().unwrap().enabled;
    assert_eq!((enabled(&changed.before), enabled(&changed.after)), (Some(true), Some(false)));
    assert!(changed.violations.is_empty() && changed.faults.is_empty());

    assert_eq!((refused.status, &refused.before), (Some(400), &refused.after));
    let [violation] = &refused.violations[..] else { panic!("{:?}", refused.violations) };
    assert_eq!(violation.location, "/body/status");
    assert_eq!(violation.contract, "/components/schemas/SymphonyAccountState");

    assert_eq!((missed.status, missed.operation, missed.target.as_str()), (Some(404), None, "/nowhere?a=[redacted]"));
    assert_eq!(server.requests("updateUserStatus"), 2);
    assert_eq!(fault, 1);
}

/// Every place of a request in which a client may put a credential, rightly or by mistake.
#[tokio::test]
async fn no_credential_is_kept_wherever_it_was_put() {
    let server = StandaloneServer::start().await.unwrap();
    let secret = server.credentials().clearsquare.token;
    let bearer = format!("Bearer {secret}");
    let root = server.root();
    let json = ("content-type", "application/json");
    let good = json!({ "id": world::CLEARSQUARE_USER, "token": secret }).to_string();
    let line = "POST /api/users/manage-status";
    assert_eq!(send(&root, line, &[("authorization", &bearer), json], &good).await.status(), 200);
    for (name, value) in [
        ("authorization", secret.as_str()),
        ("authorisation", &bearer),
        ("x-token", &secret),
        ("cookie", &format!("t={secret}")),
    ] {
        send(&root, line, &[(name, value), json], &good).await;
    }
    for body in [
        json!({ "id": secret, "token": secret }).to_string(),
        json!({ "id": world::CLEARSQUARE_USER, "tokn": secret }).to_string(),
        json!({ "id": world::CLEARSQUARE_USER, "token": { "value": secret } }).to_string(),
        json!([secret]).to_string(),
        json!(secret).to_string(),
        format!("{good}{good}"),
        secret.clone(),
        format!(r#"{{"token":"{secret}","token":"{secret}"}}"#),
    ] {
        send(&root, line, &[("authorization", &bearer), json], &body).await;
        send(&root, line, &[("authorization", &bearer), ("content-type", "text/plain")], &body).await;
    }
    send(&root, &format!("{line}?token={secret}"), &[("authorization", &bearer), json], &good).await;
    // In the wrong form, percent-encoded, and where there is no operation.
    let encoded = secret.replace('.', "%2E");
    for (line, headers) in [
        (format!("{line}?{secret}"), [("authorization", bearer.as_str())]),
        (line.replace("status", &secret), [("authorization", &bearer)]),
        (line.replace("status", &encoded), [("authorization", &bearer)]),
        (line.replace("POST", &secret), [("authorization", &bearer)]),
        (line.to_owned(), [("authorization", &secret)]),
    ] {
        let body = json!({ "id": secret, "token": "x" }).to_string();
        send(&root, &line, &[headers[0], json, ("user-agent", &secret), ("prefer", &secret)], &body).await;
    }
    let session = HEADERS[0].1;
    send(&root, LINE, &HEADERS, &json!({ "suspended": true, "suspensionReason": session }).to_string()).await;
    send(&root, &format!("GET /pod/v1/admin/user/{session}/status"), &HEADERS, "").await;

    let kept = format!("{:?}", server.journal());
    assert!(server.journal().len() >= 24, "{}", server.journal().len());
    assert!(!kept.contains(&secret) && !kept.contains(session), "{kept}");
    let listed = send(&root, "GET /__admin/requests", &[], "").await.text();
    assert!(!listed.contains(&secret) && !listed.contains(session), "{listed}");
    assert!(listed.contains("[redacted]"));
}

#[tokio::test]
async fn the_journal_is_bounded_in_requests_and_in_bytes() {
    let engine = Engine::with(Options::new().journal(10, 1 << 20));
    let long = Engine::with(Options::new().journal(usize::MAX, 20_000));
    for i in 0..100 {
        for engine in [&engine, &long] {
            let request = http::Request::get(format!("/nowhere/{i}/{}", "x".repeat(1000))).body(Default::default());
            engine.handle(&request.unwrap());
        }
    }
    let ids: Vec<u64> = engine.world().journal().iter().map(|exchange| exchange.id).collect();
    assert_eq!(ids, (91..=100).collect::<Vec<_>>());
    assert_eq!(engine.world().total_requests(), 100);
    let kept = long.world().journal().len();
    assert!((4..20).contains(&kept), "{kept}");
}

#[tokio::test]
async fn what_is_overlooked_is_recorded_all_the_same() {
    let server = StandaloneServer::start_with(Options::new().world(WorldState::default().lenient())).await.unwrap();
    let body = r#"{"status":"DISABLED","suspendedUntil":"soon"}"#;
    let answer = send(&server.root(), &format!("{LINE}?verbose=1"), &HEADERS, body).await;
    assert_eq!(answer.status(), 200);
    let exchange = &server.journal()[0];
    let places: Vec<&str> = exchange.violations.iter().map(|violation| violation.location.as_str()).collect();
    assert_eq!(places, ["/query/verbose", "/body/suspendedUntil"]);
    assert_eq!(exchange.after.as_ref().unwrap().enabled, Some(false));

    // What nothing can be made of is refused.
    for (line, body) in
        [(LINE, "["), (LINE, "7"), (LINE, r#"{"status":"GONE"}"#), (&LINE.replace("7215545078541", "x"), body)]
    {
        assert_eq!(send(&server.root(), line, &HEADERS, body).await.status(), 400, "{line} {body}");
    }
    // A misspelt state is not taken for another one.
    let both = r#"{"status":"ENABLE","suspended":false}"#;
    assert_eq!(send(&server.root(), LINE, &HEADERS, both).await.status(), 200);
    assert_eq!(server.status(SystemKind::Symphony, "7215545078541").unwrap().enabled, Some(false));

    let strict = StandaloneServer::start().await.unwrap();
    assert_eq!(
        send(&strict.root(), &format!("{LINE}?verbose=1"), &HEADERS, r#"{"status":"DISABLED"}"#).await.status(),
        400
    );
}

#[tokio::test]
async fn an_expectation_that_does_not_hold_fails_the_test_with_the_nearest_miss() {
    let server = StandaloneServer::start().await.unwrap();
    let disables = RequestMatcher::new().operation("updateUserStatus").body(json!({ "status": "DISABLED" }));
    server.expect(Expectation::of(disables.clone().user("7215545078541")).once().named("one change"));
    server.expect(Expectation::of(disables.user("42")).times(1..=2));
    server.expect(Expectation::of(RequestMatcher::new().system(SystemKind::Akana)).never());
    assert_eq!(server.verify().unwrap_err().failures().len(), 2, "nothing came yet");
    send(&server.root(), LINE, &HEADERS, r#"{"status":"DISABLED"}"#).await;
    send(&server.root(), "GET /api/users/a.b", &[], "").await;
    let panic = catch_unwind(AssertUnwindSafe(|| drop(server))).unwrap_err();
    let message = panic.downcast_ref::<String>().unwrap();
    for part in [
        "expected 1 to 2 of {\"operation\":\"updateUserStatus\",\"user\":\"42\",\"body\":{\"status\":\"DISABLED\"}}, got 0",
        "the nearest is request 1, POST /pod/v1/admin/user/7215545078541/status/update: user is 7215545078541, not 42",
        "expected none of {\"system\":\"akana\"}, got 1",
    ] {
        assert!(message.contains(part), "{message}");
    }
    assert!(!message.contains("one change"), "{message}");

    // Both transports do so, and one that holds is silent.
    let server = MockServer::start().await;
    server.expect(Expectation::of(RequestMatcher::new()).once().named("a call"));
    let panic = catch_unwind(AssertUnwindSafe(|| drop(server))).unwrap_err();
    assert!(panic.downcast_ref::<String>().unwrap().contains("a call: expected 1 of any request, got 0"));
    let server = MockServer::start().await;
    server.expect(Expectation::of(RequestMatcher::new().status(404)).once());
    send(&server.uri(SystemKind::Userdocks), "GET /nowhere", &[], "").await;
}

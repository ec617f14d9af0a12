//! The mock obeys the contract: it checks, it refuses in the system's own shape, and its accounts really change.
//!
//! The requests here are written by hand, so that no code of the SDK stands between.

use std::sync::LazyLock;

use serde_json::{Value, json};
use user_status_mock::{MockServer, SystemKind, world};
use user_status_openapi::Contract;
use user_status_openapi::validate::Validator;
use user_status_tests::{Message, send};
use wiremock::matchers::method;
use wiremock::{Mock, ResponseTemplate};

use crate::support::systems;

static VALIDATOR: LazyLock<Validator> = LazyLock::new(|| Validator::new(Contract::embedded()).unwrap());

const JSON: (&str, &str) = ("content-type", "application/json");
const USERDOCKS: [(&str, &str); 3] = [
    ("X-API-KEY", "mock-userdocks-write-key"),
    ("X-API-KEY-TYPE", "write"),
    ("X-CLIENT-ID", "8c5ab9a4-46a3-4b5f-8f0b-7c0f3f6a9e10"),
];
const AKANA: [(&str, &str); 2] = [
    ("Cookie", "other=1; AtmoAuthToken_acmepaymentscorp=TokenID%3Dmock-akana-admin-session"),
    ("X-Csrf-Token_acmepaymentscorp", "TokenID%3Dmock-akana-admin-csrf"),
];
const MEDICONNECT: (&str, &str) = ("Authorization", "Bearer mock-mediconnect-admin-token");
const SYMPHONY: (&str, &str) = ("sessionToken", "mock-symphony-session-token");
const CLEARSQUARE: (&str, &str) = ("Authorization", "Bearer mock-clearsquare-token");

const FREEZE: &str = "PUT /api/v1/users/6f1e9c1e-3b57-4f0a-9d0e-0c2f0f5a1d11/access-status/0";
const AKANA_LINE: &str = "PUT /api/users/f57dd9cc-2608-456e-9dfa-300c85224a73.acmepaymentscorp/status";
const MEDICONNECT_LINE: &str = "PATCH /api/admin/users/42/status";
const SYMPHONY_LINE: &str = "POST /pod/v1/admin/user/7215545078541/status/update";
const CLEARSQUARE_LINE: &str = "POST /api/users/manage-status";
const TOGGLE: &str = r#"{"id":"634441cecbb5901d133039f8","token":"mock-clearsquare-token"}"#;

/// The answer has that status, and is one that the contract documents for the operation.
#[track_caller]
fn check(operation: &str, answer: &Message, status: u16) -> Value {
    assert_eq!(answer.status(), status, "{}", answer.text());
    let contract = Contract::embedded();
    let documented = &contract.operation(operation).unwrap().responses[&status];
    let content_type = answer.header("content-type");
    let media_type = documented.content.iter().find(|m| content_type == [m.name.as_str()]).unwrap();
    let body = answer.json();
    let violations = VALIDATOR.validate(&media_type.schema, &body);
    assert!(violations.is_empty(), "{violations:?}");
    body
}

#[tokio::test]
async fn accounts_really_change() {
    let server = systems::mock_server().await;
    let uri = server.uri(SystemKind::Userdocks);
    let enabled = |system, user: &str| server.status(system, user).unwrap().enabled;

    for (value, wanted) in [("0", false), ("0", false), ("1", true)] {
        let line = format!("PUT /api/v1/users/{}/access-status/{value}", world::USERDOCKS_USER);
        check("setAccessStatus", &send(&uri, &line, &USERDOCKS, "").await, 200);
        assert_eq!(enabled(SystemKind::Userdocks, world::USERDOCKS_USER), Some(wanted));
        assert_eq!(enabled(SystemKind::Userdocks, world::USERDOCKS_SECOND_USER), Some(true), "nobody else is changed");
    }

    for (status, disabled, locked) in
        [("locked", false, true), ("disabled", true, true), ("enabled", false, false), ("disabled", true, false)]
    {
        let body = json!({ "UserStatus": format!("com.soa.user.status.{status}") }).to_string();
        let user = check("changeUserStatus", &send(&uri, AKANA_LINE, &[AKANA[0], AKANA[1], JSON], &body).await, 200);
        assert_eq!((&user["Disabled"], &user["Locked"]), (&json!(disabled), &json!(locked)));
        assert_eq!(user["UserName"], "PhilipPirrip");
    }

    let reason = "Violation of terms of service";
    let suspend = json!({ "isSuspended": true, "suspensionReason": reason }).to_string();
    let user = check("toggleUserStatus", &send(&uri, MEDICONNECT_LINE, &[MEDICONNECT, JSON], &suspend).await, 200);
    assert_eq!(
        (&user["isSuspended"], &user["suspensionReason"], &user["isActive"]),
        (&json!(true), &json!(reason), &json!(true))
    );
    let deactivate = json!({ "isActive": false }).to_string();
    let user = check("toggleUserStatus", &send(&uri, MEDICONNECT_LINE, &[MEDICONNECT, JSON], &deactivate).await, 200);
    assert_eq!(
        (&user["isSuspended"], &user["isActive"]),
        (&json!(true), &json!(false)),
        "the next answer still shows it"
    );
    let lift = json!({ "isActive": true, "isSuspended": false }).to_string();
    let user = check("toggleUserStatus", &send(&uri, MEDICONNECT_LINE, &[MEDICONNECT, JSON], &lift).await, 200);
    assert_eq!((&user["isSuspended"], &user["suspensionReason"]), (&json!(false), &Value::Null));

    let body = json!({ "status": "DISABLED", "suspended": true, "suspendedUntil": 1_798_761_599_000_i64 }).to_string();
    check("updateUserStatus", &send(&uri, SYMPHONY_LINE, &[SYMPHONY, JSON], &body).await, 200);
    let status = server.status(SystemKind::Symphony, "7215545078541").unwrap();
    assert_eq!(status.enabled, Some(false));
    assert_eq!(status.suspended.unwrap().until.unwrap().to_string(), "2026-12-31T23:59:59Z");

    for wanted in [false, true, false] {
        check("manageUserStatus", &send(&uri, CLEARSQUARE_LINE, &[CLEARSQUARE, JSON], TOGGLE).await, 200);
        assert_eq!(enabled(SystemKind::Clearsquare, world::CLEARSQUARE_USER), Some(wanted));
    }
}

#[tokio::test]
async fn invalid_requests_name_every_violation_in_the_systems_own_shape() {
    let server = systems::mock_server().await;
    let uri = server.uri(SystemKind::Userdocks);

    let line = FREEZE.replace("status/0", "status/2");
    let body = check("setAccessStatus", &send(&uri, &line, &USERDOCKS, "").await, 400);
    assert_eq!(body["error"], r#"/path/accessStatus must be one of "0", "1""#);
    let line = "PUT /api/v1/users/a%2Fb/access-status/9";
    let body = check("setAccessStatus", &send(&uri, line, &USERDOCKS, "").await, 400);
    let error = body["error"].as_str().unwrap();
    assert!(
        error.contains("/path/userId must match") && error.contains("/path/accessStatus must be one of"),
        "{error}"
    );

    let headers = [AKANA[0], AKANA[1], JSON];
    let body = check("changeUserStatus", &send(&uri, AKANA_LINE, &headers, r#"{"Comments":7}"#).await, 400);
    let fault = body["faultstring"].as_str().unwrap();
    assert!(
        fault.contains("/body must have `UserStatus`") && fault.contains("/body/Comments must be string, is number"),
        "{fault}"
    );
    let unknown = r#"{"UserStatus":"com.soa.user.status.on-holiday"}"#;
    let body = check("changeUserStatus", &send(&uri, AKANA_LINE, &headers, unknown).await, 400);
    assert_eq!(body["faultstring"], "UserStatus is not a status of this site");

    for (text, error) in [
        ("", "/body is required"),
        ("{", "/body must be JSON, and is not from line 1 column 1"),
        ("[]", "/body must be object, is array"),
        ("{}", "/body must have at least 1 members, has 0"),
        (r#"{"isSuspended":"yes"}"#, "/body/isSuspended must be boolean, is string"),
        (r#"{"isSuspended":true}"#, "suspensionReason is required when suspending a user"),
        (
            r#"{"isSuspended":true,"suspensionReason":""}"#,
            "/body/suspensionReason must have at least 1 characters, has 0",
        ),
    ] {
        let body = check("toggleUserStatus", &send(&uri, MEDICONNECT_LINE, &[MEDICONNECT, JSON], text).await, 400);
        assert_eq!(body, json!({ "error": error }));
    }
    let line = "PATCH /api/admin/users/forty-two/status";
    let body = check("toggleUserStatus", &send(&uri, line, &[MEDICONNECT, JSON], r#"{"isActive":true}"#).await, 400);
    assert_eq!(body, json!({ "error": "/path/id must be integer, is string" }));

    let text = r#"{"status":"GONE","suspendedUntil":"tomorrow"}"#;
    let body = check("updateUserStatus", &send(&uri, SYMPHONY_LINE, &[SYMPHONY, JSON], text).await, 400);
    let message = body["message"].as_str().unwrap();
    assert!(message.contains(r#"/body/status must be one of "ENABLED", "DISABLED""#), "{message}");
    assert!(message.contains("/body/suspendedUntil must be integer, is string"), "{message}");

    let text = r#"{"token":"mock-clearsquare-token"}"#;
    let body = check("manageUserStatus", &send(&uri, CLEARSQUARE_LINE, &[CLEARSQUARE, JSON], text).await, 400);
    assert_eq!(body, json!({ "message": "/body must have `id`", "status": "error" }));

    // A body in another media type.
    for (line, operation, headers, status) in [
        (MEDICONNECT_LINE, "toggleUserStatus", &[MEDICONNECT, ("content-type", "text/plain")][..], 400),
        (SYMPHONY_LINE, "updateUserStatus", &[SYMPHONY], 400),
        (AKANA_LINE, "changeUserStatus", &[AKANA[0], AKANA[1], ("content-type", "text/xml")], 404),
        (AKANA_LINE, "changeUserStatus", &[AKANA[0], AKANA[1], JSON, ("accept", "text/html")], 404),
    ] {
        let text = check(operation, &send(&uri, line, headers, "{}").await, status).to_string();
        assert!(text.contains("must be application/json"), "{text}");
    }
}

#[tokio::test]
async fn unknown_and_protected_users_are_refused_as_decided() {
    let server = systems::mock_server().await;
    let uri = server.uri(SystemKind::Userdocks);
    let line = "PUT /api/v1/users/nobody/access-status/0";
    check("setAccessStatus", &send(&uri, line, &USERDOCKS, "").await, 400);
    let lock = r#"{"UserStatus":"com.soa.user.status.locked"}"#;
    check(
        "changeUserStatus",
        &send(&uri, "PUT /api/users/nobody/status", &[AKANA[0], AKANA[1], JSON], lock).await,
        404,
    );
    let line = "PATCH /api/admin/users/43/status";
    let body = check("toggleUserStatus", &send(&uri, line, &[MEDICONNECT, JSON], r#"{"isActive":true}"#).await, 404);
    assert_eq!(body, json!({ "error": "Usuario no encontrado" }));
    let line = "POST /pod/v1/admin/user/1/status/update";
    check("updateUserStatus", &send(&uri, line, &[SYMPHONY, JSON], r#"{"status":"DISABLED"}"#).await, 400);

    for (uid, name) in [(world::SYMPHONY_KEYMANAGER, "keymanager"), (world::SYMPHONY_CESERVICE, "ceservice")] {
        let line = format!("POST /pod/v1/admin/user/{uid}/status/update");
        let body =
            check("updateUserStatus", &send(&uri, &line, &[SYMPHONY, JSON], r#"{"status":"DISABLED"}"#).await, 400);
        assert_eq!(body["message"], format!("The service user {name} cannot be disabled"));
        assert_eq!(server.status(SystemKind::Symphony, &uid.to_string()).unwrap().enabled, Some(true));
    }
}

#[tokio::test]
async fn akana_speaks_all_ten_media_types_both_ways() {
    let server = systems::mock_server().await;
    let uri = server.uri(SystemKind::Akana);
    let versions = ["vnd.soa.v71+", "vnd.soa.v72+", "vnd.soa.v80+", "vnd.soa.v81+", ""];
    let mut seen = 0;
    for version in versions {
        for (kind, lock) in [
            ("json", r#"{"UserStatus":"com.soa.user.status.locked","Comments":"a < b & c"}"#.to_owned()),
            (
                "xml",
                "<?xml version=\"1.0\"?><ChangeUserStatusRequest>\n  <UserStatus>com.soa.user.status.locked</UserStatus>\n  \
                 <Comments>a &lt; b &amp; <![CDATA[c]]></Comments>\n</ChangeUserStatusRequest>"
                    .to_owned(),
            ),
        ] {
            let media_type = format!("application/{version}{kind}");
            let headers = [AKANA[0], AKANA[1], ("content-type", &media_type), ("accept", &media_type)];
            let answer = send(&uri, AKANA_LINE, &headers, &lock).await;
            assert_eq!((answer.status(), answer.header("content-type")), (200, vec![media_type.as_str()]), "{}", answer.text());
            match kind {
                "json" => assert_eq!(answer.json()["Locked"], true),
                _ => {
                    let text = answer.text();
                    assert!(text.contains("<User><UserID>") && text.ends_with("<Locked>true</Locked></User>"), "{text}");
                }
            }
            // A refusal is in the same media type.
            let refusal = send(&uri, AKANA_LINE, &headers[1..], &lock).await;
            assert_eq!((refusal.status(), refusal.header("content-type")), (401, vec![media_type.as_str()]));
            assert!(refusal.text().contains("AtmoAuthToken_acmepaymentscorp is required"), "{}", refusal.text());
            seen += 1;
        }
    }
    assert_eq!(seen, 10);

    let xml = ("content-type", "application/xml");
    for (body, problem) in [
        ("<User/>", "one element `ChangeUserStatusRequest`"),
        ("<ChangeUserStatusRequest>", "one element `ChangeUserStatusRequest`"),
        ("<ChangeUserStatusRequest/>", "/body must have `UserStatus`"),
        ("<!DOCTYPE x [<!ENTITY e \"v\">]><ChangeUserStatusRequest/>", "must not have a document type"),
        ("<ChangeUserStatusRequest><UserStatus>&e;</UserStatus></ChangeUserStatusRequest>", "entities of its own"),
        ("<ChangeUserStatusRequest><UserStatus><a/></UserStatus></ChangeUserStatusRequest>", "without elements in it"),
        (
            "<ChangeUserStatusRequest><UserStatus>a</UserStatus><UserStatus>b</UserStatus></ChangeUserStatusRequest>",
            "must have `UserStatus` once",
        ),
        ("<ChangeUserStatusRequest><a><b>&e;</b></a></ChangeUserStatusRequest>", "entities of its own"),
        ("<ChangeUserStatusRequest></User>", "well-formed XML"),
        ("<ChangeUserStatusRequest>locked</ChangeUserStatusRequest>", "text in the members"),
        ("<ChangeUserStatusRequest/>and more", "text in the members"),
    ] {
        let answer = send(&uri, AKANA_LINE, &[AKANA[0], AKANA[1], xml], body).await;
        let fault = check("changeUserStatus", &answer, 400)["faultstring"].as_str().unwrap().to_owned();
        assert!(fault.contains(problem), "{body}: {fault}");
    }
    // Members that the contract does not have are passed over, whatever is in them, as in JSON.
    let status = "<UserStatus>com.soa.user.status.locked</UserStatus>";
    for more in ["<a>x<b>1</b><![CDATA[y]]>&amp;</a>", "<a/><a>1</a>", "<a><b/><b><c/></b></a><a/>"] {
        let body = format!("<ChangeUserStatusRequest>{more}{status}</ChangeUserStatusRequest>");
        let answer = send(&uri, AKANA_LINE, &[AKANA[0], AKANA[1], xml], &body).await;
        assert_eq!(answer.status(), 200, "{body}: {}", answer.text());
    }
    // The preferred of several.
    let accept = ("accept", "text/html, application/xml;q=0.5, application/vnd.soa.v81+json;q=0.9, */*;q=0.1");
    let lock = r#"{"UserStatus":"com.soa.user.status.locked"}"#;
    let answer = send(&uri, AKANA_LINE, &[AKANA[0], AKANA[1], JSON, accept], lock).await;
    assert_eq!(answer.header("content-type"), ["application/vnd.soa.v81+json"]);
    // One that is excluded is not chosen by way of the wildcard.
    let accept = ("accept", "application/json;q=0, */*");
    let answer = send(&uri, AKANA_LINE, &[AKANA[0], AKANA[1], JSON, accept], lock).await;
    assert_eq!(answer.header("content-type"), ["application/xml"]);
}

#[tokio::test]
async fn an_unknown_route_names_the_nearest_operation() {
    let server = systems::mock_server().await;
    let uri = server.uri(SystemKind::Userdocks);
    for (line, nearest) in [
        (
            "POST /v1/admin/user/1/status/update",
            "POST /pod/v1/admin/user/{uid}/status/update (updateUserStatus, symphony)",
        ),
        ("PATCH /api/admin/user/42/status", "PATCH /api/admin/users/{id}/status (toggleUserStatus, mediconnect)"),
        ("POST /api/user/manage-status", "POST /api/users/manage-status (manageUserStatus, clearsquare)"),
    ] {
        let answer = send(&uri, line, &[], "").await;
        assert_eq!(answer.status(), 404);
        assert_eq!(answer.json()["nearest"], nearest);
    }
    let answer = send(&uri, "POST /api/admin/users/42/status", &[], "").await;
    assert_eq!((answer.status(), answer.header("allow")), (405, vec!["PATCH, OPTIONS"]));
    // It would be a user of Akana's, if a path without variables did not go first.
    for (method, status) in [("GET", 405), ("OPTIONS", 204)] {
        let answer = send(&uri, &format!("{method} /api/users/manage-status"), &[AKANA[0]], "").await;
        assert_eq!((answer.status(), answer.header("allow")), (status, vec!["POST, OPTIONS"]));
    }
}

#[tokio::test]
async fn a_test_mounts_its_own_mocks_and_expectations_above_the_contract() {
    let server = systems::mock_server().await;
    let outage = Mock::given(method("POST")).respond_with(ResponseTemplate::new(503)).up_to_n_times(1).expect(1);
    outage.mount(server.wiremock()).await;
    let uri = server.uri(SystemKind::Clearsquare);
    let headers = [CLEARSQUARE, JSON];
    assert_eq!(send(&uri, CLEARSQUARE_LINE, &headers, TOGGLE).await.status(), 503);
    assert_eq!(server.status(SystemKind::Clearsquare, world::CLEARSQUARE_USER).unwrap().enabled, Some(true));
    assert_eq!(send(&uri, CLEARSQUARE_LINE, &headers, TOGGLE).await.status(), 200, "then the contract answers");
    assert_eq!(server.wiremock().received_requests().await.unwrap().len(), 2);
}

#[tokio::test]
async fn servers_have_worlds_of_their_own() {
    let (one, other) = (systems::mock_server().await, systems::mock_server().await);
    send(&one.uri(SystemKind::Clearsquare), CLEARSQUARE_LINE, &[CLEARSQUARE, JSON], TOGGLE).await;
    let enabled =
        |server: &MockServer| server.status(SystemKind::Clearsquare, world::CLEARSQUARE_USER).unwrap().enabled;
    assert_eq!((enabled(&one), enabled(&other)), (Some(false), Some(true)));
}

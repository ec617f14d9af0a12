//! The five documents' own examples run against the mock as they are written, host apart, and answer as they say.
//!
//! `mock-server/worlds/documents.yaml` has the users and the placeholders of the documents. Where an example leaves a
//! variable open (`:userId`, `{id}`), it has that of the world.

use serde_json::{Value, json};
use user_status_mock::{Options, StandaloneServer, SystemKind, WorldState};
use user_status_tests::send;

const WORLD: &str = include_str!("../../../mock-server/worlds/documents.yaml");

async fn server() -> StandaloneServer {
    let world = WorldState::from_yaml(WORLD).unwrap();
    StandaloneServer::start_with(Options::new().world(world)).await.unwrap()
}

async fn run(server: &StandaloneServer, line: &str, headers: &[(&str, &str)], body: &str) -> (u16, Value) {
    let answer = send(&server.uri(SystemKind::Userdocks), line, headers, body).await;
    assert_eq!(answer.header("content-type"), ["application/json"]);
    (answer.status(), answer.json())
}

#[tokio::test]
async fn userdocks() {
    let server = server().await;
    let user = "6f1e9c1e-3b57-4f0a-9d0e-0c2f0f5a1d11";
    let headers = [
        ("X-API-KEY", "the-api-key"),
        ("X-CLIENT-ID", "8c5ab9a4-46a3-4b5f-8f0b-7c0f3f6a9e10"),
        ("X-API-KEY-TYPE", "write"),
        ("Content-Type", "application/json"),
    ];
    // The sample sends POST and an empty object, where the title says PUT and the text no body.
    for (method, status, enabled) in [("POST", "0", false), ("POST", "1", true), ("PUT", "0", false)] {
        let line = format!("{method} /api/v1/users/{user}/access-status/{status}");
        let (code, body) = run(&server, &line, &headers, "{}").await;
        assert_eq!(
            (code, &body["success"], &body["error"], &body["data"]),
            (200, &json!(true), &Value::Null, &Value::Null)
        );
        assert!(body["message"].is_string());
        assert_eq!(server.status(SystemKind::Userdocks, user).unwrap().enabled, Some(enabled));
    }
    let line = format!("POST /api/v1/users/{user}/access-status/1");
    let (code, body) = run(&server, &line, &headers[..1], "{}").await;
    assert_eq!(
        (code, &body["success"], &body["message"], &body["data"]),
        (401, &json!(false), &Value::Null, &Value::Null)
    );
    assert!(body["error"].is_string());
}

#[tokio::test]
async fn akana() {
    let server = server().await;
    let headers = [
        ("Content-Type", "application/json"),
        ("Accept", "application/json"),
        ("X-Csrf-Token_acmepaymentscorp", "TokenID%3D8ed70a13-8469-11e8-b37a-b155e4eabeb8%2CexpirationTime%3D153..."),
        ("Cookie", "AtmoAuthToken_acmepaymentscorp=TokenID%3Dof-a-site-admin"),
    ];
    let line = "PUT /api/users/f57dd9cc-2608-456e-9dfa-300c85224a73.acmepaymentscorp/status";
    let body = r#"{ "UserStatus" : "com.soa.user.status.locked", "Comments" : "Locking user account because account was compromised" }"#;
    let answer: Value = serde_json::from_str(
        r#"{ "UserID" : "f57dd9cc-2608-456e-9dfa-300c85224a73.acmepaymentscorp", "UserName" : "PhilipPirrip",
            "FirstName" : "Philip", "LastName" : "Pirrip", "AuthIdentifier" : "", "Visibility" : "0",
            "Email" : "ppirrip@acmepaymentscorp.com", "Title" : "", "Industry" : "", "Favorites" : "",
            "HasPicture" : false, "State" : "registered", "Domain" : "Local Domain",
            "LastLoginDate" : "2015-02-04T22:30:36Z", "Disabled" : false, "ProfileName" : "PhilipPirrip",
            "ForcePasswordChangeOnLogin" : false, "Locked" : true }"#,
    )
    .unwrap();
    assert_eq!(run(&server, line, &headers, body).await, (200, answer));
    let (code, _) = run(&server, line, &headers[..2], body).await;
    assert_eq!(code, 401);
}

#[tokio::test]
async fn mediconnect() {
    let server = server().await;
    let headers = [("Authorization", "Bearer YOUR_JWT_TOKEN"), ("Content-Type", "application/json")];
    let line = "PATCH /api/admin/users/42/status";
    let suspend = r#"{
    "isSuspended": true,
    "suspensionReason": "Violation of terms of service"
  }"#;
    let mut answer = json!({
        "id": 42,
        "name": "John Smith",
        "email": "john.smith@example.com",
        "role": "PATIENT",
        "isActive": false,
        "isSuspended": true,
        "suspensionReason": "Violation of terms of service",
        "createdAt": "2024-02-01T14:20:00.000Z",
        "updatedAt": "2024-03-03T15:45:00.000Z"
    });
    assert_eq!(run(&server, line, &headers, suspend).await, (200, answer.clone()));

    let activate = r#"{
    "isActive": true,
    "isSuspended": false
  }"#;
    (answer["isActive"], answer["isSuspended"], answer["suspensionReason"]) = (json!(true), json!(false), Value::Null);
    assert_eq!(run(&server, line, &headers, activate).await, (200, answer));

    // The three errors of the document, each with its body.
    let unknown = line.replace("42", "4242");
    assert_eq!(run(&server, &unknown, &headers, activate).await, (404, json!({ "error": "Usuario no encontrado" })));
    assert_eq!(
        run(&server, line, &headers, r#"{"isSuspended":true}"#).await,
        (400, json!({ "error": "suspensionReason is required when suspending a user" }))
    );
    let minted = server.mint(&user_status_mock::Mint::new(SystemKind::Mediconnect).unentitled()).unwrap();
    let patient = format!("Bearer {}", minted.get("bearer").unwrap());
    assert_eq!(
        run(&server, line, &[("Authorization", &patient), headers[1]], activate).await,
        (403, json!({ "error": "Access denied" }))
    );
}

#[tokio::test]
async fn symphony() {
    let server = server().await;
    let headers = [("sessionToken", "the-session-token"), ("Content-Type", "application/json")];
    let line = "POST /pod/v1/admin/user/7215545078541/status/update";
    // The document has schemas and no samples: a body of each of their members.
    for body in [
        r#"{"status":"ENABLED"}"#,
        r#"{"status":"DISABLED"}"#,
        r#"{"suspended":true,"suspendedUntil":1798761599000,"suspensionReason":"why"}"#,
    ] {
        let (code, answer) = run(&server, line, &headers, body).await;
        assert_eq!((code, &answer["message"]), (200, &json!("OK")));
    }
    let (code, answer) = run(&server, line, &headers[1..], r#"{"status":"ENABLED"}"#).await;
    assert_eq!((code, answer["code"].is_i64(), answer["message"].is_string()), (401, true, true));
}

#[tokio::test]
async fn clearsquare() {
    let server = server().await;
    let headers = [
        ("accept", "application/json"),
        ("accept-language", "en-US,en;q=0.9"),
        ("authorization", "Bearer eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9..."),
        ("content-type", "application/json"),
    ];
    let line = "POST /api/users/manage-status";
    let body = "{\"id\":\"634441cecbb5901d133039f8\",\"token\":\"eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9...\"}";
    let updated = json!({ "message": "User status updated successfully", "status": "success" });
    assert_eq!(run(&server, line, &headers, body).await, (200, updated));
    let refused = json!({ "message": "Invalid token or user ID", "status": "error" });
    assert_eq!(run(&server, line, &headers, &body.replace("634441", "000000")).await, (401, refused));
}

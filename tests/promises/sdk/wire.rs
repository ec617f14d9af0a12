//! Each operation travels as its source document says: method, path, headers, body, and nothing else.
//!
//! What is expected here is written down from the five documents by hand, and not taken from any code of ours.

use serde_json::{Value, json};
use user_status::systems::{
    Akana, Clearsquare, Mediconnect, Symphony, Userdocks, akana, clearsquare, mediconnect, symphony, userdocks,
};
use user_status_tests::{Message, Recorder};

/// The headers that HTTP itself and every client of ours add.
const COMMON: [&str; 4] = ["accept", "accept-encoding", "host", "user-agent"];

#[track_caller]
fn check(request: &Message, request_line: &str, headers: &[(&str, &str)], body: Option<Value>) {
    assert_eq!(request.first_line, request_line);
    for (name, value) in headers {
        assert_eq!(request.header(name), [*value], "{name}");
    }
    assert_eq!(request.header("user-agent"), [format!("user-status/{}", user_status::VERSION)]);
    let mut expected: Vec<String> = COMMON.iter().map(|name| name.to_string()).collect();
    expected.extend(headers.iter().map(|(name, _)| name.to_lowercase()));
    match body {
        Some(body) => {
            expected.push("content-length".to_owned());
            assert_eq!(request.json(), body);
        }
        None => assert_eq!(request.text(), ""),
    }
    expected.sort();
    expected.dedup();
    assert_eq!(request.header_names(), expected, "no header is missing and none is there that nobody documents");
}

#[tokio::test]
async fn userdocks_with_an_api_key() {
    let server = Recorder::answering(200, r#"{"success":true,"message":"ok","error":null,"data":null}"#).await;
    let userdocks = Userdocks::builder()
        .base_url(server.uri())
        .credentials(userdocks::Credentials::api_key("the-key", "8c5ab9a4-46a3-4b5f-8f0b-7c0f3f6a9e10"))
        .build()
        .unwrap();
    let call = userdocks.client().set_access_status().user_id("6f1e9c1e-3b57-4f0a-9d0e-0c2f0f5a1d11");
    let answer = call.access_status(userdocks::UserdocksAccessStatus::Freezed).send().await.unwrap();
    assert_eq!(answer.success, Some(true));
    check(
        &server.only_request(),
        "PUT /api/v1/users/6f1e9c1e-3b57-4f0a-9d0e-0c2f0f5a1d11/access-status/0 HTTP/1.1",
        &[
            ("accept", "application/json"),
            ("x-api-key", "the-key"),
            ("x-api-key-type", "write"),
            ("x-client-id", "8c5ab9a4-46a3-4b5f-8f0b-7c0f3f6a9e10"),
        ],
        None,
    );
}

#[tokio::test]
async fn userdocks_with_an_access_token() {
    let server = Recorder::answering(200, r#"{"success":true,"message":"ok","error":null,"data":null}"#).await;
    let userdocks = Userdocks::builder()
        .base_url(server.uri())
        .credentials(userdocks::Credentials::access_token("the-token"))
        .build()
        .unwrap();
    let call = userdocks.client().set_access_status().user_id("0b9d2f3c-7a55-4a0e-8f6e-5b1f4c2d3e22");
    call.access_status("1").send().await.unwrap();
    check(
        &server.only_request(),
        "PUT /api/v1/users/0b9d2f3c-7a55-4a0e-8f6e-5b1f4c2d3e22/access-status/1 HTTP/1.1",
        &[("accept", "application/json"), ("authorization", "Bearer the-token")],
        None,
    );
}

#[tokio::test]
async fn akana_as_in_the_sample() {
    for (media_type, name) in [
        (akana::MediaType::Json, "application/json"),
        (akana::MediaType::JsonV71, "application/vnd.soa.v71+json"),
        (akana::MediaType::JsonV72, "application/vnd.soa.v72+json"),
        (akana::MediaType::JsonV80, "application/vnd.soa.v80+json"),
        (akana::MediaType::JsonV81, "application/vnd.soa.v81+json"),
    ] {
        let server = Recorder::answering(200, r#"{"Disabled":false,"Locked":true}"#).await;
        let akana = Akana::builder()
            .base_url(server.uri())
            .tenant("acmepaymentscorp")
            .media_type(media_type)
            .credentials(akana::Credentials::session("TokenID=8ed70a13", "TokenID%3D8ed70a13-8469-11e8"))
            .build()
            .unwrap();
        let answer = akana
            .client()
            .change_user_status()
            .user_id("f57dd9cc-2608-456e-9dfa-300c85224a73.acmepaymentscorp")
            .body_map(|body| {
                let comments = "Locking user account because account was compromised".to_owned();
                body.user_status(akana::AkanaUserStatus::Locked).comments(comments)
            })
            .send()
            .await
            .unwrap();
        assert_eq!((answer.disabled, answer.locked), (Some(false), Some(true)));
        check(
            &server.only_request(),
            "PUT /api/users/f57dd9cc-2608-456e-9dfa-300c85224a73.acmepaymentscorp/status HTTP/1.1",
            &[
                ("accept", name),
                ("content-type", name),
                ("cookie", "AtmoAuthToken_acmepaymentscorp=TokenID=8ed70a13"),
                ("x-csrf-token_acmepaymentscorp", "TokenID%3D8ed70a13-8469-11e8"),
            ],
            Some(json!({
                "UserStatus": "com.soa.user.status.locked",
                "Comments": "Locking user account because account was compromised",
            })),
        );
    }
}

#[tokio::test]
async fn akana_names_follow_the_tenant_and_its_statuses_are_open() {
    let server = Recorder::answering(200, "{}").await;
    let akana = Akana::builder()
        .base_url(server.uri())
        .tenant("globex-7")
        .credentials(akana::Credentials::session("cookie", "csrf"))
        .build()
        .unwrap();
    let call = akana.client().change_user_status().user_id("homer.globex-7");
    call.body_map(|body| body.user_status("com.soa.user.status.on-holiday")).send().await.unwrap();
    check(
        &server.only_request(),
        "PUT /api/users/homer.globex-7/status HTTP/1.1",
        &[
            ("accept", "application/json"),
            ("content-type", "application/json"),
            ("cookie", "AtmoAuthToken_globex-7=cookie"),
            ("x-csrf-token_globex-7", "csrf"),
        ],
        Some(json!({ "UserStatus": "com.soa.user.status.on-holiday" })),
    );
}

#[tokio::test]
async fn mediconnect_as_in_both_samples() {
    for (suspend, body) in [
        (true, json!({ "isSuspended": true, "suspensionReason": "Violation of terms of service" })),
        (false, json!({ "isActive": true, "isSuspended": false })),
    ] {
        let server = Recorder::answering(200, r#"{"id":42,"isActive":false,"isSuspended":true,"role":"NURSE"}"#).await;
        let mediconnect = Mediconnect::builder()
            .base_url(server.uri())
            .credentials(mediconnect::Credentials::token("YOUR_JWT_TOKEN"))
            .build()
            .unwrap();
        let call = mediconnect.client().toggle_user_status().id(42);
        let call = call.body_map(|body| match suspend {
            true => body.is_suspended(true).suspension_reason("Violation of terms of service".to_owned()),
            false => body.is_active(true).is_suspended(false),
        });
        let answer = call.send().await.unwrap();
        assert_eq!(answer.role, Some("NURSE".into()), "a role nobody documents is kept");
        check(
            &server.only_request(),
            "PATCH /api/admin/users/42/status HTTP/1.1",
            &[
                ("accept", "application/json"),
                ("authorization", "Bearer YOUR_JWT_TOKEN"),
                ("content-type", "application/json"),
            ]
            .into_iter()
            // Without `isActive` it must not be sent twice, and travels on a connection of its own.
            .chain(suspend.then_some(("connection", "close")))
            .collect::<Vec<_>>(),
            Some(body),
        );
    }
}

#[tokio::test]
async fn symphony_below_pod() {
    let server = Recorder::answering(200, r#"{"format":"TEXT","message":"OK"}"#).await;
    let symphony = Symphony::builder()
        .base_url(format!("{}/pod/", server.uri()))
        .credentials(symphony::Credentials::session_token("the-session"))
        .build()
        .unwrap();
    let answer = symphony
        .client()
        .update_user_status()
        .uid(7215545078541i64)
        .body_map(|body| {
            body.status(symphony::SymphonyAccountState::Disabled)
                .suspended(true)
                .suspended_until(1_601_546_400_000_i64)
                .suspension_reason("Leave".to_owned())
        })
        .send()
        .await
        .unwrap();
    assert_eq!(answer.message.as_deref(), Some("OK"));
    check(
        &server.only_request(),
        "POST /pod/v1/admin/user/7215545078541/status/update HTTP/1.1",
        &[("accept", "application/json"), ("content-type", "application/json"), ("sessiontoken", "the-session")],
        Some(json!({
            "status": "DISABLED",
            "suspended": true,
            "suspendedUntil": 1_601_546_400_000_i64,
            "suspensionReason": "Leave",
        })),
    );
}

#[tokio::test]
async fn clearsquare_sends_the_token_in_header_and_body_and_asks_for_it_once() {
    let server = Recorder::answering(200, r#"{"message":"User status updated successfully","status":"success"}"#).await;
    let clearsquare = Clearsquare::builder()
        .base_url(server.uri())
        .credentials(clearsquare::Credentials::token("eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.e30.c2ln"))
        .build()
        .unwrap();
    let call = clearsquare.client().manage_user_status().accept_language("en-US,en;q=0.9");
    let answer = call.body_map(|body| body.id("634441cecbb5901d133039f8")).send().await.unwrap();
    assert_eq!(answer.status, Some(clearsquare::ClearsquareOutcome::Success));
    check(
        &server.only_request(),
        "POST /api/users/manage-status HTTP/1.1",
        &[
            ("accept", "application/json"),
            ("accept-language", "en-US,en;q=0.9"),
            ("authorization", "Bearer eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.e30.c2ln"),
            ("connection", "close"),
            ("content-type", "application/json"),
        ],
        Some(json!({
            "id": "634441cecbb5901d133039f8",
            "token": "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.e30.c2ln",
        })),
    );
}

#[tokio::test]
async fn redirects_are_not_followed_with_the_credentials() {
    let thief = Recorder::answering(200, r#"{"format":"TEXT","message":"OK"}"#).await;
    let server = Recorder::start(format!(
        "HTTP/1.1 307 Temporary Redirect\r\nlocation: {}/pod\r\ncontent-length: 0\r\n\r\n",
        thief.uri()
    ))
    .await;
    let symphony = Symphony::builder()
        .base_url(server.uri())
        .credentials(symphony::Credentials::session_token("the-session"))
        .build()
        .unwrap();
    let call = symphony.client().update_user_status().uid(1).body_map(|body| body.suspended(false));
    let error = user_status::Error::from(call.send().await.unwrap_err());
    assert_eq!(error.status(), Some(307), "{error}");
    assert_eq!(thief.connections(), 0);
}

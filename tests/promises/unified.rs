//! One vocabulary over five systems: what each change sends, what is refused before anything is sent, and what a receipt
//! proves.

use serde_json::{Value, json};
use user_status::vendors::{
    Akana, Clearsquare, Mediconnect, Symphony, Userdocks, akana, clearsquare, mediconnect, symphony, userdocks,
};
use user_status::{AccountStatus, AccountSystem, Applied, Error, ErrorKind, Proof, Registry, StatusChange, Suspension};
use user_status_mock::{StandaloneServer, Vendor, world};
use user_status_tests::Recorder;

const FOREVER: &str = "2026-12-31T23:59:59Z";

fn suspend_until() -> StatusChange {
    StatusChange::suspend("Leave").until(FOREVER.parse().unwrap())
}

fn userdocks(uri: &str) -> Userdocks {
    let credentials =
        userdocks::Credentials::api_key("mock-userdocks-write-key", "8c5ab9a4-46a3-4b5f-8f0b-7c0f3f6a9e10");
    Userdocks::builder().base_url(uri).credentials(credentials).build().unwrap()
}

fn akana_builder(uri: &str) -> akana::AkanaBuilder {
    let credentials =
        akana::Credentials::session("TokenID%3Dmock-akana-admin-session", "TokenID%3Dmock-akana-admin-csrf");
    Akana::builder().base_url(uri).tenant("acmepaymentscorp").credentials(credentials)
}

fn mediconnect_builder(uri: &str) -> mediconnect::MediconnectBuilder {
    Mediconnect::builder().base_url(uri).credentials(mediconnect::Credentials::token("mock-mediconnect-admin-token"))
}

fn symphony_builder(uri: &str) -> symphony::SymphonyBuilder {
    Symphony::builder().base_url(uri).credentials(symphony::Credentials::session_token("mock-symphony-session-token"))
}

fn clearsquare(uri: &str) -> Clearsquare {
    let credentials = clearsquare::Credentials::token("mock-clearsquare-token");
    Clearsquare::builder().base_url(uri).credentials(credentials).build().unwrap()
}

/// The last request that a change sends: its line and its body.
async fn sent(
    answer: &str,
    system: impl FnOnce(&str) -> Box<dyn AccountSystem>,
    user: &str,
    change: &StatusChange,
) -> (String, Value) {
    let server = Recorder::answering(200, answer).await;
    let system = system(&server.uri());
    // What the system answers is of no interest here, only what it was asked.
    let _ = system.apply(user, change).await;
    let request = server.received().pop().expect("something was sent");
    let body = if request.body.is_empty() { Value::Null } else { request.json() };
    (request.first_line.replace(" HTTP/1.1", ""), body)
}

/// The mapping, line by line as the documents have it.
#[tokio::test]
async fn each_change_is_expressed_as_the_documents_say() {
    let freeze = |uri: &str| -> Box<dyn AccountSystem> { Box::new(userdocks(uri)) };
    for (change, value) in [(StatusChange::enable(), "1"), (StatusChange::disable(), "0")] {
        let (line, body) = sent("{}", freeze, "u", &change).await;
        assert_eq!((line, body), (format!("PUT /api/v1/users/u/access-status/{value}"), Value::Null));
    }
    let current = |uri: &str| -> Box<dyn AccountSystem> {
        let builder = Userdocks::builder().base_url(uri).credentials(userdocks::Credentials::api_key("key", "app-1"));
        Box::new(builder.route(userdocks::Route::Current).app("app-1").build().unwrap())
    };
    let (line, _) = sent("{}", current, "u", &StatusChange::disable()).await;
    assert_eq!(line, "PUT /v1/apps/app-1/users/u/access-status/0");

    let akana = |uri: &str| -> Box<dyn AccountSystem> { Box::new(akana_builder(uri).build().unwrap()) };
    for (change, body) in [
        (StatusChange::enable(), json!({ "UserStatus": "com.soa.user.status.enabled" })),
        (StatusChange::disable(), json!({ "UserStatus": "com.soa.user.status.disabled" })),
        (StatusChange::lock().comment("why"), json!({ "UserStatus": "com.soa.user.status.locked", "Comments": "why" })),
    ] {
        assert_eq!(sent("{}", akana, "u", &change).await, ("PUT /api/users/u/status".to_owned(), body));
    }

    // MediConnect: both booleans, whichever is to change.
    let user = r#"{"isActive":true,"isSuspended":true,"suspensionReason":"old"}"#;
    let read_first = |uri: &str| -> Box<dyn AccountSystem> { Box::new(mediconnect_builder(uri).build().unwrap()) };
    let assume = |uri: &str| -> Box<dyn AccountSystem> {
        Box::new(mediconnect_builder(uri).assume_active(true).build().unwrap())
    };
    let leave_out = |uri: &str| -> Box<dyn AccountSystem> {
        Box::new(mediconnect_builder(uri).active_flag(mediconnect::ActiveFlag::LeaveOut).build().unwrap())
    };
    let line = "PATCH /api/admin/users/42/status".to_owned();
    let suspend = StatusChange::suspend("new");
    let disable = StatusChange::disable();
    let both = json!({ "isActive": true, "isSuspended": true, "suspensionReason": "new" });
    assert_eq!(sent(user, read_first, "42", &suspend).await, (line.clone(), both.clone()));
    assert_eq!(sent(user, assume, "42", &suspend).await, (line.clone(), both));
    let minimal = json!({ "isSuspended": true, "suspensionReason": "new" });
    assert_eq!(sent(user, leave_out, "42", &suspend).await, (line.clone(), minimal));
    let kept = json!({ "isActive": false, "isSuspended": true, "suspensionReason": "old" });
    assert_eq!(sent(user, read_first, "42", &disable).await, (line.clone(), kept));
    let lifted = json!({ "isActive": true, "isSuspended": false });
    assert_eq!(sent(user, read_first, "42", &StatusChange::unsuspend()).await, (line, lifted));

    let symphony = |uri: &str| -> Box<dyn AccountSystem> { Box::new(symphony_builder(uri).build().unwrap()) };
    let seconds = |uri: &str| -> Box<dyn AccountSystem> {
        Box::new(symphony_builder(uri).unit(symphony::Unit::Seconds).build().unwrap())
    };
    let line = "POST /v1/admin/user/42/status/update".to_owned();
    for (change, body) in [
        (StatusChange::enable(), json!({ "status": "ENABLED" })),
        (StatusChange::disable(), json!({ "status": "DISABLED" })),
        (StatusChange::unsuspend(), json!({ "suspended": false })),
        (StatusChange::suspend("Leave"), json!({ "suspended": true, "suspensionReason": "Leave" })),
        (
            suspend_until(),
            json!({ "suspended": true, "suspensionReason": "Leave", "suspendedUntil": 1_798_761_599_000_i64 }),
        ),
    ] {
        assert_eq!(sent("{}", symphony, "42", &change).await, (line.clone(), body));
    }
    let (_, body) = sent("{}", seconds, "42", &suspend_until()).await;
    assert_eq!(body["suspendedUntil"], 1_798_761_599);

    let toggle = |uri: &str| -> Box<dyn AccountSystem> { Box::new(clearsquare(uri)) };
    let body = json!({ "id": "u", "token": "mock-clearsquare-token" });
    assert_eq!(
        sent("{}", toggle, "u", &StatusChange::toggle()).await,
        ("POST /api/users/manage-status".to_owned(), body)
    );
}

/// What a system cannot express is refused with what it can, and nothing reaches the socket.
#[tokio::test]
async fn what_a_system_cannot_express_is_refused_before_anything_is_sent() {
    let server = Recorder::answering(200, "{}").await;
    let uri = server.uri();
    let systems: Vec<Box<dyn AccountSystem>> = vec![
        Box::new(userdocks(&uri)),
        Box::new(akana_builder(&uri).build().unwrap()),
        Box::new(mediconnect_builder(&uri).build().unwrap()),
        Box::new(symphony_builder(&uri).build().unwrap()),
        Box::new(clearsquare(&uri)),
    ];
    let all = [
        StatusChange::enable(),
        StatusChange::disable(),
        StatusChange::suspend("Leave"),
        suspend_until(),
        StatusChange::unsuspend(),
        StatusChange::lock(),
        StatusChange::unlock(),
        StatusChange::toggle(),
    ];
    // A row of the table for each system: enable, disable, suspend, until, unsuspend, lock, unlock, toggle.
    let table = ["11000000", "11000100", "11101000", "11111000", "00000001"];
    for (system, row) in systems.iter().zip(table) {
        for (change, cell) in all.iter().zip(row.chars()) {
            assert_eq!(system.capabilities().supports(change), cell == '1', "{} {change}", system.vendor());
            if cell == '0' {
                let error = system.apply("42", change).await.unwrap_err();
                assert_eq!((error.kind(), error.applied()), (ErrorKind::Unsupported, Applied::No), "{error}");
                let text = error.to_string();
                assert!(text.contains("; it can ") || text.contains("suspend without `until`"), "{text}");
            }
        }
        let comment = StatusChange::disable().comment("left the company");
        if system.capabilities().supports(&StatusChange::disable()) && !system.capabilities().comments {
            assert!(system.apply("42", &comment).await.unwrap_err().is_unsupported(), "{}", system.vendor());
        }
    }
    let invalid = [
        StatusChange::suspend(""),
        StatusChange::suspend("x".repeat(501)),
        StatusChange::disable().until(FOREVER.parse().unwrap()),
        serde_json::from_value(json!({ "change": "enable", "reason": "why" })).unwrap(),
        serde_json::from_value(json!({ "change": "disable", "comment": "x".repeat(2001) })).unwrap(),
    ];
    for change in invalid {
        let error = systems[3].apply("42", &change).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput, "{change:?}: {error}");
    }
    let no_reason: StatusChange = serde_json::from_value(json!({ "change": "suspend" })).unwrap();
    assert!(systems[2].apply("42", &no_reason).await.unwrap_err().is_invalid_input());
    // 1601546400000 seconds and 1601546400 milliseconds are the two numbers in the wrong unit.
    let wrong = StatusChange::suspend("Leave").until("1970-01-19T12:52:26.4Z".parse().unwrap());
    let error = systems[3].apply("42", &wrong).await.unwrap_err();
    assert!(error.is_invalid_input() && error.to_string().contains("could only be of the other unit"), "{error}");
    for system in &systems {
        for id in ["..", "", "a/b", "4 2", "%2e%2e"] {
            let change = if system.vendor().as_str() == "clearsquare" {
                StatusChange::toggle()
            } else {
                StatusChange::disable()
            };
            assert!(system.apply(id, &change).await.unwrap_err().is_invalid_input(), "{} {id}", system.vendor());
            let read = system.status(id).await.unwrap_err();
            assert!(read.is_invalid_input() || read.is_unsupported(), "{read}");
        }
    }
    assert_eq!(server.connections(), 0);

    let misspelt = serde_json::from_value::<StatusChange>(json!({ "change": "suspend", "untill": FOREVER }));
    assert!(misspelt.unwrap_err().to_string().contains("untill"));
}

#[tokio::test]
async fn receipts_say_how_a_change_is_known() {
    let server = StandaloneServer::start().await.unwrap();
    let uri = |vendor| server.uri(vendor);
    let userdocks = userdocks(&uri(Vendor::Userdocks));
    let receipt = userdocks.apply(world::USERDOCKS_USER, &StatusChange::disable()).await.unwrap();
    assert_eq!((receipt.proof, receipt.attempts, receipt.status), (Proof::Accepted, 1, AccountStatus::default()));
    let receipt = userdocks.apply_and_verify(world::USERDOCKS_USER, &StatusChange::enable()).await.unwrap();
    assert_eq!((receipt.proof, receipt.status.enabled), (Proof::Confirmed, Some(true)));

    let akana = akana_builder(&uri(Vendor::Akana)).build().unwrap();
    let receipt = akana.apply(world::AKANA_USER, &StatusChange::lock().comment("why")).await.unwrap();
    assert_eq!(
        (receipt.proof, receipt.status.locked, receipt.status.enabled),
        (Proof::Confirmed, Some(true), Some(true))
    );
    assert_eq!(akana.status(world::AKANA_USER).await.unwrap().can_sign_in(), Some(false));

    let mediconnect = mediconnect_builder(&uri(Vendor::Mediconnect)).build().unwrap();
    let leave = StatusChange::suspend("Leave");
    let receipt = mediconnect.apply("42", &leave).await.unwrap();
    assert_eq!((receipt.proof, receipt.status.enabled), (Proof::Confirmed, Some(true)), "isActive stays as it was");
    assert_eq!(receipt.status.suspended.as_ref().unwrap().reason.as_deref(), Some("Leave"));
    let writes = server.requests("toggleUserStatus");
    let receipt = mediconnect.apply("42", &leave).await.unwrap();
    assert_eq!((receipt.proof, receipt.attempts), (Proof::Unchanged, 0));
    assert_eq!(server.requests("toggleUserStatus"), writes, "nothing was sent");
    let receipt = mediconnect.apply("42", &StatusChange::suspend("Other")).await.unwrap();
    assert_eq!(receipt.proof, Proof::Confirmed, "another reason is another suspension");
    let receipt = mediconnect.apply("42", &StatusChange::disable()).await.unwrap();
    assert_eq!(receipt.status.to_string(), "disabled, suspended (Other)", "the suspension stays, with its reason");

    let symphony = symphony_builder(&uri(Vendor::Symphony)).build().unwrap();
    let receipt = symphony.apply("7215545078541", &suspend_until()).await.unwrap();
    assert_eq!(receipt.proof, Proof::Accepted);
    let receipt = symphony.apply_and_verify("7215545078541", &suspend_until()).await.unwrap();
    assert_eq!(receipt.proof, Proof::Confirmed);
    assert_eq!(receipt.status.to_string(), format!("enabled, suspended until {FOREVER} (Leave)"));
    let refused = symphony.apply(&world::SYMPHONY_KEYMANAGER.to_string(), &StatusChange::disable()).await.unwrap_err();
    assert_eq!((refused.kind(), refused.applied()), (ErrorKind::Rejected, Applied::No));
    assert!(refused.to_string().contains("keymanager cannot be disabled"), "{refused}");

    let clearsquare = clearsquare(&uri(Vendor::Clearsquare));
    let receipt = clearsquare.apply_and_verify(world::CLEARSQUARE_USER, &StatusChange::toggle()).await.unwrap();
    assert_eq!(receipt.proof, Proof::Accepted);
    assert!(clearsquare.status(world::CLEARSQUARE_USER).await.unwrap_err().is_unsupported());
}

/// A 200 that says no, or shows another state, is never a success.
#[tokio::test]
async fn an_answer_that_contradicts_the_request_is_an_error() {
    async fn error(answer: &str, system: impl FnOnce(&str) -> Box<dyn AccountSystem>, change: &StatusChange) -> Error {
        let server = Recorder::answering(200, answer).await;
        system(&server.uri()).apply("42", change).await.expect_err(answer)
    }
    let disable = StatusChange::disable();
    for (answer, text) in [
        (r#"{"success":false,"message":null,"error":"no rights","data":null}"#, "no rights"),
        (r#"{"success":false}"#, "success: false"),
        (r#"{"success":true,"error":"half done"}"#, "half done"),
        (r#"{"kind":"errors","itemsLength":1,"errors":[{"message":"not yours"}]}"#, "not yours"),
        (r#"{"kind":"errors","errors":[]}"#, "lists errors"),
    ] {
        let error = error(answer, |uri| Box::new(userdocks(uri)), &disable).await;
        assert_eq!(
            (error.kind(), error.applied(), error.status()),
            (ErrorKind::Contradicted, Applied::Unknown, Some(200))
        );
        assert!(error.to_string().contains(text), "{error}");
    }
    let akana = |uri: &str| -> Box<dyn AccountSystem> { Box::new(akana_builder(uri).build().unwrap()) };
    assert!(error(r#"{"Disabled":false,"Locked":true}"#, akana, &disable).await.is_contradicted());
    assert!(error(r#"{"Disabled":true,"Locked":false}"#, akana, &StatusChange::lock()).await.is_contradicted());
    let clearsquare = |uri: &str| -> Box<dyn AccountSystem> { Box::new(clearsquare(uri)) };
    let answer = r#"{"message":"no such user","status":"error"}"#;
    let contradicted = error(answer, clearsquare, &StatusChange::toggle()).await;
    assert!(contradicted.is_contradicted() && contradicted.to_string().contains("no such user"), "{contradicted}");
    let mediconnect = |uri: &str| -> Box<dyn AccountSystem> {
        Box::new(mediconnect_builder(uri).assume_active(true).build().unwrap())
    };
    let suspend = StatusChange::suspend("Leave");
    assert!(error(r#"{"isActive":true,"isSuspended":false}"#, mediconnect, &suspend).await.is_contradicted());
    // Suspended as asked, and deactivated, which nobody asked for: what the deployed system does.
    let flipped = error(r#"{"isActive":false,"isSuspended":true}"#, mediconnect, &suspend).await;
    assert!(flipped.is_contradicted() && flipped.to_string().contains("nobody asked for"), "{flipped}");
    // The same in the deployed system's other shape.
    let nested = r#"{"message":"ok","user":{"isActive":false,"isSuspended":true}}"#;
    assert!(error(nested, mediconnect, &suspend).await.is_contradicted());
}

/// A 200 that says nothing of what was done is no success, and one about somebody else is none either.
#[tokio::test]
async fn an_answer_that_says_nothing_is_no_success() {
    async fn error(answer: &str, system: impl FnOnce(&str) -> Box<dyn AccountSystem>, change: &StatusChange) -> Error {
        let server = Recorder::answering(200, answer).await;
        let error = system(&server.uri()).apply("42", change).await.expect_err(answer);
        assert_eq!(error.applied(), Applied::Unknown, "{answer}: {error:?}");
        error
    }
    let akana = |uri: &str| -> Box<dyn AccountSystem> { Box::new(akana_builder(uri).build().unwrap()) };
    let mediconnect = |uri: &str| -> Box<dyn AccountSystem> {
        Box::new(mediconnect_builder(uri).assume_active(true).build().unwrap())
    };
    let symphony = |uri: &str| -> Box<dyn AccountSystem> { Box::new(symphony_builder(uri).build().unwrap()) };
    let disable = StatusChange::disable();
    let suspend = StatusChange::suspend("Leave");
    for answer in ["{}", r#"{"login":"please"}"#] {
        assert!(error(answer, |uri| Box::new(userdocks(uri)), &disable).await.is_off_contract());
        assert!(error(answer, akana, &disable).await.is_off_contract());
        assert!(error(answer, mediconnect, &suspend).await.is_off_contract());
        assert!(error(answer, symphony, &disable).await.is_off_contract());
        assert!(error(answer, |uri| Box::new(clearsquare(uri)), &StatusChange::toggle()).await.is_off_contract());
    }
    let fault = r#"{"faultcode":"Server","faultstring":"failed"}"#;
    assert!(error(fault, akana, &disable).await.is_contradicted());
    assert!(error(r#"{"error":"Access denied"}"#, mediconnect, &suspend).await.is_contradicted());
    assert!(error(r#"{"code":400,"message":"failed"}"#, symphony, &disable).await.is_contradicted());
    let failed = r#"{"status":"failed","message":"no"}"#;
    assert!(error(failed, |uri| Box::new(clearsquare(uri)), &StatusChange::toggle()).await.is_contradicted());
    let other = r#"{"UserID":"someone.else","Disabled":true}"#;
    assert!(error(other, akana, &disable).await.to_string().contains("another account"));
    let other = r#"{"id":43,"isActive":true,"isSuspended":true}"#;
    assert!(error(other, mediconnect, &suspend).await.to_string().contains("another account"));

    let server = Recorder::answering(200, r#"{"UserID":"someone.else","Disabled":true}"#).await;
    let read = akana_builder(&server.uri()).build().unwrap().status("u").await.unwrap_err();
    assert_eq!((read.kind(), read.applied()), (ErrorKind::Contradicted, Applied::No));
}

/// MediConnect's account that does not say whether it is active cannot be suspended without flipping it, so nothing is
/// sent.
#[tokio::test]
async fn a_boolean_that_is_not_known_is_not_left_to_chance() {
    for answer in ["{}", r#"{"isSuspended":false}"#] {
        let server = Recorder::answering(200, answer).await;
        let mediconnect = mediconnect_builder(&server.uri()).build().unwrap();
        let error = mediconnect.apply("42", &StatusChange::suspend("Leave")).await.unwrap_err();
        assert_eq!((error.kind(), error.applied()), (ErrorKind::OffContract, Applied::No), "{error:?}");
        assert!(server.received().iter().all(|request| request.first_line.starts_with("GET ")));
    }
    // Left out on purpose, and the state before not known: what was flipped cannot be known, and nothing is proved.
    let server = Recorder::answering(200, r#"{"isSuspended":true}"#).await;
    let flag = mediconnect::ActiveFlag::LeaveOut;
    let mediconnect = mediconnect_builder(&server.uri()).active_flag(flag).build().unwrap();
    let receipt = mediconnect.apply("42", &StatusChange::suspend("Leave")).await.unwrap();
    assert_eq!(receipt.proof, Proof::Accepted);
}

/// Another end, or another reason, is another suspension.
#[tokio::test]
async fn only_the_suspension_that_was_asked_for_is_proved() {
    let until = FOREVER.parse().unwrap();
    let status = |reason: &str, until| AccountStatus {
        suspended: Some(Suspension { active: true, reason: Some(reason.to_owned()), until }),
        ..AccountStatus::default()
    };
    assert_eq!(status("Leave", Some(until)).shows(&suspend_until()), Some(true));
    assert_eq!(status("Leave", None).shows(&suspend_until()), Some(false));
    assert_eq!(status("Leave", Some(until)).shows(&StatusChange::suspend("Leave")), Some(false));
    assert_eq!(status("Holiday", None).shows(&StatusChange::suspend("Leave")), Some(false));

    // What the pod could not keep, or what is over already, is refused.
    let server = Recorder::answering(200, r#"{"message":"OK"}"#).await;
    let symphony = symphony_builder(&server.uri()).build().unwrap();
    for (end, text) in [("2026-12-31T23:59:59.9999Z", "round it"), ("2020-01-01T00:00:00Z", "which is past")] {
        let error =
            symphony.apply("42", &StatusChange::suspend("Leave").until(end.parse().unwrap())).await.unwrap_err();
        assert!(error.is_invalid_input() && error.to_string().contains(text), "{error}");
    }
    let fine = suspend_until().until("2026-12-31T23:59:59.999Z".parse().unwrap());
    symphony.apply("42", &fine).await.unwrap();
    let seconds = symphony_builder(&server.uri()).unit(symphony::Unit::Seconds).build().unwrap();
    assert!(seconds.apply("42", &fine).await.unwrap_err().is_invalid_input());
    assert_eq!(server.received().len(), 1);
    // A suspension whose end is past keeps nobody out.
    assert_eq!(status("Leave", "2020-01-01T00:00:00Z".parse().ok()).can_sign_in(), Some(true));
}

/// A client of the caller's own that follows redirects: what comes back is not taken for an answer.
#[tokio::test]
async fn an_answer_by_way_of_a_redirect_is_an_unknown_outcome() {
    let elsewhere = Recorder::answering(200, r#"{"message":"OK"}"#).await;
    let server =
        Recorder::start(format!("HTTP/1.1 302 Found\r\nlocation: {}/x\r\ncontent-length: 0\r\n\r\n", elsewhere.uri()))
            .await;
    let provider = rustls::crypto::ring::default_provider();
    let tls =
        rustls::ClientConfig::builder_with_provider(provider.into()).with_safe_default_protocol_versions().unwrap();
    let tls = tls.with_root_certificates(rustls::RootCertStore::empty()).with_no_client_auth();
    let own = reqwest::Client::builder().tls_backend_preconfigured(tls).build().unwrap();
    let symphony = symphony_builder(&server.uri()).http_client(own).retry(user_status::RetryPolicy::never());
    let error = symphony.build().unwrap().apply("42", &StatusChange::disable()).await.unwrap_err();
    assert_eq!((error.kind(), error.applied()), (ErrorKind::OutcomeUnknown, Applied::Unknown), "{error:?}");
    assert!(error.to_string().contains("followed a redirect"), "{error}");
    assert_eq!(elsewhere.received().len(), 1);
}

/// An answer with values and members that nobody knows is still the answer to a change that was made.
#[tokio::test]
async fn unknown_values_and_members_lose_nothing() {
    let server = Recorder::answering(200, r#"{"format":"MARKDOWN","message":"OK","new":{"a":[1]}}"#).await;
    let symphony = symphony_builder(&server.uri()).build().unwrap();
    let receipt = symphony.apply("42", &StatusChange::disable()).await.unwrap();
    assert_eq!(receipt.proof, Proof::Accepted);
    let kept: Value = serde_json::from_slice(&receipt.raw.unwrap().body).unwrap();
    assert_eq!(kept["new"], json!({ "a": [1] }));
    let typed =
        symphony.client().update_user_status().uid(42).body_map(|body| body.suspended(true)).send().await.unwrap();
    assert_eq!(typed.format, Some(symphony::SymphonyMessageFormat::Unknown("MARKDOWN".to_owned())));

    let answer = r#"{"code":1,"message":"no","hint":"call us"}"#;
    let server = Recorder::answering(400, answer).await;
    let symphony = symphony_builder(&server.uri()).build().unwrap();
    let error = symphony.apply("42", &StatusChange::disable()).await.unwrap_err();
    assert_eq!(error.raw().unwrap().body, answer, "the answer is kept as it came");
    assert_eq!(error.fault::<symphony::types::SymphonyError>().unwrap().code, Some(1));
    assert!(!format!("{error:?}").contains("call us"), "and not shown: {error:?}");
}

#[tokio::test]
async fn unlock_on_akana_needs_to_be_switched_on_and_never_enables() {
    let server = StandaloneServer::start().await.unwrap();
    let uri = server.uri(Vendor::Akana);
    let plain = akana_builder(&uri).build().unwrap();
    assert!(plain.apply(world::AKANA_USER, &StatusChange::unlock()).await.unwrap_err().is_unsupported());
    let akana = akana_builder(&uri).unlock_by_enabling(true).build().unwrap();
    akana.apply(world::AKANA_USER, &StatusChange::lock()).await.unwrap();
    let receipt = akana.apply(world::AKANA_USER, &StatusChange::unlock()).await.unwrap();
    assert_eq!((receipt.proof, receipt.status.locked), (Proof::Confirmed, Some(false)));
    akana.apply(world::AKANA_USER, &StatusChange::lock()).await.unwrap();
    akana.apply(world::AKANA_USER, &StatusChange::disable()).await.unwrap();
    let error = akana.apply(world::AKANA_USER, &StatusChange::unlock()).await.unwrap_err();
    assert!(error.is_unsupported() && error.to_string().contains("enable it too"), "{error}");
    assert_eq!(server.status(Vendor::Akana, world::AKANA_USER).unwrap().enabled, Some(false));
}

/// Every representation of Akana, through the same typed client, both ways.
#[tokio::test]
async fn akana_speaks_every_representation() {
    let server = StandaloneServer::start().await.unwrap();
    for media_type in akana::MediaType::ALL {
        let akana = akana_builder(&server.uri(Vendor::Akana)).media_type(*media_type).build().unwrap();
        let comment = "a < b & \"c\" – ü";
        let receipt = akana.apply(world::AKANA_USER, &StatusChange::lock().comment(comment)).await.unwrap();
        assert_eq!((receipt.proof, receipt.status.locked), (Proof::Confirmed, Some(true)), "{media_type:?}");
        let receipt = akana.apply(world::AKANA_USER, &StatusChange::enable()).await.unwrap();
        assert_eq!(receipt.status.locked, Some(false), "{media_type:?}");
        let error = akana.apply("nobody.acmepaymentscorp", &StatusChange::lock()).await.unwrap_err();
        assert_eq!((error.kind(), error.applied()), (ErrorKind::NotFound, Applied::No), "{media_type:?}: {error}");
        assert!(error.to_string().contains("The user does not exist"), "{media_type:?}: {error}");
    }
    assert_eq!(akana::MediaType::ALL.len(), 10);

    // What travels is XML.
    let body = "<User><Locked>1</Locked><Disabled>false</Disabled><New><a>x<b/></a></New></User>";
    let length = body.len();
    let recorder = Recorder::start(format!(
        "HTTP/1.1 200 OK\r\ncontent-type: application/xml\r\ncontent-length: {length}\r\n\r\n{body}"
    ))
    .await;
    let akana = akana_builder(&recorder.uri()).media_type(akana::MediaType::Xml).build().unwrap();
    akana.apply("u", &StatusChange::lock().comment("a < b")).await.unwrap();
    let request = recorder.only_request();
    assert_eq!(request.header("content-type"), ["application/xml"]);
    assert_eq!(
        request.text(),
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<ChangeUserStatusRequest><UserStatus>com.soa.user.status.locked\
         </UserStatus><Comments>a &lt; b</Comments></ChangeUserStatusRequest>"
    );
    for body in [
        "<User>",
        "<User><Locked>true</Locked><Locked>true</Locked></User>",
        "text",
        "<!DOCTYPE x><User/>",
        "<User>&x;</User>",
        "<User/><User/>",
    ] {
        let length = body.len();
        let head = "HTTP/1.1 200 OK\r\ncontent-type: application/xml";
        let recorder = Recorder::start(format!("{head}\r\ncontent-length: {length}\r\n\r\n{body}")).await;
        let akana = akana_builder(&recorder.uri()).media_type(akana::MediaType::Xml).build().unwrap();
        let error = akana.apply("u", &StatusChange::lock()).await.unwrap_err();
        assert_eq!((error.kind(), error.applied()), (ErrorKind::OffContract, Applied::Unknown), "{body}: {error}");
    }
}

/// The SDK's list of booleans in the XML is that of the contract.
#[tokio::test]
async fn booleans_in_xml_are_those_of_the_contract() {
    let schema = user_status_openapi::Contract::embedded().resolve("/components/schemas/AkanaUser").unwrap();
    let members = schema["properties"].as_object().unwrap();
    let text: String = members.keys().map(|name| format!("<{name}>true</{name}>")).collect();
    let body = format!("<User>{text}</User>");
    let length = body.len();
    let head = "HTTP/1.1 200 OK\r\ncontent-type: application/xml";
    let recorder = Recorder::start(format!("{head}\r\ncontent-length: {length}\r\n\r\n{body}")).await;
    let akana = akana_builder(&recorder.uri()).media_type(akana::MediaType::Xml).build().unwrap();
    let user = akana.client().get_platform_user().user_id("u").send().await.unwrap().into_inner();
    let read = serde_json::to_value(user).unwrap();
    assert_eq!(read.as_object().unwrap().len(), members.len());
    for (name, schema) in members {
        let wanted = if schema["type"] == "boolean" { json!(true) } else { json!("true") };
        assert_eq!(read[name], wanted, "{name}");
    }
}

#[tokio::test]
async fn symphony_reads_in_its_unit() {
    let read = |number: i64, unit| async move {
        let server =
            Recorder::answering(200, &json!({ "suspended": true, "suspendedUntil": number }).to_string()).await;
        symphony_builder(&server.uri()).unit(unit).build().unwrap().status("42").await
    };
    let until = |seconds: i64| {
        let until = jiff::Timestamp::from_second(seconds).unwrap();
        Some(Suspension { active: true, reason: None, until: Some(until) })
    };
    use symphony::Unit::{Milliseconds, Seconds};
    assert_eq!(read(1_601_546_400_000, Milliseconds).await.unwrap().suspended, until(1_601_546_400));
    assert_eq!(read(1_601_546_400, Seconds).await.unwrap().suspended, until(1_601_546_400));
    for (number, unit) in [(1_601_546_400, Milliseconds), (1_601_546_400_000, Seconds), (i64::MAX, Milliseconds)] {
        assert!(read(number, unit).await.unwrap_err().is_off_contract());
    }
}

/// One failure never hides another's success.
#[tokio::test]
async fn a_registry_reports_every_system_by_itself() {
    let server = StandaloneServer::start().await.unwrap();
    let registry = Registry::default()
        .with("docs", userdocks(&server.uri(Vendor::Userdocks)))
        .with("portal", akana_builder(&server.uri(Vendor::Akana)).build().unwrap())
        .with("clinic", mediconnect_builder(&server.uri(Vendor::Mediconnect)).build().unwrap())
        .with("pod", symphony_builder(&server.uri(Vendor::Symphony)).build().unwrap())
        .with("site", clearsquare(&server.uri(Vendor::Clearsquare)));
    let accounts = [
        ("docs", world::USERDOCKS_USER),
        ("portal", "nobody"),
        ("clinic", "42"),
        ("pod", "7215545078541"),
        ("site", world::CLEARSQUARE_USER),
        ("elsewhere", "42"),
    ];
    let outcomes = registry.apply_everywhere(accounts, &StatusChange::disable()).await;
    let seen: Vec<(String, String)> = outcomes
        .iter()
        .map(|outcome| {
            let result = match &outcome.result {
                Some(Ok(receipt)) => receipt.proof.to_string(),
                Some(Err(error)) => format!("{:?}", error.kind()),
                None => "no such system".to_owned(),
            };
            (outcome.system.clone(), result)
        })
        .collect();
    let expected = [
        ("docs", "confirmed"),
        ("portal", "NotFound"),
        ("clinic", "confirmed"),
        ("pod", "confirmed"),
        ("site", "Unsupported"),
        ("elsewhere", "no such system"),
    ];
    assert_eq!(seen, expected.map(|(system, result)| (system.to_owned(), result.to_owned())));
    assert_eq!(registry.iter().map(|(name, _)| name).collect::<Vec<_>>(), ["clinic", "docs", "pod", "portal", "site"]);
    assert_eq!(server.status(Vendor::Clearsquare, world::CLEARSQUARE_USER).unwrap().enabled, Some(true));
}

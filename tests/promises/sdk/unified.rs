//! One vocabulary over all systems: what each change sends, and what is refused before anything is sent.

use serde_json::{Value, json};
use user_status::systems::{Userdocks, mediconnect, symphony, userdocks};
use user_status::{AccountSystem, Applied, ErrorKind, Proof, Registry, StatusChange, Suspension};
use user_status_mock::{SystemKind, world};
use user_status_tests::Recorder;

use crate::support::systems::*;

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
        (
            StatusChange::lock().with_comment("why"),
            json!({ "UserStatus": "com.soa.user.status.locked", "Comments": "why" }),
        ),
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
            assert_eq!(system.capabilities().supports(change), cell == '1', "{} {change}", system.kind());
            if cell == '0' {
                let error = system.apply("42", change).await.unwrap_err();
                assert_eq!((error.kind(), error.applied()), (ErrorKind::Unsupported, Applied::No), "{error}");
                let text = error.to_string();
                assert!(text.contains("; it can ") || text.contains("suspend without `until`"), "{text}");
            }
        }
        let comment = StatusChange::disable().with_comment("left the company");
        if system.capabilities().supports(&StatusChange::disable()) && !system.capabilities().comments {
            assert!(system.apply("42", &comment).await.unwrap_err().is_unsupported(), "{}", system.kind());
        }
    }
    let invalid = [
        StatusChange::suspend(""),
        StatusChange::suspend("x".repeat(501)),
        StatusChange::disable().with_until(FOREVER.parse().unwrap()),
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
    let wrong = StatusChange::suspend("Leave").with_until("1970-01-19T12:52:26.4Z".parse().unwrap());
    let error = systems[3].apply("42", &wrong).await.unwrap_err();
    assert!(error.is_invalid_input() && error.to_string().contains("could only be of the other unit"), "{error}");
    for system in &systems {
        for id in ["..", "", "a/b", "4 2", "%2e%2e"] {
            let change =
                if system.kind().as_str() == "clearsquare" { StatusChange::toggle() } else { StatusChange::disable() };
            assert!(system.apply(id, &change).await.unwrap_err().is_invalid_input(), "{} {id}", system.kind());
            let read = system.status(id).await.unwrap_err();
            assert!(read.is_invalid_input() || read.is_unsupported(), "{read}");
        }
    }
    assert_eq!(server.connections(), 0);

    let misspelt = serde_json::from_value::<StatusChange>(json!({ "change": "suspend", "untill": FOREVER }));
    assert!(misspelt.unwrap_err().to_string().contains("untill"));
}

#[tokio::test]
async fn unlock_on_akana_needs_to_be_switched_on_and_never_enables() {
    let server = standalone_server().await;
    let uri = server.uri(SystemKind::Akana);
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
    assert_eq!(server.status(SystemKind::Akana, world::AKANA_USER).unwrap().enabled, Some(false));
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
        assert!(read(number, unit).await.unwrap_err().is_unexpected_response());
    }
}

/// One failure never hides another's success.
#[tokio::test]
async fn a_registry_reports_every_system_by_itself() {
    let server = standalone_server().await;
    let registry = Registry::default()
        .with("docs", userdocks(&server.uri(SystemKind::Userdocks)))
        .with("portal", akana_builder(&server.uri(SystemKind::Akana)).build().unwrap())
        .with("clinic", mediconnect_builder(&server.uri(SystemKind::Mediconnect)).build().unwrap())
        .with("pod", symphony_builder(&server.uri(SystemKind::Symphony)).build().unwrap())
        .with("site", clearsquare(&server.uri(SystemKind::Clearsquare)));
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
    assert_eq!(server.status(SystemKind::Clearsquare, world::CLEARSQUARE_USER).unwrap().enabled, Some(true));
}

//! What a receipt proves, and which answers are no success.

use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Value, json};
use user_status::systems::{Mediconnect, mediconnect, symphony};
use user_status::testing::{TestFailure, TestSystem};
use user_status::{
    AccountStatus, AccountSystem, Applied, Capabilities, Change, DisableEffect, Error, ErrorKind, Proof, StatusChange,
    Suspension,
};
use user_status_mock::{Fidelity, Options, StandaloneServer, SystemKind, WorldState, world};
use user_status_tests::Recorder;

use crate::support::systems::*;

#[tokio::test]
async fn receipts_say_how_a_change_is_known() {
    let server = standalone_server().await;
    let uri = |system| server.uri(system);
    let userdocks = userdocks(&uri(SystemKind::Userdocks));
    let receipt = userdocks.apply(world::USERDOCKS_USER, &StatusChange::disable()).await.unwrap();
    assert_eq!((receipt.proof, receipt.attempts, receipt.status), (Proof::Accepted, 1, AccountStatus::default()));
    let receipt = userdocks.apply_and_verify(world::USERDOCKS_USER, &StatusChange::enable()).await.unwrap();
    assert_eq!((receipt.proof, receipt.status.enabled), (Proof::Confirmed, Some(true)));

    let akana = akana_builder(&uri(SystemKind::Akana)).build().unwrap();
    let receipt = akana.apply(world::AKANA_USER, &StatusChange::lock().with_comment("why")).await.unwrap();
    assert_eq!(
        (receipt.proof, receipt.status.locked, receipt.status.enabled),
        (Proof::Confirmed, Some(true), Some(true))
    );
    assert_eq!(akana.can_sign_in(&akana.status(world::AKANA_USER).await.unwrap()), Some(false));
    // Whether enabling unlocks is not documented, and what is left is said.
    let receipt =
        akana.apply_and_verify(world::AKANA_USER, &StatusChange::enable().with_comment("back")).await.unwrap();
    let left: &[Change] = if receipt.status.locked == Some(true) { &[Change::Unlock] } else { &[] };
    assert_eq!(receipt.still_needed(), left);

    let mediconnect = mediconnect_builder(&uri(SystemKind::Mediconnect)).build().unwrap();
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

    let symphony = symphony_builder(&uri(SystemKind::Symphony)).build().unwrap();
    let receipt = symphony.apply("7215545078541", &suspend_until()).await.unwrap();
    assert_eq!(receipt.proof, Proof::Accepted);
    let receipt = symphony.apply_and_verify("7215545078541", &suspend_until()).await.unwrap();
    assert_eq!(receipt.proof, Proof::Confirmed);
    assert_eq!(receipt.status.to_string(), format!("enabled, suspended until {FOREVER} (Leave)"));
    let refused = symphony.apply(&world::SYMPHONY_KEYMANAGER.to_string(), &StatusChange::disable()).await.unwrap_err();
    assert_eq!((refused.kind(), refused.applied()), (ErrorKind::Rejected, Applied::No));
    assert!(refused.to_string().contains("keymanager cannot be disabled"), "{refused}");

    let clearsquare = clearsquare(&uri(SystemKind::Clearsquare));
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
        assert!(error(answer, |uri| Box::new(userdocks(uri)), &disable).await.is_unexpected_response());
        assert!(error(answer, akana, &disable).await.is_unexpected_response());
        assert!(error(answer, mediconnect, &suspend).await.is_unexpected_response());
        assert!(error(answer, symphony, &disable).await.is_unexpected_response());
        assert!(
            error(answer, |uri| Box::new(clearsquare(uri)), &StatusChange::toggle()).await.is_unexpected_response()
        );
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
        assert_eq!((error.kind(), error.applied()), (ErrorKind::UnexpectedResponse, Applied::No), "{error:?}");
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
            symphony.apply("42", &StatusChange::suspend("Leave").with_until(end.parse().unwrap())).await.unwrap_err();
        assert!(error.is_invalid_input() && error.to_string().contains(text), "{error}");
    }
    let fine = suspend_until().with_until("2026-12-31T23:59:59.999Z".parse().unwrap());
    symphony.apply("42", &fine).await.unwrap();
    let seconds = symphony_builder(&server.uri()).unit(symphony::Unit::Seconds).build().unwrap();
    assert!(seconds.apply("42", &fine).await.unwrap_err().is_invalid_input());
    assert_eq!(server.received().len(), 1);
}

/// What a record means for signing in is the system's to say, and where it does not, nobody knows.
#[test]
fn what_a_record_means_is_said_by_the_system() {
    let now: Timestamp = "2026-06-01T00:00:00Z".parse().unwrap();
    let can = || Capabilities::new(&Change::ALL);
    let with = |effect| can().with_disable_effect(effect);
    let enabled = |enabled| AccountStatus { enabled: Some(enabled), ..AccountStatus::default() };
    let suspended = |until: Option<&str>| AccountStatus {
        suspended: Some(Suspension { active: true, reason: None, until: until.map(|until| until.parse().unwrap()) }),
        ..enabled(true)
    };
    let locked = AccountStatus { locked: Some(true), ..enabled(true) };
    let mut strange = enabled(true);
    strange.unrecognized.insert("status".to_owned(), "GONE".to_owned());
    let past = Some("2026-01-01T00:00:00Z");
    let later = Some("2027-01-01T00:00:00Z");
    let refused = with(DisableEffect::SignInRefused);
    for (can, status, expected) in [
        (can(), enabled(true), None),
        (can(), enabled(false), None),
        (refused, enabled(true), Some(true)),
        (refused, enabled(false), Some(false)),
        (with(DisableEffect::SessionsEnded), enabled(false), Some(false)),
        // A record that bars nobody.
        (with(DisableEffect::RecordOnly), enabled(false), Some(true)),
        (can(), locked.clone(), Some(false)),
        (refused, suspended(None), None),
        (refused.with_suspension_bars_sign_in(true), suspended(None), Some(false)),
        (refused.with_suspension_bars_sign_in(true), suspended(later), Some(false)),
        (refused.with_suspension_bars_sign_in(true), suspended(past), Some(true)),
        (refused.with_suspension_bars_sign_in(false), suspended(None), Some(true)),
        (refused, strange, None),
        (refused, AccountStatus::default(), None),
    ] {
        assert_eq!(can.can_sign_in(&status, now), expected, "{can:?}: {status}");
    }
}

/// A system that keeps the end of a suspension in whole minutes is not said to have kept another one.
#[tokio::test]
async fn the_end_of_a_suspension_is_compared_as_precisely_as_the_system_keeps_it() {
    let asked = StatusChange::suspend("Leave").with_until("2026-12-31T23:59:59.5Z".parse().unwrap());
    for (precision, kept, proof) in [
        (Duration::ZERO, "2026-12-31T23:59:59.5Z", Some(Proof::Confirmed)),
        (Duration::ZERO, "2026-12-31T23:59:59Z", None),
        (Duration::from_secs(1), "2026-12-31T23:59:59Z", Some(Proof::Confirmed)),
        (Duration::from_secs(1), "2026-12-31T23:59:58Z", None),
        (Duration::from_secs(60), "2027-01-01T00:00:00Z", Some(Proof::Confirmed)),
    ] {
        let capabilities = Capabilities::new(&[Change::Suspend])
            .with_suspends_until(true)
            .with_reads(true)
            .with_until_precision(precision);
        let system = TestSystem::new().with_capabilities(capabilities);
        let suspension = Suspension { active: true, reason: Some("Leave".to_owned()), until: kept.parse().ok() };
        let status = AccountStatus { suspended: Some(suspension), ..AccountStatus::default() };
        let system = system.with_account("jane", status);
        // What became of the change, only the account can show.
        system.fail_next(TestFailure::LostBefore);
        let result = system.apply_and_verify("jane", &asked).await;
        assert_eq!(result.as_ref().ok().map(|receipt| receipt.proof), proof, "{kept}: {result:?}");
    }
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
    assert_eq!(error.error_body::<symphony::types::SymphonyError>().unwrap().code, Some(1));
    assert!(!format!("{error:?}").contains("call us"), "and not shown: {error:?}");
}

/// The systems as they were observed, not as they are documented: what is claimed is what the account is.
#[tokio::test]
async fn as_observed_nothing_is_claimed_that_is_not_so() {
    let world = WorldState::default().fidelity(Fidelity::Observed);
    let server = StandaloneServer::start_with(Options::new().world(world)).await.unwrap();
    let uri = server.uri(SystemKind::Mediconnect);
    let known = server.credentials();

    // A refusal in a 200.
    let error = userdocks(&uri).apply("nobody", &StatusChange::disable()).await.unwrap_err();
    assert!(error.is_contradicted(), "{error:?}");

    // Both booleans are always named, so that nothing is flipped; the answer has the user one level deeper.
    let mediconnect = Mediconnect::builder()
        .base_url(&uri)
        .credentials(mediconnect::Credentials::token(known.mediconnect.token.as_str()))
        .build()
        .unwrap();
    let receipt = mediconnect.apply("42", &StatusChange::suspend("why")).await.unwrap();
    assert_eq!((receipt.proof, receipt.status.enabled), (Proof::Confirmed, Some(true)));
    let receipt = mediconnect.apply("42", &StatusChange::disable()).await.unwrap();
    assert_eq!(receipt.proof, Proof::Confirmed);
    let status = server.status(SystemKind::Mediconnect, "42").unwrap();
    assert_eq!((status.enabled, status.suspended.unwrap().active), (Some(false), true));

    // 403 for a token that is not valid.
    let refused = Mediconnect::builder().base_url(&uri).credentials(mediconnect::Credentials::token("an-old-token"));
    let error = refused.build().unwrap().apply("42", &StatusChange::enable()).await.unwrap_err();
    assert_eq!((error.kind(), error.applied()), (ErrorKind::Credentials, Applied::No));
}

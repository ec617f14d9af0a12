//! A read that came from a cache proves nothing, and a system may take a moment to show what it did.

use std::time::{Duration, SystemTime};

use user_status::{AccountSystem, Applied, Error, ErrorKind, Proof, StatusChange, Wait};
use user_status_tests::{Recorder, TestClock};

use crate::support::script::{Reply, Script, json};
use crate::support::systems::*;

const ENABLED: &str = r#"{"status":"ENABLED","suspended":false}"#;
const DISABLED: &str = r#"{"status":"DISABLED","suspended":false}"#;

/// A date in this many seconds, as a header.
fn date(seconds: i64) -> String {
    let shift = Duration::from_secs(seconds.unsigned_abs());
    let time = if seconds < 0 { SystemTime::now() - shift } else { SystemTime::now() + shift };
    let time = jiff::Timestamp::try_from(time).unwrap();
    format!("date: {}\r\n", time.strftime("%a, %d %b %Y %H:%M:%S GMT"))
}

#[track_caller]
fn proves_nothing(result: Result<impl std::fmt::Debug, Error>, headers: &str) {
    let error = result.expect_err(headers);
    assert_eq!((error.kind(), error.applied()), (ErrorKind::UnexpectedResponse, Applied::No), "{headers:?}: {error:?}");
    assert!(error.to_string().contains("proves nothing"), "{error}");
}

#[tokio::test]
async fn a_read_asks_for_no_cache_and_one_from_a_cache_is_none() {
    for headers in [
        "age: 60\r\n",
        "age: 0, 1\r\n",
        "age: soon\r\n",
        "x-cache: HIT\r\n",
        "x-cache: HIT from proxy.example\r\n",
        "x-cache: Hit from cloudfront\r\n",
        "x-cache: MISS, HIT\r\n",
        "x-cache: TCP_MEM_HIT from a1-2-3-4\r\n",
        "x-cache: TCP_REFRESH_FAIL_HIT\r\n",
        "x-cache-hits: 0, 3\r\n",
        "x-cache-status: HIT\r\n",
        "x-cache-status: STALE\r\n",
        "x-cache-status: UPDATING\r\n",
        "x-proxy-cache: HIT\r\n",
        "x-nginx-cache: HIT\r\n",
        "cf-cache-status: HIT\r\n",
        "cache-status: ExampleCache; hit; ttl=376\r\n",
        "cache-status: Origin; fwd=miss, \"CDN\"; hit\r\n",
        "x-varnish: 32770 3\r\n",
        "via: 1.1 varnish (HIT)\r\n",
        "via: http/1.1 ats (ApacheTrafficServer/9.2 [uScHs f p eN:t cCHi p sS])\r\n",
        "server-timing: cdn-cache; desc=HIT, edge; dur=1\r\n",
        "warning: 110 - \"Response is Stale\"\r\n",
        &date(-3600),
    ] {
        let server = Recorder::start(json(200, headers, ENABLED)).await;
        let symphony = symphony_builder(&server.uri()).build().unwrap();
        proves_nothing(symphony.status("42").await, headers);
        proves_nothing(
            symphony
                .client()
                .get_user_status()
                .uid(42)
                .send()
                .await
                .map(|answer| answer.into_inner())
                .map_err(Error::from),
            headers,
        );
        for request in server.received() {
            assert_eq!(request.header("cache-control"), ["no-cache, no-store"]);
            assert_eq!(request.header("pragma"), ["no-cache"]);
        }
    }
    for headers in [
        "age: 0\r\n",
        "x-cache: MISS\r\nx-cache-lookup: HIT from proxy.example:3128\r\n",
        "x-cache: Miss from cloudfront\r\nvia: 1.1 abc.cloudfront.net (CloudFront)\r\n",
        "x-cache: RefreshHit from cloudfront\r\n",
        "x-cache: TCP_REFRESH_HIT\r\n",
        "x-cache-hits: 0\r\n",
        "x-cache-status: REVALIDATED\r\n",
        "cf-cache-status: DYNAMIC\r\n",
        "cache-status: ExampleCache; fwd=uri-miss; stored\r\n",
        "cache-control: max-age=60\r\n",
        "x-varnish: 32770\r\nvia: 1.1 hit.example (Varnish/7.1)\r\n",
        &date(0),
        &date(-30),
        &date(3600),
        "date: yesterday\r\n",
    ] {
        let server = Recorder::start(json(200, headers, ENABLED)).await;
        let symphony = symphony_builder(&server.uri()).build().unwrap();
        assert_eq!(symphony.status("42").await.expect(headers).enabled, Some(true));
    }
}

/// Not `confirmed`, not `contradicted`, not `unchanged`.
#[tokio::test]
async fn nothing_is_concluded_from_a_cache() {
    for headers in ["age: 60\r\n".to_owned(), "x-cache: HIT\r\n".to_owned(), date(-20)] {
        for shown in [ENABLED, DISABLED] {
            // The answers to a change tell what time it is there; the last header above is older than that.
            let (kept, now) = (headers.clone(), date(0));
            let server = Script::start(move |_, request| {
                Reply::Kept(match request.starts_with("get") {
                    true => json(200, &kept, shown),
                    false => json(200, &now, r#"{"message":"OK"}"#),
                })
            })
            .await;
            let symphony = symphony_builder(&server.uri).build().unwrap();
            let receipt = symphony.apply_and_verify("42", &StatusChange::disable()).await.unwrap();
            assert_eq!(receipt.proof, Proof::Accepted, "{headers:?} {shown}");

            // After a lost answer.
            let kept = headers.clone();
            let server = Script::start(move |_, request| match request.starts_with("get") {
                true => Reply::Kept(json(200, &kept, shown)),
                false => Reply::Closed(Vec::new()),
            })
            .await;
            if headers.starts_with("date") {
                continue;
            }
            let symphony = symphony_builder(&server.uri).retry(user_status::RetryPolicy::never()).build().unwrap();
            let error = symphony.apply_and_verify("42", &StatusChange::disable()).await.unwrap_err();
            assert_eq!((error.kind(), error.applied()), (ErrorKind::OutcomeUnknown, Applied::Unknown));
        }
    }

    // What is read first, and found to be as asked, or to be named in the change.
    for shown in [r#"{"id":42,"isActive":false}"#, r#"{"id":42,"isActive":true,"isSuspended":false}"#] {
        let server = Recorder::start(json(200, "age: 1\r\n", shown)).await;
        let mediconnect = mediconnect_builder(&server.uri()).build().unwrap();
        proves_nothing(mediconnect.apply("42", &StatusChange::disable()).await, shown);
        assert_eq!(server.requests(), 1, "nothing was changed by it");
    }

    // A change that a cache answered may not have reached the system.
    let server = Recorder::start(json(200, "age: 1\r\n", r#"{"message":"OK"}"#)).await;
    let symphony = symphony_builder(&server.uri()).build().unwrap();
    let error = symphony.apply("42", &StatusChange::disable()).await.unwrap_err();
    assert_eq!((error.kind(), error.applied()), (ErrorKind::UnexpectedResponse, Applied::Unknown), "{error:?}");
}

/// A clock of this machine that goes wrong is not the system's fault, once a change has shown what time it is there.
#[tokio::test]
async fn a_clock_that_is_wrong_is_learned() {
    let then = date(-600);
    let server = Script::start(move |_, request| {
        Reply::Kept(json(200, &then, if request.starts_with("get") { DISABLED } else { r#"{"message":"OK"}"# }))
    })
    .await;
    let symphony = symphony_builder(&server.uri).build().unwrap();
    proves_nothing(symphony.status("42").await, "ten minutes ago");
    // An answer to a change is as good as it is; only a header of a cache speaks against it.
    let error = symphony.apply("42", &StatusChange::disable()).await;
    let receipt = error.unwrap();
    assert_eq!(receipt.proof, Proof::Accepted);
    assert_eq!(symphony.status("42").await.unwrap().enabled, Some(false));
}

/// An account that does not show the change yet is read again; only then it is contradicted.
#[tokio::test]
async fn a_slow_system_is_read_again() {
    for (late, reads, proof) in
        [(0, 1, Some(Proof::Confirmed)), (2, 3, Some(Proof::Confirmed)), (4, 5, Some(Proof::Confirmed)), (9, 5, None)]
    {
        for lost in [false, true] {
            let server = Script::start(move |number, request| match request.starts_with("get") {
                true if number <= late => Reply::Kept(json(200, "", ENABLED)),
                true => Reply::Kept(json(200, "", DISABLED)),
                false if lost => Reply::Closed(Vec::new()),
                false => Reply::Kept(json(200, "", r#"{"message":"OK"}"#)),
            })
            .await;
            let clock = TestClock::new();
            let builder = symphony_builder(&server.uri).retry(user_status::RetryPolicy::never());
            let symphony = builder.clock(clock.clone()).build().unwrap();
            let result = symphony.apply_and_verify("42", &StatusChange::disable()).await;
            assert_eq!(server.requests().len(), 1 + reads, "late: {late}, lost: {lost}");
            let waits = clock.waits(Wait::ReadBack);
            assert_eq!(waits.len(), reads - 1);
            assert!(waits.iter().sum::<Duration>() <= Duration::from_secs(2), "{waits:?}");
            match (result, proof) {
                (Ok(receipt), Some(proof)) => assert_eq!(receipt.proof, proof),
                (Err(error), None) => {
                    let kind = if lost { ErrorKind::OutcomeUnknown } else { ErrorKind::Contradicted };
                    assert_eq!((error.kind(), error.applied()), (kind, Applied::Unknown), "{error:?}");
                }
                (result, _) => panic!("late: {late}, lost: {lost}: {result:?}"),
            }
        }
    }
    // Also if it is the answer to the change that shows the account as it was.
    let server = Script::start(|number, _| {
        let disabled = number >= 2;
        Reply::Kept(json(200, "", &format!(r#"{{"UserID":"u","Disabled":{disabled},"Locked":false}}"#)))
    })
    .await;
    let akana = akana_builder(&server.uri).clock(TestClock::new()).build().unwrap();
    let receipt = akana.apply_and_verify("u", &StatusChange::disable()).await.unwrap();
    assert_eq!((receipt.proof, receipt.status.enabled), (Proof::Confirmed, Some(true).map(|on| !on)));
}

/// What a change was not asked to change, and what is otherwise in the read after a lost answer.
#[tokio::test]
async fn a_read_back_that_shows_more_than_was_asked_confirms_nothing() {
    for (active, proof) in [(true, Some(Proof::Confirmed)), (false, None)] {
        let server = Script::start(move |number, request| match (request.starts_with("get"), number) {
            (true, 0) => Reply::Kept(json(200, "", r#"{"id":42,"isActive":true,"isSuspended":false}"#)),
            (true, _) => {
                let body = format!(r#"{{"id":42,"isActive":{active},"isSuspended":true,"suspensionReason":"Leave"}}"#);
                Reply::Kept(json(200, "", &body))
            }
            (false, _) => Reply::Closed(Vec::new()),
        })
        .await;
        let builder = mediconnect_builder(&server.uri).retry(user_status::RetryPolicy::never());
        let mediconnect = builder.clock(TestClock::new()).build().unwrap();
        let result = mediconnect.apply_and_verify("42", &StatusChange::suspend("Leave")).await;
        assert_eq!(result.map(|receipt| receipt.proof).ok(), proof, "active: {active}");
    }
}

/// The read-back after a yes is held against what was read before, as the one after a lost answer is.
#[tokio::test]
async fn a_yes_whose_read_back_shows_more_than_was_asked_is_contradicted() {
    for (active, kind) in [(true, None), (false, Some(ErrorKind::Contradicted))] {
        let server = Script::start(move |number, request| {
            let body = match (request.starts_with("get"), number) {
                (true, 0) => r#"{"id":42,"isActive":true,"isSuspended":false}"#.to_owned(),
                (true, _) => {
                    format!(r#"{{"id":42,"isActive":{active},"isSuspended":true,"suspensionReason":"Leave"}}"#)
                }
                // It leaves out the other fact.
                (false, _) => r#"{"id":42,"isSuspended":true,"suspensionReason":"Leave"}"#.to_owned(),
            };
            Reply::Kept(json(200, "", &body))
        })
        .await;
        let mediconnect = mediconnect_builder(&server.uri).clock(TestClock::new()).build().unwrap();
        let result = mediconnect.apply_and_verify("42", &StatusChange::suspend("Leave")).await;
        let told = result.as_ref().err().map(|error| (error.kind(), error.applied()));
        assert_eq!(told, kind.map(|kind| (kind, Applied::Unknown)), "active: {active}: {result:?}");
        assert!(result.is_err() || result.is_ok_and(|receipt| receipt.proof == Proof::Confirmed));
    }
}

/// What is kept out of sight of a header still tells where the response comes from.
#[tokio::test]
async fn a_cache_that_names_the_credentials_is_one() {
    const TOKEN: &str = "mock-symphony-session-token";
    for header in ["cache-status: edge; hit; key=", "x-cache: HIT ", "via: 1.1 varnish (HIT) "] {
        let headers = format!("{header}\"{TOKEN}\"\r\n");
        let server = Recorder::start(json(200, &headers, ENABLED)).await;
        let error = symphony_builder(&server.uri()).build().unwrap().status("42").await.unwrap_err();
        assert!(!format!("{error} {error:?}").contains("session-token"), "{error:?}");
        assert_eq!((error.kind(), error.applied()), (ErrorKind::UnexpectedResponse, Applied::No), "{headers}");

        let server = Recorder::start(json(403, &headers, r#"{"code":403,"message":"no"}"#)).await;
        let symphony = symphony_builder(&server.uri()).build().unwrap();
        let error = symphony.apply("42", &StatusChange::disable()).await.unwrap_err();
        assert_eq!((error.kind(), error.applied()), (ErrorKind::Forbidden, Applied::Unknown), "{headers}");
        let call = symphony.client().update_user_status().uid(42).body_map(|body| body.suspended(false));
        let error = Error::from(call.send().await.unwrap_err());
        assert_eq!(error.applied(), Applied::Unknown, "{headers}");
    }
}

/// A text that was kept out of sight is not sent back in the place of the one that it stands for.
#[tokio::test]
async fn what_was_kept_out_of_sight_is_not_written_into_an_account() {
    let server = Script::start(move |_, request| {
        let active = request.starts_with("get");
        let reason = "see mock-mediconnect-admin-token";
        let body = format!(r#"{{"id":42,"isActive":{active},"isSuspended":true,"suspensionReason":"{reason}"}}"#);
        Reply::Kept(json(200, "", &body))
    })
    .await;
    let mediconnect = mediconnect_builder(&server.uri).build().unwrap();
    let receipt = mediconnect.apply("42", &StatusChange::disable()).await.unwrap();
    assert_eq!(receipt.proof, Proof::Confirmed);
    let sent = server.requests().pop().unwrap();
    assert!(sent.ends_with(r#"{"isactive":false}"#) || sent.ends_with(r#"{"isActive":false}"#), "{sent}");
}

//! What a status code proves: what the system itself documents, in a media type that it documents, and nothing else.

use std::time::Duration;

use user_status::systems::{Mediconnect, akana, mediconnect};
use user_status::{
    AccountSystem, Applied, CallOptions, Error, ErrorKind, Proof, RetryPolicy, StatusChange, SystemKind, Wait,
};
use user_status_tests::{Recorder, TestClock};

use crate::support::script::{Reply, Script, json};
use crate::support::systems::*;

/// Every system at this address, with a change that it can be asked for; each sends one request for it.
fn all(uri: &str) -> Vec<(Box<dyn AccountSystem>, StatusChange)> {
    let disable = StatusChange::disable;
    vec![
        (Box::new(userdocks(uri)), disable()),
        (Box::new(akana_builder(uri).build().unwrap()), disable()),
        (Box::new(mediconnect_builder(uri).assume_active(true).build().unwrap()), disable()),
        (Box::new(symphony_builder(uri).build().unwrap()), disable()),
        (Box::new(clearsquare(uri)), StatusChange::toggle()),
    ]
}

/// Written down once more, by hand.
fn refuses(system: SystemKind, status: u16) -> bool {
    let documented: &[u16] = match system {
        SystemKind::USERDOCKS | SystemKind::SYMPHONY => &[400, 401, 403],
        SystemKind::AKANA => &[400, 401, 403, 404, 405],
        SystemKind::MEDICONNECT => &[400, 401, 403, 404, 413, 429],
        SystemKind::CLEARSQUARE => &[400, 401],
        _ => &[],
    };
    documented.contains(&status)
}

/// An error body of each of the five.
const FAULT: &str =
    r#"{"success":false,"error":"e","faultcode":"c","faultstring":"s","message":"m","code":1,"status":"error"}"#;

/// As gateways have them.
const FOREIGN: [&str; 7] = [
    "{}",
    "",
    "<html>Forbidden</html>",
    r#"{"message":"Forbidden"}"#,
    r#"{"fault":{"faultstring":"Gateway Timeout","detail":{"errorcode":"x"}}}"#,
    r#"{"error":{"code":403,"status":"PERMISSION_DENIED"}}"#,
    r#"{"status":"success","success":true,"id":42,"isActive":false,"UserID":"42","error":"e"}"#,
];

/// A gateway may have the system's code and media type, and not its error body.
#[tokio::test]
async fn a_refusal_counts_only_in_the_systems_own_words() {
    for status in [400, 401, 403, 404, 405, 413, 429] {
        for body in FOREIGN {
            let server = Recorder::start(json(status, "", body)).await;
            for (system, change) in all(&server.uri()) {
                let place = format!("{} × {status} {body}", system.kind());
                let once = CallOptions::default().with_retry(RetryPolicy::never());
                let error = system.apply_with("42", &change, once).await.expect_err(&place);
                assert_eq!((error.applied(), error.status()), (Applied::Unknown, Some(status)), "{place}: {error:?}");
            }
        }
    }
}

#[tokio::test]
async fn only_what_the_system_documents_in_its_media_type_proves_that_nothing_was_changed() {
    let statuses = (300..=308).chain(400..=431).chain([444, 449, 451, 460, 494, 495, 499]).chain(500..=511);
    let once = CallOptions::default().with_retry(RetryPolicy::never());
    for status in statuses.chain([520, 521, 522, 523, 524, 525, 526, 530, 598, 599]) {
        for (content_type, documented) in [
            ("content-type: application/json\r\n", true),
            ("content-type: Application/JSON; charset=utf-8\r\n", true),
            ("content-type: text/html\r\n", false),
            ("content-type: application/problem+json\r\n", false),
            ("content-type: application/json\r\nage: 7\r\n", false),
            ("", false),
        ] {
            for extra in ["retry-after: 5\r\n", "location: /elsewhere\r\n"] {
                // Once is enough where nothing is concluded in any case.
                if !documented && extra.starts_with("location") {
                    continue;
                }
                let answer = format!(
                    "HTTP/1.1 {status} X\r\n{content_type}{extra}content-length: {}\r\n\r\n{FAULT}",
                    FAULT.len()
                );
                let server = Recorder::start(answer.clone()).await;
                for (system, change) in all(&server.uri()) {
                    let place = format!("{} × {answer:?}", system.kind());
                    let before = server.requests();
                    let error = system.apply_with("42", &change, once).await.expect_err(&place);
                    let applied = match documented && refuses(system.kind(), status) {
                        true => Applied::No,
                        false => Applied::Unknown,
                    };
                    assert_eq!((error.applied(), error.status()), (applied, Some(status)), "{place}: {error:?}");
                    assert_eq!(server.requests() - before, 1, "{place}");
                    if extra.starts_with("retry") {
                        assert_eq!(error.retry_after(), Some(Duration::from_secs(5)), "{place}");
                    }
                }
            }
        }
    }
}

/// Whatever anybody else says, what may not be sent twice is sent once.
#[tokio::test]
async fn a_toggle_is_repeated_after_no_gateways_word() {
    for status in [301, 302, 307, 308, 400, 401, 403, 404, 408, 413, 425, 429, 499, 500, 502, 503, 504, 599] {
        for headers in ["", "retry-after: 0\r\n", "retry-after: 1\r\n", "retry-after: soon\r\n"] {
            let answer =
                format!("HTTP/1.1 {status} X\r\ncontent-type: text/html\r\n{headers}content-length: 2\r\n\r\n{{}}");
            let server = Recorder::start(answer.clone()).await;
            let clock = TestClock::new();
            let error = clearsquare_builder(&server.uri()).clock(clock).build().unwrap();
            let error = error.apply("u", &StatusChange::toggle()).await.expect_err(&answer);
            assert_eq!((error.applied(), error.attempts()), (Applied::Unknown, 1), "{answer:?}: {error:?}");
            assert_eq!(server.requests(), 1, "{answer:?}");
        }
    }
}

/// A change in MediConnect that leaves a flag out is a toggle, and MediConnect does document a refusal for now; but not at
/// once.
#[tokio::test]
async fn a_documented_refusal_for_now_is_waited_out() {
    for asked in ["", "retry-after: 0\r\n", "retry-after: Thu, 01 Jan 1970 00:00:00 GMT\r\n", "retry-after: never\r\n"]
    {
        let server = Script::start(move |number, request| {
            Reply::Kept(match (request.starts_with("get"), number) {
                (true, _) => json(200, "", r#"{"id":42,"isActive":true,"isSuspended":false}"#),
                (false, 1..=2) => json(429, asked, r#"{"error":"too many","code":"RATE_LIMITED"}"#),
                _ => json(200, "", r#"{"id":42,"isActive":true,"isSuspended":true}"#),
            })
        })
        .await;
        let clock = TestClock::new();
        let flag = mediconnect::ActiveFlag::LeaveOut;
        let builder = mediconnect_builder(&server.uri).active_flag(flag).clock(clock.clone());
        let receipt = builder.build().unwrap().apply("42", &StatusChange::suspend("Leave")).await.unwrap();
        assert_eq!((receipt.proof, receipt.attempts), (Proof::Confirmed, 3), "{asked:?}");
        let waits = clock.waits(Wait::Backoff);
        assert_eq!(waits.len(), 2);
        assert!(waits.iter().all(|wait| *wait >= Duration::from_millis(250)), "{waits:?}");
    }
}

/// What was once unknown stays so, whatever the system says to the next attempt.
#[tokio::test]
async fn an_unknown_attempt_is_not_forgotten() {
    for first in [
        json(429, "retry-after: 1\r\n", "{}"),
        json(503, "retry-after: 1\r\n", "{}"),
        json(408, "", "{}"),
        b"HTTP/1.1 401 X\r\ncontent-type: text/html\r\ncontent-length: 0\r\n\r\n".to_vec(),
        Vec::new(),
    ] {
        for second in [400, 401, 403] {
            let first = first.clone();
            let server = Script::start(move |number, _| match number {
                0 => Reply::Closed(first.clone()),
                _ => Reply::Kept(json(second, "", "{}")),
            })
            .await;
            let builder = symphony_builder(&server.uri).clock(TestClock::new());
            let source = OneAfterAnother::default();
            let symphony = builder.credential_source(source).build().unwrap();
            let error = symphony.apply("42", &StatusChange::disable()).await.unwrap_err();
            assert_eq!((error.applied(), error.status()), (Applied::Unknown, Some(second)), "{error:?}");
            assert!(error.attempts() >= 2);
        }
    }
}

#[derive(Default)]
struct OneAfterAnother(std::sync::atomic::AtomicUsize);

impl user_status::CredentialSource<user_status::systems::symphony::Credentials> for OneAfterAnother {
    fn credentials(
        &self,
    ) -> user_status::BoxFuture<
        '_,
        Result<user_status::systems::symphony::Credentials, Box<dyn std::error::Error + Send + Sync>>,
    > {
        let number = self.0.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
        let token = format!("a-session-token-{number}");
        Box::pin(async move { Ok(user_status::systems::symphony::Credentials::session_token(token)) })
    }
}

/// The status line and the headers say enough, though the body breaks off or is too long.
#[tokio::test]
async fn a_refusal_whose_body_breaks_off_is_a_refusal() {
    let once = CallOptions::default().with_retry(RetryPolicy::never());
    for (head, known) in [
        ("HTTP/1.1 403 X\r\ncontent-type: application/json\r\nretry-after: 9\r\ncontent-length: 99\r\n\r\n{", true),
        ("HTTP/1.1 429 X\r\ncontent-type: application/json\r\nretry-after: 9\r\ncontent-length: 99\r\n\r\n{", true),
        ("HTTP/1.1 403 X\r\ncontent-type: text/html\r\nretry-after: 9\r\ncontent-length: 99\r\n\r\n<", false),
        ("HTTP/1.1 429 X\r\ncontent-type: text/html\r\nretry-after: 9\r\ncontent-length: 99\r\n\r\n<", false),
        ("HTTP/1.1 200 X\r\ncontent-type: application/json\r\ncontent-length: 99\r\n\r\n{", false),
        ("HTTP/1.1 503 X\r\ncontent-type: application/json\r\ncontent-length: 99\r\n\r\n{", false),
    ] {
        for closed in [true, false] {
            let server = Script::start(move |_, _| match closed {
                true => Reply::Closed(head.as_bytes().to_vec()),
                false => Reply::Kept(head.as_bytes().to_vec()),
            })
            .await;
            let builder = mediconnect_builder(&server.uri).assume_active(true);
            let mediconnect = builder.attempt_timeout(Duration::from_millis(300)).build().unwrap();
            let error = mediconnect.apply_with("42", &StatusChange::disable(), once).await.unwrap_err();
            let status: u16 = head[9..12].parse().unwrap();
            let (kind, applied) = match (known, status) {
                (true, 403) => (ErrorKind::Forbidden, Applied::No),
                (true, _) => (ErrorKind::RateLimited, Applied::No),
                (false, _) => (ErrorKind::OutcomeUnknown, Applied::Unknown),
            };
            let place = format!("{head:?}, closed: {closed}: {error:?}");
            assert_eq!((error.kind(), error.applied(), error.status()), (kind, applied, Some(status)), "{place}");
            if known {
                assert_eq!(error.retry_after(), Some(Duration::from_secs(9)), "{place}");
            }
        }
    }
    // What breaks off cannot show whose word it is: then only the media type that was asked for counts.
    for (media_type, applied) in [
        ("application/vnd.soa.v80+xml", Applied::No),
        ("application/json", Applied::Unknown),
        ("application/xml", Applied::Unknown),
    ] {
        let head = format!("HTTP/1.1 403 X\r\ncontent-type: {media_type}\r\ncontent-length: 99\r\n\r\n<");
        let server = Script::start(move |_, _| Reply::Closed(head.as_bytes().to_vec())).await;
        let akana = akana_builder(&server.uri).media_type(akana::MediaType::XmlV80).build().unwrap();
        let error = akana.apply_with("admin.acmepaymentscorp", &StatusChange::disable(), once).await.unwrap_err();
        assert_eq!(error.applied(), applied, "{media_type}: {error:?}");
    }
    let long = format!("{{\"error\":\"{}\"}}", "x".repeat(2 << 20));
    let server = Recorder::answering(403, &long).await;
    let mediconnect = mediconnect_builder(&server.uri()).assume_active(true).build().unwrap();
    let error = mediconnect.apply("42", &StatusChange::disable()).await.unwrap_err();
    assert_eq!((error.kind(), error.applied()), (ErrorKind::Forbidden, Applied::No), "{error:?}");
}

/// The error of a documented refusal says how long the system asked to wait, on every way to it.
#[tokio::test]
async fn how_long_a_refusal_asks_to_wait_is_in_the_error() {
    for status in [400, 401, 403, 404, 429] {
        let answer = json(status, "retry-after: 17\r\n", r#"{"error":"no"}"#);
        let server = Recorder::start(answer).await;
        let mediconnect: Mediconnect =
            mediconnect_builder(&server.uri()).assume_active(true).retry(RetryPolicy::never()).build().unwrap();
        let change = StatusChange::disable();
        let typed = mediconnect.client().toggle_user_status().id(42).body_map(|body| body.is_active(false));
        let read = mediconnect.client().get_admin_user().id(42);
        for error in [
            mediconnect.apply("42", &change).await.unwrap_err(),
            mediconnect.apply_and_verify("42", &change).await.unwrap_err(),
            mediconnect.status("42").await.unwrap_err(),
            Error::from(typed.send().await.unwrap_err()),
            Error::from(read.send().await.unwrap_err()),
        ] {
            assert_eq!(error.retry_after(), Some(Duration::from_secs(17)), "{status}: {error:?}");
            assert_eq!((error.applied(), error.status()), (Applied::No, Some(status)), "{error:?}");
        }
    }
}

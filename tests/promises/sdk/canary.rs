//! Secrets planted in everything that goes out and comes back show nowhere: with all logs switched on, on every way a
//! call can end.

use std::fmt::Debug;
use std::io::Write;
use std::sync::{Arc, Mutex};

use tracing_subscriber::util::SubscriberInitExt as _;
use user_status::systems::{
    Akana, Clearsquare, Mediconnect, Scim, Symphony, Userdocks, akana, clearsquare, mediconnect, scim, symphony,
    userdocks,
};
use user_status::{AccountSystem, CallOptions, RetryPolicy, StatusChange};
use user_status_tests::{Recorder, TestClock};

/// In every credential, and in every header and body that comes back.
const CANARY: &str = "canary-51b7c2";

/// In headers and in members that nobody knows, where a system might put another secret, such as a new session.
const FOREIGN: &str = "foreign-e09d44";

/// A credential comes back in other clothes: decoded, encoded, escaped.
#[tokio::test]
async fn a_credential_is_known_in_every_form_in_which_it_comes_back() {
    let token = "TokenID%3D\"a/b\\c\"";
    let forms = [
        "TokenID\\u00253D\\u0022a\\u002Fb\\\\c\\\"",
        "TokenID%253D%22a%2fb%5cc%22",
        "TokenID%3D\\\"a/b\\\\c\\\"",
        "TokenID%3D\\\"a\\/b\\\\c\\\"",
        "TokenID%253D%22a%2Fb%5Cc%22",
    ];
    for form in forms {
        let server = Recorder::answering(400, &format!("{{\"code\":1,\"message\":\"got {form}, sorry\"}}")).await;
        let symphony = Symphony::builder()
            .base_url(server.uri())
            .credentials(symphony::Credentials::session_token(token))
            .build()
            .unwrap();
        let error = symphony.apply("42", &StatusChange::disable()).await.unwrap_err();
        // A text that has anything of it is not shown at all.
        assert!(error.to_string().contains("[redacted] (code 1)"), "{form}: {error}");
    }
}

/// Where all logs go.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

fn answers() -> Vec<String> {
    let answer = |status: u16, content_type: &str, body: &str| {
        format!(
            "HTTP/1.1 {status} X\r\ncontent-type: {content_type}\r\nset-cookie: {CANARY}\r\nx-new-session: {FOREIGN}\r\nretry-after: 0\r\n\
             x-request-id: {CANARY}\r\nserver: {CANARY}\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        )
    };
    let json = "application/json";
    let everything = format!(
        "{{\"success\":true,\"error\":null,\"message\":\"{CANARY}\",\"faultstring\":\"{CANARY}\",\"faultcode\":\"{CANARY}\",\
         \"UserName\":\"{CANARY}\",\"Locked\":true,\"isActive\":true,\"isSuspended\":true,\"suspensionReason\":\"{CANARY}\",\
         \"schemas\":[\"{CANARY}\"],\"userName\":\"{CANARY}\",\"displayName\":\"{FOREIGN}\",\"active\":true,\
         \"meta\":{{\"version\":\"{CANARY}\"}},\"patch\":{{\"supported\":\"{CANARY}\"}},\
         \"data\":{{\"id\":\"{CANARY}\",\"freezed\":true}},\"{CANARY}\":\"{CANARY}\",\"newSession\":\"{FOREIGN}\"}}"
    );
    let refusal = format!(
        "{{\"error\":\"{CANARY}\",\"faultstring\":\"{CANARY}\",\"message\":\"{CANARY}\",\"code\":1,\
         \"schemas\":[\"urn:ietf:params:scim:api:messages:2.0:Error\"],\"detail\":\"{CANARY}\",\"newSession\":\"{FOREIGN}\"}}"
    );
    let mut answers = vec![
        answer(200, json, &everything),
        answer(
            200,
            json,
            &format!("{{\"success\":false,\"error\":\"{CANARY}\",\"status\":\"error\",\"message\":\"{CANARY}\"}}"),
        ),
        answer(200, json, &format!("\"{CANARY}\"")),
        answer(200, json, CANARY),
        answer(200, "text/html", CANARY),
        answer(200, "text/html", FOREIGN),
        answer(200, json, &format!("{{\"newSession\":\"{FOREIGN}\"}}")),
        answer(200, json, &format!("[\"{FOREIGN}\"]")),
        answer(502, "text/html", FOREIGN),
        answer(
            200,
            json,
            &format!(
                "{{\"Locked\":\"{CANARY}\",\"success\":\"{CANARY}\",\"isActive\":\"{CANARY}\",\"format\":[\"{CANARY}\"],\"message\":[\"{CANARY}\"]}}"
            ),
        ),
        answer(302, json, CANARY).replacen("set-cookie", &format!("location: https://{CANARY}/\r\nset-cookie"), 1),
        format!("HTTP/1.1 200 OK\r\ncontent-length: 999\r\n\r\n{CANARY}"),
        format!("{CANARY} is no HTTP\r\n\r\n"),
        String::new(),
    ];
    answers.extend([400, 401, 403, 404, 408, 409, 429, 500, 502, 503].map(|status| answer(status, json, &refusal)));
    answers.extend([401, 500].map(|status| answer(status, "text/html", CANARY)));
    answers
}

fn shown(log: &Log, what: &dyn Debug) {
    let mut log = log.clone();
    writeln!(log, "{what:?} {what:#?}").unwrap();
}

/// A server that answers in one way, and the clock of those who call it.
struct Way {
    server: Recorder,
    clock: Arc<TestClock>,
    /// `true` if no whole answer will ever come.
    hangs: bool,
}

async fn drive(log: &Log, way: &Way, system: &dyn AccountSystem, change: &StatusChange) {
    shown(log, &system);
    for policy in [RetryPolicy::never(), RetryPolicy::default()] {
        let options = CallOptions::default().with_retry(policy);
        let calls = async {
            let applied = system.apply_with("42", change, options).await;
            let status = system.status_with("42", options).await;
            (applied, status, system.apply_and_verify("42", change).await)
        };
        let mut calls = std::pin::pin!(calls);
        // The time of an attempt is over as soon as its request has arrived, where no whole answer will ever come.
        let mut seen = way.server.requests();
        let (applied, status, verified) = loop {
            tokio::select! {
                biased;
                results = &mut calls => break results,
                () = tokio::task::yield_now() => {
                    let requests = way.server.requests();
                    if way.hangs && requests > seen {
                        seen = requests;
                        way.clock.expire();
                    }
                }
            }
        };
        // What a receipt says of the account is the system's own words, and comes to the caller alone; what may be
        // printed of it is the rest.
        for receipt in [&applied, &verified].into_iter().flatten() {
            let mut log = log.clone();
            writeln!(log, "{} {:?} {:?}", receipt.proof, receipt.request_id, receipt.status).unwrap();
        }
        for error in [applied.err(), status.err(), verified.err()].into_iter().flatten() {
            shown(log, &error);
            shown(log, &error.raw());
            let mut next: Option<&dyn std::error::Error> = Some(&error);
            while let Some(error) = next {
                let mut log = log.clone();
                writeln!(log, "{error} {error:?}").unwrap();
                next = error.source();
            }
        }
    }
}

#[tokio::test]
async fn planted_secrets_show_nowhere() {
    let log = Log::default();
    let writer = log.clone();
    // For this thread, on which the whole of this test runs, connections included.
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing_subscriber::filter::LevelFilter::TRACE)
        .with_writer(move || writer.clone())
        .finish();
    let _guard = subscriber.set_default();
    let hook_log = log.clone();
    let default = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |info| {
        let mut log = hook_log.clone();
        let _ = writeln!(log, "{info}");
        default(info);
    }));

    let mut driven = 0;
    for answer in answers() {
        let hangs = answer.is_empty() || answer.contains("content-length: 999");
        let way = Way { server: Recorder::start(answer).await, clock: TestClock::new(), hangs };
        let (uri, clock) = (way.server.uri(), way.clock.clone());
        let change = StatusChange::disable();

        let credentials = userdocks::Credentials::api_key(CANARY, CANARY);
        shown(&log, &credentials);
        let builder = Userdocks::builder().base_url(&uri).clock(clock.clone()).credentials(credentials);
        shown(&log, &builder);
        drive(&log, &way, &builder.build().unwrap(), &change).await;
        let credentials = userdocks::Credentials::access_token(CANARY);
        let builder = Userdocks::builder().base_url(&uri).clock(clock.clone()).credentials(credentials);
        drive(&log, &way, &builder.build().unwrap(), &change).await;

        for media_type in [akana::MediaType::Json, akana::MediaType::Xml] {
            let credentials = akana::Credentials::session(CANARY, CANARY);
            shown(&log, &credentials);
            let builder = Akana::builder().base_url(&uri).clock(clock.clone()).tenant("acme").credentials(credentials);
            shown(&log, &builder);
            drive(&log, &way, &builder.media_type(media_type).build().unwrap(), &StatusChange::lock()).await;
        }

        let credentials = mediconnect::Credentials::token(CANARY);
        shown(&log, &credentials);
        let builder = Mediconnect::builder().base_url(&uri).clock(clock.clone()).credentials(credentials);
        shown(&log, &builder);
        drive(&log, &way, &builder.build().unwrap(), &StatusChange::suspend("why")).await;

        let credentials = symphony::Credentials::session_token(CANARY);
        shown(&log, &credentials);
        let builder = Symphony::builder().base_url(&uri).clock(clock.clone()).credentials(credentials);
        shown(&log, &builder);
        drive(&log, &way, &builder.build().unwrap(), &change).await;

        let credentials = clearsquare::Credentials::token(CANARY);
        shown(&log, &credentials);
        let builder = Clearsquare::builder().base_url(&uri).clock(clock.clone()).credentials(credentials);
        shown(&log, &builder);
        drive(&log, &way, &builder.build().unwrap(), &StatusChange::toggle()).await;

        for method in [scim::Method::Patch, scim::Method::Put] {
            let credentials = scim::Credentials::bearer(CANARY);
            shown(&log, &credentials);
            let builder = Scim::builder().base_url(&uri).clock(clock.clone()).credentials(credentials).method(method);
            shown(&log, &builder);
            drive(&log, &way, &builder.build().unwrap(), &change).await;
        }

        // The canary was there: it travelled, in headers and in bodies.
        let received = way.server.received();
        assert!(received.iter().any(|request| request.headers.iter().any(|(_, value)| value.contains(CANARY))));
        assert!(received.iter().any(|request| request.text().contains(CANARY)));
        driven += received.len();
    }
    assert!(driven > 500, "{driven}");

    // An address that holds a password is refused, and not shown either.
    let builder = Symphony::builder().base_url(format!("https://admin:{CANARY}@pod.example/pod?token={CANARY}"));
    let builder = builder.credentials(symphony::Credentials::session_token("a-session"));
    shown(&log, &builder);
    shown(&log, &builder.build().unwrap_err());

    let text = String::from_utf8_lossy(&log.0.lock().unwrap()).into_owned();
    for needed in ["user_status.call", "user_status.attempt", "hyper", "attempt ended", "call failed", "RawResponse"] {
        assert!(text.contains(needed), "`{needed}` is logged");
    }
    let found: Vec<&str> =
        text.lines().filter(|line| line.contains(CANARY) || line.contains(FOREIGN)).take(5).collect();
    assert!(found.is_empty(), "{found:#?}");
}

/// Traces name the operation, the attempt and the outcome, and the user only if they are told to.
#[tokio::test]
async fn traces_show_users_only_if_switched_on() {
    let server = Recorder::answering(200, r#"{"message":"OK"}"#).await;
    for (show, user) in [(false, "7000000000017"), (true, "7000000000018")] {
        let log = Log::default();
        let writer = log.clone();
        let subscriber = tracing_subscriber::fmt()
            .with_max_level(tracing_subscriber::filter::LevelFilter::DEBUG)
            .with_writer(move || writer.clone())
            .finish();
        let symphony = Symphony::builder()
            .base_url(server.uri())
            .credentials(symphony::Credentials::session_token("the-session"))
            .trace_users(show)
            .build()
            .unwrap();
        {
            let _guard = tracing::subscriber::set_default(subscriber);
            symphony.apply(user, &StatusChange::disable()).await.unwrap();
        }
        let text = String::from_utf8_lossy(&log.0.lock().unwrap()).into_owned();
        for part in ["updateUserStatus", "attempt=1", "decision=Stop", "status=200", "attempts=1"] {
            assert!(text.contains(part), "{part}: {text}");
        }
        assert_eq!(text.contains(user), show, "{text}");
    }
}

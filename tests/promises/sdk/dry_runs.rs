//! What is known before anything is changed: what would be refused, and what would be sent.

use std::error::Error;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use serde_json::Value;
use user_status::systems::{
    Akana, Clearsquare, Mediconnect, Symphony, Userdocks, akana, clearsquare, mediconnect, symphony, userdocks,
};
use user_status::{
    AccountSystem, Applied, BoxFuture, CredentialSource, DryRunRequest, ErrorKind, Limit, Proof, StatusChange, Wait,
};
use user_status_mock::{Exchange, Fault, RetryAfter, StandaloneServer, SystemKind, world};
use user_status_tests::{Recorder, TestClock};

use crate::support::systems;

/// The systems in all their variants, each with users that exist there.
fn variants(server: &StandaloneServer) -> Vec<(Box<dyn AccountSystem>, &'static str)> {
    let (to_akana, to_mediconnect, to_symphony) =
        (server.uri(SystemKind::Akana), server.uri(SystemKind::Mediconnect), server.uri(SystemKind::Symphony));
    let to_userdocks = server.uri(SystemKind::Userdocks);
    let client_id = server.credentials().userdocks.client_id;
    let key = userdocks::Credentials::api_key("mock-userdocks-write-key", client_id.as_str());
    let current = Userdocks::builder().base_url(to_userdocks.as_str()).credentials(key);
    let akana = || systems::akana_builder(&to_akana);
    let mediconnect = || systems::mediconnect_builder(&to_mediconnect);
    let flag = mediconnect::ActiveFlag::LeaveOut;
    vec![
        (Box::new(systems::userdocks(&to_userdocks)), world::USERDOCKS_USER),
        (Box::new(current.route(userdocks::Route::Current).app(client_id).build().unwrap()), world::USERDOCKS_USER),
        (Box::new(akana().build().unwrap()), world::AKANA_USER),
        (Box::new(akana().unlock_by_enabling(true).build().unwrap()), world::AKANA_USER),
        (Box::new(akana().media_type(akana::MediaType::XmlV80).build().unwrap()), world::AKANA_USER),
        (Box::new(mediconnect().build().unwrap()), "42"),
        (Box::new(mediconnect().assume_active(true).build().unwrap()), "42"),
        (Box::new(mediconnect().active_flag(flag).build().unwrap()), "42"),
        (Box::new(systems::symphony_builder(&to_symphony).build().unwrap()), "7215545078541"),
        (
            Box::new(systems::symphony_builder(&to_symphony).unit(symphony::Unit::Seconds).build().unwrap()),
            "7215545078541",
        ),
        (Box::new(systems::clearsquare(&server.uri(SystemKind::Clearsquare))), world::CLEARSQUARE_USER),
    ]
}

/// Changes that each system can make, cannot express, or cannot send.
fn changes() -> Vec<StatusChange> {
    let until = |end: &str| StatusChange::suspend("Leave").with_until(end.parse().unwrap());
    let read = |json: &str| serde_json::from_str(json).unwrap();
    vec![
        StatusChange::enable(),
        StatusChange::disable(),
        StatusChange::suspend("Leave"),
        read(r#"{"change":"suspend"}"#),
        systems::suspend_until(),
        until("1971-01-01T00:00:00Z"),
        until("2001-01-01T00:00:00Z"),
        until("2099-12-31T23:59:59.5Z"),
        until("2099-12-31T23:59:59.0005Z"),
        until("9000-01-01T00:00:00Z"),
        StatusChange::suspend(""),
        StatusChange::suspend("x".repeat(501)),
        read(r#"{"change":"enable","reason":"why"}"#),
        StatusChange::unsuspend(),
        StatusChange::lock(),
        StatusChange::lock().with_comment("Compromised"),
        StatusChange::lock().with_comment(""),
        StatusChange::lock().with_comment("x".repeat(2001)),
        StatusChange::lock().with_comment("a bell: \u{7}"),
        StatusChange::unlock(),
        StatusChange::toggle(),
    ]
}

/// `check` refuses exactly what `apply` refuses before anything is sent.
#[tokio::test]
async fn check_and_apply_refuse_the_same() {
    let server = systems::standalone_server().await;
    let (mut accepted, mut refused) = (0, 0);
    for (system, user) in variants(&server) {
        for user in [user, "42", "0", "-1", "007", "", ".", "..", "a/b", "a%2Fb", "a b", "ü", "9223372036854775808"] {
            for change in changes() {
                let what = format!("{system:?} {user:?} {change:?}");
                let before = server.total_requests();
                let checked = system.check(user, &change);
                assert_eq!(server.total_requests(), before, "{what}: a check sends nothing");
                let applied = system.apply(user, &change).await;
                let sent = server.total_requests() > before;
                match (checked, applied) {
                    (Err(checked), Err(applied)) => {
                        assert!(!sent && applied.attempts() == 0, "{what}: {checked}, and sent: {applied:?}");
                        assert_eq!((checked.kind(), checked.to_string()), (applied.kind(), applied.to_string()));
                        assert!(matches!(checked.kind(), ErrorKind::InvalidInput | ErrorKind::Unsupported), "{what}");
                        refused += 1;
                    }
                    (Err(checked), Ok(_)) => panic!("{what}: {checked}, and applied"),
                    (Ok(()), applied) => {
                        assert!(sent, "{what}: checked, and refused before it was sent: {applied:?}");
                        accepted += 1;
                    }
                }
            }
        }
    }
    assert!(accepted > 50 && refused > 500, "{accepted} accepted, {refused} refused");
}

/// Returns the requests that reached the server since a number of requests.
fn since(server: &StandaloneServer, before: u64) -> Vec<Exchange> {
    server.journal().into_iter().filter(|exchange| exchange.id > before).collect()
}

/// On the wire a dry run only reads, and what it shows is what then travels.
#[tokio::test]
async fn a_dry_run_changes_nothing_and_shows_what_would_be_sent() {
    let server = systems::standalone_server().await;
    let (mut sent, mut unchanged, mut failed) = (0, 0, 0);
    for (system, user) in variants(&server) {
        for user in [user, "43"] {
            // Each change twice: the second time the account is so already.
            for change in changes().into_iter().flat_map(|change| [change.clone(), change]) {
                let what = format!("{system:?} {user} {change:?}");
                let (before, world) = (server.total_requests(), server.snapshot().to_json());
                let dry = system.dry_run(user, &change).await;
                assert_eq!(server.snapshot().to_json(), world, "{what}");
                let reads = since(&server, before);
                assert!(
                    reads.iter().all(|read| read.method == "GET" && read.before == read.after),
                    "{what}: {reads:?}"
                );

                let before = server.total_requests();
                let applied = system.apply(user, &change).await;
                let requests = since(&server, before);
                let changing = requests.iter().rfind(|request| request.method != "GET");
                let dry_run = match dry {
                    Ok(dry_run) => dry_run,
                    Err(error) => {
                        let applied = applied.unwrap_err();
                        assert_eq!((error.kind(), error.to_string()), (applied.kind(), applied.to_string()), "{what}");
                        assert_eq!(error.applied(), Applied::No, "{what}");
                        assert!(changing.is_none(), "{what}: {error}, and {changing:?}");
                        failed += 1;
                        continue;
                    }
                };
                assert_eq!(reads.len(), requests.iter().filter(|request| request.method == "GET").count(), "{what}");
                assert_eq!((dry_run.system, dry_run.user.as_str()), (system.kind(), user));
                assert_eq!(dry_run.change, change);
                assert_eq!(dry_run.status.is_some(), !reads.is_empty(), "{what}: what is shown was read");
                match (&dry_run.request, changing) {
                    (Some(planned), Some(changing)) => {
                        is_the_same(planned, changing);
                        sent += 1;
                    }
                    (None, None) => {
                        let receipt = applied.unwrap();
                        assert_eq!((receipt.proof, Some(receipt.status)), (Proof::Unchanged, dry_run.status));
                        unchanged += 1;
                    }
                    (planned, changing) => panic!("{what}: {planned:?}, and {changing:?}"),
                }
            }
        }
    }
    assert!(sent > 50 && unchanged > 3 && failed > 100, "{sent} {unchanged} {failed}");
}

/// Method, URL, headers and body; in the place of credentials both sides have the same word.
#[track_caller]
fn is_the_same(planned: &DryRunRequest, sent: &Exchange) {
    assert_eq!(planned.method, sent.method);
    let path = planned.url.split('/').skip(3).fold(String::new(), |path, segment| path + "/" + segment);
    assert_eq!(path.strip_prefix("/pod").unwrap_or(&path), sent.target.strip_prefix("/pod").unwrap_or(&sent.target));
    let of_the_connection = |name: &str| ["host", "connection", "content-length"].contains(&name);
    let mut headers: Vec<_> = sent.headers.iter().filter(|(name, _)| !of_the_connection(name)).cloned().collect();
    let mut shown = planned.headers.clone();
    headers.sort();
    shown.sort();
    assert_eq!(shown, headers);
    let content_type = planned.headers.iter().find(|(name, _)| name == "content-type");
    match (&planned.body, content_type) {
        (Some(body), Some((_, xml))) if xml.ends_with("xml") => {
            for (name, value) in sent.body.as_ref().and_then(Value::as_object).unwrap() {
                let element = format!("<{name}>{}</{name}>", value.as_str().unwrap());
                assert!(body.contains(&element), "{element}: {body}");
            }
        }
        (Some(body), _) => assert_eq!(serde_json::from_str::<Value>(body).ok(), sent.body),
        (None, _) => assert_eq!(sent.body, None),
    }
}

/// No credential shows, short or long, wherever a caller repeats it.
#[tokio::test]
async fn a_dry_run_shows_no_credential() {
    for secret in ["canary-7f3a", "short", "canary%2F7f3a%3D", "canary&<7f3a>'x", "canary/7f3a=="] {
        let server = Recorder::answering(200, "{}").await;
        let uri = server.uri();
        let akana = |media_type| {
            let credentials = akana::Credentials::session(secret, secret);
            let builder = Akana::builder().base_url(&uri).tenant("acme").credentials(credentials);
            builder.media_type(media_type).build().unwrap()
        };
        let by_key = Userdocks::builder().base_url(&uri);
        let by_token = Userdocks::builder().base_url(&uri);
        let mediconnect = Mediconnect::builder().base_url(&uri).assume_active(true);
        let symphony = Symphony::builder().base_url(&uri);
        let clearsquare = Clearsquare::builder().base_url(&uri);
        // A caller may repeat what is a secret, and in other forms than the one that travels.
        let said =
            format!("{secret}, {} and {}", secret.replace("%2F", "/").replace("%3D", "="), secret.to_uppercase());
        let decoded = secret.replace("%2F", "/").replace("%3D", "=");
        let systems: Vec<(Box<dyn AccountSystem>, StatusChange)> = vec![
            (
                Box::new(by_key.credentials(userdocks::Credentials::api_key(secret, secret)).build().unwrap()),
                StatusChange::disable(),
            ),
            (
                Box::new(by_token.credentials(userdocks::Credentials::access_token(secret)).build().unwrap()),
                StatusChange::disable(),
            ),
            (Box::new(akana(akana::MediaType::Json)), StatusChange::lock().with_comment(said.as_str())),
            (Box::new(akana(akana::MediaType::Xml)), StatusChange::lock().with_comment(said.as_str())),
            (
                Box::new(mediconnect.credentials(mediconnect::Credentials::token(secret)).build().unwrap()),
                StatusChange::suspend(said.as_str()),
            ),
            (
                Box::new(symphony.credentials(symphony::Credentials::session_token(secret)).build().unwrap()),
                StatusChange::suspend(said.as_str()),
            ),
            (
                Box::new(clearsquare.credentials(clearsquare::Credentials::token(secret)).build().unwrap()),
                StatusChange::toggle(),
            ),
        ];
        for (system, change) in systems {
            let users = match system.kind() {
                user_status::SystemKind::MEDICONNECT | user_status::SystemKind::SYMPHONY => vec!["42"],
                // An id may be a secret by mistake; one of these characters can be in an id.
                _ => vec!["u", secret],
            };
            for user in users.into_iter().filter(|user| system.check(user, &change).is_ok()) {
                let request = system.dry_run(user, &change).await.unwrap().request.unwrap();
                // As an element of XML has it.
                let escapes = [("&", "&amp;"), ("<", "&lt;"), (">", "&gt;"), ("'", "&apos;")];
                let xml_escaped = escapes.iter().fold(decoded.clone(), |text, (from, to)| text.replace(from, to));
                for text in [request.to_string(), format!("{request:?}"), serde_json::to_string(&request).unwrap()] {
                    // One that is short shows where the caller wrote it, and only there.
                    let text = match secret.len() < 8 {
                        true => text
                            .replace(&said, "")
                            .replace(&format!("/{secret}"), "")
                            .replace(&format!("\"{secret}"), ""),
                        false => text,
                    };
                    for form in [secret, &decoded, &xml_escaped] {
                        assert!(!text.contains(form), "{form}: {text}");
                    }
                    assert!(text.contains("[redacted]"), "{text}");
                }
            }
        }
        assert_eq!(server.connections(), 0, "nothing was sent");
    }
}

/// Returns what a dry run reads is read under the limits, with the credentials and the patience of any other call.
#[tokio::test]
async fn a_dry_run_reads_as_any_call_does() {
    struct Source(AtomicU32);
    impl CredentialSource<mediconnect::Credentials> for Source {
        fn credentials(&self) -> BoxFuture<'_, Result<mediconnect::Credentials, Box<dyn Error + Send + Sync>>> {
            let calls = self.0.fetch_add(1, Ordering::SeqCst);
            Box::pin(async move {
                match calls {
                    0 => Ok(mediconnect::Credentials::token("an-expired-token")),
                    1 => Ok(mediconnect::Credentials::token("mock-mediconnect-admin-token")),
                    _ => Err("the vault is sealed".into()),
                }
            })
        }
    }
    let (server, clock) = (systems::standalone_server().await, TestClock::new());
    let builder = Mediconnect::builder().base_url(server.uri(SystemKind::Mediconnect));
    let builder = builder.credential_source(Source(AtomicU32::new(0))).limit(Limit::default().per_second(1.0));
    let mediconnect = builder.clock(clock.clone()).build().unwrap();
    server.fault(Fault::rate_limited(RetryAfter::Seconds(7)).times(1)).unwrap();
    let dry_run = mediconnect.dry_run("42", &StatusChange::suspend("Leave")).await.unwrap();
    let (_, status) = (dry_run.request.unwrap(), dry_run.status.unwrap());
    assert_eq!(status.enabled, Some(true));
    assert_eq!(server.requests("getAdminUser"), 3, "too many requests, the old token, the new one");
    assert_eq!(clock.waits(Wait::Backoff), [Duration::from_secs(7)]);
    assert!(!clock.waits(Wait::RateLimit).is_empty());

    server
        .fault(Fault::response(401, serde_json::json!({ "error": "Invalid token" })).on_system(SystemKind::Mediconnect))
        .unwrap();
    let error = mediconnect.dry_run("42", &StatusChange::suspend("Leave")).await.unwrap_err();
    assert_eq!((error.kind(), error.applied()), (ErrorKind::Credentials, Applied::No), "{error:?}");
    assert_eq!(server.requests("toggleUserStatus"), 0);
}

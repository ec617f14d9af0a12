//! A fact that the system has and that was not understood is not known, and shown as it came.

use serde_json::json;
use user_status::bulk::{InvalidRows, Journal, JournalEntry, JournalReader, Row, RowState, Runner, undo};
use user_status::systems::{akana, mediconnect::ActiveFlag};
use user_status::{AccountStatus, AccountSystem, Applied, ErrorKind, Proof, Registry, StatusChange};
use user_status_mock::world;
use user_status_tests::Recorder;

use crate::support::systems::{akana_builder, mediconnect_builder, symphony_builder, userdocks};

type Build = fn(&str) -> Box<dyn AccountSystem>;

const SYMPHONY: (&str, Build) = ("42", |uri| Box::new(symphony_builder(uri).build().unwrap()));
const MEDICONNECT: (&str, Build) =
    ("42", |uri| Box::new(mediconnect_builder(uri).active_flag(ActiveFlag::Assume(true)).build().unwrap()));
const AKANA: (&str, Build) = (world::AKANA_USER, |uri| Box::new(akana_builder(uri).build().unwrap()));
const AKANA_XML: (&str, Build) =
    (world::AKANA_USER, |uri| Box::new(akana_builder(uri).media_type(akana::MediaType::Xml).build().unwrap()));
const USERDOCKS: (&str, Build) = (world::USERDOCKS_USER, |uri| Box::new(userdocks(uri)));

async fn answering(xml: bool, body: &str) -> Recorder {
    let media_type = if xml { "application/xml" } else { "application/json" };
    let length = body.len();
    Recorder::start(format!("HTTP/1.1 200 OK\r\ncontent-type: {media_type}\r\ncontent-length: {length}\r\n\r\n{body}"))
        .await
}

/// Answers to a read, and what is not understood in them: the member and its value as it is shown.
fn odd() -> Vec<((&'static str, Build), &'static str, &'static str, &'static str)> {
    vec![
        (SYMPHONY, r#"{"status":"TERMINATED","suspended":false}"#, "status", "TERMINATED"),
        (SYMPHONY, r#"{"status":"LOCKED"}"#, "status", "LOCKED"),
        (SYMPHONY, r#"{"status":"disabled","suspended":false}"#, "status", "disabled"),
        (SYMPHONY, r#"{"status":"Enabled","suspended":true}"#, "status", "Enabled"),
        (SYMPHONY, r#"{"status":" ENABLED"}"#, "status", " ENABLED"),
        (SYMPHONY, r#"{"status":"","suspended":false}"#, "status", ""),
        (SYMPHONY, r#"{"status":null,"suspended":false}"#, "status", "null"),
        (SYMPHONY, r#"{"status":1,"suspended":false}"#, "status", "1"),
        (SYMPHONY, r#"{"status":["ENABLED"],"suspended":false}"#, "status", r#"["ENABLED"]"#),
        (SYMPHONY, r#"{"status":"ENABLED","suspended":"no"}"#, "suspended", "no"),
        (SYMPHONY, r#"{"status":"ENABLED","suspended":null}"#, "suspended", "null"),
        (SYMPHONY, r#"{"status":"ENABLED","suspended":true,"suspendedUntil":"soon"}"#, "suspendedUntil", "soon"),
        (SYMPHONY, r#"{"status":"ENABLED","suspended":true,"suspendedUntil":1e999}"#, "suspendedUntil", "1e999"),
        (SYMPHONY, r#"{"status":"ENABLED","suspended":true,"suspendedUntil":1.5}"#, "suspendedUntil", "1.5"),
        (SYMPHONY, r#"{"status":"ENABLED","suspended":true,"suspensionReason":7}"#, "suspensionReason", "7"),
        (MEDICONNECT, r#"{"id":42,"isActive":"no","isSuspended":false}"#, "isActive", "no"),
        (MEDICONNECT, r#"{"id":42,"isActive":0,"isSuspended":false}"#, "isActive", "0"),
        (MEDICONNECT, r#"{"user":{"id":42,"isActive":"true","isSuspended":false}}"#, "isActive", "true"),
        (MEDICONNECT, r#"{"id":42,"isActive":true,"isSuspended":"false"}"#, "isSuspended", "false"),
        (
            MEDICONNECT,
            r#"{"isActive":true,"user":{"isActive":false,"isSuspended":false}}"#,
            "isActive",
            "true and false",
        ),
        (AKANA, r#"{"Disabled":"maybe","Locked":false}"#, "Disabled", "maybe"),
        (AKANA, r#"{"Disabled":"true","Locked":false}"#, "Disabled", "true"),
        (AKANA, r#"{"Disabled":false,"Locked":null}"#, "Locked", "null"),
        (AKANA_XML, "<User><Disabled>maybe</Disabled><Locked>false</Locked></User>", "Disabled", "maybe"),
        (AKANA_XML, "<User><Disabled>TRUE</Disabled></User>", "Disabled", "TRUE"),
        (AKANA_XML, "<User><Disabled/><Locked>false</Locked></User>", "Disabled", ""),
        (AKANA_XML, "<User><Disabled><a>true</a></Disabled></User>", "Disabled", r#"{"a":"true"}"#),
        (USERDOCKS, r#"{"success":true,"error":null,"data":{"freezed":1}}"#, "freezed", "1"),
        (USERDOCKS, r#"{"success":true,"error":null,"data":{"freezed":"true"}}"#, "freezed", "true"),
        (USERDOCKS, r#"{"success":true,"error":null,"data":{"freezed":false,"deleted":"yes"}}"#, "deleted", "yes"),
        (USERDOCKS, r#"{"success":true,"error":null,"data":{"freezed":false,"deleted":null}}"#, "deleted", "null"),
    ]
}

#[tokio::test]
async fn what_was_not_understood_is_not_known_and_shown_as_it_came() {
    for ((user, build), body, member, value) in odd() {
        let server = answering(body.starts_with('<'), body).await;
        let system = build(&server.uri());
        let status = system.status(user).await.unwrap_or_else(|error| panic!("{body}: {error:?}"));
        assert_eq!(status.unrecognized.get(member).map(String::as_str), Some(value), "{body}: {status:?}");
        assert_eq!(system.can_sign_in(&status), None, "{body}");
        assert!(status.to_string().contains(&format!("unknown ({member}: {value})")), "{body}: {status}");
        let json = serde_json::to_value(&status).unwrap();
        assert_eq!(json["unrecognized"][member], value, "{json}");
        assert_eq!(serde_json::from_value::<AccountStatus>(json).unwrap(), status);
        // It answers no question that the member would answer.
        let changes = match member {
            "isSuspended" | "suspended" => vec![StatusChange::suspend("x"), StatusChange::unsuspend()],
            "suspendedUntil" | "suspensionReason" => vec![StatusChange::suspend("x")],
            "Locked" => vec![StatusChange::lock(), StatusChange::unlock()],
            _ => vec![StatusChange::enable(), StatusChange::disable()],
        };
        for change in changes {
            assert_eq!(status.shows(&change), None, "{body}: {change}");
        }
    }
}

/// What is shown of it is short, and on one line.
#[tokio::test]
async fn what_came_is_shown_shortened_and_escaped() {
    let body = json!({ "status": format!("A\u{1b}[31m\n{}", "x".repeat(10_000)), "suspended": false }).to_string();
    let server = answering(false, &body).await;
    let status = symphony_builder(&server.uri()).build().unwrap().status("42").await.unwrap();
    let shown = &status.unrecognized["status"];
    assert!(shown.starts_with("A\\u{1b}[31m\\nxxx") && shown.chars().count() <= 101, "{shown}");
}

/// An answer that says nothing of the account is no account.
#[tokio::test]
async fn a_read_that_says_nothing_is_an_error() {
    for (user, build) in [SYMPHONY, MEDICONNECT, AKANA, USERDOCKS] {
        for body in ["{}", r#"{"login":"please"}"#, r#"{"success":true}"#] {
            let server = answering(false, body).await;
            let error = build(&server.uri()).status(user).await.unwrap_err();
            assert_eq!(
                (error.kind(), error.applied()),
                (ErrorKind::UnexpectedResponse, Applied::No),
                "{body}: {error:?}"
            );
        }
    }
}

/// The rows of a run, after it.
async fn run(runner: &Runner, registry: &Registry, rows: Vec<Row>) -> Vec<JournalEntry> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run.sqlite");
    let rows = futures_util::stream::iter(rows.into_iter().map(Ok));
    let (journal, _) = Journal::create(&path, "test", registry, rows, InvalidRows::Refuse, |_| {}).await.unwrap();
    runner.run(journal).await.unwrap();
    JournalReader::open(&path).unwrap().entries().map(Result::unwrap).collect()
}

/// A read-back that was not understood is told, and is no proof.
#[tokio::test]
async fn a_read_back_that_was_not_understood_is_told() {
    use tokio::io::AsyncWriteExt as _;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let uri = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                while let Some(message) = user_status_tests::read_message(&mut stream).await {
                    let body = match message.first_line.starts_with("GET ") {
                        true => r#"{"status":"TERMINATED","suspended":false}"#,
                        false => r#"{"message":"OK"}"#,
                    };
                    let head = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length";
                    let answer = format!("{head}: {}\r\n\r\n{body}", body.len());
                    if stream.write_all(answer.as_bytes()).await.is_err() {
                        break;
                    }
                }
            });
        }
    });
    let symphony = symphony_builder(&uri).build().unwrap();
    let receipt = symphony.apply_and_verify("42", &StatusChange::disable()).await.unwrap();
    assert_eq!(receipt.proof, Proof::Accepted);
    assert_eq!(receipt.status.to_string(), "unknown (status: TERMINATED)");

    // In a run the row says so, and what it expects to find is not known to be there.
    let registry = std::sync::Arc::new(Registry::default().with("pod", symphony_builder(&uri).build().unwrap()));
    let runner = Runner::new(registry.clone()).passes(1);
    let mut expecting = Row::new("pod", "43", StatusChange::disable());
    expecting.expected = Some(AccountStatus { enabled: Some(true), ..AccountStatus::default() });
    let rows = [Row::new("pod", "42", StatusChange::disable()), expecting.clone()];
    let entries = run(&runner, &registry, rows.to_vec()).await;
    assert_eq!(entries[0].state, RowState::Accepted);
    let message = entries[0].outcome.message.as_deref().unwrap();
    assert!(message.contains("TERMINATED") && message.contains("not understood"), "{message}");
    assert_eq!(entries[0].outcome.reason.as_deref(), Some("not_understood"));
    assert!(undo(&entries[0]).is_err(), "what the account was before is not known");
    assert_eq!((entries[1].state, entries[1].outcome.attempts), (RowState::Failed, 0));
    assert!(entries[1].outcome.message.as_deref().unwrap().contains("TERMINATED"), "{:?}", entries[1]);

    use futures_util::StreamExt as _;
    let planned: Vec<_> = runner.plan(futures_util::stream::iter([expecting])).collect().await;
    let user_status::bulk::Step::Refused(error) = &planned[0].step else { panic!("{planned:?}") };
    assert!(error.to_string().contains("TERMINATED"), "{error}");
}

/// Where the account is read first, and what it is was not understood, nothing is sent.
#[tokio::test]
async fn what_was_not_understood_is_not_written_over() {
    let server = answering(false, r#"{"id":42,"isActive":"no","isSuspended":false}"#).await;
    let mediconnect = mediconnect_builder(&server.uri()).build().unwrap();
    let error = mediconnect.apply("42", &StatusChange::suspend("Leave")).await.unwrap_err();
    assert_eq!((error.kind(), error.applied()), (ErrorKind::UnexpectedResponse, Applied::No), "{error:?}");
    assert!(error.to_string().contains("unknown (isActive: no)"), "{error}");
    assert!(server.received().iter().all(|request| request.first_line.starts_with("GET ")));

    let server = answering(false, r#"{"UserID":"u","Disabled":"no","Locked":true}"#).await;
    let akana = akana_builder(&server.uri()).unlock_by_enabling(true).build().unwrap();
    let error = akana.apply("u", &StatusChange::unlock()).await.unwrap_err();
    assert_eq!((error.kind(), error.applied()), (ErrorKind::Unsupported, Applied::No), "{error:?}");
}

//! The log: one line for each call that failed, and none above it for one that did not.

use std::fmt::Write as _;
use std::sync::{Arc, Mutex};

use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt as _};
use tracing_subscriber::util::SubscriberInitExt as _;
use user_status::systems::{Symphony, symphony};
use user_status::{AccountSystem, Applied, CallOptions, Error, RetryPolicy, StatusChange};
use user_status_tests::Recorder;

use crate::support::script::{Reply, Script, json};
use crate::support::systems::*;

const USER: &str = "7215545078541";

/// What was written above DEBUG: the level and the text with all fields.
#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<(Level, String)>>>);

impl<S: Subscriber> Layer<S> for Lines {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let metadata = event.metadata();
        if metadata.target().starts_with("user_status") && *metadata.level() <= Level::INFO {
            let mut text = Text::default();
            event.record(&mut text);
            self.0.lock().unwrap().push((*metadata.level(), text.0));
        }
    }
}

#[derive(Default)]
struct Text(String);

impl Visit for Text {
    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        write!(self.0, "{field}={value:?} ").unwrap();
    }
}

impl Lines {
    fn start() -> (Lines, tracing::subscriber::DefaultGuard) {
        let lines = Lines::default();
        let guard = tracing_subscriber::registry().with(lines.clone()).set_default();
        (lines, guard)
    }

    /// The lines since the last time: exactly the one that belongs to the result of a call.
    #[track_caller]
    fn tell<T>(&self, what: &str, result: &Result<T, Error>) {
        let lines = std::mem::take(&mut *self.0.lock().unwrap());
        for (_, line) in &lines {
            assert!(!line.contains("mock-") && !line.contains(USER) && !line.contains("the words"), "{what}: {line}");
        }
        let levels: Vec<Level> = lines.iter().map(|(level, _)| *level).collect();
        match result.as_ref().err().map(Error::applied) {
            None => assert!(levels.is_empty(), "{what}: {lines:?}"),
            Some(Applied::No) => assert_eq!(levels, [Level::WARN], "{what}: {lines:?}"),
            Some(Applied::Unknown) => {
                assert_eq!(levels, [Level::ERROR], "{what}: {lines:?}");
                assert!(lines[0].1.contains("before you try again"), "{what}: {lines:?}");
            }
        }
    }
}

#[tokio::test]
async fn each_failed_call_leaves_one_line() {
    let (lines, _guard) = Lines::start();
    let disable = StatusChange::disable();
    let words = r#"{"message":"the words","code":7}"#;
    for (what, answer) in [
        ("documented refusals", json(400, "", words)),
        ("credentials", json(401, "", words)),
        ("a documented failure", json(500, "", words)),
        ("a gateway's", json(502, "", words)),
        ("a cached one", json(200, "age: 7\r\n", words)),
        ("a broken one", json(200, "", "{")),
        ("a refusal in a success", json(200, "", words)),
        ("a redirect", json(302, "", words)),
        ("one that is too late", json(429, "retry-after: 3600\r\n", words)),
        ("one that contradicts itself", json(200, "", r#"{"status":"ENABLED","message":"OK"}"#)),
        ("a lost one", b"HTTP/1.1 200 X\r\ncontent-length: 9\r\n\r\n{".to_vec()),
        ("nothing", Vec::new()),
    ] {
        let server = Script::start(move |_, _| Reply::Closed(answer.clone())).await;
        for (repeats, policy) in [(1, RetryPolicy::never()), (3, RetryPolicy::default().with_attempts(3))] {
            let what = format!("{what}, {repeats} attempts");
            let builder = symphony_builder(&server.uri).retry(policy).clock(user_status_tests::TestClock::new());
            let symphony = builder.build().unwrap();
            lines.tell(&what, &symphony.apply(USER, &disable).await);
            lines.tell(&what, &symphony.apply_and_verify(USER, &disable).await);
            lines.tell(&what, &symphony.status(USER).await);
            let id: i64 = USER.parse().unwrap();
            let read = symphony.client().get_user_status().uid(id).send().await;
            lines.tell(&what, &read.map_err(Error::from));
            let change = symphony.client().update_user_status().uid(id).body_map(|body| body.suspended(true));
            lines.tell(&what, &change.send().await.map_err(Error::from));
            let typed = symphony.client().update_user_status().uid(id).body_map(|body| body.suspended(true));
            let typed = CallOptions::default().run(typed.send()).await;
            lines.tell(&what, &typed.map_err(Error::from));
            let (akana, clearsquare) = (akana_builder(&server.uri), clearsquare_builder(&server.uri));
            let clock = user_status_tests::TestClock::new();
            let akana = akana.retry(policy).clock(clock.clone()).build().unwrap();
            lines.tell(&what, &akana.apply_and_verify("u", &StatusChange::lock()).await);
            let userdocks = userdocks(&server.uri);
            lines.tell(
                &what,
                &userdocks.apply_with("u", &disable, CallOptions::default().with_retry(RetryPolicy::never())).await,
            );
            let clearsquare = clearsquare.retry(policy).clock(clock.clone()).build().unwrap();
            lines.tell(&what, &clearsquare.apply("u", &StatusChange::toggle()).await);
            let mediconnect = mediconnect_builder(&server.uri).retry(policy).clock(clock).build().unwrap();
            lines.tell(&what, &mediconnect.apply_and_verify("42", &disable).await);
            lines.tell(&what, &mediconnect.dry_run("42", &disable).await);
        }
    }

    // Before anything is sent.
    let nowhere = symphony_builder("http://127.0.0.1:1").retry(RetryPolicy::never()).build().unwrap();
    lines.tell("no id", &nowhere.apply("jane", &disable).await);
    lines.tell("no change of this system", &nowhere.apply(USER, &StatusChange::lock()).await);
    lines.tell("no connection", &nowhere.apply_and_verify(USER, &disable).await);
    lines.tell(
        "no time",
        &nowhere.apply_with(USER, &disable, CallOptions::default().with_total_timeout(std::time::Duration::ZERO)).await,
    );
    lines.tell("no read", &clearsquare("http://127.0.0.1:1").status("u").await);
    lines.tell("nothing to send", &nowhere.dry_run(USER, &disable).await);

    // The account contradicts what was said.
    let server = Recorder::answering(200, r#"{"status":"ENABLED","message":"OK","suspended":false}"#).await;
    let builder = symphony_builder(&server.uri()).clock(user_status_tests::TestClock::new());
    let result = builder.build().unwrap().apply_and_verify(USER, &disable).await;
    assert!(result.as_ref().unwrap_err().is_contradicted());
    lines.tell("contradicted", &result);

    // And what a call is made of is not told when the whole did well.
    let server = Script::start(|number, request| match (request.starts_with("get"), number) {
        (false, _) => Reply::Closed(Vec::new()),
        _ => Reply::Kept(json(200, "", r#"{"status":"DISABLED"}"#)),
    })
    .await;
    let builder = symphony_builder(&server.uri).retry(RetryPolicy::never());
    lines.tell("lost, and verified", &builder.build().unwrap().apply_and_verify(USER, &disable).await);
    lines.tell("a read", &symphony_builder(&server.uri).build().unwrap().status(USER).await);
}

/// Whoever drops a call cannot tell what became of it; and nobody else can.
#[tokio::test]
async fn a_change_that_is_dropped_leaves_one_line() {
    let (lines, _guard) = Lines::start();
    let server = Script::start(|_, _| Reply::Never).await;
    let builder = Symphony::builder().credentials(symphony::Credentials::session_token("mock-token"));
    let symphony = builder.base_url(&server.uri).build().unwrap();
    for (number, read) in [(1, false), (2, true)] {
        let change = StatusChange::disable();
        let call = async {
            match read {
                true => symphony.status(USER).await.map(drop),
                false => symphony.apply_and_verify(USER, &change).await.map(drop),
            }
        };
        let arrived = async {
            while server.requests().len() < number {
                tokio::task::yield_now().await;
            }
        };
        tokio::select! {
            _ = call => panic!("nobody answers"),
            () = arrived => {}
        }
        let told = std::mem::take(&mut *lines.0.lock().unwrap());
        match read {
            true => assert!(told.is_empty(), "{told:?}"),
            false => {
                assert_eq!(told.iter().map(|(level, _)| *level).collect::<Vec<_>>(), [Level::ERROR]);
                assert!(told[0].1.contains("was dropped") && !told[0].1.contains(USER), "{told:?}");
            }
        }
    }
}

/// Also while it is read back after a lost answer.
#[tokio::test]
async fn a_change_that_is_dropped_while_it_is_read_back_leaves_one_line() {
    let (lines, _guard) = Lines::start();
    let server = Script::start(|_, request| match request.starts_with("get") {
        true => Reply::Never,
        false => Reply::Closed(Vec::new()),
    })
    .await;
    let symphony = symphony_builder(&server.uri).retry(RetryPolicy::never()).build().unwrap();
    let change = StatusChange::disable();
    let arrived = async {
        while server.requests().len() < 2 {
            tokio::task::yield_now().await;
        }
    };
    tokio::select! {
        _ = symphony.apply_and_verify(USER, &change) => panic!("nobody answers"),
        () = arrived => {}
    }
    let told = lines.0.lock().unwrap().clone();
    assert_eq!(told.iter().map(|(level, _)| *level).collect::<Vec<_>>(), [Level::ERROR], "{told:?}");
}

/// The account is named only where that was allowed.
#[tokio::test]
async fn the_account_is_named_only_if_that_was_allowed() {
    let (lines, _guard) = Lines::start();
    let server = Recorder::answering(400, "{}").await;
    let builder = symphony_builder(&server.uri()).trace_users(true);
    builder.build().unwrap().apply(USER, &StatusChange::disable()).await.unwrap_err();
    let told = lines.0.lock().unwrap().clone();
    assert!(told.len() == 1 && told[0].1.contains(USER), "{told:?}");
}

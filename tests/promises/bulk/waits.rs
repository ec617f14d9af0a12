//! A run before a system that asks for time: nothing is sent to it before, and it is said for what the run waits.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use futures_util::stream;
use tempfile::TempDir;
use user_status::bulk::{
    Boundary, BreakerPolicy, Event, InvalidRows, Journal, JournalEntry, JournalReader, PauseReason, Row, RowState,
    Runner, Summary,
};
use user_status::{Clock as _, Limit, Registry, RetryPolicy, StatusChange};
use user_status_mock::{Fault, Options, RetryAfter, StandaloneServer, SystemKind};
use user_status_tests::TestClock;

use crate::support::script::{Reply, Script, json};
use crate::support::systems;

const ROWS: u64 = 40;

fn user(number: u64) -> String {
    (7_300_000_000_000 + number).to_string()
}

/// A pod with accounts, the times at which it got requests, and a run that disables them all.
struct Pod {
    server: StandaloneServer,
    clock: Arc<TestClock>,
    asked_at: Arc<Mutex<Vec<Duration>>>,
    /// The number of requests that had arrived when the run first said that it is asked to wait.
    arrived_before: Arc<OnceLock<usize>>,
    registry: Arc<Registry>,
    path: PathBuf,
    _folder: TempDir,
}

impl Pod {
    async fn new(limit: Limit) -> Pod {
        let (clock, asked_at) = (TestClock::new(), Arc::new(Mutex::new(Vec::new())));
        let (shows, noted) = (clock.clone(), asked_at.clone());
        let options = Options::new().on_request(move |_, exchange| {
            if exchange.system == Some(SystemKind::Symphony) {
                noted.lock().unwrap().push(shows.now());
            }
        });
        let server = StandaloneServer::start_with(options).await.unwrap();
        for number in 0..ROWS {
            server.put_user(SystemKind::Symphony, &user(number), &serde_json::json!({})).unwrap();
        }
        let builder = systems::symphony_builder(&server.uri(SystemKind::Symphony)).clock(clock.clone()).limit(limit);
        let registry = Arc::new(Registry::default().with("pod", builder.build().unwrap()));
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("run.sqlite");
        let rows = (0..ROWS).map(|number| Ok(Row::new("pod", user(number), StatusChange::disable())));
        drop(
            Journal::create(&path, "a test", &registry, stream::iter(rows), InvalidRows::Refuse, |_| {}).await.unwrap(),
        );
        Pod { server, clock, asked_at, arrived_before: Arc::default(), registry, path, _folder: folder }
    }

    /// A session of the run, and the lines of what was said of waits.
    async fn session(&self, set: impl FnOnce(Runner) -> Runner) -> (Summary, Vec<String>) {
        let said = Arc::new(Mutex::new(Vec::new()));
        let says = said.clone();
        let (asked_at, arrived_before) = (self.asked_at.clone(), self.arrived_before.clone());
        let runner = Runner::new(self.registry.clone()).clock(self.clock.clone()).on_event(move |event| match event {
            Event::Paused { system, reason, until, .. } => {
                let why = if *reason == PauseReason::Asked { "asked" } else { "fails" };
                if *reason == PauseReason::Asked {
                    arrived_before.get_or_init(|| asked_at.lock().unwrap().len());
                }
                says.lock().unwrap().push(format!("{system} {why} {until}"));
            }
            Event::Abandoned { system, why } => says.lock().unwrap().push(format!("{system} given up: {why}")),
            _ => {}
        });
        let summary = set(runner).run(Journal::open(&self.path).unwrap()).await.unwrap();
        let said = said.lock().unwrap().clone();
        (summary, said)
    }

    fn asked_at(&self) -> Vec<Duration> {
        self.asked_at.lock().unwrap().clone()
    }

    /// The instant at which the clock shows so much.
    fn at(&self, seconds: i64) -> String {
        jiff::Timestamp::from_second(TestClock::START + seconds).unwrap().to_string()
    }
}

fn messages(path: &Path) -> Vec<String> {
    let reader = JournalReader::open(path).unwrap();
    reader.entries().filter_map(|entry| entry.unwrap().outcome.message).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn no_row_is_sent_before_the_time_that_the_system_named() {
    // With limits that learn, and with none; a time that a call waits for itself, and one that only the run waits for.
    for limit in [Limit::default(), Limit::default().adaptive()] {
        for asked in [40, 120, 600] {
            for max_in_flight in [1, 8] {
                let pod = Pod::new(limit).await;
                pod.server.fault(Fault::rate_limited(RetryAfter::Seconds(asked)).times(1)).unwrap();
                let (summary, said) = pod.session(|runner| runner.max_in_flight(max_in_flight)).await;
                assert_eq!(summary.counts[RowState::Confirmed], ROWS, "{asked}: {}", summary.counts);
                let named = Duration::from_secs(asked);
                // The clock stands until somebody waits. Once the refusal is read, only those arrive that were on their way
                // together with it; how many were answered before it was read is for the machine to say.
                let within = pod.asked_at().into_iter().filter(|at| *at < named).count();
                let known = *pod.arrived_before.get().expect("it was said that the pod asks to wait");
                let after = within.saturating_sub(known);
                assert!(after < max_in_flight, "{limit:?} {asked} {max_in_flight}: {after} requests after it was read");
                let until = pod.at(i64::try_from(asked).unwrap());
                assert!(said.iter().any(|said| *said == format!("pod asked {until}")), "{said:?}");
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_system_that_asks_for_longer_than_the_run_waits_is_given_up_with_the_time() {
    let pod = Pod::new(Limit::default().adaptive()).await;
    pod.server.fault(Fault::rate_limited(RetryAfter::Seconds(1000))).unwrap();
    let until = pod.at(1000);
    let (summary, said) = pod.session(|runner| runner.max_in_flight(1)).await;
    let requests = pod.asked_at().len();
    assert!(requests <= 2, "{requests} requests after a refusal for a quarter of an hour and more");
    let why = &summary.given_up["pod"];
    assert!(why.contains("17 min") && why.contains(&until) && why.contains("resume"), "{why}");
    assert_eq!(said, [format!("pod given up: {why}")]);
    assert!(summary.counts[RowState::Pending] >= ROWS - 2, "{}", summary.counts);
    let messages = messages(&pod.path);
    assert!(!messages.is_empty() && messages.iter().all(|message| message.contains(&until)), "{messages:?}");

    // Who resumes it too early is told the same, and nothing is sent; who waits for as long gets all of it done.
    pod.server.clear_faults();
    let (summary, _) = pod.session(|runner| runner).await;
    assert!(summary.given_up["pod"].contains(&until), "{:?}", summary.given_up);
    assert_eq!(pod.asked_at().len(), requests, "it was asked again within the time that it named");
    let (summary, said) = pod.session(|runner| runner.max_wait(Duration::from_secs(1000))).await;
    assert_eq!(summary.counts[RowState::Confirmed], ROWS, "{}", summary.counts);
    assert_eq!(said, [format!("pod asked {until}")]);
    assert!(pod.asked_at()[requests..].iter().all(|at| *at >= Duration::from_secs(1000)));
}

/// The row that tries a system is about to leave when another row, sent before, is told to wait. It is not sent, and leaves the
/// try to another row; else the run waits for ever for the end of a try that nobody makes.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_try_that_is_not_sent_is_made_by_another_row() {
    const ROWS: u64 = 8;
    // Two rows may be on their way, and two more wait for that; the next one is the one that tries the system.
    const FIRST: usize = 4;
    const TRIES: i64 = 5;
    let [is_here, are_begun, is_about_to_leave, rests]: [Arc<OnceLock<()>>; 4] = Default::default();
    let (arrived, begun, held) = (is_here.clone(), are_begun.clone(), is_about_to_leave.clone());
    // The first request is refused for a time, and not before another row is about to try the system; those with it fail. Which
    // of the first rows comes first is chance.
    let script = Script::start(move |number, request| {
        let no = r#"{"code":500,"message":"not now"}"#;
        Reply::Kept(if number == 0 {
            let _ = arrived.set(());
            tokio::task::block_in_place(|| held.wait());
            json(429, "retry-after: 30\r\n", no)
        } else if number < FIRST {
            // Not before all four are begun: else one of them would be the row that tries the system.
            tokio::task::block_in_place(|| (arrived.wait(), begun.wait()));
            json(503, "", no)
        } else if request.starts_with("get ") {
            json(200, "", r#"{"status":"ENABLED","suspended":false}"#)
        } else {
            json(200, "", r#"{"message":"OK"}"#)
        })
    })
    .await;
    let clock = TestClock::new();
    let builder = systems::symphony_builder(&script.uri).clock(clock.clone()).retry(RetryPolicy::never());
    let registry = Arc::new(Registry::default().with("pod", builder.build().unwrap()));
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("run.sqlite");
    let rows = (0..ROWS).map(|number| Ok(Row::new("pod", user(number), StatusChange::disable())));
    drop(Journal::create(&path, "a test", &registry, stream::iter(rows), InvalidRows::Refuse, |_| {}).await.unwrap());

    let not_sent = Arc::new(Mutex::new(Vec::new()));
    let (noted, asks) = (not_sent.clone(), rests.clone());
    let runner = Runner::new(registry).clock(clock).max_in_flight(2).read_first(false).verify(false);
    let runner =
        runner.breaker(BreakerPolicy::default().with_failures(1).with_pause(Duration::ZERO)).on_event(move |event| {
            match event {
                Event::Paused { reason: PauseReason::Asked, .. } => drop(asks.set(())),
                Event::Row { entry, outcome, .. } if outcome.attempts == 0 => noted.lock().unwrap().push(entry.number),
                _ => {}
            }
        });
    let journal = Journal::open(&path).unwrap();
    let watched = path.clone();
    let hook = move |boundary| {
        if boundary != Boundary::Committed {
            return;
        }
        let reader = JournalReader::open(&watched).unwrap();
        let entries: Vec<JournalEntry> = reader.entries().map(Result::unwrap).collect();
        if entries.iter().take(FIRST).all(|entry| entry.state == RowState::Sending) {
            let _ = are_begun.set(());
        }
        let tries = |entry: &JournalEntry| entry.number == TRIES && entry.state == RowState::Sending;
        if entries.iter().any(tries) {
            let _ = is_about_to_leave.set(());
            rests.wait();
        }
    };
    journal.watch(Arc::new(hook)).await;
    let run = tokio::time::timeout(Duration::from_secs(60), runner.run(journal));
    let summary = run.await.expect("it waits for a try that nobody makes").unwrap();
    let not_sent = not_sent.lock().unwrap().clone();
    assert!(
        not_sent.contains(&TRIES),
        "{not_sent:?}: the system was not asking for time when it was about to be tried"
    );
    assert_eq!(summary.counts[RowState::Accepted], ROWS, "{}", summary.counts);
    assert!(summary.given_up.is_empty(), "{:?}", summary.given_up);
}

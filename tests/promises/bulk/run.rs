//! Changes to many accounts: what the journal says of a row is what its account is, whatever goes wrong on the way.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::{StreamExt as _, stream};
use serde_json::json;
use tempfile::TempDir;
use user_status::bulk::{
    BadRow, BreakerPolicy, Event, InvalidRows, Journal, JournalEntry, JournalErrorKind, JournalReader, Row, RowState,
    Runner, Step, StopHandle, Summary, undo,
};
use user_status::systems::symphony;
use user_status::{AccountStatus, ErrorKind, Registry, StatusChange};
use user_status_mock::{Fault, Options, RetryAfter, StandaloneServer, SystemKind};

use user_status_tests::{TestClock, people};

async fn begin(path: &Path, registry: &Registry, rows: impl Iterator<Item = Row>) -> Journal {
    let rows = stream::iter(rows.map(Ok));
    let (journal, _) =
        Journal::create(path, "a test", registry, rows, InvalidRows::Refuse, |bad| panic!("{bad}")).await.unwrap();
    journal
}

async fn run(registry: &Arc<Registry>, journal: Journal) -> Summary {
    // Random failures are not an outage.
    let runner = Runner::new(registry.clone())
        .breaker(BreakerPolicy::default().with_failures(1000).with_pause(Duration::ZERO).with_probes(1));
    runner.run(journal).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_report_of_a_run_under_fire_is_what_the_accounts_are() {
    const ROWS: usize = 2_000;
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("run.sqlite");
    let (server, changes) = people::server(ROWS).await;
    let before: Vec<_> = (0..ROWS).map(|number| people::status(&server, number)).collect();
    people::fire(&server);
    let registry = people::registry(&server.root());
    let summary = run(&registry, begin(&path, &registry, people::rows(ROWS)).await).await;
    let counts = people::hold(&path, &server, &changes, &before);
    assert_eq!(summary.counts, counts);
    assert_eq!((summary.handled, counts.total()), (counts, ROWS as u64));
    assert!(counts[RowState::Unknown] > 0, "no answer was lost: {counts}");

    // With the systems well again, a second session settles all but the toggles of which nobody knows.
    server.clear_faults();
    let toggles = |state| {
        let entries = JournalReader::open(&path).unwrap();
        let entries: Vec<_> = entries.entries().map(Result::unwrap).collect();
        entries.into_iter().filter(|entry| entry.row.system == "site" && entry.state == state).count() as u64
    };
    let unknown = toggles(RowState::Unknown);
    let summary = run(&registry, Journal::open(&path).unwrap()).await;
    let counts = people::hold(&path, &server, &changes, &before);
    assert_eq!(counts.open(), unknown, "{counts}");
    assert_eq!(counts[RowState::Unknown], unknown, "{counts}");
    assert_eq!(counts[RowState::Refused], 0, "{counts}");
    assert!(!summary.interrupted);
}

#[tokio::test(flavor = "multi_thread")]
async fn only_a_run_that_was_never_begun_can_be_taken_back() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("run.sqlite");
    let (server, _) = people::server(5).await;
    let registry = people::registry(&server.root());
    begin(&path, &registry, people::rows(5)).await.discard().unwrap();
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    assert_eq!(server.total_requests(), 0);

    run(&registry, begin(&path, &registry, people::rows(5)).await).await;
    let error = Journal::open(&path).unwrap().discard().unwrap_err();
    assert_eq!(error.kind(), JournalErrorKind::InUse, "{error}");
    assert_eq!(JournalReader::open(&path).unwrap().counts().unwrap().total(), 5);
}

/// A number that nobody means must not take the memory of the machine.
#[tokio::test(flavor = "multi_thread")]
async fn more_max_in_flight_than_there_can_be_is_no_harm() {
    let folder = TempDir::new().unwrap();
    let (server, _) = people::server(5).await;
    let registry = people::registry(&server.root());
    let journal = begin(&folder.path().join("run.sqlite"), &registry, people::rows(5)).await;
    let summary = Runner::new(registry).max_in_flight(usize::MAX).run(journal).await.unwrap();
    assert_eq!(summary.counts.open(), 0);
}

/// A journal of these rows that is there and nothing is sent.
async fn begun(
    folder: &TempDir,
    server: &StandaloneServer,
    rows: impl Iterator<Item = Row>,
) -> (PathBuf, Arc<Registry>) {
    let path = folder.path().join("run.sqlite");
    let registry = people::registry(&server.root());
    drop(begin(&path, &registry, rows).await);
    (path, registry)
}

fn entries(path: &Path) -> Vec<JournalEntry> {
    JournalReader::open(path).unwrap().entries().map(Result::unwrap).collect()
}

#[tokio::test]
async fn every_bad_row_is_named_and_begins_no_run() {
    let (server, _) = people::server(10).await;
    let registry = people::registry(&server.root());
    let row = |line, system: &str, user: &str, change| {
        let mut row = Row::new(system, user, change);
        row.line = line;
        row
    };
    let rows = || {
        let long = StatusChange::suspend("x".repeat(501));
        let rows = [
            row(2, "pod", "7300000000003", StatusChange::disable()),
            row(3, "pods", "7300000000003", StatusChange::disable()),
            row(4, "pod", "7300000000003", StatusChange::enable()),
            row(5, "pod", "../1", StatusChange::disable()),
            row(6, "site", "000000000000000000000004", StatusChange::disable()),
            row(7, "clinic", "100002", long),
            row(8, "clinic", "100002", StatusChange::disable()),
        ];
        stream::iter(rows.map(Ok))
    };
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("run.sqlite");
    let mut bad = Vec::new();
    let refused =
        Journal::create(&path, "bad", &registry, rows(), InvalidRows::Refuse, |row| bad.push(row.to_string())).await;
    let error = refused.unwrap_err();
    assert_eq!(error.kind(), JournalErrorKind::Input);
    assert!(error.to_string().ends_with("5 rows cannot be carried out as written, and nothing was sent"), "{error}");
    let expected = [
        "line 3, column system: there is no system `pods`; there are clinic, docks, pod, portal, site",
        "line 4, column user: the account `7300000000003` has another row on line 2; two changes of one account have no order, so keep one",
        "line 5, column user: symphony: invalid input: a symphony user id must be a whole number from 1 to 9223372036854775807; it is `../1`",
        "line 6, column change: clearsquare: not supported: it cannot disable; it can toggle",
        "line 7, column reason: mediconnect: invalid input: `reason` must have 1 to 500 characters, and has 501; it is `xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx…`",
    ];
    assert_eq!(bad, expected);
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "a run that was not begun left a file");

    let (journal, imported) =
        Journal::create(&path, "bad", &registry, rows(), InvalidRows::Skip, |_| {}).await.unwrap();
    assert_eq!((imported.rows, imported.bad), (2, 5));
    drop(journal);
    assert_eq!(entries(&path).iter().map(|entry| entry.row.line).collect::<Vec<_>>(), [2, 8]);
    // What could not be read to its end is not begun without the rest, and what is there is not overwritten.
    let mut end = BadRow::at(9, "the disk failed");
    end.ends_input = true;
    let broken = stream::iter([Ok(row(2, "pod", "7300000000003", StatusChange::disable())), Err(end)]);
    let other = folder.path().join("other.sqlite");
    let error = Journal::create(&other, "bad", &registry, broken, InvalidRows::Skip, |_| {}).await.unwrap_err();
    assert_eq!(error.kind(), JournalErrorKind::Input);
    let error = Journal::create(&path, "bad", &registry, rows(), InvalidRows::Skip, |_| {}).await.unwrap_err();
    assert_eq!(error.kind(), JournalErrorKind::Exists);
    assert_eq!(entries(&path).len(), 2);
}

#[tokio::test]
async fn one_program_works_on_a_journal_and_others_may_look() {
    let folder = TempDir::new().unwrap();
    let (server, _) = people::server(5).await;
    let (path, registry) = begun(&folder, &server, people::rows(5)).await;
    let journal = Journal::open(&path).unwrap();
    let error = Journal::open(&path).unwrap_err();
    assert_eq!(error.kind(), JournalErrorKind::InUse, "{error}");
    let in_use = || JournalReader::open(&path).unwrap().in_use().unwrap();
    assert!(in_use());
    assert_eq!(entries(&path).len(), 5);
    let summary = run(&registry, journal).await;
    assert_eq!(summary.counts.open(), 0, "{}", summary.counts);
    let about = JournalReader::open(&path).unwrap().about().unwrap();
    assert_eq!((about.source.as_str(), about.sessions, about.ended.as_deref()), ("a test", 1, Some("finished")));
    assert!(!in_use());
    Journal::open(&path).expect("given back at the end");
}

#[tokio::test]
async fn an_account_whose_name_differs_in_case_only_is_the_same_account() {
    let folder = TempDir::new().unwrap();
    let (server, _) = people::server(1).await;
    let registry = people::registry(&server.root());
    let rows = [(2, "abcdefabcdef000000000001"), (3, "ABCDEFabcdef000000000001")].map(|(line, user)| {
        let mut row = Row::new("site", user, StatusChange::toggle());
        row.line = line;
        Ok(row)
    });
    let mut bad = Vec::new();
    let path = folder.path().join("run.sqlite");
    let rows = stream::iter(rows);
    let created =
        Journal::create(&path, "bad", &registry, rows, InvalidRows::Refuse, |row| bad.push(row.to_string())).await;
    assert_eq!(created.unwrap_err().kind(), JournalErrorKind::Input);
    assert_eq!(bad.len(), 1);
    assert!(
        bad[0].starts_with("line 3, column user: the account `ABCDEFabcdef000000000001` has another row on line 2"),
        "{bad:?}"
    );
}

#[tokio::test]
async fn a_look_at_an_account_that_nobody_understands_refuses_nothing() {
    let folder = TempDir::new().unwrap();
    let (server, _) = people::server(5).await;
    server.fault(Fault::malformed_body(200).on_operation("getUserStatus")).unwrap();
    let (path, registry) = begun(&folder, &server, people::rows(5)).await;
    let of_pod = |path| JournalReader::open(path).unwrap().counts_by_system().unwrap()["pod"];
    run(&registry, Journal::open(&path).unwrap()).await;
    assert_eq!(of_pod(&path)[RowState::Failed], 1, "the system did not say no");
    server.clear_faults();
    run(&registry, Journal::open(&path).unwrap()).await;
    assert_eq!(of_pod(&path).open(), 0);
}

#[cfg(unix)]
#[tokio::test]
async fn a_link_to_a_journal_is_the_same_journal() {
    let folder = TempDir::new().unwrap();
    let (server, _) = people::server(5).await;
    let (path, _) = begun(&folder, &server, people::rows(5)).await;
    let link = folder.path().join("link.sqlite");
    std::os::unix::fs::symlink(&path, &link).unwrap();
    let _journal = Journal::open(&path).unwrap();
    let error = Journal::open(&link).unwrap_err();
    assert_eq!(error.kind(), JournalErrorKind::InUse, "{error}");
    assert!(JournalReader::open(&link).unwrap().in_use().unwrap());
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread")]
async fn two_programs_that_no_lock_keeps_apart_send_nothing_twice() {
    const ROWS: usize = 300;
    let folder = TempDir::new().unwrap();
    let (server, changes) = people::server(ROWS).await;
    let before: Vec<_> = (0..ROWS).map(|number| people::status(&server, number)).collect();
    let (path, registry) = begun(&folder, &server, people::rows(ROWS)).await;
    let one = Journal::open(&path).unwrap();
    std::fs::remove_file(folder.path().join("run.sqlite.lock")).unwrap();
    let other = Journal::open(&path).unwrap();
    let runner = Runner::new(registry.clone());
    let (one, other) = tokio::join!(runner.run(one), runner.run(other));
    for error in [one, other].into_iter().filter_map(Result::err) {
        assert_eq!(error.kind(), JournalErrorKind::InUse, "{error}");
    }
    let summary = run(&registry, Journal::open(&path).unwrap()).await;
    let counts = people::hold(&path, &server, &changes, &before);
    assert_eq!(summary.counts, counts);
}

#[cfg(unix)]
#[tokio::test]
async fn a_journal_that_is_removed_or_replaced_at_work_ends_the_run() {
    const ROWS: usize = 100;
    for replace in [false, true] {
        let folder = TempDir::new().unwrap();
        let (server, _) = people::server(ROWS).await;
        let statuses = || (0..ROWS).map(|number| people::status(&server, number)).collect::<Vec<_>>();
        let (path, registry) = begun(&folder, &server, people::rows(ROWS)).await;
        let before = statuses();
        let copy = folder.path().join("copy");
        std::fs::copy(&path, &copy).unwrap();
        let (gone, done) = (path.clone(), AtomicUsize::new(0));
        let runner =
            Runner::new(registry).max_in_flight(1).on_event(move |_| match done.fetch_add(1, Ordering::Relaxed) {
                0 if replace => std::fs::rename(&copy, &gone).unwrap(),
                0 => std::fs::remove_file(&gone).unwrap(),
                _ => {}
            });
        let error = runner.run(Journal::open(&path).unwrap()).await.unwrap_err();
        assert_eq!(error.kind(), JournalErrorKind::InUse, "{error}");
        assert!(error.to_string().contains("it was removed or replaced"), "{error}");
        // What was under way, and no more.
        let changed = before.iter().zip(statuses()).filter(|(before, after)| **before != *after).count();
        assert!(changed <= 15, "{changed}");
    }
}

#[tokio::test]
async fn a_run_does_not_go_on_in_another_system_of_the_same_name() {
    let folder = TempDir::new().unwrap();
    let (server, _) = people::server(5).await;
    let (path, registry) = begun(&folder, &server, people::rows(5)).await;
    let (other, _) = people::server(5).await;
    let elsewhere = people::registry(&other.root());
    JournalReader::open(&path).unwrap().check_systems(&registry).unwrap();
    let error = Runner::new(elsewhere).run(Journal::open(&path).unwrap()).await.unwrap_err();
    assert_eq!(error.kind(), JournalErrorKind::OtherSystem, "{error}");
    assert!(error.to_string().contains(&server.root()) && error.to_string().contains(&other.root()), "{error}");
    assert_eq!(other.total_requests(), 0);
    assert_eq!(run(&registry, Journal::open(&path).unwrap()).await.counts.open(), 0);
}

#[test]
fn what_is_no_journal_is_told_apart() {
    let folder = TempDir::new().unwrap();
    let path = |name: &str| folder.path().join(name);
    std::fs::write(path("text"), "leavers").unwrap();
    std::fs::write(path("empty"), "").unwrap();
    rusqlite::Connection::open(path("other")).unwrap().execute_batch("CREATE TABLE rows (x)").unwrap();
    let newer = "CREATE TABLE rows (x); PRAGMA application_id = 1431530098; PRAGMA user_version = 3";
    rusqlite::Connection::open(path("newer")).unwrap().execute_batch(newer).unwrap();
    rusqlite::Connection::open(path("older"))
        .unwrap()
        .execute_batch(&newer.replace("version = 3", "version = 1"))
        .unwrap();
    std::fs::write(path("emptied"), "").unwrap();
    std::fs::write(path("emptied-head"), "").unwrap();
    for (name, kind, what) in [
        ("missing", JournalErrorKind::Missing, "there is no such file"),
        ("text", JournalErrorKind::NotAJournal, "it is no SQLite database"),
        ("empty", JournalErrorKind::Empty, "the program ended while it read them, and nothing was sent"),
        ("emptied", JournalErrorKind::NotAJournal, "requests may have been sent"),
        ("other", JournalErrorKind::NotAJournal, "no journal of a run"),
        ("newer", JournalErrorKind::NewerVersion, "version 3 of the tables, and this program knows 2"),
        ("older", JournalErrorKind::OlderVersion, "version 1 of the tables, and this program knows 2"),
    ] {
        for error in [Journal::open(path(name)).unwrap_err(), JournalReader::open(path(name)).unwrap_err()] {
            assert_eq!(error.kind(), kind, "{name}: {error}");
            assert!(error.to_string().contains(what), "{name}: {error}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_is_stopped_finishes_what_it_began_and_goes_on_later() {
    const ROWS: usize = 300;
    let folder = TempDir::new().unwrap();
    let (server, changes) = people::server(ROWS).await;
    let before: Vec<_> = (0..ROWS).map(|number| people::status(&server, number)).collect();
    let (path, registry) = begun(&folder, &server, people::rows(ROWS)).await;
    let (stop, seen) = (StopHandle::default(), AtomicUsize::new(0));
    let pull = stop.clone();
    let runner = Runner::new(registry.clone()).max_in_flight(3).stop_with(&stop).on_event(move |_| {
        if seen.fetch_add(1, Ordering::Relaxed) == 50 {
            pull.stop();
        }
    });
    let summary = runner.run(Journal::open(&path).unwrap()).await.unwrap();
    assert!(summary.interrupted);
    let counts = people::hold(&path, &server, &changes, &before);
    assert_eq!(counts.open(), counts[RowState::Pending], "{counts}");
    assert!((51..=51 + 5 * 6).contains(&(ROWS as u64 - counts.open())), "{counts}");
    let summary = run(&registry, Journal::open(&path).unwrap()).await;
    assert_eq!(summary.handled.total(), counts[RowState::Pending]);
    assert_eq!(people::hold(&path, &server, &changes, &before).open(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_is_stopped_waits_for_no_look_at_an_account() {
    let folder = TempDir::new().unwrap();
    let (server, _) = people::server(5).await;
    server.fault(Fault::hang().on_operation("getUserStatus")).unwrap();
    let (path, registry) = begun(&folder, &server, people::rows(5)).await;
    let stop = StopHandle::default();
    let (done, mut others) = tokio::sync::mpsc::unbounded_channel();
    let runner = Runner::new(registry).stop_with(&stop).on_event(move |_| done.send(()).unwrap());
    let run = tokio::spawn(async move { runner.run(Journal::open(&path).unwrap()).await.unwrap() });
    for _ in 0..4 {
        others.recv().await.unwrap();
    }
    while server.requests("getUserStatus") == 0 {
        tokio::task::yield_now().await;
    }
    stop.stop();
    let summary = tokio::time::timeout(Duration::from_secs(10), run).await.expect("it ends soon").unwrap();
    assert!(summary.interrupted);
    assert_eq!(summary.counts[RowState::Pending], 1, "{}", summary.counts);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_system_that_is_down_is_left_alone_and_the_others_go_on() {
    const ROWS: usize = 500;
    let folder = TempDir::new().unwrap();
    let (server, changes) = people::server(ROWS).await;
    let before: Vec<_> = (0..ROWS).map(|number| people::status(&server, number)).collect();
    server.fault(Fault::unavailable(RetryAfter::Missing).on_system(SystemKind::Symphony)).unwrap();
    let (path, registry) = begun(&folder, &server, people::rows(ROWS)).await;
    let clock = TestClock::new();
    let paused = Arc::new(Mutex::new(Vec::new()));
    let seen = paused.clone();
    let runner = Runner::new(registry.clone())
        .max_in_flight(2)
        .breaker(BreakerPolicy::default().with_failures(5).with_pause(Duration::from_secs(60)).with_probes(3))
        .clock(clock.clone());
    let runner = runner.on_event(move |event| match event {
        Event::Paused { system, pause, .. } => seen.lock().unwrap().push(((*system).to_owned(), *pause)),
        Event::Abandoned { system, why } => assert!(why.contains("503") && *system == "pod", "{system}: {why}"),
        _ => {}
    });
    let summary = runner.run(Journal::open(&path).unwrap()).await.unwrap();
    assert_eq!(summary.given_up.keys().collect::<Vec<_>>(), ["pod"]);
    // Once for the outage, and once for each try that was not the last.
    assert_eq!(*paused.lock().unwrap(), vec![("pod".to_owned(), Duration::from_secs(60)); 3]);
    let counts = people::hold(&path, &server, &changes, &before);
    let of_pod = &JournalReader::open(&path).unwrap().counts_by_system().unwrap()["pod"];
    assert_eq!(counts.open(), of_pod.total(), "only the rows of one system are left: {counts}");
    // Five in a row, three tries, and what was on its way besides.
    assert!(of_pod[RowState::Failed] <= 5 + 3 + 3, "{of_pod}");
    server.clear_faults();
    let summary = run(&registry, Journal::open(&path).unwrap()).await;
    assert_eq!((summary.counts.open(), summary.given_up.len()), (0, 0));
    people::hold(&path, &server, &changes, &before);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_row_that_needs_no_call_does_not_stand_for_a_system_that_is_tried() {
    let folder = TempDir::new().unwrap();
    let (server, _) = people::server(100).await;
    server.fault(Fault::unavailable(RetryAfter::Missing).on_system(SystemKind::Clearsquare)).unwrap();
    let toggles = people::rows(100).filter(|row| row.system == "site");
    let (path, registry) = begun(&folder, &server, toggles).await;
    // As a program leaves them that ends with many on their way.
    let journal = rusqlite::Connection::open(&path).unwrap();
    journal.execute("UPDATE rows SET state = 'sending' WHERE number BETWEEN 3 AND 13", []).unwrap();
    drop(journal);
    Journal::seal_anew(&path).unwrap();
    let runner = Runner::new(registry)
        .max_in_flight(1)
        .breaker(BreakerPolicy::default().with_failures(1).with_pause(Duration::from_secs(60)).with_probes(2))
        .clock(TestClock::new());
    let run = runner.run(Journal::open(&path).unwrap());
    let summary =
        tokio::time::timeout(Duration::from_secs(60), run).await.expect("it waits for a try that is over").unwrap();
    assert_eq!(summary.given_up.keys().collect::<Vec<_>>(), ["site"]);
    assert!(entries(&path)[2..13].iter().all(|entry| entry.state == RowState::Unknown));
    assert!(summary.counts[RowState::Pending] > 0, "{}", summary.counts);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_system_that_comes_back_in_a_pause_gets_the_rest_of_its_rows() {
    const ROWS: usize = 500;
    let folder = TempDir::new().unwrap();
    let (server, changes) = people::server(ROWS).await;
    let server = Arc::new(server);
    let before: Vec<_> = (0..ROWS).map(|number| people::status(&server, number)).collect();
    server.fault(Fault::unavailable(RetryAfter::Missing).on_system(SystemKind::Symphony)).unwrap();
    let (path, registry) = begun(&folder, &server, people::rows(ROWS)).await;
    let events = Arc::new(Mutex::new(Vec::new()));
    let (seen, back) = (events.clone(), server.clone());
    let runner = Runner::new(registry)
        .max_in_flight(2)
        .breaker(BreakerPolicy::default().with_failures(5).with_pause(Duration::from_secs(60)).with_probes(1000))
        .clock(TestClock::new())
        .passes(1);
    let runner = runner.on_event(move |event| {
        let mut seen = seen.lock().unwrap();
        match event {
            Event::Paused { .. } => {
                seen.push("paused");
                // After the first row that tries it. As the clock does not wait, others may try in the meantime.
                if seen.len() == 2 {
                    back.clear_faults();
                }
            }
            Event::Resumed { system } => {
                assert_eq!(*system, "pod");
                seen.push("resumed");
            }
            Event::Abandoned { system, why } => panic!("{system}: {why}"),
            _ => {}
        }
    });
    let summary = runner.run(Journal::open(&path).unwrap()).await.unwrap();
    let events = events.lock().unwrap().clone();
    let tries = events.iter().filter(|event| **event == "paused").count();
    assert_eq!(events.iter().position(|event| *event == "resumed"), Some(tries), "{events:?}");
    assert_eq!(events.len(), tries + 1, "{events:?}");
    assert!(summary.given_up.is_empty() && !summary.interrupted);
    let counts = people::hold(&path, &server, &changes, &before);
    // Those that showed that it was down are tried again by the next session, and no others are left.
    assert_eq!(counts.open(), counts[RowState::Failed], "{counts}");
    assert!((5 + 1..=5 + 3 + tries as u64).contains(&counts[RowState::Failed]), "{counts} after {tries} pauses");
    assert_eq!(JournalReader::open(&path).unwrap().about().unwrap().ended.as_deref(), Some("finished"));
}

#[tokio::test(flavor = "multi_thread")]
async fn credentials_that_are_refused_are_not_tried_on_every_account() {
    let folder = TempDir::new().unwrap();
    let (server, _) = people::server(500).await;
    let pod = symphony::Symphony::builder()
        .base_url(server.uri(SystemKind::Symphony))
        .credentials(symphony::Credentials::session_token("mistyped-session-token"))
        .build()
        .unwrap();
    let registry = Arc::new(Registry::default().with("pod", pod));
    let path = folder.path().join("run.sqlite");
    let rows = people::rows(500).filter(|row| row.system == "pod");
    let journal = begin(&path, &registry, rows).await;
    let summary = Runner::new(registry).run(journal).await.unwrap();
    assert!(summary.given_up["pod"].contains("the credentials were not accepted (401)"), "{:?}", summary.given_up);
    assert!(summary.counts[RowState::Failed] <= 10 + 16, "{}", summary.counts);
    assert_eq!(summary.counts[RowState::Failed] + summary.counts[RowState::Pending], 100);
    assert_eq!(summary.counts[RowState::Failed], server.requests("getUserStatus"));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_undo_brings_the_world_back_and_leaves_alone_what_changed_since() {
    const ROWS: usize = 40;
    let folder = TempDir::new().unwrap();
    let (server, _) = people::server(ROWS).await;
    // Some are as asked already, and some were suspended before, with another reason.
    let other = json!({ "suspended": true, "suspensionReason": "Before", "suspendedUntil": 1_900_000_000_000_i64 });
    server.put_user(SystemKind::Symphony, &people::account(3).2, &other).unwrap();
    server.put_user(SystemKind::Mediconnect, &people::account(2).2, &json!({ "isActive": false })).unwrap();
    server.put_user(SystemKind::Userdocks, &people::account(0).2, &json!({ "freezed": true })).unwrap();
    let statuses = |server: &StandaloneServer| (0..ROWS).map(|n| people::status(server, n)).collect::<Vec<_>>();
    let before = statuses(&server);
    let no_toggles = || people::rows(ROWS).filter(|row| row.system != "site" && row.system != "portal");
    let (path, registry) = begun(&folder, &server, no_toggles()).await;
    let summary = run(&registry, Journal::open(&path).unwrap()).await;
    assert_eq!(summary.counts.open(), 0);
    assert_eq!(summary.counts[RowState::Unchanged], 1);
    assert_ne!(statuses(&server), before);

    // Somebody took one back by hand, and has other plans with another.
    let (_, system, user) = people::account(5);
    server.put_user(system, &user, &json!({ "freezed": false })).unwrap();
    let (_, _, other) = people::account(8);
    server.put_user(SystemKind::Symphony, &other, &json!({ "suspended": true, "suspensionReason": "Fraud" })).unwrap();
    let back: Vec<Row> = entries(&path).iter().filter_map(|entry| undo(entry).unwrap()).collect();
    assert_eq!(back.len(), 3 * 8 - 1);
    let way_back = folder.path().join("undo.sqlite");
    let journal = begin(&way_back, &registry, back.into_iter()).await;
    let summary = run(&registry, journal).await;
    assert_eq!(summary.counts.open(), 0, "{}", summary.counts);
    assert_eq!(summary.counts[RowState::Unchanged], 1, "{}", summary.counts);
    let refused: Vec<JournalEntry> =
        entries(&way_back).into_iter().filter(|entry| entry.state == RowState::Refused).collect();
    assert_eq!(refused.len(), 1, "{refused:?}");
    assert_eq!(refused[0].row.user, other);
    assert_eq!(refused[0].outcome.reason.as_deref(), Some("changed_since"));
    assert!(refused[0].outcome.message.as_ref().unwrap().contains("(Fraud)"), "{refused:?}");
    for (number, (is, was)) in statuses(&server).into_iter().zip(before).enumerate() {
        assert!(is == was || number == 8, "account {number} was {was} and is {is}");
    }
}

#[tokio::test]
async fn what_has_no_way_back_says_why() {
    let folder = TempDir::new().unwrap();
    let (server, _) = people::server(10).await;
    let (path, registry) = begun(&folder, &server, people::rows(10)).await;
    let summary = Runner::new(registry).read_first(false).run(Journal::open(&path).unwrap()).await.unwrap();
    assert_eq!(summary.counts.open(), 0);
    for entry in entries(&path) {
        // MediConnect is read before it is changed, whatever the run does.
        if entry.row.system == "clinic" {
            assert!(entry.before.is_some() && undo(&entry).is_ok(), "{entry:?}");
            continue;
        }
        let why = undo(&entry).unwrap_err().to_string();
        let expected = match entry.row.system.as_str() {
            "site" => "a toggle does not say what the account was before",
            _ => "what the account was before was not read",
        };
        assert_eq!(why, expected, "{}", entry.row.system);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_journal_holds_no_credentials_and_is_its_owners() {
    let folder = TempDir::new().unwrap();
    let (server, _) = people::server(50).await;
    // Systems that repeat what they are sent, in every way that there is.
    let echo = json!({ "format": "TEXT", "message": "no: mock-symphony-session-token" });
    server.fault(Fault::response(400, echo).on_operation("updateUserStatus").off_contract()).unwrap();
    let echo = json!({ "error": "no: mock-mediconnect-admin-token" });
    server.fault(Fault::response(404, echo).on_operation("getAdminUser").off_contract()).unwrap();
    let echo = json!({ "message": "no: mock-clearsquare-token", "status": "error" });
    server.fault(Fault::response(400, echo).on_system(SystemKind::Clearsquare).off_contract()).unwrap();
    let (path, registry) = begun(&folder, &server, people::rows(50)).await;
    let journal = Journal::open(&path).unwrap();
    // Also while it is open, when most of it is in files beside it.
    let files: Arc<Mutex<Vec<u8>>> = Arc::default();
    let (keep, beside) = (files.clone(), folder.path().to_owned());
    let runner = Runner::new(registry).on_event(move |_| {
        for file in std::fs::read_dir(&beside).unwrap() {
            keep.lock().unwrap().extend(std::fs::read(file.unwrap().path()).unwrap_or_default());
        }
    });
    let summary = runner.run(journal).await.unwrap();
    assert!(summary.counts[RowState::Refused] >= 20, "{}", summary.counts);
    let mut all = std::mem::take(&mut *files.lock().unwrap());
    all.extend(std::fs::read(&path).unwrap());
    let secrets = ["mock-symphony-session-token", "mock-mediconnect-admin-token", "mock-clearsquare-token"];
    for secret in secrets.into_iter().chain(["mock-userdocks-write-key", "mock-akana-admin"]) {
        assert!(!all.windows(secret.len()).any(|bytes| bytes == secret.as_bytes()), "{secret} is in the journal");
    }
    assert!(all.windows(10).any(|bytes| bytes == b"[redacted]"), "the systems repeated nothing");
    #[cfg(unix)]
    for file in std::fs::read_dir(folder.path()).unwrap() {
        let file = file.unwrap();
        let mode = std::os::unix::fs::PermissionsExt::mode(&file.metadata().unwrap().permissions());
        assert!(file.metadata().unwrap().len() == 0 || mode & 0o077 == 0, "{:?} is open to others", file.path());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_that_failed_get_another_chance_after_all_others() {
    let folder = TempDir::new().unwrap();
    let (server, changes) = people::server(50).await;
    let before: Vec<_> = (0..50).map(|number| people::status(&server, number)).collect();
    // As many as a call makes attempts: the first row of the pod fails, and no other.
    server.fault(Fault::html_502().on_operation("getUserStatus").times(4)).unwrap();
    let (path, registry) = begun(&folder, &server, people::rows(50)).await;
    let seen = Arc::new(Mutex::new(Vec::new()));
    let keep = seen.clone();
    let runner = Runner::new(registry).max_in_flight(1).on_event(move |event| {
        if let Event::Row { entry, state, .. } = event {
            keep.lock().unwrap().push((entry.number, entry.state, *state));
        }
    });
    let once = runner.clone().passes(1).run(Journal::open(&path).unwrap()).await.unwrap();
    assert_eq!(once.counts[RowState::Failed], 1, "{}", once.counts);
    let failed = seen.lock().unwrap().iter().find(|(.., state)| *state == RowState::Failed).map(|row| row.0).unwrap();
    assert_eq!(people::hold(&path, &server, &changes, &before).open(), 1);

    seen.lock().unwrap().clear();
    server.fault(Fault::html_502().on_operation("getUserStatus").times(4)).unwrap();
    let twice = runner.run(Journal::open(&path).unwrap()).await.unwrap();
    let (handled, counts) = (twice.handled, people::hold(&path, &server, &changes, &before));
    assert_eq!((handled.total(), handled[RowState::Confirmed], counts.open()), (1, 1, 0), "{handled}");
    let expected = [(failed, RowState::Failed, RowState::Failed), (failed, RowState::Failed, RowState::Confirmed)];
    assert_eq!(*seen.lock().unwrap(), expected);
}

/// A journal in which nothing can be written that sets the state of a row to this.
fn refuse(path: &Path, state: &str) {
    let trigger = format!(
        "CREATE TRIGGER refused BEFORE UPDATE ON rows WHEN NEW.state = '{state}'
         BEGIN SELECT RAISE(ABORT, 'not this state'); END"
    );
    rusqlite::Connection::open(path).unwrap().execute_batch(&trigger).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_row_whose_outcome_is_not_written_is_not_taken_for_one_in_doubt() {
    let folder = TempDir::new().unwrap();
    let (server, _) = people::server(5).await;
    server.fault(Fault::html_502().on_operation("getUserStatus")).unwrap();
    let rows = people::rows(5).filter(|row| matches!(row.system.as_str(), "pod" | "site"));
    let (path, registry) = begun(&folder, &server, rows).await;
    refuse(&path, "accepted");
    let seen = Arc::new(Mutex::new(Vec::new()));
    let keep = seen.clone();
    let runner = Runner::new(registry).max_in_flight(1).on_event(move |event| {
        if let Event::Row { entry, state, .. } = event {
            keep.lock().unwrap().push((entry.row.system.clone(), *state));
        }
    });
    // The row of the pod fails, and would be taken up once more.
    let error = runner.run(Journal::open(&path).unwrap()).await.unwrap_err();
    assert_eq!(error.kind(), JournalErrorKind::Io, "{error}");
    let of_site: Vec<_> = seen.lock().unwrap().iter().filter(|(system, _)| system == "site").cloned().collect();
    assert_eq!(of_site, [("site".to_owned(), RowState::Accepted)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_journal_that_breaks_stops_no_other_run() {
    let folder = TempDir::new().unwrap();
    let (server, _) = people::server(5).await;
    let (path, registry) = begun(&folder, &server, people::rows(5)).await;
    refuse(&path, "sending");
    let stop = StopHandle::default();
    let runner = Runner::new(registry.clone()).stop_with(&stop);
    runner.run(Journal::open(&path).unwrap()).await.unwrap_err();
    assert!(!stop.is_set());
    let other = begin(&folder.path().join("other.sqlite"), &registry, people::rows(5)).await;
    let summary = runner.run(other).await.unwrap();
    assert!(!summary.interrupted && summary.counts.open() == 0, "{}", summary.counts);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_toggle_that_waits_for_its_turn_is_not_sent_after_a_stop() {
    let folder = TempDir::new().unwrap();
    let stop = StopHandle::default();
    let pull = stop.clone();
    let options = Options::new().world(people::world()).on_request(move |_, _| pull.stop());
    let server = StandaloneServer::start_with(options).await.unwrap();
    people::populate(&server, 50);
    let (path, registry) = begun(&folder, &server, people::rows(50).filter(|row| row.system == "site")).await;
    let runner = Runner::new(registry).max_in_flight(1).stop_with(&stop);
    let summary = runner.run(Journal::open(&path).unwrap()).await.unwrap();
    assert_eq!((summary.handled.total(), server.total_requests()), (1, 1));
    assert_eq!(summary.counts[RowState::Pending], 9, "{}", summary.counts);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_panic_at_an_outcome_does_not_cost_it() {
    let folder = TempDir::new().unwrap();
    let (server, _) = people::server(5).await;
    let (path, registry) = begun(&folder, &server, people::rows(5).filter(|row| row.system == "site")).await;
    let runner = Runner::new(registry).on_event(|_| panic!("the caller's own"));
    let journal = Journal::open(&path).unwrap();
    let ended = tokio::spawn(async move { runner.run(journal).await }).await;
    assert!(ended.unwrap_err().is_panic());
    // Waits until it is given back.
    drop(Journal::open(&path).unwrap());
    assert_eq!(entries(&path)[0].state, RowState::Accepted);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_system_that_the_registry_no_longer_has_is_not_passed_over_in_silence() {
    let folder = TempDir::new().unwrap();
    let (server, _) = people::server(10).await;
    let (path, _) = begun(&folder, &server, people::rows(10)).await;
    let runner = Runner::new(Arc::new(Registry::default()));
    let summary = runner.run(Journal::open(&path).unwrap()).await.unwrap();
    assert_eq!(summary.given_up.len(), 5);
    assert_eq!(summary.given_up["pod"], "the registry has no such system");
    assert_eq!(summary.counts[RowState::Pending], 10, "{}", summary.counts);
    assert_eq!(JournalReader::open(&path).unwrap().about().unwrap().ended.as_deref(), Some("stopped"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plan_refuses_what_a_run_refuses_for_want_of_a_look() {
    let folder = TempDir::new().unwrap();
    let (server, _) = people::server(5).await;
    let mut row = people::rows(5).find(|row| row.system == "site").unwrap();
    row.expected = Some(AccountStatus::default());
    let (path, registry) = begun(&folder, &server, std::iter::once(row.clone())).await;
    let runner = Runner::new(registry).max_in_flight(usize::MAX);
    let planned: Vec<_> = runner.plan(stream::iter([row])).collect().await;
    assert!(matches!(&planned[0].step, Step::Refused(error) if error.kind() == ErrorKind::Unsupported), "{planned:?}");
    let summary = runner.run(Journal::open(&path).unwrap()).await.unwrap();
    assert_eq!(summary.counts[RowState::Refused], 1, "{}", summary.counts);
}

#[cfg(unix)]
#[tokio::test]
async fn a_journal_of_two_names_is_worked_on_under_neither() {
    let folder = TempDir::new().unwrap();
    let (server, _) = people::server(5).await;
    let (path, _) = begun(&folder, &server, people::rows(5)).await;
    let other = folder.path().join("other.sqlite");
    std::fs::hard_link(&path, &other).unwrap();
    for path in [&path, &other] {
        let error = Journal::open(path).unwrap_err();
        assert_eq!(error.kind(), JournalErrorKind::InUse, "{error}");
    }
    std::fs::remove_file(other).unwrap();
    Journal::open(&path).expect("of one name only");
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_that_credentials_do_not_reach_wait_for_others() {
    let folder = TempDir::new().unwrap();
    let (server, _) = people::server(500).await;
    let no = json!({ "code": 403, "message": "The user lacks the required entitlement" });
    server.fault(Fault::response(403, no).on_system(SystemKind::Symphony).off_contract()).unwrap();
    let pod = people::rows(500).filter(|row| row.system == "pod");
    let (path, registry) = begun(&folder, &server, pod).await;
    let runner = Runner::new(registry);
    let summary = runner.run(Journal::open(&path).unwrap()).await.unwrap();
    assert!(summary.given_up["pod"].contains("(403)"), "{:?}", summary.given_up);
    assert_eq!(summary.counts.open(), 100, "none is given up for good: {}", summary.counts);
    server.clear_faults();
    let summary = runner.run(Journal::open(&path).unwrap()).await.unwrap();
    assert_eq!(summary.counts[RowState::Confirmed], 100, "{}", summary.counts);
}

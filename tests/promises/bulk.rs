//! Changes to many accounts: what the journal says of a row is what its account is, whatever goes wrong on the way.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::stream;
use serde_json::json;
use tempfile::TempDir;
use user_status::bulk::{Counts, Invalid, Journal, JournalErrorKind, JournalReader, Row, RowState, Runner, Stop, Summary};
use user_status::{AccountStatus, Change, Registry, StatusChange};
use user_status_mock::{Exchange, Fault, Options, RetryAfter, StandaloneServer, Vendor};

use crate::{people, systems};

/// How often a server changed an account.
type Changes = Arc<Mutex<BTreeMap<(Vendor, String), usize>>>;

/// A server with so many accounts, which counts what changes.
async fn server(accounts: usize) -> (StandaloneServer, Changes) {
    let changes = Changes::default();
    let count = changes.clone();
    let observe = move |exchange: &Exchange| {
        if let (Some(vendor), Some(user)) = (exchange.vendor, &exchange.user)
            && exchange.before != exchange.after
        {
            *count.lock().unwrap().entry((vendor, user.clone())).or_default() += 1;
        }
    };
    let options: Options = systems::options().on_request(move |_, exchange| observe(exchange));
    let server = StandaloneServer::start_with(options).await.unwrap();
    people::populate(&server, accounts);
    (server, changes)
}

async fn begin(path: &Path, registry: &Registry, rows: impl Iterator<Item = Row>) -> Journal {
    let rows = stream::iter(rows.map(Ok));
    let (journal, _) = Journal::create(path, "a test", registry, rows, Invalid::Refuse, |bad| panic!("{bad}")).await.unwrap();
    journal
}

async fn run(registry: &Arc<Registry>, journal: Journal) -> Summary {
    // Random failures are not an outage.
    let runner = Runner::new(registry.clone()).breaker(1000, Duration::ZERO, 1);
    runner.run(journal).await.unwrap()
}

/// Holds a journal against the world, row by row.
fn check(path: &Path, server: &StandaloneServer, changes: &Changes, before: &[AccountStatus]) -> Counts {
    let journal = JournalReader::open(path).unwrap();
    let changes = changes.lock().unwrap();
    let mut rows = 0;
    for entry in journal.entries() {
        let entry = entry.unwrap();
        let number = entry.row.line as usize - 1;
        let (_, vendor, user) = people::account(number);
        let is = people::status(server, number);
        let changed = changes.get(&(vendor, user)).copied().unwrap_or_default();
        let what = format!("row {number}, {}: the account was {}, is {is}, changed {changed} times", entry.state, before[number]);
        let toggle = entry.row.change.change() == Change::Toggle;
        match entry.state {
            RowState::Confirmed | RowState::Accepted | RowState::Unchanged if toggle => assert_eq!(changed, 1, "{what}"),
            RowState::Confirmed | RowState::Accepted | RowState::Unchanged => {
                assert_eq!(is.shows(&entry.row.change), Some(true), "{what}");
                assert_eq!(changed, 1, "{what}");
            }
            RowState::Pending | RowState::Refused | RowState::Failed => {
                assert_eq!((is, changed), (before[number].clone(), 0), "{what}");
            }
            _ => assert!(changed <= 1, "{what}"),
        }
        if let Some(known) = entry.before {
            assert_eq!(known, before[number], "{what}");
        }
        rows += 1;
    }
    assert_eq!(rows, before.len());
    journal.counts().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_report_of_a_run_under_fire_is_what_the_accounts_are() {
    const ROWS: usize = 2_000;
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("run.sqlite");
    let (server, changes) = server(ROWS).await;
    let before: Vec<_> = (0..ROWS).map(|number| people::status(&server, number)).collect();
    let faults = [
        Fault::rate_limited(RetryAfter::Seconds(0)).probability(0.05),
        Fault::unavailable(RetryAfter::Missing).probability(0.02),
        Fault::html_502().probability(0.02),
        Fault::reset().after_the_change().probability(0.02),
        Fault::reset().before_the_change().probability(0.02),
        Fault::truncate().probability(0.02),
    ];
    for fault in faults {
        server.fault(fault).unwrap();
    }
    let registry = people::registry(&server);
    let summary = run(&registry, begin(&path, &registry, people::rows(ROWS)).await).await;
    let counts = check(&path, &server, &changes, &before);
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
    let counts = check(&path, &server, &changes, &before);
    assert_eq!(counts.open(), unknown, "{counts}");
    assert_eq!(counts[RowState::Unknown], unknown, "{counts}");
    assert_eq!(counts[RowState::Refused], 0, "{counts}");
    assert!(!summary.interrupted);
}

//! Changes to many accounts: what the journal says of a row is what its account is, whatever goes wrong on the way.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use futures_util::stream;
use tempfile::TempDir;
use user_status::Registry;
use user_status::bulk::{Invalid, Journal, JournalReader, Row, RowState, Runner, Summary};

use user_status_tests::people;

async fn begin(path: &Path, registry: &Registry, rows: impl Iterator<Item = Row>) -> Journal {
    let rows = stream::iter(rows.map(Ok));
    let (journal, _) =
        Journal::create(path, "a test", registry, rows, Invalid::Refuse, |bad| panic!("{bad}")).await.unwrap();
    journal
}

async fn run(registry: &Arc<Registry>, journal: Journal) -> Summary {
    // Random failures are not an outage.
    let runner = Runner::new(registry.clone()).breaker(1000, Duration::ZERO, 1);
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

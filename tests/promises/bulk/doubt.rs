//! What was once unknown: it is not sent again where a single call would not, and stays unknown until a proof takes it away.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use futures_util::stream;
use serde_json::json;
use tempfile::TempDir;
use user_status::bulk::{InvalidRows, Journal, JournalEntry, JournalReader, Row, RowState, Runner};
use user_status::systems::{Mediconnect, mediconnect};
use user_status::{
    AccountStatus, AccountSystem, CallOptions, Capabilities, DryRun, Error, Receipt, Registry, RetryPolicy,
    StatusChange, Suspension,
};
use user_status_mock::{Fault, StandaloneServer};
use user_status_tests::people;

async fn begun(folder: &TempDir, registry: &Registry, row: Row) -> PathBuf {
    let path = folder.path().join("run.sqlite");
    let rows = stream::iter([Ok(row)]);
    drop(Journal::create(&path, "a test", registry, rows, InvalidRows::Refuse, |bad| panic!("{bad}")).await.unwrap());
    path
}

fn runner(registry: &Arc<Registry>) -> Runner {
    Runner::new(registry.clone()).call_options(CallOptions::default().with_retry(RetryPolicy::never()))
}

fn entry(path: &Path) -> JournalEntry {
    JournalReader::open(path).unwrap().entries().next().unwrap().unwrap()
}

/// The account of MediConnect that is number 2 of all, and a client that leaves `isActive` out.
fn clinic(server: &StandaloneServer) -> (Arc<Registry>, String) {
    let builder = Mediconnect::builder()
        .base_url(server.root())
        .credentials(mediconnect::Credentials::token("mock-mediconnect-admin-token"))
        .active_flag(mediconnect::ActiveFlag::LeaveOut);
    (Arc::new(Registry::default().with("clinic", builder.build().unwrap())), people::account(2).2)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flag_that_is_left_out_is_flipped_once_in_a_run_too() {
    for (read_first, interrupted) in [(true, false), (false, false), (true, true), (false, true)] {
        let folder = TempDir::new().unwrap();
        let (server, _) = people::server(5).await;
        let (registry, user) = clinic(&server);
        let path = begun(&folder, &registry, Row::new("clinic", user, StatusChange::suspend("Leave"))).await;
        let run = || runner(&registry).read_first(read_first);
        if interrupted {
            // As a program leaves it that ends with the request on its way.
            let journal = rusqlite::Connection::open(&path).unwrap();
            journal.execute("UPDATE rows SET state = 'sending'", []).unwrap();
            drop(journal);
            Journal::seal_anew(&path).unwrap();
        } else {
            let lost = Fault::reset().before_the_change().on_operation("toggleUserStatus");
            server.fault(lost.times(1)).unwrap();
            run().passes(3).run(Journal::open(&path).unwrap()).await.unwrap();
        }
        for _ in 0..2 {
            let summary = run().run(Journal::open(&path).unwrap()).await.unwrap();
            assert_eq!(summary.counts[RowState::Unknown], 1, "{}", summary.counts);
        }
        assert_eq!(server.requests("toggleUserStatus"), u64::from(!interrupted), "it was sent again");
        assert_eq!(entry(&path).state, RowState::Unknown);
    }
}

/// Somebody's own system, which says nothing of what may be repeated.
#[derive(Debug)]
struct Own(Arc<Registry>);

impl AccountSystem for Own {
    fn kind(&self) -> user_status::SystemKind {
        self.pod().kind()
    }

    fn base_url(&self) -> &str {
        self.pod().base_url()
    }

    fn capabilities(&self) -> Capabilities {
        self.pod().capabilities()
    }

    fn check(&self, user: &str, change: &StatusChange) -> Result<(), Error> {
        self.pod().check(user, change)
    }

    fn apply_with<'a>(
        &'a self,
        user: &'a str,
        change: &'a StatusChange,
        options: CallOptions,
    ) -> user_status::BoxFuture<'a, Result<Receipt, Error>> {
        self.pod().apply_with(user, change, options)
    }

    fn dry_run_with<'a>(
        &'a self,
        user: &'a str,
        change: &'a StatusChange,
        options: CallOptions,
    ) -> user_status::BoxFuture<'a, Result<DryRun, Error>> {
        self.pod().dry_run_with(user, change, options)
    }

    fn apply_and_verify_with<'a>(
        &'a self,
        user: &'a str,
        change: &'a StatusChange,
        options: CallOptions,
    ) -> user_status::BoxFuture<'a, Result<Receipt, Error>> {
        self.pod().apply_and_verify_with(user, change, options)
    }

    fn status_with<'a>(
        &'a self,
        user: &'a str,
        options: CallOptions,
    ) -> user_status::BoxFuture<'a, Result<AccountStatus, Error>> {
        self.pod().status_with(user, options)
    }
}

impl Own {
    fn pod(&self) -> &dyn AccountSystem {
        self.0.get("pod").unwrap()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_system_that_says_nothing_of_repeating_is_not_repeated() {
    let folder = TempDir::new().unwrap();
    let (server, _) = people::server(5).await;
    let registry = Arc::new(Registry::default().with("own", Own(people::registry(&server.root()))));
    let path = begun(&folder, &registry, Row::new("own", people::account(3).2, StatusChange::disable())).await;
    server.fault(Fault::reset().before_the_change().on_operation("updateUserStatus").times(1)).unwrap();
    runner(&registry).run(Journal::open(&path).unwrap()).await.unwrap();
    assert_eq!((entry(&path).state, server.requests("updateUserStatus")), (RowState::Unknown, 1));
}

/// The request that is lost, and every way in which a later one can be refused: in the same session, in another one, and with
/// the account read before or not.
#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_takes_no_doubt_away() {
    for status in [400, 401, 403, 404, 409, 429, 503] {
        for (sessions, read_first) in [(1, true), (2, true), (1, false), (2, false)] {
            let folder = TempDir::new().unwrap();
            let (server, _) = people::server(5).await;
            let registry = people::registry(&server.root());
            let user = people::account(3).2;
            let path = begun(&folder, &registry, Row::new("pod", &user, StatusChange::disable())).await;
            let refused = Fault::response(status, json!({ "code": status, "message": "no" })).off_contract();
            let lost = Fault::reset().before_the_change();
            server.fault(Fault::script([lost, refused]).on_operation("updateUserStatus")).unwrap();
            for _ in 0..sessions {
                let run = runner(&registry).read_first(read_first).passes(3 - sessions);
                run.run(Journal::open(&path).unwrap()).await.unwrap();
            }
            let what = format!("{status}, {sessions} sessions, read first: {read_first}");
            let row = entry(&path);
            assert_eq!(server.requests("updateUserStatus"), 2, "{what}");
            assert_eq!(row.state, RowState::Unknown, "{what}: {:?}", row.outcome);
            let message = row.outcome.message.unwrap();
            assert!(message.starts_with("unknown after: ") && message.contains("; then"), "{what}: {message}");
            assert_eq!(row.outcome.reason.as_deref(), Some("outcome_unknown"), "{what}");

            // Credentials that have expired: not even the account can be read.
            server.clear_faults();
            server
                .fault(Fault::response(401, json!({ "code": 401, "message": "Invalid session" })).off_contract())
                .unwrap();
            runner(&registry).run(Journal::open(&path).unwrap()).await.unwrap();
            assert_eq!(entry(&path).state, RowState::Unknown, "{what}");
            server.clear_faults();
            // The proof.
            runner(&registry).run(Journal::open(&path).unwrap()).await.unwrap();
            let row = entry(&path);
            assert_eq!((row.state, row.outcome.doubt), (RowState::Confirmed, None), "{what}");
        }
    }
}

/// As a row of an undo: it expects to find something, and somebody else changed it since.
#[tokio::test(flavor = "multi_thread")]
async fn an_account_that_was_changed_since_takes_no_doubt_away() {
    let folder = TempDir::new().unwrap();
    let (server, _) = people::server(5).await;
    let registry = people::registry(&server.root());
    let user = people::account(3).2;
    let mut row = Row::new("pod", &user, StatusChange::suspend("Leave"));
    row.expected = Some(AccountStatus { suspended: Some(Suspension::default()), ..AccountStatus::default() });
    let path = begun(&folder, &registry, row).await;
    server.fault(Fault::reset().before_the_change().on_operation("updateUserStatus").times(1)).unwrap();
    runner(&registry).passes(1).run(Journal::open(&path).unwrap()).await.unwrap();
    assert_eq!(entry(&path).state, RowState::Unknown);
    registry.get("pod").unwrap().apply(&user, &StatusChange::suspend("Somebody else's")).await.unwrap();
    runner(&registry).run(Journal::open(&path).unwrap()).await.unwrap();
    let row = entry(&path);
    assert_eq!(row.state, RowState::Unknown, "{:?}", row.outcome);
    assert!(row.outcome.message.unwrap().contains("; then refused: the account reads"));
    assert_eq!(server.requests("updateUserStatus"), 2, "one of the run, and that of somebody else");
}

/// As a call has it: after a lost answer, a look that shows more than was asked proves nothing.
#[tokio::test(flavor = "multi_thread")]
async fn a_look_that_shows_more_than_was_asked_takes_no_doubt_away() {
    let folder = TempDir::new().unwrap();
    let (server, _) = people::server(5).await;
    let builder = Mediconnect::builder()
        .base_url(server.root())
        .credentials(mediconnect::Credentials::token("mock-mediconnect-admin-token"));
    let registry = Arc::new(Registry::default().with("clinic", builder.build().unwrap()));
    let user = people::account(2).2;
    let path = begun(&folder, &registry, Row::new("clinic", &user, StatusChange::suspend("Leave"))).await;
    server.fault(Fault::reset().before_the_change().on_operation("toggleUserStatus").times(1)).unwrap();
    runner(&registry).passes(1).run(Journal::open(&path).unwrap()).await.unwrap();
    assert_eq!(entry(&path).state, RowState::Unknown);
    let other = json!({ "isActive": false, "isSuspended": true, "suspensionReason": "Leave" });
    server.put_user(user_status_mock::SystemKind::Mediconnect, &user, &other).unwrap();
    runner(&registry).run(Journal::open(&path).unwrap()).await.unwrap();
    let row = entry(&path);
    assert_eq!(row.state, RowState::Unknown, "{:?}", row.outcome);
    assert!(row.outcome.message.unwrap().contains("which is more than was asked for"));
    assert_eq!(server.requests("toggleUserStatus"), 1);
}

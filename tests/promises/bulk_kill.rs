//! A program that is killed while it works: no row is lost, and none is repeated blindly.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};

use tempfile::TempDir;
use user_status::bulk::{JournalReader, RowState};
use user_status_mock::{Exchange, Options, StandaloneServer, Vendor};
use user_status_tests::people;

/// The rows of a run: a few for each system.
const ROWS: usize = 20;

/// What a server was asked, in order: the system, the user, and whether it was to change something.
type Asked = Arc<Mutex<Vec<(Vendor, String, bool)>>>;

async fn server() -> (StandaloneServer, Asked) {
    let asked = Asked::default();
    let keep = asked.clone();
    let observe = move |exchange: &Exchange| {
        if let (Some(vendor), Some(user)) = (exchange.vendor, &exchange.user) {
            keep.lock().unwrap().push((vendor, user.clone(), exchange.method != "GET"));
        }
    };
    let options = Options::new().world(people::world()).on_request(move |_, exchange| observe(exchange));
    let server = StandaloneServer::start_with(options).await.unwrap();
    people::populate(&server, ROWS);
    (server, asked)
}

/// The program, in a process of its own, which is killed as `kill -9` does when it comes to this boundary of a write. Whether
/// it came there.
fn killed_at(boundary: u64, root: &str, journal: &Path) -> bool {
    let mut program = Command::new(env!("CARGO_BIN_EXE_bulk-runner"))
        .args([
            root,
            journal.to_str().unwrap(),
            &ROWS.to_string(),
            "--at-once",
            "2",
            "--wait-at",
            &boundary.to_string(),
        ])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(program.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let came = ["Before", "Written", "Committed"].contains(&line.trim());
    if came {
        program.kill().unwrap();
    }
    let ended = program.wait().unwrap();
    assert_eq!(came, !ended.success(), "boundary {boundary}: {line}");
    came
}

/// A world after the other. In each the run is killed again and again, the first time at another boundary than in the world
/// before, and then at later and later ones, until a session comes to its end.
#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_is_killed_at_every_boundary_of_a_write_ends_as_asked() {
    let mut kills = 0;
    for first in (1..=12).cycle() {
        let folder = TempDir::new().unwrap();
        let journal = folder.path().join("run.sqlite");
        let (server, asked) = server().await;
        let root = server.root();
        let mut killed = 0;
        while tokio::task::block_in_place(|| killed_at(first + killed, &root, &journal)) {
            killed += 1;
        }
        check(&server, &asked, &journal, killed);
        kills += killed;
        if kills >= 200 {
            return;
        }
    }
}

fn check(server: &StandaloneServer, asked: &Asked, journal: &Path, killed: u64) {
    let asked = asked.lock().unwrap();
    let entries: Vec<_> = JournalReader::open(journal).unwrap().entries().map(Result::unwrap).collect();
    assert_eq!(entries.len(), ROWS, "after {killed} kills");
    for (number, entry) in entries.iter().enumerate() {
        let (_, vendor, user) = people::account(number);
        let of_row: Vec<bool> =
            asked.iter().filter(|(v, u, _)| (*v, u) == (vendor, &user)).map(|(.., change)| *change).collect();
        let changes = of_row.iter().filter(|change| **change).count();
        let what =
            format!("row {number} is {} after {killed} kills; changes among its requests: {of_row:?}", entry.state);
        if vendor == Vendor::Clearsquare {
            // It was sent at most once, and if it was not sent for certain, nobody says that it was.
            assert!(changes <= 1, "{what}");
            assert!(matches!(entry.state, RowState::Accepted | RowState::Unknown), "{what}");
            assert!(changes == 1 || entry.state == RowState::Unknown, "{what}");
        } else {
            assert!(matches!(entry.state, RowState::Confirmed | RowState::Accepted | RowState::Unchanged), "{what}");
            assert_eq!(people::status(server, number).shows(&entry.row.change), Some(true), "{what}");
            // A second request for a change comes only after a look at the account.
            assert!(!of_row.windows(2).any(|two| two[0] && two[1]), "{what}");
        }
    }
}

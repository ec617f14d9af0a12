//! A program that is killed while it works: no row is lost, and none is repeated blindly.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tempfile::TempDir;
use user_status::bulk::{JournalErrorKind, JournalReader, RowState};
use user_status_mock::{Exchange, Options, StandaloneServer, SystemKind};
use user_status_tests::people;

/// The rows of a run: a few for each system.
const ROWS: usize = 20;

/// What a server was asked, in order: the system, the user, and whether it was to change something.
pub(crate) type Asked = Arc<Mutex<Vec<(SystemKind, String, bool)>>>;

pub(crate) async fn server(rows: usize) -> (StandaloneServer, Asked) {
    let asked = Asked::default();
    let keep = asked.clone();
    let observe = move |exchange: &Exchange| {
        if let (Some(system), Some(user)) = (exchange.system, &exchange.user) {
            keep.lock().unwrap().push((system, user.clone(), exchange.method != "GET"));
        }
    };
    let options = Options::new().world(people::world()).on_request(move |_, exchange| observe(exchange));
    let server = StandaloneServer::start_with(options).await.unwrap();
    people::populate(&server, rows);
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
            "--max-in-flight",
            "2",
            "--wait-at",
            &boundary.to_string(),
        ])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(program.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let came = ["Before", "Written", "Committed", "Marked"].contains(&line.trim());
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
        let (server, asked) = server(ROWS).await;
        let root = server.root();
        let mut killed = 0;
        while tokio::task::block_in_place(|| killed_at(first + killed, &root, &journal)) {
            killed += 1;
        }
        check(&server, &asked, &journal, ROWS, &format!("{killed} kills"));
        kills += killed;
        if kills >= 200 {
            return;
        }
    }
}

/// At moments that have nothing to do with what the program does: after some requests and some microseconds. So many times as
/// `USER_STATUS_KILLS` says; `USER_STATUS_SEED` repeats what a failure names; `.ci/kills` draws others.
#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_is_killed_at_any_time_ends_as_asked() {
    let set = |name: &str| std::env::var(name).ok().map(|text| text.parse::<u64>().expect("a number"));
    let kills = set("USER_STATUS_KILLS").unwrap_or(50);
    let seed = set("USER_STATUS_SEED").unwrap_or(1);
    println!("{kills} kills; USER_STATUS_SEED={seed} repeats them");
    let mut random = Random(seed);
    let (mut done, mut anew) = (0, 0);
    while done < kills {
        let folder = TempDir::new().unwrap();
        let journal = folder.path().join("run.sqlite");
        let (server, asked) = server(ROWS).await;
        let root = server.root();
        let mut killed = 0;
        while tokio::task::block_in_place(|| killed_after(&mut random, &asked, &root, &journal)) {
            killed += 1;
            match JournalReader::open(&journal) {
                // Whoever looks sees all rows, whatever the moment was.
                Ok(reader) => assert_eq!(reader.entries().map(Result::unwrap).count(), ROWS),
                Err(error) => {
                    assert!(
                        matches!(error.kind(), JournalErrorKind::Missing | JournalErrorKind::NotAJournal),
                        "{error}"
                    );
                    assert!(
                        asked.lock().unwrap().is_empty(),
                        "something was sent before the rows were taken in: {error}"
                    );
                    for file in std::fs::read_dir(folder.path()).unwrap() {
                        std::fs::remove_file(file.unwrap().path()).unwrap();
                    }
                    anew += 1;
                }
            }
        }
        check(&server, &asked, &journal, ROWS, &format!("{killed} kills (USER_STATUS_SEED={seed})"));
        done += killed;
    }
    println!("{done} kills, {anew} of them before the rows were taken in");
}

/// The program, killed after a random number of requests that the server saw of it, and a random time. Whether it was before
/// its end.
pub(crate) fn killed_after(random: &mut Random, asked: &Asked, root: &str, journal: &Path) -> bool {
    let before = asked.lock().unwrap().len();
    let requests = before + usize::try_from(random.below(12)).unwrap();
    let pause = Duration::from_micros(random.below(3000));
    let mut program = Command::new(env!("CARGO_BIN_EXE_bulk-runner"))
        .args([root, journal.to_str().unwrap(), &ROWS.to_string(), "--max-in-flight", "2"])
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    if requests == before {
        // While it starts, or takes rows in.
        std::thread::sleep(pause * 10);
    }
    loop {
        if asked.lock().unwrap().len() >= requests {
            std::thread::sleep(pause);
            program.kill().unwrap();
            return !program.wait().unwrap().success();
        }
        if let Some(ended) = program.try_wait().unwrap() {
            assert!(ended.success());
            return false;
        }
        std::thread::sleep(Duration::from_micros(100));
    }
}

/// Numbers that a seed repeats (splitmix64).
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % end
    }
}

/// Holds what a run says of its rows against what the server was asked, and what its accounts are.
pub(crate) fn check(server: &StandaloneServer, asked: &Asked, journal: &Path, rows: usize, after: &str) {
    let asked = asked.lock().unwrap();
    let entries: Vec<_> = JournalReader::open(journal).unwrap().entries().map(Result::unwrap).collect();
    assert_eq!(entries.len(), rows, "after {after}");
    for (number, entry) in entries.iter().enumerate() {
        let (_, system, user) = people::account(number);
        let of_row: Vec<bool> =
            asked.iter().filter(|(v, u, _)| (*v, u) == (system, &user)).map(|(.., change)| *change).collect();
        let changes = of_row.iter().filter(|change| **change).count();
        let what = format!("row {number} is {} after {after}; changes among its requests: {of_row:?}", entry.state);
        if system == SystemKind::Clearsquare {
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

//! What is said of runs, from journals that hold every state and texts of the worst kind.

mod common;

use std::path::PathBuf;
use std::process::Command;

use common::{Ran, program};
use futures_util::stream;
use serde_json::Value;
use tempfile::TempDir;
use user_status::bulk::{InvalidRows, Journal, Row};
use user_status::systems::{Clearsquare, Symphony, clearsquare, symphony};
use user_status::{Registry, StatusChange};

/// A folder of journals.
struct Journals(TempDir);

impl Journals {
    fn new() -> Journals {
        Journals(tempfile::tempdir().unwrap())
    }

    fn path(&self, id: &str) -> PathBuf {
        self.0.path().join(format!("{id}.sqlite"))
    }

    /// A run of so many rows, none of which was begun, as this SQL leaves it.
    fn run(&self, id: &str, rows: u64, sql: &str) {
        let pod =
            Symphony::builder().base_url("http://127.0.0.1:9").credentials(symphony::Credentials::session_token("t"));
        let shop =
            Clearsquare::builder().base_url("http://127.0.0.1:9").credentials(clearsquare::Credentials::token("t"));
        let registry = Registry::default().with("pod", pod.build().unwrap()).with("shop", shop.build().unwrap());
        let rows = (1..=rows).map(|line| {
            let mut row = match line % 4 {
                0 => Row::new("shop", format!("{line:024x}"), StatusChange::toggle()),
                _ => {
                    let until = "2030-12-31T23:59:59Z".parse().unwrap();
                    Row::new("pod", (7_000_000 + line).to_string(), StatusChange::suspend("=1+1").with_until(until))
                }
            };
            row.line = line + 1;
            row.key = Some("LEAVE-1".to_owned());
            Ok(row)
        });
        let path = self.path(id);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let journal = Journal::create(&path, "leavers.csv", &registry, stream::iter(rows), InvalidRows::Refuse, |_| {});
        drop(runtime.block_on(journal).unwrap());
        let connection = rusqlite::Connection::open(&path).unwrap();
        connection.execute_batch("UPDATE run SET value = '2026-11-24T02:30:34Z' WHERE name = 'created'").unwrap();
        connection.execute_batch(sql).unwrap();
        Journal::seal_anew(&path).unwrap();
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = program();
        command.env("USER_STATUS_RUNS", self.0.path()).args(arguments);
        command
    }

    fn say(&self, arguments: &[&str]) -> Ran {
        self.command(arguments).output().unwrap().into()
    }

    fn json(&self, arguments: &[&str]) -> Value {
        let ran = self.say(arguments);
        serde_json::from_str(&ran.ended(0).stdout).unwrap_or_else(|e| panic!("{e}: {}", ran.stdout))
    }
}

/// All states, and what somebody would put into a text who has it in for the reader.
const OUTCOMES: &str = r#"
INSERT INTO sessions (started, ended, how, sum) VALUES ('2026-11-24T02:30:35Z', '2026-11-24T02:31:00Z', 'interrupted', 0);
UPDATE rows SET state = 'confirmed', attempts = 1, http = 200, request_id = 'r-1', before = '{"enabled":true}',
    after = '{"enabled":true,"suspended":{"active":true,"reason":"=1+1","until":"2030-12-31T23:59:59Z"}}',
    started = '2026-11-24T02:30:36Z', ended = '2026-11-24T02:30:37Z' WHERE number = 1;
UPDATE rows SET state = 'refused', attempts = 1, http = 404, why = 'not_found',
    message = char(27) || '[2J@SUM(1), "quoted"' || char(10) || 'and more' WHERE number = 2;
UPDATE rows SET state = 'failed', attempts = 3, http = 503, why = 'server', message = '-503' WHERE number = 3;
UPDATE rows SET state = 'unknown', attempts = 1, why = 'outcome_unknown', message = 'no answer' WHERE number = 4;
UPDATE rows SET state = 'sending', started = '2026-11-24T02:30:36Z' WHERE number = 5;
UPDATE rows SET state = 'unchanged', after = '{"enabled":true}' WHERE number = 6;
UPDATE rows SET state = 'accepted', attempts = 1, http = 200 WHERE number = 8;
"#;

const ID: &str = "20261124-023034-k7q2";

fn every_state() -> Journals {
    let journals = Journals::new();
    journals.run(ID, 9, OUTCOMES);
    journals
}

#[test]
fn one_run_that_cannot_be_read_hides_no_other() {
    let journals = every_state();
    journals.run("20261125-000000-aaaa", 1, "");
    journals.run("20261126-000000-aaaa", 1, "PRAGMA user_version = 99");
    journals.run("20261127-000000-aaaa", 3, "INSERT INTO sessions (started, sum) VALUES ('2026-11-24T02:30:35Z', 0)");
    std::fs::write(journals.path("20261128-000000-aaaa"), "not a database, and long enough to look at it twice")
        .unwrap();
    let listed = journals.json(&["runs", "--json"]);
    let of = |name: &str| listed["runs"].as_array().unwrap().iter().map(|run| run[name].clone()).collect::<Vec<_>>();
    assert_eq!(of("state"), ["damaged", "broken off", "of a newer version", "not confirmed", "interrupted"]);
    assert_eq!((&of("rows")[4], &of("open")[4]), (&9.into(), &5.into()));
    assert_eq!(listed["runs"][4]["counts"]["pending"], 2);
    let ran = journals.say(&["runs"]);
    ran.ended(0).said("it is no SQLite database").said("version 99 of the tables, and this program knows 2");
    ran.said("2 pending, 1 sending, 1 confirmed, 1 accepted, 1 unchanged, 1 refused, 1 failed, 1 unknown  leavers.csv");
    journals.say(&["report", "20261126"]).ended(1).said("use a newer one");
    journals.say(&["report", "last", "--json"]).ended(1).said("\"kind\":\"not_a_journal\"");
}

#[test]
fn a_report_for_people_ends_with_what_to_do() {
    let journals = every_state();
    let ran = journals.say(&["report", "last"]);
    ran.ended(0).kept("\u{1b}").said("interrupted; one session");
    let rows: Vec<&str> = ran.stdout.lines().skip_while(|line| !line.starts_with('#')).collect();
    assert_eq!(
        rows[1],
        "1  2     pod     7000001                   suspend  confirmed  enabled, suspended until 2030-12-31T23:59:59Z (=1+1)"
    );
    assert!(rows[2].ends_with(r#"refused    \u{1b}[2J@SUM(1), "quoted"\nand more"#), "{}", rows[2]);
    ran.said("2 unknown or sending: nobody knows").said("1 refused:").said(&format!("user-status resume {ID}"));
    let ran = journals.say(&["report", ID, "--only", "bad", "--system", "pod"]);
    ran.ended(0).said("2 of 9 rows are shown.").kept("confirmed  ");
    // Whoever named the folder needs to name it again.
    let folder = journals.0.path().to_str().unwrap();
    let ran = journals.say(&["report", "last", "--runs", folder]);
    ran.ended(0).said(&format!("user-status resume {ID} --runs {folder}"));
}

#[test]
fn a_report_for_a_spreadsheet_has_no_formula_in_it() {
    let journals = every_state();
    let read = |text: &str| {
        let mut reader = csv::Reader::from_reader(text.as_bytes());
        let head = reader.headers().unwrap().clone();
        let records: Vec<csv::StringRecord> = reader.records().map(Result::unwrap).collect();
        move |number: usize, column: &str| {
            let column = head.iter().position(|name| name == column).unwrap();
            records[number - 1][column].to_owned()
        }
    };
    let harmless = read(&journals.say(&["report", "last", "--format", "csv"]).ended(0).stdout);
    assert_eq!(harmless(1, "reason"), "'=1+1");
    assert_eq!(harmless(2, "message"), "\u{1b}[2J@SUM(1), \"quoted\"\nand more");
    assert_eq!(harmless(3, "message"), "'-503");
    assert_eq!(
        (harmless(9, "state"), harmless(9, "http"), harmless(9, "attempts")),
        ("pending".into(), "".into(), "0".into())
    );
    let exact = read(&journals.say(&["report", "last", "--format", "csv", "--exact"]).ended(0).stdout);
    assert_eq!((exact(1, "reason"), exact(3, "message")), ("=1+1".to_owned(), "-503".to_owned()));
    assert_eq!((exact(1, "until"), exact(1, "key")), ("2030-12-31T23:59:59Z".to_owned(), "LEAVE-1".to_owned()));
    assert_eq!(exact(1, "before"), r#"{"enabled":true}"#);
}

#[test]
fn reports_for_programs_have_every_row_once() {
    let journals = every_state();
    let document = journals.json(&["report", "last", "--json"]);
    assert_eq!(document["run"]["run"], ID);
    assert_eq!((&document["run"]["state"], &document["counts"]["unknown"]), (&"interrupted".into(), &1.into()));
    assert_eq!(document["by_system"]["shop"]["accepted"], 1);
    let rows = document["rows"].as_array().unwrap();
    assert_eq!(rows.len(), 9);
    assert_eq!(
        (&rows[0]["change"]["reason"], &rows[0]["after"]["suspended"]["active"]),
        (&"=1+1".into(), &true.into())
    );
    let lines = journals.say(&["report", "last", "--format", "ndjson"]);
    let lines: Vec<Value> = lines.ended(0).stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines, *rows);
    let open = journals.json(&["report", "last", "--json", "--only", "open"]);
    let states: Vec<&str> = open["rows"].as_array().unwrap().iter().map(|row| row["state"].as_str().unwrap()).collect();
    assert_eq!(states, ["failed", "unknown", "sending", "pending", "pending"]);
    let none = journals.json(&["report", "last", "--json", "--only", "unchanged", "--system", "shop"]);
    assert_eq!(none["rows"], serde_json::json!([]));
}

#[test]
fn a_file_is_written_whole_and_replaces_none_unasked() {
    let journals = every_state();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("report.csv");
    let output = ["report", "last", "--format", "csv", "--output", path.to_str().unwrap()];
    assert_eq!(journals.say(&output).ended(0).stdout, "");
    let text = std::fs::read_to_string(&path).unwrap();
    assert_eq!(text, journals.say(&output[..4]).stdout);
    journals.say(&output).ended(2).said("is there already").said("--force");
    journals.say(&[&output[..], &["--force"]].concat()).ended(0);
    #[cfg(unix)]
    journals.say(&["report", "last", "--output", "/dev/null", "--force"]).ended(2).said("is no file");
    // One whose journal breaks off in the middle leaves what was there.
    let connection = rusqlite::Connection::open(journals.path(ID)).unwrap();
    connection.execute_batch("UPDATE rows SET change = 'nonsense' WHERE number = 7").unwrap();
    journals.say(&[&output[..], &["--force"]].concat()).ended(1);
    assert_eq!(std::fs::read_to_string(&path).unwrap(), text);
    let table = folder.path().join("report.txt");
    journals.say(&["report", "last", "--output", table.to_str().unwrap(), "--only", "bad"]).ended(1);
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "something was left");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        assert_eq!(path.metadata().unwrap().permissions().mode() & 0o077, 0, "it names people");
    }
}

#[test]
fn what_is_not_understood_says_what_would_be() {
    let journals = every_state();
    journals.say(&["report", "20270101"]).ended(2).said("there is no run `20270101`").said("The newest: 20261124");
    journals.say(&["report", "last", "--system", "pods"]).ended(2).said("Did you mean `pod`?");
    journals.say(&["report", "last", "--json", "--format", "csv"]).ended(2).said("--json is --format json");
    journals.say(&["report", "last", "--exact"]).ended(2).said("--exact goes with --format csv");
    journals.say(&["report", "last", "--only", "lost"]).ended(2).said("unknown");
    journals.say(&["report", "last", "--output", "no/such/folder/file"]).ended(1).said("is not written");
}

/// The program that is at work is this one, by the lock that any would hold.
#[test]
fn a_run_that_is_worked_on_is_reported_as_one() {
    let journals = every_state();
    let _at_work = Journal::open(journals.path(ID)).unwrap();
    journals.say(&["report", "last"]).ended(0).said("at work; one session").said("rows may have gone on");
    assert_eq!(journals.json(&["runs", "--json"])["runs"][0]["state"], "at work");
}

/// Ends of files, and bytes in their middle: what can be read is reported, and what cannot is said.
#[test]
fn no_damage_makes_it_panic() {
    let journals = Journals::new();
    journals.run(ID, 400, "");
    let whole = std::fs::read(journals.path(ID)).unwrap();
    let damaged = journals.path("20261125-000000-aaaa");
    let mut refused = 0;
    for at in (0..whole.len()).step_by(3001) {
        let mut overwritten = whole.clone();
        let end = (at + 64).min(whole.len());
        overwritten[at..end].fill(0xa5);
        for bytes in [&overwritten[..], &whole[..at]] {
            std::fs::write(&damaged, bytes).unwrap();
            let ran = journals.say(&["report", "20261125", "--format", "ndjson"]);
            assert!(matches!(ran.code, Some(0 | 1)), "{at}: {}", ran.stderr);
            assert!(!ran.stderr.contains("panicked"), "{at}: {}", ran.stderr);
            assert_eq!(ran.code == Some(1), ran.stderr.contains("the journal "), "{at}: {}", ran.stderr);
            if ran.code == Some(1) {
                refused += 1;
                for command in [&["resume", "20261125"][..], &["undo", "20261125", "--dry-run"]] {
                    let ran = journals.say(command);
                    assert!(ran.code == Some(1) && ran.stderr.contains("the journal "), "{at}: {}", ran.stderr);
                }
            }
            journals.say(&["runs"]).ended(0).said(ID);
        }
    }
    assert!(refused > 10, "{refused}");
}

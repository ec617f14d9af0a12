//! What was not confirmed is asked for, what was done is not done twice, and a journal that was moved or damaged says so.

mod common;

use std::path::{Path, PathBuf};
use std::process::Child;
use std::time::Duration;

use common::Ran;
use common::systems::{Systems, of_pod};
use futures_util::stream;
use serde_json::Value;
use user_status::bulk::{InvalidRows, Journal, Row};
use user_status::systems::{Symphony, symphony};
use user_status::{Registry, StatusChange};
use user_status_mock::{Fault, SystemKind};

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap()
}

/// The pod of the configuration.
fn registry(systems: &Systems) -> Registry {
    let token = symphony::Credentials::session_token(systems.server.credentials().symphony.session_token);
    let pod =
        Symphony::builder().base_url(systems.server.uri(SystemKind::Symphony)).credentials(token).build().unwrap();
    Registry::default().with("pod", pod)
}

/// A run as a program leaves it that is killed while it asks for so many changes.
fn unconfirmed(systems: &Systems, id: &str, rows: u64) -> PathBuf {
    std::fs::create_dir_all(systems.runs()).unwrap();
    let path = systems.runs().join(format!("{id}.sqlite"));
    let rows = stream::iter((0..rows).map(|number| Ok(Row::new("pod", of_pod(number), StatusChange::disable()))));
    let registry = registry(systems);
    let created = Journal::create(&path, "leavers.csv", &registry, rows, InvalidRows::Refuse, |_| {});
    drop(runtime().block_on(created).unwrap());
    path
}

#[cfg(unix)]
fn signal(child: &Child, name: &str) {
    assert!(std::process::Command::new("kill").args([name, &child.id().to_string()]).status().unwrap().success());
}

fn ended(child: Child) -> Ran {
    child.wait_with_output().unwrap().into()
}

/// The documents on the standard output: one a line.
#[track_caller]
fn lines(ran: &Ran) -> Vec<Value> {
    ran.stdout.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|e| panic!("{e}: {line}"))).collect()
}

#[test]
fn a_run_that_nobody_confirmed_is_asked_for() {
    let systems = Systems::start(12);
    let journal = unconfirmed(&systems, "20990101-000000-aaaa", 12);
    let id = "20990101-000000-aaaa";
    systems.run(&["runs"]).ended(0).said("not confirmed");
    for command in ["resume", "undo", "report"] {
        systems.run(&[command, "last"]).ended(2).said("was begun yet").said(&format!("user-status resume {id}"));
    }
    for arguments in [&["resume", id][..], &["resume", journal.to_str().unwrap()], &["--json", "resume", id]] {
        systems.run(arguments).ended(6).said("12 changes must be confirmed").said("nothing was sent");
    }
    let few = ["resume", id, "--yes", "--max-changes", "11"];
    systems.run(&few).ended(6).said("12 changes asked for, and --max-changes allows 11; nothing was sent");
    systems.configure("max_changes = 11", "");
    systems.run(&["resume", id, "--yes"]).ended(6).said("`max_changes` in");
    assert!(systems.changes().is_empty());
    systems.configure("", "");
    systems.run(&["resume", id, "--yes"]).ended(0).said("all 12 rows are done");
    assert_eq!(systems.changes().len(), 12);
    // From then on it is the last, and needs no more than any other.
    systems.run(&["report", "last"]).ended(0).said(id);
    systems.run(&["resume", "last"]).ended(0).said("nothing to go on with");

    // An undo is asked for however few rows it has.
    systems.run(&["undo", "last", "--yes"]).ended(0);
    systems.leavers(1);
    systems.run(&["apply", "leavers.csv"]).ended(0);
    let expects = systems.runs().join("20990102-000000-aaaa.sqlite");
    let mut row = Row::new("pod", of_pod(0), StatusChange::enable());
    row.expected = Some(serde_json::from_str(r#"{"enabled":false}"#).unwrap());
    let rows = stream::iter([Ok(row)]);
    let registry = registry(&systems);
    let created = Journal::create(&expects, "undo of a run", &registry, rows, InvalidRows::Refuse, |_| {});
    drop(runtime().block_on(created).unwrap());
    systems.run(&["resume", "20990102-000000-aaaa"]).ended(6).said("1 change must be confirmed");
}

#[test]
fn runs_that_were_never_begun_are_named_and_removed() {
    let systems = Systems::start(2);
    systems.leavers(2);
    systems.run(&["apply", "leavers.csv"]).ended(0);
    let begun = systems.journals();
    unconfirmed(&systems, "20990101-000000-aaaa", 2);
    std::fs::write(systems.runs().join("20990101-000000-bbbb.sqlite"), "").unwrap();
    std::fs::write(systems.runs().join("20990101-000000-cccc.sqlite"), "a file of somebody else's").unwrap();
    systems.run(&["runs"]).ended(0).said("not confirmed").said("without rows").said("damaged");
    systems.run(&["runs", "prune"]).ended(6).said("2 runs must be confirmed").said("nothing was removed");
    systems.run(&["runs", "prune", "--json"]).ended(6);
    assert_eq!(systems.journals().len(), 4);
    let pruned = systems.run(&["runs", "prune", "--yes", "--json"]);
    let document: Value = serde_json::from_str(&pruned.ended(0).stdout).unwrap();
    assert_eq!(document["removed"].as_array().unwrap().len(), 2);
    let left = systems.journals();
    assert!(left.len() == 2 && left.contains(&begun[0]), "{left:?}");
    systems.run(&["runs", "prune"]).ended(0).said("nothing is removed");
}

#[test]
fn the_last_run_is_the_last_that_was_begun_whatever_the_files_are_called() {
    let systems = Systems::start(3);
    let apply = |number: u64| {
        systems.folder.write("one.csv", &format!("system,user,change\npod,{},disable\n", of_pod(number)));
        let before = systems.journals();
        systems.run(&["apply", "one.csv"]).ended(0);
        systems.journals().into_iter().find(|path| !before.contains(path)).unwrap()
    };
    let (first, second) = (apply(0), apply(1));
    let moved = |path: &Path, name: &str| {
        std::fs::rename(path, systems.runs().join(name)).unwrap();
        let beside = |path: &Path| PathBuf::from(format!("{}-head", path.display()));
        std::fs::rename(beside(path), beside(&systems.runs().join(name))).unwrap();
    };
    moved(&first, "20990101-000000-aaaa.sqlite");
    moved(&second, "19990101-000000-aaaa.sqlite");
    unconfirmed(&systems, "20990102-000000-aaaa", 3);
    systems.run(&["report", "last"]).ended(0).said(&of_pod(1));
    // One that cannot be read may be the last.
    std::fs::write(systems.runs().join("20990103-000000-aaaa.sqlite"), "damaged").unwrap();
    systems.run(&["undo", "last", "--yes"]).ended(1).said("which run is the last cannot be told");
    assert_eq!(systems.changes().len(), 2);
}

#[test]
fn the_same_rows_twice_want_more_than_a_yes_where_they_turn_back() {
    let systems = Systems::start(2);
    let toggles = ["634441cecbb5901d133039f8", "634441cecbb5901d133039f9"];
    systems.server.put_user(SystemKind::Clearsquare, toggles[1], &serde_json::json!({})).unwrap();
    let write = |name: &str, toggles: [&str; 2]| {
        let rows = toggles.map(|user| format!("shop,{user},toggle\n")).concat();
        systems.folder.write(name, &format!("system,user,change\n{rows}"));
    };
    write("toggles.csv", toggles);
    write("others.csv", [toggles[1], toggles[0]]);
    systems.run(&["apply", "toggles.csv", "--yes"]).ended(0);
    let journals = systems.journals();
    for name in ["toggles.csv", "others.csv"] {
        for more in [&[][..], &["--yes"], &["--json", "--yes"]] {
            let refused = systems.run(&[&["apply", name], more].concat());
            refused.ended(6).said("made these same 2 changes on ").said("turn them back").said("--again");
        }
    }
    assert_eq!(systems.journals(), journals, "what was refused is not to be taken up");
    assert!(systems.changes().values().all(|changes| *changes == 1));
    systems.run(&["apply", "others.csv", "--yes", "--again"]).ended(0).said("note: run ");
    assert!(systems.changes().values().all(|changes| *changes == 2));

    // What is so already is left as it is: it is said, and no more.
    systems.leavers(2);
    systems.run(&["apply", "leavers.csv"]).ended(0).kept("these same");
    systems.run(&["apply", "leavers.csv"]).ended(0).said("made these same 2 changes").said("2  unchanged");
    // An undo of the same run may be asked for again.
    systems.run(&["undo", "last", "--yes"]).ended(0);
}

#[test]
fn a_run_whose_rows_are_still_taken_in_says_so() {
    let systems = Systems::start(2);
    std::fs::create_dir_all(systems.runs()).unwrap();
    let path = systems.runs().join("20990101-000000-aaaa.sqlite");
    let (runtime, registry, at) = (runtime(), registry(&systems), path.clone());
    let (sender, rows) = tokio::sync::mpsc::unbounded_channel();
    sender.send(Ok(Row::new("pod", of_pod(0), StatusChange::disable()))).unwrap();
    let rows = stream::unfold(rows, |mut rows| async move { rows.recv().await.map(|row| (row, rows)) });
    let taking =
        runtime.spawn(async move { Journal::create(&at, "rows", &registry, rows, InvalidRows::Refuse, |_| {}).await });
    while !path.with_extension("sqlite.lock").exists() {
        std::thread::yield_now();
    }
    // The lock is there a moment before it is held.
    while systems.run(&["resume", "20990101"]).stderr.contains("it holds no rows") {}
    systems.run(&["resume", "20990101"]).ended(1).said("a program is still taking its rows in").kept("emptied");
    systems.run(&["runs"]).ended(0).said("taking rows in");
    systems.run(&["runs", "prune", "--yes"]).ended(0).said("nothing is removed");
    drop(sender);
    drop(runtime.block_on(taking).unwrap().unwrap());
    systems.run(&["resume", "20990101", "--yes"]).ended(0);
}

/// What is written for programs, row by row, is one document a line, and ends with the summary.
#[test]
fn what_is_shown_for_programs_is_a_document_a_line() {
    let systems = Systems::start(2);
    systems.leavers(2);
    let summary = |ran: &Ran| lines(ran).pop().unwrap()["summary"].clone();
    assert_eq!(summary(&systems.run(&["--json", "plan", "leavers.csv"]))["send"], 2);
    systems.run(&["apply", "leavers.csv"]).ended(0);
    let undone = systems.run(&["--json", "undo", "last", "--dry-run"]);
    assert_eq!((summary(&undone)["send"].clone(), lines(&undone).len()), (2.into(), 3));
    // Nothing to take back: every row was so already.
    systems.run(&["apply", "leavers.csv", "--yes"]).ended(0);
    let nothing = systems.run(&["--json", "undo", "last", "--dry-run"]);
    assert_eq!((summary(&nothing)["rows"].clone(), lines(&nothing).len()), (0.into(), 1));
    // Nor here, and why.
    systems.folder.write("toggle.csv", "system,user,change\nshop,634441cecbb5901d133039f8,toggle\n");
    systems.run(&["apply", "toggle.csv"]).ended(0);
    let refused = systems.run(&["--json", "undo", "last", "--dry-run"]);
    assert_eq!(
        (summary(refused.ended(3))["not_undone"].clone(), lines(&refused)[0]["step"].clone()),
        (1.into(), "cannot".into())
    );
    let report = systems.run(&["report", "last", "--format", "ndjson"]);
    assert_eq!(lines(&report).len(), 1);
}

/// As after a copy, a backup or a clean-up that took the main file alone.
#[test]
fn a_journal_that_lost_its_end_is_refused_and_goes_on_in_doubt() {
    let systems = Systems::start(30);
    systems.leavers(30);
    let delay = Fault::delay(Duration::from_millis(50)).on_operation("updateUserStatus");
    systems.server.fault(delay).unwrap();
    let mut child = systems.spawn(&["apply", "leavers.csv", "--yes", "--max-in-flight", "2"]);
    while systems.server.requests("updateUserStatus") < 8 {
        assert!(child.try_wait().unwrap().is_none(), "it ended");
    }
    child.kill().unwrap();
    child.wait().unwrap();
    systems.server.clear_faults();
    let journal = systems.journals().remove(0);
    std::fs::remove_file(format!("{}-wal", journal.display())).unwrap();
    let _ = std::fs::remove_file(format!("{}-shm", journal.display()));
    let before = systems.changes();
    for arguments in [&["resume", "last"][..], &["undo", "last", "--yes"], &["undo", "last", "--dry-run"]] {
        systems.run(arguments).ended(1).said("it lacks its end").said("resume --in-doubt");
    }
    let failure = systems.run(&["--json", "resume", "last"]);
    let failure: Value = serde_json::from_str(&failure.stderr).unwrap();
    assert_eq!(failure["error"]["kind"], "journal_lost_its_end");
    systems.run(&["runs"]).ended(0).said("lost its end");
    systems.run(&["report", "last"]).ended(0).said("lost its end").said("may have been sent").said("--in-doubt");
    assert_eq!(systems.changes(), before);
    let resumed = systems.run(&["resume", "last", "--in-doubt"]);
    resumed.ended(0).said("all 30 rows are done");
    assert!(systems.changes().len() == 30 && systems.changes().values().all(|changes| *changes == 1));
    systems.run(&["report", "last"]).ended(0).kept("lost its end");
}

/// As after a backup from before the run was confirmed.
#[test]
fn a_journal_that_lost_its_confirmation_does_not_say_that_nothing_was_sent() {
    let systems = Systems::start(12);
    let journal = unconfirmed(&systems, "20990101-000000-aaaa", 12);
    let earlier = std::fs::read(&journal).unwrap();
    systems.run(&["resume", "20990101", "--yes"]).ended(0);
    for suffix in ["-wal", "-shm"] {
        let _ = std::fs::remove_file(format!("{}{suffix}", journal.display()));
    }
    std::fs::write(&journal, earlier).unwrap();
    systems.run(&["runs"]).ended(0).said("lost its end");
    let kept = || {
        systems.run(&["runs", "prune", "--yes"]).ended(0).said("nothing is removed");
    };
    kept();
    for arguments in [&["resume", "20990101", "--in-doubt"][..], &["resume", "20990101"]] {
        systems.run(arguments).ended(6).said("12 changes must be confirmed").said("nothing was sent now");
        systems.run(&[arguments, &["--max-changes", "11"]].concat()).ended(6).said("nothing was sent now");
        kept();
    }
    systems.run(&["resume", "20990101", "--yes"]).ended(0).said("all 12 rows are done");
    assert!(systems.changes().values().all(|changes| *changes == 1));
}

#[test]
fn a_damaged_row_is_named_and_its_run_does_not_go_on() {
    let systems = Systems::start(12);
    let journal = unconfirmed(&systems, "20990101-000000-aaaa", 5);
    let mut bytes = std::fs::read(&journal).unwrap();
    let user = of_pod(2);
    let named = |bytes: &[u8]| bytes.windows(user.len()).position(|part| part == user.as_bytes());
    while let Some(at) = named(&bytes) {
        // Now it is another account of the pod.
        bytes[at + user.len() - 1] = b'7';
    }
    std::fs::write(&journal, bytes).unwrap();
    for command in ["resume", "undo", "report"] {
        let refused = systems.run(&[command, "20990101", "--yes"][..if command == "report" { 2 } else { 3 }]);
        refused.ended(1).said("damaged").said("the run does not go on");
    }
    assert!(systems.changes().is_empty());
}

/// The terminal is gone: what is under way ends, and nothing is left in doubt, unless whoever began it wants it to go on.
#[cfg(unix)]
#[test]
fn a_run_that_is_hung_up_ends_in_order() {
    for goes_on in [false, true] {
        let systems = Systems::start(1);
        let users: Vec<String> = (0..30).map(|number| format!("{number:024x}")).collect();
        for user in &users {
            systems.server.put_user(SystemKind::Clearsquare, user, &serde_json::json!({})).unwrap();
        }
        let rows: String = users.iter().map(|user| format!("shop,{user},toggle\n")).collect();
        systems.folder.write("toggles.csv", &format!("system,user,change\n{rows}"));
        let delay = Fault::delay(Duration::from_millis(50)).on_operation("manageUserStatus");
        systems.server.fault(delay).unwrap();
        let command = systems.command(&["apply", "toggles.csv", "--yes", "--max-in-flight", "2"]);
        let mut child = match goes_on {
            false => systems.spawn(&["apply", "toggles.csv", "--yes", "--max-in-flight", "2"]),
            true => {
                // As nohup does.
                let mut shell = std::process::Command::new("sh");
                shell
                    .args(["-c", r#"trap "" HUP; exec "$0" "$@""#])
                    .arg(command.get_program())
                    .args(command.get_args());
                shell.current_dir(systems.folder.path("")).envs(systems.secrets());
                shell.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped()).spawn().unwrap()
            }
        };
        while systems.server.requests("manageUserStatus") < 3 {
            assert!(child.try_wait().unwrap().is_none(), "it ended");
        }
        signal(&child, "-HUP");
        let ran = systems.checked(ended(child));
        if goes_on && cfg!(target_os = "linux") {
            ran.ended(0).said("all 30 rows are done");
        } else {
            ran.ended(5).said("finishing what is under way");
        }
        let report = systems.run(&["report", "last", "--json"]);
        let report: Value = serde_json::from_str(&report.ended(0).stdout).unwrap();
        assert_eq!((&report["counts"]["unknown"], &report["counts"]["sending"]), (&0.into(), &0.into()));
        systems.server.clear_faults();
        systems.run(&["resume", "last"]).ended(0);
        assert!(systems.changes().len() == 30 && systems.changes().values().all(|changes| *changes == 1));
    }
}

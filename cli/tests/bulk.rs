//! Changes to many accounts: what is refused before anything is sent, what a run leaves, and the ways on and back.

mod common;

use std::path::Path;
use std::process::Child;

use common::Ran;
use common::systems::{Systems, of_pod};
use serde_json::Value;
use user_status_mock::{Fault, RetryAfter, SystemKind};

/// One change in each of four systems, each with a way back.
const CHANGES: &str = "\
system,user,change,reason,until,comment,key
pod,7215545078541,suspend,Leave,2099-12-31T23:59:59Z,,T-1
pod,7300000000000,disable,,,,T-2
clinic,42,suspend,Leave,,,T-3
docs,6f1e9c1e-3b57-4f0a-9d0e-0c2f0f5a1d11,disable,,,,T-4
portal,f57dd9cc-2608-456e-9dfa-300c85224a73.acmepaymentscorp,lock,,,,T-5
";

#[cfg(unix)]
fn interrupt(child: &Child) {
    let killed = std::process::Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    assert!(killed.success());
}

fn ended(child: Child) -> Ran {
    child.wait_with_output().unwrap().into()
}

/// Each file beneath the folder of runs is without credentials, whatever its format.
#[track_caller]
fn no_credential_is_kept(systems: &Systems) {
    let mut files = 0;
    for file in std::fs::read_dir(systems.runs()).unwrap() {
        let bytes = std::fs::read(file.unwrap().path()).unwrap();
        files += 1;
        for (name, secret) in systems.secrets() {
            assert!(!bytes.windows(secret.len()).any(|part| part == secret.as_bytes()), "{name}");
        }
    }
    assert!(files > 0);
}

#[test]
fn a_plan_shows_everything_and_changes_nothing() {
    let systems = Systems::start(2);
    systems.folder.write("changes.csv", CHANGES);
    let before = systems.world();
    let plan = systems.run(&["plan", "changes.csv"]);
    plan.ended(0)
        .said("line 3: pod 7300000000000: enabled → disabled")
        .said("line 4: clinic 42: enabled → suspended (Leave)")
        .said("5 changes would be sent. A run would take ")
        .said(", with up to 8 rows at once for each system.")
        .said("Nothing was changed.");
    systems
        .run(&["plan", "changes.csv", "--requests"])
        .ended(0)
        .said("sessiontoken: [redacted]")
        .said(r#"{"status":"DISABLED"}"#);
    let plan = systems.run(&["plan", "--json", "--requests", "changes.csv"]);
    let lines: Vec<Value> = plan.ended(0).stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len(), 6);
    assert_eq!(lines[1]["step"], "send");
    assert_eq!(lines[1]["request"]["method"], "POST");
    assert_eq!(lines[5]["summary"]["send"], 5);
    assert_eq!(lines[5]["summary"]["exit_code"], 0);
    assert_eq!(systems.world(), before);
    assert!(systems.changes().is_empty());
    assert!(systems.journals().is_empty());

    systems.folder.write("some.csv", "system,user,change\npod,999,disable\npod,7300000000000,enable\n");
    let plan = systems.run(&["plan", "some.csv"]);
    plan.ended(3).said("refused").said("does not exist").said("enabled already; nothing would be sent");
}

#[test]
fn what_is_applied_can_be_taken_back() {
    let systems = Systems::start(1);
    systems.folder.write("changes.csv", CHANGES);
    // Time stands still where the accounts of the clinic were last written: what is taken back bears the same.
    systems.server.set_clock("2024-02-01T14:20:00Z".parse().unwrap());
    let before = systems.world();
    systems.run(&["plan", "changes.csv"]).ended(0);
    let applied = systems.run(&["apply", "changes.csv"]);
    applied
        .ended(0)
        .said("5 changes from changes.csv. If it is stopped: user-status resume ")
        .said("all 5 rows are done");
    assert_ne!(systems.world(), before);
    assert_eq!(systems.changes().len(), 5);

    let shown = systems.run(&["undo", "last", "--dry-run"]);
    shown.ended(0).said("line 3: pod 7300000000000: disabled → enabled").said("Nothing was changed.");
    assert_eq!(systems.journals().len(), 1);
    // Whoever cannot be asked has not confirmed, however few there are.
    systems.run_with(&["undo", "last"], "5\n").ended(6).said("no terminal to ask at").said("--dry-run");
    assert_eq!(systems.journals().len(), 1);
    systems.run(&["undo", "last", "--yes"]).ended(0).said("all 5 rows are done");
    assert_eq!(systems.world(), before);
    no_credential_is_kept(&systems);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        for journal in systems.journals() {
            assert_eq!(journal.metadata().unwrap().permissions().mode() & 0o777, 0o600);
        }
    }
}

#[test]
fn an_account_that_was_changed_since_is_left_as_it_is() {
    let systems = Systems::start(2);
    systems.leavers(2);
    systems.run(&["apply", "leavers.csv"]).ended(0);
    let first = systems.journals().remove(0);
    systems.run(&["set", "pod", &of_pod(0), "enable"]).ended(0);
    let first = first.to_str().unwrap();
    systems.run(&["undo", first, "--dry-run"]).ended(0).said("enabled already; nothing would be sent");
    systems.run(&["undo", first, "--yes"]).ended(0).said("1  unchanged");
    // A toggle has no way back.
    systems.folder.write("toggle.csv", "system,user,change\nshop,634441cecbb5901d133039f8,toggle\n");
    systems.run(&["apply", "toggle.csv", "--yes"]).ended(0).said("accepted");
    let refused = systems.run(&["undo", "last", "--yes"]);
    refused.ended(3).said("a toggle does not say what the account was before").said("nothing that can be taken back");
}

#[test]
fn a_file_with_bad_rows_begins_no_run() {
    let systems = Systems::start(2);
    let good = of_pod(0);
    systems.folder.write(
        "bad.csv",
        &format!("system,user,change\npop,1,disable\npod,x,disable\npod,{good},disable\npod,{good},enable\nclinic,7,disable\n"),
    );
    for command in ["plan", "apply"] {
        let refused = systems.run(&[command, "bad.csv"]);
        refused.ended(7).said("line 2, column system").said("Did you mean `pod`?").said("line 3, column user");
        refused
            .said("another row on line 4")
            .said("is your own account")
            .said("4 rows of bad.csv cannot")
            .said("--skip-invalid");
    }
    let refused = systems.run(&["--json", "apply", "bad.csv"]);
    let lines: Vec<Value> = refused.ended(7).stderr.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len(), 5);
    assert_eq!(lines[0]["bad_row"]["line"], 2);
    assert_eq!(lines[4]["error"]["kind"], "bad_rows");
    assert_eq!(refused.stdout, "");
    assert_eq!(systems.server.total_requests(), 0);
    assert!(systems.journals().is_empty());

    systems
        .run(&["apply", "bad.csv", "--skip-invalid"])
        .ended(0)
        .said("4 rows of the file left out")
        .said("the row is done");
    assert_eq!(systems.changes().len(), 1);

    let run = |name: &str, text: &str| {
        systems.folder.write(name, text);
        systems.run(&["apply", name])
    };
    run("empty.csv", "system,user,change\n").ended(7).said("has no row to carry out");
    run("columns.csv", "system,user,changes\n").ended(7).said("cannot be read to its end");
    run("rows.txt", "").ended(2).said("--format csv");
    systems.run(&["apply", "nowhere.csv"]).ended(2).said("nowhere.csv cannot be read");
    systems.run(&["plan", "."]).ended(2);
}

#[test]
fn protected_and_own_accounts_are_refused_before_anything_is_sent() {
    let systems = Systems::start(2);
    systems.configure(&format!("protected = [\"pod:{}\"]", of_pod(1)), "");
    systems.leavers(2);
    systems
        .run(&["apply", "leavers.csv"])
        .ended(6)
        .said("line 3, column user")
        .said("is protected")
        .said("nothing was sent");
    systems.folder.write("own.csv", "system,user,change\nclinic,7,disable\n");
    systems.run(&["plan", "own.csv"]).ended(6).said("is your own account");
    assert_eq!(systems.server.total_requests(), 0);
    systems.run(&["apply", "leavers.csv", "--skip-invalid"]).ended(0);
    assert_eq!(systems.changes().len(), 1);
}

#[test]
fn many_changes_want_a_person_or_a_yes() {
    let systems = Systems::start(12);
    systems.leavers(12);
    let before = systems.world();
    for stdin in ["12\n", "", "yes\n"] {
        let refused = systems.run_with(&["apply", "leavers.csv"], stdin);
        refused.ended(6).said("12 changes must be confirmed, and there is no terminal to ask at; nothing was sent");
    }
    systems.run(&["--json", "apply", "leavers.csv"]).ended(6).said("With --json nobody is asked: --yes confirms.");
    let limited = ["apply", "leavers.csv", "--yes", "--max-changes", "11"];
    systems.run(&limited).ended(6).said("12 changes asked for, and --max-changes allows 11; nothing was sent");
    systems.configure("max_changes = 11", "");
    systems.run(&["apply", "leavers.csv", "--yes"]).ended(6).said("`max_changes` in");
    systems.configure("confirm_above = 11", "");
    systems.run(&["apply", "leavers.csv"]).ended(6).said("must be confirmed");
    assert_eq!(systems.world(), before);
    assert_eq!(systems.server.total_requests(), 0);
    assert!(systems.journals().is_empty(), "what was declined is not to be taken up");

    systems.configure("confirm_above = 12\nmax_changes = 12", "max_in_flight = 2\nper_second = 1000");
    systems.run(&["apply", "leavers.csv"]).ended(0).said("all 12 rows are done");
}

#[test]
fn rows_come_from_a_pipe_too() {
    let systems = Systems::start(2);
    let rows = format!("{{\"system\":\"pod\",\"user\":{},\"change\":\"disable\"}}\n", of_pod(0));
    systems.run_with(&["plan", "-", "--format", "ndjson"], &rows).ended(0).said("enabled → disabled");
    systems.run_with(&["apply", "-"], &rows).ended(2).said("--format ndjson");
    let applied = systems.run_with(&["--json", "apply", "-", "--format", "jsonl"], &rows);
    let document: Value = serde_json::from_str(&applied.ended(0).stdout).unwrap();
    assert_eq!(document["counts"]["confirmed"], 1);
    assert_eq!(document["source"], "the standard input");
    assert_eq!(document["exit_code"], 0);
    let began: Value = serde_json::from_str(applied.stderr.trim()).unwrap();
    assert_eq!(began["run"], document["run"]);
}

/// Ctrl-C in the middle: what is under way ends, what was not begun is left, and a second session does the rest.
#[cfg(unix)]
#[test]
fn a_run_that_is_stopped_goes_on_where_it_was() {
    let systems = Systems::start(40);
    systems.leavers(40);
    let delay = Fault::delay(std::time::Duration::from_millis(100)).on_operation("updateUserStatus");
    systems.server.fault(delay).unwrap();
    let mut child = systems.spawn(&["apply", "leavers.csv", "--yes", "--max-in-flight", "2"]);
    while systems.server.requests("updateUserStatus") < 3 {
        assert!(child.try_wait().unwrap().is_none(), "it ended");
    }
    for arguments in [&["resume", "last"][..], &["undo", "last", "--yes"]] {
        systems.run(arguments).ended(1).said("another program is at work on this run");
    }
    interrupt(&child);
    let stopped = systems.checked(ended(child));
    stopped.ended(5).said("finishing what is under way; Ctrl-C again to stop at once").said("Go on:").said("pending");
    let done = systems.changes().len();
    assert!((3..40).contains(&done), "{done}");
    systems.server.clear_faults();
    let resumed = systems.run(&["resume", "last"]);
    resumed.ended(0).said(&format!("{done} finished rows passed over")).said("all 40 rows are done");
    assert_eq!(systems.changes().len(), 40);
    assert!(systems.changes().values().all(|changes| *changes == 1));
    systems.run(&["resume", "last"]).ended(0).said("there is nothing to go on with");
    no_credential_is_kept(&systems);
}

#[test]
fn a_run_whose_program_was_killed_goes_on() {
    let systems = Systems::start(30);
    systems.leavers(30);
    let before = systems.world();
    let delay = Fault::delay(std::time::Duration::from_millis(50)).on_operation("updateUserStatus");
    systems.server.fault(delay).unwrap();
    let mut child = systems.spawn(&["apply", "leavers.csv", "--yes", "--max-in-flight", "2"]);
    while systems.server.requests("updateUserStatus") < 5 {
        assert!(child.try_wait().unwrap().is_none(), "it ended");
    }
    child.kill().unwrap();
    child.wait().unwrap();
    systems.server.clear_faults();
    systems.run(&["resume", "last"]).ended(0).said("all 30 rows are done");
    assert_eq!(systems.changes().len(), 30);
    assert!(systems.changes().values().all(|changes| *changes == 1));
    // What was on its way when it was killed can be taken back as well.
    systems.run(&["undo", "last", "--yes"]).ended(0);
    assert_eq!(systems.world(), before);
}

/// A token that has ended: no system is asked a thousand times with it.
#[test]
fn a_system_that_refuses_the_credentials_is_given_up() {
    const CANARY: &str = "canary-0123456789";
    let systems = Systems::start(100);
    systems.leavers(100);
    let ran: Ran = systems.command(&["apply", "leavers.csv", "--yes"]).env("POD", CANARY).output().unwrap().into();
    ran.ended(5).said("pod: abandoned").said("pod was abandoned:").said("pending").said("Go on:").kept(CANARY);
    assert!(systems.server.total_requests() < 100);
    let ran: Ran = systems.command(&["plan", "leavers.csv"]).env("POD", CANARY).output().unwrap().into();
    ran.ended(5).said("The plan ends before the last row: 10 rows in a row failed").kept(CANARY);
    systems.run(&["resume", "last"]).ended(0).said("all 100 rows are done");
    let left: Vec<_> = std::fs::read_dir(systems.runs()).unwrap().map(|file| file.unwrap().path()).collect();
    for file in left {
        let bytes = std::fs::read(file).unwrap();
        assert!(!bytes.windows(CANARY.len()).any(|part| part == CANARY.as_bytes()));
    }
}

#[cfg(unix)]
#[test]
fn a_second_interrupt_stops_max_in_flight_and_the_rows_in_doubt_are_looked_at() {
    let systems = Systems::start(2);
    systems.leavers(2);
    systems.server.fault(Fault::hang().after_the_change().on_operation("updateUserStatus")).unwrap();
    let mut child = systems.spawn(&["apply", "leavers.csv"]);
    while systems.server.requests("updateUserStatus") < 2 {
        assert!(child.try_wait().unwrap().is_none(), "it ended");
    }
    let mut stderr = std::io::BufReader::new(child.stderr.take().unwrap());
    interrupt(&child);
    let mut said = String::new();
    while !said.contains("finishing what is under way") {
        assert!(std::io::BufRead::read_line(&mut stderr, &mut said).unwrap() > 0, "{said}");
    }
    interrupt(&child);
    std::io::Read::read_to_string(&mut stderr, &mut said).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(130), "{said}");
    assert!(said.contains("looks at the rows in doubt"), "{said}");
    systems.server.clear_faults();
    let asked = systems.server.requests("updateUserStatus");
    systems.run(&["resume", "last"]).ended(0).said("2  confirmed");
    assert_eq!(systems.server.requests("updateUserStatus"), asked, "what was done already is not sent again");
}

#[test]
fn an_outcome_that_nobody_knows_is_told_first() {
    let systems = Systems::start(1);
    systems.server.fault(Fault::reset().after_the_change().on_system(SystemKind::Clearsquare)).unwrap();
    systems.folder.write(
        "some.csv",
        "system,user,change\nshop,634441cecbb5901d133039f8,toggle\npod,999,disable\npod,7300000000000,disable\n",
    );
    let applied = systems.run(&["apply", "some.csv"]);
    applied
        .ended(4)
        .said("nobody knows whether the account was changed")
        .said("1 of 3 rows done")
        .said("line 3: disable of pod 999");
    // Nobody can look: it stays for a person, and is not sent again.
    systems.server.clear_faults();
    systems.run(&["resume", "last"]).ended(4);
    assert_eq!(systems.changes()[&(SystemKind::Clearsquare, "634441cecbb5901d133039f8".to_owned())], 1);
    systems.run(&["undo", "last", "--yes"]).ended(3).said("resume the run first").said("the row is done");
}

#[test]
fn a_run_goes_on_only_with_what_the_configuration_still_allows() {
    let systems = Systems::start(1);
    systems.leavers(1);
    // It does not work: the row stays open.
    let config = std::fs::read_to_string(systems.folder.path("user-status.toml")).unwrap();
    systems.server.fault(Fault::unavailable(RetryAfter::Missing).on_system(SystemKind::Symphony)).unwrap();
    systems.configure("", "total_timeout = 1");
    systems.run(&["apply", "leavers.csv"]).ended(3).said("failed").said("it can be tried again").said("Go on:");
    let renamed = config.replace("[profiles.pod]", "[profiles.pods]");
    systems.folder.write("user-status.toml", &renamed);
    systems.run(&["resume", "last"]).ended(8).said("has no profile `pod`").said("Did you mean `pods`?");
    systems.configure(&format!("protected = [\"pod:{}\"]", of_pod(0)), "");
    systems.run(&["resume", "last"]).ended(6).said("is protected");
    assert!(systems.changes().is_empty());
    systems.server.clear_faults();
    systems.configure("", "");
    systems.run(&["resume", "last"]).ended(0).said("the row is done");
    systems.run(&["resume", "20991231"]).ended(2).said("there is no run `20991231`");
}

#[test]
fn a_plan_that_nobody_reads_on_ends_quietly() {
    let systems = Systems::start(3);
    systems.leavers(3);
    let mut child = systems.spawn(&["plan", "leavers.csv"]);
    drop(child.stdout.take());
    let ran = ended(child);
    ran.ended(5).kept("panicked");
    assert_eq!(ran.stderr, "");
}

#[test]
fn a_single_change_can_be_run_dry() {
    let systems = Systems::start(1);
    let user = of_pod(0);
    systems.run(&["set", "pod", &user, "disable", "--dry-run"]).ended(0).said("this would be sent").said("[redacted]");
    systems.run(&["set", "clinic", "7", "disable", "--dry-run"]).ended(6);
    let shown = systems.run(&["--json", "set", "clinic", "42", "enable", "--dry-run"]);
    let document: Value = serde_json::from_str(&shown.ended(0).stdout).unwrap();
    assert_eq!(document["request"], Value::Null);
    assert_eq!(document["account"]["enabled"], true);
    assert!(systems.changes().is_empty());
    assert!(!Path::new(&systems.runs()).exists());
}

#[cfg(unix)]
#[test]
fn a_folder_whose_name_is_not_utf_8_is_a_folder() {
    use std::os::unix::ffi::OsStrExt as _;

    let systems = Systems::start(2);
    systems.leavers(2);
    let runs = systems.runs().join(std::ffi::OsStr::from_bytes(b"\xff"));
    let ran = |arguments: &[&str]| -> Ran {
        let mut command = common::program();
        command.arg("--config").arg(systems.folder.path("user-status.toml")).arg("--runs").arg(&runs);
        command.args(arguments).current_dir(systems.folder.path("")).envs(systems.secrets()).output().unwrap().into()
    };
    for arguments in [&["apply", "leavers.csv"][..], &["runs"], &["runs", "--json"], &["report", "last", "--json"]] {
        ran(arguments).ended(0);
    }
}

#[test]
fn a_profile_that_leads_to_another_system_now_neither_goes_on_nor_takes_back() {
    let (here, elsewhere) = (Systems::start(2), Systems::start(2));
    here.leavers(2);
    here.run(&["apply", "leavers.csv"]).ended(0);
    let first = here.journals();
    // The second system has the same two accounts, disabled by somebody else.
    for number in 0..2 {
        elsewhere
            .server
            .put_user(SystemKind::Symphony, &of_pod(number), &serde_json::json!({ "status": "DISABLED" }))
            .unwrap();
    }
    here.server.fault(Fault::unavailable(RetryAfter::Missing).on_system(SystemKind::Symphony)).unwrap();
    here.folder.write("back.csv", &format!("system,user,change\npod,{},enable\n", of_pod(0)));
    here.run(&["apply", "back.csv", "--no-read-first", "--no-verify"]);
    here.server.clear_faults();
    let open = here.journals().into_iter().find(|path| !first.contains(path)).unwrap();
    std::fs::copy(elsewhere.folder.path("user-status.toml"), here.folder.path("user-status.toml")).unwrap();
    for (command, journal) in [("undo", &first[0]), ("resume", &open)] {
        let journal = journal.to_str().unwrap();
        let mut arguments = vec![command, journal];
        arguments.extend((command == "undo").then_some("--yes"));
        here.run(&arguments)
            .ended(8)
            .said("`pod` was symphony at http://")
            .said("nothing was sent")
            .said("Let the profile");
    }
    assert!(elsewhere.changes().is_empty());
}

#[cfg(unix)]
#[test]
fn what_has_no_end_is_not_read() {
    let systems = Systems::start(1);
    let ran = systems.run(&["plan", "/dev/zero", "--format", "csv"]);
    ran.ended(2).said("/dev/zero cannot be read: it is a device");
}

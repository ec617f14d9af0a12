//! What is said when it cannot be printed, of what comes from outside, and where there is little of anything: no terminal that
//! understands much, no threads, no room, nobody who reads.

mod common;

use std::io::{Read as _, Write as _};
use std::process::Stdio;

use common::systems::{Systems, of_pod};
use common::{Folder, Ran, program};
use serde_json::{Value, json};
use user_status_mock::{Fault, SystemKind};

const USER: &str = "7215545078541";
const CANARY: &str = "canary-0123456789";

fn full() -> std::fs::File {
    std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap()
}

/// Returns what is left when the standard output takes nothing: the exit code, and the standard error.
fn into_a_full_disk(systems: &Systems, arguments: &[&str]) -> Ran {
    let mut command = systems.command(arguments);
    systems.checked(command.stdout(full()).stderr(Stdio::piped()).output().unwrap().into())
}

fn error(ran: &Ran) -> Value {
    let last = ran.stderr.lines().last().unwrap();
    serde_json::from_str::<Value>(last).unwrap_or_else(|e| panic!("{e}: {}", ran.stderr))["error"].clone()
}

/// What is said of an account does not depend on whether it can be printed.
#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_below_the_output_hides_no_outcome() {
    let systems = Systems::start(3);
    systems.leavers(2);
    let set = ["set", "pod", USER, "disable"];
    into_a_full_disk(&systems, &set).ended(9).said("cannot be written").said("confirmed: disable of pod");
    let ran = into_a_full_disk(&systems, &["--json", "set", "pod", USER, "enable"]);
    let said = error(ran.ended(9));
    assert_eq!((&said["applied"], &said["exit_code"]), (&json!("yes"), &json!(9)));
    assert_eq!(said["result"]["outcome"], "confirmed");
    let ran = into_a_full_disk(&systems, &["--json", "set", "clinic", "42", "enable"]);
    let said = error(ran.ended(9));
    assert_eq!((&said["applied"], &said["result"]["outcome"]), (&json!("no"), &json!("unchanged")));

    into_a_full_disk(&systems, &["apply", "leavers.csv", "--yes"]).ended(9).said("2  confirmed").said("Details: ");
    let ran = into_a_full_disk(&systems, &["--json", "undo", "last", "--yes"]);
    let said = error(ran.ended(9));
    assert_eq!((&said["applied"], &said["result"]["counts"]["confirmed"]), (&json!("yes"), &json!(2)));
    let ran = into_a_full_disk(&systems, &["--json", "apply", "leavers.csv", "--yes"]);
    assert_eq!(error(ran.ended(9))["applied"], "yes");

    // What is worse is not hidden by it: some row was refused, some outcome is unknown.
    systems.folder.write("refused.csv", &format!("system,user,change\npod,999,disable\npod,{},disable\n", of_pod(2)));
    let ran = into_a_full_disk(&systems, &["--json", "apply", "refused.csv", "--yes"]);
    let said = error(ran.ended(3));
    assert_eq!((&said["applied"], &said["exit_code"]), (&json!("yes"), &json!(3)));
    systems.server.fault(Fault::reset().after_the_change()).unwrap();
    systems.folder.write("lost.csv", "system,user,change\nshop,634441cecbb5901d133039f8,toggle\n");
    let lost = ["apply", "lost.csv", "--yes"];
    into_a_full_disk(&systems, &lost).ended(4).said("1  unknown").said("nobody knows");
    let ran = into_a_full_disk(&systems, &["--json", "set", "pod", USER, "disable", "--no-verify"]);
    assert_eq!(error(ran.ended(4))["applied"], "unknown");
    systems.server.clear_faults();

    // Nothing of it changes an account.
    for arguments in [&["get", "pod", USER][..], &["check"], &["systems"], &["config", "show"], &["runs"], &["man"]] {
        into_a_full_disk(&systems, arguments).ended(9).said("the standard output cannot be written");
    }
    for arguments in [&["plan", "leavers.csv"][..], &["undo", "last", "--dry-run"], &["--help"], &["set", "--help"]] {
        into_a_full_disk(&systems, arguments).ended(9);
    }
    for format in ["table", "csv", "ndjson", "json"] {
        into_a_full_disk(&systems, &["report", "last", "--format", format]).ended(9).said("The report is not whole.");
    }
}

#[test]
fn a_reader_that_goes_away_is_no_error_of_any_command() {
    let systems = Systems::start(200);
    systems.leavers(200);
    systems.run(&["apply", "leavers.csv", "--yes", "--quiet"]).ended(0);
    let commands: Vec<Vec<&str>> = ["table", "csv", "ndjson", "json"]
        .into_iter()
        .map(|format| vec!["report", "last", "--format", format])
        .chain([vec!["report", "last", "--format", "csv", "--exact"], vec!["runs"], vec!["get", "pod", USER]])
        .chain([vec!["config", "show"], vec!["check"], vec!["--json", "systems"], vec!["report", "--help"]])
        .collect();
    for arguments in commands {
        let mut command = systems.command(&arguments);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        // As `| head -0` does.
        drop(child.stdout.take());
        let mut said = String::new();
        child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
        assert_eq!((child.wait().unwrap().code(), said.as_str()), (Some(0), ""), "{arguments:?}");
    }
}

/// Of each kind that a terminal obeys or does not show: two controls, a direction, a separator, fillers and tags.
const UNSEEN: &str = "\u{1b}[2J\u{1b}]0;x\u{7}\u{9b}31m\u{61c}\u{2060}\u{feff}\u{ad}\u{180e}\u{e0041}\u{115f}\u{3164}\u{ffa0}\u{202e}\u{2066}\u{2028}\u{200d}\u{fe0f}\u{e000}\u{7f}";

#[track_caller]
fn all_is_seen(ran: &Ran) {
    for (stream, text) in [("stdout", &ran.stdout), ("stderr", &ran.stderr)] {
        let unseen: Vec<char> = text.chars().filter(|c| UNSEEN.contains(*c) && !c.is_ascii_graphic()).collect();
        assert!(unseen.is_empty(), "{stream} has {unseen:?}: {text}");
    }
}

/// Texts of a file, its name, a journal, a server, a configuration, an argument and another program.
#[cfg(unix)]
#[test]
fn of_what_comes_from_outside_a_terminal_obeys_nothing() {
    let systems = Systems::start(2);
    let inner = systems.folder.path(&format!("in{UNSEEN}"));
    std::fs::create_dir(&inner).unwrap();
    let name = format!("{}/leavers{UNSEEN}\n.csv", inner.display());
    // No system takes a control character in a reason.
    let reason: String = format!("Leave{UNSEEN}").chars().filter(|c| !c.is_control()).collect();
    std::fs::write(&name, format!("system,user,change,reason\npod,{},suspend,\"{reason}\"\n", of_pod(0))).unwrap();
    let bad = format!("{}/bad{UNSEEN}.csv", inner.display());
    let rows = format!("system,user,change,{UNSEEN}\npod{UNSEEN},1{UNSEEN},dis{UNSEEN}able,x\n");
    std::fs::write(&bad, rows).unwrap();
    let user = json!({ "suspended": true, "suspensionReason": reason });
    systems.server.put_user(SystemKind::Symphony, "1001", &user).unwrap();

    let hostile = format!("{UNSEEN}\nx");
    let reported = format!("{}/report{UNSEEN}", inner.display());
    let commands: Vec<(Vec<&str>, i32)> = vec![
        (vec!["get", "pod", "1001"], 0),
        (vec!["get", "pod", &hostile], 3),
        (vec!["get", &hostile, "1"], 8),
        (vec!["set", "pod", "1001", "unsuspend", "--dry-run", "--key", &hostile], 0),
        (vec!["set", "pod", "1001", "suspend", "--reason", &reason], 0),
        (vec!["set", "pod", "1001", &hostile], 2),
        (vec![&hostile], 2),
        (vec!["set", "pod", "1", "suspend", "--until", &hostile], 2),
        (vec!["plan", &name, "--requests"], 0),
        (vec!["plan", &bad], 7),
        (vec!["plan", &hostile], 2),
        (vec!["plan", &name, "--format", &hostile], 2),
        (vec!["apply", &name, "--yes"], 0),
        (vec!["runs"], 0),
        (vec!["report", "last"], 0),
        (vec!["report", "last", "--format", "ndjson"], 0),
        (vec!["report", "last", "--format", "json"], 0),
        (vec!["report", "last", "--system", &hostile], 2),
        (vec!["report", &hostile], 2),
        (vec!["report", "last", "--output", &reported], 0),
        (vec!["report", "last", "--output", &reported], 2),
        (vec!["undo", "last", "--yes"], 0),
        (vec!["config", "init", "--path", &reported], 8),
        (vec!["mock", "--listen", &hostile], 2),
        (vec!["man", "--out", &reported], 1),
    ];
    for (arguments, code) in &commands {
        let ran = systems.run(arguments);
        all_is_seen(ran.ended(*code));
        if arguments.contains(&"--format") || arguments.contains(&"--system") || arguments[0] == "undo" {
            continue;
        }
        let mut with_json = vec!["--json"];
        with_json.extend(arguments);
        let again = systems.run(&with_json);
        all_is_seen(&again);
        for line in again.stderr.lines() {
            serde_json::from_str::<Value>(line).unwrap_or_else(|e| panic!("{arguments:?}: {e}: {line}"));
        }
    }
    for name in ["USER_STATUS_CONFIG", "USER_STATUS_RUNS"] {
        for (arguments, code) in
            [(&["runs"][..], 0), (&["check"], 8), (&["--json", "check"], 8), (&["report", "last"], 2)]
        {
            let ran: Ran = program().args(arguments).env(name, &hostile).current_dir("/").output().unwrap().into();
            all_is_seen(ran.ended(code));
        }
    }
    // It is the same text all the same.
    let shown: Value = serde_json::from_str(&systems.run(&["--json", "get", "pod", "1001"]).ended(0).stdout).unwrap();
    assert_eq!(shown["account"]["suspended"]["reason"], reason);
    let ran = systems.run(&["--json", "--verbose", "get", "pod", "1001"]);
    all_is_seen(ran.ended(0).said("user_status"));

    // What a program says that is to give a credential, and a configuration in a folder with such a name.
    let script = format!("printf '%s' 'locked{}' >&2; exit 3", UNSEEN.replace('\u{7f}', ""));
    let profile = format!(
        "[profiles.pod]\nsystem = \"symphony\"\nbase_url = \"http://127.0.0.1:1\"\nsession_token = {{ command = [\"sh\", \"-c\", {}] }}\n",
        json!(script)
    );
    let config = inner.join("user-status.toml");
    std::fs::write(&config, profile).unwrap();
    for arguments in [&["get", "pod", "1"][..], &["check"], &["config", "show"]] {
        let ran: Ran = program().arg("--config").arg(&config).args(arguments).output().unwrap().into();
        all_is_seen(&ran);
        assert!(arguments[0] == "config" || ran.stderr.contains("locked"), "{}", ran.stderr);
    }
}

/// Runs the program at a terminal of its own, and gives what it sent there.
#[cfg(target_os = "linux")]
fn at_a_terminal(systems: &Systems, arguments: &str, term: Option<&str>) -> String {
    let record = systems.folder.path("record");
    let mut script = systems.command(&[]);
    let program = script.get_program().to_str().unwrap().to_owned();
    let config = systems.folder.path("user-status.toml");
    let line = format!("'{program}' --config '{}' --runs '{}' {arguments}", config.display(), systems.runs().display());
    script = std::process::Command::new("script");
    script.args(["-qec", &line]).arg(&record).envs(systems.secrets()).current_dir(systems.folder.path(""));
    script.env_remove("NO_COLOR").env_remove("CLICOLOR_FORCE").stdin(Stdio::null());
    match term {
        Some(term) => script.env("TERM", term),
        None => script.env_remove("TERM"),
    };
    let ran = script.output().unwrap_or_else(|e| panic!("this test wants script, of the package bsdutils: {e}"));
    assert!(ran.status.success(), "{ran:?}");
    String::from_utf8_lossy(&ran.stdout).into_owned()
}

#[cfg(target_os = "linux")]
#[test]
fn a_terminal_that_understands_lines_only_gets_lines_only() {
    let systems = Systems::start(30);
    systems.leavers(30);
    let slow = Fault::delay(std::time::Duration::from_millis(30)).on_operation("updateUserStatus");
    systems.server.fault(slow).unwrap();
    let apply = "apply leavers.csv --yes --no-read-first";
    for term in [Some("dumb"), Some(""), None] {
        for arguments in [apply, "check", "get pod 7215545078541", "--help"] {
            let sent = at_a_terminal(&systems, arguments, term);
            assert!(!sent.contains('\u{1b}'), "{term:?} {arguments}: {sent:?}");
        }
    }
    let sent = at_a_terminal(&systems, apply, Some("xterm"));
    assert!(sent.contains('\u{1b}'), "{sent:?}");
}

#[cfg(target_os = "linux")]
#[test]
fn where_no_thread_can_be_made_the_program_says_so() {
    use std::os::unix::fs::PermissionsExt as _;
    use std::os::unix::process::CommandExt as _;

    // A user with no other process: root is not held to the limit, and others may have too many already.
    let root = std::process::Command::new("id").arg("-u").output().unwrap().stdout == b"0\n";
    let folder = Folder::new();
    let copy = folder.path("user-status");
    std::fs::copy(env!("CARGO_BIN_EXE_user-status"), &copy).unwrap();
    std::fs::set_permissions(folder.path(""), std::fs::Permissions::from_mode(0o755)).unwrap();
    for arguments in [&["systems"][..], &["--json", "systems"]] {
        let mut command = std::process::Command::new("prlimit");
        command.arg("--nproc=1").arg(&copy).args(arguments).current_dir("/");
        if root {
            command.uid(54_321).gid(54_321);
        }
        let ran: Ran = command.output().unwrap().into();
        ran.ended(1).said("cannot have the threads that it needs").kept("panicked");
        assert_eq!(ran.stderr.lines().count(), 1, "{}", ran.stderr);
    }
}

#[test]
fn rows_that_cannot_be_kept_are_not_the_fault_of_whoever_typed_the_command() {
    let systems = Systems::start(1);
    let mut command = systems.command(&["plan", "-", "--format", "csv"]);
    command.env("TMPDIR", systems.folder.path("nowhere")).env("TEMP", systems.folder.path("nowhere"));
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let _ = child.stdin.take().unwrap().write_all(b"system,user,change\n");
    let ran: Ran = child.wait_with_output().unwrap().into();
    ran.ended(1).said("cannot be kept in the temporary folder").said("TMPDIR");
}

#[test]
fn nothing_shows_a_credential_that_stands_at_the_wrong_place() {
    let folder = Folder::new();
    for base_url in [
        format!("https://{CANARY}@pod.example/pod"),
        format!("https://me:{CANARY}@pod.example/pod"),
        format!("https://pod.example/pod?key={CANARY}"),
        format!("https://pod.example/pod#{CANARY}"),
        format!("{CANARY}://pod.example"),
        format!("{CANARY}:x"),
        CANARY.to_owned(),
        format!("https://{CANARY}:99999999/"),
    ] {
        folder.write(
            "user-status.toml",
            &format!(
                "[profiles.shop]\nsystem = \"clearsquare\"\nbase_url = \"{base_url}\"\ntoken = {{ env = \"T\" }}\n"
            ),
        );
        for arguments in
            [&["config", "show"][..], &["--json", "config", "show"], &["check"], &["-v", "get", "shop", "1"]]
        {
            folder.run(arguments, &[("T", "another-credential")]).kept(CANARY);
        }
    }
    let profile = |system: &str, line: &str| {
        format!("[profiles.x]\nsystem = \"{system}\"\nbase_url = \"https://x.example\"\n{line}\n")
    };
    for text in [
        profile("userdocks", &format!("route = \"{CANARY}\"")),
        profile("symphony", &format!("session_token = {{ env = \"T\" }}\nunit = \"{CANARY}\"")),
        profile("mediconnect", &format!("token = {{ env = \"T\" }}\nactive_flag = \"a, expected {CANARY}\"")),
        profile("mediconnect", &format!("token = {{ \"{CANARY}\" = 1 }}")),
        profile("clearsquare", &format!("token = {{ env = \"T\" }}\nmax_in_flight = \"{CANARY}\"")),
        profile("clearsquare", &format!("token = {{ env = \"T\" }}\nper_second = \"{CANARY}\"")),
        profile("clearsquare", &format!("token = {{ env = \"T\" }}\nallow_plain_http = \"{CANARY}\"")),
        profile("clearsquare", &format!("token = {{ env = \"T\" }}\nattempt_timeout = \"{CANARY}\"")),
        profile("clearsquare", "token = { env = \"T\" }\nown_account = 47110815.5"),
        profile("clearsquare", "token = { env = \"T\" }\nmax_in_flight = -47110815"),
        profile(CANARY, ""),
        format!("max_changes = \"{CANARY}\"\n"),
        format!("protected = \"{CANARY}\"\n"),
    ] {
        folder.write("user-status.toml", &text);
        folder.run(&["config", "show"], &[]).ended(8).said("user-status.toml:").kept(CANARY).kept("47110815");
    }
}

/// A program that is to give a credential ends with the one that asked it, and so do those that it started.
#[cfg(target_os = "linux")]
#[test]
fn a_program_that_gives_credentials_is_not_left_behind() {
    let is_gone = |id: &str| match std::fs::read_to_string(format!("/proc/{id}/stat")) {
        // One that has ended and that nobody has asked about.
        Ok(stat) => stat.rsplit_once(") ").is_some_and(|(_, state)| state.starts_with('Z')),
        Err(_) => true,
    };
    let folder = Folder::pod(
        "http://127.0.0.1:1/pod",
        r#"session_token = { command = ["sh", "-c", "sleep 1000 & echo $$ $! > \"$IDS.new\"; mv \"$IDS.new\" \"$IDS\"; wait"] }"#,
    );
    folder.write("leavers.csv", "system,user,change\npod,1,disable\n");
    let leavers = folder.path("leavers.csv");
    let leavers = leavers.to_str().unwrap();
    for arguments in [
        &["get", "pod", "1"][..],
        &["check"],
        &["set", "pod", "1", "disable"],
        &["set", "pod", "1", "disable", "--dry-run"],
        &["plan", leavers],
        &["apply", leavers, "--yes"],
    ] {
        for signal in ["-TERM", "-HUP", "-INT"] {
            let ids = folder.path("ids");
            let _ = std::fs::remove_file(&ids);
            let mut command = program();
            command.arg("--config").arg(folder.path("user-status.toml")).arg("--runs").arg(folder.path("runs"));
            command.args(arguments).env("IDS", &ids).stdout(Stdio::piped()).stderr(Stdio::piped());
            let mut child = command.spawn().unwrap();
            let ids = loop {
                match std::fs::read_to_string(&ids) {
                    Ok(ids) => break ids,
                    Err(_) => assert!(child.try_wait().unwrap().is_none(), "{arguments:?} ended"),
                }
            };
            let id = child.id().to_string();
            assert!(std::process::Command::new("kill").args([signal, &id]).status().unwrap().success());
            let ran: Ran = child.wait_with_output().unwrap().into();
            ran.said("stopped");
            assert!(
                ran.code == Some(5) || (arguments[0] == "check" && ran.code == Some(8)),
                "{arguments:?} {:?}",
                ran.code
            );
            for id in ids.split_whitespace() {
                let mut looks = 0;
                while !is_gone(id) {
                    looks += 1;
                    assert!(looks < 1_000_000, "{arguments:?} {signal} leaves {id} behind");
                }
            }
        }
    }
}

/// A server that answers everything with this.
fn answering(answer: String) -> std::net::SocketAddr {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut request = [0; 4096];
            let _ = stream.read(&mut request);
            let _ = stream.write_all(answer.as_bytes());
        }
    });
    address
}

#[test]
fn a_redirect_is_not_the_system() {
    let to = format!("https://sso.example/login?return={CANARY}#{CANARY}");
    for status in ["301 Moved", "302 Found", "303 See Other", "307 Temporary", "308 Permanent"] {
        let head = format!("HTTP/1.1 {status}\r\nlocation: {to}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
        let address = answering(head);
        for system in ["symphony\"\nsession_token", "clearsquare\"\ntoken", "mediconnect\"\ntoken"] {
            let folder = Folder::new();
            let line =
                format!("[profiles.x]\nsystem = \"{system} = {{ env = \"T\" }}\nbase_url = \"http://{address}\"\n");
            folder.write("user-status.toml", &line);
            let ran = folder.run(&["check"], &[("T", "another-credential")]);
            ran.ended(8)
                .said("answers with a redirect to https://sso.example/login (")
                .said("sign-in page")
                .kept(CANARY);
            if !system.starts_with("clear") {
                let ran = folder.run(&["get", "x", "1"], &[("T", "another-credential")]);
                ran.said("The system answers with a redirect").kept(CANARY);
            }
        }
    }
    let address = answering("HTTP/1.1 502 Bad\r\ncontent-length: 0\r\nconnection: close\r\n\r\n".to_owned());
    let folder = Folder::new();
    let line =
        format!("[profiles.x]\nsystem = \"clearsquare\"\ntoken = {{ env = \"T\" }}\nbase_url = \"http://{address}\"\n");
    folder.write("user-status.toml", &line);
    folder.run(&["check"], &[("T", "another-credential")]).ended(8).said("the system fails (502)");
}

/// A system may speak Spanish; what it means is said first, wherever it is said.
#[test]
fn what_failed_is_said_in_our_words_before_those_of_the_system() {
    let systems = Systems::start(1);
    systems.folder.write("unknown.csv", "system,user,change\nclinic,999,disable\n");
    let words = "not found (404): there is no such user; the system says: \"Usuario no encontrado\"";
    systems.run(&["get", "clinic", "999"]).ended(3).said(words);
    systems.run(&["set", "clinic", "999", "disable"]).ended(3).said(words);
    systems.run(&["plan", "unknown.csv"]).ended(3).said(words);
    systems.run(&["apply", "unknown.csv", "--yes"]).ended(3).said(words);
    systems.run(&["report", "last"]).ended(0).said(words);
    let report = systems.run(&["report", "last", "--format", "json"]);
    let report: Value = serde_json::from_str(&report.ended(0).stdout).unwrap();
    assert!(report["rows"][0]["message"].as_str().unwrap().ends_with(words), "{report}");
    let shop = ["set", "shop", "000000000000000000000000", "toggle"];
    systems.run(&shop).said("the system does not say which; the system says: \"Invalid token or user ID\"");
}

//! What the program does beyond one page of text: credentials from everywhere, outcomes, signals, streams.

mod common;

use std::io::{BufRead as _, BufReader, Read as _};
use std::process::Stdio;

use common::{Folder, MOCK_SECRETS, Mock, Ran, program};
use serde_json::Value;
use user_status_mock::{Fault, Mint, StandaloneServer, SystemKind};

const USER: &str = "7215545078541";
/// No credential of any system, and long enough to be noticed.
const CANARY: &str = "canary-0123456789";

/// A mock in this process, which can be told to fail.
struct System {
    server: StandaloneServer,
    _runtime: tokio::runtime::Runtime,
}

impl System {
    fn start() -> System {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let server = runtime.block_on(StandaloneServer::start()).unwrap();
        System { server, _runtime: runtime }
    }

    fn pod(&self, lines: &str) -> Folder {
        Folder::pod(&self.server.uri(SystemKind::Symphony), lines)
    }

    fn token(&self) -> String {
        self.server.credentials().symphony.session_token
    }
}

const FROM_ENV: &str = r#"session_token = { env = "POD_TOKEN" }"#;
const FROM_FILE: &str = r#"session_token = { file = "token" }"#;

#[test]
fn credentials_come_from_the_environment_a_file_and_a_program() {
    let system = System::start();
    let token = system.token();
    system.pod(FROM_ENV).run(&["get", "pod", USER], &[("POD_TOKEN", &token)]).ended(0).kept(&token);
    for end in ["", "\n", "\r\n"] {
        let folder = system.pod(FROM_FILE);
        folder.write("token", &format!("{token}{end}"));
        #[cfg(unix)]
        folder.mode("token", 0o600);
        folder.run(&["get", "pod", USER], &[]).ended(0).kept(&token);
    }
    #[cfg(unix)]
    system
        .pod(r#"session_token = { command = ["sh", "-c", "echo $POD_TOKEN"] }"#)
        .run(&["get", "pod", USER], &[("POD_TOKEN", &token)])
        .ended(0)
        .kept(&token);
}

#[test]
fn credentials_that_cannot_be_had_are_named_and_not_shown() {
    let unreachable = |lines: &str| Folder::pod("http://127.0.0.1:1/pod", lines);
    let env = |value: &str| unreachable(FROM_ENV).run(&["get", "pod", USER], &[("POD_TOKEN", value)]);
    env("").ended(8).said("the environment variable POD_TOKEN gives nothing");
    env(&format!("{CANARY} ")).ended(8).said("white space (such as a line end from a file)").kept(CANARY);
    env(&format!("{CANARY}\n")).ended(8).said("white space").kept(CANARY);
    env(&format!("Bearer {CANARY}")).ended(8).said("white space").kept(CANARY);
    env(&format!("{CANARY}ü")).ended(8).said("a character that a header cannot carry").kept(CANARY);

    let folder = unreachable(FROM_FILE);
    let get = |folder: &Folder| folder.run(&["get", "pod", USER], &[]);
    get(&folder).ended(8).said("`session_token`").said("token: No such file");
    std::fs::create_dir(folder.path("token")).unwrap();
    get(&folder).ended(8).said("token: ");
    std::fs::remove_dir(folder.path("token")).unwrap();
    folder.write("token", &format!("{CANARY}\n\n"));
    #[cfg(unix)]
    {
        folder.mode("token", 0o640);
        get(&folder).ended(8).said("other users may use this file (mode 0640)").said("chmod 600").kept(CANARY);
        folder.mode("token", 0o600);
    }
    get(&folder).ended(8).said("white space").kept(CANARY);
    folder.write("token", &CANARY.repeat(4000));
    get(&folder).ended(8).said("more than 64 KiB").kept(CANARY);
    std::fs::write(folder.path("token"), [CANARY.as_bytes(), b"\xff"].concat()).unwrap();
    get(&folder).ended(8).said("not UTF-8").kept(CANARY);
    folder.write("token", "\n");
    get(&folder).ended(8).said("gives nothing");
}

#[cfg(unix)]
#[test]
fn a_program_that_fails_is_named_with_its_status_and_not_with_what_it_printed() {
    let run = |words: &str| {
        let lines = format!("session_token = {{ command = {words} }}");
        Folder::pod("http://127.0.0.1:1/pod", &lines).run(&["get", "pod", USER], &[])
    };
    let failed = run(&format!(r#"["sh", "-c", "echo {CANARY}; echo locked >&2; exit 3", "another-{CANARY}"]"#));
    failed.ended(8).said("the program sh failed (exit status: 3)").said("locked\n").kept(CANARY);
    run(r#"["true"]"#).ended(8).said("the program true gives nothing");
    run(r#"["/no/such/program"]"#).ended(8).said("the program /no/such/program cannot be run");
    run(r#"[]"#).ended(8).said("`command` must be a program and its arguments");
    run(r#"["sh", "-c", "yes"]"#).ended(8).said("more than 64 KiB");
}

/// A session ends while the program runs: the source is asked again, once.
#[cfg(unix)]
#[test]
fn a_program_is_asked_again_when_the_system_refuses_the_credentials() {
    let system = System::start();
    let expired = system.server.mint(&Mint::new(SystemKind::Symphony).expires_in(-1)).unwrap();
    let script = "echo x >> asked; if [ $(wc -l < asked) = 1 ]; then echo $OLD; else echo $NEW; fi";
    let folder = system.pod(&format!(r#"session_token = {{ command = ["sh", "-c", "cd $FOLDER; {script}"] }}"#));
    let (place, token) = (folder.path(""), system.token());
    let old = expired.get("sessionToken").unwrap();
    let environment = [("OLD", old), ("NEW", &token), ("FOLDER", place.to_str().unwrap())];
    folder.run(&["set", "pod", USER, "disable"], &environment).ended(0).said("confirmed").kept(&token).kept(old);
    assert_eq!(std::fs::read_to_string(folder.path("asked")).unwrap().lines().count(), 2);
}

#[test]
fn a_lost_answer_is_proved_by_reading_or_reported_as_unknown() {
    let system = System::start();
    let folder = system.pod(FROM_ENV);
    let token = system.token();
    let run = |arguments: &[&str]| folder.run(arguments, &[("POD_TOKEN", &token)]);
    let lost = || Fault::reset().after_the_change().on_operation("updateUserStatus");
    system.server.fault(lost()).unwrap();
    run(&["set", "pod", USER, "disable"]).ended(0).said("confirmed: disable of pod");
    let unknown = run(&["set", "pod", USER, "enable", "--no-verify"]);
    unknown
        .ended(4)
        .said("It is unknown whether the account was changed. Look before anything else: user-status get pod");
    let unknown = run(&["--json", "set", "pod", USER, "enable", "--no-verify"]);
    let document: Value = serde_json::from_str(&unknown.ended(4).stderr).unwrap();
    assert_eq!(document["error"]["applied"], "unknown");
    assert_eq!(document["error"]["exit_code"], 4);
    assert_eq!(unknown.stdout, "");
    system.server.clear_faults();
    run(&["get", "pod", USER]).ended(0).said("enabled");
}

/// Whoever stops the program in the middle of a change is told what that means.
#[cfg(unix)]
#[test]
fn a_second_interrupt_gives_up_and_says_that_nobody_knows() {
    let system = System::start();
    system.server.fault(Fault::hang().on_operation("updateUserStatus")).unwrap();
    let folder = system.pod(FROM_ENV);
    let mut program = program();
    program.arg("--config").arg(folder.path("user-status.toml")).args(["set", "pod", USER, "disable"]);
    let mut child = program.env("POD_TOKEN", system.token()).stderr(Stdio::piped()).spawn().unwrap();
    while system.server.requests("updateUserStatus") == 0 {
        assert!(child.try_wait().unwrap().is_none(), "it ended");
    }
    let id = child.id().to_string();
    let interrupt = || std::process::Command::new("kill").args(["-INT", &id]).status().unwrap();
    let mut stderr = BufReader::new(child.stderr.take().unwrap());
    let mut said = String::new();
    assert!(interrupt().success());
    stderr.read_line(&mut said).unwrap();
    assert!(said.contains("waiting for the response; a second Ctrl-C stops waiting"), "{said}");
    assert!(interrupt().success());
    stderr.read_to_string(&mut said).unwrap();
    assert!(said.contains("interrupted while disable of pod") && said.contains("It is unknown whether"), "{said}");
    assert_eq!(child.wait().unwrap().code(), Some(130));
}

#[test]
fn refused_credentials_are_told_from_refused_changes() {
    let system = System::start();
    let folder = system.pod(FROM_ENV);
    let run = |token: &str, arguments: &[&str]| folder.run(arguments, &[("POD_TOKEN", token)]);
    let set = ["set", "pod", USER, "disable"];
    run(CANARY, &set).ended(8).said("(401)").said("The account was not changed. Get fresh credentials").kept(CANARY);
    run(CANARY, &["check"]).ended(8).said("failed").said("(401)").kept(CANARY);
    let unentitled = system.server.credentials().symphony.unentitled_session_token;
    run(&unentitled, &set).ended(3).said("(403)").kept(&unentitled);
    run(&unentitled, &["check"]).ended(8).said("failed").kept(&unentitled);
    run(CANARY, &["-v", "get", "pod", USER])
        .ended(8)
        .said("user_status.call")
        .kept(CANARY)
        .kept(&format!("user/{USER}"));
    assert_eq!(system.server.status(SystemKind::Symphony, USER).unwrap().to_string(), "enabled, not suspended");
}

#[test]
fn a_check_is_not_content_with_any_404() {
    let system = System::start();
    // The root of the server instead of `/pod`: it answers, and not as Symphony.
    let folder = Folder::pod(&system.server.root(), FROM_ENV);
    folder.run(&["check"], &[("POD_TOKEN", &system.token())]).ended(8).said("is `base_url` right?");
    let folder = system.pod(&format!("{FROM_ENV}\nown_account = {USER}"));
    folder.run(&["check"], &[("POD_TOKEN", &system.token())]).ended(0).said("read your own account: enabled");
    let folder = system.pod(&format!("{FROM_ENV}\nown_account = 999"));
    folder.run(&["check"], &[("POD_TOKEN", &system.token())]).ended(8).said("`own_account` is not there");
    let unreachable = Folder::new();
    let shop =
        "[profiles.shop]\nsystem = \"clearsquare\"\nbase_url = \"http://127.0.0.1:1\"\ntoken = { env = \"T\" }\n";
    unreachable.write("user-status.toml", shop);
    unreachable.run(&["check"], &[("T", CANARY)]).ended(8).said("the address does not answer").kept(CANARY);
}

#[test]
fn ones_own_account_and_protected_ones_are_not_changed() {
    let system = System::start();
    // The credentials are not even fetched: there are none.
    let refused = |lines: &str, user: &str| system.pod(lines).run(&["set", "pod", user, "disable"], &[]);
    let own = format!("{FROM_ENV}\nown_account = \"{USER}\"");
    refused(&own, USER).ended(6).said("is your own account");
    refused(&own, &format!(" {USER}")).ended(6);
    refused(&format!("{FROM_ENV}\nprotected = [{USER}, \"abc\"]"), USER).ended(6).said("is protected");
    refused(&format!("{FROM_ENV}\nprotected = [{USER}, \"abc\"]"), "ABC").ended(6).said("is protected");
    let folder = Folder::new();
    let profile = "[profiles.clinic]\nsystem = \"mediconnect\"\ntoken = { env = \"T\" }\n";
    let base_url = system.server.uri(SystemKind::Mediconnect);
    folder.write("user-status.toml", &format!("protected = [\"clinic:42\"]\n{profile}base_url = \"{base_url}\"\n"));
    folder.run(&["set", "clinic", "42", "disable"], &[]).ended(6).said("is protected");
    // {"sub":"7"}
    let token = "e30.eyJzdWIiOiI3In0.c2lnbmF0dXJl";
    let refused = folder.run(&["set", "clinic", "7", "disable"], &[("T", token)]);
    refused.ended(6).said("The token of this profile says so").kept(token);
    assert_eq!(system.server.total_requests(), 0);
}

#[test]
fn every_command_speaks_json() {
    let mock = Mock::start();
    let config = mock.config().to_owned();
    let folder = Folder::new();
    let (manual, example) = (folder.path("man"), folder.path("example.toml"));
    for arguments in [
        &["systems"][..],
        &["check"],
        &["config", "show"],
        &["config", "init", "--path", example.to_str().unwrap()],
        &["get", "pod", USER],
        &["set", "pod", USER, "disable"],
        &["completions", "bash"],
        &["man"],
        &["man", "--out", manual.to_str().unwrap()],
    ] {
        let ran: Ran =
            program().arg("--json").args(arguments).env("USER_STATUS_CONFIG", &config).output().unwrap().into();
        ran.ended(0);
        let document: Value = serde_json::from_str(&ran.stdout).unwrap_or_else(|e| panic!("{arguments:?}: {e}"));
        assert!(document.is_object(), "{arguments:?}");
        assert_eq!(ran.stderr, "", "{arguments:?}");
        for secret in MOCK_SECRETS {
            ran.kept(secret);
        }
    }
    for (arguments, code, kind) in [
        (&["set"][..], 2, "usage"),
        (&["get", "pop", "1"], 8, "configuration"),
        (&["get", "pod", "0"], 3, "invalid_input"),
        (&["get", "clinic", "999"], 3, "not_found"),
        (&["set", "clinic", "7", "disable"], 6, "safety"),
        (&["config", "init", "--path", example.to_str().unwrap()], 8, "configuration"),
    ] {
        let ran: Ran =
            program().arg("--json").args(arguments).env("USER_STATUS_CONFIG", &config).output().unwrap().into();
        let document: Value = serde_json::from_str(&ran.ended(code).stderr).unwrap();
        assert_eq!(document["error"]["kind"], kind, "{arguments:?}");
        assert_eq!(document["error"]["exit_code"], code, "{arguments:?}");
        assert_eq!(ran.stdout, "", "{arguments:?}");
    }
}

#[test]
fn the_mock_leaves_nothing_behind_and_what_it_says_works() {
    let mut mock = Mock::with(&[]);
    let lines = mock.said.split("In another terminal:").nth(1).unwrap().lines().map(str::trim);
    let commands: Vec<&str> = lines.filter_map(|line| line.strip_prefix("user-status ")).collect();
    assert_eq!(commands.len(), 7, "{}", mock.said);
    for command in commands {
        let mut program = program();
        let ran: Ran =
            program.args(command.split(' ')).env("USER_STATUS_CONFIG", mock.config()).output().unwrap().into();
        ran.ended(0);
        for secret in MOCK_SECRETS {
            ran.kept(secret);
        }
    }
    for secret in MOCK_SECRETS {
        assert!(!mock.said.contains(secret), "{}", mock.said);
    }
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = std::path::Path::new(mock.config()).parent().unwrap().to_owned();
        assert_eq!(folder.metadata().unwrap().permissions().mode() & 0o777, 0o700);
        let killed = std::process::Command::new("kill").args(["-INT", &mock.child.id().to_string()]).status().unwrap();
        assert!(killed.success());
        assert_eq!(mock.child.wait().unwrap().code(), Some(0));
        assert!(!folder.exists());
        let gone: Ran = program().arg("check").env("USER_STATUS_CONFIG", mock.config()).output().unwrap().into();
        gone.ended(8).said("USER_STATUS_CONFIG: there is no file").said("the mock has stopped");
    }
    let taken = Mock::start();
    let address = taken.root().strip_prefix("http://").unwrap();
    let refused: Ran = program().args(["mock", "--listen", address]).output().unwrap().into();
    refused.ended(1).said("in use").said("--listen 127.0.0.1:0");
    let there: Ran =
        program().args(["mock", "--listen", "127.0.0.1:0", "--write-config", taken.config()]).output().unwrap().into();
    there.ended(8).said("is there already, and left as it is").said("--force");
}

#[test]
fn the_example_is_whole_and_is_not_written_over() {
    let folder = Folder::new();
    let run = |arguments: &[&str]| -> Ran {
        let mut program = program();
        program.args(arguments).env("XDG_CONFIG_HOME", folder.path("")).env("APPDATA", folder.path(""));
        program.current_dir(folder.path("")).output().unwrap().into()
    };
    run(&["check"]).ended(8).said("there is no configuration").said("config init");
    run(&["config", "init"]).ended(0).said("user-status check");
    run(&["config", "init"]).ended(8).said("is there already, and left as it is");
    run(&["config", "init", "--force"]).ended(0);
    let shown = run(&["--json", "config", "show"]);
    let document: Value = serde_json::from_str(&shown.ended(0).stdout).unwrap();
    let systems: Vec<&str> =
        document["profiles"].as_array().unwrap().iter().map(|p| p["system"].as_str().unwrap()).collect();
    assert_eq!(systems, ["mediconnect", "userdocks", "scim", "symphony", "akana", "clearsquare"]);
    // Every setting that is explained is one: with all of them switched on it still reads.
    let example = std::fs::read_to_string(folder.path("user-status/user-status.toml")).unwrap();
    let setting = |line: &str| line.strip_prefix("# ").is_some_and(|line| line.split(' ').nth(1) == Some("="));
    let all: String =
        example.lines().map(|line| format!("{}\n", if setting(line) { &line[2..] } else { line })).collect();
    assert!(all.matches(" = ").count() > example.lines().filter(|line| !line.starts_with('#')).count() / 2);
    folder.write("user-status.toml", &all);
    run(&["config", "show"]).ended(0).said("clinic");
}

#[test]
fn the_nearest_configuration_counts() {
    let folder = Folder::new();
    let inner = folder.path("a/b");
    std::fs::create_dir_all(&inner).unwrap();
    folder.write("user-status.toml", "");
    let show = |environment: &[(&str, &str)], arguments: &[&str]| -> Ran {
        let mut program = program();
        program.current_dir(&inner).envs(environment.iter().copied()).args(arguments).args(["config", "show"]);
        program.output().unwrap().into()
    };
    let outer = folder.path("user-status.toml").canonicalize().unwrap();
    show(&[], &[]).ended(0).said(outer.to_str().unwrap());
    folder.write("a/user-status.toml", "");
    show(&[], &[]).ended(0).said("/a/user-status.toml");
    folder.write("a/other.toml", "");
    show(&[("USER_STATUS_CONFIG", "../other.toml")], &[]).ended(0).said("../other.toml");
    show(&[("USER_STATUS_CONFIG", "/no/such")], &["--config", "../user-status.toml"]).ended(0);
    show(&[("USER_STATUS_CONFIG", "/no/such")], &[]).ended(8).said("USER_STATUS_CONFIG: there is no file /no/such");
    #[cfg(unix)]
    {
        folder.mode("a/user-status.toml", 0o666);
        show(&[], &[]).ended(8).said("can be written by others (mode 0666)").said("chmod go-w");
        // Nor is it when it is named.
        show(&[], &["--config", "../user-status.toml"]).ended(8).said("can be written by others (mode 0666)");
        show(&[], &["--config", "../../user-status.toml"]).ended(0);
    }
}

#[test]
fn a_reader_that_is_gone_is_no_failure() {
    for arguments in [&["systems"][..], &["--help"], &["completions", "bash"], &["man"]] {
        let mut child = program().args(arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        drop(child.stdout.take());
        let mut said = String::new();
        child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
        assert_eq!((child.wait().unwrap().code(), said.as_str()), (Some(0), ""), "{arguments:?}");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn an_outcome_that_cannot_be_written_is_said_all_the_same() {
    let system = System::start();
    let folder = system.pod(FROM_ENV);
    let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let mut program = program();
    program.arg("--config").arg(folder.path("user-status.toml")).args(["set", "pod", USER, "disable"]);
    let ran: Ran =
        program.env("POD_TOKEN", system.token()).stdout(full).stderr(Stdio::piped()).output().unwrap().into();
    ran.ended(9).said("cannot be written").said("confirmed: disable of pod");
}

#[test]
fn colours_are_for_terminals() {
    let mock = Mock::start();
    let run = |name: &str, value: &str| -> Ran {
        let mut program = program();
        program.args(["check", "pod"]).env("USER_STATUS_CONFIG", mock.config());
        program.env_remove("NO_COLOR").env(name, value).output().unwrap().into()
    };
    run("TERM", "xterm").ended(0).kept("\u{1b}");
    run("CLICOLOR_FORCE", "1").ended(0).said("\u{1b}");
}

#[test]
fn every_shell_has_completions_and_every_command_a_page() {
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let ran: Ran = program().args(["completions", shell]).output().unwrap().into();
        ran.ended(0).said("user-status").said("write-config");
    }
    let folder = Folder::new();
    let ran: Ran = program().args(["man", "--out"]).arg(folder.path("man")).output().unwrap().into();
    ran.ended(0).said("user-status.1");
    for page in ["user-status", "user-status-set", "user-status-config-init", "user-status-mock"] {
        let page = std::fs::read_to_string(folder.path(&format!("man/{page}.1"))).unwrap();
        assert!(page.contains("Examples:"), "{page}");
    }
}

/// A text of the system's own cannot hide what stands beside it.
#[test]
fn what_a_system_says_is_shown_and_not_obeyed() {
    let system = System::start();
    let user = serde_json::json!({ "suspended": true, "suspensionReason": "\u{202e}enif" });
    system.server.put_user(SystemKind::Symphony, "1001", &user).unwrap();
    let ran = system.pod(FROM_ENV).run(&["get", "pod", "1001"], &[("POD_TOKEN", &system.token())]);
    ran.ended(0).said("(\\u{202e}enif)").kept("\u{202e}");
}

//! A run as somebody at a terminal sees it: with tmux, which every CI machine can have.

#![cfg(unix)]

mod common;

use std::path::PathBuf;
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use common::systems::Systems;
use user_status_mock::Fault;

/// Far longer than anything takes, also on a machine that is busy.
const PATIENCE: Duration = Duration::from_secs(60);

/// A terminal of its own, which ends with the test.
struct Terminal {
    socket: String,
}

impl Terminal {
    /// With a shell that has these variables.
    fn open(systems: &Systems) -> Terminal {
        static OPENED: AtomicUsize = AtomicUsize::new(0);
        let number = OPENED.fetch_add(1, Ordering::Relaxed);
        let socket = format!("user-status-{}-{number}", std::process::id());
        let terminal = Terminal { socket };
        let program = PathBuf::from(env!("CARGO_BIN_EXE_user-status"));
        let path = format!("{}:{}", program.parent().unwrap().display(), std::env::var("PATH").unwrap_or_default());
        let mut command = terminal.tmux();
        command.args(["-f", "/dev/null", "new-session", "-d", "-x", "120", "-y", "40", "-c"]);
        command.arg(systems.folder.path(""));
        for (name, value) in systems.secrets() {
            command.arg("-e").arg(format!("{name}={value}"));
        }
        for name in ["USER_STATUS_CONFIG", "NO_COLOR"] {
            command.arg("-e").arg(format!("{name}="));
        }
        command.arg("-e").arg(format!("USER_STATUS_RUNS={}", systems.runs().display()));
        // The path of tmux itself would count more than one given with -e.
        let opened = command.args(["env", "PS1=ready> ", &format!("PATH={path}"), "sh"]).output();
        let opened = opened.unwrap_or_else(|e| panic!("this test wants tmux, which apt-get install tmux brings: {e}"));
        assert!(opened.status.success(), "{}", String::from_utf8_lossy(&opened.stderr));
        terminal.sees("a shell", |screen| screen.contains("ready>"));
        terminal
    }

    fn tmux(&self) -> Command {
        let mut command = Command::new("tmux");
        command.args(["-L", &self.socket]);
        command
    }

    /// Wipes the screen, so that nothing of before is taken for an answer, and types a command.
    fn runs(&self, command: &str) {
        assert!(self.tmux().args(["send-keys", "-R", ";", "clear-history"]).status().unwrap().success());
        self.types(&format!("{command}; echo ended $?"));
    }

    fn resized(&self, columns: usize) {
        let columns = columns.to_string();
        assert!(self.tmux().args(["resize-window", "-x", &columns, "-y", "60"]).status().unwrap().success());
    }

    fn types(&self, line: &str) {
        assert!(self.tmux().args(["send-keys", "-l", line]).status().unwrap().success());
        self.presses("Enter");
    }

    fn presses(&self, key: &str) {
        assert!(self.tmux().args(["send-keys", key]).status().unwrap().success());
    }

    /// Returns what is on the screen and above it, as one line where the terminal broke it.
    fn screen(&self) -> String {
        let captured = self.tmux().args(["capture-pane", "-p", "-J", "-S", "-"]).output().unwrap();
        String::from_utf8_lossy(&captured.stdout).into_owned()
    }

    /// Looks until it is so.
    #[track_caller]
    fn sees(&self, what: &str, so: impl Fn(&str) -> bool) -> String {
        let started = Instant::now();
        loop {
            let screen = self.screen();
            if so(&screen) {
                return screen;
            }
            assert!(started.elapsed() < PATIENCE, "{what} does not come:\n{screen}");
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _ = self.tmux().arg("kill-server").output();
    }
}

#[test]
fn a_run_is_confirmed_watched_stopped_and_taken_up_again() {
    let systems = Systems::start(60);
    systems.leavers(60);
    let slow = Fault::delay(Duration::from_millis(150)).on_operation("updateUserStatus");
    systems.server.fault(slow).unwrap();
    let terminal = Terminal::open(&systems);

    // Another number than the one that is asked for is a refusal.
    terminal.runs("user-status apply leavers.csv --max-in-flight 2");
    let asked = terminal.sees("the question", |screen| screen.contains("Type 60 to go on:"));
    assert!(asked.contains("60 changes from leavers.csv."), "{asked}");
    assert!(asked.contains("disable"), "{asked}");
    terminal.types("6");
    terminal.sees("the refusal", |screen| {
        screen.contains("not confirmed; nothing was sent") && screen.contains("\nended 6")
    });
    assert_eq!(systems.server.total_requests(), 0);
    assert!(systems.journals().is_empty());

    // So is Ctrl-C at the question.
    terminal.runs("user-status apply leavers.csv");
    terminal.sees("the question", |screen| screen.contains("Type 60 to go on:"));
    terminal.presses("C-c");
    terminal.sees("the refusal", |screen| screen.contains("\nended 6"));
    assert!(systems.journals().is_empty());

    terminal.runs("user-status apply leavers.csv --max-in-flight 2");
    terminal.sees("the question", |screen| screen.contains("Type 60 to go on:"));
    terminal.types("60");
    let bar = |screen: &str| {
        let parts = ["% ", " of 60 rows, ", "/s, ", " left: ", " confirmed"];
        screen.lines().any(|line| parts.iter().all(|part| line.contains(part)) && line.contains('>'))
    };
    terminal.sees("the bar", bar);
    terminal.presses("C-c");
    let stopped = terminal.sees("the end", |screen| screen.contains("\nended 5"));
    assert!(stopped.contains("finishing what is under way; Ctrl-C again to stop at once"), "{stopped}");
    assert!(!bar(&stopped), "the bar is gone when the run ends:\n{stopped}");
    let command = stopped.lines().find_map(|line| line.strip_prefix("Go on:   ")).unwrap().trim().to_owned();

    systems.server.clear_faults();
    terminal.runs(&command);
    let resumed = terminal.sees("the end", |screen| screen.contains("\nended 0"));
    assert!(resumed.contains("all 60 rows are done"), "{resumed}");
    assert!(resumed.contains("passed over"), "{resumed}");
    assert_eq!(systems.changes().len(), 60);
    assert!(systems.changes().values().all(|changes| *changes == 1));
    for (name, secret) in systems.secrets() {
        assert!(!terminal.screen().contains(&secret), "{name}");
    }
}

/// What a table needs is there also on a narrow terminal, in lines that the terminal does not break.
#[test]
fn tables_fit_a_narrow_terminal() {
    const COLUMNS: usize = 40;
    let systems = Systems::start(3);
    systems.leavers(3);
    let refuses = Fault::response(400, serde_json::json!({ "code": 400, "message": "田中さん is kept 🙂" }));
    systems.server.fault(refuses.on_operation("updateUserStatus").times(1)).unwrap();
    systems.run(&["apply", "leavers.csv", "--yes", "--max-in-flight", "1"]).ended(3);
    let terminal = Terminal::open(&systems);
    terminal.resized(COLUMNS);
    for (command, parts) in [
        ("systems", &["suspend until", "clearsquare  –", "userdocks"][..]),
        ("runs", &["OUTCOMES", "2 confirmed, 1", "leavers.csv"]),
        ("config show", &["pod", "symphony", "session_token from"]),
        ("report last --only bad", &["WHAT IS KNOWN", "田中さん", "SYSTEM"]),
    ] {
        terminal.runs(&format!("user-status {command}"));
        let screen = terminal.sees("the end", |screen| screen.contains("\nended 0"));
        for part in parts {
            assert!(screen.contains(part), "{command}: {part}\n{screen}");
        }
        // The lines of the tables: those that are text go on where the terminal breaks them.
        let (from, to) = match command {
            "report last --only bad" => ("SYSTEM", "What to do next:"),
            "config show" => ("pod", "ended"),
            _ => ("", "¹"),
        };
        let lines = screen.lines().skip_while(|line| !line.contains(from)).take_while(|line| !line.contains(to));
        for line in lines.skip(1) {
            let cells: usize = line.chars().map(|c| if c > '\u{1100}' && !"–…".contains(c) { 2 } else { 1 }).sum();
            assert!(cells <= COLUMNS, "{command}: {line}\n{screen}");
        }
    }
}

/// The windows of a terminal close on a question, and the program is killed at one: neither is a yes.
#[test]
fn a_terminal_that_closes_at_the_question_has_said_no() {
    let systems = Systems::start(50);
    systems.leavers(50);
    let asks = |terminal: &Terminal, command: &str| {
        terminal.runs(command);
        terminal.sees("the question", |screen| screen.contains("Type 50 to go on:"));
    };
    let until = |what: &str, so: &dyn Fn() -> bool| {
        let started = Instant::now();
        while !so() {
            assert!(started.elapsed() < PATIENCE, "{what} does not come");
            std::thread::sleep(Duration::from_millis(20));
        }
    };
    let terminal = Terminal::open(&systems);
    asks(&terminal, "user-status apply leavers.csv");
    assert_eq!(systems.journals().len(), 1);
    drop(terminal);
    until("the end of the run", &|| systems.journals().is_empty());

    // Killed, it leaves a run of which nothing was confirmed.
    let terminal = Terminal::open(&systems);
    asks(&terminal, "sh -c 'echo $$ > pid; exec user-status apply leavers.csv'");
    let pid = std::fs::read_to_string(systems.folder.path("pid")).unwrap();
    assert!(Command::new("kill").args(["-KILL", pid.trim()]).status().unwrap().success());
    terminal.sees("the end", |screen| screen.contains("\nended 137"));
    let id = systems.journals()[0].file_stem().unwrap().to_str().unwrap().to_owned();
    systems.run(&["resume", "last"]).ended(2).said("was begun yet");
    asks(&terminal, &format!("user-status resume {id} --max-changes 50"));
    terminal.presses("C-c");
    terminal.sees("the refusal", |screen| screen.contains("\nended 6"));
    assert!(systems.changes().is_empty());
    asks(&terminal, &format!("user-status resume {id}"));
    terminal.types("50");
    terminal.sees("the end", |screen| screen.contains("\nended 0"));
    assert_eq!(systems.changes().len(), 50);

    // An undo that died at its question is not taken up by whoever means the run before.
    asks(&terminal, "sh -c 'echo $$ > pid; exec user-status undo last --no-read-first'");
    let pid = std::fs::read_to_string(systems.folder.path("pid")).unwrap();
    assert!(Command::new("kill").args(["-KILL", pid.trim()]).status().unwrap().success());
    terminal.sees("the end", |screen| screen.contains("\nended 137"));
    systems.run(&["resume", "last"]).ended(0).said("there is nothing to go on with");
    assert!(systems.changes().values().all(|changes| *changes == 1));
}

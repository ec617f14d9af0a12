//! What the READMEs say of the program is done as it stands there: every transcript and every configuration in a block, every
//! command and flag that a sentence or a table names.

mod common;

use std::collections::BTreeSet;
use std::env;
use std::path::Path;
use std::process::{Command, Stdio};

use common::transcript::{Block, blocks, commands, same};
use common::{Mock, Ran, program};
use tempfile::TempDir;

const README: &str = include_str!("../../README.md");
const PAGE: &str = include_str!("../README.md");

/// A person at a terminal who reads a page from its top and types what stands there.
struct Reader {
    mock: Mock,
    folder: TempDir,
}

impl Reader {
    fn new() -> Reader {
        Reader { mock: Mock::start(), folder: tempfile::tempdir().unwrap() }
    }

    /// In a shell, with the program where `cargo install` would have put it.
    fn types(&self, command: &str) -> Ran {
        let program = Path::new(env!("CARGO_BIN_EXE_user-status")).parent().unwrap().to_owned();
        let path =
            env::join_paths([program].into_iter().chain(env::split_paths(&env::var_os("PATH").unwrap()))).unwrap();
        let mut shell = Command::new("bash");
        shell.args(["-c", &format!("exec 2>&1\n{command}")]).current_dir(self.folder.path()).stdin(Stdio::null());
        shell.env("PATH", path).env("USER_STATUS_CONFIG", self.mock.config());
        shell.env("USER_STATUS_RUNS", self.folder.path().join("runs")).env_remove("COLUMNS").env("NO_COLOR", "1");
        shell.output().unwrap().into()
    }

    fn writes(&self, file: &str, text: &str) {
        std::fs::write(self.folder.path().join(file), text).unwrap();
    }

    /// Does what a block says, whatever it is.
    fn follows(&self, block: &Block) {
        match block.language.as_str() {
            // Run by cargo.
            "sh" | "rust" => {}
            // The file that the transcripts below it name.
            "csv" => self.writes("leavers.csv", &block.text),
            "toml" => self.configures(&block.text),
            "text" => {
                for (command, expected) in commands(&block.text) {
                    match command.strip_prefix("cat ") {
                        Some(file) => self.writes(file, &format!("{}\n", expected.join("\n").trim_end())),
                        None if command == "user-status mock" => self.starts_a_mock(&expected),
                        None => {
                            let ran = self.types(command);
                            same(command, &expected, &ran.stdout);
                            // A row of each of these files is refused.
                            ran.ended(3);
                        }
                    }
                }
            }
            other => panic!("nobody knows what to do with a block of `{other}`"),
        }
    }

    /// The same on a port that is free, and what it says to type.
    fn starts_a_mock(&self, expected: &[&str]) {
        let other = Mock::with(&[]);
        same("user-status mock", expected, &other.said);
        let typed: Vec<&str> = expected.iter().filter_map(|line| line.strip_prefix("    ")).collect();
        assert!(typed.len() > 3, "{typed:?}");
        for command in typed.iter().filter(|command| command.starts_with("user-status ")) {
            let here = format!("export USER_STATUS_CONFIG='{}'\n{command}", other.config());
            self.types(&here).ended(0);
        }
    }

    /// A configuration is read by the program, and says what stands in it.
    fn configures(&self, text: &str) {
        self.writes("page.toml", text);
        let ran = self.types(
            "chmod 600 page.toml; export POD_SESSION_TOKEN=12345678; user-status --config page.toml config show",
        );
        ran.ended(0).said("https://acme.symphony.example/pod").said("POD_SESSION_TOKEN").kept("12345678");
        let account = text.split("own_account = \"").nth(1).and_then(|rest| rest.split('"').next()).unwrap();
        self.types(&format!("export POD_SESSION_TOKEN=x; user-status --config page.toml set pod {account} disable"))
            .ended(6);
        self.types("export POD_SESSION_TOKEN=x; user-status --config page.toml set pod 7215545057281 disable").ended(6);
    }
}

#[test]
fn the_transcripts_of_the_readme_are_what_the_program_prints() {
    let reader = Reader::new();
    blocks(README).iter().for_each(|block| reader.follows(block));
}

#[test]
fn the_page_of_the_program_can_be_followed_from_its_top() {
    let reader = Reader::new();
    blocks(PAGE).iter().for_each(|block| reader.follows(block));

    // The formats of a report, of the run that was made on the way.
    for row in table(PAGE, "| `--format` | |") {
        for spelled in spans(&row[0]) {
            let named = if spelled.starts_with("--") { "" } else { "--format " };
            let flags = format!("{named}{spelled}");
            let ran = reader.types(&format!("user-status report last {flags}"));
            let first = ran.ended(0).stdout.lines().next().unwrap_or_default().to_owned();
            match spelled.as_str() {
                "csv" => assert!(row[1].contains(&format!("`{first}`")), "{first}"),
                "ndjson" => assert!(first.starts_with('{') && first.ends_with('}'), "{first}"),
                "json" | "--json" => {
                    let document: serde_json::Value = serde_json::from_str(&ran.stdout).unwrap();
                    let members: Vec<&String> = document.as_object().unwrap().keys().collect();
                    let said = |member: &&String| row[1].contains(&format!("\"{member}\":"));
                    assert!(members.iter().all(said), "{members:?}: {}", row[1]);
                }
                _ => {}
            }
        }
    }
}

/// The rows of the table with this header, cell by cell.
fn table(page: &str, header: &str) -> Vec<Vec<String>> {
    let start = page.lines().position(|line| line.starts_with(header)).unwrap_or_else(|| panic!("{header}"));
    let rows = page.lines().skip(start + 2).take_while(|line| line.starts_with('|'));
    rows.map(|row| row.trim_matches('|').split(" | ").map(|cell| cell.trim().to_owned()).collect()).collect()
}

/// Returns what stands between backticks.
fn spans(text: &str) -> Vec<String> {
    text.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

/// A page without its blocks.
fn prose(page: &str) -> String {
    page.split("```").step_by(2).collect()
}

fn help(command: &[&str]) -> String {
    let ran: Ran = program().args(command).arg("--help").output().unwrap().into();
    ran.ended(0).stdout.clone()
}

#[test]
fn every_command_and_flag_that_is_named_is_there() {
    let all = help(&[]);
    let listed = all.split("Commands:\n").nth(1).unwrap().split("\n\n").next().unwrap();
    let listed: BTreeSet<&str> = listed
        .lines()
        .filter_map(|line| line.strip_prefix("  ").filter(|rest| !rest.starts_with(' '))?.split(' ').next())
        .filter(|command| *command != "help")
        .collect();

    // The table has every command, and each takes what the table says.
    let mut named = BTreeSet::new();
    for row in table(PAGE, "| Command | What it does |") {
        for command in spans(&row[0]) {
            let words: Vec<&str> = command.split(' ').collect();
            let (places, words): (Vec<&str>, Vec<&str>) =
                words.into_iter().partition(|word| word.chars().any(char::is_uppercase));
            let help = help(&words);
            let usage = help.lines().find(|line| line.starts_with("Usage:")).unwrap();
            for place in places {
                let place = place.trim_matches(|c: char| !c.is_alphabetic());
                assert!(
                    usage.contains(&format!("<{place}>")) || usage.contains(&format!("[{place}]")),
                    "{command}: {usage}"
                );
            }
            named.insert(words[0].to_owned());
        }
    }
    assert_eq!(named.iter().map(String::as_str).collect::<BTreeSet<_>>(), listed);

    let mut helps = all.clone();
    for command in &listed {
        helps += &help(&[command]);
    }
    for command in ["init", "show"] {
        helps += &help(&["config", command]);
    }
    for page in [README, PAGE] {
        for span in spans(&prose(page)) {
            if let Some(command) = span.strip_prefix("user-status ") {
                assert!(listed.contains(command.split(' ').next().unwrap()), "`{span}`: no such command");
            }
            for word in span.split(' ').filter(|word| word.starts_with("--") && page == PAGE) {
                assert!(helps.contains(word), "`{span}`: no command has {word}");
            }
            if span.starts_with("USER_STATUS_") {
                assert!(helps.contains(&span), "`{span}` is in no help");
            }
        }
    }
    // The exit codes, word for word, wherever a line of the help ends.
    let words = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    let told = words(all.split("Exit codes:\n").nth(1).unwrap());
    let rows = table(PAGE, "| Exit code | Meaning |");
    let said: Vec<String> = rows.iter().map(|row| format!("{} {}", row[0], row[1])).collect();
    assert!(told.starts_with(&words(&said.join(" "))), "{told}\n\n{}", said.join("\n"));
}

//! Each claim of CONTRACT.md names a command that there is, and each judge a version that is the one in use.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use crate::support::repository;

const CLAIMS: &str = include_str!("../../../CONTRACT.md");

/// The tests that are programs of their own.
const PROGRAMS: &str = include_str!("../../Cargo.toml");

/// The rows of the table with this header, cell by cell.
fn rows(header: &str) -> Vec<Vec<&'static str>> {
    let lines = CLAIMS.lines().skip_while(|line| !line.starts_with(header)).skip(2);
    let cells = |line: &'static str| line.trim_matches('|').split('|').map(str::trim).collect();
    lines.take_while(|line| line.starts_with('|')).map(cells).collect()
}

/// Returns whether there is a module of this path.
fn is_module(path: &str) -> bool {
    let file = repository().join("tests/promises").join(path.replace("::", "/"));
    file.with_extension("rs").is_file() || file.join("mod.rs").is_file()
}

fn executable(script: &str) {
    let file = fs::metadata(repository().join(script)).unwrap_or_else(|e| panic!("{script}: {e}"));
    assert!(file.permissions().mode() & 0o111 != 0, "{script} can be executed");
}

#[test]
fn every_claim_has_a_command_that_there_is() {
    let claims = rows("| Claim |");
    assert!(claims.len() > 10, "{claims:?}");
    let run = fs::read_to_string(repository().join(".ci/run")).unwrap();
    let aliases = fs::read_to_string(repository().join(".cargo/config.toml")).unwrap();
    for row in claims {
        let command = row[1].trim_matches('`');
        // What proves a claim at greater length.
        for script in row[0].split('`').filter(|code| code.starts_with(".ci/")) {
            executable(script);
        }
        if let Some(program) = command.strip_prefix("cargo test --workspace --test ") {
            let name = format!("[[test]]\nname = \"{program}\"\n");
            assert!(PROGRAMS.contains(&name), "{command}");
        } else if let Some(module) = command.strip_prefix("cargo test --workspace ") {
            assert!(is_module(module.strip_suffix("::").unwrap()), "{command}");
        } else if let Some(subcommand) = command.strip_prefix("cargo ") {
            let (alias, argument) = subcommand.split_once(' ').unwrap();
            assert!(aliases.lines().any(|line| line.starts_with(&format!("{alias} = "))), "{command}");
            assert!(run.lines().any(|line| line == command), "{command} is a part of .ci/run");
            assert_eq!(argument, "check");
        } else {
            executable(command);
            assert!(command == ".ci/run" || run.lines().any(|line| line == command), "{command} is a part of .ci/run");
        }
    }
}

/// The versions that the scripts install, so that a judge in another place than the named one is noticed.
#[test]
fn every_judge_is_called_at_the_version_that_is_named() {
    let judges = rows("| Judge |");
    assert!(judges.len() > 5, "{judges:?}");
    for row in judges {
        let [judge, version, link] = row[..] else { panic!("{row:?}") };
        let file = link.rsplit_once('(').unwrap().1.trim_end_matches(')');
        let script = fs::read_to_string(repository().join(file)).unwrap();
        let fixed = script.match_indices(version).any(|(at, _)| script[..at].ends_with(['@', '=']));
        assert!(fixed, "{judge} {version} in {file}");
    }
}

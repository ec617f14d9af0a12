//! What the program prints, as the files beside this one have it: `TRYCMD=overwrite cargo test -p user-status-cli --test
//! printed` writes them anew.

mod common;

use std::path::Path;

use common::{MOCK_SECRETS, Mock, only_mine_to_write};
use tempfile::TempDir;

fn cases(place: &str) -> trycmd::TestCases {
    let cases = trycmd::TestCases::new();
    let nowhere = concat!(env!("CARGO_TARGET_TMPDIR"), "/nowhere");
    cases.env("XDG_CONFIG_HOME", nowhere).env("APPDATA", nowhere).env("USER_STATUS_CONFIG", "");
    cases.env("XDG_STATE_HOME", nowhere).env("LOCALAPPDATA", nowhere).env("USER_STATUS_RUNS", "");
    // What the terminal of the tester is must not decide.
    cases.env("COLUMNS", "").env("NO_COLOR", "1");
    cases.case(place);
    cases
}

/// A copy of the recorded pages and of the configurations beside them. Where the source of the program lies others may be able
/// to write, and then the program would not read them.
fn copied(from: &Path) -> TempDir {
    fn copy(from: &Path, to: &Path) {
        for entry in std::fs::read_dir(from).unwrap() {
            let entry = entry.unwrap();
            let to = to.join(entry.file_name());
            if entry.file_type().unwrap().is_dir() {
                std::fs::create_dir(&to).unwrap();
                copy(&entry.path(), &to);
            } else {
                std::fs::write(&to, std::fs::read(entry.path()).unwrap()).unwrap();
            }
        }
    }
    only_mine_to_write();
    let folder = tempfile::tempdir().unwrap();
    copy(from, folder.path());
    folder
}

#[test]
fn without_a_system() {
    let place = Path::new("tests/cmd");
    match std::env::var_os("TRYCMD") {
        // It writes them where they are.
        Some(_) => drop(cases("tests/cmd/*.trycmd")),
        None => {
            let copy = copied(place);
            drop(cases(copy.path().join("*.trycmd").to_str().unwrap()));
        }
    }
}

#[test]
fn with_a_system() {
    let mock = Mock::start();
    let cases = cases("tests/server/*.trycmd");
    cases.env("USER_STATUS_CONFIG", mock.config());
    let runs = tempfile::tempdir().unwrap();
    let runs_path = runs.path().join("runs");
    cases.env("USER_STATUS_RUNS", runs_path.to_str().unwrap());
    cases.insert_var("[RUNS]", runs_path.to_str().unwrap().to_owned()).unwrap();
    cases.insert_var("[ROOT]", mock.root().to_owned()).unwrap();
    cases.insert_var("[CONFIG]", mock.config().to_owned()).unwrap();
    // The cases run when this is dropped, before the mock is.
    drop(cases);
}

/// What was recorded was looked at by people; a credential in it would be easy to overlook.
#[test]
fn what_is_recorded_holds_no_credential() {
    for folder in ["tests/cmd", "tests/server"] {
        for file in std::fs::read_dir(folder).unwrap() {
            let path = file.unwrap().path();
            let Ok(text) = std::fs::read_to_string(&path) else { continue };
            let printed = text.lines().filter(|line| !line.starts_with("$ "));
            for line in printed {
                for secret in MOCK_SECRETS.iter().chain(&["canary-", "47110815"]) {
                    assert!(!line.contains(secret), "{}: {line}", path.display());
                }
            }
        }
    }
}

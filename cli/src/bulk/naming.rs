//! What a run is called, and what to type to go on with it.

use std::path::Path;

use crate::arguments::Global;
use crate::runs::Runs;

/// A run, as people name it.
pub(crate) struct RunName {
    pub(crate) id: String,
    /// The name in a command, with the options that lead to it.
    argument: String,
}

impl RunName {
    /// Of the run with this journal.
    pub(crate) fn of(journal: &Path, runs: &Runs, global: &Global) -> RunName {
        let id = journal.file_stem().unwrap_or(journal.as_os_str()).to_string_lossy().into_owned();
        let mut argument = match journal.parent() == Some(&runs.folder) {
            true => id.clone(),
            false => quoted(&journal.to_string_lossy()),
        };
        for (option, value) in [("--config", &global.config), ("--runs", &global.runs)] {
            if let Some(value) = value {
                argument += &format!(" {option} {}", quoted(&value.to_string_lossy()));
            }
        }
        RunName { id, argument }
    }

    /// Such as `user-status resume 20261124-023034-k7q2`.
    pub(crate) fn command(&self, command: &str) -> String {
        format!("user-status {command} {}", self.argument)
    }
}

/// A word for a shell.
fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_alphanumeric() || matches!(c, '/' | '.' | '-' | '_' | ':' | '\\');
    match !word.is_empty() && word.chars().all(plain) {
        true => word.to_owned(),
        false => format!("'{}'", word.replace('\'', "'\\''")),
    }
}

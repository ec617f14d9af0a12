//! What stands between a file and a thousand accounts: a limit, and a person who types how many.

use std::collections::BTreeMap;
use std::io::{self, BufRead as _, IsTerminal as _};

use user_status::Change;
use user_status::bulk::JournalReader;

use super::intake::counted;
use crate::arguments::Consent;
use crate::commands::CHANGES;
use crate::config::Config;
use crate::failure::Failure;
use crate::output::{DOUBTFUL, Output};
use crate::signals::Interrupts;
use crate::table::table_to_stderr;

/// Refuses more changes than there may be: as the argument says, else as the configuration does.
pub(crate) fn within_limit(consent: &Consent, config: &Config, changes: u64) -> Result<(), Failure> {
    let (most, source) = match (consent.max_changes, config.max_changes) {
        (Some(most), _) => (most, "--max-changes".to_owned()),
        (None, Some(most)) => (most, format!("`max_changes` in {}", config.path.display())),
        (None, None) => return Ok(()),
    };
    if changes <= most {
        return Ok(());
    }
    let problem = format!("{} asked for, and {source} allows {most}; nothing was sent", counted(changes, "change"));
    Err(Failure::safety(problem)
        .next("If so many are meant, --max-changes says it.")
        .detail("changes", changes)
        .detail("max_changes", most))
}

/// Asks a person to type how many changes there are, unless there are no more than `above`. The person gets the summary;
/// who cannot be asked is told how to look.
pub(crate) async fn confirmed(
    consent: &Consent,
    above: u64,
    changes: u64,
    (summary, look): (&str, &str),
    interrupts: &Interrupts,
    output: Output,
) -> Result<(), Failure> {
    if consent.yes || changes <= above {
        return Ok(());
    }
    let refused = |why: &str| Failure::safety(format!("{why}; nothing was sent")).detail("changes", changes);
    let asked = || format!("{} must be confirmed", counted(changes, "change"));
    if output.is_json() {
        return Err(refused(&asked()).next("With --json nobody is asked: --yes confirms."));
    }
    // What a pipe says, no person has typed.
    if !io::stdin().is_terminal() || !io::stderr().is_terminal() {
        return Err(refused(&format!("{}, and there is no terminal to ask at", asked()))
            .next(format!("`{look}` shows what would happen; then --yes confirms.")));
    }
    output.note(summary);
    output.prompt(&format!("{DOUBTFUL}Type {changes} to go on:{DOUBTFUL:#} "));
    let answer = tokio::task::spawn_blocking(|| {
        let mut line = String::new();
        io::stdin().lock().read_line(&mut line).map(|_| line)
    });
    let answer = tokio::select! {
        answer = answer => answer.ok().and_then(Result::ok).unwrap_or_default(),
        () = interrupts.heard(1) => {
            output.note("");
            String::new()
        }
    };
    match answer.trim() == changes.to_string() {
        true => Ok(()),
        false => Err(refused("not confirmed")),
    }
}

/// How many changes of each kind a journal asks for, for each system: a table.
pub(crate) fn by_change(journal: &JournalReader) -> Result<String, Failure> {
    let mut systems: BTreeMap<String, BTreeMap<&str, u64>> = BTreeMap::new();
    for entry in journal.entries() {
        let row = entry.map_err(|error| Failure::of_journal(&error))?.row;
        *systems.entry(row.system).or_default().entry(row.change.change().as_str()).or_default() += 1;
    }
    let asked = |change: &Change| systems.values().any(|changes| changes.contains_key(change.as_str()));
    let columns: Vec<&str> = CHANGES.iter().filter(|change| asked(change)).map(|change| change.as_str()).collect();
    let mut rows = vec![[""].iter().chain(&columns).map(|&word| word.to_owned()).collect::<Vec<String>>()];
    for (name, changes) in &systems {
        let cell = |column: &&str| changes.get(*column).map_or_else(|| "–".to_owned(), u64::to_string);
        rows.push([name.clone()].into_iter().chain(columns.iter().map(cell)).collect());
    }
    Ok(table_to_stderr(&rows))
}

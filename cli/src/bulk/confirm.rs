//! What stands between a file and a thousand accounts: a limit, and a person who types how many.

use std::collections::BTreeMap;
use std::io::{self, BufRead as _, IsTerminal as _};
use std::path::Path;

use jiff::{SignedDuration, Timestamp};
use serde_json::json;
use user_status::Change;
use user_status::bulk::{JournalReader, RunInfo};

use super::intake::counted;
use crate::arguments::Consent;
use crate::config::Config;
use crate::failure::Failure;
use crate::output::{DOUBTFUL, Output};
use crate::runs::{Run, Runs};
use crate::signals::Interrupts;
use crate::table::table_to_stderr;

/// Refuses more changes than there may be: as the argument says, else as the configuration does. Then nothing was `sent`.
pub(crate) fn within_limit(consent: &Consent, config: &Config, changes: u64, sent: &str) -> Result<(), Failure> {
    let (most, source) = match (consent.max_changes, config.max_changes) {
        (Some(most), _) => (most, "--max-changes".to_owned()),
        (None, Some(most)) => (most, format!("`max_changes` in {}", config.path.display())),
        (None, None) => return Ok(()),
    };
    if changes <= most {
        return Ok(());
    }
    let problem = format!("{} asked for, and {source} allows {most}; nothing was {sent}", counted(changes, "change"));
    Err(Failure::safety(problem)
        .next("If so many are meant, --max-changes says it.")
        .detail("changes", changes)
        .detail("max_changes", most))
}

/// Asks a person to type how many changes there are, unless there are no more than `above`. The person gets the summary;
/// who cannot be asked is told how to look.
async fn confirmed(
    consent: &Consent,
    above: u64,
    changes: u64,
    (summary, look, sent): (&str, &str, &str),
    interrupts: &Interrupts,
    output: Output,
) -> Result<(), Failure> {
    match changes <= above {
        true => Ok(()),
        false => agree(consent.yes, changes, (summary, "change", sent), interrupts, output).await.map_err(|failure| {
            match can_ask(output) || output.is_json() {
                true => failure,
                false => failure.next(format!("`{look}` shows what would happen; then --yes confirms.")),
            }
        }),
    }
}

/// Asks a person to type a number of things, before something is done to them; without a yes, nothing was. Who cannot be asked
/// must have said it.
pub(crate) async fn agree(
    yes: bool,
    count: u64,
    (summary, thing, done): (&str, &str, &str),
    interrupts: &Interrupts,
    output: Output,
) -> Result<(), Failure> {
    if yes {
        return Ok(());
    }
    let refused = |why: &str| Failure::safety(format!("{why}; nothing was {done}")).detail(&format!("{thing}s"), count);
    let asked = || format!("{} must be confirmed", counted(count, thing));
    if output.is_json() {
        return Err(refused(&asked()).next("With --json nobody is asked: --yes confirms."));
    }
    if !can_ask(output) {
        return Err(refused(&format!("{}, and there is no terminal to ask at", asked())).next("--yes confirms."));
    }
    output.note(summary);
    output.prompt(&format!("{DOUBTFUL}Type {count} to go on:{DOUBTFUL:#} "));
    let answer = tokio::task::spawn_blocking(|| {
        let mut line = String::new();
        io::stdin().lock().read_line(&mut line).map(|_| line)
    });
    let answer = tokio::select! {
        // A terminal that is gone has typed nothing, whatever was in its line.
        biased;
        () = interrupts.heard(1) => {
            output.note("");
            String::new()
        }
        answer = answer => answer.ok().and_then(Result::ok).unwrap_or_default(),
    };
    match answer.trim() == count.to_string() {
        true => Ok(()),
        false => Err(refused("not confirmed")),
    }
}

/// Returns the number of changes of each kind that a journal asks for, for each system: a table.
pub(crate) fn by_change(journal: &JournalReader) -> Result<String, Failure> {
    let mut systems: BTreeMap<String, BTreeMap<&str, u64>> = BTreeMap::new();
    for entry in journal.entries() {
        let row = entry.map_err(|error| Failure::of_journal(&error))?.row;
        *systems.entry(row.system).or_default().entry(row.change.change().as_str()).or_default() += 1;
    }
    let asked = |change: &Change| systems.values().any(|changes| changes.contains_key(change.as_str()));
    let columns: Vec<&str> = Change::ALL.iter().filter(|change| asked(change)).map(|change| change.as_str()).collect();
    let mut rows = vec![[""].iter().chain(&columns).map(|&word| word.to_owned()).collect::<Vec<String>>()];
    for (name, changes) in &systems {
        let cell = |column: &&str| changes.get(*column).map_or_else(|| "–".to_owned(), u64::to_string);
        rows.push([name.clone()].into_iter().chain(columns.iter().map(cell)).collect());
    }
    Ok(table_to_stderr(&rows))
}

/// The confirmation of a run that nobody confirmed yet.
pub(crate) struct Question<'a> {
    pub(crate) consent: &'a Consent,
    pub(crate) again: bool,
    pub(crate) config: &'a Config,
    pub(crate) runs: &'a Runs,
    pub(crate) journal: &'a Path,
    /// The number of changes that would be made.
    pub(crate) changes: u64,
    /// No more changes than so many need no question.
    pub(crate) above: u64,
    /// The text that a person sees, and the command that shows what would happen.
    pub(crate) shown: (&'a str, &'a str),
    /// The word for what was not done without a yes: `sent`, or `sent now` if something may have been sent before.
    pub(crate) sent: &'a str,
}

impl Question<'_> {
    /// Asks for a run, and says since when it is agreed: later than any other in the folder, also after a clock was put back.
    pub(crate) async fn agree(self, interrupts: &Interrupts, output: Output) -> Result<Timestamp, Failure> {
        let Question { consent, config, changes, shown: (summary, look), sent, .. } = self;
        within_limit(consent, config, changes, sent)?;
        let about = JournalReader::open(self.journal).and_then(|journal| journal.about());
        let about = about.map_err(|error| Failure::of_journal(&error))?;
        let others: Vec<(Run, RunInfo)> = self
            .runs
            .records()?
            .into_iter()
            .filter_map(|(run, other)| Some((run, other.ok()?)))
            .filter(|(run, _)| run.path != self.journal)
            .collect();
        let same = others.iter().filter(|(_, other)| other.begun.is_some() && other.asked == about.asked);
        let same = same.max_by_key(|(_, other)| other.confirmed);
        let (mut summary, mut above) = (summary.to_owned(), self.above);
        if let Some((run, other)) = same {
            let when = other.confirmed.or(other.begun).unwrap_or(other.created).strftime("%Y-%m-%dT%H:%M:%SZ");
            let turned = match about.once {
                0 => String::new(),
                once if once == changes => ", and making them again would turn them back".to_owned(),
                once => format!(", and making them again would turn {once} of them back"),
            };
            let said = format!("run {} made these same {} on {when}{turned}", run.id, counted(changes, "change"));
            if about.once > 0 && !self.again && (consent.yes || !can_ask(output)) {
                return Err(Failure::safety(format!("{said}; nothing was {sent}"))
                    .next("If they are to be made once more: --again says it, with --yes.")
                    .detail("changes", changes)
                    .detail("same_as", run.id.as_str()));
            }
            if can_ask(output) {
                above = 0;
            }
            summary += &format!("\n{DOUBTFUL}The same again:{DOUBTFUL:#} {said}.");
            if consent.yes || changes <= above {
                output.beside(&json!({ "same_as": run.id, "turned_back": about.once }), || format!("note: {said}"));
            }
        }
        confirmed(consent, above, changes, (&summary, look, sent), interrupts, output).await?;
        let latest = others.iter().filter_map(|(_, other)| other.confirmed).max();
        let after = latest.and_then(|latest| latest.checked_add(SignedDuration::from_millis(1)).ok());
        let now = Timestamp::now();
        Ok(after.map_or(now, |after| after.max(now)))
    }
}

/// Returns whether there is a person who can be asked.
fn can_ask(output: Output) -> bool {
    // What a pipe says, no person has typed.
    !output.is_json() && io::stdin().is_terminal() && io::stderr().is_terminal()
}

//! `runs`: which runs there are, and how far each is; and the removal of those that were never begun.

use std::path::Path;

use serde_json::{Map, Value, json};
use user_status::bulk::{Counts, Journal, JournalError, JournalErrorKind, JournalReader, RowState, RunInfo};

use crate::arguments::{RunsAction, RunsCommand};
use crate::bulk::confirm::agree;
use crate::bulk::outcome::states;
use crate::exit::Exit;
use crate::failure::{Failure, with_causes};
use crate::output::{BAD, DOUBTFUL, GOOD, Output, path as shown_path, visible};
use crate::runs::{Run, Runs};
use crate::signals::Interrupts;
use crate::table::{table_to_stderr, table_with_head};

pub(super) async fn run(command: &RunsCommand, named: Option<&Path>, output: Output) -> Result<Exit, Failure> {
    let runs = Runs::at(named)?;
    if let Some(RunsAction::Prune(prune)) = &command.command {
        return remove_unbegun(&runs, prune.yes, output).await;
    }
    // One that cannot be read does not hide the others.
    let seen: Vec<(Run, Result<RunOverview, JournalError>)> =
        runs.list()?.into_iter().map(|run| (RunOverview::of(&run.path), run)).map(|(seen, run)| (run, seen)).collect();
    let document: Vec<Value> = seen.iter().map(|(run, seen)| document(run, seen)).collect();
    output.result(&json!({ "folder": runs.folder.to_string_lossy(), "runs": document }), || match seen.is_empty() {
        true => format!("There is no run in {} yet.\n", shown_path(&runs.folder)),
        false => text(&seen),
    })?;
    Ok(Exit::Done)
}

/// Removes the runs that were never begun, after they were listed and a person agreed.
async fn remove_unbegun(runs: &Runs, yes: bool, output: Output) -> Result<Exit, Failure> {
    let mut unbegun = Vec::new();
    for run in runs.list()? {
        let seen = RunOverview::of(&run.path);
        match &seen {
            Ok(seen) if seen.is_unbegun() => unbegun.push((run, seen.state().to_owned())),
            Err(error) if error.kind() == JournalErrorKind::Empty => unbegun.push((run, unreadable(error).to_owned())),
            _ => {}
        }
    }
    if unbegun.is_empty() {
        let document = json!({ "folder": runs.folder.to_string_lossy(), "removed": [] });
        output.result(&document, || {
            format!("There is no run in {} that was never begun; nothing is removed.\n", shown_path(&runs.folder))
        })?;
        return Ok(Exit::Done);
    }
    let listed: Vec<Vec<String>> =
        unbegun.iter().map(|(run, state)| vec![format!("  {}", visible(&run.id)), state.clone()]).collect();
    let summary = format!("Never begun:\n{}", table_to_stderr(&listed));
    let agreed = async {
        let interrupts = Interrupts::new()?;
        let count = unbegun.len() as u64;
        agree(yes, count, (&summary, "run", "removed"), &interrupts, output).await
    };
    agreed.await?;
    let (mut removed, mut failed) = (Vec::new(), None);
    for (run, _) in &unbegun {
        match Journal::remove_unbegun(&run.path) {
            Ok(()) => removed.push(run.id.as_str()),
            Err(error) => failed = Some(Failure::of_journal(&error)),
        }
    }
    let document = json!({ "folder": runs.folder.to_string_lossy(), "removed": removed });
    output.result(&document, || removed.iter().map(|id| format!("Removed {}.\n", visible(id))).collect())?;
    failed.map_or(Ok(Exit::Done), Err)
}

/// An overview of a run.
pub(super) struct RunOverview {
    pub(super) about: RunInfo,
    pub(super) counts: Counts,
    pub(super) in_use: bool,
    pub(super) lost_end: bool,
}

impl RunOverview {
    fn of(journal: &Path) -> Result<RunOverview, JournalError> {
        RunOverview::through(&JournalReader::open_as_it_is(journal)?)
    }

    /// A journal that is whole.
    pub(super) fn through(journal: &JournalReader) -> Result<RunOverview, JournalError> {
        journal.check()?;
        // In this order: a run that ends in between is not taken for one that broke off.
        let in_use = journal.in_use()?;
        Ok(RunOverview { about: journal.about()?, counts: journal.counts()?, in_use, lost_end: journal.lost_end() })
    }

    /// Returns whether it is known that nobody has begun the run. A journal that lost its end does not know it; one with which
    /// somebody goes on all the same says so of its rows.
    fn is_unbegun(&self) -> bool {
        let untouched = self.counts[RowState::Pending] == self.counts.total();
        self.about.begun.is_none() && untouched && !self.in_use && !self.lost_end
    }

    /// Returns what became of the run, in a word.
    pub(super) fn state(&self) -> &str {
        match (self.in_use, &self.about.ended) {
            _ if self.lost_end => "lost its end",
            (true, _) => "at work",
            (false, Some(ended)) => ended,
            (false, None) if self.about.begun.is_none() && self.about.confirmed.is_none() => "not confirmed",
            (false, None) if self.about.begun.is_none() => "not begun",
            (false, None) => "broken off",
        }
    }

    /// Returns what is known of the run as a whole.
    pub(super) fn members(&self) -> Map<String, Value> {
        let members = json!({
            "created": self.about.created,
            "source": self.about.source,
            "version": self.about.version,
            "confirmed": self.about.confirmed,
            "begun": self.about.begun,
            "sessions": self.about.sessions,
            "state": self.state(),
            "rows": self.counts.total(),
            "open": self.counts.open(),
        });
        members.as_object().cloned().unwrap_or_default()
    }
}

fn document(run: &Run, seen: &Result<RunOverview, JournalError>) -> Value {
    let mut document =
        Map::from_iter([("run".to_owned(), json!(run.id)), ("journal".to_owned(), json!(run.path.to_string_lossy()))]);
    match seen {
        Ok(seen) => {
            document.extend(seen.members());
            document.insert("counts".to_owned(), states(&seen.counts));
        }
        Err(error) => {
            document.insert("state".to_owned(), json!(unreadable(error)));
            document.insert("error".to_owned(), json!(with_causes(error)));
        }
    }
    document.into()
}

fn text(seen: &[(Run, Result<RunOverview, JournalError>)]) -> String {
    let head = ["RUN", "CREATED", "ROWS", "OPEN", "STATE", "OUTCOMES", "SOURCE"].map(str::to_owned);
    let mut rows = vec![head.to_vec()];
    let mut problems = String::new();
    for (run, seen) in seen {
        rows.push(match seen {
            Ok(seen) => {
                let style = match seen.state() {
                    "finished" => GOOD,
                    "failed" | "lost its end" => BAD,
                    _ => DOUBTFUL,
                };
                vec![
                    visible(&run.id),
                    seen.about.created.strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
                    seen.counts.total().to_string(),
                    seen.counts.open().to_string(),
                    format!("{style}{}{style:#}", visible(seen.state())),
                    seen.counts.to_string(),
                    visible(&seen.about.source),
                ]
            }
            Err(error) => {
                problems += &format!("{BAD}{}{BAD:#}: {}\n", visible(&run.id), with_causes(error));
                let state = format!("{BAD}{}{BAD:#}", unreadable(error));
                vec![visible(&run.id), String::new(), String::new(), String::new(), state]
            }
        });
    }
    let between = if problems.is_empty() { "" } else { "\n" };
    format!("{}{between}{problems}", table_with_head(&rows))
}

/// Why a journal cannot be read, in a word.
fn unreadable(error: &JournalError) -> &'static str {
    match error.kind() {
        JournalErrorKind::NotAJournal => "damaged",
        JournalErrorKind::Empty => "without rows",
        JournalErrorKind::InUse => "taking rows in",
        JournalErrorKind::OlderVersion => "of an older version",
        JournalErrorKind::NewerVersion => "of a newer version",
        _ => "unreadable",
    }
}

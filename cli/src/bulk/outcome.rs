//! What became of a run, for somebody who is tired, and for programs.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::{Map, Value, json};
use user_status::bulk::{Counts, JournalEntry, JournalReader, RowState, Summary};

use super::intake::counted;
use super::naming::RunName;
use crate::exit::Exit;
use crate::failure::{Changed, Failure};
use crate::output::{BAD, DOUBTFUL, GOOD, Output, visible};
use crate::table::{table, table_with_head};

/// The number of rows of each kind that are listed; `report` has them all.
const LISTED: usize = 5;

/// The outcome of a run.
pub(crate) struct RunReport<'a> {
    pub(crate) name: &'a RunName,
    pub(crate) journal: &'a Path,
    /// The summary of this session; `None` if there was nothing to do.
    pub(crate) summary: Option<&'a Summary>,
    /// Rows of the input that were left out.
    pub(crate) skipped: u64,
    /// Rows of another run that could not be taken back.
    pub(crate) not_undone: u64,
}

impl RunReport<'_> {
    /// Says it. The exit code is the first that fits: of some row nobody knows the outcome, rows are left, rows did not
    /// come out as asked, all is done.
    pub(crate) fn tell(&self, output: Output) -> Result<Exit, Failure> {
        let failed = |error| self.unread(Failure::of_journal(&error));
        let reader = JournalReader::open(self.journal).map_err(failed)?;
        let (by_system, source) = (reader.counts_by_system().map_err(failed)?, reader.about().map_err(failed)?.source);
        let counts: Counts = by_system.values().sum();
        let exit = self.exit(&counts);
        let listed = listed(&reader, &counts).map_err(|failure| self.unread(failure))?;
        let document = self.document(&by_system, &counts, &source, exit);
        output.outcome(exit, self.changed(), &document, || self.text(&by_system, &counts, &listed))
    }

    /// Returns whether this session changed accounts.
    fn changed(&self) -> Changed {
        let handled = self.summary.map(|summary| summary.handled).unwrap_or_default();
        if handled[RowState::Unknown] + handled[RowState::Sending] > 0 {
            Changed::Unknown
        } else if handled[RowState::Confirmed] + handled[RowState::Accepted] > 0 {
            Changed::Yes
        } else {
            Changed::No
        }
    }

    /// The journal cannot be read after the run: what became of the rows does not depend on that.
    fn unread(&self, failure: Failure) -> Failure {
        let Some(summary) = self.summary else { return failure };
        let exit = match self.exit(&summary.counts) {
            Exit::Done => failure.exit,
            exit => exit,
        };
        let said = format!("Run {}: {}.", self.name.id, summary.counts);
        Failure { exit, changed: self.changed(), said: Some(said), ..failure }
            .detail("run", self.name.id.as_str())
            .detail("counts", states(&summary.counts))
    }

    fn exit(&self, counts: &Counts) -> Exit {
        let cut_short = self.summary.is_some_and(|summary| summary.interrupted || !summary.given_up.is_empty());
        if counts[RowState::Unknown] + counts[RowState::Sending] > 0 {
            Exit::Unknown
        } else if counts[RowState::Pending] > 0 || (cut_short && counts.open() > 0) {
            Exit::Stopped
        } else if counts[RowState::Refused] + counts[RowState::Failed] + self.not_undone > 0 {
            Exit::NotApplied
        } else {
            Exit::Done
        }
    }

    fn document(&self, by_system: &BTreeMap<String, Counts>, counts: &Counts, source: &str, exit: Exit) -> Value {
        let systems: Map<String, Value> =
            by_system.iter().map(|(name, counts)| (name.clone(), states(counts))).collect();
        let handled = self.summary.map(|summary| summary.handled).unwrap_or_default();
        json!({
            "run": self.name.id,
            "journal": self.journal.to_string_lossy(),
            "source": source,
            "rows": counts.total(),
            "open": counts.open(),
            "counts": states(counts),
            "by_system": systems,
            "handled": states(&handled),
            "skipped": self.skipped,
            "not_undone": self.not_undone,
            "interrupted": self.summary.is_some_and(|summary| summary.interrupted),
            "given_up": self.summary.map(|summary| &summary.given_up),
            "elapsed_seconds": self.summary.map(|summary| summary.elapsed.as_secs_f64()),
            "exit_code": exit as u8,
        })
    }

    fn text(&self, by_system: &BTreeMap<String, Counts>, counts: &Counts, listed: &str) -> String {
        let done = counts[RowState::Confirmed] + counts[RowState::Accepted] + counts[RowState::Unchanged];
        let mut text = match counts.total() {
            1 if done == 1 => format!("Run {}: the row is done.\n\n", self.name.id),
            total if done == total => format!("Run {}: all {total} rows are done.\n\n", self.name.id),
            total => format!("Run {}: {done} of {} done.\n\n", self.name.id, counted(total, "row")),
        };
        let there: Vec<(RowState, u64)> = counts.iter().filter(|(_, count)| *count > 0).collect();
        let rows: Vec<Vec<String>> = there
            .iter()
            .map(|(state, count)| {
                let style = style(*state);
                vec![format!("  {count}"), format!("{style}{state}{style:#}"), meaning(*state).to_owned()]
            })
            .collect();
        text += &table(&rows);
        if by_system.len() > 1 {
            let head = [String::new()].into_iter().chain(there.iter().map(|(state, _)| state.to_string()));
            let mut rows = vec![head.collect::<Vec<String>>()];
            for (name, counts) in by_system {
                let cells = there.iter().map(|(state, _)| counts[*state].to_string());
                rows.push([name.clone()].into_iter().chain(cells).collect());
            }
            text += &format!("\n{}", table_with_head(&rows));
        }
        text += listed;
        text.push('\n');
        for (system, why) in self.summary.iter().flat_map(|summary| &summary.given_up) {
            text += &format!("{BAD}{system} was abandoned:{BAD:#} {}\n", visible(why));
        }
        if self.skipped > 0 {
            text += &format!("{} of the file left out, as listed above.\n", counted(self.skipped, "row"));
        }
        if self.not_undone > 0 {
            text += &format!("{} cannot be taken back, as listed above.\n", counted(self.not_undone, "row"));
        }
        if counts[RowState::Unknown] > 0 {
            text += "Look at the unknown ones before anything else; resume does, where an account can be read.\n";
        }
        if counts.open() > 0 {
            text += &format!("Go on:   {}\n", self.name.command("resume"));
        }
        text + &format!("Details: {}\n", self.name.command("report"))
    }
}

/// Returns the number of rows that are in each state.
pub(crate) fn states(counts: &Counts) -> Value {
    counts.iter().map(|(state, count)| (state.as_str().to_owned(), json!(count))).collect::<Map<_, _>>().into()
}

/// The first rows that somebody must look at.
fn listed(reader: &JournalReader, counts: &Counts) -> Result<String, Failure> {
    let states = [RowState::Unknown, RowState::Sending, RowState::Refused, RowState::Failed];
    let wanted = |state: RowState| usize::try_from(counts[state]).unwrap_or(usize::MAX).min(LISTED);
    let mut missing: usize = states.into_iter().map(wanted).sum();
    let mut found: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for entry in reader.entries() {
        if missing == 0 {
            break;
        }
        let entry = entry.map_err(|error| Failure::of_journal(&error))?;
        let lines = found.entry(entry.state.as_str()).or_default();
        if states.contains(&entry.state) && lines.len() < LISTED {
            lines.push(line(&entry));
            missing -= 1;
        }
    }
    let mut text = String::new();
    for state in states {
        let Some(lines) = found.get(state.as_str()).filter(|lines| !lines.is_empty()) else { continue };
        let style = style(state);
        text += &format!("\n{style}{state}{style:#}\n");
        text.extend(lines.iter().map(|line| format!("  {line}\n")));
        match counts[state] - lines.len() as u64 {
            0 => {}
            more => text += &format!("  and {more} more\n"),
        }
    }
    Ok(text)
}

fn line(entry: &JournalEntry) -> String {
    let row = &entry.row;
    let place = if row.line > 0 { format!("line {}: ", row.line) } else { String::new() };
    let why = entry.outcome.message.as_deref().unwrap_or("the outcome was not written");
    format!("{place}{} of {} {}: {}", row.change.change(), row.system, visible(&row.user), visible(why))
}

/// Returns how a state is shown.
pub(crate) fn style(state: RowState) -> anstyle::Style {
    match state {
        RowState::Confirmed | RowState::Unchanged => GOOD,
        RowState::Accepted | RowState::Pending => DOUBTFUL,
        _ => BAD,
    }
}

fn meaning(state: RowState) -> &'static str {
    match state {
        RowState::Confirmed => "the change is proved",
        RowState::Accepted => "the system accepted the change and offers no proof",
        RowState::Unchanged => "the account already was as asked; nothing was sent",
        RowState::Refused => "nothing was changed; to try again would be the same",
        RowState::Failed => "nothing was changed; it can be tried again",
        RowState::Unknown => "nobody knows whether the account was changed",
        RowState::Sending => "nobody knows: the outcome was not written",
        _ => "not begun; nothing was sent",
    }
}

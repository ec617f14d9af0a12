//! `resume`: goes on with a run.

use std::path::Path;
use std::sync::Arc;

use jiff::Timestamp;
use user_status::bulk::{Counts, Journal, JournalReader, RowState};

use crate::arguments::{Global, Resume};
use crate::bulk::confirm::{Question, by_change, within_limit};
use crate::bulk::execute::{carry_out, runner};
use crate::bulk::intake::{counted, permitted};
use crate::bulk::naming::RunName;
use crate::bulk::outcome::RunReport;
use crate::config::Config;
use crate::connect::Connected;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::{Output, visible};
use crate::runs::Runs;
use crate::signals::Interrupts;

pub(super) async fn run(resume: &Resume, global: &Global, output: Output) -> Result<Exit, Failure> {
    let runs = Runs::at(global.runs.as_deref())?;
    let path = runs.find(&resume.run)?;
    runs.trusted(&path)?;
    let name = RunName::of(&path, &runs, global);
    let failed = |error| Failure::of_journal(&error);
    let reader = match resume.in_doubt {
        true => JournalReader::open_as_it_is(&path),
        false => JournalReader::open(&path),
    };
    let reader = reader.map_err(failed)?;
    // Rows that are lost would be neither finished nor open.
    reader.check().map_err(failed)?;
    let about = reader.about().map_err(failed)?;
    let by_system = reader.counts_by_system().map_err(failed)?;
    let counts: Counts = by_system.values().sum();
    let ended = RunReport { name: &name, journal: &path, summary: None, skipped: 0, not_undone: 0 };
    if counts.open() == 0 {
        output.note("Every row is finished; there is nothing to go on with.");
        return ended.tell(output);
    }

    let config = Config::load(global.config.as_deref())?;
    let open: Vec<&str> =
        by_system.iter().filter(|(_, counts)| counts.open() > 0).map(|(system, _)| system.as_str()).collect();
    let connected = Connected::to(&config, &open).await.map_err(|failure| within(failure, &name))?;
    reader.check_systems(&connected.registry).map_err(failed)?;
    still_permitted(&reader, &config, &connected).map_err(|failure| within(failure, &name))?;
    drop(reader);
    let interrupts = Interrupts::new()?;
    let journal = match resume.in_doubt {
        true => Journal::open_in_doubt(&path),
        false => Journal::open(&path),
    };
    let journal = journal.map_err(failed)?;
    if about.confirmed.is_none() && about.begun.is_none() {
        let agreed = unconfirmed(resume, &config, &runs, &path, &name, &interrupts, output).await;
        journal.confirm(agreed.map_err(|failure| within(failure, &name))?).await.map_err(failed)?;
    } else if resume.consent.max_changes.is_some() {
        within_limit(&resume.consent, &config, counts.open(), "sent now").map_err(|failure| within(failure, &name))?;
    }
    let finished = counts.total() - counts.open();
    output.note(&format!(
        "Run {}: {} to go on with; {} passed over.",
        name.id,
        counted(counts.open(), "row"),
        counted(finished, "finished row")
    ));
    let runner = runner(Arc::new(connected.registry), &config, &resume.pace);
    let numbers = (counts.total(), finished);
    let summary = carry_out(runner, journal, numbers, &resume.work, &name, &interrupts, output).await?;
    RunReport { summary: Some(&summary), ..ended }.tell(output)
}

pub(super) fn within(failure: Failure, name: &RunName) -> Failure {
    failure.within(&format!("run {}", name.id))
}

/// Asks for a run that nobody confirmed, as far as its journal knows: its program ended before somebody could, or the journal
/// lost its end, and then its rows are in doubt.
async fn unconfirmed(
    resume: &Resume,
    config: &Config,
    runs: &Runs,
    path: &Path,
    name: &RunName,
    interrupts: &Interrupts,
    output: Output,
) -> Result<Timestamp, Failure> {
    let reader = JournalReader::open(path).map_err(|error| Failure::of_journal(&error))?;
    let counts = reader.counts().map_err(|error| Failure::of_journal(&error))?;
    let changes = counts.total();
    let source = visible(&reader.about().map_err(|error| Failure::of_journal(&error))?.source);
    let asked = by_change(&reader)?;
    let (id, named) = (&name.id, counted(changes, "change"));
    let (summary, sent) = match counts[RowState::Unknown] + counts[RowState::Sending] {
        0 => (format!("Run {id} was not confirmed, and nothing was sent. {named} from {source}.\n\n{asked}"), "sent"),
        doubtful => {
            let known = "Its journal lost its end: nobody knows whether the run was confirmed";
            let made = format!("{doubtful} of them may have been made already");
            (format!("Run {id}. {known}. {named} from {source}; {made}.\n\n{asked}"), "sent now")
        }
    };
    // What takes a run back is always asked for.
    let takes_back = reader.entries().any(|entry| entry.is_ok_and(|entry| entry.row.expected.is_some()));
    drop(reader);
    let question = Question {
        consent: &resume.consent,
        again: resume.once_more.again || takes_back,
        config,
        runs,
        journal: path,
        changes,
        above: if takes_back { 0 } else { config.confirm_above },
        shown: (&summary, &name.command("report")),
        sent,
    };
    question.agree(interrupts, output).await
}

/// Refuses to go on if an open row names an account that came under protection since the run began.
fn still_permitted(reader: &JournalReader, config: &Config, connected: &Connected) -> Result<(), Failure> {
    for entry in reader.entries() {
        let entry = entry.map_err(|error| Failure::of_journal(&error))?;
        if !entry.state.is_finished() {
            permitted(&entry.row, config, connected)?;
        }
    }
    Ok(())
}

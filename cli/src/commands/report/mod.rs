//! `report`: what became of every row of a run. Rows are read and written a page at a time: memory does not grow with their
//! number.

mod records;
mod table;
mod target;

use std::collections::BTreeMap;
use std::io;

use user_status::bulk::{Counts, JournalEntry, JournalError, JournalReader, RowState};

use super::runs::RunOverview;
use crate::arguments::{Global, Only, Report, ReportFormat};
use crate::bulk::naming::RunName;
use crate::config::near;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::visible;
use crate::runs::Runs;
use target::ReportSink;

pub(super) fn run(report: &Report, global: &Global) -> Result<Exit, Failure> {
    let format = format(report, global.json)?;
    let runs = Runs::at(global.runs.as_deref())?;
    let path = runs.find(&report.run)?;
    let journal = JournalReader::open_as_it_is(&path).map_err(|e| Failure::of_journal(&e))?;
    let seen = RunOverview::through(&journal).map_err(|e| Failure::of_journal(&e))?;
    let by_system = journal.counts_by_system().map_err(|e| Failure::of_journal(&e))?;
    if let Some(name) = &report.system
        && !by_system.contains_key(name)
    {
        let known: Vec<&str> = by_system.keys().map(String::as_str).collect();
        let near = near(name, &known).map(|near| format!("Did you mean `{near}`? ")).unwrap_or_default();
        let problem = format!("--system: the run has no row of a system `{}`", visible(name));
        return Err(Failure::usage(problem).next(format!("{near}It has rows of {}.", known.join(", "))));
    }
    let of_run =
        Reported { name: RunName::of(&path, &runs, global), path, seen, by_system, rows: Rows { journal, report } };
    let target = ReportSink::of(report, format)?;
    target.write(|to| match format {
        ReportFormat::Table => table::write(to, &of_run, target.paper()),
        ReportFormat::Csv => records::csv(to, &of_run, !report.exact, target.is_terminal()),
        ReportFormat::Ndjson => records::ndjson(to, &of_run),
        ReportFormat::Json => records::json(to, &of_run),
    })?;
    Ok(Exit::Done)
}

/// The content of a report.
struct Reported<'a> {
    name: RunName,
    path: std::path::PathBuf,
    seen: RunOverview,
    by_system: BTreeMap<String, Counts>,
    rows: Rows<'a>,
}

/// The rows that are asked for.
struct Rows<'a> {
    journal: JournalReader,
    report: &'a Report,
}

impl Rows<'_> {
    fn read(&self) -> impl Iterator<Item = Result<JournalEntry, JournalError>> + '_ {
        let Report { only, system, .. } = self.report;
        let asked_for = move |entry: &JournalEntry| {
            (only.is_empty() || only.iter().any(|only| has(*only, entry.state)))
                && system.as_ref().is_none_or(|system| *system == entry.row.system)
        };
        self.journal.entries().filter(move |entry| entry.as_ref().map_or(true, asked_for))
    }

    fn are_all(&self) -> bool {
        self.report.only.is_empty() && self.report.system.is_none()
    }
}

/// Why a report is not whole.
enum Broken {
    Journal(JournalError),
    ReportSink(io::Error),
}

impl From<JournalError> for Broken {
    fn from(error: JournalError) -> Broken {
        Broken::Journal(error)
    }
}

impl From<io::Error> for Broken {
    fn from(error: io::Error) -> Broken {
        Broken::ReportSink(error)
    }
}

/// `--json` is the format of that name, and goes with no other.
fn format(report: &Report, json: bool) -> Result<ReportFormat, Failure> {
    let format = match (report.format, json) {
        (Some(format), true) if format != ReportFormat::Json => {
            return Err(Failure::usage("--json is --format json; take one of the two"));
        }
        (_, true) => ReportFormat::Json,
        (format, false) => format.unwrap_or(ReportFormat::Table),
    };
    match report.exact && format != ReportFormat::Csv {
        true => Err(Failure::usage("--exact goes with --format csv; the other formats change no text")),
        false => Ok(format),
    }
}

fn has(only: Only, state: RowState) -> bool {
    match only {
        Only::Pending => state == RowState::Pending,
        Only::Sending => state == RowState::Sending,
        Only::Confirmed => state == RowState::Confirmed,
        Only::Accepted => state == RowState::Accepted,
        Only::Unchanged => state == RowState::Unchanged,
        Only::Refused => state == RowState::Refused,
        Only::Failed => state == RowState::Failed,
        Only::Unknown => state == RowState::Unknown,
        Only::Open => !state.is_finished(),
        Only::Bad => matches!(state, RowState::Refused | RowState::Failed | RowState::Unknown),
    }
}

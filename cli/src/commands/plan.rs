//! `plan`: shows what a file would do.

use std::cell::RefCell;
use std::sync::Arc;

use serde_json::json;
use user_status::bulk::{BadRow, InvalidRows, JournalReader, Row};

use crate::arguments::{Global, Plan};
use crate::bulk::execute::{max_in_flight, runner};
use crate::bulk::intake::{Rules, counted, say_bad, take_in};
use crate::bulk::planning::Planning;
use crate::bulk::source::Source;
use crate::config::Config;
use crate::connect::Connected;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::Output;
use crate::signals::Interrupts;
use crate::waits::aloud;

pub(super) async fn run(plan: &Plan, global: &Global, output: Output) -> Result<Exit, Failure> {
    let config = Config::load(global.config.as_deref())?;
    let source = Source::open(&plan.input)?;
    let names = source.profiles(&config)?;
    let connected = Connected::to(&config, &names.iter().map(String::as_str).collect::<Vec<_>>()).await?;
    let interrupts = Interrupts::new()?;
    // A journal that goes with the program: so that the rows are those of a run, and the bad ones, too.
    let folder = temporary()?;
    let path = folder.path().join("plan.sqlite");
    let invalid = if plan.input.skip_invalid { InvalidRows::Skip } else { InvalidRows::Refuse };
    let on_bad = |row: &BadRow| say_bad(row, output);
    let rules = Rules { config: &config, connected: &connected, invalid, stop: interrupts.stop(), on_bad: &on_bad };
    let taken = take_in(&path, &source.name, source.rows()?, rules).await?;
    source.note_blank(output);
    drop(taken.journal);

    let registry = Arc::new(connected.registry);
    let planning = Planning {
        runner: &runner(registry.clone(), &config, &plan.pace),
        registry: &registry,
        config: &config,
        max_in_flight: max_in_flight(&plan.pace),
        requests: plan.requests,
        interrupts: &interrupts,
        output,
    };
    let reader = JournalReader::open(&path).map_err(|error| Failure::of_journal(&error))?;
    let failed = RefCell::new(None);
    let shown = aloud("plan", output, planning.show(rows(&reader, &failed))).await?;
    if let Some(failure) = failed.take() {
        return Err(failure);
    }
    let exit = match (&shown.cut_short, shown.falls_short()) {
        (Some(_), _) => Exit::Stopped,
        (None, true) => Exit::NotApplied,
        (None, false) => Exit::Done,
    };
    let mut summary = planning.members(&shown);
    summary.insert("rows".to_owned(), json!(taken.rows));
    summary.insert("skipped".to_owned(), json!(taken.skipped));
    summary.insert("exit_code".to_owned(), json!(exit as u8));
    output.one_of_many(&json!({ "summary": summary }), || {
        let mut text = planning.summary(&shown);
        if taken.skipped > 0 {
            text += &format!("{} of the file left out, as listed above.\n", counted(taken.skipped, "row"));
        }
        text
    })?;
    Ok(exit)
}

/// A folder that only this user can enter, and that goes with the program.
pub(super) fn temporary() -> Result<tempfile::TempDir, Failure> {
    let mut folder = tempfile::Builder::new();
    folder.prefix("user-status-");
    #[cfg(unix)]
    folder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o700));
    folder.tempdir().map_err(|e| {
        let place = std::env::temp_dir();
        Failure::unexpected(format!("{}: no temporary folder can be made: {e}", place.display()))
    })
}

/// The rows of a journal, until it cannot be read any more.
pub(super) fn rows<'a>(
    reader: &'a JournalReader,
    failed: &'a RefCell<Option<Failure>>,
) -> impl Iterator<Item = Row> + 'a {
    reader.entries().map_while(|entry| match entry {
        Ok(entry) => Some(entry.row),
        Err(error) => {
            failed.replace(Some(Failure::of_journal(&error)));
            None
        }
    })
}

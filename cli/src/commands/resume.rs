//! `resume`: goes on with a run.

use std::path::Path;
use std::sync::Arc;

use user_status::bulk::{Counts, Journal, JournalReader};

use crate::arguments::{Global, Resume};
use crate::bulk::intake::{counted, permitted};
use crate::bulk::naming::Name;
use crate::bulk::outcome::Ended;
use crate::bulk::session::{carry_out, runner};
use crate::config::Config;
use crate::connect::Connected;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::Output;
use crate::runs::Runs;
use crate::signals::Interrupts;

pub(super) async fn run(resume: &Resume, global: &Global, output: Output) -> Result<Exit, Failure> {
    let runs = Runs::at(global.runs.as_deref())?;
    let path = runs.find(&resume.run)?;
    runs.trusted(&path)?;
    let name = Name::of(&path, &runs, global);
    let failed = |error| Failure::of_journal(&error);
    let reader = JournalReader::open(&path).map_err(failed)?;
    // Rows that are lost would be neither finished nor open.
    reader.check().map_err(failed)?;
    let by_system = reader.counts_by_system().map_err(failed)?;
    let counts: Counts = by_system.values().sum();
    let ended = Ended { name: &name, journal: &path, summary: None, skipped: 0, not_undone: 0 };
    if counts.open() == 0 {
        output.note("Every row is finished; there is nothing to go on with.");
        return ended.tell(output);
    }

    let config = Config::load(global.config.as_deref())?;
    let open: Vec<&str> =
        by_system.iter().filter(|(_, counts)| counts.open() > 0).map(|(system, _)| system.as_str()).collect();
    let connected = Connected::to(&config, &open).await.map_err(|failure| within(failure, &name))?;
    reader.check_systems(&connected.registry).map_err(failed)?;
    drop(reader);
    still_permitted(&path, &config, &connected).map_err(|failure| within(failure, &name))?;
    let interrupts = Interrupts::new()?;
    let journal = Journal::open(&path).map_err(failed)?;
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
    Ended { summary: Some(&summary), ..ended }.tell(output)
}

pub(super) fn within(failure: Failure, name: &Name) -> Failure {
    failure.within(&format!("run {}", name.id))
}

/// Refuses to go on if an open row names an account that came under protection since the run began.
fn still_permitted(path: &Path, config: &Config, connected: &Connected) -> Result<(), Failure> {
    let reader = JournalReader::open(path).map_err(|error| Failure::of_journal(&error))?;
    for entry in reader.entries() {
        let entry = entry.map_err(|error| Failure::of_journal(&error))?;
        if !entry.state.is_finished() {
            permitted(&entry.row, config, connected)?;
        }
    }
    Ok(())
}

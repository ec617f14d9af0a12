//! `apply`: carries out the changes of a file.

use std::sync::Arc;

use serde_json::json;
use user_status::bulk::{BadRow, InvalidRows, JournalReader};

use crate::arguments::{Apply, Global};
use crate::bulk::confirm::{self, Question};
use crate::bulk::execute::{carry_out, runner};
use crate::bulk::intake::{Intake, Rules, counted, say_bad, take_in};
use crate::bulk::naming::RunName;
use crate::bulk::outcome::RunReport;
use crate::bulk::source::Source;
use crate::config::Config;
use crate::connect::Connected;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::Output;
use crate::runs::Runs;
use crate::signals::Interrupts;

pub(super) async fn run(apply: &Apply, global: &Global, output: Output) -> Result<Exit, Failure> {
    let config = Config::load(global.config.as_deref())?;
    let source = Source::open(&apply.input)?;
    let names = source.profiles(&config)?;
    let connected = Connected::to(&config, &names.iter().map(String::as_str).collect::<Vec<_>>()).await?;
    let runs = Runs::at(global.runs.as_deref())?;
    let (_, path) = runs.new_run()?;
    let interrupts = Interrupts::new()?;
    let invalid = if apply.input.skip_invalid { InvalidRows::Skip } else { InvalidRows::Refuse };
    let on_bad = |row: &BadRow| say_bad(row, output);
    let rules = Rules { config: &config, connected: &connected, invalid, stop: interrupts.stop(), on_bad: &on_bad };
    let Intake { journal, rows, skipped } = take_in(&path, &source.name, source.rows()?, rules).await?;
    source.note_blank(output);

    let agreed = async {
        let reader = JournalReader::open(&path).map_err(|error| Failure::of_journal(&error))?;
        let left_out = match skipped {
            0 => String::new(),
            _ => format!(" {} left out.", counted(skipped, "bad row")),
        };
        let asked = confirm::by_change(&reader)?;
        let summary = format!("{} from {}.{left_out}\n\n{asked}", counted(rows, "change"), source.name);
        drop(reader);
        let question = Question {
            consent: &apply.consent,
            again: apply.once_more.again,
            config: &config,
            runs: &runs,
            journal: &path,
            changes: rows,
            above: config.confirm_above,
            shown: (&summary, "user-status plan"),
            sent: "sent",
        };
        question.agree(&interrupts, output).await
    };
    let agreed = match agreed.await {
        Ok(agreed) => agreed,
        // Nothing was begun, and what was declined is not to be taken up again.
        Err(failure) => {
            return Err(match journal.discard() {
                Ok(()) => failure,
                Err(error) => failure.next(format!("Its rows are still there: {error}")),
            });
        }
    };
    journal.confirm(agreed).await.map_err(|error| Failure::of_journal(&error))?;

    let name = RunName::of(&path, &runs, global);
    announce(&name, rows, &format!("from {}", source.name), output);
    let registry = Arc::new(connected.registry);
    let runner = runner(registry, &config, &apply.pace);
    let summary = carry_out(runner, journal, (rows, 0), &apply.work, &name, &interrupts, output).await?;
    RunReport { name: &name, journal: &path, summary: Some(&summary), skipped, not_undone: 0 }.tell(output)
}

/// Says what a run is called before anything is sent: whoever loses the terminal needs it.
pub(super) fn announce(name: &RunName, rows: u64, origin: &str, output: Output) {
    let resume = name.command("resume");
    output.beside(&json!({ "run": name.id, "rows": rows, "resume": resume }), || {
        format!("Run {}: {} {origin}. If it is stopped: {resume}", name.id, counted(rows, "change"))
    });
}

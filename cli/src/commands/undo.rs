//! `undo`: takes a run back.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::sync::Arc;

use jiff::Timestamp;
use serde_json::json;
use user_status::bulk::{BadRow, InvalidRows, Journal, JournalEntry, JournalReader, NotReversible, Row, undo};

use super::apply::announce;
use super::plan::{rows, temporary};
use super::resume::within;
use crate::arguments::{Global, Undo};
use crate::bulk::confirm::Question;
use crate::bulk::execute::{carry_out, max_in_flight, runner};
use crate::bulk::intake::{Intake, Rules, counted, take_in};
use crate::bulk::naming::RunName;
use crate::bulk::outcome::RunReport;
use crate::bulk::planning::Planning;
use crate::config::Config;
use crate::connect::Connected;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::{BAD, Output, visible};
use crate::runs::Runs;
use crate::signals::Interrupts;

pub(super) async fn run(arguments: &Undo, global: &Global, output: Output) -> Result<Exit, Failure> {
    let failed = |error| Failure::of_journal(&error);
    let runs = Runs::at(global.runs.as_deref())?;
    let undone = runs.find(&arguments.run)?;
    runs.trusted(&undone)?;
    let undone_name = RunName::of(&undone, &runs, global);
    // As long as this is held, nobody goes on with what is taken back.
    let _held = if arguments.dry_run { None } else { Some(Journal::open(&undone).map_err(failed)?) };
    let reader = JournalReader::open(&undone).map_err(failed)?;
    if arguments.dry_run {
        reader.check().map_err(failed)?;
    }
    // Whoever confirms sees what would happen; else what cannot happen is said beside the result.
    let shown = arguments.dry_run || (!arguments.consent.yes && !output.is_json());

    let (mut systems, mut not_undone) = (BTreeSet::new(), 0);
    for entry in reader.entries() {
        let entry = entry.map_err(failed)?;
        match undo(&entry) {
            Ok(Some(row)) => {
                systems.insert(row.system);
            }
            Ok(None) => {}
            Err(why) => {
                not_undone += 1;
                cannot(&entry, &why, shown, output)?;
            }
        }
    }
    let exit = if not_undone == 0 { Exit::Done } else { Exit::NotApplied };
    if systems.is_empty() {
        let mut document = json!({
            "run": null, "undoes": undone_name.id, "rows": 0, "not_undone": not_undone, "exit_code": exit as u8,
        });
        let text = || format!("Run {} changed nothing that can be taken back.\n", undone_name.id);
        match arguments.dry_run {
            // One document a line, the last of which is the summary, as for any other plan.
            true => {
                document["cut_short"] = json!(null);
                output.one_of_many(&json!({ "summary": document }), text)?;
            }
            false => output.result(&document, text)?,
        }
        return Ok(exit);
    }

    let config = Config::load(global.config.as_deref())?;
    let names: Vec<&str> = systems.iter().map(String::as_str).collect();
    let connected = Connected::to(&config, &names).await.map_err(|failure| within(failure, &undone_name))?;
    reader.check_systems(&connected.registry).map_err(failed)?;
    let interrupts = Interrupts::new()?;
    let (path, _temporary) = match arguments.dry_run {
        true => {
            let folder = temporary()?;
            (folder.path().join("undo.sqlite"), Some(folder))
        }
        false => (runs.new_run()?.1, None),
    };
    let source = format!("undo of {}", undone_name.id);
    let lost = RefCell::new(None);
    let on_bad = |row: &BadRow| {
        let document = json!({ "not_undone": { "line": row.line, "message": row.problem } });
        output.beside(&document, || {
            format!("line {}: {BAD}cannot be taken back:{BAD:#} {}", row.line, visible(&row.problem))
        });
    };
    // An account that came under protection since is left as it is, and the others are taken back.
    let rules = Rules {
        config: &config,
        connected: &connected,
        invalid: InvalidRows::Skip,
        stop: interrupts.stop(),
        on_bad: &on_bad,
    };
    let taken = take_in(&path, &source, back(&reader, &lost), rules).await;
    let Intake { journal, rows: changes, skipped } = taken.map_err(|failure| match failure.exit {
        // Each row was said.
        Exit::BadRows | Exit::Safety if lost.borrow().is_none() => {
            let message = format!("nothing of run {} can be taken back; nothing was sent", undone_name.id);
            Failure { exit: Exit::NotApplied, kind: "not_undone", message, next: None, ..failure }
        }
        _ => lost.take().unwrap_or(failure),
    })?;
    let not_undone = not_undone + skipped;

    let registry = Arc::new(connected.registry);
    let runner = runner(registry.clone(), &config, &arguments.pace);
    let agreed = async {
        let mut exit = exit;
        if shown {
            let planning = Planning {
                runner: &runner,
                registry: &registry,
                config: &config,
                max_in_flight: max_in_flight(&arguments.pace),
                requests: false,
                interrupts: &interrupts,
                output,
            };
            let journal = JournalReader::open(&path).map_err(failed)?;
            let broken = RefCell::new(None);
            let plan = planning.show(rows(&journal, &broken)).await?;
            if let Some(failure) = broken.take() {
                return Err(failure);
            }
            exit = match (&plan.cut_short, plan.falls_short() || not_undone > 0) {
                (Some(_), _) => Exit::Stopped,
                (None, true) => Exit::NotApplied,
                (None, false) => Exit::Done,
            };
            let mut summary = planning.members(&plan);
            summary.insert("undoes".to_owned(), json!(undone_name.id));
            summary.insert("not_undone".to_owned(), json!(not_undone));
            summary.insert("exit_code".to_owned(), json!(exit as u8));
            output.one_of_many(&json!({ "summary": summary }), || {
                let mut text = planning.summary(&plan);
                if not_undone > 0 {
                    text += &format!("{} cannot be taken back.\n", counted(not_undone, "row"));
                }
                text
            })?;
            if plan.cut_short.is_some() && !arguments.dry_run {
                return Err(Failure::stopped("what would happen was not seen to its end; nothing was sent"));
            }
        }
        if arguments.dry_run {
            return Ok(Agreed::Shown(exit));
        }
        let summary = format!("\nTaking back run {}: {}.", undone_name.id, counted(changes, "change"));
        let look = format!("{} --dry-run", undone_name.command("undo"));
        let question = Question {
            consent: &arguments.consent,
            // It takes back only what is as the run left it, however often it is asked for.
            again: true,
            config: &config,
            runs: &runs,
            journal: &path,
            changes,
            above: 0,
            shown: (&summary, &look),
            sent: "sent",
        };
        Ok(Agreed::Since(question.agree(&interrupts, output).await?))
    };
    let agreed = match agreed.await {
        Ok(Agreed::Since(agreed)) => agreed,
        Ok(Agreed::Shown(exit)) => return Ok(exit),
        Err(failure) => {
            return Err(match journal.discard() {
                Ok(()) => failure,
                Err(error) => failure.next(format!("Its rows are still there: {error}")),
            });
        }
    };
    journal.confirm(agreed).await.map_err(failed)?;

    let name = RunName::of(&path, &runs, global);
    announce(&name, changes, &format!("as the {source}"), output);
    let summary = carry_out(runner, journal, (changes, 0), &arguments.work, &name, &interrupts, output).await?;
    RunReport { name: &name, journal: &path, summary: Some(&summary), skipped: 0, not_undone }.tell(output)
}

/// The decision to take a run back.
enum Agreed {
    /// It was agreed then.
    Since(Timestamp),
    /// A plan was to be shown, and no more.
    Shown(Exit),
}

/// The rows that take a run back.
fn back<'a>(
    reader: &'a JournalReader,
    lost: &'a RefCell<Option<Failure>>,
) -> impl Iterator<Item = Result<Row, BadRow>> + 'a {
    reader.entries().filter_map(|entry| match entry {
        Ok(entry) => undo(&entry).ok().flatten().map(Ok),
        Err(error) => {
            lost.replace(Some(Failure::of_journal(&error)));
            let mut end = BadRow::at(0, error.to_string());
            end.ends_input = true;
            Some(Err(end))
        }
    })
}

/// Says that a row cannot be taken back, and why.
fn cannot(entry: &JournalEntry, why: &NotReversible, shown: bool, output: Output) -> Result<(), Failure> {
    let row = &entry.row;
    let document = json!({
        "line": row.line,
        "system": row.system,
        "user": row.user,
        "change": row.change,
        "key": row.key,
        "step": "cannot",
        "message": why.to_string(),
    });
    let text = || {
        let line = if row.line > 0 { format!("line {}: ", row.line) } else { String::new() };
        format!("{line}{} {}: {BAD}cannot be taken back:{BAD:#} {why}", row.system, visible(&row.user))
    };
    match shown {
        true => output.one_of_many(&document, || text() + "\n").map(drop),
        false => {
            output.beside(&json!({ "not_undone": document }), text);
            Ok(())
        }
    }
}

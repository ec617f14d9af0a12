//! Taking rows into a journal. None that must not be carried out gets there.

use std::cell::Cell;
use std::path::Path;

use futures_util::{StreamExt as _, stream};
use serde_json::json;
use user_status::bulk::{BadRow, InvalidRows, Journal, JournalErrorKind, Row, StopHandle};

use crate::config::Config;
use crate::connect::Connected;
use crate::failure::Failure;
use crate::output::{BAD, Output, visible};
use crate::safety;

/// The number of accounts that are looked up at the same time.
const LOOKUPS: usize = 8;

/// The rules that every row is held against.
#[derive(Clone, Copy)]
pub(crate) struct Rules<'a> {
    pub(crate) config: &'a Config,
    pub(crate) connected: &'a Connected,
    pub(crate) invalid: InvalidRows,
    pub(crate) stop: &'a StopHandle,
    /// Says of a row that it is bad.
    pub(crate) on_bad: &'a dyn Fn(&BadRow),
}

/// Rows in a journal, of which nothing was sent yet.
pub(crate) struct Intake {
    pub(crate) journal: Journal,
    /// The number of all.
    pub(crate) rows: u64,
    /// The number of those that were left out, since they cannot be carried out as written.
    pub(crate) skipped: u64,
}

/// Takes rows into a new journal. Every bad one is said; one that names an account that is never changed is bad.
pub(crate) async fn take_in(
    path: &Path,
    source: &str,
    mut rows: impl Iterator<Item = Result<Row, BadRow>>,
    rules: Rules<'_>,
) -> Result<Intake, Failure> {
    let protected = Cell::new(0);
    let mut stopped = false;
    let rows = std::iter::from_fn(|| {
        if stopped {
            return None;
        }
        stopped = rules.stop.is_set();
        if stopped {
            // Then no journal is left.
            let mut end = BadRow::at(0, "stopped");
            end.ends_input = true;
            return Some(Err(end));
        }
        Some(rows.next()?.and_then(|row| admit(row, rules, &protected)))
    });
    // Of an account that is named otherwise than by its id, the id is held against the rules as well.
    let rows = stream::iter(rows).map(|row| async {
        let row = row?;
        let registry = &rules.connected.registry;
        match registry.get(&row.system).is_some_and(|system| !system.is_id(&row.user)) {
            true => admit(row.by_id_in(registry).await?, rules, &protected),
            false => Ok(row),
        }
    });
    let rows = rows.buffered(LOOKUPS);
    let (mut bad, mut cut_short) = (0, false);
    let on_bad = |row: &BadRow| {
        if !rules.stop.is_set() {
            bad += 1;
            cut_short |= row.ends_input;
            (rules.on_bad)(row);
        }
    };
    let registry = &rules.connected.registry;
    match Journal::create(path, source, registry, rows, rules.invalid, on_bad).await {
        Ok((journal, imported)) => Ok(Intake { journal, rows: imported.rows, skipped: imported.bad }),
        Err(error) if error.kind() != JournalErrorKind::Input => Err(Failure::of_journal(&error)),
        Err(_) if rules.stop.is_set() => Err(Failure::stopped("stopped while the rows were read; nothing was sent")),
        Err(_) => Err(refusal(source, rules.invalid, bad, protected.get(), cut_short)),
    }
}

/// Returns whether a row may be carried out, as far as the configuration knows.
pub(crate) fn permitted(row: &Row, config: &Config, connected: &Connected) -> Result<(), Failure> {
    safety::check(config, &row.system, config.profile(&row.system)?, &row.user)?;
    safety::check_subject(&row.system, connected.subjects.get(&row.system).map(String::as_str), &row.user)
}

/// `2 rows`, `1 row`.
pub(crate) fn counted(count: u64, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}

fn admit(row: Row, rules: Rules<'_>, protected: &Cell<u64>) -> Result<Row, BadRow> {
    let Err(failure) = permitted(&row, rules.config, rules.connected) else { return Ok(row) };
    let known = rules.config.profiles.contains_key(&row.system);
    let problem = match (known, failure.next) {
        (true, _) => {
            protected.set(protected.get() + 1);
            failure.message
        }
        (false, Some(next)) => format!("{}. {next}", failure.message),
        (false, None) => failure.message,
    };
    let mut bad = BadRow::at(row.line, problem);
    bad.column = Some(if known { "user" } else { "system" }.to_owned());
    Err(bad)
}

/// Says that a row of a file is bad.
pub(crate) fn say_bad(row: &BadRow, output: Output) {
    let document = json!({ "bad_row": { "line": row.line, "column": row.column, "problem": row.problem } });
    output.beside(&document, || format!("{BAD}bad row:{BAD:#} {}", visible(&row.to_string())));
}

/// Why no run begins.
fn refusal(source: &str, invalid: InvalidRows, bad: u64, protected: u64, cut_short: bool) -> Failure {
    let failure = match (bad, cut_short) {
        (0, _) => Failure::bad_rows(format!("{source} has no row to carry out; nothing was sent")),
        (_, true) => {
            let failure = Failure::bad_rows(format!("{source} cannot be read to its end; nothing was sent"));
            return failure.detail("bad_rows", bad);
        }
        _ if bad == protected => {
            let problem = "your own account, or a protected one; nothing was sent";
            let rows = counted(bad, "row");
            Failure::safety(format!("{rows} of {source} would change {problem}")).detail("bad_rows", bad)
        }
        _ => {
            let rows = counted(bad, "row");
            let problem = format!("{rows} of {source} cannot be carried out as written; nothing was sent");
            Failure::bad_rows(problem).detail("bad_rows", bad)
        }
    };
    match invalid {
        InvalidRows::Refuse if bad > 0 => {
            failure.next("Correct the file, or go on without these rows: --skip-invalid.")
        }
        _ => failure,
    }
}

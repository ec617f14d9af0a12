//! Reports for programs and for spreadsheets.

use std::borrow::Cow;
use std::io::Write;

use serde_json::{Map, Value, json};
use user_status::AccountStatus;
use user_status::bulk::JournalEntry;

use super::{Broken, Reported};
use crate::bulk::outcome::states;
use crate::output::{json_line, visible};

/// The columns of a report as CSV.
const COLUMNS: [&str; 19] = [
    "number",
    "line",
    "system",
    "user",
    "change",
    "reason",
    "until",
    "comment",
    "key",
    "state",
    "why",
    "message",
    "http",
    "attempts",
    "request_id",
    "before",
    "after",
    "started",
    "ended",
];

/// CSV with a header. Reasons come from files of others and messages from the systems, and a spreadsheet takes a text that
/// begins with = + - or @ for a formula: such a text gets a ' before it if it is to be `harmless`, which a program that joins
/// reports with other files would not expect. On a terminal, nothing moves the cursor.
pub(super) fn csv(to: &mut dyn Write, reported: &Reported<'_>, harmless: bool, terminal: bool) -> Result<(), Broken> {
    let mut csv = csv::Writer::from_writer(to);
    csv.write_record(COLUMNS).map_err(io)?;
    for entry in reported.rows.read() {
        let record = record(entry?);
        let cells = record.iter().map(|cell| {
            let cell = if harmless { no_formula(cell) } else { Cow::Borrowed(cell.as_str()) };
            if terminal { visible(&cell) } else { cell.into_owned() }
        });
        csv.write_record(cells).map_err(io)?;
    }
    Ok(csv.flush()?)
}

/// The error below one of CSV: of which kind it is decides whether it is one.
fn io(error: csv::Error) -> std::io::Error {
    match error.into_kind() {
        csv::ErrorKind::Io(e) => e,
        other => std::io::Error::other(format!("{other:?}")),
    }
}

/// A document for each row, on a line of its own.
pub(super) fn ndjson(to: &mut dyn Write, reported: &Reported<'_>) -> Result<(), Broken> {
    for entry in reported.rows.read() {
        writeln!(to, "{}", json_line(&document(&entry?)))?;
    }
    Ok(())
}

/// One document: the run, how many of its rows are in each state, and the rows that are asked for.
pub(super) fn json(to: &mut dyn Write, reported: &Reported<'_>) -> Result<(), Broken> {
    let seen = &reported.seen;
    let mut run = Map::from_iter([
        ("run".to_owned(), json!(reported.name.id)),
        ("journal".to_owned(), json!(reported.path.to_string_lossy())),
    ]);
    run.extend(seen.members());
    let by_system: Map<String, Value> =
        reported.by_system.iter().map(|(name, counts)| (name.clone(), states(counts))).collect();
    write!(
        to,
        "{{\n  \"run\": {},\n  \"counts\": {},\n  \"by_system\": {},\n  \"rows\": [",
        json_line(&Value::from(run)),
        json_line(&states(&seen.counts)),
        json_line(&Value::from(by_system)),
    )?;
    let mut between = "\n";
    for entry in reported.rows.read() {
        write!(to, "{between}    {}", json_line(&document(&entry?)))?;
        between = ",\n";
    }
    let end = if between == "\n" { "" } else { "\n  " };
    Ok(writeln!(to, "{end}]\n}}")?)
}

fn document(entry: &JournalEntry) -> Value {
    json!({
        "number": entry.number,
        "line": line(entry),
        "system": entry.row.system,
        "user": entry.row.user,
        "change": entry.row.change,
        "key": entry.row.key,
        "state": entry.state.as_str(),
        "why": entry.outcome.reason,
        "message": entry.outcome.message,
        "http": entry.outcome.status,
        "attempts": entry.outcome.attempts,
        "request_id": entry.outcome.request_id,
        "before": entry.before,
        "after": entry.outcome.after,
        "started": entry.started,
        "ended": entry.ended,
    })
}

/// The cells of a row, in the order of [`COLUMNS`].
fn record(entry: JournalEntry) -> [String; COLUMNS.len()] {
    let text = |value: Option<&dyn ToString>| value.map(ToString::to_string).unwrap_or_default();
    let status = |status: &Option<AccountStatus>| status.as_ref().map(|s| json!(s).to_string()).unwrap_or_default();
    let line = line(&entry).map(|line| line.to_string()).unwrap_or_default();
    let change = &entry.row.change;
    let outcome = entry.outcome;
    [
        entry.number.to_string(),
        line,
        entry.row.system,
        entry.row.user,
        change.change().to_string(),
        change.reason().unwrap_or_default().to_owned(),
        text(change.until().as_ref().map(|end| end as _)),
        change.comment().unwrap_or_default().to_owned(),
        entry.row.key.unwrap_or_default(),
        entry.state.to_string(),
        outcome.reason.unwrap_or_default(),
        outcome.message.unwrap_or_default(),
        text(outcome.status.as_ref().map(|status| status as _)),
        outcome.attempts.to_string(),
        outcome.request_id.unwrap_or_default(),
        status(&entry.before),
        status(&outcome.after),
        text(entry.started.as_ref().map(|at| at as _)),
        text(entry.ended.as_ref().map(|at| at as _)),
    ]
}

/// Where the row came from, if it came from a file.
fn line(entry: &JournalEntry) -> Option<u64> {
    Some(entry.row.line).filter(|line| *line > 0)
}

/// A cell that no spreadsheet takes for a formula; some take the wide forms of the characters as well, and some pass over
/// what is no character before them.
fn no_formula(cell: &str) -> Cow<'_, str> {
    let first = cell.trim_start_matches(|c: char| c.is_whitespace() || c.is_control()).chars().next();
    match first {
        Some('=' | '+' | '-' | '@' | '＝' | '＋' | '－' | '＠') => Cow::Owned(format!("'{cell}")),
        _ => Cow::Borrowed(cell),
    }
}

//! Taking rows into a new journal.

use std::error::Error as _;
use std::pin::pin;

use futures_util::{Stream, StreamExt as _};
use jiff::Timestamp;
use rusqlite::{Connection, params};

use super::error::{JournalError, JournalErrorKind};
use super::schema;
use crate::bulk::read::shown;
use crate::bulk::row::{BadRow, Row};
use crate::error::Error;
use crate::id::InvalidId;
use crate::registry::Registry;

/// What to do if there are rows that cannot be carried out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Invalid {
    /// Begin no run.
    #[default]
    Refuse,
    /// Go on without them. An input that cannot be read to its end begins no run all the same.
    Skip,
}

/// What was taken in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Imported {
    /// The rows that can be carried out.
    pub rows: u64,
    /// The rows that cannot.
    pub bad: u64,
}

/// How many rows are handed to SQLite at once.
const BATCH: usize = 512;

/// Takes rows in, in one transaction, and gives the connection back.
pub(super) async fn import(
    mut connection: Connection,
    source: &str,
    registry: &Registry,
    rows: impl Stream<Item = Result<Row, BadRow>>,
    invalid: Invalid,
    mut on_bad: impl FnMut(&BadRow),
) -> Result<(Connection, Imported), JournalError> {
    connection.execute_batch("BEGIN IMMEDIATE")?;
    schema::create(&connection)?;
    about(&connection, source, registry)?;
    let mut imported = Imported::default();
    let mut ended = false;
    let mut rows = pin!(rows.ready_chunks(BATCH));
    while let Some(batch) = rows.next().await {
        let mut good = Vec::with_capacity(batch.len());
        let mut bad = Vec::new();
        for row in batch {
            match row.and_then(|row| checked(row, registry)) {
                Ok(row) => good.push(row),
                Err(row) => bad.push(row),
            }
        }
        imported.rows += good.len() as u64;
        let insert = tokio::task::spawn_blocking(move || insert(&connection, &good).map(|again| (connection, again)));
        let gone = |e| JournalError::new(JournalErrorKind::Io, format!("taking rows in was broken off: {e}"));
        let again;
        (connection, again) = insert.await.map_err(gone)??;
        imported.rows -= again.len() as u64;
        bad.extend(again);
        bad.sort_by_key(|bad| bad.line);
        for bad in bad {
            imported.bad += 1;
            ended |= bad.ends_input;
            on_bad(&bad);
        }
    }
    let refuse = |what: String| Err(JournalError::new(JournalErrorKind::Input, what));
    match imported {
        _ if ended => refuse("the input could not be read to its end, and nothing was sent".to_owned()),
        Imported { bad, .. } if bad > 0 && invalid == Invalid::Refuse => refuse(format!(
            "{bad} {} cannot be carried out as written, and nothing was sent",
            if bad == 1 { "row" } else { "rows" }
        )),
        Imported { rows: 0, .. } => refuse("the input has no row to carry out".to_owned()),
        _ => {
            let commit = tokio::task::spawn_blocking(move || connection.execute_batch("COMMIT").map(|()| connection));
            let gone = |e| JournalError::new(JournalErrorKind::Io, format!("taking rows in was broken off: {e}"));
            Ok((commit.await.map_err(gone)??, imported))
        }
    }
}

/// What is known of the run as a whole.
fn about(connection: &Connection, source: &str, registry: &Registry) -> rusqlite::Result<()> {
    let mut insert = connection.prepare("INSERT INTO run (name, value) VALUES (?1, ?2)")?;
    insert.execute(["created", &Timestamp::now().to_string()])?;
    insert.execute(["source", source])?;
    insert.execute(["version", crate::VERSION])?;
    for (name, system) in registry.iter() {
        insert.execute([schema::name_of_system(name), schema::place(system)])?;
    }
    Ok(())
}

/// A row that its system can express.
fn checked(row: Row, registry: &Registry) -> Result<Row, BadRow> {
    let Some(system) = registry.get(&row.system) else {
        let names: Vec<&str> = registry.iter().map(|(name, _)| name).collect();
        let problem = format!("there is no system `{}`; there are {}", shown(&row.system), names.join(", "));
        return Err(BadRow::new(row.line, Some("system"), problem));
    };
    match system.check(&row.user, &row.change) {
        Ok(()) => Ok(row),
        Err(error) => {
            let (column, value) = named(&error, &row);
            let text = error.to_string();
            // A word of our own that is said in the text can be seen there.
            let seen = error.is_unsupported() && text.contains(&value);
            let is = if seen { String::new() } else { format!("; it is `{}`", shown(&value)) };
            Err(BadRow::new(row.line, Some(column), text + &is))
        }
    }
}

/// The column that an error is about, with its value.
fn named(error: &Error, row: &Row) -> (&'static str, String) {
    let change = &row.change;
    let about = |member: &str| error.to_string().contains(&format!("`{member}`"));
    match error.source() {
        Some(source) if source.is::<InvalidId>() => ("user", row.user.clone()),
        _ if error.is_unsupported() => ("change", change.change().to_string()),
        _ if about("until") => ("until", change.end().map(|end| end.to_string()).unwrap_or_default()),
        _ if about("reason") => ("reason", change.reason().unwrap_or_default().to_owned()),
        _ if change.comment_text().is_some() => ("comment", change.comment_text().unwrap_or_default().to_owned()),
        _ => ("user", row.user.clone()),
    }
}

/// Inserts rows, and gives back those whose account has another row.
fn insert(connection: &Connection, rows: &[Row]) -> Result<Vec<BadRow>, JournalError> {
    let mut insert = connection.prepare_cached(
        "INSERT INTO rows (line, system, user, change, reason, until, comment, key, expected, state, attempts)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, 'pending', 0) ON CONFLICT DO NOTHING",
    )?;
    let mut again = Vec::new();
    for row in rows {
        let expected = row.expected.as_ref().map(|expected| serde_json::json!(expected).to_string());
        let inserted = insert.execute(params![
            i64::try_from(row.line).unwrap_or(i64::MAX),
            row.system,
            row.user,
            row.change.change().as_str(),
            row.change.reason(),
            row.change.end().map(|end| end.to_string()),
            row.change.comment_text(),
            row.key,
            expected,
        ])?;
        if inserted == 0 {
            let mut other =
                connection.prepare_cached("SELECT line FROM rows WHERE system = ?1 AND user = ?2 COLLATE NOCASE")?;
            let line: i64 = other.query_row([&row.system, &row.user], |record| record.get(0))?;
            let at = if line > 0 { format!(" on line {line}") } else { String::new() };
            let problem = format!(
                "the account `{}` has another row{at}; two changes of one account have no order, so keep one",
                shown(&row.user)
            );
            again.push(BadRow::new(row.line, Some("user"), problem));
        }
    }
    Ok(again)
}

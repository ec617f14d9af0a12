//! Taking rows into a new journal.

use std::error::Error as _;
use std::pin::pin;

use futures_util::{Stream, StreamExt as _, stream};
use jiff::Timestamp;
use rusqlite::types::{Value, ValueRef};
use rusqlite::{Connection, params_from_iter};
use xxhash_rust::xxh3::xxh3_64;

use super::error::{JournalError, JournalErrorKind};
use super::records::{self, Small, WIDTH};
use super::schema::{self, COLUMNS};
use super::sums::{Key, Seal};
use crate::bulk::entry::RowState;
use crate::bulk::read::shown;
use crate::bulk::row::{BadRow, Row};
use crate::model::error::Error;
use crate::model::id::InvalidId;
use crate::system::AccountSystem;
use crate::system::registry::Registry;

/// The treatment of rows that cannot be carried out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum InvalidRows {
    /// Begin no run.
    #[default]
    Refuse,
    /// Go on without them. An input that cannot be read to its end begins no run all the same.
    Skip,
}

/// The result of taking rows in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ImportSummary {
    /// The rows that can be carried out.
    pub rows: u64,
    /// The rows that cannot.
    pub bad: u64,
}

/// The number of accounts that are looked up at the same time.
const LOOKUPS: usize = 8;

/// The number of rows that are handed to SQLite at once.
const BATCH: usize = 512;

/// Takes rows in, in one transaction, and gives the connection back.
pub(super) async fn import(
    mut connection: Connection,
    source: &str,
    registry: &Registry,
    rows: impl Stream<Item = Result<Row, BadRow>>,
    invalid: InvalidRows,
    mut on_bad: impl FnMut(&BadRow),
) -> Result<(Connection, Seal, ImportSummary), JournalError> {
    connection.execute_batch("BEGIN IMMEDIATE")?;
    schema::create(&connection)?;
    let key = Key(fastrand::u64(..));
    let digest = about(&connection, key, source, registry)?;
    let mut taken = Taken { seal: Seal { key, commits: 1, digest, open: false }, rows: 0, asked: 0, once: 0 };
    let mut imported = ImportSummary::default();
    let mut ended = false;
    let mut rows = pin!(rows.ready_chunks(BATCH));
    while let Some(batch) = rows.next().await {
        let mut good = Vec::with_capacity(batch.len());
        let mut bad = Vec::new();
        let batch = stream::iter(batch)
            .map(|row| async { row?.by_id_in(registry).await })
            .buffered(LOOKUPS)
            .collect::<Vec<_>>()
            .await;
        for row in batch {
            match row.and_then(|row| checked(row, registry)) {
                Ok((row, system)) => {
                    good.push((asked(&row, system), u64::from(!system.repeatable(&row.change)), row));
                }
                Err(row) => bad.push(row),
            }
        }
        imported.rows += good.len() as u64;
        let insert = tokio::task::spawn_blocking(move || {
            insert(&connection, &mut taken, &good).map(|again| (connection, taken, again))
        });
        let gone = |e| JournalError::new(JournalErrorKind::Io, format!("taking rows in was broken off: {e}"));
        let again;
        (connection, taken, again) = insert.await.map_err(gone)??;
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
        ImportSummary { bad, .. } if bad > 0 && invalid == InvalidRows::Refuse => refuse(format!(
            "{bad} {} cannot be carried out as written, and nothing was sent",
            if bad == 1 { "row" } else { "rows" }
        )),
        ImportSummary { rows: 0, .. } => refuse("the input has no row to carry out".to_owned()),
        _ => {
            let commit = tokio::task::spawn_blocking(move || {
                taken.seal(&connection)?;
                connection.execute_batch("COMMIT").map(|()| (connection, taken.seal))
            });
            let gone = |e| JournalError::new(JournalErrorKind::Io, format!("taking rows in was broken off: {e}"));
            let (connection, seal) = commit.await.map_err(gone)??;
            Ok((connection, seal, imported))
        }
    }
}

/// The progress of an import.
#[derive(Clone, Copy)]
struct Taken {
    seal: Seal,
    rows: i64,
    /// The sum of the checksums of what the rows ask for: the same in whichever order they come.
    asked: u64,
    /// The number of those that may not be repeated.
    once: u64,
}

impl Taken {
    /// The last of it: what is asked as a whole, and the seal.
    fn seal(&mut self, connection: &Connection) -> rusqlite::Result<()> {
        let values = [("asked", format!("{:016x}-{}", self.asked, self.rows)), ("once", self.once.to_string())];
        for (name, value) in values {
            self.seal.digest = self.seal.digest.wrapping_add(say(connection, self.seal.key, name, &value)?);
        }
        self.seal.write(connection)
    }
}

/// Returns what is known of the run as a whole. The sum of its checksums.
fn about(connection: &Connection, key: Key, source: &str, registry: &Registry) -> rusqlite::Result<u64> {
    let mut digest = 0u64;
    let mut say = |name: &str, value: &str| -> rusqlite::Result<()> {
        digest = digest.wrapping_add(say(connection, key, name, value)?);
        Ok(())
    };
    say("created", &Timestamp::now().to_string())?;
    say("source", source)?;
    say("version", crate::VERSION)?;
    for (name, system) in registry.iter() {
        say(&schema::name_of_system(name), &schema::place(system))?;
    }
    Ok(digest)
}

fn say(connection: &Connection, key: Key, name: &str, value: &str) -> rusqlite::Result<u64> {
    records::put(connection, key, Small::Run, &[name.to_owned().into(), value.to_owned().into()])
}

/// A checksum of what a row asks for: which account of which system, wherever it is configured, and what is to happen
/// to it.
fn asked(row: &Row, system: &dyn AccountSystem) -> u64 {
    let change = &row.change;
    let parts = [Some(schema::place(system)), Some(row.user.clone()), Some(change.change().to_string())];
    let more = [change.reason().map(str::to_owned), change.until().map(|end| end.to_string())];
    let comment = change.comment().map(str::to_owned);
    xxh3_64(serde_json::json!([parts, more, comment]).to_string().as_bytes())
}

/// A row that its system can express.
fn checked(row: Row, registry: &Registry) -> Result<(Row, &dyn AccountSystem), BadRow> {
    let Some(system) = registry.get(&row.system) else {
        let names: Vec<&str> = registry.iter().map(|(name, _)| name).collect();
        let problem = format!("there is no system `{}`; there are {}", shown(&row.system), names.join(", "));
        return Err(BadRow::new(row.line, Some("system"), problem));
    };
    match system.check(&row.user, &row.change) {
        Ok(()) => Ok((row, system)),
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
        _ if about("until") => ("until", change.until().map(|end| end.to_string()).unwrap_or_default()),
        _ if about("reason") => ("reason", change.reason().unwrap_or_default().to_owned()),
        _ if change.comment().is_some() => ("comment", change.comment().unwrap_or_default().to_owned()),
        _ => ("user", row.user.clone()),
    }
}

/// Inserts rows, each with its checksums and whether it may not be repeated, and gives back those whose account has
/// another row.
fn insert(connection: &Connection, taken: &mut Taken, rows: &[(u64, u64, Row)]) -> Result<Vec<BadRow>, JournalError> {
    let mut insert = connection.prepare_cached(&format!(
        "INSERT INTO rows ({COLUMNS}) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17,
                                              ?18, ?19, ?20, ?21, ?22) ON CONFLICT DO NOTHING"
    ))?;
    let mut again = Vec::new();
    for (asked, once, row) in rows {
        let columns = columns(row, taken.rows + 1);
        let sum = taken.seal.key.sum("rows", columns.iter().map(ValueRef::from));
        let sum_column = Value::Integer(sum.cast_signed());
        if insert.execute(params_from_iter(columns.iter().chain([&sum_column])))? == 1 {
            taken.rows += 1;
            taken.seal.digest = taken.seal.digest.wrapping_add(sum);
            taken.asked = taken.asked.wrapping_add(*asked);
            taken.once += once;
            continue;
        }
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
    Ok(again)
}

/// The columns of a row of which nothing was sent yet.
fn columns(row: &Row, number: i64) -> [Value; WIDTH] {
    let text = |text: &str| Value::Text(text.to_owned());
    let maybe = |text: Option<String>| text.map_or(Value::Null, Value::Text);
    let change = &row.change;
    let mut columns = [const { Value::Null }; WIDTH];
    let asked = [
        Value::Integer(number),
        Value::Integer(i64::try_from(row.line).unwrap_or(i64::MAX)),
        text(&row.system),
        text(&row.user),
        text(change.change().as_str()),
        maybe(change.reason().map(str::to_owned)),
        maybe(change.until().map(|end| end.to_string())),
        maybe(change.comment().map(str::to_owned)),
        maybe(row.key.clone()),
        maybe(row.expected.as_ref().map(|expected| serde_json::json!(expected).to_string())),
        text(RowState::Pending.as_str()),
    ];
    for (column, value) in columns.iter_mut().zip(asked) {
        *column = value;
    }
    columns[records::ATTEMPTS] = Value::Integer(0);
    columns
}

//! Writing the records of a journal, each with its checksum.

use jiff::Timestamp;
use rusqlite::types::{Value, ValueRef};
use rusqlite::{Connection, params_from_iter};

use super::error::{JournalError, JournalErrorKind};
use super::schema::COLUMNS;
use super::sums::{Key, Seal};
use crate::bulk::entry::{RowOutcome, RowState};

/// The columns of a row that change, by their place in [`COLUMNS`].
const STATE: usize = 10;
const BEFORE: usize = 11;
const AFTER: usize = 12;
const WHY: usize = 13;
const MESSAGE: usize = 14;
const HTTP: usize = 15;
pub(super) const ATTEMPTS: usize = 16;
const REQUEST_ID: usize = 17;
const STARTED: usize = 18;
const ENDED: usize = 19;
const DOUBT: usize = 20;

/// The number of columns that a row has, without its checksum.
pub(super) const WIDTH: usize = 21;

/// The columns of a row, without its checksum.
pub(super) struct Columns(pub(super) Vec<Value>);

impl Columns {
    /// The word of the state.
    pub(super) fn state(&self) -> &str {
        match self.0.get(STATE) {
            Some(Value::Text(state)) => state,
            _ => "",
        }
    }

    /// Says that a request is about to leave. What the account was before the first one is what it was before; a later look
    /// may see what that did.
    pub(super) fn mark_sending(&mut self, before: Option<String>, at: String) {
        self.set(STATE, RowState::Sending.as_str());
        if before.is_some() {
            self.set(BEFORE, before);
        }
        self.set(STARTED, at);
        self.set(ENDED, Value::Null);
    }

    /// Says what became of it.
    pub(super) fn record(&mut self, state: RowState, outcome: &RowOutcome, at: String) {
        self.set(STATE, state.as_str());
        if let Some(before) = &outcome.before {
            self.set(BEFORE, serde_json::json!(before).to_string());
        }
        self.set(AFTER, outcome.after.as_ref().map(|after| serde_json::json!(after).to_string()));
        self.set(WHY, outcome.reason.clone());
        self.set(MESSAGE, outcome.message.clone());
        self.set(HTTP, outcome.status.map(i64::from));
        self.set(ATTEMPTS, i64::from(outcome.attempts));
        self.set(REQUEST_ID, outcome.request_id.clone());
        self.set(ENDED, at);
        self.set(DOUBT, outcome.doubt.clone());
    }

    fn set(&mut self, column: usize, value: impl Into<Column>) {
        if let Some(place) = self.0.get_mut(column) {
            *place = value.into().0;
        }
    }
}

/// A value of a column.
struct Column(Value);

impl From<Value> for Column {
    fn from(value: Value) -> Column {
        Column(value)
    }
}

impl From<&str> for Column {
    fn from(text: &str) -> Column {
        Column(Value::Text(text.to_owned()))
    }
}

impl From<String> for Column {
    fn from(text: String) -> Column {
        Column(Value::Text(text))
    }
}

impl From<i64> for Column {
    fn from(number: i64) -> Column {
        Column(Value::Integer(number))
    }
}

impl<T: Into<Column>> From<Option<T>> for Column {
    fn from(value: Option<T>) -> Column {
        value.map_or(Column(Value::Null), Into::into)
    }
}

/// Changes a row. By how much the sum of all checksums grows.
pub(super) fn change(
    connection: &Connection,
    key: Key,
    number: i64,
    change: impl FnOnce(&mut Columns) -> Result<(), JournalError>,
) -> Result<u64, JournalError> {
    let mut select = connection.prepare_cached(&format!("SELECT {COLUMNS} FROM rows WHERE number = ?1"))?;
    let found = select.query_row([number], |record| {
        let sum = key.verified("rows", record)?;
        Ok((sum, Columns((0..WIDTH).map(|column| record.get(column)).collect::<rusqlite::Result<_>>()?)))
    });
    let (was, mut columns) = match found {
        Err(rusqlite::Error::QueryReturnedNoRows) => {
            let what = super::error::damaged(&format!("row {number} is missing"));
            return Err(JournalError::new(JournalErrorKind::NotAJournal, what));
        }
        found => found?,
    };
    change(&mut columns)?;
    let sum = key.sum("rows", columns.0.iter().map(ValueRef::from));
    let mut update = connection.prepare_cached(
        "UPDATE rows SET state = ?2, before = ?3, after = ?4, why = ?5, message = ?6, http = ?7, attempts = ?8,
         request_id = ?9, started = ?10, ended = ?11, doubt = ?12, sum = ?13 WHERE number = ?1",
    )?;
    let sum_column = Value::Integer(sum.cast_signed());
    let number = Value::Integer(number);
    let changed = columns.0.iter().skip(STATE);
    update.execute(params_from_iter(std::iter::once(&number).chain(changed).chain(std::iter::once(&sum_column))))?;
    Ok(sum.wrapping_sub(was))
}

/// Inserts a record, or replaces it, in one of the small tables. By how much the sum of all checksums grows.
pub(super) fn put(connection: &Connection, key: Key, table: Small, columns: &[Value]) -> rusqlite::Result<u64> {
    let (name, names, places) = match table {
        Small::Run => ("run", "name, value", "?1, ?2, ?3"),
        Small::Sessions => ("sessions", "number, started, ended, how", "?1, ?2, ?3, ?4, ?5"),
    };
    let id = names.split(',').next().unwrap_or_default();
    let mut select = connection.prepare_cached(&format!("SELECT {names}, sum FROM {name} WHERE {id} = ?1"))?;
    let was = match select.query_row(params_from_iter(columns.first()), |record| key.verified(name, record)) {
        Err(rusqlite::Error::QueryReturnedNoRows) => 0,
        was => was?,
    };
    let sum = key.sum(name, columns.iter().map(ValueRef::from));
    let insert = format!("INSERT OR REPLACE INTO {name} ({names}, sum) VALUES ({places})");
    let sum_column = Value::Integer(sum.cast_signed());
    connection.prepare_cached(&insert)?.execute(params_from_iter(columns.iter().chain([&sum_column])))?;
    Ok(sum.wrapping_sub(was))
}

/// A table with few records.
#[derive(Clone, Copy)]
pub(super) enum Small {
    Run,
    Sessions,
}

/// Makes every row unknown of which a request may have been sent in what was lost. What the journal says of itself then.
pub(super) fn all_in_doubt(connection: &Connection, seal: Seal) -> Result<Seal, JournalError> {
    let transaction = connection.unchecked_transaction()?;
    let numbers = {
        let mut select =
            transaction.prepare("SELECT number FROM rows NOT INDEXED WHERE state IN ('pending', 'failed')")?;
        select.query_map([], |record| record.get::<_, i64>(0))?.collect::<rusqlite::Result<Vec<_>>>()?
    };
    let now = Timestamp::now().to_string();
    let message = "the journal lost its end, in which it may say that the request was sent";
    let outcome = RowOutcome { doubt: Some(message.to_owned()), ..RowOutcome::because("lost_end", message) };
    let mut grown = 0u64;
    for number in numbers {
        let record = change(&transaction, seal.key, number, |row| {
            row.record(RowState::Unknown, &outcome, now.clone());
            Ok(())
        });
        grown = grown.wrapping_add(record?);
    }
    let seal = seal.next(grown);
    seal.write(&transaction)?;
    transaction.commit()?;
    Ok(seal)
}

//! The tables of a journal, and how rows are written in them.

use jiff::Timestamp;
use rusqlite::types::Type;
use rusqlite::{Connection, Row as Record};
use serde::de::DeserializeOwned;

use super::error::{JournalError, JournalErrorKind};
use crate::bulk::entry::{Entry, RowOutcome, RowState};
use crate::bulk::row::Row;
use crate::change::{Change, StatusChange};
use crate::system::AccountSystem;

/// Says that an SQLite file is a journal of this crate: `USjr`.
pub(super) const APPLICATION: i32 = i32::from_be_bytes(*b"USjr");

/// The version of the tables. A change of them is a new number, and a step in [`open`] from the one before.
pub(super) const VERSION: i32 = 1;

/// The tables. Texts are words of the contract, times RFC 3339, statuses of an account JSON of the contract's
/// `AccountStatus`; `NULL` is what is not known.
pub(super) const TABLES: &str = "
CREATE TABLE run (
    name  TEXT PRIMARY KEY NOT NULL,  -- created, source, version (of the SDK that began it); system NAME: where it is;
                                      -- not before NAME: until when that system asked to wait
    value TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE sessions (
    number  INTEGER PRIMARY KEY,      -- one for each time that a program worked on the run
    started TEXT NOT NULL,
    ended   TEXT,                     -- NULL if the program ended without saying so
    how     TEXT                      -- finished, stopped, interrupted, or failed
) STRICT;

CREATE TABLE rows (
    number     INTEGER PRIMARY KEY,   -- the place in the run, from 1
    line       INTEGER NOT NULL,      -- the line in the input, from 1; 0 if there is none
    system     TEXT NOT NULL,         -- the name of the profile
    user       TEXT NOT NULL,
    change     TEXT NOT NULL,         -- enable, disable, suspend, unsuspend, lock, unlock, toggle
    reason     TEXT,
    until      TEXT,
    comment    TEXT,
    key        TEXT,                  -- the caller's own name for the row
    expected   TEXT,                  -- what the account must be for the row to be carried out
    state      TEXT NOT NULL,         -- pending, sending, confirmed, accepted, unchanged, refused, failed, unknown
    before     TEXT,                  -- what the account was, read before the request
    after      TEXT,                  -- what the account was after it, as far as the system said
    why        TEXT,                  -- why it did not work: a word such as not_found
    message    TEXT,                  -- the same for people
    http       INTEGER,               -- the status code of the last answer
    attempts   INTEGER NOT NULL,      -- requests sent for the change
    request_id TEXT,                  -- the system's id of the last request
    started    TEXT,                  -- when the request was about to leave
    ended      TEXT                   -- when its outcome was known
) STRICT;

-- Systems differ in whether they tell `A` from `a`.
CREATE UNIQUE INDEX accounts ON rows (system, user COLLATE NOCASE);
";

/// The columns that [`entry`] reads, in its order.
pub(super) const COLUMNS: &str = "number, line, system, user, change, reason, until, comment, key, expected, state, \
                                  before, after, why, message, http, attempts, request_id, started, ended";

/// Under which name the table `run` says where a system is.
pub(super) fn name_of_system(system: &str) -> String {
    format!("system {system}")
}

/// Under which name the table `run` says until when a system asked to wait.
pub(super) fn name_of_rest(system: &str) -> String {
    format!("not before {system}")
}

/// Where a system is.
pub(super) fn place(system: &dyn AccountSystem) -> String {
    format!("{} at {}", system.vendor(), system.base_url())
}

/// Makes the tables in an empty file. The caller begins and ends the transaction.
pub(super) fn create(connection: &Connection) -> rusqlite::Result<()> {
    connection.execute_batch(TABLES)?;
    connection.pragma_update(None, "application_id", APPLICATION)?;
    connection.pragma_update(None, "user_version", VERSION)
}

/// Looks whether a file is a journal that this program knows.
pub(super) fn open(connection: &Connection) -> Result<(), JournalError> {
    let number = |name: &str| connection.pragma_query_value(None, name, |record| record.get::<_, i32>(0));
    if number("application_id")? != APPLICATION {
        let empty = connection.query_row("SELECT count(*) = 0 FROM sqlite_schema", [], |record| record.get(0))?;
        let what = if empty {
            "it holds no rows: either the program ended while it read them, and nothing was sent, or the file was emptied \
             since. Look at an account or two before you begin anew"
        } else {
            "it is an SQLite database, but no journal of a run"
        };
        return Err(JournalError::new(JournalErrorKind::NotAJournal, what));
    }
    let version = number("user_version")?;
    if version > VERSION {
        let what =
            format!("it has version {version} of the tables, and this program knows up to {VERSION}: use a newer one");
        return Err(JournalError::new(JournalErrorKind::NewerVersion, what));
    }
    Ok(())
}

/// Looks whether all pages of the file are there and whole: a row that is lost with one would be passed over in silence. Half a
/// second for a million rows.
pub(super) fn check(connection: &Connection) -> Result<(), JournalError> {
    let found: String = connection.query_row("PRAGMA quick_check(1)", [], |record| record.get(0))?;
    if found == "ok" {
        return Ok(());
    }
    let found = found.lines().last().unwrap_or_default().trim();
    Err(JournalError::new(JournalErrorKind::NotAJournal, damaged(found)))
}

/// That the file is damaged, and what to do.
pub(super) fn damaged(found: &str) -> String {
    format!(
        "it is damaged ({found}), and what it says of its rows is not to be relied on; `sqlite3 FILE .recover` shows what is left"
    )
}

/// A row as it is stored.
pub(super) fn entry(record: &Record<'_>) -> rusqlite::Result<Entry> {
    let state: String = record.get(10)?;
    let change: String = record.get(4)?;
    let known = Change::ALL.into_iter().find(|known| known.as_str() == change);
    let known = known.ok_or_else(|| unreadable(4, std::io::Error::other(format!("no change is called {change}"))))?;
    let row = Row {
        line: record.get::<_, i64>(1)?.try_into().unwrap_or_default(),
        system: record.get(2)?,
        user: record.get(3)?,
        change: StatusChange::from_parts(known, record.get(5)?, time(record, 6)?, record.get(7)?),
        key: record.get(8)?,
        expected: json(record, 9)?,
    };
    let outcome = RowOutcome {
        after: json(record, 12)?,
        reason: record.get(13)?,
        message: record.get(14)?,
        status: record.get(15)?,
        attempts: record.get(16)?,
        request_id: record.get(17)?,
    };
    Ok(Entry {
        number: record.get(0)?,
        row,
        state: state.parse::<RowState>().map_err(|e| unreadable(10, std::io::Error::other(e)))?,
        before: json(record, 11)?,
        outcome,
        started: time(record, 18)?,
        ended: time(record, 19)?,
    })
}

fn json<T: DeserializeOwned>(record: &Record<'_>, column: usize) -> rusqlite::Result<Option<T>> {
    let text: Option<String> = record.get(column)?;
    text.map(|text| serde_json::from_str(&text).map_err(|e| unreadable(column, e))).transpose()
}

fn time(record: &Record<'_>, column: usize) -> rusqlite::Result<Option<Timestamp>> {
    let text: Option<String> = record.get(column)?;
    text.map(|text| text.parse().map_err(|e| unreadable(column, e))).transpose()
}

fn unreadable(column: usize, error: impl std::error::Error + Send + Sync + 'static) -> rusqlite::Error {
    rusqlite::Error::FromSqlConversionFailure(column, Type::Text, Box::new(error))
}

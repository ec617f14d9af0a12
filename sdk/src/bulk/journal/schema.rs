//! The tables of a journal, and how rows are written in them.

use std::cmp::Ordering;
use std::path::Path;

use jiff::Timestamp;
use rusqlite::types::Type;
use rusqlite::{Connection, Row as Record};
use serde::de::DeserializeOwned;

use super::error::{JournalError, JournalErrorKind, damaged};
use super::head;
use super::sums::{Key, Seal};
use crate::bulk::entry::{JournalEntry, RowOutcome, RowState};
use crate::bulk::row::Row;
use crate::model::change::{Change, StatusChange};
use crate::system::AccountSystem;

/// Says that an SQLite file is a journal of this crate: `USjr`.
pub(super) const APPLICATION: i32 = i32::from_be_bytes(*b"USjr");

/// The version of the tables. Version 1 had no checksums, and its journals are refused: what they say could not be held to.
pub(super) const VERSION: i32 = 2;

/// The tables. Texts are words of the contract, times RFC 3339, statuses of an account JSON of the contract's
/// `AccountStatus`; `NULL` is what is not known. `sum` is the checksum of the columns before it.
pub(super) const TABLES: &str = "
CREATE TABLE seal (
    one     INTEGER PRIMARY KEY CHECK (one = 1),
    key     INTEGER NOT NULL,         -- what the checksums are made with
    commits INTEGER NOT NULL,         -- how many transactions there were; FILE-head says how many there must be
    digest  INTEGER NOT NULL,         -- the sum of the checksums of the other tables
    open    INTEGER NOT NULL,         -- 1: the end may be beside this file, which is not whole without it
    sum     INTEGER NOT NULL
) STRICT;

CREATE TABLE run (
    name  TEXT PRIMARY KEY NOT NULL,  -- created, source, version (of the SDK that began it); system NAME: where it is;
                                      -- not before NAME: until when that system asked to wait
    value TEXT NOT NULL,              -- asked: a checksum of what is asked; once: how many rows may not be repeated;
    sum   INTEGER NOT NULL            -- confirmed: when it was agreed that the run be carried out
) STRICT, WITHOUT ROWID;

CREATE TABLE sessions (
    number  INTEGER PRIMARY KEY,      -- one for each time that a program worked on the run
    started TEXT NOT NULL,
    ended   TEXT,                     -- NULL if the program ended without saying so
    how     TEXT,                     -- finished, stopped, interrupted, or failed
    sum     INTEGER NOT NULL
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
    ended      TEXT,                  -- when its outcome was known
    doubt      TEXT,                  -- of an unknown row: what was known when it became so
    sum        INTEGER NOT NULL
) STRICT;

-- Systems differ in whether they tell `A` from `a`.
CREATE UNIQUE INDEX accounts ON rows (system, user COLLATE NOCASE);
";

/// The columns that [`entry`] reads, in its order.
pub(super) const COLUMNS: &str = "number, line, system, user, change, reason, until, comment, key, expected, state, \
                                  before, after, why, message, http, attempts, request_id, started, ended, doubt, sum";

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
    format!("{} at {}", system.kind(), system.base_url())
}

/// Makes the tables in an empty file. The caller begins and ends the transaction.
pub(super) fn create(connection: &Connection) -> rusqlite::Result<()> {
    connection.execute_batch(TABLES)?;
    connection.pragma_update(None, "application_id", APPLICATION)?;
    connection.pragma_update(None, "user_version", VERSION)
}

/// Looks whether a file is a journal that this program knows.
pub(super) fn open(connection: &Connection, path: &Path) -> Result<(), JournalError> {
    let number = |name: &str| connection.pragma_query_value(None, name, |record| record.get::<_, i32>(0));
    if number("application_id")? != APPLICATION {
        let empty = connection.query_row("SELECT count(*) = 0 FROM sqlite_schema", [], |record| record.get(0))?;
        return Err(match empty {
            true if head::find(path)?.is_there() => {
                let what = "it was emptied: it holds no rows, and the file beside it whose name ends in -head says that \
                            requests may have been sent";
                JournalError::new(JournalErrorKind::NotAJournal, what)
            }
            true => {
                let what = "it holds no rows: the program ended while it read them, and nothing was sent";
                JournalError::new(JournalErrorKind::Empty, what)
            }
            false => {
                let what = "it is an SQLite database, but no journal of a run";
                JournalError::new(JournalErrorKind::NotAJournal, what)
            }
        });
    }
    let version = number("user_version")?;
    let (kind, use_what) = match version.cmp(&VERSION) {
        Ordering::Equal => return Ok(()),
        Ordering::Greater => (JournalErrorKind::NewerVersion, "a newer one"),
        Ordering::Less => (JournalErrorKind::OlderVersion, "the one that began it"),
    };
    let what = format!("it has version {version} of the tables, and this program knows {VERSION}: use {use_what}");
    Err(JournalError::new(kind, what))
}

/// Looks whether the file is whole, and all that it says is what was written: that its pages are there, that every record has
/// its checksum, and that no record is missing or at an earlier state. Every row is read.
pub(super) fn check(connection: &Connection) -> Result<(), JournalError> {
    let broken = |what: &str| Err(JournalError::new(JournalErrorKind::NotAJournal, damaged(what)));
    // What is read is of one moment, also beside a program at work.
    let moment = connection.unchecked_transaction()?;
    let found: String = moment.query_row("PRAGMA quick_check(1)", [], |record| record.get(0))?;
    if found != "ok" {
        return broken(found.lines().last().unwrap_or_default().trim());
    }
    let seal = Seal::read(&moment)?;
    let mut digest = 0u64;
    for (table, columns) in TABLES_WITH_SUMS {
        let mut select = moment.prepare(&format!("SELECT {columns} FROM {table} NOT INDEXED"))?;
        let mut records = select.query([])?;
        while let Some(record) = records.next()? {
            digest = digest.wrapping_add(seal.key.verified(table, record)?);
        }
    }
    match digest == seal.digest {
        true => Ok(()),
        false => broken("records are missing, or at an earlier state than the others"),
    }
}

/// Makes all checksums anew, whatever the records say.
pub(super) fn seal_anew(connection: &Connection) -> Result<Seal, JournalError> {
    let moment = connection.unchecked_transaction()?;
    let seal = Seal::read(&moment)?;
    let mut digest = 0u64;
    for (table, columns) in TABLES_WITH_SUMS {
        let id = columns.split(',').next().unwrap_or_default();
        let mut select = moment.prepare(&format!("SELECT {columns} FROM {table}"))?;
        let mut update = moment.prepare(&format!("UPDATE {table} SET sum = ?2 WHERE {id} = ?1"))?;
        let mut records = select.query([])?;
        while let Some(record) = records.next()? {
            let width = record.as_ref().column_count() - 1;
            let values = (0..width).map(|column| record.get_ref(column)).collect::<rusqlite::Result<Vec<_>>>()?;
            let sum = seal.key.sum(table, values.into_iter());
            digest = digest.wrapping_add(sum);
            update.execute((record.get::<_, rusqlite::types::Value>(0)?, sum.cast_signed()))?;
        }
    }
    let seal = Seal { digest, ..seal.next(0) };
    seal.write(&moment)?;
    moment.commit()?;
    Ok(seal)
}

/// The tables whose records the seal is over, with their columns.
const TABLES_WITH_SUMS: [(&str, &str); 3] =
    [("run", "name, value, sum"), ("sessions", "number, started, ended, how, sum"), ("rows", COLUMNS)];

/// A row as it is stored, and as it was written.
pub(super) fn entry(key: Key, record: &Record<'_>) -> rusqlite::Result<JournalEntry> {
    key.verified("rows", record)?;
    let state: String = record.get(10)?;
    let change: String = record.get(4)?;
    let known = change.parse::<Change>().ok();
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
        doubt: record.get(20)?,
        // It is among the columns of the row.
        before: None,
    };
    Ok(JournalEntry {
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

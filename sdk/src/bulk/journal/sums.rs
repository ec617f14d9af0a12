//! Checksums over all that a journal says: SQLite sees damage to its own structure, and none to what is written in it.
//!
//! Every record of every table has a checksum of its own, keyed with a number that no two runs share, so that neither a
//! damaged record, nor one of another run, passes for what was written. The [`Seal`] has the sum of them all: with it a record
//! that is missing, or that is back at an earlier state of its own, is noticed as well.

use std::fmt;

use rusqlite::types::{Type, ValueRef};
use rusqlite::{Connection, Row as Record};
use xxhash_rust::xxh3::xxh3_64_with_seed;

/// The number that all checksums of a run are made with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Key(pub(super) u64);

impl Key {
    /// The checksum of a record: of its table, and of its columns in their order.
    pub(super) fn sum<'a>(self, table: &str, columns: impl Iterator<Item = ValueRef<'a>>) -> u64 {
        let mut bytes = Vec::with_capacity(256);
        text(&mut bytes, table.as_bytes());
        for column in columns {
            match column {
                ValueRef::Null => bytes.push(0),
                ValueRef::Integer(number) => {
                    bytes.push(1);
                    bytes.extend(number.to_le_bytes());
                }
                ValueRef::Real(number) => {
                    bytes.push(2);
                    bytes.extend(number.to_bits().to_le_bytes());
                }
                ValueRef::Text(value) => {
                    bytes.push(3);
                    text(&mut bytes, value);
                }
                ValueRef::Blob(value) => {
                    bytes.push(4);
                    text(&mut bytes, value);
                }
            }
        }
        xxh3_64_with_seed(&bytes, self.0)
    }

    /// The checksum of a record of which the last column has it.
    ///
    /// # Errors
    /// If it is not as it was written.
    pub(super) fn verified(self, table: &str, record: &Record<'_>) -> rusqlite::Result<u64> {
        let last = record.as_ref().column_count() - 1;
        let columns = (0..last).map(|column| record.get_ref(column)).collect::<rusqlite::Result<Vec<_>>>()?;
        let sum = self.sum(table, columns.into_iter());
        if record.get_ref(last)? == ValueRef::Integer(sum.cast_signed()) {
            return Ok(sum);
        }
        let which = match (table, record.get_ref(0)?) {
            ("rows", ValueRef::Integer(number)) => format!("what it says of row {number} is not what was written"),
            _ => format!("a record of its table `{table}` is not what was written"),
        };
        Err(rusqlite::Error::FromSqlConversionFailure(last, Type::Integer, Box::new(Damaged(which))))
    }
}

/// With its length, so that no two sequences of texts are the same bytes.
fn text(bytes: &mut Vec<u8>, value: &[u8]) {
    bytes.extend((value.len() as u64).to_le_bytes());
    bytes.extend(value);
}

/// The checksum of a journal as a whole, after each transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Seal {
    pub(super) key: Key,
    /// The number of transactions.
    pub(super) commits: u64,
    /// The sum of the checksums of all records.
    pub(super) digest: u64,
    /// `true` if what was written last may be beside the file, in its write-ahead log.
    pub(super) open: bool,
}

impl Seal {
    /// Of the transaction after this one, in which the sum of the checksums grows by so much.
    pub(super) fn next(self, grown: u64) -> Seal {
        Seal { commits: self.commits + 1, digest: self.digest.wrapping_add(grown), ..self }
    }

    pub(super) fn read(connection: &Connection) -> rusqlite::Result<Seal> {
        let mut select = connection.prepare_cached("SELECT one, key, commits, digest, open, sum FROM seal")?;
        select.query_row([], |record| {
            let number = |column| record.get::<_, i64>(column);
            let key = Key(number(1)?.cast_unsigned());
            key.verified("seal", record)?;
            Ok(Seal {
                key,
                commits: number(2)?.cast_unsigned(),
                digest: number(3)?.cast_unsigned(),
                open: number(4)? != 0,
            })
        })
    }

    /// Writes it in the place of the one before.
    pub(super) fn write(self, connection: &Connection) -> rusqlite::Result<()> {
        let Seal { key, commits, digest, open } = self;
        let columns = [1, key.0.cast_signed(), commits.cast_signed(), digest.cast_signed(), i64::from(open)];
        let sum = key.sum("seal", columns.iter().map(|number| ValueRef::Integer(*number)));
        let insert =
            "INSERT OR REPLACE INTO seal (one, key, commits, digest, open, sum) VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
        let [one, key, commits, digest, open] = columns;
        connection.prepare_cached(insert)?.execute([one, key, commits, digest, open, sum.cast_signed()])?;
        Ok(())
    }
}

/// A record that is not as it was written.
#[derive(Debug)]
pub(super) struct Damaged(pub(super) String);

impl fmt::Display for Damaged {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Damaged {}

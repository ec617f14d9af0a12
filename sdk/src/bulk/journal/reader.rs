//! Looking at a journal, also while somebody works on it.

use std::collections::BTreeMap;
use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use rusqlite::{Connection, OpenFlags, OptionalExtension as _, params};

use super::error::{JournalError, JournalErrorKind};
use super::schema::{self, COLUMNS};
use super::sums::{Key, Seal};
use crate::bulk::entry::{Counts, JournalEntry, RowState};
use crate::system::registry::Registry;

/// Looks at a journal, and changes nothing in it. What a program left that was killed while it wrote is put in order.
///
/// ```no_run
/// use user_status::bulk::JournalReader;
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let journal = JournalReader::open("leavers.sqlite")?;
/// println!("{}", journal.counts()?);
/// for entry in journal.entries() {
///     let entry = entry?;
///     println!("{} {}: {}", entry.row.system, entry.row.user, entry.state);
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct JournalReader {
    path: PathBuf,
    connection: Connection,
    key: Key,
    lost_end: bool,
}

/// Facts about a run as a whole.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RunInfo {
    /// When its rows were taken in.
    pub created: Timestamp,
    /// Where they came from, in the words of whoever began the run.
    pub source: String,
    /// The version of this crate that began it.
    pub version: String,
    /// When it was agreed that the run be carried out; `None` if it was not.
    pub confirmed: Option<Timestamp>,
    /// When a program began to carry it out; `None` if none did.
    pub begun: Option<Timestamp>,
    /// A checksum of what the rows ask for, in whichever order: the same for two runs that ask for the same.
    pub asked: String,
    /// The number of rows that may not be carried out twice, such as toggles.
    pub once: u64,
    /// The number of sessions: how often a program worked on it.
    pub sessions: u64,
    /// The end of the last session: `finished`, `stopped` since systems were given up, `interrupted` by its caller, or
    /// `failed` since the journal could not be written; `None` if there was none, it is still at work, or it ended
    /// without saying so.
    pub ended: Option<String>,
}

/// The number of rows that are read at once.
const PAGE: i64 = 512;

impl JournalReader {
    /// Opens a journal to look at it.
    ///
    /// # Errors
    /// [`Missing`](JournalErrorKind::Missing), [`Empty`](JournalErrorKind::Empty),
    /// [`NotAJournal`](JournalErrorKind::NotAJournal), [`LostEnd`](JournalErrorKind::LostEnd),
    /// [`NewerVersion`](JournalErrorKind::NewerVersion), [`OlderVersion`](JournalErrorKind::OlderVersion);
    /// [`InUse`](JournalErrorKind::InUse) while a program takes its rows in; else what the file system says.
    pub fn open(path: impl AsRef<Path>) -> Result<JournalReader, JournalError> {
        let path = path.as_ref();
        match JournalReader::open_as_it_is(path)? {
            reader if reader.lost_end => match super::whole(&reader.connection, path) {
                Err(error) => Err(error.at(path)),
                Ok(_) => Ok(reader),
            },
            reader => Ok(reader),
        }
    }

    /// Opens a journal to look at it, also one that [lost its end](JournalReader::lost_end): what it says of its rows
    /// was true once.
    ///
    /// # Errors
    /// Those of [`open`](JournalReader::open), but for [`LostEnd`](JournalErrorKind::LostEnd).
    pub fn open_as_it_is(path: impl AsRef<Path>) -> Result<JournalReader, JournalError> {
        let path = path.as_ref();
        let open = || {
            if !path.try_exists().map_err(JournalError::io)? {
                return Err(JournalError::new(JournalErrorKind::Missing, "there is no such file"));
            }
            let connection = match connect(path, OpenFlags::SQLITE_OPEN_READ_ONLY) {
                // A program was killed in the middle of a transaction, and what it wrote has to be taken back first.
                Err(error) if error.kind() == JournalErrorKind::ReadOnly => {
                    connect(path, OpenFlags::SQLITE_OPEN_READ_WRITE)
                }
                Err(error) if error.kind() == JournalErrorKind::Empty && in_use(path)? => {
                    let what = "a program is still taking its rows in; wait for its end, or stop it";
                    Err(JournalError::new(JournalErrorKind::InUse, what))
                }
                connection => connection,
            }?;
            let (key, lost_end) = match super::whole(&connection, path) {
                Ok(seal) => (seal.key, false),
                Err(error) if error.kind() == JournalErrorKind::LostEnd => (Seal::read(&connection)?.key, true),
                Err(error) => return Err(error),
            };
            Ok(JournalReader { path: path.to_owned(), connection, key, lost_end })
        };
        open().map_err(|error| error.at(path))
    }

    /// Returns `true` if the journal lacks its last writes, so that it may not know of requests that were sent.
    pub fn lost_end(&self) -> bool {
        self.lost_end
    }

    /// Looks whether the file is whole, and every record of it what was written. A row that is read is looked at in any
    /// case; without this, one that is missing would be passed over in silence. Every row is read, so the time grows
    /// with the journal; [`Journal::open`](super::Journal::open) does the same.
    ///
    /// # Errors
    /// [`NotAJournal`](JournalErrorKind::NotAJournal) if it is damaged.
    pub fn check(&self) -> Result<(), JournalError> {
        schema::check(&self.connection).map_err(|error| error.at(&self.path))
    }

    /// Returns `true` while a program is at work on the run.
    ///
    /// # Errors
    /// What the file system says.
    pub fn in_use(&self) -> Result<bool, JournalError> {
        in_use(&self.path).map_err(|error| error.at(&self.path))
    }

    /// Returns the facts about the run as a whole.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn about(&self) -> Result<RunInfo, JournalError> {
        self.read(|connection| {
            let mut select = connection.prepare("SELECT name, value, sum FROM run")?;
            let values = select.query_map([], |record| {
                self.key.verified("run", record)?;
                Ok((record.get(0)?, record.get(1)?))
            })?;
            let mut values: BTreeMap<String, String> = values.collect::<rusqlite::Result<_>>()?;
            let mut value = |name: &str| values.remove(name).unwrap_or_default();
            let mut select =
                connection.prepare("SELECT number, started, ended, how, sum FROM sessions ORDER BY number")?;
            let sessions = select.query_map([], |record| {
                self.key.verified("sessions", record)?;
                Ok((record.get(1)?, record.get(3)?))
            })?;
            let sessions: Vec<(String, Option<String>)> = sessions.collect::<rusqlite::Result<_>>()?;
            Ok(RunInfo {
                created: value("created").parse().unwrap_or(Timestamp::UNIX_EPOCH),
                source: value("source"),
                version: value("version"),
                confirmed: value("confirmed").parse().ok(),
                begun: sessions.first().and_then(|(started, _)| started.parse().ok()),
                asked: value("asked"),
                once: value("once").parse().unwrap_or_default(),
                sessions: sessions.len() as u64,
                ended: sessions.into_iter().next_back().and_then(|(_, how)| how),
            })
        })
    }

    /// Until when a system asked to wait, if it did.
    pub(in crate::bulk) fn rest(&self, system: &str) -> Result<Option<Timestamp>, JournalError> {
        Ok(self.value(&schema::name_of_rest(system))?.and_then(|until| until.parse().ok()))
    }

    /// A value of the table `run`, if it is there.
    fn value(&self, name: &str) -> Result<Option<String>, JournalError> {
        self.read(|connection| {
            let select = "SELECT name, value, sum FROM run WHERE name = ?1";
            let value = |record: &rusqlite::Row<'_>| {
                self.key.verified("run", record)?;
                record.get(1)
            };
            connection.query_row(select, [name], value).optional()
        })
    }

    /// Looks whether each system is where it was when the run began: an account of the same name elsewhere is another
    /// person's.
    ///
    /// # Errors
    /// [`OtherSystem`](JournalErrorKind::OtherSystem) if one is not.
    pub fn check_systems(&self, registry: &Registry) -> Result<(), JournalError> {
        for (name, system) in registry.iter() {
            let was = self.value(&schema::name_of_system(name))?;
            let is = schema::place(system);
            if let Some(was) = was.filter(|was| *was != is) {
                let what = format!(
                    "`{name}` was {was} when the run began, and is {is} now, where an account of the same name may be \
                     another person's; nothing was sent"
                );
                return Err(JournalError::new(JournalErrorKind::OtherSystem, what).at(&self.path));
            }
        }
        Ok(())
    }

    /// Counts the rows in each state.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn counts(&self) -> Result<Counts, JournalError> {
        Ok(self.counts_by_system()?.values().sum())
    }

    /// Counts the rows in each state, for each system.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn counts_by_system(&self) -> Result<BTreeMap<String, Counts>, JournalError> {
        self.read(|connection| {
            let mut select =
                connection.prepare("SELECT system, state, count(*) FROM rows NOT INDEXED GROUP BY system, state")?;
            let mut records = select.query([])?;
            let mut systems: BTreeMap<String, Counts> = BTreeMap::new();
            while let Some(record) = records.next()? {
                let (system, state, count): (String, String, i64) = (record.get(0)?, record.get(1)?, record.get(2)?);
                let state = state.parse::<RowState>().map_err(|e| {
                    let e = Box::new(std::io::Error::other(e));
                    rusqlite::Error::FromSqlConversionFailure(1, rusqlite::types::Type::Text, e)
                })?;
                systems.entry(system).or_default()[state] = count.unsigned_abs();
            }
            Ok(systems)
        })
    }

    /// Returns all rows in the order of the input, a page at a time: memory does not grow with their number. The iterator ends
    /// after an error.
    pub fn entries(&self) -> impl Iterator<Item = Result<JournalEntry, JournalError>> + '_ {
        let mut page: std::vec::IntoIter<JournalEntry> = Vec::new().into_iter();
        let mut last = Some(0);
        std::iter::from_fn(move || {
            if let Some(entry) = page.next() {
                return Some(Ok(entry));
            }
            match self.page(last?) {
                Ok(entries) => {
                    last = entries.last().map(|entry| entry.number);
                    page = entries.into_iter();
                    page.next().map(Ok)
                }
                Err(error) => {
                    last = None;
                    Some(Err(error))
                }
            }
        })
    }

    fn page(&self, after: i64) -> Result<Vec<JournalEntry>, JournalError> {
        self.read(|connection| {
            let select = format!("SELECT {COLUMNS} FROM rows WHERE number > ?1 ORDER BY number LIMIT ?2");
            let mut select = connection.prepare_cached(&select)?;
            select.query_map(params![after, PAGE], |record| schema::entry(self.key, record))?.collect()
        })
    }

    fn read<T>(&self, read: impl FnOnce(&Connection) -> rusqlite::Result<T>) -> Result<T, JournalError> {
        read(&self.connection).map_err(|error| JournalError::from(error).at(&self.path))
    }
}

fn connect(path: &Path, access: OpenFlags) -> Result<Connection, JournalError> {
    let connection = Connection::open_with_flags(path, access | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    connection.busy_timeout(std::time::Duration::from_secs(5))?;
    connection.pragma_update(None, "query_only", true)?;
    schema::open(&connection, path)?;
    Ok(connection)
}

/// Returns whether a program has the lock of a journal.
fn in_use(path: &Path) -> Result<bool, JournalError> {
    let lock = match super::lock_of(path).and_then(File::open) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(false),
        lock => lock.map_err(JournalError::io)?,
    };
    match lock.try_lock_shared() {
        Ok(()) => Ok(false),
        Err(TryLockError::WouldBlock) => Ok(true),
        Err(TryLockError::Error(error)) => Err(JournalError::io(error)),
    }
}

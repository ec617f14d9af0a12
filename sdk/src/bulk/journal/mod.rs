//! The journal of a run: an SQLite file that knows of every row what became of it.
//!
//! A row is in the journal before anything is sent, that a request is about to leave is in it before the request leaves,
//! and the outcome after. Each is on the disk when it counts as written (`synchronous=FULL`); what many tasks write at the
//! same time becomes one transaction.
//!
//! # What is noticed
//!
//! A journal is moved, copied without the files beside it, restored from a backup, cut short by a file system, and flipped by
//! a disk. What it says then must not be acted on. It is no guard against somebody who means to deceive, and who can write
//! the files: checksums can be made anew.
//!
//! | What happened | What notices it | What becomes of it |
//! |---|---|---|
//! | the write-ahead log is missing, cut short or damaged; an earlier copy was restored | [`head`]: the number of transactions that there must be | [`LostEnd`](JournalErrorKind::LostEnd) |
//! | it was copied while a program was at work, or after one was killed; with the files beside it, or without | `open` in the file itself, which was written there, and not to the log, before the first request left; [`head`]: the number of the file | [`LostEnd`](JournalErrorKind::LostEnd) |
//! | a bit of a record was flipped | [`sums`]: the checksum of the record | [`NotAJournal`](JournalErrorKind::NotAJournal) |
//! | a page is missing, or at an earlier state | [`sums`]: the sum of all checksums | [`NotAJournal`](JournalErrorKind::NotAJournal) |
//! | a program was killed, or the power failed | the head is behind by one transaction at most, of which nobody had been told | nothing: the run goes on |
//!
//! A journal that lost its end can be taken up all the same, with [`Journal::open_in_doubt`]: every row that may have been sent
//! is unknown then. One that is damaged cannot, and its other rows can be read. What cannot be noticed: a run that ended in order,
//! with rows left, whose journal is copied and worked on in both places; and an earlier state of a whole disk.
//!
//! The head costs a write of 48 bytes and an `fdatasync` for each transaction, in which the rows of many tasks are; a rollback
//! journal in the place of the log, which needs no head, costs twice as much, and keeps readers and the program from each other.

mod error;
mod head;
mod identity;
mod import;
mod reader;
mod records;
mod schema;
mod sums;
mod thread;

use std::fmt;
use std::fs::{File, OpenOptions, TryLockError};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use futures_util::Stream;
use jiff::Timestamp;
use rusqlite::{Connection, OpenFlags};
use tokio::sync::{mpsc, oneshot};

use super::entry::{JournalEntry, RowOutcome, RowState};
use super::row::{BadRow, Row};
use crate::model::status::AccountStatus;
use crate::system::registry::Registry;

pub use error::{JournalError, JournalErrorKind};
use head::Head;
use identity::Identity;
pub use import::{ImportSummary, InvalidRows};
pub use reader::{JournalReader, RunInfo};
use sums::Seal;
pub use thread::Boundary;
use thread::Command;

/// The journal of a run, to work on it. Only one program at a time can; any number can look, with a [`JournalReader`].
///
/// The file has four tables, for any SQLite tool: `run`, `sessions`, `rows` and `seal`; `.schema` says what is in them. It holds
/// no credentials; it does hold the names of people and the reasons for what is done to them, so on Unix only its owner may
/// read it. Beside it lie a `.lock` and, once a session began, a `-head` file. When no program is at work on it and the last
/// one ended in order, the file can be moved and copied alone; else only with all files beside it.
pub struct Journal {
    path: PathBuf,
    commands: Option<mpsc::Sender<Command>>,
    thread: Option<JoinHandle<()>>,
    /// Held as long as this lives, and given back by the operating system however the program ends.
    _lock: File,
}

impl fmt::Debug for Journal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Journal").field("path", &self.path).finish_non_exhaustive()
    }
}

impl Journal {
    /// Begins a run: takes all rows in, each held against the registry, in one transaction. Nothing is sent. If it fails,
    /// or if there are bad rows and they are not to be skipped, no file is left.
    ///
    /// A row is bad if it cannot be parsed, names a system that the registry does not have, asks for a change that the system
    /// does not support, or is for an account that already has a row: two changes of one account have no order. `on_bad`
    /// gets each bad row, in the order of the input.
    ///
    /// ```
    /// use futures_util::stream;
    /// use user_status::bulk::{InvalidRows, Journal, Row};
    /// use user_status::systems::{Symphony, symphony};
    /// use user_status::{Registry, StatusChange};
    ///
    /// # async fn begin() -> Result<(), Box<dyn std::error::Error>> {
    /// # let folder = std::env::temp_dir().join(format!("user-status-doc-{}", std::process::id()));
    /// # std::fs::create_dir_all(&folder)?;
    /// let pod = Symphony::builder()
    ///     .base_url("https://acme.symphony.com/pod")
    ///     .credentials(symphony::Credentials::session_token("…"))
    /// #   .credentials(symphony::Credentials::session_token("a-token"))
    ///     .build()?;
    /// let registry = Registry::default().with("pod", pod);
    /// let rows = ["7215545078541", "7215545078542"].map(|user| Ok(Row::new("pod", user, StatusChange::disable())));
    /// let journal = folder.join("leavers.sqlite");
    /// let (_, imported) =
    ///     Journal::create(&journal, "leavers", &registry, stream::iter(rows), InvalidRows::Refuse, |bad| eprintln!("{bad}")).await?;
    /// assert_eq!(imported.rows, 2);
    /// # std::fs::remove_dir_all(&folder)?;
    /// # Ok(())
    /// # }
    /// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(begin()).unwrap();
    /// ```
    ///
    /// # Errors
    /// [`Exists`](JournalErrorKind::Exists) if there is such a file; [`Input`](JournalErrorKind::Input) if there are bad rows,
    /// or none that can be carried out; else what the file system says.
    pub async fn create(
        path: impl AsRef<Path>,
        source: &str,
        registry: &Registry,
        rows: impl Stream<Item = Result<Row, BadRow>>,
        invalid: InvalidRows,
        on_bad: impl FnMut(&BadRow),
    ) -> Result<(Journal, ImportSummary), JournalError> {
        let path = path.as_ref();
        let at = |error: JournalError| error.at(path);
        nothing_beside(path).map_err(at)?;
        create_file(path).map_err(JournalError::io).map_err(at)?;
        let made = async {
            let lock = lock(path)?;
            let connection = connect(path)?;
            let (connection, seal, imported) =
                import::import(connection, source, registry, rows, invalid, on_bad).await?;
            if let Some(folder) = folder_of(path)
                && cfg!(unix)
            {
                // The name of a new file is on the disk only after this.
                File::open(folder).and_then(|folder| folder.sync_all()).map_err(JournalError::io)?;
            }
            Ok((Journal::at_work(path, connection, seal, lock)?, imported))
        };
        made.await.map_err(|error| {
            // What cannot be removed holds no rows, and says so when it is opened.
            let _ = remove(path);
            at(error)
        })
    }

    /// Takes a run back that is not to be carried out after all: its files are removed.
    ///
    /// # Errors
    /// [`InUse`](JournalErrorKind::InUse) if a program has worked on it: what became of its rows is known only here. Else what
    /// the file system says.
    pub fn discard(self) -> Result<(), JournalError> {
        let path = self.path.clone();
        if JournalReader::open(&path)?.about()?.sessions > 0 {
            let what = "a program has worked on this run: what became of its rows is known only here";
            return Err(JournalError::new(JournalErrorKind::InUse, what).at(&path));
        }
        drop(self);
        remove(&path).map_err(|error| JournalError::io(error).at(&path))
    }

    /// Removes a run that was never begun, also one whose program ended while it took the rows in.
    ///
    /// # Errors
    /// [`InUse`](JournalErrorKind::InUse) if a program works on it, or has; else those of [`open`](Journal::open).
    pub fn remove_unbegun(path: impl AsRef<Path>) -> Result<(), JournalError> {
        let path = path.as_ref();
        let remove_empty = || {
            let _lock = lock(path)?;
            match schema::open(&connect(path)?, path) {
                Err(error) if error.kind() == JournalErrorKind::Empty => {
                    remove(path).map(|()| true).map_err(JournalError::io)
                }
                opened => opened.map(|()| false),
            }
        };
        match remove_empty().map_err(|error| error.at(path))? {
            true => Ok(()),
            false => Journal::open(path)?.discard(),
        }
    }

    /// Takes a run up again.
    ///
    /// # Errors
    /// [`Missing`](JournalErrorKind::Missing), [`NotAJournal`](JournalErrorKind::NotAJournal) also if it is damaged,
    /// [`LostEnd`](JournalErrorKind::LostEnd), [`NewerVersion`](JournalErrorKind::NewerVersion),
    /// [`OlderVersion`](JournalErrorKind::OlderVersion); [`InUse`](JournalErrorKind::InUse) if another program works on it;
    /// [`ReadOnly`](JournalErrorKind::ReadOnly) and [`Full`](JournalErrorKind::Full) if it cannot be written.
    pub fn open(path: impl AsRef<Path>) -> Result<Journal, JournalError> {
        let path = path.as_ref();
        let open = || {
            let (connection, lock) = open_to_write(path)?;
            let seal = whole(&connection, path)?;
            schema::check(&connection)?;
            Journal::at_work(path, connection, seal, lock)
        };
        open().map_err(|error| error.at(path))
    }

    /// Takes a run up whose journal [lost its end](JournalErrorKind::LostEnd): every row of which it may not know that a
    /// request was sent becomes [unknown](RowState::Unknown). The next run looks at the accounts, where that tells something;
    /// of the others somebody has to. A journal that is whole is opened as it is.
    ///
    /// # Errors
    /// Those of [`open`](Journal::open), but for that one.
    pub fn open_in_doubt(path: impl AsRef<Path>) -> Result<Journal, JournalError> {
        let path = path.as_ref();
        let open = || {
            let (connection, lock) = open_to_write(path)?;
            let (mut seal, whole) = (Seal::read(&connection)?, whole(&connection, path));
            schema::check(&connection)?;
            match whole {
                Err(error) if error.kind() != JournalErrorKind::LostEnd => return Err(error),
                Err(_) => seal = records::all_in_doubt(&connection, Seal { commits: lost_up_to(seal, path)?, ..seal })?,
                Ok(_) => {}
            }
            Head::begin(path, seal).map_err(JournalError::io)?;
            Journal::at_work(path, connection, seal, lock)
        };
        open().map_err(|error| error.at(path))
    }

    /// Returns the path of the file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    fn at_work(path: &Path, connection: Connection, seal: Seal, lock: File) -> Result<Journal, JournalError> {
        let identity = Identity::of(path)?;
        let (commands, queue) = mpsc::channel(thread::QUEUE);
        let work = std::thread::Builder::new().name("user-status-journal".to_owned());
        let at = path.to_owned();
        let thread =
            work.spawn(move || thread::work(connection, at, seal, identity, queue)).map_err(JournalError::io)?;
        Ok(Journal { path: path.to_owned(), commands: Some(commands), thread: Some(thread), _lock: lock })
    }

    /// Makes the checksums of a journal anew: for tests that write to it with another program.
    #[doc(hidden)]
    pub fn seal_anew(path: impl AsRef<Path>) -> Result<(), JournalError> {
        let path = path.as_ref();
        let seal = schema::seal_anew(&connect(path)?)?;
        if head::find(path)?.is_there() {
            Head::begin(path, seal).map_err(JournalError::io)?;
        }
        Ok(())
    }

    /// Calls this at every boundary of a write, on the journal's thread: for tests that end the program there.
    #[doc(hidden)]
    pub async fn watch(&self, hook: Arc<dyn Fn(Boundary) + Send + Sync>) {
        let _ = self.sender().send(Command::Watch(hook)).await;
    }

    /// Says that it was agreed that the run be carried out, at this time. Who takes the run up later need not ask again. A
    /// program that carries a run out without asking anybody need not say so: that it does says it.
    ///
    /// # Errors
    /// What keeps the journal from being written.
    pub async fn confirm(&self, at: Timestamp) -> Result<(), JournalError> {
        self.ask(|reply| Command::Confirm { at, reply }).await
    }

    /// Says that a program begins to work on the run.
    pub(super) async fn begin(&self) -> Result<(), JournalError> {
        self.ask(|reply| Command::Begin { at: Timestamp::now(), reply }).await
    }

    /// The next open rows of a system.
    pub(super) async fn next(&self, system: &str, after: i64, most: usize) -> Result<Vec<JournalEntry>, JournalError> {
        self.ask(|reply| Command::Next { system: system.to_owned(), after, most, reply }).await
    }

    /// Says that a request is about to leave. When this returns, it is on the disk.
    pub(super) async fn mark_sending(
        &self,
        entry: &JournalEntry,
        before: Option<&AccountStatus>,
    ) -> Result<(), JournalError> {
        let before = before.map(|before| serde_json::json!(before).to_string());
        let (number, found) = (entry.number, entry.state);
        self.ask(|reply| Command::Intend { number, found, before, at: Timestamp::now(), reply }).await
    }

    /// Takes an outcome in, to be written soon.
    pub(super) async fn record(&self, number: i64, state: RowState, outcome: RowOutcome) {
        let outcome = Box::new(outcome);
        // Without its thread nothing is acknowledged any more, and what waits for that gets the error.
        let _ = self.sender().send(Command::Record { number, state, outcome, at: Timestamp::now() }).await;
    }

    /// Says until when a system asked to wait, to be written soon.
    pub(super) fn rest(&self, system: &str, until: Timestamp) {
        // Where the queue is full or its thread gone, the next session asks the system once more.
        let _ = self.sender().try_send(Command::Rest { system: system.to_owned(), until });
    }

    /// Says that the program ends its work, after all outcomes were written.
    pub(super) async fn end(&self, how: &'static str) -> Result<(), JournalError> {
        self.ask(|reply| Command::End { how, at: Timestamp::now(), reply }).await
    }

    async fn ask<T>(
        &self,
        command: impl FnOnce(oneshot::Sender<Result<T, JournalError>>) -> Command,
    ) -> Result<T, JournalError> {
        let (reply, answer) = oneshot::channel();
        let gone = || JournalError::new(JournalErrorKind::Io, "the thread that writes it has ended");
        let answer = async {
            self.sender().send(command(reply)).await.map_err(|_| gone())?;
            answer.await.unwrap_or_else(|_| Err(gone()))
        };
        answer.await.map_err(|error| error.at(&self.path))
    }

    fn sender(&self) -> mpsc::Sender<Command> {
        // There until it is dropped.
        self.commands.clone().unwrap_or_else(|| mpsc::channel(1).0)
    }
}

impl Drop for Journal {
    fn drop(&mut self) {
        self.commands = None;
        if let Some(thread) = self.thread.take() {
            // The file is whole, and the lock given back, when this returns.
            let _ = thread.join();
        }
    }
}

/// Removes a journal with all that lies beside it.
fn remove(path: &Path) -> std::io::Result<()> {
    let mut result = Ok(());
    for suffix in ["", "-wal", "-shm", "-journal", "-head", ".lock"] {
        match std::fs::remove_file(with_suffix(path, suffix)) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => result = Err(error),
            _ => {}
        }
    }
    result
}

/// A new file that only its owner may read.
fn create_file(path: &Path) -> std::io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path).map(drop)
}

/// That nothing lies beside it of a journal that is gone, which would be taken for its own.
fn nothing_beside(path: &Path) -> Result<(), JournalError> {
    for suffix in ["-head", "-wal", "-journal"] {
        let beside = with_suffix(path, suffix);
        if beside.try_exists().map_err(JournalError::io)? {
            let what = format!(
                "{} lies beside it, of a journal that is not there any more: bring that back, or take another name",
                beside.display()
            );
            return Err(JournalError::new(JournalErrorKind::Exists, what));
        }
    }
    Ok(())
}

/// Keeps every other program from working on it. Not on the file itself: on Windows that would keep SQLite out too.
fn lock(path: &Path) -> Result<File, JournalError> {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(false);
    let file = options.open(lock_of(path).map_err(JournalError::io)?).map_err(JournalError::io)?;
    // Who only asks whether it is locked has it for a moment.
    for _ in 0..10 {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(TryLockError::WouldBlock) => std::thread::sleep(Duration::from_millis(10)),
            Err(TryLockError::Error(error)) => return Err(JournalError::io(error)),
        }
    }
    Err(JournalError::new(JournalErrorKind::InUse, "another program is at work on this run; wait for its end"))
}

fn connect(path: &Path) -> Result<Connection, JournalError> {
    let connection =
        Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    connection.busy_timeout(Duration::from_secs(5))?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    // Only on macOS does it need to be told.
    connection.pragma_update(None, "fullfsync", true)?;
    connection.pragma_update(None, "checkpoint_fullfsync", true)?;
    Ok(connection)
}

/// A journal that nobody else works on, to write to it.
fn open_to_write(path: &Path) -> Result<(Connection, File), JournalError> {
    // SQLite opens what cannot be written for reading only, and says so at the first write.
    OpenOptions::new().read(true).append(true).open(path).map_err(JournalError::io)?;
    identity::only_name(path)?;
    let lock = lock(path)?;
    let connection = connect(path)?;
    schema::open(&connection, path)?;
    Ok((connection, lock))
}

/// Returns what a journal says of itself, if it is as far as it must be.
fn whole(connection: &Connection, path: &Path) -> Result<Seal, JournalError> {
    let found = head::find(path)?;
    let seal = Seal::read(connection)?;
    found.hold(seal, || head::find(path))?;
    Ok(seal)
}

/// A number of transactions that no journal of the run has had.
fn lost_up_to(seal: Seal, path: &Path) -> Result<u64, JournalError> {
    Ok(seal.commits.max(head::find(path)?.commits()))
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

/// The file that is locked for a journal: the same one, by whatever link the journal is named.
fn lock_of(path: &Path) -> std::io::Result<PathBuf> {
    Ok(with_suffix(&std::fs::canonicalize(path)?, ".lock"))
}

fn folder_of(path: &Path) -> Option<&Path> {
    let folder = path.parent()?;
    Some(if folder.as_os_str().is_empty() { Path::new(".") } else { folder })
}

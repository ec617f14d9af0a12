//! The journal of a run: an SQLite file that knows of every row what became of it.
//!
//! A row is in the journal before anything is sent, that a request is about to leave is in it before the request leaves,
//! and the outcome after. Each is on the disk when it counts as written (`synchronous=FULL`); what many tasks write at the
//! same time becomes one transaction.

mod error;
mod identity;
mod import;
mod reader;
mod schema;
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

use super::entry::{Entry, RowOutcome, RowState};
use super::row::{BadRow, Row};
use crate::registry::Registry;
use crate::status::AccountStatus;

pub use error::{JournalError, JournalErrorKind};
use identity::Identity;
pub use import::{Imported, Invalid};
pub use reader::{About, JournalReader};
pub use thread::Boundary;
use thread::Command;

/// The journal of a run, to work on it. Only one program at a time can; any number can look, with a [`JournalReader`].
///
/// The file has three tables, for any SQLite tool: `run`, `sessions` and `rows`; `.schema` says what is in them. It holds
/// no credentials; it does hold the names of people and the reasons for what is done to them, so on Unix only its owner may
/// read it. Beside it lies a `.lock` file while it is worked on and after.
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
    /// Bad are rows that cannot be read, whose system the registry does not have, that the system cannot express, or whose
    /// account has another row already: two changes of one account have no order. `on_bad` gets each of them, in the order of
    /// the input.
    ///
    /// ```
    /// use futures_util::stream;
    /// use user_status::bulk::{Invalid, Journal, Row};
    /// use user_status::vendors::{Symphony, symphony};
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
    ///     Journal::create(&journal, "leavers", &registry, stream::iter(rows), Invalid::Refuse, |bad| eprintln!("{bad}")).await?;
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
        invalid: Invalid,
        on_bad: impl FnMut(&BadRow),
    ) -> Result<(Journal, Imported), JournalError> {
        let path = path.as_ref();
        let at = |error: JournalError| error.at(path);
        create_file(path).map_err(JournalError::io).map_err(at)?;
        let made = async {
            let lock = lock(path)?;
            let connection = connect(path)?;
            let (connection, imported) = import::import(connection, source, registry, rows, invalid, on_bad).await?;
            write_ahead(&connection)?;
            if let Some(folder) = folder_of(path)
                && cfg!(unix)
            {
                // The name of a new file is on the disk only after this.
                File::open(folder).and_then(|folder| folder.sync_all()).map_err(JournalError::io)?;
            }
            Ok((Journal::at_work(path, connection, lock)?, imported))
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

    /// Takes a run up again.
    ///
    /// # Errors
    /// [`Missing`](JournalErrorKind::Missing), [`NotAJournal`](JournalErrorKind::NotAJournal),
    /// [`NewerVersion`](JournalErrorKind::NewerVersion); [`InUse`](JournalErrorKind::InUse) if another program works on it;
    /// [`ReadOnly`](JournalErrorKind::ReadOnly) and [`Full`](JournalErrorKind::Full) if it cannot be written.
    pub fn open(path: impl AsRef<Path>) -> Result<Journal, JournalError> {
        let path = path.as_ref();
        let open = || {
            // SQLite opens what cannot be written for reading only, and says so at the first write.
            OpenOptions::new().read(true).append(true).open(path).map_err(JournalError::io)?;
            identity::only_name(path)?;
            let lock = lock(path)?;
            let connection = connect(path)?;
            schema::open(&connection)?;
            schema::check(&connection)?;
            write_ahead(&connection)?;
            Journal::at_work(path, connection, lock)
        };
        open().map_err(|error| error.at(path))
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    fn at_work(path: &Path, connection: Connection, lock: File) -> Result<Journal, JournalError> {
        let identity = Identity::of(path)?;
        let (commands, queue) = mpsc::channel(thread::QUEUE);
        let work = std::thread::Builder::new().name("user-status-journal".to_owned());
        let thread = work.spawn(move || thread::work(connection, identity, queue)).map_err(JournalError::io)?;
        Ok(Journal { path: path.to_owned(), commands: Some(commands), thread: Some(thread), _lock: lock })
    }

    /// Calls this at every boundary of a write, on the journal's thread: for tests that end the program there.
    #[doc(hidden)]
    pub async fn watch(&self, hook: Arc<dyn Fn(Boundary) + Send + Sync>) {
        let _ = self.sender().send(Command::Watch(hook)).await;
    }

    /// Says that a program begins to work on the run.
    pub(super) async fn begin(&self) -> Result<(), JournalError> {
        self.ask(|reply| Command::Begin { at: Timestamp::now(), reply }).await
    }

    /// The next open rows of a system.
    pub(super) async fn next(&self, system: &str, after: i64, most: usize) -> Result<Vec<Entry>, JournalError> {
        self.ask(|reply| Command::Next { system: system.to_owned(), after, most, reply }).await
    }

    /// Says that a request is about to leave. When this returns, it is on the disk.
    pub(super) async fn intend(&self, entry: &Entry, before: Option<&AccountStatus>) -> Result<(), JournalError> {
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
    for suffix in ["", "-wal", "-shm", "-journal", ".lock"] {
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

/// Small transactions at a sequential write each, beside readers. Not for taking rows in, which would write them twice.
fn write_ahead(connection: &Connection) -> Result<(), JournalError> {
    Ok(connection.pragma_update(None, "journal_mode", "WAL")?)
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

//! Why a journal cannot be used.

use std::fmt;
use std::path::Path;

use rusqlite::ErrorCode;

/// Why a journal cannot be used. When it comes from a run, no request leaves after it.
#[derive(Debug)]
pub struct JournalError {
    kind: JournalErrorKind,
    what: String,
    path: String,
    source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

/// Why a journal cannot be used, coarsely.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum JournalErrorKind {
    /// There is a file of that name already.
    Exists,
    /// There is no such file.
    Missing,
    /// The file is not a journal, or is damaged.
    NotAJournal,
    /// It holds no rows: the program ended while it took them in, and nothing was sent.
    Empty,
    /// It lacks what was written last, as after it was copied without the files beside it.
    LostEnd,
    /// A later version of this crate wrote it.
    NewerVersion,
    /// An earlier version of this crate wrote it.
    OlderVersion,
    /// Another program is at work on it, or has been where none may have.
    InUse,
    /// A system of the run is now another one, under the name of the one that it was.
    OtherSystem,
    /// The disk is full.
    Full,
    /// The file, or its folder, cannot be written.
    ReadOnly,
    /// The input has no row that can be carried out, or bad ones.
    Input,
    /// Anything else that the file system or SQLite says.
    Io,
}

impl JournalError {
    pub(super) fn new(kind: JournalErrorKind, what: impl Into<String>) -> JournalError {
        JournalError { kind, what: what.into(), path: String::new(), source: None }
    }

    /// Returns the kind of the error.
    pub fn kind(&self) -> JournalErrorKind {
        self.kind
    }

    pub(super) fn at(mut self, path: &Path) -> JournalError {
        self.path = path.display().to_string();
        self
    }

    /// The same error for another caller: what it was, without its cause.
    pub(super) fn again(&self) -> JournalError {
        JournalError { kind: self.kind, what: self.what.clone(), path: self.path.clone(), source: None }
    }
}

impl fmt::Display for JournalError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the journal")?;
        if !self.path.is_empty() {
            write!(f, " {}", self.path)?;
        }
        write!(f, ": {}", self.what)
    }
}

impl std::error::Error for JournalError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.source.as_deref().map(|source| source as _)
    }
}

impl From<rusqlite::Error> for JournalError {
    fn from(error: rusqlite::Error) -> JournalError {
        if let rusqlite::Error::FromSqlConversionFailure(_, _, cause) = &error {
            let what = damaged(&cause.to_string());
            return JournalError { kind: JournalErrorKind::NotAJournal, what, path: String::new(), source: None };
        }
        let (kind, what) = match error.sqlite_error_code() {
            Some(ErrorCode::DiskFull) => (JournalErrorKind::Full, "the disk is full; make room".to_owned()),
            Some(ErrorCode::ReadOnly | ErrorCode::PermissionDenied) => (
                JournalErrorKind::ReadOnly,
                "it cannot be written; look at the permissions of it and its folder".to_owned(),
            ),
            Some(ErrorCode::NotADatabase) => (JournalErrorKind::NotAJournal, "it is no SQLite database".to_owned()),
            Some(ErrorCode::DatabaseCorrupt) => (JournalErrorKind::NotAJournal, damaged(&error.to_string())),
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => {
                (JournalErrorKind::InUse, "another program is writing to it".to_owned())
            }
            Some(ErrorCode::CannotOpen) => (
                JournalErrorKind::Io,
                "it cannot be opened; look whether its folder exists and can be written".to_owned(),
            ),
            _ if cannot_grow(&error) => (
                JournalErrorKind::Io,
                format!(
                    "it cannot be written any further: {error}; look at the disk, and at limits on the size of files"
                ),
            ),
            _ => (JournalErrorKind::Io, error.to_string()),
        };
        JournalError { kind, what, path: String::new(), source: Some(Box::new(error)) }
    }
}

/// Returns whether a write failed; also for a quota or a limit on the size of files, which SQLite does not tell from a broken
/// disk.
fn cannot_grow(error: &rusqlite::Error) -> bool {
    use rusqlite::ffi::{SQLITE_IOERR_FSYNC, SQLITE_IOERR_SHMSIZE, SQLITE_IOERR_WRITE};

    let code = error.sqlite_error().map(|error| error.extended_code);
    code.is_some_and(|code| [SQLITE_IOERR_WRITE, SQLITE_IOERR_FSYNC, SQLITE_IOERR_SHMSIZE].contains(&code))
}

impl JournalError {
    pub(super) fn io(error: std::io::Error) -> JournalError {
        let (kind, what) = match error.kind() {
            std::io::ErrorKind::AlreadyExists => (JournalErrorKind::Exists, "there is a file of that name".to_owned()),
            std::io::ErrorKind::NotFound => {
                (JournalErrorKind::Missing, "there is no such file, or no such folder".to_owned())
            }
            std::io::ErrorKind::PermissionDenied | std::io::ErrorKind::ReadOnlyFilesystem => (
                JournalErrorKind::ReadOnly,
                "it cannot be written; look at the permissions of it and its folder".to_owned(),
            ),
            std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded => {
                (JournalErrorKind::Full, "the disk is full; make room".to_owned())
            }
            _ => (JournalErrorKind::Io, error.to_string()),
        };
        JournalError { kind, what, path: String::new(), source: Some(Box::new(error)) }
    }
}

/// That the file is damaged, and what to do.
pub(super) fn damaged(found: &str) -> String {
    format!(
        "it is damaged ({found}), and the run does not go on: look at its accounts in the systems themselves, and make a run \
         of its own of what is left; `sqlite3 FILE .recover` shows what can be read"
    )
}

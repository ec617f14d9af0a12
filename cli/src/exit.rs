//! How the program ends: one number for each thing that a script must tell apart.

use std::process::ExitCode;

/// The way in which the program ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exit {
    /// All that was asked is done.
    Done = 0,
    /// Something that is none of the following, such as a full disk.
    Unexpected = 1,
    /// The command line is wrong.
    Usage = 2,
    /// Refused or failed, and known not to have been applied.
    NotApplied = 3,
    /// Nobody knows whether it was applied; of an account that was read, what it is.
    Unknown = 4,
    /// Stopped before the end: rows are left.
    Stopped = 5,
    /// Refused for safety: the caller's own account or a protected one, or nobody confirmed it.
    Safety = 6,
    /// The input has rows that cannot be carried out as written.
    BadRows = 7,
    /// The configuration or the credentials are wrong.
    Configuration = 8,
    /// All that was asked is done, and the standard output could not be written.
    Unwritten = 9,
    /// A second Ctrl-C.
    Interrupted = 130,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> ExitCode {
        ExitCode::from(exit as u8)
    }
}

/// The table, as `--help` shows it.
pub(crate) const TABLE: &str = "\
Exit codes:
  0    done
  1    something unexpected, such as a full disk
  2    the command line is wrong
  3    refused or failed, and known not to have been applied; of a run, at least one row
  4    the outcome is unknown, of at least one change; of `get`, what the system says is not understood
  5    stopped before the end
  6    refused for safety: your own account or a protected one, too many, or not confirmed
  7    the input has bad rows, and nothing was sent
  8    the configuration or the credentials are wrong
  9    done, but the standard output could not be written; what became of accounts is then on the standard error
  130  interrupted by a second Ctrl-C; the outcome is unknown
A run with several of these ends with 4 before 5 before 3.";

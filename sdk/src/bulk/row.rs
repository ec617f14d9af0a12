//! One change to one account, as it is read from a file or made by a program.

use std::fmt;

use crate::model::change::StatusChange;
use crate::model::status::AccountStatus;

/// One change to one account.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Row {
    /// Where it came from: the line in a file, from 1. 0 if it came from none.
    pub line: u64,
    /// The name of the system in the [`Registry`](crate::Registry).
    pub system: String,
    /// The account, as the system names it. A name that is no [id](crate::AccountSystem::is_id) is looked up when the row is
    /// taken into a journal; the journal has the id, and the name as the key of a row that has no other.
    pub user: String,
    /// The change that is asked for.
    pub change: StatusChange,
    /// The caller's own name for it, such as a ticket. It is kept and reported, and goes nowhere else.
    pub key: Option<String>,
    /// The status that the account must have when its turn comes, as far as it says; else the row is refused. An undo
    /// sets it, so that nobody's later change is undone with it.
    pub expected: Option<AccountStatus>,
}

impl Row {
    /// Creates a row: a change to an account of a system.
    pub fn new(system: impl Into<String>, user: impl Into<String>, change: StatusChange) -> Row {
        Row { line: 0, system: system.into(), user: user.into(), change, key: None, expected: None }
    }
}

/// A row that cannot be carried out as it is written.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct BadRow {
    /// The line in the file, from 1. 0 if it came from none.
    pub line: u64,
    /// The column, or the member, that is wrong.
    pub column: Option<String>,
    /// The problem, and what would be right.
    pub problem: String,
    /// `true` if nothing after it can be read, as after a missing header or a failing disk.
    pub ends_input: bool,
}

impl BadRow {
    /// Creates the problem of a row, or of an end of the input, that is wrong as a whole.
    pub fn at(line: u64, problem: impl Into<String>) -> BadRow {
        BadRow::new(line, None, problem)
    }

    pub(crate) fn new(line: u64, column: Option<&str>, problem: impl Into<String>) -> BadRow {
        BadRow { line, column: column.map(str::to_owned), problem: problem.into(), ends_input: false }
    }

    /// The same, and nothing after it can be read.
    pub(crate) fn ending(self) -> BadRow {
        BadRow { ends_input: true, ..self }
    }
}

/// Such as `line 7, column until: must be …`.
impl fmt::Display for BadRow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            0 => f.write_str("a row")?,
            line => write!(f, "line {line}")?,
        }
        if let Some(column) = &self.column {
            write!(f, ", column {column}")?;
        }
        write!(f, ": {}", self.problem)
    }
}

impl std::error::Error for BadRow {}

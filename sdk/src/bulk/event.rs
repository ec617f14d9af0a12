//! What a run tells while it works, and at its end.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;

use super::entry::{Counts, JournalEntry, RowOutcome, RowState};

/// An event of a run, as it happens.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Event<'a> {
    /// A row has an outcome.
    Row {
        /// The row, with the state that it had before.
        entry: &'a JournalEntry,
        /// The new state.
        state: RowState,
        /// The facts of the call.
        outcome: &'a RowOutcome,
        /// `true` if it had an outcome in this session before: that of `entry.state`.
        again: bool,
    },
    /// A system gets nothing for so long.
    Paused {
        /// The system.
        system: &'a str,
        /// For what the run waits.
        reason: PauseReason,
        /// The length.
        pause: Duration,
        /// Until when, in whole seconds.
        until: Timestamp,
        /// Its last message.
        why: &'a str,
    },
    /// A system that failed works again.
    Resumed {
        /// The system.
        system: &'a str,
    },
    /// A system is given up: its other rows stay as they are.
    Abandoned {
        /// The system.
        system: &'a str,
        /// Its last message, or that the registry does not have it.
        why: &'a str,
    },
}

/// For what a run waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum PauseReason {
    /// The system fails.
    Failing,
    /// The system asked for this time.
    Asked,
}

/// The summary of a run.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Summary {
    /// All rows of the journal.
    pub counts: Counts,
    /// The rows that got an outcome in this session.
    pub handled: Counts,
    /// `true` if its caller stopped it.
    pub interrupted: bool,
    /// The systems that were given up, and what they said last, or that the registry does not have them.
    pub given_up: BTreeMap<String, String>,
    /// The time that it took.
    pub elapsed: Duration,
}

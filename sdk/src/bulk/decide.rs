//! What is done with a row, decided from what is known of it: the same for a run and for its plan.

use super::entry::JournalEntry;
use super::row::Row;
use crate::model::change::Change;
use crate::model::status::AccountStatus;
use crate::system::Capabilities;

/// The abilities of a system that decide what a run may do with a row.
#[derive(Clone, Copy, Debug)]
pub(super) struct Can {
    /// A look at the account can show that it is as asked.
    pub(super) look: bool,
    /// The change may be sent again when nobody knows whether it was carried out.
    pub(super) repeat: bool,
}

/// The first step of a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum First {
    /// The account is read.
    Read,
    /// The change is sent.
    Send,
    /// Nothing is sent: nobody knows whether the change was carried out, and it may not be sent again.
    LeaveInDoubt,
}

/// The step after the account was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Then {
    /// The change is sent.
    Send,
    /// Nothing: the account is as asked.
    AsAsked,
    /// Nothing: a row in doubt is as asked, and has another fact changed as well.
    MoreThanAsked,
    /// Nothing: a row in doubt, whose account does not show whether the change was made.
    NotShown,
    /// Nothing: the account says what is not understood, so that nobody can tell whether it is as expected.
    NotUnderstood,
    /// Nothing: the account is not as expected.
    ChangedSince,
}

impl Can {
    /// Returns what a system that reads, or not, and repeats, or not, lets a run do with a row.
    pub(super) fn of(row: &Row, reads: bool, repeats: bool) -> Can {
        let look = reads && is_readable_change(row);
        // What a single call does not repeat, a run does not either.
        Can { look, repeat: look && repeats }
    }
}

/// Decides what is done first with a row.
pub(super) fn first(row: &Row, in_doubt: bool, can: Can, read_first: bool) -> First {
    match in_doubt {
        true if can.repeat => First::Read,
        true => First::LeaveInDoubt,
        false if row.expected.is_some() || (read_first && can.look) => First::Read,
        false => First::Send,
    }
}

/// Decides what is done with a row whose account reads so. `in_doubt` is the entry of a row in doubt.
pub(super) fn then(row: &Row, in_doubt: Option<&JournalEntry>, status: &AccountStatus, can: &Capabilities) -> Then {
    let expected = row.expected.as_ref();
    match (can.shows(status, &row.change), in_doubt) {
        (Some(true), Some(entry)) if shows_more(entry, status) => Then::MoreThanAsked,
        (Some(true), _) => Then::AsAsked,
        (None, Some(_)) => Then::NotShown,
        _ if expected.is_some_and(|expected| cannot_tell(expected, status)) => Then::NotUnderstood,
        _ if expected.is_some_and(|expected| !matches_expected(expected, status)) => Then::ChangedSince,
        _ => Then::Send,
    }
}

/// Returns whether a change is sent, after this decision: also if the account reads as asked, where that is no reason not to
/// (`skips_if_so`). A row in doubt is not sent anew for that.
pub(super) fn sends(then: Then, in_doubt: bool, skips_if_so: bool) -> bool {
    then == Then::Send || (then == Then::AsAsked && !in_doubt && !skips_if_so)
}

/// Returns whether a look at the account can show that it is as asked: a toggle asks for no state.
pub(super) fn is_readable_change(row: &Row) -> bool {
    row.change.change() != Change::Toggle
}

/// Returns whether an account shows more than a row asked for, as a single call holds it against what was read first: what was
/// flipped besides may be what the request in doubt did.
pub(super) fn shows_more(entry: &JournalEntry, status: &AccountStatus) -> bool {
    entry.before.as_ref().is_some_and(|before| !before.differs_only_by(&entry.row.change, status))
}

/// Returns whether nobody can tell if a status is the expected one, since the system said something that was not understood.
fn cannot_tell(expected: &AccountStatus, status: &AccountStatus) -> bool {
    !status.unrecognized.is_empty() && *expected != AccountStatus::default()
}

/// Returns whether a status has the facts that are expected, as far as they are.
fn matches_expected(expected: &AccountStatus, status: &AccountStatus) -> bool {
    let enabled = expected.enabled.is_none() || expected.enabled == status.enabled;
    let suspended = expected.suspended.is_none() || expected.suspended == status.suspended;
    let locked = expected.locked.is_none() || expected.locked == status.locked;
    enabled && suspended && locked
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bulk::entry::{RowOutcome, RowState};
    use crate::model::change::StatusChange;

    /// Whatever a system can do: what may not be sent again is not, and nothing in doubt is sent without a look.
    #[test]
    fn what_is_in_doubt_is_looked_at_or_left() {
        for change in [StatusChange::disable(), StatusChange::toggle()] {
            for (reads, repeats, read_first) in (0..8).map(|n| (n & 1 != 0, n & 2 != 0, n & 4 != 0)) {
                let row = Row::new("pod", "1", change.clone());
                let can = Can::of(&row, reads, repeats);
                let toggle = change.change() == Change::Toggle;
                let looked_at = reads && repeats && !toggle;
                let due = if looked_at { First::Read } else { First::LeaveInDoubt };
                assert_eq!(first(&row, true, can, read_first), due, "{change} {can:?}");
                let due = if read_first && reads && !toggle { First::Read } else { First::Send };
                assert_eq!(first(&row, false, can, read_first), due, "{change} {can:?}");
                let expecting = Row { expected: Some(AccountStatus::default()), ..row };
                assert_eq!(first(&expecting, false, can, read_first), First::Read, "{change} {can:?}");
            }
        }
    }

    #[test]
    fn an_account_that_reads_so_decides() {
        let status = |enabled, locked| AccountStatus { enabled, locked, ..AccountStatus::default() };
        let strange = |enabled| AccountStatus {
            unrecognized: [("status".to_owned(), "GONE".to_owned())].into(),
            ..status(enabled, None)
        };
        let (yes, no) = (Some(true), Some(false));
        for (expected, before, in_doubt, read, due) in [
            (None, None, false, status(yes, None), Then::Send),
            (None, None, false, status(no, None), Then::AsAsked),
            (None, None, false, status(None, None), Then::Send),
            (None, None, true, status(None, None), Then::NotShown),
            (None, None, true, status(no, None), Then::AsAsked),
            (None, Some(status(yes, no)), true, status(no, yes), Then::MoreThanAsked),
            (None, Some(status(yes, no)), false, status(no, yes), Then::AsAsked),
            (Some(status(yes, None)), None, false, status(yes, None), Then::Send),
            (Some(status(yes, no)), None, false, status(yes, yes), Then::ChangedSince),
            (Some(status(yes, None)), None, false, strange(None), Then::NotUnderstood),
            (Some(status(None, None)), None, false, strange(None), Then::Send),
        ] {
            let row = Row { expected, ..Row::new("pod", "1", StatusChange::disable()) };
            let (started, ended, outcome) = (None, None, RowOutcome::default());
            let entry =
                JournalEntry { number: 1, row: row.clone(), state: RowState::Sending, before, outcome, started, ended };
            let can = Capabilities::new(&Change::ALL);
            assert_eq!(then(&row, Some(&entry).filter(|_| in_doubt), &read, &can), due, "{entry:?} {read}");
        }
    }
}

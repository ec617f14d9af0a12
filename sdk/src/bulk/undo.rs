//! The way back.

use std::fmt;

use super::entry::{JournalEntry, RowState};
use super::row::Row;
use crate::codec::redact::REDACTED;
use crate::model::change::{Change, StatusChange};
use crate::model::status::{AccountStatus, Suspension};

/// Why a row cannot be taken back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotReversible(String);

impl fmt::Display for NotReversible {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for NotReversible {}

/// Returns the row that takes a row of a journal back to what its account was before; `None` if it changed nothing. It expects to
/// find the account as the change left it, and is refused if somebody changed it since.
///
/// # Errors
/// Why there is no way back: the outcome is not known, what the account was before is not known, or no change leads there.
pub fn undo(entry: &JournalEntry) -> Result<Option<Row>, NotReversible> {
    let no = |why: &str| Err(NotReversible(why.to_owned()));
    match entry.state {
        RowState::Pending | RowState::Unchanged | RowState::Refused | RowState::Failed => return Ok(None),
        RowState::Sending | RowState::Unknown => {
            return no("nobody knows whether it was changed; resume the run first");
        }
        RowState::Confirmed | RowState::Accepted => {}
    }
    let change = &entry.row.change;
    if change.change() == Change::Toggle {
        return no("a toggle does not say what the account was before");
    }
    let Some(before) = &entry.before else { return no("what the account was before was not read") };
    let reason = before.suspended.as_ref().and_then(|suspension| suspension.reason.as_deref());
    if matches!(change.change(), Change::Suspend | Change::Unsuspend) && reason == Some(REDACTED) {
        return no("the reason of the suspension before had a credential in it, and was not kept");
    }
    let (back, expected) = match change.change() {
        Change::Enable | Change::Disable => {
            let enabled = change.change() == Change::Enable;
            let back = if enabled { StatusChange::disable() } else { StatusChange::enable() };
            (before.enabled.map(|_| back), AccountStatus { enabled: Some(enabled), ..AccountStatus::default() })
        }
        Change::Suspend | Change::Unsuspend => (before.suspended.as_ref().map(suspension), suspended(entry)),
        Change::Lock | Change::Unlock => {
            let locked = change.change() == Change::Lock;
            let back = if locked { StatusChange::unlock() } else { StatusChange::lock() };
            (before.locked.map(|_| back), AccountStatus { locked: Some(locked), ..AccountStatus::default() })
        }
        Change::Toggle => return no("a toggle does not say what the account was before"),
    };
    let Some(back) = back else { return no("the system did not say what the account was before") };
    if before.shows(&back) != Some(true) || took_more(entry, before) || gives_more(&back, before) {
        return no("no single change leads back to what the account was before");
    }
    let row = Row {
        line: entry.row.line,
        key: entry.row.key.clone(),
        expected: Some(expected),
        ..Row::new(&entry.row.system, &entry.row.user, back)
    };
    Ok(Some(row))
}

/// Returns whether other facts went with the one that was asked for, as where a system has one status for all.
fn took_more(entry: &JournalEntry, before: &AccountStatus) -> bool {
    let Some(after) = &entry.outcome.after else { return false };
    let enabled = before.enabled != after.enabled && before.enabled.is_some() && after.enabled.is_some();
    let suspended = before.suspended != after.suspended && before.suspended.is_some() && after.suspended.is_some();
    let locked = before.locked != after.locked && before.locked.is_some() && after.locked.is_some();
    match entry.row.change.change() {
        Change::Enable | Change::Disable => suspended || locked,
        Change::Suspend | Change::Unsuspend => enabled || locked,
        _ => enabled || suspended,
    }
}

/// Returns whether the way back could let somebody in who was kept out before: where a system has one status for all, to enable an
/// account lifts its lock, and to lift the lock enables it.
fn gives_more(back: &StatusChange, before: &AccountStatus) -> bool {
    match back.change() {
        Change::Enable => before.locked == Some(true),
        Change::Unlock => before.enabled == Some(false),
        _ => false,
    }
}

/// The change that leads to a suspension, or to none.
fn suspension(before: &Suspension) -> StatusChange {
    if !before.active {
        return StatusChange::unsuspend();
    }
    StatusChange::from_parts(Change::Suspend, before.reason.clone(), before.until, None)
}

/// Returns what the account must still be: as it was read after the change or, if it was not, as asked.
fn suspended(entry: &JournalEntry) -> AccountStatus {
    let after = entry.outcome.after.as_ref().and_then(|after| after.suspended.clone());
    let asked = Suspension {
        active: entry.row.change.change() == Change::Suspend,
        reason: entry.row.change.reason().map(str::to_owned),
        until: entry.row.change.until(),
    };
    AccountStatus { suspended: Some(after.unwrap_or(asked)), ..AccountStatus::default() }
}

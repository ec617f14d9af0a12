//! What an account is.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::codec::redact::REDACTED;
use crate::model::change::{Change, StatusChange};

/// The status of an account: three independent facts, each `None` where the system does not know it, and what the system said
/// of them that was not understood.
///
/// ```
/// use user_status::{AccountStatus, StatusChange};
///
/// let mut status = AccountStatus { enabled: Some(true), ..AccountStatus::default() };
/// assert_eq!(status.shows(&StatusChange::enable()), Some(true));
/// assert_eq!(status.shows(&StatusChange::lock()), None);
/// status.locked = Some(true);
/// assert_eq!(status.to_string(), "enabled, locked");
///
/// // A system that says of an account what no documentation has.
/// let mut status = AccountStatus::default();
/// status.unrecognized.insert("status".to_owned(), "TERMINATED".to_owned());
/// assert_eq!(status.to_string(), "unknown (status: TERMINATED)");
/// ```
///
/// What the facts mean for signing in is the system's to say: [`AccountSystem::can_sign_in`](crate::AccountSystem::can_sign_in).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
pub struct AccountStatus {
    /// `true` if the account is enabled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schemars", schemars(with = "bool"))]
    pub enabled: Option<bool>,
    /// The suspension: whether there is one, why, and until when.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schemars", schemars(with = "Suspension"))]
    pub suspended: Option<Suspension>,
    /// `true` if it is locked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schemars", schemars(with = "bool"))]
    pub locked: Option<bool>,
    /// The members that the system said of the account and that were not understood: the name of each member and its value as it
    /// came, shortened. The fact that it stands for is not known.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub unrecognized: BTreeMap<String, String>,
}

/// The suspension of an account: whether there is one and, if the system says so, why and until when.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
pub struct Suspension {
    /// `true` if it is suspended.
    pub active: bool,
    /// Why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schemars", schemars(with = "String"))]
    pub reason: Option<String>,
    /// When the suspension ends.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schemars", schemars(with = "Timestamp"))]
    pub until: Option<Timestamp>,
}

impl AccountStatus {
    /// Returns whether this is what a change asks for; `None` if the facts that it needs are not known. The end of a suspension
    /// must be the same to the nanosecond.
    pub fn shows(&self, change: &StatusChange) -> Option<bool> {
        self.shows_about(change, Duration::ZERO)
    }

    /// Returns whether this is what a change asks for, as [`shows`](AccountStatus::shows) does, where the ends of a suspension are
    /// the same if they are no further apart than this.
    pub(crate) fn shows_about(&self, change: &StatusChange, apart: Duration) -> Option<bool> {
        let same_end = |ours: Option<Timestamp>, asked: Option<Timestamp>| match (ours, asked) {
            (Some(ours), Some(asked)) => ours.duration_since(asked).unsigned_abs() <= apart,
            (ours, asked) => ours == asked,
        };
        let suspended = self.suspended.as_ref();
        match change.change() {
            Change::Enable => self.enabled,
            Change::Disable => self.enabled.map(|enabled| !enabled),
            // When it ends, or why, may be among what was not understood.
            Change::Suspend
                if suspended.is_some_and(|suspension| suspension.active) && !self.unrecognized.is_empty() =>
            {
                None
            }
            Change::Suspend => suspended.map(|suspension| {
                let reason = suspension.reason.as_deref().filter(|reason| *reason != REDACTED);
                // A reason that one of the two does not have says nothing; another end is another suspension.
                let same_reason = reason.is_none() || change.reason().is_none() || reason == change.reason();
                suspension.active && same_end(suspension.until, change.until()) && same_reason
            }),
            Change::Unsuspend => suspended.map(|suspension| !suspension.active),
            Change::Lock => self.locked,
            Change::Unlock => self.locked.map(|locked| !locked),
            Change::Toggle => None,
        }
    }

    /// Returns whether another status of the same account is the same in all that a change was not asked to change. What is
    /// enabled may be unlocked by that: Akana has one status for both.
    pub(crate) fn differs_only_by(&self, change: &StatusChange, after: &AccountStatus) -> bool {
        let active = |status: &AccountStatus| status.suspended.as_ref().map(|suspension| suspension.active);
        let same = |before: Option<bool>, after: Option<bool>| before.is_none() || after.is_none() || before == after;
        let asked = change.change();
        (matches!(asked, Change::Enable | Change::Disable) || same(self.enabled, after.enabled))
            && (matches!(asked, Change::Suspend | Change::Unsuspend) || same(active(self), active(after)))
            && (matches!(asked, Change::Lock | Change::Unlock)
                || same(self.locked, after.locked)
                || (asked == Change::Enable && after.locked == Some(false)))
            && (after.unrecognized.is_empty() || after.unrecognized == self.unrecognized)
    }
}

/// In words, such as `enabled, suspended until 2026-12-31T23:59:59Z (Leave of absence)`.
impl fmt::Display for AccountStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut words = Vec::new();
        if let Some(enabled) = self.enabled {
            words.push(if enabled { "enabled" } else { "disabled" }.to_owned());
        }
        if let Some(suspension) = self.suspended.as_ref().filter(|suspension| suspension.active) {
            let until = suspension.until.map(|until| format!(" until {until}")).unwrap_or_default();
            let reason = suspension.reason.as_ref().map(|reason| format!(" ({reason})")).unwrap_or_default();
            words.push(format!("suspended{until}{reason}"));
        }
        if self.locked == Some(true) {
            words.push("locked".to_owned());
        }
        if !self.unrecognized.is_empty() {
            let values: Vec<String> =
                self.unrecognized.iter().map(|(name, value)| format!("{name}: {value}")).collect();
            words.push(format!("unknown ({})", values.join(", ")));
        }
        // That something is not so is said where nothing else is known.
        if words.is_empty() && self.suspended.as_ref().is_some_and(|suspension| !suspension.active) {
            words.push("not suspended".to_owned());
        }
        if words.is_empty() && self.locked == Some(false) {
            words.push("not locked".to_owned());
        }
        if words.is_empty() { f.write_str("unknown") } else { f.write_str(&words.join(", ")) }
    }
}

//! What a caller wants.

use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::model::open_enum::UnknownValue;

/// A change of an account. `toggle` is for a system whose request names no target state; the outcome depends
/// on what the account was before.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Change {
    /// The owner may sign in again.
    Enable,
    /// The owner may no longer sign in.
    Disable,
    /// For a reason, and possibly until a time.
    Suspend,
    /// The suspension is lifted.
    Unsuspend,
    /// Locked, as after an attack on the account.
    Lock,
    /// The lock is lifted.
    Unlock,
    /// To the other state, whichever it is.
    Toggle,
}

impl Change {
    /// All seven, in the order of the contract.
    pub const ALL: [Change; 7] = [
        Change::Enable,
        Change::Disable,
        Change::Suspend,
        Change::Unsuspend,
        Change::Lock,
        Change::Unlock,
        Change::Toggle,
    ];

    /// Returns the word of the contract.
    pub const fn as_str(self) -> &'static str {
        match self {
            Change::Enable => "enable",
            Change::Disable => "disable",
            Change::Suspend => "suspend",
            Change::Unsuspend => "unsuspend",
            Change::Lock => "lock",
            Change::Unlock => "unlock",
            Change::Toggle => "toggle",
        }
    }
}

/// Takes the words of the contract, and nothing else.
///
/// ```
/// use user_status::Change;
///
/// assert_eq!("unlock".parse(), Ok(Change::Unlock));
/// let error = "Unlock".parse::<Change>().unwrap_err();
/// assert_eq!(error.to_string(), "must be one of enable, disable, suspend, unsuspend, lock, unlock, toggle");
/// ```
impl FromStr for Change {
    type Err = UnknownValue;

    fn from_str(word: &str) -> Result<Change, UnknownValue> {
        static WORDS: [&str; Change::ALL.len()] = {
            let (mut words, mut at) = ([""; Change::ALL.len()], 0);
            while at < words.len() {
                words[at] = Change::ALL[at].as_str();
                at += 1;
            }
            words
        };
        let known = Change::ALL.into_iter().find(|known| known.as_str() == word);
        known.ok_or(UnknownValue { known: &WORDS })
    }
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// A change and what belongs to it: a reason and an end for a suspension, a comment for a system that keeps one.
///
/// ```
/// use user_status::{Change, StatusChange};
///
/// let leave = StatusChange::suspend("Leave of absence").with_until("2026-12-31T23:59:59Z".parse()?);
/// assert_eq!(leave.change(), Change::Suspend);
/// assert_eq!(
///     serde_json::to_string(&leave)?,
///     r#"{"change":"suspend","reason":"Leave of absence","until":"2026-12-31T23:59:59Z"}"#
/// );
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "schemars", schemars(transform = drop_additional_properties))]
pub struct StatusChange {
    change: Change,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schemars", schemars(with = "String", length(min = 1, max = 500)))]
    reason: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schemars", schemars(with = "Timestamp"))]
    until: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schemars", schemars(with = "String", length(min = 1, max = 2000)))]
    comment: Option<String>,
}

/// The contract does not forbid other members; reading refuses them, so that a misspelt `until` is not lost.
#[cfg(feature = "schemars")]
fn drop_additional_properties(schema: &mut schemars::Schema) {
    schema.remove("additionalProperties");
}

/// The most characters that a reason may have.
pub(crate) const REASON_MAX: usize = 500;
/// The most characters that a comment may have.
pub(crate) const COMMENT_MAX: usize = 2000;

impl StatusChange {
    /// Creates a change with nothing that belongs to it. A suspension without a reason is refused by systems that need one.
    pub fn new(change: Change) -> StatusChange {
        StatusChange { change, reason: None, until: None, comment: None }
    }

    /// Sets why an account is suspended.
    #[must_use]
    pub fn with_reason(mut self, reason: impl Into<String>) -> StatusChange {
        self.reason = Some(reason.into());
        self
    }

    /// Enables the account: the owner may sign in again.
    pub fn enable() -> StatusChange {
        StatusChange::new(Change::Enable)
    }

    /// Disables the account: the owner may no longer sign in.
    pub fn disable() -> StatusChange {
        StatusChange::new(Change::Disable)
    }

    /// Suspends the account for a reason (1 to 500 characters), until somebody lifts it or until the time that
    /// [`with_until`](StatusChange::with_until) sets.
    pub fn suspend(reason: impl Into<String>) -> StatusChange {
        StatusChange { reason: Some(reason.into()), ..StatusChange::new(Change::Suspend) }
    }

    /// Lifts the suspension.
    pub fn unsuspend() -> StatusChange {
        StatusChange::new(Change::Unsuspend)
    }

    /// Locks the account.
    pub fn lock() -> StatusChange {
        StatusChange::new(Change::Lock)
    }

    /// Unlocks the account.
    pub fn unlock() -> StatusChange {
        StatusChange::new(Change::Unlock)
    }

    /// Flips the account to the other state, whichever it is. Never repeat it unless it is certain that it was not carried out.
    pub fn toggle() -> StatusChange {
        StatusChange::new(Change::Toggle)
    }

    /// Sets when a suspension ends.
    #[must_use]
    pub fn with_until(mut self, end: Timestamp) -> StatusChange {
        self.until = Some(end);
        self
    }

    /// Sets a comment (1 to 2000 characters) for a system that keeps one; the others refuse it.
    #[must_use]
    pub fn with_comment(mut self, comment: impl Into<String>) -> StatusChange {
        self.comment = Some(comment.into());
        self
    }

    /// Returns the change itself, without what belongs to it.
    pub fn change(&self) -> Change {
        self.change
    }

    /// Returns why the account is suspended.
    pub fn reason(&self) -> Option<&str> {
        self.reason.as_deref()
    }

    /// Returns when the suspension ends, if it ends by itself.
    pub fn until(&self) -> Option<Timestamp> {
        self.until
    }

    /// Returns the comment.
    pub fn comment(&self) -> Option<&str> {
        self.comment.as_deref()
    }

    /// A change as it stands in a file. Whether it can be is for [`member_problem`](StatusChange::member_problem).
    #[cfg(feature = "bulk")]
    pub(crate) fn from_parts(
        change: Change,
        reason: Option<String>,
        until: Option<Timestamp>,
        comment: Option<String>,
    ) -> StatusChange {
        StatusChange { change, reason, until, comment }
    }

    /// Returns what in it cannot be, whatever the system.
    pub(crate) fn problem(&self) -> Option<String> {
        self.member_problem().map(|(member, problem)| format!("`{member}` {problem}"))
    }

    /// The same, as the member and what is wrong with it.
    pub(crate) fn member_problem(&self) -> Option<(&'static str, String)> {
        if self.change != Change::Suspend {
            let member = if self.reason.is_some() { Some("reason") } else { self.until.map(|_| "until") };
            if let Some(member) = member {
                return Some((member, format!("belongs to suspend, and not to {}", self.change)));
            }
        }
        let too_long = |member: &'static str, text: &Option<String>, max: usize| {
            let length = text.as_ref()?.chars().count();
            (length == 0 || length > max)
                .then(|| (member, format!("must have 1 to {max} characters, and has {length}")))
        };
        too_long("reason", &self.reason, REASON_MAX).or_else(|| too_long("comment", &self.comment, COMMENT_MAX))
    }
}

impl fmt::Display for StatusChange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.change)?;
        match self.until {
            Some(until) => write!(f, " until {until}"),
            None => Ok(()),
        }
    }
}

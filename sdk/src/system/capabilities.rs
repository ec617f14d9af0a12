//! What a system can do.

use std::time::Duration;

use jiff::Timestamp;

use crate::model::change::{Change, StatusChange};
use crate::model::error::{Error, ErrorKind, Result};
use crate::model::kind::SystemKind;
use crate::model::status::AccountStatus;
use crate::policy::options::CallOptions;

/// The capabilities of a system.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Capabilities {
    /// The changes that it can express.
    pub changes: &'static [Change],
    /// `true` if a suspension can end by itself.
    pub suspends_until: bool,
    /// `true` if the system keeps a comment.
    pub comments: bool,
    /// `true` if an account can be read.
    pub reads: bool,
    /// The names by which an account can be [found](crate::AccountSystem::find), such as `userName`; none if the system has no
    /// lookup.
    pub lookups: &'static [&'static str],
    /// The effect of a disabled account there. [`Confirmed`](crate::Proof::Confirmed) is the system's record, and proves no more.
    pub disable_effect: DisableEffect,
    /// Whether a suspension keeps the owner from signing in; `None` if it is not known.
    pub suspension_bars_sign_in: Option<bool>,
    /// The precision with which the system keeps the end of a suspension: two ends that are no further apart are the same.
    pub until_precision: Duration,
    /// `true` if a change can be taken back: the account is there afterwards, and what it was can be asked for.
    pub reversible: bool,
    /// When a read shows a change.
    pub consistency: Consistency,
}

/// The effect of a disabled account in a system.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum DisableEffect {
    /// It is not known.
    #[default]
    Unknown,
    /// The record says that the account is disabled, and the owner can sign in all the same.
    RecordOnly,
    /// The owner cannot sign in. Sessions from before may go on.
    SignInRefused,
    /// The owner cannot sign in, and sessions from before have ended.
    SessionsEnded,
}

impl DisableEffect {
    /// Returns a word for it, such as `sign_in_refused`, which stays the same in later versions.
    pub const fn as_str(self) -> &'static str {
        match self {
            DisableEffect::Unknown => "unknown",
            DisableEffect::RecordOnly => "record_only",
            DisableEffect::SignInRefused => "sign_in_refused",
            DisableEffect::SessionsEnded => "sessions_ended",
        }
    }
}

/// The consistency of a system: when a read shows a change that was made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Consistency {
    /// At once, or a moment later: an account that does not show a change is read again for up to 2 s.
    #[default]
    Immediate,
    /// At some time. A read that does not show a change is repeated, and denies nothing: what was accepted stays
    /// [`Accepted`](crate::Proof::Accepted). And an account that reads as asked may have been changed since, so that the change is
    /// sent all the same.
    Eventual {
        /// The number of reads after the first.
        reads: u32,
        /// The time over which they are spread evenly.
        within: Duration,
    },
}

impl Capabilities {
    /// Creates the capabilities of a system that can express these changes, and nothing else: no end of a suspension, no
    /// comment, no read.
    ///
    /// ```
    /// use user_status::{Capabilities, Change, StatusChange};
    ///
    /// let directory = Capabilities::new(&[Change::Enable, Change::Disable]).with_reads(true);
    /// assert!(directory.supports(&StatusChange::disable()));
    /// assert!(!directory.supports(&StatusChange::lock()));
    /// ```
    pub const fn new(changes: &'static [Change]) -> Capabilities {
        Capabilities {
            changes,
            suspends_until: false,
            comments: false,
            reads: false,
            lookups: &[],
            disable_effect: DisableEffect::Unknown,
            suspension_bars_sign_in: None,
            until_precision: Duration::ZERO,
            reversible: true,
            consistency: Consistency::Immediate,
        }
    }

    /// Sets whether a suspension can end by itself.
    #[must_use]
    pub const fn with_suspends_until(mut self, can: bool) -> Capabilities {
        self.suspends_until = can;
        self
    }

    /// Sets whether the system keeps a comment.
    #[must_use]
    pub const fn with_comments(mut self, can: bool) -> Capabilities {
        self.comments = can;
        self
    }

    /// Sets whether an account can be read.
    #[must_use]
    pub const fn with_reads(mut self, can: bool) -> Capabilities {
        self.reads = can;
        self
    }

    /// Sets the names by which an account can be found.
    #[must_use]
    pub const fn with_lookups(mut self, names: &'static [&'static str]) -> Capabilities {
        self.lookups = names;
        self
    }

    /// Sets the effect of a disabled account.
    #[must_use]
    pub const fn with_disable_effect(mut self, effect: DisableEffect) -> Capabilities {
        self.disable_effect = effect;
        self
    }

    /// Sets whether a suspension keeps the owner from signing in. It is not known by default.
    #[must_use]
    pub const fn with_suspension_bars_sign_in(mut self, bars: bool) -> Capabilities {
        self.suspension_bars_sign_in = Some(bars);
        self
    }

    /// Sets the precision with which the system keeps the end of a suspension. By default it is kept as it was asked for.
    #[must_use]
    pub const fn with_until_precision(mut self, precision: Duration) -> Capabilities {
        self.until_precision = precision;
        self
    }

    /// Sets whether a change can be taken back.
    #[must_use]
    pub const fn with_reversible(mut self, can: bool) -> Capabilities {
        self.reversible = can;
        self
    }

    /// Sets when a read shows a change.
    #[must_use]
    pub const fn with_consistency(mut self, consistency: Consistency) -> Capabilities {
        self.consistency = consistency;
        self
    }

    /// Returns whether the owner of an account of this status can sign in at this time, as far as the system says what its record
    /// means; `None` if it does not, or if something in the status was not
    /// [understood](AccountStatus::unrecognized).
    ///
    /// A locked account is locked everywhere. What disabling and suspending do is [`disable_effect`](Self::disable_effect) and
    /// [`suspension_bars_sign_in`](Self::suspension_bars_sign_in). A suspension whose end is past bars nobody, even if it is still
    /// shown: Symphony lifts it only when the owner signs in again.
    ///
    /// ```
    /// use jiff::Timestamp;
    /// use user_status::{AccountStatus, Capabilities, Change, DisableEffect};
    ///
    /// let record = Capabilities::new(&[Change::Enable, Change::Disable]);
    /// let disabled = AccountStatus { enabled: Some(false), ..AccountStatus::default() };
    /// assert_eq!(record.can_sign_in(&disabled, Timestamp::now()), None);
    ///
    /// let door = record.with_disable_effect(DisableEffect::SignInRefused);
    /// assert_eq!(door.can_sign_in(&disabled, Timestamp::now()), Some(false));
    /// ```
    pub fn can_sign_in(&self, status: &AccountStatus, now: Timestamp) -> Option<bool> {
        let suspended = status.suspended.as_ref().filter(|s| s.active && s.until.is_none_or(|until| until > now));
        let is_known = self.disable_effect != DisableEffect::Unknown;
        let refuses = matches!(self.disable_effect, DisableEffect::SignInRefused | DisableEffect::SessionsEnded);
        let barred_by_suspension = if suspended.is_some() { self.suspension_bars_sign_in } else { Some(false) };
        match (status.locked, status.enabled, barred_by_suspension) {
            _ if !status.unrecognized.is_empty() => None,
            (Some(true), ..) | (_, _, Some(true)) => Some(false),
            (_, Some(false), _) if refuses => Some(false),
            (_, Some(_), Some(false)) if is_known => Some(true),
            _ => None,
        }
    }

    /// Returns whether a status is what a change asks for, with the system's precision.
    pub(crate) fn shows(&self, status: &AccountStatus, change: &StatusChange) -> Option<bool> {
        status.shows_about(change, self.until_precision)
    }

    /// Returns whether an account that reads as asked need not be changed, with these options.
    pub(crate) fn skips_if_so(&self, options: &CallOptions) -> bool {
        self.consistency == Consistency::Immediate && !options.even_if_so
    }

    /// Returns whether the system can express a change, with all that belongs to it.
    pub fn supports(&self, change: &StatusChange) -> bool {
        self.refusal(change).is_none()
    }

    /// Why it cannot express a change.
    fn refusal(&self, change: &StatusChange) -> Option<String> {
        let can = || self.changes.iter().map(|change| change.as_str()).collect::<Vec<_>>().join(", ");
        if !self.changes.contains(&change.change()) {
            Some(format!("it cannot {}; it can {}", change.change(), can()))
        } else if change.until().is_some() && !self.suspends_until {
            Some("its suspensions have no end, and the one asked for would be lost; suspend without `until`".to_owned())
        } else if change.comment().is_some() && !self.comments {
            Some("it keeps no comment; leave it out".to_owned())
        } else {
            None
        }
    }

    /// Refuses, before anything is sent, what the system cannot express.
    pub(crate) fn check(&self, system: SystemKind, change: &StatusChange) -> Result<()> {
        if let Some(problem) = change.problem() {
            return Err(Error::invalid_input(system, problem));
        }
        match self.refusal(change) {
            Some(why) => Err(Error::new(ErrorKind::Unsupported, system, why)),
            None => Ok(()),
        }
    }
}

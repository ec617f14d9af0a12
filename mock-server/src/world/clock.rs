//! The clock of a world: that of the machine, ahead or behind of it, or standing still.

use jiff::{SignedDuration, Timestamp};

/// The clock of a world.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Clock {
    /// So much ahead of the machine.
    Running(SignedDuration),
    /// Standing still.
    Frozen(Timestamp),
}

impl Clock {
    pub(crate) fn new(frozen: Option<Timestamp>) -> Clock {
        frozen.map_or(Clock::Running(SignedDuration::ZERO), |time| Clock::Frozen(add(time, SignedDuration::ZERO)))
    }

    pub(crate) fn now(self) -> Timestamp {
        match self {
            Clock::Running(SignedDuration::ZERO) => Timestamp::now(),
            Clock::Running(ahead) => add(Timestamp::now(), ahead),
            Clock::Frozen(time) => time,
        }
    }

    /// The same clock, so much later.
    pub(crate) fn advanced(self, by: SignedDuration) -> Clock {
        match self {
            Clock::Running(ahead) => Clock::Running(ahead.saturating_add(by)),
            Clock::Frozen(time) => Clock::Frozen(add(time, by)),
        }
    }

    pub(crate) fn is_frozen(self) -> bool {
        matches!(self, Clock::Frozen(_))
    }
}

fn add(time: Timestamp, by: SignedDuration) -> Timestamp {
    let (first, last) = years();
    let end = if by.is_negative() { first } else { last };
    time.checked_add(by).unwrap_or(end).clamp(first, last)
}

/// The times that a date of four digits can show, which is what the systems answer with.
fn years() -> (Timestamp, Timestamp) {
    // 0001-01-01T00:00:00Z.
    (Timestamp::from_second(-62_135_596_800).unwrap_or(Timestamp::UNIX_EPOCH), Timestamp::MAX)
}

/// Returns whether a clock may show this time.
pub(crate) fn in_years(time: Timestamp) -> bool {
    let (first, last) = years();
    (first..=last).contains(&time)
}

//! When requests leave, so that there is always the time of one between two of them.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// The time by which a timer may be too late without moving all that come after it.
const LATE: Duration = Duration::from_millis(2);

/// The times that were given to requests, and when the last one left.
#[derive(Debug, Default)]
pub(super) struct Slots(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    /// The times that requests wait for, each with what must lie between it and the next.
    reserved: BTreeMap<Duration, Duration>,
    /// Before this nothing leaves, because of what left already.
    earliest: Duration,
    /// `true` if there may be room between two reserved times, because somebody gave one back.
    gaps: bool,
}

/// A time at which a request may leave. A call that is dropped before gives back that one, and moves no other.
pub(super) struct Slot<'a> {
    slots: &'a Slots,
    at: Duration,
    spacing: Duration,
    used: bool,
}

impl Slots {
    /// The first time that is free from now on.
    pub(super) fn reserve(&self, now: Duration, spacing: Duration) -> Slot<'_> {
        let mut state = self.lock();
        let at = state.first_free(now, spacing);
        state.reserved.insert(at, spacing);
        Slot { slots: self, at, spacing, used: false }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn first_free(&mut self, now: Duration, spacing: Duration) -> Duration {
        let mut at = now.max(self.earliest);
        let after = |(reserved, between): (&Duration, &Duration)| reserved.saturating_add(*between);
        if self.gaps {
            for slot in &self.reserved {
                if at.saturating_add(spacing) <= *slot.0 {
                    return at;
                }
                at = at.max(after(slot));
            }
            self.gaps = false;
        }
        at.max(self.reserved.last_key_value().map_or(Duration::ZERO, after))
    }
}

impl Slot<'_> {
    /// Lets the request leave; or says for how long it must wait before it asks again. That is longer than until its own
    /// time if others woke too late: what was late together does not leave together.
    pub(super) fn leave(&mut self, now: Duration) -> Option<Duration> {
        let mut state = self.slots.lock();
        let from = self.at.max(state.earliest);
        if now < from {
            return Some(from - now);
        }
        state.earliest = from.max(now.saturating_sub(LATE)).saturating_add(self.spacing);
        state.reserved.remove(&self.at);
        self.used = true;
        None
    }
}

impl Drop for Slot<'_> {
    fn drop(&mut self) {
        if !self.used {
            let mut state = self.slots.lock();
            state.reserved.remove(&self.at);
            state.gaps = true;
        }
    }
}

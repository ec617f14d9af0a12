//! What keeps a run from going on against a system that is down, or that refuses its credentials.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;

use crate::model::connection::ConnectionProblem;
use crate::model::error::{Error, ErrorKind};
use crate::policy::clock::{Clock, Wait};

/// The settings of the circuit breaker that each system of a run has.
///
/// ```
/// use std::time::Duration;
/// use user_status::bulk::BreakerPolicy;
///
/// let hasty = BreakerPolicy::default().with_failures(3).with_pause(Duration::from_secs(5));
/// assert_eq!(hasty.probes, 5);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct BreakerPolicy {
    /// The number of failures in a row that open it: 10 by default, at least 1.
    pub failures: u32,
    /// The time for which it is open: 30 s by default.
    pub pause: Duration,
    /// The number of probes that may fail before the system is given up: 5 by default.
    pub probes: u32,
}

impl Default for BreakerPolicy {
    fn default() -> BreakerPolicy {
        BreakerPolicy { failures: 10, pause: Duration::from_secs(30), probes: 5 }
    }
}

impl BreakerPolicy {
    /// Sets the number of failures in a row that open the breaker; 0 is taken for 1.
    #[must_use]
    pub fn with_failures(mut self, failures: u32) -> BreakerPolicy {
        self.failures = failures.max(1);
        self
    }

    /// Sets the time for which the breaker is open.
    #[must_use]
    pub fn with_pause(mut self, pause: Duration) -> BreakerPolicy {
        self.pause = pause;
        self
    }

    /// Sets the number of probes that may fail before the system is given up.
    #[must_use]
    pub fn with_probes(mut self, probes: u32) -> BreakerPolicy {
        self.probes = probes;
        self
    }
}

/// The breaker of one system, shared by the tasks that work on it.
#[derive(Debug)]
pub(super) struct Breaker {
    thresholds: BreakerPolicy,
    clock: Arc<dyn Clock>,
    state: Mutex<State>,
    changed: Notify,
}

#[derive(Debug)]
enum State {
    /// The system works, but for so many failures in a row.
    Closed { failures: u32 },
    /// Nothing is sent until then, after so many probes.
    Open { until: Duration, probes: u32 },
    /// One row tries whether the system is back.
    Probing { probes: u32 },
    /// Nothing more is sent in this run.
    Stopped,
}

/// As what a row goes through the breaker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Admission {
    /// One of many.
    Row,
    /// The one that tries whether the system is back.
    Probe,
}

/// The health of a system, as one call shows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Health {
    /// It answers; also if it refused this one row.
    Healthy,
    /// It does not answer, or fails, or asks for time.
    Down,
    /// It does not let these credentials in.
    AccessDenied,
    /// No request gets there until somebody changes a setting.
    CutOff,
}

impl Health {
    pub(super) fn of(error: &Error) -> Health {
        if error.connection_problem().is_some_and(ConnectionProblem::stays) {
            return Health::CutOff;
        }
        match error.kind() {
            // Answers that no contract knows come from whatever stands before a system that is not there.
            ErrorKind::NotSent
            | ErrorKind::Server
            | ErrorKind::OutcomeUnknown
            | ErrorKind::RateLimited
            | ErrorKind::UnexpectedResponse => Health::Down,
            ErrorKind::Credentials | ErrorKind::Forbidden | ErrorKind::ClientSetup => Health::AccessDenied,
            _ => Health::Healthy,
        }
    }
}

/// A transition of the circuit breaker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Transition {
    None,
    /// Nothing is sent for so long.
    Paused(Duration),
    /// Nothing more is sent.
    Stopped,
    /// The system is back.
    Resumed,
}

impl Breaker {
    pub(super) fn new(thresholds: BreakerPolicy, clock: Arc<dyn Clock>) -> Breaker {
        Breaker { thresholds, clock, state: Mutex::new(State::Closed { failures: 0 }), changed: Notify::new() }
    }

    /// Waits until a row may be sent. `None` if none may any more.
    pub(super) async fn enter(&self) -> Option<Admission> {
        loop {
            // Registered before the look at the state, so that no change is missed.
            let changed = self.changed.notified();
            let wait = {
                let mut state = self.lock();
                match &*state {
                    State::Closed { .. } => return Some(Admission::Row),
                    State::Stopped => return None,
                    State::Probing { .. } => None,
                    State::Open { until, probes } => match until.saturating_sub(self.clock.now()) {
                        Duration::ZERO => {
                            *state = State::Probing { probes: probes + 1 };
                            return Some(Admission::Probe);
                        }
                        wait => Some(wait),
                    },
                }
            };
            match wait {
                None => changed.await,
                Some(wait) => {
                    let sleep = self.clock.sleep(wait, Wait::Backoff);
                    futures_util::future::select(std::pin::pin!(changed), sleep).await;
                }
            }
        }
    }

    /// A row that entered was not sent after all.
    pub(super) fn leave(&self, turn: Admission) {
        let mut state = self.lock();
        if let (Admission::Probe, State::Probing { probes }) = (turn, &*state) {
            *state = State::Open { until: self.clock.now(), probes: probes.saturating_sub(1) };
            self.changed.notify_waiters();
        }
    }

    /// Takes in how a call ended.
    pub(super) fn report(&self, turn: Admission, health: Health, asked: Option<Duration>) -> Transition {
        let mut state = self.lock();
        let pause = self.thresholds.pause.max(asked.unwrap_or_default());
        let open = || State::Open { until: self.clock.now().saturating_add(pause), probes: 0 };
        let (next, change) = match (&*state, health) {
            (State::Closed { failures: 0 }, Health::Healthy) | (State::Stopped, _) => return Transition::None,
            // Ten tries with credentials that a proxy refuses would lock its account.
            (_, Health::CutOff) => (State::Stopped, Transition::Stopped),
            (State::Closed { .. }, Health::Healthy) => (State::Closed { failures: 0 }, Transition::None),
            (State::Closed { failures }, health) if failures + 1 >= self.thresholds.failures => match health {
                Health::Down if self.thresholds.probes > 0 => (open(), Transition::Paused(pause)),
                _ => (State::Stopped, Transition::Stopped),
            },
            (State::Closed { failures }, _) => (State::Closed { failures: failures + 1 }, Transition::None),
            // Of rows that had been sent before the breaker opened, one that succeeds says that the system is back, and one
            // that fails nothing new.
            (State::Open { .. } | State::Probing { .. }, Health::Healthy) => {
                (State::Closed { failures: 0 }, Transition::Resumed)
            }
            (State::Open { .. }, _) => return Transition::None,
            (State::Probing { .. }, _) if turn == Admission::Row => return Transition::None,
            (State::Probing { probes }, Health::Down) if *probes < self.thresholds.probes => (
                State::Open { until: self.clock.now().saturating_add(pause), probes: *probes },
                Transition::Paused(pause),
            ),
            (State::Probing { .. }, _) => (State::Stopped, Transition::Stopped),
        };
        *state = next;
        self.changed.notify_waiters();
        change
    }

    /// Nothing more is sent.
    pub(super) fn stop(&self) {
        *self.lock() = State::Stopped;
        self.changed.notify_waiters();
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;

    use super::*;
    use crate::policy::clock::SystemClock;

    #[test]
    fn only_the_row_that_tries_a_system_ends_the_try() {
        let thresholds = BreakerPolicy { failures: 1, pause: Duration::ZERO, probes: 1 };
        let breaker = Breaker::new(thresholds, Arc::new(SystemClock::default()));
        let enter = || breaker.enter().now_or_never();
        assert_eq!([enter(), enter()], [Some(Some(Admission::Row)); 2]);
        assert_eq!(breaker.report(Admission::Row, Health::Down, None), Transition::Paused(Duration::ZERO));
        assert_eq!(enter(), Some(Some(Admission::Probe)));
        // The other row had been sent before.
        assert_eq!(breaker.report(Admission::Row, Health::Down, None), Transition::None);
        breaker.leave(Admission::Row);
        assert_eq!(enter(), None, "two try it");
        breaker.leave(Admission::Probe);
        assert_eq!(enter(), Some(Some(Admission::Probe)));
        assert_eq!(breaker.report(Admission::Probe, Health::Down, None), Transition::Stopped);
        assert_eq!(enter(), Some(None));
    }
}

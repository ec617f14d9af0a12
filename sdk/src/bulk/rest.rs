//! The time that a system asked for: nothing is sent to it before, whichever row it is for.

use std::pin::pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;

use crate::policy::clock::{Clock, Wait};

/// The rest of one system, for all passes of a run.
#[derive(Debug)]
pub(super) struct Rest {
    clock: Arc<dyn Clock>,
    /// The longest that is waited for.
    longest: Duration,
    state: Mutex<State>,
    given_up: Notify,
}

#[derive(Debug, Default)]
struct State {
    /// Until when, on the clock.
    until: Duration,
    /// `true` if that is longer than anybody waits.
    too_long: bool,
}

/// The effect of a request for time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Asked {
    /// Nothing: it rests for as long already.
    Known,
    /// It rests until then.
    Rests,
    /// It gets nothing more in this run.
    TooLong,
}

impl Rest {
    pub(super) fn new(clock: Arc<dyn Clock>, longest: Duration) -> Rest {
        Rest { clock, longest, state: Mutex::default(), given_up: Notify::new() }
    }

    /// The system asked for so much time.
    pub(super) fn ask(&self, wait: Duration) -> Asked {
        let mut state = self.lock();
        let until = self.clock.now().saturating_add(wait);
        // Many calls are refused together, and each is told the same in whole seconds.
        let news = until > state.until.saturating_add(Duration::from_secs(1));
        state.until = state.until.max(until);
        match (state.too_long, wait > self.longest) {
            (true, _) => Asked::Known,
            (false, true) => {
                state.too_long = true;
                self.given_up.notify_waiters();
                Asked::TooLong
            }
            (false, false) if news => Asked::Rests,
            (false, false) => Asked::Known,
        }
    }

    /// Waits for its end. Whether something may be sent then.
    pub(super) async fn over(&self) -> bool {
        loop {
            // Registered before the look, so that no change is missed.
            let given_up = self.given_up.notified();
            match self.left() {
                None => return false,
                Some(Duration::ZERO) => return true,
                Some(wait) => {
                    let sleep = self.clock.sleep(wait, Wait::RateLimit);
                    futures_util::future::select(pin!(given_up), sleep).await;
                }
            }
        }
    }

    /// Returns whether something may be sent now.
    pub(super) fn is_over(&self) -> bool {
        self.left().is_some_and(|wait| wait.is_zero())
    }

    /// Returns the time for which it lasts; `None` if nothing more is sent in this run.
    fn left(&self) -> Option<Duration> {
        let state = self.lock();
        (!state.too_long).then(|| state.until.saturating_sub(self.clock.now()))
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

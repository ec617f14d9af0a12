//! A limit of the client's own, shared by its clones, so that it stays below the system's.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::clock::{Clock, Wait};

/// How much a client sends at most: so many requests per second, so many at once. Without a limit by default.
///
/// ```
/// use user_status::Limit;
///
/// let limit = Limit::default().per_second(5.0).at_once(2);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Limit {
    per_second: Option<f64>,
    at_once: Option<usize>,
}

impl Limit {
    /// At most so many requests per second, evenly spaced. A number that is not above zero sets no limit.
    #[must_use]
    pub fn per_second(mut self, requests: f64) -> Limit {
        self.per_second = (requests.is_finite() && requests > 0.0).then_some(requests);
        self
    }

    /// At most so many requests at once; at least 1.
    #[must_use]
    pub fn at_once(mut self, requests: usize) -> Limit {
        self.at_once = Some(requests.clamp(1, Semaphore::MAX_PERMITS));
        self
    }
}

/// The limit at work.
#[derive(Debug)]
pub(crate) struct Limiter {
    at_once: Option<Arc<Semaphore>>,
    /// The time between two requests.
    spacing: Option<Duration>,
    /// When the next request may leave.
    next: Mutex<Duration>,
}

impl Limiter {
    pub(crate) fn new(limit: Limit) -> Limiter {
        let spacing = limit.per_second.map(|rate| Duration::try_from_secs_f64(1.0 / rate).unwrap_or(Duration::MAX));
        let at_once = limit.at_once.map(|requests| Arc::new(Semaphore::new(requests)));
        Limiter { at_once, spacing, next: Mutex::default() }
    }

    /// Waits for a place. `None` if there is none before the time is over.
    pub(crate) async fn enter(&self, clock: &dyn Clock, time_left: Duration) -> Option<Place> {
        let started = clock.now();
        let permit = match &self.at_once {
            None => None,
            Some(semaphore) => match semaphore.clone().try_acquire_owned() {
                Ok(permit) => Some(permit),
                Err(_) => {
                    let acquire = semaphore.clone().acquire_owned();
                    // The semaphore is never closed.
                    Some(crate::clock::at_most(clock, time_left, acquire).await?.ok()?)
                }
            },
        };
        if let Some(spacing) = self.spacing {
            let now = clock.now();
            let time_left = time_left.saturating_sub(now.saturating_sub(started));
            let wait = {
                let mut next = self.next.lock().unwrap_or_else(PoisonError::into_inner);
                let slot = (*next).max(now);
                let wait = slot.saturating_sub(now);
                if wait >= time_left {
                    return None;
                }
                *next = slot.saturating_add(spacing);
                wait
            };
            if !wait.is_zero() {
                let mut slot = Slot { limiter: self, spacing, used: false };
                clock.sleep(wait, Wait::RateLimit).await;
                slot.used = true;
            }
        }
        Some(Place { _permit: permit })
    }
}

/// A time at which a request may leave. A call that is dropped before gives it back.
struct Slot<'a> {
    limiter: &'a Limiter,
    spacing: Duration,
    used: bool,
}

impl Drop for Slot<'_> {
    fn drop(&mut self) {
        if !self.used {
            let mut next = self.limiter.next.lock().unwrap_or_else(PoisonError::into_inner);
            *next = next.saturating_sub(self.spacing);
        }
    }
}

/// A place under the limit, for as long as it is held.
pub(crate) struct Place {
    _permit: Option<OwnedSemaphorePermit>,
}

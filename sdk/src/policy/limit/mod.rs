//! A limit of the client's own, shared by its clones, so that it stays below the system's.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use self::adaptive::Adaptive;
use self::slots::Slots;
use crate::policy::clock::{Clock, Wait};
use crate::policy::retry::{AttemptOutcome, RetryPolicy};
use crate::policy::waiting::WaitReason;

mod adaptive;
mod slots;

pub use adaptive::Throttle;

/// A rate limit of a client: requests per second, and requests at once. Without a limit by default.
///
/// ```
/// use user_status::Limit;
///
/// let limit = Limit::default().per_second(5.0).max_in_flight(2);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Limit {
    per_second: Option<f64>,
    max_in_flight: Option<usize>,
    adaptive: bool,
}

impl Limit {
    /// Sets the most requests per second, evenly spaced: between any two there is at least the time of one. A number
    /// that is not above zero sets no limit.
    #[must_use]
    pub fn per_second(mut self, requests: f64) -> Limit {
        self.per_second = (requests.is_finite() && requests > 0.0).then_some(requests);
        self
    }

    /// Sets the most requests at once; at least 1.
    #[must_use]
    pub fn max_in_flight(mut self, requests: usize) -> Limit {
        self.max_in_flight = Some(requests.clamp(1, Semaphore::MAX_PERMITS));
        self
    }

    /// Learns from refusals (429, and 503 with `Retry-After`), for clients with many calls under way. Off by default.
    ///
    /// A refusal holds back all calls of the client until the time that the system asked for has passed, up to a day;
    /// or, if it asked for none, for a short time that doubles with every refusal in a row. A call that would have to
    /// wait for longer than its [`longest_retry_after`](crate::RetryPolicy::longest_retry_after) ends at once without
    /// being sent, and says when to come back. From then on half as many requests are under way at once as there were,
    /// and half as many per second, if that has a limit. Answers give both back little by little, never above what
    /// [`max_in_flight`](Limit::max_in_flight) and [`per_second`](Limit::per_second) say.
    ///
    /// A repetition after such a refusal does not spend the budget for repetitions, which is there to prevent a storm:
    /// a client that holds back makes none. It is still one of the attempts of its call. A call whose time would be
    /// over before it may be sent ends without being sent.
    ///
    /// ```
    /// use user_status::Limit;
    ///
    /// let limit = Limit::default().max_in_flight(64).adaptive();
    /// ```
    #[must_use]
    pub fn adaptive(mut self) -> Limit {
        self.adaptive = true;
        self
    }
}

/// Why a request may not leave.
#[derive(Clone, Copy, Debug)]
pub(crate) enum NoPermit {
    /// Its time is over before there is a place.
    Late,
    /// The system asked for so much time, which is longer than the call may wait.
    Asked(Duration),
}

/// The limit at work.
#[derive(Debug)]
pub(crate) struct Limiter {
    max_in_flight: Option<Arc<Semaphore>>,
    /// The time between two requests.
    spacing: Option<Duration>,
    /// When requests leave.
    slots: Slots,
    /// The state that was learned.
    adaptive: Option<Adaptive>,
}

impl Limiter {
    pub(crate) fn new(limit: Limit) -> Limiter {
        let spacing = limit.per_second.map(|rate| Duration::try_from_secs_f64(1.0 / rate).unwrap_or(Duration::MAX));
        // What may be learned later needs places to be counted from the start.
        let places = limit.max_in_flight.or(limit.adaptive.then_some(Semaphore::MAX_PERMITS));
        let max_in_flight = places.map(|places| Arc::new(Semaphore::new(places)));
        let adaptive =
            max_in_flight.clone().filter(|_| limit.adaptive).map(|places| Adaptive::new(limit.max_in_flight, places));
        Limiter { max_in_flight, spacing, slots: Slots::default(), adaptive }
    }

    /// Returns whether it holds all calls back after a refusal.
    pub(crate) fn is_adaptive(&self) -> bool {
        self.adaptive.is_some()
    }

    /// Returns how far it holds back; `None` if it does not adapt.
    pub(crate) fn throttle(&self, clock: &dyn Clock) -> Option<Throttle> {
        self.adaptive.as_ref().map(|adaptive| adaptive.throttle(clock.now()))
    }

    /// Waits for a place, and says for what. A time that the system named is waited for if it is no longer than
    /// `patience`.
    pub(crate) async fn enter(
        &self,
        clock: &dyn Clock,
        time_left: Duration,
        patience: Duration,
        tell: impl Fn(WaitReason, Duration),
    ) -> Result<Permit<'_>, NoPermit> {
        if self.max_in_flight.is_none() && self.spacing.is_none() {
            return Ok(Permit { limiter: self, permit: None, pause: 0 });
        }
        self.held_off(clock, patience)?;
        let started = clock.now();
        let time_left = || time_left.saturating_sub(clock.now().saturating_sub(started));
        let permit = match &self.max_in_flight {
            None => None,
            Some(semaphore) => match semaphore.clone().try_acquire_owned() {
                Ok(permit) => Some(permit),
                Err(_) => {
                    let acquire = pin!(semaphore.clone().acquire_owned());
                    // The semaphore is never closed.
                    let permit = crate::policy::clock::timeout(clock, time_left(), acquire).await;
                    Some(permit.and_then(Result::ok).ok_or(NoPermit::Late)?)
                }
            },
        };
        let mut place = Permit { limiter: self, permit, pause: 0 };
        let mut timed = false;
        let mut paused_until = Duration::ZERO;
        loop {
            let pause = self.adaptive.as_ref().map(Adaptive::pause).unwrap_or_default();
            place.pause = pause.number;
            // Each pause is waited for once, whatever the clock shows then.
            if pause.until > clock.now().max(paused_until) {
                let wait = pause.until.saturating_sub(clock.now());
                self.held_off(clock, patience)?;
                if wait >= time_left() {
                    return Err(if pause.named { NoPermit::Asked(wait) } else { NoPermit::Late });
                }
                tell(if pause.named { WaitReason::Asked } else { WaitReason::Backoff }, wait);
                clock.sleep(wait, Wait::RateLimit).await;
                paused_until = pause.until;
                // The time that the request had is past, as it is for all others that were held back.
                timed = false;
            } else if timed {
                return Ok(place);
            } else {
                self.wait_for_slot(clock, time_left(), &tell).await.ok_or(NoPermit::Late)?;
                // A pause may have begun meanwhile.
                timed = true;
            }
        }
    }

    /// Returns whether the system named a time that is longer than somebody waits.
    fn held_off(&self, clock: &dyn Clock, patience: Duration) -> Result<(), NoPermit> {
        let pause = self.adaptive.as_ref().map(Adaptive::pause).unwrap_or_default();
        let wait = pause.until.saturating_sub(clock.now());
        if pause.named && wait > patience { Err(NoPermit::Asked(wait)) } else { Ok(()) }
    }

    /// Waits for the time at which the next request may leave. `None` if that is too late.
    async fn wait_for_slot(
        &self,
        clock: &dyn Clock,
        time_left: Duration,
        tell: &impl Fn(WaitReason, Duration),
    ) -> Option<()> {
        let Some(configured) = self.spacing else { return Some(()) };
        let started = clock.now();
        let spacing = self.adaptive.as_ref().map_or(configured, |adaptive| adaptive.spacing(configured));
        let mut slot = self.slots.reserve(started, spacing);
        while let Some(wait) = slot.leave(clock.now()) {
            let waited = clock.now().saturating_sub(started);
            if waited.saturating_add(wait) >= time_left {
                return None;
            }
            tell(WaitReason::Limit, wait);
            clock.sleep(wait, Wait::RateLimit).await;
        }
        Some(())
    }
}

/// A place under the limit, for as long as it is held.
pub(crate) struct Permit<'a> {
    limiter: &'a Limiter,
    permit: Option<OwnedSemaphorePermit>,
    /// The number of the last pause before the request left.
    pause: u64,
}

impl Permit<'_> {
    /// Learns from how the request ended, if the limit adapts.
    pub(crate) fn learn(&self, outcome: AttemptOutcome, policy: &RetryPolicy, now: Duration) {
        let Some(adaptive) = &self.limiter.adaptive else { return };
        match outcome {
            AttemptOutcome::Answered { retry_after, .. } if outcome.asks_to_wait() => {
                adaptive.refused(self.pause, retry_after, policy, now);
            }
            // Also a no is an answer of a system that has time to give one; a gateway's is none.
            AttemptOutcome::Answered { status, .. } if status < 500 && status != 408 => adaptive.answered(self.pause),
            _ => {}
        }
    }
}

impl Drop for Permit<'_> {
    fn drop(&mut self) {
        if let (Some(adaptive), Some(permit)) = (&self.limiter.adaptive, self.permit.take()) {
            adaptive.give_back(permit);
        }
    }
}

//! A limit that learns: what the system says of its own, by refusing.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::policy::retry::RetryPolicy;

/// The least share of the configured rate: a limit that went lower would take hours to recover.
const LEAST_SHARE: f64 = 1.0 / 64.0;
/// The part of the rate that a response gives back.
const SHARE_PER_ANSWER: f64 = 1.0 / 256.0;
/// The number of rounds of responses that give one place back. Each one too many is a refusal, so they come back slowly.
const ROUNDS_PER_PLACE: usize = 8;
/// The longest time that is believed of a system: one that is further away comes from a clock or a counter that is wrong.
pub(super) const BELIEVED: Duration = Duration::from_secs(24 * 60 * 60);

/// The state that was learned. A refusal begins a pause for all calls, and halves both how many requests there may be at once and
/// how many per second; answers give back a little each.
#[derive(Debug)]
pub(super) struct Adaptive {
    /// The places that are free.
    places: Arc<Semaphore>,
    /// The most places that there may be.
    most: usize,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    /// The number of places, the taken ones included.
    max_in_flight: usize,
    /// The number of taken places that go when they are given back.
    surplus: usize,
    /// Answers since the last place came back.
    answers: usize,
    /// The share of the configured rate that is used, above 0 and up to 1.
    share: f64,
    pause: Pause,
    /// Pauses since the last response.
    in_a_row: u32,
}

/// The last pause.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Pause {
    /// The number of the pause; 0 if there was none.
    pub(super) number: u64,
    /// Until when it lasts, on the clock of the session.
    pub(super) until: Duration,
    /// `true` if the system named that time.
    pub(super) named: bool,
}

impl Adaptive {
    pub(super) fn new(max_in_flight: Option<usize>, places: Arc<Semaphore>) -> Adaptive {
        let most = max_in_flight.unwrap_or(Semaphore::MAX_PERMITS);
        let (pause, share) = (Pause::default(), 1.0);
        let state = State { max_in_flight: most, surplus: 0, answers: 0, share, pause, in_a_row: 0 };
        Adaptive { places, most, state: Mutex::new(state) }
    }

    pub(super) fn pause(&self) -> Pause {
        self.lock().pause
    }

    /// The time between two requests, for the configured one.
    pub(super) fn spacing(&self, configured: Duration) -> Duration {
        match self.lock().share {
            1.0 => configured,
            share => Duration::try_from_secs_f64(configured.as_secs_f64() / share).unwrap_or(Duration::MAX),
        }
    }

    /// The system refused a request that left after the pause of this number. Of all that were on their way together,
    /// the first refusal halves; the others can only make the pause longer.
    ///
    /// A `Retry-After` may be wrong, as from a clock that is. One that asks for nothing is none, and a system that
    /// refuses again after what it asked for gets twice as long, so there is no storm; and none is believed beyond
    /// [`BELIEVED`]. Which calls wait for its end, and which end without being sent, each call decides.
    pub(super) fn refused(&self, after: u64, asked: Option<Duration>, policy: &RetryPolicy, now: Duration) {
        let mut state = self.lock();
        let mut wait = asked.unwrap_or_default();
        if after == state.pause.number {
            let doubled = policy.first_wait.saturating_mul(2u32.saturating_pow(state.in_a_row));
            wait = wait.max(doubled.min(policy.longest_wait));
            state.pause.number += 1;
            state.in_a_row = state.in_a_row.saturating_add(1);
            state.share = (state.share / 2.0).max(LEAST_SHARE);
            self.halve(&mut state);
        }
        let until = now.saturating_add(wait.min(BELIEVED));
        if until > state.pause.until {
            state.pause.until = until;
            state.pause.named = asked.is_some_and(|asked| asked >= wait);
        }
    }

    /// The system answered a request that left after the pause of this number. One from before the last pause says
    /// nothing of what is good now.
    pub(super) fn answered(&self, after: u64) {
        let mut state = self.lock();
        if after != state.pause.number {
            return;
        }
        state.in_a_row = 0;
        state.share = (state.share + SHARE_PER_ANSWER).min(1.0);
        // Places that nobody waits for prove nothing.
        if state.max_in_flight < self.most && self.places.available_permits() == 0 {
            state.answers += 1;
            if state.answers >= state.max_in_flight.saturating_mul(ROUNDS_PER_PLACE) {
                state.answers = 0;
                state.max_in_flight += 1;
                match state.surplus {
                    0 => self.places.add_permits(1),
                    surplus => state.surplus = surplus - 1,
                }
            }
        }
    }

    /// Takes a place back.
    pub(super) fn give_back(&self, place: OwnedSemaphorePermit) {
        let mut state = self.lock();
        if state.surplus > 0 {
            state.surplus -= 1;
            place.forget();
        } else {
            // Before the lock is gone, so that the places always add up.
            drop(place);
        }
    }

    pub(super) fn throttle(&self, now: Duration) -> Throttle {
        let state = self.lock();
        Throttle {
            paused_for: state.pause.until.saturating_sub(now),
            max_in_flight: Some(state.max_in_flight).filter(|max_in_flight| *max_in_flight < Semaphore::MAX_PERMITS),
            rate: state.share,
            in_flight: self.held(&state),
        }
    }

    /// Half of the places that are in use: a limit far above that would not be felt.
    fn halve(&self, state: &mut State) {
        let half = (self.held(state).min(state.max_in_flight) / 2).max(1);
        let surplus = state.max_in_flight.saturating_sub(half);
        // What is free goes at once, the rest as it comes back.
        let gone = self.places.forget_permits(surplus);
        state.surplus += surplus - gone;
        state.max_in_flight = half;
        state.answers = 0;
    }

    /// Returns the number of places that are taken.
    fn held(&self, state: &State) -> usize {
        (state.max_in_flight + state.surplus).saturating_sub(self.places.available_permits())
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The present state of an [adaptive](super::Limit::adaptive) limit.
///
/// ```
/// use user_status::Limit;
/// use user_status::systems::{Symphony, symphony};
///
/// let symphony = Symphony::builder()
///     .base_url("https://acme.symphony.com/pod")
///     .credentials(symphony::Credentials::session_token("a-token"))
///     .limit(Limit::default().max_in_flight(8).adaptive())
///     .build()?;
/// let throttle = symphony.client().throttle().expect("the limit is adaptive");
/// assert!(throttle.paused_for.is_zero());
/// assert_eq!(throttle.max_in_flight, Some(8));
/// # Ok::<(), user_status::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct Throttle {
    /// The time until the current pause ends; zero if there is none.
    pub paused_for: Duration,
    /// The number of requests that there may be at once; `None` if nothing was configured and nothing learned.
    pub max_in_flight: Option<usize>,
    /// The share of the configured requests per second that is used, above 0 and up to 1.
    pub rate: f64,
    /// The number of requests in flight, including those that wait for their time to be sent.
    pub in_flight: usize,
}

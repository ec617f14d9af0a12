//! Whether to try again, and when: a pure function of what is known.
//!
//! | Outcome of an attempt | idempotent | not idempotent (the toggle) |
//! |---|---|---|
//! | not sent | again, unless the [cause](crate::ConnectionProblem::stays) stays, as a certificate that is not trusted | the same |
//! | a refusal for now that the system documents (MediConnect: 429) | again | again: nothing was changed |
//! | 408, other 429, 502, 503, 504, no whole response | again | stop, outcome unknown |
//! | 500 | again with Symphony, whose own clients do; else stop | stop |
//! | anything else | stop | stop |
//!
//! What a system documents is in its [`status_rules`](crate::status_rules). Everything else, a 503 with `Retry-After`
//! too, may come from a gateway that lost the response of a system which did what was asked.
//!
//! A 401 is retried once with fresh credentials where there is a source of them, besides the attempts of the policy; what
//! is not idempotent only if the system documents the 401 as a refusal.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use jiff::Timestamp;
use reqwest::header::{HeaderMap, RETRY_AFTER};

use crate::model::conclusion::Conclusion;

/// The retry policy of a client. The defaults:
///
/// | | |
/// |---|---|
/// | attempts | 4 |
/// | first wait | up to 500 ms, doubled for each further one |
/// | longest wait | 20 s |
/// | longest `Retry-After` that is waited for | 60 s |
/// | budget | 10 repetitions in a row per client; ten successes earn one back; under an [adaptive](crate::Limit::adaptive) limit, refusals with 429, or with 503 and `Retry-After`, do not count |
///
/// The waits are drawn evenly between nothing and their limit (*full jitter*), so that clients that failed together do
/// not come back together. After a 429, or a 503 with `Retry-After`, a wait is at least half of its limit, and never
/// less than 250 ms, whatever the response asks for.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct RetryPolicy {
    /// The number of requests that one call may send, the first included. At least 1.
    pub attempts: u32,
    /// The limit of the first wait.
    pub first_wait: Duration,
    /// The limit that no wait exceeds.
    pub longest_wait: Duration,
    /// A `Retry-After` that is longer than this ends the call; the error says how long it was.
    pub longest_retry_after: Duration,
}

impl Default for RetryPolicy {
    fn default() -> Self {
        RetryPolicy {
            attempts: 4,
            first_wait: Duration::from_millis(500),
            longest_wait: Duration::from_secs(20),
            longest_retry_after: Duration::from_secs(60),
        }
    }
}

impl RetryPolicy {
    /// Disables retries, except for one after a 401 where a source gives fresh credentials.
    pub fn never() -> RetryPolicy {
        RetryPolicy { attempts: 1, ..RetryPolicy::default() }
    }

    /// Sets the number of attempts, the first included; 0 is taken for 1.
    ///
    /// ```
    /// use std::time::Duration;
    /// use user_status::RetryPolicy;
    ///
    /// let patient = RetryPolicy::default().with_attempts(6).with_first_wait(Duration::from_secs(2));
    /// assert_eq!(patient.longest_wait, Duration::from_secs(20));
    /// ```
    #[must_use]
    pub fn with_attempts(mut self, attempts: u32) -> RetryPolicy {
        self.attempts = attempts.max(1);
        self
    }

    /// Sets the limit of the first wait.
    #[must_use]
    pub fn with_first_wait(mut self, wait: Duration) -> RetryPolicy {
        self.first_wait = wait;
        self
    }

    /// Sets the limit that no wait exceeds.
    #[must_use]
    pub fn with_longest_wait(mut self, wait: Duration) -> RetryPolicy {
        self.longest_wait = wait;
        self
    }

    /// Sets the longest `Retry-After` that is waited for.
    #[must_use]
    pub fn with_longest_retry_after(mut self, wait: Duration) -> RetryPolicy {
        self.longest_retry_after = wait;
        self
    }
}

/// The end of an attempt.
#[doc(hidden)]
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum AttemptOutcome {
    /// The request did not leave.
    NotSent,
    /// The request left, and no whole response came back.
    Lost,
    /// A response of this status code, that asked to wait so long. Its body may have broken off, if the status code
    /// says enough.
    Answered {
        /// The status code.
        status: u16,
        /// The conclusion from the status code.
        conclusion: Conclusion,
        /// The time that `Retry-After` asked for.
        retry_after: Option<Duration>,
    },
}

impl AttemptOutcome {
    /// Returns whether somebody, the system or a gateway before it, has too much to do: 429, or 503 with `Retry-After`. Says
    /// nothing of what was done.
    pub(crate) fn asks_to_wait(self) -> bool {
        matches!(
            self,
            AttemptOutcome::Answered { status: 429, .. }
                | AttemptOutcome::Answered { conclusion: Conclusion::RefusedForNow, .. }
                | AttemptOutcome::Answered { status: 503, retry_after: Some(_), .. }
        )
    }

    /// Returns whether the account may have been changed by the attempt.
    pub(crate) fn may_have_changed(self) -> bool {
        match self {
            AttemptOutcome::NotSent => false,
            AttemptOutcome::Lost => true,
            AttemptOutcome::Answered { conclusion, .. } => conclusion == Conclusion::Unknown,
        }
    }
}

/// The least wait before a system that asked to wait is asked again.
#[doc(hidden)]
pub const LEAST_WAIT: Duration = Duration::from_millis(250);

/// The facts about an operation that decide whether it may be retried.
#[doc(hidden)]
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RetryContext {
    /// Sending the same request twice does what sending it once does.
    pub idempotent: bool,
    /// The system's own clients repeat after a 500.
    pub repeats_500: bool,
    /// There is a source of fresh credentials, and it was not asked yet in this call.
    pub can_refresh: bool,
}

/// The progress of a call.
#[doc(hidden)]
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Progress {
    /// The number of requests that were sent.
    pub attempt: u32,
    /// The time that is left until the call must end.
    pub time_left: Duration,
    /// `true` if the budget has room for another retry.
    pub budget: bool,
    /// Drawn evenly from 0 to 1.
    pub jitter: f64,
}

/// The decision after an attempt.
#[doc(hidden)]
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Decision {
    /// The call ends with what the attempt gave.
    Stop,
    /// Another attempt, with fresh credentials.
    Refresh,
    /// Another attempt, after a wait.
    Again(Duration),
}

/// Decides what to do after an attempt.
#[doc(hidden)]
pub fn decide(policy: &RetryPolicy, safety: RetryContext, outcome: AttemptOutcome, progress: Progress) -> Decision {
    let harmless = safety.idempotent || !outcome.may_have_changed();
    if let AttemptOutcome::Answered { status: 401, .. } = outcome {
        let refresh = harmless && safety.can_refresh && !progress.time_left.is_zero();
        return if refresh { Decision::Refresh } else { Decision::Stop };
    }
    let allowed = match outcome {
        AttemptOutcome::NotSent | AttemptOutcome::Answered { conclusion: Conclusion::RefusedForNow, .. } => true,
        AttemptOutcome::Answered { status: 408 | 429 | 502 | 503 | 504, .. } | AttemptOutcome::Lost => harmless,
        AttemptOutcome::Answered { status: 500, .. } => harmless && safety.repeats_500,
        AttemptOutcome::Answered { .. } => false,
    };
    if !allowed || progress.attempt >= policy.attempts || !progress.budget {
        return Decision::Stop;
    }
    let asked = match outcome {
        AttemptOutcome::Answered { retry_after: Some(wait), .. } if wait > policy.longest_retry_after => {
            return Decision::Stop;
        }
        AttemptOutcome::Answered { retry_after, .. } => retry_after.unwrap_or_default(),
        _ => Duration::ZERO,
    };
    let wait = match outcome.asks_to_wait() {
        // A response that asks for no time, or for none that can be read, is no leave to come back at once.
        true => backoff(policy, progress.attempt, 0.5 + progress.jitter / 2.0).max(LEAST_WAIT),
        false => backoff(policy, progress.attempt, progress.jitter),
    };
    let wait = wait.max(asked);
    // A wait that uses up all the time leaves none for the attempt.
    if wait >= progress.time_left { Decision::Stop } else { Decision::Again(wait) }
}

/// The wait after so many attempts: evenly between nothing and a limit that doubles each time.
fn backoff(policy: &RetryPolicy, attempt: u32, jitter: f64) -> Duration {
    let doubled = 2u32.saturating_pow(attempt.saturating_sub(1));
    let limit = policy.first_wait.saturating_mul(doubled).min(policy.longest_wait);
    // Limits beyond what a float can hold are drawn as themselves.
    Duration::try_from_secs_f64(limit.as_secs_f64() * jitter.clamp(0.0, 1.0)).unwrap_or(limit)
}

/// Parses `Retry-After`: seconds, or an HTTP date in any of its three forms. A date that is past asks for
/// nothing; what is neither is not there.
#[doc(hidden)]
pub fn retry_after(value: &str, now: Timestamp) -> Option<Duration> {
    let value = value.trim();
    if !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit()) {
        // A number that is too large for a u64 asks for longer than anybody waits.
        return Some(Duration::from_secs(value.parse().unwrap_or(u64::MAX)));
    }
    let date = httpdate::parse_http_date(value).ok()?;
    Some(date.duration_since(SystemTime::from(now)).unwrap_or_default())
}

/// Returns the time that a response asks to wait for: by `Retry-After` or, where a 429 has none, by the time of the next window
/// under the names in use, `RateLimit-Reset`, `X-RateLimit-Reset` and `X-Rate-Limit-Reset`. These have seconds from now, or since
/// 1970; responses that are no refusal have them too, and ask for nothing.
pub(crate) fn asked_wait(status: u16, headers: &HeaderMap, now: Timestamp) -> Option<Duration> {
    /// Seconds that are more than this are those of a date: it is more than thirty years.
    const DATE: u64 = 1_000_000_000;
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    if let Some(asked) = text(RETRY_AFTER.as_str()) {
        return retry_after(asked, now);
    }
    let resets = ["ratelimit-reset", "x-ratelimit-reset", "x-rate-limit-reset"];
    let reset: u64 = resets.into_iter().filter(|_| status == 429).find_map(text)?.trim().parse().ok()?;
    let now = u64::try_from(now.as_second()).unwrap_or_default();
    Some(Duration::from_secs(if reset < DATE { reset } else { reset.saturating_sub(now) }))
}

/// The retry budget, which keeps a client from answering an outage with a storm: each retry costs, each success earns a little
/// back. Shared by all clones of a client.
#[derive(Debug)]
pub(crate) struct Budget(Mutex<u32>);

impl Budget {
    const FULL: u32 = 100;
    const COST: u32 = 10;

    pub(crate) fn new() -> Budget {
        Budget(Mutex::new(Budget::FULL))
    }

    /// Returns whether there is room for another repetition.
    pub(crate) fn has_room(&self) -> bool {
        *self.lock() >= Budget::COST
    }

    /// Pays for a repetition. `false` if somebody else took the last room.
    pub(crate) fn spend(&self) -> bool {
        let mut left = self.lock();
        let enough = *left >= Budget::COST;
        if enough {
            *left -= Budget::COST;
        }
        enough
    }

    /// After a success.
    pub(crate) fn earn(&self) {
        let mut left = self.lock();
        *left = (*left + 1).min(Budget::FULL);
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, u32> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

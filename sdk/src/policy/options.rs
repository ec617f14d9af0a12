//! The settings of one call.

use std::time::Duration;

use crate::policy::retry::RetryPolicy;

/// Settings for one call that differ from those of the client. What is not set stays as the client has it.
///
/// ```
/// use std::time::Duration;
/// use user_status::{CallOptions, RetryPolicy};
///
/// let hurry = CallOptions::default().with_total_timeout(Duration::from_secs(2)).with_retry(RetryPolicy::never());
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct CallOptions {
    pub(crate) attempt_timeout: Option<Duration>,
    pub(crate) total_timeout: Option<Duration>,
    pub(crate) retry: Option<RetryPolicy>,
    pub(crate) even_if_so: bool,
    /// Reads are sent, and the request that would change something is captured.
    pub(crate) dry_run: bool,
}

impl CallOptions {
    /// Sets the longest time of one attempt.
    #[must_use]
    pub fn with_attempt_timeout(mut self, timeout: Duration) -> CallOptions {
        self.attempt_timeout = Some(timeout);
        self
    }

    /// Sets the longest time of the call, all attempts and waits together.
    #[must_use]
    pub fn with_total_timeout(mut self, timeout: Duration) -> CallOptions {
        self.total_timeout = Some(timeout);
        self
    }

    /// Sets the retry policy.
    #[must_use]
    pub fn with_retry(mut self, policy: RetryPolicy) -> CallOptions {
        self.retry = Some(policy);
        self
    }

    /// Sets whether a change is sent although the account reads as asked. It is not by default, where a system is read first.
    ///
    /// A record does not show everything: some systems keep a lock after wrong passwords elsewhere, which any change lifts.
    #[must_use]
    pub fn with_even_if_so(mut self, send: bool) -> CallOptions {
        self.even_if_so = send;
        self
    }

    /// Returns whether a change is sent although the account reads as asked.
    pub fn even_if_so(&self) -> bool {
        self.even_if_so
    }

    /// Returns the longest time of one attempt, if it was set.
    pub fn attempt_timeout(&self) -> Option<Duration> {
        self.attempt_timeout
    }

    /// Returns the longest time of the call, if it was set.
    pub fn total_timeout(&self) -> Option<Duration> {
        self.total_timeout
    }

    /// Returns the retry policy, if it was set.
    pub fn retry(&self) -> Option<RetryPolicy> {
        self.retry
    }

    pub(crate) fn dry_run(mut self) -> CallOptions {
        self.dry_run = true;
        self
    }
}

//! Time, so that a test can hold it.

use std::fmt::Debug;
use std::future::Future;
use std::pin::Pin;
use std::time::{Duration, Instant};

use jiff::Timestamp;

/// A future that can be stored in a trait object.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// A clock: it tells the time, and waits. The default is [`SystemClock`]; a test brings its own, and need not sleep.
pub trait Clock: Debug + Send + Sync + 'static {
    /// Time since some fixed moment. Never goes back.
    fn now(&self) -> Duration;

    /// Returns what a clock on the wall shows.
    fn wall(&self) -> Timestamp;

    /// Waits.
    fn sleep(&self, duration: Duration, wait: Wait) -> BoxFuture<'static, ()>;
}

/// The reason for a wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Wait {
    /// Before the next attempt.
    Backoff,
    /// For a place under the client's own rate limit.
    RateLimit,
    /// For a response, at most so long.
    Deadline,
    /// Before an account that does not show a change yet is read again.
    ReadBack,
}

/// The time of this machine.
#[derive(Clone, Copy, Debug)]
pub struct SystemClock {
    start: Instant,
}

impl Default for SystemClock {
    fn default() -> Self {
        SystemClock { start: Instant::now() }
    }
}

impl Clock for SystemClock {
    fn now(&self) -> Duration {
        self.start.elapsed()
    }

    fn wall(&self) -> Timestamp {
        Timestamp::now()
    }

    fn sleep(&self, duration: Duration, _: Wait) -> BoxFuture<'static, ()> {
        Box::pin(tokio::time::sleep(duration))
    }
}

/// Runs a future, at most so long. `None` if the time is over first; then the future is to be dropped. It is pinned
/// already, because it is large, and every function that takes one by value has room for it twice.
pub(crate) async fn timeout<T>(
    clock: &dyn Clock,
    limit: Duration,
    future: impl Future<Output = T> + Unpin,
) -> Option<T> {
    match futures_util::future::select(future, clock.sleep(limit, Wait::Deadline)).await {
        futures_util::future::Either::Left((value, _)) => Some(value),
        futures_util::future::Either::Right(((), _)) => None,
    }
}

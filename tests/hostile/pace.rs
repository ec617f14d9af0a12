//! Requests per second, whatever calls are dropped on the way.

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::oneshot;
use user_status::systems::{Symphony, symphony};
use user_status::{AccountSystem, BoxFuture, Clock, Limit, RetryPolicy, StatusChange, Wait};

use crate::random::Random;

/// The requests per second that a client may send.
const RATE: u32 = 50;

/// A clock that a test moves on, and that knows when the wait for an answer began: then the request leaves.
#[derive(Debug, Default)]
struct StepClock(Mutex<Steps>);

#[derive(Debug, Default)]
struct Steps {
    now: Duration,
    waits: BTreeMap<(Duration, u64), oneshot::Sender<()>>,
    next: u64,
    left: Vec<Duration>,
}

impl StepClock {
    fn steps(&self) -> std::sync::MutexGuard<'_, Steps> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn step(&self, by: Duration) {
        let mut steps = self.steps();
        steps.now += by;
        let later = (steps.now, u64::MAX);
        let later = steps.waits.split_off(&later);
        for (_, wait) in std::mem::replace(&mut steps.waits, later) {
            let _ = wait.send(());
        }
    }
}

impl Clock for StepClock {
    fn now(&self) -> Duration {
        self.steps().now
    }

    fn wall(&self) -> Timestamp {
        Timestamp::UNIX_EPOCH + self.now()
    }

    fn sleep(&self, duration: Duration, wait: Wait) -> BoxFuture<'static, ()> {
        let mut steps = self.steps();
        if wait == Wait::Deadline {
            let now = steps.now;
            steps.left.push(now);
            return Box::pin(std::future::pending());
        }
        let (sender, ended) = oneshot::channel();
        let key = (steps.now.saturating_add(duration), steps.next);
        steps.next += 1;
        steps.waits.insert(key, sender);
        Box::pin(async move {
            let _ = ended.await;
        })
    }
}

/// In each of many scenarios calls come and go; whatever is dropped, and when, no window has more than its share.
#[tokio::test]
async fn no_window_has_more_requests_than_the_limit_allows_whatever_is_dropped() {
    let seed = crate::seed();
    let mut sent = 0;
    for scenario in 0..100 {
        let mut random = Random::of(seed, "pace", scenario, 0);
        let clock = Arc::new(StepClock::default());
        let symphony = Symphony::builder()
            // Nobody listens there, and nobody needs to.
            .base_url("http://127.0.0.1:1")
            .credentials(symphony::Credentials::session_token("a-session-token"))
            .limit(Limit::default().per_second(RATE.into()))
            .retry(RetryPolicy::never())
            .clock(clock.clone())
            .build()
            .unwrap();
        let change = StatusChange::disable();
        let mut calls: Vec<Pin<Box<dyn Future<Output = ()> + Send + '_>>> = Vec::new();
        let mut context = Context::from_waker(Waker::noop());
        for _ in 0..200 {
            match random.below(10) {
                0..4 => calls.push(Box::pin(async { drop(symphony.apply("7215545078541", &change).await) })),
                4..7 if !calls.is_empty() => drop(calls.swap_remove(random.below(calls.len()))),
                _ => {
                    for _ in 0..1 + random.below(40) {
                        clock.step(Duration::from_millis(1));
                        calls.retain_mut(|call| call.as_mut().poll(&mut context) == Poll::Pending);
                    }
                }
            }
            calls.retain_mut(|call| call.as_mut().poll(&mut context) == Poll::Pending);
        }
        let left = std::mem::take(&mut clock.steps().left);
        sent += left.len();
        for (at, first) in left.iter().enumerate() {
            let window = Duration::from_millis(200);
            let inside = left[at..].iter().filter(|time| **time < *first + window).count();
            let most = (window.as_millis() as u32 * RATE).div_ceil(1000) as usize;
            assert!(inside <= most, "USER_STATUS_SEED={seed} scenario {scenario}: {inside} in {window:?}: {left:?}");
        }
    }
    assert!(sent > 500, "{sent}");
}

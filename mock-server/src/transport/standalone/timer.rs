//! The timers of a connection.

use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use tokio::time::Sleep;

/// Makes timers of which one runs at a time, as for the parts of a request. Almost none ever goes off, and the runtime
/// would have to be told of each and of its end: under all of them is one of the runtime's own. It is moved on to the
/// current deadline when it goes off for one that has passed into disuse.
#[derive(Clone, Default)]
pub(super) struct Timer(Arc<Mutex<Option<Pin<Box<Sleep>>>>>);

/// One of them.
pub(super) struct Alarm {
    deadline: tokio::time::Instant,
    timer: Timer,
}

impl Timer {
    /// Goes off after so long.
    pub(super) fn after(&self, time: Duration) -> Alarm {
        self.at(tokio::time::Instant::now() + time)
    }

    fn at(&self, deadline: tokio::time::Instant) -> Alarm {
        Alarm { deadline, timer: self.clone() }
    }
}

impl Future for Alarm {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let mut sleep = self.timer.0.lock().unwrap_or_else(PoisonError::into_inner);
        let sleep = sleep.get_or_insert_with(|| Box::pin(tokio::time::sleep_until(self.deadline)));
        if sleep.deadline() > self.deadline {
            sleep.as_mut().reset(self.deadline);
        }
        loop {
            ready!(sleep.as_mut().poll(cx));
            if sleep.deadline() == self.deadline {
                return Poll::Ready(());
            }
            sleep.as_mut().reset(self.deadline);
        }
    }
}

impl hyper::rt::Sleep for Alarm {}

impl hyper::rt::Timer for Timer {
    fn sleep(&self, duration: Duration) -> Pin<Box<dyn hyper::rt::Sleep>> {
        Box::pin(self.after(duration))
    }

    fn sleep_until(&self, deadline: Instant) -> Pin<Box<dyn hyper::rt::Sleep>> {
        Box::pin(self.at(deadline.into()))
    }

    fn now(&self) -> Instant {
        tokio::time::Instant::now().into_std()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHORT: Duration = Duration::from_millis(20);
    const LONG: Duration = Duration::from_secs(600);

    #[tokio::test]
    async fn each_goes_off_at_its_own_deadline() {
        let timer = Timer::default();
        // One after the other, as the parts of a request: sooner, later and never than the one before.
        for (time, patience) in [(SHORT, LONG), (LONG, SHORT), (SHORT, LONG), (SHORT * 5, LONG), (LONG, SHORT * 2)] {
            let start = Instant::now();
            let went_off = tokio::time::timeout(patience, timer.after(time)).await.is_ok();
            assert_eq!(went_off, time < patience);
            assert!(start.elapsed() >= time.min(patience));
        }
    }
}

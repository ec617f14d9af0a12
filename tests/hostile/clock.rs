//! Time that is made: for clients and server alike, and faster than that of the wall, so that waits cost little.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::oneshot;
use user_status::{BoxFuture, Clock, Wait};

/// How far the clock moves with each turn that it gets.
const TICK: Duration = Duration::from_millis(20);

/// A clock that moves on by a little whenever the runtime comes round to it, at most once in a millisecond: where there is
/// much to do it is slow, so that no answer is too late because the machine is busy.
#[derive(Clone, Debug)]
pub(crate) struct MadeClock(Arc<Mutex<Made>>);

#[derive(Debug)]
struct Made {
    now: Duration,
    start: Timestamp,
    waits: BTreeMap<(Duration, u64), oneshot::Sender<()>>,
    next: u64,
}

impl MadeClock {
    pub(crate) fn start() -> MadeClock {
        let made = Made { now: Duration::ZERO, start: Timestamp::now(), waits: BTreeMap::new(), next: 0 };
        let clock = MadeClock(Arc::new(Mutex::new(made)));
        let weak = Arc::downgrade(&clock.0);
        tokio::spawn(async move {
            loop {
                tokio::time::sleep(Duration::from_millis(1)).await;
                let Some(made) = weak.upgrade() else { return };
                let mut made = made.lock().unwrap_or_else(PoisonError::into_inner);
                made.now += TICK;
                let later = (made.now, u64::MAX);
                let later = made.waits.split_off(&later);
                for (_, wait) in std::mem::replace(&mut made.waits, later) {
                    // Whoever waited may have gone.
                    let _ = wait.send(());
                }
            }
        });
        clock
    }

    /// Waits for so many of its milliseconds.
    pub(crate) async fn pause(&self, milliseconds: u64) {
        self.sleep(Duration::from_millis(milliseconds), Wait::Backoff).await;
    }

    fn made(&self) -> std::sync::MutexGuard<'_, Made> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Clock for MadeClock {
    fn now(&self) -> Duration {
        self.made().now
    }

    fn wall(&self) -> Timestamp {
        let made = self.made();
        made.start + made.now
    }

    fn sleep(&self, duration: Duration, _: Wait) -> BoxFuture<'static, ()> {
        let mut made = self.made();
        let (sender, ended) = oneshot::channel();
        let key = (made.now.saturating_add(duration), made.next);
        made.next += 1;
        made.waits.insert(key, sender);
        Box::pin(async move {
            // The sender is gone only if the clock is.
            let _ = ended.await;
        })
    }
}

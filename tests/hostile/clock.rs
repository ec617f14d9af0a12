//! Time that runs faster than that of the wall, for clients and server alike, so that waits cost little.

use std::time::{Duration, Instant};

use jiff::Timestamp;
use user_status::{BoxFuture, Clock, Wait};

/// How many times as fast.
const SPEED: u32 = 20;

/// A clock of which one second takes 50 ms.
#[derive(Clone, Copy, Debug)]
pub(crate) struct FastClock {
    start: Instant,
    wall: Timestamp,
}

impl FastClock {
    pub(crate) fn new() -> FastClock {
        FastClock { start: Instant::now(), wall: Timestamp::now() }
    }

    /// Waits for so many of its milliseconds.
    pub(crate) async fn pause(&self, milliseconds: u64) {
        tokio::time::sleep(Duration::from_millis(milliseconds) / SPEED).await;
    }
}

impl Clock for FastClock {
    fn now(&self) -> Duration {
        self.start.elapsed() * SPEED
    }

    fn wall(&self) -> Timestamp {
        self.wall + self.now()
    }

    fn sleep(&self, duration: Duration, _: Wait) -> BoxFuture<'static, ()> {
        Box::pin(tokio::time::sleep(duration / SPEED))
    }
}

//! What a call waits for, said while it waits.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use crate::model::kind::SystemKind;
use crate::model::span::{Span, after};
use crate::policy::clock::Clock;

/// A wait of a call: for what, and until when. Told when it begins to whoever [listens](hear_waits).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Waiting {
    /// The system that the call is for.
    pub system: SystemKind,
    /// For what.
    pub why: WaitReason,
    /// The length of the wait.
    pub wait: Duration,
    /// Until when, in whole seconds.
    pub until: Timestamp,
}

/// The reason for which a call waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum WaitReason {
    /// The system asked for this time (`Retry-After`).
    Asked,
    /// An attempt failed, and the next one follows.
    Backoff,
    /// The limit of the client leaves no room.
    Limit,
}

/// Such as `waiting until 14:03:20 UTC (the system asked for 2 min)`.
impl fmt::Display for Waiting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let wait = Span(self.wait);
        write!(f, "waiting until {} UTC ", self.until.strftime("%H:%M:%S"))?;
        match self.why {
            WaitReason::Asked => write!(f, "(the system asked for {wait})"),
            WaitReason::Backoff => write!(f, "(the next attempt is in {wait})"),
            WaitReason::Limit => write!(f, "(the limit of the client leaves no room for {wait})"),
        }
    }
}

type Hears = Arc<dyn Fn(&Waiting) + Send + Sync>;

tokio::task_local! {
    static HEARS: Hears;
}

/// Runs calls, and tells of every wait in them when it begins. It is called by the task that waits, and must return
/// soon.
///
/// ```no_run
/// # async fn f(symphony: user_status::systems::Symphony) -> user_status::Result<()> {
/// use user_status::{AccountSystem, StatusChange, hear_waits};
///
/// let change = StatusChange::disable();
/// let call = symphony.apply("7215545078541", &change);
/// hear_waits(|waiting| eprintln!("{}: {waiting}", waiting.system), call).await?;
/// # Ok(())
/// # }
/// ```
pub async fn hear_waits<T>(hears: impl Fn(&Waiting) + Send + Sync + 'static, calls: impl Future<Output = T>) -> T {
    HEARS.scope(Arc::new(hears), calls).await
}

/// Says that a call begins to wait.
pub(crate) fn tell(clock: &dyn Clock, system: SystemKind, why: WaitReason, wait: Duration) {
    if wait.is_zero() {
        return;
    }
    let until = after(clock.wall(), wait);
    tracing::debug!(%system, ?why, %until, "waiting");
    let _ = HEARS.try_with(|hears| hears(&Waiting { system, why, wait, until }));
}

//! What a call waits for, said while it waits.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use jiff::{RoundMode, SignedDuration, Timestamp, TimestampRound, Unit};

use crate::clock::Clock;
use crate::kind::SystemKind;

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

/// The first whole second after so long; the last there is, if there is none.
pub(crate) fn after(now: Timestamp, wait: Duration) -> Timestamp {
    let wait = SignedDuration::try_from(wait).unwrap_or(SignedDuration::MAX);
    let until = now.saturating_add(wait).unwrap_or(Timestamp::MAX);
    until.round(TimestampRound::new().smallest(Unit::Second).mode(RoundMode::Ceil)).unwrap_or(until)
}

/// A time as people say it, such as `90 s` or `2 min`: no shorter than it is.
#[derive(Clone, Copy)]
pub(crate) struct Span(pub(crate) Duration);

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.0.as_secs().saturating_add(u64::from(self.0.subsec_nanos() > 0));
        match seconds {
            0..120 => write!(f, "{seconds} s"),
            120..7200 => write!(f, "{} min", seconds.div_ceil(60)),
            7200..172_800 => write!(f, "{} h", seconds.div_ceil(3600)),
            _ => write!(f, "{} days", seconds.div_ceil(86400)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_said_as_people_say_it_and_no_shorter_than_it_is() {
        for (millis, words) in [
            (1, "1 s"),
            (119_000, "119 s"),
            (119_001, "2 min"),
            (121_000, "3 min"),
            (7_199_000, "120 min"),
            (7_201_000, "3 h"),
            (172_800_000, "2 days"),
            (u64::MAX, "213503982335 days"),
        ] {
            assert_eq!(Span(Duration::from_millis(millis)).to_string(), words);
        }
        let now: Timestamp = "2026-03-01T12:00:00.25Z".parse().unwrap();
        assert_eq!(after(now, Duration::from_secs(9)).to_string(), "2026-03-01T12:00:10Z");
        assert!(after(now, Duration::MAX) > now);
    }
}

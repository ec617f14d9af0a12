//! Spans of time, as people say them.

use std::fmt;
use std::time::Duration;

use jiff::{RoundMode, SignedDuration, Timestamp, TimestampRound, Unit};

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

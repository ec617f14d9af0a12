//! How long a run would take, as far as a plan can tell.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::config::file::Profile;

/// The size of a run, as a plan learns it.
#[derive(Debug, Default)]
pub(crate) struct Estimate {
    /// The requests that a run would send to each system.
    requests: BTreeMap<String, u64>,
    /// The number of accounts that were read for the plan.
    reads: u64,
}

impl Estimate {
    /// With a row that would cost so many requests in a run, after a plan read its account or did not.
    pub(crate) fn add(&mut self, system: &str, requests: u64, read: bool) {
        *self.requests.entry(system.to_owned()).or_default() += requests;
        self.reads += u64::from(read);
    }

    /// Returns the time for which a run would take with so many rows at once, when the plan took so long with as many in all.
    /// `None` if nothing was read and no limit is set: then nothing is known.
    pub(crate) fn duration(
        &self,
        plan: Duration,
        max_in_flight: usize,
        profiles: &BTreeMap<String, Profile>,
    ) -> Option<Duration> {
        let max_in_flight = max_in_flight.max(1) as f64;
        let latency =
            (self.reads > 0).then(|| plan.as_secs_f64() * max_in_flight.min(self.reads as f64) / self.reads as f64);
        let of_system = |(name, requests): (&String, &u64)| {
            let limits = profiles.get(name).map(|profile| &profile.common);
            let most = limits
                .and_then(|limits| limits.max_in_flight)
                .map_or(max_in_flight, |most| max_in_flight.min(most.get() as f64));
            let by_latency = latency.map(|latency| *requests as f64 * latency / most.min(*requests as f64).max(1.0));
            let by_rate = limits.and_then(|limits| limits.per_second).map(|rate| *requests as f64 / rate);
            match (by_latency, by_rate) {
                (Some(one), Some(other)) => Some(one.max(other)),
                (one, other) => one.or(other),
            }
        };
        // The systems are worked on side by side.
        let longest = self.requests.iter().filter(|(_, requests)| **requests > 0).map(of_system);
        let seconds = longest.collect::<Option<Vec<f64>>>()?.into_iter().fold(0.0, f64::max);
        Duration::try_from_secs_f64(seconds).ok()
    }
}

/// Such as `about 12 min`: no more exact than it is.
pub(crate) fn about(duration: Duration) -> String {
    match duration.as_secs() {
        0..10 => "a few seconds".to_owned(),
        10..60 => "less than a minute".to_owned(),
        seconds @ 60..5400 => format!("about {} min", (seconds + 30) / 60),
        seconds => format!("about {} h", (seconds + 1800) / 3600),
    }
}

/// Such as `90 s` or `2 min`: a time that somebody else named, and no shorter than it is.
pub(crate) fn exactly(duration: Duration) -> String {
    match duration.as_secs() + u64::from(duration.subsec_nanos() > 0) {
        seconds @ 0..120 => format!("{seconds} s"),
        seconds @ 120..7200 => format!("{} min", seconds.div_ceil(60)),
        seconds => format!("{} h", seconds.div_ceil(3600)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_is_said_no_more_exactly_than_it_is_known() {
        for (seconds, words) in [
            (0, "a few seconds"),
            (9, "a few seconds"),
            (59, "less than a minute"),
            (60, "about 1 min"),
            (89, "about 1 min"),
            (90, "about 2 min"),
            (720, "about 12 min"),
            (5400, "about 2 h"),
            (36000, "about 10 h"),
        ] {
            assert_eq!(about(Duration::from_secs(seconds)), words);
        }
    }

    #[test]
    fn the_slowest_system_decides() {
        let mut estimate = Estimate::default();
        assert_eq!(estimate.duration(Duration::from_secs(1), 8, &BTreeMap::new()), Some(Duration::ZERO));
        estimate.add("shop", 1, false);
        assert_eq!(estimate.duration(Duration::from_secs(1), 8, &BTreeMap::new()), None);
        // 80 reads, 8 at once, in 10 s: a second each.
        for _ in 0..80 {
            estimate.add("pod", 3, true);
        }
        assert_eq!(estimate.duration(Duration::from_secs(10), 8, &BTreeMap::new()), Some(Duration::from_secs(30)));
    }
}

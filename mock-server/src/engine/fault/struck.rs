//! Which calls a registered fault strikes.

use std::time::Duration;

use bytes::Bytes;
use http::Response;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use user_status_openapi::Operation;

use super::{Fault, Kind};
use crate::engine::Reply;
use crate::engine::media_type::Codec;

/// A fault that is registered, and what it has done so far.
#[derive(Debug)]
pub(in crate::engine) struct Armed {
    id: u64,
    fault: Fault,
    /// Of its own, so that what another fault draws does not change what this one does.
    rng: fastrand::Rng,
    /// How many calls it was asked about, and how many it struck.
    seen: u32,
    struck: u32,
    /// How many calls a script has had.
    steps: u32,
    /// When the window of a quota opened, and how many calls came in it.
    window: Option<(Timestamp, u32)>,
}

/// What strikes one call.
#[derive(Debug, Default)]
pub(in crate::engine) struct Strike {
    /// How much later the change is made.
    pub(in crate::engine) before: Duration,
    /// How much later the answer comes.
    pub(in crate::engine) after: Duration,
    /// The faults that strike, for the journal.
    pub(in crate::engine) ids: Vec<u64>,
    fault: Option<Fault>,
    now: Timestamp,
}

impl Armed {
    pub(in crate::engine) fn new(id: u64, fault: Fault, seed: u64) -> Armed {
        Armed { id, fault, rng: fastrand::Rng::with_seed(seed), seen: 0, struck: 0, steps: 0, window: None }
    }

    pub(in crate::engine) fn id(&self) -> u64 {
        self.id
    }

    pub(in crate::engine) fn fault(&self) -> &Fault {
        &self.fault
    }

    /// As the admin API lists it.
    pub(in crate::engine) fn listed(&self) -> Value {
        json!({ "id": self.id, "fault": self.fault, "seen": self.seen, "struck": self.struck })
    }

    /// Adds to `strike` if it strikes this call.
    fn strike(&mut self, operation: &Operation, user: &str, strike: &mut Strike) {
        let Fault { kind, on, times, skip, probability, .. } = &self.fault;
        if !on.is_for(operation) || on.user.as_ref().is_some_and(|wanted| wanted != user) {
            return;
        }
        self.seen = self.seen.saturating_add(1);
        if self.seen <= *skip || times.is_some_and(|times| self.steps >= times) {
            return;
        }
        if probability.is_some_and(|probability| self.rng.f64() >= probability) {
            return;
        }
        if !matches!(kind, Kind::Delay(_)) && strike.fault.is_some() {
            return;
        }
        if let Kind::Quota { requests, seconds } = *kind {
            let length = SignedDuration::ZERO..SignedDuration::from_secs(seconds.into());
            // A clock that was put back opens a new window.
            let open = |opened: Timestamp| length.contains(&strike.now.duration_since(opened));
            let (opened, calls) = self.window.filter(|(opened, _)| open(*opened)).unwrap_or((strike.now, 0));
            self.window = Some((opened, calls.saturating_add(1)));
            if calls < requests {
                return;
            }
        }
        let step = match kind {
            Kind::Script(steps) => find_step(steps, self.steps),
            _ => Some(&self.fault),
        };
        self.steps = self.steps.saturating_add(1);
        match step {
            None => return,
            Some(Fault { kind: Kind::Normal, .. }) => return,
            Some(step @ Fault { kind: Kind::Delay(latency), .. }) => {
                let delay = latency.draw(&mut self.rng);
                *(if step.lets_the_change_be() { &mut strike.after } else { &mut strike.before }) += delay;
            }
            Some(step) => strike.fault = Some(step.clone()),
        }
        self.struck = self.struck.saturating_add(1);
        strike.ids.push(self.id);
    }
}

/// The step of a script for a call that comes after so many.
fn find_step(steps: &[Fault], mut calls: u32) -> Option<&Fault> {
    steps.iter().find(|step| {
        let times = step.times.unwrap_or(1);
        let here = calls < times;
        calls = calls.saturating_sub(times);
        here
    })
}

impl Strike {
    /// What strikes this call. Delays add up; of the other faults, the first registered one strikes.
    pub(in crate::engine) fn of(armed: &mut [Armed], operation: &Operation, user: &str, now: Timestamp) -> Strike {
        let mut strike = Strike { now, ..Strike::default() };
        for fault in armed {
            fault.strike(operation, user, &mut strike);
        }
        strike
    }

    /// Whether the change is made.
    pub(in crate::engine) fn lets_the_change_be(&self) -> bool {
        self.fault.as_ref().is_none_or(Fault::lets_the_change_be)
    }

    /// What goes back instead of, or with, the answer.
    pub(in crate::engine) fn reply(&self, operation: &Operation, codec: &Codec<'_>, answer: Response<Bytes>) -> Reply {
        let mut reply = match &self.fault {
            Some(fault) => fault.kind.reply(operation, codec, self.now, answer),
            None => Reply { response: answer, delay: None, wire: None },
        };
        reply.delay = Some(self.after).filter(|after| !after.is_zero());
        reply
    }
}

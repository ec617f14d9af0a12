//! Which calls a registered fault strikes.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::Response;
use jiff::{SignedDuration, Timestamp};
use user_status_openapi::Operation;

use super::{Effect, Fault};
use crate::codec::media_type::Codec;
use crate::reply::Reply;

/// A fault that is registered, and what it has done so far.
#[derive(Debug)]
pub(crate) struct ActiveFault {
    id: u64,
    fault: Arc<Fault>,
    /// Of its own, so that what another fault draws does not change what this one does.
    rng: fastrand::Rng,
    /// The number of calls that it was asked about, and how many it struck.
    seen: u32,
    struck: u32,
    /// The number of calls that a fault with a bound has struck, or a script has had.
    steps: u32,
    /// The step of a script that comes next, and how many calls it has had.
    step: (usize, u32),
    /// When the window of a quota opened, and how many calls came in it.
    window: Option<(Timestamp, u32)>,
}

/// The faults that strike one call.
#[derive(Debug, Default)]
pub(crate) struct Injection {
    /// The delay of the change.
    pub(crate) before: Duration,
    /// The delay of the response.
    pub(crate) after: Duration,
    /// The faults that strike, for the journal.
    pub(crate) ids: Vec<u64>,
    fault: Option<Step>,
    now: Timestamp,
}

/// A fault, or a step of one.
#[derive(Debug)]
struct Step {
    fault: Arc<Fault>,
    step: Option<usize>,
}

impl Step {
    fn get(&self) -> &Fault {
        match (self.step, &self.fault.kind) {
            (Some(step), Effect::Script(steps)) => steps.get(step).unwrap_or(&self.fault),
            _ => &self.fault,
        }
    }
}

impl ActiveFault {
    pub(crate) fn new(id: u64, fault: Arc<Fault>, seed: u64) -> ActiveFault {
        let rng = fastrand::Rng::with_seed(seed);
        ActiveFault { id, fault, rng, seen: 0, struck: 0, steps: 0, step: (0, 0), window: None }
    }

    pub(crate) fn id(&self) -> u64 {
        self.id
    }

    pub(crate) fn fault(&self) -> &Arc<Fault> {
        &self.fault
    }

    /// As the admin API lists it: `id`, how many calls it has `seen` and `struck`, and itself.
    pub(crate) fn listed(&self) -> (u64, u32, u32, Arc<Fault>) {
        (self.id, self.seen, self.struck, self.fault.clone())
    }

    /// Adds to `strike` if it strikes this call.
    fn strike(&mut self, operation: &Operation, user: &str, strike: &mut Injection) {
        let fault = self.fault.clone();
        let Fault { kind, on, times, skip, probability, .. } = &*fault;
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
        if !matches!(kind, Effect::Delay(_)) && strike.fault.is_some() {
            return;
        }
        if let Effect::Quota { requests, seconds } = *kind {
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
            Effect::Script(steps) => match self.next_step(steps) {
                Some(step) => Some(step),
                None => return,
            },
            _ => None,
        };
        self.steps = self.steps.saturating_add(1);
        let step = Step { fault: fault.clone(), step };
        match step.get() {
            Fault { kind: Effect::Normal, .. } => return,
            fault @ Fault { kind: Effect::Delay(latency), .. } => {
                let delay = latency.draw(&mut self.rng);
                *(if fault.applies_change() { &mut strike.after } else { &mut strike.before }) += delay;
            }
            _ => strike.fault = Some(step),
        }
        self.struck = self.struck.saturating_add(1);
        strike.ids.push(self.id);
    }

    /// The step of a script for the next call; `None` after the last one.
    fn next_step(&mut self, steps: &[Fault]) -> Option<usize> {
        loop {
            let (step, calls) = self.step;
            if calls < steps.get(step)?.times.unwrap_or(1) {
                self.step = (step, calls + 1);
                return Some(step);
            }
            self.step = (step + 1, 0);
        }
    }
}

impl Injection {
    /// Returns what strikes this call. Delays add up; of the other faults, the first registered one strikes.
    pub(crate) fn of(armed: &mut [ActiveFault], operation: &Operation, user: &str, now: Timestamp) -> Injection {
        let mut strike = Injection { now, ..Injection::default() };
        for fault in armed {
            fault.strike(operation, user, &mut strike);
        }
        strike
    }

    /// Returns whether the change is made.
    pub(crate) fn applies_change(&self) -> bool {
        self.fault.as_ref().is_none_or(|step| step.get().applies_change())
    }

    /// Returns what goes back instead of, or with, the response.
    pub(crate) fn reply(&self, operation: &Operation, codec: &Codec<'_>, answer: Response<Bytes>) -> Reply {
        let mut reply = match &self.fault {
            Some(step) => step.get().kind.reply(operation, codec, self.now, answer),
            None => Reply { response: answer, delay: None, wire: None },
        };
        reply.delay = Some(self.after).filter(|after| !after.is_zero());
        reply
    }
}

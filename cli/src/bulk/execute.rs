//! Carrying a run out, with somebody watching who may stop it.

use std::pin::pin;
use std::sync::Arc;

use tokio::time::{MissedTickBehavior, interval};
use user_status::Registry;
use user_status::bulk::{Journal, JournalErrorKind, Runner, Summary};

use super::naming::RunName;
use super::progress::{EventCounters, Progress, TICK};
use crate::arguments::{Pace, Work};
use crate::config::Config;
use crate::exit::Exit;
use crate::failure::{Changed, Failure};
use crate::output::Output;
use crate::signals::Interrupts;

/// The number of rows at once, unless something is said.
const IN_FLIGHT: usize = 8;

/// Returns the number of rows at once.
pub(crate) fn max_in_flight(pace: &Pace) -> usize {
    pace.max_in_flight.map_or(IN_FLIGHT, usize::from)
}

/// A runner that keeps to what the arguments and the configuration say.
pub(crate) fn runner(registry: Arc<Registry>, config: &Config, pace: &Pace) -> Runner {
    let max_in_flight = max_in_flight(pace);
    let mut runner = Runner::new(registry).max_in_flight(max_in_flight).read_first(!pace.no_read_first);
    for (name, profile) in &config.profiles {
        if let Some(most) = profile.common.max_in_flight {
            // More would only wait for their turn in the client.
            runner = runner.max_in_flight_in(name, most.get().min(max_in_flight));
        }
    }
    runner
}

/// Carries a run out that has so many rows, of which so many are finished.
pub(crate) async fn carry_out(
    runner: Runner,
    journal: Journal,
    (total, finished): (u64, u64),
    work: &Work,
    name: &RunName,
    interrupts: &Interrupts,
    output: Output,
) -> Result<Summary, Failure> {
    let heard = EventCounters::default();
    let events = heard.clone();
    let runner = match work.max_wait {
        Some(longest) => runner.max_wait(longest),
        None => runner,
    };
    let runner = runner.verify(!work.no_verify).stop_with(interrupts.stop()).on_event(move |event| events.event(event));
    let mut progress = Progress::new(heard, total, finished, work.quiet, output);
    let mut tick = interval(TICK);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut run = pin!(runner.run(journal));
    let mut draining = false;
    let result = loop {
        tokio::select! {
            result = &mut run => break result,
            _ = tick.tick() => progress.refresh(),
            () = interrupts.heard(1), if !draining => {
                draining = true;
                progress.say("finishing what is under way; Ctrl-C again to stop at once");
            }
            () = interrupts.heard(2) => {
                progress.end();
                let next = format!("{} looks at the rows in doubt before it sends anything.", name.command("resume"));
                return Err(Failure::given_up(format!("run {} was stopped at once, with calls under way", name.id))
                    .next(next)
                    .detail("run", name.id.as_str()));
            }
        }
    };
    progress.end();
    result.map_err(|error| {
        let failure = Failure::of_journal(&error);
        if error.kind() == JournalErrorKind::OtherSystem {
            // That is found before anything is sent.
            return failure.detail("run", name.id.as_str());
        }
        let next = format!("Nothing is sent any more. When it can be written again: {}", name.command("resume"));
        Failure { exit: Exit::Unknown, changed: Changed::Unknown, ..failure }.next(next).detail("run", name.id.as_str())
    })
}

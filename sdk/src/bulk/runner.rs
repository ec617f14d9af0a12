//! The settings of a run.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::breaker::BreakerPolicy;
use super::event::Event;
use super::stop::StopHandle;
use crate::policy::clock::{Clock, SystemClock};
use crate::policy::options::CallOptions;
use crate::system::registry::Registry;

/// Carries out the rows of a journal, whether none of them was begun or a run is taken up again.
///
/// For every row that is not finished, in the order of the input and with so many at once for each system:
///
/// 1. A row that is `unknown`, or was being sent when a program ended, is looked at: if the account is as asked, it is
///    confirmed; if it is not, it goes on like any other; if nobody can look, or it may not be repeated, it stays unknown.
/// 2. The account is read, where the system has a read. If it is as asked, nothing is sent. What it was is kept, for an undo.
/// 3. That the request is about to leave is written to the journal. Only then it leaves, with the retries of the client,
///    and the account is read back where the response is no proof.
/// 4. The outcome is written.
///
/// Each system has a circuit breaker. It opens for 30 s after ten consecutive failures, then admits one row as a probe.
/// After five failed probes, or at once if the credentials are refused, the remaining rows of the system are left for
/// another session. The other systems go on.
///
/// A system that asks for time (`Retry-After`) gets no request before that time, neither for another row nor in another
/// pass; one that asks for longer than [`max_wait`](Runner::max_wait) is given up.
///
/// At the end the rows that failed, and those that are unknown and can be looked at, are taken up once more.
///
/// ```no_run
/// use std::sync::Arc;
/// use user_status::Registry;
/// use user_status::bulk::{Journal, Runner};
///
/// # async fn run(registry: Registry) -> Result<(), Box<dyn std::error::Error>> {
/// let journal = Journal::open("leavers.sqlite")?;
/// let summary = Runner::new(Arc::new(registry)).run(journal).await?;
/// println!("{}", summary.counts);
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Runner {
    pub(super) registry: Arc<Registry>,
    pub(super) max_in_flight: usize,
    pub(super) max_in_flight_in: BTreeMap<String, usize>,
    pub(super) read_first: bool,
    pub(super) verify: bool,
    pub(super) passes: u32,
    pub(super) options: CallOptions,
    pub(super) thresholds: BreakerPolicy,
    pub(super) max_wait: Duration,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) stop: StopHandle,
    pub(super) on_event: Arc<dyn Fn(&Event<'_>) + Send + Sync>,
}

/// The most calls at once for a system. Each has a task, and no system wants as many; more would only take the memory.
pub(super) const MOST_IN_FLIGHT: usize = 10_000;

impl fmt::Debug for Runner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Runner")
            .field("registry", &self.registry)
            .field("max_in_flight", &self.max_in_flight)
            .field("read_first", &self.read_first)
            .field("verify", &self.verify)
            .finish_non_exhaustive()
    }
}

impl Runner {
    /// Creates a runner with the defaults: eight rows at once for each system, read before and after.
    pub fn new(registry: Arc<Registry>) -> Runner {
        Runner {
            registry,
            max_in_flight: 8,
            max_in_flight_in: BTreeMap::new(),
            read_first: true,
            verify: true,
            passes: 2,
            options: CallOptions::default(),
            thresholds: BreakerPolicy::default(),
            max_wait: Duration::from_secs(15 * 60),
            clock: Arc::new(SystemClock::default()),
            stop: StopHandle::default(),
            on_event: Arc::new(|_| {}),
        }
    }

    /// Sets the number of calls that each system gets at once: 8 by default, at least 1, at most 10 000. A limit of the
    /// client, which may also be one of requests per second, holds besides.
    #[must_use]
    pub fn max_in_flight(mut self, calls: usize) -> Runner {
        self.max_in_flight = calls;
        self
    }

    /// Sets the number of calls that this system gets at once.
    #[must_use]
    pub fn max_in_flight_in(mut self, system: impl Into<String>, calls: usize) -> Runner {
        self.max_in_flight_in.insert(system.into(), calls);
        self
    }

    /// Sets whether accounts are read before they are changed, where they can be. If it is not, every row is sent, and
    /// an undo has only what a system that is read by every change showed, such as MediConnect. A row that is
    /// [`expected`](super::Row::expected) to find something is read in any case.
    #[must_use]
    pub fn read_first(mut self, read: bool) -> Runner {
        self.read_first = read;
        self
    }

    /// Sets whether accounts are read back where the response is no proof, or was lost.
    #[must_use]
    pub fn verify(mut self, verify: bool) -> Runner {
        self.verify = verify;
        self
    }

    /// Sets the number of passes over the rows of a system: 2 by default, so that those that failed get another chance
    /// after all others, and what became of unknown ones is looked at when it has had time to happen. At least 1.
    #[must_use]
    pub fn passes(mut self, passes: u32) -> Runner {
        self.passes = passes;
        self
    }

    /// Settings for the calls.
    #[must_use]
    pub fn call_options(mut self, options: CallOptions) -> Runner {
        self.options = options;
        self
    }

    /// Sets the circuit breaker that each system has.
    #[must_use]
    pub fn breaker(mut self, policy: BreakerPolicy) -> Runner {
        self.thresholds = policy;
        self
    }

    /// Sets the longest time that a system can ask for and get: 15 min by default. One that asks for more is given up, and
    /// its rows are left for a time that is said.
    #[must_use]
    pub fn max_wait(mut self, longest: Duration) -> Runner {
        self.max_wait = longest;
        self
    }

    /// Sets the clock for the pauses.
    #[must_use]
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Runner {
        self.clock = clock;
        self
    }

    /// Sets what can stop the run.
    #[must_use]
    pub fn stop_with(mut self, stop: &StopHandle) -> Runner {
        self.stop = stop.clone();
        self
    }

    /// Registers a callback for the events of the run. It is called by the tasks that carry out rows, and must return
    /// soon. A panic in it ends the run, as if the future of the run were dropped.
    #[must_use]
    pub fn on_event(mut self, on_event: impl Fn(&Event<'_>) + Send + Sync + 'static) -> Runner {
        self.on_event = Arc::new(on_event);
        self
    }
}

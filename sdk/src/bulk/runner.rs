//! Carrying out a run.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use super::breaker::{Breaker, Thresholds};
use super::entry::{Counts, JournalEntry, RowOutcome, RowState};
use super::journal::{Journal, JournalError, JournalReader};
use super::lane::{Lane, Progress, too_long};
use super::rest::{Asked, Rest};
use super::stop::{StopHandle, StopSignals};
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
///    and the account is read back where the answer is no proof.
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
    max_in_flight_in: BTreeMap<String, usize>,
    pub(super) read_first: bool,
    pub(super) verify: bool,
    passes: u32,
    pub(super) options: CallOptions,
    thresholds: Thresholds,
    pub(super) max_wait: Duration,
    pub(super) clock: Arc<dyn Clock>,
    stop: StopHandle,
    pub(super) on_event: Arc<dyn Fn(&Event<'_>) + Send + Sync>,
}

/// The rests of all systems, by their names.
type Rests = BTreeMap<String, Arc<Rest>>;

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

/// An event of a run, as it happens.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Event<'a> {
    /// A row has an outcome.
    Row {
        /// The row, with the state that it had before.
        entry: &'a JournalEntry,
        /// The new state.
        state: RowState,
        /// The facts of the call.
        outcome: &'a RowOutcome,
        /// `true` if it had an outcome in this session before: that of `entry.state`.
        again: bool,
    },
    /// A system gets nothing for so long.
    Paused {
        /// The system.
        system: &'a str,
        /// For what the run waits.
        reason: PauseReason,
        /// The length.
        pause: Duration,
        /// Until when, in whole seconds.
        until: Timestamp,
        /// Its last message.
        why: &'a str,
    },
    /// A system that failed works again.
    Resumed {
        /// The system.
        system: &'a str,
    },
    /// A system is given up: its other rows stay as they are.
    Abandoned {
        /// The system.
        system: &'a str,
        /// Its last message, or that the registry does not have it.
        why: &'a str,
    },
}

/// For what a run waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum PauseReason {
    /// The system fails.
    Failing,
    /// The system asked for this time.
    Asked,
}

/// The summary of a run.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Summary {
    /// All rows of the journal.
    pub counts: Counts,
    /// The rows that got an outcome in this session.
    pub handled: Counts,
    /// `true` if its caller stopped it.
    pub interrupted: bool,
    /// The systems that were given up, and what they said last, or that the registry does not have them.
    pub given_up: BTreeMap<String, String>,
    /// The time that it took.
    pub elapsed: Duration,
}

impl Runner {
    /// With the defaults: eight rows at once for each system, read before and after.
    pub fn new(registry: Arc<Registry>) -> Runner {
        Runner {
            registry,
            max_in_flight: 8,
            max_in_flight_in: BTreeMap::new(),
            read_first: true,
            verify: true,
            passes: 2,
            options: CallOptions::default(),
            thresholds: Thresholds { failures: 10, pause: Duration::from_secs(30), probes: 5 },
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

    /// Sets the circuit breaker: how many failures in a row open it, for how long, and how many probes may fail before
    /// it is given up: 10, 30 s and 5 by default.
    #[must_use]
    pub fn breaker(mut self, failures: u32, pause: Duration, tries: u32) -> Runner {
        self.thresholds = Thresholds { failures: failures.max(1), pause, probes: tries };
        self
    }

    /// The longest time that a system can ask for and get: 15 min by default. One that asks for more is given up, and
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

    /// Carries the rows out. When it returns, every outcome is in the journal, and the journal is closed.
    ///
    /// Dropping the future breaks off the calls under way; their rows are in doubt, and the next run looks at them. Use
    /// [`stop_with`](Runner::stop_with) to end in order.
    ///
    /// # Errors
    /// [`OtherSystem`](super::JournalErrorKind::OtherSystem) if a name in the registry stands for another system than when the
    /// run began; then nothing was sent.
    ///
    /// What keeps the journal from being written. Then nothing is sent any more; the rows under way were finished, and
    /// those whose outcome could not be written are in doubt for the next run.
    pub async fn run(&self, journal: Journal) -> Result<Summary, JournalError> {
        let started = self.clock.now();
        JournalReader::open(journal.path())?.check_systems(&self.registry)?;
        let journal = Arc::new(journal);
        let mut given_up = self.nowhere(&journal)?;
        let rests = self.rests(&journal, &mut given_up)?;
        journal.begin().await?;
        for (system, why) in &given_up {
            (self.on_event)(&Event::Abandoned { system, why });
        }
        let tally = Arc::new(Mutex::new(Progress { given_up, ..Progress::default() }));
        let mut broken = None;
        for pass in 1..=self.passes.max(1) {
            broken = self.pass(pass, &journal, &tally, &rests).await;
            let tally = tally.lock().unwrap_or_else(PoisonError::into_inner);
            let again = tally.handled[RowState::Failed] + tally.handled[RowState::Unknown] > 0;
            if broken.is_some() || self.stop.is_set() || !again {
                break;
            }
        }
        let tally = std::mem::take(&mut *tally.lock().unwrap_or_else(PoisonError::into_inner));
        let interrupted = self.stop.is_set();
        let how = match (&broken, interrupted, tally.given_up.is_empty()) {
            (Some(_), ..) => "failed",
            (None, true, _) => "interrupted",
            (None, false, false) => "stopped",
            (None, false, true) => "finished",
        };
        let ended = journal.end(how).await;
        if let Some(error) = broken {
            return Err(error);
        }
        ended?;
        let counts = JournalReader::open(journal.path())?.counts()?;
        let elapsed = self.clock.now().saturating_sub(started);
        Ok(Summary { counts, handled: tally.handled, interrupted, given_up: tally.given_up, elapsed })
    }

    fn rest(&self) -> Arc<Rest> {
        Arc::new(Rest::new(self.clock.clone(), self.max_wait))
    }

    /// The rests of all systems, those included that a session before was asked for. A system whose rest is longer than
    /// this run waits is given up.
    fn rests(&self, journal: &Journal, given_up: &mut BTreeMap<String, String>) -> Result<Rests, JournalError> {
        let reader = JournalReader::open(journal.path())?;
        let mut systems = reader.counts_by_system()?;
        systems.retain(|_, counts| counts.open() > 0);
        let mut rests = Rests::new();
        for (name, _) in self.registry.iter() {
            let rest = self.rest();
            let until = reader.rest(name)?.filter(|_| systems.contains_key(name));
            let wait = until.and_then(|until| Duration::try_from(until.duration_since(self.clock.wall())).ok());
            if let (Some(until), Some(wait)) = (until, wait.filter(|wait| !wait.is_zero())) {
                match rest.ask(wait) {
                    Asked::TooLong => {
                        given_up.insert(name.to_owned(), too_long(wait, until, self.max_wait));
                    }
                    _ => (self.on_event)(&Event::Paused {
                        system: name,
                        reason: PauseReason::Asked,
                        pause: wait,
                        until,
                        why: "it said so when the run was at work before",
                    }),
                }
            }
            rests.insert(name.to_owned(), rest);
        }
        Ok(rests)
    }

    /// The systems with rows to carry out that the registry does not have.
    fn nowhere(&self, journal: &Journal) -> Result<BTreeMap<String, String>, JournalError> {
        let mut systems = JournalReader::open(journal.path())?.counts_by_system()?;
        systems.retain(|name, counts| counts.open() > 0 && self.registry.get(name).is_none());
        Ok(systems.into_keys().map(|name| (name, "the registry has no such system".to_owned())).collect())
    }

    /// Goes through the rows of all systems that are not given up. What kept the journal from being written, if
    /// anything did. Nothing is under way any more when it returns, so that a pass after it takes no row for an
    /// abandoned one.
    async fn pass(
        &self,
        pass: u32,
        journal: &Arc<Journal>,
        tally: &Arc<Mutex<Progress>>,
        rests: &Rests,
    ) -> Option<JournalError> {
        let mut tasks = JoinSet::new();
        let halt = StopSignals { asked: self.stop.clone(), broken: StopHandle::default() };
        for (name, system) in self.registry.iter() {
            if tally.lock().unwrap_or_else(PoisonError::into_inner).given_up.contains_key(name) {
                continue;
            }
            let max_in_flight =
                self.max_in_flight_in.get(name).copied().unwrap_or(self.max_in_flight).clamp(1, MOST_IN_FLIGHT);
            let line = Arc::new(Lane {
                runner: self.clone(),
                pass,
                journal: journal.clone(),
                tally: tally.clone(),
                halt: halt.clone(),
                name: name.to_owned(),
                reads: system.capabilities().reads,
                breaker: Breaker::new(self.thresholds, self.clock.clone()),
                rest: rests.get(name).cloned().unwrap_or_else(|| self.rest()),
                calls: Semaphore::new(max_in_flight),
                queue: tokio::sync::Mutex::default(),
            });
            // Twice as many rows as calls: while one half waits for the disk, the other is on the wire.
            for _ in 0..max_in_flight * 2 {
                tasks.spawn(line.clone().work());
            }
        }
        let mut broken = None;
        while let Some(ended) = tasks.join_next().await {
            match ended {
                Ok(Ok(())) => {}
                Ok(Err(error)) => {
                    halt.broken.stop();
                    broken.get_or_insert(error);
                }
                Err(error) if error.is_panic() => std::panic::resume_unwind(error.into_panic()),
                Err(_) => {}
            }
        }
        broken
    }
}

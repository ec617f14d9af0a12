//! Carrying out a run: passes over the rows of all systems, each system in a lane of its own.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use super::breaker::Breaker;
use super::entry::RowState;
use super::event::{Event, PauseReason, Summary};
use super::journal::{Journal, JournalError, JournalReader};
use super::lane::{Lane, Progress, too_long};
use super::rest::{Asked, Rest};
use super::runner::{MOST_IN_FLIGHT, Runner};
use super::stop::{StopHandle, StopSignals};

/// The rests of all systems, by their names.
type Rests = BTreeMap<String, Arc<Rest>>;

impl Runner {
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
            let lane = Arc::new(Lane {
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
                tasks.spawn(lane.clone().work());
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

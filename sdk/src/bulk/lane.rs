//! The rows of one system, carried out one after another.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::Semaphore;

use super::breaker::{Admission, Breaker, Health, Transition};
use super::decide::{self, Can, First, Then, shows_more};
use super::doubt::{INTERRUPTED, settled};
use super::entry::{Counts, JournalEntry, NOT_UNDERSTOOD, RowOutcome, RowState};
use super::event::{Event, PauseReason};
use super::journal::{Journal, JournalError};
use super::rest::{Asked, Rest};
use super::row::Row;
use super::runner::Runner;
use super::stop::StopSignals;
use crate::model::error::{Applied, Error};
use crate::model::receipt::Proof;
use crate::model::span::{Span, after};
use crate::model::status::AccountStatus;
use crate::policy::waiting::{WaitReason, Waiting, hear_waits};
use crate::system::AccountSystem;

/// The progress of a session.
#[derive(Debug, Default)]
pub(super) struct Progress {
    pub(super) handled: Counts,
    pub(super) given_up: BTreeMap<String, String>,
}

impl Progress {
    /// Counts an outcome, in the place of the one before.
    fn count(&mut self, state: RowState, before: Option<RowState>) {
        if let Some(before) = before {
            self.handled[before] -= 1;
        }
        self.handled[state] += 1;
    }
}

/// The rows of one system, and what its tasks share.
pub(super) struct Lane {
    pub(super) runner: Runner,
    pub(super) pass: u32,
    pub(super) journal: Arc<Journal>,
    pub(super) tally: Arc<Mutex<Progress>>,
    pub(super) halt: StopSignals,
    pub(super) name: String,
    pub(super) reads: bool,
    pub(super) breaker: Breaker,
    pub(super) rest: Arc<Rest>,
    /// A permit for each call that may be on the wire.
    pub(super) calls: Semaphore,
    pub(super) queue: tokio::sync::Mutex<Queue>,
}

/// The rows that come next.
#[derive(Default)]
pub(super) struct Queue {
    page: VecDeque<JournalEntry>,
    after: i64,
    ended: bool,
}

/// The number of rows that are fetched at once.
const PAGE: usize = 256;

impl Lane {
    /// Carries out one row after another.
    pub(super) async fn work(self: Arc<Lane>) -> Result<(), JournalError> {
        let halt = &self.halt;
        while !halt.is_set()
            && let Some(Some(turn)) = halt.unless(self.breaker.enter()).await
        {
            match halt.unless(self.rest.over()).await {
                Some(true) => {}
                _ => {
                    self.breaker.leave(turn);
                    break;
                }
            }
            let entry = match halt.unless(self.next()).await {
                Some(Ok(Some(entry))) => entry,
                other => {
                    self.breaker.leave(turn);
                    return other.map_or(Ok(()), |next| next.map(drop));
                }
            };
            let line = self.clone();
            let carried_out = hear_waits(move |waiting| line.hear(waiting), self.carry_out(&entry, turn)).await?;
            match carried_out {
                Some((state, outcome)) => {
                    let (state, outcome) = settled(&entry, state, outcome);
                    self.ended(&entry, state, outcome).await;
                }
                None => self.breaker.leave(turn),
            }
        }
        Ok(())
    }

    async fn next(&self) -> Result<Option<JournalEntry>, JournalError> {
        let mut queue = self.queue.lock().await;
        if queue.page.is_empty() && !queue.ended {
            let page = self.journal.next(&self.name, queue.after, PAGE).await?;
            queue.ended = page.len() < PAGE;
            queue.after = page.last().map_or(queue.after, |entry| entry.number);
            queue.page.extend(page);
        }
        Ok(queue.page.pop_front())
    }

    /// Returns what becomes of a row; `None` if nothing does.
    async fn carry_out(
        &self,
        entry: &JournalEntry,
        turn: Admission,
    ) -> Result<Option<(RowState, RowOutcome)>, JournalError> {
        let row = &entry.row;
        let Some(system) = self.runner.registry.get(&self.name) else { return Ok(None) };
        let in_doubt = entry.state.is_in_doubt();
        let can = Can::of(row, self.reads, system.repeatable(&row.change));
        let mut before = None;
        match decide::first(row, in_doubt, can, self.runner.read_first) {
            First::Send => {}
            First::LeaveInDoubt if entry.state == RowState::Unknown => return Ok(None),
            First::LeaveInDoubt => {
                // No call, and so no news of the system: if it is being tried, another row tries it.
                self.breaker.leave(turn);
                return Ok(Some((RowState::Unknown, not_repeated())));
            }
            First::Read => {
                // A look changes nothing: who stops the run need not wait for its end, or for a system that asked for time.
                let read = self.halt.unless(self.read(system, &row.user, turn)).await.flatten();
                let Some(read) = read else { return Ok(None) };
                let status = match read {
                    Ok(status) => status,
                    Err(error) if in_doubt => return Ok(Some(not_looked_at(&error))),
                    Err(error) => return Ok(Some(RowOutcome::of_error(&error))),
                };
                let can = system.capabilities();
                let then = decide::then(row, Some(entry).filter(|_| in_doubt), &status, &can);
                let skips = can.skips_if_so(&self.runner.options);
                if !decide::sends(then, in_doubt, skips) {
                    return Ok(Some(left_alone(then, row, in_doubt, status)));
                }
                // What it was before a request that may have left, only a look from before that request knows.
                before = Some(status).filter(|_| !in_doubt);
            }
        }
        if self.halt.unless(self.rest.over()).await != Some(true) {
            return Ok(None);
        }
        // What nobody can look at must not be in doubt for longer than the call takes.
        let held = if can.repeat { None } else { self.permit().await };
        if self.halt.is_set() {
            return Ok(None);
        }
        self.journal.mark_sending(entry, before.as_ref()).await?;
        let _permit = match held {
            Some(permit) => Some(permit),
            None => self.permit().await,
        };
        // Another row may have been told to wait meanwhile.
        if !self.rest.is_over() {
            // No call, and so no news of the system: if it is being tried, another row tries it.
            self.breaker.leave(turn);
            return Ok(Some((if in_doubt { RowState::Unknown } else { RowState::Failed }, throttle())));
        }
        let options = self.runner.options;
        let result = match self.runner.verify {
            true => system.apply_and_verify_with(&row.user, &row.change, options).await,
            false => system.apply_with(&row.user, &row.change, options).await,
        };
        Ok(Some(match result {
            Ok(receipt) => {
                self.report(turn, Health::Healthy, None, "");
                match in_doubt && receipt.proof != Proof::Accepted && shows_more(entry, &receipt.status) {
                    true => more_than_asked(&receipt.status),
                    false => RowOutcome::of_receipt(&receipt),
                }
            }
            Err(error) => {
                self.report(turn, Health::of(&error), error.retry_after(), &error.to_string());
                RowOutcome::of_error(&error)
            }
        }))
    }

    /// Returns what the account is; `None` if nothing more is sent.
    async fn read(
        &self,
        system: &dyn AccountSystem,
        user: &str,
        turn: Admission,
    ) -> Option<Result<AccountStatus, Error>> {
        let _permit = self.permit().await;
        if !self.rest.over().await {
            return None;
        }
        // A look changes nothing, whatever a system of somebody's own says of its failure.
        let result = system.status_with(user, self.runner.options).await;
        let result = result.map_err(|error| error.with_applied(Applied::No));
        match &result {
            Ok(_) => self.report(turn, Health::Healthy, None, ""),
            Err(error) => self.report(turn, Health::of(error), error.retry_after(), &error.to_string()),
        }
        Some(result)
    }

    async fn permit(&self) -> Option<tokio::sync::SemaphorePermit<'_>> {
        // Never closed.
        self.calls.acquire().await.ok()
    }

    fn report(&self, turn: Admission, health: Health, asked: Option<Duration>, why: &str) {
        let system = self.name.as_str();
        let rests = asked.is_some_and(|asked| self.ask(asked, why));
        match self.breaker.report(turn, health, asked) {
            // It was said with the time that the system asked for.
            Transition::Paused(_) if rests => {}
            Transition::None => {}
            Transition::Paused(pause) => self.paused(PauseReason::Failing, pause, why),
            Transition::Resumed => (self.runner.on_event)(&Event::Resumed { system }),
            Transition::Stopped => self.give_up(why),
        }
    }

    /// A call of a row was told to wait, and waits: the other rows wait as well.
    fn hear(&self, waiting: &Waiting) {
        if waiting.why == WaitReason::Asked {
            self.ask(waiting.wait, "it refuses requests until then");
        }
    }

    /// The system asked for so much time. Whether that is news.
    pub(super) fn ask(&self, wait: Duration, why: &str) -> bool {
        match self.rest.ask(wait) {
            Asked::Known => return false,
            Asked::Rests => self.paused(PauseReason::Asked, wait, why),
            Asked::TooLong => {
                self.breaker.stop();
                self.give_up(&too_long(wait, self.until(wait), self.runner.max_wait));
            }
        }
        self.journal.rest(&self.name, self.until(wait));
        true
    }

    fn until(&self, wait: Duration) -> Timestamp {
        after(self.runner.clock.wall(), wait)
    }

    fn paused(&self, reason: PauseReason, pause: Duration, why: &str) {
        let until = self.until(pause);
        (self.runner.on_event)(&Event::Paused { system: &self.name, reason, pause, until, why });
    }

    fn give_up(&self, why: &str) {
        let mut tally = self.tally.lock().unwrap_or_else(PoisonError::into_inner);
        tally.given_up.insert(self.name.clone(), why.to_owned());
        drop(tally);
        (self.runner.on_event)(&Event::Abandoned { system: &self.name, why });
    }

    async fn ended(&self, entry: &JournalEntry, state: RowState, outcome: RowOutcome) {
        // It may have had that outcome in this session.
        let again = self.pass > 1 && matches!(entry.state, RowState::Failed | RowState::Unknown);
        self.tally.lock().unwrap_or_else(PoisonError::into_inner).count(state, again.then_some(entry.state));
        // First, so that what the caller does with the event cannot cost the outcome.
        self.journal.record(entry.number, state, outcome.clone()).await;
        (self.runner.on_event)(&Event::Row { entry, state, outcome: &outcome, again });
    }
}

/// Of a system that asked for longer than a run waits.
pub(super) fn too_long(wait: Duration, until: Timestamp, longest: Duration) -> String {
    let (wait, longest) = (Span(wait), Span(longest));
    format!("it asked to wait for {wait}, until {until}, and this run waits for {longest} at most; resume it then")
}

/// Of a row whose request was not sent, since another was told to wait.
fn throttle() -> RowOutcome {
    let message = "it was not sent: the system asked for time before its turn came";
    RowOutcome::because("rate_limited", message)
}

/// Of a row for which nothing is sent, since its account reads so.
fn left_alone(then: Then, row: &Row, in_doubt: bool, status: AccountStatus) -> (RowState, RowOutcome) {
    let unread = format!("the account reads {status}, which is not understood");
    match then {
        Then::Send | Then::AsAsked => {
            let state = if in_doubt { RowState::Confirmed } else { RowState::Unchanged };
            (state, RowOutcome { after: Some(status), ..RowOutcome::default() })
        }
        Then::MoreThanAsked => more_than_asked(&status),
        Then::NotShown => {
            let message = match status.unrecognized.is_empty() {
                true => "the account does not show whether the change was made".to_owned(),
                false => unread,
            };
            (RowState::Unknown, RowOutcome::because("interrupted", message))
        }
        Then::NotUnderstood => {
            let message = format!("{unread}; it was left as it is");
            (RowState::Failed, RowOutcome::because(NOT_UNDERSTOOD, message))
        }
        Then::ChangedSince => {
            let expected = row.expected.clone().unwrap_or_default();
            let message = format!("the account reads {status}, where {expected} was expected; it was left as it is");
            (RowState::Refused, RowOutcome::because("changed_since", message))
        }
    }
}

/// Of a row in doubt whose account is as asked, and has another fact changed as well.
fn more_than_asked(status: &AccountStatus) -> (RowState, RowOutcome) {
    let message = format!("the account reads {status}, which is more than was asked for");
    (RowState::Unknown, RowOutcome::because("interrupted", message))
}

/// Of a request that was on its way when the program ended, and that may not be sent again.
fn not_repeated() -> RowOutcome {
    let message =
        format!("{INTERRUPTED}, and no look at the account can tell what became of it: see the system itself");
    RowOutcome::because("interrupted", message)
}

/// Of a row in doubt whose account could not be read.
fn not_looked_at(error: &Error) -> (RowState, RowOutcome) {
    let message = format!("the account could not be looked at: {error}");
    (RowState::Unknown, RowOutcome::because("interrupted", message))
}

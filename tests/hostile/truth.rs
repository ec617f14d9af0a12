//! What really happened: kept by the server, from the bytes of the requests and from nothing else.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use user_status::{AccountStatus, Change, StatusChange};

use crate::systems::System;

/// What an account is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct State {
    pub(crate) enabled: bool,
    pub(crate) suspended: bool,
    pub(crate) reason: Option<String>,
    /// The end of the suspension, in milliseconds since 1970.
    pub(crate) until: Option<i64>,
    pub(crate) locked: bool,
}

impl State {
    /// Returns whether this is what a change asks for.
    pub(crate) fn is_as_asked(&self, change: &StatusChange) -> bool {
        match change.change() {
            Change::Enable => self.enabled,
            Change::Disable => !self.enabled,
            Change::Suspend => {
                let until = change.until().map(|end| end.as_millisecond());
                self.suspended && self.until == until && self.reason.as_deref() == change.reason()
            }
            Change::Unsuspend => !self.suspended,
            Change::Lock => self.locked,
            Change::Unlock => !self.locked,
            _ => false,
        }
    }

    /// Returns whether a status of the SDK's says nothing else than this.
    pub(crate) fn agrees(&self, status: &AccountStatus) -> bool {
        let suspended = status.suspended.as_ref().is_none_or(|told| told.active == self.suspended);
        status.enabled.is_none_or(|told| told == self.enabled)
            && suspended
            && status.locked.is_none_or(|told| told == self.locked)
    }
}

/// What a request asks a system to do, by its own bytes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Effect {
    pub(crate) enabled: Option<bool>,
    /// The other state, whichever it is.
    pub(crate) flip: bool,
    pub(crate) suspended: Option<bool>,
    pub(crate) reason: Option<String>,
    pub(crate) until: Option<i64>,
    pub(crate) locked: Option<bool>,
}

impl Effect {
    /// Returns what a change asks for, to tempt whoever reads.
    pub(crate) fn of(change: &StatusChange) -> Effect {
        let mut effect = Effect::default();
        match change.change() {
            Change::Enable => effect.enabled = Some(true),
            Change::Disable => effect.enabled = Some(false),
            Change::Suspend => {
                effect.suspended = Some(true);
                effect.reason = change.reason().map(str::to_owned);
                effect.until = change.until().map(|end| end.as_millisecond());
            }
            Change::Unsuspend => effect.suspended = Some(false),
            Change::Lock => effect.locked = Some(true),
            Change::Unlock => effect.locked = Some(false),
            _ => effect.flip = true,
        }
        effect
    }

    /// Returns what an account is after it.
    pub(crate) fn applied(&self, mut state: State) -> State {
        self.carry_out(&mut state);
        state
    }

    fn carry_out(&self, state: &mut State) {
        state.enabled = self.enabled.unwrap_or(state.enabled) ^ self.flip;
        if let Some(suspended) = self.suspended {
            state.suspended = suspended;
            state.reason = self.reason.clone().filter(|_| suspended);
            state.until = self.until.filter(|_| suspended);
        }
        state.locked = self.locked.unwrap_or(state.locked);
    }
}

/// What an answer is, by the way it was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Word {
    /// The contract's yes, without any sign against it.
    Yes,
    /// The system's own documented refusal, whole.
    No,
    /// Not the contract's yes and not the system's refusal: it proves nothing and excludes nothing.
    Nothing,
    /// Well formed, and visibly out of a cache.
    Cached,
    /// What the account was a moment ago; nothing in it says so.
    Behind,
    /// What readers may differ about: held against the truth only.
    Unclear,
}

/// What a request was for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// To change the account. Whether sending it twice does what sending it once does.
    Write { idempotent: bool },
    /// To read it.
    Read,
}

/// A request, and what was answered.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    pub(crate) at: Duration,
    pub(crate) purpose: Purpose,
    /// When the change was, or will be, carried out.
    pub(crate) carried_out: Option<Duration>,
    pub(crate) word: Word,
    pub(crate) status: u16,
    /// The kind of the answer, for the table.
    pub(crate) class: &'static str,
    /// What the answer says that the account is.
    pub(crate) shows: Option<State>,
    /// `true` if nothing was left on the connection by an answer before.
    pub(crate) clean: bool,
}

/// One account, and all that happened to it.
#[derive(Clone, Debug)]
pub(crate) struct Case {
    pub(crate) system: System,
    pub(crate) before: State,
    /// What whoever asks would like to see.
    pub(crate) wants: Effect,
    pub(crate) requests: Vec<Seen>,
    /// Changes with their times: those of requests, and those that somebody else made.
    pub(crate) effects: Vec<(Duration, Effect)>,
    /// `true` if all credentials are refused now.
    pub(crate) locked_out: bool,
    /// `true` if nothing goes wrong any more.
    pub(crate) calm: bool,
}

impl Case {
    pub(crate) fn new(system: System, before: State, change: &StatusChange) -> Case {
        let wants = Effect::of(change);
        Case { system, before, wants, requests: Vec::new(), effects: Vec::new(), locked_out: false, calm: false }
    }

    /// Returns what the account is at a time.
    pub(crate) fn state_at(&self, at: Duration) -> State {
        let mut effects: Vec<_> = self.effects.iter().filter(|(time, _)| *time <= at).collect();
        effects.sort_by_key(|(time, _)| *time);
        let mut state = self.before.clone();
        effects.into_iter().for_each(|(_, effect)| effect.carry_out(&mut state));
        state
    }

    /// Returns whether the account was as asked at any time between these.
    pub(crate) fn was_as_asked(&self, change: &StatusChange, from: Duration, to: Duration) -> bool {
        let times = self.effects.iter().map(|(time, _)| *time).filter(|time| (from..=to).contains(time));
        times.chain([from, to]).any(|time| self.state_at(time).is_as_asked(change))
    }

    /// The requests that were to change it.
    pub(crate) fn writes(&self) -> impl Iterator<Item = &Seen> {
        self.requests.iter().filter(|seen| matches!(seen.purpose, Purpose::Write { .. }))
    }

    /// The requests that were to read it.
    pub(crate) fn reads(&self) -> impl Iterator<Item = &Seen> {
        self.requests.iter().filter(|seen| seen.purpose == Purpose::Read)
    }
}

/// All accounts, each by the number of the call that it is for.
#[derive(Debug, Default)]
pub(crate) struct Truth {
    cases: Mutex<HashMap<u64, Case>>,
    /// Requests that belong to no account.
    strays: Mutex<Vec<String>>,
}

impl Truth {
    pub(crate) fn cases(&self) -> MutexGuard<'_, HashMap<u64, Case>> {
        self.cases.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn stray(&self, what: String) {
        self.strays.lock().unwrap_or_else(PoisonError::into_inner).push(what);
    }

    pub(crate) fn strays(&self) -> Vec<String> {
        std::mem::take(&mut *self.strays.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

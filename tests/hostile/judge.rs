//! Holds what the SDK claims against what the server did.

use std::time::Duration;

use user_status::{AccountStatus, Applied, Change, Error, ErrorKind, Proof, StatusChange};

use crate::answers::IN_OTHER_WORDS;
use crate::systems::{ATTEMPT, Kind, System};
use crate::truth::{Case, Purpose, Seen, State, Word};

/// What the SDK says of a call or of a row.
#[derive(Clone, Debug)]
pub(crate) enum Claim {
    Done(Proof, AccountStatus),
    /// It failed, and nothing was changed.
    No,
    /// It failed, and nobody knows.
    Unknown(ErrorKind),
    /// The account reads so.
    Reads(AccountStatus),
    /// The account could not be read, or the call was a dry run.
    Nothing,
    /// The call was dropped before it said anything.
    Dropped,
}

impl Claim {
    pub(crate) fn of_error(error: &Error) -> Claim {
        match error.applied() {
            Applied::No => Claim::No,
            Applied::Unknown => Claim::Unknown(error.kind()),
        }
    }

    pub(crate) fn name(&self) -> &'static str {
        match self {
            Claim::Done(Proof::Confirmed, _) => "confirmed",
            Claim::Done(Proof::Unchanged, _) => "unchanged",
            Claim::Done(..) => "accepted",
            Claim::No => "no",
            Claim::Unknown(_) => "unknown",
            Claim::Reads(_) => "reads",
            Claim::Nothing => "nothing",
            Claim::Dropped => "dropped",
        }
    }
}

/// A call, or a row, that was made.
#[derive(Clone, Debug)]
pub(crate) struct Made {
    pub(crate) kind: Kind,
    pub(crate) change: StatusChange,
    /// `true` if it was to change something.
    pub(crate) writes: bool,
    /// `true` if it is a row, which is taken up again.
    pub(crate) row: bool,
    pub(crate) from: Duration,
    pub(crate) to: Duration,
}

/// What is wrong with a claim.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Fault {
    /// The change was not carried out, or the account was never so.
    NotSo,
    /// It may be so, and nothing that was answered says it.
    NoProof,
    /// Nothing was changed, it says; and it was.
    WasCarriedOut,
    /// A request that cannot be repeated left after one of which nobody knows.
    Repeated,
    /// A toggle was carried out twice.
    Twice,
    /// A redirect was followed.
    Followed,
    /// Contradicted, it says, by reads that prove nothing.
    NotContradicted,
    /// A fact that nobody asked to change was shown to be another after the change.
    Unasked,
    /// A read says what the system did not.
    Misread,
    /// What was to change nothing sent a change.
    Sent,
    /// What was unknown was forgotten without a proof.
    Forgotten,
}

/// Returns what is wrong. Nothing follows from a lie that no client can tell from the truth.
pub(crate) fn faults(case: &Case, made: &Made, claim: &Claim) -> Vec<Fault> {
    let mut faults = Vec::new();
    let mut found = |fault, so: bool| {
        if so {
            faults.push(fault);
        }
    };
    let writes: Vec<&Seen> = case.writes().collect();
    found(Fault::Sent, !made.writes && !writes.is_empty());
    let pairs = || writes.windows(2).map(|pair| (pair[0], pair[1]));
    let again = |seen: &Seen| matches!(seen.purpose, Purpose::Write { idempotent: true });
    found(Fault::Repeated, pairs().any(|(first, second)| !(is_refusal(first) || again(first) && again(second))));
    // One that came too late was not seen.
    let soon = |first: &Seen, second: &Seen| second.at.saturating_sub(first.at) < ATTEMPT;
    let followed = |(first, second): (&Seen, &Seen)| first.clean && first.class == "redirect" && soon(first, second);
    found(Fault::Followed, !made.row && pairs().any(followed));
    if made.change.change() == Change::Toggle {
        // Nobody can know of one that the system itself denied.
        let carried_out = writes.iter().filter(|seen| seen.carried_out.is_some() && !is_refusal(seen)).count();
        found(Fault::Twice, carried_out > 1);
    }
    match claim {
        Claim::Done(Proof::Confirmed, status) => {
            let so = case.was_as_asked(&made.change, made.from, made.to);
            // It may have been a lie that nobody can tell from the truth.
            let proved = showed(case, &made.change, is_proof);
            found(Fault::NotSo, !so && !proved);
            found(Fault::NoProof, so && !proved);
            let told = case.requests.iter().filter_map(|seen| seen.shows.as_ref());
            let unclear = case.requests.iter().any(|seen| seen.word == Word::Unclear);
            found(Fault::Misread, proved && !unclear && !told.into_iter().any(|state| state.agrees(status)));
            found(Fault::Unasked, so && made.kind == Kind::ClinicReads && unasked(case, &made.change));
        }
        Claim::Done(Proof::Unchanged, _) => {
            let so = case.was_as_asked(&made.change, made.from, made.to);
            let proved = case.reads().any(|read| is_proof(read.word) && says(read, &made.change));
            // What was refused was not sent, as far as anybody knows.
            let sent = writes.iter().any(|seen| !is_refusal(seen));
            found(Fault::NotSo, (!so && !proved) || sent);
            found(Fault::NoProof, so && !proved);
        }
        Claim::Done(..) => {
            let last = writes.last();
            let carried_out = writes.iter().any(|seen| seen.carried_out.is_some());
            let yes = last.is_some_and(|seen| seen.status == 200 && matches!(seen.word, Word::Yes | Word::Unclear));
            found(Fault::NotSo, !carried_out && !yes);
            found(Fault::NoProof, carried_out && !yes);
        }
        Claim::No => found(Fault::WasCarriedOut, was_carried_out(case)),
        Claim::Unknown(ErrorKind::Contradicted) => {
            let carried_out = writes.iter().all(|seen| seen.word == Word::Yes && seen.carried_out.is_some());
            let harmless = case.reads().all(|read| {
                matches!(read.word, Word::Cached | Word::Behind)
                    || (read.word == Word::Yes && shows(read, &made.change))
            });
            let answered = !matches!(case.system, System::Akana | System::Mediconnect | System::Clearsquare);
            found(Fault::NotContradicted, answered && !writes.is_empty() && carried_out && harmless);
        }
        Claim::Reads(status) => {
            let last = case.reads().last();
            let agrees = |state: &State| state.agrees(status);
            let read = match last.map(|read| (read.word, &read.shows)) {
                // A fact that was not understood must not let anybody in.
                Some((Word::Unclear, Some(state))) if last.is_some_and(|read| read.class == IN_OTHER_WORDS) => {
                    agrees(state) && !status.unrecognized.is_empty()
                }
                Some((Word::Yes | Word::Cached | Word::Behind | Word::Unclear, Some(state))) => agrees(state),
                Some((Word::Unclear, None)) => last.is_some_and(|read| agrees(&case.state_at(read.at))),
                _ => false,
            };
            // What was not understood says nothing.
            let silent = status.enabled.is_none() && status.suspended.is_none() && status.locked.is_none();
            found(Fault::Misread, !read && !silent);
        }
        Claim::Unknown(_) | Claim::Nothing | Claim::Dropped => {}
    }
    faults
}

/// Returns whether a change was carried out of which no answer was the system's own no.
pub(crate) fn was_carried_out(case: &Case) -> bool {
    case.writes().any(|seen| seen.carried_out.is_some() && !is_refusal(seen))
}

/// Returns whether this answer may count as the system's refusal.
fn is_refusal(seen: &Seen) -> bool {
    seen.status >= 400 && matches!(seen.word, Word::No | Word::Unclear)
}

fn shows(seen: &Seen, change: &StatusChange) -> bool {
    seen.shows.as_ref().is_some_and(|state| state.is_as_asked(change))
}

/// As [`shows`]; of what readers differ about, perhaps.
fn says(seen: &Seen, change: &StatusChange) -> bool {
    shows(seen, change) || (seen.word == Word::Unclear && seen.shows.is_none())
}

/// Returns whether any answer of this kind showed the account as asked. A plain yes of a system that shows no state is no proof.
fn showed(case: &Case, change: &StatusChange, kind: impl Fn(Word) -> bool) -> bool {
    let state_in_yes = matches!(case.system, System::Akana | System::Mediconnect);
    case.requests.iter().any(|seen| {
        let place = seen.purpose == Purpose::Read || state_in_yes;
        place && kind(seen.word) && says(seen, change)
    })
}

fn is_proof(word: Word) -> bool {
    matches!(word, Word::Yes | Word::Behind | Word::Unclear)
}

/// Returns whether the last reads before and after the change showed that another fact than the one asked for became another.
fn unasked(case: &Case, change: &StatusChange) -> bool {
    let sent = |seen: &Seen| seen.purpose != Purpose::Read && !is_refusal(seen);
    let Some(first) = case.requests.iter().position(sent) else { return false };
    // Nobody can tell one that is behind from the truth.
    let shows = |seen: &&Seen| is_proof(seen.word);
    let before = case.requests[..first].iter().rfind(shows);
    let after = case.requests[first..].iter().rfind(shows);
    let (Some(before), Some(after)) = (before, after) else { return false };
    // What readers differ about, one of them may not have taken.
    if [before, after].iter().any(|seen| seen.word == Word::Unclear) {
        return false;
    }
    let (Some(before), Some(after)) = (&before.shows, &after.shows) else { return false };
    match change.change() {
        Change::Suspend | Change::Unsuspend => before.enabled != after.enabled,
        _ => before.suspended != after.suspended,
    }
}

/// The kind of the answer that a wrong claim is about.
pub(crate) fn blamed(case: &Case, claim: &Claim, fault: Fault) -> &'static str {
    let writes: Vec<&Seen> = case.writes().collect();
    let first = match fault {
        Fault::WasCarriedOut | Fault::Forgotten => {
            writes.iter().copied().find(|seen| seen.carried_out.is_some() && !is_refusal(seen))
        }
        Fault::Repeated | Fault::Twice | Fault::Followed => writes.iter().copied().find(|seen| !is_refusal(seen)),
        _ if matches!(claim, Claim::Done(Proof::Accepted, _)) => writes.last().copied(),
        _ => case.requests.last(),
    };
    first.map_or("nothing", |seen| seen.class)
}

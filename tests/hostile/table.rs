//! What was claimed after which answers, and what of it was wrong.

use std::collections::BTreeMap;
use std::fmt;

use crate::judge::Fault;

/// The number of wrong claims of a kind that are named.
const NAMED: usize = 4;

/// The counts of a run.
#[derive(Debug, Default)]
pub(crate) struct Table {
    /// By the kind of the last answer, and by the claim.
    claims: BTreeMap<&'static str, BTreeMap<&'static str, u64>>,
    /// By fault and kind of the last answer: how many, and what repeats them.
    wrong: BTreeMap<(Fault, String), (u64, Vec<String>)>,
    pub(crate) calls: u64,
    pub(crate) requests: u64,
    /// Plain answers that were not taken for what they are.
    pub(crate) weak: u64,
    pub(crate) plain: u64,
}

impl Table {
    pub(crate) fn claimed(&mut self, after: &'static str, claim: &'static str) {
        *self.claims.entry(after).or_default().entry(claim).or_default() += 1;
        self.calls += 1;
    }

    pub(crate) fn wrong(&mut self, fault: Fault, after: &str, what: impl FnOnce() -> String) {
        let (count, named) = self.wrong.entry((fault, after.to_owned())).or_default();
        *count += 1;
        if named.len() < NAMED {
            named.push(what());
        }
    }

    pub(crate) fn wrong_claims(&self) -> u64 {
        self.wrong.values().map(|(count, _)| count).sum()
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const CLAIMS: [&str; 8] =
            ["confirmed", "accepted", "unchanged", "no", "unknown", "reads", "nothing", "dropped"];
        write!(f, "{:42}", "the last answer")?;
        CLAIMS.iter().try_for_each(|claim| write!(f, "{claim:>10}"))?;
        for (after, counts) in &self.claims {
            write!(f, "\n{after:42}")?;
            CLAIMS.iter().try_for_each(|claim| write!(f, "{:>10}", counts.get(claim).copied().unwrap_or_default()))?;
        }
        for ((fault, after), (count, named)) in &self.wrong {
            write!(f, "\n{count} wrong: {fault:?} after: {after}")?;
            named.iter().try_for_each(|what| write!(f, "\n    {what}"))?;
        }
        write!(
            f,
            "\n{} calls, {} requests, {} wrong claims; {} of {} plain answers were taken for less than they are",
            self.calls,
            self.requests,
            self.wrong_claims(),
            self.weak,
            self.plain
        )
    }
}

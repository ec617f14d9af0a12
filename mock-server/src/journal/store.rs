//! The exchanges that are kept, the oldest of which go first, and what is expected of them.

use std::collections::VecDeque;
use std::sync::Arc;

use super::Recorded;
use super::matcher::Expectation;

/// The journal of a world. The oldest exchanges go when there are too many, or too many bytes of them.
#[derive(Debug)]
pub(crate) struct Journal {
    entries: VecDeque<(Arc<Recorded>, usize)>,
    bytes: usize,
    most: Bounds,
    /// The number of all that there ever were.
    total: u64,
    counts: Vec<(&'static str, u64)>,
    expected: Vec<Expected>,
}

/// The amount that a journal keeps.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bounds {
    pub(crate) entries: usize,
    pub(crate) bytes: usize,
}

/// Requests that are expected, and how many came.
#[derive(Debug)]
struct Expected {
    expectation: Expectation,
    count: u64,
}

impl Journal {
    pub(crate) fn new(most: Bounds) -> Journal {
        Journal { entries: VecDeque::new(), bytes: 0, most, total: 0, counts: Vec::new(), expected: Vec::new() }
    }

    /// Keeps so many bytes at most from now on. What is too much comes back, to be dropped where nobody waits.
    pub(crate) fn bound(&mut self, bytes: usize) -> impl Sized + use<> {
        self.most.bytes = bytes;
        self.surplus()
    }

    /// The oldest entries, as long as there are too many.
    fn surplus(&mut self) -> Vec<Arc<Recorded>> {
        let mut surplus = Vec::new();
        while self.entries.len() > self.most.entries || self.bytes > self.most.bytes {
            let Some((entry, size)) = self.entries.pop_front() else { break };
            self.bytes -= size;
            surplus.push(entry);
        }
        surplus
    }

    /// Keeps an exchange, and gives its id.
    pub(crate) fn record(&mut self, entry: Recorded) -> u64 {
        self.total += 1;
        if let Some((id, _)) = entry.operation {
            match self.counts.iter_mut().find(|(known, _)| *known == id) {
                Some((_, count)) => *count += 1,
                None => self.counts.push((id, 1)),
            }
        }
        if !self.expected.is_empty() {
            let exchange = entry.exchange(self.total);
            for expected in &mut self.expected {
                expected.count += u64::from(expected.expectation.pattern.mismatches(&exchange).is_empty());
            }
        }
        let size = entry.size();
        self.bytes += size;
        self.entries.push_back((Arc::new(entry), size));
        self.surplus();
        self.total
    }

    /// Returns what is kept, oldest first, with its id. To look through it takes long, and is for after the lock.
    pub(crate) fn kept(&self) -> Vec<(u64, Arc<Recorded>)> {
        (self.dropped() + 1..).zip(&self.entries).map(|(id, (entry, _))| (id, entry.clone())).collect()
    }

    /// Returns the number of exchanges that are no longer kept.
    pub(crate) fn dropped(&self) -> u64 {
        self.total - self.entries.len() as u64
    }

    pub(crate) fn total(&self) -> u64 {
        self.total
    }

    pub(crate) fn count(&self, operation: &str) -> u64 {
        self.counts.iter().find(|(id, _)| *id == operation).map_or(0, |(_, count)| *count)
    }

    pub(crate) fn expect(&mut self, expectation: Expectation) {
        self.expected.push(Expected { expectation, count: 0 });
    }

    /// Each expectation that does not hold, with how many came.
    pub(crate) fn failing(&self) -> Vec<(Expectation, u64)> {
        let failing = self.expected.iter().filter(|expected| !expected.expectation.holds(expected.count));
        failing.map(|Expected { expectation, count }| (expectation.clone(), *count)).collect()
    }

    /// Forgets everything that happened. What is expected stays, counted from now on. What was kept comes back, to be
    /// dropped where nobody waits.
    pub(crate) fn clear(&mut self) -> impl Sized + use<> {
        let gone = std::mem::take(&mut self.entries);
        (self.bytes, self.total) = (0, 0);
        self.counts.clear();
        self.expected.iter_mut().for_each(|expected| expected.count = 0);
        gone
    }
}

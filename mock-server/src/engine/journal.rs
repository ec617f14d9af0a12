//! What happened: the last requests, each with what was found wrong in it, what went back, and what changed.

use std::collections::VecDeque;
use std::sync::Arc;

use jiff::Timestamp;
use serde::Serialize;
use serde_json::{Value, json};
use user_status_openapi::SystemKind;
use user_status_openapi::validate::Violation;

use super::pattern::Expectation;
use super::secrets::Secrets;
use crate::status::AccountStatus;

/// One request and what became of it. Credentials are replaced by `[redacted]`.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Exchange {
    /// Counts up from 1 in each world.
    pub id: u64,
    /// When, on the clock of the world.
    pub at: Timestamp,
    /// The HTTP method.
    pub method: String,
    /// The path, and the query without its values.
    pub target: String,
    /// The headers by lower-case name. Only values that can carry no credential are kept.
    pub headers: Vec<(String, String)>,
    /// The body; `None` if there was none or it could not be read. XML comes as the JSON that it stands for.
    pub body: Option<Value>,
    /// The `operationId`; `None` if no operation was found.
    pub operation: Option<&'static str>,
    /// The system.
    pub system: Option<SystemKind>,
    /// The user that the request was about.
    pub user: Option<String>,
    /// The violations of the contract in the request, also where they were overlooked.
    pub violations: Vec<Violation>,
    /// The ids of the faults that struck.
    pub faults: Vec<u64>,
    /// The status code of the answer; `None` if a fault kept it from leaving.
    pub status: Option<u16>,
    /// The answer as text.
    pub answer: String,
    /// The status of the account before.
    pub before: Option<AccountStatus>,
    /// The status of the account afterwards.
    pub after: Option<AccountStatus>,
}

/// An exchange as it is kept: few allocations, and a known size.
#[derive(Debug, Default)]
pub(super) struct Entry {
    pub(super) at: Timestamp,
    pub(super) texts: Texts,
    pub(super) operation: Option<(&'static str, SystemKind)>,
    pub(super) violations: Vec<Violation>,
    pub(super) faults: Vec<u64>,
    pub(super) status: Option<u16>,
    pub(super) before: Option<AccountStatus>,
    pub(super) after: Option<AccountStatus>,
}

/// The texts of an exchange, one behind the other: making one string is a fraction of the work of making six.
#[derive(Debug, Default)]
pub(super) struct Texts {
    all: String,
    /// Where each ends.
    ends: [usize; Text::Answer as usize + 1],
}

/// The texts, in their order.
#[derive(Clone, Copy)]
pub(super) enum Text {
    Method,
    Target,
    /// `name: value` lines.
    Headers,
    /// Empty if there is none.
    Body,
    /// Empty if there is none.
    User,
    Answer,
}

impl Text {
    const ALL: [Text; Text::Answer as usize + 1] =
        [Text::Method, Text::Target, Text::Headers, Text::Body, Text::User, Text::Answer];
}

impl Texts {
    /// The texts that are written in turn, in room for so many bytes.
    pub(super) fn written(room: usize, mut write: impl FnMut(Text, &mut String)) -> Texts {
        let mut texts = Texts { all: String::with_capacity(room), ends: Default::default() };
        for text in Text::ALL {
            write(text, &mut texts.all);
            texts.ends[text as usize] = texts.all.len();
        }
        texts
    }

    fn get(&self, text: Text) -> &str {
        let start = (text as usize).checked_sub(1).map_or(0, |before| self.ends[before]);
        &self.all[start..self.ends[text as usize]]
    }

    /// The texts without credentials.
    pub(super) fn without(self, secrets: &Secrets<'_>) -> Texts {
        if !secrets.are_in(&self.all) {
            return self;
        }
        Texts::written(self.all.len(), |text, all| {
            let kept = self.get(text);
            all.push_str(&match text {
                _ if kept.is_empty() => String::new(),
                Text::Target => secrets.taken_out_of_target(kept),
                Text::Headers => secrets.taken_out_of_lines(kept),
                Text::Body => secrets.taken_out_of_body(kept),
                Text::Method | Text::User | Text::Answer => secrets.taken_out_of(kept),
            });
        })
    }
}

impl Entry {
    fn size(&self) -> usize {
        let status = |status: &Option<AccountStatus>| {
            let suspension = status.as_ref().and_then(|status| status.suspended.as_ref());
            suspension.and_then(|suspension| suspension.reason.as_ref()).map_or(0, String::len)
        };
        let violation = |v: &Violation| size_of::<Violation>() + v.location.len() + v.contract.len() + v.message.len();
        size_of::<Entry>()
            + self.texts.all.capacity()
            + self.violations.iter().map(violation).sum::<usize>()
            + self.faults.capacity() * size_of::<u64>()
            + status(&self.before)
            + status(&self.after)
    }

    pub(super) fn exchange(&self, id: u64) -> Exchange {
        let text = |text| self.texts.get(text).to_owned();
        let headers = self.texts.get(Text::Headers).lines().filter_map(|line| line.split_once(": "));
        Exchange {
            id,
            at: self.at,
            method: text(Text::Method),
            target: text(Text::Target),
            headers: headers.map(|(name, value)| (name.to_owned(), value.to_owned())).collect(),
            body: serde_json::from_str(self.texts.get(Text::Body)).ok(),
            operation: self.operation.map(|(id, _)| id),
            system: self.operation.map(|(_, system)| system),
            user: Some(text(Text::User)).filter(|user| !user.is_empty()),
            violations: self.violations.clone(),
            faults: self.faults.clone(),
            status: self.status,
            answer: text(Text::Answer),
            before: self.before.clone(),
            after: self.after.clone(),
        }
    }
}

impl Serialize for Exchange {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let violation = |v: &Violation| json!({ "location": v.location, "contract": format!("#{}", v.contract), "message": v.message });
        let headers: Vec<Value> =
            self.headers.iter().map(|(name, value)| json!({ "name": name, "value": value })).collect();
        let value = json!({
            "id": self.id,
            "at": self.at,
            "request": { "method": self.method, "target": self.target, "headers": headers, "body": self.body },
            "operation": self.operation,
            "system": self.system,
            "user": self.user,
            "violations": self.violations.iter().map(violation).collect::<Vec<_>>(),
            "faults": self.faults,
            "answer": { "status": self.status, "body": self.answer },
            "before": self.before,
            "after": self.after,
        });
        value.serialize(serializer)
    }
}

/// The journal of a world. The oldest exchanges go when there are too many, or too many bytes of them.
#[derive(Debug)]
pub(super) struct Journal {
    entries: VecDeque<(Arc<Entry>, usize)>,
    bytes: usize,
    most: Bounds,
    /// How many there ever were.
    total: u64,
    counts: Vec<(&'static str, u64)>,
    expected: Vec<Expected>,
}

/// How much a journal keeps.
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
    pub(super) fn new(most: Bounds) -> Journal {
        Journal { entries: VecDeque::new(), bytes: 0, most, total: 0, counts: Vec::new(), expected: Vec::new() }
    }

    /// Keeps so many bytes at most from now on. What is too much comes back, to be dropped where nobody waits.
    pub(super) fn bound(&mut self, bytes: usize) -> impl Sized + use<> {
        self.most.bytes = bytes;
        self.surplus()
    }

    /// The oldest entries, as long as there are too many.
    fn surplus(&mut self) -> Vec<Arc<Entry>> {
        let mut surplus = Vec::new();
        while self.entries.len() > self.most.entries || self.bytes > self.most.bytes {
            let Some((entry, size)) = self.entries.pop_front() else { break };
            self.bytes -= size;
            surplus.push(entry);
        }
        surplus
    }

    /// Keeps an exchange, and gives its id.
    pub(super) fn record(&mut self, entry: Entry) -> u64 {
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

    /// What is kept, oldest first, with its id. To look through it takes long, and is for after the lock.
    pub(super) fn kept(&self) -> Vec<(u64, Arc<Entry>)> {
        (self.dropped() + 1..).zip(&self.entries).map(|(id, (entry, _))| (id, entry.clone())).collect()
    }

    /// How many exchanges are no longer kept.
    pub(super) fn dropped(&self) -> u64 {
        self.total - self.entries.len() as u64
    }

    pub(super) fn total(&self) -> u64 {
        self.total
    }

    pub(super) fn count(&self, operation: &str) -> u64 {
        self.counts.iter().find(|(id, _)| *id == operation).map_or(0, |(_, count)| *count)
    }

    pub(super) fn expect(&mut self, expectation: Expectation) {
        self.expected.push(Expected { expectation, count: 0 });
    }

    /// Each expectation that does not hold, with how many came.
    pub(super) fn failing(&self) -> Vec<(Expectation, u64)> {
        let failing = self.expected.iter().filter(|expected| !expected.expectation.holds(expected.count));
        failing.map(|Expected { expectation, count }| (expectation.clone(), *count)).collect()
    }

    /// Forgets everything that happened. What is expected stays, counted from now on. What was kept comes back, to be
    /// dropped where nobody waits.
    pub(super) fn clear(&mut self) -> impl Sized + use<> {
        let gone = std::mem::take(&mut self.entries);
        (self.bytes, self.total) = (0, 0);
        self.counts.clear();
        self.expected.iter_mut().for_each(|expected| expected.count = 0);
        gone
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::secrets::Known;

    #[test]
    fn each_text_is_kept_by_itself_and_none_with_a_credential() {
        let known = Known::of(["a-secret-token"]);
        let texts = |target: &str, user: &str, body: &str| {
            let texts = Texts::written(0, |text, all| match text {
                Text::Method => all.push_str("POST"),
                Text::Target => all.push_str(target),
                Text::Body => all.push_str(body),
                Text::User => all.push_str(user),
                Text::Headers => all.push_str("host: a\nA-SECRET-TOKEN: b\n"),
                Text::Answer => {}
            });
            let texts = texts.without(&Secrets::of(&known, std::iter::empty()));
            Text::ALL.map(|text| texts.get(text).to_owned())
        };
        let headers = "host: a\n[redacted]: b\n";
        assert_eq!(texts("/a", "42", "{}"), ["POST", "/a", headers, "{}", "42", ""]);
        assert_eq!(texts("/a-secret-token?b", "42", "{}"), ["POST", "/[redacted]?b", headers, "{}", "42", ""]);
        let twice = "/%61-secret-token/a-secret-token/b%20c";
        assert_eq!(texts(twice, "42", "{}")[1], "/[redacted]/[redacted]/b%20c");
        assert_eq!(texts("/a-secret/-token", "42", "{}")[1], "/[redacted]/-token");
        assert_eq!(texts("/a%20b", "of a-secret-token", "{}")[4], "of [redacted]");
        assert_eq!(
            texts("/", "", r#"{"a-secret-token":1,"a":"secret-t","b":"\u0061-secret-token","c":2}"#)[3],
            r#"{"[redacted]":1,"a":"[redacted]","b":"[redacted]","c":2}"#
        );
    }
}

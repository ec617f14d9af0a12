//! What separates two contracts, and what each change means for those who hold to the older one: callers of the five
//! systems, programs that are written against the generated clients, and tests that run against the mock.
//!
//! A library was looked for first. `drift` 0.2 compares OpenAPI documents and panics where a media type is added or
//! removed; it calls every change of a string unhandled, and does not see operation ids, security, servers, `nullable`
//! and extensions. `oasdiff` is a program in Go, in no registry that a build of this project reads, and knows neither
//! our extensions nor that the enumerations of the SDK are open. What a change means here is what this project is
//! about, so it is written down here: as tables, in `rules`.

use std::collections::BTreeSet;
use std::fmt;

use serde_json::{Value, json};

use super::Finding;

mod classify;
mod rules;
mod version;
mod walk;

pub use version::{RULE as VERSIONS, Version};

/// The meaning of a change for those who hold to the older contract.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Class {
    /// For readers only: nothing that travels and nothing that is generated is another.
    Documentation,
    /// Compatible: what was right stays right.
    Compatible,
    /// A request, a program or a test that was right may be wrong now.
    Breaking,
}

impl Class {
    /// The word in reports.
    pub const fn as_str(self) -> &'static str {
        match self {
            Class::Documentation => "documentation only",
            Class::Compatible => "compatible",
            Class::Breaking => "breaking",
        }
    }
}

/// Where what changed travels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Side {
    /// To a system: what is asked for may become less, never more.
    Request,
    /// From a system: what is promised may become more, never less.
    Response,
}

impl Side {
    /// The word in reports.
    pub const fn as_str(self) -> &'static str {
        match self {
            Side::Request => "request",
            Side::Response => "response",
        }
    }
}

/// One change.
#[derive(Clone, Debug, PartialEq)]
pub struct ContractChange {
    /// The meaning.
    pub class: Class,
    /// JSON pointer into the newer document; into the older one for what is no longer there.
    pub pointer: String,
    /// Where it travels, for what travels.
    pub side: Option<Side>,
    /// The operations that it is part of, by their older ids; none for what concerns the document.
    pub operations: BTreeSet<String>,
    /// The old value.
    pub was: Option<Value>,
    /// The new value.
    pub is: Option<Value>,
    /// Why it is of that class.
    pub why: &'static str,
}

impl fmt::Display for ContractChange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let operations = self.operations.iter().map(String::as_str).collect::<Vec<_>>().join(", ");
        let side = self.side.map_or("", Side::as_str);
        let place = match (side, operations.as_str()) {
            ("", "") => String::new(),
            (side, "") => format!("{side}: "),
            ("", operations) => format!("{operations}: "),
            (side, operations) => format!("{side} of {operations}: "),
        };
        let difference = match (&self.was, &self.is) {
            (Some(was), Some(is)) => {
                let (was, is) = (was.to_string(), is.to_string());
                let same = was.chars().zip(is.chars()).take_while(|(a, b)| a == b).count();
                format!("was {}, is {}", around(&was, same), around(&is, same))
            }
            (Some(was), None) => format!("was {}, is gone", around(&was.to_string(), 0)),
            (None, Some(is)) => format!("was not there, is {}", around(&is.to_string(), 0)),
            (None, None) => String::new(),
        };
        write!(f, "{}: #{}\n    {place}{difference}\n    {}", self.class.as_str(), self.pointer, self.why)
    }
}

/// A value in a line of a report: whole if it is short, else what stands around a place in it.
fn around(text: &str, place: usize) -> String {
    const MOST: usize = 72;
    let length = text.chars().count();
    let start = if length <= MOST { 0 } else { place.saturating_sub(MOST / 4).min(length - MOST) };
    let part: String = text.chars().skip(start).take(MOST).collect();
    format!("{}{part}{}", if start > 0 { "…" } else { "" }, if start + MOST < length { "…" } else { "" })
}

/// The difference between two contracts.
#[derive(Clone, Debug)]
pub struct Diff {
    /// `info.version` of the older one.
    pub old: Version,
    /// `info.version` of the newer one.
    pub new: Version,
    /// The changes, those that break something first, then by pointer.
    pub changes: Vec<ContractChange>,
}

impl Diff {
    /// Compares two documents, each named by the file that it was read from.
    ///
    /// # Errors
    /// What keeps either from being compared: it is no OpenAPI 3.0, a reference leads nowhere, its version is none.
    pub fn between(old: (&str, &Value), new: (&str, &Value)) -> Result<Diff, Vec<Finding>> {
        let mut findings = Vec::new();
        let mut versions = [old, new].map(|(file, document)| {
            let broken = super::structure::check(document);
            findings.extend(broken.into_iter().map(|finding| Finding { file: file.to_owned(), ..finding }));
            let text = document.pointer("/info/version").and_then(Value::as_str).unwrap_or_default();
            text.parse().map_err(|problem| findings.push(Finding::new(file, "/info/version", problem))).ok()
        });
        match (versions[0].take(), versions[1].take()) {
            (Some(old_version), Some(new_version)) if findings.is_empty() => {
                Ok(Diff { old: old_version, new: new_version, changes: walk::changes(old.1, new.1) })
            }
            _ => Err(findings),
        }
    }

    /// The heaviest class among the changes.
    pub fn class(&self) -> Option<Class> {
        self.changes.iter().map(|change| change.class).max()
    }

    /// The least version that the newer contract must have.
    pub fn least(&self) -> Version {
        self.old.after(self.class())
    }

    /// Returns whether the newer contract has a version that says too little.
    pub fn lacks_bump(&self) -> bool {
        self.new < self.least()
    }

    /// The report for programs.
    pub fn json(&self) -> Value {
        let change = |change: &ContractChange| {
            let mut value = json!({
                "class": change.class.as_str(), "pointer": change.pointer, "side": change.side.map(Side::as_str),
                "operations": change.operations, "why": change.why,
            });
            // What was not there, or is no longer, has no member; `null` is a value of a document.
            for (name, member) in [("was", &change.was), ("is", &change.is)] {
                if let Some(member) = member {
                    value[name] = member.clone();
                }
            }
            value
        };
        json!({
            "old_version": self.old.to_string(), "new_version": self.new.to_string(),
            "least_version": self.least().to_string(), "bump_missing": self.lacks_bump(),
            "changes": self.changes.iter().map(change).collect::<Vec<_>>(),
        })
    }

    /// Returns the number of changes of each class, in words.
    pub(super) fn counts(&self) -> String {
        let count = |class| self.changes.iter().filter(|change| change.class == class).count();
        let classes = [Class::Breaking, Class::Compatible, Class::Documentation];
        classes.map(|class| format!("{} {}", count(class), class.as_str())).join(", ")
    }
}

impl fmt::Display for Diff {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for change in &self.changes {
            writeln!(f, "{change}")?;
        }
        let (old, new, least) = (self.old, self.new, self.least());
        if self.changes.is_empty() && old == new {
            f.write_str("no changes")
        } else if self.lacks_bump() {
            write!(f, "{}: after {old} it must be {least} or later, and /info/version is {new}", self.counts())
        } else {
            write!(f, "{}: {old} → {new} says so", self.counts())
        }
    }
}

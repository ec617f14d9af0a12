//! What an answer says: its facts, and all that takes its yes away.
//!
//! The five systems answer in objects that are one within the other, documented or observed: `data`, `items`, `response`,
//! `user`. Whatever says no, or names another account, is looked for in all of them; a fact counts only where the system is
//! known to put it, and only if no other place says otherwise.

use serde_json::{Map, Value};

use crate::call::Record;
use crate::error::shown;
use crate::raw::RawResponse;
use crate::status::AccountStatus;

/// The members in which systems wrap what they say.
const ENVELOPES: [&str; 6] = ["data", "items", "response", "result", "user", "users"];

/// Objects that are further down than this are no envelopes.
const DEEPEST: usize = 4;

/// The members under which an account is named.
const IDS: [&str; 4] = ["id", "userId", "uid", "user_id"];

/// The members whose presence is a refusal, unless they are null.
const REFUSALS: [&str; 7] = ["error", "errors", "faultstring", "faultcode", "code", "fault", "exception"];

/// The values of `status` and `kind` that are a refusal.
const FAILED: [&str; 6] = ["error", "errors", "fail", "failed", "failure", "fault"];

/// How an answer about another account is reported.
pub(super) const ANOTHER: &str = "the answer is about another account than the one asked for";

/// An answer to a call.
pub(super) struct Answer<'a> {
    raw: Option<&'a RawResponse>,
    /// The objects in it, each with the way to it.
    places: Vec<(String, &'a Map<String, Value>)>,
}

/// What an answer says of one fact.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Fact<'a> {
    /// Nothing.
    Absent,
    /// This.
    Is(&'a Value),
    /// One thing here and another there.
    Disputed,
}

impl<'a> Answer<'a> {
    pub(super) fn of(record: &'a Record) -> Answer<'a> {
        Answer::from(record.raw.as_ref())
    }

    fn from(raw: Option<&'a RawResponse>) -> Answer<'a> {
        let mut places = Vec::new();
        if let Some(value) = raw.and_then(RawResponse::seen) {
            collect(&mut places, String::new(), value, DEEPEST);
        }
        Answer { raw, places }
    }

    /// A member of the outermost object.
    pub(super) fn member(&self, name: &str) -> Option<&'a Value> {
        self.places.first().filter(|(path, _)| path.is_empty()).and_then(|(_, members)| members.get(name))
    }

    /// Whether an object is there, by the way to it such as `data`.
    pub(super) fn has(&self, place: &str) -> bool {
        self.places.iter().any(|(path, _)| path == place)
    }

    /// Why the answer is no yes, whatever else it says: it refuses, or it is about another account.
    pub(super) fn objection(&self, asked: &str) -> Option<String> {
        self.refusal().or_else(|| self.is_about_another(asked).then(|| ANOTHER.to_owned()))
    }

    /// A sign of refusal, in any place.
    fn refusal(&self) -> Option<String> {
        let all = || self.places.iter().flat_map(|(_, members)| members.iter());
        // The one that has most to say to people.
        let by_name = REFUSALS
            .iter()
            .find_map(|sign| all().find(|(name, value)| name.eq_ignore_ascii_case(sign) && !value.is_null()));
        if let Some((name, value)) = by_name {
            let text = text_of(value).or_else(|| self.spoken()).map(|text| self.clean(&text));
            return Some(text.unwrap_or_else(|| match value {
                Value::Array(_) => format!("the answer lists {}", self.clean(name)),
                _ => format!("the answer has `{}`", self.clean(name)),
            }));
        }
        all().find_map(|(name, value)| {
            let is = |sign: &str| name.eq_ignore_ascii_case(sign);
            let failed = |text: &str| FAILED.iter().any(|word| text.eq_ignore_ascii_case(word));
            let refuses = match value {
                Value::Null | Value::Bool(true) => false,
                _ if is("success") => true,
                Value::String(text) => {
                    let code = || text.trim().parse().is_ok_and(|code: u16| code >= 400);
                    ((is("status") || is("kind")) && failed(text)) || (is("status") && code())
                }
                Value::Number(number) => is("status") && number.as_f64().is_some_and(|code| code >= 400.0),
                _ => false,
            };
            let sign = || format!("the answer says `{name}: {}`", self.as_came(value));
            refuses.then(|| self.spoken().map_or_else(sign, |text| self.clean(&text)))
        })
    }

    /// What the answer says to people besides.
    fn spoken(&self) -> Option<String> {
        self.places.iter().find_map(|(_, members)| members.get("message")?.as_str()).map(str::to_owned)
    }

    /// Whether an account is named that is not the one asked for.
    fn is_about_another(&self, asked: &str) -> bool {
        let by_mail = asked.contains('@');
        let names = self.places.iter().flat_map(|(_, members)| members.iter());
        let mut names = names.filter(|(name, value)| {
            let is_id = IDS.iter().any(|id| name.eq_ignore_ascii_case(id));
            !value.is_null() && if by_mail { name.eq_ignore_ascii_case("email") } else { is_id }
        });
        names.any(|(_, value)| match value {
            Value::String(text) => !text.eq_ignore_ascii_case(asked),
            other => {
                let text = other.to_string();
                text != asked
            }
        })
    }

    /// A fact, by its name and the ways to the objects where the system has it; without any, wherever. It is disputed if it is anything else in
    /// any object.
    pub(super) fn fact(&self, name: &str, known: &[&str]) -> Fact<'a> {
        let mut all = self.places.iter().filter_map(|(_, members)| members.get(name));
        let Some(first) = all.next() else { return Fact::Absent };
        if all.any(|other| other != first) {
            return Fact::Disputed;
        }
        let here = |(path, members): &&(String, &Map<String, Value>)| {
            (known.is_empty() || known.contains(&path.as_str())) && members.contains_key(name)
        };
        if self.places.iter().any(|place| here(&place)) { Fact::Is(first) } else { Fact::Absent }
    }

    /// A fact that is a yes or a no. What is none is kept as it came.
    pub(super) fn flag(&self, name: &str, known: &[&str], status: &mut AccountStatus) -> Option<bool> {
        match self.fact(name, known) {
            Fact::Is(Value::Bool(value)) => Some(*value),
            fact => self.not_understood(name, fact, status),
        }
    }

    /// A fact that is a text for people. Null is none, and so is what is not there.
    pub(super) fn text(&self, name: &str, known: &[&str], status: &mut AccountStatus) -> Option<String> {
        match self.fact(name, known) {
            Fact::Is(Value::String(text)) => Some(self.raw.map_or(text.as_str(), |raw| raw.clean(text)).to_owned()),
            Fact::Is(Value::Null) => None,
            fact => self.not_understood(name, fact, status),
        }
    }

    /// Keeps a fact as it came.
    pub(super) fn not_understood<T>(&self, name: &str, fact: Fact<'_>, status: &mut AccountStatus) -> Option<T> {
        let text = match fact {
            Fact::Absent => return None,
            Fact::Is(value) => self.as_came(value),
            Fact::Disputed => {
                let values = self.places.iter().filter_map(|(_, members)| members.get(name));
                values.map(|value| self.as_came(value)).collect::<Vec<_>>().join(" and ")
            }
        };
        status.unrecognized.insert(name.to_owned(), text);
        None
    }

    /// A value as it came, fit to be shown.
    fn as_came(&self, value: &Value) -> String {
        /// As much is enough to know it by.
        const MOST: usize = 100;
        let text = match value {
            Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        let mut text = shown(self.raw.map_or(text.as_str(), |raw| raw.clean(&text)));
        if let Some((end, _)) = text.char_indices().nth(MOST) {
            text.truncate(end);
            text.push('…');
        }
        text
    }

    fn clean(&self, text: &str) -> String {
        self.raw.map_or(text, |raw| raw.clean(text)).to_owned()
    }
}

/// The objects of an answer, the outermost first.
fn collect<'a>(places: &mut Vec<(String, &'a Map<String, Value>)>, path: String, value: &'a Value, left: usize) {
    match value {
        Value::Object(members) => {
            places.push((path.clone(), members));
            for (name, inner) in members.iter().filter(|_| left > 0) {
                if let Some(name) = ENVELOPES.iter().find(|known| known.eq_ignore_ascii_case(name)) {
                    let path = if path.is_empty() { (*name).to_owned() } else { format!("{path}.{name}") };
                    collect(places, path, inner, left - 1);
                }
            }
        }
        // An answer that is a list is none of the five systems'.
        Value::Array(items) if !path.is_empty() => {
            for item in items.iter().filter(|item| item.is_object()) {
                collect(places, path.clone(), item, left);
            }
        }
        _ => {}
    }
}

/// What a sign of refusal says to people.
fn text_of(value: &Value) -> Option<String> {
    let text = match value {
        Value::String(text) => text,
        Value::Array(items) => return items.iter().find_map(text_of),
        Value::Object(members) => members.get("message").or_else(|| members.get("error"))?.as_str()?,
        _ => return None,
    };
    (!text.trim().is_empty()).then(|| text.to_owned())
}

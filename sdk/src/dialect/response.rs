//! What a response says: its facts, and all that takes its yes away.

use serde_json::{Map, Value};

use crate::codec::redact::REDACTED;
use crate::codec::text::shown;
use crate::model::raw::RawResponse;
use crate::model::status::AccountStatus;
use crate::policy::conventions::usual_message;

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

/// The message about a response that is about another account.
const WRONG_ACCOUNT: &str = "the response is about another account than the one asked for";

/// The response to a request, read: a JSON object, or an XML element as one.
///
/// Systems answer in objects that are one within the other (envelopes): `data`, `items`, `response`, `result`, `user`,
/// `users`. A fact counts only where the system is known to put it, and only if no other place says otherwise.
///
/// # What takes a yes away
/// Before a [`Dialect`](super::Dialect) is asked, the response is looked through, all envelopes included. It refuses if it
/// has an `error`, `errors`, `fault`, `faultcode`, `faultstring`, `exception` or `code` that is not null, a `success` that is
/// not true, an `ok` that is false, a `status` or `kind` that says `error` or `failed`, or a `status` of 400 and more; and if an `id`, `userId`,
/// `uid` or `user_id` in it is not the [expected](super::Dialect::id_in_responses) one (an `email`, where accounts are named
/// by address).
#[derive(Debug)]
pub struct Response<'a> {
    raw: Option<&'a RawResponse>,
    /// The objects in it, each with the way to it.
    places: Vec<(String, &'a Map<String, Value>)>,
}

/// The statement of a response about one fact.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum Fact<'a> {
    /// Nothing.
    Absent,
    /// This.
    Is(&'a Value),
    /// One thing here and another there.
    Disputed,
}

impl<'a> Response<'a> {
    pub(super) fn of(raw: Option<&'a RawResponse>) -> Response<'a> {
        let mut places = Vec::new();
        if let Some(value) = raw.and_then(RawResponse::seen) {
            collect(&mut places, String::new(), value, DEEPEST);
        }
        Response { raw, places }
    }

    /// Returns the HTTP status code.
    pub fn status(&self) -> u16 {
        self.raw.map_or(0, |raw| raw.status)
    }

    /// Returns the response as it came, without the credentials of the call; `None` if nothing was sent.
    pub fn raw(&self) -> Option<&'a RawResponse> {
        self.raw
    }

    /// Returns a header as text; `None` if it is not there, is there twice, or has a credential in it.
    pub fn header(&self, name: &str) -> Option<&'a str> {
        let mut values = self.raw?.headers.get_all(name).iter();
        let first = values.next().filter(|_| values.next().is_none())?;
        first.to_str().ok().filter(|text| *text != REDACTED)
    }

    /// Returns a member of the outermost object.
    pub fn member(&self, name: &str) -> Option<&'a Value> {
        self.places.first().filter(|(path, _)| path.is_empty()).and_then(|(_, members)| members.get(name))
    }

    /// Returns whether an object is there, by the way to it such as `data` or `response.user`.
    pub fn has(&self, place: &str) -> bool {
        self.places.iter().any(|(path, _)| path == place)
    }

    /// Returns the text for people; empty if there is none.
    pub fn message(&self) -> String {
        let members = self.raw.and_then(RawResponse::shown).and_then(Value::as_object);
        members.and_then(usual_message).unwrap_or_default()
    }

    /// Why the response is no yes, whatever else it says: it refuses, or it is about another account.
    pub(super) fn objection(&self, asked: Option<&str>) -> Option<String> {
        self.refusal()
            .or_else(|| asked.is_some_and(|asked| self.is_wrong_account(asked)).then(|| WRONG_ACCOUNT.to_owned()))
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
                Value::Array(_) => format!("the response lists {}", self.clean(name)),
                _ => format!("the response has `{}`", self.clean(name)),
            }));
        }
        all().find_map(|(name, value)| {
            let is = |sign: &str| name.eq_ignore_ascii_case(sign);
            let failed = |text: &str| FAILED.iter().any(|word| text.eq_ignore_ascii_case(word));
            let refuses = match value {
                Value::Null | Value::Bool(true) => false,
                _ if is("success") => true,
                Value::Bool(false) if is("ok") => true,
                Value::String(text) => {
                    let code = || text.trim().parse().is_ok_and(|code: u16| code >= 400);
                    ((is("status") || is("kind")) && failed(text)) || (is("status") && code())
                }
                Value::Number(number) => is("status") && number.as_f64().is_some_and(|code| code >= 400.0),
                _ => false,
            };
            let sign = || format!("the response says `{name}: {}`", self.as_came(value));
            refuses.then(|| self.spoken().map_or_else(sign, |text| self.clean(&text)))
        })
    }

    /// Returns what the response says to people besides.
    fn spoken(&self) -> Option<String> {
        self.places.iter().find_map(|(_, members)| members.get("message")?.as_str()).map(str::to_owned)
    }

    /// Returns whether an account is named that is not the one asked for.
    fn is_wrong_account(&self, asked: &str) -> bool {
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

    /// Returns a fact, by its name and the ways to the objects where the system has it, such as `""` for the outermost one
    /// and `data.user`; without any, wherever it is. It is disputed if any object says otherwise.
    pub fn fact(&self, name: &str, known: &[&str]) -> Fact<'a> {
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

    /// Returns a [fact](Response::fact) that is true or false. Another value is not understood, and is kept in
    /// [`AccountStatus::unrecognized`].
    pub fn flag(&self, name: &str, known: &[&str], status: &mut AccountStatus) -> Option<bool> {
        match self.fact(name, known) {
            Fact::Is(Value::Bool(value)) => Some(*value),
            fact => self.not_understood(name, fact, status),
        }
    }

    /// Returns a [fact](Response::fact) that is a text for people, without the credentials of the call. Null is no text.
    /// Another value is not understood, and is kept in [`AccountStatus::unrecognized`].
    pub fn text(&self, name: &str, known: &[&str], status: &mut AccountStatus) -> Option<String> {
        match self.fact(name, known) {
            Fact::Is(Value::String(text)) => Some(self.raw.map_or(text.as_str(), |raw| raw.clean(text)).to_owned()),
            Fact::Is(Value::Null) => None,
            fact => self.not_understood(name, fact, status),
        }
    }

    /// Keeps a fact that is not understood in [`AccountStatus::unrecognized`], shortened, and returns `None`.
    pub fn not_understood<T>(&self, name: &str, fact: Fact<'_>, status: &mut AccountStatus) -> Option<T> {
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

/// The objects of a response, the outermost first.
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
        // A response that is a list is about no account in particular.
        Value::Array(items) if !path.is_empty() => {
            for item in items.iter().filter(|item| item.is_object()) {
                collect(places, path.clone(), item, left);
            }
        }
        _ => {}
    }
}

/// Returns what a sign of refusal says to people.
fn text_of(value: &Value) -> Option<String> {
    let text = match value {
        Value::String(text) => text,
        Value::Array(items) => return items.iter().find_map(text_of),
        Value::Object(members) => members.get("message").or_else(|| members.get("error"))?.as_str()?,
        _ => return None,
    };
    (!text.trim().is_empty()).then(|| text.to_owned())
}

//! `Prefer: code=404, example=unknownUser`: a response of the contract instead of the system's own.
//!
//! The request is still held to the contract and its credentials are checked; nothing is changed. No preference is passed
//! over in silence: what was done is in `Preference-Applied`, what the mock does not know is in
//! `X-Mock-Preference-Ignored`, and `dynamic=true`, which other mock servers know, is refused.

use http::{HeaderMap, HeaderName};
use serde_json::Value;
use user_status_openapi::{Contract, Operation, pointer};

use crate::codec::media_type::Codec;
use crate::model::SystemResponse;

/// The header that says so.
const PREFER: HeaderName = HeaderName::from_static("prefer");

/// The header that lists the applied preferences.
pub(super) const APPLIED: HeaderName = HeaderName::from_static("preference-applied");

/// The header that lists the others: preferences that the mock does not know, and repetitions of those that it does.
pub(super) const IGNORED: HeaderName = HeaderName::from_static("x-mock-preference-ignored");

/// The most bytes of what was ignored that a response names.
const NAMED: usize = 200;

/// The preferences of a request.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Preference {
    code: Option<String>,
    example: Option<String>,
    ignored: Vec<String>,
    problem: Option<String>,
}

impl Preference {
    /// Reads the header; of a preference that is there twice the first one counts, as RFC 7240 has it.
    pub(super) fn read(headers: &HeaderMap) -> Option<Preference> {
        let mut values = headers.get_all(PREFER).iter().peekable();
        values.peek()?;
        let mut preference = Preference::default();
        for value in values {
            match value.to_str() {
                Ok(value) => parts(value).for_each(|part| preference.add(part)),
                Err(_) => preference.refuse("must be ASCII".to_owned()),
            }
        }
        Some(preference)
    }

    fn add(&mut self, part: &str) {
        let (name, value) = part.split_once('=').map_or((part, ""), |(name, value)| (name.trim(), value.trim()));
        let value = value.trim_matches('"');
        let mut set = |known: &dyn Fn(&mut Preference) -> &mut Option<String>| match known(self) {
            Some(_) => self.ignored.push(part.to_owned()),
            None if value.is_empty() => self.refuse(format!("must have a value for `{}`", name.to_ascii_lowercase())),
            empty => *empty = Some(value.to_owned()),
        };
        match name.to_ascii_lowercase().as_str() {
            "" => {}
            "code" => set(&|preference| &mut preference.code),
            "example" => set(&|preference| &mut preference.example),
            // It is what happens.
            "dynamic" if value.eq_ignore_ascii_case("false") => {}
            "dynamic" => self.refuse(
                "asks for `dynamic`, and no answer here is made up; there are `code` and `example`, which choose an \
                 example of the contract"
                    .to_owned(),
            ),
            _ => self.ignored.push(part.to_owned()),
        }
    }

    fn refuse(&mut self, problem: String) {
        self.problem.get_or_insert(problem);
    }

    /// Returns what was done of it, once [`answer`](Preference::answer) has given an example.
    pub(super) fn applied(&self) -> String {
        let named = [("code", &self.code), ("example", &self.example)];
        let given = named.into_iter().filter_map(|(name, value)| Some(format!("{name}={}", value.as_ref()?)));
        given.collect::<Vec<_>>().join(", ")
    }

    /// Returns what was not.
    pub(super) fn ignored(&self) -> Option<String> {
        let mut text = self.ignored.join(", ");
        text.truncate(NAMED);
        (!text.is_empty()).then_some(text)
    }

    /// The example that is preferred; `None` if none is.
    ///
    /// # Errors
    /// That there is no such one, and which there are.
    pub(super) fn answer(
        &self,
        contract: &Contract,
        operation: &Operation,
        codec: &Codec<'_>,
    ) -> Result<Option<SystemResponse>, String> {
        if let Some(problem) = &self.problem {
            return Err(format!("/header/prefer {problem}"));
        }
        if self.code.is_none() && self.example.is_none() {
            return Ok(None);
        }
        let codes: Vec<&u16> = match &self.code {
            Some(code) => operation.responses.keys().filter(|known| known.to_string() == *code).collect(),
            None => operation.responses.keys().collect(),
        };
        let mut known = Vec::new();
        for code in codes {
            if operation.responses[code].content.is_empty() && self.example.is_none() {
                return Ok(Some(SystemResponse::of(*code, Value::Null)));
            }
            for documented in operation.responses[code].content.iter().filter(|media| media.name == codec.name()) {
                let at = format!("{}/examples", documented.pointer);
                for (name, example) in contract.resolve(&at).and_then(Value::as_object).into_iter().flatten() {
                    if self.example.as_ref().is_none_or(|wanted| wanted == name) {
                        let resolved = contract.resolve(&pointer::join(&at, name)).unwrap_or(example);
                        return Ok(Some(SystemResponse::of(*code, resolved.get("value").cloned().unwrap_or_default())));
                    }
                }
            }
        }
        for (code, response) in &operation.responses {
            if response.content.is_empty() {
                known.push(format!("code={code}"));
            }
            for documented in response.content.iter().filter(|media| media.name == codec.name()) {
                let at = format!("{}/examples", documented.pointer);
                let names = contract.resolve(&at).and_then(Value::as_object).into_iter().flatten();
                known.extend(names.map(|(name, _)| format!("code={code}, example={name}")));
            }
        }
        Err(format!("/header/prefer asks for what the contract does not have; there are {}", known.join("; ")))
    }
}

/// The preferences of a header, and the parameters of each, which other mock servers take for preferences as well. In quotes
/// neither `,` nor `;` ends one.
fn parts(value: &str) -> impl Iterator<Item = &str> {
    let mut quoted = false;
    let ends = move |c: char| {
        quoted ^= c == '"';
        !quoted && matches!(c, ',' | ';')
    };
    value.split(ends).map(str::trim).filter(|part| !part.is_empty())
}

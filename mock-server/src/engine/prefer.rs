//! `Prefer: code=404, example=unknownUser`: an answer of the contract instead of the system's own.
//!
//! The request is still held to the contract and its credentials are checked; nothing is changed.

use http::{HeaderMap, HeaderName};
use serde_json::Value;
use user_status_openapi::{Contract, Operation, pointer};

use super::media_type::Codec;
use crate::system::Answer;

/// The header that says so.
pub(super) const PREFER: HeaderName = HeaderName::from_static("prefer");

/// What a request prefers.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Preference {
    code: Option<String>,
    example: Option<String>,
}

impl Preference {
    /// Reads the header; of a preference that is there twice the first one counts. Other preferences than `code` and `example` are not for the mock, as RFC 7240 has it.
    pub(super) fn read(headers: &HeaderMap) -> Option<Preference> {
        let mut preference = Preference::default();
        let values = headers.get_all(PREFER).iter().filter_map(|value| value.to_str().ok());
        for (name, value) in values.flat_map(|value| value.split([',', ';'])).filter_map(|part| part.split_once('=')) {
            let value = value.trim().trim_matches('"').to_owned();
            match name.trim() {
                name if name.eq_ignore_ascii_case("code") => _ = preference.code.get_or_insert(value),
                name if name.eq_ignore_ascii_case("example") => _ = preference.example.get_or_insert(value),
                _ => {}
            }
        }
        (preference != Preference::default()).then_some(preference)
    }

    /// The example that is preferred.
    ///
    /// # Errors
    /// That there is none, and which there are.
    pub(super) fn answer(
        &self,
        contract: &Contract,
        operation: &Operation,
        codec: &Codec<'_>,
    ) -> Result<Answer, String> {
        let codes: Vec<&u16> = match &self.code {
            Some(code) => operation.responses.keys().filter(|known| known.to_string() == *code).collect(),
            None => operation.responses.keys().collect(),
        };
        let mut known = Vec::new();
        for code in codes {
            for documented in operation.responses[code].content.iter().filter(|media| media.name == codec.name()) {
                let at = format!("{}/examples", documented.pointer);
                for (name, example) in contract.resolve(&at).and_then(Value::as_object).into_iter().flatten() {
                    if self.example.as_ref().is_none_or(|wanted| wanted == name) {
                        let resolved = contract.resolve(&pointer::join(&at, name)).unwrap_or(example);
                        return Ok(Answer::of(*code, resolved.get("value").cloned().unwrap_or_default()));
                    }
                }
            }
        }
        for (code, response) in &operation.responses {
            for documented in response.content.iter().filter(|media| media.name == codec.name()) {
                let at = format!("{}/examples", documented.pointer);
                let names = contract.resolve(&at).and_then(Value::as_object).into_iter().flatten();
                known.extend(names.map(|(name, _)| format!("code={code}, example={name}")));
            }
        }
        Err(format!("/header/prefer asks for what the contract does not have; there are {}", known.join("; ")))
    }
}

//! The matrix, computed from a contract.

use std::fmt;

use serde_json::Value;
use user_status_openapi::{Contract, MediaType, Operation, pointer};

/// Something that must be proved.
pub(super) enum Cell {
    /// From the mock to the SDK.
    Answer(Answer),
    /// From the mock to the SDK, without a body.
    Bodyless(Bodyless),
    /// From the SDK to the mock.
    Request(Request),
}

/// One response of an operation that has no body, to a caller with these credentials.
pub(super) struct Bodyless {
    pub(super) operation: Operation,
    pub(super) schemes: Vec<String>,
    pub(super) status: u16,
}

/// One answer of an operation, to a caller with these credentials.
pub(super) struct Answer {
    pub(super) operation: Operation,
    pub(super) schemes: Vec<String>,
    pub(super) status: u16,
    pub(super) media_type: MediaType,
    pub(super) example: String,
    pub(super) body: Value,
}

/// One request of an operation, with these credentials.
pub(super) struct Request {
    pub(super) operation: Operation,
    pub(super) schemes: Vec<String>,
    /// Media type, name of the example, and the example, if the operation has a body.
    pub(super) body: Option<(MediaType, String, Value)>,
}

/// All cells of a contract, in its order.
pub(super) fn cells(contract: &Contract) -> Vec<Cell> {
    let mut cells = Vec::new();
    for operation in contract.operations() {
        for schemes in &operation.security {
            match &operation.request_body {
                None => cells.push(request(operation, schemes, None)),
                Some(body) => {
                    for media_type in &body.content {
                        for (name, value) in examples(contract, media_type) {
                            cells.push(request(operation, schemes, Some((media_type.clone(), name, value))));
                        }
                    }
                }
            }
            for (&status, response) in &operation.responses {
                if response.content.is_empty() {
                    let (operation, schemes) = (operation.clone(), schemes.clone());
                    cells.push(Cell::Bodyless(Bodyless { operation, schemes, status }));
                }
                for media_type in &response.content {
                    for (example, body) in examples(contract, media_type) {
                        cells.push(Cell::Answer(Answer {
                            operation: operation.clone(),
                            schemes: schemes.clone(),
                            status,
                            media_type: media_type.clone(),
                            example,
                            body,
                        }));
                    }
                }
            }
        }
    }
    cells
}

fn request(operation: &Operation, schemes: &[String], body: Option<(MediaType, String, Value)>) -> Cell {
    Cell::Request(Request { operation: operation.clone(), schemes: schemes.to_vec(), body })
}

/// The examples of a media type. One without any would have no cell, and nobody would miss it.
///
/// # Panics
/// If there is none.
pub(super) fn examples(contract: &Contract, media_type: &MediaType) -> Vec<(String, Value)> {
    let at = format!("{}/examples", media_type.pointer);
    let examples = contract.resolve(&at).and_then(Value::as_object).filter(|examples| !examples.is_empty());
    let examples = examples.unwrap_or_else(|| panic!("{at} is empty: no cell"));
    let value = |name: &String| contract.resolve(&pointer::join(&at, name)).unwrap()["value"].clone();
    examples.keys().map(|name| (name.clone(), value(name))).collect()
}

impl Cell {
    pub(super) fn operation(&self) -> &Operation {
        match self {
            Cell::Answer(answer) => &answer.operation,
            Cell::Bodyless(bodyless) => &bodyless.operation,
            Cell::Request(request) => &request.operation,
        }
    }

    pub(super) fn schemes(&self) -> &[String] {
        match self {
            Cell::Answer(answer) => &answer.schemes,
            Cell::Bodyless(bodyless) => &bodyless.schemes,
            Cell::Request(request) => &request.schemes,
        }
    }

    /// The media type that travels, if there is a body.
    pub(super) fn media_type(&self) -> Option<&MediaType> {
        match self {
            Cell::Answer(answer) => Some(&answer.media_type),
            Cell::Bodyless(_) => None,
            Cell::Request(request) => request.body.as_ref().map(|(media_type, ..)| media_type),
        }
    }

    /// The status code of a response.
    pub(super) fn status(&self) -> Option<u16> {
        match self {
            Cell::Answer(answer) => Some(answer.status),
            Cell::Bodyless(bodyless) => Some(bodyless.status),
            Cell::Request(_) => None,
        }
    }

    pub(super) fn example(&self) -> Option<&str> {
        match self {
            Cell::Answer(answer) => Some(&answer.example),
            Cell::Bodyless(_) => None,
            Cell::Request(request) => request.body.as_ref().map(|(_, name, _)| name.as_str()),
        }
    }
}

impl fmt::Display for Cell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = self.status().map_or_else(|| "request".to_owned(), |status| status.to_string());
        let media_type = self.media_type().map_or("–", |media_type| media_type.name.as_str());
        let example = self.example().unwrap_or("–");
        write!(f, "{} {kind} {media_type} {example} {}", self.operation().id, self.schemes().join("+"))
    }
}

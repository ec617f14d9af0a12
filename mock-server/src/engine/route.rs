//! Which operation a request is for.

use bytes::Bytes;
use http::{HeaderValue, Method, Response, header};
use percent_encoding::percent_decode_str;
use serde_json::json;
use user_status_openapi::{Contract, Operation};

/// An operation, and the path parameters by name as they came, percent-decoded.
pub(crate) struct Found {
    pub(crate) operation: &'static Operation,
    pub(crate) path: Vec<(&'static str, String)>,
}

/// Why there is none.
pub(crate) enum Miss {
    /// The path is known and the method is not: these are.
    Method { method: Method, path: String, allowed: Vec<String> },
    /// The path is not known: this is the nearest.
    Path { method: Method, path: String, nearest: String },
}

/// Finds the operation for a method and a path. HEAD is a GET whose answer has no body.
pub(crate) fn find(contract: &'static Contract, method: &Method, path: &str) -> Result<Found, Miss> {
    let wanted = if method == Method::HEAD { "GET" } else { method.as_str() };
    let takes =
        |operation: &Operation| operation.method == wanted || operation.sample_method.as_deref() == Some(wanted);
    // Two systems may have paths that fit. As OpenAPI has it, one without variables goes before one with them.
    let concrete = contract.operations().iter().any(|operation| is_concrete(contract, operation, path));
    let candidates = || {
        let fits = move |operation: &&Operation| !concrete || is_concrete(contract, operation, path);
        contract.operations().iter().filter(fits)
    };
    // Almost every request is for an operation: only the others need to know what else there is.
    for operation in candidates().filter(|operation| takes(operation)) {
        if let Some(path) = match_path(contract.base_path(operation.vendor), operation, path) {
            return Ok(Found { operation, path });
        }
    }
    let mut allowed: Vec<String> = Vec::new();
    for operation in candidates() {
        if match_path(contract.base_path(operation.vendor), operation, path).is_some() {
            allowed.push(operation.method.clone());
            allowed.extend(operation.sample_method.clone());
            allowed.extend((operation.method == "GET").then(|| "HEAD".to_owned()));
        }
    }
    let (method, path) = (method.clone(), path.to_owned());
    if allowed.is_empty() {
        let nearest = nearest(contract, &method, &path);
        Err(Miss::Path { method, path, nearest })
    } else {
        allowed.push("OPTIONS".to_owned());
        Err(Miss::Method { method, path, allowed })
    }
}

impl Miss {
    pub(crate) fn response(self) -> Response<Bytes> {
        match self {
            Miss::Method { method, path, allowed } => {
                let allow = allowed.join(", ");
                if method == Method::OPTIONS {
                    let mut response = Response::new(Bytes::new());
                    *response.status_mut() = http::StatusCode::NO_CONTENT;
                    if let Ok(value) = HeaderValue::from_str(&allow) {
                        response.headers_mut().insert(header::ALLOW, value);
                    }
                    return response;
                }
                let body = json!({ "error": format!("{method} is not allowed on {path}; allowed is {allow}") });
                let mut response = super::respond_json(405, &body);
                if let Ok(value) = HeaderValue::from_str(&allow) {
                    response.headers_mut().insert(header::ALLOW, value);
                }
                response
            }
            Miss::Path { method, path, nearest } => {
                let error = format!("no operation is {method} {path}; the nearest is {nearest}");
                super::respond_json(404, &json!({ "error": error, "nearest": nearest }))
            }
        }
    }
}

/// The path of an operation with the base path of its server.
fn template(contract: &Contract, operation: &Operation) -> String {
    format!("{}{}", contract.base_path(operation.vendor), operation.path)
}

fn match_path(base: &str, operation: &'static Operation, path: &str) -> Option<Vec<(&'static str, String)>> {
    let path = path.strip_prefix(base)?;
    let mut parameters = Vec::new();
    let (mut wanted, mut given) = (operation.path.split('/'), path.split('/'));
    loop {
        match (wanted.next(), given.next()) {
            (None, None) => return Some(parameters),
            (Some(wanted), Some(given)) => match variable(wanted) {
                Some(name) => {
                    let name = operation.parameters.iter().find(|parameter| parameter.name == name)?.name.as_str();
                    // What is no UTF-8 cannot be an id; the replacement character fails the id's pattern.
                    parameters.push((name, percent_decode_str(given).decode_utf8_lossy().into_owned()));
                }
                None if wanted == given => {}
                None => return None,
            },
            _ => return None,
        }
    }
}

/// Whether the path of an operation is this one, without any variable.
fn is_concrete(contract: &Contract, operation: &Operation, path: &str) -> bool {
    !operation.path.contains('{') && path.strip_prefix(contract.base_path(operation.vendor)) == Some(&*operation.path)
}

fn variable(segment: &str) -> Option<&str> {
    segment.strip_prefix('{')?.strip_suffix('}')
}

/// The operation that needs the fewest changes to be the one asked for.
fn nearest(contract: &Contract, method: &Method, path: &str) -> String {
    let given: Vec<&str> = path.split('/').filter(|segment| !segment.is_empty()).collect();
    let distance = |operation: &Operation| {
        let template = template(contract, operation);
        let wanted: Vec<&str> = template.split('/').filter(|segment| !segment.is_empty()).collect();
        edits(&wanted, &given) * 2 + usize::from(operation.method != method.as_str())
    };
    let nearest = contract.operations().iter().min_by_key(|operation| distance(operation));
    nearest.map_or_else(String::new, |operation| {
        format!("{} {} ({}, {})", operation.method, template(contract, operation), operation.id, operation.vendor)
    })
}

/// How many segments must be added, removed or replaced.
fn edits(wanted: &[&str], given: &[&str]) -> usize {
    let mut row: Vec<usize> = (0..=given.len()).collect();
    for (i, segment) in wanted.iter().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, other) in given.iter().enumerate() {
            let same = variable(segment).is_some() || segment == other;
            let replaced = diagonal + usize::from(!same);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[given.len()]
}

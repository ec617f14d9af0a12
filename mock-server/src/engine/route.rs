//! Which operation a request is for.

use std::sync::LazyLock;

use bytes::Bytes;
use http::{HeaderValue, Method, Response, header};
use percent_encoding::percent_decode_str;
use serde_json::json;
use user_status_openapi::{Contract, Operation, SystemKind};

use crate::contract::contract;
use crate::reply::respond_json;

/// An operation, and the path parameters by name as they came, percent-decoded.
pub(crate) struct RouteMatch {
    pub(crate) operation: &'static Operation,
    pub(crate) path: Vec<(&'static str, String)>,
}

/// Why there is none.
pub(crate) enum NoRoute {
    /// The path is known and the method is not: these are.
    Method { method: Method, path: String, allowed: Vec<String> },
    /// The path is not known: this is the nearest.
    Path { method: Method, path: String, nearest: String },
}

/// The system whose base path a path is below, and the rest of it; `None` if there is no such one.
pub(super) fn below_base_path(path: &str) -> Option<(SystemKind, &str)> {
    let below = |&system: &SystemKind| {
        let base = contract().base_path(system);
        let below = path.strip_prefix(base).filter(|below| !base.is_empty() && below.starts_with('/'));
        below.map(|below| (system, below))
    };
    SystemKind::ALL.iter().find_map(below)
}

/// The paths of the operations, with the base paths of their servers.
pub(super) struct Routes(Vec<Route>);

struct Route {
    operation: &'static Operation,
    template: String,
    /// The text before the first variable.
    start: String,
    /// The names of the variables, each with what comes behind it.
    variables: Vec<(&'static str, String)>,
}

impl Routes {
    /// Those of the contract.
    pub(super) fn shared() -> &'static Routes {
        static SHARED: LazyLock<Routes> = LazyLock::new(|| Routes::of(contract()));
        &SHARED
    }

    pub(super) fn of(contract: &'static Contract) -> Routes {
        Routes(contract.operations().iter().map(|operation| Route::of(contract, operation)).collect())
    }

    /// Finds the operation for a method and a path. HEAD is a GET whose answer has no body.
    pub(super) fn find(&self, method: &Method, path: &str) -> Result<RouteMatch, NoRoute> {
        let wanted = if method == Method::HEAD { "GET" } else { method.as_str() };
        let takes =
            |operation: &Operation| operation.method == wanted || operation.sample_method.as_deref() == Some(wanted);
        // Two systems may have paths that fit. As OpenAPI has it, one without variables goes before one with them.
        let concrete = self.0.iter().any(|route| route.is_concrete(path));
        let candidates = || self.0.iter().filter(|route| !concrete || route.is_concrete(path));
        // Almost every request is for an operation: only the others need to know what else there is.
        for route in candidates().filter(|route| takes(route.operation)) {
            if let Some(path) = route.matches(path) {
                return Ok(RouteMatch { operation: route.operation, path });
            }
        }
        let mut allowed: Vec<String> = Vec::new();
        for route in candidates().filter(|route| route.matches(path).is_some()) {
            let operation = route.operation;
            allowed.push(operation.method.clone());
            allowed.extend(operation.sample_method.clone());
            allowed.extend((operation.method == "GET").then(|| "HEAD".to_owned()));
        }
        let (method, path) = (method.clone(), path.to_owned());
        if allowed.is_empty() {
            let nearest = self.nearest(&method, &path);
            Err(NoRoute::Path { method, path, nearest })
        } else {
            allowed.push("OPTIONS".to_owned());
            Err(NoRoute::Method { method, path, allowed })
        }
    }

    /// The operation that needs the fewest changes to be the one asked for.
    fn nearest(&self, method: &Method, path: &str) -> String {
        let given: Vec<&str> = path.split('/').filter(|segment| !segment.is_empty()).collect();
        let distance = |route: &&Route| {
            let wanted: Vec<&str> = route.template.split('/').filter(|segment| !segment.is_empty()).collect();
            edits(&wanted, &given) * 2 + usize::from(route.operation.method != method.as_str())
        };
        self.0.iter().min_by_key(distance).map_or_else(String::new, |Route { operation, template, .. }| {
            format!("{} {template} ({}, {})", operation.method, operation.id, operation.system)
        })
    }
}

impl Route {
    fn of(contract: &Contract, operation: &'static Operation) -> Route {
        let template = format!("{}{}", contract.base_path(operation.system), operation.path);
        let (mut start, mut variables) = (String::new(), Vec::<(&str, String)>::new());
        for segment in template.split_inclusive('/') {
            let (name, slash) = segment.strip_suffix('/').map_or((segment, ""), |name| (name, "/"));
            let known = |name| operation.parameters.iter().find(|parameter| parameter.name == name);
            match variable(name).and_then(known) {
                Some(parameter) => variables.push((&parameter.name, slash.to_owned())),
                None => variables.last_mut().map_or(&mut start, |(_, behind)| behind).push_str(segment),
            }
        }
        Route { operation, template, start, variables }
    }

    /// The path parameters, if the path fits.
    fn matches(&self, path: &str) -> Option<Vec<(&'static str, String)>> {
        let mut rest = path.strip_prefix(&*self.start)?;
        let mut parameters = Vec::with_capacity(self.variables.len());
        for (name, behind) in &self.variables {
            let (given, end) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
            rest = end.strip_prefix(&**behind)?;
            // What is no UTF-8 cannot be an id; the replacement character fails the id's pattern.
            parameters.push((*name, percent_decode_str(given).decode_utf8_lossy().into_owned()));
        }
        rest.is_empty().then_some(parameters)
    }

    /// Returns whether its path is this one, without any variable.
    fn is_concrete(&self, path: &str) -> bool {
        self.variables.is_empty() && self.start == path
    }
}

impl NoRoute {
    pub(crate) fn response(self) -> Response<Bytes> {
        match self {
            NoRoute::Method { method, path, allowed } => {
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
                let mut response = respond_json(405, &body);
                if let Ok(value) = HeaderValue::from_str(&allow) {
                    response.headers_mut().insert(header::ALLOW, value);
                }
                response
            }
            NoRoute::Path { method, path, nearest } => {
                let error = format!("no operation is {method} {path}; the nearest is {nearest}");
                respond_json(404, &json!({ "error": error, "nearest": nearest }))
            }
        }
    }
}

fn variable(segment: &str) -> Option<&str> {
    segment.strip_prefix('{')?.strip_suffix('}')
}

/// Returns the number of segments that must be added, removed or replaced.
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

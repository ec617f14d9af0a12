//! Which requests are meant, and how many are expected.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::{Bound, RangeBounds};

use serde::{Deserialize, Serialize};
use serde_json::Value;
use user_status_openapi::SystemKind;

use crate::contract::contract;
use crate::journal::Exchange;

/// A matcher of requests: those match that have all that is said here.
///
/// ```
/// use user_status_mock::{RequestMatcher, SystemKind};
/// use serde_json::json;
///
/// let disables = RequestMatcher::new().system(SystemKind::Symphony).body(json!({ "status": "DISABLED" })).status(200);
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RequestMatcher {
    #[serde(skip_serializing_if = "Option::is_none")]
    system: Option<SystemKind>,
    #[serde(skip_serializing_if = "Option::is_none")]
    operation: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    user: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    method: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    path: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    valid: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    body: Option<Value>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    headers: BTreeMap<String, String>,
}

impl RequestMatcher {
    /// Creates a matcher of every request.
    pub fn new() -> RequestMatcher {
        RequestMatcher::default()
    }

    /// Matches requests for one system.
    #[must_use]
    pub fn system(mut self, system: SystemKind) -> RequestMatcher {
        self.system = Some(system);
        self
    }

    /// Matches requests for one operation.
    #[must_use]
    pub fn operation(mut self, id: impl Into<String>) -> RequestMatcher {
        self.operation = Some(id.into());
        self
    }

    /// Matches requests about one user.
    #[must_use]
    pub fn user(mut self, user: impl Into<String>) -> RequestMatcher {
        self.user = Some(user.into());
        self
    }

    /// Matches requests with this method.
    #[must_use]
    pub fn method(mut self, method: impl Into<String>) -> RequestMatcher {
        self.method = Some(method.into());
        self
    }

    /// Matches requests with this path, as it was sent.
    #[must_use]
    pub fn path(mut self, path: impl Into<String>) -> RequestMatcher {
        self.path = Some(path.into());
        self
    }

    /// Matches requests that got a response with this status code.
    #[must_use]
    pub fn status(mut self, status: u16) -> RequestMatcher {
        self.status = Some(status);
        self
    }

    /// Matches requests that the contract allows, or does not.
    #[must_use]
    pub fn valid(mut self, valid: bool) -> RequestMatcher {
        self.valid = Some(valid);
        self
    }

    /// Returns whose body has these members, and maybe others.
    #[must_use]
    pub fn body(mut self, members: Value) -> RequestMatcher {
        self.body = Some(members);
        self
    }

    /// Matches requests with this value of a header. The values of headers that may carry credentials are not kept, and match
    /// nothing but `[redacted]`.
    #[must_use]
    pub fn header(mut self, name: impl Into<String>, value: impl Into<String>) -> RequestMatcher {
        self.headers.insert(name.into(), value.into());
        self
    }

    /// Refuses what no request can have: a misspelt operation would never be called.
    pub(crate) fn check(&self) -> Result<(), String> {
        match &self.operation {
            Some(id) if contract().operation(id).is_none() => {
                let known: Vec<&str> = contract().operations().iter().map(|o| o.id.as_str()).collect();
                Err(format!("`{}` is no operation; there are {}", id.escape_debug(), known.join(", ")))
            }
            _ => Ok(()),
        }
    }

    /// Returns what an exchange has otherwise.
    pub(crate) fn mismatches(&self, exchange: &Exchange) -> Vec<String> {
        let mut mismatches = Vec::new();
        let mut compare = |what: &str, wanted: Option<String>, was: String| {
            if let Some(wanted) = wanted.filter(|wanted| *wanted != was) {
                mismatches.push(format!("{what} is {was}, not {wanted}"));
            }
        };
        let none = || "none".to_owned();
        let path = exchange.target.split('?').next().unwrap_or_default();
        compare("system", self.system.map(|v| v.to_string()), exchange.system.map_or_else(none, |v| v.to_string()));
        compare("operation", self.operation.clone(), exchange.operation.map_or_else(none, str::to_owned));
        compare("user", self.user.clone(), exchange.user.clone().unwrap_or_else(none));
        compare("method", self.method.clone(), exchange.method.clone());
        compare("path", self.path.clone(), path.to_owned());
        compare(
            "status",
            self.status.map(|status| status.to_string()),
            exchange.status.map_or_else(none, |status| status.to_string()),
        );
        compare("valid", self.valid.map(|valid| valid.to_string()), exchange.violations.is_empty().to_string());
        for (name, wanted) in &self.headers {
            let found = exchange.headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
            let was = found.map_or_else(none, |(_, value)| value.clone());
            compare(&format!("header {name}"), Some(wanted.clone()), was);
        }
        if let Some(wanted) = &self.body {
            differences(wanted, exchange.body.as_ref(), "/body", &mut mismatches);
        }
        mismatches
    }

    /// The exchange that has the least otherwise, and what that is.
    pub(crate) fn nearest(&self, exchanges: impl Iterator<Item = Exchange>) -> Option<(Exchange, Vec<String>)> {
        let misses = exchanges.map(|exchange| {
            let mismatches = self.mismatches(&exchange);
            (exchange, mismatches)
        });
        misses.filter(|(_, mismatches)| !mismatches.is_empty()).min_by_key(|(_, mismatches)| mismatches.len())
    }
}

impl fmt::Display for RequestMatcher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match serde_json::to_string(self) {
            Ok(text) if text != "{}" => f.write_str(&text),
            _ => f.write_str("any request"),
        }
    }
}

/// What of the wanted value is otherwise. Objects may have more members than wanted.
fn differences(wanted: &Value, was: Option<&Value>, at: &str, mismatches: &mut Vec<String>) {
    match (wanted, was) {
        (Value::Object(members), Some(was @ Value::Object(_))) => {
            for (name, wanted) in members {
                differences(wanted, was.get(name), &user_status_openapi::pointer::join(at, name), mismatches);
            }
        }
        (wanted, Some(was)) if wanted == was => {}
        (wanted, Some(was)) => mismatches.push(format!("{at} is {was}, not {wanted}")),
        (wanted, None) => mismatches.push(format!("{at} is missing, not {wanted}")),
    }
}

/// The number of requests of a pattern that are expected. A server that has one verifies it when it is dropped, and a
/// test fails if it does not hold.
///
/// ```
/// use user_status_mock::{Expectation, MockServer, RequestMatcher};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let server = MockServer::start().await;
/// server.expect(Expectation::of(RequestMatcher::new().operation("updateUserStatus")).times(0..=1).named("at most one change"));
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Expectation {
    pub(crate) pattern: RequestMatcher,
    pub(crate) least: u64,
    pub(crate) most: u64,
    pub(crate) name: String,
}

impl Expectation {
    /// Expects at least one request that matches.
    pub fn of(pattern: RequestMatcher) -> Expectation {
        Expectation { pattern, least: 1, most: u64::MAX, name: String::new() }
    }

    /// Expects so many: `1..=1`, `2..`, `0..=0`.
    #[must_use]
    pub fn times(mut self, times: impl RangeBounds<u64>) -> Expectation {
        self.least = match times.start_bound() {
            Bound::Included(least) => *least,
            Bound::Excluded(less) => less.saturating_add(1),
            Bound::Unbounded => 0,
        };
        self.most = match times.end_bound() {
            Bound::Included(most) => *most,
            Bound::Excluded(more) => more.saturating_sub(1),
            Bound::Unbounded => u64::MAX,
        };
        self
    }

    /// Expects exactly one.
    #[must_use]
    pub fn once(self) -> Expectation {
        self.times(1..=1)
    }

    /// Expects none at all.
    #[must_use]
    pub fn never(self) -> Expectation {
        self.times(0..=0)
    }

    /// Sets the name under which a failure reports it.
    #[must_use]
    pub fn named(mut self, name: impl Into<String>) -> Expectation {
        self.name = name.into();
        self
    }

    /// Returns whether so many are as expected.
    pub(crate) fn holds(&self, count: u64) -> bool {
        (self.least..=self.most).contains(&count)
    }

    /// Returns what is wrong with so many.
    pub(crate) fn failure(&self, count: u64, nearest: Option<(Exchange, Vec<String>)>) -> String {
        let name = if self.name.is_empty() { String::new() } else { format!("{}: ", self.name) };
        let wanted = match (self.least, self.most) {
            (0, 0) => "none".to_owned(),
            (least, most) if least == most => format!("{least}"),
            (least, u64::MAX) => format!("at least {least}"),
            (0, most) => format!("at most {most}"),
            (least, most) => format!("{least} to {most}"),
        };
        let mut text = format!("{name}expected {wanted} of {}, got {count}", self.pattern);
        if let Some((exchange, mismatches)) = nearest.filter(|_| count < self.least) {
            let Exchange { id, method, target, .. } = exchange;
            text.push_str(&format!("; the nearest is request {id}, {method} {target}: {}", mismatches.join("; ")));
        }
        text
    }
}

/// The expectations that do not hold, each with the nearest request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unmet(pub(crate) Vec<String>);

impl Unmet {
    /// Returns the expectations that do not hold, each as a text.
    pub fn failures(&self) -> &[String] {
        &self.0
    }
}

impl fmt::Display for Unmet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.join("; "))
    }
}

impl std::error::Error for Unmet {}

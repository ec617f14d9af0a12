//! Who calls: which credentials of the operation's security schemes a request carries.

use std::collections::BTreeMap;

use http::{HeaderMap, header};
use user_status_openapi::{Contract, Operation, SchemeKind};

/// The credentials that a request carries, by the name of the security scheme.
pub(crate) struct Presented(BTreeMap<String, Value>);

enum Value {
    Given(String),
    /// There is something under the name, and not in the scheme's form.
    Malformed,
}

impl Presented {
    /// Reads what the operation's security schemes name.
    pub(crate) fn read(contract: &Contract, operation: &Operation, headers: &HeaderMap) -> Presented {
        let mut presented = BTreeMap::new();
        for name in operation.security.iter().flatten() {
            let Some(scheme) = contract.scheme(name) else { continue };
            let value = match &scheme.kind {
                SchemeKind::Header(header) => one(headers, header),
                SchemeKind::Cookie(cookie) => find_cookie(headers, cookie),
                SchemeKind::Bearer => one(headers, header::AUTHORIZATION.as_str()).map(bearer),
            };
            if let Some(value) = value {
                presented.insert(name.clone(), value);
            }
        }
        Presented(presented)
    }

    /// A credential; `None` if it is missing or not in the scheme's form.
    pub(crate) fn get(&self, scheme: &str) -> Option<&str> {
        match self.0.get(scheme) {
            Some(Value::Given(value)) => Some(value),
            _ => None,
        }
    }

    /// Whether there is anything under the scheme's name.
    pub(crate) fn has(&self, scheme: &str) -> bool {
        self.0.contains_key(scheme)
    }
}

/// A header that is there once. Twice is ambiguous, and no credential.
fn one(headers: &HeaderMap, name: &str) -> Option<Value> {
    let mut values = headers.get_all(name).iter();
    let first = values.next()?;
    match (first.to_str(), values.next()) {
        (Ok(text), None) => Some(Value::Given(text.to_owned())),
        _ => Some(Value::Malformed),
    }
}

fn bearer(value: Value) -> Value {
    match value {
        Value::Given(text) => match text.split_once(' ') {
            Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") && !token.trim().is_empty() => {
                Value::Given(token.trim().to_owned())
            }
            _ => Value::Malformed,
        },
        Value::Malformed => Value::Malformed,
    }
}

/// A cookie that is there once. Twice is ambiguous, and no credential.
fn find_cookie(headers: &HeaderMap, name: &str) -> Option<Value> {
    let mut found = headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|cookies| cookies.split(';'))
        .filter_map(|cookie| cookie.trim().split_once('='))
        .filter(|(found, _)| *found == name);
    let (_, first) = found.next()?;
    Some(if found.next().is_none() { Value::Given(first.to_owned()) } else { Value::Malformed })
}

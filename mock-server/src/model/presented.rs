//! Who calls: which credentials of the operation's security schemes a request carries.

use std::borrow::Cow;

use http::{HeaderMap, HeaderName, header};
use user_status_openapi::{Contract, Operation, Scheme, SchemeKind};

/// The credentials that a request carries, by the name of the security scheme.
pub(crate) struct PresentedCredentials<'a> {
    headers: &'a HeaderMap,
    values: Vec<(&'a str, Value<'a>)>,
}

#[derive(Clone, Copy)]
enum Value<'a> {
    Given(&'a str),
    /// There is something under the name, and not in the scheme's form.
    Malformed,
}

impl<'a> PresentedCredentials<'a> {
    /// Reads what the operation's security schemes name. Where a name depends on the tenant, it is that of `tenant`.
    pub(crate) fn read(
        contract: &Contract,
        operation: &'a Operation,
        headers: &'a HeaderMap,
        tenant: Option<&str>,
    ) -> PresentedCredentials<'a> {
        let mut values: Vec<(&str, Value<'a>)> = Vec::new();
        for name in operation.security.iter().flatten() {
            let Some(scheme) = contract.scheme(name) else { continue };
            let value = match &scheme.kind {
                SchemeKind::Header(header) => one(headers, &wire_name(scheme, header, tenant)),
                SchemeKind::Cookie(cookie) => find_cookie(headers, &wire_name(scheme, cookie, tenant)),
                SchemeKind::Bearer => one(headers, header::AUTHORIZATION.as_str()).map(bearer),
            };
            if let Some(value) = value.filter(|_| values.iter().all(|(known, _)| known != name)) {
                values.push((name, value));
            }
        }
        PresentedCredentials { headers, values }
    }

    /// A credential; `None` if it is missing or not in the scheme's form.
    pub(crate) fn get(&self, scheme: &str) -> Option<&str> {
        match self.find(scheme)? {
            Value::Given(value) => Some(value),
            Value::Malformed => None,
        }
    }

    /// Returns whether there is anything under the scheme's name.
    pub(crate) fn has(&self, scheme: &str) -> bool {
        self.find(scheme).is_some()
    }

    fn find(&self, scheme: &str) -> Option<Value<'a>> {
        self.values.iter().find(|(name, _)| *name == scheme).map(|(_, value)| *value)
    }

    /// The rest of the name of a cookie that starts like this.
    pub(crate) fn cookie_that_starts(&self, start: &str) -> Option<&str> {
        cookies(self.headers).find_map(|(name, _)| name.strip_prefix(start))
    }

    /// The rest of the name of a header that starts like this, in lower case.
    pub(crate) fn header_that_starts(&self, start: &str) -> Option<&str> {
        self.headers.keys().map(HeaderName::as_str).find_map(|name| name.strip_prefix(start))
    }
}

/// The name under which a credential travels.
pub(crate) fn wire_name<'a>(scheme: &'a Scheme, name: &'a str, tenant: Option<&str>) -> Cow<'a, str> {
    match (&scheme.name_template, tenant) {
        (Some(template), Some(tenant)) => Cow::Owned(template.replace("{tenant}", tenant)),
        _ => Cow::Borrowed(name),
    }
}

/// A header that is there once. Twice is ambiguous, and no credential.
fn one<'a>(headers: &'a HeaderMap, name: &str) -> Option<Value<'a>> {
    let mut values = headers.get_all(name).iter();
    let first = values.next()?;
    match (first.to_str(), values.next()) {
        (Ok(text), None) => Some(Value::Given(text)),
        _ => Some(Value::Malformed),
    }
}

fn bearer(value: Value<'_>) -> Value<'_> {
    match value {
        Value::Given(text) => match text.split_once(' ') {
            Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") && !token.trim().is_empty() => {
                Value::Given(token.trim())
            }
            _ => Value::Malformed,
        },
        malformed => malformed,
    }
}

/// A cookie that is there once. Twice is ambiguous, and no credential.
fn find_cookie<'a>(headers: &'a HeaderMap, name: &str) -> Option<Value<'a>> {
    let mut found = cookies(headers).filter(|(found, _)| *found == name);
    let (_, first) = found.next()?;
    Some(if found.next().is_none() { Value::Given(first) } else { Value::Malformed })
}

fn cookies(headers: &HeaderMap) -> impl Iterator<Item = (&str, &str)> {
    let values = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|cookies| cookies.split(';')).filter_map(|cookie| cookie.trim().split_once('='))
}

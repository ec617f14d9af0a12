//! Accounts that must not be changed: the caller's own, and protected ones.

use serde_json::Value;

use crate::config::Config;
use crate::config::file::Profile;
use crate::failure::Failure;
use crate::output::visible;

/// Refuses to change the caller's own account, or a protected one. Before anything is sent, and before credentials are
/// fetched.
pub(crate) fn check(config: &Config, name: &str, profile: &Profile, user: &str) -> Result<(), Failure> {
    let common = &profile.common;
    let path = config.path.display();
    if common.own_account.as_ref().is_some_and(|own| same(&own.0, user)) {
        return Err(own_account(name, user, &format!("`own_account` in {path}")));
    }
    let here = common.protected.iter().any(|account| same(&account.0, user));
    let everywhere = config
        .protected
        .iter()
        .filter_map(|account| account.split_once(':'))
        .any(|(system, account)| system == name && same(account, user));
    if here || everywhere {
        let problem = format!("{name} {} is protected, and not changed", visible(user));
        return Err(Failure::safety(problem).next(format!("`protected` in {path} says so.")));
    }
    Ok(())
}

/// Refuses to change the account that the credentials are of, if they say whose they are.
pub(crate) fn check_subject(name: &str, subject: Option<&str>, user: &str) -> Result<(), Failure> {
    match subject {
        Some(subject) if same(subject, user) => Err(own_account(name, user, "the token of this profile")),
        _ => Ok(()),
    }
}

/// Returns whose a token is, if it is a JWT that says so. Its signature is the system's business.
pub(crate) fn subject(token: &str) -> Option<String> {
    let mut parts = token.split('.');
    let (_, payload, _) = (parts.next()?, parts.next()?, parts.next()?);
    let claims: Value = serde_json::from_slice(&base64url(payload)?).ok()?;
    match &claims["sub"] {
        Value::String(subject) if !subject.is_empty() => Some(subject.clone()),
        Value::Number(subject) => Some(subject.to_string()),
        _ => None,
    }
}

fn own_account(name: &str, user: &str, source: &str) -> Failure {
    let problem = format!("{name} {} is your own account, and not changed", visible(user));
    Failure::safety(problem).next(format!("{} says so. Ask a colleague to change it.", capital(source)))
}

/// Returns whether two ids are of one account, as far as it can be told: systems differ in whether they tell `A` from `a`.
fn same(one: &str, other: &str) -> bool {
    one.trim().eq_ignore_ascii_case(other.trim())
}

fn capital(text: &str) -> String {
    let mut characters = text.chars();
    characters.next().map(|first| first.to_uppercase().chain(characters).collect()).unwrap_or_default()
}

/// Reads base64url, with or without padding.
fn base64url(text: &str) -> Option<Vec<u8>> {
    let (mut bytes, mut bits, mut count) = (Vec::new(), 0u32, 0);
    for c in text.trim_end_matches('=').bytes() {
        let value = match c {
            b'A'..=b'Z' => c - b'A',
            b'a'..=b'z' => c - b'a' + 26,
            b'0'..=b'9' => c - b'0' + 52,
            b'-' => 62,
            b'_' => 63,
            _ => return None,
        };
        bits = bits << 6 | u32::from(value);
        count += 6;
        if count >= 8 {
            count -= 8;
            bytes.push((bits >> count) as u8);
            bits &= (1 << count) - 1;
        }
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_says_whose_it_is_if_it_can() {
        for (payload, whose) in [
            ("eyJzdWIiOiI3In0", Some("7")),
            ("eyJzdWIiOiI3In0=", Some("7")),
            ("eyJzdWIiOjd9", Some("7")),
            ("eyJzdWIiOiIifQ", None),
            ("eyJpZCI6N30", None),
            ("W10", None),
            ("????", None),
            ("", None),
        ] {
            assert_eq!(subject(&format!("head.{payload}.signature")).as_deref(), whose, "{payload}");
        }
        for token in ["", "plain", "a.b", "..", "\u{fffd}.\u{fffd}.\u{fffd}"] {
            assert_eq!(subject(token), None, "{token}");
        }
    }
}

//! What a change means where it depends on what was and what is.

use serde_json::Value;

use super::rules::{self, Classification};
use super::walk::{Pair, Walk};
use super::{Class, Side};
use Class::{Breaking, Compatible, Documentation};

pub(super) fn openapi(_: &Walk<'_>, pair: &Pair<'_>) -> Classification {
    let same =
        [&pair.old, &pair.new].map(|found| found.value.and_then(Value::as_str)?.rsplit_once('.').map(|(line, _)| line));
    if same[0] == same[1] {
        (Documentation, "the same form of document")
    } else {
        (Breaking, "another form of document")
    }
}

pub(super) fn tag(_: &Walk<'_>, tag: &Pair<'_>) -> Classification {
    if tag.is_added() {
        (Compatible, "a system more")
    } else {
        (Breaking, "the system is gone, and its generated module")
    }
}

/// The schemas that the hand-written types of the SDK have: what is asked for, and what is answered.
pub(super) fn vocabulary<'a>(walk: &mut Walk<'a>, pair: &Pair<'a>) {
    for (name, sides) in [
        ("system", [Side::Request, Side::Response].as_slice()),
        ("change", &[Side::Request]),
        ("status", &[Side::Response]),
    ] {
        sides.iter().for_each(|side| walk.schema(&pair.member(name).on(*side)));
    }
}

pub(super) fn type_name(_: &Walk<'_>, schema: &Pair<'_>) -> Classification {
    if schema.is_added() {
        (Compatible, "a generated type more")
    } else {
        (Breaking, "the generated type has this name")
    }
}

pub(super) fn scheme(_: &Walk<'_>, scheme: &Pair<'_>) -> Classification {
    if scheme.is_added() {
        (Compatible, "nobody uses it yet")
    } else {
        (Breaking, "a credential that was taken is not any more")
    }
}

/// The machine is the caller's to say. A path in the URL of a server may as well stand in the paths themselves.
pub(super) fn servers(walk: &Walk<'_>, pair: &Pair<'_>) -> Classification {
    let path = |servers: Option<&Value>| {
        let url = servers?.get(0)?.get("url")?.as_str()?;
        Some(user_status_openapi::path_of_url(url).to_owned())
    };
    if path(pair.old.value) == path(pair.new.value) {
        return (Documentation, "every caller gives the address of the machine");
    }
    match walk.addresses(pair) {
        (old, new) if old == new => SAME_URL,
        _ => (Breaking, "the base path is another: the request goes elsewhere"),
    }
}

pub(super) const SAME_URL: Classification =
    (Documentation, "the URL is the same: its base path is written in another place");

/// The path in which the base URLs of a system end.
pub(super) fn base_path(walk: &Walk<'_>, tag: &Pair<'_>) -> Classification {
    match walk.bases(tag) {
        (old, new) if old == new => SAME_URL,
        _ => (Breaking, "the base URL that callers give ends in another path"),
    }
}

pub(super) fn parameter(_: &Walk<'_>, parameter: &Pair<'_>) -> Classification {
    match parameter.new.value {
        None => (Breaking, "whoever sends it cannot any more, and the generated method for it is gone"),
        Some(added) if is_true(added.get("required")) => (Breaking, "requests do not have it"),
        Some(_) => (Compatible, "requests may leave it out"),
    }
}

pub(super) fn request_body<'a>(walk: &mut Walk<'a>, pair: &Pair<'a>) {
    let pair = walk.resolved(&pair.on(Side::Request));
    match (pair.old.value, pair.new.value) {
        (Some(_), Some(_)) => walk.members(&pair, rules::REQUEST_BODY),
        (None, Some(body)) if !is_true(body.get("required")) => {
            walk.record(&pair, (Compatible, "requests may leave it out"));
        }
        (None, Some(_)) => walk.record(&pair, (Breaking, "requests do not have it")),
        _ => walk.record(&pair, (Breaking, "whoever sends it cannot any more")),
    }
}

/// Failures are told apart by kind of status code, so one more is one that clients know; a success that a client does not
/// know counts as unknown. One less is one that the mock server cannot be told to answer any more.
pub(super) fn response(_: &Walk<'_>, response: &Pair<'_>) -> Classification {
    let code = response.new.at.rsplit('/').next().unwrap_or_default();
    match code.as_bytes().first() {
        _ if response.is_removed() => {
            (Breaking, "whoever waits for it, or has the mock server send it, cannot any more")
        }
        Some(b'4' | b'5') => (Compatible, "clients know every failure by its kind"),
        _ => (Breaking, "clients take a success that they do not know for an unknown outcome"),
    }
}

pub(super) fn header(_: &Walk<'_>, header: &Pair<'_>) -> Classification {
    if header.is_added() { (Compatible, "nobody reads it yet") } else { (Breaking, "whoever reads it cannot any more") }
}

pub(super) fn content<'a>(walk: &mut Walk<'a>, pair: &Pair<'a>) {
    fn media_type(_: &Walk<'_>, media_type: &Pair<'_>) -> Classification {
        if media_type.is_added() {
            (Compatible, "who does not ask for it does not get it")
        } else {
            (Breaking, "whoever speaks it cannot any more")
        }
    }
    walk.each(pair, media_type, |walk, pair| walk.members(pair, rules::MEDIA_TYPE));
}

/// Alternatives, each a set of schemes that are needed together.
pub(super) fn security(_: &Walk<'_>, pair: &Pair<'_>) -> Classification {
    let alternatives = |list: Option<&Value>| list.and_then(Value::as_array).cloned().unwrap_or_default();
    let (old, new) = (alternatives(pair.old.value), alternatives(pair.new.value));
    if old.iter().all(|alternative| new.contains(alternative)) && !pair.is_added() && !pair.is_removed() {
        (Compatible, "every way to present credentials is still there")
    } else {
        (Breaking, "credentials that were enough are not any more")
    }
}

/// Returns what may be sent twice, from the strongest promise to none.
pub(super) fn idempotence(_: &Walk<'_>, pair: &Pair<'_>) -> Classification {
    let needed = |value: Option<&Value>| -> Option<Vec<Value>> {
        match value? {
            Value::Bool(true) => Some(Vec::new()),
            Value::Bool(false) => None,
            other => other.get("when-body-has")?.as_array().cloned(),
        }
    };
    match (needed(pair.old.value), needed(pair.new.value)) {
        (None, _) => (Compatible, "a call that failed is retried, where it was not before"),
        (Some(old), Some(new)) if new.iter().all(|member| old.contains(member)) => {
            (Compatible, "more calls that failed may be repeated")
        }
        _ => (Breaking, "a call that failed is not retried any more, where it was before"),
    }
}

pub(super) fn property(_: &Walk<'_>, property: &Pair<'_>) -> Classification {
    match (property.is_added(), property.side) {
        // That it must be there is said by `required`.
        (true, Some(Side::Request)) => (Compatible, "requests may leave it out"),
        (true, _) => (Compatible, "who does not know it passes it over"),
        (false, Some(Side::Request)) => (Breaking, "whoever sends it cannot any more"),
        (false, _) => (Breaking, "whoever reads it cannot any more"),
    }
}

/// The values of an enumeration. One that comes or goes as a whole is a constraint like another.
pub(super) fn words<'a>(walk: &mut Walk<'a>, pair: &Pair<'a>) {
    if !pair.differs() {
        return;
    }
    if pair.is_added() || pair.is_removed() {
        let verdict = narrowing(pair, pair.is_added(), pair.is_removed());
        return walk.record(pair, verdict);
    }
    let closed = walk.is_closed(pair.old.at.trim_end_matches("/enum"));
    walk.items(pair, match closed {
        true => |_, item| if item.is_removed() { WORD_GONE } else {
            (Breaking, "the generated enumeration is closed: it does not read the value, and a match on it does not compile")
        },
        false => |_, item| if item.is_removed() { WORD_GONE } else {
            (Compatible, "the generated enumeration is open: a value that is not known is kept as it came")
        },
    });
}

const WORD_GONE: Classification =
    (Breaking, "it may be refused, and the generated enumeration has no name for it any more");

/// The names of values that are there in both.
pub(super) fn word_names(_: &Walk<'_>, pair: &Pair<'_>) -> Classification {
    match (pair.old.value, pair.new.value) {
        (Some(Value::Array(old)), Some(Value::Array(new))) if new.starts_with(old) => {
            (Compatible, "the values that were there have the names that they had")
        }
        _ => (Breaking, "the values have other names in generated code"),
    }
}

/// The formats that the generator makes types of.
const TYPED_FORMATS: [&str; 5] = ["password", "int32", "int64", "float", "double"];

/// On a string a format narrows what travels; on a number, or as a secret, it is the generated type.
pub(super) fn format(_: &Walk<'_>, pair: &Pair<'_>) -> Classification {
    let of_type = [&pair.old, &pair.new]
        .iter()
        .any(|found| found.value.and_then(Value::as_str).is_some_and(|format| TYPED_FORMATS.contains(&format)));
    if of_type {
        (Breaking, "the generated type is another")
    } else {
        narrowing(pair, pair.is_added(), pair.is_removed())
    }
}

pub(super) fn lower_bound(_: &Walk<'_>, pair: &Pair<'_>) -> Classification {
    bound(pair, |a, b| a > b)
}

pub(super) fn upper_bound(_: &Walk<'_>, pair: &Pair<'_>) -> Classification {
    bound(pair, |a, b| a < b)
}

fn bound(pair: &Pair<'_>, tighter: fn(f64, f64) -> bool) -> Classification {
    match (pair.old.value.and_then(Value::as_f64), pair.new.value.and_then(Value::as_f64)) {
        (Some(old), Some(new)) => narrowing(pair, tighter(new, old), tighter(old, new)),
        (old, new) => narrowing(pair, old.is_none() && new.is_some(), old.is_some() && new.is_none()),
    }
}

/// A member that is `true` or `false`, and `false` when it is left out.
pub(super) fn flag(pair: &Pair<'_>, narrows: bool) -> Classification {
    match (is_true(pair.old.value), is_true(pair.new.value)) {
        (old, new) if old == new => (Documentation, "it is `false` when it is left out"),
        (_, new) => narrowing(pair, new == narrows, new != narrows),
    }
}

pub(super) fn additional(_: &Walk<'_>, pair: &Pair<'_>) -> Classification {
    let open = |value: Option<&Value>| matches!(value, None | Some(Value::Bool(true)));
    match (pair.old.value, pair.new.value) {
        (old, new) if open(old) && open(new) => (Documentation, "open is what it is when nothing is said"),
        (_, Some(Value::Bool(false))) => (Breaking, "members that were passed over are refused"),
        (_, new) => narrowing(pair, false, open(new)),
    }
}

/// Contravariance. What is asked of callers may only be less than it was, what is promised to them only more. Whoever
/// cannot say which it is passes neither.
pub(super) fn narrowing(pair: &Pair<'_>, narrower: bool, wider: bool) -> Classification {
    match (pair.side, narrower, wider) {
        (Some(Side::Request), false, true) => (Compatible, "what was accepted is accepted"),
        (Some(Side::Request), true, false) => (Breaking, "what was accepted may be refused"),
        (Some(Side::Response), true, false) => (Compatible, "what was promised is promised"),
        (Some(Side::Response), false, true) => (Breaking, "what was promised may not be so any more"),
        _ => (Breaking, "what was right may not be so any more"),
    }
}

pub(super) fn is_true(value: Option<&Value>) -> bool {
    value == Some(&Value::Bool(true))
}

//! What a change of each member means: one table per kind of object of the document.

use serde_json::Value;

use super::walk::{Pair, Walk};
use super::{Class, Side};
use Class::{Breaking, Compatible, Documentation};
use Rule::{Elsewhere, Into, Is, Items, Judge};

/// A class, and why.
pub(super) type Verdict = (Class, &'static str);

/// What a change of a member means.
pub(super) enum Rule {
    /// The same for every change.
    Is(Class, &'static str),
    /// It depends on what was and what is.
    Judge(for<'a> fn(&Walk<'a>, &Pair<'a>) -> Verdict),
    /// The member is a list that is a set; each item that comes or goes is judged.
    Items(for<'a> fn(&Walk<'a>, &Pair<'a>) -> Verdict),
    /// The member is compared by members of its own.
    Into(for<'a> fn(&mut Walk<'a>, &Pair<'a>)),
    /// Compared from another place.
    Elsewhere,
}

/// The rules of an object, by member.
pub(super) type Table = &'static [(&'static str, Rule)];

/// Of a member that no table has.
pub(super) const UNKNOWN: Verdict =
    (Breaking, "no rule says that it is compatible; if it is, the tables of the tool must say so");

const READ: Rule = Is(Documentation, "people read it, and no program");

pub(super) const DOCUMENT: Table = &[
    ("openapi", Judge(openapi)),
    ("info", Into(|walk, pair| walk.members(pair, INFO))),
    ("servers", Is(Documentation, "each path has servers of its own, which take precedence")),
    ("externalDocs", READ),
    ("tags", Into(|walk, pair| walk.keyed(pair, |tag| vec![&tag["name"]], tag, |walk, pair| walk.members(pair, TAG)))),
    ("x-vocabulary", Into(vocabulary)),
    ("paths", Into(|walk, pair| walk.operations(pair))),
    ("components", Into(|walk, pair| walk.members(pair, COMPONENTS))),
];

const INFO: Table = &[
    // What it must be follows from the changes.
    ("version", Elsewhere),
    ("title", READ),
    ("description", READ),
    ("termsOfService", READ),
    ("contact", READ),
    ("license", READ),
];

const TAG: Table = &[("name", Elsewhere), ("description", READ), ("externalDocs", READ), ("x-displayName", READ)];

/// Schemas are compared where they are used; by themselves they are the names of generated types.
const COMPONENTS: Table = &[
    ("schemas", Into(|walk, pair| walk.each(pair, type_name, |_, _| {}))),
    ("securitySchemes", Into(|walk, pair| walk.each(pair, scheme, |walk, pair| walk.members(pair, SCHEME)))),
    ("examples", Is(Documentation, "an example is no promise; the schemas are")),
];

const SCHEME: Table = &[
    ("description", READ),
    ("bearerFormat", Is(Documentation, "a hint for people: a client sends the token as it got it")),
    ("type", Is(Breaking, "the credential travels in another way")),
    ("in", Is(Breaking, "the credential travels in another place")),
    ("name", Is(Breaking, "the credential travels under another name")),
    ("scheme", Is(Breaking, "the credential travels in another way")),
    ("x-name-template", Is(Breaking, "the credential travels under another name for other tenants")),
];

pub(super) const PATH: Table = &[
    ("summary", READ),
    ("description", READ),
    ("servers", Judge(servers)),
    ("get", Elsewhere),
    ("put", Elsewhere),
    ("post", Elsewhere),
    ("delete", Elsewhere),
    ("options", Elsewhere),
    ("head", Elsewhere),
    ("patch", Elsewhere),
    ("trace", Elsewhere),
];

pub(super) const OPERATION: Table = &[
    ("operationId", Is(Breaking, "the generated method has this name, and tests and logs name the operation by it")),
    ("tags", Is(Breaking, "the tag is the system that the operation belongs to, and the generated module")),
    ("summary", READ),
    ("description", READ),
    ("externalDocs", READ),
    ("deprecated", Is(Compatible, "an announcement")),
    (
        "parameters",
        Into(|walk, pair| {
            walk.keyed(
                &pair.on(Side::Request),
                |item| vec![&item["in"], &item["name"]],
                parameter,
                |walk, pair| walk.members(pair, PARAMETER),
            );
        }),
    ),
    ("requestBody", Into(request_body)),
    (
        "responses",
        Into(|walk, pair| {
            walk.each(&pair.on(Side::Response), response, |walk, pair| {
                let pair = walk.resolved(pair);
                walk.members(&pair, RESPONSE);
            })
        }),
    ),
    ("security", Judge(security)),
    ("x-source", READ),
    ("x-contradictions", READ),
    ("x-decisions", READ),
    ("x-idempotent", Judge(idempotence)),
    (
        "x-changes",
        Items(|_, item| {
            if item.is_removed() {
                (Breaking, "whoever asks for this change is refused before anything is sent")
            } else {
                (Compatible, "nobody asks for this change yet")
            }
        }),
    ),
    (
        "x-sample-method",
        Judge(|_, pair| {
            if pair.is_added() {
                (Compatible, "the mock server accepts one method more")
            } else {
                (Breaking, "the mock server no longer accepts this method")
            }
        }),
    ),
];

const PARAMETER: Table = &[
    ("name", Elsewhere),
    ("in", Elsewhere),
    ("description", READ),
    ("example", Is(Documentation, "an example is no promise; the schema is")),
    ("deprecated", Is(Compatible, "an announcement")),
    ("required", Judge(|_, pair| flag(pair, true))),
    ("schema", Into(|walk, pair| walk.schema(pair))),
];

const REQUEST_BODY: Table =
    &[("description", READ), ("required", Judge(|_, pair| flag(pair, true))), ("content", Into(content))];

const RESPONSE: Table = &[
    ("description", READ),
    (
        "headers",
        Into(|walk, pair| {
            walk.each(pair, header, |walk, pair| {
                if pair.differs() {
                    walk.record(pair, UNKNOWN);
                }
            })
        }),
    ),
    ("content", Into(content)),
];

const MEDIA_TYPE: Table = &[
    ("schema", Into(|walk, pair| walk.schema(pair))),
    ("examples", Is(Documentation, "an example is no promise; the schema is")),
    ("example", Is(Documentation, "an example is no promise; the schema is")),
];

pub(super) const SCHEMA: Table = &[
    ("description", READ),
    ("title", READ),
    ("externalDocs", READ),
    ("example", Is(Documentation, "an example is no promise; the schema is")),
    ("deprecated", Is(Compatible, "an announcement")),
    ("type", Is(Breaking, "values of another type travel, and the generated type is another")),
    ("format", Judge(format)),
    ("enum", Into(words)),
    (
        "x-known-values",
        Items(|_, item| {
            if item.is_removed() {
                (Breaking, "the generated enumeration has no name for it any more")
            } else {
                (Compatible, "the set was open before")
            }
        }),
    ),
    ("x-enum-varnames", Judge(word_names)),
    // Whether one pattern takes in another is not decided: one that changed may refuse, and may answer, anything.
    ("pattern", Judge(|_, pair| narrowing(pair, pair.is_added(), pair.is_removed()))),
    ("minLength", Judge(lower_bound)),
    ("minimum", Judge(lower_bound)),
    ("minItems", Judge(lower_bound)),
    ("minProperties", Judge(lower_bound)),
    ("maxLength", Judge(upper_bound)),
    ("maximum", Judge(upper_bound)),
    ("maxItems", Judge(upper_bound)),
    ("maxProperties", Judge(upper_bound)),
    ("uniqueItems", Judge(|_, pair| flag(pair, true))),
    ("nullable", Judge(|_, pair| flag(pair, false))),
    ("required", Items(|_, item| narrowing(item, item.is_added(), item.is_removed()))),
    ("properties", Into(|walk, pair| walk.each(pair, property, |walk, pair| walk.schema(pair)))),
    ("items", Into(|walk, pair| walk.schema(pair))),
    ("additionalProperties", Judge(additional)),
    ("default", Is(Breaking, "what is left out means something else")),
    ("xml", Is(Breaking, "the XML has other names")),
    ("x-credential", Is(Breaking, "whether a client fills it in, and whether logs may show it, is another")),
];

fn openapi(_: &Walk<'_>, pair: &Pair<'_>) -> Verdict {
    let same =
        [&pair.old, &pair.new].map(|found| found.value.and_then(Value::as_str)?.rsplit_once('.').map(|(line, _)| line));
    if same[0] == same[1] {
        (Documentation, "the same form of document")
    } else {
        (Breaking, "another form of document")
    }
}

fn tag(_: &Walk<'_>, tag: &Pair<'_>) -> Verdict {
    if tag.is_added() {
        (Compatible, "a system more")
    } else {
        (Breaking, "the system is gone, and its generated module")
    }
}

/// The schemas that the hand-written types of the SDK have: what is asked for, and what is answered.
fn vocabulary<'a>(walk: &mut Walk<'a>, pair: &Pair<'a>) {
    for (name, sides) in [
        ("vendor", [Side::Request, Side::Response].as_slice()),
        ("change", &[Side::Request]),
        ("status", &[Side::Response]),
    ] {
        sides.iter().for_each(|side| walk.schema(&pair.member(name).on(*side)));
    }
}

fn type_name(_: &Walk<'_>, schema: &Pair<'_>) -> Verdict {
    if schema.is_added() {
        (Compatible, "a generated type more")
    } else {
        (Breaking, "the generated type has this name")
    }
}

fn scheme(_: &Walk<'_>, scheme: &Pair<'_>) -> Verdict {
    if scheme.is_added() {
        (Compatible, "nobody uses it yet")
    } else {
        (Breaking, "a credential that was taken is not any more")
    }
}

/// The path of the first server is where the system mounts its operations; who calls says which machine.
fn servers(_: &Walk<'_>, pair: &Pair<'_>) -> Verdict {
    let base = |servers: Option<&Value>| {
        let url = servers?.get(0)?.get("url")?.as_str()?;
        Some(crate::contract::path_of_url(url).to_owned())
    };
    if base(pair.old.value) == base(pair.new.value) {
        (Documentation, "every caller gives the address of the machine")
    } else {
        (Breaking, "the base path is another: the request goes elsewhere")
    }
}

fn parameter(_: &Walk<'_>, parameter: &Pair<'_>) -> Verdict {
    match parameter.new.value {
        None => (Breaking, "whoever sends it cannot any more, and the generated method for it is gone"),
        Some(added) if is_true(added.get("required")) => (Breaking, "requests do not have it"),
        Some(_) => (Compatible, "requests may leave it out"),
    }
}

fn request_body<'a>(walk: &mut Walk<'a>, pair: &Pair<'a>) {
    let pair = walk.resolved(&pair.on(Side::Request));
    match (pair.old.value, pair.new.value) {
        (Some(_), Some(_)) => walk.members(&pair, REQUEST_BODY),
        (None, Some(body)) if !is_true(body.get("required")) => {
            walk.record(&pair, (Compatible, "requests may leave it out"));
        }
        (None, Some(_)) => walk.record(&pair, (Breaking, "requests do not have it")),
        _ => walk.record(&pair, (Breaking, "whoever sends it cannot any more")),
    }
}

/// Failures are told apart by kind of status code, so one more is one that clients know; a success that a client does not
/// know counts as unknown. One less is one that the mock server cannot be told to answer any more.
fn response(_: &Walk<'_>, response: &Pair<'_>) -> Verdict {
    let code = response.new.at.rsplit('/').next().unwrap_or_default();
    match code.as_bytes().first() {
        _ if response.is_removed() => {
            (Breaking, "whoever waits for it, or has the mock server answer it, cannot any more")
        }
        Some(b'4' | b'5') => (Compatible, "clients know every failure by its kind"),
        _ => (Breaking, "clients take a success that they do not know for an unknown outcome"),
    }
}

fn header(_: &Walk<'_>, header: &Pair<'_>) -> Verdict {
    if header.is_added() { (Compatible, "nobody reads it yet") } else { (Breaking, "whoever reads it cannot any more") }
}

fn content<'a>(walk: &mut Walk<'a>, pair: &Pair<'a>) {
    fn media_type(_: &Walk<'_>, media_type: &Pair<'_>) -> Verdict {
        if media_type.is_added() {
            (Compatible, "who does not ask for it does not get it")
        } else {
            (Breaking, "whoever speaks it cannot any more")
        }
    }
    walk.each(pair, media_type, |walk, pair| walk.members(pair, MEDIA_TYPE));
}

/// Alternatives, each a set of schemes that are needed together.
fn security(_: &Walk<'_>, pair: &Pair<'_>) -> Verdict {
    let alternatives = |list: Option<&Value>| list.and_then(Value::as_array).cloned().unwrap_or_default();
    let (old, new) = (alternatives(pair.old.value), alternatives(pair.new.value));
    if old.iter().all(|alternative| new.contains(alternative)) && !pair.is_added() && !pair.is_removed() {
        (Compatible, "every way to present credentials is still there")
    } else {
        (Breaking, "credentials that were enough are not any more")
    }
}

/// What may be sent twice, from the strongest promise to none.
fn idempotence(_: &Walk<'_>, pair: &Pair<'_>) -> Verdict {
    let needed = |value: Option<&Value>| -> Option<Vec<Value>> {
        match value? {
            Value::Bool(true) => Some(Vec::new()),
            Value::Bool(false) => None,
            other => other.get("when-body-has")?.as_array().cloned(),
        }
    };
    match (needed(pair.old.value), needed(pair.new.value)) {
        (None, _) => (Compatible, "a call that failed may be repeated, where it was given up before"),
        (Some(old), Some(new)) if new.iter().all(|member| old.contains(member)) => {
            (Compatible, "more calls that failed may be repeated")
        }
        _ => (Breaking, "a call that failed is given up, where it was repeated before"),
    }
}

fn property(_: &Walk<'_>, property: &Pair<'_>) -> Verdict {
    match (property.is_added(), property.side) {
        // That it must be there is said by `required`.
        (true, Some(Side::Request)) => (Compatible, "requests may leave it out"),
        (true, _) => (Compatible, "who does not know it passes it over"),
        (false, Some(Side::Request)) => (Breaking, "whoever sends it cannot any more"),
        (false, _) => (Breaking, "whoever reads it cannot any more"),
    }
}

/// The values of an enumeration. One that comes or goes as a whole is a constraint like another.
fn words<'a>(walk: &mut Walk<'a>, pair: &Pair<'a>) {
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

const WORD_GONE: Verdict = (Breaking, "it may be refused, and the generated enumeration has no name for it any more");

/// The names of values that are there in both.
fn word_names(_: &Walk<'_>, pair: &Pair<'_>) -> Verdict {
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
fn format(_: &Walk<'_>, pair: &Pair<'_>) -> Verdict {
    let of_type = [&pair.old, &pair.new]
        .iter()
        .any(|found| found.value.and_then(Value::as_str).is_some_and(|format| TYPED_FORMATS.contains(&format)));
    if of_type {
        (Breaking, "the generated type is another")
    } else {
        narrowing(pair, pair.is_added(), pair.is_removed())
    }
}

fn lower_bound(_: &Walk<'_>, pair: &Pair<'_>) -> Verdict {
    bound(pair, |a, b| a > b)
}

fn upper_bound(_: &Walk<'_>, pair: &Pair<'_>) -> Verdict {
    bound(pair, |a, b| a < b)
}

fn bound(pair: &Pair<'_>, tighter: fn(f64, f64) -> bool) -> Verdict {
    match (pair.old.value.and_then(Value::as_f64), pair.new.value.and_then(Value::as_f64)) {
        (Some(old), Some(new)) => narrowing(pair, tighter(new, old), tighter(old, new)),
        (old, new) => narrowing(pair, old.is_none() && new.is_some(), old.is_some() && new.is_none()),
    }
}

/// A member that is `true` or `false`, and `false` when it is left out.
fn flag(pair: &Pair<'_>, narrows: bool) -> Verdict {
    match (is_true(pair.old.value), is_true(pair.new.value)) {
        (old, new) if old == new => (Documentation, "it is `false` when it is left out"),
        (_, new) => narrowing(pair, new == narrows, new != narrows),
    }
}

fn additional(_: &Walk<'_>, pair: &Pair<'_>) -> Verdict {
    let open = |value: Option<&Value>| matches!(value, None | Some(Value::Bool(true)));
    match (pair.old.value, pair.new.value) {
        (old, new) if open(old) && open(new) => (Documentation, "open is what it is when nothing is said"),
        (_, Some(Value::Bool(false))) => (Breaking, "members that were passed over are refused"),
        (_, new) => narrowing(pair, false, open(new)),
    }
}

/// Contravariance. What is asked of callers may only be less than it was, what is promised to them only more. Whoever
/// cannot say which it is passes neither.
fn narrowing(pair: &Pair<'_>, narrower: bool, wider: bool) -> Verdict {
    match (pair.side, narrower, wider) {
        (Some(Side::Request), false, true) => (Compatible, "what was accepted is accepted"),
        (Some(Side::Request), true, false) => (Breaking, "what was accepted may be refused"),
        (Some(Side::Response), true, false) => (Compatible, "what was promised is promised"),
        (Some(Side::Response), false, true) => (Breaking, "what was promised may not be so any more"),
        _ => (Breaking, "what was right may not be so any more"),
    }
}

fn is_true(value: Option<&Value>) -> bool {
    value == Some(&Value::Bool(true))
}

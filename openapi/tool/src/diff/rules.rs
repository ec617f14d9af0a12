//! What a change of each member means: one table per kind of object of the document.

use super::classify::{
    additional, base_path, content, flag, format, header, idempotence, lower_bound, narrowing, openapi, parameter,
    property, request_body, response, scheme, security, servers, tag, type_name, upper_bound, vocabulary, word_names,
    words,
};
use super::walk::{Pair, Walk};
use super::{Class, Side};
use Class::{Breaking, Compatible, Documentation};
use Rule::{Elsewhere, Into, Is, Items, Judge};

/// A class, and why.
pub(super) type Classification = (Class, &'static str);

/// The meaning of a change of a member.
pub(super) enum Rule {
    /// The same for every change.
    Is(Class, &'static str),
    /// It depends on what was and what is.
    Judge(for<'a> fn(&Walk<'a>, &Pair<'a>) -> Classification),
    /// The member is a list that is a set; each item that comes or goes is judged.
    Items(for<'a> fn(&Walk<'a>, &Pair<'a>) -> Classification),
    /// The member is compared by members of its own.
    Into(for<'a> fn(&mut Walk<'a>, &Pair<'a>)),
    /// Compared from another place.
    Elsewhere,
}

/// The rules of an object, by member.
pub(super) type Table = &'static [(&'static str, Rule)];

/// Of a member that no table has.
pub(super) const UNKNOWN: Classification =
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

const TAG: Table = &[
    ("name", Elsewhere),
    ("description", READ),
    ("externalDocs", READ),
    ("x-displayName", READ),
    ("x-base-path", Judge(base_path)),
];

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

pub(super) const REQUEST_BODY: Table =
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

pub(super) const MEDIA_TYPE: Table = &[
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

//! Every change of the contract is noticed, is called what it is for those who hold to the older one, and asks for a
//! version that says so.

use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};
use user_status_contract::diff::{Class, ContractChange, Side, Version};
use user_status_contract::{self as tool, Diff, Source};
use user_status_openapi::Contract;

use crate::contract::document::Copy;

use Class::{Breaking, Compatible, Documentation};

fn diff(old: &Value, new: &Value) -> Diff {
    Diff::between(("old", old), ("new", new)).unwrap_or_else(|findings| panic!("{findings:#?}"))
}

/// A change of the contract at one place.
enum Edit {
    Set(Value),
    Remove,
    /// To the end of a list.
    Push(Value),
    /// The last of a list.
    Pop,
    /// The member is called otherwise.
    Rename(&'static str),
    /// The member is called otherwise, wherever it is referred to.
    RenameSchema(&'static str),
}

use Edit::{Pop, Push, Remove, Rename, RenameSchema, Set};

fn edited(document: &Value, pointer: &str, edit: &Edit) -> Value {
    let mut document = document.clone();
    let (parent, token) = pointer.rsplit_once('/').unwrap();
    let name = token.replace("~1", "/").replace("~0", "~");
    let place = document.pointer_mut(parent).unwrap_or_else(|| panic!("{parent} is in the contract"));
    match edit {
        Set(value) => match place {
            Value::Array(items) => items[name.parse::<usize>().unwrap()] = value.clone(),
            other => other[&name] = value.clone(),
        },
        Remove => match place {
            Value::Array(items) => drop(items.remove(name.parse().unwrap())),
            other => drop(other.as_object_mut().unwrap().shift_remove(&name).unwrap()),
        },
        Push(value) => place[&name].as_array_mut().unwrap().push(value.clone()),
        Pop => drop(place[&name].as_array_mut().unwrap().pop().unwrap()),
        Rename(to) | RenameSchema(to) => {
            let members = place.as_object_mut().unwrap();
            let value = members.shift_remove(&name).unwrap();
            members.insert(to.to_string(), value);
        }
    }
    if let RenameSchema(to) = edit {
        let text = document.to_string().replace(&format!("schemas/{name}\""), &format!("schemas/{to}\""));
        document = serde_json::from_str(&text).unwrap();
    }
    assert_ne!(document, *Contract::embedded().document(), "the edit of {pointer} changes something");
    document
}

const USERDOCKS: &str = "/paths/~1api~1v1~1users~1{userId}~1access-status~1{accessStatus}";
const AKANA: &str = "/paths/~1api~1users~1{UserID}~1status";
const MEDICONNECT: &str = "/paths/~1api~1admin~1users~1{id}~1status";
const SYMPHONY: &str = "/paths/~1pod~1v1~1admin~1user~1{uid}~1status~1update";
const CLEARSQUARE: &str = "/paths/~1api~1users~1manage-status";
const SCHEMAS: &str = "/components/schemas";

/// What a change is called, for what travels in requests and what travels in answers.
type Expected = Vec<(Option<Side>, Class)>;

/// Single changes, each with what it must be called.
fn cases() -> Vec<(String, Edit, Expected)> {
    let at = |base: &str, rest: &str| format!("{base}{rest}");
    let request = |class| vec![(Some(Side::Request), class)];
    let response = |class| vec![(Some(Side::Response), class)];
    let both = |request, response| vec![(Some(Side::Request), request), (Some(Side::Response), response)];
    let whole = |class| vec![(None, class)];
    let text = || json!({ "type": "string", "description": "New." });
    vec![
        // Operations.
        (at(AKANA, "/put/operationId"), Set(json!("setUserStatus")), whole(Breaking)),
        (at(AKANA, "/put"), Rename("post"), whole(Breaking)),
        (AKANA.into(), Rename("/api/users/{UserID}/state"), whole(Breaking)),
        (AKANA.into(), Remove, whole(Breaking)),
        (at(CLEARSQUARE, "/post/tags"), Set(json!(["symphony"])), whole(Breaking)),
        (at(SYMPHONY, "/servers/0/url"), Set(json!("https://{pod}.symphony.com/agent")), whole(Breaking)),
        (at(SYMPHONY, "/servers/0/url"), Set(json!("https://{pod}.symphony.example")), whole(Documentation)),
        (at(SYMPHONY, "/servers"), Remove, whole(Documentation)),
        ("/tags/3/x-base-path".into(), Set(json!("/agent")), whole(Breaking)),
        ("/tags/3/x-base-path".into(), Remove, whole(Breaking)),
        (at(SYMPHONY, "/post/deprecated"), Set(json!(true)), whole(Compatible)),
        // What the extensions say.
        (at(SYMPHONY, "/post/x-idempotent"), Set(json!(false)), whole(Breaking)),
        (at(SYMPHONY, "/post/x-idempotent"), Set(json!({ "when-body-has": ["status"] })), whole(Breaking)),
        (at(CLEARSQUARE, "/post/x-idempotent"), Set(json!(true)), whole(Compatible)),
        (at(MEDICONNECT, "/patch/x-idempotent"), Set(json!(true)), whole(Compatible)),
        (at(MEDICONNECT, "/patch/x-idempotent/when-body-has"), Push(json!("isSuspended")), whole(Breaking)),
        (at(AKANA, "/put/x-changes"), Pop, whole(Breaking)),
        (at(AKANA, "/put/x-changes"), Push(json!("suspend")), whole(Compatible)),
        (at(USERDOCKS, "/put/x-sample-method"), Remove, whole(Breaking)),
        (at(SYMPHONY, "/post/x-sample-method"), Set(json!("PUT")), whole(Compatible)),
        (at(SCHEMAS, "/MediconnectRole/x-known-values"), Push(json!("NURSE")), response(Compatible)),
        (at(SCHEMAS, "/MediconnectRole/x-known-values"), Pop, response(Breaking)),
        (at(SCHEMAS, "/UserdocksAccessStatus/x-enum-varnames"), Set(json!(["Frozen", "Unfreezed"])), request(Breaking)),
        (at(SCHEMAS, "/ClearsquareManageStatusRequest/properties/token/x-credential"), Remove, request(Breaking)),
        ("/components/securitySchemes/akanaCsrf/x-name-template".into(), Set(json!("Csrf_{tenant}")), whole(Breaking)),
        // Credentials.
        (at(USERDOCKS, "/put/security"), Pop, whole(Breaking)),
        (at(SYMPHONY, "/post/security"), Push(json!({ "clearsquareToken": [] })), whole(Compatible)),
        (at(AKANA, "/put/security/0/akanaCsrf"), Remove, whole(Breaking)),
        ("/components/securitySchemes/symphonySession/name".into(), Set(json!("session")), whole(Breaking)),
        ("/components/securitySchemes/akanaSession/in".into(), Set(json!("header")), whole(Breaking)),
        ("/components/securitySchemes/clearsquareToken".into(), Remove, whole(Breaking)),
        (
            "/components/securitySchemes/other".into(),
            Set(json!({ "type": "http", "scheme": "bearer" })),
            whole(Compatible),
        ),
        // Parameters.
        (
            at(SYMPHONY, "/post/parameters"),
            Push(json!({ "name": "X-Trace", "in": "header", "required": true, "schema": text() })),
            request(Breaking),
        ),
        (
            at(SYMPHONY, "/post/parameters"),
            Push(json!({ "name": "X-Trace", "in": "header", "schema": text() })),
            request(Compatible),
        ),
        (at(USERDOCKS, "/put/parameters/1"), Remove, request(Breaking)),
        // Bodies, codes, media types.
        (at(SYMPHONY, "/post/requestBody/required"), Set(json!(false)), request(Compatible)),
        (at(SYMPHONY, "/post/requestBody"), Remove, request(Breaking)),
        (
            at(USERDOCKS, "/put/requestBody"),
            Set(json!({ "required": true, "content": { "text/plain": {} } })),
            request(Breaking),
        ),
        (at(USERDOCKS, "/put/requestBody"), Set(json!({ "content": { "text/plain": {} } })), request(Compatible)),
        (at(AKANA, "/put/requestBody/content/application~1xml"), Remove, request(Breaking)),
        (at(AKANA, "/put/requestBody/content/text~1csv"), Set(json!({ "schema": text() })), request(Compatible)),
        (at(AKANA, "/put/responses/200/content/application~1xml"), Remove, response(Breaking)),
        (at(AKANA, "/put/responses/200/content/text~1csv"), Set(json!({ "schema": text() })), response(Compatible)),
        (at(AKANA, "/put/responses/404"), Remove, response(Breaking)),
        (at(AKANA, "/put/responses/429"), Set(json!({ "description": "Too many." })), response(Compatible)),
        (at(AKANA, "/put/responses/202"), Set(json!({ "description": "Later." })), response(Breaking)),
        // Members of a request.
        (at(SCHEMAS, "/AkanaChangeUserStatusRequest/required"), Push(json!("Comments")), request(Breaking)),
        (at(SCHEMAS, "/AkanaChangeUserStatusRequest/required"), Remove, request(Compatible)),
        (at(SCHEMAS, "/AkanaChangeUserStatusRequest/properties/Comments"), Remove, request(Breaking)),
        (at(SCHEMAS, "/AkanaChangeUserStatusRequest/properties/Ticket"), Set(text()), request(Compatible)),
        (
            at(SCHEMAS, "/AkanaChangeUserStatusRequest/properties/Comments/maxLength"),
            Set(json!(500)),
            request(Breaking),
        ),
        (
            at(SCHEMAS, "/AkanaChangeUserStatusRequest/properties/Comments/maxLength"),
            Set(json!(5000)),
            request(Compatible),
        ),
        (at(SCHEMAS, "/AkanaChangeUserStatusRequest/properties/Comments/maxLength"), Remove, request(Compatible)),
        (at(SCHEMAS, "/AkanaChangeUserStatusRequest/properties/Comments/minLength"), Set(json!(1)), request(Breaking)),
        (
            at(SCHEMAS, "/AkanaChangeUserStatusRequest/properties/Comments/pattern"),
            Set(json!("^[a-z]*$")),
            request(Breaking),
        ),
        (
            at(SCHEMAS, "/AkanaChangeUserStatusRequest/properties/Comments/default"),
            Set(json!("none")),
            request(Breaking),
        ),
        (
            at(SCHEMAS, "/AkanaChangeUserStatusRequest/properties/Comments/nullable"),
            Set(json!(true)),
            request(Compatible),
        ),
        (
            at(SCHEMAS, "/AkanaChangeUserStatusRequest/properties/Comments/nullable"),
            Set(json!(false)),
            request(Documentation),
        ),
        (at(SCHEMAS, "/AkanaChangeUserStatusRequest/additionalProperties"), Set(json!(false)), request(Breaking)),
        (at(SCHEMAS, "/AkanaChangeUserStatusRequest/xml/name"), Set(json!("Request")), request(Breaking)),
        (at(SCHEMAS, "/UserdocksAccessStatus/enum"), Push(json!("2")), request(Breaking)),
        (at(SCHEMAS, "/MediconnectToggleUserStatusRequest/minProperties"), Set(json!(2)), request(Breaking)),
        (at(SCHEMAS, "/MediconnectToggleUserStatusRequest/minProperties"), Remove, request(Compatible)),
        // Members of an answer.
        (at(SCHEMAS, "/MediconnectUser/required"), Pop, response(Breaking)),
        (at(SCHEMAS, "/AkanaUser/required"), Set(json!(["Locked"])), response(Compatible)),
        (at(SCHEMAS, "/AkanaUser/properties/Locked"), Remove, response(Breaking)),
        (at(SCHEMAS, "/AkanaUser/properties/Locked/type"), Set(json!("string")), response(Breaking)),
        (at(SCHEMAS, "/AkanaUser/properties/Team"), Set(text()), response(Compatible)),
        (at(SCHEMAS, "/AkanaUser/properties/Email/maxLength"), Set(json!(100)), response(Compatible)),
        (at(SCHEMAS, "/AkanaUser/properties/Email/maxLength"), Set(json!(1000)), response(Breaking)),
        (at(SCHEMAS, "/AkanaUser/properties/LastLoginDate/format"), Remove, response(Breaking)),
        (at(SCHEMAS, "/AkanaUser/properties/State/enum"), Set(json!(["registered"])), response(Compatible)),
        (at(SCHEMAS, "/MediconnectUser/properties/suspensionReason/nullable"), Remove, response(Compatible)),
        (at(SCHEMAS, "/MediconnectUser/properties/name/nullable"), Set(json!(true)), response(Breaking)),
        (at(SCHEMAS, "/ClearsquareOutcome/enum"), Push(json!("pending")), response(Compatible)),
        (at(SCHEMAS, "/ClearsquareOutcome/enum"), Pop, response(Breaking)),
        (at(SCHEMAS, "/SymphonyError/properties/code/format"), Set(json!("int64")), response(Breaking)),
        // What travels both ways.
        (
            at(SCHEMAS, "/SymphonyUserStatus/properties/suspensionReason/maxLength"),
            Set(json!(100)),
            both(Breaking, Compatible),
        ),
        (
            at(SCHEMAS, "/SymphonyUserStatus/properties/suspensionReason/maxLength"),
            Set(json!(900)),
            both(Compatible, Breaking),
        ),
        (at(SCHEMAS, "/SymphonyUserStatus/properties/until"), Set(text()), both(Compatible, Compatible)),
        (at(SCHEMAS, "/SymphonyAccountState/enum"), Push(json!("DELETED")), both(Compatible, Compatible)),
        (at(SCHEMAS, "/SystemKind/x-known-values"), Push(json!("okta")), both(Compatible, Compatible)),
        // What all systems share.
        (at(SCHEMAS, "/StatusChange/properties/reason/maxLength"), Set(json!(400)), request(Breaking)),
        (at(SCHEMAS, "/AccountStatus/properties/locked"), Remove, response(Breaking)),
        // What nobody has thought of.
        (at(SCHEMAS, "/AkanaUser/properties/Locked/readOnly"), Set(json!(true)), response(Breaking)),
        ("/security".into(), Set(json!([{ "akanaCsrf": [] }])), whole(Breaking)),
        // For readers.
        ("/info/description".into(), Set(json!("Shorter.")), whole(Documentation)),
        ("/tags/0/description".into(), Set(json!("Shorter.")), whole(Documentation)),
        ("/servers/0/url".into(), Set(json!("http://127.0.0.1:4011")), whole(Documentation)),
        (at(AKANA, "/put/summary"), Set(json!("Change an account")), whole(Documentation)),
        (at(AKANA, "/put/x-decisions"), Pop, whole(Documentation)),
        (at(MEDICONNECT, "/patch/x-contradictions/0/reason"), Set(json!("Ask.")), whole(Documentation)),
        (at(SYMPHONY, "/post/parameters/0/example"), Set(json!(7)), request(Documentation)),
        (at(SYMPHONY, "/post/parameters/0/description"), Set(json!("Who.")), request(Documentation)),
        (at(SYMPHONY, "/post/requestBody/description"), Set(json!("What.")), request(Documentation)),
        (at(SYMPHONY, "/post/responses/200/description"), Set(json!("Done.")), response(Documentation)),
        (at(SCHEMAS, "/AkanaUser/properties/Locked/description"), Set(json!("Locked?")), response(Documentation)),
        ("/components/examples/AkanaServerFault/value/faultcode".into(), Set(json!("Other")), whole(Documentation)),
        ("/components/securitySchemes/akanaCsrf/description".into(), Set(json!("CSRF.")), whole(Documentation)),
    ]
}

#[test]
fn every_change_is_called_what_it_is() {
    let old = Contract::embedded().document();
    let mut wrong = Vec::new();
    for (pointer, edit, expected) in cases() {
        let found = diff(old, &edited(old, &pointer, &edit)).changes;
        let mut classes: Expected = found.iter().map(|change| (change.side, change.class)).collect();
        classes.sort();
        classes.dedup();
        if classes != expected {
            let found: Vec<String> = found.iter().map(ToString::to_string).collect();
            wrong.push(format!("{pointer} must be {expected:?}, is {}", found.join("\n")));
        }
        for change in &found {
            let place = pointer.strip_suffix("/-").unwrap_or(&pointer);
            let near = |a: &str, b: &str| a.starts_with(b) || b.starts_with(a);
            assert!(near(&change.pointer, place) || matches!(edit, Rename(_)), "{pointer}: {change}");
            assert_ne!((&change.was, &change.is), (&None, &None), "{change}");
            assert_ne!(change.was, change.is, "{change}");
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
    assert!(cases().len() > 90);
}

/// A base path may stand in the URLs of servers or in the paths: what is compared is the URL that requests go to, and the
/// part of it that callers give.
#[test]
fn where_a_base_path_is_written_is_no_change() {
    let new = Contract::embedded().document();
    let mut old = new.clone();
    let base = old["tags"][3].as_object_mut().unwrap().shift_remove("x-base-path").unwrap();
    let base = base.as_str().unwrap();
    let paths = std::mem::take(old["paths"].as_object_mut().unwrap());
    for (path, mut item) in paths {
        let below = path.strip_prefix(base);
        if below.is_some() {
            let url = format!("{}{base}", item["servers"][0]["url"].as_str().unwrap());
            item["servers"][0]["url"] = url.into();
        }
        old["paths"][below.unwrap_or(&path)] = item;
    }
    for (from, to) in [(&old, new), (new, &old)] {
        let found = diff(from, to).changes;
        // Two paths, each with its servers and its operation, and the tag.
        assert_eq!(found.len(), 5, "{found:#?}");
        assert!(found.iter().all(|change| change.class == Documentation), "{found:#?}");
    }
    // The same URL, of which callers give less: theirs do not fit any more.
    let mut bare = new.clone();
    bare["tags"][3].as_object_mut().unwrap().shift_remove("x-base-path");
    assert_eq!(diff(&old, &bare).class(), Some(Breaking));
    // The path has gone over, and another one has come: the request goes elsewhere.
    let text = new.to_string().replace("/pod/v1/admin", "/pod/v2/admin");
    assert_eq!(diff(&old, &serde_json::from_str(&text).unwrap()).class(), Some(Breaking));
    // An operation that is called otherwise is found in its place all the same.
    let text = new.to_string().replace("getUserStatus", "readUserStatus");
    let found = diff(&old, &serde_json::from_str(&text).unwrap()).changes;
    let breaking: Vec<&ContractChange> = found.iter().filter(|change| change.class == Breaking).collect();
    assert_eq!(breaking.len(), 1, "{found:#?}");
    assert!(breaking[0].pointer.ends_with("/get/operationId"), "{found:#?}");
}

/// Names of schemas are names of generated types, and a reference may lead to another one that looks alike.
#[test]
fn the_names_of_types_count() {
    let old = Contract::embedded().document();
    let new = edited(old, "/components/schemas/AkanaFault", &RenameSchema("AkanaProblem"));
    assert_eq!(diff(old, &new).class(), Some(Breaking));
    let schema = "/paths/~1pod~1v1~1admin~1user~1{uid}~1status/get/responses/401/content/application~1json/schema/$ref";
    let new = edited(old, schema, &Set(json!("#/components/schemas/MediconnectError")));
    let found = diff(old, &new).changes;
    let whys: Vec<&str> = found.iter().map(|change| change.pointer.rsplit('/').next().unwrap()).collect();
    assert!(whys.contains(&"$ref") && whys.contains(&"code") && whys.contains(&"error"), "{found:#?}");
    // An id that becomes plain text has another type.
    let new = edited(old, "/components/schemas/AkanaUserId/pattern", &Remove);
    let found: Vec<ContractChange> = diff(old, &new).changes;
    assert!(found.iter().any(|c| c.class == Breaking && c.pointer == "/components/schemas/AkanaUserId"), "{found:#?}");
}

/// What several operations share is one change, with the names of all of them.
#[test]
fn a_change_names_the_operations_that_it_is_part_of() {
    let old = Contract::embedded().document();
    let pointer = "/components/schemas/UserdocksError/properties/error/nullable";
    let found = diff(old, &edited(old, pointer, &Set(json!(true)))).changes;
    assert_eq!(found.len(), 1);
    let names: Vec<&str> = found[0].operations.iter().map(String::as_str).collect();
    assert_eq!(names, ["getUser", "setAccessStatus", "setAppAccessStatus"]);
    assert_eq!(
        found[0].to_string(),
        "breaking: #/components/schemas/UserdocksError/properties/error/nullable\n    \
         response of getUser, setAccessStatus, setAppAccessStatus: was not there, is true\n    \
         what was promised may not be so any more"
    );
    let report = diff(old, &edited(old, pointer, &Set(json!(true)))).json();
    assert_eq!(report["changes"][0]["is"], true);
    assert_eq!(report["changes"][0].get("was"), None);
    assert_eq!((&report["least_version"], &report["bump_missing"]), (&json!(next()), &json!(true)));
}

/// The version of the contract.
fn now() -> String {
    Contract::embedded().document()["info"]["version"].as_str().unwrap().to_owned()
}

/// The least version in which it may break with what it was.
fn next() -> String {
    let now = now();
    let minor: u32 = now.split('.').nth(1).unwrap().parse().unwrap();
    format!("0.{}.0", minor + 1)
}

/// The places of all values that are no lists and no objects.
fn leaves(value: &Value, at: String, found: &mut Vec<String>) {
    match value {
        Value::Array(items) => items.iter().enumerate().for_each(|(i, item)| leaves(item, format!("{at}/{i}"), found)),
        Value::Object(members) => members
            .iter()
            .for_each(|(name, member)| leaves(member, user_status_openapi::pointer::join(&at, name), found)),
        _ => found.push(at),
    }
}

/// Whatever is changed anywhere is in the report, and a thing with itself is not. What is used by nothing is the one
/// thing that only `check` notices.
#[test]
fn no_change_goes_unseen() {
    let old = Contract::embedded().document();
    assert!(diff(old, old).changes.is_empty());
    let mut places = Vec::new();
    leaves(old, String::new(), &mut places);
    assert!(places.len() > 1000, "{}", places.len());
    let (mut seen, mut refused) = (0, 0);
    // Every seventh: all of them take minutes.
    for place in places.iter().step_by(7).filter(|place| *place != "/info/version") {
        let mut new = old.clone();
        let value = new.pointer_mut(place).unwrap();
        *value = match value.take() {
            Value::Bool(flag) => json!(!flag),
            Value::Number(number) => json!(number.as_i64().unwrap() + 1),
            Value::String(text) => json!(format!("{text}x")),
            _ => json!("was null"),
        };
        match Diff::between(("old", old), ("new", &new)) {
            Ok(diff) => {
                assert!(!diff.changes.is_empty(), "a change at {place} is not seen");
                seen += 1;
            }
            // A reference that leads nowhere, a word that OpenAPI does not have.
            Err(findings) => {
                assert!(findings.iter().all(|finding| finding.file == "new"), "{findings:?}");
                refused += 1;
            }
        }
    }
    assert!(seen > 100 && refused > 0, "{seen} {refused}");
}

#[test]
fn the_version_must_say_what_has_changed() {
    let version = |text: &str| text.parse::<Version>().unwrap();
    for (old, class, least) in [
        ("0.1.0", None, "0.1.0"),
        ("0.1.4", Some(Breaking), "0.2.0"),
        ("0.1.4", Some(Compatible), "0.1.5"),
        ("0.1.4", Some(Documentation), "0.1.5"),
        ("1.2.3", Some(Breaking), "2.0.0"),
        ("1.2.3", Some(Compatible), "1.3.0"),
        ("1.2.3", Some(Documentation), "1.2.4"),
    ] {
        assert_eq!(version(old).after(class), version(least), "{old} {class:?}");
    }
    for wrong in ["", "1", "1.2", "1.2.3.4", "01.2.3", "1.2.x", "1.2.3-rc.1", "+1.2.3", "1..3", "99999999999.0.0"] {
        assert!(wrong.parse::<Version>().is_err(), "{wrong}");
    }

    let old = Contract::embedded().document();
    let changed = edited(old, "/paths/~1api~1users~1manage-status/post/operationId", &Set(json!("flip")));
    let (now, next) = (now(), next());
    for (to, lacks) in [(now.as_str(), true), ("0.1.9", true), (&next, false), ("1.0.0", false)] {
        let new = edited(&changed, "/info/version", &Set(json!(to)));
        let diff = diff(old, &new);
        assert_eq!(diff.lacks_bump(), lacks, "{to}");
        assert_eq!(diff.to_string().contains(&format!("after {now} it must be {next} or later")), lacks, "{diff}");
    }
    // Back is never right, with changes or without.
    assert!(diff(old, &edited(old, "/info/version", &Set(json!("0.1.9")))).lacks_bump());
    assert!(!diff(old, &edited(old, "/info/version", &Set(json!(next)))).lacks_bump());
    let none = edited(old, "/info/version", &Set(json!("next")));
    let findings = Diff::between(("a.yaml", old), ("b.yaml", &none)).unwrap_err();
    assert_eq!(
        findings[0].to_string(),
        "b.yaml#/info/version: `next` must be of the form major.minor.patch, such as 0.2.0"
    );
}

fn change(root: &Path, from: &str, to: &str) {
    let file = root.join(tool::CONTRACT);
    let text = fs::read_to_string(&file).unwrap();
    assert!(text.contains(from), "`{from}` is in the contract");
    fs::write(file, text.replacen(from, to, 1)).unwrap();
}

/// `check` holds the contract to the released one, and a release is refused while the version says too little.
#[test]
fn check_asks_for_the_version_that_the_changes_need() {
    let root = Copy::new("released").0;
    assert_eq!(tool::check(&root), []);
    assert!(!tool::release(&root).unwrap(), "nothing is new");
    change(&root, "      x-changes: [enable, disable, lock, unlock]\n", "      x-changes: [enable, disable, lock]\n");
    tool::generate(&root).unwrap();
    let findings = tool::check(&root);
    assert_eq!(findings.len(), 1, "{findings:?}");
    assert_eq!((findings[0].file.as_str(), findings[0].pointer.as_str()), (tool::CONTRACT, "/info/version"));
    assert!(findings[0].problem.starts_with(&format!("must be {} or later, is {}", next(), now())), "{}", findings[0]);
    assert_eq!(tool::release(&root).unwrap_err(), findings);
    change(&root, &format!("  version: {}\n", now()), &format!("  version: {}\n", next()));
    tool::generate(&root).unwrap();
    assert_eq!(tool::check(&root), []);
    assert!(tool::release(&root).unwrap());
    assert_eq!(fs::read(root.join(tool::RELEASED)).unwrap(), fs::read(root.join(tool::CONTRACT)).unwrap());

    // Without something to compare with nothing passes.
    for (text, problem) in
        [(None, "cannot be read"), (Some(""), "openapi/released.yaml"), (Some("a: ["), "is not YAML")]
    {
        match text {
            None => fs::remove_file(root.join(tool::RELEASED)).unwrap(),
            Some(text) => fs::write(root.join(tool::RELEASED), text).unwrap(),
        }
        let findings = tool::check(&root);
        assert!(findings.iter().any(|f| f.file == tool::RELEASED && f.to_string().contains(problem)), "{findings:?}");
    }
}

/// The older contract may be a revision.
#[test]
fn a_revision_of_git_can_be_compared_with() {
    let root = Copy::new("git").0;
    let git = |args: &[&str]| {
        let mut git = Command::new("git");
        git.arg("-C").arg(&root).args(["-c", "user.name=t", "-c", "user.email=t@example.com"]).args(args);
        git.output()
    };
    let Ok(started) = git(&["init", "--quiet"]) else {
        eprintln!("there is no git on this machine: revisions are not tested");
        return;
    };
    assert!(started.status.success());
    for args in [["add", "openapi"].as_slice(), &["commit", "--quiet", "--message", "first"]] {
        assert!(git(args).unwrap().status.success());
    }
    let (head, file) = (Source::parse("git:HEAD".as_ref()).unwrap(), Source::File(tool::CONTRACT.into()));
    assert!(tool::diff(&root, &head, &file).unwrap().changes.is_empty());
    change(&root, "      operationId: manageUserStatus\n", "      operationId: flipUserStatus\n");
    let diff = tool::diff(&root, &head, &file).unwrap();
    assert_eq!((diff.class(), diff.lacks_bump()), (Some(Breaking), true));
    let findings = tool::diff(&root, &Source::Git("no-such".into()), &file).unwrap_err();
    assert!(findings[0].to_string().starts_with("git:no-such: cannot be read: git: "), "{}", findings[0]);
    for wrong in ["git:", "git:--output=x", "git:HEAD:README.md"] {
        assert!(Source::parse(wrong.as_ref()).is_err(), "{wrong}");
    }
}

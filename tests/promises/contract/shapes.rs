//! What each schema takes and what it refuses, written down by hand from the documents and the decisions.
//!
//! The contract is read by the generator and by the mock server, so that a slip in it would be a slip in both. Here it is
//! held to something that is not made from it.

use serde_json::{Value, json};
use user_status_openapi::Contract;
use user_status_openapi::validate::Validator;

/// What a schema takes and refuses.
struct Shape {
    /// Its name, or its JSON pointer if it has none.
    schema: &'static str,
    /// A value with all members.
    good: Value,
    /// The members that may be left out, if all others are there.
    optional: &'static [&'static str],
    /// The members that may be null.
    nullable: &'static [&'static str],
    /// Values of one member that are taken, and that are refused: what lies on either side of each limit.
    edges: Vec<(&'static str, Value, bool)>,
    /// Whole values that are taken, and that are refused.
    wholes: Vec<(Value, bool)>,
}

fn shape(schema: &'static str, good: Value) -> Shape {
    Shape { schema, good, optional: &[], nullable: &[], edges: Vec::new(), wholes: Vec::new() }
}

fn text(length: usize) -> Value {
    Value::from("x".repeat(length))
}

/// A text of any length between these, and nothing else.
fn lengths(member: &'static str, least: usize, most: usize) -> Vec<(&'static str, Value, bool)> {
    let mut edges = vec![(member, text(least), true), (member, text(most), true), (member, text(most + 1), false)];
    edges.extend(least.checked_sub(1).map(|less| (member, text(less), false)));
    edges
}

/// Ids that are texts: as many characters as these that a segment of a path carries, and that lead nowhere else.
fn text_id(schema: &'static str, most: usize) -> Shape {
    let taken = [text(1), text(most), json!("a.b"), json!("..a"), json!("...")];
    let refused = [
        text(0),
        text(most + 1),
        json!("."),
        json!(".."),
        json!("a/b"),
        json!("a%2fb"),
        json!("a;b"),
        json!("ü"),
        json!("a b"),
    ];
    let taken = taken.into_iter().map(|value| (value, true));
    let wholes = taken.chain(refused.into_iter().map(|value| (value, false))).collect();
    Shape { wholes, ..shape(schema, json!("6f1e9c1e-3b57-4f0a-9d0e-0c2f0f5a1d11")) }
}

/// Ids that are positive numbers of 64 bits.
fn number_id(schema: &'static str) -> Shape {
    let wholes = vec![
        (json!(1), true),
        (json!(i64::MAX), true),
        (json!(0), false),
        (json!(-1), false),
        (json!(u64::MAX), false),
        (json!(1.5), false),
    ];
    Shape { wholes, ..shape(schema, json!(42)) }
}

/// A set of words, and whether others are taken too.
fn words(schema: &'static str, known: &[&str], open: bool) -> Shape {
    let mut wholes: Vec<(Value, bool)> = known.iter().map(|word| (json!(word), true)).collect();
    wholes.push((json!("another"), open));
    Shape { wholes, ..shape(schema, json!(known[0])) }
}

/// A list of attributes.
fn attributes(schema: &'static str) -> Shape {
    let wholes = vec![
        (json!("id"), true),
        (json!("id,active,meta"), true),
        (json!("urn:ietf:params:scim:schemas:core:2.0:User:active"), true),
        (text(1), true),
        (text(192), true),
        (text(193), false),
        (json!(""), false),
        (json!("id,"), false),
        (json!("id active"), false),
    ];
    Shape { wholes, ..shape(schema, json!("id,userName")) }
}

/// The version that a user must have.
fn version(schema: &'static str) -> Shape {
    let wholes = vec![
        (json!("*"), true),
        (json!("\"a\""), true),
        (json!("W/\"a\""), true),
        (json!(format!("\"{}\"", "x".repeat(254))), true),
        (json!(format!("\"{}\"", "x".repeat(255))), false),
        (json!(""), false),
        (json!("a"), false),
        (json!("\"a\"\"b\""), false),
    ];
    Shape { wholes, ..shape(schema, json!("*")) }
}

/// An envelope of Userdocks: all four members are always there.
fn envelope(schema: &'static str, good: Value, nullable: &'static [&'static str]) -> Shape {
    Shape { nullable, ..shape(schema, good) }
}

fn shapes() -> Vec<Shape> {
    const TIME: &str = "2024-02-01T14:20:00.000Z";
    let times = |member| [(member, json!(TIME), true), (member, json!("yesterday"), false)];
    let integers = |member, least: i64, most: i64| {
        let beyond = if most == i64::MAX { json!(u64::MAX) } else { json!(most + 1) };
        [(member, json!(least), true), (member, json!(most), true), (member, beyond, false)]
    };
    vec![
        text_id("UserdocksUserId", 128),
        text_id("UserdocksAppId", 128),
        text_id("AkanaUserId", 128),
        text_id("ClearsquareUserId", 128),
        number_id("MediconnectUserId"),
        number_id("SymphonyUserId"),
        words("UserdocksAccessStatus", &["0", "1"], false),
        words(
            "AkanaUserStatus",
            &["com.soa.user.status.enabled", "com.soa.user.status.disabled", "com.soa.user.status.locked"],
            true,
        ),
        words("MediconnectRole", &["PATIENT", "ADMIN"], true),
        words("SymphonyAccountState", &["ENABLED", "DISABLED"], false),
        words("SymphonyMessageFormat", &["TEXT", "XML"], false),
        words("ClearsquareOutcome", &["success", "error"], false),
        envelope(
            "UserdocksSuccess",
            json!({ "success": true, "message": "m", "error": "e", "data": {} }),
            &["error", "data"],
        ),
        envelope(
            "UserdocksError",
            json!({ "success": false, "message": "m", "error": "e", "data": {} }),
            &["message", "data"],
        ),
        envelope(
            "UserdocksUserResponse",
            json!({ "success": true, "message": "m", "error": "e", "data": { "freezed": true } }),
            &["message", "error"],
        ),
        Shape {
            optional: &["id", "deleted"],
            ..shape("UserdocksUser", json!({ "id": "u", "freezed": true, "deleted": false }))
        },
        Shape {
            optional: &["Comments"],
            edges: [lengths("UserStatus", 1, 128), lengths("Comments", 0, 2000)].concat(),
            ..shape(
                "AkanaChangeUserStatusRequest",
                json!({ "UserStatus": "com.soa.user.status.locked", "Comments": "c" }),
            )
        },
        Shape {
            optional: &[
                "UserID",
                "UserName",
                "FirstName",
                "LastName",
                "AuthIdentifier",
                "Visibility",
                "Email",
                "Title",
                "Industry",
                "Favorites",
                "HasPicture",
                "State",
                "Domain",
                "LastLoginDate",
                "Disabled",
                "ProfileName",
                "ForcePasswordChangeOnLogin",
                "Locked",
            ],
            edges: [
                lengths("FirstName", 0, 64),
                lengths("LastName", 0, 64),
                lengths("Email", 0, 320),
                times("LastLoginDate").to_vec(),
            ]
            .concat(),
            ..shape(
                "AkanaUser",
                json!({
                    "UserID": "u.t", "UserName": "u", "FirstName": "", "LastName": "", "AuthIdentifier": "",
                    "Visibility": "0", "Email": "", "Title": "", "Industry": "", "Favorites": "", "HasPicture": false,
                    "State": "registered", "Domain": "Local Domain", "LastLoginDate": TIME, "Disabled": false,
                    "ProfileName": "u", "ForcePasswordChangeOnLogin": false, "Locked": true,
                }),
            )
        },
        shape("AkanaFault", json!({ "faultcode": "Client", "faultstring": "why" })),
        Shape {
            optional: &["isActive", "isSuspended", "suspensionReason"],
            edges: lengths("suspensionReason", 1, 500),
            wholes: vec![(json!({}), false), (json!({ "isActive": true }), true)],
            ..shape(
                "MediconnectToggleUserStatusRequest",
                json!({ "isActive": true, "isSuspended": true, "suspensionReason": "why" }),
            )
        },
        Shape {
            optional: &["suspensionReason"],
            nullable: &["suspensionReason"],
            edges: [
                times("createdAt").to_vec(),
                times("updatedAt").to_vec(),
                integers("id", i64::MIN, i64::MAX).to_vec(),
                vec![("role", json!("NURSE"), true)],
            ]
            .concat(),
            ..shape(
                "MediconnectUser",
                json!({
                    "id": 42, "name": "n", "email": "e", "role": "PATIENT", "isActive": true, "isSuspended": false,
                    "suspensionReason": "why", "createdAt": TIME, "updatedAt": TIME,
                }),
            )
        },
        shape("MediconnectError", json!({ "error": "why" })),
        Shape {
            optional: &["status", "suspended", "suspendedUntil", "suspensionReason"],
            edges: [
                lengths("suspensionReason", 1, 500),
                integers("suspendedUntil", i64::MIN, i64::MAX).to_vec(),
                vec![("status", json!("GONE"), false)],
            ]
            .concat(),
            wholes: vec![(json!({}), false), (json!({ "suspended": false }), true)],
            ..shape(
                "SymphonyUserStatus",
                json!({ "status": "ENABLED", "suspended": true, "suspendedUntil": 1_798_761_599_000_i64, "suspensionReason": "why" }),
            )
        },
        Shape {
            optional: &["format", "message"],
            edges: vec![("format", json!("HTML"), false)],
            ..shape("SymphonySuccessResponse", json!({ "format": "TEXT", "message": "OK" }))
        },
        Shape {
            optional: &["code", "message"],
            edges: integers("code", i64::from(i32::MIN), i64::from(i32::MAX)).to_vec(),
            ..shape("SymphonyError", json!({ "code": 401, "message": "why" }))
        },
        Shape {
            edges: [lengths("token", 1, 8192), vec![("id", json!("a/b"), false)]].concat(),
            ..shape("ClearsquareManageStatusRequest", json!({ "id": "634441cecbb5901d133039f8", "token": "t" }))
        },
        Shape {
            edges: vec![("status", json!("perhaps"), false)],
            ..shape("ClearsquareResult", json!({ "message": "m", "status": "success" }))
        },
        text_id("ScimUserId", 256),
        words("ScimPatchOp", &["replace"], false),
        words("ScimPatchPath", &["active"], false),
        Shape {
            edges: vec![
                ("schemas", json!([]), false),
                ("schemas", json!(["urn:ietf:params:scim:api:messages:2.0:BulkRequest"]), false),
                ("schemas", json!([PATCH_OP, PATCH_OP]), false),
                ("schemas", json!(["ARCHIVED"]), false),
                ("Operations", json!([]), false),
                ("Operations", json!([{ "op": "replace", "path": "active" }]), false),
            ],
            ..shape(
                "ScimPatch",
                json!({ "schemas": [PATCH_OP], "Operations": [{ "op": "replace", "path": "active", "value": true }] }),
            )
        },
        Shape {
            edges: vec![
                ("op", json!("Replace"), false),
                ("path", json!("userName"), false),
                ("value", json!("True"), false),
            ],
            ..shape("ScimPatchOperation", json!({ "op": "replace", "path": "active", "value": true }))
        },
        Shape {
            optional: &["id", "externalId", "displayName", "active"],
            edges: [
                lengths("userName", 1, 256),
                lengths("externalId", 0, 256),
                lengths("displayName", 0, 256),
                vec![
                    ("userName", json!("a b"), false),
                    ("userName", json!("a\u{7f}"), false),
                    ("userName", json!("a\u{96}"), false),
                    ("userName", json!("\u{e9}\u{1f600}/\\\""), true),
                    ("externalId", json!("a\n"), false),
                    ("externalId", json!("a b\u{1f600}"), true),
                    ("displayName", json!("a\u{96}"), false),
                    ("displayName", json!("a b"), true),
                    ("schemas", json!([]), false),
                    ("schemas", json!([7]), false),
                ],
            ]
            .concat(),
            ..shape(
                "ScimReplacement",
                json!({
                    "schemas": ["s"], "id": "i", "externalId": "e", "userName": "u", "displayName": "d", "active": true,
                }),
            )
        },
        Shape {
            optional: &["schemas", "id", "externalId", "userName", "displayName", "active", "meta"],
            edges: vec![("schemas", json!([7]), false), ("meta", json!({ "version": 7 }), false)],
            ..shape(
                "ScimUser",
                json!({
                    "schemas": ["s"], "id": "i", "externalId": "e", "userName": "u", "displayName": "d", "active": true,
                    "meta": {},
                }),
            )
        },
        Shape {
            optional: &["resourceType", "created", "lastModified", "version", "location"],
            ..shape(
                "ScimMeta",
                json!({
                    "resourceType": "User", "created": TIME, "lastModified": TIME, "version": "W/\"1\"", "location": "l",
                }),
            )
        },
        Shape {
            optional: &["startIndex", "itemsPerPage", "Resources"],
            edges: [
                integers("totalResults", i64::MIN, i64::MAX),
                integers("startIndex", i64::MIN, i64::MAX),
                integers("itemsPerPage", i64::MIN, i64::MAX),
                [
                    ("schemas", json!([7]), false),
                    ("Resources", json!([]), true),
                    ("Resources", json!([{ "id": 7 }]), false),
                ],
            ]
            .concat(),
            ..shape(
                "ScimList",
                json!({ "schemas": ["s"], "totalResults": 1, "startIndex": 1, "itemsPerPage": 1, "Resources": [{ "id": "i" }] }),
            )
        },
        Shape {
            optional: &[
                "schemas",
                "documentationUri",
                "patch",
                "bulk",
                "filter",
                "changePassword",
                "sort",
                "etag",
                "authenticationSchemes",
            ],
            edges: [
                ["patch", "bulk", "filter", "changePassword", "sort", "etag"]
                    .map(|member| (member, json!({ "supported": "yes" }), false))
                    .to_vec(),
                vec![("schemas", json!([7]), false), ("authenticationSchemes", json!([{}]), false)],
            ]
            .concat(),
            ..shape(
                "ScimConfig",
                json!({
                    "schemas": ["s"], "documentationUri": "d", "patch": { "supported": true },
                    "bulk": { "supported": false }, "filter": { "supported": true },
                    "changePassword": { "supported": false }, "sort": { "supported": false },
                    "etag": { "supported": true }, "authenticationSchemes": [],
                }),
            )
        },
        Shape {
            optional: &["maxOperations", "maxPayloadSize", "maxResults"],
            edges: ["maxOperations", "maxPayloadSize", "maxResults"]
                .map(|member| integers(member, i64::MIN, i64::MAX))
                .concat(),
            ..shape(
                "ScimFeature",
                json!({ "supported": true, "maxOperations": 0, "maxPayloadSize": 0, "maxResults": 0 }),
            )
        },
        shape("ScimAuthentication", json!({ "type": "oauthbearertoken", "name": "n", "description": "d" })),
        Shape {
            optional: &["scimType", "detail"],
            edges: vec![("schemas", json!([7]), false)],
            ..shape("ScimError", json!({ "schemas": ["s"], "status": "400", "scimType": "t", "detail": "why" }))
        },
        // Attributes, a version, a filter, and where a page of a list begins and how long it is.
        attributes("/paths/~1scim~1v2~1Users~1{id}/get/parameters/1/schema"),
        attributes("/paths/~1scim~1v2~1Users~1{id}/get/parameters/2/schema"),
        attributes("/paths/~1scim~1v2~1Users/get/parameters/3/schema"),
        attributes("/paths/~1scim~1v2~1Users/get/parameters/4/schema"),
        version("/paths/~1scim~1v2~1Users~1{id}/patch/parameters/1/schema"),
        version("/paths/~1scim~1v2~1Users~1{id}/put/parameters/1/schema"),
        Shape {
            wholes: vec![
                (json!(r#"userName eq "a""#), true),
                (json!(r#"externalId eq "a\"b\\c""#), true),
                (json!(r#"id eq """#), true),
                (json!(format!("id eq \"{}\"", "x".repeat(536))), true),
                (json!(format!("id eq \"{}\"", "x".repeat(537))), false),
                (json!(""), false),
                (json!(r#"userName eq "a" or id eq "b""#), false),
                (json!("userName eq a"), false),
                (json!(r#"userName pr"#), false),
            ],
            ..shape("/paths/~1scim~1v2~1Users/get/parameters/0/schema", json!(r#"userName eq "a""#))
        },
        Shape {
            wholes: vec![(json!(1), true), (json!(i64::MAX), true), (json!(0), false), (json!(u64::MAX), false)],
            ..shape("/paths/~1scim~1v2~1Users/get/parameters/1/schema", json!(1))
        },
        Shape {
            wholes: vec![(json!(0), true), (json!(i64::MAX), true), (json!(-1), false), (json!(u64::MAX), false)],
            ..shape("/paths/~1scim~1v2~1Users/get/parameters/2/schema", json!(10))
        },
        // A preferred language.
        Shape {
            wholes: vec![(text(1), true), (text(256), true), (text(0), false), (text(257), false)],
            ..shape("/paths/~1api~1users~1manage-status/post/parameters/0/schema", json!("en-US,en;q=0.9"))
        },
    ]
}

const PATCH_OP: &str = "urn:ietf:params:scim:api:messages:2.0:PatchOp";

/// A value of another type than this one.
fn of_another_type(value: &Value) -> Value {
    match value {
        Value::String(_) => json!(7),
        _ => json!("text"),
    }
}

/// Returns whether the schemas of a contract take and refuse what they should.
pub(crate) fn what_the_schemas_take(contract: &Contract, validator: &Validator) -> Result<(), String> {
    for Shape { schema, good, optional, nullable, edges, wholes } in shapes() {
        let pointer = if schema.starts_with('/') { schema.to_owned() } else { format!("/components/schemas/{schema}") };
        contract.resolve(&pointer).ok_or_else(|| format!("no {schema}"))?;
        let holds =
            |value: &Value, taken: bool, what: &str| match validator.validate(&pointer, value).is_empty() == taken {
                true => Ok(()),
                false => Err(format!("{schema} must {} {what}", if taken { "take" } else { "refuse" })),
            };
        holds(&good, true, "its good value")?;
        holds(&of_another_type(&good), false, "another type")?;
        holds(&Value::Null, false, "null")?;
        for (value, taken) in &wholes {
            let text = value.to_string();
            holds(value, *taken, text.get(..40).unwrap_or(&text))?;
        }
        let with = |member: &str, value: Value| {
            let mut changed = good.clone();
            changed[member] = value;
            changed
        };
        for (member, value, taken) in &edges {
            holds(&with(member, value.clone()), *taken, &format!("a {member} at its edge"))?;
        }
        for (member, value) in good.as_object().into_iter().flatten() {
            let mut without = good.clone();
            without.as_object_mut().map(|members| members.shift_remove(member));
            holds(&without, optional.contains(&member.as_str()), &format!("what has no {member}"))?;
            holds(
                &with(member, Value::Null),
                nullable.contains(&member.as_str()),
                &format!("a {member} that is null"),
            )?;
            // A text that nobody has limited has no limit.
            if value.is_string() && !edges.iter().any(|(limited, ..)| limited == member) {
                holds(&with(member, text(20_000)), true, &format!("a long {member}"))?;
            }
            holds(&with(member, of_another_type(value)), false, &format!("a {member} of another type"))?;
        }
        // What a system adds is passed over.
        if good.is_object() {
            holds(&with("addedByTheSystem", json!({ "a": [1] })), true, "members that are not documented")?;
        }
    }
    Ok(())
}

#[test]
fn the_schemas_take_and_refuse_what_they_should() {
    let contract = Contract::embedded();
    what_the_schemas_take(contract, &Validator::new(contract).unwrap()).unwrap();

    // None is forgotten: every schema of a system is here.
    let named: Vec<&str> = shapes().iter().map(|shape| shape.schema).collect();
    let all = contract.document()["components"]["schemas"].as_object().unwrap();
    let shared = ["SystemKind", "Change", "StatusChange", "Suspension", "AccountStatus"];
    let forgotten: Vec<&String> =
        all.keys().filter(|name| !named.contains(&name.as_str()) && !shared.contains(&name.as_str())).collect();
    assert!(forgotten.is_empty(), "{forgotten:?}");
}

//! `PATCH`, as RFC 7644 section 3.5.2 has it: more than the one form that the contract has clients send.

use serde_json::Value;

use super::Refused;
use super::user::{Attribute, User};
use super::ways::Strings;

/// The schema of the message.
pub(super) const MESSAGE: &str = "urn:ietf:params:scim:api:messages:2.0:PatchOp";

/// Returns whether a body is a change that the service understands, whatever it asks and whether it may be done.
pub(super) fn is_one(body: &Value, strings: Strings) -> bool {
    let anybody = User::of("anybody", "Anybody", "1");
    // What is understood may be refused all the same, for a better reason.
    applied(&anybody, body, strings).map_or_else(|refused| refused.scim_type != "invalidSyntax", |_| true)
}

/// The user after a change. All of it is done, or nothing.
pub(super) fn applied(user: &User, body: &Value, strings: Strings) -> Result<User, Refused> {
    let syntax = |detail: &str| Refused::new(400, "invalidSyntax", detail);
    let schemas = body["schemas"].as_array();
    if !schemas.is_some_and(|schemas| schemas.iter().any(|schema| schema == MESSAGE)) {
        return Err(syntax("schemas must have the URN of PatchOp"));
    }
    let operations = body["Operations"].as_array().filter(|operations| !operations.is_empty());
    let mut changed = user.clone();
    for operation in operations.ok_or_else(|| syntax("Operations must have an operation"))? {
        apply(&mut changed, operation, strings)?;
    }
    Ok(changed)
}

fn apply(user: &mut User, operation: &Value, strings: Strings) -> Result<(), Refused> {
    let syntax = |detail: &str| Refused::new(400, "invalidSyntax", detail);
    let removes = match operation["op"].as_str() {
        Some("add" | "replace") => false,
        Some("remove") => true,
        _ => return Err(syntax("op must be add, replace or remove")),
    };
    let value = operation.get("value");
    match operation.get("path") {
        Some(path) => {
            let attribute = path.as_str().and_then(Attribute::of);
            let attribute =
                attribute.ok_or_else(|| Refused::new(400, "invalidPath", "path must name a known attribute"))?;
            match value {
                _ if removes => user.clear(attribute),
                Some(value) => set(user, attribute, value, strings),
                None => Err(Refused::new(400, "invalidValue", "value is required")),
            }
        }
        None if removes => Err(Refused::new(400, "noTarget", "path is required")),
        None => {
            let members = value.and_then(Value::as_object).filter(|members| !members.is_empty());
            let members =
                members.ok_or_else(|| Refused::new(400, "invalidValue", "without a path, value must be an object"))?;
            for (name, value) in members {
                let attribute = Attribute::of(name);
                let attribute =
                    attribute.ok_or_else(|| Refused::new(400, "invalidPath", "value must have known attributes"))?;
                set(user, attribute, value, strings)?;
            }
            Ok(())
        }
    }
}

fn set(user: &mut User, attribute: Attribute, value: &Value, strings: Strings) -> Result<(), Refused> {
    let boolean = match (attribute, value.as_str()) {
        (Attribute::Active, Some(text)) if strings.are_taken() => {
            text.to_ascii_lowercase().parse().ok().map(Value::Bool)
        }
        _ => None,
    };
    user.set(attribute, boolean.as_ref().unwrap_or(value))
}

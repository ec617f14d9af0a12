//! The generator's view of the contract: one system, JSON only, and schemas that read tolerantly.
//!
//! The generator panics on a second request media type and turns every constraint on an answer into a way to fail
//! after the change was made. So the view drops what the typed client must not insist on. Nothing is lost: ids are
//! checked by types of their own (see [`super::codegen::values`]), and the mock server holds both sides to the whole
//! contract.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};
use user_status_openapi::{Contract, SystemKind};

/// The media type that typed clients speak.
const JSON: &str = "application/json";

/// Constraints that the view drops. A system's answer that breaks one is still an answer.
const CONSTRAINTS: [&str; 8] =
    ["pattern", "minLength", "maxLength", "minimum", "maximum", "minProperties", "maxProperties", "enum"];

/// The part of the contract from which a system's client is generated.
pub(super) fn of_system(contract: &Contract, system: SystemKind) -> Value {
    let document = contract.document();
    let mut paths = Map::new();
    for operation in contract.operations().iter().filter(|operation| operation.system == system) {
        let mut value = document.pointer(&operation.pointer).cloned().unwrap_or_default();
        if let Some(members) = value.as_object_mut() {
            members.retain(|name, _| !name.starts_with("x-") && name != "security");
            if let Some(body) = members.get_mut("requestBody") {
                json_only(body);
            }
            if let Some(responses) = members.get_mut("responses").and_then(Value::as_object_mut) {
                responses.values_mut().for_each(json_only);
            }
            if let Some(parameters) = members.get_mut("parameters").and_then(Value::as_array_mut) {
                for parameter in parameters.iter_mut().filter_map(Value::as_object_mut) {
                    parameter.remove("example");
                    if let Some(schema) = parameter.get_mut("schema") {
                        relax(schema, false);
                    }
                }
            }
        }
        let item = paths.entry(operation.path.clone()).or_insert_with(|| json!({}));
        item[operation.method.to_lowercase()] = value;
    }

    let in_requests = reachable(document, paths.values().flat_map(|item| parts(item, false)));
    let in_answers = reachable(document, paths.values().flat_map(|item| parts(item, true)));
    let mut schemas = Map::new();
    for (name, schema) in document["components"]["schemas"].as_object().into_iter().flatten() {
        if in_requests.contains(name) || in_answers.contains(name) {
            let mut schema = schema.clone();
            relax(&mut schema, !in_requests.contains(name));
            schemas.insert(name.clone(), schema);
        }
    }
    json!({
        "openapi": document["openapi"],
        "info": { "title": format!("User status: {system}"), "version": document["info"]["version"] },
        "paths": paths,
        "components": { "schemas": schemas },
    })
}

/// Keeps the JSON form of a body, and its schema only.
fn json_only(body: &mut Value) {
    if let Some(content) = body.get_mut("content").and_then(Value::as_object_mut) {
        content.retain(|name, _| name == JSON);
        for media_type in content.values_mut().filter_map(Value::as_object_mut) {
            media_type.retain(|name, _| name == "schema");
        }
    }
}

/// Drops constraints, examples and extensions; in answers also `required`; and makes credentials optional, because
/// the session fills them in.
fn relax(schema: &mut Value, answer: bool) {
    let Some(members) = schema.as_object_mut() else { return };
    let password = members.get("format").and_then(Value::as_str) == Some("password");
    let number = members.get("type").and_then(Value::as_str) == Some("integer");
    members.retain(|name, _| {
        let kept = !CONSTRAINTS.contains(&name.as_str()) && !name.starts_with("x-");
        kept && name != "example" && name != "xml" && (name != "format" || password || number)
    });
    let mut credentials = Vec::new();
    if let Some(properties) = members.get_mut("properties").and_then(Value::as_object_mut) {
        for (name, property) in properties.iter_mut() {
            if property.get("x-credential").is_some() {
                credentials.push(name.clone());
            }
            relax(property, answer);
        }
    }
    if let Some(items) = members.get_mut("items") {
        relax(items, answer);
    }
    if let Some(required) = members.get_mut("required").and_then(Value::as_array_mut) {
        required.retain(|name| !answer && !credentials.iter().any(|credential| name == credential));
        if required.is_empty() {
            members.remove("required");
        }
    }
}

/// Of a path item, what travels in answers, or what travels in requests.
fn parts(item: &Value, answers: bool) -> Vec<&Value> {
    item.as_object()
        .into_iter()
        .flat_map(|operations| operations.values())
        .flat_map(|operation| operation.as_object().into_iter().flatten())
        .filter(|(name, _)| (name.as_str() == "responses") == answers)
        .map(|(_, value)| value)
        .collect()
}

/// The names of the schemas that these values refer to, directly or through others.
fn reachable<'a>(document: &'a Value, from: impl IntoIterator<Item = &'a Value>) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    let mut open: Vec<&Value> = from.into_iter().collect();
    while let Some(value) = open.pop() {
        match value {
            Value::Array(items) => open.extend(items),
            Value::Object(members) => {
                if let Some(name) = value["$ref"].as_str().and_then(|r| r.strip_prefix("#/components/schemas/"))
                    && names.insert(name.to_owned())
                {
                    open.push(&document["components"]["schemas"][name]);
                }
                open.extend(members.values());
            }
            _ => {}
        }
    }
    names
}

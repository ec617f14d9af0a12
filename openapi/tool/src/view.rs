//! The generator's view of the contract: one system, JSON only, and schemas that read tolerantly.
//!
//! The generator panics on a second request media type and turns every constraint on an answer into a way to fail
//! after the change was made. So the view drops what the typed client must not insist on. Nothing is lost: ids are
//! checked by types of their own (see [`super::codegen::values`]), and the mock server holds both sides to the whole
//! contract.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};
use user_status_openapi::{Contract, MediaType, SystemKind};

/// The media type that the generator knows as JSON.
const JSON: &str = "application/json";

/// Constraints that the view drops. A system's answer that breaks one is still an answer.
const CONSTRAINTS: [&str; 10] = [
    "pattern",
    "minLength",
    "maxLength",
    "minimum",
    "maximum",
    "minItems",
    "maxItems",
    "minProperties",
    "maxProperties",
    "enum",
];

/// The part of the contract from which a system's client is generated.
pub(super) fn of_system(contract: &Contract, system: SystemKind) -> Value {
    let document = contract.document();
    let mut paths = Map::new();
    for operation in contract.operations().iter().filter(|operation| operation.system == system) {
        let mut value = document.pointer(&operation.pointer).cloned().unwrap_or_default();
        if let Some(members) = value.as_object_mut() {
            members.retain(|name, _| !name.starts_with("x-") && name != "security");
            if let (Some(body), Some(documented)) = (members.get_mut("requestBody"), &operation.request_body) {
                json_only(body, &documented.content);
            }
            if let Some(responses) = members.get_mut("responses").and_then(Value::as_object_mut) {
                // The generator has one type for every success. The transport hands over one without a body as an empty one.
                responses.retain(|_, response| response.get("content").is_some());
                for (code, response) in responses.iter_mut() {
                    if let Some(documented) = code.parse().ok().and_then(|code: u16| operation.responses.get(&code)) {
                        json_only(response, &documented.content);
                    }
                }
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

/// Keeps the JSON form of a body, under the one name that the generator knows, and its schema only.
fn json_only(body: &mut Value, documented: &[MediaType]) {
    let Some(members) = body.as_object_mut() else { return };
    members.remove("headers");
    let json = MediaType::json(documented).map_or(JSON, |media_type| media_type.name.as_str());
    if let Some(content) = members.get_mut("content") {
        *content = json!({ JSON: { "schema": content[json]["schema"] } });
    }
}

/// Drops constraints, examples and extensions; in answers also `required`; and makes credentials optional, because
/// the session fills them in.
fn relax(schema: &mut Value, answer: bool) {
    let Some(members) = schema.as_object_mut() else { return };
    let password = members.get("format").and_then(Value::as_str) == Some("password");
    let number = members.get("type").and_then(Value::as_str) == Some("integer");
    if answer && members.contains_key("x-read-leniently") {
        members.remove("type");
    }
    // In this form the generator keeps members that it does not know.
    if members.get("additionalProperties") == Some(&Value::Bool(true)) {
        members.insert("additionalProperties".to_owned(), json!({}));
    }
    // As with every other member: a null says no more than one that is left out.
    if answer && members.get("type").and_then(Value::as_str) == Some("array") {
        members.insert("nullable".to_owned(), true.into());
    }
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

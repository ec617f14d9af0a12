//! Is every extension there, known and well-formed?

use serde_json::{Value, json};
use user_status_openapi::validate::Standalone;
use user_status_openapi::{BASE_PATH, Change, Contract, Idempotence, Operation, pointer};

use super::{Finding, objects};

/// The extensions that there are. Any other is a typing error.
const KNOWN: [&str; 14] = [
    "x-source",
    "x-idempotent",
    "x-changes",
    "x-contradictions",
    "x-decisions",
    "x-sample-method",
    "x-name-template",
    "x-credential",
    "x-known-values",
    "x-enum-varnames",
    "x-read-leniently",
    "x-vocabulary",
    "x-displayName",
    BASE_PATH,
];

pub(super) fn check(document: &Value, contract: &Contract) -> Vec<Finding> {
    let mut findings = unknown(document);
    let schema = match Standalone::new(operation_schema()) {
        Ok(schema) => schema,
        Err(e) => return vec![Finding::at("/paths", e.to_string())],
    };
    for operation in contract.operations() {
        let value = document.pointer(&operation.pointer).unwrap_or(&Value::Null);
        let violations = schema.validate(value).into_iter();
        findings.extend(violations.map(|v| Finding::at(format!("{}{}", operation.pointer, v.location), v.message)));
        if (operation.method == "GET") != operation.changes.is_empty() {
            let problem = "a write must name the changes that it can express, and a GET none";
            findings.push(Finding::at(format!("{}/x-changes", operation.pointer), problem));
        }
        findings.extend(idempotence(contract, operation));
    }
    findings.extend(name_templates(document));
    findings.extend(schemas(document));
    findings.extend(vocabulary(document));
    findings
}

/// A toggle may never be sent twice, and a condition names members that the body can have.
fn idempotence(contract: &Contract, operation: &Operation) -> Vec<Finding> {
    let at = format!("{}/x-idempotent", operation.pointer);
    if operation.changes.contains(&Change::Toggle) && operation.idempotence != Idempotence::Never {
        return vec![Finding::at(at, "must be false: a second toggle undoes the first")];
    }
    let Idempotence::WhenBodyHas(members) = &operation.idempotence else { return Vec::new() };
    let schema = operation.request_body.as_ref().and_then(|body| body.content.first()).map(|content| &content.schema);
    let known = |member: &str| {
        schema.is_some_and(|schema| contract.resolve(&format!("{schema}/properties/{member}")).is_some())
    };
    let unknown = members.iter().enumerate().filter(|(_, member)| !known(member));
    unknown
        .map(|(i, member)| {
            Finding::at(format!("{at}/when-body-has/{i}"), format!("the request body has no `{member}`"))
        })
        .collect()
}

/// The three schemas that all systems share, by the names under which they are looked for.
fn vocabulary(document: &Value) -> Option<Finding> {
    let wanted = json!({
        "system": { "$ref": "#/components/schemas/SystemKind" },
        "change": { "$ref": "#/components/schemas/StatusChange" },
        "status": { "$ref": "#/components/schemas/AccountStatus" },
    });
    (document.get("x-vocabulary") != Some(&wanted)).then(|| Finding::at("/x-vocabulary", format!("must be {wanted}")))
}

/// Returns what each operation must carry.
fn operation_schema() -> Value {
    let text = json!({ "type": "string", "pattern": "\\S" });
    let list_of = |members: &[&str]| {
        json!({
            "type": "array",
            "items": {
                "type": "object",
                "required": members,
                "properties": members.iter().map(|m| (m.to_string(), if *m == "document-says" {
                    json!({ "type": "array", "minItems": 2, "items": text })
                } else {
                    text.clone()
                })).collect::<serde_json::Map<_, _>>(),
                "additionalProperties": false,
            },
        })
    };
    let changes: Vec<&str> = Change::ALL.iter().map(|change| change.as_str()).collect();
    json!({
        "type": "object",
        "required": ["x-source", "x-idempotent", "x-changes", "x-contradictions", "x-decisions"],
        "properties": {
            "x-source": {
                "type": "object",
                "required": ["title", "publisher"],
                "properties": { "title": text, "publisher": text, "beyond-the-five": { "enum": [true] } },
                "additionalProperties": false,
            },
            "x-idempotent": {
                "type": ["boolean", "object"],
                "required": ["when-body-has"],
                "properties": { "when-body-has": { "type": "array", "minItems": 1, "items": text } },
                "additionalProperties": false,
            },
            "x-changes": { "type": "array", "uniqueItems": true, "items": { "enum": changes } },
            "x-contradictions": list_of(&["about", "document-says", "chosen", "reason"]),
            "x-decisions": list_of(&["about", "decision", "reason"]),
        },
    })
}

fn unknown(document: &Value) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (at, members) in objects(document) {
        for name in members.keys().filter(|name| name.starts_with("x-") && !KNOWN.contains(&name.as_str())) {
            let problem = format!("`{name}` is no extension of this contract; there are {}", KNOWN.join(", "));
            findings.push(Finding::at(pointer::join(&at, name), problem));
        }
    }
    findings
}

/// A template says how the concrete name beside it was made: from the one sample tenant.
fn name_templates(document: &Value) -> Vec<Finding> {
    let mut findings = Vec::new();
    let schemes = || document["components"]["securitySchemes"].as_object().into_iter().flatten();
    let mut tenants = Vec::new();
    for (name, scheme) in schemes() {
        let Some(template) = scheme.get("x-name-template") else { continue };
        let at = format!("{}/x-name-template", pointer::join("/components/securitySchemes", name));
        let concrete = scheme["name"].as_str().unwrap_or_default();
        let Some((before, after)) = template.as_str().and_then(|template| template.split_once("{tenant}")) else {
            findings.push(Finding::at(at, "must be a string with {tenant} in it"));
            continue;
        };
        match concrete.strip_prefix(before).and_then(|rest| rest.strip_suffix(after)) {
            Some(tenant) => tenants.push((at, tenant)),
            None => findings.push(Finding::at(at, format!("does not give the name `{concrete}` for any tenant"))),
        }
    }
    if let Some((_, sample)) = tenants.first() {
        for (at, tenant) in tenants.iter().filter(|(_, tenant)| tenant != sample) {
            findings.push(Finding::at(at, format!("the sample tenant is `{sample}`, and here `{tenant}`")));
        }
        for (name, scheme) in schemes() {
            let tenanted = scheme["name"].as_str().is_some_and(|name| name.ends_with(*sample));
            if tenanted && scheme.get("x-name-template").is_none() {
                let at = format!("{}/x-name-template", pointer::join("/components/securitySchemes", name));
                findings.push(Finding::at(at, format!("missing; the name ends in the sample tenant `{sample}`")));
            }
        }
    }
    findings
}

fn schemas(document: &Value) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (name, schema) in document["components"]["schemas"].as_object().into_iter().flatten() {
        let at = pointer::join("/components/schemas", name);
        let count = |key: &str| schema.get(key).and_then(Value::as_array).map(Vec::len);
        if let Some(names) = count("x-enum-varnames")
            && count("enum").or(count("x-known-values")) != Some(names)
        {
            findings.push(Finding::at(format!("{at}/x-enum-varnames"), "must have one name for each value"));
        }
        if schema.get("x-known-values").is_some_and(|values| {
            !values.as_array().is_some_and(|values| !values.is_empty() && values.iter().all(Value::is_string))
        }) {
            findings.push(Finding::at(format!("{at}/x-known-values"), "must be a list of strings"));
        }
        for (property, value) in schema["properties"].as_object().into_iter().flatten() {
            let here = pointer::join(&format!("{at}/properties"), property);
            if value.get("x-read-leniently").is_some_and(|leniently| *leniently != true) {
                findings.push(Finding::at(format!("{here}/x-read-leniently"), "must be `true`, or left out"));
            }
            let password = value.get("format").and_then(Value::as_str) == Some("password");
            match value.get("x-credential") {
                None if password => findings.push(Finding::at(here, "a password must have `x-credential: true`")),
                Some(Value::Bool(true)) if password => {}
                None => {}
                Some(_) => findings.push(Finding::at(
                    format!("{here}/x-credential"),
                    "must be `true`, on a string of format password",
                )),
            }
        }
    }
    findings
}

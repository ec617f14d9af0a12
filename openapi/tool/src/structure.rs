//! Is it an OpenAPI 3.0 document, with every reference in its place?

use serde_json::Value;
use user_status_openapi::pointer;

use super::{Finding, objects};

pub(super) fn check(document: &Value) -> Vec<Finding> {
    let mut findings = references(document);
    let parsed: Result<openapiv3::OpenAPI, _> = serde_path_to_error::deserialize(document);
    match parsed {
        Err(e) => {
            let at: String = e
                .path()
                .iter()
                .map(|segment| match segment {
                    serde_path_to_error::Segment::Seq { index } => format!("/{index}"),
                    serde_path_to_error::Segment::Map { key } => pointer::join("", key),
                    _ => String::new(),
                })
                .collect();
            findings.push(Finding::at(at, format!("is not OpenAPI 3.0: {}", e.inner())));
        }
        Ok(parsed) => match serde_json::to_value(&parsed) {
            Ok(kept) => unknown_members(document, &kept, "", &mut findings),
            Err(e) => findings.push(Finding::at("", format!("cannot be written as OpenAPI 3.0: {e}"))),
        },
    }
    let version = document.get("openapi").and_then(Value::as_str).unwrap_or_default();
    if !version.starts_with("3.0.") {
        findings.push(Finding::at("/openapi", format!("`{version}`; the generator reads 3.0.x only")));
    }
    findings
}

/// The OpenAPI types drop members they do not know. What is in the document and not in what they kept is a mistake
/// in writing: a typing error, or a keyword in the wrong place.
fn unknown_members(document: &Value, kept: &Value, at: &str, findings: &mut Vec<Finding>) {
    match (document, kept) {
        (Value::Object(members), Value::Object(kept)) => {
            for (name, value) in members {
                let here = pointer::join(at, name);
                match kept.get(name) {
                    Some(kept) => unknown_members(value, kept, &here, findings),
                    // A default is left out when it is written again.
                    None if is_default(name, value) => {}
                    // The one member of OpenAPI 3.0 that the types do not know.
                    None if name == "xml" && is_xml_object(value) => {}
                    None => {
                        findings.push(Finding::at(&here, format!("`{name}` is not a member that OpenAPI 3.0 has here")))
                    }
                }
            }
        }
        (Value::Array(items), Value::Array(kept)) => {
            for (i, (item, kept)) in items.iter().zip(kept).enumerate() {
                unknown_members(item, kept, &format!("{at}/{i}"), findings);
            }
        }
        _ => {}
    }
}

fn is_default(name: &str, value: &Value) -> bool {
    const FLAGS: [&str; 9] = [
        "required",
        "deprecated",
        "nullable",
        "readOnly",
        "writeOnly",
        "uniqueItems",
        "exclusiveMinimum",
        "exclusiveMaximum",
        "allowEmptyValue",
    ];
    *value == Value::Bool(false) && FLAGS.contains(&name)
}

fn is_xml_object(value: &Value) -> bool {
    const MEMBERS: [&str; 5] = ["name", "namespace", "prefix", "attribute", "wrapped"];
    value.as_object().is_some_and(|members| members.keys().all(|name| MEMBERS.contains(&name.as_str())))
}

/// Every `$ref` leads to a value of the document.
fn references(document: &Value) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (at, members) in objects(document) {
        if let Some(Value::String(target)) = members.get("$ref")
            && target.strip_prefix('#').and_then(|target| document.pointer(target)).is_none()
        {
            let problem = format!("`{target}` does not exist in this document");
            findings.push(Finding::at(pointer::join(&at, "$ref"), problem));
        }
    }
    findings
}

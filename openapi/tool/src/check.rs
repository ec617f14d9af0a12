//! The rules that this contract keeps beyond those of OpenAPI.

use std::collections::BTreeSet;

use serde_json::Value;
use user_status_openapi::{Change, Contract, Location, MediaType, Operation, SystemKind, pointer};

use super::{Finding, codegen, examples, extensions, objects, structure};

/// Everything that is wrong with the document itself.
pub(super) fn document(document: &Value) -> Vec<Finding> {
    let mut findings = structure::check(document);
    // With broken structure or references the rest would only repeat what is already said.
    if !findings.is_empty() {
        return findings;
    }
    let contract = match Contract::from_value(document.clone()) {
        Ok(contract) => contract,
        Err(e) => return vec![e.into()],
    };
    findings.extend(forms(document, &contract));
    findings.extend(operations(&contract));
    findings.extend(schemas(&contract));
    findings.extend(servers(document));
    findings.extend(vocabulary(document));
    findings.extend(unused(document));
    findings.extend(extensions::check(document, &contract));
    findings.extend(examples::check(&contract));
    findings
}

fn operations(contract: &Contract) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut ids = BTreeSet::new();
    let declared: BTreeSet<&str> =
        contract.document()["tags"].as_array().into_iter().flatten().filter_map(|tag| tag["name"].as_str()).collect();
    for operation in contract.operations() {
        if !ids.insert(&operation.id) {
            findings.push(Finding::at(
                format!("{}/operationId", operation.pointer),
                format!("`{}` names another operation already", operation.id),
            ));
        }
        if !declared.contains(operation.system.as_str()) {
            findings.push(Finding::at("/tags", format!("`{}` is used and not declared", operation.system)));
        }
        let words = operation.id.split(|c: char| c.is_ascii_uppercase());
        if !operation.id.starts_with(|c: char| c.is_ascii_lowercase())
            || words.clone().any(str::is_empty)
            || !operation.id.chars().all(|c| c.is_ascii_alphanumeric())
        {
            findings.push(Finding::at(
                format!("{}/operationId", operation.pointer),
                format!("`{}` must be of the form changeUserStatus", operation.id),
            ));
        }
        findings.extend(responses(operation));
        findings.extend(security(contract, operation));
        if operation.request_body.as_ref().is_some_and(|body| !body.required) {
            let at = format!("{}/requestBody/required", operation.pointer);
            findings.push(Finding::at(at, "must be true: a change that is left out asks for nothing"));
        }
        findings.extend(parameters(contract, operation));
    }
    for system in SystemKind::ALL {
        if !contract.operations().iter().any(|operation| operation.system == *system) {
            findings.push(Finding::at("/paths", format!("no operation of {system}")));
        }
    }
    findings
}

/// The generator reads one success type and one error type per operation.
fn responses(operation: &Operation) -> Vec<Finding> {
    let mut findings = Vec::new();
    let at = format!("{}/responses", operation.pointer);
    let schemas = |wanted: fn(u16) -> bool| -> BTreeSet<&str> {
        let responses = operation.responses.iter().filter(|(code, _)| wanted(**code));
        responses.flat_map(|(_, response)| &response.content).map(|media_type| media_type.schema.as_str()).collect()
    };
    for (what, schemas) in [("success", schemas(|code| code < 400)), ("error", schemas(|code| code >= 400))] {
        if schemas.len() != 1 {
            let names = schemas.into_iter().collect::<Vec<_>>().join(", ");
            findings.push(Finding::at(
                &at,
                format!("must have one {what} schema for all codes and media types, has: {names}"),
            ));
        }
    }
    let media_types = |content: &[MediaType]| -> BTreeSet<String> {
        content.iter().map(|media_type| media_type.name.clone()).collect()
    };
    let of_success = operation.responses.get(&200).map(|response| media_types(&response.content)).unwrap_or_default();
    for (code, response) in &operation.responses {
        if response.content.is_empty() {
            // One beside it says what there would be to read.
            if *code >= 300 {
                let problem = format!("{code} must have a body: only a success may be without one");
                findings.push(Finding::at(format!("{}/content", response.pointer), problem));
            }
            continue;
        }
        if media_types(&response.content) != of_success {
            let names = of_success.iter().cloned().collect::<Vec<_>>().join(", ");
            let at = format!("{}/content", response.pointer);
            findings.push(Finding::at(at, format!("{code} must have the media types that 200 has: {names}")));
        }
        if MediaType::json(&response.content).is_none() {
            let problem = format!("{code} must have application/json, or a media type that ends in +json");
            findings.push(Finding::at(format!("{}/content", response.pointer), problem));
        }
    }
    findings
}

fn security(contract: &Contract, operation: &Operation) -> Vec<Finding> {
    let at = format!("{}/security", operation.pointer);
    if operation.security.is_empty() || operation.security.iter().any(Vec::is_empty) {
        return vec![Finding::at(at, "every alternative must name a security scheme: no account is open to everybody")];
    }
    let names = operation.security.iter().enumerate().flat_map(|(i, set)| set.iter().map(move |name| (i, name)));
    names
        .filter(|(_, name)| contract.scheme(name).is_none())
        .map(|(i, name)| {
            Finding::at(pointer::join(&format!("{at}/{i}"), name), "is not among /components/securitySchemes")
        })
        .collect()
}

/// Path parameters fit the path, and none can lead the request elsewhere.
fn parameters(contract: &Contract, operation: &Operation) -> Vec<Finding> {
    let mut findings = Vec::new();
    let in_path: BTreeSet<&str> =
        operation.path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}')).collect();
    let path_parameters = || operation.parameters.iter().filter(|parameter| parameter.location == Location::Path);
    let declared: BTreeSet<&str> = path_parameters().map(|parameter| parameter.name.as_str()).collect();
    for name in in_path.symmetric_difference(&declared) {
        findings.push(Finding::at(
            format!("{}/parameters", operation.pointer),
            format!("`{name}` must be both in the path and among the parameters"),
        ));
    }
    for parameter in path_parameters() {
        let schema = contract.resolve(&parameter.schema).unwrap_or(&Value::Null);
        let named = parameter.schema.starts_with("/components/schemas/");
        if !named || !(codegen::is_id(schema) || schema.get("enum").is_some()) {
            findings.push(Finding::at(
                format!("{}/schema", parameter.pointer),
                "a path parameter must have a named schema: an id, or a string with an `enum`",
            ));
        }
        if !parameter.required {
            findings
                .push(Finding::at(format!("{}/required", parameter.pointer), "must be true: it is part of the path"));
        }
    }
    findings
}

/// The forms of OpenAPI that the tool does not read: it says so, and does not pass them over.
fn forms(document: &Value, contract: &Contract) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (path, item) in document["paths"].as_object().into_iter().flatten() {
        if item.get("parameters").is_some() {
            let at = format!("{}/parameters", pointer::join("/paths", path));
            findings.push(Finding::at(at, "give each operation its own parameters"));
        }
    }
    for operation in contract.operations() {
        let here = &operation.pointer;
        let mut places = vec![format!("{here}/requestBody")];
        places.extend((0..operation.parameters.len()).map(|i| format!("{here}/parameters/{i}")));
        places.extend(operation.responses.keys().map(|code| format!("{here}/responses/{code}")));
        for at in places {
            if document.pointer(&format!("{at}/$ref")).is_some() {
                findings.push(Finding::at(at, "write it here; the clients are not generated through a reference"));
            }
        }
    }
    findings
}

/// Ids are safe in a path, and the values of words can be names in code.
fn schemas(contract: &Contract) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (_, name, schema) in codegen::of_systems(contract) {
        let at = pointer::join("/components/schemas", name);
        if codegen::is_id(schema) {
            let safe = schema["minimum"].as_i64().is_some_and(|minimum| minimum >= 1)
                || (schema["pattern"] == codegen::SAFE_ID
                    && schema["minLength"].as_u64().is_some_and(|length| length >= 1)
                    && schema["maxLength"].is_u64());
            if !safe {
                findings.push(Finding::at(
                    &at,
                    format!(
                        "an id must have `minimum: 1`, or minLength, maxLength and the pattern {}",
                        codegen::SAFE_ID
                    ),
                ));
            }
        }
        if name.ends_with("Id") && !codegen::is_id(schema) {
            findings
                .push(Finding::at(&at, format!("an id must have `minimum: 1`, or the pattern {}", codegen::SAFE_ID)));
        }
        let values = schema.get("enum").and_then(Value::as_array).into_iter().flatten();
        if values.clone().any(|value| !value.is_string()) {
            findings.push(Finding::at(format!("{at}/enum"), "every value must be a string"));
        }
        let mut variants: BTreeSet<String> = BTreeSet::from(["Unknown".to_owned()]);
        for (value, variant) in codegen::variants(schema) {
            let valid = syn::parse_str::<syn::Ident>(&variant).is_ok();
            if !valid || !variants.insert(variant) {
                let problem = format!("`{value}` gives no name of its own in code; name each under `x-enum-varnames`");
                findings.push(Finding::at(&at, problem));
            }
        }
    }
    for parameter in contract.operations().iter().flat_map(|operation| &operation.parameters) {
        let schema = contract.resolve(&parameter.schema).unwrap_or(&Value::Null);
        let values = schema.get("enum").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str);
        let plain = |value: &str| !value.is_empty() && value.chars().all(|c| c.is_ascii_alphanumeric() || c == '-');
        if parameter.location == Location::Path && values.clone().any(|value| !plain(value)) {
            let problem = "the values of a path parameter must be letters, digits and `-`";
            findings.push(Finding::at(format!("{}/enum", parameter.schema), problem));
        }
    }
    findings
}

/// Each path names its servers, and each variable of a server is declared.
fn servers(document: &Value) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (path, item) in document["paths"].as_object().into_iter().flatten() {
        let at = format!("{}/servers", pointer::join("/paths", path));
        for (method, _) in item.as_object().into_iter().flatten().filter(|(_, member)| member.get("servers").is_some())
        {
            let at = format!("{}/{method}/servers", pointer::join("/paths", path));
            findings.push(Finding::at(at, "name the servers beside the operation, for all of the path"));
        }
        for (i, server) in item["servers"].as_array().into_iter().flatten().enumerate() {
            let url = server["url"].as_str().unwrap_or_default();
            let used: BTreeSet<&str> =
                url.split('{').skip(1).filter_map(|part| Some(part.split_once('}')?.0)).collect();
            let declared: BTreeSet<&str> =
                server["variables"].as_object().into_iter().flatten().map(|(name, _)| name.as_str()).collect();
            for name in used.symmetric_difference(&declared) {
                findings
                    .push(Finding::at(format!("{at}/{i}"), format!("`{name}` must be both in the url and a variable")));
            }
            if !url.starts_with("https://") {
                findings
                    .push(Finding::at(format!("{at}/{i}/url"), "must start with https://; requests carry credentials"));
            }
        }
    }
    findings
}

/// The canonical words of the document are those of the code.
fn vocabulary(document: &Value) -> Vec<Finding> {
    let words = |name: &str, list: &str, known: Vec<&str>| {
        let at = format!("/components/schemas/{name}/{list}");
        let listed: Vec<&str> =
            document.pointer(&at).and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str).collect();
        (listed != known).then(|| Finding::at(at, format!("must be {}", known.join(", "))))
    };
    [
        words("SystemKind", "x-known-values", SystemKind::ALL.iter().map(|system| system.as_str()).collect()),
        words("Change", "enum", Change::ALL.iter().map(|change| change.as_str()).collect()),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// Every component is referred to.
fn unused(document: &Value) -> Vec<Finding> {
    let used: BTreeSet<String> = objects(document)
        .into_iter()
        .filter_map(|(_, members)| members.get("$ref")?.as_str()?.strip_prefix('#').map(str::to_owned))
        .collect();
    let mut findings = Vec::new();
    for (kind, components) in document["components"].as_object().into_iter().flatten() {
        for name in components.as_object().into_iter().flatten().map(|(name, _)| name) {
            let at = pointer::join(&format!("/components/{kind}"), name);
            let needed = if kind == "securitySchemes" { names_scheme(document, name) } else { used.contains(&at) };
            if !needed {
                findings.push(Finding::at(at, "is never used"));
            }
        }
    }
    findings
}

fn names_scheme(document: &Value, name: &str) -> bool {
    let items = document["paths"].as_object().into_iter().flatten().map(|(_, item)| item);
    items
        .flat_map(|item| item.as_object().into_iter().flatten().map(|(_, operation)| operation))
        .flat_map(|operation| operation["security"].as_array().into_iter().flatten())
        .any(|alternative| alternative.get(name).is_some())
}

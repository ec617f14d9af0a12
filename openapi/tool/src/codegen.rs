//! What is generated beside the clients: the table of operations, and the types of ids and enumerations.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use serde_json::Value;
use user_status_openapi::{Contract, Idempotence, SystemKind};

use super::header;

/// The characters and forms that a string id may have. The SDK checks ids by hand-written code that equals this
/// pattern (a test holds the two together), so that its users compile no regular expressions.
pub(super) const SAFE_ID: &str = r"^(?:[A-Za-z0-9_~!$&'()*+,=:@-][A-Za-z0-9_~!$&'()*+,=:@.-]*|\.[A-Za-z0-9_~!$&'()*+,=:@-][A-Za-z0-9_~!$&'()*+,=:@.-]*|\.\.[A-Za-z0-9_~!$&'()*+,=:@.-]+)$";

/// `operations.rs`: what hooks know of an operation besides its id.
pub(super) fn operations(contract: &Contract) -> String {
    let mut text = header();
    text.push_str("use crate::model::change::Change;\n");
    text.push_str(
        "use crate::model::operation::{Idempotence, Operation, parse};\nuse crate::model::kind::SystemKind;\n\n",
    );
    text.push_str("/// Every operation of the contract, in the order of the document.\n");
    text.push_str("pub(crate) static OPERATIONS: &[Operation] = &[\n");
    for operation in contract.operations() {
        let idempotence = match &operation.idempotence {
            Idempotence::Always => "Always".to_owned(),
            Idempotence::Never => "Never".to_owned(),
            Idempotence::WhenBodyHas(members) => format!("WhenBodyHas(&{members:?})"),
        };
        let changes: Vec<String> = operation.changes.iter().map(|change| format!("Change::{change:?}")).collect();
        let statuses: Vec<String> = operation.responses.keys().map(ToString::to_string).collect();
        let bodyless = operation.responses.iter().filter(|(_, response)| response.content.is_empty());
        let bodyless: Vec<String> = bodyless.map(|(code, _)| code.to_string()).collect();
        let system = operation.system;
        let constant = constant(system);
        let schema = |success: bool| {
            let responses = operation.responses.iter().filter(|(code, _)| (**code < 300) == success);
            let mut schemas = responses.flat_map(|(_, response)| &response.content).map(|content| &content.schema);
            let name = schemas.next().and_then(|schema| schema.rsplit('/').next()).unwrap_or_default();
            format!("super::{system}::types::{name}")
        };
        let _ = write!(
            text,
            "    #[cfg(feature = \"{system}\")]\n    Operation {{\n        id: {:?},\n        hook_id: {:?},\n        \
             method: {:?},\n        path: {:?},\n        system: SystemKind::{constant},\n        \
             idempotence: Idempotence::{idempotence},\n        changes: &[{}],\n        statuses: &[{}],\n        \
             bodyless: &[{}],\n        parse: Some(parse::<{}, {}>),\n    }},\n",
            operation.id,
            snake_case(&operation.id),
            operation.method,
            operation.path,
            changes.join(", "),
            statuses.join(", "),
            bodyless.join(", "),
            schema(true),
            schema(false),
        );
    }
    text.push_str("];\n");
    text
}

/// The constant of a kind of system.
fn constant(system: SystemKind) -> String {
    system.as_str().to_uppercase()
}

/// The form in which the generated clients hand an operation id to their hooks.
fn snake_case(id: &str) -> String {
    let mut text = String::new();
    for c in id.chars() {
        if c.is_ascii_uppercase() {
            text.push('_');
        }
        text.push(c.to_ascii_lowercase());
    }
    text
}

/// `mod.rs`: one module per system, each behind its feature.
pub(super) fn module() -> String {
    let mut text = header();
    text.push_str("pub(crate) mod operations;\npub(crate) mod values;\n");
    for system in SystemKind::ALL {
        let _ = write!(
            text,
            "\n#[cfg(feature = \"{system}\")]\n#[allow(missing_docs, unreachable_pub, clippy::all, rustdoc::all)]\npub mod {system};\n",
        );
    }
    text
}

/// The named schemas that become types of their own: ids, and strings with a set of values.
pub(super) fn value_names(contract: &Contract) -> Vec<String> {
    of_systems(contract).filter(|(_, _, schema)| kind(schema).is_some()).map(|(_, name, _)| name.to_owned()).collect()
}

/// `values.rs`: those types.
pub(super) fn values(contract: &Contract) -> String {
    let in_parameters: BTreeSet<&str> = contract
        .operations()
        .iter()
        .flat_map(|operation| &operation.parameters)
        .filter_map(|parameter| parameter.schema.strip_prefix("/components/schemas/"))
        .collect();
    let mut text = header();
    for (system, name, schema) in of_systems(contract) {
        let Some(kind) = kind(schema) else { continue };
        // As it stands in the text of an error: `UserdocksAppId` is an "app id".
        let noun = name.strip_prefix(&format!("{system:?}")).unwrap_or(name).strip_suffix("Id").unwrap_or(name);
        let constant = constant(system);
        let noun = format!("{} id", noun.to_lowercase());
        let description = schema.get("description").and_then(Value::as_str).unwrap_or_default().trim();
        let body = match kind {
            Kind::StringId => {
                let max = schema.get("maxLength").and_then(Value::as_u64).unwrap_or_default();
                format!(
                    "crate::model::id::string_id! {{\n    {}    {name}, {constant}, {noun:?}, max {max}\n}}\n",
                    docs(description, "    ")
                )
            }
            Kind::IntegerId => {
                format!(
                    "crate::model::id::integer_id! {{\n    {}    {name}, {constant}, {noun:?}\n}}\n",
                    docs(description, "    ")
                )
            }
            Kind::Words => {
                // A word in a path can name another resource, so there the set is closed.
                let openness = if in_parameters.contains(name) { "closed_enum" } else { "open_enum" };
                let mut body = format!(
                    "crate::model::open_enum::{openness}! {{\n    {}    {name} {{\n",
                    docs(description, "    ")
                );
                for (value, variant) in variants(schema) {
                    let _ = writeln!(body, "        {variant} = {value:?},");
                }
                body.push_str("    }\n}\n");
                body
            }
        };
        let _ = write!(text, "#[cfg(feature = \"{system}\")]\n{body}\n");
    }
    text.trim_end().to_owned() + "\n"
}

/// The kind of type that a named schema becomes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    StringId,
    IntegerId,
    Words,
}

pub(super) fn kind(schema: &Value) -> Option<Kind> {
    let of_type = |name: &str| schema.get("type").and_then(Value::as_str) == Some(name);
    if of_type("integer") {
        Some(Kind::IntegerId)
    } else if of_type("string") && schema.get("pattern").is_some() {
        Some(Kind::StringId)
    } else if of_type("string") && (schema.get("enum").is_some() || schema.get("x-known-values").is_some()) {
        Some(Kind::Words)
    } else {
        None
    }
}

/// Returns whether a schema is that of an id.
pub(super) fn is_id(schema: &Value) -> bool {
    matches!(kind(schema), Some(Kind::StringId | Kind::IntegerId))
}

/// The named schemas of systems: those whose name starts with a system's.
pub(super) fn of_systems(contract: &Contract) -> impl Iterator<Item = (SystemKind, &str, &Value)> {
    let schemas = contract.document().pointer("/components/schemas").and_then(Value::as_object);
    schemas.into_iter().flatten().filter_map(|(name, schema)| {
        let system = SystemKind::ALL.iter().find(|system| name.starts_with(&format!("{system:?}")))?;
        Some((*system, name.as_str(), schema))
    })
}

/// The values of a set of words, each with the name of its variant.
pub(super) fn variants(schema: &Value) -> Vec<(String, String)> {
    let list = |key: &str| schema.get(key).and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str);
    let mut names = list("x-enum-varnames").map(str::to_owned);
    list("enum")
        .chain(list("x-known-values"))
        .map(|value| (value.to_owned(), names.next().unwrap_or_else(|| variant_name(value))))
        .collect()
}

/// `com.soa.user.status.locked` → `Locked`, `ENABLED` → `Enabled`.
fn variant_name(value: &str) -> String {
    let word = value.rsplit('.').next().unwrap_or(value).to_lowercase();
    let mut chars = word.chars();
    chars.next().map_or_else(String::new, |first| first.to_uppercase().chain(chars).collect())
}

fn docs(description: &str, indent: &str) -> String {
    let mut text = String::new();
    for (i, line) in description.lines().enumerate() {
        let _ = writeln!(text, "{}/// {}", if i == 0 { "" } else { indent }, line.trim());
    }
    text
}

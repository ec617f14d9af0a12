//! The canonical types of the SDK and the canonical schemas of the contract are the same.

use schemars::JsonSchema;
use serde_json::{Value, json};
use user_status::{AccountStatus, Change, StatusChange, Suspension};
use user_status_openapi::Contract;

/// Texts for people, and the words in which the two dialects differ: a schema in `$defs`, an enumeration whose values
/// have texts of their own.
fn bare(value: &Value) -> Value {
    match value {
        Value::Object(members) => {
            if let Some(Value::Array(variants)) = members.get("oneOf") {
                let words: Vec<Value> = variants.iter().flat_map(words).collect();
                return json!({ "type": "string", "enum": words });
            }
            let dropped = ["description", "example", "title", "$schema", "$defs", "default"];
            let kept = members.iter().filter(|(name, _)| !dropped.contains(&name.as_str()));
            kept.map(|(name, value)| (name.clone(), bare(value))).collect()
        }
        Value::Array(items) => items.iter().map(bare).collect(),
        Value::String(text) => json!(text.replace("#/$defs/", "#/components/schemas/")),
        other => other.clone(),
    }
}

fn words(variant: &Value) -> Vec<Value> {
    match (variant.get("const"), variant.get("enum").and_then(Value::as_array)) {
        (Some(word), _) => vec![word.clone()],
        (None, Some(words)) => words.clone(),
        (None, None) => panic!("a variant without a word: {variant}"),
    }
}

fn same<T: JsonSchema>(contract: &Contract, name: &str) -> Result<(), String> {
    let of_contract = contract.resolve(&format!("/components/schemas/{name}")).ok_or_else(|| format!("no {name}"))?;
    let of_type = serde_json::to_value(schemars::schema_for!(T)).unwrap();
    // Order of members is no difference.
    let sorted = |value: Value| -> Value { serde_json::from_str(&canonical(&value)).unwrap() };
    crate::contract::document::same(&sorted(bare(of_contract)), &sorted(bare(&of_type)))
        .map_err(|e| format!("{name} {e}"))
}

fn canonical(value: &Value) -> String {
    match value {
        Value::Object(members) => {
            let mut names: Vec<&String> = members.keys().collect();
            names.sort();
            let members = names.iter().map(|name| format!("{}:{}", json!(name), canonical(&members[*name])));
            format!("{{{}}}", members.collect::<Vec<_>>().join(","))
        }
        Value::Array(items) => format!("[{}]", items.iter().map(canonical).collect::<Vec<_>>().join(",")),
        other => other.to_string(),
    }
}

#[test]
fn the_types_have_the_schemas_of_the_contract() {
    the_types_have_the_schemas_of(Contract::embedded()).unwrap();
    let words = &Contract::embedded().resolve("/components/schemas/Change").unwrap()["enum"];
    assert_eq!(words, &json!(Change::ALL), "none is forgotten");
}

/// Returns whether the canonical schemas of a contract are those of the SDK's types.
pub(crate) fn the_types_have_the_schemas_of(contract: &Contract) -> Result<(), String> {
    same::<user_status::SystemKind>(contract, "SystemKind")?;
    same::<Change>(contract, "Change")?;
    same::<StatusChange>(contract, "StatusChange")?;
    same::<Suspension>(contract, "Suspension")?;
    same::<AccountStatus>(contract, "AccountStatus")
}

/// And they read and write its examples.
#[test]
fn the_types_read_the_examples_of_the_contract() {
    let example = |name: &str| Contract::embedded().resolve(&format!("/components/schemas/{name}/example")).unwrap();
    let change: StatusChange = serde_json::from_value(example("StatusChange").clone()).unwrap();
    assert_eq!(serde_json::to_value(&change).unwrap(), *example("StatusChange"));
    let status: AccountStatus = serde_json::from_value(example("AccountStatus").clone()).unwrap();
    assert_eq!(serde_json::to_value(&status).unwrap(), *example("AccountStatus"));
}

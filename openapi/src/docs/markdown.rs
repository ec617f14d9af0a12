//! The documentation as Markdown: a page per system, and one that leads to them.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::{Contract, Operation, SystemKind, pointer};

/// Returns the pages by file name.
pub fn pages(contract: &Contract) -> BTreeMap<String, String> {
    // A file of this crate, held current and readable by a test.
    let document: Value = serde_json::from_str(super::JSON).expect("docs.json is JSON");
    let mut pages = BTreeMap::new();
    let mut index = format!(
        "# {}\n\n{}\n\n## The systems\n\n",
        text(&document, "/info/title"),
        text(&document, "/info/description").trim()
    );
    for &system in SystemKind::ALL {
        let tag = document["tags"].as_array().into_iter().flatten().find(|tag| tag["name"] == system.as_str());
        let tag = tag.cloned().unwrap_or_default();
        let name = tag["x-displayName"].as_str().unwrap_or(system.as_str());
        index.push_str(&format!("- [{name}]({system}.md)\n"));
        let mut page = format!("# {name}\n\n[All systems](README.md)\n\n{}\n", text(&tag, "/description").trim());
        for operation in contract.operations().iter().filter(|operation| operation.system == system) {
            page.push_str(&section(&document, contract, operation));
        }
        pages.insert(format!("{system}.md"), page);
    }
    pages.insert("README.md".to_owned(), index);
    pages
}

fn section(document: &Value, contract: &Contract, operation: &Operation) -> String {
    let described = document.pointer(&operation.pointer).unwrap_or(&Value::Null);
    let base = contract.base_path(operation.system);
    let mut section = format!(
        "\n## {}\n\n`{} {base}{}` (`{}`)\n\n{}\n",
        text(described, "/summary"),
        operation.method,
        operation.path,
        operation.id,
        text(described, "/description").trim(),
    );
    if !operation.parameters.is_empty() {
        section.push_str("\n**Parameters.**\n\n");
    }
    for parameter in &operation.parameters {
        let described = contract.document().pointer(&parameter.pointer).unwrap_or(&Value::Null);
        let required = if parameter.required { "required" } else { "optional" };
        let words = text(described, "/description").replace('\n', " ");
        section.push_str(&format!("- `{}` ({required}): {}\n", parameter.name, words.trim()));
    }
    if let Some(content) = operation.request_body.as_ref().and_then(|body| body.content.first()) {
        section.push_str(&format!("\n**Request body** (`{}`).\n\n", content.name));
        section.push_str(&members(contract, &content.schema));
        section.push_str(&examples(contract, &content.pointer));
    }
    for (code, response) in &operation.responses {
        match response.content.first() {
            Some(content) => {
                section.push_str(&format!("\n**Response {code}** (`{}`).\n", content.name));
                section.push_str(&examples(contract, &content.pointer));
            }
            None => section.push_str(&format!("\n**Response {code}** (without a body).\n")),
        }
    }
    for sample in described["x-codeSamples"].as_array().into_iter().flatten() {
        let language = text(sample, "/lang").to_lowercase();
        section.push_str(&format!(
            "\n{}:\n\n```{language}\n{}\n```\n",
            text(sample, "/label"),
            text(sample, "/source")
        ));
    }
    section
}

/// The members of a body.
fn members(contract: &Contract, schema: &str) -> String {
    let at = format!("{schema}/properties");
    let described = contract.resolve(schema).unwrap_or(&Value::Null);
    let required = |name: &str| described["required"].as_array().is_some_and(|all| all.iter().any(|n| n == name));
    let mut list = String::new();
    for name in contract.resolve(&at).and_then(Value::as_object).into_iter().flatten().map(|(name, _)| name) {
        let own = pointer::join(&at, name);
        // What stands beside a reference is not part of the document, so the words are those of what it refers to.
        let words = contract.resolve(&own).map(|member| text(member, "/description")).unwrap_or_default();
        let needed = if required(name) { "required" } else { "optional" };
        list.push_str(&format!("- `{name}` ({needed}): {}\n", words.replace('\n', " ").trim()));
    }
    list
}

fn examples(contract: &Contract, media_type: &str) -> String {
    let at = format!("{media_type}/examples");
    let mut list = String::new();
    for (name, _) in contract.resolve(&at).and_then(Value::as_object).into_iter().flatten() {
        let example = contract.resolve(&pointer::join(&at, name)).unwrap_or(&Value::Null);
        let value = serde_json::to_string_pretty(&example["value"]).unwrap_or_default();
        list.push_str(&format!("\n{}:\n\n```json\n{value}\n```\n", text(example, "/summary")));
    }
    list
}

fn text(value: &Value, at: &str) -> String {
    value.pointer(at).and_then(Value::as_str).unwrap_or_default().to_owned()
}

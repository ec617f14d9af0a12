//! The contract as its readers get it: what is kept apart for programs is put into the prose, and every operation has
//! samples that were compiled and run.

use std::path::Path;

use serde_json::{Map, Value, json};
use user_status_openapi::{Change, Contract, Idempotence, Operation, SchemeKind, SystemKind, pointer};

use super::Finding;

mod samples;

pub(super) use samples::Samples;

/// The document for readers, as JSON text.
///
/// # Errors
/// Operations without a sample, and samples without an operation.
pub(super) fn document(contract: &Contract, root: &Path) -> Result<String, Vec<Finding>> {
    let samples = Samples::read(root)?;
    let findings = samples.check(contract);
    if !findings.is_empty() {
        return Err(findings);
    }
    let mut document = contract.document().clone();
    let introduction = format!(
        "{}\n\n## What each system can do\n\n{}\n\n{}\n\n## What a status code proves\n\n{}\n\n\
         ## What the Rust client sends again by itself\n\n{}\n\n{}",
        text(&document, "/info/description"),
        changes(contract),
        REPEATING,
        table(root, "| System | Status | What it proves |")?,
        table(root, "| Outcome of an attempt |")?,
        TOGGLE,
    );
    document["info"]["description"] = introduction.into();
    for tag in document["tags"].as_array_mut().into_iter().flatten() {
        let name = tag["name"].as_str().unwrap_or_default().to_owned();
        if let Ok(system) = name.parse() {
            let whole = format!("{}\n\n{}", text(tag, "/description"), introduction_to(contract, system));
            tag["description"] = whole.into();
        }
    }
    for operation in contract.operations() {
        if let Some(described) = document.pointer_mut(&operation.pointer) {
            describe(described, operation, &samples);
        }
    }
    strip(&mut document);
    serde_json::to_string_pretty(&document).map(|text| text + "\n").map_err(|e| vec![Finding::at("", e.to_string())])
}

/// The general rules of retries.
const REPEATING: &str = "\
## When it is safe to repeat a call

Every operation says below whether a second call changes anything. A refusal that the system itself documents says that
nothing was changed: correct the request or the credentials first. After any other failure, also one that a gateway reports,
or no answer at all, the change may have been made; read the account, or repeat the call if the operation says that it may
be repeated. A toggle is never to be repeated blindly: the second call would undo the first.";

/// Under the table of what is sent again.
const TOGGLE: &str =
    "*Toggle* is an operation that must not be repeated blindly; every other one counts as idempotent.";

/// A table of the README, by how its header starts; a test holds it to the code.
fn table(root: &Path, header: &str) -> Result<String, Vec<Finding>> {
    let file = "README.md";
    let text = std::fs::read_to_string(root.join(file))
        .map_err(|e| vec![Finding::new(file, "", format!("cannot be read: {e}"))])?;
    let rows = text.lines().skip_while(|line| !line.starts_with(header)).take_while(|line| line.starts_with('|'));
    let table: Vec<&str> = rows.collect();
    if table.is_empty() {
        return Err(vec![Finding::new(file, "", format!("has no table that starts with `{header}`"))]);
    }
    Ok(table.join("\n"))
}

/// The table of changes: which system can be asked for which.
pub(super) fn changes(contract: &Contract) -> String {
    let mut table = String::from("| System | Changes | Can be read |\n|---|---|---|\n");
    for &system in SystemKind::ALL {
        let operations = || contract.operations().iter().filter(|operation| operation.system == system);
        let can = |change: &&Change| operations().any(|operation| operation.changes.contains(change));
        let able: Vec<&str> = Change::ALL.iter().filter(can).map(|change| change.as_str()).collect();
        let read = if operations().any(|operation| operation.changes.is_empty()) { "yes" } else { "no" };
        let name = display_name(contract, system);
        table.push_str(&format!("| {name} | {} | {read} |\n", able.join(", ")));
    }
    table + "\nA change that is not there is one that the system does not have; nothing else stands in for it."
}

/// The name of a system as people write it.
pub(super) fn display_name(contract: &Contract, system: SystemKind) -> String {
    let tags = contract.document()["tags"].as_array().into_iter().flatten();
    let tag = tags.into_iter().find(|tag| tag["name"] == system.as_str());
    tag.and_then(|tag| tag["x-displayName"].as_str()).unwrap_or(system.as_str()).to_owned()
}

/// Returns how one authenticates, and which operations there are.
fn introduction_to(contract: &Contract, system: SystemKind) -> String {
    let mut whole = String::from("**Authentication**\n\n");
    let mut known = Vec::new();
    for operation in contract.operations().iter().filter(|operation| operation.system == system) {
        for name in operation.security.iter().flatten() {
            let Some(scheme) = contract.scheme(name).filter(|_| !known.contains(&name)) else { continue };
            known.push(name);
            let place = match &scheme.kind {
                SchemeKind::Header(header) => format!("header `{header}`"),
                SchemeKind::Cookie(cookie) => format!("cookie `{cookie}`"),
                SchemeKind::Bearer => "header `Authorization: Bearer …`".to_owned(),
            };
            let at = pointer::join("/components/securitySchemes", name);
            let described = text(contract.document(), &format!("{at}/description"));
            whole.push_str(&format!("- {place}: {described}\n"));
        }
    }
    whole.push_str("\n**Operations**\n\n");
    for operation in contract.operations().iter().filter(|operation| operation.system == system) {
        let summary = text(contract.document(), &format!("{}/summary", operation.pointer));
        whole.push_str(&format!("- `{}`: {summary}. {}\n", operation.id, repeating(operation)));
    }
    whole
}

/// Returns whether a call may be repeated, in a sentence.
fn repeating(operation: &Operation) -> String {
    match &operation.idempotence {
        Idempotence::Always if operation.changes.is_empty() => "Reads; may be repeated.".to_owned(),
        Idempotence::Always => "May be repeated: a second call changes nothing.".to_owned(),
        Idempotence::Never => "**Must not be repeated blindly**: a second call undoes the first.".to_owned(),
        Idempotence::WhenBodyHas(members) => {
            let members: Vec<String> = members.iter().map(|member| format!("`{member}`")).collect();
            format!("May be repeated if the body has {}; else a second call may undo the first.", members.join(" and "))
        }
    }
}

/// Puts what the extensions say into the prose of an operation, and its samples beside it.
fn describe(described: &mut Value, operation: &Operation, samples: &Samples) {
    let mut whole = text(described, "/description").trim_end().to_owned();
    whole.push_str(&format!("\n\n**Repeating.** {}\n", repeating(operation)));
    if !operation.changes.is_empty() {
        let changes: Vec<&str> = operation.changes.iter().map(|change| change.as_str()).collect();
        whole.push_str(&format!("\n**Changes that it expresses.** {}\n", changes.join(", ")));
    }
    whole.push_str("\n**Responses.**\n\n");
    for (code, response) in described["responses"].as_object().into_iter().flatten() {
        let response = text(response, "/description");
        whole.push_str(&format!("- `{code}`: {response}\n"));
    }
    let mut section = |title: &str, list: &Value, line: &dyn Fn(&Value) -> String| {
        let items = list.as_array().map(Vec::as_slice).unwrap_or_default();
        if !items.is_empty() {
            whole.push_str(&format!("\n**{title}.**\n\n"));
            items.iter().for_each(|item| whole.push_str(&format!("- {}\n", line(item))));
        }
    };
    section("Where the source contradicts itself", &described["x-contradictions"], &|item| {
        let says: Vec<&str> =
            item["document-says"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        let (about, chosen, reason) = (text(item, "/about"), text(item, "/chosen"), text(item, "/reason"));
        format!("*{about}*: {}. **Chosen: {chosen}.** {reason}", says.join("; "))
    });
    section("What the source leaves open", &described["x-decisions"], &|item| {
        let (about, decision, reason) = (text(item, "/about"), text(item, "/decision"), text(item, "/reason"));
        format!("*{about}*: **{decision}.** {reason}")
    });
    let source = &described["x-source"];
    whole.push_str(&format!("\n**Source.** {}, {}.", text(source, "/title"), text(source, "/publisher")));
    if source["beyond-the-five"] == true {
        whole.push_str(" It is not in the five documents that the contract is made from.");
    }
    whole.push('\n');
    described["description"] = whole.into();
    described["x-codeSamples"] = samples.of(&operation.id);
}

/// Takes out the extensions that are for programs.
fn strip(value: &mut Value) {
    const FOR_READERS: [&str; 3] = ["x-displayName", "x-codeSamples", "x-enum-varnames"];
    match value {
        Value::Array(items) => items.iter_mut().for_each(strip),
        Value::Object(members) => {
            let kept = std::mem::take(members).into_iter();
            let kept = kept.filter(|(name, _)| !name.starts_with("x-") || FOR_READERS.contains(&name.as_str()));
            *members = kept.collect::<Map<_, _>>();
            members.values_mut().for_each(strip);
        }
        _ => {}
    }
}

fn text(value: &Value, at: &str) -> String {
    value.pointer(at).and_then(Value::as_str).unwrap_or_default().to_owned()
}

/// A sample as documentation tools read it.
fn sample(language: &str, label: &str, source: &str) -> Value {
    json!({ "lang": language, "label": label, "source": source })
}

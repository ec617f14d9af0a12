//! Is every example what its schema says, and is there one for every body?

use serde_json::Value;
use user_status_openapi::validate::Validator;
use user_status_openapi::{Contract, MediaType, pointer};

use super::Finding;

pub(super) fn check(contract: &Contract) -> Vec<Finding> {
    let validator = match Validator::new(contract) {
        Ok(validator) => validator,
        Err(e) => return vec![Finding::at(e.pointer, e.problem)],
    };
    let checker = Checker { contract, validator };
    let mut findings = Vec::new();
    misplaced(contract.document(), "", &mut findings);
    for operation in contract.operations() {
        let bodies = operation.request_body.iter().flat_map(|body| &body.content);
        let answers = operation.responses.values().flat_map(|response| &response.content);
        for media_type in bodies.chain(answers) {
            checker.media_type(media_type, &mut findings);
        }
        for parameter in &operation.parameters {
            let at = format!("{}/example", parameter.pointer);
            match contract.document().pointer(&at) {
                Some(example) => checker.example(&at, &parameter.schema, example, &mut findings),
                None => findings.push(Finding::at(at, "missing; every parameter has an example")),
            }
        }
    }
    let schemas = contract.document().pointer("/components/schemas").and_then(Value::as_object);
    for (name, schema) in schemas.into_iter().flatten() {
        let at = pointer::join("/components/schemas", name);
        if let Some(example) = schema.get("example") {
            checker.example(&format!("{at}/example"), &at, example, &mut findings);
        }
    }
    findings
}

/// Examples stand in three places, where they are checked: named ones with a body, one with a parameter, one with a
/// named schema. One that stands elsewhere would be checked by nobody.
fn misplaced(value: &Value, at: &str, findings: &mut Vec<Finding>) {
    match value {
        Value::Array(items) => {
            items.iter().enumerate().for_each(|(i, item)| misplaced(item, &format!("{at}/{i}"), findings));
        }
        Value::Object(members) => {
            let parent = at.rsplit('/').next().unwrap_or_default();
            let grandparent = at.rsplit('/').nth(1).unwrap_or_default();
            for (name, member) in members {
                let here = pointer::join(at, name);
                let fits = match name.as_str() {
                    // A member that is called so, and is no keyword.
                    _ if parent == "properties" => true,
                    "example" => {
                        at.starts_with("/components/schemas/") && at.matches('/').count() == 3
                            || grandparent == "parameters"
                    }
                    "examples" => grandparent == "content" || at == "/components",
                    _ => true,
                };
                if !fits {
                    let problem =
                        "examples stand under `examples` of a body, or `example` of a parameter or named schema";
                    findings.push(Finding::at(&here, problem));
                }
                // What is in an example is data.
                if parent == "properties" || !matches!(name.as_str(), "example" | "examples") {
                    misplaced(member, &here, findings);
                }
            }
        }
        _ => {}
    }
}

struct Checker<'a> {
    contract: &'a Contract,
    validator: Validator,
}

impl Checker<'_> {
    fn media_type(&self, media_type: &MediaType, findings: &mut Vec<Finding>) {
        let list = format!("{}/examples", media_type.pointer);
        let examples = self.contract.document().pointer(&list).and_then(Value::as_object);
        let Some(examples) = examples.filter(|examples| !examples.is_empty()) else {
            findings.push(Finding::at(list, "missing; every body has a named example"));
            return;
        };
        for name in examples.keys() {
            let at = pointer::join(&list, name);
            match self.contract.resolve(&at).and_then(|example| example.get("value")) {
                Some(value) => self.example(&format!("{at}/value"), &media_type.schema, value, findings),
                None => findings.push(Finding::at(at, "must have a `value`")),
            }
        }
    }

    fn example(&self, at: &str, schema: &str, example: &Value, findings: &mut Vec<Finding>) {
        for violation in self.validator.validate(schema, example) {
            findings.push(Finding::at(
                format!("{at}{}", violation.location),
                format!("{} (by #{})", violation.message, violation.contract),
            ));
        }
    }
}

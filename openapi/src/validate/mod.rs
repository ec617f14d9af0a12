//! Values against the schemas of the contract.

use std::error::Error;
use std::fmt;

use boon::{Compiler, ErrorKind, Format, SchemaIndex, Schemas, ValidationError};
use serde_json::{Value, json};

use crate::contract::Contract;
use crate::pointer;

mod sketch;

use sketch::Sketch;

/// The address under which the document is known to the validator. Never fetched.
const DOCUMENT: &str = "contract:///openapi.json";

/// Holds values against the schemas of one contract.
///
/// ```
/// use serde_json::json;
/// use user_status_openapi::{Contract, validate::Validator};
///
/// let validator = Validator::new(Contract::embedded()).unwrap();
/// let violations = validator.validate("/components/schemas/AkanaFault", &json!({ "faultcode": 7 }));
/// assert_eq!(violations.len(), 2);
/// assert_eq!(violations[1].to_string(), "/faultcode must be string, is number");
/// ```
pub struct Validator {
    schemas: Schemas,
    /// Each with its pointer, by the length of that: pointers begin alike, and few are of one length.
    by_length: Vec<Vec<(String, Compiled)>>,
}

/// A schema, and if it is simple enough what sees fast that a value is allowed.
struct Compiled {
    index: SchemaIndex,
    sketch: Option<Sketch>,
}

impl Validator {
    /// Compiles every schema that an operation uses, and every named one.
    ///
    /// # Errors
    /// The first schema that cannot be compiled, with its JSON pointer.
    pub fn new(contract: &Contract) -> Result<Validator, InvalidSchema> {
        Validator::of_document(contract.document(), schema_pointers(contract))
    }

    /// Compiles the schemas at these JSON pointers of any OpenAPI 3.0 document.
    ///
    /// # Errors
    /// The first schema that cannot be compiled, with its JSON pointer.
    pub fn of_document(
        document: &Value,
        pointers: impl IntoIterator<Item = String>,
    ) -> Result<Validator, InvalidSchema> {
        let mut document = document.clone();
        to_json_schema(&mut document);
        let mut compiler = Compiler::new();
        compiler.enable_format_assertions();
        for format in [Format { name: "int32", func: int32 }, Format { name: "int64", func: int64 }] {
            compiler.register_format(format);
        }
        let sketched = |at: String| (Sketch::at(&document, &at), at);
        let pointers: Vec<_> = pointers.into_iter().map(sketched).collect();
        compiler.add_resource(DOCUMENT, document).map_err(|e| InvalidSchema::new("", &e))?;

        let mut schemas = Schemas::new();
        let mut by_length: Vec<Vec<_>> = Vec::new();
        for (sketch, at) in pointers {
            let index = compiler
                .compile(&format!("{DOCUMENT}#{}", uri_fragment(&at)), &mut schemas)
                .map_err(|e| InvalidSchema::new(&at, &e))?;
            let length = at.len();
            by_length.resize_with(by_length.len().max(length + 1), Vec::new);
            // One may be used in several places.
            by_length[length].retain(|(known, _)| *known != at);
            by_length[length].push((at, Compiled { index, sketch }));
        }
        Ok(Validator { schemas, by_length })
    }

    /// Returns everything in `value` that the schema at that JSON pointer does not allow; nothing if it is valid.
    ///
    /// # Panics
    /// If the pointer names no schema of the contract: pointers come from the contract itself, never from outside.
    pub fn validate(&self, schema: &str, value: &Value) -> Vec<Violation> {
        let Compiled { index, sketch } =
            self.find(schema).unwrap_or_else(|| panic!("`{schema}` is no schema of the contract"));
        let mut violations = Vec::new();
        if sketch.as_ref().is_some_and(|sketch| sketch.allows(value)) {
            return violations;
        }
        if let Err(error) = self.schemas.validate(value, *index) {
            collect(&error, &mut violations);
        }
        violations
    }

    fn find(&self, pointer: &str) -> Option<&Compiled> {
        let known = self.by_length.get(pointer.len())?;
        known.iter().find(|(known, _)| known == pointer).map(|(_, compiled)| compiled)
    }
}

/// A JSON Schema that stands by itself.
pub struct Standalone {
    schemas: Schemas,
    index: SchemaIndex,
}

impl Standalone {
    /// Compiles a schema that refers to nothing outside itself.
    ///
    /// # Errors
    /// Why it cannot be compiled.
    pub fn new(schema: Value) -> Result<Standalone, InvalidSchema> {
        let mut compiler = Compiler::new();
        let mut schemas = Schemas::new();
        compiler.add_resource(DOCUMENT, schema).map_err(|e| InvalidSchema::new("", &e))?;
        let index = compiler.compile(DOCUMENT, &mut schemas).map_err(|e| InvalidSchema::new("", &e))?;
        Ok(Standalone { schemas, index })
    }

    /// Returns everything in `value` that the schema does not allow.
    pub fn validate(&self, value: &Value) -> Vec<Violation> {
        let mut violations = Vec::new();
        if let Err(error) = self.schemas.validate(value, self.index) {
            collect(&error, &mut violations);
        }
        violations
    }
}

impl fmt::Debug for Standalone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Standalone").finish_non_exhaustive()
    }
}

impl fmt::Debug for Validator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Validator").field("schemas", &self.by_length.iter().flatten().count()).finish()
    }
}

/// One thing that the contract does not allow. Says what would be right, and never repeats the value itself: it
/// may be a credential.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// JSON pointer into the value.
    pub location: String,
    /// JSON pointer into the contract, to the schema that is violated.
    pub contract: String,
    /// The problem, and what would be right.
    pub message: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.location.is_empty() {
            f.write_str(&self.message)
        } else {
            write!(f, "{} {}", self.location, self.message)
        }
    }
}

/// A schema that is none.
#[derive(Debug)]
pub struct InvalidSchema {
    /// JSON pointer of the schema.
    pub pointer: String,
    /// The problem with it.
    pub problem: String,
}

impl InvalidSchema {
    fn new(pointer: &str, problem: &dyn Error) -> Self {
        InvalidSchema { pointer: pointer.to_owned(), problem: problem.to_string() }
    }
}

impl fmt::Display for InvalidSchema {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "#{}: {}", self.pointer, self.problem)
    }
}

impl Error for InvalidSchema {}

fn schema_pointers(contract: &Contract) -> Vec<String> {
    let named = contract
        .document()
        .pointer("/components/schemas")
        .and_then(Value::as_object)
        .into_iter()
        .flat_map(|schemas| schemas.keys())
        .map(|name| pointer::join("/components/schemas", name));
    let used = contract.operations().iter().flat_map(|operation| {
        let bodies = operation.request_body.iter().flat_map(|body| &body.content);
        let answers = operation.responses.values().flat_map(|response| &response.content);
        operation
            .parameters
            .iter()
            .map(|parameter| parameter.schema.clone())
            .chain(bodies.chain(answers).map(|media_type| media_type.schema.clone()))
            .collect::<Vec<_>>()
    });
    named.chain(used).collect()
}

/// Rewrites what OpenAPI 3.0 says otherwise than JSON Schema: `nullable`.
fn to_json_schema(value: &mut Value) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(to_json_schema),
        Value::Object(members) => {
            members.values_mut().for_each(to_json_schema);
            if members.get("nullable") == Some(&Value::Bool(true)) {
                if let Some(kind) = members.get_mut("type").filter(|kind| kind.is_string()) {
                    *kind = json!([kind.take(), "null"]);
                }
                if let Some(Value::Array(values)) = members.get_mut("enum") {
                    values.push(Value::Null);
                }
            }
        }
        _ => {}
    }
}

/// A JSON pointer as the fragment of a URI: braces of path templates are not allowed there unencoded.
fn uri_fragment(pointer: &str) -> String {
    pointer.replace('%', "%25").replace('{', "%7B").replace('}', "%7D")
}

/// The leaves of a tree of errors: the violations themselves, without the schemas on the way to them.
fn collect(error: &ValidationError<'_, '_>, violations: &mut Vec<Violation>) {
    if error.causes.is_empty() {
        let contract = error.schema_url.split_once('#').map_or("", |(_, fragment)| fragment);
        violations.push(Violation {
            location: error.instance_location.to_string(),
            contract: contract.replace("%7B", "{").replace("%7D", "}").replace("%25", "%"),
            message: message(&error.kind),
        });
    }
    for cause in &error.causes {
        collect(cause, violations);
    }
}

fn message(kind: &ErrorKind<'_, '_>) -> String {
    match kind {
        ErrorKind::Type { got, want } => {
            let want: Vec<String> = want.iter().map(|kind| kind.to_string()).collect();
            format!("must be {}, is {got}", want.join(" or "))
        }
        ErrorKind::Required { want } => format!("must have {}", quoted(want)),
        ErrorKind::Enum { want } => {
            let values: Vec<String> = want.iter().map(Value::to_string).collect();
            format!("must be one of {}", values.join(", "))
        }
        ErrorKind::MinLength { got, want } => format!("must have at least {want} characters, has {got}"),
        ErrorKind::MaxLength { got, want } => format!("must have at most {want} characters, has {got}"),
        ErrorKind::MinProperties { got, want } => format!("must have at least {want} members, has {got}"),
        ErrorKind::Minimum { want, .. } => format!("must be at least {want}"),
        ErrorKind::Maximum { want, .. } => format!("must be at most {want}"),
        ErrorKind::Pattern { want, .. } => format!("must match the pattern {want}"),
        ErrorKind::Format { want, .. } => format!("must have the format {want}"),
        ErrorKind::AdditionalProperties { .. } => "must not have other members than the documented ones".to_owned(),
        // The kinds that the contract has no keyword for. Their own texts may repeat the value, which may be secret.
        _ => "does not match the schema".to_owned(),
    }
}

fn quoted(names: &[&str]) -> String {
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}

fn int32(value: &Value) -> Result<(), Box<dyn Error>> {
    integer_within(value, i64::from(i32::MIN), i64::from(i32::MAX))
}

fn int64(value: &Value) -> Result<(), Box<dyn Error>> {
    integer_within(value, i64::MIN, i64::MAX)
}

/// Formats speak about values of their own type only: what is no number passes.
fn integer_within(value: &Value, min: i64, max: i64) -> Result<(), Box<dyn Error>> {
    match value {
        Value::Number(number) => match number.as_i64() {
            Some(integer) if (min..=max).contains(&integer) => Ok(()),
            _ => Err("not an integer of that size".into()),
        },
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Values of every kind, and around every limit of the contract.
    fn values() -> Vec<Value> {
        let mut values = vec![json!(null), json!(true), json!([]), json!([1]), json!({}), json!({ "other": 1 })];
        values.extend([0, 1, -1, i64::from(i32::MAX), i64::from(i32::MAX) + 1, i64::MIN].map(Value::from));
        values.extend([json!(u64::MAX), json!(1.0), json!(1.5), json!(-0.0)]);
        values.extend([0, 1, 2, 255, 256, 257, 500, 501, 1000, 1001, 8193].map(|length| json!("ä".repeat(length))));
        values.extend(["ENABLED", "enabled", "disabled", "TEXT", "OK", "42", "2026-01-01T00:00:00Z"].map(Value::from));
        values
    }

    #[test]
    fn what_a_sketch_allows_the_schema_allows() {
        let contract = Contract::embedded();
        let validator = Validator::new(contract).unwrap();
        let (mut allowed, mut compared) = (0, 0);
        for (pointer, Compiled { index, sketch }) in validator.by_length.iter().flatten() {
            let Some(sketch) = sketch else { continue };
            let schema = contract.resolve(pointer).unwrap();
            let mut all = values();
            for (name, _) in schema.get("properties").and_then(Value::as_object).into_iter().flatten() {
                all.extend(values().into_iter().map(|value| json!({ name: value })));
            }
            all.extend(schema.get("enum").and_then(Value::as_array).into_iter().flatten().cloned());
            for value in all {
                compared += 1;
                if sketch.allows(&value) {
                    allowed += 1;
                    assert!(validator.schemas.validate(&value, *index).is_ok(), "{pointer} does not allow {value}");
                }
            }
        }
        assert!(allowed > 100 && compared > 1000, "{allowed} of {compared}");
    }

    #[test]
    fn a_sketch_sees_what_callers_send() {
        let validator = Validator::new(Contract::embedded()).unwrap();
        for (schema, value) in [
            ("SymphonyUserId", json!(7_215_545_078_541_i64)),
            ("SymphonyUserStatus", json!({ "status": "ENABLED", "suspendedUntil": 1, "suspensionReason": "x" })),
            ("SymphonySuccessResponse", json!({ "format": "TEXT", "message": "OK" })),
            ("SymphonyError", json!({ "code": 400, "message": "no" })),
            ("ClearsquareResult", json!({ "message": "no", "status": "error" })),
        ] {
            let compiled = validator.find(&format!("/components/schemas/{schema}")).unwrap();
            assert!(compiled.sketch.as_ref().is_some_and(|sketch| sketch.allows(&value)), "{schema}: {value}");
        }
    }

    #[test]
    fn a_keyword_that_no_sketch_knows_is_for_the_schema() {
        let sketch = |schema: Value| Sketch::at(&json!({ "a": schema, "b": { "type": "string" } }), "/a");
        for schema in [
            json!({ "type": "string", "pattern": "^a$" }),
            json!({ "type": "string", "format": "date-time" }),
            json!({ "type": "object", "additionalProperties": false }),
            json!({ "type": "string", "not": { "type": "string" } }),
            json!({ "$ref": "#/b", "maxLength": 1 }),
            json!({ "$ref": "#/a" }),
            json!({ "maxLength": 1 }),
            json!(false),
        ] {
            assert!(sketch(schema.clone()).is_none(), "{schema}");
        }
        assert!(sketch(json!({ "$ref": "#/b", "description": "" })).unwrap().allows(&json!("x")));
        let half = sketch(json!({ "type": "object", "properties": { "p": { "type": "string", "pattern": "a" } } }));
        assert!(!half.unwrap().allows(&json!({ "p": "a" })));
    }
}

//! No answer leaves that the contract does not allow.

use user_status_openapi::Operation;
use user_status_openapi::validate::Validator;

use crate::vendors::Answer;

/// The JSON pointer of the schema of an answer that the contract allows.
///
/// # Errors
/// What it does not allow.
pub(super) fn check<'a>(
    validator: &Validator,
    operation: &'a Operation,
    media_type: &str,
    answer: &Answer,
) -> Result<&'a str, Vec<String>> {
    let Some(response) = operation.responses.get(&answer.status) else {
        let codes: Vec<String> = operation.responses.keys().map(ToString::to_string).collect();
        return Err(vec![format!("#{}/responses has {}", operation.pointer, codes.join(", "))]);
    };
    let Some(documented) = response.content.iter().find(|documented| documented.name == media_type) else {
        return Err(vec![format!("#{}/content does not have {media_type}", response.pointer)]);
    };
    let violations = validator.validate(&documented.schema, &answer.body);
    if violations.is_empty() {
        Ok(&documented.schema)
    } else {
        Err(violations.iter().map(|violation| format!("{violation} (by #{})", violation.contract)).collect())
    }
}

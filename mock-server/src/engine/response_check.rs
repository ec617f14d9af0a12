//! No response leaves that the contract does not allow.

use user_status_openapi::Operation;
use user_status_openapi::validate::Validator;

use crate::model::SystemResponse;

/// The JSON pointer of the schema of a response that the contract allows; `None` for one without a body.
///
/// # Errors
/// What it does not allow.
pub(super) fn check<'a>(
    validator: &Validator,
    operation: &'a Operation,
    media_type: &str,
    answer: &SystemResponse,
) -> Result<Option<&'a str>, Vec<String>> {
    let Some(response) = operation.responses.get(&answer.status) else {
        let codes: Vec<String> = operation.responses.keys().map(ToString::to_string).collect();
        return Err(vec![format!("#{}/responses has {}", operation.pointer, codes.join(", "))]);
    };
    if response.content.is_empty() {
        let problem = || vec![format!("#{} has no body", response.pointer)];
        return if answer.body.is_null() { Ok(None) } else { Err(problem()) };
    }
    let Some(documented) = response.content.iter().find(|documented| documented.name == media_type) else {
        return Err(vec![format!("#{}/content does not have {media_type}", response.pointer)]);
    };
    let violations = validator.validate(&documented.schema, &answer.body);
    if violations.is_empty() {
        Ok(Some(&documented.schema))
    } else {
        Err(violations.iter().map(|violation| format!("{violation} (by #{})", violation.contract)).collect())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};
    use user_status_openapi::Contract;

    use super::*;

    #[test]
    fn only_answers_of_the_contract_pass() {
        let contract = Contract::embedded();
        let validator = Validator::new(contract).unwrap();
        let operation = contract.operation("updateUserStatus").unwrap();
        let check =
            |status, media_type, body| check(&validator, operation, media_type, &SystemResponse::of(status, body));
        let json = "application/json";
        assert_eq!(
            check(200, json, json!({ "message": "OK" })),
            Ok(Some("/components/schemas/SymphonySuccessResponse"))
        );
        assert_eq!(check(400, json, json!({ "code": 400 })), Ok(Some("/components/schemas/SymphonyError")));
        for (status, media_type, body, problem) in [
            (404, json, json!({ "code": 404 }), "has 200, 400, 401, 403, 500"),
            (200, "application/xml", json!({ "message": "OK" }), "does not have application/xml"),
            (200, json, json!({ "format": "HTML" }), "/format must be one of"),
            (400, json, json!({ "code": "400" }), "/code must be integer"),
        ] {
            let violations = check(status, media_type, body).unwrap_err();
            assert!(violations.iter().any(|violation| violation.contains(problem)), "{violations:?}");
        }
        let operation = contract.operation("patchScimUser").unwrap();
        let scim = |status, body| {
            super::check(&validator, operation, "application/scim+json", &SystemResponse::of(status, body))
        };
        assert_eq!(scim(204, Value::Null), Ok(None));
        assert!(scim(204, json!({})).unwrap_err()[0].ends_with("has no body"));
        assert_eq!(scim(200, json!({})), Ok(Some("/components/schemas/ScimUser")));
    }
}

//! Each example of the contract through the generated types, as it stands and as a later version may have it.

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use user_status::systems::{akana, clearsquare, mediconnect, scim, symphony, userdocks};
use user_status_openapi::Contract;

use super::answers::{known, later};
use super::cells::{Cell, cells};

#[test]
fn every_example_goes_through_its_type_without_loss() {
    let mut seen = Vec::new();
    for cell in cells(Contract::embedded()) {
        let (Some(media_type), body) = (cell.media_type(), body(&cell)) else { continue };
        let Some(body) = body else { continue };
        let schema = media_type.schema.as_str();
        let through = round_trip(schema).unwrap_or_else(|| panic!("{cell}: {schema} has no generated type here"));
        for body in [body.clone(), later(schema, body)] {
            assert_eq!(through(&body), known(schema, &body), "{cell}");
        }
        seen.push(schema.to_owned());
    }
    // All that a generated client takes or gives.
    seen.sort();
    seen.dedup();
    assert_eq!(seen.len(), TYPES.len(), "{seen:?}");
}

fn body(cell: &Cell) -> Option<&Value> {
    match cell {
        Cell::Answer(answer) => Some(&answer.body),
        Cell::Bodyless(_) => None,
        Cell::Request(request) => request.body.as_ref().map(|(.., body)| body),
    }
}

fn through<T: DeserializeOwned + Serialize>(body: &Value) -> Value {
    let typed: T = serde_json::from_value(body.clone()).unwrap_or_else(|e| panic!("{e}: {body}"));
    serde_json::to_value(typed).unwrap()
}

type Through = fn(&Value) -> Value;

/// The generated type of each schema.
const TYPES: [(&str, Through); 20] = [
    ("UserdocksSuccess", through::<userdocks::types::UserdocksSuccess>),
    ("UserdocksUserResponse", through::<userdocks::types::UserdocksUserResponse>),
    ("UserdocksError", through::<userdocks::types::UserdocksError>),
    ("AkanaChangeUserStatusRequest", through::<akana::types::AkanaChangeUserStatusRequest>),
    ("AkanaUser", through::<akana::types::AkanaUser>),
    ("AkanaFault", through::<akana::types::AkanaFault>),
    ("MediconnectToggleUserStatusRequest", through::<mediconnect::types::MediconnectToggleUserStatusRequest>),
    ("MediconnectUser", through::<mediconnect::types::MediconnectUser>),
    ("MediconnectError", through::<mediconnect::types::MediconnectError>),
    ("SymphonyUserStatus", through::<symphony::types::SymphonyUserStatus>),
    ("SymphonySuccessResponse", through::<symphony::types::SymphonySuccessResponse>),
    ("SymphonyError", through::<symphony::types::SymphonyError>),
    ("ClearsquareManageStatusRequest", through::<clearsquare::types::ClearsquareManageStatusRequest>),
    ("ClearsquareResult", through::<clearsquare::types::ClearsquareResult>),
    ("ScimUser", through::<scim::types::ScimUser>),
    ("ScimPatch", through::<scim::types::ScimPatch>),
    ("ScimReplacement", through::<scim::types::ScimReplacement>),
    ("ScimList", through::<scim::types::ScimList>),
    ("ScimConfig", through::<scim::types::ScimConfig>),
    ("ScimError", through::<scim::types::ScimError>),
];

fn round_trip(schema: &str) -> Option<Through> {
    let name = schema.strip_prefix("/components/schemas/")?;
    TYPES.iter().find(|(known, _)| *known == name).map(|(_, through)| *through)
}

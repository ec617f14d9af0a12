//! What the service says of itself (RFC 7643, sections 5 to 7).

use serde_json::{Value, json};

use super::user::{USER_SCHEMA, User};
use super::ways::{Etag, Ways};
use super::{BASE, LIST, MOST};

/// The service provider configuration.
pub(super) fn config(ways: Ways) -> Value {
    json!({
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:ServiceProviderConfig"],
        "patch": { "supported": !ways.patch.is_absent() },
        "bulk": { "supported": false, "maxOperations": 0, "maxPayloadSize": 0 },
        "filter": { "supported": true, "maxResults": MOST },
        "changePassword": { "supported": false },
        "sort": { "supported": false },
        "etag": { "supported": ways.etag != Etag::None },
        "authenticationSchemes": [{
            "type": "oauthbearertoken",
            "name": "Bearer token",
            "description": "A token in the header Authorization",
        }],
    })
}

/// The schemas of what there is.
pub(super) fn schemas() -> Vec<Value> {
    let mut schema = User::schema();
    schema["meta"] = meta("Schema", &format!("Schemas/{USER_SCHEMA}"));
    vec![schema]
}

/// The schema of that id.
pub(super) fn schema(id: &str) -> Option<Value> {
    schemas().into_iter().find(|schema| schema["id"] == id)
}

/// The only type of resource.
pub(super) fn resource_type() -> Value {
    json!({
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:ResourceType"],
        "id": "User",
        "name": "User",
        "description": "A user account",
        "endpoint": "/Users",
        "schema": USER_SCHEMA,
        "meta": meta("ResourceType", "ResourceTypes/User"),
    })
}

/// A list of all these.
pub(super) fn whole_list(resources: Vec<Value>) -> Value {
    list(resources.len(), 1, resources)
}

/// The part of a list of so many that starts at this place.
pub(super) fn list(total: usize, start: usize, resources: Vec<Value>) -> Value {
    json!({
        "schemas": [LIST],
        "totalResults": total,
        "startIndex": start,
        "itemsPerPage": resources.len(),
        "Resources": resources,
    })
}

fn meta(kind: &str, below: &str) -> Value {
    json!({ "resourceType": kind, "location": format!("{BASE}/{below}") })
}

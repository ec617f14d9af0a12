//! A SCIM service of the mock: what the RFC says beyond the contract, each way in which real services deviate, and what the
//! SDK makes of each.

use serde_json::{Value, json};
use user_status::systems::scim::{self, Scim};
use user_status::{AccountSystem, Applied, ErrorKind, Proof, StatusChange};
use user_status_mock::world::{SCIM_SECOND_USER as JOE, SCIM_USER as JANE};
use user_status_mock::{Limits, Mint, Options, ServerOptions, StandaloneServer, SystemKind, WorldState};
use user_status_tests::{Message, send};

use crate::support::systems::scim_builder;

const TOKEN: (&str, &str) = ("Authorization", "Bearer mock-scim-token");
const SCIM: (&str, &str) = ("Content-Type", "application/scim+json");
const USER: &str = "urn:ietf:params:scim:schemas:core:2.0:User";

/// A server whose service has these ways, as a world's document has them.
async fn server(ways: &str) -> StandaloneServer {
    let world = WorldState::from_yaml(&format!("systems: {{ scim: {{ ways: {ways} }} }}")).unwrap();
    StandaloneServer::start_with(Options::new().world(world)).await.unwrap()
}

/// The response to a request with a token that works.
async fn ask(server: &StandaloneServer, line: &str, body: &Value) -> Message {
    let body = if body.is_null() { String::new() } else { body.to_string() };
    send(&server.root(), &below(line), &[TOKEN, SCIM], &body).await
}

/// A request line such as `GET /Users`, below the base path.
fn below(line: &str) -> String {
    line.replacen(" /", " /scim/v2/", 1)
}

fn patch(operation: Value) -> Value {
    json!({ "schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"], "Operations": [operation] })
}

fn disable() -> Value {
    patch(json!({ "op": "replace", "path": "active", "value": false }))
}

fn enabled(server: &StandaloneServer, id: &str) -> Option<bool> {
    server.status(SystemKind::Scim, id).unwrap().enabled
}

fn idp(server: &StandaloneServer) -> Scim {
    scim_builder(&server.uri(SystemKind::Scim)).build().unwrap()
}

#[tokio::test]
async fn users_are_created_found_renamed_and_deleted() {
    let server = server("{}").await;
    let ann = json!({ "schemas": [USER], "userName": "Ann@acme.example", "externalId": "99", "displayName": "Ann" });
    let made = ask(&server, "POST /Users", &ann).await;
    assert_eq!((made.status(), made.header("content-type")), (201, vec![SCIM.1]), "{}", made.text());
    let (made, headers) = (made.json(), made);
    let id = made["id"].as_str().unwrap().to_owned();
    assert_eq!((&made["userName"], &made["active"]), (&ann["userName"], &json!(true)));
    assert_eq!(headers.header("etag"), [made["meta"]["version"].as_str().unwrap()]);
    assert_eq!(headers.header("location"), [made["meta"]["location"].as_str().unwrap()]);
    // The name is taken, however it is written; the id of a request is passed over.
    let twin = json!({ "schemas": [USER], "userName": "ann@ACME.example", "id": JANE });
    let refused = ask(&server, "POST /Users", &twin).await;
    assert_eq!((refused.status(), &refused.json()["scimType"]), (409, &json!("uniqueness")));

    let found = ask(&server, "GET /Users?filter=userName%20eq%20%22ann%40acme.example%22", &Value::Null).await.json();
    assert_eq!((&found["totalResults"], &found["Resources"][0]["id"]), (&json!(1), &json!(id)));
    // Beyond the filters of the contract.
    for (filter, total) in [
        ("displayName co \"A\"", 2),
        ("externalId sw \"4\"", 2),
        ("userName pr", 3),
        ("active eq false", 0),
        ("externalId eq \"4711\"", 1),
        ("userName ne \"ann@acme.example\"", 2),
    ] {
        let filter = filter.replace(' ', "%20").replace('"', "%22").replace('@', "%40");
        let found = ask(&server, &format!("GET /Users?filter={filter}"), &Value::Null).await;
        assert_eq!(found.json()["totalResults"], total, "{filter}: {}", found.text());
    }
    let refused = ask(&server, "GET /Users?filter=userName", &Value::Null).await;
    assert_eq!((refused.status(), &refused.json()["scimType"]), (400, &json!("invalidFilter")));
    let page = ask(&server, "GET /Users?startIndex=2&count=1", &Value::Null).await.json();
    assert_eq!((&page["totalResults"], &page["itemsPerPage"], &page["startIndex"]), (&json!(3), &json!(1), &json!(2)));

    // All that PATCH has, and nothing by halves.
    for (operation, status, scim_type) in [
        (json!({ "op": "replace", "value": { "displayName": "Anne", "active": false } }), 200, None),
        (json!({ "op": "remove", "path": "displayName" }), 200, None),
        (json!({ "op": "add", "path": format!("{USER}:displayName"), "value": "Ann" }), 200, None),
        (json!({ "op": "replace", "path": "userName", "value": "anne@acme.example" }), 200, None),
        (json!({ "op": "replace", "path": "userName", "value": "JOE@acme.example" }), 409, Some("uniqueness")),
        (json!({ "op": "replace", "path": "id", "value": JANE }), 400, Some("mutability")),
        (json!({ "op": "remove", "path": "userName" }), 400, Some("invalidValue")),
        (json!({ "op": "replace", "path": "shoeSize", "value": 42 }), 400, Some("invalidPath")),
        (json!({ "op": "replace", "path": "active", "value": "False" }), 400, Some("invalidValue")),
        (json!({ "op": "Replace", "path": "active", "value": false }), 400, Some("invalidSyntax")),
    ] {
        let answer = ask(&server, &format!("PATCH /Users/{id}"), &patch(operation.clone())).await;
        let said = answer.json()["scimType"].as_str().map(str::to_owned);
        assert_eq!((answer.status(), said.as_deref()), (status, scim_type), "{operation}: {}", answer.text());
    }
    let now = server.user(SystemKind::Scim, &id).unwrap();
    assert_eq!(
        (&now["userName"], &now["displayName"], &now["active"]),
        (&json!("anne@acme.example"), &json!("Ann"), &json!(false))
    );
    assert_eq!(now["version"], 5);
    let found = ask(&server, "GET /Users?filter=userName%20eq%20%22ann%40acme.example%22", &Value::Null).await.json();
    assert_eq!(found["totalResults"], 0, "the old name finds nobody");

    let gone = ask(&server, &format!("DELETE /Users/{id}"), &Value::Null).await;
    assert_eq!((gone.status(), gone.body.len()), (204, 0));
    assert_eq!(ask(&server, &format!("DELETE /Users/{id}"), &Value::Null).await.status(), 404);
    // An id is of one user, and never of another, also where the world has it already.
    let again = ask(&server, "POST /Users", &ann).await.json();
    assert_ne!(again["id"], json!(id));
    let number = u64::from_str_radix(again["id"].as_str().unwrap().rsplit('-').next().unwrap(), 16).unwrap();
    let next = format!("00000000-0000-4000-8000-{:012x}", number + 1);
    server.put_user(SystemKind::Scim, &next, &json!({ "userName": "eve@acme.example" })).unwrap();
    let made = ask(&server, "POST /Users", &json!({ "schemas": [USER], "userName": "abe@acme.example" })).await.json();
    assert_ne!(made["id"], json!(next));
    assert_eq!(server.user(SystemKind::Scim, &next).unwrap()["userName"], "eve@acme.example");
}

#[tokio::test]
async fn what_the_service_says_of_itself() {
    let server = server("{}").await;
    let list = ask(&server, "GET /Schemas", &Value::Null).await.json();
    let schema = ask(&server, &format!("GET /Schemas/{USER}"), &Value::Null).await.json();
    assert_eq!(list["Resources"], json!([schema]));
    let names: Vec<&Value> =
        schema["attributes"].as_array().unwrap().iter().map(|attribute| &attribute["name"]).collect();
    assert_eq!(names, ["userName", "displayName", "active"]);
    let kind = ask(&server, "GET /ResourceTypes/User", &Value::Null).await.json();
    assert_eq!((&kind["endpoint"], &kind["schema"]), (&json!("/Users"), &json!(USER)));
    assert_eq!(ask(&server, "GET /ResourceTypes/Group", &Value::Null).await.status(), 404);
    assert_eq!(ask(&server, "GET /Groups", &Value::Null).await.status(), 404);
}

/// Nobody without a token that works does anything, and nothing comes of trying.
#[tokio::test]
async fn what_is_beyond_the_contract_needs_a_token_too() {
    let server = server("{}").await;
    let before = server.snapshot().to_json();
    let unentitled =
        format!("Bearer {}", server.mint(&Mint::new(SystemKind::Scim).unentitled()).unwrap().get("bearer").unwrap());
    let before_and_token = server.snapshot().to_json();
    assert_ne!(before, before_and_token);
    let body = json!({ "schemas": [USER], "userName": "ann@acme.example" }).to_string();
    for line in ["POST /Users", &format!("DELETE /Users/{JANE}"), "GET /Schemas"] {
        for (header, status) in [(None, 401), (Some("Bearer wrong"), 401), (Some(unentitled.as_str()), 403)] {
            let headers: Vec<(&str, &str)> =
                header.map(|header| ("Authorization", header)).into_iter().chain([SCIM]).collect();
            let answer =
                send(&server.root(), &below(line), &headers, if line.starts_with("POST") { &body } else { "" }).await;
            assert_eq!(answer.status(), status, "{line}: {}", answer.text());
        }
    }
    assert_eq!(server.snapshot().to_json(), before_and_token);
}

/// A server takes users until its memory is used up, and what a user took comes back with the user's deletion, in whichever
/// way: else a server would fill up by and by.
#[tokio::test]
async fn users_take_room_and_give_it_back() {
    for ways in ["{}", "{ disable: deletes }"] {
        let world = WorldState::from_yaml(&format!("systems: {{ scim: {{ ways: {ways} }} }}")).unwrap();
        let mut limits = Limits::default();
        (limits.connections, limits.memory) = (2, 2 << 20);
        let options = ServerOptions::new().limits(limits).engine(Options::new().world(world));
        let server = StandaloneServer::start_with(options).await.unwrap();
        let long = "x".repeat(250);
        let mut made = 0;
        let mut create = async || {
            made += 1;
            let user = json!({ "schemas": [USER], "userName": format!("{long}{made}"), "displayName": long });
            ask(&server, "POST /Users", &user).await
        };
        let mut ids = Vec::new();
        let full = loop {
            let answer = create().await;
            match answer.status() {
                201 => ids.push(answer.json()["id"].as_str().unwrap().to_owned()),
                _ => break answer,
            }
            assert!(ids.len() < 2_000, "there is no end");
        };
        assert_eq!(full.status(), 503, "{}", full.text());
        assert!(full.text().contains("the memory for worlds is used up"), "{}", full.text());
        // Each time the last one goes, there is room for one more.
        for _ in 0..20 {
            let id = ids.pop().unwrap();
            let (line, body) = match ways {
                "{}" => (format!("DELETE /Users/{id}"), Value::Null),
                _ => (format!("PATCH /Users/{id}"), disable()),
            };
            assert!(ask(&server, &line, &body).await.status() < 300);
            let again = create().await;
            assert_eq!(again.status(), 201, "{ways}: {}", again.text());
            ids.push(again.json()["id"].as_str().unwrap().to_owned());
        }
        assert_eq!(create().await.status(), 503);
    }
}

/// Each way, as a request shows it, and what the SDK makes of it.
#[tokio::test]
async fn the_ways_of_a_service() {
    // Strings in the place of booleans.
    let text = patch(json!({ "op": "replace", "path": "active", "value": "False" }));
    for (ways, status, active) in [
        ("{ strings: refused }", 400, Value::Null),
        ("{ strings: taken }", 200, json!(false)),
        ("{ strings: sent }", 200, json!("False")),
    ] {
        let server = server(ways).await;
        let answer = ask(&server, &format!("PATCH /Users/{JANE}"), &text).await;
        assert_eq!((answer.status(), &answer.json()["active"]), (status, &active), "{ways}");
        let idp = idp(&server);
        let receipt = idp.apply_and_verify(JOE, &StatusChange::disable()).await.unwrap();
        assert_eq!((receipt.proof, enabled(&server, JOE)), (Proof::Confirmed, Some(false)), "{ways}");
        assert_eq!(idp.status(JOE).await.unwrap().enabled, Some(false), "{ways}");
    }

    // Who passes over a filter lists everybody: the name is compared.
    let server_ = server("{ filter: ignored }").await;
    let all = ask(&server_, "GET /Users?filter=userName%20eq%20%22nobody%22", &Value::Null).await.json();
    assert_eq!(all["totalResults"], 2);
    let receipt = idp(&server_).apply_and_verify("userName:joe@acme.example", &StatusChange::disable()).await.unwrap();
    assert_eq!(
        (receipt.account.as_str(), enabled(&server_, JANE), enabled(&server_, JOE)),
        (JOE, Some(true), Some(false))
    );
    assert!(idp(&server_).find("userName:nobody@acme.example").await.unwrap_err().is_not_found());

    // 204 shows nothing, and is read.
    let server_ = server("{ change: no_content }").await;
    let answer = ask(&server_, &format!("PATCH /Users/{JANE}"), &disable()).await;
    assert_eq!((answer.status(), answer.body.len(), answer.header("etag").len()), (204, 0, 1));
    let receipt = idp(&server_).apply(JOE, &StatusChange::disable()).await.unwrap();
    assert_eq!(receipt.proof, Proof::Accepted);
    let receipt = idp(&server_).apply_and_verify(JOE, &StatusChange::enable()).await.unwrap();
    assert_eq!((receipt.proof, enabled(&server_, JOE)), (Proof::Confirmed, Some(true)));

    // Versions that are none, and none at all.
    for (ways, version) in [("{ etag: seconds }", true), ("{ etag: none }", false)] {
        let server_ = server(ways).await;
        let read = ask(&server_, &format!("GET /Users/{JANE}"), &Value::Null).await;
        assert_eq!(
            (read.header("etag").len() == 1, read.json()["meta"]["version"].is_string()),
            (version, version),
            "{ways}"
        );
        let config = ask(&server_, "GET /ServiceProviderConfig", &Value::Null).await.json();
        assert_eq!(config["etag"]["supported"], version, "{ways}");
        let receipt = idp(&server_).apply_and_verify(JANE, &StatusChange::disable()).await.unwrap();
        assert_eq!(receipt.proof, Proof::Confirmed, "{ways}");
    }
    let stale = send(
        &server_.root(),
        &below(&format!("PATCH /Users/{JANE}")),
        &[TOKEN, SCIM, ("If-Match", "W/\"0\"")],
        &disable().to_string(),
    )
    .await;
    assert_eq!((stale.status(), stale.json()["status"].as_str()), (412, Some("412")));

    // Who deletes whom it disables: nobody is there to be read.
    let server_ = server("{ disable: deletes }").await;
    let error = idp(&server_).apply_and_verify(JANE, &StatusChange::disable()).await;
    assert!(server_.status(SystemKind::Scim, JANE).is_none());
    match error {
        Ok(receipt) => assert_eq!(receipt.status.enabled, Some(false)),
        Err(error) => assert_ne!(error.applied(), Applied::No, "{error:?}"),
    }

    // A page in the place of an error does not say that there is no such user.
    let server_ = server("{ errors: html }").await;
    let answer = ask(&server_, "GET /Users/nobody", &Value::Null).await;
    assert_eq!((answer.status(), answer.header("content-type")), (404, vec!["text/html; charset=utf-8"]));
    let error = idp(&server_).apply("nobody", &StatusChange::disable()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::UnexpectedResponse);

    // Without PATCH the whole user is replaced, which the service says of itself; and what it does not know is not lost.
    let server_ = server("{ patch: absent }").await;
    assert_eq!(ask(&server_, &format!("PATCH /Users/{JANE}"), &disable()).await.status(), 501);
    let receipt = idp(&server_).apply_and_verify("externalId:4711", &StatusChange::disable()).await.unwrap();
    assert_eq!((receipt.proof, receipt.account.as_str()), (Proof::Confirmed, JANE));
    let jane = server_.user(SystemKind::Scim, JANE).unwrap();
    assert_eq!(
        (&jane["displayName"], &jane["externalId"], &jane["active"]),
        (&json!("Jane Doe"), &json!("4711"), &json!(false))
    );
    let told = scim_builder(&server_.uri(SystemKind::Scim)).method(scim::Method::Patch).build().unwrap();
    let error = told.apply(JANE, &StatusChange::enable()).await.unwrap_err();
    assert_eq!((error.status(), error.applied()), (Some(501), Applied::No));
    let blind = server("{ patch: absent, etag: none }").await;
    let error = idp(&blind).apply(JANE, &StatusChange::disable()).await.unwrap_err();
    assert_eq!((error.kind(), enabled(&blind, JANE)), (ErrorKind::Unsupported, Some(true)));
}

/// Two people of one name: neither is changed.
#[tokio::test]
async fn two_people_of_one_name() {
    let server = server("{}").await;
    server.put_user(SystemKind::Scim, JOE, &json!({ "userName": "JANE@acme.example" })).unwrap();
    let before = server.snapshot().to_json();
    let error = idp(&server).apply("userName:jane@acme.example", &StatusChange::disable()).await.unwrap_err();
    assert!(error.to_string().contains("more than one user"), "{error}");
    assert_eq!((error.applied(), server.snapshot().to_json()), (Applied::No, before));
}

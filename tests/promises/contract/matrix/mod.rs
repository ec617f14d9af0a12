//! The proof matrix: every operation × status code × media type × example × credentials of the contract, both ways.
//!
//! [`cells`] computes the matrix from a contract. [`calls`] is what these tests know of the SDK: how each operation is
//! called, with which credentials, and what the unified layer is to make of it. A cell for which that is not enough is
//! uncovered, and fails by its name. [`answers`] sends each answer from the mock over a socket to the SDK, [`requests`]
//! each request from the SDK to the mock, [`round_trips`] each example through the generated types.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use user_status_openapi::Contract;

mod answers;
mod calls;
mod cells;
mod record;
mod requests;
mod round_trips;

use cells::{Cell, cells};

#[tokio::test]
async fn every_cell_holds() {
    let contract = Contract::embedded();
    let cells = cells(contract);
    let uncovered = uncovered(contract);
    assert!(uncovered.is_empty(), "nothing here knows how to prove\n{}", uncovered.join("\n"));
    let mut proved = Vec::new();
    for cell in &cells {
        let by = match cell {
            Cell::Answer(answer) => answers::prove(answer).await,
            Cell::Bodyless(bodyless) => answers::prove_bodyless(bodyless).await,
            Cell::Request(request) => requests::prove(request).await,
        };
        proved.push((cell, by));
    }
    record::write(contract, &proved);
}

/// The cells that these tests could not bring about, by name.
fn uncovered(contract: &Contract) -> Vec<String> {
    let cells = cells(contract);
    cells.iter().filter(|cell| !calls::covers(cell)).map(Cell::to_string).collect()
}

/// The names of the cells of a document, and of those that are uncovered.
fn of_document(change: impl FnOnce(&mut Value)) -> (BTreeSet<String>, BTreeSet<String>) {
    let mut document = Contract::embedded().document().clone();
    change(&mut document);
    let contract = Contract::from_value(document).unwrap();
    (cells(&contract).iter().map(Cell::to_string).collect(), uncovered(&contract).into_iter().collect())
}

/// What the contract gets in addition is in the matrix at once; and where nothing here knows how to prove it, it is named.
#[test]
fn what_is_added_to_the_contract_is_missed_by_name() {
    const READ: &str = "/paths/~1v1~1users~1{userId}/get";
    const WRITE: &str = "/paths/~1pod~1v1~1admin~1user~1{uid}~1status~1update/post";
    let (before, none) = of_document(|_| {});
    assert!(none.is_empty());
    type Addition = (&'static str, fn(&mut Value), usize, &'static str);
    let additions: [Addition; 6] = [
        (
            "an operation",
            |document| {
                let mut item = document["paths"]["/v1/users/{userId}"].clone();
                item["get"]["operationId"] = json!("getUserAgain");
                document["paths"]["/v2/users/{userId}"] = item;
            },
            12,
            "getUserAgain",
        ),
        (
            "a status code",
            |document| {
                let responses = document.pointer_mut(&format!("{READ}/responses")).unwrap();
                responses["418"] = responses["400"].clone();
            },
            2,
            "418",
        ),
        (
            "an example of a success",
            |document| {
                let examples =
                    document.pointer_mut(&format!("{READ}/responses/200/content/application~1json/examples"));
                let examples = examples.unwrap();
                examples["freezedUser"] = examples["user"].clone();
            },
            2,
            "freezedUser",
        ),
        (
            "a media type",
            |document| {
                let content = document.pointer_mut(&format!("{WRITE}/requestBody/content")).unwrap();
                content["application/cbor"] = content["application/json"].clone();
            },
            2,
            "application/cbor",
        ),
        (
            "a media type of an answer",
            |document| {
                let content = document.pointer_mut(&format!("{WRITE}/responses/200/content")).unwrap();
                content["application/cbor"] = content["application/json"].clone();
            },
            1,
            "application/cbor",
        ),
        (
            "credentials",
            |document| {
                document["components"]["securitySchemes"]["symphonyKey"] =
                    json!({ "type": "apiKey", "in": "header", "name": "X-Key" });
                let security = document.pointer_mut(&format!("{WRITE}/security")).unwrap();
                security.as_array_mut().unwrap().push(json!({ "symphonyKey": [] }));
            },
            7,
            "symphonyKey",
        ),
    ];
    for (what, addition, count, name) in additions {
        let (after, missed) = of_document(addition);
        let added: BTreeSet<String> = after.difference(&before).cloned().collect();
        assert!(before.is_subset(&after), "{what}");
        assert_eq!(added.len(), count, "{what}: {added:#?}");
        assert_eq!(missed, added, "{what}");
        assert!(missed.iter().all(|cell| cell.contains(name)), "{what}: {missed:#?}");
    }

    // An example of a refusal or of a request is sent as it stands, and so is covered as soon as it is there.
    let additions: [(&str, &str); 2] = [
        (READ, "/responses/400/content/application~1json/examples"),
        (WRITE, "/requestBody/content/application~1json/examples"),
    ];
    for (operation, at) in additions {
        let (after, missed) = of_document(|document| {
            let examples = document.pointer_mut(&format!("{operation}{at}")).unwrap();
            examples["another"] = examples.as_object().unwrap().values().next().unwrap().clone();
        });
        assert!(after.len() > before.len(), "{at}");
        assert!(missed.is_empty(), "{missed:#?}");
    }
}

//! From the SDK to the mock: each request of the contract, as the mock records it.

use serde_json::Value;
use user_status_openapi::{Contract, Idempotence, Location, SchemeKind, pointer};

use super::answers::{credentials, server};
use super::calls::{self, Caller};
use super::cells::Request;
use crate::support::raw;

/// What HTTP itself and every client of ours add.
const COMMON: [&str; 4] = ["accept", "accept-encoding", "host", "user-agent"];

/// Proves a cell: the generated client sends the example, and the mock finds nothing wrong with it, takes it, and has
/// recorded what the contract says.
pub(super) async fn prove(cell: &Request) -> Vec<&'static str> {
    let (contract, operation) = (Contract::embedded(), &cell.operation);
    let server = server().await;
    let credentials = credentials(&server);
    let media_type = cell.body.as_ref().map_or(calls::json_of(operation), |(media_type, ..)| &media_type.name);
    let caller = Caller { schemes: &cell.schemes, media_type, credentials: &credentials, prefer: None };
    let client = calls::connect(operation.system, &server.uri(operation.system), &caller, &operation.id);
    let body = cell.body.as_ref().map(|(.., body)| body.clone());
    let typed = calls::typed(&client, &operation.id, raw::user(operation), body).await;
    let what = format!("{} {media_type}", operation.id);
    assert_eq!(typed.status, 200, "{what}: {typed:?}");

    let mut journal = server.journal();
    let exchange = journal.pop().unwrap();
    assert!(journal.is_empty(), "{what}: one request");
    assert!(exchange.violations.is_empty(), "{what}: {:?}", exchange.violations);
    assert_eq!((exchange.operation, exchange.status), (Some(&*operation.id), Some(200)), "{what}");
    // The app in the path is the client id in the header, which the journal does not keep.
    let target = raw::target(operation) + &raw::query(operation);
    let target = target.replace(&credentials.userdocks.client_id, "[redacted]");
    // In whichever order the parameters of the query come.
    let sorted = |target: &str| {
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let mut pairs: Vec<String> = query.split('&').map(str::to_owned).collect();
        pairs.sort();
        (path.to_owned(), pairs)
    };
    assert_eq!((&exchange.method, sorted(&exchange.target)), (&operation.method, sorted(&target)), "{what}");

    let mut names: Vec<String> = COMMON.map(str::to_owned).into();
    for scheme in cell.schemes.iter().chain(extra(cell)) {
        names.push(match &contract.scheme(scheme).unwrap().kind {
            SchemeKind::Header(name) => name.to_lowercase(),
            SchemeKind::Cookie(_) => "cookie".to_owned(),
            SchemeKind::Bearer => "authorization".to_owned(),
        });
    }
    let value = |name: &str| exchange.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str());
    for parameter in operation.parameters.iter().filter(|parameter| parameter.location == Location::Header) {
        let example = contract.resolve(&format!("{}/example", parameter.pointer)).unwrap();
        assert_eq!(value(&parameter.name.to_lowercase()), example.as_str(), "{what}");
        names.push(parameter.name.to_lowercase());
    }
    assert_eq!(value("accept"), Some(media_type), "{what}");
    if operation.changes.is_empty() {
        // What a cache kept would prove nothing.
        names.extend(["cache-control".to_owned(), "pragma".to_owned()]);
    }
    let example = cell.body.as_ref().map(|(_, _, example)| example);
    let repeatable = match &operation.idempotence {
        Idempotence::Always => true,
        Idempotence::Never => false,
        Idempotence::WhenBodyHas(members) => members.iter().all(|name| example.is_some_and(|e| e.get(name).is_some())),
    };
    if !repeatable {
        // A connection of its own.
        names.push("connection".to_owned());
        assert_eq!(value("connection"), Some("close"), "{what}");
    }
    match &cell.body {
        None => assert_eq!(exchange.body, None, "{what}"),
        Some((media_type, example_name, example)) => {
            names.extend(["content-length".to_owned(), "content-type".to_owned()]);
            assert_eq!(value("content-type"), Some(&*media_type.name), "{what}");
            // What is a credential is not kept; that it is the same as in the header is why the answer was 200.
            let mut example = example.clone();
            for (name, value) in example.as_object_mut().unwrap() {
                let at = pointer::join(&format!("{}/properties", media_type.schema), name);
                if contract.resolve(&at).unwrap().get("x-credential").is_some() {
                    *value = Value::from("[redacted]");
                }
            }
            assert_eq!(exchange.body, Some(example), "{what} {example_name}");
        }
    }
    let mut sent: Vec<String> = exchange.headers.iter().map(|(name, _)| name.clone()).collect();
    names.sort();
    sent.sort();
    assert_eq!(sent, names, "{what}: no header is missing, and none is there that nobody documents");
    vec!["journal"]
}

/// A client of Akana's sends the CSRF header with reads, too.
fn extra(cell: &Request) -> Option<&'static String> {
    let schemes = &Contract::embedded().operation("changeUserStatus").unwrap().security[0];
    schemes.iter().find(|scheme| cell.schemes == ["akanaSession"] && *scheme == "akanaCsrf")
}

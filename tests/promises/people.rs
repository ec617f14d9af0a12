//! Many accounts in five systems, for what is done to all of them.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use user_status::bulk::Row;
use user_status::vendors::{
    Akana, Clearsquare, Mediconnect, Symphony, Userdocks, akana, clearsquare, mediconnect, symphony, userdocks,
};
use user_status::{AccountStatus, Registry, RetryPolicy, StatusChange};
use user_status_mock::{StandaloneServer, Vendor, World};

/// The systems, under the names that rows use.
pub(crate) const SYSTEMS: [(&str, Vendor); 5] = [
    ("docks", Vendor::Userdocks),
    ("portal", Vendor::Akana),
    ("clinic", Vendor::Mediconnect),
    ("pod", Vendor::Symphony),
    ("site", Vendor::Clearsquare),
];

/// The account of this number: the systems take turns.
pub(crate) fn account(number: usize) -> (&'static str, Vendor, String) {
    let (name, vendor) = SYSTEMS[number % SYSTEMS.len()];
    let user = match vendor {
        Vendor::Userdocks => format!("00000000-0000-4000-8000-{number:012}"),
        Vendor::Akana => format!("{number:08}-2608-456e-9dfa-300c85224a73.acmepaymentscorp"),
        Vendor::Mediconnect => (100_000 + number).to_string(),
        Vendor::Symphony => (7_300_000_000_000 + number as u64).to_string(),
        _ => format!("{number:024x}"),
    };
    (name, vendor, user)
}

/// What is done to the account of this number: in each system something that takes access away.
pub(crate) fn change(number: usize) -> StatusChange {
    match account(number).1 {
        Vendor::Userdocks => StatusChange::disable(),
        Vendor::Akana => StatusChange::lock().comment("Left the company"),
        Vendor::Mediconnect => StatusChange::suspend("Left the company"),
        Vendor::Symphony => StatusChange::suspend("Leave").until("2030-12-31T23:59:59Z".parse().unwrap()),
        _ => StatusChange::toggle(),
    }
}

/// A row for each account.
pub(crate) fn rows(count: usize) -> impl Iterator<Item = Row> + Send {
    (0..count).map(|number| {
        let (system, _, user) = account(number);
        let mut row = Row::new(system, user, change(number));
        row.line = number as u64 + 1;
        row
    })
}

/// Puts the accounts into the world.
pub(crate) fn populate(world: &World, count: usize) {
    for number in 0..count {
        let (_, vendor, user) = account(number);
        let value = match vendor {
            Vendor::Mediconnect => json!({ "name": "Somebody", "email": "somebody@example.com" }),
            _ => json!({}),
        };
        world.put_user(vendor, &user, &value).unwrap_or_else(|e| panic!("{vendor} {user}: {e}"));
    }
}

/// What an account is in the world, in the SDK's words.
pub(crate) fn status(world: &World, number: usize) -> AccountStatus {
    let (_, vendor, user) = account(number);
    let status: Value = json!(world.status(vendor, &user).expect("an account of the population"));
    serde_json::from_value(status).expect("both sides know the contract's schema")
}

/// Clients for the five systems of a server, which repeat at once.
pub(crate) fn registry(server: &StandaloneServer) -> Arc<Registry> {
    registry_at(|vendor| server.uri(vendor))
}

/// Clients for five systems at these addresses.
pub(crate) fn registry_at(uri: impl Fn(Vendor) -> String) -> Arc<Registry> {
    let mut retry = RetryPolicy::default();
    retry.first_wait = Duration::from_millis(1);
    retry.longest_wait = Duration::from_millis(2);
    let key = userdocks::Credentials::api_key("mock-userdocks-write-key", "8c5ab9a4-46a3-4b5f-8f0b-7c0f3f6a9e10");
    let session = akana::Credentials::session("TokenID%3Dmock-akana-admin-session", "TokenID%3Dmock-akana-admin-csrf");
    let docks = Userdocks::builder().base_url(uri(Vendor::Userdocks)).credentials(key).retry(retry);
    let portal = Akana::builder().base_url(uri(Vendor::Akana)).tenant("acmepaymentscorp").credentials(session).retry(retry);
    let clinic = Mediconnect::builder()
        .base_url(uri(Vendor::Mediconnect))
        .credentials(mediconnect::Credentials::token("mock-mediconnect-admin-token"))
        .retry(retry);
    let pod = Symphony::builder()
        .base_url(uri(Vendor::Symphony))
        .credentials(symphony::Credentials::session_token("mock-symphony-session-token"))
        .retry(retry);
    let site = Clearsquare::builder()
        .base_url(uri(Vendor::Clearsquare))
        .credentials(clearsquare::Credentials::token("mock-clearsquare-token"))
        .retry(retry);
    let registry = Registry::default()
        .with("docks", docks.build().unwrap())
        .with("portal", portal.build().unwrap())
        .with("clinic", clinic.build().unwrap())
        .with("pod", pod.build().unwrap())
        .with("site", site.build().unwrap());
    Arc::new(registry)
}

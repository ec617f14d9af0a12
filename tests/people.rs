//! Many accounts in five systems, for what is done to all of them.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Value, json};
use user_status::bulk::{Counts, JournalReader, Row, RowState};
use user_status::systems::{
    Akana, Clearsquare, Mediconnect, Symphony, Userdocks, akana, clearsquare, mediconnect, symphony, userdocks,
};
use user_status::{AccountStatus, Change, Registry, RetryPolicy, StatusChange};
use user_status_mock::{Fault, Options, RetryAfter, StandaloneServer, SystemKind, World, WorldState};

/// The systems, under the names that rows use.
pub const SYSTEMS: [(&str, SystemKind); 5] = [
    ("docks", SystemKind::Userdocks),
    ("portal", SystemKind::Akana),
    ("clinic", SystemKind::Mediconnect),
    ("pod", SystemKind::Symphony),
    ("site", SystemKind::Clearsquare),
];

/// The account of this number: the systems take turns.
pub fn account(number: usize) -> (&'static str, SystemKind, String) {
    let (name, system) = SYSTEMS[number % SYSTEMS.len()];
    let user = match system {
        SystemKind::Userdocks => format!("00000000-0000-4000-8000-{number:012}"),
        SystemKind::Akana => format!("{number:08}-2608-456e-9dfa-300c85224a73.acmepaymentscorp"),
        SystemKind::Mediconnect => (100_000 + number).to_string(),
        SystemKind::Symphony => (7_300_000_000_000 + number as u64).to_string(),
        _ => format!("{number:024x}"),
    };
    (name, system, user)
}

/// Returns what is done to the account of this number: in each system something that takes access away.
///
/// # Panics
/// Never: its time is one.
pub fn change(number: usize) -> StatusChange {
    match account(number).1 {
        SystemKind::Userdocks => StatusChange::disable(),
        SystemKind::Akana => StatusChange::lock().with_comment("Left the company"),
        SystemKind::Mediconnect => StatusChange::suspend("Left the company"),
        SystemKind::Symphony => StatusChange::suspend("Leave").with_until("2030-12-31T23:59:59Z".parse().unwrap()),
        _ => StatusChange::toggle(),
    }
}

/// A row for each account.
pub fn rows(count: usize) -> impl Iterator<Item = Row> + Send {
    (0..count).map(|number| {
        let (system, _, user) = account(number);
        let mut row = Row::new(system, user, change(number));
        row.line = number as u64 + 1;
        row
    })
}

/// Puts the accounts into the world.
///
/// # Panics
/// If the mock does not take them.
pub fn populate(world: &World, count: usize) {
    for number in 0..count {
        let (_, system, user) = account(number);
        let value = match system {
            SystemKind::Mediconnect => json!({ "name": "Somebody", "email": "somebody@example.com" }),
            _ => json!({}),
        };
        world.put_user(system, &user, &value).unwrap_or_else(|e| panic!("{system} {user}: {e}"));
    }
}

/// Returns what an account is in the world, in the SDK's words.
///
/// # Panics
/// If there is no such account.
pub fn status(world: &World, number: usize) -> AccountStatus {
    let (_, system, user) = account(number);
    let status: Value = json!(world.status(system, &user).expect("an account of the population"));
    serde_json::from_value(status).expect("both sides know the contract's schema")
}

/// The default world, with the tokens that [`registry`] has.
///
/// # Panics
/// If the mock does not know such a document any more.
pub fn world() -> WorldState {
    let world = WorldState::from_yaml(
        "
systems:
  mediconnect:
    tokens: [{ token: mock-mediconnect-admin-token, user: '7' }, { user: '42', entitled: false }]
  clearsquare:
    tokens: [{ token: mock-clearsquare-token }]
",
    );
    world.expect("a document of the mock's")
}

/// Clients for the five systems of the mock server at this address, which repeat at once.
///
/// # Panics
/// If the address is none.
pub fn registry(root: &str) -> Arc<Registry> {
    let uri = |system| match system {
        SystemKind::Symphony => format!("{root}/pod"),
        _ => root.to_owned(),
    };
    let retry =
        RetryPolicy::default().with_first_wait(Duration::from_millis(1)).with_longest_wait(Duration::from_millis(2));
    let key = userdocks::Credentials::api_key("mock-userdocks-write-key", "8c5ab9a4-46a3-4b5f-8f0b-7c0f3f6a9e10");
    let session = akana::Credentials::session("TokenID%3Dmock-akana-admin-session", "TokenID%3Dmock-akana-admin-csrf");
    let docks = Userdocks::builder().base_url(uri(SystemKind::Userdocks)).credentials(key).retry(retry);
    let portal =
        Akana::builder().base_url(uri(SystemKind::Akana)).tenant("acmepaymentscorp").credentials(session).retry(retry);
    let clinic = Mediconnect::builder()
        .base_url(uri(SystemKind::Mediconnect))
        .credentials(mediconnect::Credentials::token("mock-mediconnect-admin-token"))
        .retry(retry);
    let pod = Symphony::builder()
        .base_url(uri(SystemKind::Symphony))
        .credentials(symphony::Credentials::session_token("mock-symphony-session-token"))
        .retry(retry);
    let site = Clearsquare::builder()
        .base_url(uri(SystemKind::Clearsquare))
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

/// The number of times that a server changed an account.
#[derive(Clone, Debug, Default)]
pub struct Changes(Arc<Mutex<BTreeMap<(SystemKind, String), usize>>>);

/// A server with so many accounts, which counts what changes.
///
/// # Panics
/// If it cannot be started.
pub async fn server(accounts: usize) -> (StandaloneServer, Changes) {
    let changes = Changes::default();
    let count = changes.clone();
    let options = Options::new().world(world()).on_request(move |_, exchange| {
        if let (Some(system), Some(user)) = (exchange.system, &exchange.user)
            && exchange.before != exchange.after
        {
            *count.0.lock().expect("no panic").entry((system, user.clone())).or_default() += 1;
        }
    });
    let server = StandaloneServer::start_with(options).await.expect("a port of this machine");
    populate(&server, accounts);
    (server, changes)
}

/// What goes wrong on a bad day: refusals for now, failures, resets, and answers that are lost after the change.
///
/// # Panics
/// If the mock does not know such faults any more.
pub fn fire(world: &World) {
    let faults = [
        Fault::rate_limited(RetryAfter::Seconds(0)).probability(0.05),
        Fault::unavailable(RetryAfter::Missing).probability(0.02),
        Fault::html_502().probability(0.02),
        Fault::reset().after_the_change().probability(0.02),
        Fault::reset().before_the_change().probability(0.02),
        Fault::truncate().probability(0.02),
    ];
    for fault in faults {
        world.fault(fault).expect("a fault of the mock's");
    }
}

/// Holds a journal of [`rows`] against the world, row by row, and counts them.
///
/// # Panics
/// At the first row of which the journal does not tell the truth.
pub fn hold(path: &Path, world: &World, changes: &Changes, before: &[AccountStatus]) -> Counts {
    let journal = JournalReader::open(path).expect("a journal");
    let changes = changes.0.lock().expect("no panic");
    let mut rows = 0;
    for entry in journal.entries() {
        let entry = entry.expect("a row");
        let number = usize::try_from(entry.row.line).expect("a line") - 1;
        let (_, system, user) = account(number);
        let is = status(world, number);
        let changed = changes.get(&(system, user)).copied().unwrap_or_default();
        let was = &before[number];
        let what = format!("row {number} is {}: the account was {was}, is {is}, changed {changed} times", entry.state);
        let toggle = entry.row.change.change() == Change::Toggle;
        match entry.state {
            RowState::Confirmed | RowState::Accepted | RowState::Unchanged => {
                assert!(toggle || is.shows(&entry.row.change) == Some(true), "{what}");
                assert_eq!(changed, 1, "{what}");
            }
            RowState::Pending | RowState::Refused | RowState::Failed => {
                assert_eq!((&is, changed), (was, 0), "{what}");
            }
            _ => assert!(changed <= 1, "{what}"),
        }
        assert!(entry.before.is_none_or(|known| known == *was), "{what}");
        rows += 1;
    }
    assert_eq!(rows, before.len());
    journal.counts().expect("the counts")
}

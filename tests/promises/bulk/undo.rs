//! The way back of a row, decided from what the journal knows of it.

use futures_util::stream;
use rusqlite::params;
use serde_json::{Value, json};
use tempfile::TempDir;
use user_status::bulk::{InvalidRows, Journal, JournalEntry, JournalReader, Row, RowState, Runner, undo};
use user_status::systems::{Akana, akana};
use user_status::{Registry, StatusChange};
use user_status_mock::{StandaloneServer, SystemKind};
use user_status_tests::people;

/// A row that was asked this, is in this state, and whose account was this before and after.
struct Case {
    change: Value,
    state: &'static str,
    before: Value,
    after: Value,
}

/// The rows, read from a journal as any other.
async fn entries(cases: &[Case]) -> Vec<JournalEntry> {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("run.sqlite");
    let registry = people::registry("http://127.0.0.1:9");
    let rows = (1..=cases.len()).map(|user| Ok(Row::new("pod", user.to_string(), StatusChange::disable())));
    drop(Journal::create(&path, "cases", &registry, stream::iter(rows), InvalidRows::Refuse, |_| {}).await.unwrap());
    let connection = rusqlite::Connection::open(&path).unwrap();
    let text = |value: &Value| (!value.is_null()).then(|| value.to_string());
    for (number, case) in (1..).zip(cases) {
        let update = "UPDATE rows SET change = ?2, reason = ?3, until = ?4, state = ?5, before = ?6, after = ?7 WHERE number = ?1";
        let (change, before, after) = (&case.change, text(&case.before), text(&case.after));
        let word = |name: &str| change[name].as_str();
        let values = params![number, word("change"), word("reason"), word("until"), case.state, before, after];
        assert_eq!(connection.execute(update, values).unwrap(), 1);
    }
    Journal::seal_anew(&path).unwrap();
    JournalReader::open(&path).unwrap().entries().map(Result::unwrap).collect()
}

#[tokio::test]
async fn the_way_back_is_what_the_account_was_or_there_is_none() {
    type Expected = Result<Option<Value>, &'static str>;
    const UNTIL: &str = "2030-12-31T23:59:59Z";
    const LATER: &str = "2031-06-30T12:00:00Z";
    let suspended =
        |reason: &str, until: &str| json!({ "suspended": { "active": true, "reason": reason, "until": until } });
    let free = json!({ "suspended": { "active": false } });
    let suspend = |reason: &str, until: &str| json!({ "change": "suspend", "reason": reason, "until": until });
    let word = |change: &str| json!({ "change": change });
    let facts = |enabled: bool, locked: bool| json!({ "enabled": enabled, "locked": locked });
    let (lost, unread) =
        ("nobody knows whether it was changed; resume the run first", "what the account was before was not read");
    let (no_single, unsaid) = (
        "no single change leads back to what the account was before",
        "the system did not say what the account was before",
    );
    let none = || Ok::<Option<Value>, &str>(None);
    let back = |change: Value| Ok(Some(change));
    let (enabled, disabled) = (json!({ "enabled": true }), json!({ "enabled": false }));
    let cases: Vec<(Value, &str, Value, Value, Expected)> = vec![
        // What changed nothing needs no way back, and what nobody knows has none.
        (word("disable"), "pending", Value::Null, Value::Null, none()),
        (word("disable"), "refused", enabled.clone(), Value::Null, none()),
        (word("disable"), "failed", enabled.clone(), Value::Null, none()),
        (word("disable"), "unchanged", Value::Null, disabled.clone(), none()),
        (word("disable"), "sending", enabled.clone(), Value::Null, Err(lost)),
        (word("disable"), "unknown", enabled.clone(), Value::Null, Err(lost)),
        (word("disable"), "confirmed", Value::Null, disabled.clone(), Err(unread)),
        (word("disable"), "confirmed", free.clone(), Value::Null, Err(unsaid)),
        (
            word("toggle"),
            "accepted",
            enabled.clone(),
            Value::Null,
            Err("a toggle does not say what the account was before"),
        ),
        (word("disable"), "confirmed", enabled.clone(), disabled.clone(), back(word("enable"))),
        (word("disable"), "accepted", enabled.clone(), Value::Null, back(word("enable"))),
        (word("enable"), "confirmed", disabled.clone(), enabled.clone(), back(word("disable"))),
        // It was so before: the change did something else, or nothing.
        (word("disable"), "confirmed", disabled.clone(), disabled.clone(), Err(no_single)),
        // Suspensions come back with their own reason and end.
        (suspend("Leave", UNTIL), "confirmed", free.clone(), suspended("Leave", UNTIL), back(word("unsuspend"))),
        (
            suspend("Leave", UNTIL),
            "confirmed",
            suspended("Before", LATER),
            suspended("Leave", UNTIL),
            back(suspend("Before", LATER)),
        ),
        (
            suspend("Leave", UNTIL),
            "confirmed",
            suspended("Leave", LATER),
            suspended("Leave", UNTIL),
            back(suspend("Leave", LATER)),
        ),
        (word("unsuspend"), "confirmed", suspended("Before", LATER), free.clone(), back(suspend("Before", LATER))),
        (word("unsuspend"), "confirmed", enabled.clone(), free.clone(), Err(unsaid)),
        // One status for all: what goes with the change does not come back with the way back of the change alone.
        (word("lock"), "confirmed", facts(true, false), facts(true, true), back(word("unlock"))),
        (word("unlock"), "confirmed", facts(true, true), facts(true, false), back(word("lock"))),
        (word("lock"), "confirmed", facts(false, false), facts(true, true), Err(no_single)),
        (word("enable"), "confirmed", facts(false, true), facts(true, false), Err(no_single)),
        (word("disable"), "confirmed", facts(true, true), facts(false, true), Err(no_single)),
        (word("lock"), "confirmed", facts(false, false), facts(false, true), Err(no_single)),
        (word("disable"), "confirmed", facts(true, true), facts(false, false), Err(no_single)),
    ];
    let (cases, expected): (Vec<Case>, Vec<_>) = cases
        .into_iter()
        .map(|(change, state, before, after, expected)| (Case { change, state, before, after }, expected))
        .unzip();
    for ((case, entry), expected) in cases.iter().zip(entries(&cases).await).zip(expected) {
        let what = format!("{} {} {} → {}", case.state, case.change, case.before, case.after);
        match (undo(&entry), expected) {
            (Ok(None), Ok(None)) => {}
            (Ok(Some(row)), Ok(Some(change))) => {
                assert_eq!(json!(row.change), change, "{what}");
                assert_eq!((&row.user, &row.system), (&entry.row.user, &entry.row.system), "{what}");
                let found = row.expected.unwrap_or_else(|| panic!("{what}: nothing is expected"));
                assert_eq!(found.shows(&entry.row.change), Some(true), "{what}: {found}");
            }
            (Err(why), Err(expected)) => assert_eq!(why.to_string(), expected, "{what}"),
            (is, expected) => panic!("{what}: {is:?}, and not {expected:?}"),
        }
    }
}

/// Akana has one status for all: whatever was disabled or locked before, an undo brings it back or does not touch it.
#[tokio::test(flavor = "multi_thread")]
async fn an_undo_at_akana_never_leaves_more_access_than_there_was() {
    let folder = TempDir::new().unwrap();
    let server: StandaloneServer = people::server(0).await.0;
    let portal =
        Akana::builder().base_url(server.root()).tenant("acmepaymentscorp").unlock_by_enabling(true).credentials(
            akana::Credentials::session("TokenID%3Dmock-akana-admin-session", "TokenID%3Dmock-akana-admin-csrf"),
        );
    let registry = std::sync::Arc::new(Registry::default().with("portal", portal.build().unwrap()));
    let changes = [StatusChange::enable(), StatusChange::disable(), StatusChange::lock(), StatusChange::unlock()];
    let kinds = [(false, false), (true, false), (false, true), (true, true)];
    let user = |number: usize| format!("{number:08}-2608-456e-9dfa-300c85224a73.acmepaymentscorp");
    let mut number = 0;
    let mut rows = Vec::new();
    for (disabled, locked) in kinds {
        for change in &changes {
            let value = json!({ "Disabled": disabled, "Locked": locked });
            server.put_user(SystemKind::Akana, &user(number), &value).unwrap();
            rows.push(Row::new("portal", user(number), change.clone()));
            number += 1;
        }
    }
    let statuses = || (0..number).map(|n| server.status(SystemKind::Akana, &user(n)).unwrap()).collect::<Vec<_>>();
    let before = statuses();
    let run = async |name: &str, rows: Vec<Row>| {
        let path = folder.path().join(name);
        let rows = stream::iter(rows.into_iter().map(Ok));
        let journal =
            Journal::create(&path, name, &registry, rows, InvalidRows::Refuse, |bad| panic!("{bad}")).await.unwrap();
        let summary = Runner::new(registry.clone()).run(journal.0).await.unwrap();
        assert_eq!(summary.counts.open(), 0, "{}", summary.counts);
        JournalReader::open(&path).unwrap().entries().map(Result::unwrap).collect::<Vec<JournalEntry>>()
    };
    let there = run("there.sqlite", rows).await;
    let between = statuses();
    let back: Vec<Row> = there.iter().filter_map(|entry| undo(entry).ok().flatten()).collect();
    assert!(back.len() >= 4, "{}", back.len());
    let gone_back = run("back.sqlite", back).await;
    for (n, (is, was)) in statuses().into_iter().zip(before).enumerate() {
        let what = format!("{} of {was:?} made it {:?}, the undo {is:?}", there[n].row.change, between[n]);
        match gone_back.iter().find(|entry| entry.row.user == user(n)) {
            Some(entry) => assert_eq!((is, entry.state), (was, RowState::Confirmed), "{what}"),
            None => assert_eq!(is, between[n], "{what}"),
        }
    }
}

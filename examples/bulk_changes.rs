//! Changes to many accounts, from a file, with a journal: the run is interrupted, and goes on where it was.
//!
//! `cargo run -p user-status-examples --features bulk --example bulk_changes`

use std::sync::Arc;

use futures_util::stream;
use serde_json::json;
use user_status::Registry;
use user_status::bulk::{self, InvalidRows, Journal, JournalReader, RowState, Runner, StopHandle};
use user_status::systems::{Clearsquare, Symphony, clearsquare, symphony};
use user_status_mock::{StandaloneServer, SystemKind};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    // Two systems with 50 accounts each. In production, their addresses and credentials.
    let server = StandaloneServer::start().await?;
    let mut file = String::from("system,user,change,reason,key\n");
    for number in 0..50 {
        let (pod_user, site_user) = (7_300_000_000_000_i64 + number, format!("{number:024x}"));
        server.put_user(SystemKind::Symphony, &pod_user.to_string(), &json!({}))?;
        server.put_user(SystemKind::Clearsquare, &site_user, &json!({}))?;
        file += &format!("pod,{pod_user},suspend,\"Left, with the team\",CASE-17\nsite,{site_user},toggle,,CASE-17\n");
    }
    let known = server.credentials();
    let registry = Registry::default()
        .with(
            "pod",
            Symphony::builder()
                .base_url(server.uri(SystemKind::Symphony))
                .credentials(symphony::Credentials::session_token(known.symphony.session_token))
                .build()?,
        )
        .with(
            "site",
            Clearsquare::builder()
                .base_url(server.uri(SystemKind::Clearsquare))
                .credentials(clearsquare::Credentials::token(known.clearsquare.token))
                .build()?,
        );
    let registry = Arc::new(registry);

    // All rows are taken in, and every bad one is named, before anything is sent.
    let folder = std::env::temp_dir().join(format!("user-status-example-{}", std::process::id()));
    std::fs::create_dir_all(&folder)?;
    let path = folder.join("team.sqlite");
    let rows = stream::iter(bulk::csv(file.as_bytes()));
    let (journal, imported) =
        Journal::create(&path, "team.csv", &registry, rows, InvalidRows::Refuse, |bad| eprintln!("{bad}")).await?;
    println!("{} rows were taken in", imported.rows);

    // Somebody presses Ctrl-C after ten rows. What is under way is finished, and the rest waits.
    let stop = StopHandle::default();
    let (pull, seen) = (stop.clone(), std::sync::atomic::AtomicU32::new(0));
    let runner = Runner::new(registry.clone()).max_in_flight(2).stop_with(&stop).on_event(move |_| {
        if seen.fetch_add(1, std::sync::atomic::Ordering::Relaxed) == 9 {
            pull.stop();
        }
    });
    let summary = runner.run(journal).await?;
    assert!(summary.interrupted);

    // The same again from the journal: what is finished is passed over.
    let summary = Runner::new(registry).run(Journal::open(&path)?).await?;
    println!("{}", summary.counts);
    assert_eq!((summary.counts[RowState::Confirmed], summary.counts[RowState::Accepted]), (50, 50));
    for entry in JournalReader::open(&path)?.entries().take(2) {
        let entry = entry?;
        println!("{} {}: {} is {}", entry.row.system, entry.row.user, entry.row.change, entry.state);
    }
    std::fs::remove_dir_all(&folder)?;
    Ok(())
}

//! One run over all servers at once, ended with `kill -9` again and again, resumed, and taken back.

use std::path::Path;
use std::process::{Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::try_join_all;
use futures_util::stream;
use user_status::bulk::{InvalidRows, Journal, JournalReader, Row, RowState, Runner, undo};
use user_status::systems::Scim;
use user_status::systems::scim::Credentials;
use user_status::{Registry, StatusChange};

use crate::servers::{Server, TOKEN, Users};

/// What came of it.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) rows: usize,
    pub(crate) kills: u32,
    /// The rows whose outcome the record denies, of the run and of the way back.
    pub(crate) wrong: Vec<String>,
}

/// The systems at these addresses, under the names of the servers.
fn registry(addresses: &[(String, String)]) -> Result<Arc<Registry>, String> {
    let mut registry = Registry::default();
    for (name, base_url) in addresses {
        let built = Scim::builder()
            .base_url(base_url)
            .credentials(Credentials::bearer(TOKEN))
            .attempt_timeout(Duration::from_secs(5))
            .build();
        registry.insert(name.clone(), built.map_err(|e| e.to_string())?);
    }
    Ok(Arc::new(registry))
}

/// The whole of a process that is killed: goes on with a journal.
pub(crate) async fn carry_out(arguments: &[String]) -> Result<(), String> {
    let [journal, addresses @ ..] = arguments else { return Err("the journal is missing".to_owned()) };
    let addresses: Vec<(String, String)> =
        addresses.iter().filter_map(|pair| pair.split_once('=')).map(|(n, u)| (n.to_owned(), u.to_owned())).collect();
    let journal = Journal::open(journal).map_err(|e| e.to_string())?;
    let runner = Runner::new(registry(&addresses)?).max_in_flight(4);
    runner.run(journal).await.map(drop).map_err(|e| e.to_string())
}

/// Disables so many users of each server in one run, and takes it back.
pub(crate) async fn run(servers: &[Server], users: usize, seed: u64) -> Result<Outcome, String> {
    let addresses: Vec<(String, String)> =
        servers.iter().map(|server| (server.kind.name.to_owned(), server.base_url(server.address))).collect();
    let registry = registry(&addresses)?;
    let folder = tempfile::tempdir().map_err(|e| e.to_string())?;
    let names: Vec<String> = (0..users).map(|number| format!("leaver{number}@acme.example")).collect();
    let created = try_join_all(servers.iter().map(|server| leavers(server, &names))).await?;
    let before = records(servers).await?;
    let mut random = fastrand::Rng::with_seed(seed);
    let mut outcome = Outcome { rows: users * servers.len(), kills: 0, wrong: Vec::new() };

    // By name where the server looks for it: the journal has the ids.
    let rows = (0..users).flat_map(|number| {
        let row = |(server, ids): (&Server, &Vec<String>)| {
            let by_name = number % 4 == 0 && server.kind.looks_up;
            let user = if by_name { format!("userName:leaver{number}@acme.example") } else { ids[number].clone() };
            Row::new(server.kind.name, user, StatusChange::disable())
        };
        servers.iter().zip(&created).map(row).collect::<Vec<Row>>()
    });
    let path = folder.path().join("run");
    create(&path, &registry, rows.collect()).await?;
    outcome.kills += finished(&path, &addresses, &mut random).await?;
    let after = records(servers).await?;
    for (at, server) in servers.iter().enumerate() {
        let name = server.kind.name;
        for (id, active) in &after[at] {
            match created[at].contains(id) {
                true if *active => outcome.wrong.push(format!("{name}: {id} is active after the run")),
                false if before[at].get(id) != Some(active) => outcome.wrong.push(format!("{name}: {id} was no row")),
                _ => {}
            }
        }
    }
    outcome.wrong.extend(undone_states(&path)?);

    let reader = JournalReader::open(&path).map_err(|e| e.to_string())?;
    let mut back = Vec::new();
    for entry in reader.entries() {
        match undo(&entry.map_err(|e| e.to_string())?) {
            Ok(row) => back.extend(row),
            Err(why) => outcome.wrong.push(format!("a row cannot be taken back: {why}")),
        }
    }
    if back.len() != outcome.rows {
        outcome.wrong.push(format!("{} of {} rows are taken back", back.len(), outcome.rows));
    }
    let path = folder.path().join("undo");
    create(&path, &registry, back).await?;
    outcome.kills += finished(&path, &addresses, &mut random).await?;
    outcome.wrong.extend(undone_states(&path)?);
    for ((server, before), now) in servers.iter().zip(&before).zip(records(servers).await?) {
        if *before != now {
            outcome.wrong.push(format!("{}: the record is not as before the run", server.kind.name));
        }
    }
    Ok(outcome)
}

/// Creates users, and returns their ids.
async fn leavers(server: &Server, names: &[String]) -> Result<Vec<String>, String> {
    let mut ids = Vec::new();
    for name in names {
        ids.push(server.create(name, false).await?);
    }
    Ok(ids)
}

async fn records(servers: &[Server]) -> Result<Vec<Users>, String> {
    let mut records = Vec::new();
    for server in servers {
        records.push(server.users().await?);
    }
    Ok(records)
}

async fn create(path: &Path, registry: &Registry, rows: Vec<Row>) -> Result<(), String> {
    let rows = stream::iter(rows.into_iter().map(Ok));
    let created = Journal::create(path, "real servers", registry, rows, InvalidRows::Refuse, |bad| eprintln!("{bad}"));
    created.await.map(drop).map_err(|e| e.to_string())
}

/// Carries a journal out in processes of their own, of which the first are killed. Says how many were.
async fn finished(path: &Path, addresses: &[(String, String)], random: &mut fastrand::Rng) -> Result<u32, String> {
    let mut kills = 0;
    loop {
        let mut child = Command::new(std::env::current_exe().map_err(|e| e.to_string())?)
            .arg("carry-out")
            .arg(path)
            .args(addresses.iter().map(|(name, url)| format!("{name}={url}")))
            .stdin(Stdio::null())
            .spawn()
            .map_err(|e| e.to_string())?;
        if kills < 5 {
            tokio::time::sleep(Duration::from_millis(random.u64(300..1500))).await;
            // SIGKILL.
            let _ = child.kill();
        }
        let ended: ExitStatus = loop {
            match child.try_wait().map_err(|e| e.to_string())? {
                Some(ended) => break ended,
                None => tokio::time::sleep(Duration::from_millis(20)).await,
            }
        };
        match ended.code() {
            Some(0) => return Ok(kills),
            Some(code) => return Err(format!("the run ended with {code}")),
            None => kills += 1,
        }
    }
}

/// The rows of a journal that are not done.
fn undone_states(path: &Path) -> Result<Vec<String>, String> {
    let reader = JournalReader::open(path).map_err(|e| e.to_string())?;
    let mut wrong = Vec::new();
    for entry in reader.entries() {
        let entry = entry.map_err(|e| e.to_string())?;
        if !matches!(entry.state, RowState::Confirmed | RowState::Unchanged) {
            wrong
                .push(format!("{} {}: {}: {:?}", entry.row.system, entry.row.user, entry.state, entry.outcome.message));
        }
    }
    Ok(wrong)
}

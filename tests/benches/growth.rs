//! What a request or a row costs as more and more is kept: each should cost the same, however much there is.
//!
//! `cargo bench -p user-status-benches --bench growth -- [ROUNDS]`
//!
//! Of the mock server: a request with more worlds, faults that strike others, users, and requests in the journal, sent one
//! after the other on one connection. Of bulk changes: a row with more rows and with more systems, and a row of a journal
//! that is read. The sizes of a curve are measured in turn, round after round.

mod wire;

use std::process::ExitCode;
use std::time::{Duration, Instant};

use futures_util::stream;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::net::TcpStream;
use user_status::bulk::{InvalidRows, Journal, JournalReader, Row, Runner};
use user_status_mock::{Fault, Options, StandaloneServer, SystemKind};
use user_status_tests::figures::{self, Spread};
use user_status_tests::people;

use wire::{Result, authority, exchange, request};

/// The number of requests that a measurement sends, at least one for each world.
const REQUESTS: usize = 5_000;
/// The number of calls that all systems together get at once; each has an equal part.
const IN_FLIGHT: usize = 60;

fn main() -> ExitCode {
    let argument = std::env::args().skip(1).find(|argument| argument != "--bench");
    let rounds = argument.map_or(Ok(5), |text| text.parse::<usize>().map_err(|_| format!("`{text}` is no number")));
    match rounds.map_err(Into::into).and_then(|rounds| run(rounds.max(1))) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("growth: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(rounds: usize) -> Result<()> {
    let runtime = tokio::runtime::Runtime::new()?;
    println!("{:<44}{:>10}{:>28}{:>10}", "", "size", "µs each, median (spread)", "of first");
    let curves = [
        measure("a request, by worlds", &[1, 16, 256], rounds, |size| runtime.block_on(by_worlds(size)))?,
        measure("a request, by faults that strike others", &[0, 10, 100, 1_000], rounds, |size| {
            runtime.block_on(by_faults(size))
        })?,
        measure("a request, by users of its system", &[1, 1_000, 100_000], rounds, |size| {
            runtime.block_on(by_users(size))
        })?,
        measure("a request, by requests in the journal", &[100, 1_000, 10_000], rounds, |size| {
            runtime.block_on(by_journal(size))
        })?,
        measure("a row of a run, by rows", &[1_000, 10_000, 50_000], rounds, |rows| {
            Ok(runtime.block_on(bulk(rows, people::SYSTEMS.len()))?.0)
        })?,
        measure("a row of a run, by systems", &[1, 2, 3, 4, 5], rounds, |systems| {
            Ok(runtime.block_on(bulk(10_000, systems))?.0)
        })?,
        measure("a row of a journal that is read, by rows", &[1_000, 10_000, 50_000], rounds, |rows| {
            Ok(runtime.block_on(bulk(rows, people::SYSTEMS.len()))?.1)
        })?,
    ];
    figures::write(env!("CARGO_TARGET_TMPDIR"), "growth", &json!(curves))?;
    Ok(())
}

/// Measures the cost of one thing, in microseconds, at each size.
fn measure(name: &str, sizes: &[usize], rounds: usize, mut cost: impl FnMut(usize) -> Result<f64>) -> Result<Value> {
    let costs = figures::in_turn(sizes.len(), rounds, |turn| {
        cost(sizes[turn]).map_err(|e| format!("{name}, {}: {e}", sizes[turn]))
    })?;
    let mut points = Vec::new();
    for (size, of_size) in sizes.iter().zip(&costs) {
        let (spread, ratio) = (Spread::of(of_size), Spread::of_ratios(of_size, &costs[0]));
        println!("{name:<44}{size:>10}{:>28}{:>10.2}", spread.text(1), ratio.median);
        points.push(json!({ "size": size, "microseconds": spread.json(), "of_first": ratio.json() }));
    }
    Ok(json!({ "curve": name, "points": points }))
}

/// Microseconds for each of so many.
fn each(time: Duration, count: usize) -> f64 {
    time.as_secs_f64() * 1e6 / count as f64
}

/// Returns what a request costs that is sent to each of these worlds in turn.
async fn requests(server: &StandaloneServer, worlds: &[String]) -> Result<f64> {
    let token = server.credentials().symphony.session_token.to_string();
    let all: Vec<Vec<u8>> = worlds.iter().map(|world| request(world, &token)).collect();
    let mut stream = TcpStream::connect(authority(&server.uri(SystemKind::Symphony))?).await?;
    stream.set_nodelay(true)?;
    let mut bytes = Vec::new();
    for request in &all {
        exchange(&mut stream, request, &mut bytes).await?;
    }
    let started = Instant::now();
    for request in all.iter().cycle().take(REQUESTS) {
        exchange(&mut stream, request, &mut bytes).await?;
    }
    Ok(each(started.elapsed(), REQUESTS))
}

async fn by_worlds(worlds: usize) -> Result<f64> {
    let server = StandaloneServer::start().await?;
    let worlds: Vec<String> = (0..worlds).map(|number| format!("/__world/w{number}")).collect();
    requests(&server, &worlds).await
}

async fn by_faults(faults: usize) -> Result<f64> {
    let server = StandaloneServer::start().await?;
    for number in 0..faults {
        server.fault(Fault::html_502().on_system(SystemKind::Symphony).on_user(number.to_string()))?;
    }
    requests(&server, &[String::new()]).await
}

async fn by_users(users: usize) -> Result<f64> {
    let server = StandaloneServer::start().await?;
    people::populate(&server, users * people::SYSTEMS.len());
    requests(&server, &[String::new()]).await
}

async fn by_journal(kept: usize) -> Result<f64> {
    let server = StandaloneServer::start_with(Options::new().journal(kept, 1 << 30)).await?;
    // So many times that the journal is full.
    for _ in 0..kept.div_ceil(REQUESTS) {
        requests(&server, &[String::new()]).await?;
    }
    requests(&server, &[String::new()]).await
}

/// Returns what a row costs to carry out, with the journal of it, and what to read it there.
async fn bulk(rows: usize, systems: usize) -> Result<(f64, f64)> {
    let all = rows * people::SYSTEMS.len() / systems;
    let (server, _) = people::server(all).await;
    let registry = people::registry(&server.root());
    let wanted: Vec<Row> = people::rows(all)
        .enumerate()
        .filter(|(number, _)| number % people::SYSTEMS.len() < systems)
        .map(|(_, row)| row)
        .collect();
    let count = wanted.len();
    let folder = TempDir::new()?;
    let path = folder.path().join("run.sqlite");
    let started = Instant::now();
    let rows = stream::iter(wanted.into_iter().map(Ok));
    let journal =
        Journal::create(&path, "a benchmark", &registry, rows, InvalidRows::Refuse, |bad| eprintln!("{bad}")).await?.0;
    let runner = Runner::new(registry).max_in_flight(IN_FLIGHT / systems).read_first(false).verify(false);
    let summary = runner.run(journal).await?;
    let ran = started.elapsed();
    if summary.counts.open() > 0 {
        return Err(format!("not all rows are settled: {}", summary.counts).into());
    }
    let started = Instant::now();
    let reader = JournalReader::open(&path)?;
    let mut read = 0;
    for entry in reader.entries() {
        entry?;
        read += 1;
    }
    if read != count {
        return Err(format!("{read} of {count} rows are in the journal").into());
    }
    Ok((each(ran, count), each(started.elapsed(), count)))
}

//! Changes to many accounts: whether the journal tells the truth about 100,000 rows under fire, how fast it goes beside a
//! bare `reqwest` loop, and what memory it takes.
//!
//! `cargo bench -p user-status-benches --bench bulk -- [fire ROWS] [ratio ROWS ROUNDS] [memory FEW MANY]`
//!
//! *fire*: five systems that refuse, fail, reset and lose answers; then every row is held against its account.
//!
//! *ratio*: the same requests by a bare loop, with as many at once for each system, in turn, round after round, against one
//! server in the same process. `whole` reads every account before and, where the response is no proof, after; `blind` does not.
//! Without a distance both are bound by the processor that the server shares with them.
//!
//! *memory*: the peak of a process of its own, for few rows and for many.

use std::collections::VecDeque;
use std::path::Path;
use std::process::{Command, ExitCode};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use futures_util::stream;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::task::JoinSet;
use user_status::Registry;
use user_status::bulk::{BreakerPolicy, InvalidRows, Journal, Runner};
use user_status_mock::{Fault, StandaloneServer, SystemKind};
use user_status_tests::figures::{self, Spread};
use user_status_tests::people;

type Result<T> = std::result::Result<T, Box<dyn std::error::Error + Send + Sync>>;

/// The number of calls that each system gets at once.
const IN_FLIGHT: usize = 16;

fn main() -> ExitCode {
    // `cargo bench` adds a flag of its own.
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    let number = |at: usize, default: usize| arguments.get(at).map_or(Ok(default), |text| text.parse());
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let result: Result<()> = runtime.block_on(async {
        match arguments.first().map(String::as_str) {
            None => {
                let report = json!({
                    "fire": fire(100_000).await?,
                    "ratio": ratio(20_000, 5).await?,
                    "memory": memory(10_000, 1_000_000).await?,
                });
                figures::write(env!("CARGO_TARGET_TMPDIR"), "bulk", &report)?;
            }
            Some("fire") => drop(fire(number(1, 100_000)?).await?),
            Some("ratio") => drop(ratio(number(1, 20_000)?, number(2, 5)?).await?),
            Some("memory") => drop(memory(number(1, 10_000)?, number(2, 1_000_000)?).await?),
            Some(other) => return Err(format!("`{other}` is none of fire, ratio, memory").into()),
        }
        Ok(())
    });
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("bulk: {error}");
            ExitCode::FAILURE
        }
    }
}

/// A run under fire, and sessions after it until nothing is left that one could settle.
async fn fire(rows: usize) -> Result<Value> {
    let folder = TempDir::new()?;
    let path = folder.path().join("run.sqlite");
    let (server, changes) = people::server(rows).await;
    let before: Vec<_> = (0..rows).map(|number| people::status(&server, number)).collect();
    people::fire(&server);
    let registry = people::registry(&server.root());
    let runner = Runner::new(registry.clone())
        .max_in_flight(IN_FLIGHT)
        .breaker(BreakerPolicy::default().with_failures(1000).with_pause(Duration::ZERO).with_probes(1));
    let started = Instant::now();
    let summary = runner.run(begin(&path, &registry, rows).await?).await?;
    let (seconds, counts) = (started.elapsed().as_secs_f64(), summary.counts.to_string());
    println!("fire: {rows} rows in {seconds:.1} s: {counts}");
    people::hold(&path, &server, &changes, &before);
    server.clear_faults();
    let summary = runner.run(Journal::open(&path)?).await?;
    people::hold(&path, &server, &changes, &before);
    let resumed = summary.counts.to_string();
    println!("fire: resumed without faults: {resumed}; every row is what its account is");
    Ok(json!({ "rows": rows, "seconds": seconds, "counts": counts, "resumed": resumed }))
}

async fn begin(path: &Path, registry: &Registry, rows: usize) -> Result<Journal> {
    let rows = stream::iter(people::rows(rows).map(Ok));
    Ok(Journal::create(path, "a benchmark", registry, rows, InvalidRows::Refuse, |bad| eprintln!("{bad}")).await?.0)
}

async fn ratio(rows: usize, rounds: usize) -> Result<Value> {
    let mut report = Vec::new();
    let (server, _) = people::server(rows).await;
    let start = server.snapshot();
    let registry = people::registry(&server.root());
    for (name, whole, distance) in
        [("whole, 10 ms away", true, Some(Duration::from_millis(10))), ("whole", true, None), ("blind", false, None)]
    {
        let (mut of_bare, mut of_ours) = (Vec::new(), Vec::new());
        for _ in 0..rounds.max(1) {
            server.restore(start.clone())?;
            if let Some(distance) = distance {
                server.fault(Fault::delay(distance))?;
            }
            let bare = bare(&server, rows, whole).await?;
            server.restore(start.clone())?;
            if let Some(distance) = distance {
                server.fault(Fault::delay(distance))?;
            }
            let folder = TempDir::new()?;
            let journal = begin(&folder.path().join("run.sqlite"), &registry, rows).await?;
            let runner = Runner::new(registry.clone()).max_in_flight(IN_FLIGHT).read_first(whole).verify(whole);
            let started = Instant::now();
            let summary = runner.run(journal).await?;
            let ours = started.elapsed();
            if summary.counts.open() > 0 {
                return Err(format!("{name}: {}", summary.counts).into());
            }
            let speed = |time: Duration| rows as f64 / time.as_secs_f64();
            println!("ratio, {name}: bare {:.0} rows/s, journalled {:.0} rows/s", speed(bare), speed(ours));
            of_bare.push(speed(bare));
            of_ours.push(speed(ours));
        }
        let ratio = Spread::of_ratios(&of_ours, &of_bare);
        println!("ratio, {name}: median {}", ratio.text(2));
        report.push(json!({
            "case": name,
            "bare_rows_per_second": Spread::of(&of_bare).json(),
            "rows_per_second": Spread::of(&of_ours).json(),
            "of_bare": ratio.json(),
        }));
    }
    Ok(Value::from(report))
}

/// The requests of a run by a bare loop. How long it took.
async fn bare(server: &StandaloneServer, rows: usize, whole: bool) -> Result<Duration> {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let client = reqwest::Client::builder().no_proxy().build()?;
    let mut tasks = JoinSet::new();
    let started = Instant::now();
    for (system, _) in people::SYSTEMS.iter().enumerate() {
        let queue: VecDeque<usize> = (0..rows).filter(|number| number % people::SYSTEMS.len() == system).collect();
        let queue = Arc::new(Mutex::new(queue));
        for _ in 0..IN_FLIGHT {
            let (queue, client, root) = (queue.clone(), client.clone(), server.root());
            tasks.spawn(async move {
                loop {
                    let Some(number) = queue.lock().expect("no panic").pop_front() else { return Ok(()) };
                    for request in requests(&client, &root, number, whole) {
                        let answer = request.send().await?.error_for_status()?;
                        answer.json::<Value>().await?;
                    }
                }
            });
        }
    }
    while let Some(ended) = tasks.join_next().await {
        let ended: Result<()> = ended?;
        ended?;
    }
    Ok(started.elapsed())
}

/// Returns what a row sends.
fn requests(client: &reqwest::Client, root: &str, number: usize, whole: bool) -> Vec<reqwest::RequestBuilder> {
    let (_, system, user) = people::account(number);
    let reads = |read: &dyn Fn() -> reqwest::RequestBuilder, before: usize, change, after: usize| {
        let mut all: Vec<_> = (0..before).map(|_| read()).collect();
        all.push(change);
        all.extend((0..after).map(|_| read()));
        all
    };
    let looks = usize::from(whole);
    match system {
        SystemKind::Userdocks => {
            let with = |request: reqwest::RequestBuilder| {
                request
                    .header("X-API-KEY", "mock-userdocks-write-key")
                    .header("X-API-KEY-TYPE", "write")
                    .header("X-CLIENT-ID", "8c5ab9a4-46a3-4b5f-8f0b-7c0f3f6a9e10")
            };
            let read = || with(client.get(format!("{root}/v1/users/{user}")));
            reads(&read, looks, with(client.put(format!("{root}/api/v1/users/{user}/access-status/0"))), looks)
        }
        SystemKind::Akana => {
            let with = |request: reqwest::RequestBuilder| {
                request
                    .header("Cookie", "AtmoAuthToken_acmepaymentscorp=TokenID%3Dmock-akana-admin-session")
                    .header("X-Csrf-Token_acmepaymentscorp", "TokenID%3Dmock-akana-admin-csrf")
                    .header("Accept", "application/json")
            };
            let read = || with(client.get(format!("{root}/api/users/{user}")));
            let body = json!({ "UserStatus": "com.soa.user.status.locked", "Comments": "Left the company" });
            reads(&read, looks, with(client.put(format!("{root}/api/users/{user}/status"))).json(&body), 0)
        }
        SystemKind::Mediconnect => {
            let with = |request: reqwest::RequestBuilder| request.bearer_auth("mock-mediconnect-admin-token");
            let read = || with(client.get(format!("{root}/api/admin/users/{user}")));
            let body = json!({ "isActive": true, "isSuspended": true, "suspensionReason": "Left the company" });
            // The client reads it by itself as well.
            reads(&read, looks + 1, with(client.patch(format!("{root}/api/admin/users/{user}/status"))).json(&body), 0)
        }
        SystemKind::Symphony => {
            let with = |request: reqwest::RequestBuilder| request.header("sessionToken", "mock-symphony-session-token");
            let read = || with(client.get(format!("{root}/pod/v1/admin/user/{user}/status")));
            let body =
                json!({ "suspended": true, "suspendedUntil": 1_924_991_999_000_u64, "suspensionReason": "Leave" });
            let change = with(client.post(format!("{root}/pod/v1/admin/user/{user}/status/update"))).json(&body);
            reads(&read, looks, change, looks)
        }
        _ => {
            let body = json!({ "id": user, "token": "mock-clearsquare-token" });
            let change = client.post(format!("{root}/api/users/manage-status")).bearer_auth("mock-clearsquare-token");
            vec![change.json(&body)]
        }
    }
}

/// The peak of the memory of a process that carries a run out.
async fn memory(few: usize, many: usize) -> Result<Value> {
    let mut peaks = Vec::new();
    for rows in [few, many] {
        let (server, _) = people::server(rows).await;
        let (root, folder) = (server.root(), TempDir::new()?);
        let journal = folder.path().join("run.sqlite").display().to_string();
        let program = tokio::task::spawn_blocking(move || {
            let rows = rows.to_string();
            let max_in_flight = IN_FLIGHT.to_string();
            let arguments = [&root, &journal, &rows, "--max-in-flight", &max_in_flight, "--blind"];
            Command::new(env!("CARGO_BIN_EXE_measured-run")).args(arguments).output()
        });
        let output = program.await??;
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        print!("memory, {rows} rows: {text}");
        let kilobytes =
            text.rsplit("VmHWM:").next().and_then(|peak| peak.split_whitespace().next()?.parse::<f64>().ok());
        peaks.push(kilobytes.ok_or("the program said nothing of its memory; it is known on Linux only")?);
    }
    println!("memory: {many} rows take {:.2} times what {few} take", peaks[1] / peaks[0]);
    let point = |rows: usize, peak: f64| json!({ "rows": rows, "peak_mebibytes": peak / 1024.0 });
    Ok(json!([point(few, peaks[0]), point(many, peaks[1])]))
}

//! Carries out a run against a mock server, in a process of its own: so that a test can end it at any place, and a
//! benchmark see what memory it takes.
//!
//! `bulk-runner ROOT JOURNAL ROWS [--wait-at BOUNDARY] [--max-in-flight CALLS] [--blind]` begins the run, or takes it up again if
//! there is a journal. At the boundary of that number it prints a line and waits to be killed. `--blind` neither reads before
//! nor after.

use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use futures_util::stream;
use user_status::bulk::{InvalidRows, Journal, Runner};
use user_status_tests::people;

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

fn main() -> ExitCode {
    match settings().and_then(|settings| work(&settings)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("bulk-runner: {error}");
            ExitCode::FAILURE
        }
    }
}

struct Settings {
    root: String,
    journal: String,
    rows: usize,
    wait_at: Option<u64>,
    max_in_flight: usize,
    blind: bool,
}

fn settings() -> Result<Settings> {
    let mut arguments = std::env::args().skip(1);
    let mut next = |what: &str| arguments.next().ok_or_else(|| format!("{what} is missing"));
    let (root, journal, rows) = (next("ROOT")?, next("JOURNAL")?, next("ROWS")?.parse()?);
    let mut settings = Settings { root, journal, rows, wait_at: None, max_in_flight: 8, blind: false };
    while let Some(flag) = arguments.next() {
        let mut value = || arguments.next().ok_or_else(|| format!("{flag} has no value"));
        match flag.as_str() {
            "--wait-at" => settings.wait_at = Some(value()?.parse()?),
            "--max-in-flight" => settings.max_in_flight = value()?.parse()?,
            "--blind" => settings.blind = true,
            _ => return Err(format!("{flag} is unknown").into()),
        }
    }
    Ok(settings)
}

#[tokio::main]
async fn work(settings: &Settings) -> Result<()> {
    let registry = people::registry(&settings.root);
    let path = Path::new(&settings.journal);
    let journal = if path.exists() {
        Journal::open(path)?
    } else {
        let rows = stream::iter(people::rows(settings.rows).map(Ok));
        Journal::create(path, "bulk-runner", &registry, rows, InvalidRows::Refuse, |bad| eprintln!("{bad}")).await?.0
    };
    if let Some(wait_at) = settings.wait_at {
        let passed = AtomicU64::new(0);
        let hook = move |boundary| {
            if passed.fetch_add(1, Ordering::Relaxed) + 1 == wait_at {
                println!("{boundary:?}");
                loop {
                    std::thread::park();
                }
            }
        };
        journal.watch(Arc::new(hook)).await;
    }
    let runner = Runner::new(registry).max_in_flight(settings.max_in_flight);
    let runner = if settings.blind { runner.read_first(false).verify(false) } else { runner };
    let summary = runner.run(journal).await?;
    let memory = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let peak = memory.lines().find(|line| line.starts_with("VmHWM")).unwrap_or_default();
    println!("{}; {:?}; {peak}", summary.counts, summary.elapsed);
    Ok(())
}

//! What a call of the SDK costs, beside the same request by bare `reqwest` and by bare `hyper`.
//!
//! `cargo bench -p user-status-benches --bench sdk -- [ROUNDS [SECONDS]]`
//!
//! *typed* is a call of the generated client, *system* `Symphony::apply`, *unified* the same through
//! `Box<dyn AccountSystem>`; each as it comes, with deadlines, retries, spans, and credentials kept out of the answer. All
//! send the same request over keep-alive connections, and read the answer into a type. They run in turn, round after round,
//! on one thread; a ratio compares two runs of the same round. The server does nothing but answer, on a thread of its own.
//!
//! `… -- calls SUBJECT CALLS` makes so many calls of one subject, one after the other, and measures nothing: for tools
//! that count what a process does, as `.ci/instructions` counts instructions.

mod calls;

use std::process::ExitCode;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::task::JoinSet;
use user_status_tests::figures::{self, Spread};

use calls::{Clients, Result, Subject, beside_server};

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match start(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("sdk: {error}");
            ExitCode::FAILURE
        }
    }
}

fn start(arguments: &[&str]) -> Result<()> {
    if let ["calls", subject, count] = arguments {
        let found = Subject::ALL.into_iter().find(|known| known.name() == *subject);
        let known = Subject::ALL.map(Subject::name).join(", ");
        let subject = found.ok_or_else(|| format!("`{subject}` is none of {known}"))?;
        let count: u32 = count.parse().map_err(|_| format!("`{count}` is no number of calls"))?;
        return beside_server(|runtime, address| {
            runtime.block_on(async {
                let mut caller = Clients::new(address)?.caller(subject).await?;
                for _ in 0..count {
                    caller.call().await?;
                }
                Ok(())
            })
        });
    }
    let number = |at: usize, default: f64| {
        let given = arguments.get(at).map_or(Ok(default), |text| text.parse::<f64>().map_err(|_| *text));
        given.map_err(|text| format!("`{text}` is no number; known are `ROUNDS SECONDS` and `calls SUBJECT CALLS`"))
    };
    run(number(0, 7.0)? as usize, Duration::try_from_secs_f64(number(1, 1.0)?)?)
}

fn run(rounds: usize, time: Duration) -> Result<()> {
    let mut report = Vec::new();
    println!("{:<12}{:<10}{:>28}{:>30}", "at once", "", "calls/s, median (spread)", "of reqwest, median (spread)");
    for max_in_flight in [1, 16, 64] {
        let rates = figures::in_turn(Subject::ALL.len(), rounds, |turn| rate(Subject::ALL[turn], max_in_flight, time))?;
        for (subject, of_subject) in Subject::ALL.iter().zip(&rates) {
            let (rate, ratio) = (Spread::of(of_subject), Spread::of_ratios(of_subject, &rates[0]));
            println!("{max_in_flight:<12}{:<10}{:>28}{:>30}", subject.name(), rate.text(0), ratio.text(2));
            report.push(json!({
                "max_in_flight": max_in_flight,
                "subject": subject.name(),
                "calls_per_second": rate.json(),
                "of_reqwest": ratio.json(),
            }));
        }
    }
    figures::write(env!("CARGO_TARGET_TMPDIR"), "sdk", &Value::from(report))?;
    Ok(())
}

/// Calls per second of one subject, for one round with a server and connections of its own.
fn rate(subject: Subject, max_in_flight: usize, time: Duration) -> Result<f64> {
    beside_server(|runtime, address| {
        let calls = runtime.block_on(load(Clients::new(address)?, subject, max_in_flight, time))?;
        Ok(calls as f64 / time.as_secs_f64())
    })
}

/// Returns the number of calls that end in the time.
async fn load(clients: Clients, subject: Subject, max_in_flight: usize, time: Duration) -> Result<u64> {
    let from = Instant::now() + time.mul_f64(0.2);
    let until = from + time;
    let mut tasks: JoinSet<Result<u64>> = JoinSet::new();
    for _ in 0..max_in_flight {
        let mut caller = clients.caller(subject).await?;
        tasks.spawn(async move {
            let mut calls = 0;
            loop {
                let now = Instant::now();
                if now >= until {
                    return Ok(calls);
                }
                calls += u64::from(now >= from);
                caller.call().await?;
            }
        });
    }
    let mut calls = 0;
    while let Some(ended) = tasks.join_next().await {
        calls += ended??;
    }
    Ok(calls)
}

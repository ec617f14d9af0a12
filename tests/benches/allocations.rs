//! How often a call asks for memory, and for how much: of the SDK, of bare `reqwest` and of bare `hyper`.
//!
//! `cargo bench -p user-status-benches --bench allocations`
//!
//! Counted on the thread of the client, whose connection is open; the server has one of its own. The number does not
//! depend on the machine.

mod calls;

use std::process::ExitCode;

use serde_json::{Value, json};
use user_status_tests::figures;

use calls::{Clients, Result, Subject, beside_server};

/// Over how many calls the mean is taken.
const CALLS: u64 = 1000;

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("allocations: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<()> {
    let mut report = Vec::new();
    println!("{:<10}{:>14}{:>12}", "", "allocations", "bytes");
    for subject in Subject::ALL {
        let counted = beside_server(|runtime, address| {
            let mut caller = runtime.block_on(Clients::new(address)?.caller(subject))?;
            let mut calls = |count: u64| {
                runtime.block_on(async {
                    for _ in 0..count {
                        caller.call().await?;
                    }
                    Result::Ok(())
                })
            };
            calls(100)?;
            let mut ended = Ok(());
            let counted = allocation_counter::measure(|| ended = calls(CALLS));
            ended.map(|()| counted)
        })?;
        let (count, bytes) = (counted.count_total as f64 / CALLS as f64, counted.bytes_total as f64 / CALLS as f64);
        println!("{:<10}{count:>14.1}{bytes:>12.0}", subject.name());
        report.push(json!({ "subject": subject.name(), "allocations": count, "bytes": bytes }));
    }
    figures::write(env!("CARGO_TARGET_TMPDIR"), "allocations", &Value::from(report))?;
    Ok(())
}

//! Takes the results of the benchmarks in, and writes them where people read them: `tests/benches/figures.json`,
//! `tests/benches/README.md` and a table of the README. What was not measured this time stays as it was.
//!
//! `cargo run -p user-status-benches --bin figures`

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use serde_json::{Value, json};
use user_status_tests::figures::{self, FIGURES, PAGE, README};

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

/// The benchmarks, as their results are called.
const RESULTS: [&str; 7] = ["sdk", "allocations", "instructions", "mock", "bulk", "growth", "build"];

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("figures: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<()> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let read = |file: &Path| fs::read_to_string(file).map_err(|e| format!("{}: {e}", file.display()));
    let mut all: Value = serde_json::from_str(&read(&root.join(FIGURES))?)?;
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), PathBuf::from);
    let mut taken = Vec::new();
    for name in RESULTS {
        let file = target.join("bench").join(format!("{name}.json"));
        if file.exists() {
            let result: Value = serde_json::from_str(&read(&file)?).map_err(|e| format!("{}: {e}", file.display()))?;
            if all[name] != result {
                all[name] = result;
                taken.push(name);
            }
        }
    }
    if !taken.is_empty() {
        let rustc = String::from_utf8(Command::new("rustc").arg("--version").output()?.stdout)?;
        all["machine"] = json!({
            "date": jiff::Timestamp::now().to_zoned(jiff::tz::TimeZone::UTC).date().to_string(),
            "processors": std::thread::available_parallelism()?.get(),
            "rustc": rustc.split_whitespace().nth(1),
        });
    }
    fs::write(root.join(FIGURES), format!("{all:#}\n"))?;
    fs::write(root.join(PAGE), figures::page(&all))?;
    let readme = root.join(README);
    fs::write(&readme, figures::in_readme(&read(&readme)?, &all).ok_or("the README has no place for the table")?)?;
    println!(
        "new: {}; written to {FIGURES}, {PAGE}, {README}",
        if taken.is_empty() { "nothing".into() } else { taken.join(", ") }
    );
    Ok(())
}

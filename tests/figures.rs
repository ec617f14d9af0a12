//! What the benchmarks have in common: how a figure is summed up, where it is written, and the page that shows them all.

use std::fmt::Write as _;
use std::fs;
use std::io;
use std::path::Path;

use serde_json::{Value, json};

/// The median of several measurements of one thing, with the lowest and the highest.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Spread {
    /// In the middle; of an even number of measurements between the two there.
    pub median: f64,
    /// The lowest.
    pub lowest: f64,
    /// The highest.
    pub highest: f64,
}

impl Spread {
    /// That of these measurements; not a number if there are none.
    pub fn of(values: &[f64]) -> Spread {
        let mut sorted = values.to_vec();
        sorted.sort_by(f64::total_cmp);
        let at = |place: usize| sorted.get(place).copied().unwrap_or(f64::NAN);
        let last = sorted.len().saturating_sub(1);
        Spread { median: (at(last / 2) + at(last.div_ceil(2))) / 2.0, lowest: at(0), highest: at(last) }
    }

    /// That of the ratios of two things that were measured in turn.
    pub fn of_ratios(of: &[f64], by: &[f64]) -> Spread {
        Spread::of(&of.iter().zip(by).map(|(of, by)| of / by).collect::<Vec<f64>>())
    }

    /// The median with the others in brackets.
    pub fn text(&self, decimals: usize) -> String {
        format!("{:.decimals$} ({:.decimals$}–{:.decimals$})", self.median, self.lowest, self.highest)
    }

    /// The three by their names.
    pub fn json(&self) -> Value {
        json!({ "median": self.median, "lowest": self.lowest, "highest": self.highest })
    }
}

/// Measures so many things in turn, round after round, another one first in each: so that a slow phase of the machine meets
/// them all. What was measured of each, round by round.
///
/// # Errors
/// Those of a measurement.
pub fn in_turn<T, E>(
    things: usize,
    rounds: usize,
    mut measure: impl FnMut(usize) -> Result<T, E>,
) -> Result<Vec<Vec<T>>, E> {
    let mut measured: Vec<Vec<T>> = (0..things).map(|_| Vec::new()).collect();
    for round in 0..rounds.max(1) {
        for turn in 0..things {
            let turn = (turn + round) % things;
            measured[turn].push(measure(turn)?);
        }
    }
    Ok(measured)
}

/// Writes the result of a benchmark to `target/bench/NAME.json`, where `target` is the folder that a benchmark finds as
/// the parent of `CARGO_TARGET_TMPDIR`. Says where it is.
///
/// # Errors
/// If the file cannot be written; the message names it.
pub fn write(temporary: &str, name: &str, result: &Value) -> io::Result<()> {
    let folder = Path::new(temporary).parent().unwrap_or(Path::new(".")).join("bench");
    let file = folder.join(format!("{name}.json"));
    fs::create_dir_all(&folder)
        .and_then(|()| fs::write(&file, format!("{result:#}\n")))
        .map_err(|e| io::Error::new(e.kind(), format!("{} cannot be written: {e}", file.display())))?;
    println!("\nwritten to {}", file.display());
    Ok(())
}

/// All results, below the root of the repository.
pub const FIGURES: &str = "tests/benches/figures.json";
/// The page that shows them.
pub const PAGE: &str = "tests/benches/README.md";
/// The page with the table of what was aimed at.
pub const README: &str = "README.md";
/// What writes both pages from the results.
pub const WRITE: &str = "cargo run -p user-status-benches --bin figures";

/// Between these lines of the README stands the table.
const MARKS: [&str; 2] = ["<!-- figures -->\n", "<!-- end of figures -->\n"];

/// The README with the table of these results; `None` if it has no place for it.
pub fn in_readme(readme: &str, all: &Value) -> Option<String> {
    let (before, rest) = readme.split_once(MARKS[0])?;
    let (_, after) = rest.split_once(MARKS[1])?;
    Some(format!("{before}{}{}{}{after}", MARKS[0], goals(all), MARKS[1]))
}

/// A number, or not a number if there is none.
fn number(value: &Value) -> f64 {
    value.as_f64().unwrap_or(f64::NAN)
}

/// A spread as it was written.
fn spread(value: &Value) -> Spread {
    let [median, lowest, highest] = ["median", "lowest", "highest"].map(|name| number(&value[name]));
    Spread { median, lowest, highest }
}

/// The element of a list that has this value in its member `name`.
fn of<'a>(list: &'a Value, name: &str, value: impl Into<Value>) -> &'a Value {
    let value = value.into();
    list.as_array().into_iter().flatten().find(|element| element[name] == value).unwrap_or(&Value::Null)
}

/// A list of measurements.
fn list(value: &Value) -> Vec<f64> {
    value.as_array().into_iter().flatten().map(number).collect()
}

/// The result for one subject of the SDK with so many calls at once.
fn sdk<'a>(results: &'a Value, subject: &str, max_in_flight: u64) -> &'a Value {
    let of_subject = |result: &&Value| result["subject"] == subject && result["max_in_flight"] == max_in_flight;
    results.as_array().into_iter().flatten().find(of_subject).unwrap_or(&Value::Null)
}

/// Returns what was aimed at, and what is.
fn goals(all: &Value) -> String {
    let mut table = "| What | Beside | Goal | Measured |\n|---|---|---|---|\n".to_owned();
    for (what, subject, goal) in [
        ("a call of a typed client, 64 at once", "typed", "0.95"),
        ("`apply` of one system, 64 at once", "system", "0.95"),
        ("`apply` through `dyn AccountSystem`, 64 at once", "unified", "0.90"),
    ] {
        let measured = spread(&sdk(&all["sdk"], subject, 64)["of_reqwest"]).text(2);
        let _ = writeln!(table, "| {what} | calls per second of bare `reqwest` | ≥ {goal} | {measured} |");
    }
    for (what, subject, beside, member, goal) in [
        ("`StandaloneServer`", "StandaloneServer", "bare `axum`", "ratio_to_bare_axum", "≥ 0.75"),
        ("`MockServer`, which is on `wiremock`", "MockServer", "bare `axum`", "ratio_to_bare_axum", "≥ 0.75"),
        ("a bare `wiremock` stub", "bare wiremock", "bare `axum`", "ratio_to_bare_axum", "–"),
    ] {
        let measured = spread(&of(&all["mock"]["throughput"], "subject", subject)[member]).text(2);
        let _ = writeln!(table, "| {what} | requests per second of {beside} | {goal} | {measured} |");
    }
    let start = number(&all["mock"]["start"]["first_standalone_ms"]);
    let _ = writeln!(table, "| `StandaloneServer`, start to first answer | – | ≤ 30 ms | {start:.1} ms |");
    for (case, goal) in [("whole, 10 ms away", "–"), ("whole", "–"), ("blind", "–")] {
        let measured = spread(&of(&all["bulk"]["ratio"], "case", case)["of_bare"]).text(2);
        let _ = writeln!(
            table,
            "| a run with its journal, {case} | rows per second of a bare loop | {goal} | {measured} |"
        );
    }
    let build = &all["build"];
    let measured = Spread::of_ratios(&list(&build["user_status"]), &list(&build["bare"])).text(2);
    let _ = writeln!(table, "| a clean build of `user-status` | one of `reqwest` and `serde` | ≤ 1.3 | {measured} |");
    let measured = Spread::of_ratios(&list(&build["user_status"]), &list(&build["with_tls"])).text(2);
    let _ = writeln!(table, "| | one of these and `ring`, for https | – | {measured} |");
    table
}

/// The page of all results.
pub fn page(all: &Value) -> String {
    let machine = &all["machine"];
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let mut page = format!(
        "<!-- Generated by `{WRITE}` from {FIGURES}. Do not edit. -->\n\n# What it costs\n\n\
         `.ci/figures` measures all of this anew, and `cargo bench -p user-status-benches` the most of it; \
         [figures.json](figures.json) has every number. Both sides of a ratio run in turn in one process, round after \
         round; a figure is the median of the rounds, with the lowest and the highest. Measured {} with {} processors and \
         Rust {}.\n\n## What was aimed at\n\n{}",
        text(&machine["date"]),
        machine["processors"],
        text(&machine["rustc"]),
        goals(all),
    );
    page.push_str(BOUNDS);
    page.push_str("\n## A call of the SDK\n\nCalls per second, and what part of bare `reqwest`'s that is.\n\n");
    page.push_str("| | 1 at once | of reqwest | 16 at once | of reqwest | 64 at once | of reqwest |\n|---|---|---|---|---|---|---|\n");
    for subject in ["reqwest", "hyper", "typed", "system", "unified"] {
        let _ = write!(page, "| {subject} |");
        for max_in_flight in [1, 16, 64] {
            let result = sdk(&all["sdk"], subject, max_in_flight);
            let (rate, ratio) = (spread(&result["calls_per_second"]), spread(&result["of_reqwest"]));
            let _ = write!(page, " {:.0} | {} |", rate.median, ratio.text(2));
        }
        page.push('\n');
    }
    page.push_str("\nOf one call, on the thread of the client: instructions outside the kernel, allocations, bytes. Before: of the same calls before the first of these figures was acted on.\n\n");
    page.push_str(
        "| | instructions | of reqwest | before | allocations | before | bytes |\n|---|---|---|---|---|---|---|\n",
    );
    let bare = number(&of(&all["instructions"], "subject", "reqwest")["instructions"]);
    for subject in ["reqwest", "hyper", "typed", "system", "unified"] {
        let counted = |list: &Value, member: &str| number(&of(list, "subject", subject)[member]);
        let instructions = counted(&all["instructions"], "instructions");
        let _ = writeln!(
            page,
            "| {subject} | {instructions:.0} | {:.2} | {:.0} | {:.0} | {:.0} | {:.0} |",
            instructions / bare,
            counted(&all["before"]["instructions"], "instructions"),
            counted(&all["allocations"], "allocations"),
            counted(&all["before"]["allocations"], "allocations"),
            counted(&all["allocations"], "bytes"),
        );
    }
    page.push_str("\nThe part of bare `reqwest` with 64 at once, before and after:");
    for subject in ["typed", "system", "unified"] {
        let [before, after] = [&all["before"]["sdk"], &all["sdk"]]
            .map(|results| spread(&sdk(results, subject, 64)["of_reqwest"]).text(2));
        let _ = write!(page, " {subject} {before} and {after};");
    }
    page.pop();
    page.push_str(".\n\n## The mock server\n\n64 connections; each server has one thread.\n\n");
    page.push_str("| | requests/s | of bare axum | before | p50 ms | p99 ms | start to first answer, ms |\n|---|---|---|---|---|---|---|\n");
    let mock = &all["mock"];
    for subject in ["bare axum", "bare wiremock", "StandaloneServer", "MockServer"] {
        let result = of(&mock["throughput"], "subject", subject);
        let before = spread(&of(&all["before"]["mock"]["throughput"], "subject", subject)["ratio_to_bare_axum"]);
        let [rate, p50, p99] = ["requests_per_second", "p50_ms", "p99_ms"].map(|name| spread(&result[name]).median);
        let (ratio, start) =
            (spread(&result["ratio_to_bare_axum"]), spread(&of(&mock["start"]["warm"], "subject", subject)["ms"]));
        let _ = writeln!(
            page,
            "| {subject} | {rate:.0} | {} | {:.2} | {p50:.2} | {p99:.2} | {} |",
            ratio.text(2),
            before.median,
            start.text(2)
        );
    }
    let _ = writeln!(
        page,
        "\nThe first `StandaloneServer` of a process, which reads the contract, takes {:.1} ms to its first answer; the program, from \
         its start, {} ms.\n\nResident memory in MiB, each server in a process of its own. `wiremock` keeps every request, so that it can be \
         asked for it; `StandaloneServer` keeps as many as its journal has room for.\n",
        number(&mock["start"]["first_standalone_ms"]),
        spread(&mock["start"]["process_ms"]).text(1),
    );
    page.push_str("| after … requests | 10,000 | 100,000 | 1,000,000 |\n|---|---|---|---|\n");
    for result in mock["memory"].as_array().into_iter().flatten() {
        let points = result["points"].as_array().into_iter().flatten();
        let cells: String = points.map(|point| format!(" {:.1} |", number(&point["mebibytes"]))).collect();
        let _ = writeln!(page, "| {} |{cells}", text(&result["subject"]));
    }
    let bulk = &all["bulk"];
    page.push_str("\n## Changes to many accounts\n\nRows per second with a journal, beside a bare `reqwest` loop that sends the same requests and keeps nothing. *whole* reads every account before and, where the response is no proof, after.\n\n");
    page.push_str("| | bare loop | with journal | of bare |\n|---|---|---|---|\n");
    for result in bulk["ratio"].as_array().into_iter().flatten() {
        let [bare, ours] = ["bare_rows_per_second", "rows_per_second"].map(|name| spread(&result[name]).median);
        let _ = writeln!(
            page,
            "| {} | {bare:.0} | {ours:.0} | {} |",
            text(&result["case"]),
            spread(&result["of_bare"]).text(2)
        );
    }
    let fire = &bulk["fire"];
    let _ = writeln!(
        page,
        "\nUnder fire (refusals, failures, resets, lost answers), {} rows in {:.1} s: {}. Taken up again without faults: {}. Every row was then what \
         its account is.\n",
        fire["rows"],
        number(&fire["seconds"]),
        text(&fire["counts"]),
        text(&fire["resumed"])
    );
    for point in bulk["memory"].as_array().into_iter().flatten() {
        let _ = writeln!(page, "- {} rows: {:.1} MiB at most", point["rows"], number(&point["peak_mebibytes"]));
    }
    page.push_str("\n## What grows\n\nMicroseconds for each request or row, at each size; a flat curve means that the whole grows in line with its size.\n");
    for curve in all["growth"].as_array().into_iter().flatten() {
        let _ = writeln!(page, "\n| {} | µs each | of the first |\n|---|---|---|", text(&curve["curve"]));
        for point in curve["points"].as_array().into_iter().flatten() {
            let (cost, ratio) = (spread(&point["microseconds"]), spread(&point["of_first"]));
            let _ = writeln!(page, "| {} | {} | {:.2} |", point["size"], cost.text(1), ratio.median);
        }
    }
    let build = &all["build"];
    let seconds = |name: &str| Spread::of(&list(&build[name])).text(1);
    let _ = writeln!(
        page,
        "\n## A clean build\n\nProcessor seconds of a debug build: `user-status` {}; `reqwest` with the same features, and `serde`, {}; these and \
         `rustls` with `ring` {}.",
        seconds("user_status"),
        seconds("bare"),
        seconds("with_tls")
    );
    page
}

/// Why a goal that is missed is missed. The counts are those of callgrind on the day of the figures.
const BOUNDS: &str = "
Where a goal is missed:

- *A call of the SDK.* Bare `reqwest` sends a request and reads the answer. A call of the SDK also keeps a copy of the
  request, without which nothing could be tried again (about 2,300 instructions, with the headers that go into it), ends at
  a deadline (which costs a timer: without one a typed call had 0.93 instead of 0.91, in runs one after the other), looks
  for the credentials in the headers and the body of the answer (1,100), and hands the answer to the generated client in a
  `reqwest::Response` of its own (2,500), the only form that it takes. That is more than the 4,000 instructions that a
  twentieth of a call is, so that 0.95 cannot be had with these promises on this seam. What could go has gone: the base of
  a URL is not parsed with each call, an answer is parsed once, and the futures are half as large. `apply` adds the receipt
  (the raw answer, the id of the request, the user, the time), and a box, since its trait is dyn-compatible: 3,700 more. A
  call takes a hundredth of a millisecond of the processor in either case, where a system takes some to answer.
- *`MockServer`.* It runs on `wiremock`, which sets the bound: a bare stub has the ratio in the table. What the engine adds
  to it is what it adds to the `StandaloneServer`, and a copy of request and answer.
- *A clean build.* The TLS provider, `ring`, without which this `reqwest` speaks no https, is not in `reqwest` and `serde`
  but in everything that uses them; beside a crate that has it the goal is met. The rest is `jiff`, whose timestamps are in
  the API, `quick-xml` for Akana, and the SDK itself.
";

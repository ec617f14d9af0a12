//! A server that does as it likes and keeps the truth, and clients whose claims are held against it.
//!
//! The server speaks HTTP by hand. Of each request it knows, from its bytes alone, what is asked; whether, and when, it
//! does that, and what it answers, is drawn: a seed repeats it. Each answer is made by a rule that says what follows from
//! it. A claim is wrong if the truth is otherwise, or if nothing that was answered says it. A lie that no client can tell
//! from the truth, such as a perfect yes to a change that was not made, is no fault of the client's.
//!
//! `USER_STATUS_CALLS` says how many calls there are, `USER_STATUS_SEED` which, and `USER_STATUS_CALL` one call of
//! it, or `USER_STATUS_RUN` one run with a journal.

mod answers;
mod bodies;
mod bulk;
mod clock;
mod drive;
mod encodings;
mod gateways;
mod judge;
mod pace;
mod random;
mod secrets;
mod server;
mod systems;
mod table;
mod truth;
mod wire;
mod xml;

use std::collections::BTreeMap;
use std::io::Write;
use std::sync::{Arc, LazyLock};

use tracing_subscriber::Layer as _;
use tracing_subscriber::layer::SubscriberExt as _;

use crate::drive::Run;
use crate::secrets::Watch;

/// Where all logs go, to be looked through.
#[derive(Clone)]
struct Log(Arc<Watch>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.look(&String::from_utf8_lossy(bytes), "a log");
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// Returns whether one call is looked at, or one run: then what travels is printed.
fn is_looked_at() -> bool {
    static LOOKED_AT: LazyLock<bool> = LazyLock::new(|| set("USER_STATUS_CALL").or(set("USER_STATUS_RUN")).is_some());
    *LOOKED_AT
}

fn set(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|text| text.parse().expect("a number"))
}

/// The same in every run of the tests, so that one that fails fails again; `.ci/hostile` draws others.
fn seed() -> u64 {
    set("USER_STATUS_SEED").unwrap_or(1)
}

/// The sets of single calls that are under way at the same time.
const LANES: usize = 40;
/// The runs with a journal that are under way at the same time.
const RUNS_AT_ONCE: u64 = 16;

#[tokio::test(flavor = "multi_thread")]
async fn what_the_sdk_claims_is_what_happened() {
    let seed = seed();
    let calls = set("USER_STATUS_CALLS").unwrap_or(2_000);
    let watch = Arc::new(Watch::new(seed));
    let log = Log(watch.clone());
    let targets = tracing_subscriber::filter::Targets::new().with_target("user_status", tracing::Level::TRACE);
    let layer = tracing_subscriber::fmt::layer().with_writer(move || log.clone()).with_filter(targets);
    tracing::subscriber::set_global_default(tracing_subscriber::registry().with(layer)).expect("the only one");
    let run = Run::start(seed, watch).await;
    match (set("USER_STATUS_CALL"), set("USER_STATUS_RUN")) {
        (Some(call), _) => run.clone().set(call..call + 1).await,
        (_, Some(first)) => run.run(first..first + 40).await,
        _ => {
            // What only a run can forget is in its rows: a fifth of all calls.
            let rows = (0..RUNS_AT_ONCE).map(|_| tokio::spawn(run.clone().runs(calls / 5 / RUNS_AT_ONCE)));
            let lanes = (0..LANES).map(|_| tokio::spawn(run.clone().calls(calls)));
            for task in rows.chain(lanes).collect::<Vec<_>>() {
                task.await.expect("no panic");
            }
        }
    }
    let mut found = run.found();
    let table = run.table();
    println!("{table}");
    let mut kinds: BTreeMap<&str, usize> = BTreeMap::new();
    for text in &found {
        *kinds.entry(text.split(':').next().unwrap_or_default()).or_default() += 1;
    }
    println!(
        "parts of credentials, and requests that nobody asked for: {kinds:?}; USER_STATUS_SEED={seed} repeats them"
    );
    found.truncate(20);
    assert!(table.wrong_claims() == 0 && found.is_empty(), "{found:#?}");
    assert!(table.weak * 50 <= table.plain, "what is plain is told as what it is");
}

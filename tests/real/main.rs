//! The SDK against servers that nobody here wrote: changes through a network that fails, held against the record of each server,
//! read past the SDK, and against signing in. `.ci/real-servers` runs it.

use std::path::PathBuf;
use std::process::ExitCode;

use futures_util::future::{join_all, try_join_all};

use crate::drive::{NAMES, Tally, drive, effect};
use crate::page::Row;
use crate::servers::{KINDS, Kind, Server};

mod bulk;
mod drive;
mod page;
mod proxy;
mod servers;
mod traps;

/// The calls of a server that are under way at the same time, each about users of its own.
const LANES: u32 = 3;

const USAGE: &str = "usage: real-servers [--only NAME] [--calls N] [--rows N] [--seed N] [--write]

  --only NAME  one server: scim2-server, canaille, scimmy, better-auth or django-scim2
  --calls N    the calls that a fault strikes, on each server; 420 by default
  --rows N     the rows of the run over all of them, for each server; 200 by default
  --seed N     the seed of what becomes of each request; 1 by default
  --write      write the page of the results, tests/real/README.md";

struct Arguments {
    only: Option<String>,
    calls: u32,
    rows: usize,
    seed: u64,
    write: bool,
}

fn arguments() -> Option<Arguments> {
    let mut arguments = Arguments { only: None, calls: 420, rows: 200, seed: 1, write: false };
    let mut given = std::env::args().skip(1);
    while let Some(name) = given.next() {
        match name.as_str() {
            "--only" => arguments.only = Some(given.next().filter(|name| KINDS.iter().any(|kind| kind.name == name))?),
            "--calls" => arguments.calls = given.next()?.parse().ok()?,
            "--rows" => arguments.rows = given.next()?.parse().ok()?,
            "--seed" => arguments.seed = given.next()?.parse().ok()?,
            "--write" => arguments.write = true,
            _ => return None,
        }
    }
    Some(arguments)
}

/// The folder of the servers.
fn state() -> PathBuf {
    let default = || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../target/real-servers"));
    std::env::var_os("REAL_SERVERS").map_or_else(default, PathBuf::from)
}

/// One server, from its start to what is known of it.
async fn meet(kind: &'static Kind, arguments: &Arguments) -> Result<(Server, Row), String> {
    let server = Server::start(kind, &state()).await?;
    let first = server.create("first@acme.example", false).await?;
    let mut wrong = Vec::from_iter(traps::nobody(&server).await?);
    wrong.extend(traps::others(&server, &first).await?);
    let mut lanes = Vec::new();
    for lane in 0..LANES {
        let mut users = Vec::new();
        for name in NAMES {
            let name = format!("{name}{lane}@acme.example");
            users.push((server.create(&name, true).await?, name));
        }
        lanes.push(users);
    }
    let (id, name) = &lanes[0][0];
    let effect = effect(&server, id, name).await?;
    let calls = arguments.calls.div_ceil(LANES);
    let driven =
        (0..LANES).zip(&lanes).map(|(lane, users)| drive(&server, users, calls, arguments.seed ^ u64::from(lane)));
    let mut tally = Tally { wrong, ..Tally::default() };
    for lane in try_join_all(driven).await? {
        tally.add(lane);
    }
    Ok((server, Row { kind, effect, tally }))
}

#[tokio::main]
async fn main() -> ExitCode {
    let given: Vec<String> = std::env::args().skip(1).collect();
    if let Some(("carry-out", rest)) = given.split_first().map(|(first, rest)| (first.as_str(), rest)) {
        return match bulk::carry_out(rest).await {
            Ok(()) => ExitCode::SUCCESS,
            Err(why) => {
                eprintln!("{why}");
                ExitCode::FAILURE
            }
        };
    }
    let Some(arguments) = arguments() else {
        eprintln!("{USAGE}");
        return ExitCode::from(2);
    };
    // For the oracles; the SDK brings its own.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let wanted = KINDS.iter().filter(|kind| arguments.only.as_deref().is_none_or(|only| only == kind.name));
    let met = join_all(wanted.map(|kind| meet(kind, &arguments))).await;
    let (mut servers, mut rows) = (Vec::new(), Vec::new());
    let mut failed = false;
    for result in met {
        match result {
            Ok((server, row)) => {
                servers.push(server);
                rows.push(row);
            }
            Err(why) => {
                eprintln!("{why}");
                failed = true;
            }
        }
    }
    print!("{}", page::table(&rows));
    for wrong in rows.iter().flat_map(|row| &row.tally.wrong) {
        eprintln!("wrong: {wrong}");
        failed = true;
    }
    if failed {
        return ExitCode::FAILURE;
    }
    let run = match bulk::run(&servers, arguments.rows, arguments.seed).await {
        Ok(run) => run,
        Err(why) => {
            eprintln!("{why}");
            return ExitCode::FAILURE;
        }
    };
    print!("\n{}", page::run(&run));
    for wrong in &run.wrong {
        eprintln!("wrong: {wrong}");
        failed = true;
    }
    if arguments.write && !failed {
        let page = concat!(env!("CARGO_MANIFEST_DIR"), "/real/README.md");
        if let Err(e) = std::fs::write(page, page::page(&rows, &run)) {
            eprintln!("{page}: {e}");
            failed = true;
        }
    }
    if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

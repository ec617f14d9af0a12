//! `check`: tries addresses and credentials, and changes nothing.

use std::path::Path;
use std::time::Duration;

use futures_util::future::join_all;
use reqwest::header::LOCATION;
use serde_json::{Value, json};
use user_status::{AccountSystem, CallOptions, Error, ErrorKind, RetryPolicy};

use crate::arguments::Check;
use crate::config::Config;
use crate::config::file::Profile;
use crate::connect::Connected;
use crate::exit::Exit;
use crate::failure::{Failure, of_call};
use crate::output::{BAD, DOUBTFUL, GOOD, Output, path as shown_path, visible};
use crate::systems::Probe;
use crate::table::table;

/// The longest time of a system.
const PATIENCE: Duration = Duration::from_secs(30);

pub(super) async fn run(check: &Check, named: Option<&Path>, output: Output) -> Result<Exit, Failure> {
    let config = Config::load(named)?;
    let names: Vec<&str> = match check.profiles.is_empty() {
        true => config.profiles.keys().map(String::as_str).collect(),
        false => check.profiles.iter().map(String::as_str).collect(),
    };
    if names.is_empty() {
        let problem = format!("{} has no profile", config.path.display());
        return Err(Failure::configuration(problem).next("`user-status config init --path FILE` writes an example."));
    }
    let mut profiles = Vec::new();
    for name in names {
        profiles.push((name, config.profile(name)?));
    }
    // One after the other: a program that gives credentials may ask the user for something.
    let mut connected = Vec::new();
    for (name, profile) in &profiles {
        connected.push(Connected::default().with(&config, name, profile).await);
    }
    let tried = profiles.iter().zip(&connected).map(|((name, profile), connected)| find_out(name, profile, connected));
    let findings = join_all(tried).await;
    let failed = findings.iter().filter(|finding| finding.verdict == Verdict::Failed).count();

    let listed: Vec<Value> = profiles
        .iter()
        .zip(&findings)
        .map(|((name, profile), finding)| {
            json!({
                "profile": name,
                "system": profile.common.system,
                "result": finding.verdict.word(),
                "message": finding.message,
            })
        })
        .collect();
    output.result(&json!({ "config": config.path.to_string_lossy(), "profiles": listed }), || {
        let rows: Vec<Vec<String>> = profiles
            .iter()
            .zip(&findings)
            .map(|((name, profile), Finding { verdict, message })| {
                let style = match verdict {
                    Verdict::Good => GOOD,
                    Verdict::NotTried => DOUBTFUL,
                    Verdict::Failed => BAD,
                };
                let verdict = format!("{style}{}{style:#}", verdict.word());
                vec![(*name).to_owned(), profile.common.system.to_string(), verdict, message.clone()]
            })
            .collect();
        format!("{}\n{}", shown_path(&config.path), table(&rows))
    })?;
    match failed {
        0 => Ok(Exit::Done),
        _ => {
            let of = profiles.len();
            Err(Failure::configuration(format!("{failed} of {of} profiles cannot be used as they are")))
        }
    }
}

/// The finding about a profile.
struct Finding {
    verdict: Verdict,
    message: String,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Verdict {
    /// The system was reached, and took the credentials.
    Good,
    /// The system was reached, and its credentials cannot be tried without changing an account.
    NotTried,
    Failed,
}

impl Verdict {
    fn word(self) -> &'static str {
        match self {
            Verdict::Good => "ok",
            Verdict::NotTried => "reached",
            Verdict::Failed => "failed",
        }
    }
}

fn good(message: impl Into<String>) -> Finding {
    Finding { verdict: Verdict::Good, message: message.into() }
}

fn failed(message: impl Into<String>) -> Finding {
    Finding { verdict: Verdict::Failed, message: message.into() }
}

async fn find_out(name: &str, profile: &Profile, connected: &Result<Connected, Failure>) -> Finding {
    let connected = match connected {
        Ok(connected) => connected,
        Err(failure) => return failed(&failure.message),
    };
    let Some(system) = connected.registry.get(name) else { return failed("it was not set up") };
    let (user, is_denied) = match profile.own.probe() {
        Probe::Reach { path } => return reach(profile, path).await,
        Probe::Read { user, is_denied } => (user, is_denied),
    };
    let options = CallOptions::default()
        .with_retry(RetryPolicy::never())
        .with_attempt_timeout(PATIENCE)
        .with_total_timeout(PATIENCE);
    match &profile.common.own_account {
        Some(own) => match system.status_with(&own.0, options).await {
            Ok(status) => good(format!("read your own account: {}", visible(&status.to_string()))),
            Err(error) if is_denied(&error) => {
                failed(format!("the credentials are good, and `own_account` is not there: {}", of_call(&error)))
            }
            Err(error) => failed(elsewhere(&error).unwrap_or_else(|| of_call(&error))),
        },
        None => probe(system, &user, is_denied, options).await,
    }
}

/// Reads an account that cannot exist.
async fn probe(system: &dyn AccountSystem, user: &str, is_denied: fn(&Error) -> bool, options: CallOptions) -> Finding {
    match system.status_with(user, options).await {
        Ok(_) => good("the credentials were accepted"),
        Err(error) if is_denied(&error) => {
            good("the credentials were accepted: the system denied an account that cannot exist")
        }
        Err(error) => {
            let why = of_call(&error);
            match error.kind() {
                _ if elsewhere(&error).is_some() => failed(elsewhere(&error).unwrap_or_default()),
                ErrorKind::NotFound | ErrorKind::Rejected => failed(format!(
                    "{why}; not in the words of {}: is `base_url` right? With `own_account` in the profile, that is read",
                    system.kind()
                )),
                _ => failed(why),
            }
        }
    }
}

/// Returns what a response says that leads elsewhere.
fn elsewhere(error: &Error) -> Option<String> {
    let status = error.status().filter(|status| (300..400).contains(status))?;
    let to = error.raw().and_then(|raw| raw.headers.get(LOCATION)).and_then(|to| to.to_str().ok());
    Some(redirect(status, to))
}

fn redirect(status: u16, to: Option<&str>) -> String {
    let to = to.map(|to| format!(" to {}", visible(to.split(['?', '#']).next().unwrap_or_default())));
    format!(
        "the address answers with a redirect{} ({status}): `base_url` is wrong, or a sign-in page is before the system",
        // With a user name or a password in it, it is not shown.
        to.filter(|to| !to.contains('@')).unwrap_or_default()
    )
}

/// Asks for an address as a browser would, without credentials, which changes nothing. Most answers show that there is a server.
async fn reach(profile: &Profile, path: &str) -> Finding {
    let common = &profile.common;
    let address = format!("{}{path}", common.base_url.trim_end_matches('/'));
    match user_status::reach(common.system, &address, common.allow_plain_http, PATIENCE).await {
        Ok(reached) => match reached.status {
            status @ 300..400 => failed(redirect(status, reached.location.as_deref())),
            status @ 500.. => failed(format!("the address answers that the system fails ({status})")),
            status => {
                let system = common.system;
                let message = format!(
                    "the address answers ({status}); the credentials were not tried: {system} documents no read"
                );
                Finding { verdict: Verdict::NotTried, message }
            }
        },
        Err(error) => failed(format!("the address does not answer: {}", of_call(&error))),
    }
}

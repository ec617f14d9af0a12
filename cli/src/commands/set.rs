//! `set`: changes one account.

use std::path::Path;
use std::pin::pin;

use clap::ValueEnum as _;
use jiff::Timestamp;
use serde_json::{Value, json};
use user_status::{Applied, CallOptions, Change, DryRun, Proof, Receipt, StatusChange, UnknownValue};

use crate::arguments::Set;
use crate::config::Config;
use crate::connect::Connected;
use crate::exit::Exit;
use crate::failure::{Changed, Failure};
use crate::output::{DOUBTFUL, GOOD, Output, visible};
use crate::safety;
use crate::signals::{Signals, or_stopped};
use crate::waits::aloud;

pub(super) async fn run(set: &Set, named: Option<&Path>, output: Output) -> Result<Exit, Failure> {
    let change = change(set)?;
    let config = Config::load(named)?;
    let profile = config.profile(&set.profile)?;
    safety::check(&config, &set.profile, profile, &set.user)?;
    let connected = Connected::to(&config, &[&set.profile]).await?;
    safety::check_subject(&set.profile, connected.subjects.get(&set.profile).map(String::as_str), &set.user)?;
    let Some(system) = connected.registry.get(&set.profile) else {
        return Err(Failure::unexpected(format!("profile `{}` was not set up", set.profile)));
    };

    // Looked up once: what is checked is what is changed.
    let account = match system.is_id(&set.user) {
        true => set.user.clone(),
        false => {
            let refused = |error| unchanged(Failure::of_call_for(&set.profile, &set.user, &error), set);
            system.check(&set.user, &change).map_err(refused)?;
            let found = aloud(&set.profile, output, system.find(&set.user));
            let found = or_stopped(async { Ok(found.await) }).await?;
            found.map_err(refused)?
        }
    };
    safety::check(&config, &set.profile, profile, &account)?;
    safety::check_subject(&set.profile, connected.subjects.get(&set.profile).map(String::as_str), &account)?;
    let options = CallOptions::default().with_even_if_so(set.even_if_so);

    if set.dry_run {
        let dry_run = aloud(&set.profile, output, system.dry_run_with(&account, &change, options));
        let dry_run = or_stopped(async { Ok(dry_run.await) }).await?;
        let dry_run = dry_run.map_err(|error| of(Failure::of_call_for(&set.profile, &set.user, &error), set))?;
        output.result(&dry(set, &dry_run), || would(set, &dry_run))?;
        return Ok(Exit::Done);
    }

    let call = match set.no_verify {
        true => system.apply_with(&account, &change, options),
        false => system.apply_and_verify_with(&account, &change, options),
    };
    let mut call = pin!(aloud(&set.profile, output, call));
    let mut interrupted = false;
    let mut stop = Signals::new()?;
    let result = loop {
        tokio::select! {
            result = &mut call => break result,
            () = stop.recv() => {
                if interrupted {
                    let message = format!("interrupted while {} was under way", said(set));
                    return Err(doubtful(Failure::given_up(message), set, system.capabilities().reads));
                }
                interrupted = true;
                output.note("waiting for the response; a second Ctrl-C stops waiting, and the outcome is then unknown");
            }
        }
    };
    match result {
        Ok(receipt) => {
            let changed = if receipt.proof == Proof::Unchanged { Changed::No } else { Changed::Yes };
            output.outcome(Exit::Done, changed, &document(set, &receipt), || text(set, &receipt))
        }
        Err(error) => {
            let failure = Failure::of_call_for(&set.profile, &set.user, &error);
            Err(match error.applied() {
                Applied::No => unchanged(failure, set),
                Applied::Unknown => doubtful(failure, set, system.capabilities().reads),
            })
        }
    }
}

/// Returns what is asked, with all that belongs to it.
fn change(set: &Set) -> Result<StatusChange, Failure> {
    // It would be proved, and suspend nobody.
    if let Some(until) = set.until.filter(|until| *until <= Timestamp::now()) {
        return Err(Failure::usage(format!("--until {until} is past; a suspension ends in the future")));
    }
    let name = set.change.to_possible_value();
    let name = name.as_ref().map(|value| value.get_name()).unwrap_or_default();
    let mut change = StatusChange::new(name.parse().map_err(|e: UnknownValue| Failure::usage(e.to_string()))?);
    if let Some(reason) = &set.reason {
        change = change.with_reason(reason);
    }
    if let Some(until) = set.until {
        change = change.with_until(until);
    }
    if let Some(comment) = &set.comment {
        change = change.with_comment(comment);
    }
    Ok(change)
}

/// In words, such as `disable of pod 42`.
fn said(set: &Set) -> String {
    let change = set.change.to_possible_value();
    let change = change.as_ref().map(|value| value.get_name()).unwrap_or_default();
    format!("{change} of {} {}", set.profile, visible(&set.user))
}

fn dry(set: &Set, dry_run: &DryRun) -> Value {
    json!({
        "profile": set.profile,
        "system": dry_run.system,
        "user": set.user,
        "account_id": dry_run.account,
        "change": dry_run.change,
        "account": dry_run.status,
        "request": dry_run.request,
        "key": set.key,
    })
}

/// Returns what would be sent, in words.
fn would(set: &Set, dry_run: &DryRun) -> String {
    let status = dry_run.status.as_ref().map(|status| visible(&status.to_string()));
    let is = status.map(|status| format!(": the account is {status}")).unwrap_or_default();
    let Some(request) = &dry_run.request else {
        return format!("{}{is}; nothing would be sent\n", said(set));
    };
    let request: String = request.to_string().lines().map(|line| format!("{}\n", visible(line))).collect();
    format!("{}{is}; this would be sent:\n\n{request}", said(set))
}

fn of(failure: Failure, set: &Set) -> Failure {
    failure.detail("profile", set.profile.as_str()).detail("user", set.user.as_str()).detail("key", set.key.clone())
}

/// A failure that has changed nothing.
fn unchanged(failure: Failure, set: &Set) -> Failure {
    let next = failure.next.as_deref().map(|next| format!(" {next}")).unwrap_or_default();
    of(failure, set).next(format!("The account was not changed.{next}"))
}

/// A failure after which nobody knows what the account is.
fn doubtful(failure: Failure, set: &Set, reads: bool) -> Failure {
    let look = match reads {
        true => format!("Look before anything else: user-status get {} {}", set.profile, visible(&set.user)),
        false => "Look in the system itself before anything else: it documents no way to read an account.".to_owned(),
    };
    of(failure, set).next(format!("It is unknown whether the account was changed. {look}"))
}

fn document(set: &Set, receipt: &Receipt) -> Value {
    json!({
        "profile": set.profile,
        "system": receipt.system,
        "user": set.user,
        "account_id": receipt.account,
        "change": receipt.change,
        "outcome": receipt.proof.to_string(),
        "account": receipt.status,
        "still_needed": receipt.still_needed(),
        "attempts": receipt.attempts,
        "elapsed_seconds": receipt.elapsed.as_secs_f64(),
        "request_id": receipt.request_id,
        "key": set.key,
    })
}

fn text(set: &Set, receipt: &Receipt) -> String {
    let style = if receipt.proof == Proof::Accepted { DOUBTFUL } else { GOOD };
    let status = visible(&receipt.status.to_string());
    let what = match receipt.proof {
        Proof::Accepted if status == "unknown" => "the system accepted the change and offers no proof".to_owned(),
        Proof::Accepted if !receipt.status.unrecognized.is_empty() => {
            format!(
                "the system accepted the change, and the account that was read back is not understood: it is {status}"
            )
        }
        Proof::Accepted => format!("the system accepted the change and offers no proof; the account is {status}"),
        Proof::Unchanged => format!("the account is {status}, as it was; no change was sent"),
        _ => format!("the account is {status}"),
    };
    let id = match receipt.account == set.user {
        true => String::new(),
        false => format!(" ({})", visible(&receipt.account)),
    };
    let needed: Vec<&str> = receipt.still_needed().into_iter().map(Change::as_str).collect();
    let still = match needed.is_empty() {
        true => String::new(),
        false => format!("; to let the owner in it still needs: {}", needed.join(", ")),
    };
    format!("{style}{}{style:#}: {}{id}: {what}{still}\n", receipt.proof, said(set))
}

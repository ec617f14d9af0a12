//! The arguments of what changes many accounts.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueHint};
use jiff::SignedDuration;
use user_status::bulk::Format;

use super::help::fit;

/// Show what `apply` would do with a file, and change nothing. Accounts are read.
#[derive(Args, Debug)]
#[command(after_help = fit("\
Examples:
  user-status plan leavers.csv
  user-status plan leavers.csv --requests
  user-status plan --json leavers.csv | jq -c .step
  hr-export | user-status plan - --format ndjson

With --json each row is an object on a line of its own, and the last line is {\"summary\": …}.

Exit code 0 if all of it could be done, 3 if some of it would be refused, 5 if the plan ends before \
the last row, 7 if there are bad rows."))]
pub(crate) struct Plan {
    #[command(flatten)]
    pub(crate) input: Input,

    /// Show each request as it would be sent, without its credentials.
    #[arg(long)]
    pub(crate) requests: bool,

    #[command(flatten)]
    pub(crate) pace: Pace,
}

/// Carry out the changes of a file. What becomes of each row is in a journal, from which `resume` goes on.
#[derive(Args, Debug)]
#[command(after_help = fit("\
Examples:
  user-status plan leavers.csv     what would happen
  user-status apply leavers.csv
  user-status apply leavers.csv --yes --max-changes 500
  hr-export | user-status apply - --format ndjson --yes

The file says of each account what is to happen, as CSV or with a JSON object per line:
  system,user,change,reason,until,comment,key
  pod,7215545078541,suspend,Leave,2026-12-31T23:59:59Z,,HR-17
  clinic,42,disable,,,,HR-18
`system` is the name of a profile; only system, user and change are required.

With Ctrl-C it finishes what is under way and stops; with a second one it stops at once. It goes on \
with `user-status resume RUN`, also after a crash or an outage. No change is repeated blindly.

Exit code 0 if every row is done, 4 if the outcome of some row is unknown, 5 if it was stopped or \
abandoned a system, 3 if some row was refused or failed; the first of these that fits, in this order."))]
pub(crate) struct Apply {
    #[command(flatten)]
    pub(crate) input: Input,

    #[command(flatten)]
    pub(crate) consent: Consent,

    #[command(flatten)]
    pub(crate) once_more: OnceMore,

    #[command(flatten)]
    pub(crate) pace: Pace,

    #[command(flatten)]
    pub(crate) work: Work,
}

/// Go on with a run that was stopped, or in which rows failed.
#[derive(Args, Debug)]
#[command(after_help = fit("\
Examples:
  user-status resume last
  user-status resume 20261124-023034-k7q2

Finished rows are passed over. Rows whose outcome is unknown are looked at, and sent only if the \
account shows that the change was not made; a toggle of unknown outcome stays for a person.
A run that was not confirmed yet asks for confirmation, as `apply` does.

The exit codes are those of `apply`."))]
pub(crate) struct Resume {
    /// The run: its id, a beginning of it that no other has, `last`, or the path of its journal.
    pub(crate) run: String,

    /// Go on with a journal that lost its end: every row that may have been sent counts as unknown.
    #[arg(long)]
    pub(crate) in_doubt: bool,

    #[command(flatten)]
    pub(crate) consent: Consent,

    #[command(flatten)]
    pub(crate) once_more: OnceMore,

    #[command(flatten)]
    pub(crate) pace: Pace,

    #[command(flatten)]
    pub(crate) work: Work,
}

/// Take a run back: each account that it changed becomes what it was before.
#[derive(Args, Debug)]
#[command(after_help = fit("\
Examples:
  user-status undo last --dry-run
  user-status undo 20261124-023034-k7q2

It is a run of its own, with a journal of its own. An account that was changed since is left as it \
is. What cannot be taken back is named: a toggle, an account that was not read before it was \
changed, and a row whose outcome is unknown.

The exit codes are those of `apply`; what cannot be taken back counts as refused."))]
pub(crate) struct Undo {
    /// The run: its id, a beginning of it that no other has, `last`, or the path of its journal.
    pub(crate) run: String,

    /// Only show what would happen, as `plan` does.
    #[arg(long, visible_alias = "plan")]
    pub(crate) dry_run: bool,

    #[command(flatten)]
    pub(crate) consent: Consent,

    #[command(flatten)]
    pub(crate) pace: Pace,

    #[command(flatten)]
    pub(crate) work: Work,
}

/// Reads a time: whole seconds, or a text such as `1m 30s`.
fn time(text: &str) -> Result<Duration, String> {
    let seconds = text.parse().ok().map(Duration::from_secs);
    let spoken = || text.parse::<SignedDuration>().ok().and_then(|time| Duration::try_from(time).ok());
    seconds.or_else(spoken).ok_or_else(|| "must be a time such as 90s, 15m or 2h".to_owned())
}

/// Where the rows come from.
#[derive(Args, Debug)]
pub(crate) struct Input {
    /// A .csv, .ndjson or .jsonl file; `-` for the standard input.
    #[arg(value_hint = ValueHint::FilePath)]
    pub(crate) file: PathBuf,

    /// The format of the rows, csv or ndjson, if the name of the file does not say it.
    #[arg(long)]
    pub(crate) format: Option<Format>,

    /// Go on without the rows that cannot be carried out as written.
    #[arg(long)]
    pub(crate) skip_invalid: bool,
}

/// The arguments that say what is asked before anything is changed.
#[derive(Args, Debug)]
pub(crate) struct Consent {
    /// Do not ask for confirmation.
    #[arg(short, long)]
    pub(crate) yes: bool,

    /// Refuse to make more than N changes; also a setting of the configuration.
    #[arg(long, value_name = "N")]
    pub(crate) max_changes: Option<u64>,
}

/// The argument that allows the same changes once more.
#[derive(Args, Debug)]
pub(crate) struct OnceMore {
    /// Also make changes that an earlier run has made. That would reverse a toggle, so --yes alone is not enough for it.
    #[arg(long)]
    pub(crate) again: bool,
}

/// The speed, and the care.
#[derive(Args, Debug)]
pub(crate) struct Pace {
    /// Rows at once for each system, 1 to 1000; by default 8. What the configuration allows a system is the most for it.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1000))]
    pub(crate) max_in_flight: Option<u16>,

    /// Do not read accounts first. Rows that already are as asked are sent too, and the run cannot be undone.
    #[arg(long)]
    pub(crate) no_read_first: bool,
}

/// The way in which a run is carried out.
#[derive(Args, Debug)]
pub(crate) struct Work {
    /// Do not read accounts back where the response is no proof.
    #[arg(long)]
    pub(crate) no_verify: bool,

    /// The longest pause that a system may ask for (Retry-After), such as 90s or 2h; by default 15m. A system that asks
    /// for more is abandoned, and the run says when to resume.
    #[arg(long, value_name = "TIME", value_parser = time)]
    pub(crate) max_wait: Option<Duration>,

    /// Say nothing of the progress.
    #[arg(short, long)]
    pub(crate) quiet: bool,
}

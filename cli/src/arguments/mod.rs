//! The arguments of the program.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum, ValueHint};
use clap_complete::Shell;
use jiff::Timestamp;

use crate::exit;

mod bulk;
mod help;

pub(crate) use bulk::{Apply, Consent, Input, Pace, Plan, Resume, Undo, Work};

/// Changes the status of a person's account in Userdocks, Akana, MediConnect, Symphony, ClearSquare and SCIM services, and
/// says what happened: it is proved, or known not to have happened, or reported as unknown.
#[derive(Debug, Parser)]
#[command(
    name = "user-status",
    bin_name = "user-status",
    version,
    arg_required_else_help = true,
    max_term_width = help::WIDEST,
    after_help = help::fit(format!("{EXAMPLES}\n\n{}", exit::TABLE))
)]
pub(crate) struct Arguments {
    #[command(flatten)]
    pub(crate) global: Global,

    #[command(subcommand)]
    pub(crate) command: Command,
}

const EXAMPLES: &str = "\
Examples:
  user-status mock                 try it: six systems on this machine
  user-status config init          write a configuration to fill in
  user-status check                are addresses and credentials good?
  user-status get pod 7215545078541
  user-status set pod 7215545078541 disable
  user-status plan leavers.csv     many changes: first look, then `apply`

Credentials come from the environment, from files or from programs, as the configuration says; never from the command \
line, which other users of the machine can see.";

const GLOBAL: &str = "Options of every command";

/// The options of every command.
#[derive(Args, Debug)]
pub(crate) struct Global {
    /// The configuration file. By default the file that USER_STATUS_CONFIG names, else user-status.toml in the working
    /// directory or a folder above it, else the file in the user's configuration folder.
    #[arg(long, global = true, help_heading = GLOBAL, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) config: Option<PathBuf>,

    /// The folder of the runs' journals. By default the folder that USER_STATUS_RUNS names, else one in the user's data
    /// folder.
    #[arg(long, global = true, help_heading = GLOBAL, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub(crate) runs: Option<PathBuf>,

    /// The result as JSON on the standard output, and errors as JSON on the standard error.
    #[arg(long, global = true, help_heading = GLOBAL)]
    pub(crate) json: bool,

    /// Log requests and responses to the standard error, without credentials and without names of users.
    #[arg(short, long, global = true, help_heading = GLOBAL)]
    pub(crate) verbose: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Set(Set),
    Get(Get),
    Plan(Plan),
    Apply(Apply),
    Resume(Resume),
    Undo(Undo),
    Report(Report),
    Runs(RunsCommand),
    Systems(Systems),
    Check(Check),
    Config(ConfigCommand),
    Mock(Mock),
    Completions(Completions),
    Man(Man),
}

/// Change one account, and prove it where the system can be read.
#[derive(Args, Debug)]
#[command(after_help = help::fit("\
Examples:
  user-status set pod 7215545078541 disable
  user-status set pod 7215545078541 suspend --reason Leave \\
    --until 2026-12-31T23:59:59Z
  user-status set portal f57dd9cc-2608-456e-9dfa-300c85224a73.acme lock
  user-status set --json shop 634441cecbb5901d133039f8 toggle
  user-status set pod 7215545078541 disable --dry-run

What it says:
  confirmed  the system's response, or reading the account back, shows what was asked
  accepted   the system accepted the change and offers no proof
  unchanged  the account already was as asked; no change was sent
An error says whether the account may have been changed all the same. Exit code 4 \
means that it is unknown: read the account before doing anything else."))]
pub(crate) struct Set {
    /// The system, as the configuration names it.
    pub(crate) profile: String,

    /// The account, as the system names it: its id or, in a SCIM service, `userName:NAME` or `externalId:ID`.
    pub(crate) user: String,

    /// The change. `user-status systems` says what each system can do.
    #[arg(value_enum)]
    pub(crate) change: Change,

    /// Why the account is suspended; 1 to 500 characters.
    #[arg(long, value_name = "TEXT")]
    pub(crate) reason: Option<String>,

    /// When the suspension ends, such as 2026-12-31T23:59:59Z.
    #[arg(long, value_name = "TIME", value_parser = end)]
    pub(crate) until: Option<Timestamp>,

    /// A comment for a system that keeps one; 1 to 2000 characters.
    #[arg(long, value_name = "TEXT")]
    pub(crate) comment: Option<String>,

    /// A name of your own for this change, such as a ticket. It is in the result, and goes nowhere else.
    #[arg(long, value_name = "TEXT")]
    pub(crate) key: Option<String>,

    /// Do not read the account back where the response is no proof.
    #[arg(long)]
    pub(crate) no_verify: bool,

    /// Send the change although the account already is as asked. A record does not show everything, such as a lock after wrong
    /// passwords.
    #[arg(long)]
    pub(crate) even_if_so: bool,

    /// Only show the request that would be sent, without its credentials. The account may be read.
    #[arg(long)]
    pub(crate) dry_run: bool,
}

/// A change, as it is named on the command line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Change {
    /// The owner may sign in again.
    Enable,
    /// The owner may no longer sign in.
    Disable,
    /// For a reason, and possibly until a time.
    Suspend,
    /// The suspension is lifted.
    Unsuspend,
    /// Locked, as after an attack on the account.
    Lock,
    /// The lock is lifted.
    Unlock,
    /// To the other state, whichever it is.
    Toggle,
}

/// Read one account.
#[derive(Args, Debug)]
#[command(after_help = help::fit("\
Examples:
  user-status get pod 7215545078541
  user-status get --json pod 7215545078541

ClearSquare documents no way to read an account."))]
pub(crate) struct Get {
    /// The system, as the configuration names it.
    pub(crate) profile: String,

    /// The account, as the system names it.
    pub(crate) user: String,
}

/// List the runs of bulk changes, the newest first. Needs no configuration.
#[derive(Args, Debug)]
#[command(after_help = help::fit("\
Examples:
  user-status runs
  user-status runs --json
  user-status runs prune                         remove those that were never begun

A run is named by its id, by a beginning of it that no other run has, by `last`, which is the \
newest that was begun, or by the path of its journal."))]
pub(crate) struct RunsCommand {
    #[command(subcommand)]
    pub(crate) command: Option<RunsAction>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum RunsAction {
    Prune(Prune),
}

/// Remove the runs that were never begun: nothing was sent for them.
#[derive(Args, Debug)]
#[command(after_help = help::fit("\
Examples:
  user-status runs prune
  user-status runs prune --yes

Such a run is left when the program ends before somebody confirmed it. Runs that were begun stay: \
what became of their rows is known only there."))]
pub(crate) struct Prune {
    /// Do not ask for confirmation.
    #[arg(short, long)]
    pub(crate) yes: bool,
}

/// Say what became of every row of a run. Needs no configuration.
#[derive(Args, Debug)]
#[command(after_help = help::fit("\
Examples:
  user-status report last
  user-status report last --only bad
  user-status report 20261124 --system pod --format csv --output pod.csv
  user-status report last --json | jq '.rows[].state'

The rows are in the order of the input. A run that a program is at work on can be reported, too: \
each row is as it was when it was read.

A report is a report whatever is in it: the exit code is 0."))]
pub(crate) struct Report {
    /// The run: its id, a beginning of it, `last`, or the path of a journal.
    pub(crate) run: String,

    /// In which form.
    #[arg(long, value_enum)]
    pub(crate) format: Option<ReportFormat>,

    /// Only rows in these states.
    #[arg(long, value_enum, value_name = "STATE", value_delimiter = ',')]
    pub(crate) only: Vec<Only>,

    /// Only rows of this system.
    #[arg(long, value_name = "NAME")]
    pub(crate) system: Option<String>,

    /// Write it into this file, which is there when it is whole, and not before.
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) output: Option<PathBuf>,

    /// Replace a file that is there.
    #[arg(long, requires = "output")]
    pub(crate) force: bool,

    /// CSV with every text as it is, for programs. Else a text that a spreadsheet would take for a formula has a ' before
    /// it.
    #[arg(long)]
    pub(crate) exact: bool,
}

/// In which form a report is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ReportFormat {
    /// For people.
    Table,
    /// For spreadsheets: a header, and a line for each row.
    Csv,
    /// For programs: a JSON document on a line of its own for each row.
    Ndjson,
    /// For programs: one JSON document.
    Json,
}

/// The rows of a report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Only {
    /// Nothing was sent yet.
    Pending,
    /// A request may have left, and nothing more is known.
    Sending,
    /// The change is proved.
    Confirmed,
    /// The system accepted the change and offers no proof.
    Accepted,
    /// The account already was as asked.
    Unchanged,
    /// The system said no, or the row cannot be carried out.
    Refused,
    /// It did not work, and nothing was changed.
    Failed,
    /// It is unknown whether the account was changed.
    Unknown,
    /// The rows that a resumed run takes up: pending, sending, failed, unknown.
    Open,
    /// The rows that went wrong: refused, failed, unknown.
    Bad,
}

/// Show what each system can do. Needs no configuration.
#[derive(Args, Debug)]
#[command(after_help = help::fit("\
Examples:
  user-status systems
  user-status systems --json"))]
pub(crate) struct Systems {}

/// Try addresses and credentials, and change nothing.
#[derive(Args, Debug)]
#[command(after_help = help::fit("\
Examples:
  user-status check
  user-status check pod portal
  user-status check --json

The credentials are tried by reading `own_account`, where the profile has one; else an account that \
cannot exist, which a system denies only after it has looked at the credentials. ClearSquare \
documents no read: its address is tried, and its credentials are not.

Exit code 0 if every profile is in order as far as it can be tried, else 8."))]
pub(crate) struct Check {
    /// The systems, as the configuration names them; all of them, if none is named.
    #[arg(value_name = "PROFILE")]
    pub(crate) profiles: Vec<String>,
}

/// Write a configuration, or show the one that counts.
#[derive(Args, Debug)]
#[command(arg_required_else_help = true)]
pub(crate) struct ConfigCommand {
    #[command(subcommand)]
    pub(crate) command: ConfigAction,
}

#[derive(Debug, Subcommand)]
pub(crate) enum ConfigAction {
    Init(Init),
    Show(Show),
}

/// Write an example with every setting explained, for all systems.
#[derive(Args, Debug)]
#[command(after_help = help::fit("\
Examples:
  user-status config init
  user-status config init --path ./user-status.toml

`user-status mock` writes a configuration that works at once, against a mock."))]
pub(crate) struct Init {
    /// Where to write it; by default where it is found from every folder.
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) path: Option<PathBuf>,

    /// Replace a file that is there.
    #[arg(long)]
    pub(crate) force: bool,
}

/// Show which file counts, and what it says. Credentials are named by where they come from, and not fetched.
#[derive(Args, Debug)]
#[command(after_help = help::fit("\
Examples:
  user-status config show
  user-status config show --json"))]
pub(crate) struct Show {}

/// Start a mock of the six systems on this machine, with a configuration that works.
///
/// Its accounts really change, and are gone when it stops. Stops on Ctrl-C.
#[derive(Args, Debug)]
#[command(after_help = help::fit("\
Examples:
  user-status mock
  user-status mock --listen 127.0.0.1:0 \\
    --write-config user-status.toml"))]
pub(crate) struct Mock {
    /// Where to listen, on this machine only. Port 0 takes a free one.
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:4010")]
    pub(crate) listen: SocketAddr,

    /// Where to write the configuration for it, which then stays. Else it is in a temporary folder, and goes with the
    /// mock.
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) write_config: Option<PathBuf>,

    /// Replace a configuration that is there.
    #[arg(long, requires = "write_config")]
    pub(crate) force: bool,
}

/// Write completions for a shell.
#[derive(Args, Debug)]
#[command(after_help = help::fit("\
Examples:
  user-status completions bash \\
    > ~/.local/share/bash-completion/completions/user-status
  user-status completions zsh > ~/.zfunc/_user-status
  user-status completions fish \\
    > ~/.config/fish/completions/user-status.fish"))]
pub(crate) struct Completions {
    /// The shell.
    #[arg(value_enum)]
    pub(crate) shell: Shell,
}

/// Write the manual.
#[derive(Args, Debug)]
#[command(after_help = help::fit("\
Examples:
  user-status man | man -l -
  user-status man --out ~/.local/share/man/man1"))]
pub(crate) struct Man {
    /// Write the page of every command into this folder. By default, the first page goes to the standard output.
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub(crate) out: Option<PathBuf>,
}

fn end(text: &str) -> Result<Timestamp, String> {
    text.parse().map_err(|_| "write it with its zone, as in 2026-12-31T23:59:59Z".to_owned())
}

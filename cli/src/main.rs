//! The program `user-status`: changes the status of people's accounts in six systems, and says what happened.

mod arguments;
mod bulk;
mod commands;
mod config;
mod connect;
mod exit;
mod failure;
mod output;
mod program;
mod runs;
mod runtime;
mod safety;
mod settings;
mod signals;
mod systems;
mod table;
mod trusted;
mod waits;

use std::process::ExitCode;

fn main() -> ExitCode {
    program::run()
}

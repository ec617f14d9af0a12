//! Arguments in, a command carried out, its exit code.

use std::process::ExitCode;

use clap::Parser as _;
use clap::error::ErrorKind;
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

use crate::arguments::Arguments;
use crate::commands;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::Output;

/// Runs the program.
pub(crate) fn run() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => return not_understood(&error),
    };
    let output = Output::new(arguments.global.json);
    if arguments.global.verbose {
        trace();
    }
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(e) => {
            output.failure(&Failure::unexpected(format!("the program cannot run: {e}")));
            return Exit::Unexpected.into();
        }
    };
    let result = runtime.block_on(commands::run(&arguments, output));
    // Nothing is waited for any more.
    runtime.shutdown_background();
    match result {
        Ok(exit) => exit.into(),
        Err(failure) => {
            output.failure(&failure);
            failure.exit.into()
        }
    }
}

/// The command line is wrong, or asks for help.
fn not_understood(error: &clap::Error) -> ExitCode {
    let asked_for = matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion);
    let json = std::env::args_os().take_while(|argument| argument != "--").any(|argument| argument == "--json");
    if json && !asked_for {
        let text = error.render().to_string();
        Output::new(true).failure(&Failure::usage(text.trim_start_matches("error: ").trim_end()));
    } else {
        // Who reads it may be gone.
        let _ = error.print();
    }
    if asked_for { Exit::Done.into() } else { Exit::Usage.into() }
}

/// Traces of the SDK, which hold no credentials, and of nothing below it, which may.
fn trace() {
    let lines = tracing_subscriber::fmt::layer().with_writer(std::io::stderr).with_ansi(false).without_time();
    let targets = Targets::new().with_target("user_status", LevelFilter::DEBUG);
    let _ = tracing_subscriber::registry().with(lines).with(targets).try_init();
}

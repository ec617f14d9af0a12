//! Arguments in, a command carried out, its exit code.

use std::io::Write as _;
use std::process::ExitCode;

use clap::Parser as _;
use clap::error::{ContextKind, ContextValue, ErrorKind};
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

use crate::arguments::Arguments;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::{Output, visible};
use crate::{commands, output, runtime};

/// Runs the program.
pub(crate) fn run() -> ExitCode {
    // Whatever else speaks for colours, such as the variable `CI`; a person who wants them says so.
    if !output::understands_more_than_lines() && std::env::var_os("CLICOLOR_FORCE").is_none_or(|force| force == "0") {
        anstream::ColorChoice::Never.write_global();
    }
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => return not_understood(error),
    };
    let output = Output::new(arguments.global.json);
    if arguments.global.verbose {
        trace();
    }
    let runtime = match runtime::start() {
        Ok(runtime) => runtime,
        Err(problem) => {
            output.failure(&Failure::unexpected(problem));
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
fn not_understood(error: clap::Error) -> ExitCode {
    let asked_for = matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion);
    let error = visible_error(error);
    let json = std::env::args_os().take_while(|argument| argument != "--").any(|argument| argument == "--json");
    if json && !asked_for {
        let text = error.render().to_string();
        Output::new(true).failure(&Failure::usage(text.trim_start_matches("error: ").trim_end()));
        return Exit::Usage.into();
    }
    match error.print().and_then(|()| std::io::stdout().flush()) {
        // Who reads it may be gone.
        Err(e) if asked_for && e.kind() != std::io::ErrorKind::BrokenPipe => {
            let failure = Failure::unwritten(&e);
            Output::new(json).failure(&failure);
            failure.exit.into()
        }
        _ if asked_for => Exit::Done.into(),
        _ => Exit::Usage.into(),
    }
}

/// An error that repeats arguments, with nothing in them that a terminal would obey.
fn visible_error(mut error: clap::Error) -> clap::Error {
    let texts: Vec<(ContextKind, ContextValue)> = error
        .context()
        .filter_map(|(kind, value)| match value {
            ContextValue::String(text) => Some((kind, ContextValue::String(visible(text)))),
            ContextValue::Strings(texts) => {
                Some((kind, ContextValue::Strings(texts.iter().map(|text| visible(text)).collect())))
            }
            // The others are the program's own words.
            _ => None,
        })
        .collect();
    for (kind, value) in texts {
        error.insert(kind, value);
    }
    error
}

/// Traces of the SDK, which hold no credentials, and of nothing below it, which may.
fn trace() {
    let lines = tracing_subscriber::fmt::layer().with_writer(|| Traces).with_ansi(false).without_time();
    let targets = Targets::new().with_target("user_status", LevelFilter::DEBUG);
    let _ = tracing_subscriber::registry().with(lines).with(targets).try_init();
}

/// Takes whole lines, and shows them with nothing in them that a terminal would obey. Who reads them may be gone.
struct Traces;

impl std::io::Write for Traces {
    fn write(&mut self, line: &[u8]) -> std::io::Result<usize> {
        output::relayed(&String::from_utf8_lossy(line));
        Ok(line.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

//! The program: arguments in, a server that runs until it is told to stop.

use std::io::{self, Write as _};
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser as _;
use user_status_mock::{Exchange, StandaloneServer};

mod arguments;
mod banner;

use arguments::Arguments;

/// The time in which requests in flight must end: less than the ten seconds after which container engines kill.
const DRAIN: Duration = Duration::from_secs(8);

/// Runs the program.
pub(crate) fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match start(&arguments) {
        Ok(code) => code,
        Err(problem) => {
            say(&format!("error: {problem}\n"));
            ExitCode::FAILURE
        }
    }
}

fn start(arguments: &Arguments) -> Result<ExitCode, String> {
    let options = arguments.options(|world, exchange| say(&line(world.name(), exchange)))?;
    // It accepts connections and hears signals; the connections have threads of their own.
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|e| format!("the program cannot run: {e}"))?;
    let code = runtime.block_on(async {
        let mut stop = Signals::new().map_err(|e| format!("signals cannot be heard: {e}"))?;
        let server = StandaloneServer::start_with(options).await.map_err(|e| e.to_string())?;
        // What reads the banner may be gone; the server goes on.
        let _ = io::stdout().write_all(banner::text(&server, arguments).as_bytes());
        let _ = io::stdout().flush();
        stop.recv().await;
        say("stopping: requests in flight may end; a second signal stops at once\n");
        tokio::select! {
            () = server.shut_down(DRAIN) => Ok(ExitCode::SUCCESS),
            () = stop.recv() => Ok(ExitCode::from(130)),
        }
    });
    // Nothing is waited for any more.
    runtime.shutdown_background();
    code
}

/// SIGINT and SIGTERM, or Ctrl-C where there are none.
struct Signals {
    #[cfg(unix)]
    interrupt: tokio::signal::unix::Signal,
    #[cfg(unix)]
    terminate: tokio::signal::unix::Signal,
}

impl Signals {
    #[cfg(unix)]
    fn new() -> io::Result<Signals> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Signals { interrupt: signal(SignalKind::interrupt())?, terminate: signal(SignalKind::terminate())? })
    }

    #[cfg(not(unix))]
    fn new() -> io::Result<Signals> {
        Ok(Signals {})
    }

    #[cfg(unix)]
    async fn recv(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }

    #[cfg(not(unix))]
    async fn recv(&mut self) {
        // Without a handler there is nothing to wait for; the system ends the program.
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

/// One request in the log.
fn line(world: &str, exchange: &Exchange) -> String {
    let Exchange { at, method, target, operation, status, violations, faults, .. } = exchange;
    let status = status.map_or_else(|| "---".to_owned(), |status| status.to_string());
    let mut line = format!("{at:.3} {status} {method} {}", target.escape_debug());
    for (name, value) in [("operation", *operation), ("user", exchange.user.as_deref())] {
        if let Some(value) = value {
            line.push_str(&format!(" {name}={}", value.escape_debug()));
        }
    }
    if world != "default" {
        line.push_str(&format!(" world={world}"));
    }
    if exchange.before != exchange.after
        && let Some(after) = &exchange.after
    {
        line.push_str(&format!(" now=\"{after}\""));
    }
    if !faults.is_empty() {
        line.push_str(&format!(" faults={faults:?}"));
    }
    for violation in violations {
        line.push_str(&format!("\n    {} (by #{})", violation.to_string().escape_debug(), violation.contract));
    }
    line.push('\n');
    line
}

/// Says something beside the banner. Who hears it may be gone.
fn say(text: &str) {
    let _ = io::stderr().write_all(text.as_bytes());
}

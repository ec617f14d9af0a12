//! The commands, one module each.

use crate::arguments::{Arguments, Command, ConfigAction};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::Output;
use crate::signals::or_stopped;

mod apply;
mod check;
mod config;
mod get;
mod mock;
mod plan;
mod report;
mod resume;
mod runs;
mod set;
mod shell;
mod systems;
mod undo;

/// Carries out a command. Its exit code, if it did what was asked.
pub(crate) async fn run(arguments: &Arguments, output: Output) -> Result<Exit, Failure> {
    let named = arguments.global.config.as_deref();
    match &arguments.command {
        Command::Set(set) => set::run(set, named, output).await,
        Command::Get(get) => or_stopped(get::run(get, named, output)).await,
        Command::Plan(plan) => plan::run(plan, &arguments.global, output).await,
        Command::Apply(apply) => apply::run(apply, &arguments.global, output).await,
        Command::Resume(resume) => resume::run(resume, &arguments.global, output).await,
        Command::Undo(undo) => undo::run(undo, &arguments.global, output).await,
        Command::Report(report) => report::run(report, &arguments.global),
        Command::Runs(runs) => runs::run(runs, arguments.global.runs.as_deref(), output).await,
        Command::Systems(_) => systems::run(output),
        Command::Check(check) => or_stopped(check::run(check, named, output)).await,
        Command::Config(command) => match &command.command {
            ConfigAction::Init(init) => config::init(init, output),
            ConfigAction::Show(_) => config::show(named, output),
        },
        Command::Mock(mock) => mock::run(mock, output).await,
        Command::Completions(completions) => shell::completions(completions, output),
        Command::Man(man) => shell::manual(man, output),
    }
}

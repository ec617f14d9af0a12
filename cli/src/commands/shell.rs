//! `completions` and `man`: what a shell and its reader know of the program.

use clap::{CommandFactory as _, ValueEnum as _};
use clap_complete::Shell;
use serde_json::json;

use crate::arguments::{Arguments, Completions, Man};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::{Output, path as shown_path};

pub(super) fn completions(completions: &Completions, output: Output) -> Result<Exit, Failure> {
    let mut script = Vec::new();
    clap_complete::generate(completions.shell, &mut Arguments::command(), "user-status", &mut script);
    let script = String::from_utf8_lossy(&script).into_owned();
    let script = if completions.shell == Shell::Bash { with_subcommands(&script) } else { script };
    let shell = completions.shell.to_possible_value().map(|value| value.get_name().to_owned());
    output.result(&json!({ "shell": shell, "script": script }), || script.clone())?;
    Ok(Exit::Done)
}

/// Returns what bash completes behind a command. The generator names a command twice, where it is recognized and where it is
/// completed, and a name with a hyphen becomes another name there: behind a command nothing would be completed.
fn with_subcommands(script: &str) -> String {
    script.replace("user__subcmd__status__", "user__status__")
}

pub(super) fn manual(man: &Man, output: Output) -> Result<Exit, Failure> {
    let Some(folder) = &man.out else {
        let mut page = Vec::new();
        clap_mangen::Man::new(Arguments::command())
            .render(&mut page)
            .map_err(|e| Failure::unexpected(format!("the manual cannot be written: {e}")))?;
        let page = String::from_utf8_lossy(&page).into_owned();
        output.result(&json!({ "page": page }), || page.clone())?;
        return Ok(Exit::Done);
    };
    let problem = |e: std::io::Error| Failure::unexpected(format!("{}: {e}", folder.display()));
    std::fs::create_dir_all(folder).map_err(problem)?;
    clap_mangen::generate_to(Arguments::command(), folder).map_err(problem)?;
    output.result(&json!({ "written": folder.to_string_lossy() }), || {
        format!("The pages are in {}: man -l '{}'\n", shown_path(folder), shown_path(&folder.join("user-status.1")))
    })?;
    Ok(Exit::Done)
}

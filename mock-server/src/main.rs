//! The program `user-status-mock`: the mock server for developers of any language.

mod command;

use std::process::ExitCode;

fn main() -> ExitCode {
    command::main()
}

//! `cargo contract`: generates what is cut from the contract, and checks the contract and what was cut from it.

use std::ffi::OsString;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use user_status_openapi::tool::{self, Finding, Format};

const HELP: &str = "\
Generates what is cut from openapi/openapi.yaml, and checks it.

Usage: cargo contract <COMMAND> [OPTIONS]

Commands:
  generate  Write openapi/openapi.json, sdk/src/generated/ and CONTRACT.md; prints what changed
  check     Check the document and that every generated file is current; changes nothing
  docs      Write the documentation: one HTML page, or with --format markdown a page per system

Options:
  --root DIR  The repository [default: the one this tool was built from]
  --out DIR   Of docs: where to [default: target/docs]
  --format F  Of docs: html or markdown [default: html]
  -h, --help  Print this help

Exit codes: 0 all is well, 1 something was found, 2 the call itself is wrong.
";

fn main() -> ExitCode {
    match parse(std::env::args_os().skip(1)) {
        Ok(Call::Help) => {
            say(HELP);
            ExitCode::SUCCESS
        }
        Ok(Call::Generate(root)) => match tool::generate(&root) {
            Ok(written) if written.is_empty() => {
                say("everything is current\n");
                ExitCode::SUCCESS
            }
            Ok(written) => {
                written.iter().for_each(|path| say(&format!("wrote {}\n", path.display())));
                ExitCode::SUCCESS
            }
            Err(findings) => report(&findings),
        },
        Ok(Call::Check(root)) => {
            let findings = tool::check(&root);
            if findings.is_empty() {
                say("the contract and everything generated from it are in order\n");
                ExitCode::SUCCESS
            } else {
                report(&findings)
            }
        }
        Ok(Call::Docs { root, out, format }) => {
            let out = out.unwrap_or_else(|| root.join("target/docs"));
            match tool::docs(&out, format) {
                Ok(written) => {
                    written.iter().for_each(|path| say(&format!("wrote {}\n", path.display())));
                    ExitCode::SUCCESS
                }
                Err(findings) => report(&findings),
            }
        }
        Err(problem) => {
            eprint!("error: {problem}\n\n{HELP}");
            ExitCode::from(2)
        }
    }
}

enum Call {
    Help,
    Generate(PathBuf),
    Check(PathBuf),
    Docs { root: PathBuf, out: Option<PathBuf>, format: Format },
}

fn parse(mut args: impl Iterator<Item = OsString>) -> Result<Call, String> {
    let (mut command, mut out, mut format) = (None, None, Format::Html);
    let mut root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    while let Some(arg) = args.next() {
        match arg.to_str().unwrap_or_default() {
            "-h" | "--help" | "help" => return Ok(Call::Help),
            "--root" => root = args.next().map(PathBuf::from).ok_or("--root needs a folder")?,
            "--out" => out = Some(args.next().map(PathBuf::from).ok_or("--out needs a folder")?),
            "--format" => {
                format = match args.next().as_deref().and_then(std::ffi::OsStr::to_str) {
                    Some("html") => Format::Html,
                    Some("markdown") => Format::Markdown,
                    _ => return Err("--format must be html or markdown".to_owned()),
                }
            }
            "generate" | "check" | "docs" if command.is_none() => command = Some(arg),
            _ => return Err(format!("`{}` is not expected here", arg.display())),
        }
    }
    match command {
        Some(command) if command == "docs" => Ok(Call::Docs { root, out, format }),
        Some(_) if out.is_some() || format != Format::Html => Err("--out and --format are for docs".to_owned()),
        Some(command) if command == "generate" => Ok(Call::Generate(root)),
        Some(_) => Ok(Call::Check(root)),
        None => Err("which command? generate, check or docs".to_owned()),
    }
}

/// Writes to standard output. Whoever closed it does not want to read on.
fn say(text: &str) {
    let _ = std::io::stdout().write_all(text.as_bytes());
}

fn report(findings: &[Finding]) -> ExitCode {
    findings.iter().for_each(|finding| eprintln!("{finding}"));
    let s = if findings.len() == 1 { "" } else { "s" };
    eprintln!("{} finding{s}", findings.len());
    ExitCode::FAILURE
}

//! `cargo contract`: generates what is cut from the contract, and checks the contract and what was cut from it.

use std::ffi::OsString;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use user_status_contract::{self as tool, Finding, Format, Source};

const HELP: &str = "\
Generates what is cut from openapi/openapi.yaml, and checks it.

Usage: cargo contract <COMMAND> [OPTIONS]

Commands:
  generate        Write openapi/openapi.json, sdk/src/generated/ and CONTRACT.md; prints what changed
  check           Check the document, its version against openapi/released.yaml, and that every generated file is
                  current; changes nothing
  diff OLD [NEW]  What has changed from one contract to another, what each change means for who holds to the older
                  one, and whether the version says so. Each is a file, or git:REVISION
                  [default of NEW: openapi/openapi.yaml]
  release         Make openapi/openapi.yaml the released contract, if everything is in order
  docs            Write the documentation: one HTML page, or with --format markdown a page per system

Options:
  --root DIR  The repository [default: the one this tool was built from]
  --out DIR   Of docs: where to [default: target/docs]
  --format F  Of docs: html or markdown [default: html]. Of diff: text or json [default: text]
  -h, --help  Print this help

";

const EXITS: &str = "
Exit codes: 0 all is well, 1 something was found, or a version says too little, 2 the call itself is wrong.
";

fn help() -> String {
    format!("{HELP}{}\n{EXITS}", tool::diff::VERSIONS)
}

fn main() -> ExitCode {
    match parse(std::env::args_os().skip(1)) {
        Ok(Call::Help) => {
            say(&help());
            ExitCode::SUCCESS
        }
        Ok(Call::Generate(root)) => match tool::generate(&root) {
            Ok(written) if written.is_empty() => {
                say("everything is current\n");
                ExitCode::SUCCESS
            }
            Ok(written) => wrote(&written),
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
        Ok(Call::Diff { root, old, new, json }) => match tool::diff(&root, &old, &new) {
            Ok(diff) => {
                say(&if json { format!("{:#}\n", diff.json()) } else { format!("{diff}\n") });
                if diff.lacks_bump() { ExitCode::FAILURE } else { ExitCode::SUCCESS }
            }
            Err(findings) => report(&findings),
        },
        Ok(Call::Release(root)) => match tool::release(&root) {
            Ok(true) => wrote(&[PathBuf::from(tool::RELEASED)]),
            Ok(false) => {
                say("the contract is the released one\n");
                ExitCode::SUCCESS
            }
            Err(findings) => report(&findings),
        },
        Ok(Call::Docs { root, out, format }) => {
            let out = out.unwrap_or_else(|| root.join("target/docs"));
            match tool::docs(&out, format) {
                Ok(written) => wrote(&written),
                Err(findings) => report(&findings),
            }
        }
        Err(problem) => {
            eprint!("error: {problem}\n\n{}", help());
            ExitCode::from(2)
        }
    }
}

enum Call {
    Help,
    Generate(PathBuf),
    Check(PathBuf),
    Diff { root: PathBuf, old: Source, new: Source, json: bool },
    Release(PathBuf),
    Docs { root: PathBuf, out: Option<PathBuf>, format: Format },
}

fn parse(mut args: impl Iterator<Item = OsString>) -> Result<Call, String> {
    let (mut command, mut sources, mut out, mut format) = (None, Vec::new(), None, None);
    let mut root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    while let Some(arg) = args.next() {
        match arg.to_str().unwrap_or_default() {
            "-h" | "--help" | "help" => return Ok(Call::Help),
            "--root" => root = args.next().map(PathBuf::from).ok_or("--root needs a folder")?,
            "--out" => out = Some(args.next().map(PathBuf::from).ok_or("--out needs a folder")?),
            "--format" => format = Some(args.next().ok_or("--format needs a word")?),
            word @ ("generate" | "check" | "diff" | "release" | "docs") if command.is_none() => {
                command = Some(word.to_owned());
            }
            word if command.as_deref() == Some("diff") && !word.starts_with("--") && sources.len() < 2 => {
                sources.push(match Source::parse(&arg)? {
                    // As in any other program: relative to where it is called.
                    Source::File(path) => Source::File(std::path::absolute(&path).unwrap_or(path)),
                    git => git,
                });
            }
            _ => return Err(format!("`{}` is not expected here", arg.display())),
        }
    }
    let format = format.as_deref().map(|format| format.to_str().unwrap_or_default());
    let Some(command) = command else {
        return Err("which command? generate, check, diff, release or docs".to_owned());
    };
    if out.is_some() && command != "docs" {
        return Err("--out is for docs".to_owned());
    }
    match (command.as_str(), format) {
        ("docs", None | Some("html")) => Ok(Call::Docs { root, out, format: Format::Html }),
        ("docs", Some("markdown")) => Ok(Call::Docs { root, out, format: Format::Markdown }),
        ("docs", _) => Err("--format must be html or markdown".to_owned()),
        ("diff", None | Some("text" | "json")) => {
            let mut sources = sources.into_iter();
            let old = sources.next().ok_or("diff needs the older contract: a file, or git:REVISION")?;
            let new = sources.next().unwrap_or_else(|| Source::File(tool::CONTRACT.into()));
            Ok(Call::Diff { root, old, new, json: format == Some("json") })
        }
        ("diff", _) => Err("--format must be text or json".to_owned()),
        (_, Some(_)) => Err("--format is for docs and diff".to_owned()),
        ("generate", None) => Ok(Call::Generate(root)),
        ("release", None) => Ok(Call::Release(root)),
        (_, None) => Ok(Call::Check(root)),
    }
}

fn wrote(paths: &[PathBuf]) -> ExitCode {
    paths.iter().for_each(|path| say(&format!("wrote {}\n", path.display())));
    ExitCode::SUCCESS
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

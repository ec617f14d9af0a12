//! The contract tool: what is generated from the contract, and what is checked of it.
//!
//! [`generate`] and [`check`] share one list of outputs, [`outputs`], so that what is checked is what is written.

use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value};
use user_status_openapi::{Contract, ContractError, SystemKind, pointer};

pub use diff::Diff;
pub use source::Source;

mod check;
mod client;
mod codegen;
mod contract_page;
pub mod diff;
mod docs_source;
mod examples;
mod extensions;
mod postprocess;
mod source;
mod structure;
mod view;

pub use contract_page::CLAIMS;

/// The contract, below the root of the repository.
pub const CONTRACT: &str = "openapi/openapi.yaml";

/// The contract as it was last released, below the root of the repository.
pub const RELEASED: &str = "openapi/released.yaml";

/// The command after an edit of the contract. Named by every finding about a generated file.
pub const GENERATE: &str = "cargo contract generate";

/// Something that is wrong, where, and what would be right.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The file, below the root of the repository.
    pub file: String,
    /// JSON pointer into the file; empty for the file as a whole.
    pub pointer: String,
    /// The problem, and what would be right.
    pub problem: String,
}

impl Finding {
    fn new(file: impl Into<String>, pointer: impl Into<String>, problem: impl Into<String>) -> Finding {
        Finding { file: file.into(), pointer: pointer.into(), problem: problem.into() }
    }

    /// About a place in the contract.
    fn at(pointer: impl Into<String>, problem: impl Into<String>) -> Finding {
        Finding::new(CONTRACT, pointer, problem)
    }
}

impl From<ContractError> for Finding {
    fn from(error: ContractError) -> Finding {
        Finding::at(error.pointer(), error.problem())
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.file)?;
        if !self.pointer.is_empty() {
            write!(f, "#{}", self.pointer)?;
        }
        write!(f, ": {}", self.problem)
    }
}

/// Writes every generated file that is not current, below `root`. Returns the ones written.
///
/// # Errors
/// What is wrong with the contract; then nothing is written. Or the file that cannot be written.
pub fn generate(root: &Path) -> Result<Vec<PathBuf>, Vec<Finding>> {
    let document = read_contract(root)?;
    let findings = check::document(&document);
    if !findings.is_empty() {
        return Err(findings);
    }
    let mut written = Vec::new();
    for (path, text) in outputs(root, &document)? {
        let file = root.join(&path);
        if fs::read_to_string(&file).is_ok_and(|old| old == text) {
            continue;
        }
        let parent = file.parent().unwrap_or(root);
        fs::create_dir_all(parent)
            .and_then(|()| fs::write(&file, text))
            .map_err(|e| vec![Finding::new(&path, "", format!("cannot be written: {e}"))])?;
        written.push(PathBuf::from(path));
    }
    Ok(written)
}

/// Everything that is wrong with a document itself; nothing is read and nothing generated.
pub fn check_document(document: &Value) -> Vec<Finding> {
    check::document(document)
}

/// Everything that is wrong with the contract, its version, and the files generated from it, below `root`.
pub fn check(root: &Path) -> Vec<Finding> {
    let document = match read_contract(root) {
        Ok(document) => document,
        Err(findings) => return findings,
    };
    let mut findings = check::document(&document);
    // From a contract that is wrong nothing sensible can be generated, and so nothing compared.
    if findings.is_empty() {
        findings.extend(version(root, &document));
        match outputs(root, &document) {
            Ok(outputs) => {
                findings.extend(strays(root, &outputs));
                for (path, text) in outputs {
                    findings.extend(drift(root, &path, &text));
                }
            }
            Err(more) => findings.extend(more),
        }
    }
    findings
}

/// Reads `openapi.yaml`.
///
/// # Errors
/// What keeps it from being read, with line and column.
pub fn read_contract(root: &Path) -> Result<Value, Vec<Finding>> {
    Source::File(CONTRACT.into()).read(root)
}

/// Every generated file with its text, by its path below the root of the repository, where the samples are and the scripts
/// that fix the versions of others' tools.
///
/// # Errors
/// What in the contract keeps a file from being generated.
pub fn outputs(root: &Path, document: &Value) -> Result<BTreeMap<String, String>, Vec<Finding>> {
    let contract = Contract::from_value(document.clone()).map_err(|e| vec![Finding::from(e)])?;
    let mut outputs = BTreeMap::new();
    let json = serde_json::to_string_pretty(document).map_err(|e| vec![Finding::at("", e.to_string())])?;
    outputs.insert("openapi/openapi.json".to_owned(), json + "\n");
    outputs.insert("openapi/docs.json".to_owned(), docs_source::document(&contract, root)?);
    outputs.insert(CLAIMS.to_owned(), contract_page::page(&contract, root)?);
    outputs.extend(code(document, None)?.files);
    Ok(outputs)
}

/// The source code that is generated from a contract.
#[derive(Clone, Debug)]
pub struct Code {
    /// The files, by their paths below the root of the repository.
    pub files: BTreeMap<String, String>,
    /// The inputs that each client was generated from.
    inputs: BTreeMap<SystemKind, Value>,
}

/// Generates the source code. A client whose part of the contract is that of `known` is taken from there: generating is
/// what takes time.
///
/// # Errors
/// What in the contract keeps a file from being generated.
pub fn code(document: &Value, known: Option<&Code>) -> Result<Code, Vec<Finding>> {
    let contract = Contract::from_value(document.clone()).map_err(|e| vec![Finding::from(e)])?;
    let mut code = Code { files: BTreeMap::new(), inputs: BTreeMap::new() };
    for &system in SystemKind::ALL {
        let path = format!("sdk/src/generated/{system}.rs");
        let input = client::input(&contract, system);
        let same = known.filter(|known| known.inputs.get(&system) == Some(&input));
        let text = match same.and_then(|known| known.files.get(&path)) {
            Some(text) => text.clone(),
            None => client::client(&contract, system)?,
        };
        code.files.insert(path, text);
        code.inputs.insert(system, input);
    }
    code.files.insert("sdk/src/generated/operations.rs".to_owned(), codegen::operations(&contract));
    code.files.insert("sdk/src/generated/values.rs".to_owned(), codegen::values(&contract));
    code.files.insert("sdk/src/generated/mod.rs".to_owned(), codegen::module());
    Ok(code)
}

/// Returns what separates two contracts.
///
/// # Errors
/// What keeps either from being read or compared.
pub fn diff(root: &Path, old: &Source, new: &Source) -> Result<Diff, Vec<Finding>> {
    let documents = (old.read(root)?, new.read(root)?);
    Diff::between((&old.to_string(), &documents.0), (&new.to_string(), &documents.1))
}

/// Makes the contract the released one, to which later ones are compared. Says whether it was another before.
///
/// # Errors
/// What is wrong with the contract, its version included; then nothing is written. Or that it cannot be written.
pub fn release(root: &Path) -> Result<bool, Vec<Finding>> {
    let findings = check(root);
    if !findings.is_empty() {
        return Err(findings);
    }
    let cannot = |e: std::io::Error| vec![Finding::new(RELEASED, "", format!("cannot be written: {e}"))];
    let text = fs::read(root.join(CONTRACT)).map_err(cannot)?;
    if fs::read(root.join(RELEASED)).is_ok_and(|old| old == text) {
        return Ok(false);
    }
    fs::write(root.join(RELEASED), text).map_err(cannot)?;
    Ok(true)
}

/// Returns whether the version says what has changed since the last release. The released contract is a file and not a revision:
/// a checkout in CI may have no history, and a comparison with nothing would find nothing.
fn version(root: &Path, document: &Value) -> Vec<Finding> {
    let released = match Source::File(RELEASED.into()).read(root) {
        Ok(released) => released,
        Err(findings) => return findings,
    };
    match Diff::between((RELEASED, &released), (CONTRACT, document)) {
        Ok(diff) if diff.lacks_bump() => {
            let problem = format!(
                "must be {} or later, is {}: since {RELEASED} there are {} changes; `cargo contract diff {RELEASED}` lists them",
                diff.least(),
                diff.new,
                diff.counts(),
            );
            vec![Finding::at("/info/version", problem)]
        }
        Ok(_) => Vec::new(),
        Err(findings) => findings,
    }
}

/// The way in which the documentation is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// One page that needs nothing but itself.
    Html,
    /// A page per system, for people who read in a repository.
    Markdown,
}

/// Writes the documentation of the embedded contract into a folder. Returns the files.
///
/// # Errors
/// The file that cannot be written.
pub fn docs(out: &Path, format: Format) -> Result<Vec<PathBuf>, Vec<Finding>> {
    let pages = match format {
        Format::Html => BTreeMap::from([("index.html".to_owned(), user_status_openapi::docs::Page::new().html())]),
        Format::Markdown => user_status_openapi::docs::markdown(Contract::embedded()),
    };
    let cannot = |path: &Path, e: std::io::Error| {
        vec![Finding::new(path.display().to_string(), "", format!("cannot be written: {e}"))]
    };
    fs::create_dir_all(out).map_err(|e| cannot(out, e))?;
    let files = pages.iter().map(|(name, text)| {
        let path = out.join(name);
        fs::write(&path, text).map_err(|e| cannot(&path, e)).map(|()| path)
    });
    files.collect()
}

fn drift(root: &Path, path: &str, text: &str) -> Option<Finding> {
    let problem = match fs::read(root.join(path)) {
        Err(e) => format!("cannot be read: {e}"),
        Ok(old) if old == text.as_bytes() => return None,
        Ok(old) => {
            let same = old.iter().zip(text.as_bytes()).take_while(|(a, b)| a == b).count();
            let line = 1 + old[..same].iter().filter(|byte| **byte == b'\n').count();
            format!("differs, from line {line}, from what the contract gives")
        }
    };
    Some(Finding::new(path, "", format!("{problem}; run `{GENERATE}`")))
}

/// Files beside the generated ones that the contract does not give.
fn strays(root: &Path, outputs: &BTreeMap<String, String>) -> Vec<Finding> {
    let folder = "sdk/src/generated";
    let entries = fs::read_dir(root.join(folder)).into_iter().flatten().flatten();
    let paths = entries.map(|entry| format!("{folder}/{}", entry.file_name().display()));
    let strays = paths.filter(|path| !outputs.contains_key(path));
    strays.map(|path| Finding::new(path, "", "is not generated from the contract; remove it")).collect()
}

/// Every object in a document, with its JSON pointer.
fn objects(document: &Value) -> Vec<(String, &Map<String, Value>)> {
    let mut objects = Vec::new();
    let mut open = vec![(String::new(), document)];
    while let Some((at, value)) = open.pop() {
        match value {
            Value::Array(items) => open.extend(items.iter().enumerate().map(|(i, item)| (format!("{at}/{i}"), item))),
            Value::Object(members) => {
                open.extend(members.iter().map(|(name, member)| (pointer::join(&at, name), member)));
                objects.push((at, members));
            }
            _ => {}
        }
    }
    objects
}

/// The first line of every generated source file.
fn header() -> String {
    format!("// @generated by `{GENERATE}` from {CONTRACT}. Do not edit.\n\n")
}

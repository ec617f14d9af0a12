//! Samples: marked regions of files that are compiled and run.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use serde_json::Value;
use user_status_openapi::Contract;

use super::{Finding, sample};

/// A file with samples.
struct File {
    path: &'static str,
    /// The mark at the start of a region.
    marker: &'static str,
    language: &'static str,
    /// The kinds of sample with their labels. A file with one kind does not name it.
    kinds: &'static [(&'static str, &'static str)],
}

const FILES: [File; 3] = [
    File {
        path: "examples/every_operation.rs",
        marker: "// sample:",
        language: "Rust",
        kinds: &[("unified", "Rust, as with every system"), ("client", "Rust, this system's own client")],
    },
    File { path: "examples/every_operation.sh", marker: "# sample:", language: "Shell", kinds: &[("", "curl")] },
    File {
        path: "examples/every_operation_cli.sh",
        marker: "# sample:",
        language: "Shell",
        kinds: &[("", "user-status, the command line")],
    },
];

/// The samples by file, and in it by operation and kind.
pub(crate) struct Samples(Vec<BTreeMap<(String, String), String>>);

impl Samples {
    /// Reads the samples of the repository.
    ///
    /// # Errors
    /// A file that cannot be read, and regions that do not end.
    pub(crate) fn read(root: &Path) -> Result<Samples, Vec<Finding>> {
        let files = FILES.iter().map(|file| {
            let text = fs::read_to_string(root.join(file.path))
                .map_err(|e| vec![Finding::new(file.path, "", format!("cannot be read: {e}"))])?;
            regions(file.path, file.marker, &text)
        });
        files.collect::<Result<_, _>>().map(Samples)
    }

    /// Operations without a sample, and samples without an operation.
    pub(super) fn check(&self, contract: &Contract) -> Vec<Finding> {
        let mut findings = Vec::new();
        for (File { path, marker, kinds, .. }, samples) in FILES.iter().zip(&self.0) {
            for operation in contract.operations() {
                for (kind, _) in kinds.iter() {
                    if !samples.contains_key(&(operation.id.clone(), (*kind).to_owned())) {
                        let region = format!("{marker} {} {kind}", operation.id);
                        findings.push(Finding::new(*path, "", format!("has no region `{}`", region.trim_end())));
                    }
                }
            }
            for (id, kind) in samples.keys() {
                if contract.operation(id).is_none() || !kinds.iter().any(|(known, _)| known == kind) {
                    let problem = format!("`{marker} {id} {kind}` is for no operation of the contract");
                    findings.push(Finding::new(*path, "", problem));
                }
            }
        }
        findings
    }

    /// The samples of an operation, as documentation tools read them.
    pub(super) fn of(&self, operation: &str) -> Value {
        let mut all = Vec::new();
        for (File { language, kinds, .. }, samples) in FILES.iter().zip(&self.0) {
            for (kind, label) in kinds.iter() {
                if let Some(source) = samples.get(&(operation.to_owned(), (*kind).to_owned())) {
                    all.push(sample(language, label, source));
                }
            }
        }
        Value::Array(all)
    }
}

/// The regions of a file, each without the indentation that all of its lines have.
fn regions(file: &str, marker: &str, text: &str) -> Result<BTreeMap<(String, String), String>, Vec<Finding>> {
    let mut regions = BTreeMap::new();
    let end = marker.replace("sample:", "end");
    let mut open: Option<((String, String), Vec<&str>)> = None;
    for (number, line) in text.lines().enumerate() {
        let here = |problem: &str| vec![Finding::new(file, "", format!("line {}: {problem}", number + 1))];
        match (line.trim().strip_prefix(marker), &mut open) {
            (Some(_), Some(_)) => return Err(here("a region starts in another one")),
            (Some(name), None) => {
                let mut words = name.split_whitespace().map(str::to_owned);
                let name = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
                if regions.contains_key(&name) {
                    return Err(here("there is such a region already"));
                }
                open = Some((name, Vec::new()));
            }
            (None, Some(_)) if line.trim() == end => {
                if let Some((name, lines)) = open.take() {
                    regions.insert(name, dedent(&lines));
                }
            }
            (None, Some((_, lines))) => lines.push(line),
            (None, None) => {}
        }
    }
    match open {
        Some((name, _)) => {
            Err(vec![Finding::new(file, "", format!("the region `{} {}` does not end", name.0, name.1))])
        }
        None => Ok(regions),
    }
}

fn dedent(lines: &[&str]) -> String {
    let indentation = |line: &&&str| line.len() - line.trim_start().len();
    let common = lines.iter().filter(|line| !line.trim().is_empty()).map(|line| indentation(&line)).min().unwrap_or(0);
    let lines: Vec<&str> = lines.iter().map(|line| line.get(common..).unwrap_or_default()).collect();
    lines.join("\n")
}

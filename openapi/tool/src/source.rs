//! Where a document is read from: a file, or a revision in git.

use std::ffi::OsStr;
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use super::{CONTRACT, Finding};

/// Where a document is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// In this file, YAML or JSON; a relative path is below the root of the repository.
    File(PathBuf),
    /// The contract of this revision.
    Git(String),
}

impl Source {
    /// Reads `git:REVISION` as that, and anything else as a path.
    ///
    /// # Errors
    /// A revision that git would take for an option, or that is empty.
    pub fn parse(text: &OsStr) -> Result<Source, String> {
        match text.to_str().and_then(|text| text.strip_prefix("git:")) {
            Some(revision) if revision.is_empty() || revision.starts_with('-') || revision.contains(':') => {
                Err(format!("`{revision}` is no revision; write one such as git:HEAD~1 or git:v0.1.0"))
            }
            Some(revision) => Ok(Source::Git(revision.to_owned())),
            None => Ok(Source::File(text.into())),
        }
    }

    /// The document.
    ///
    /// # Errors
    /// What keeps it from being read, with line and column.
    pub(super) fn read(&self, root: &Path) -> Result<Value, Vec<Finding>> {
        let fail = |problem: String| vec![Finding::new(self.to_string(), "", problem)];
        let text = self.text(root).map_err(|e| fail(format!("cannot be read: {e}")))?;
        // The document repeats ten media types by alias; it is our own file, and no bomb.
        let options = serde_saphyr::options! { budget: serde_saphyr::budget! { enforce_alias_anchor_ratio: false } };
        serde_saphyr::from_str_with_options(&text, options).map_err(|e| fail(format!("is not YAML: {e}")))
    }

    fn text(&self, root: &Path) -> Result<String, String> {
        match self {
            Source::File(path) => fs::read_to_string(root.join(path)).map_err(|e| e.to_string()),
            Source::Git(revision) => {
                let mut git = Command::new("git");
                git.arg("-C").arg(root).args(["show", &format!("{revision}:{CONTRACT}")]);
                let output = git.output().map_err(|e| format!("git cannot be run: {e}"))?;
                if !output.status.success() {
                    let said = String::from_utf8_lossy(&output.stderr);
                    let said = said.lines().next().unwrap_or("it said nothing");
                    return Err(format!("git: {said}; a shallow checkout lacks older revisions"));
                }
                String::from_utf8(output.stdout).map_err(|e| e.to_string())
            }
        }
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Source::File(path) => path.display().fmt(f),
            Source::Git(revision) => write!(f, "git:{revision}"),
        }
    }
}

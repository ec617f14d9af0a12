//! The configuration: which file counts, what it says, and the profile that a name stands for.

use std::collections::BTreeMap;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use crate::failure::Failure;
use crate::output::visible;

pub(crate) mod example;
pub(crate) mod file;
pub(crate) mod search;

use file::Profile;
use search::Found;

/// The most bytes that a configuration may have.
const MOST: u64 = 4 * 1024 * 1024;

/// A configuration that was read.
#[derive(Debug)]
pub(crate) struct Config {
    /// The file.
    pub(crate) path: PathBuf,
    /// The profiles by name.
    pub(crate) profiles: BTreeMap<String, Profile>,
    /// Accounts that are never changed, as `PROFILE:USER`.
    pub(crate) protected: Vec<String>,
    /// The most changes that one file may make.
    pub(crate) max_changes: Option<u64>,
    /// Above so many changes a person is asked.
    pub(crate) confirm_above: u64,
}

impl Config {
    /// Reads the file that is named, or the first that is found.
    pub(crate) fn load(named: Option<&Path>) -> Result<Config, Failure> {
        let Found { path, file } = search::find(named)?;
        let problem = |what: &dyn std::fmt::Display| Failure::configuration(format!("{}: {what}", path.display()));
        let mut text = String::new();
        file.take(MOST + 1).read_to_string(&mut text).map_err(|e| problem(&e))?;
        if text.len() as u64 > MOST {
            return Err(problem(&"more than 4 MiB, which is no configuration"));
        }
        file::parse(&path, &text)
    }

    /// The profile of that name.
    pub(crate) fn profile(&self, name: &str) -> Result<&Profile, Failure> {
        self.profiles.get(name).ok_or_else(|| {
            let known: Vec<&str> = self.profiles.keys().map(String::as_str).collect();
            let problem = format!("{} has no profile `{}`", self.path.display(), visible(name));
            let there = match known.is_empty() {
                true => "It has none; `user-status config init --path FILE` writes an example.".to_owned(),
                false => format!("It has {}.", known.join(", ")),
            };
            let next = match near(name, &known) {
                Some(near) => format!("Did you mean `{near}`? {there}"),
                None => there,
            };
            Failure::configuration(problem).next(next)
        })
    }

    /// The folder of the file, to which paths in it are relative.
    pub(crate) fn folder(&self) -> &Path {
        self.path.parent().unwrap_or(Path::new(""))
    }
}

/// The known name that is nearest to a mistyped one, if one is near.
pub(crate) fn near<'a>(name: &str, known: &[&'a str]) -> Option<&'a str> {
    let name = name.to_lowercase();
    let distance = |known: &str| strsim::damerau_levenshtein(&name, &known.to_lowercase());
    let nearest = known.iter().min_by_key(|known| distance(known))?;
    let starts = name.chars().count() >= 2 && nearest.to_lowercase().starts_with(&name);
    (starts || distance(nearest) <= (nearest.chars().count() / 3).max(1)).then_some(*nearest)
}

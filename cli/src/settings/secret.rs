//! Where a credential comes from: the environment, a file or a program; never the configuration itself.

use std::fmt;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use serde::de::value::MapAccessDeserializer;
use serde::de::{Error, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use user_status::Secret;

use super::program;
use crate::trusted::{self, For};

/// The most bytes that a credential may have.
pub(super) const MOST: u64 = 64 * 1024;

/// Where a credential comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Reference {
    /// An environment variable.
    Env(String),
    /// A file, relative to the configuration.
    File(PathBuf),
    /// The output of a program. No shell comes between.
    Command(Vec<String>),
}

impl Reference {
    /// Returns whether asking again may give another value.
    pub(crate) fn can_change(&self) -> bool {
        !matches!(self, Reference::Env(_))
    }

    /// Fetches the credential. An error says what to do, and shows nothing of it.
    pub(crate) async fn fetch(&self, folder: &Path) -> Result<Secret, Unfetched> {
        let value = match self {
            Reference::Env(name) => match std::env::var_os(name) {
                None => Err(format!("{self} is not set; set it, or name another source in the configuration")),
                Some(value) => value.into_string().map_err(|_| format!("{self} is not UTF-8")),
            }
            .map_err(Unfetched::Not)?,
            Reference::File(path) => without_line_end(read(&folder.join(path)).map_err(Unfetched::Not)?),
            Reference::Command(words) => without_line_end(program::run(words, folder).await?),
        };
        if value.is_empty() {
            return Err(Unfetched::Not(format!("{self} gives nothing")));
        }
        Ok(Secret::from(value))
    }
}

/// Why there is no credential.
#[derive(Debug)]
pub(crate) enum Unfetched {
    /// Somebody stopped the program while it was to come.
    Stopped(String),
    /// It cannot be had.
    Not(String),
}

impl fmt::Display for Unfetched {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (Unfetched::Stopped(problem) | Unfetched::Not(problem)) = self;
        f.write_str(problem)
    }
}

impl std::error::Error for Unfetched {}

/// Such as `the file pod.token`. A program is named without its arguments.
impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Reference::Env(name) => write!(f, "the environment variable {name}"),
            Reference::File(path) => write!(f, "the file {}", path.display()),
            Reference::Command(words) => {
                write!(f, "the program {}", words.first().map(String::as_str).unwrap_or_default())
            }
        }
    }
}

/// Reads a file that nobody else can read.
fn read(path: &Path) -> Result<String, String> {
    let problem = |what: &dyn fmt::Display| format!("{}: {what}", path.display());
    let file = trusted::open(path, For::Secrecy).map_err(|refusal| problem(&refusal))?;
    let mut bytes = Vec::new();
    file.take(MOST + 1).read_to_end(&mut bytes).map_err(|e| problem(&e))?;
    text(bytes).map_err(|what| problem(&what))
}

pub(super) fn text(bytes: Vec<u8>) -> Result<String, &'static str> {
    if bytes.len() as u64 > MOST {
        return Err("more than 64 KiB, which is no credential");
    }
    // The error of the conversion would hold the bytes.
    String::from_utf8(bytes).map_err(|_| "what is not UTF-8")
}

/// Without the one line end that editors and programs add.
fn without_line_end(mut text: String) -> String {
    if text.ends_with('\n') {
        text.pop();
        if text.ends_with('\r') {
            text.pop();
        }
    }
    text
}

const HOW: &str = "{ env = \"NAME\" }, { file = \"PATH\" } or { command = [\"PROGRAM\", \"ARGUMENT\"] }";

impl<'de> Deserialize<'de> for Reference {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Reader)
    }
}

/// Refuses everything but a table, without a word of it: it may be the credential.
struct Reader;

impl<'de> Visitor<'de> for Reader {
    type Value = Reference;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(HOW)
    }

    fn visit_str<E: Error>(self, _: &str) -> Result<Reference, E> {
        Err(E::custom(format!("a credential must not stand here in clear; say where it comes from: {HOW}")))
    }

    fn visit_i64<E: Error>(self, _: i64) -> Result<Reference, E> {
        self.visit_str("")
    }

    fn visit_f64<E: Error>(self, _: f64) -> Result<Reference, E> {
        self.visit_str("")
    }

    fn visit_bool<E: Error>(self, _: bool) -> Result<Reference, E> {
        self.visit_str("")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, _: A) -> Result<Reference, A::Error> {
        self.visit_str("")
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Reference, A::Error> {
        let refuse = |problem: &str| Err(A::Error::custom(problem));
        match Table::deserialize(MapAccessDeserializer::new(map))? {
            Table { env: Some(name), file: None, command: None } => match is_name(&name) {
                true => Ok(Reference::Env(name)),
                false => refuse("`env` must be the name of an environment variable, and not its value"),
            },
            Table { env: None, file: Some(path), command: None } if !path.as_os_str().is_empty() => {
                Ok(Reference::File(path))
            }
            Table { env: None, file: None, command: Some(words) } => match words.first() {
                Some(program) if !program.is_empty() => Ok(Reference::Command(words)),
                _ => refuse(WORDS),
            },
            _ => Err(A::Error::custom(format!("a credential comes from one place: {HOW}"))),
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    env: Option<String>,
    file: Option<PathBuf>,
    #[serde(default, deserialize_with = "words")]
    command: Option<Vec<String>>,
}

const WORDS: &str =
    "`command` must be a program and its arguments, as in [\"op\", \"read\", \"op://…\"]; no shell reads it";

fn words<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Vec<String>>, D::Error> {
    match Vec::deserialize(deserializer) {
        Ok(words) => Ok(Some(words)),
        Err(_) => Err(D::Error::custom(WORDS)),
    }
}

/// Returns whether it can be the name of a variable. Tokens have other characters, or are longer.
fn is_name(name: &str) -> bool {
    let word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    !name.is_empty() && name.len() <= 64 && name.chars().all(word) && !name.starts_with(|c: char| c.is_ascii_digit())
}

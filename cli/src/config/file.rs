//! What a configuration may say, and where in it something is wrong.

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::Path;

use serde::Deserialize;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::{Config, near};
use crate::failure::Failure;
use crate::settings::Common;
use crate::systems::{ALL, Own};

/// A system, and who calls it.
#[derive(Debug)]
pub(crate) struct Profile {
    /// The settings of every system.
    pub(crate) common: Common,
    /// The settings of this system only.
    pub(crate) own: Box<dyn Own>,
}

/// Reads a configuration. An error names line and column, and shows nothing of the line: a credential may stand in it.
pub(crate) fn parse(path: &Path, text: &str) -> Result<Config, Failure> {
    read(path, text).map_err(|problem| {
        let place = match problem.at {
            Some(at) => format!("{}:{}", path.display(), line_and_column(text, at.start)),
            None => path.display().to_string(),
        };
        Failure::configuration(format!("{place}: {}", problem.message))
    })
}

/// A problem, and its place.
struct Problem {
    message: String,
    at: Option<Range<usize>>,
}

impl Problem {
    fn new(message: impl Into<String>, at: Range<usize>) -> Problem {
        Problem { message: message.into(), at: Some(at) }
    }
}

impl From<toml::de::Error> for Problem {
    fn from(error: toml::de::Error) -> Problem {
        Problem { message: without_values(error.message()), at: error.span() }
    }
}

/// The keys of a configuration besides its profiles.
const KEYS: [&str; 4] = ["profiles", "protected", "max_changes", "confirm_above"];

/// So many changes a person is taken to have looked at.
const CONFIRM_ABOVE: u64 = 10;

fn read(path: &Path, text: &str) -> Result<Config, Problem> {
    let (mut profiles, mut protected) = (BTreeMap::new(), Vec::new());
    let (mut max_changes, mut confirm_above) = (None, CONFIRM_ABOVE);
    for (key, value) in DeTable::parse(text)?.into_inner() {
        match key.get_ref().as_ref() {
            "profiles" => {
                let at = value.span();
                let DeValue::Table(tables) = value.into_inner() else {
                    return Err(Problem::new("`profiles` must be tables, as in [profiles.pod]", at));
                };
                for (name, table) in tables {
                    checked_name(name.get_ref()).map_err(|message| Problem::new(message, name.span()))?;
                    let profile = profile(name.get_ref(), table)?;
                    profiles.insert(name.into_inner().into_owned(), profile);
                }
            }
            "protected" => {
                let at = value.span();
                let accounts: Vec<String> = Vec::deserialize(toml::de::ValueDeserializer::from(value))?;
                if accounts.iter().any(|account| account.split_once(':').is_none_or(|(_, user)| user.is_empty())) {
                    let message = "here an account is protected with its profile, as in \"pod:7215545078541\"";
                    return Err(Problem::new(message, at));
                }
                protected = accounts;
            }
            "max_changes" => max_changes = Some(count("max_changes", value)?),
            "confirm_above" => confirm_above = count("confirm_above", value)?,
            other => return Err(unknown(other, &KEYS, "a configuration", key.span())),
        }
    }
    // A profile that is misspelt here would leave the account without protection.
    for account in &protected {
        let name = account.split(':').next().unwrap_or_default();
        if !profiles.contains_key(name) {
            let message = format!("`protected` names the profile `{}`, which is not there", name.escape_debug());
            return Err(Problem { message, at: None });
        }
    }
    Ok(Config { path: path.to_owned(), profiles, protected, max_changes, confirm_above })
}

fn count(key: &str, value: Spanned<DeValue<'_>>) -> Result<u64, Problem> {
    let at = value.span();
    let refuse = |_| Problem::new(format!("`{key}` must be a whole number, 0 or more"), at);
    u64::deserialize(toml::de::ValueDeserializer::from(value)).map_err(refuse)
}

fn profile(name: &str, value: Spanned<DeValue<'_>>) -> Result<Profile, Problem> {
    let at = value.span();
    let DeValue::Table(table) = value.get_ref() else {
        return Err(Problem::new(format!("profile `{name}` must be a table, as in [profiles.{name}]"), at));
    };
    let systems = ALL.map(|known| known.kind.as_str()).join(", ");
    let Some(system) = table.get("system") else {
        return Err(Problem::new(format!("profile `{name}` lacks `system`, which is one of {systems}"), at));
    };
    let word = match system.get_ref() {
        DeValue::String(word) => word.as_ref(),
        _ => "",
    };
    // Other kinds are for programs that bring a system of their own.
    let Some(which) = ALL.into_iter().find(|known| known.kind.as_str() == word) else {
        return Err(Problem::new(format!("`system` must be one of {systems}"), system.span()));
    };
    let known = [Common::KEYS, which.keys].concat();
    for key in table.keys() {
        if !known.contains(&key.get_ref().as_ref()) {
            return Err(unknown(key.get_ref(), &known, &format!("a profile of {}", which.kind), key.span()));
        }
    }
    let within = |error: toml::de::Error| {
        let Problem { message, at } = Problem::from(error);
        Problem { message: format!("profile `{name}`: {message}"), at: at.or(Some(value.span())) }
    };
    // Each part of the table was found to be known.
    let part = || toml::de::ValueDeserializer::from(value.clone());
    let common = Common::deserialize(part()).map_err(within)?;
    let own = (which.read)(part()).map_err(within)?;
    Ok(Profile { common, own })
}

fn unknown(key: &str, known: &[&str], of: &str, at: Range<usize>) -> Problem {
    let near = near(key, known).map(|near| format!("did you mean `{near}`? ")).unwrap_or_default();
    Problem::new(format!("`{}` is no setting of {of}; {near}known are {}", key.escape_debug(), known.join(", ")), at)
}

fn checked_name(name: &str) -> Result<(), String> {
    let plain = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_' | '.');
    match !name.is_empty() && name.len() <= 64 && name.chars().all(plain) {
        true => Ok(()),
        false => Err("the name of a profile must be 1 to 64 letters, digits, `-`, `_` or `.`".to_owned()),
    }
}

/// A message without the value that it quotes, which may be a credential at the wrong place: whatever its type, and whether it
/// is taken for a word of a list or for a key.
fn without_values(message: &str) -> String {
    // What would be right stands at the end, and is never taken from the file.
    let Some((what, expected)) = message.rsplit_once(", expected ") else { return message.to_owned() };
    let mut what = what.to_owned();
    if let (Some(from), Some(to)) = (what.find("string \""), what.rfind('"')) {
        what.replace_range(from..=to.max(from), "a text");
    } else if let (Some(from), Some(to)) = (what.find('`'), what.rfind('`')) {
        what.replace_range(from..=to, "");
    }
    format!("{}, expected {expected}", what.trim_end())
}

fn line_and_column(text: &str, at: usize) -> String {
    let before = text.get(..at).unwrap_or(text);
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
    format!("{line}:{column}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_shows_no_value() {
        for (message, shown) in [
            (
                r#"invalid type: string "sk-1, expected `x`", expected a boolean"#,
                "invalid type: a text, expected a boolean",
            ),
            (r#"invalid value: string "", expected a time"#, "invalid value: a text, expected a time"),
            (
                "unknown variant `sk-1`, expected `documented` or `current`",
                "unknown variant, expected `documented` or `current`",
            ),
            ("unknown variant `a`, expected `b`c`, expected `d`", "unknown variant, expected `d`"),
            ("unknown field `sk-1`, expected one of `env`, `file`", "unknown field, expected one of `env`, `file`"),
            ("invalid type: integer `4711`, expected a string", "invalid type: integer, expected a string"),
            ("invalid basic string, expected `\"`", "invalid basic string, expected `\"`"),
            ("missing field `base_url`", "missing field `base_url`"),
        ] {
            assert_eq!(without_values(message), shown);
        }
    }
}

//! Ids of users: types that cannot hold an id which would lead a request elsewhere.
//!
//! A path parameter such as `..`, `a/b` or `42?x` changes which resource a request names, and so whose account is
//! changed. The contract therefore limits string ids to the characters that a URL path carries unencoded, without `%`
//! and `;`, and refuses `.` and `..`. The rule is written here by hand, so that nobody compiles regular expressions
//! for it; a test holds it and the contract's pattern equal.

use std::fmt;

use crate::model::error::Error;
use crate::model::kind::SystemKind;

/// An id that the contract does not allow. Nothing was sent.
///
/// The text says what is wrong and what would be right, and does not repeat the id.
///
/// ```
/// use user_status::systems::userdocks::UserdocksUserId;
///
/// let error = UserdocksUserId::try_from("a/b").unwrap_err();
/// assert_eq!(
///     error.to_string(),
///     "a userdocks user id must not have `/` (character 2); allowed are letters, digits and _ ~ ! $ & ' ( ) * + , = : @ - ."
/// );
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvalidId {
    system: SystemKind,
    noun: &'static str,
    problem: Problem,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Problem {
    Empty,
    TooLong { length: usize, max: usize },
    Dots,
    Character { character: char, position: usize },
    NotPositive,
}

impl InvalidId {
    /// Returns the system whose id it should be.
    pub fn system(&self) -> SystemKind {
        self.system
    }
}

impl fmt::Display for InvalidId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let article = if self.system.as_str().starts_with(['a', 'e', 'i', 'o']) { "an" } else { "a" };
        write!(f, "{article} {} {} must ", self.system, self.noun)?;
        match self.problem {
            Problem::Empty => f.write_str("not be empty"),
            Problem::TooLong { length, max } => write!(f, "have at most {max} characters, and has {length}"),
            Problem::Dots => f.write_str("not be `.` or `..`, which name another path"),
            Problem::Character { character, position } => write!(
                f,
                "not have `{}` (character {position}); allowed are letters, digits and {PUNCTUATION}",
                character.escape_debug()
            ),
            Problem::NotPositive => f.write_str("be a whole number from 1 to 9223372036854775807"),
        }
    }
}

impl std::error::Error for InvalidId {}

impl From<InvalidId> for Error {
    fn from(invalid: InvalidId) -> Error {
        Error::invalid_input(invalid.system, invalid.to_string()).with_source(invalid)
    }
}

/// The allowed punctuation, as it is shown to people.
const PUNCTUATION: &str = "_ ~ ! $ & ' ( ) * + , = : @ - .";

/// Holds a string id against the contract's rule.
pub(crate) fn check_string(system: SystemKind, noun: &'static str, id: &str, max: usize) -> Result<(), InvalidId> {
    let refuse = |problem| Err(InvalidId { system, noun, problem });
    if id.is_empty() {
        return refuse(Problem::Empty);
    }
    let length = id.chars().count();
    if length > max {
        return refuse(Problem::TooLong { length, max });
    }
    if id == "." || id == ".." {
        return refuse(Problem::Dots);
    }
    let allowed = |c: char| c.is_ascii_alphanumeric() || (c != ' ' && PUNCTUATION.contains(c));
    match id.chars().position(|c| !allowed(c)).and_then(|at| Some((at, id.chars().nth(at)?))) {
        Some((at, character)) => refuse(Problem::Character { character, position: at + 1 }),
        None => Ok(()),
    }
}

/// Holds an integer id against the contract's rule.
pub(crate) fn check_integer(system: SystemKind, noun: &'static str, id: i64) -> Result<i64, InvalidId> {
    if id >= 1 { Ok(id) } else { Err(InvalidId { system, noun, problem: Problem::NotPositive }) }
}

/// Reads an integer id: decimal digits, without zeros before them, and nothing else.
pub(crate) fn parse_integer(system: SystemKind, noun: &'static str, text: &str) -> Result<i64, InvalidId> {
    let digits = !text.starts_with('0') && text.bytes().all(|byte| byte.is_ascii_digit());
    let number = if digits { text.parse().ok() } else { None };
    check_integer(system, noun, number.unwrap_or(0))
}

/// A string id.
macro_rules! string_id {
    ($(#[$doc:meta])* $name:ident, $system:ident, $noun:literal, max $max:literal) => {
        $(#[$doc])*
        ///
        /// Made with `try_from` or `parse` from text, which must keep the rule in [`InvalidId`](crate::InvalidId).
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// Returns the id as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl TryFrom<String> for $name {
            type Error = crate::InvalidId;

            fn try_from(id: String) -> Result<Self, Self::Error> {
                crate::model::id::check_string(crate::SystemKind::$system, $noun, &id, $max)?;
                Ok($name(id))
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> String {
                id.0
            }
        }

        crate::model::id::text_conversions!($name, |id| Self::try_from(id.to_owned()));
    };
}

/// An integer id.
macro_rules! integer_id {
    ($(#[$doc:meta])* $name:ident, $system:ident, $noun:literal) => {
        $(#[$doc])*
        ///
        /// A whole number from 1 on; made with `try_from` from a number, or from its decimal digits.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
        #[serde(try_from = "i64", into = "i64")]
        pub struct $name(i64);

        impl $name {
            /// Returns the id as a number.
            pub fn get(self) -> i64 {
                self.0
            }
        }

        impl TryFrom<i64> for $name {
            type Error = crate::InvalidId;

            fn try_from(id: i64) -> Result<Self, Self::Error> {
                crate::model::id::check_integer(crate::SystemKind::$system, $noun, id).map($name)
            }
        }

        /// So that a literal without a suffix is an id.
        impl TryFrom<i32> for $name {
            type Error = crate::InvalidId;

            fn try_from(id: i32) -> Result<Self, Self::Error> {
                Self::try_from(i64::from(id))
            }
        }

        impl From<$name> for i64 {
            fn from(id: $name) -> i64 {
                id.0
            }
        }

        impl TryFrom<String> for $name {
            type Error = crate::InvalidId;

            fn try_from(id: String) -> Result<Self, Self::Error> {
                id.parse()
            }
        }

        crate::model::id::text_conversions!($name, |id| crate::model::id::parse_integer(crate::SystemKind::$system, $noun, id).map($name));
    };
}

/// The conversions that both kinds of id have.
macro_rules! text_conversions {
    ($name:ident, |$text:ident| $parse:expr) => {
        impl std::str::FromStr for $name {
            type Err = crate::InvalidId;

            fn from_str($text: &str) -> Result<Self, Self::Err> {
                $parse
            }
        }

        impl TryFrom<&str> for $name {
            type Error = crate::InvalidId;

            fn try_from(id: &str) -> Result<Self, Self::Error> {
                id.parse()
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                std::fmt::Display::fmt(&self.0, f)
            }
        }
    };
}

pub(crate) use {integer_id, string_id, text_conversions};

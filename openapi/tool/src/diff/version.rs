//! Which version a contract must have after its changes.

use std::fmt;
use std::str::FromStr;

use super::Class;

/// The rules of versions, for the help of the tool.
pub const RULE: &str = "\
After breaking changes the major version must be another, after compatible ones at least the minor, after changes of the
documentation at least the patch. While the major version is 0 it is as Cargo has it: the minor after breaking changes,
else the patch. A larger step is always right.";

/// `major.minor.patch`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version {
    /// Another one breaks something.
    pub major: u64,
    /// Another one adds something, or breaks something while `major` is 0.
    pub minor: u64,
    /// Another one adds nothing, or something while `major` is 0.
    pub patch: u64,
}

impl Version {
    /// The least version after changes of this class at most; the same after none.
    pub fn after(self, class: Option<Class>) -> Version {
        let Version { major, minor, patch } = self;
        let step = |major, minor, patch| Version { major, minor, patch };
        match (class, major) {
            (None, _) => self,
            (Some(Class::Breaking), 0) | (Some(Class::Compatible), 1..) => step(major, minor + 1, 0),
            (Some(Class::Breaking), 1..) => step(major + 1, 0, 0),
            (Some(Class::Compatible | Class::Documentation), _) => step(major, minor, patch + 1),
        }
    }
}

impl FromStr for Version {
    type Err = String;

    fn from_str(text: &str) -> Result<Version, String> {
        // Of 32 bits, so that there is always a next one.
        let number = |part: &str| {
            let plain = part == "0" || (!part.starts_with('0') && part.chars().all(|c| c.is_ascii_digit()));
            if plain { part.parse::<u32>().ok().map(u64::from) } else { None }
        };
        let parts: Vec<Option<u64>> = text.split('.').map(number).collect();
        match parts.as_slice() {
            [Some(major), Some(minor), Some(patch)] => Ok(Version { major: *major, minor: *minor, patch: *patch }),
            _ => Err(format!("`{}` must be of the form major.minor.patch, such as 0.2.0", text.escape_debug())),
        }
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.major, self.minor, self.patch)
    }
}

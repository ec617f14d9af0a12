//! Values that must never be seen.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A credential. It goes to the system it is for, and nowhere else: Debug shows that there is one and not what it is,
/// there is no Display, and only [`Secret::expose`] gives it out.
///
/// ```
/// let token = user_status::Secret::from("eyJhbGciOi…");
/// assert_eq!(format!("{token:?}"), "[redacted]");
/// ```
///
/// Serializing writes the value itself, because that is how it travels in a request body.
#[derive(Clone, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Secret(String);

impl Secret {
    /// Returns the value itself. Whoever calls this responses for where it goes.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

impl From<String> for Secret {
    fn from(value: String) -> Self {
        Secret(value)
    }
}

impl From<&str> for Secret {
    fn from(value: &str) -> Self {
        Secret(value.to_owned())
    }
}

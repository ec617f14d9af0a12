//! The names of worlds, and which one a request is for.

use http::{HeaderMap, HeaderName};

/// The name of the world that every server has from the start.
pub(crate) const DEFAULT: &str = "default";

/// Names the world that a request is for.
const WORLD: HeaderName = HeaderName::from_static("x-mock-world");

/// Returns which world a request is for, and the path in it.
///
/// # Errors
/// A name that is none.
pub(crate) fn named<'a>(path: &'a str, headers: &'a HeaderMap) -> Result<(&'a str, &'a str), String> {
    let (name, path) = match path.strip_prefix("/__world/") {
        Some(rest) => rest.split_at(rest.find('/').unwrap_or(rest.len())),
        None => {
            let value = headers.get(WORLD).map(|value| value.to_str().unwrap_or_default());
            (value.unwrap_or(DEFAULT), path)
        }
    };
    if is_name(name) { Ok((name, if path.is_empty() { "/" } else { path })) } else { Err(NO_NAME.to_owned()) }
}

/// The problem with a name that is malformed.
pub(crate) const NO_NAME: &str = "the name of a world must be 1 to 64 letters, digits, `-`, `_` and `.`";

/// Returns whether a world can have this name.
pub(crate) fn is_name(name: &str) -> bool {
    let good = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    (1..=64).contains(&name.len()) && name.bytes().all(good) && name.bytes().any(|byte| byte != b'.')
}

//! JSON pointers (RFC 6901): the way every finding names its place.

/// Appends `token` to `pointer`, escaped.
///
/// ```
/// assert_eq!(user_status_openapi::pointer::join("/paths", "/a/{b}"), "/paths/~1a~1{b}");
/// ```
pub fn join(pointer: &str, token: &str) -> String {
    format!("{pointer}/{}", escape(token))
}

/// Escapes one token: `~` becomes `~0`, `/` becomes `~1`.
pub fn escape(token: &str) -> String {
    token.replace('~', "~0").replace('/', "~1")
}

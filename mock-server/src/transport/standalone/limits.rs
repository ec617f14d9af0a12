//! What one client may use of the server.

use std::time::Duration;

/// What a client may use of the server. Whatever is more gets an answer that says so, or is closed.
///
/// ```
/// use user_status_mock::{Limits, Options};
///
/// let mut limits = Limits::default();
/// limits.body = 64 << 10;
/// let options = Options::new().limits(limits);
/// ```
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Limits {
    /// Bytes of a request body; beyond, 413. 1 MiB.
    pub body: usize,
    /// Bytes of a request line with its headers; beyond, 431. 64 KiB. Of these, 8 KiB may be the target; beyond, 414.
    pub head: usize,
    /// How many headers; beyond, 431. 100.
    pub headers: usize,
    /// How many connections at a time; further ones wait to be accepted. 8192.
    pub connections: usize,
    /// How long until a request line and its headers are there, on a new connection or after the request before; then the
    /// connection is closed. 30 seconds.
    pub head_timeout: Duration,
    /// How long until a request body is there; then 408. 30 seconds.
    pub body_timeout: Duration,
    /// How long a client may take none of an answer; then the connection is closed. 30 seconds.
    pub write_timeout: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            body: 1 << 20,
            head: 64 << 10,
            headers: 100,
            connections: 8192,
            head_timeout: Duration::from_secs(30),
            body_timeout: Duration::from_secs(30),
            write_timeout: Duration::from_secs(30),
        }
    }
}

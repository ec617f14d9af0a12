//! What one client may use of the server.

use std::time::Duration;

use super::memory::CONNECTION;

/// The limits of what a client may use of the server. A request beyond one gets a response that says so, or is closed.
///
/// ```
/// use user_status_mock::{Limits, ServerOptions};
///
/// let mut limits = Limits::default();
/// limits.body = 64 << 10;
/// let options = ServerOptions::new().limits(limits);
/// ```
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Limits {
    /// Bytes of a request body; beyond, 413. 1 MiB.
    pub body: usize,
    /// Bytes of a request line with its headers; beyond, 431. 64 KiB. Of these, 8 KiB may be the target; beyond, 414.
    pub head: usize,
    /// The number of headers; beyond, 431. 100.
    pub headers: usize,
    /// The number of connections at a time; further ones wait to be accepted. 512, and no more than have room in half
    /// of the [`memory`](Limits::memory) with 320 KiB for each.
    pub connections: usize,
    /// Bytes that callers can hold in all: connections with what they send and what waits to be sent to them, journals,
    /// and worlds. 384 MiB. A body or a response of more than 16 KiB that has no room gets a 503, and a journal keeps
    /// less.
    pub memory: usize,
    /// The time until a request line and its headers are there, on a new connection or after the request before; then
    /// the connection is closed. 30 seconds.
    pub head_timeout: Duration,
    /// The time until a request body is there; then 408. 30 seconds.
    pub body_timeout: Duration,
    /// The time that a client may take for 64 KiB of a response, or for the rest of it; then the connection is closed.
    /// 30 seconds.
    pub write_timeout: Duration,
    /// The time for which a connection that waits because of a fault, such as one that hangs, keeps its place when
    /// there is no other. When its client goes away, it ends at once; so it does when the client sends more than 16 KiB
    /// in the meantime. 30 seconds.
    pub wait_timeout: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            body: 1 << 20,
            head: 64 << 10,
            headers: 100,
            connections: 512,
            memory: 384 << 20,
            head_timeout: Duration::from_secs(30),
            body_timeout: Duration::from_secs(30),
            write_timeout: Duration::from_secs(30),
            wait_timeout: Duration::from_secs(30),
        }
    }
}

impl Limits {
    /// Returns the number of connections that have a place.
    pub fn places(&self) -> usize {
        self.connections.min(self.memory / 2 / CONNECTION).max(1)
    }

    /// Returns what is left of the memory beside the connections, for bodies and answers.
    pub(crate) fn transit(&self) -> usize {
        self.rest() / 4
    }

    /// Returns what is left of it for journals.
    pub(crate) fn journals(&self) -> usize {
        self.rest() / 4
    }

    /// Returns what is left of it for worlds.
    pub(crate) fn worlds(&self) -> usize {
        self.rest() / 2
    }

    fn rest(&self) -> usize {
        self.memory.saturating_sub(self.places().saturating_mul(CONNECTION))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::Options;

    /// An engine without a server has the same room.
    #[test]
    fn the_defaults_of_an_engine_are_those_of_a_server() {
        let (limits, options) = (Limits::default(), Options::default());
        let engine = (options.worlds.room, options.worlds.journals, options.longest_answer);
        assert_eq!(engine, (limits.worlds(), limits.journals(), limits.transit()));
    }
}

//! How a server of its own is set up.

use std::net::SocketAddr;

use super::Limits;
#[cfg(feature = "tls")]
use super::Tls;
use crate::engine::Options;

/// The settings of a [`StandaloneServer`](crate::StandaloneServer): where it listens, what a client may use, and its engine.
///
/// ```
/// use user_status_mock::{Options, ServerOptions, WorldState};
///
/// let engine = Options::new().world(WorldState::default().seed(7));
/// let options = ServerOptions::new().engine(engine).listen("127.0.0.1:4010".parse().unwrap());
/// ```
#[derive(Clone, Debug)]
pub struct ServerOptions {
    pub(super) engine: Options,
    pub(super) listen: SocketAddr,
    pub(super) workers: usize,
    pub(super) limits: Limits,
    #[cfg(feature = "tls")]
    pub(super) tls: Option<Tls>,
}

impl Default for ServerOptions {
    fn default() -> Self {
        ServerOptions {
            engine: Options::default(),
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            workers: 0,
            limits: Limits::default(),
            #[cfg(feature = "tls")]
            tls: None,
        }
    }
}

impl From<Options> for ServerOptions {
    fn from(engine: Options) -> ServerOptions {
        ServerOptions { engine, ..ServerOptions::default() }
    }
}

impl ServerOptions {
    /// Creates settings with the default engine, on a free port of this machine.
    pub fn new() -> ServerOptions {
        ServerOptions::default()
    }

    /// Sets the settings of the engine.
    #[must_use]
    pub fn engine(mut self, engine: Options) -> ServerOptions {
        self.engine = engine;
        self
    }

    /// Sets where the server listens; on a free port of this machine by default.
    #[must_use]
    pub fn listen(mut self, address: SocketAddr) -> ServerOptions {
        self.listen = address;
        self
    }

    /// Sets the number of threads of its own on which the server serves connections. None by default: then it uses the
    /// runtime on which it is started.
    #[must_use]
    pub fn workers(mut self, threads: usize) -> ServerOptions {
        self.workers = threads.min(1024);
        self
    }

    /// Sets the limits of what a client may use.
    #[must_use]
    pub fn limits(mut self, limits: Limits) -> ServerOptions {
        self.limits = limits;
        self
    }

    /// Sets the certificate and key with which the server speaks HTTPS.
    #[cfg(feature = "tls")]
    #[must_use]
    pub fn tls(mut self, tls: Tls) -> ServerOptions {
        self.tls = Some(tls);
        self
    }
}

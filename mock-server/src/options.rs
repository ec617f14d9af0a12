//! How a mock is set up: its worlds, and for a server of its own where it listens and what a client may use.

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use crate::engine::{Bounds, Exchange, World};
use crate::transport::standalone::Limits;
#[cfg(feature = "tls")]
use crate::transport::standalone::Tls;
use crate::world::WorldState;

/// What is called with every request.
pub(crate) type OnRequest = Arc<dyn Fn(&World, &Exchange) + Send + Sync>;

/// The settings of a mock server.
///
/// ```
/// use user_status_mock::{Engine, Options, WorldState};
///
/// let engine = Engine::with(Options::new().world(WorldState::default().seed(7).lenient()).journal(100, 1 << 20));
/// ```
#[derive(Clone)]
pub struct Options {
    pub(crate) world: WorldState,
    pub(crate) admin_token: Option<String>,
    pub(crate) journal: Bounds,
    pub(crate) most_worlds: usize,
    pub(crate) idle: Duration,
    pub(crate) cors: bool,
    pub(crate) on_request: Option<OnRequest>,
    pub(crate) breaks_the_wire: bool,
    workers: usize,
    listen: SocketAddr,
    limits: Limits,
    #[cfg(feature = "tls")]
    tls: Option<Tls>,
}

impl Default for Options {
    fn default() -> Self {
        Options {
            world: WorldState::default(),
            admin_token: None,
            journal: Bounds { entries: 1000, bytes: 8 << 20 },
            most_worlds: 256,
            idle: Duration::from_secs(60 * 60),
            cors: true,
            on_request: None,
            breaks_the_wire: true,
            workers: 0,
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            limits: Limits::default(),
            #[cfg(feature = "tls")]
            tls: None,
        }
    }
}

impl Options {
    /// The default world, and an admin API that is open to everybody.
    pub fn new() -> Options {
        Options::default()
    }

    /// Sets the state with which every world begins.
    #[must_use]
    pub fn world(mut self, world: WorldState) -> Options {
        self.world = world;
        self
    }

    /// The admin API asks for this token, as `Authorization: Bearer …`.
    #[must_use]
    pub fn admin_token(mut self, token: impl Into<String>) -> Options {
        self.admin_token = Some(token.into());
        self
    }

    /// Sets the number of requests that each world's journal keeps, and of their bytes.
    #[must_use]
    pub fn journal(mut self, requests: usize, bytes: usize) -> Options {
        self.journal = Bounds { entries: requests, bytes };
        self
    }

    /// Sets the number of worlds beside the default one, and the time without a request after which one is dropped.
    #[must_use]
    pub fn worlds(mut self, most: usize, idle: Duration) -> Options {
        (self.most_worlds, self.idle) = (most, idle);
        self
    }

    /// Sets whether pages of every origin may call the operations from a browser. They may by default. The admin API is
    /// never open to pages of other origins.
    #[must_use]
    pub fn cors(mut self, cors: bool) -> Options {
        self.cors = cors;
        self
    }

    /// Is called with every request that the journal gets.
    #[must_use]
    pub fn on_request(mut self, observe: impl Fn(&World, &Exchange) + Send + Sync + 'static) -> Options {
        self.on_request = Some(Arc::new(observe));
        self
    }

    /// Where a [`StandaloneServer`](crate::StandaloneServer) listens; a free port of this machine by default.
    #[must_use]
    pub fn listen(mut self, address: SocketAddr) -> Options {
        self.listen = address;
        self
    }

    /// On how many threads of its own a [`StandaloneServer`](crate::StandaloneServer) serves connections. None by
    /// default: then it uses the runtime on which it is started.
    #[must_use]
    pub fn workers(mut self, threads: usize) -> Options {
        self.workers = threads.min(1024);
        self
    }

    /// Sets the limits of a [`StandaloneServer`](crate::StandaloneServer).
    #[must_use]
    pub fn limits(mut self, limits: Limits) -> Options {
        self.limits = limits;
        self
    }

    /// A [`StandaloneServer`](crate::StandaloneServer) speaks HTTPS.
    #[cfg(feature = "tls")]
    #[must_use]
    pub fn tls(mut self, tls: Tls) -> Options {
        self.tls = Some(tls);
        self
    }

    /// For a transport that cannot break the wire.
    pub(crate) fn without_wire(mut self) -> Options {
        self.breaks_the_wire = false;
        self
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.listen
    }

    pub(crate) fn has_admin_token(&self) -> bool {
        self.admin_token.is_some()
    }

    pub(crate) fn number_of_workers(&self) -> usize {
        self.workers
    }

    pub(crate) fn limits_of_connections(&self) -> Limits {
        self.limits
    }

    #[cfg(feature = "tls")]
    pub(crate) fn tls_of_connections(&self) -> Option<&Tls> {
        self.tls.as_ref()
    }
}

impl fmt::Debug for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Options { admin_token, journal, most_worlds, idle, cors, .. } = self;
        f.debug_struct("Options")
            .field("admin_token", &admin_token.as_ref().map(|_| "[redacted]"))
            .field("journal", journal)
            .field("most_worlds", most_worlds)
            .field("idle", idle)
            .field("cors", cors)
            .finish_non_exhaustive()
    }
}

//! How an engine is set up.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::journal::{Bounds, Exchange};
use crate::world::{Settings, World, WorldState};

/// The settings of an engine: its worlds, and who may see into them.
///
/// ```
/// use user_status_mock::{Engine, Options, WorldState};
///
/// let engine = Engine::with(Options::new().world(WorldState::default().seed(7).lenient()).journal(100, 1 << 20));
/// ```
#[derive(Clone)]
pub struct Options {
    pub(crate) world: WorldState,
    pub(crate) worlds: Settings,
    pub(crate) admin_token: Option<String>,
    pub(crate) cors: bool,
    /// The longest answer of the admin API.
    pub(crate) longest_answer: usize,
}

impl Default for Options {
    fn default() -> Self {
        Options {
            world: WorldState::default(),
            worlds: Settings {
                journal: Bounds { entries: 1000, bytes: 8 << 20 },
                most: 256,
                idle: Duration::from_secs(60 * 60),
                on_request: None,
                breaks_the_wire: true,
                room: 112 << 20,
                journals: 56 << 20,
            },
            admin_token: None,
            cors: true,
            longest_answer: 56 << 20,
        }
    }
}

impl Options {
    /// Creates settings with the default world, and an admin API that is open to everybody.
    pub fn new() -> Options {
        Options::default()
    }

    /// Sets the state with which every world begins.
    #[must_use]
    pub fn world(mut self, world: WorldState) -> Options {
        self.world = world;
        self
    }

    /// Sets the token that the admin API asks for, as `Authorization: Bearer …`.
    #[must_use]
    pub fn admin_token(mut self, token: impl Into<String>) -> Options {
        self.admin_token = Some(token.into());
        self
    }

    /// Sets the number of requests that each world's journal keeps, and of their bytes.
    #[must_use]
    pub fn journal(mut self, requests: usize, bytes: usize) -> Options {
        self.worlds.journal = Bounds { entries: requests, bytes };
        self
    }

    /// Sets the number of worlds beside the default one, and the time without a request after which one is dropped.
    #[must_use]
    pub fn worlds(mut self, most: usize, idle: Duration) -> Options {
        (self.worlds.most, self.worlds.idle) = (most, idle);
        self
    }

    /// Sets whether pages of every origin may call the operations from a browser. They may by default. The admin API is
    /// never open to pages of other origins.
    #[must_use]
    pub fn cors(mut self, cors: bool) -> Options {
        self.cors = cors;
        self
    }

    /// Sets a function that is called with every request that the journal gets.
    #[must_use]
    pub fn on_request(mut self, observe: impl Fn(&World, &Exchange) + Send + Sync + 'static) -> Options {
        self.worlds.on_request = Some(Arc::new(observe));
        self
    }

    /// For a transport that cannot break the wire.
    pub(crate) fn without_wire_faults(mut self) -> Options {
        self.worlds.breaks_the_wire = false;
        self
    }

    pub(crate) fn has_admin_token(&self) -> bool {
        self.admin_token.is_some()
    }

    /// Sets how many bytes worlds, journals and one response of the admin API may take.
    pub(crate) fn memory(mut self, worlds: usize, journals: usize, answer: usize) -> Options {
        (self.worlds.room, self.worlds.journals, self.longest_answer) = (worlds, journals, answer);
        self
    }
}

impl fmt::Debug for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Options { worlds, admin_token, cors, .. } = self;
        f.debug_struct("Options")
            .field("worlds", worlds)
            .field("admin_token", &admin_token.as_ref().map(|_| "[redacted]"))
            .field("cors", cors)
            .finish_non_exhaustive()
    }
}

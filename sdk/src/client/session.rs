//! What a generated client holds for its hooks: everything that its calls share.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use reqwest::Client;
use url::Url;

use crate::client::auth::Auth;
use crate::client::report::Caller;
use crate::client::way::Way;
use crate::codec::xml::Representation;
use crate::model::kind::SystemKind;
use crate::policy::clock::Clock;
use crate::policy::conventions::Conventions;
use crate::policy::freshness::Freshness;
use crate::policy::limit::{Limiter, Throttle};
use crate::policy::retry::{Budget, RetryPolicy};

/// The session of a generated client. Made by the builders in [`systems`](crate::systems), shared by clones; Debug
/// shows no credential.
#[derive(Clone)]
pub struct Session(Arc<SessionInner>);

/// The state of a session.
pub(crate) struct SessionInner {
    pub(crate) system: SystemKind,
    /// `true` if the system has a way to read an account.
    pub(crate) reads: bool,
    /// The conventions of this system.
    pub(crate) conventions: Conventions,
    /// Where the system is.
    pub(crate) base: Url,
    /// The same as text, without a slash at the end.
    pub(crate) base_url: String,
    pub(crate) auth: Auth,
    /// The representation that is spoken instead of plain JSON.
    pub(crate) representation: Option<Representation>,
    pub(crate) attempt_timeout: Duration,
    pub(crate) total_timeout: Duration,
    pub(crate) retry: RetryPolicy,
    pub(crate) budget: Budget,
    pub(crate) limiter: Limiter,
    /// The most bytes that a body may have.
    pub(crate) body_limit: usize,
    pub(crate) clock: Arc<dyn Clock>,
    /// The way in which the system is reached; `None` if the caller set the HTTP client up.
    pub(crate) way: Option<Way>,
    /// `true` if traces show the path, and so the id of the user.
    pub(crate) trace_users: bool,
    /// The HTTP client that keeps its connections.
    pub(crate) pooled: Client,
    /// The HTTP client that opens a connection for each request.
    pub(crate) fresh: Client,
    /// `true` if all requests use it, `false` if none does; `None` for those that must not be sent twice.
    pub(crate) fresh_connections: Option<bool>,
    /// The state of the cache detection.
    pub(crate) freshness: Freshness,
    /// One call asks what the installation can do, and the others wait for it.
    pub(crate) discovery: tokio::sync::Mutex<()>,
}

impl Session {
    pub(crate) fn new(parts: SessionInner) -> Session {
        Session(Arc::new(parts))
    }

    /// The URL of a path below the base.
    pub(crate) fn url(&self, path: &str) -> Url {
        let base = self.0.base.path().trim_end_matches('/');
        let mut url = self.0.base.clone();
        url.set_path(&[base, path].concat());
        url
    }

    /// The generated client of this session, by its constructor.
    pub(crate) fn client<C>(&self, new: impl FnOnce(&str, Client, Session) -> C) -> C {
        new(&self.0.base_url, self.0.pooled.clone(), self.clone())
    }

    pub(crate) fn parts(&self) -> &SessionInner {
        &self.0
    }
}

impl SessionInner {
    /// The state of the limit; `None` unless it is adaptive.
    pub(crate) fn throttle(&self) -> Option<Throttle> {
        self.limiter.throttle(&*self.clock)
    }

    /// Returns what the clock on the wall shows.
    pub(crate) fn wall(&self) -> Timestamp {
        self.clock.wall()
    }

    /// Returns whose calls are reported.
    pub(crate) fn caller(&self) -> Caller {
        Caller { system: self.system, reads: self.reads, trace_users: self.trace_users }
    }
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session")
            .field("system", &self.0.system)
            .field("credentials", &"[redacted]")
            .field("attempt_timeout", &self.0.attempt_timeout)
            .field("total_timeout", &self.0.total_timeout)
            .field("retry", &self.0.retry)
            .finish_non_exhaustive()
    }
}

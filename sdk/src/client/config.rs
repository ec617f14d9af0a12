//! What the builders of all systems have in common.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use reqwest::ClientBuilder;
use reqwest::redirect::Policy;

use crate::client::auth::{CredentialInput, WireCredentials};
use crate::client::base_url;
use crate::client::connecting::Connecting;
use crate::client::session::{Session, SessionInner};
use crate::client::way::{Way, not_built};
use crate::codec::xml::Representation;
use crate::model::error::{Error, Result};
use crate::model::kind::SystemKind;
use crate::policy::clock::{Clock, SystemClock};
use crate::policy::conventions::Conventions;
use crate::policy::freshness::Freshness;
use crate::policy::limit::{Limit, Limiter};
use crate::policy::retry::{Budget, RetryPolicy};

/// A function that changes the settings of the HTTP client.
pub(crate) type ConfigureHttp = Arc<dyn Fn(ClientBuilder) -> ClientBuilder + Send + Sync>;

/// The settings that every system has.
#[derive(Clone)]
pub(crate) struct Config {
    pub(crate) base_url: Option<String>,
    pub(crate) allow_plain_http: bool,
    pub(crate) attempt_timeout: Duration,
    pub(crate) connect_timeout: Duration,
    pub(crate) total_timeout: Duration,
    pub(crate) retry: RetryPolicy,
    pub(crate) limit: Limit,
    pub(crate) body_limit: usize,
    pub(crate) trace_users: bool,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) fresh_connections: Option<bool>,
    pub(crate) configure_http: Option<ConfigureHttp>,
}

impl Default for Config {
    fn default() -> Self {
        Config {
            base_url: None,
            allow_plain_http: false,
            attempt_timeout: Duration::from_secs(30),
            connect_timeout: Duration::from_secs(10),
            total_timeout: Duration::from_secs(120),
            retry: RetryPolicy::default(),
            limit: Limit::default(),
            body_limit: 1024 * 1024,
            trace_users: false,
            clock: Arc::new(SystemClock::default()),
            fresh_connections: None,
            configure_http: None,
        }
    }
}

/// Without the address, which may hold a password until it is checked.
impl fmt::Debug for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Config")
            .field("base_url", &self.base_url.as_ref().map(|_| "[set]"))
            .field("attempt_timeout", &self.attempt_timeout)
            .field("connect_timeout", &self.connect_timeout)
            .field("total_timeout", &self.total_timeout)
            .field("retry", &self.retry)
            .field("limit", &self.limit)
            .finish_non_exhaustive()
    }
}

impl Config {
    /// The session of a client.
    pub(crate) fn connect<C: 'static>(
        self,
        peer: Peer,
        credentials: Option<CredentialInput<C>>,
        prepare: impl Fn(&C) -> Result<WireCredentials> + Send + Sync + Clone + 'static,
    ) -> Result<Session> {
        let Peer { kind: system, reads, conventions, representation } = peer;
        let credentials = credentials.ok_or_else(|| Error::missing(system, "credentials"))?;
        let auth = credentials.into_auth(system, prepare)?;
        let text = self.base_url.as_deref().ok_or_else(|| Error::missing(system, "base_url"))?;
        let url = base_url::parse(system, text, self.allow_plain_http)?;
        let way = Way::to(system, &url)?;
        let builder = || {
            let builder = way.builder(system, self.connect_timeout)?;
            let builder = match &self.configure_http {
                Some(configure) => configure(builder),
                None => builder,
            };
            // What must hold comes last, whatever the caller sets.
            let builder = builder
                // A redirect would take the credentials along, to wherever the response says, and hide what the system
                // itself has said.
                .redirect(Policy::none())
                // Whether to try again is decided in one place, and not below it.
                .retry(reqwest::retry::never())
                // Bodies are decoded in one place, whatever another crate has switched on in `reqwest`.
                .no_gzip()
                .no_brotli()
                .no_zstd()
                .no_deflate()
                // A gateway may add more than the hundred that are read by default.
                .http1_max_headers(1000)
                .connector_layer(Connecting);
            Ok::<ClientBuilder, Error>(builder)
        };
        let build = |builder: ClientBuilder| builder.build().map_err(|e| not_built(system, e));
        let pooled = build(builder()?)?;
        // Without a pool every request has a connection of its own.
        let fresh = build(builder()?.pool_max_idle_per_host(0))?;
        // A caller who sets the client up may lead it elsewhere.
        let way = Some(way).filter(|_| self.configure_http.is_none());
        let base_url = base_url::for_client(&url);
        Ok(Session::new(SessionInner {
            system,
            reads,
            conventions,
            base: url,
            base_url,
            auth,
            representation,
            attempt_timeout: self.attempt_timeout,
            total_timeout: self.total_timeout,
            retry: self.retry,
            budget: Budget::new(),
            limiter: Limiter::new(self.limit),
            body_limit: self.body_limit,
            clock: self.clock,
            way,
            trace_users: self.trace_users,
            pooled,
            fresh,
            fresh_connections: self.fresh_connections,
            freshness: Freshness::default(),
            discovery: tokio::sync::Mutex::default(),
        }))
    }
}

/// The other side of a session.
pub(crate) struct Peer {
    pub(crate) kind: SystemKind,
    /// `true` if it has a way to read an account.
    pub(crate) reads: bool,
    pub(crate) conventions: Conventions,
    /// The representation that is spoken instead of plain JSON.
    pub(crate) representation: Option<Representation>,
}

/// The setters of [`Config`], for a builder that has one in its field `config`, and its credentials in `credentials`.
macro_rules! config_setters {
    () => {
        /// Sets the address of the system, such as the one in the example above. Plain `http` is for the machine itself
        /// only, unless [`allow_plain_http`](Self::allow_plain_http) says otherwise, and uses no proxy; `https` uses
        /// the proxy that the environment names, if any: the first of `HTTPS_PROXY`, `https_proxy`, `ALL_PROXY` and
        /// `all_proxy` that is not empty, unless `NO_PROXY` or `no_proxy` has the address. One that cannot be used is
        /// an error of `build`, and so is an `SSL_CERT_FILE` or `SSL_CERT_DIR` without a certificate.
        pub fn base_url(mut self, url: impl Into<String>) -> Self {
            self.config.base_url = Some(url.into());
            self
        }

        /// Sets credentials that never change.
        pub fn credentials(mut self, credentials: Credentials) -> Self {
            self.credentials = Some(crate::client::auth::CredentialInput::Fixed(credentials));
            self
        }

        /// Sets a source of credentials. It is asked before the first call, and again after a 401.
        pub fn credential_source(mut self, source: impl crate::CredentialSource<Credentials>) -> Self {
            self.credentials = Some(crate::client::auth::CredentialInput::Source(std::sync::Arc::new(source)));
            self
        }

        /// Sets whether the credentials may travel unencrypted to another machine, such as a mock server in a
        /// container. They may not by default.
        pub fn allow_plain_http(mut self, allow: bool) -> Self {
            self.config.allow_plain_http = allow;
            self
        }

        /// Sets the longest time of one attempt, from opening the connection to the last byte read: 30 s by default.
        pub fn attempt_timeout(mut self, timeout: std::time::Duration) -> Self {
            self.config.attempt_timeout = timeout;
            self
        }

        /// Sets the longest time for opening a connection: 10 s by default.
        pub fn connect_timeout(mut self, timeout: std::time::Duration) -> Self {
            self.config.connect_timeout = timeout;
            self
        }

        /// Sets the longest time of a call, all attempts and waits together: 120 s by default. Reading back after it
        /// (`apply_and_verify`) is a call of its own.
        pub fn total_timeout(mut self, timeout: std::time::Duration) -> Self {
            self.config.total_timeout = timeout;
            self
        }

        /// Sets the retry policy.
        pub fn retry(mut self, policy: crate::RetryPolicy) -> Self {
            self.config.retry = policy;
            self
        }

        /// Sets a limit of the client's own, shared by its clones. None by default.
        pub fn limit(mut self, limit: crate::Limit) -> Self {
            self.config.limit = limit;
            self
        }

        /// Sets the most bytes that the body of a response may have: 1 MiB by default. A longer one is not read on.
        pub fn body_limit(mut self, bytes: usize) -> Self {
            self.config.body_limit = bytes;
            self
        }

        /// Sets whether traces show the path of a request, and so the id of the user. They do not by default.
        pub fn trace_users(mut self, show: bool) -> Self {
            self.config.trace_users = show;
            self
        }

        /// Sets the clock. For tests.
        pub fn clock(mut self, clock: std::sync::Arc<dyn crate::Clock>) -> Self {
            self.config.clock = clock;
            self
        }

        /// Changes the settings of the HTTP client: a proxy, TLS, DNS, sockets, the pool of connections. Is called when
        /// the client is built, more than once. Set after it, whatever it sets: redirects are not followed, nothing is
        /// retried below this client, and no body is decoded. There is no way to bring a client of one's own, since it
        /// cannot be asked what it follows and repeats.
        ///
        /// ```
        /// # use user_status::systems::symphony::Symphony;
        /// let builder = Symphony::builder().configure_http(|http| http.tcp_nodelay(true).https_only(true));
        /// ```
        pub fn configure_http(
            mut self,
            configure: impl Fn(reqwest::ClientBuilder) -> reqwest::ClientBuilder + Send + Sync + 'static,
        ) -> Self {
            self.config.configure_http = Some(std::sync::Arc::new(configure));
            self
        }

        /// Sets whether each request travels on a connection of its own, which is closed after it. By default those do
        /// that must not be sent twice: ClearSquare's toggle, and a change in MediConnect that leaves `isActive` out.
        ///
        /// HTTP/1.1 does not say which request a response belongs to. On a connection that is kept, a second response
        /// that comes too late (from a faulty system or proxy) is taken for the response to the next request: a toggle
        /// would be reported as somebody else's was. `true` does the same for all requests, at the price of a handshake
        /// for each; `false` for none.
        pub fn fresh_connections(mut self, fresh: bool) -> Self {
            self.config.fresh_connections = Some(fresh);
            self
        }
    };
}

pub(crate) use config_setters;

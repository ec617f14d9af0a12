//! What the builders of all five systems have in common.

use std::time::Duration;

use reqwest::Client;
use reqwest::redirect::Policy;

use crate::base_url;
use crate::error::{Error, Result};
use crate::vendor::Vendor;

/// How long one attempt may take when the caller says nothing.
pub(crate) const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(30);

/// How long opening a connection may take when the caller says nothing.
pub(crate) const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// The settings that every system has.
#[derive(Clone, Debug)]
pub(crate) struct Config {
    pub(crate) base_url: Option<String>,
    pub(crate) allow_plain_http: bool,
    pub(crate) attempt_timeout: Duration,
    pub(crate) connect_timeout: Duration,
    pub(crate) http_client: Option<HttpClient>,
}

/// The caller's own HTTP client. Its Debug would print default headers, which may be credentials.
#[derive(Clone)]
pub(crate) struct HttpClient(pub(crate) Client);

impl std::fmt::Debug for HttpClient {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("[the caller's own]")
    }
}

impl Default for Config {
    fn default() -> Self {
        Config {
            base_url: None,
            allow_plain_http: false,
            attempt_timeout: ATTEMPT_TIMEOUT,
            connect_timeout: CONNECT_TIMEOUT,
            http_client: None,
        }
    }
}

impl Config {
    /// The base URL for a generated client, and the HTTP client that it sends with.
    pub(crate) fn connect(&self, vendor: Vendor) -> Result<(String, Client)> {
        let text = self.base_url.as_deref().ok_or_else(|| Error::missing(vendor, "base_url"))?;
        let url = base_url::parse(vendor, text, self.allow_plain_http)?;
        let client = match &self.http_client {
            Some(HttpClient(client)) => client.clone(),
            None => {
                let tls = crate::tls::config(&url).map_err(|e| Error::setup(vendor, "TLS cannot be set up", e))?;
                let builder = match url.scheme() {
                    // A proxy from the environment would get the credentials in clear.
                    "http" => Client::builder().no_proxy(),
                    _ => Client::builder(),
                };
                builder
                    .tls_backend_preconfigured(tls)
                    .connect_timeout(self.connect_timeout)
                    // A redirect would take the credentials along, to wherever the answer says.
                    .redirect(Policy::none())
                    .build()
                    .map_err(|e| Error::setup(vendor, "the HTTP client cannot be set up", e))?
            }
        };
        Ok((base_url::for_client(&url), client))
    }
}

/// The setters of [`Config`], for a builder that has one in its field `config`.
macro_rules! config_setters {
    () => {
        /// The address of the system, such as the one in the example above. Plain `http` is for the machine itself
        /// only, unless [`allow_plain_http`](Self::allow_plain_http) says otherwise, and uses no proxy; `https` uses the
        /// proxy that the environment names, if any.
        pub fn base_url(mut self, url: impl Into<String>) -> Self {
            self.config.base_url = Some(url.into());
            self
        }

        /// Whether the credentials may travel unencrypted to another machine, such as a mock server in a container.
        /// They may not by default.
        pub fn allow_plain_http(mut self, allow: bool) -> Self {
            self.config.allow_plain_http = allow;
            self
        }

        /// How long one attempt may take, from opening the connection to the last byte read: 30 s by default.
        pub fn attempt_timeout(mut self, timeout: std::time::Duration) -> Self {
            self.config.attempt_timeout = timeout;
            self
        }

        /// How long opening a connection may take: 10 s by default. Has no effect with an
        /// [`http_client`](Self::http_client) of one's own.
        pub fn connect_timeout(mut self, timeout: std::time::Duration) -> Self {
            self.config.connect_timeout = timeout;
            self
        }

        /// An HTTP client of one's own, with its own TLS, proxy and connection settings. It should not follow
        /// redirects: `reqwest` takes some of the credential headers along.
        pub fn http_client(mut self, client: reqwest::Client) -> Self {
            self.config.http_client = Some(crate::config::HttpClient(client));
            self
        }
    };
}

pub(crate) use config_setters;

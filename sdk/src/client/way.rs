//! The way to a system: the proxy that the environment names for it, and the certificates that are trusted.

use std::sync::Arc;
use std::time::Duration;

use reqwest::{Client, ClientBuilder};
use rustls::ClientConfig;
use url::Url;

use crate::client::proxy::Proxy;
use crate::model::error::{Error, ErrorKind, Result};
use crate::model::kind::SystemKind;

/// The way to a system: proxy and TLS.
#[derive(Clone, Debug)]
pub(crate) struct Way {
    pub(crate) proxy: Option<Proxy>,
    pub(crate) tls: Arc<ClientConfig>,
}

impl Way {
    /// # Errors
    /// If the environment names a proxy, or certificates, that cannot be used.
    pub(crate) fn to(system: SystemKind, url: &Url) -> Result<Way> {
        let refuse = |problem: String| Error::new(ErrorKind::ClientSetup, system, problem);
        let proxy = Proxy::of_environment(url).map_err(|e| refuse(e.to_string()))?;
        let tls = crate::client::tls::config(url).map_err(refuse)?;
        Ok(Way { proxy, tls: Arc::new(tls) })
    }

    /// The settings of an HTTP client that goes this way.
    pub(crate) fn builder(&self, system: SystemKind, connect_timeout: Duration) -> Result<ClientBuilder> {
        // What the client finds in the environment by itself is not judged.
        let mut builder = Client::builder().no_proxy();
        if let Some(proxy) = &self.proxy {
            builder = builder.proxy(proxy.for_client().map_err(|e| not_built(system, e))?);
        }
        Ok(builder.tls_backend_preconfigured((*self.tls).clone()).connect_timeout(connect_timeout))
    }
}

/// Why there is no HTTP client.
pub(crate) fn not_built(system: SystemKind, error: reqwest::Error) -> Error {
    Error::new(ErrorKind::ClientSetup, system, "the HTTP client cannot be set up").with_source(error.without_url())
}

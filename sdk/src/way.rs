//! The way to a system: the proxy that the environment names for it, and the certificates that are trusted.

use std::sync::Arc;
use std::time::Duration;

use reqwest::header::LOCATION;
use reqwest::redirect::Policy;
use reqwest::{Client, ClientBuilder};
use rustls::ClientConfig;
use url::Url;

use crate::base_url;
use crate::clock::SystemClock;
use crate::connection::{Unconnected, lost};
use crate::error::{Applied, Error, ErrorKind, Result};
use crate::kind::SystemKind;
use crate::proxy::Proxy;

/// How a client reaches its system.
#[derive(Clone, Debug)]
pub(crate) struct Way {
    pub(crate) proxy: Option<Proxy>,
    pub(crate) tls: Arc<ClientConfig>,
}

impl Way {
    /// # Errors
    /// If the environment names a proxy, or certificates, that cannot be used.
    pub(crate) fn to(system: SystemKind, url: &Url) -> Result<Way> {
        let refuse = |problem: String| Error::new(ErrorKind::Setup, system, problem);
        let proxy = Proxy::of_environment(url).map_err(|e| refuse(e.to_string()))?;
        let tls = crate::tls::config(url).map_err(refuse)?;
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
    Error::new(ErrorKind::Setup, system, "the HTTP client cannot be set up").with_source(error.without_url())
}

/// The response of an address.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Reached {
    /// The status code.
    pub status: u16,
    /// Where a redirect leads, which was not followed.
    pub location: Option<String>,
}

/// Asks for an address of a system by the way that its client would take, once, without credentials; nothing is
/// changed. Any answer shows that somebody is there.
///
/// ```no_run
/// use std::time::Duration;
/// use user_status::SystemKind;
///
/// # async fn f() -> user_status::Result<()> {
/// let reached = user_status::reach(SystemKind::CLEARSQUARE, "https://clearsquare.example", false, Duration::from_secs(10)).await?;
/// println!("somebody answers: {}", reached.status);
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// [`InvalidInput`](ErrorKind::InvalidInput) and [`Setup`](ErrorKind::Setup) as the `build` of a client;
/// [`NotSent`](ErrorKind::NotSent), with its [cause](Error::connection_problem) where that is known, if nobody is there;
/// [`OutcomeUnknown`](ErrorKind::OutcomeUnknown) if no answer came.
pub async fn reach(system: SystemKind, base_url: &str, allow_plain_http: bool, time: Duration) -> Result<Reached> {
    let url = base_url::parse(system, base_url, allow_plain_http)?;
    let way = Way::to(system, &url)?;
    let client = way.builder(system, time)?.redirect(Policy::none()).retry(reqwest::retry::never()).build();
    match client.map_err(|e| not_built(system, e))?.get(url.clone()).timeout(time).send().await {
        Ok(answer) => {
            let location = answer.headers().get(LOCATION).and_then(|to| to.to_str().ok()).map(str::to_owned);
            Ok(Reached { status: answer.status().as_u16(), location })
        }
        Err(e) if e.is_connect() || e.is_builder() => {
            let cause = Unconnected::of(e, &url, Some(&way), &SystemClock::default()).await;
            Err(Error::new(ErrorKind::NotSent, system, cause.to_string()).with_source(cause))
        }
        Err(e) => Err(Error::new(ErrorKind::OutcomeUnknown, system, lost(&e))
            .with_applied(Applied::No)
            .with_source(e.without_url())),
    }
}

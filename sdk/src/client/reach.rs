//! Whether anybody is at an address.

use std::time::Duration;

use reqwest::header::LOCATION;
use reqwest::redirect::Policy;

use crate::client::base_url;
use crate::client::diagnosis::{diagnose, lost};
use crate::client::way::{Way, not_built};
use crate::model::error::{Applied, Error, ErrorKind, Result};
use crate::model::kind::SystemKind;
use crate::policy::clock::SystemClock;

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
/// changed. Any response shows that somebody is there.
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
/// [`InvalidInput`](ErrorKind::InvalidInput) and [`ClientSetup`](ErrorKind::ClientSetup) as the `build` of a client;
/// [`NotSent`](ErrorKind::NotSent), with its [cause](Error::connection_problem) where that is known, if nobody is there;
/// [`OutcomeUnknown`](ErrorKind::OutcomeUnknown) if no response came.
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
            let cause = diagnose(e, &url, Some(&way), &SystemClock::default()).await;
            Err(Error::new(ErrorKind::NotSent, system, cause.to_string()).with_source(cause))
        }
        Err(e) => Err(Error::new(ErrorKind::OutcomeUnknown, system, lost(&e))
            .with_applied(Applied::No)
            .with_source(e.without_url())),
    }
}

//! Credentials: where they come from, and how a client holds them.

use std::collections::VecDeque;
use std::sync::{Arc, PoisonError};

use reqwest::header::{HeaderName, HeaderValue};
use tokio::sync::Mutex;

use crate::codec::BoxError;
use crate::codec::redact::{REDACTED, Secrets};
use crate::model::error::{Error, ErrorKind, Result};
use crate::model::kind::SystemKind;
use crate::model::secret::Secret;
use crate::policy::clock::BoxFuture;

/// A source of fresh credentials. A client asks it before its first call, and again after a 401: once for all calls that
/// failed together, each of which is then retried once. If the source fails, each waiting call asks it in turn. Dropping
/// a call cancels its request to the source.
///
/// Credentials that never change need no source; give them to the builder as they are.
///
/// ```
/// use user_status::systems::symphony::Credentials;
/// use user_status::{BoxFuture, CredentialSource};
///
/// struct Vault;
///
/// impl CredentialSource<Credentials> for Vault {
///     fn credentials(&self) -> BoxFuture<'_, Result<Credentials, Box<dyn std::error::Error + Send + Sync>>> {
///         Box::pin(async { Ok(Credentials::session_token("the token of this hour")) })
///     }
/// }
/// ```
pub trait CredentialSource<C>: Send + Sync + 'static {
    /// Credentials that are good now.
    ///
    /// # Errors
    /// Why there are none. The call ends with an error of kind [`Credentials`](ErrorKind::Credentials) that has this
    /// one as its source; it must not hold a secret. An error that holds one of the credentials that were refused is
    /// replaced by `[redacted]`.
    fn credentials(&self) -> BoxFuture<'_, std::result::Result<C, BoxError>>;
}

/// Credentials as they travel.
pub(crate) struct WireCredentials {
    /// The headers, each marked sensitive.
    pub(crate) headers: Vec<(HeaderName, HeaderValue)>,
    /// A credential that travels in the JSON body: the member's name and its value.
    pub(crate) body_member: Option<(&'static str, Secret)>,
    /// The secrets in them, to be kept out of everything that can be seen.
    pub(crate) secrets: Arc<Secrets>,
}

impl WireCredentials {
    pub(crate) fn new(
        headers: Vec<(HeaderName, HeaderValue)>,
        body_member: Option<(&'static str, Secret)>,
        secrets: &[&Secret],
    ) -> WireCredentials {
        let secrets = Secrets::of(secrets.iter().map(|secret| secret.expose()));
        WireCredentials { headers, body_member, secrets: Arc::new(secrets) }
    }

    /// The same without the credentials: what travels where they do, for a request that is only shown.
    pub(crate) fn redacted(&self) -> WireCredentials {
        let mut headers = self.headers.clone();
        for (_, value) in headers.iter_mut().filter(|(_, value)| value.is_sensitive()) {
            *value = HeaderValue::from_static(REDACTED);
        }
        let body_member = self.body_member.as_ref().map(|(name, _)| (*name, Secret::from(REDACTED)));
        WireCredentials { headers, body_member, secrets: Arc::default() }
    }
}

type Fetch = dyn Fn() -> BoxFuture<'static, Result<WireCredentials>> + Send + Sync;

/// The credentials of one client.
pub(crate) struct Auth {
    system: SystemKind,
    /// `None` for credentials that never change.
    fetch: Option<Box<Fetch>>,
    current: Mutex<Option<Arc<WireCredentials>>>,
    /// The redaction of the credentials before, the newest last.
    past: std::sync::Mutex<VecDeque<Arc<Secrets>>>,
}

/// So many credentials of before are kept out of sight as well: a system may still speak of them.
const PAST: usize = 4;

impl Auth {
    /// Credentials that never change.
    pub(crate) fn fixed(system: SystemKind, prepared: WireCredentials) -> Auth {
        Auth { system, fetch: None, current: Mutex::new(Some(Arc::new(prepared))), past: Default::default() }
    }

    /// Credentials from a source.
    pub(crate) fn from_source<C: 'static>(
        system: SystemKind,
        source: Arc<dyn CredentialSource<C>>,
        prepare: impl Fn(&C) -> Result<WireCredentials> + Send + Sync + Clone + 'static,
    ) -> Auth {
        let fetch = move || -> BoxFuture<'static, Result<WireCredentials>> {
            let (source, prepare) = (source.clone(), prepare.clone());
            Box::pin(async move {
                let credentials = crate::client::report::apart(source.credentials()).await.map_err(|e| {
                    Error::new(ErrorKind::Credentials, system, "the source of credentials gave none").with_source(e)
                })?;
                prepare(&credentials)
            })
        };
        Auth { system, fetch: Some(Box::new(fetch)), current: Mutex::new(None), past: Default::default() }
    }

    /// Returns whether fresh credentials can be had.
    pub(crate) fn can_refresh(&self) -> bool {
        self.fetch.is_some()
    }

    /// The credentials to use now, if nothing has to be waited for.
    pub(crate) fn cached(&self) -> Option<Arc<WireCredentials>> {
        self.current.try_lock().ok()?.clone()
    }

    /// The credentials to use now.
    pub(crate) async fn current(&self) -> Result<Arc<WireCredentials>> {
        let mut current = self.current.lock().await;
        match &*current {
            Some(prepared) => Ok(prepared.clone()),
            None => self.fetch_into(&mut current).await,
        }
    }

    /// Credentials other than these, which were refused. Calls that were refused together wait for one another here,
    /// and only the first asks the source.
    pub(crate) async fn refresh(&self, refused: &Arc<WireCredentials>) -> Result<Arc<WireCredentials>> {
        let mut current = self.current.lock().await;
        match &*current {
            Some(prepared) if !Arc::ptr_eq(prepared, refused) => Ok(prepared.clone()),
            _ => self.fetch_into(&mut current).await,
        }
    }

    /// Fresh credentials, with which those before them are kept out of sight too.
    fn with_past(&self, mut prepared: WireCredentials) -> WireCredentials {
        let mut past = self.past.lock().unwrap_or_else(PoisonError::into_inner);
        let own = prepared.secrets.clone();
        prepared.secrets = Arc::new(past.iter().fold(Secrets::clone(&own), |all, before| all.and(before)));
        if past.len() == PAST {
            past.pop_front();
        }
        past.push_back(own);
        prepared
    }

    async fn fetch_into(&self, current: &mut Option<Arc<WireCredentials>>) -> Result<Arc<WireCredentials>> {
        let Some(fetch) = &self.fetch else {
            return Err(Error::new(ErrorKind::Credentials, self.system, "there are no others"));
        };
        let prepared = Arc::new(self.with_past(fetch().await?));
        *current = Some(prepared.clone());
        Ok(prepared)
    }
}

/// The credentials or the source that a builder was given.
pub(crate) enum CredentialInput<C> {
    Fixed(C),
    Source(Arc<dyn CredentialSource<C>>),
}

impl<C: Clone> Clone for CredentialInput<C> {
    fn clone(&self) -> Self {
        match self {
            CredentialInput::Fixed(credentials) => CredentialInput::Fixed(credentials.clone()),
            CredentialInput::Source(source) => CredentialInput::Source(source.clone()),
        }
    }
}

impl<C> std::fmt::Debug for CredentialInput<C> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            CredentialInput::Fixed(_) => "[redacted]",
            CredentialInput::Source(_) => "[a source of credentials]",
        })
    }
}

impl<C: 'static> CredentialInput<C> {
    /// As a client holds them. What is fixed is checked now, what comes from a source when it comes.
    pub(crate) fn into_auth(
        self,
        system: SystemKind,
        prepare: impl Fn(&C) -> Result<WireCredentials> + Send + Sync + Clone + 'static,
    ) -> Result<Auth> {
        Ok(match self {
            CredentialInput::Fixed(credentials) => Auth::fixed(system, prepare(&credentials)?),
            CredentialInput::Source(source) => Auth::from_source(system, source, prepare),
        })
    }
}

/// A credential as a header value, such as `Bearer …`. An error names the credential and not its value.
pub(crate) fn credential_header(system: SystemKind, what: &str, prefix: &str, secret: &Secret) -> Result<HeaderValue> {
    let refuse = |problem: &str| Err(Error::invalid_input(system, format!("{what} {problem}")));
    let value = secret.expose();
    if value.is_empty() {
        return refuse("is empty");
    }
    if let Some((at, c)) = value.chars().enumerate().find(|(_, c)| !c.is_ascii_graphic()) {
        let what = match c.is_whitespace() {
            true => "white space (such as a line end from a file)",
            false => "a character that a header cannot carry",
        };
        return refuse(&format!("has {what} at character {}", at + 1));
    }
    match HeaderValue::try_from(format!("{prefix}{value}")) {
        Ok(mut header) => {
            header.set_sensitive(true);
            Ok(header)
        }
        Err(_) => refuse("cannot be a header"),
    }
}

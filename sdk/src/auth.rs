//! Credentials: where they come from, and how a client holds them.

use std::sync::Arc;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use reqwest::header::{HeaderName, HeaderValue};
use tokio::sync::Mutex;

use crate::clock::BoxFuture;
use crate::error::{BoxError, Error, ErrorKind, Result};
use crate::secret::Secret;
use crate::vendor::Vendor;

/// Where fresh credentials come from. A client asks before its first call, and again after a 401: once for all calls
/// that failed together, and each of them then tries once more. If the source fails, each of them asks it in turn. A call
/// that is dropped while it asks drops the asking.
///
/// Credentials that never change need no source; give them to the builder as they are.
///
/// ```
/// use user_status::vendors::symphony::Credentials;
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
    /// one as its source; it must not hold a secret.
    fn credentials(&self) -> BoxFuture<'_, std::result::Result<C, BoxError>>;
}

/// Credentials as they travel.
pub(crate) struct Prepared {
    /// The headers, each marked sensitive.
    pub(crate) headers: Vec<(HeaderName, HeaderValue)>,
    /// A credential that travels in the JSON body: the member's name and its value.
    pub(crate) body_member: Option<(&'static str, Secret)>,
    /// The secrets in them, to be kept out of everything that can be seen, in the forms in which they may come back.
    pub(crate) secrets: Arc<[Secret]>,
}

impl Prepared {
    pub(crate) fn new(
        headers: Vec<(HeaderName, HeaderValue)>,
        body_member: Option<(&'static str, Secret)>,
        secrets: &[&Secret],
    ) -> Prepared {
        let secrets = secrets.iter().flat_map(|secret| Prepared::forms(secret.expose())).collect();
        Prepared { headers, body_member, secrets }
    }

    /// The same without the credentials: what travels where they do, for a request that is only shown.
    pub(crate) fn redacted(&self) -> Prepared {
        let mut headers = self.headers.clone();
        for (_, value) in headers.iter_mut().filter(|(_, value)| value.is_sensitive()) {
            *value = HeaderValue::from_static("[redacted]");
        }
        let body_member = self.body_member.as_ref().map(|(name, _)| (*name, Secret::from("[redacted]")));
        Prepared { headers, body_member, secrets: Arc::default() }
    }

    /// A secret in the forms in which it may come back.
    pub(crate) fn forms(secret: &str) -> impl Iterator<Item = Secret> {
        forms(secret).into_iter().map(Secret::from)
    }
}

/// A secret as it is, percent-encoded in the usual ways, percent-decoded, and escaped as in JSON; the longest first, so
/// that no form is left over from another.
fn forms(secret: &str) -> Vec<String> {
    const UNRESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');
    let plain = [secret.to_owned(), percent_decode_str(secret).decode_utf8_lossy().into_owned()];
    let mut forms = plain.to_vec();
    for text in &plain {
        for set in [NON_ALPHANUMERIC, UNRESERVED] {
            let encoded = utf8_percent_encode(text, set).to_string();
            forms.extend([lower_hex(&encoded), encoded]);
        }
        let escaped = text.replace('\\', "\\\\").replace('"', "\\\"");
        forms.extend([escaped.replace('/', "\\/"), escaped]);
    }
    forms.sort_by(|a, b| b.len().cmp(&a.len()).then_with(|| a.cmp(b)));
    forms.dedup();
    forms
}

/// `%2F` as `%2f`.
fn lower_hex(encoded: &str) -> String {
    let mut hex = 0;
    let lower = |c: char| {
        let in_hex = hex > 0;
        hex = if c == '%' { 2 } else { hex.max(1) - 1 };
        if in_hex { c.to_ascii_lowercase() } else { c }
    };
    encoded.chars().map(lower).collect()
}

type Fetch = dyn Fn() -> BoxFuture<'static, Result<Prepared>> + Send + Sync;

/// The credentials of one client.
pub(crate) struct Auth {
    vendor: Vendor,
    /// `None` for credentials that never change.
    fetch: Option<Box<Fetch>>,
    current: Mutex<Option<Arc<Prepared>>>,
}

impl Auth {
    /// Credentials that never change.
    pub(crate) fn fixed(vendor: Vendor, prepared: Prepared) -> Auth {
        Auth { vendor, fetch: None, current: Mutex::new(Some(Arc::new(prepared))) }
    }

    /// Credentials from a source.
    pub(crate) fn from_source<C: 'static>(
        vendor: Vendor,
        source: Arc<dyn CredentialSource<C>>,
        prepare: impl Fn(&C) -> Result<Prepared> + Send + Sync + Clone + 'static,
    ) -> Auth {
        let fetch = move || -> BoxFuture<'static, Result<Prepared>> {
            let (source, prepare) = (source.clone(), prepare.clone());
            Box::pin(async move {
                let credentials = crate::report::apart(source.credentials()).await.map_err(|e| {
                    Error::new(ErrorKind::Credentials, vendor, "the source of credentials gave none").with_source(e)
                })?;
                prepare(&credentials)
            })
        };
        Auth { vendor, fetch: Some(Box::new(fetch)), current: Mutex::new(None) }
    }

    /// Whether fresh credentials can be had.
    pub(crate) fn can_refresh(&self) -> bool {
        self.fetch.is_some()
    }

    /// The credentials to use now, if nothing has to be waited for.
    pub(crate) fn at_hand(&self) -> Option<Arc<Prepared>> {
        self.current.try_lock().ok()?.clone()
    }

    /// The credentials to use now.
    pub(crate) async fn current(&self) -> Result<Arc<Prepared>> {
        let mut current = self.current.lock().await;
        match &*current {
            Some(prepared) => Ok(prepared.clone()),
            None => self.fetch_into(&mut current).await,
        }
    }

    /// Credentials other than these, which were refused. Calls that were refused together wait for one another here,
    /// and only the first asks the source.
    pub(crate) async fn refresh(&self, refused: &Arc<Prepared>) -> Result<Arc<Prepared>> {
        let mut current = self.current.lock().await;
        match &*current {
            Some(prepared) if !Arc::ptr_eq(prepared, refused) => Ok(prepared.clone()),
            _ => self.fetch_into(&mut current).await,
        }
    }

    async fn fetch_into(&self, current: &mut Option<Arc<Prepared>>) -> Result<Arc<Prepared>> {
        let Some(fetch) = &self.fetch else {
            return Err(Error::new(ErrorKind::Credentials, self.vendor, "there are no others"));
        };
        let prepared = Arc::new(fetch().await?);
        *current = Some(prepared.clone());
        Ok(prepared)
    }
}

/// What a builder was given.
pub(crate) enum Given<C> {
    Fixed(C),
    Source(Arc<dyn CredentialSource<C>>),
}

impl<C: Clone> Clone for Given<C> {
    fn clone(&self) -> Self {
        match self {
            Given::Fixed(credentials) => Given::Fixed(credentials.clone()),
            Given::Source(source) => Given::Source(source.clone()),
        }
    }
}

impl<C> std::fmt::Debug for Given<C> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Given::Fixed(_) => "[redacted]",
            Given::Source(_) => "[a source of credentials]",
        })
    }
}

impl<C: 'static> Given<C> {
    /// As a client holds them. What is fixed is checked now, what comes from a source when it comes.
    pub(crate) fn into_auth(
        self,
        vendor: Vendor,
        prepare: impl Fn(&C) -> Result<Prepared> + Send + Sync + Clone + 'static,
    ) -> Result<Auth> {
        Ok(match self {
            Given::Fixed(credentials) => Auth::fixed(vendor, prepare(&credentials)?),
            Given::Source(source) => Auth::from_source(vendor, source, prepare),
        })
    }
}

/// A credential as a header value, such as `Bearer …`. An error names the credential and not its value.
pub(crate) fn credential_header(vendor: Vendor, what: &str, prefix: &str, secret: &Secret) -> Result<HeaderValue> {
    let refuse = |problem: &str| Err(Error::invalid_input(vendor, format!("{what} {problem}")));
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

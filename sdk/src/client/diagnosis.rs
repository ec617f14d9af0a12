//! Finds out why a request did not leave: each cause of its own, with what would be right.

use std::error::Error as StdError;
use std::io;
use std::pin::pin;
use std::time::Duration;

use jiff::Timestamp;
use rustls::{AlertDescription, CertificateError};
use url::Url;

use crate::client::connecting::NoTime;
use crate::client::proxy::{Proxy, place};
use crate::client::way::Way;
use crate::model::connection::{ConnectionProblem, Unconnected};
use crate::policy::clock::{Clock, timeout};

/// The time for which a proxy has to say why it gave no tunnel.
const PATIENCE: Duration = Duration::from_secs(5);

/// Finds out why a request did not leave. A proxy that gave no tunnel is asked once more what it says.
pub(crate) async fn diagnose(error: reqwest::Error, target: &Url, way: Option<&Way>, clock: &dyn Clock) -> Unconnected {
    let error = error.without_url();
    let seen = Seen::of(&error);
    let proxy = way.and_then(|way| way.proxy.as_ref());
    let (problem, words) = match (seen.tunnel, way.zip(proxy)) {
        (None, _) => {
            let (problem, words) = seen.words(&place(target));
            let through = proxy.filter(|_| problem.is_some()).map(|proxy| format!("through the proxy {proxy}: "));
            (problem, through.unwrap_or_default() + &words)
        }
        (Some(Tunnel::Unreached), _) => {
            let (_, why) = seen.words(&proxy.map_or_else(|| "it".to_owned(), Proxy::to_string));
            (Some(ConnectionProblem::ProxyUnreachable), format!("the proxy cannot be reached: {why}"))
        }
        (Some(Tunnel::Unauthorized), _) => refused(proxy, 407, target),
        (Some(Tunnel::Failed), Some((way, proxy))) => {
            match timeout(clock, PATIENCE, pin!(proxy.answer(target, &way.tls))).await {
                Some(Ok(status)) => refused(Some(proxy), status, target),
                Some(Err(e)) => broken(Some(proxy), &e.to_string()),
                None => broken(Some(proxy), "it does not respond in time"),
            }
        }
        (Some(Tunnel::Failed), None) => broken(None, "it does not let the connection through"),
        (Some(Tunnel::Broken), _) => broken(proxy, &seen.innermost),
    };
    Unconnected::new(problem, words, error.into())
}

/// Returns what became of a request that left, and of which no response came.
pub(crate) fn lost(error: &reqwest::Error) -> &'static str {
    if error.is_timeout() {
        return "no response in time";
    }
    let mut next = error.source();
    while let Some(error) = next {
        match error.to_string().as_str() {
            // As an alert of TLS is.
            "invalid HTTP version parsed" => {
                return "what answers does not speak HTTP; is the port right, or is it https?";
            }
            "message head is too large" => {
                return "the response has too many headers, or too long ones, to be read";
            }
            _ => {}
        }
        next = error.source();
    }
    "the connection broke before the response"
}

/// The failure of a tunnel through a proxy.
#[derive(Clone, Copy)]
enum Tunnel {
    Unreached,
    Unauthorized,
    /// It answered something else than 200.
    Failed,
    /// No whole response came.
    Broken,
}

/// The facts in the causes of an error.
#[derive(Default)]
struct Seen {
    tunnel: Option<Tunnel>,
    dns: bool,
    timed_out: bool,
    io: Option<io::ErrorKind>,
    tls: Option<rustls::Error>,
    innermost: String,
}

impl Seen {
    fn of(error: &reqwest::Error) -> Seen {
        let mut seen = Seen { dns: error.is_dns(), timed_out: error.is_timeout(), ..Seen::default() };
        let mut next: Option<&(dyn StdError + 'static)> = Some(error);
        while let Some(error) = next {
            seen.innermost = error.to_string();
            // Its type is not public.
            match seen.innermost.strip_prefix("tunnel error: ") {
                Some("proxy authorization required") => seen.tunnel = Some(Tunnel::Unauthorized),
                Some("unsuccessful") => seen.tunnel = Some(Tunnel::Failed),
                Some("failed to create underlying connection") => seen.tunnel = Some(Tunnel::Unreached),
                Some(_) => seen.tunnel = Some(Tunnel::Broken),
                None => {}
            }
            seen.dns |= seen.innermost == "dns error";
            seen.timed_out |= error.is::<NoTime>();
            if let Some(error) = error.downcast_ref::<rustls::Error>() {
                seen.tls = Some(error.clone());
            }
            next = match error.downcast_ref::<io::Error>() {
                Some(error) => {
                    seen.io = Some(error.kind());
                    // Its `source` passes over what it was made of.
                    error.get_ref().map(|inner| inner as &(dyn StdError + 'static))
                }
                None => error.source(),
            };
        }
        seen
    }

    /// Why there is no connection to this place.
    fn words(&self, place: &str) -> (Option<ConnectionProblem>, String) {
        use ConnectionProblem as P;
        if let Some(tls) = &self.tls {
            return of_tls(tls, place);
        }
        let known = |problem, words: String| (Some(problem), words);
        if self.dns {
            return known(P::UnknownName, format!("the name of {place} cannot be resolved (DNS): {}", self.innermost));
        }
        if self.timed_out {
            return known(P::TimedOut, format!("no connection to {place} in time"));
        }
        match self.io {
            Some(io::ErrorKind::ConnectionRefused) => {
                known(P::Refused, format!("nothing accepts connections at {place}: {}", self.innermost))
            }
            Some(
                io::ErrorKind::NetworkUnreachable | io::ErrorKind::HostUnreachable | io::ErrorKind::AddrNotAvailable,
            ) => known(P::Unreachable, format!("there is no way to {place}: {}", self.innermost)),
            Some(
                io::ErrorKind::UnexpectedEof
                | io::ErrorKind::ConnectionReset
                | io::ErrorKind::ConnectionAborted
                | io::ErrorKind::BrokenPipe,
            ) => known(P::Closed, format!("{place} closed the connection before it could be used: {}", self.innermost)),
            _ => (None, self.innermost.clone()),
        }
    }
}

/// The advice about an issuer that is not trusted, where the trust roots are files.
const TRUST: &str = if cfg!(all(unix, not(target_os = "android"), not(target_vendor = "apple"))) {
    "add the certificate of that authority (PEM) to those of the operating system, or name a file with it in \
     SSL_CERT_FILE, or a folder in SSL_CERT_DIR, which then stand in place of those of the operating system"
} else {
    "add the certificate of that authority to those that the operating system trusts (SSL_CERT_FILE has no effect here)"
};

fn of_tls(error: &rustls::Error, place: &str) -> (Option<ConnectionProblem>, String) {
    use ConnectionProblem as P;
    use rustls::Error as E;
    let (problem, words) = match error {
        E::InvalidCertificate(certificate) => of_certificate(certificate, place),
        E::InvalidMessage(_) => {
            (P::NotTls, format!("what answers at {place} does not speak TLS; is the port right, or is it plain http?"))
        }
        E::PeerIncompatible(_)
        | E::AlertReceived(
            AlertDescription::ProtocolVersion
            | AlertDescription::HandshakeFailure
            | AlertDescription::InsufficientSecurity,
        ) => (
            P::TlsVersion,
            format!(
                "{place} offers no version or cipher suite of TLS that is safe enough; it must have TLS 1.2 or 1.3: {error}"
            ),
        ),
        E::AlertReceived(AlertDescription::CertificateRequired) => {
            (P::ClientCertificate, format!("{place} wants a client certificate, and none is set up"))
        }
        _ => return (None, format!("the TLS handshake with {place} failed: {error}")),
    };
    (Some(problem), words)
}

fn of_certificate(error: &CertificateError, place: &str) -> (ConnectionProblem, String) {
    use CertificateError as C;
    use ConnectionProblem as P;
    let at = |time: &rustls::pki_types::UnixTime| {
        let seconds = i64::try_from(time.as_secs()).unwrap_or(i64::MAX);
        Timestamp::from_second(seconds).map(|time| time.to_string()).unwrap_or_default()
    };
    match error {
        C::UnknownIssuer => {
            (P::UnknownIssuer, format!("the certificate of {place} was issued by nobody who is trusted here; {TRUST}"))
        }
        C::BadSignature => (
            P::UnknownIssuer,
            format!(
                "the certificate of {place} names an authority that is trusted here, and was signed with another key than \
                 that one's; if the authority was renewed, {TRUST}"
            ),
        ),
        C::ExpiredContext { not_after, .. } => {
            (P::Expired, format!("the certificate of {place} expired at {}; it must be renewed there", at(not_after)))
        }
        C::Expired => (P::Expired, format!("the certificate of {place} has expired; it must be renewed there")),
        C::NotValidYetContext { time, not_before } => (
            P::NotYetValid,
            format!(
                "the certificate of {place} is valid from {} on, and the clock here shows {}",
                at(not_before),
                at(time)
            ),
        ),
        C::NotValidYet => (P::NotYetValid, format!("the certificate of {place} is not valid yet; is the clock right?")),
        C::NotValidForNameContext { presented, .. } => {
            let names = match presented.len() {
                0 => "no name".to_owned(),
                _ => crate::codec::text::shown(&presented.join(", ")),
            };
            (
                P::OtherName,
                format!("the certificate of {place} is for another host: it has {names}; is `base_url` right?"),
            )
        }
        C::NotValidForName => {
            (P::OtherName, format!("the certificate of {place} is for another host; is `base_url` right?"))
        }
        other if format!("{other:?}").contains("CaUsedAsEndEntity") => (
            P::AuthorityCertificate,
            format!(
                "the certificate of {place} is one of an authority (CA:TRUE), which is not taken as a server's own; the \
                 server must have one with CA:FALSE, as `openssl req -x509 -addext basicConstraints=critical,CA:FALSE` \
                 makes it"
            ),
        ),
        other => (P::Certificate, format!("the certificate of {place} cannot be used: {other}")),
    }
}

/// A proxy that answered with something else than a tunnel.
fn refused(proxy: Option<&Proxy>, status: u16, target: &Url) -> (Option<ConnectionProblem>, String) {
    use ConnectionProblem as P;
    let name = proxy.map_or_else(|| "the proxy".to_owned(), |proxy| format!("the proxy {proxy}"));
    let place = place(target);
    let (problem, words) = match (status, proxy) {
        (407, Some(proxy)) if proxy.has_credentials() => (
            P::ProxyCredentialsRefused,
            format!("{name} refuses the name and password (407): are those in {} right?", proxy.variable()),
        ),
        (407, Some(proxy)) => (
            P::ProxyCredentialsMissing,
            format!(
                "{name} wants a name and a password (407): set them in {}, as in http://name:password@proxy.example:3128",
                proxy.variable()
            ),
        ),
        (407, None) => (P::ProxyCredentialsRefused, format!("{name} refuses the credentials (407)")),
        (400..=499, _) if !matches!(status, 408 | 429) => (
            P::ProxyForbids,
            format!("{name} lets nobody through to {place} ({status}): it must be allowed there, or named in NO_PROXY"),
        ),
        (502 | 504, _) => (P::ProxyCannotReach, format!("{name} does not reach {place} ({status})")),
        (200..=299, _) => (P::ProxyFailed, format!("{name} gave no tunnel to {place} at first, and gives one now")),
        _ => (P::ProxyFailed, format!("{name} gave no tunnel to {place} ({status})")),
    };
    (Some(problem), words)
}

/// A proxy that did not answer as one.
fn broken(proxy: Option<&Proxy>, why: &str) -> (Option<ConnectionProblem>, String) {
    let name = proxy.map_or_else(|| "the proxy".to_owned(), |proxy| format!("the proxy {proxy}"));
    (Some(ConnectionProblem::ProxyFailed), format!("{name} gave no tunnel: {why}"))
}

//! Why a request did not leave, as a word.

use std::error::Error as StdError;
use std::fmt;

use crate::codec::BoxError;
use crate::codec::redact::REDACTED;

/// Why no connection could be used, so that the request was not sent. An [`Error`](crate::Error) of the kind
/// [`NotSent`](crate::ErrorKind::NotSent) has one, where the cause is known.
///
/// ```no_run
/// # async fn f(symphony: user_status::systems::Symphony) {
/// use user_status::{AccountSystem, ConnectionProblem};
///
/// let error = symphony.status("7215545078541").await.unwrap_err();
/// if error.connection_problem() == Some(ConnectionProblem::UnknownIssuer) {
///     eprintln!("the certificate of the company's own authority is missing here");
/// }
/// # }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ConnectionProblem {
    /// The name of the host cannot be resolved (DNS).
    UnknownName,
    /// Nothing accepts connections at the address.
    Refused,
    /// There is no way to the network or the host.
    Unreachable,
    /// The connection was not there in time, the TLS handshake included.
    TimedOut,
    /// The connection was closed before it could be used.
    Closed,
    /// The peer does not speak TLS.
    NotTls,
    /// Client and server have no version or cipher suite of TLS in common.
    TlsVersion,
    /// The server wants a client certificate.
    ClientCertificate,
    /// The certificate was issued by nobody who is trusted here.
    UnknownIssuer,
    /// The certificate is one of an authority, and no server's.
    AuthorityCertificate,
    /// The certificate is not valid any more.
    Expired,
    /// The certificate is not valid yet.
    NotYetValid,
    /// The certificate is for other names.
    OtherName,
    /// The certificate cannot be used for another reason.
    Certificate,
    /// The proxy itself cannot be reached.
    ProxyUnreachable,
    /// The proxy wants credentials, and there are none.
    ProxyCredentialsMissing,
    /// The proxy refuses the credentials.
    ProxyCredentialsRefused,
    /// The proxy does not let anybody through to the system.
    ProxyForbids,
    /// The proxy does not reach the system.
    ProxyCannotReach,
    /// The proxy gave no tunnel for another reason.
    ProxyFailed,
}

impl ConnectionProblem {
    /// Returns a word for it, as in `unknown_issuer`, which stays the same in later versions: for a report or a metric.
    pub const fn as_str(self) -> &'static str {
        match self {
            ConnectionProblem::UnknownName => "unknown_name",
            ConnectionProblem::Refused => "refused",
            ConnectionProblem::Unreachable => "unreachable",
            ConnectionProblem::TimedOut => "timed_out",
            ConnectionProblem::Closed => "closed",
            ConnectionProblem::NotTls => "not_tls",
            ConnectionProblem::TlsVersion => "tls_version",
            ConnectionProblem::ClientCertificate => "client_certificate",
            ConnectionProblem::UnknownIssuer => "unknown_issuer",
            ConnectionProblem::AuthorityCertificate => "authority_certificate",
            ConnectionProblem::Expired => "expired",
            ConnectionProblem::NotYetValid => "not_yet_valid",
            ConnectionProblem::OtherName => "other_name",
            ConnectionProblem::Certificate => "certificate",
            ConnectionProblem::ProxyUnreachable => "proxy_unreachable",
            ConnectionProblem::ProxyCredentialsMissing => "proxy_credentials_missing",
            ConnectionProblem::ProxyCredentialsRefused => "proxy_credentials_refused",
            ConnectionProblem::ProxyForbids => "proxy_forbids",
            ConnectionProblem::ProxyCannotReach => "proxy_cannot_reach",
            ConnectionProblem::ProxyFailed => "proxy_failed",
        }
    }

    /// Returns `true` if the problem stays until somebody changes a setting, here or there: then nothing is repeated,
    /// since another attempt would end the same way, and one with refused credentials may lock an account of the proxy.
    pub const fn stays(self) -> bool {
        match self {
            ConnectionProblem::NotTls
            | ConnectionProblem::TlsVersion
            | ConnectionProblem::ClientCertificate
            | ConnectionProblem::UnknownIssuer
            | ConnectionProblem::AuthorityCertificate
            | ConnectionProblem::Expired
            | ConnectionProblem::NotYetValid
            | ConnectionProblem::OtherName
            | ConnectionProblem::Certificate
            | ConnectionProblem::ProxyCredentialsMissing
            | ConnectionProblem::ProxyCredentialsRefused
            | ConnectionProblem::ProxyForbids => true,
            ConnectionProblem::UnknownName
            | ConnectionProblem::Refused
            | ConnectionProblem::Unreachable
            | ConnectionProblem::TimedOut
            | ConnectionProblem::Closed
            | ConnectionProblem::ProxyUnreachable
            | ConnectionProblem::ProxyCannotReach
            | ConnectionProblem::ProxyFailed => false,
        }
    }
}

/// An error of the HTTP client, with why it is one.
#[derive(Debug)]
pub(crate) struct Unconnected {
    problem: Option<ConnectionProblem>,
    words: String,
    source: BoxError,
}

impl Unconnected {
    /// Returns what is known of an error of this source.
    pub(crate) fn problem_of(source: &(dyn StdError + Send + Sync + 'static)) -> Option<ConnectionProblem> {
        source.downcast_ref::<Unconnected>()?.problem
    }

    /// The cause alone, of an error whose text would show a credential.
    pub(crate) fn redacted(problem: ConnectionProblem) -> Unconnected {
        Unconnected { problem: Some(problem), words: REDACTED.to_owned(), source: REDACTED.into() }
    }

    /// An error of the HTTP client, with its cause in words.
    pub(crate) fn new(problem: Option<ConnectionProblem>, words: String, source: BoxError) -> Unconnected {
        Unconnected { problem, words, source }
    }
}

impl fmt::Display for Unconnected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.words)
    }
}

impl StdError for Unconnected {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        Some(&*self.source)
    }
}

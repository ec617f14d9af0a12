//! The one error of this crate.

use std::error::Error as StdError;
use std::fmt;

use reqwest::StatusCode;

use crate::vendor::Vendor;

/// `Result` with this crate's [`Error`].
pub type Result<T> = std::result::Result<T, Error>;

/// Why a call did not do what was asked.
///
/// [`kind`](Error::kind) says what happened, [`applied`](Error::applied) whether the account may have been changed all
/// the same. The text is for people; it holds what the system answered and no credential. An error of a generated
/// client becomes one of these with `?` or `Error::from`.
pub struct Error(Box<Repr>);

struct Repr {
    kind: ErrorKind,
    vendor: Vendor,
    status: Option<StatusCode>,
    message: String,
    source: Option<Box<dyn StdError + Send + Sync>>,
}

/// What happened, coarsely.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The call itself is wrong: an id, a setting, a missing value. Nothing was sent.
    InvalidInput,
    /// The client could not be set up. Nothing was sent.
    Setup,
    /// The credentials were not accepted (401).
    Credentials,
    /// The credentials are good and not enough (403).
    Forbidden,
    /// No such user (404).
    NotFound,
    /// The system refused the request (400 and other 4xx).
    Rejected,
    /// Too many requests (429).
    RateLimited,
    /// The system failed (5xx).
    Server,
    /// The request did not leave.
    NotSent,
    /// The request left and no answer came back.
    OutcomeUnknown,
    /// The answer is not one that the contract knows.
    OffContract,
}

/// Whether the account was changed by a call that failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Applied {
    /// It was not.
    No,
    /// Nobody knows. Read the status before doing anything else.
    Unknown,
}

impl Error {
    /// What happened, coarsely.
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// The system that the call was for.
    pub fn vendor(&self) -> Vendor {
        self.0.vendor
    }

    /// The HTTP status code, if there was an answer.
    pub fn status(&self) -> Option<u16> {
        self.0.status.map(|status| status.as_u16())
    }

    /// Whether the account was changed all the same.
    pub fn applied(&self) -> Applied {
        match self.0.kind {
            ErrorKind::Server | ErrorKind::OutcomeUnknown | ErrorKind::OffContract => Applied::Unknown,
            _ => Applied::No,
        }
    }

    pub(crate) fn invalid_input(vendor: Vendor, message: impl Into<String>) -> Error {
        Error::new(ErrorKind::InvalidInput, vendor, None, message, None)
    }

    /// A setting that must be there and is not.
    pub(crate) fn missing(vendor: Vendor, setting: &str) -> Error {
        Error::invalid_input(vendor, format!("{setting} is missing; set it on the builder"))
    }

    pub(crate) fn setup(vendor: Vendor, message: &str, source: impl StdError + Send + Sync + 'static) -> Error {
        Error::new(ErrorKind::Setup, vendor, None, message, Some(Box::new(source)))
    }

    fn new(
        kind: ErrorKind,
        vendor: Vendor,
        status: Option<StatusCode>,
        message: impl Into<String>,
        source: Option<Box<dyn StdError + Send + Sync>>,
    ) -> Error {
        Error(Box::new(Repr { kind, vendor, status, message: message.into(), source }))
    }
}

impl ErrorKind {
    /// What an answer of this status code means.
    fn of_status(status: StatusCode) -> ErrorKind {
        match status.as_u16() {
            401 => ErrorKind::Credentials,
            403 => ErrorKind::Forbidden,
            404 => ErrorKind::NotFound,
            429 => ErrorKind::RateLimited,
            400..=499 => ErrorKind::Rejected,
            500..=599 => ErrorKind::Server,
            _ => ErrorKind::OffContract,
        }
    }

    fn phrase(self) -> &'static str {
        match self {
            ErrorKind::InvalidInput => "invalid input",
            ErrorKind::Setup => "the client cannot be set up",
            ErrorKind::Credentials => "the credentials were not accepted",
            ErrorKind::Forbidden => "not allowed",
            ErrorKind::NotFound => "not found",
            ErrorKind::Rejected => "the request was refused",
            ErrorKind::RateLimited => "too many requests",
            ErrorKind::Server => "the system failed",
            ErrorKind::NotSent => "the request was not sent",
            ErrorKind::OutcomeUnknown => "the outcome is unknown",
            ErrorKind::OffContract => "the answer is not one that the contract knows",
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Repr { kind, vendor, status, message, .. } = &*self.0;
        write!(f, "{vendor}: {}", kind.phrase())?;
        if let Some(status) = status {
            write!(f, " ({})", status.as_u16())?;
        }
        if !message.is_empty() {
            write!(f, ": {message}")?;
        }
        Ok(())
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Error")
            .field("kind", &self.0.kind)
            .field("vendor", &self.0.vendor)
            .field("status", &self.status())
            .field("message", &self.0.message)
            .field("source", &self.0.source)
            .finish()
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.0.source.as_deref().map(|source| source as _)
    }
}

/// The error body of a system: what it says, for people.
pub(crate) trait Fault {
    /// Whose error body it is.
    const VENDOR: Vendor;

    /// The text for people in it.
    fn message(&self) -> Option<String>;
}

impl<E: Fault> From<progenitor_client::Error<E>> for Error {
    fn from(error: progenitor_client::Error<E>) -> Error {
        use progenitor_client::Error as Client;
        let new = |kind, status, message: String, source| Error::new(kind, E::VENDOR, status, message, source);
        match error {
            Client::InvalidRequest(message) | Client::Custom(message) => {
                new(ErrorKind::InvalidInput, None, message, None)
            }
            Client::CommunicationError(e) => {
                let kind = match () {
                    () if e.is_builder() => ErrorKind::InvalidInput,
                    () if e.is_connect() => ErrorKind::NotSent,
                    () => ErrorKind::OutcomeUnknown,
                };
                new(kind, None, String::new(), Some(Box::new(e.without_url())))
            }
            Client::ErrorResponse(response) => {
                let status = response.status();
                let message = response.message().unwrap_or_default();
                new(ErrorKind::of_status(status), Some(status), message, None)
            }
            Client::ResponseBodyError(e) | Client::InvalidUpgrade(e) => new(
                ErrorKind::OutcomeUnknown,
                e.status(),
                "the answer broke off".to_owned(),
                Some(Box::new(e.without_url())),
            ),
            // The body stays out: it may hold anything.
            Client::InvalidResponsePayload(body, e) => new(
                ErrorKind::OffContract,
                None,
                format!("a body of {} bytes could not be read", body.len()),
                Some(Box::new(e)),
            ),
            Client::UnexpectedResponse(response) => {
                let status = response.status();
                let kind = ErrorKind::of_status(status);
                new(kind, Some(status), "this status code is not documented here".to_owned(), None)
            }
        }
    }
}

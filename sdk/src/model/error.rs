//! The one error of this crate.

use std::error::Error as StdError;
use std::fmt;
use std::time::Duration;

use jiff::Timestamp;

use crate::codec::BoxError;
use crate::model::connection::{ConnectionProblem, Unconnected};
use crate::model::kind::SystemKind;
use crate::model::raw::RawResponse;
use crate::model::span::{Span, after};
use crate::model::status::AccountStatus;

/// `Result` with this crate's [`Error`].
pub type Result<T> = std::result::Result<T, Error>;

/// Why a call did not do what was asked.
///
/// [`kind`](Error::kind) says what happened, [`applied`](Error::applied) whether the account may have been changed all
/// the same. The text is for people: what it means, and in quotes what the system said, without the credentials of the
/// call. An error of a generated client becomes one of these with `?` or `Error::from`.
pub struct Error(Box<Repr>);

struct Repr {
    kind: ErrorKind,
    system: SystemKind,
    applied: Applied,
    message: String,
    /// `true` if the message is what the system said, and not this crate's own words.
    quoted: bool,
    /// The meaning of that.
    meaning: Option<&'static str>,
    status: Option<u16>,
    retry_after: Option<Duration>,
    /// When that is over.
    not_before: Option<Timestamp>,
    attempts: u32,
    raw: Option<RawResponse>,
    source: Option<BoxError>,
    /// The status of the account before the request, as it was read.
    before: Option<AccountStatus>,
    /// The response to the change shows another state than the one asked for, and no refusal.
    shows_otherwise: bool,
}

/// The kind of an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The call itself is wrong: an id, a setting, a missing value. Nothing was sent.
    InvalidInput,
    /// The system cannot express the change. Nothing was sent.
    Unsupported,
    /// The client could not be set up. Nothing was sent.
    ClientSetup,
    /// The credentials were not accepted (401). Akana and ClearSquare answer so for other refusals too.
    Credentials,
    /// The caller is authenticated, but not authorized (403).
    Forbidden,
    /// The resource does not exist (404): the user or, with Akana, the requested media type.
    NotFound,
    /// The system refused the request (400 and other 4xx). Userdocks and Symphony answer so for an unknown user.
    Rejected,
    /// Too many requests (429).
    RateLimited,
    /// The system failed (5xx).
    Server,
    /// The request did not leave.
    NotSent,
    /// The request left and no whole response came back.
    OutcomeUnknown,
    /// The system accepted the change and, in the same response, denied it.
    Contradicted,
    /// The response is not one that the contract knows.
    UnexpectedResponse,
}

/// The knowledge about the account after a call that failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Applied {
    /// It was not.
    No,
    /// Nobody knows. Read the status before doing anything else.
    Unknown,
}

macro_rules! predicates {
    ($($name:ident: $kind:ident, $text:literal;)+) => {
        $(
            #[doc = concat!("Whether ", $text, ".")]
            ///
            /// ```
            /// use user_status::{ErrorKind, systems::Symphony};
            ///
            /// let error = Symphony::builder().build().unwrap_err();
            #[doc = concat!("assert_eq!(error.", stringify!($name), "(), error.kind() == ErrorKind::", stringify!($kind), ");")]
            /// ```
            pub fn $name(&self) -> bool {
                self.0.kind == ErrorKind::$kind
            }
        )+
    };
}

impl Error {
    /// Returns the kind of the error.
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// Returns whether the account may have been changed all the same. Looks at all attempts, and not only at the last
    /// one.
    pub fn applied(&self) -> Applied {
        self.0.applied
    }

    /// Returns the system that the call was for.
    pub fn system(&self) -> SystemKind {
        self.0.system
    }

    /// Returns the HTTP status code of the last response, if there was one.
    pub fn status(&self) -> Option<u16> {
        self.0.status
    }

    /// Returns the number of attempts, including those whose request could not leave.
    pub fn attempts(&self) -> u32 {
        self.0.attempts
    }

    /// Returns the time for which the system asked to wait.
    pub fn retry_after(&self) -> Option<Duration> {
        self.0.retry_after
    }

    /// Returns the time until which the system asked to wait, in whole seconds: nothing should be sent to it before.
    pub fn not_before(&self) -> Option<Timestamp> {
        self.0.not_before
    }

    /// Returns why no connection could be used, if that is why the request was not sent.
    pub fn connection_problem(&self) -> Option<ConnectionProblem> {
        Unconnected::problem_of(self.0.source.as_deref()?)
    }

    /// Returns the last response as it came (its beginning, if it was too long), without the credentials of the call.
    pub fn raw(&self) -> Option<&RawResponse> {
        self.0.raw.as_ref()
    }

    /// Returns the system's id of the last request, if it gave one.
    pub fn request_id(&self) -> Option<String> {
        self.0.raw.as_ref().and_then(RawResponse::request_id)
    }

    /// Returns the system's error body as one of the generated types, such as
    /// [`SymphonyError`](crate::systems::symphony::types::SymphonyError) with its `code`; `None` if there is no response,
    /// or it is not of that type.
    pub fn error_body<T: serde::de::DeserializeOwned>(&self) -> Option<T> {
        T::deserialize(self.raw()?.shown()?).ok()
    }

    predicates! {
        is_invalid_input: InvalidInput, "the call itself is wrong, and nothing was sent";
        is_unsupported: Unsupported, "the system cannot express the change, and nothing was sent";
        is_credentials: Credentials, "the credentials were not accepted (401)";
        is_forbidden: Forbidden, "the credentials are good and not enough (403)";
        is_not_found: NotFound, "there is no such thing (404)";
        is_rejected: Rejected, "the system refused the request (400 and other 4xx)";
        is_rate_limited: RateLimited, "there were too many requests (429)";
        is_server: Server, "the system failed (5xx)";
        is_not_sent: NotSent, "the request did not leave";
        is_outcome_unknown: OutcomeUnknown, "the request was sent and no complete response came back";
        is_contradicted: Contradicted, "the response accepts the change and shows that it was not made";
        is_unexpected_response: UnexpectedResponse, "the response is not one of the contract";
    }

    /// Creates an error, for a system of one's own. The text is shown with all that a terminal would obey as escapes; it must
    /// have no secret in it.
    ///
    /// What was applied follows from the kind until [`with_applied`](Error::with_applied) says otherwise: it is
    /// [`Unknown`](Applied::Unknown) for [`Server`](ErrorKind::Server), [`OutcomeUnknown`](ErrorKind::OutcomeUnknown),
    /// [`Contradicted`](ErrorKind::Contradicted) and [`UnexpectedResponse`](ErrorKind::UnexpectedResponse), and
    /// [`No`](Applied::No) for the others.
    ///
    /// ```
    /// use user_status::{Applied, Error, ErrorKind, SystemKind};
    ///
    /// const DIRECTORY: SystemKind = SystemKind::custom("directory");
    ///
    /// let error = Error::new(ErrorKind::NotFound, DIRECTORY, "there is no entry uid=jane").with_attempts(1);
    /// assert_eq!(error.to_string(), "directory: not found: there is no entry uid=jane");
    /// assert_eq!(error.applied(), Applied::No);
    /// assert_eq!(Error::new(ErrorKind::OutcomeUnknown, DIRECTORY, "").applied(), Applied::Unknown);
    /// ```
    pub fn new(kind: ErrorKind, system: SystemKind, message: impl Into<String>) -> Error {
        let may_be = matches!(
            kind,
            ErrorKind::Server | ErrorKind::OutcomeUnknown | ErrorKind::Contradicted | ErrorKind::UnexpectedResponse
        );
        Error(Box::new(Repr {
            kind,
            system,
            applied: if may_be { Applied::Unknown } else { Applied::No },
            message: crate::codec::text::visible(&message.into()),
            quoted: false,
            meaning: None,
            status: None,
            retry_after: None,
            not_before: None,
            attempts: 0,
            raw: None,
            source: None,
            before: None,
            shows_otherwise: false,
        }))
    }

    pub(crate) fn invalid_input(system: SystemKind, message: impl Into<String>) -> Error {
        Error::new(ErrorKind::InvalidInput, system, message)
    }

    /// A setting that must be there and is not.
    pub(crate) fn missing(system: SystemKind, setting: &str) -> Error {
        Error::invalid_input(system, format!("{setting} is missing; set it on the builder"))
    }

    /// Returns what the account was before the request.
    #[must_use]
    pub(crate) fn with_status_before(mut self, status: Option<AccountStatus>) -> Error {
        self.0.before = status;
        self
    }

    /// Returns what the account was before the request, if it was read.
    pub(crate) fn status_before(&self) -> Option<&AccountStatus> {
        self.0.before.as_ref()
    }

    /// The response to the change shows another state, which a system that is slow to show changes may do for a while.
    #[must_use]
    pub(crate) fn with_other_state_shown(mut self) -> Error {
        self.0.shows_otherwise = true;
        self
    }

    /// Returns whether all that is known against the change is the state that the response to it showed.
    pub(crate) fn shows_otherwise(&self) -> bool {
        self.0.shows_otherwise
    }

    /// An error whose message is what the system said, and what that means in the words of this crate: systems speak
    /// Spanish, or say less than they document.
    #[must_use]
    pub(crate) fn in_its_words(mut self, meaning: Option<&'static str>) -> Error {
        self.0.quoted = !self.0.message.is_empty();
        let unknown =
            (self.0.kind == ErrorKind::NotFound).then_some("the system knows no such user, or no such address");
        self.0.meaning = meaning.or(unknown);
        self
    }

    /// Sets what is known about the account after the call. Of a call that only reads, [`No`](Applied::No).
    #[must_use]
    pub fn with_applied(mut self, applied: Applied) -> Error {
        self.0.applied = applied;
        self
    }

    #[must_use]
    pub(crate) fn with_raw(mut self, raw: RawResponse) -> Error {
        self.0.status = Some(raw.status);
        self.0.raw = Some(raw);
        self
    }

    /// Sets the HTTP status code of the last response.
    #[must_use]
    pub fn with_status(mut self, status: u16) -> Error {
        self.0.status = Some(status);
        self
    }

    /// Sets the number of attempts.
    #[must_use]
    pub fn with_attempts(mut self, attempts: u32) -> Error {
        self.0.attempts = attempts;
        self
    }

    /// Sets the time for which the system asked to wait, from now on.
    #[must_use]
    pub fn with_retry_after(self, wait: Duration) -> Error {
        self.asked_to_wait(Some(wait), Timestamp::now())
    }

    #[must_use]
    pub(crate) fn asked_to_wait(mut self, wait: Option<Duration>, now: Timestamp) -> Error {
        self.0.retry_after = wait;
        self.0.not_before = wait.filter(|wait| !wait.is_zero()).map(|wait| after(now, wait));
        self
    }

    /// Returns whether this is what is wrong.
    pub(crate) fn says(&self, message: &str) -> bool {
        self.0.message == message
    }

    #[must_use]
    pub(crate) fn map_source(mut self, map: impl FnOnce(BoxError) -> BoxError) -> Error {
        self.0.source = self.0.source.take().map(map);
        self
    }

    /// Sets the cause. Its text is shown by whoever prints causes, and must have no secret in it.
    #[must_use]
    pub fn with_source(mut self, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Error {
        self.0.source = Some(source.into());
        self
    }
}

impl ErrorKind {
    /// Returns what a response of this status code means.
    pub(crate) fn of_status(status: u16) -> ErrorKind {
        match status {
            401 => ErrorKind::Credentials,
            403 => ErrorKind::Forbidden,
            404 => ErrorKind::NotFound,
            429 => ErrorKind::RateLimited,
            400..=499 => ErrorKind::Rejected,
            500..=599 => ErrorKind::Server,
            _ => ErrorKind::UnexpectedResponse,
        }
    }

    /// Returns a word for it, as in `not_found`, which stays the same in later versions: for a report or a metric.
    pub const fn as_str(self) -> &'static str {
        match self {
            ErrorKind::InvalidInput => "invalid_input",
            ErrorKind::Unsupported => "unsupported",
            ErrorKind::ClientSetup => "client_setup",
            ErrorKind::Credentials => "credentials",
            ErrorKind::Forbidden => "forbidden",
            ErrorKind::NotFound => "not_found",
            ErrorKind::Rejected => "rejected",
            ErrorKind::RateLimited => "rate_limited",
            ErrorKind::Server => "server",
            ErrorKind::NotSent => "not_sent",
            ErrorKind::OutcomeUnknown => "outcome_unknown",
            ErrorKind::Contradicted => "contradicted",
            ErrorKind::UnexpectedResponse => "unexpected_response",
        }
    }

    fn phrase(self) -> &'static str {
        match self {
            ErrorKind::InvalidInput => "invalid input",
            ErrorKind::Unsupported => "not supported",
            ErrorKind::ClientSetup => "the client cannot be set up",
            ErrorKind::Credentials => "the credentials were not accepted",
            ErrorKind::Forbidden => "not allowed",
            ErrorKind::NotFound => "not found",
            ErrorKind::Rejected => "the request was refused",
            ErrorKind::RateLimited => "too many requests",
            ErrorKind::Server => "the system failed",
            ErrorKind::NotSent => "the request was not sent",
            ErrorKind::OutcomeUnknown => "the outcome is unknown",
            ErrorKind::Contradicted => "the response contradicts the request",
            ErrorKind::UnexpectedResponse => "the response is not one of the contract",
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Repr { kind, system, status, message, quoted, meaning, retry_after, not_before, .. } = &*self.0;
        write!(f, "{system}: {}", kind.phrase())?;
        if let Some(status) = status {
            write!(f, " ({status})")?;
        }
        if *quoted {
            if let Some(meaning) = meaning {
                write!(f, ": {meaning}")?;
            }
            write!(f, "; the system says: \"{message}\"")?;
        } else if !message.is_empty() {
            write!(f, ": {message}")?;
        }
        if let (Some(wait), Some(until)) = (retry_after, not_before) {
            write!(f, "; the system asked to wait for {}, until {until}", Span(*wait))?;
        }
        Ok(())
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Repr { kind, system, applied, message, retry_after, attempts, raw, source, .. } = &*self.0;
        f.debug_struct("Error")
            .field("kind", kind)
            .field("system", system)
            .field("applied", applied)
            .field("message", message)
            .field("attempts", attempts)
            .field("retry_after", retry_after)
            .field("raw", raw)
            .field("source", source)
            .finish()
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.0.source.as_deref().map(|source| source as _)
    }
}

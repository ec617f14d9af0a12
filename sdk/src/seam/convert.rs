//! From the errors of the generated clients to ours.

use jiff::Timestamp;
use serde::Serialize;

use crate::codec::text::shown;
use crate::model::conclusion::Conclusion;
use crate::model::error::{Applied, Error, ErrorKind};
use crate::model::kind::SystemKind;
use crate::policy::conventions::Conventions;
use crate::policy::retry;
use crate::seam::extensions::Carried;

/// The error body of a system.
pub(crate) trait ErrorBody: Serialize {
    /// The kind of system whose error body it is.
    const SYSTEM: SystemKind;
    /// The conventions of that system's responses.
    const CONVENTIONS: Conventions;
}

/// The status code of a response that stands for a failure and was never on the wire. Its extensions hold the error.
pub(crate) const FAILURE_STATUS: u16 = 599;

impl<E: ErrorBody> From<progenitor_client::Error<E>> for Error {
    fn from(error: progenitor_client::Error<E>) -> Error {
        use progenitor_client::Error as Client;
        let unknown = |kind, message: &str| Error::new(kind, E::SYSTEM, message).with_applied(Applied::Unknown);
        match error {
            Client::InvalidRequest(message) => Error::invalid_input(E::SYSTEM, shown(&message)),
            // The transport hands a documented answer on only if it is certain that no attempt changed anything
            // without saying so.
            Client::ErrorResponse(response) => {
                let status = response.status().as_u16();
                let applied = match E::CONVENTIONS.conclude(status, response.headers()) {
                    Conclusion::Unknown => Applied::Unknown,
                    _ => Applied::No,
                };
                let message = E::CONVENTIONS.message(serde_json::to_value(&*response).ok().as_ref());
                let now = Timestamp::now();
                let retry_after = retry::asked_wait(status, response.headers(), now);
                Error::new(ErrorKind::of_status(status), E::SYSTEM, shown(&message))
                    .in_its_words((E::CONVENTIONS.meaning)(&message))
                    .with_applied(applied)
                    .with_status(status)
                    .with_attempts(1)
                    .asked_to_wait(retry_after, now)
            }
            Client::UnexpectedResponse(mut response) => {
                let status = response.status().as_u16();
                match Carried::<Error>::take(&mut response) {
                    Some(error) => error,
                    None => unknown(ErrorKind::of_status(status), "").with_status(status),
                }
            }
            Client::CommunicationError(e) if e.is_builder() => {
                Error::invalid_input(E::SYSTEM, "the request cannot be built").with_source(e.without_url())
            }
            Client::CommunicationError(e) => unknown(ErrorKind::OutcomeUnknown, "").with_source(e.without_url()),
            Client::ResponseBodyError(e) | Client::InvalidUpgrade(e) => {
                unknown(ErrorKind::OutcomeUnknown, "the response broke off").with_source(e.without_url())
            }
            // The transport has read every answer before; a body that does not fit does not come this far. Its text
            // stays out in any case: it may hold anything.
            Client::InvalidResponsePayload(body, _) => {
                unknown(ErrorKind::UnexpectedResponse, &format!("a body of {} bytes could not be read", body.len()))
            }
            Client::Custom(message) => unknown(ErrorKind::OutcomeUnknown, &shown(&message)),
        }
    }
}

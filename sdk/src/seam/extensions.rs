//! What a response carries from the transport to a generated client, past the bytes of a body: what was read out of it,
//! or the error that there is instead.

use std::sync::{Arc, Mutex, PoisonError};

use http::StatusCode;
use progenitor_client::{Error, ResponseValue};
use reqwest::Response;

use crate::model::operation::Parsed;

/// A value in the extensions of a response. Extensions must be clonable, and these values are not; the first taker has it.
pub(crate) struct Carried<T>(Arc<Mutex<Option<T>>>);

impl<T> Clone for Carried<T> {
    fn clone(&self) -> Carried<T> {
        Carried(self.0.clone())
    }
}

impl<T: Send + 'static> Carried<T> {
    /// Puts a value into a response.
    pub(crate) fn put(value: T, response: &mut http::Response<reqwest::Body>) {
        response.extensions_mut().insert(Carried(Arc::new(Mutex::new(Some(value)))));
    }

    /// Takes it out again.
    pub(crate) fn take(response: &mut Response) -> Option<T> {
        let carried = response.extensions_mut().remove::<Carried<T>>()?;
        carried.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

/// The response for the caller of a generated client, as the transport has parsed it already: what was checked is what is
/// handed out, under the status code that came.
#[expect(clippy::result_large_err, reason = "the type is the generator's")]
pub(crate) fn value<T: 'static, E>(mut response: Response) -> Result<ResponseValue<T>, Error<E>> {
    let carried = Carried::<(Parsed, u16)>::take(&mut response);
    let parsed = carried.and_then(|(parsed, status)| Some((parsed.downcast::<T>().ok()?, status)));
    match parsed {
        Some((value, status)) => {
            let headers = std::mem::take(response.headers_mut());
            let status = StatusCode::from_u16(status).unwrap_or(response.status());
            Ok(ResponseValue::new(*value, status, headers))
        }
        // Both name the type by the same contract; a test calls every operation with every answer.
        None => Err(Error::Custom("the response is of another type than the operation's".to_owned())),
    }
}

//! What a generated client forces on this crate: three ways past it.
//!
//! A client that `progenitor` generates takes no settings for one call, hands out a status code, headers and a body, and knows
//! errors of its own only. So three things travel past it, and all of them are here:
//!
//! - the settings of a call go down in a task-local, and what it did comes back in it (`pipeline/record.rs`);
//! - the body that was read and checked goes up in the extensions of the response, as [`extensions::Carried`];
//! - an [`Error`] goes up in the same way, under a status code that was never on the wire ([`convert::FAILURE_STATUS`]).

use reqwest::header::{ACCEPT, CONTENT_TYPE, HeaderValue};
use reqwest::{Body, Client, Request, Response, ResponseBuilderExt as _, Url};

use self::convert::FAILURE_STATUS;
use self::extensions::Carried;
use crate::client::session::Session;
use crate::model::error::Error;
use crate::model::operation::Operation;
use crate::pipeline::{CallDriver, CallResponse};
use crate::policy::clock::BoxFuture;

pub(crate) mod convert;
pub(crate) mod extensions;

/// Sends one call of a generated client. In a box: the futures around it are moved several times, and it is large.
pub(crate) fn execute<'a>(
    session: &'a Session,
    client: &'a Client,
    request: Request,
    operation: Option<&'static Operation>,
) -> BoxFuture<'a, Response> {
    let Some(operation) = operation else {
        // Both are generated from one contract; a test calls every operation.
        let error = Error::invalid_input(session.parts().system, "the contract has no such operation");
        return Box::pin(std::future::ready(failure(error)));
    };
    Box::pin(async move {
        let exchange = CallDriver::new(session, client, operation, as_spoken(session, request));
        match exchange.run().await {
            Ok(CallResponse { raw, body, .. }) => {
                let status = raw.status;
                let mut response = response(exchange.url(), operation.status_of_type(status));
                *response.headers_mut() = exchange.ended(raw);
                Carried::put((body, status), &mut response);
                Response::from(response)
            }
            Err(error) => failure(error),
        }
    })
}

/// The request in the media type of the system's JSON, which is the first that it has; the generator knows one name for all
/// JSON. And with spaces in its query that every reader takes for such: a `+` is one in forms only.
fn as_spoken(session: &Session, mut request: Request) -> Request {
    let media_type = session.parts().conventions.media_types[0];
    for name in [ACCEPT, CONTENT_TYPE] {
        if let Some(value) = request.headers_mut().get_mut(name) {
            *value = HeaderValue::from_static(media_type);
        }
    }
    if let Some(query) =
        request.url().query().filter(|query| query.contains('+')).map(|query| query.replace('+', "%20"))
    {
        request.url_mut().set_query(Some(&query));
    }
    request
}

/// Without the URL, which has the user's id in it: `reqwest` shows it wherever a response is printed.
fn failure(error: Error) -> Response {
    let mut response = http::Response::new(Body::default());
    *response.status_mut() = http::StatusCode::from_u16(FAILURE_STATUS).unwrap_or_default();
    Carried::put(error, &mut response);
    Response::from(response)
}

/// A response with the URL that was asked: without one, `reqwest` would parse one that stands for it.
fn response(url: &Url, status: u16) -> http::Response<Body> {
    let mut response = http::Response::builder().url(url.clone()).body(Body::default()).unwrap_or_default();
    *response.status_mut() = http::StatusCode::from_u16(status).unwrap_or_default();
    response
}

/// Gives a generated client its hooks, which find its operations by this function, and a Debug that shows no more than where it
/// sends.
macro_rules! hooks {
    ($client:ty, $operation:path) => {
        impl progenitor_client::ClientHooks<crate::Session> for $client {
            async fn exec(
                &self,
                request: reqwest::Request,
                info: &progenitor_client::OperationInfo,
            ) -> reqwest::Result<reqwest::Response> {
                let operation = $operation(self.inner.parts().system, info.operation_id);
                Ok(crate::seam::execute(&self.inner, &self.client, request, operation).await)
            }
        }

        impl $client {
            /// Returns the state of this client's limit; `None` unless its limit is [adaptive](crate::Limit::adaptive).
            pub fn throttle(&self) -> Option<crate::Throttle> {
                self.inner.parts().throttle()
            }
        }

        impl std::fmt::Debug for $client {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.debug_struct("Client").field("base_url", &self.baseurl).field("session", &self.inner).finish()
            }
        }
    };
}

pub(crate) use hooks;

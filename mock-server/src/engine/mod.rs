//! The engine: a function from a request to a reply. It does no I/O; transports move the bytes.
//!
//! A request passes five stations, each with a file of its own: [`route`] finds the operation, [`security`] who calls,
//! [`media_type`] what is spoken, [`request`] what is asked and whether the contract allows it; then the vendor's state
//! machine acts, and [`firewall`] holds the answer to the contract before it leaves.

use std::sync::{Mutex, PoisonError};

use bytes::Bytes;
use http::{HeaderValue, Request, Response, StatusCode, header};
use serde_json::{Value, json};
use user_status_openapi::validate::Validator;
use user_status_openapi::{Contract, Operation, Vendor};

use crate::status::AccountStatus;
use crate::vendors::{Answer, Call, Systems};

mod firewall;
mod media_type;
mod request;
mod route;
mod security;
mod xml;

use media_type::Codec;
pub(crate) use request::Asked;
pub(crate) use security::Presented;

/// The five systems behind one function.
#[derive(Debug)]
pub struct Engine {
    contract: &'static Contract,
    validator: Validator,
    systems: Mutex<Systems>,
}

/// What goes back to the caller.
#[derive(Debug)]
#[non_exhaustive]
pub struct Reply {
    /// The answer.
    pub response: Response<Bytes>,
}

impl Engine {
    /// An engine with the default world.
    pub fn new() -> Engine {
        let contract = Contract::embedded();
        // The contract is part of the program and compiled by a test; it is no input from outside.
        let validator = Validator::new(contract).expect("the schemas of the embedded contract compile");
        Engine { contract, validator, systems: Mutex::new(Systems::default()) }
    }

    /// Answers one request.
    pub fn handle(&self, request: &Request<Bytes>) -> Reply {
        let response = match route::find(self.contract, request.method(), request.uri().path()) {
            Ok(found) => self.operate(found, request),
            Err(miss) => miss.response(),
        };
        Reply { response }
    }

    /// What an account is now; `None` if the system has no such user.
    pub fn status(&self, vendor: Vendor, user: &str) -> Option<AccountStatus> {
        self.lock().of(vendor).status(user)
    }

    fn operate(&self, found: route::Found<'_>, request: &Request<Bytes>) -> Response<Bytes> {
        let operation = found.operation;
        let mut systems = self.lock();
        let system = systems.of(operation.vendor);

        let spoken = media_type::negotiate(operation, request.headers());
        let presented = Presented::read(self.contract, operation, request.headers());
        let answer = system.authenticate(&presented).and_then(|caller| {
            if let Some(problem) = &spoken.problem {
                return Err(system.refuse(problem.status, &problem.message));
            }
            match request::read(self.contract, &self.validator, &found, &spoken, request) {
                Ok(asked) => system.perform(&Call { caller, presented: &presented, asked }),
                Err(violations) => {
                    let texts: Vec<String> = violations.iter().map(ToString::to_string).collect();
                    Err(system.refuse(400, &texts.join("; ")))
                }
            }
        });
        let answer = answer.unwrap_or_else(|refusal| refusal);
        drop(systems);
        self.respond(operation, &spoken.answer, answer)
    }

    fn respond(&self, operation: &Operation, codec: &Codec, answer: Answer) -> Response<Bytes> {
        match firewall::check(&self.validator, operation, &codec.name, &answer) {
            Ok(schema) => {
                let body = codec.write(self.contract, schema, &answer.body);
                respond(answer.status, &codec.name, body)
            }
            Err(violations) => {
                let body = json!({
                    "error": "the mock server made an answer that the contract does not allow, and did not send it",
                    "operation": operation.id,
                    "status": answer.status,
                    "violations": violations,
                });
                respond(500, media_type::JSON, Bytes::from(body.to_string()))
            }
        }
    }

    /// A panic while the lock was held is a defect that its own test reports; the state itself stays usable.
    fn lock(&self) -> std::sync::MutexGuard<'_, Systems> {
        self.systems.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for Engine {
    fn default() -> Self {
        Engine::new()
    }
}

/// A response with a body.
fn respond(status: u16, content_type: &str, body: Bytes) -> Response<Bytes> {
    let mut response = Response::new(body);
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    if let Ok(value) = HeaderValue::from_str(content_type) {
        response.headers_mut().insert(header::CONTENT_TYPE, value);
    }
    response
}

/// A response of the mock itself, outside every operation.
fn respond_json(status: u16, body: &Value) -> Response<Bytes> {
    respond(status, media_type::JSON, Bytes::from(body.to_string()))
}

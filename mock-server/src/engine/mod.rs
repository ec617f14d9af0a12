//! The engine: a function from a request to a reply. It does no I/O; transports move the bytes.
//!
//! A request passes five stations, each with a file of its own: [`route`] finds the operation, [`security`] who calls,
//! [`media_type`] what is spoken, [`request`] what is asked and whether the contract allows it; then the vendor's state
//! machine acts, and [`firewall`] holds the answer to the contract before it leaves.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderValue, Request, Response, StatusCode, header};
use jiff::Timestamp;
use serde_json::{Value, json};
use user_status_openapi::validate::Validator;
use user_status_openapi::{Contract, Operation, Vendor};

use crate::status::AccountStatus;
use crate::vendors::{Answer, Call, Systems};

mod fault;
mod firewall;
mod media_type;
mod request;
mod route;
mod security;
mod xml;

pub use fault::{Fault, FaultError, RetryAfter, WireFault};
use media_type::Codec;
pub(crate) use request::Asked;
pub(crate) use security::Presented;

/// The five systems behind one function.
#[derive(Debug)]
pub struct Engine {
    contract: &'static Contract,
    validator: Validator,
    systems: Mutex<Systems>,
    faults: Mutex<Vec<Fault>>,
    /// How many requests each operation got.
    requests: Mutex<BTreeMap<&'static str, u64>>,
}

/// What goes back to the caller.
#[derive(Debug)]
#[non_exhaustive]
pub struct Reply {
    /// The answer.
    pub response: Response<Bytes>,
    /// How much later it leaves.
    pub delay: Option<Duration>,
    /// What happens to its bytes.
    pub wire: Option<WireFault>,
}

impl Engine {
    /// An engine with the default world.
    pub fn new() -> Engine {
        let contract = Contract::embedded();
        // The contract is part of the program and compiled by a test; it is no input from outside.
        let validator = Validator::new(contract).expect("the schemas of the embedded contract compile");
        Engine { contract, validator, systems: Mutex::default(), faults: Mutex::default(), requests: Mutex::default() }
    }

    /// Answers one request.
    pub fn handle(&self, request: &Request<Bytes>) -> Reply {
        let found = match route::find(self.contract, request.method(), request.uri().path()) {
            Ok(found) => found,
            Err(miss) => return Reply { response: miss.response(), delay: None, wire: None },
        };
        *lock(&self.requests).entry(&found.operation.id).or_default() += 1;
        match self.fault_for(&found) {
            None => Reply { response: self.operate(&found, request), delay: None, wire: None },
            Some(fault) if fault.lets_the_change_be() => fault.reply(self.operate(&found, request)),
            Some(fault) => fault.reply(Response::default()),
        }
    }

    /// Registers a fault. Of several that strike a call, the first registered does.
    ///
    /// # Errors
    /// A fault that strikes nothing, or sends an answer that the contract does not have without saying so.
    pub fn fault(&self, fault: Fault) -> Result<(), FaultError> {
        fault.check(self.contract, &self.validator)?;
        lock(&self.faults).push(fault);
        Ok(())
    }

    /// Takes all faults back.
    pub fn clear_faults(&self) {
        lock(&self.faults).clear();
    }

    /// How many requests an operation got.
    pub fn requests(&self, operation: &str) -> u64 {
        lock(&self.requests).get(operation).copied().unwrap_or_default()
    }

    /// What an account is now; `None` if the system has no such user.
    pub fn status(&self, vendor: Vendor, user: &str) -> Option<AccountStatus> {
        lock(&self.systems).of(vendor).status(user)
    }

    fn fault_for(&self, found: &route::Found<'_>) -> Option<Fault> {
        let mut faults = lock(&self.faults);
        faults.iter_mut().find_map(|fault| fault.strike(found.operation, &found.path).then(|| fault.clone()))
    }

    fn operate(&self, found: &route::Found<'_>, request: &Request<Bytes>) -> Response<Bytes> {
        let operation = found.operation;
        let spoken = media_type::negotiate(operation, request.headers());
        let presented = Presented::read(self.contract, operation, request.headers());
        // Everything that does not depend on who calls is done before the state is locked.
        let asked = request::read(self.contract, &self.validator, found, &spoken, request);

        let mut systems = lock(&self.systems);
        let system = systems.of(operation.vendor);
        let answer = system.authenticate(operation, &presented).and_then(|caller| {
            if let Some(problem) = &spoken.problem {
                return Err(system.refuse(problem.status, &problem.message));
            }
            match asked {
                Ok(asked) => {
                    let now = Timestamp::now();
                    system.perform(&Call { operation, now, caller, presented: &presented, asked })
                }
                Err(violations) => {
                    let texts: Vec<String> = violations.iter().map(ToString::to_string).collect();
                    Err(system.refuse(400, &texts.join("; ")))
                }
            }
        });
        drop(systems);
        self.respond(operation, &spoken.answer, answer.unwrap_or_else(|refusal| refusal))
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
}

/// A panic while a lock was held is a defect that its own test reports; the state itself stays usable.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
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

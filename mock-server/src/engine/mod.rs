//! The engine: a function from a request to a reply. It does no I/O; transports move the bytes.
//!
//! A request passes these stations, each with a file of its own: [`route`] finds the operation, [`media_type`] what is
//! spoken, [`request`] what is asked and whether the contract allows it, [`fault`] what goes wrong; then the system's
//! state machine says who calls and acts, [`firewall`] holds the answer to the contract before it leaves, and [`journal`]
//! keeps what happened. [`world`] is the way through them; [`admin`] is the mock's own API.

use std::fmt;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderValue, Method, Request, Response, StatusCode, header};
use serde_json::{Value, json};
use user_status_openapi::validate::Validator;
use user_status_openapi::{Contract, Operation};

use crate::model::Answer;
use crate::options::Options;

mod admin;
mod clock;
mod cors;
mod decode;
mod fault;
mod firewall;
mod head;
mod journal;
mod json;
mod media_type;
mod pages;
mod pattern;
mod prefer;
mod redact;
mod request;
mod room;
mod route;
mod secrets;
mod world;
mod worlds;
mod xml;

pub(crate) use clock::in_years;
pub use fault::{Fault, FaultError, RetryAfter, WireFault};
pub(crate) use journal::Bounds;
pub use journal::Exchange;
use media_type::Codec;
pub use pattern::{Expectation, Pattern};
use redact::Redaction;
use route::Routes;
pub use world::World;
use worlds::{Asker, Worlds};

/// The name of the world that every server has from the start.
const DEFAULT: &str = "default";

/// The most of a body that a world has room for in any case.
const LITTLE: usize = 4 << 10;

/// The longest body of the admin API that is read at once.
const SHORT: usize = 64 << 10;

/// An answer in pieces that are shared by everybody who reads it, beside few of its own.
#[derive(Clone, Debug)]
pub(crate) struct Pieces(pub(crate) Vec<Bytes>);

/// What all engines share: what is made from the contract, and never changes.
struct Shared {
    contract: &'static Contract,
    validator: Validator,
    redaction: Redaction,
    routes: Routes,
}

fn shared() -> &'static Shared {
    static SHARED: LazyLock<Shared> = LazyLock::new(|| {
        let contract = Contract::embedded();
        // The contract is part of the program and compiled by a test; it is no input from outside.
        let validator = Validator::new(contract).expect("the schemas of the embedded contract compile");
        Shared { contract, validator, redaction: Redaction::of(contract), routes: Routes::of(contract) }
    });
    &SHARED
}

/// The contract that the mock implements.
pub(crate) fn contract() -> &'static Contract {
    shared().contract
}

/// The schemas of the contract.
pub(crate) fn validator() -> &'static Validator {
    &shared().validator
}

/// The five systems behind one function, in as many worlds as callers name.
pub struct Engine {
    worlds: Worlds,
    admin_token: Option<String>,
    cors: bool,
    /// The longest answer of the admin API.
    longest: usize,
}

impl fmt::Debug for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Engine").field("worlds", &self.worlds.names()).finish_non_exhaustive()
    }
}

/// The reply to a request.
#[derive(Debug)]
#[non_exhaustive]
pub struct Reply {
    /// The answer.
    pub response: Response<Bytes>,
    /// The time by which it is delayed.
    pub delay: Option<Duration>,
    /// The fault of its bytes.
    pub wire: Option<WireFault>,
}

impl Reply {
    /// Whether any of the answer leaves.
    fn leaves(&self) -> bool {
        !matches!(self.wire, Some(WireFault::Reset | WireFault::Close | WireFault::Hang))
    }

    fn plain(response: Response<Bytes>) -> Reply {
        Reply { response, delay: None, wire: None }
    }
}

/// A request that has been read and has not yet taken effect.
pub(crate) struct Begun<'a>(Step<'a>);

enum Step<'a> {
    /// By the mock itself: pages, its own API, and what no world is asked about.
    Answered(Response<Bytes>),
    /// There is no such operation.
    Missed(Response<Bytes>),
    /// Of a world, at this path in it.
    Operation(Arc<World>, &'a str, Box<world::Prepared>),
}

impl Begun<'_> {
    /// How long to wait before the request takes effect.
    pub(crate) fn wait(&self) -> Duration {
        match &self.0 {
            Step::Answered(_) | Step::Missed(_) => Duration::ZERO,
            Step::Operation(_, _, prepared) => prepared.wait(),
        }
    }
}

impl Engine {
    /// An engine with the default world.
    pub fn new() -> Engine {
        Engine::with(Options::default())
    }

    /// An engine that is set up otherwise.
    pub fn with(options: Options) -> Engine {
        let (admin_token, cors) = (options.admin_token.clone(), options.cors);
        let longest = options.limits_of_connections().transit();
        // Compiling the schemas takes longer than anything else, and the first request should not wait for it.
        shared();
        Engine { worlds: Worlds::new(options), admin_token, cors, longest }
    }

    /// The default world.
    pub fn world(&self) -> &World {
        self.worlds.default()
    }

    /// A world of its own for this name; it is made if there is none. Requests name it in the header `X-Mock-World`, or
    /// start their path with `/__world/NAME`.
    ///
    /// # Errors
    /// That there are too many.
    pub fn named_world(&self, name: &str) -> Result<Arc<World>, String> {
        if !world::is_name(name) {
            return Err(world::NO_NAME.to_owned());
        }
        self.worlds.get(name, Asker::Owner)
    }

    /// Who asks for a world by a request that is for an operation. The admin token travels to the admin API only.
    fn asker(&self, request: &Request<Bytes>) -> Asker {
        let own = self.admin_token.is_none() && cors::is_own(request.headers(), false);
        if own { Asker::Owner } else { Asker::Stranger }
    }

    /// Verifies what is expected in all worlds when a server goes, as a test wants it.
    pub(crate) fn verify_on_drop(&self) {
        if std::thread::panicking() {
            return;
        }
        let failures = self.worlds.failures();
        if !failures.is_empty() {
            panic!("the mock server did not get what was expected:\n- {}", failures.join("\n- "));
        }
    }

    /// Answers one request.
    ///
    /// ```
    /// use http::Request;
    /// use user_status_mock::Engine;
    ///
    /// let engine = Engine::new();
    /// let request = Request::get("/pod/v1/admin/user/7215545078541/status")
    ///     .header("sessionToken", engine.world().credentials().symphony.session_token)
    ///     .body(Default::default())
    ///     .unwrap();
    /// assert_eq!(engine.handle(&request).response.status(), 200);
    /// ```
    pub fn handle(&self, request: &Request<Bytes>) -> Reply {
        let begun = self.begin(request);
        let wait = begun.wait();
        let mut reply = self.finish(begun, request);
        if !wait.is_zero() {
            reply.delay = Some(reply.delay.unwrap_or_default() + wait);
        }
        if let Some(Pieces(pieces)) = reply.response.extensions_mut().remove() {
            *reply.response.body_mut() = pieces.concat().into();
        }
        reply
    }

    /// Reads a request, and finds out what strikes it.
    pub(crate) fn begin<'a>(&self, request: &'a Request<Bytes>) -> Begun<'a> {
        let answered = |response| Begun(Step::Answered(response));
        if let Some((status, problem)) = head::problem(request) {
            return answered(respond_json(status, &json!({ "error": problem })));
        }
        let (name, path) = match world::named(request.uri().path(), request.headers()) {
            Ok(named) => named,
            Err(problem) => return answered(respond_json(400, &json!({ "error": problem }))),
        };
        if let Some(path) = path.strip_prefix("/__admin").filter(|path| path.is_empty() || path.starts_with('/')) {
            return answered(admin::handle(self, name, path, request));
        }
        if self.cors && request.method() == Method::OPTIONS && cors::is_preflight(request.headers()) {
            return Begun(Step::Missed(cors::preflight(request.headers())));
        }
        if pages::is_page(path) {
            let prefix = request.uri().path().strip_suffix(path).unwrap_or_default();
            // A page with credentials is for whom the admin API is open to.
            let open = self.asker(request) == Asker::Owner;
            let credentials = if open { self.worlds.credentials_of(name) } else { Value::Null };
            return answered(pages::page(request.method(), prefix, path, credentials));
        }
        match shared().routes.find(request.method(), path) {
            Ok(found) => {
                match self.worlds.get(name, if name == DEFAULT { Asker::Owner } else { self.asker(request) }) {
                    Ok(world) => {
                        if let Some(violation) = media_type::coded(found.operation, request) {
                            let response = not_decoded(&violation.message);
                            world.refused(&found, path, request, (&response, violation));
                            return Begun(Step::Missed(response));
                        }
                        if request.body().len() > LITTLE && !world.has_room(request.body().len() / 16) {
                            return answered(respond_json(503, &json!({ "error": room::NO_ROOM })));
                        }
                        let prepared = Box::new(world.prepare(found, request));
                        Begun(Step::Operation(world, path, prepared))
                    }
                    Err(problem) => answered(respond_json(503, &json!({ "error": problem }))),
                }
            }
            Err(miss) => {
                let response = miss.response();
                // What is for no operation makes no world.
                if let Some(world) = self.worlds.find(name) {
                    world.missed(path, request, &response);
                }
                Begun(Step::Missed(response))
            }
        }
    }

    /// Whether it may take so long to answer a request that others should not wait for it: what is about all users, all
    /// requests, or a long document.
    pub(crate) fn takes_long(&self, request: &Request<Bytes>) -> bool {
        let path = request.uri().path();
        let Some((_, path)) = path.split_once("/__admin/") else { return false };
        let about_all = ["snapshot", "reset", "faults", "users"].contains(&path) || path.starts_with("requests");
        about_all || request.body().len() > SHORT || (path.starts_with("users/") && path.matches('/').count() == 1)
    }

    /// Lets a request take effect, and answers it.
    pub(crate) fn finish(&self, begun: Begun<'_>, request: &Request<Bytes>) -> Reply {
        let mut reply = match begun.0 {
            Step::Answered(mut response) => {
                cors::protect(&mut response);
                return Reply::plain(response);
            }
            Step::Missed(response) => Reply::plain(response),
            Step::Operation(world, path, prepared) => world.complete(*prepared, path, request),
        };
        cors::no_sniffing(&mut reply.response);
        if self.cors {
            cors::allow(request, &mut reply.response);
        }
        reply
    }
}

/// Writes an answer, unless the contract does not have it.
fn respond_with(operation: &Operation, codec: &Codec<'_>, answer: &Answer) -> Response<Bytes> {
    match firewall::check(validator(), operation, codec.name(), answer) {
        Ok(schema) => respond(answer.status, codec.name(), codec.write(contract(), schema, &answer.body)),
        Err(_) if answer.off_contract => respond(answer.status, media_type::JSON, json::write(&answer.body).into()),
        Err(violations) => {
            let body = json!({
                "error": "the mock server made an answer that the contract does not allow, and did not send it",
                "operation": operation.id,
                "status": answer.status,
                "violations": violations,
            });
            respond_json(500, &body)
        }
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
    let content_type = match content_type {
        media_type::JSON => Ok(HeaderValue::from_static(media_type::JSON)),
        other => HeaderValue::from_str(other),
    };
    if let Ok(value) = content_type {
        response.headers_mut().insert(header::CONTENT_TYPE, value);
    }
    response
}

/// The refusal of a body that is encoded, for this reason.
fn not_decoded(problem: &str) -> Response<Bytes> {
    let mut response = respond_json(415, &json!({ "error": format!("/header/content-encoding {problem}") }));
    response.headers_mut().insert(header::ACCEPT_ENCODING, HeaderValue::from_static("identity"));
    response
}

/// A response of the mock itself, outside every operation.
fn respond_json(status: u16, body: &Value) -> Response<Bytes> {
    respond(status, media_type::JSON, Bytes::from(json::write(body)))
}

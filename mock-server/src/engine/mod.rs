//! The engine: a function from a request to a reply. It does no I/O; transports move the bytes.
//!
//! A request passes these stations, each with a file of its own: `head` refuses what is no request, [`route`] finds the
//! operation, and [`pipeline`] takes it from there: the media types, what is asked and whether the contract allows it
//! ([`request`]), what goes wrong ([`fault`](crate::fault)); then the system's state machine says who calls and acts,
//! [`response_check`] holds the response to the contract before it leaves, and the [journal](crate::journal) keeps what
//! happened. [`admin`] is the mock's own API, [`pages`] are for people.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request, Response};
use serde_json::{Value, json};

use self::route::{NoRoute, Routes};
use crate::codec::media_type;
use crate::contract::validator;
use crate::journal::redact::Redaction;
use crate::model::{BeyondKind, BeyondRequest};
use crate::reply::{Pieces, Reply, not_decoded, respond_json};
use crate::systems::quirks;
use crate::world::worlds::{Asker, Worlds};
use crate::world::{World, WorldError, names, room};

mod admin;
mod cors;
mod options;
mod pages;
mod pipeline;
mod precheck;
mod prefer;
mod request;
mod response_check;
mod route;

pub use options::Options;

/// The most of a body that a world has room for in any case.
const LITTLE: usize = 4 << 10;

/// The longest body of the admin API that is read at once.
const SHORT: usize = 64 << 10;

/// The systems behind one function, in as many worlds as callers name.
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

/// A request that has been read and has not yet taken effect.
pub(crate) struct Begun<'a>(Step<'a>);

enum Step<'a> {
    /// By the mock itself: pages, its own API, and what no world is asked about.
    Answered(Response<Bytes>),
    /// There is no such operation.
    Missed(Response<Bytes>),
    /// Of a world, at this path in it.
    Operation(Arc<World>, &'a str, Box<pipeline::Accepted>),
}

impl Begun<'_> {
    /// Returns the time to wait before the request takes effect.
    pub(crate) fn wait(&self) -> Duration {
        match &self.0 {
            Step::Answered(_) | Step::Missed(_) => Duration::ZERO,
            Step::Operation(_, _, prepared) => prepared.wait(),
        }
    }
}

impl Engine {
    /// Creates an engine with the default world.
    pub fn new() -> Engine {
        Engine::with(Options::default())
    }

    /// Creates an engine that is set up otherwise.
    pub fn with(options: Options) -> Engine {
        let (admin_token, cors) = (options.admin_token.clone(), options.cors);
        let longest = options.longest_answer;
        // The first request should not wait for what is made once.
        validator();
        Redaction::shared();
        Routes::shared();
        Engine { worlds: Worlds::new(options.world, options.worlds), admin_token, cors, longest }
    }

    /// Returns the default world.
    pub fn world(&self) -> &World {
        self.worlds.default()
    }

    /// Returns a world of its own for this name; it is made if there is none. Requests name it in the header `X-Mock-World`, or
    /// start their path with `/__world/NAME`.
    ///
    /// # Errors
    /// That there are too many.
    pub fn named_world(&self, name: &str) -> Result<Arc<World>, WorldError> {
        if !names::is_name(name) {
            return Err(WorldError::new(names::NO_NAME));
        }
        self.worlds.get(name, Asker::Owner).map_err(WorldError::new)
    }

    /// Returns who asks for a world by a request that is for an operation. The admin token travels to the admin API only.
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
        if let Some((status, problem)) = precheck::problem(request) {
            return answered(respond_json(status, &json!({ "error": problem })));
        }
        let (name, path) = match names::named(request.uri().path(), request.headers()) {
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
        match Routes::shared().find(request.method(), path) {
            Ok(found) => {
                match self.worlds.get(name, if name == names::DEFAULT { Asker::Owner } else { self.asker(request) }) {
                    Ok(world) => {
                        if let Some(violation) = media_type::coded(found.operation, request) {
                            let response = not_decoded(&violation.message);
                            pipeline::record_refused(&world, &found, path, request, (&response, violation));
                            return Begun(Step::Missed(response));
                        }
                        if request.body().len() > LITTLE && !world.has_room(request.body().len() / 16) {
                            return answered(respond_json(503, &json!({ "error": room::NO_ROOM })));
                        }
                        let prepared = Box::new(pipeline::prepare(&world, found, request));
                        Begun(Step::Operation(world, path, prepared))
                    }
                    Err(problem) => answered(respond_json(503, &json!({ "error": problem }))),
                }
            }
            Err(miss) => {
                if let Some(answered_beyond) = self.beyond(name, path, &miss, request) {
                    return answered_beyond.map_or_else(answered, |response| Begun(Step::Missed(response)));
                }
                let response = miss.response();
                // What is for no operation makes no world.
                if let Some(world) = self.worlds.find(name) {
                    pipeline::record_unrouted(&world, path, request, &response);
                }
                Begun(Step::Missed(response))
            }
        }
    }

    /// The response to a request that no operation is for, by the system below whose base path it is; `None` if that has no more
    /// to say than the mock itself.
    ///
    /// # Errors
    /// The response where there is no room for another world.
    fn beyond(
        &self,
        name: &str,
        path: &str,
        miss: &NoRoute,
        request: &Request<Bytes>,
    ) -> Option<Result<Response<Bytes>, Response<Bytes>>> {
        let (system, below) = route::below_base_path(path)?;
        let method = if request.method() == Method::HEAD { &Method::GET } else { request.method() };
        let known_path = matches!(miss, NoRoute::Method { .. });
        let asked = BeyondRequest { method, path: below, known_path, body: request.body() };
        let world = match (quirks(system).beyond)(&asked) {
            BeyondKind::Known => {
                let asker = if name == names::DEFAULT { Asker::Owner } else { self.asker(request) };
                match self.worlds.get(name, asker) {
                    Ok(world) => world,
                    Err(problem) => return Some(Err(respond_json(503, &json!({ "error": problem })))),
                }
            }
            // What nobody has makes no world.
            BeyondKind::Refused => self.worlds.find(name)?,
            BeyondKind::Unknown => return None,
        };
        Some(Ok(pipeline::beyond(&world, system, &asked, path, request)))
    }

    /// Returns whether it may take so long to answer a request that others should not wait for it: what is about all users, all
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
            Step::Operation(world, path, prepared) => pipeline::complete(&world, *prepared, path, request),
        };
        cors::no_sniffing(&mut reply.response);
        if self.cors {
            cors::allow(request, &mut reply.response);
        }
        reply
    }
}

impl Default for Engine {
    fn default() -> Self {
        Engine::new()
    }
}

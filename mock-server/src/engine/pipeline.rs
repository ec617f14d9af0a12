//! The way of a request for an operation: it is held to the contract, struck by faults, authenticated, carried out by the
//! system's state machine; the response is held to the contract as well, and the journal keeps what happened.

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Request, Response};
use user_status_openapi::validate::Violation;
use user_status_openapi::{Operation, SystemKind};

use super::prefer::{self, Preference};
use super::route::RouteMatch;
use super::{request, response_check};
use crate::codec::json;
use crate::codec::media_type::{self, Codec, JSON, Negotiated};
use crate::contract::{contract, validator};
use crate::fault::Injection;
use crate::journal::Recorded;
use crate::journal::redact::Redaction;
use crate::journal::secrets::Secrets;
use crate::journal::texts::texts;
use crate::model::{Arguments, BeyondRequest, Call, Deed, PresentedCredentials, SystemResponse};
use crate::reply::{Reply, respond, respond_empty, respond_json};
use crate::status::AccountStatus;
use crate::systems::quirks;
use crate::world::World;
use crate::world::names::DEFAULT;

/// A request for an operation, held to the contract, and what strikes it.
pub(super) struct Accepted {
    found: RouteMatch,
    spoken: Negotiated<'static>,
    asked: Arguments,
    violations: Vec<Violation>,
    strike: Injection,
}

impl Accepted {
    /// Returns the time to wait before the request takes effect.
    pub(super) fn wait(&self) -> Duration {
        self.strike.before
    }
}

/// Holds a request to the contract, and finds out what strikes it.
pub(super) fn prepare(world: &World, found: RouteMatch, request: &Request<Bytes>) -> Accepted {
    let spoken = media_type::negotiate(found.operation, request.headers(), quirks(found.operation.system).media_type);
    let (asked, violations) = request::read((contract(), validator()), &found, &spoken, request);
    let strike = if world.is_faulty() {
        let state = &mut *world.state();
        let user = state.current.systems.of(found.operation.system).user_of(&asked);
        Injection::of(&mut state.faults, found.operation, &user, state.clock.now())
    } else {
        Injection::default()
    };
    Accepted { found, spoken, asked, violations, strike }
}

/// Answers a prepared request.
pub(super) fn complete(world: &World, prepared: Accepted, path: &str, request: &Request<Bytes>) -> Reply {
    let Accepted { found, spoken, mut asked, mut violations, strike } = prepared;
    let operation = found.operation;
    let mut state = world.state();
    let (at, strict) = (state.clock.now(), state.current.strict);
    let model = state.current.systems.of_mut(operation.system);
    let presented = PresentedCredentials::read(contract(), operation, request.headers(), model.tenant());
    let user = model.user_of(&asked);
    let before = model.status(&user);
    // A read changes nothing of a user.
    let changes = !operation.changes.is_empty();
    let less = if changes { model.room(&user, before.as_ref()) } else { 0 };
    let preference = Preference::read(request.headers());
    let mut applied = None;
    let mut authenticated = false;
    let answer = strike.applies_change().then(|| {
        let caller = model.authenticate(operation, &presented, at)?;
        authenticated = true;
        if let Some(problem) = &spoken.problem {
            return Err(model.refuse(problem.status, &problem.violation.to_string()));
        }
        let remaining = match strict {
            _ if violations.iter().all(|violation| model.understands(operation, &asked, violation)) => Vec::new(),
            true => violations.clone(),
            false => request::drop_violations(&mut asked, &violations),
        };
        let refused: Vec<String> = remaining.iter().map(ToString::to_string).collect();
        if !refused.is_empty() {
            return Err(model.refuse(400, &refused.join("; ")));
        }
        match preference.as_ref().map(|preference| preference.answer(contract(), operation, &spoken.answer)) {
            Some(Err(problem)) => return Err(model.refuse(400, &problem)),
            Some(Ok(Some(example))) => {
                applied = preference.as_ref().map(Preference::applied);
                return Ok(example);
            }
            Some(Ok(None)) | None => {}
        }
        model.perform(&Call { operation, now: at, caller, presented: &presented, asked: &asked })
    });
    let after = model.status(&user);
    let more = if changes { model.room(&user, after.as_ref()) } else { 0 };
    let known = state.known.clone();
    if more != less {
        state.part.take(less);
        state.part.add(more);
    }
    drop(state);
    if authenticated && world.name() != DEFAULT {
        world.is_used();
    }

    let answer: Option<SystemResponse> = answer.map(|answer| answer.unwrap_or_else(|refusal| refusal));
    let response = answer.map_or_else(Response::default, |answer| {
        let mut response = respond_with(operation, &spoken.answer, &answer);
        for (name, value) in
            [(prefer::APPLIED, applied), (prefer::IGNORED, preference.as_ref().and_then(Preference::ignored))]
        {
            if let Some(Ok(value)) = value.map(HeaderValue::try_from) {
                response.headers_mut().insert(name, value);
            }
        }
        response
    });
    let reply = strike.reply(operation, &spoken.answer, response);

    let redaction = Redaction::shared();
    let schema = spoken.request.map(|codec| codec.schema());
    let sent = schema.map(|schema| (schema, &asked.body));
    let secrets = Secrets::of(&known, redaction.presented(request.headers(), sent));
    if let Some(schema) = schema {
        redaction.body(schema, &mut asked.body);
    }
    violations.extend(spoken.problem.map(|problem| problem.violation));
    let clean = |text: String| if secrets.are_in(&text) { secrets.taken_out_of(&text) } else { text };
    let violation = |Violation { location, message, contract }: Violation| {
        let location = if secrets.are_in(&location) { secrets.taken_out_of_target(&location) } else { location };
        Violation { location, message: clean(message), contract }
    };
    let account = |mut status: AccountStatus| {
        if let Some(suspension) = &mut status.suspended {
            suspension.reason = suspension.reason.take().map(clean);
        }
        status
    };
    let body = if asked.body.is_null() { String::new() } else { json::write(&asked.body) };
    let answer = if reply.leaves() { &reply.response.body()[..] } else { &[] };
    world.record(Recorded {
        at,
        texts: texts((Some(operation), path), request, (&body, &user), answer, &secrets),
        operation: Some((&operation.id, operation.system)),
        violations: violations.into_iter().map(violation).collect(),
        faults: strike.ids,
        status: reply.leaves().then(|| reply.response.status().as_u16()),
        before: before.map(account),
        after: after.map(account),
    });
    reply
}

/// Answers a request below the base path of a system that no operation is for, and records it.
pub(super) fn beyond(
    world: &World,
    system: SystemKind,
    asked: &BeyondRequest<'_>,
    path: &str,
    request: &Request<Bytes>,
) -> Response<Bytes> {
    // Who calls, and in which media type the system answers, is as with its operations.
    let operation = contract().operations().iter().find(|operation| operation.system == system);
    let answer = world.beyond(system, |state| {
        let now = state.clock.now();
        let model = state.current.systems.of_mut(system);
        let caller = operation.map(|operation| {
            let presented = PresentedCredentials::read(contract(), operation, request.headers(), model.tenant());
            model.authenticate(operation, &presented, now)
        });
        let deed = caller.transpose().and_then(|_| model.beyond(asked, now));
        deed.unwrap_or_else(Deed::Answer)
    });
    let written = match answer.off_contract {
        Some(media_type) => respond_observed(&answer, media_type),
        None if answer.body.is_null() => respond_empty(answer.status),
        None => {
            let spoken = operation.map(|o| media_type::negotiate(o, request.headers(), quirks(system).media_type));
            let name = spoken.map_or(JSON, |spoken| spoken.answer.name());
            respond(answer.status, name, json::write(&answer.body).into())
        }
    };
    let response = with_headers(written, &answer.headers);
    record_unrouted(world, path, request, &response);
    response
}

/// A response that the contract does not have.
fn respond_observed(answer: &SystemResponse, media_type: &str) -> Response<Bytes> {
    let text = answer.body.as_str().map_or_else(|| json::write(&answer.body), str::to_owned);
    respond(answer.status, media_type, text.into())
}

/// Records a request for which there is no operation.
pub(super) fn record_unrouted(world: &World, path: &str, request: &Request<Bytes>, response: &Response<Bytes>) {
    unread(world, path, request, response, Recorded::default());
}

/// Records a request for an operation that was refused before it was read.
pub(super) fn record_refused(
    world: &World,
    found: &RouteMatch,
    path: &str,
    request: &Request<Bytes>,
    (response, violation): (&Response<Bytes>, Violation),
) {
    let operation = Some((found.operation.id.as_str(), found.operation.system));
    unread(world, path, request, response, Recorded { operation, violations: vec![violation], ..Recorded::default() });
}

fn unread(world: &World, path: &str, request: &Request<Bytes>, response: &Response<Bytes>, entry: Recorded) {
    let state = world.state();
    let (at, known) = (state.clock.now(), state.known.clone());
    drop(state);
    let secrets = Secrets::of(&known, Redaction::shared().presented(request.headers(), None));
    world.record(Recorded {
        at,
        texts: texts((None, path), request, ("", ""), response.body(), &secrets),
        status: Some(response.status().as_u16()),
        ..entry
    });
}

/// Writes a response, unless the contract does not have it.
fn respond_with(operation: &Operation, codec: &Codec<'_>, answer: &SystemResponse) -> Response<Bytes> {
    let written = match (response_check::check(validator(), operation, codec.name(), answer), answer.off_contract) {
        (Ok(Some(schema)), _) => respond(answer.status, codec.name(), codec.write(contract(), schema, &answer.body)),
        (Ok(None), _) => respond_empty(answer.status),
        (Err(_), Some(media_type)) => respond_observed(answer, media_type),
        (Err(violations), None) => {
            let body = serde_json::json!({
                "error": "the mock server made a response that the contract does not allow, and did not send it",
                "operation": operation.id,
                "status": answer.status,
                "violations": violations,
            });
            respond_json(500, &body)
        }
    };
    with_headers(written, &answer.headers)
}

/// A response with these headers beside its own.
fn with_headers(mut response: Response<Bytes>, headers: &[(HeaderName, String)]) -> Response<Bytes> {
    for (name, value) in headers {
        if let Ok(value) = HeaderValue::try_from(value) {
            response.headers_mut().insert(name.clone(), value);
        }
    }
    response
}

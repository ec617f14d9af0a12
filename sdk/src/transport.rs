//! The one seam under the generated clients: every request passes through [`execute`].
//!
//! It makes the attempts of a call, each with credentials, under the limits and on the clock of the session, and hands
//! on one of two things: a documented answer whose body is what the contract says, or a response of status
//! [`FAILURE_STATUS`] that was never on the wire and carries our [`Error`].

use std::pin::pin;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use futures_util::future::{Either, select};
use reqwest::header::{
    ACCEPT, ACCEPT_ENCODING, CACHE_CONTROL, CONNECTION, CONTENT_TYPE, HeaderMap, HeaderValue, PRAGMA, RETRY_AFTER,
    USER_AGENT,
};
use reqwest::{Body, Client, Request, Response, ResponseBuilderExt as _, Url};
use serde_json::{Map, Value};
use tracing::{Instrument as _, Span, debug, debug_span, field};

use crate::auth::Prepared;
use crate::call::Call;
use crate::carried::{Carried, Parsed};
use crate::clock::{BoxFuture, Wait, at_most};
use crate::conclusion::{Conclusion, is_of};
use crate::connecting::GiveUp;
use crate::connection::{self, ConnectionProblem, Unconnected};
use crate::decode::Problem;
use crate::dry_run::DryRunRequest;
use crate::error::{Applied, BoxError, Error, ErrorKind, shown};
use crate::fault::FAILURE_STATUS;
use crate::freshness::{Sent, kept};
use crate::limit::NoPlace;
use crate::operation::Operation;
use crate::raw::RawResponse;
use crate::redact::{REDACTED, Secrets};
use crate::report::{self, Failure, Pending, failed};
use crate::retry::{self, Decision, Outcome, Progress, Safety};
use crate::session::{Parts, Session};
use crate::waiting::{self, WaitReason};

/// Sends one call of a generated client. In a box: the futures around it are moved several times, and it is large.
pub(crate) fn execute<'a>(
    session: &'a Session,
    client: &'a Client,
    request: Request,
    hook_id: &str,
) -> BoxFuture<'a, Response> {
    let parts = session.parts();
    let Some(operation) = Operation::of_hook(parts.system, hook_id) else {
        // Both are generated from one contract; a test calls every operation.
        let error = Error::invalid_input(parts.system, format!("`{hook_id}` is no operation of the contract"));
        return Box::pin(std::future::ready(failure(error)));
    };
    let exchange = Exchange { parts, client, operation, call: Call::current(), template: request };
    Box::pin(async move { exchange.response().await })
}

/// Sends a request that no generated client has made. What the response says is in the record of the call.
pub(crate) fn send<'a>(
    session: &'a Session,
    request: Request,
    operation: &'a Operation,
) -> BoxFuture<'a, Result<(), Error>> {
    Box::pin(async move {
        // The call that the task is in is known once this is polled, and not before.
        let (parts, call) = (session.parts(), Call::current());
        let exchange = Exchange { parts, client: &parts.pooled, operation, call, template: request };
        let answer = exchange.run_in_span().await?;
        exchange.call.ended(answer.raw);
        Ok(())
    })
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

/// One call.
struct Exchange<'a> {
    parts: &'a Parts,
    client: &'a Client,
    operation: &'a Operation,
    call: Arc<Call>,
    /// The request as the generated client made it.
    template: Request,
}

/// A documented answer.
struct Answer {
    /// As it came.
    raw: RawResponse,
    /// Its body, of the type that the contract describes.
    body: Parsed,
    /// What its status code proves.
    conclusion: Conclusion,
}

/// How an attempt ended.
enum Attempt {
    /// With a whole answer.
    Answered(RawResponse),
    /// The request did not leave.
    NotSent(BoxError),
    /// The request left, and no whole answer came back.
    Lost { status: Option<u16>, why: &'static str, source: Option<BoxError> },
    /// The answer has a longer body than is read: this is its beginning.
    TooLong(RawResponse),
    /// With a whole answer that is not of now.
    Stale(RawResponse, String),
}

/// What the status line and the headers of an answer say as they came, whatever becomes of its body.
struct Head {
    status: u16,
    conclusion: Conclusion,
    /// The conclusion if the body does not come whole, and cannot show whose word it is: only in the media type that
    /// was asked for, where a system has several.
    in_part: Conclusion,
    retry_after: Option<Duration>,
    /// Why the answer is not of now.
    stale: Option<String>,
}

impl Exchange<'_> {
    /// What the generated client gets.
    async fn response(&self) -> Response {
        match self.run_in_span().await {
            Ok(Answer { raw, body, conclusion }) => {
                if raw.status >= 300 {
                    let kind = ErrorKind::of_status(raw.status);
                    let applied = self.applied(conclusion == Conclusion::Unknown);
                    self.report(&Failure { kind, applied, status: Some(raw.status), attempts: 1 });
                }
                let mut response = response(self.template.url(), raw.status);
                *response.headers_mut() = self.call.ended(raw);
                Carried::put(body, &mut response);
                Response::from(response)
            }
            Err(error) => {
                self.report(&Failure::of(&error));
                failure(error)
            }
        }
    }

    async fn run_in_span(&self) -> Result<Answer, Error> {
        let span = debug_span!(
            "user_status.call",
            operation = self.operation.id,
            system = %self.operation.system,
            path = field::Empty,
            attempts = field::Empty,
            status = field::Empty,
        );
        let url = self.template.url();
        if self.parts.trace_users {
            span.record("path", url.path());
        }
        pin!(self.run()).instrument(span).await
    }

    /// Reports a failure, unless this is a part of a call that reports its own.
    fn report(&self, failure: &Failure) {
        if !report::is_reported() {
            failed(self.operation.id, self.parts, None, failure);
        }
    }

    /// What sends a request: the pool of connections, or one that opens a connection for it alone. On a connection that
    /// is kept, a response that came too late would be taken for the next request's.
    fn client(&self, idempotent: bool) -> (&Client, bool) {
        let fresh = self.parts.fresh_connections.unwrap_or(!idempotent);
        (if fresh { &self.parts.fresh } else { self.client }, fresh)
    }

    async fn run(&self) -> Result<Answer, Error> {
        let system = self.parts.system;
        let (call, reads) = (self.operation.id, self.parts.reads);
        let mut pending = Pending { system, reads, call, attempts: 0, unknown: false };
        let result = pin!(self.attempts(&mut pending)).await;
        // Whoever made the call learns of it.
        pending.unknown = false;
        result
    }

    async fn attempts(&self, pending: &mut Pending) -> Result<Answer, Error> {
        let parts = self.parts;
        let options = &self.call.options;
        let policy = options.retry.unwrap_or(parts.retry);
        let total = options.total_timeout.unwrap_or(parts.total_timeout);
        let started = parts.clock.now();
        let left_at = |now: Duration| total.saturating_sub(now.saturating_sub(started));
        let body = self.template.body().and_then(Body::as_bytes);
        if body.is_some_and(|body| body == b"{}") {
            return Err(Error::invalid_input(parts.system, "the request body is empty, and asks for nothing"));
        }
        let idempotent = self.operation.is_idempotent(body);

        // What the clock showed after the last wait.
        let mut now = started;
        let mut credentials = match parts.auth.at_hand() {
            Some(credentials) => credentials,
            None => {
                let fetched = at_most(&*parts.clock, total, pin!(parts.auth.current())).await;
                now = parts.clock.now();
                fetched.unwrap_or_else(|| Err(self.out_of_time()))?
            }
        };
        // Those of an attempt before may come back in the answer to the next.
        let mut secrets = self.secrets(&credentials);
        if options.dry_run && !self.operation.only_reads() {
            self.call.captured(self.planned(&credentials, &secrets)?);
            return Err(Error::new(ErrorKind::NotSent, parts.system, "it was a dry run"));
        }
        let (client, fresh) = self.client(idempotent);
        let write = !self.operation.changes.is_empty();
        let mut refreshed = false;
        // Whether an attempt before the last one may have changed the account.
        let mut unsure = false;
        let mut attempt = 0;
        let mut last: Option<(Attempt, Outcome)> = None;
        loop {
            let patience = policy.longest_retry_after;
            let place =
                parts.limiter.enter(&*parts.clock, left_at(now), patience, |why, wait| self.tell(why, wait)).await;
            let sent_at = parts.clock.now();
            let place = match place {
                Ok(place) if !left_at(sent_at).is_zero() => place,
                refused => {
                    return match (last, refused.err()) {
                        (Some((last, outcome)), _) => self.finish(last, outcome, unsure, attempt),
                        (None, Some(NoPlace::Asked(wait))) => Err(self.asked_to_wait(wait)),
                        (None, _) => Err(self.out_of_time()),
                    };
                }
            };
            let request = self.prepare(&self.template, &credentials, fresh);
            let request = request.map_err(|e| e.with_applied(self.applied(unsure)).with_attempts(attempt))?;
            attempt += 1;
            (pending.attempts, pending.unknown) = (attempt, write);
            self.call.sent();
            let span = debug_span!("user_status.attempt", attempt, status = field::Empty, decision = field::Empty);
            let limit = options.attempt_timeout.unwrap_or(parts.attempt_timeout).min(left_at(sent_at));
            let (ended, outcome) = pin!(self.attempt(client, request, &secrets, limit)).instrument(span.clone()).await;
            pending.unknown = write && (unsure || outcome.may_have_changed());
            let ended_at = parts.clock.now();
            if let Attempt::Answered(raw) | Attempt::TooLong(raw) | Attempt::Stale(raw, _) = &ended {
                span.record("status", raw.status);
                Span::current().record("status", raw.status);
            }
            Span::current().record("attempts", attempt);
            place.learn(outcome, &policy, ended_at);
            drop(place);
            // The budget guards against storms; here the limit does.
            let free = parts.limiter.is_adaptive() && outcome.asks_to_wait();
            let safety = Safety {
                idempotent,
                repeats_500: parts.conventions.retries_500,
                can_refresh: !refreshed && parts.auth.can_refresh(),
            };
            let budget = free || parts.budget.has_room();
            let progress = Progress { attempt, time_left: left_at(ended_at), budget, jitter: fastrand::f64() };
            let decision = match retry::decide(&policy, safety, outcome, progress) {
                // Not another connection to what will end it in the same way.
                Decision::Again(_) if ended.problem().is_some_and(ConnectionProblem::stays) => Decision::Stop,
                Decision::Again(_) if !free && !parts.budget.spend() => Decision::Stop,
                decision => decision,
            };
            let duration = ended_at.saturating_sub(sent_at);
            span.record("decision", field::debug(decision));
            span.in_scope(|| debug!(duration_ms = duration.as_millis() as u64, ?outcome, "attempt ended"));
            match decision {
                Decision::Stop => {
                    let result = self.finish(ended, outcome, unsure, attempt);
                    if result.as_ref().is_ok_and(|answer| answer.raw.status < 300) {
                        parts.budget.earn();
                    }
                    return result;
                }
                Decision::Refresh => {
                    refreshed = true;
                    unsure |= outcome.may_have_changed();
                    let refused = credentials.clone();
                    match at_most(&*parts.clock, left_at(ended_at), pin!(parts.auth.refresh(&refused))).await {
                        Some(Ok(fresh)) => credentials = fresh,
                        // What the source says is what the caller wants to know; what the system said stays with it.
                        Some(Err(error)) => {
                            // The source may have said what it was refused with.
                            let error = error
                                .map_source(|source| hide(source, &secrets))
                                .with_attempts(attempt)
                                .with_applied(self.applied(unsure));
                            return Err(match ended {
                                Attempt::Answered(raw) => error.with_raw(raw),
                                _ => error,
                            });
                        }
                        None => return self.finish(ended, outcome, unsure, attempt),
                    }
                    secrets = Arc::new(secrets.and(&self.secrets(&credentials)));
                    last = Some((ended, outcome));
                }
                Decision::Again(wait) => {
                    unsure |= outcome.may_have_changed();
                    last = Some((ended, outcome));
                    let asked = matches!(outcome, Outcome::Answered { retry_after: Some(asked), .. } if asked >= wait);
                    self.tell(if asked { WaitReason::Asked } else { WaitReason::Backoff }, wait);
                    parts.clock.sleep(wait, Wait::Backoff).await;
                }
            }
            now = parts.clock.now();
        }
    }

    async fn attempt(
        &self,
        client: &Client,
        request: Request,
        secrets: &Arc<Secrets>,
        limit: Duration,
    ) -> (Attempt, Outcome) {
        let parts = self.parts;
        let sent = parts.freshness.sending(parts.clock.wall());
        // Outlives the exchange, which may be cut short.
        let head = OnceLock::new();
        let give_up = Arc::new(GiveUp::default());
        let exchange = pin!(give_up.clone().watch(async {
            match client.execute(request).await {
                Ok(response) => {
                    let _ = head.set(self.head(response.status().as_u16(), response.headers(), sent));
                    Ok(self.read(response, secrets).await)
                }
                Err(e) if e.is_connect() || e.is_builder() => Err(e),
                Err(e) => {
                    let why = connection::lost(&e);
                    Ok(Attempt::Lost { status: None, why, source: Some(hide(e.without_url().into(), secrets)) })
                }
            }
        }));
        let ended = match select(exchange, parts.clock.sleep(limit, Wait::Deadline)).await {
            Either::Left((ended, _)) => ended,
            Either::Right(((), exchange)) => give_up.connecting(exchange).unwrap_or(Ok(Attempt::Lost {
                status: head.get().map(|head| head.status),
                why: "no answer in time",
                source: None,
            })),
        };
        let ended = match ended {
            Ok(ended) => ended,
            // After the time of the attempt, so that finding out why cannot make it one that may have left.
            Err(e) => {
                let why = Unconnected::of(e, &parts.base, parts.way.as_ref(), &*parts.clock).await;
                Attempt::NotSent(hide(why.into(), secrets))
            }
        };
        let head = head.get();
        let ended = match (ended, head) {
            (Attempt::Answered(raw), Some(Head { stale: Some(why), .. })) => {
                let why = raw.clean(why).to_owned();
                Attempt::Stale(raw, why)
            }
            (ended, _) => ended,
        };
        let outcome = self.outcome(&ended, head);
        (ended, outcome)
    }

    /// Why an answer is not of now; `None` if nothing shows that. What a cache kept proves nothing: not what an account
    /// is, and not that a change was made.
    fn stale(&self, status: u16, headers: &HeaderMap, sent: Sent) -> Option<String> {
        if status >= 300 {
            return None;
        }
        if self.operation.only_reads() {
            return sent.stale(headers);
        }
        // Its `Date` tells what time it is there.
        self.parts.freshness.changed(headers, self.parts.clock.wall());
        kept(headers)
    }

    /// What an answer says before its body is read.
    fn head(&self, status: u16, headers: &HeaderMap, sent: Sent) -> Head {
        let asked = headers.get(RETRY_AFTER).and_then(|value| value.to_str().ok());
        let retry_after = asked.and_then(|value| retry::retry_after(value, self.parts.clock.wall()));
        let stale = self.stale(status, headers, sent);
        let conclusion = self.parts.conventions.conclude(status, headers);
        let as_asked = self.parts.representation.as_ref().is_none_or(|spoken| is_of(headers, spoken.media_type));
        let in_part = if as_asked { conclusion } else { Conclusion::Unknown };
        Head { status, conclusion, in_part, retry_after, stale }
    }

    /// The request with credentials, in the representation that the session speaks.
    fn prepare(&self, template: &Request, credentials: &Prepared, fresh: bool) -> Result<Request, Error> {
        let mut request = self.copy(template)?;
        let headers = request.headers_mut();
        headers.insert(USER_AGENT, HeaderValue::from_static(concat!("user-status/", env!("CARGO_PKG_VERSION"))));
        if self.operation.only_reads() {
            headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache, no-store"));
            headers.insert(PRAGMA, HeaderValue::from_static("no-cache"));
        }
        if fresh {
            headers.insert(CONNECTION, HeaderValue::from_static("close"));
        }
        // What comes encoded all the same is decoded; but nothing is gained by it in answers that are so short.
        headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
        for (name, value) in &credentials.headers {
            headers.insert(name.clone(), value.clone());
        }
        if let Some((name, secret)) = &credentials.body_member
            && let Some(mut members) = members(template)
            // A caller who gave a token of its own means it.
            && !members.contains_key(*name)
        {
            members.insert((*name).to_owned(), Value::from(secret.expose()));
            *request.body_mut() = Some(Body::from(Value::Object(members).to_string()));
        }
        if let Some(representation) = &self.parts.representation {
            let name = HeaderValue::from_static(representation.media_type);
            request.headers_mut().insert(ACCEPT, name.clone());
            if let Some(body) = request.body().and_then(Body::as_bytes) {
                let body = representation.request(body);
                let body = body.map_err(|e| Error::invalid_input(self.parts.system, e.to_string()))?;
                request.headers_mut().insert(CONTENT_TYPE, name);
                *request.body_mut() = Some(Body::from(body));
            }
        }
        Ok(request)
    }

    /// The request as it would be sent, without the credentials. They are left out when it is prepared, so that none
    /// can be overlooked in it; what the caller put in besides is cleaned before it is written in another
    /// representation.
    fn planned(&self, credentials: &Prepared, secrets: &Secrets) -> Result<DryRunRequest, Error> {
        let mut template = self.copy(&self.template)?;
        if let Some(body) = template.body().and_then(Body::as_bytes).map(Bytes::copy_from_slice) {
            *template.body_mut() = Some(Body::from(secrets.clean_body(body)));
        }
        Ok(DryRunRequest::of(&self.prepare(&template, &credentials.redacted(), false)?, secrets))
    }

    fn copy(&self, request: &Request) -> Result<Request, Error> {
        let once = || Error::invalid_input(self.parts.system, "the body can be sent once only");
        request.try_clone().ok_or_else(once)
    }

    /// The secrets that a request with these credentials carries.
    fn secrets(&self, credentials: &Prepared) -> Arc<Secrets> {
        if let Some((name, _)) = &credentials.body_member
            && let Some(members) = members(&self.template)
            && let Some(given) = members.get(*name).and_then(Value::as_str)
        {
            return Arc::new(credentials.secrets.and(&Secrets::of([given])));
        }
        credentials.secrets.clone()
    }

    /// Reads the whole answer, up to the limit.
    async fn read(&self, mut response: Response, secrets: &Arc<Secrets>) -> Attempt {
        let status = response.status().as_u16();
        let mut body = BytesMut::new();
        let mut whole = true;
        while whole {
            match response.chunk().await {
                Ok(Some(chunk)) => {
                    whole = body.len() + chunk.len() <= self.parts.body_limit;
                    // Copied, because the chunk holds on to the whole buffer of the connection.
                    body.extend_from_slice(&chunk[..chunk.len().min(self.parts.body_limit - body.len())]);
                }
                Ok(None) => break,
                Err(e) => {
                    let source = Some(hide(e.without_url().into(), secrets));
                    return Attempt::Lost { status: Some(status), why: "the answer broke off", source };
                }
            }
        }
        let headers = std::mem::take(response.headers_mut());
        let (limit, spoken) = (self.parts.body_limit, self.parts.representation.as_ref());
        let (raw, whole) = RawResponse::read(status, headers, body.freeze(), whole, limit, spoken, secrets);
        if whole { Attempt::Answered(raw) } else { Attempt::TooLong(raw) }
    }

    fn outcome(&self, ended: &Attempt, head: Option<&Head>) -> Outcome {
        match (ended, head) {
            (Attempt::NotSent(_), _) => Outcome::NotSent,
            (Attempt::Answered(raw) | Attempt::TooLong(raw) | Attempt::Stale(raw, _), Some(head)) => {
                let retry_after = head.retry_after;
                let whole = matches!(ended, Attempt::Answered(_));
                let conclusion = if whole { self.concluded(raw, head.conclusion) } else { head.in_part };
                Outcome::Answered { status: self.meaning(raw), conclusion, retry_after }
            }
            // The status line says enough, though the body broke off: the system refused, or asks to wait.
            (Attempt::Lost { .. }, Some(&Head { status, in_part: conclusion, retry_after, .. }))
                if conclusion != Conclusion::Unknown || matches!(status, 429 | 503) =>
            {
                Outcome::Answered { status, conclusion, retry_after }
            }
            _ => Outcome::Lost,
        }
    }

    /// What a whole answer proves: a gateway may refuse with the system's status code and media type, and not with its
    /// error body.
    fn concluded(&self, raw: &RawResponse, conclusion: Conclusion) -> Conclusion {
        match raw.fault(self.parts.representation.as_ref()) {
            Some(members) if (self.parts.conventions.is_fault)(members) => conclusion,
            _ => Conclusion::Unknown,
        }
    }

    /// The status code as it is meant: some systems say 403 for credentials that are not valid any more.
    fn meaning(&self, raw: &RawResponse) -> u16 {
        let expired = self.parts.conventions.expired_403.filter(|_| raw.status == 403);
        if expired.is_some_and(|text| self.parts.conventions.message(raw.shown()) == text) { 401 } else { raw.status }
    }

    /// What the call ends with.
    fn finish(&self, ended: Attempt, outcome: Outcome, unsure: bool, attempts: u32) -> Result<Answer, Error> {
        let system = self.parts.system;
        let write = !self.operation.changes.is_empty();
        let unknown = outcome.may_have_changed();
        let (conclusion, retry_after) = match outcome {
            Outcome::Answered { conclusion, retry_after, .. } => (conclusion, retry_after),
            _ => (Conclusion::Unknown, None),
        };
        // What a typed client is told by its status code, and by the headers that it gets, alone.
        let told = |raw: &RawResponse| self.parts.conventions.conclude(raw.status, &raw.headers);
        let error = match ended {
            Attempt::Answered(raw) => {
                let status = self.meaning(&raw);
                match self.parse(&raw) {
                    Ok(body) if status < 300 => return Ok(Answer { raw, body, conclusion }),
                    // A plain refusal goes to the typed client as it is. One that an earlier attempt makes uncertain, or
                    // that is not in the system's own words, is no plain refusal any more.
                    Ok(body)
                        if !self.call.is_recorded()
                            && status == raw.status
                            && attempts == 1
                            && !unsure
                            && (write || !unknown)
                            && told(&raw) == conclusion =>
                    {
                        return Ok(Answer { raw, body, conclusion });
                    }
                    Err(why) if raw.status < 400 => Error::new(ErrorKind::OffContract, system, why).with_raw(raw),
                    _ => {
                        let text = self.parts.conventions.message(raw.shown());
                        let meaning = (self.parts.conventions.meaning)(&text);
                        let error = Error::new(ErrorKind::of_status(status), system, shown(&text));
                        error.in_its_words(meaning).with_raw(raw)
                    }
                }
            }
            Attempt::TooLong(raw) => {
                let limit = self.parts.body_limit;
                let message = format!("the body is longer than the {limit} bytes that are read");
                Error::new(ErrorKind::of_status(self.meaning(&raw)), system, message).with_raw(raw)
            }
            Attempt::Stale(raw, why) => Error::new(ErrorKind::OffContract, system, shown(&why)).with_raw(raw),
            Attempt::NotSent(e) if unsure => {
                let why = "an earlier attempt left, and the last one did not";
                Error::new(ErrorKind::OutcomeUnknown, system, why).with_source(e)
            }
            Attempt::NotSent(e) => Error::new(ErrorKind::NotSent, system, e.to_string()).with_source(e),
            Attempt::Lost { status, why, source } => {
                let kind = status.filter(|_| !unknown).map_or(ErrorKind::OutcomeUnknown, ErrorKind::of_status);
                let error = Error::new(kind, system, why);
                let error = match status {
                    Some(status) => error.with_status(status),
                    None => error,
                };
                match source {
                    Some(source) => error.with_source(source),
                    None => error,
                }
            }
        };
        Err(error
            .with_applied(self.applied(unsure || unknown))
            .with_attempts(attempts)
            .asked_to_wait(retry_after, self.parts.clock.wall()))
    }

    /// The body of an answer, of the type that the contract describes.
    ///
    /// # Errors
    /// Why it is not.
    fn parse(&self, raw: &RawResponse) -> Result<Parsed, Problem> {
        let Some(parse) = self.operation.parse else { return self.undescribed(raw) };
        if !self.operation.statuses.contains(&raw.status) {
            return Err("this status code is not documented here".into());
        }
        let value = raw.described(self.parts.representation.as_ref())?;
        // The error's own text may repeat the value.
        parse(raw.status, value).map_err(|_| MISSHAPEN.into())
    }

    /// The body of a response that no contract describes: any success, with JSON or without a body.
    fn undescribed(&self, raw: &RawResponse) -> Result<Parsed, Problem> {
        match raw.status {
            200..300 if raw.body.is_empty() => Ok(Box::new(())),
            200..300 => raw.described(self.parts.representation.as_ref()).map(|_| Box::new(()) as Parsed),
            _ => Err("this status code says neither yes nor no".into()),
        }
    }

    /// Nothing is changed by a read, however it ends.
    fn applied(&self, unknown: bool) -> Applied {
        if unknown && !self.operation.changes.is_empty() { Applied::Unknown } else { Applied::No }
    }

    /// Says that the call begins to wait.
    fn tell(&self, why: WaitReason, wait: Duration) {
        waiting::tell(&*self.parts.clock, self.parts.system, why, wait);
    }

    /// An earlier call was told to come back later, and this one was not sent before that.
    fn asked_to_wait(&self, wait: Duration) -> Error {
        let error = Error::new(ErrorKind::NotSent, self.parts.system, "an earlier request was refused");
        error.asked_to_wait(Some(wait), self.parts.clock.wall())
    }

    fn out_of_time(&self) -> Error {
        Error::new(ErrorKind::NotSent, self.parts.system, "there was no time left to send it")
    }
}

/// The members of a request's body.
fn members(request: &Request) -> Option<Map<String, Value>> {
    serde_json::from_slice(request.body()?.as_bytes()?).ok()
}

impl Attempt {
    /// Why the request did not leave, if that is known.
    fn problem(&self) -> Option<ConnectionProblem> {
        match self {
            Attempt::NotSent(error) => Unconnected::problem_of(&**error),
            _ => None,
        }
    }
}

/// What is wrong with a body that is read well, and has a member of another type than the documented.
pub(crate) const MISSHAPEN: &str = "the body is not of the shape that the contract describes";

/// An error from below as it may be shown: a system may have put something into its text, such as into a certificate.
fn hide(error: BoxError, secrets: &Secrets) -> BoxError {
    let mut next: Option<&(dyn std::error::Error + 'static)> = Some(&*error);
    while let Some(cause) = next {
        if [cause.to_string(), format!("{cause:?}")].iter().any(|text| secrets.are_in(text.as_bytes())) {
            return match Unconnected::problem_of(&*error) {
                Some(problem) => Unconnected::redacted(problem).into(),
                None => REDACTED.into(),
            };
        }
        next = cause.source();
    }
    error
}

/// Gives a generated client its hooks, and a Debug that shows no more than where it sends.
macro_rules! hooks {
    ($client:ty) => {
        impl progenitor_client::ClientHooks<crate::Session> for $client {
            async fn exec(
                &self,
                request: reqwest::Request,
                info: &progenitor_client::OperationInfo,
            ) -> reqwest::Result<reqwest::Response> {
                Ok(crate::transport::execute(&self.inner, &self.client, request, info.operation_id).await)
            }
        }

        impl $client {
            /// Returns the state of this client's limit; `None` unless its limit is [adaptive](crate::Limit::adaptive).
            pub fn held_back(&self) -> Option<crate::HeldBack> {
                let parts = self.inner.parts();
                parts.limiter.held_back(&*parts.clock)
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

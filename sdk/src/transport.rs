//! The one seam under the generated clients: every request passes through [`execute`].
//!
//! It makes the attempts of a call, each with credentials, under the limits and on the clock of the session, and hands
//! on one of two things: a documented answer whose body is what the contract says, or a response of status
//! [`FAILURE_STATUS`] that was never on the wire and carries our [`Error`].

use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use reqwest::header::{ACCEPT, CONTENT_TYPE, HeaderName, HeaderValue, USER_AGENT};
use reqwest::{Body, Client, Request, Response};
use serde_json::{Map, Value};
use tracing::{Instrument as _, debug, debug_span, field, warn};

use crate::auth::Prepared;
use crate::call::Call;
use crate::clock::at_most;
use crate::error::{Applied, BoxError, Error, ErrorKind, is_refusal};
use crate::fault::{Carried, FAILURE_STATUS};
use crate::operation::Operation;
use crate::raw::RawResponse;
use crate::retry::{self, Decision, Outcome, Progress, Safety};
use crate::session::{Parts, Session};
use crate::vendor::Vendor;

/// A header that the generator adds to every request and no system documents.
const STRAY: HeaderName = HeaderName::from_static("api-version");

/// Sends one call of a generated client.
pub(crate) async fn execute(session: &Session, client: &Client, request: Request, hook_id: &str) -> Response {
    let parts = session.parts();
    let Some(operation) = Operation::of_hook(parts.vendor, hook_id) else {
        // Both are generated from one contract; a test calls every operation.
        let error = Error::invalid_input(parts.vendor, format!("`{hook_id}` is no operation of the contract"));
        return failure(error);
    };
    let span = debug_span!(
        "user_status.call",
        operation = operation.id,
        vendor = %operation.vendor,
        path = field::Empty,
        attempts = field::Empty,
        status = field::Empty,
    );
    if parts.trace_users {
        span.record("path", request.url().path());
    }
    let exchange = Exchange { parts, client, operation, call: Call::current(), template: request };
    match exchange.run().instrument(span).await {
        Ok(raw) => {
            let mut response = http::Response::new(Body::from(raw.body));
            *response.status_mut() = http::StatusCode::from_u16(raw.status).unwrap_or_default();
            *response.headers_mut() = raw.headers;
            Response::from(response)
        }
        Err(error) => failure(error),
    }
}

fn failure(error: Error) -> Response {
    let mut response = http::Response::new(Body::default());
    *response.status_mut() = http::StatusCode::from_u16(FAILURE_STATUS).unwrap_or_default();
    response.extensions_mut().insert(Carried::new(error));
    Response::from(response)
}

/// One call.
struct Exchange<'a> {
    parts: &'a Parts,
    client: &'a Client,
    operation: &'static Operation,
    call: Arc<Call>,
    /// The request as the generated client made it.
    template: Request,
}

/// How an attempt ended.
enum Attempt {
    /// With a whole answer.
    Answered(RawResponse),
    /// The request did not leave.
    NotSent(BoxError),
    /// The request left, and no whole answer came back.
    Lost { status: Option<u16>, why: &'static str, source: Option<BoxError> },
    /// The answer has a longer body than is read.
    TooLong { status: u16 },
}

impl Exchange<'_> {
    async fn run(&self) -> Result<RawResponse, Error> {
        let parts = self.parts;
        let options = &self.call.options;
        let policy = options.retry.unwrap_or(parts.retry);
        let total = options.total_timeout.unwrap_or(parts.total_timeout);
        let started = parts.clock.now();
        let time_left = || total.saturating_sub(parts.clock.now().saturating_sub(started));
        let body = self.template.body().and_then(Body::as_bytes);
        if body.is_some_and(|body| body == b"{}") {
            return Err(Error::invalid_input(parts.vendor, "the request body is empty, and asks for nothing"));
        }
        let idempotent = self.operation.is_idempotent(body);

        let mut credentials = at_most(&*parts.clock, time_left(), parts.auth.current())
            .await
            .unwrap_or_else(|| Err(self.out_of_time(0)))?;
        let mut refreshed = false;
        // Whether an attempt before the last one may have changed the account.
        let mut unsure = false;
        let mut attempt = 0;
        loop {
            let Some(_place) = parts.limiter.enter(&*parts.clock, time_left()).await else {
                return Err(self.out_of_time(attempt).with_applied(applied(unsure)));
            };
            attempt += 1;
            self.call.sent();
            let span = debug_span!("user_status.attempt", attempt, status = field::Empty, decision = field::Empty);
            let sent_at = parts.clock.now();
            let limit = options.attempt_timeout.unwrap_or(parts.attempt_timeout).min(time_left());
            let ended = self.attempt(&credentials, limit).instrument(span.clone()).await;
            drop(_place);

            let meaning = ended.meaning(parts.vendor);
            if let Attempt::Answered(raw) = &ended {
                self.call.answered(raw);
                span.record("status", raw.status);
            }
            let outcome = self.outcome(&ended, meaning);
            let safety = Safety {
                idempotent,
                repeats_500: parts.vendor == Vendor::Symphony,
                can_refresh: !refreshed && parts.auth.can_refresh(),
            };
            let progress =
                Progress { attempt, time_left: time_left(), budget: parts.budget.has_room(), jitter: fastrand::f64() };
            let decision = match retry::decide(&policy, safety, outcome, progress) {
                Decision::Again(_) if !parts.budget.spend() => Decision::Stop,
                decision => decision,
            };
            let duration = parts.clock.now().saturating_sub(sent_at);
            span.in_scope(|| debug!(duration_ms = duration.as_millis() as u64, ?outcome, ?decision, "attempt ended"));
            match decision {
                Decision::Stop => {
                    let result = self.finish(ended, outcome, meaning, unsure, attempt);
                    match &result {
                        Ok(raw) if raw.status < 300 => parts.budget.earn(),
                        Ok(_) => {}
                        Err(error) => warn!(kind = ?error.kind(), applied = ?error.applied(), attempt, "call failed"),
                    }
                    return result;
                }
                Decision::Refresh => {
                    refreshed = true;
                    let refresh = at_most(&*parts.clock, time_left(), parts.auth.refresh(&credentials)).await;
                    credentials = refresh
                        .unwrap_or_else(|| Err(self.out_of_time(attempt)))
                        .map_err(|e| e.with_status(Some(401)).with_attempts(attempt).with_applied(applied(unsure)))?;
                }
                Decision::Again(wait) => {
                    unsure |= ended.may_have_changed();
                    parts.clock.sleep(wait, crate::clock::Wait::Backoff).await;
                }
            }
        }
    }

    async fn attempt(&self, credentials: &Prepared, limit: Duration) -> Attempt {
        let request = match self.prepare(credentials) {
            Ok(request) => request,
            Err(e) => return Attempt::NotSent(e),
        };
        let exchange = async {
            match self.client.execute(request).await {
                Ok(response) => self.read(response, credentials).await,
                Err(e) if e.is_connect() || e.is_builder() => Attempt::NotSent(e.without_url().into()),
                Err(e) => {
                    let why =
                        if e.is_timeout() { "no answer in time" } else { "the connection broke before the answer" };
                    Attempt::Lost { status: None, why, source: Some(e.without_url().into()) }
                }
            }
        };
        let in_time = at_most(&*self.parts.clock, limit, exchange).await;
        in_time.unwrap_or(Attempt::Lost { status: None, why: "no answer in time", source: None })
    }

    /// The request with credentials, in the representation that the session speaks.
    fn prepare(&self, credentials: &Prepared) -> Result<Request, BoxError> {
        let mut request = self.template.try_clone().ok_or("the request body cannot be sent twice")?;
        let headers = request.headers_mut();
        headers.remove(STRAY);
        headers.insert(USER_AGENT, HeaderValue::from_static(concat!("user-status/", env!("CARGO_PKG_VERSION"))));
        for (name, value) in &credentials.headers {
            headers.insert(name.clone(), value.clone());
        }
        let body = request.body().and_then(Body::as_bytes);
        if let Some((name, secret)) = &credentials.body_member
            && let Some(mut members) = body.and_then(|body| serde_json::from_slice::<Map<String, Value>>(body).ok())
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
                let body = representation.request(body)?;
                request.headers_mut().insert(CONTENT_TYPE, name);
                *request.body_mut() = Some(Body::from(body));
            }
        }
        Ok(request)
    }

    /// Reads the whole answer, up to the limit.
    async fn read(&self, mut response: Response, credentials: &Prepared) -> Attempt {
        let status = response.status().as_u16();
        let mut body = BytesMut::new();
        loop {
            match response.chunk().await {
                Ok(Some(chunk)) if body.len() + chunk.len() > self.parts.body_limit => {
                    return Attempt::TooLong { status };
                }
                Ok(Some(chunk)) => body.extend_from_slice(&chunk),
                Ok(None) => break,
                Err(e) => {
                    let source = Some(e.without_url().into());
                    return Attempt::Lost { status: Some(status), why: "the answer broke off", source };
                }
            }
        }
        let headers = std::mem::take(response.headers_mut());
        Attempt::Answered(RawResponse::new(status, headers, body.freeze(), &credentials.secrets))
    }

    fn outcome(&self, ended: &Attempt, meaning: u16) -> Outcome {
        match ended {
            Attempt::Answered(raw) => {
                let now = self.parts.clock.wall();
                let asked = raw.headers.get(reqwest::header::RETRY_AFTER).and_then(|value| value.to_str().ok());
                Outcome::Answered {
                    status: meaning,
                    retry_after: asked.and_then(|value| retry::retry_after(value, now)),
                }
            }
            Attempt::TooLong { status } => Outcome::Answered { status: *status, retry_after: None },
            Attempt::NotSent(_) => Outcome::NotSent,
            Attempt::Lost { .. } => Outcome::Lost,
        }
    }

    /// What the call ends with.
    fn finish(
        &self,
        ended: Attempt,
        outcome: Outcome,
        meaning: u16,
        unsure: bool,
        attempts: u32,
    ) -> Result<RawResponse, Error> {
        let vendor = self.parts.vendor;
        let write = !self.operation.changes.is_empty();
        let error = match ended {
            Attempt::Answered(raw) => {
                let Outcome::Answered { retry_after, .. } = outcome else { return Ok(raw) };
                let (raw, misfit) = self.as_json(raw);
                match misfit {
                    // A refusal that an earlier attempt makes uncertain is no plain refusal any more.
                    None if raw.status < 300 => return Ok(raw),
                    None if meaning == raw.status && attempts == 1 && !unsure && (write || is_refusal(meaning)) => {
                        return Ok(raw);
                    }
                    None => {
                        let message = message(&raw.body);
                        Error::answered(vendor, raw, meaning, &message).with_retry_after(retry_after)
                    }
                    Some(why) if raw.status < 400 => {
                        Error::new(ErrorKind::OffContract, vendor, why).with_applied(Applied::Unknown).with_raw(raw)
                    }
                    Some(_) => {
                        let message = message(&raw.body);
                        Error::answered(vendor, raw, meaning, &message).with_retry_after(retry_after)
                    }
                }
            }
            Attempt::TooLong { status } => {
                let limit = self.parts.body_limit;
                Error::new(
                    ErrorKind::of_status(status),
                    vendor,
                    format!("the body is longer than the {limit} bytes that are read"),
                )
                .with_applied(applied(!is_refusal(status)))
                .with_status(Some(status))
            }
            Attempt::NotSent(e) => {
                let message = innermost(&*e);
                Error::new(ErrorKind::NotSent, vendor, message).with_source(e)
            }
            Attempt::Lost { status, why, source } => {
                let error = Error::new(ErrorKind::OutcomeUnknown, vendor, why)
                    .with_applied(Applied::Unknown)
                    .with_status(status);
                match source {
                    Some(source) => error.with_source(source),
                    None => error,
                }
            }
        };
        let applied = match error.applied() {
            // Nothing is changed by a read, however it ends.
            _ if !write => Applied::No,
            _ if unsure => Applied::Unknown,
            applied => applied,
        };
        // What did not leave in the last attempt may have been done by one before.
        let error = match (error.kind(), unsure) {
            (ErrorKind::NotSent, true) => {
                Error::new(ErrorKind::OutcomeUnknown, vendor, "an earlier attempt left, and the last one did not")
                    .with_source(error)
            }
            _ => error,
        };
        Err(error.with_applied(applied).with_attempts(attempts))
    }

    /// The answer with its body as JSON, and why it is not one that the contract knows.
    fn as_json(&self, mut raw: RawResponse) -> (RawResponse, Option<&'static str>) {
        if !self.operation.statuses.contains(&raw.status) {
            return (raw, Some("this status code is not documented here"));
        }
        let content_type = raw.headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let essence = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        let xml = self.parts.representation.as_ref().filter(|_| essence.ends_with("xml"));
        if let Some(representation) = xml {
            match representation.answer(&raw.body) {
                Some(json) => raw.body = Bytes::from(json),
                None => return (raw, Some("the body is not the XML that the contract describes")),
            }
        } else if !essence.ends_with("json") {
            return (raw, Some("the body is not of a media type that the contract has"));
        }
        // Members that nobody knows are passed over without a look at their text.
        if std::str::from_utf8(&raw.body).is_err() {
            return (raw, Some("the body is not UTF-8"));
        }
        match (self.operation.fits)(raw.status, &raw.body) {
            Ok(()) => (raw, None),
            // The error's own text may repeat the value.
            Err(e) if e.is_data() => (raw, Some("the body is not of the shape that the contract describes")),
            Err(_) => (raw, Some("the body is not JSON")),
        }
    }

    fn out_of_time(&self, attempts: u32) -> Error {
        Error::new(ErrorKind::NotSent, self.parts.vendor, "there was no time left to send it").with_attempts(attempts)
    }
}

impl Attempt {
    /// The status code as it is meant: MediConnect says 403 for a token that is not valid any more.
    fn meaning(&self, vendor: Vendor) -> u16 {
        match self {
            Attempt::Answered(raw) if vendor == Vendor::Mediconnect && raw.status == 403 => {
                if message(&raw.body) == "Invalid token" { 401 } else { 403 }
            }
            Attempt::Answered(RawResponse { status, .. }) | Attempt::TooLong { status } => *status,
            Attempt::NotSent(_) | Attempt::Lost { .. } => 0,
        }
    }

    /// Whether the account may have been changed by it.
    fn may_have_changed(&self) -> bool {
        match self {
            Attempt::NotSent(_) => false,
            Attempt::Lost { .. } => true,
            Attempt::Answered(RawResponse { status, .. }) | Attempt::TooLong { status } => !is_refusal(*status),
        }
    }
}

fn applied(unsure: bool) -> Applied {
    if unsure { Applied::Unknown } else { Applied::No }
}

/// The text for people in an error body of any of the five shapes; empty if there is none.
fn message(body: &[u8]) -> String {
    let Ok(Value::Object(members)) = serde_json::from_slice(body) else { return String::new() };
    let text = |name: &str| members.get(name).and_then(Value::as_str);
    let listed = members.get("errors").and_then(|errors| errors.get(0)?.get("message")?.as_str());
    let text = text("error").or(listed).or_else(|| text("faultstring")).or_else(|| text("message"));
    text.unwrap_or_default().to_owned()
}

/// The text of the first cause: what the operating system said.
fn innermost(error: &(dyn std::error::Error + Send + Sync + 'static)) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(error) = next {
        text = error.to_string();
        next = error.source();
    }
    text
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

        impl std::fmt::Debug for $client {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.debug_struct("Client").field("base_url", &self.baseurl).field("session", &self.inner).finish()
            }
        }
    };
}

pub(crate) use hooks;

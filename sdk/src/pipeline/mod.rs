//! One call: the attempts that it takes, each with credentials, under the limits and on the clock of the session.
//!
//! A call ends with a documented response, whose body is what the contract says, or with an [`Error`] that says whether the
//! account may have been changed. [`CallDriver::run`] makes the attempts; `request` prepares each, `attempt` makes it and
//! says how it ended, `retry` decides whether there is another, `conclude` says what the call ends with, and `record` keeps what
//! it did for whoever made it.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use reqwest::header::HeaderMap;
use reqwest::{Body, Client, Request, Url};
use tracing::{Instrument as _, Span, debug, debug_span, field};

use self::attempt::{Attempt, hide};
use self::record::Call;
use crate::client::report::{self, Failure, Pending, failed};
use crate::client::session::{Session, SessionInner};
use crate::model::conclusion::Conclusion;
use crate::model::connection::ConnectionProblem;
use crate::model::error::{Error, ErrorKind};
use crate::model::operation::{Operation, Parsed};
use crate::model::raw::RawResponse;
use crate::policy::clock::{BoxFuture, Wait, timeout};
use crate::policy::limit::NoPermit;
use crate::policy::retry::{self, AttemptOutcome, Decision, Progress, RetryContext};
use crate::policy::waiting::{self, WaitReason};

mod attempt;
mod conclude;
pub(crate) mod record;
mod request;

pub(crate) use conclude::MISSHAPEN;

/// Sends a request that no generated client has made. What the response says is in the record of the call.
pub(crate) fn send<'a>(
    session: &'a Session,
    request: Request,
    operation: &'a Operation,
) -> BoxFuture<'a, Result<(), Error>> {
    Box::pin(async move {
        // The call that the task is in is known once this is polled, and not before.
        let exchange = CallDriver::new(session, &session.parts().pooled, operation, request);
        let answer = exchange.run().await?;
        exchange.ended(answer.raw);
        Ok(())
    })
}

/// One call.
pub(crate) struct CallDriver<'a> {
    parts: &'a SessionInner,
    client: &'a Client,
    operation: &'a Operation,
    call: Arc<Call>,
    /// The request as the generated client made it.
    template: Request,
}

/// A documented response.
pub(crate) struct CallResponse {
    /// As it came.
    pub(crate) raw: RawResponse,
    /// Its body, of the type that the contract describes.
    pub(crate) body: Parsed,
    /// The conclusion from its status code.
    conclusion: Conclusion,
}

impl<'a> CallDriver<'a> {
    /// Begins a call, with the settings of the call that the task is in.
    pub(crate) fn new(
        session: &'a Session,
        client: &'a Client,
        operation: &'a Operation,
        template: Request,
    ) -> CallDriver<'a> {
        CallDriver { parts: session.parts(), client, operation, call: Call::current(), template }
    }

    /// The URL that is asked.
    pub(crate) fn url(&self) -> &Url {
        self.template.url()
    }

    /// Keeps the response that the call ended with. The headers go to whoever made the call.
    pub(crate) fn ended(&self, raw: RawResponse) -> HeaderMap {
        self.call.ended(raw)
    }

    /// Makes the attempts, and reports a failure.
    pub(crate) async fn run(&self) -> Result<CallResponse, Error> {
        let result = self.run_in_span().await;
        match &result {
            Ok(answer) if answer.raw.status >= 300 => {
                let kind = ErrorKind::of_status(answer.raw.status);
                let applied = self.applied(answer.conclusion == Conclusion::Unknown);
                self.report(&Failure { kind, applied, status: Some(answer.raw.status), attempts: 1 });
            }
            Ok(_) => {}
            Err(error) => self.report(&Failure::of(error)),
        }
        result
    }

    async fn run_in_span(&self) -> Result<CallResponse, Error> {
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
        pin!(self.watched()).instrument(span).await
    }

    /// Reports a failure, unless this is a part of a call that reports its own.
    fn report(&self, failure: &Failure) {
        if !report::is_reported() {
            failed(self.operation.id, self.parts.caller(), None, failure);
        }
    }

    /// Returns what sends a request: the pool of connections, or one that opens a connection for it alone. On a connection that
    /// is kept, a response that came too late would be taken for the next request's.
    fn client(&self, idempotent: bool) -> (&Client, bool) {
        let fresh = self.parts.fresh_connections.unwrap_or(!idempotent);
        (if fresh { &self.parts.fresh } else { self.client }, fresh)
    }

    async fn watched(&self) -> Result<CallResponse, Error> {
        let system = self.parts.system;
        let (call, reads) = (self.operation.id, self.parts.reads);
        let mut pending = Pending { system, reads, call, attempts: 0, unknown: false };
        let result = pin!(self.attempts(&mut pending)).await;
        // Whoever made the call learns of it.
        pending.unknown = false;
        result
    }

    async fn attempts(&self, pending: &mut Pending) -> Result<CallResponse, Error> {
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
        let mut credentials = match parts.auth.cached() {
            Some(credentials) => credentials,
            None => {
                let fetched = timeout(&*parts.clock, total, pin!(parts.auth.current())).await;
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
        let mut maybe_applied = false;
        let mut attempt = 0;
        let mut last: Option<(Attempt, AttemptOutcome)> = None;
        loop {
            let patience = policy.longest_retry_after;
            let place =
                parts.limiter.enter(&*parts.clock, left_at(now), patience, |why, wait| self.tell(why, wait)).await;
            let sent_at = parts.clock.now();
            let place = match place {
                Ok(place) if !left_at(sent_at).is_zero() => place,
                refused => {
                    return match (last, refused.err()) {
                        (Some((last, outcome)), _) => self.finish(last, outcome, maybe_applied, attempt),
                        (None, Some(NoPermit::Asked(wait))) => Err(self.asked_to_wait(wait)),
                        (None, _) => Err(self.out_of_time()),
                    };
                }
            };
            let request = self.prepare(&self.template, &credentials, fresh);
            let request = request.map_err(|e| e.with_applied(self.applied(maybe_applied)).with_attempts(attempt))?;
            attempt += 1;
            (pending.attempts, pending.unknown) = (attempt, write);
            self.call.sent();
            let span = debug_span!("user_status.attempt", attempt, status = field::Empty, decision = field::Empty);
            let limit = options.attempt_timeout.unwrap_or(parts.attempt_timeout).min(left_at(sent_at));
            let (ended, outcome) = pin!(self.attempt(client, request, &secrets, limit)).instrument(span.clone()).await;
            pending.unknown = write && (maybe_applied || outcome.may_have_changed());
            let ended_at = parts.clock.now();
            if let Attempt::Answered(raw) | Attempt::TooLong(raw) | Attempt::Stale(raw, _) = &ended {
                span.record("status", raw.status);
                Span::current().record("status", raw.status);
            }
            Span::current().record("attempts", attempt);
            place.learn(outcome, &policy, ended_at);
            drop(place);
            // The budget guards against storms; here the limit does.
            let exempt_from_budget = parts.limiter.is_adaptive() && outcome.asks_to_wait();
            let safety = RetryContext {
                idempotent,
                repeats_500: parts.conventions.retries_500,
                can_refresh: !refreshed && parts.auth.can_refresh(),
            };
            let budget = exempt_from_budget || parts.budget.has_room();
            let progress = Progress { attempt, time_left: left_at(ended_at), budget, jitter: fastrand::f64() };
            let decision = match retry::decide(&policy, safety, outcome, progress) {
                // Not another connection to what will end it in the same way.
                Decision::Again(_) if ended.problem().is_some_and(ConnectionProblem::stays) => Decision::Stop,
                Decision::Again(_) if !exempt_from_budget && !parts.budget.spend() => Decision::Stop,
                decision => decision,
            };
            let duration = ended_at.saturating_sub(sent_at);
            span.record("decision", field::debug(decision));
            span.in_scope(|| debug!(duration_ms = duration.as_millis() as u64, ?outcome, "attempt ended"));
            match decision {
                Decision::Stop => {
                    let result = self.finish(ended, outcome, maybe_applied, attempt);
                    if result.as_ref().is_ok_and(|answer| answer.raw.status < 300) {
                        parts.budget.earn();
                    }
                    return result;
                }
                Decision::Refresh => {
                    refreshed = true;
                    maybe_applied |= outcome.may_have_changed();
                    let refused = credentials.clone();
                    match timeout(&*parts.clock, left_at(ended_at), pin!(parts.auth.refresh(&refused))).await {
                        Some(Ok(fresh)) => credentials = fresh,
                        // What the source says is what the caller wants to know; what the system said stays with it.
                        Some(Err(error)) => {
                            // The source may have said what it was refused with.
                            let error = error
                                .map_source(|source| hide(source, &secrets))
                                .with_attempts(attempt)
                                .with_applied(self.applied(maybe_applied));
                            return Err(match ended {
                                Attempt::Answered(raw) => error.with_raw(raw),
                                _ => error,
                            });
                        }
                        None => return self.finish(ended, outcome, maybe_applied, attempt),
                    }
                    secrets = Arc::new(secrets.and(&self.secrets(&credentials)));
                    last = Some((ended, outcome));
                }
                Decision::Again(wait) => {
                    maybe_applied |= outcome.may_have_changed();
                    last = Some((ended, outcome));
                    let asked =
                        matches!(outcome, AttemptOutcome::Answered { retry_after: Some(asked), .. } if asked >= wait);
                    self.tell(if asked { WaitReason::Asked } else { WaitReason::Backoff }, wait);
                    parts.clock.sleep(wait, Wait::Backoff).await;
                }
            }
            now = parts.clock.now();
        }
    }

    /// Says that the call begins to wait.
    fn tell(&self, why: WaitReason, wait: Duration) {
        waiting::tell(&*self.parts.clock, self.parts.system, why, wait);
    }
}

//! One attempt: the request is sent, the response read, and what came of it is said.

use std::pin::pin;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use bytes::BytesMut;
use futures_util::future::{Either, select};
use reqwest::header::HeaderMap;
use reqwest::{Client, Request, Response};

use super::CallDriver;
use crate::client::connecting::GiveUp;
use crate::client::diagnosis::{diagnose, lost};
use crate::codec::BoxError;
use crate::codec::redact::{REDACTED, Secrets};
use crate::model::conclusion::Conclusion;
use crate::model::connection::{ConnectionProblem, Unconnected};
use crate::model::raw::RawResponse;
use crate::policy::clock::Wait;
use crate::policy::conventions::is_of;
use crate::policy::freshness::{Sent, kept};
use crate::policy::retry::{self, AttemptOutcome};

/// The end of an attempt.
pub(super) enum Attempt {
    /// With a whole response.
    Answered(RawResponse),
    /// The request did not leave.
    NotSent(BoxError),
    /// The request left, and no whole response came back.
    Lost { status: Option<u16>, why: &'static str, source: Option<BoxError> },
    /// The response has a longer body than is read: this is its beginning.
    TooLong(RawResponse),
    /// With a whole response that is not of now.
    Stale(RawResponse, String),
}

/// The facts in the status line and the headers of a response, whatever becomes of its body.
struct Head {
    status: u16,
    conclusion: Conclusion,
    /// The conclusion if the body does not come whole, and cannot show whose word it is: only in the media type that
    /// was asked for, where a system has several.
    in_part: Conclusion,
    retry_after: Option<Duration>,
    /// Why the response is not of now.
    stale: Option<String>,
}

impl Attempt {
    /// Why the request did not leave, if that is known.
    pub(super) fn problem(&self) -> Option<ConnectionProblem> {
        match self {
            Attempt::NotSent(error) => Unconnected::problem_of(&**error),
            _ => None,
        }
    }
}

impl CallDriver<'_> {
    /// Makes one attempt, for so long at most.
    pub(super) async fn attempt(
        &self,
        client: &Client,
        request: Request,
        secrets: &Arc<Secrets>,
        limit: Duration,
    ) -> (Attempt, AttemptOutcome) {
        let parts = self.parts;
        let sent = parts.freshness.sending(parts.wall());
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
                    let why = lost(&e);
                    Ok(Attempt::Lost { status: None, why, source: Some(hide(e.without_url().into(), secrets)) })
                }
            }
        }));
        let ended = match select(exchange, parts.clock.sleep(limit, Wait::Deadline)).await {
            Either::Left((ended, _)) => ended,
            Either::Right(((), exchange)) => give_up.connecting(exchange).unwrap_or(Ok(Attempt::Lost {
                status: head.get().map(|head| head.status),
                why: "no response in time",
                source: None,
            })),
        };
        let ended = match ended {
            Ok(ended) => ended,
            // After the time of the attempt, so that finding out why cannot make it one that may have left.
            Err(e) => {
                let why = diagnose(e, &parts.base, parts.way.as_ref(), &*parts.clock).await;
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

    /// Why a response is not of now; `None` if nothing shows that. What a cache kept proves nothing: not what an account
    /// is, and not that a change was made.
    fn stale(&self, status: u16, headers: &HeaderMap, sent: Sent) -> Option<String> {
        if status >= 300 {
            return None;
        }
        if self.operation.only_reads() {
            return sent.stale(headers);
        }
        // Its `Date` tells what time it is there.
        self.parts.freshness.changed(headers, self.parts.wall());
        kept(headers)
    }

    /// Returns what a response says before its body is read.
    fn head(&self, status: u16, headers: &HeaderMap, sent: Sent) -> Head {
        let retry_after = retry::asked_wait(status, headers, self.parts.wall());
        let stale = self.stale(status, headers, sent);
        let conclusion = self.parts.conventions.conclude(status, headers);
        let as_asked = self.parts.representation.as_ref().is_none_or(|spoken| is_of(headers, spoken.media_type));
        let in_part = if as_asked { conclusion } else { Conclusion::Unknown };
        Head { status, conclusion, in_part, retry_after, stale }
    }

    /// Reads the whole response, up to the limit.
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
                    return Attempt::Lost { status: Some(status), why: "the response broke off", source };
                }
            }
        }
        let headers = std::mem::take(response.headers_mut());
        let (limit, spoken) = (self.parts.body_limit, self.parts.representation.as_ref());
        let labelled = self.parts.conventions.media_types.iter().any(|media_type| is_of(&headers, media_type));
        let spoken = (spoken, labelled);
        let (raw, whole) = RawResponse::read(status, headers, body.freeze(), whole, limit, spoken, secrets);
        if whole { Attempt::Answered(raw) } else { Attempt::TooLong(raw) }
    }

    fn outcome(&self, ended: &Attempt, head: Option<&Head>) -> AttemptOutcome {
        match (ended, head) {
            (Attempt::NotSent(_), _) => AttemptOutcome::NotSent,
            (Attempt::Answered(raw) | Attempt::TooLong(raw) | Attempt::Stale(raw, _), Some(head)) => {
                let retry_after = head.retry_after;
                let whole = matches!(ended, Attempt::Answered(_));
                let conclusion = if whole { self.concluded(raw, head.conclusion) } else { head.in_part };
                AttemptOutcome::Answered { status: self.effective_status(raw), conclusion, retry_after }
            }
            // The status line says enough, though the body broke off: the system refused, or asks to wait.
            (Attempt::Lost { .. }, Some(&Head { status, in_part: conclusion, retry_after, .. }))
                if conclusion != Conclusion::Unknown || matches!(status, 429 | 503) =>
            {
                AttemptOutcome::Answered { status, conclusion, retry_after }
            }
            _ => AttemptOutcome::Lost,
        }
    }

    /// Returns what a whole response proves: a gateway may refuse with the system's status code and media type, and not with its
    /// error body.
    fn concluded(&self, raw: &RawResponse, conclusion: Conclusion) -> Conclusion {
        match conclusion {
            _ if !self.is_own_error(raw) => Conclusion::Unknown,
            // It may be asked again later.
            Conclusion::Refused if self.is_rate_limit(raw) => Conclusion::RefusedForNow,
            conclusion => conclusion,
        }
    }

    /// Returns whether a body is the system's own error body, and not that of a gateway on the way.
    pub(super) fn is_own_error(&self, raw: &RawResponse) -> bool {
        raw.fault(self.parts.representation.as_ref()).is_some_and(self.parts.conventions.is_fault)
    }
}

/// An error from below as it may be shown: a system may have put something into its text, such as into a certificate.
pub(super) fn hide(error: BoxError, secrets: &Secrets) -> BoxError {
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

//! The body of an answer: all at once, or dripping.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use tokio::time::Sleep;

use super::stream::Plan;

/// The body of an answer. From when it is made until it is dropped, the connection is answering.
pub(super) struct Answer {
    rest: Bytes,
    drip: Option<Drip>,
    plan: Plan,
}

struct Drip {
    bytes: usize,
    every: Duration,
    pause: Pin<Box<Sleep>>,
}

impl Answer {
    pub(super) fn whole(plan: &Plan, body: Bytes) -> Answer {
        plan.answer_begins();
        Answer { rest: body, drip: None, plan: plan.clone() }
    }

    pub(super) fn dripping(plan: &Plan, body: Bytes, bytes: usize, every: Duration) -> Answer {
        let drip = Drip { bytes: bytes.max(1), every, pause: Box::pin(tokio::time::sleep(every)) };
        let mut answer = Answer::whole(plan, body);
        answer.drip = Some(drip);
        answer
    }
}

impl Drop for Answer {
    fn drop(&mut self) {
        self.plan.answer_is_handed_over();
    }
}

impl Body for Answer {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        if self.rest.is_empty() {
            return Poll::Ready(None);
        }
        let length = self.rest.len();
        let take = match &mut self.drip {
            None => length,
            Some(drip) => {
                ready!(drip.pause.as_mut().poll(cx));
                drip.pause = Box::pin(tokio::time::sleep(drip.every));
                drip.bytes.min(length)
            }
        };
        Poll::Ready(Some(Ok(Frame::data(self.rest.split_to(take)))))
    }

    fn is_end_stream(&self) -> bool {
        self.rest.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.rest.len() as u64)
    }
}

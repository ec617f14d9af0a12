//! The body of a response: in parts as they can be written, or dripping.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use std::vec;

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use tokio::time::Sleep;

use super::memory::Held;
use super::stream::WirePlan;
use super::wait::Patience;

/// The part of a body that is copied at a time, to be written.
const PART: usize = 16 << 10;

/// The body of a response. From when it is made until it is dropped, the connection is answering.
pub(super) struct Answer {
    rest: Bytes,
    /// The pieces after it.
    more: vec::IntoIter<Bytes>,
    drip: Option<Drip>,
    plan: WirePlan,
    /// The memory of the server that it holds.
    _held: Option<Held>,
}

struct Drip {
    bytes: usize,
    every: Duration,
    pause: Pin<Box<Sleep>>,
    patience: Patience,
    /// Until others need the place.
    needed: Pin<Box<dyn Future<Output = ()> + Send>>,
    /// Runs since the client has sent its last byte: it may still read.
    gone: Option<Pin<Box<Sleep>>>,
}

impl Answer {
    pub(super) fn whole(plan: &WirePlan, body: Bytes) -> Answer {
        Answer::parts(plan, vec![body], None)
    }

    pub(super) fn parts(plan: &WirePlan, parts: Vec<Bytes>, held: Option<Held>) -> Answer {
        plan.answer_begins();
        let mut more = parts.into_iter();
        Answer { rest: more.next().unwrap_or_default(), more, drip: None, plan: plan.clone(), _held: held }
    }

    pub(super) fn dripping(mut self, bytes: usize, every: Duration, patience: Patience) -> Answer {
        let pause = Box::pin(tokio::time::sleep(every));
        let needed = Box::pin({
            let patience = patience.clone();
            async move { patience.needed().await }
        });
        self.drip = Some(Drip { bytes: bytes.max(1), every, pause, patience, needed, gone: None });
        self
    }
}

impl Drip {
    /// Until the next bytes may leave.
    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.pause.as_mut().poll(cx).is_ready() {
            self.pause = Box::pin(tokio::time::sleep(self.every));
            return Poll::Ready(Ok(()));
        }
        if self.gone.is_none() && self.patience.poll_gone(cx).is_ready() {
            self.gone = Some(Box::pin(tokio::time::sleep(self.patience.timeout())));
        }
        let gone = self.gone.as_mut().is_some_and(|gone| gone.as_mut().poll(cx).is_ready());
        if gone || self.needed.as_mut().poll(cx).is_ready() {
            return Poll::Ready(Err(io::ErrorKind::ConnectionAborted.into()));
        }
        Poll::Pending
    }
}

impl Drop for Answer {
    fn drop(&mut self) {
        self.plan.answer_is_handed_over();
    }
}

impl Body for Answer {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        let this = &mut *self;
        while this.rest.is_empty() {
            match this.more.next() {
                Some(next) => this.rest = next,
                None => return Poll::Ready(None),
            }
        }
        let most = match &mut this.drip {
            None => PART,
            Some(drip) => match ready!(drip.poll_next(cx)) {
                Ok(()) => drip.bytes.min(PART),
                Err(e) => return Poll::Ready(Some(Err(e))),
            },
        };
        let part = this.rest.split_to(most.min(this.rest.len()));
        Poll::Ready(Some(Ok(Frame::data(part))))
    }

    fn is_end_stream(&self) -> bool {
        self.rest.is_empty() && self.more.as_slice().iter().all(Bytes::is_empty)
    }

    fn size_hint(&self) -> SizeHint {
        let more: usize = self.more.as_slice().iter().map(Bytes::len).sum();
        SizeHint::with_exact((self.rest.len() + more) as u64)
    }
}

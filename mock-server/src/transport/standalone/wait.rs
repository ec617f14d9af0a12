//! Waits that a fault asks for. They hold a connection, and end when nobody is there any more.

use std::future::poll_fn;
use std::io;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::sync::Semaphore;

use super::stream::Wire;

/// The way in which a connection waits.
#[derive(Clone)]
pub(super) struct Patience {
    wire: Wire,
    /// The places for connections.
    places: Arc<Semaphore>,
    /// After so long, a connection that waits makes room when there are no more places.
    timeout: Duration,
}

impl Patience {
    pub(super) fn new(wire: Wire, places: Arc<Semaphore>, timeout: Duration) -> Patience {
        Patience { wire, places, timeout }
    }

    /// Waits so long.
    ///
    /// # Errors
    /// That the client has gone away, or that others need the place.
    pub(super) async fn wait(&self, time: Duration) -> io::Result<()> {
        tokio::select! {
            biased;
            end = self.ends() => Err(end),
            () = tokio::time::sleep(time) => Ok(()),
        }
    }

    /// Waits for ever.
    pub(super) async fn ends(&self) -> io::Error {
        tokio::select! {
            biased;
            () = poll_fn(|cx| self.poll_gone(cx)) => io::ErrorKind::ConnectionAborted.into(),
            () = self.needed() => io::Error::other("others need the place of a connection that waits"),
        }
    }

    /// Until the client has gone away.
    pub(super) fn poll_gone(&self, cx: &mut Context<'_>) -> Poll<()> {
        self.wire.poll_gone(cx)
    }

    /// Until the time is over and others need the place.
    pub(super) async fn needed(self: &Patience) {
        loop {
            tokio::time::sleep(self.timeout).await;
            if self.places.available_permits() == 0 {
                return;
            }
        }
    }

    pub(super) fn timeout(&self) -> Duration {
        self.timeout
    }
}

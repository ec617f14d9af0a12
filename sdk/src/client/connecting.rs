//! Whether a request could leave: an attempt whose time is over while its connection is being opened sent nothing.

use std::fmt;
use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Waker};

use futures_util::future::{Either, select};
use tokio::sync::Notify;
use tower_layer::Layer;
use tower_service::Service;

use crate::codec::BoxError;
use crate::policy::clock::BoxFuture;

/// Gives up opening connections for one attempt.
#[derive(Debug, Default)]
pub(crate) struct GiveUp {
    given_up: AtomicBool,
    woken: Notify,
}

tokio::task_local! {
    static ATTEMPT: Arc<GiveUp>;
}

impl GiveUp {
    /// Runs an attempt whose opening of a connection can be given up.
    pub(crate) async fn watch<T>(self: Arc<GiveUp>, attempt: impl Future<Output = T>) -> T {
        ATTEMPT.scope(self, attempt).await
    }

    /// Ends the opening of a connection, if the attempt is at that, and says how the attempt ends by that. `None` if it
    /// goes on: then its request may have left, possibly on a connection that was open already.
    pub(crate) fn connecting<T>(&self, attempt: impl Future<Output = T> + Unpin) -> Option<T> {
        self.given_up.store(true, Ordering::SeqCst);
        self.woken.notify_waiters();
        match pin!(attempt).poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(ended) => Some(ended),
            Poll::Pending => None,
        }
    }

    async fn given_up(&self) {
        let woken = self.woken.notified();
        if !self.given_up.load(Ordering::SeqCst) {
            woken.await;
        }
    }
}

/// Why no connection was opened.
#[derive(Debug)]
pub(crate) struct NoTime;

impl fmt::Display for NoTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("no connection could be opened in time")
    }
}

impl std::error::Error for NoTime {}

/// The layer around what opens connections, TLS included.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Connecting;

impl<S> Layer<S> for Connecting {
    type Service = Connector<S>;

    fn layer(&self, inner: S) -> Connector<S> {
        Connector(inner)
    }
}

/// Opens connections until it is given up.
#[derive(Clone, Debug)]
pub(crate) struct Connector<S>(S);

impl<S, R> Service<R> for Connector<S>
where
    S: Service<R, Error = BoxError>,
    S::Future: Send + 'static,
    S::Response: Send + 'static,
{
    type Response = S::Response;
    type Error = BoxError;
    type Future = BoxFuture<'static, Result<S::Response, BoxError>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.0.poll_ready(context)
    }

    fn call(&mut self, to: R) -> Self::Future {
        let opening = self.0.call(to);
        let attempt = ATTEMPT.try_with(Arc::clone).unwrap_or_default();
        Box::pin(async move {
            match select(pin!(opening), pin!(attempt.given_up())).await {
                Either::Left((opened, _)) => opened,
                Either::Right(((), _)) => Err(NoTime.into()),
            }
        })
    }
}

//! What stops a run.

use std::sync::Arc;

use tokio::sync::watch;

/// Stops a run: no row is begun after it, those under way are finished.
///
/// ```
/// use user_status::bulk::StopHandle;
///
/// let stop = StopHandle::default();
/// let in_a_signal_handler = stop.clone();
/// in_a_signal_handler.stop();
/// assert!(stop.is_set());
/// ```
#[derive(Clone, Debug)]
pub struct StopHandle(Arc<watch::Sender<bool>>);

impl Default for StopHandle {
    fn default() -> StopHandle {
        StopHandle(Arc::new(watch::Sender::new(false)))
    }
}

impl StopHandle {
    /// Stops it.
    pub fn stop(&self) {
        self.0.send_replace(true);
    }

    /// Returns `true` once it is stopped.
    pub fn is_set(&self) -> bool {
        *self.0.borrow()
    }

    /// Returns what a future gives, unless it is stopped first.
    async fn unless<T>(&self, future: impl Future<Output = T>) -> Option<T> {
        let mut stopped = self.0.subscribe();
        let stopped = std::pin::pin!(stopped.wait_for(|stopped| *stopped));
        match futures_util::future::select(stopped, std::pin::pin!(future)).await {
            futures_util::future::Either::Left(_) => None,
            futures_util::future::Either::Right((value, _)) => Some(value),
        }
    }
}

/// The two ways in which one run is stopped: by its caller, or a journal that cannot be written. That must stop no other run of
/// the same caller.
#[derive(Clone, Debug, Default)]
pub(super) struct StopSignals {
    pub(super) asked: StopHandle,
    pub(super) broken: StopHandle,
}

impl StopSignals {
    pub(super) fn is_set(&self) -> bool {
        self.asked.is_set() || self.broken.is_set()
    }

    /// Returns what a future gives, unless the run is stopped first.
    pub(super) async fn unless<T>(&self, future: impl Future<Output = T>) -> Option<T> {
        self.asked.unless(self.broken.unless(future)).await.flatten()
    }
}

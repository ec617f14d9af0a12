//! Being told to stop.

use tokio::sync::watch;
use user_status::bulk::Stop;

use crate::failure::Failure;

/// SIGINT and SIGTERM, or Ctrl-C where there are none.
pub(crate) struct Signals {
    #[cfg(unix)]
    interrupt: tokio::signal::unix::Signal,
    #[cfg(unix)]
    terminate: tokio::signal::unix::Signal,
}

impl Signals {
    /// From now on they are heard here, and end the program no longer.
    #[cfg(unix)]
    pub(crate) fn new() -> Result<Signals, Failure> {
        use tokio::signal::unix::{SignalKind, signal};
        let heard = |kind| signal(kind).map_err(|e| Failure::unexpected(format!("signals cannot be heard: {e}")));
        Ok(Signals { interrupt: heard(SignalKind::interrupt())?, terminate: heard(SignalKind::terminate())? })
    }

    #[cfg(not(unix))]
    pub(crate) fn new() -> Result<Signals, Failure> {
        Ok(Signals {})
    }

    /// Waits for the next one.
    #[cfg(unix)]
    pub(crate) async fn recv(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }

    #[cfg(not(unix))]
    pub(crate) async fn recv(&mut self) {
        // Without a handler there is nothing to wait for; the system ends the program.
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

/// What a long run hears: the first signal stops it in order, the second at once.
pub(crate) struct Interrupts {
    heard: watch::Receiver<u32>,
    stop: Stop,
}

impl Interrupts {
    /// From now on signals are heard here, and end the program no longer.
    pub(crate) fn new() -> Result<Interrupts, Failure> {
        let mut signals = Signals::new()?;
        let (count, heard) = watch::channel(0);
        let stop = Stop::default();
        let first = stop.clone();
        tokio::spawn(async move {
            loop {
                signals.recv().await;
                first.now();
                count.send_modify(|count| *count += 1);
            }
        });
        Ok(Interrupts { heard, stop })
    }

    /// What the first signal stops.
    pub(crate) fn stop(&self) -> &Stop {
        &self.stop
    }

    /// Waits until there were so many.
    pub(crate) async fn heard(&self, count: u32) {
        let mut heard = self.heard.clone();
        if heard.wait_for(|so_far| *so_far >= count).await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

//! Being told to stop.

use tokio::sync::watch;
use user_status::bulk::StopHandle;

use crate::failure::Failure;

/// SIGINT, SIGTERM and SIGHUP, or Ctrl-C where there are none.
pub(crate) struct Signals {
    #[cfg(unix)]
    interrupt: tokio::signal::unix::Signal,
    #[cfg(unix)]
    terminate: tokio::signal::unix::Signal,
    /// `None` if the program is to go on without its terminal, as `nohup` has it.
    #[cfg(unix)]
    hangup: Option<tokio::signal::unix::Signal>,
}

impl Signals {
    /// From now on they are heard here, and end the program no longer.
    #[cfg(unix)]
    pub(crate) fn new() -> Result<Signals, Failure> {
        use tokio::signal::unix::{SignalKind, signal};
        let heard = |kind| signal(kind).map_err(|e| Failure::unexpected(format!("signals cannot be heard: {e}")));
        Ok(Signals {
            interrupt: heard(SignalKind::interrupt())?,
            terminate: heard(SignalKind::terminate())?,
            hangup: if outlives_its_terminal() { None } else { Some(heard(SignalKind::hangup())?) },
        })
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
            () = hung_up(self.hangup.as_mut()) => {}
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

/// Does something that changes nothing until it is done, or a signal comes.
pub(crate) async fn or_stopped<T>(work: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    let mut signals = Signals::new()?;
    tokio::select! {
        result = work => result,
        () = signals.recv() => Err(Failure::stopped("stopped; nothing was changed")),
    }
}

#[cfg(unix)]
async fn hung_up(signal: Option<&mut tokio::signal::unix::Signal>) {
    match signal {
        Some(signal) => {
            signal.recv().await;
        }
        None => std::future::pending().await,
    }
}

/// Returns whether SIGHUP was ignored when the program began, where the system tells: on Linux. Asked once, since it is not ignored
/// any more when it is heard.
#[cfg(unix)]
fn outlives_its_terminal() -> bool {
    static IGNORED: std::sync::LazyLock<bool> = std::sync::LazyLock::new(|| {
        let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
        let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
        let mask = mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
        // The first bit is that of the first signal, SIGHUP.
        mask.is_some_and(|mask| mask & 1 != 0)
    });
    *IGNORED
}

/// The signals that a long run hears: the first stops it in order, the second at once.
pub(crate) struct Interrupts {
    heard: watch::Receiver<u32>,
    stop: StopHandle,
}

impl Interrupts {
    /// From now on signals are heard here, and end the program no longer.
    pub(crate) fn new() -> Result<Interrupts, Failure> {
        let mut signals = Signals::new()?;
        let (count, heard) = watch::channel(0);
        let stop = StopHandle::default();
        let first = stop.clone();
        tokio::spawn(async move {
            loop {
                signals.recv().await;
                first.stop();
                count.send_modify(|count| *count += 1);
            }
        });
        Ok(Interrupts { heard, stop })
    }

    /// Returns what the first signal stops.
    pub(crate) fn stop(&self) -> &StopHandle {
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

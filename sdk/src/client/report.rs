//! One line in the log for each call that failed, where the call of whoever uses this crate ends.
//!
//! A failed call leaves one line at WARN; one whose outcome is unknown, one at ERROR that says what to do. A success leaves
//! none above DEBUG. No line has a text of the system, a credential or, unless
//! [`trace_users`](crate::systems::symphony::SymphonyBuilder::trace_users) allows it, the account.

use std::future::Future;
use std::pin::pin;

use tracing::{error, warn};

use crate::model::error::{Applied, Error, ErrorKind, Result};
use crate::model::kind::SystemKind;
use crate::policy::clock::BoxFuture;

tokio::task_local! {
    /// `true` if the task is in a call whose end is reported: then the calls that it is made of are not.
    static REPORTED: bool;
}

/// The client whose calls are reported.
#[derive(Clone, Copy)]
pub(crate) struct Caller {
    pub(crate) system: SystemKind,
    /// `true` if the system has a way to read an account.
    pub(crate) reads: bool,
    /// `true` if the account may be named.
    pub(crate) trace_users: bool,
}

/// Runs a call, and reports its failure unless it is part of another call.
pub(crate) fn reported<'a, T: Send + 'a>(
    caller: Caller,
    call: &'static str,
    user: &'a str,
    future: impl Future<Output = Result<T>> + Send + 'a,
) -> BoxFuture<'a, Result<T>> {
    Box::pin(async move {
        let future = pin!(future);
        if is_reported() {
            return future.await;
        }
        let result = REPORTED.scope(true, future).await;
        if let Err(error) = &result {
            failed(call, caller, Some(user), &Failure::of(error));
        }
        result
    })
}

/// Returns whether whoever made the call that the task is in reports how it ends.
pub(crate) fn is_reported() -> bool {
    REPORTED.try_with(|reported| *reported).unwrap_or(false)
}

/// Runs what is no part of the call that the task is in, though it is called by it.
pub(crate) async fn apart<T>(future: impl Future<Output = T>) -> T {
    REPORTED.scope(false, future).await
}

/// The facts of a failure that are reported.
pub(crate) struct Failure {
    pub(crate) kind: ErrorKind,
    pub(crate) applied: Applied,
    pub(crate) status: Option<u16>,
    pub(crate) attempts: u32,
}

impl Failure {
    pub(crate) fn of(error: &Error) -> Failure {
        Failure { kind: error.kind(), applied: error.applied(), status: error.status(), attempts: error.attempts() }
    }
}

/// Writes the line.
pub(crate) fn failed(call: &str, caller: Caller, user: Option<&str>, failure: &Failure) {
    let Failure { kind, applied, status, attempts } = failure;
    let (system, user) = (caller.system, user.filter(|_| caller.trace_users));
    match applied {
        Applied::No => warn!(%system, call, user, ?kind, status, attempts, "the call failed, and nothing was changed"),
        Applied::Unknown => {
            error!(%system, call, user, ?kind, status, attempts, "the outcome is unknown: {}", advice(caller.reads));
        }
    }
}

/// Returns what to do about an outcome that is unknown.
fn advice(reads: bool) -> &'static str {
    match reads {
        true => "read the account before you try again",
        false => "look at the account in the system itself before you try again",
    }
}

/// Reports a change whose future is dropped while its outcome is unknown: nobody else can.
pub(crate) struct Pending {
    pub(crate) system: SystemKind,
    /// `true` if the system has a way to read an account.
    pub(crate) reads: bool,
    pub(crate) call: &'static str,
    /// The number of requests that were sent.
    pub(crate) attempts: u32,
    /// `true` if one of them may have changed the account.
    pub(crate) unknown: bool,
}

impl Drop for Pending {
    fn drop(&mut self) {
        if self.unknown {
            let Pending { system, reads, call, attempts, .. } = self;
            let what = "the call was dropped while its request was on its way, and the outcome is unknown";
            error!(%system, call, attempts, "{what}: {}", advice(*reads));
        }
    }
}

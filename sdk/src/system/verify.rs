//! A change, and the account read back where the response is no proof.

use std::time::Duration;

use super::{AccountSystem, Consistency};
use crate::client::report::Pending;
use crate::codec::text::shown;
use crate::model::change::StatusChange;
use crate::model::error::{Applied, Error, ErrorKind, Result};
use crate::model::receipt::{Proof, Receipt};
use crate::model::status::AccountStatus;
use crate::policy::clock::Wait;
use crate::policy::options::CallOptions;

/// The waits before an account that does not show a change yet is read again: 2 s together.
const READ_AGAIN: [Duration; 4] =
    [Duration::from_millis(100), Duration::from_millis(300), Duration::from_millis(600), Duration::from_millis(1000)];

/// The longest time of a call that says nothing of it.
pub(super) const TOTAL_TIMEOUT: Duration = Duration::from_secs(120);

/// Changes an account and reads it back, where the response is no proof or was lost. Reading back may take `total`.
pub(crate) async fn apply_and_verify<S: AccountSystem + ?Sized>(
    system: &S,
    user: &str,
    change: &StatusChange,
    options: CallOptions,
    total: Duration,
) -> Result<Receipt> {
    let clock = system.clock();
    let started = clock.now();
    let outcome = system.apply_with(user, change, options).await;
    if !system.capabilities().reads {
        return outcome;
    }
    match outcome {
        Ok(receipt) if receipt.proof == Proof::Accepted => {
            // A read that fails proves nothing, and takes nothing back: the system did say yes.
            let Some(status) = read_back(system, user, change, options, total).await else { return Ok(receipt) };
            let besides = receipt.before.as_ref().is_some_and(|before| !before.differs_only_by(change, &status));
            match system.capabilities().shows(&status, change) {
                Some(true) if !besides => Ok(Receipt { proof: Proof::Confirmed, status, ..receipt }),
                // It may show what the account was.
                Some(false) if system.capabilities().consistency != Consistency::Immediate => Ok(receipt),
                Some(_) => {
                    let message = format!("the system accepted {change}, and the account reads {status}");
                    Err(Error::new(ErrorKind::Contradicted, system.kind(), shown(&message))
                        .with_applied(Applied::Unknown)
                        .with_attempts(receipt.attempts))
                }
                None => Ok(Receipt { status, ..receipt }),
            }
        }
        // Also if the response showed another state and no refusal: a system may be slow to show what it did.
        Err(error) if error.applied() == Applied::Unknown && (!error.is_contradicted() || error.shows_otherwise()) => {
            // If the call is dropped meanwhile, nobody else can say it.
            let (system_kind, attempts) = (system.kind(), error.attempts());
            let mut pending =
                Pending { system: system_kind, reads: true, call: "apply_and_verify", attempts, unknown: true };
            let back = read_back(system, user, change, options, total).await;
            pending.unknown = false;
            match back {
                Some(status)
                    if system.capabilities().shows(&status, change) == Some(true)
                        && error.status_before().is_none_or(|before| before.differs_only_by(change, &status)) =>
                {
                    Ok(Receipt {
                        request_id: error.request_id(),
                        raw: error.raw().cloned(),
                        before: error.status_before().cloned(),
                        ..Receipt::new(system_kind, user, change.clone(), Proof::Confirmed)
                            .with_status(status)
                            .with_attempts(attempts, clock.now().saturating_sub(started))
                    })
                }
                // The request may still be on its way: what the account is now does not make it certain.
                _ => Err(error),
            }
        }
        other => other,
    }
}

/// The waits before an account that does not show a change yet is read again.
fn waits(consistency: Consistency) -> Vec<Duration> {
    match consistency {
        Consistency::Immediate => READ_AGAIN.to_vec(),
        Consistency::Eventual { reads, within } => vec![within.checked_div(reads).unwrap_or(within); reads as usize],
    }
}

/// Reads an account that was just changed. One that does not show the change is read again a few times, since a system
/// may be slow to show what it did; `None` if no such read could be made.
async fn read_back<S: AccountSystem + ?Sized>(
    system: &S,
    user: &str,
    change: &StatusChange,
    options: CallOptions,
    total: Duration,
) -> Option<AccountStatus> {
    let clock = system.clock();
    let started = clock.now();
    let left = || total.saturating_sub(clock.now().saturating_sub(started));
    let mut waits = waits(system.capabilities().consistency).into_iter();
    loop {
        let status = system.status_with(user, options.with_total_timeout(left())).await.ok()?;
        if system.capabilities().shows(&status, change) != Some(false) {
            return Some(status);
        }
        match waits.next() {
            Some(wait) if wait < left() => clock.sleep(wait, Wait::ReadBack).await,
            _ => return Some(status),
        }
    }
}

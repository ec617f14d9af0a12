//! One trait over all systems.

use std::fmt::Debug;
use std::sync::Arc;
use std::sync::LazyLock;
use std::time::Duration;

use crate::call::CallOptions;
use crate::change::{Change, StatusChange};
use crate::clock::{BoxFuture, Clock, SystemClock, Wait};
use crate::dry_run::{DryRun, DryRunRequest};
use crate::error::{Applied, Error, ErrorKind, Result, shown};
use crate::kind::SystemKind;
use crate::receipt::{Proof, Receipt};
use crate::report::Pending;
use crate::status::AccountStatus;

/// A system whose accounts can be changed. Implemented by the types in [`systems`](crate::systems), by whatever is made of a
/// [`Dialect`](crate::dialect::Dialect), and by `&S`, `Box<S>` and `Arc<S>` of each; usable as `dyn AccountSystem`.
///
/// A system over HTTP is best described by a dialect, from which all of this follows. Where that does not fit (a directory, a
/// database), implement this trait: four methods must be there, and the others are derived from them. `examples/own_ldap.rs` does so for a directory.
///
/// ```
/// use std::collections::BTreeMap;
/// use user_status::{AccountSystem, StatusChange};
///
/// async fn disable(systems: &BTreeMap<String, Box<dyn AccountSystem>>, user: &str) -> user_status::Result<()> {
///     for (name, system) in systems {
///         let receipt = system.apply(user, &StatusChange::disable()).await?;
///         println!("{name}: {}", receipt.proof);
///     }
///     Ok(())
/// }
/// ```
pub trait AccountSystem: Debug + Send + Sync {
    /// Returns the kind of the system.
    fn kind(&self) -> SystemKind;

    /// Where it is: its base URL, without a slash at the end.
    fn base_url(&self) -> &str;

    /// Returns what the system can do, with these settings.
    fn capabilities(&self) -> Capabilities;

    /// Checks whether a change of an account can be asked for: refuses all that [`apply`](AccountSystem::apply) refuses
    /// before anything is sent, and sends nothing. A change that passes may still be refused by the system.
    ///
    /// ```
    /// use user_status::systems::{Symphony, symphony};
    /// use user_status::{AccountSystem, ErrorKind, StatusChange};
    ///
    /// let symphony = Symphony::builder()
    ///     .base_url("https://acme.symphony.com/pod")
    ///     .credentials(symphony::Credentials::session_token("a-token"))
    ///     .build()?;
    /// assert!(symphony.check("7215545078541", &StatusChange::disable()).is_ok());
    /// let error = symphony.check("jane@acme.example", &StatusChange::disable()).unwrap_err();
    /// assert_eq!(error.kind(), ErrorKind::InvalidInput);
    /// let error = symphony.check("7215545078541", &StatusChange::lock()).unwrap_err();
    /// assert_eq!(error.kind(), ErrorKind::Unsupported);
    /// # Ok::<(), user_status::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Unsupported`](ErrorKind::Unsupported) for what the system cannot express, [`InvalidInput`](ErrorKind::InvalidInput)
    /// for an id or a value that cannot be.
    fn check(&self, user: &str, change: &StatusChange) -> Result<()> {
        let _ = user;
        self.capabilities().check(self.kind(), change)
    }

    /// Returns whether a change may be sent again after a request whose outcome is unknown: sending it twice does what
    /// sending it once does, and a look at the account can show that it was carried out. A run asks before it goes on
    /// with such a row; what may not be repeated stays unknown, for a person.
    ///
    /// `false` unless an implementation says otherwise. One that hands its calls on to another system must hand this on too.
    ///
    /// ```
    /// use user_status::systems::mediconnect::{ActiveFlag, Credentials};
    /// use user_status::systems::Mediconnect;
    /// use user_status::{AccountSystem, StatusChange};
    ///
    /// let clinic = Mediconnect::builder().base_url("https://api.example.com").credentials(Credentials::token("a-token"));
    /// let suspend = StatusChange::suspend("Leave");
    /// assert!(clinic.clone().build()?.repeatable(&suspend));
    /// // The deployed system flips a flag that is left out, each time.
    /// assert!(!clinic.active_flag(ActiveFlag::LeaveOut).build()?.repeatable(&suspend));
    /// # Ok::<(), user_status::Error>(())
    /// ```
    fn repeatable(&self, change: &StatusChange) -> bool {
        let _ = change;
        false
    }

    /// Returns the clock by which reading back waits: that of this machine unless an implementation says otherwise.
    fn clock(&self) -> &dyn Clock {
        static MACHINE: LazyLock<SystemClock> = LazyLock::new(SystemClock::default);
        &*MACHINE
    }

    /// Changes an account, with settings for this call.
    ///
    /// # Errors
    /// See [`apply`](AccountSystem::apply).
    fn apply_with<'a>(
        &'a self,
        user: &'a str,
        change: &'a StatusChange,
        options: CallOptions,
    ) -> BoxFuture<'a, Result<Receipt>>;

    /// [`dry_run`](AccountSystem::dry_run) with settings for this call.
    ///
    /// Unless an implementation says otherwise, this [checks](AccountSystem::check) the change, reads nothing, and describes
    /// the request by the name of the change, the [base URL](AccountSystem::base_url) and the change as JSON.
    ///
    /// # Errors
    /// See [`dry_run`](AccountSystem::dry_run).
    fn dry_run_with<'a>(
        &'a self,
        user: &'a str,
        change: &'a StatusChange,
        options: CallOptions,
    ) -> BoxFuture<'a, Result<DryRun>> {
        let _ = options;
        Box::pin(async move {
            self.check(user, change)?;
            let request = DryRunRequest::new(change.change().as_str(), self.base_url());
            let body = serde_json::to_string(change).unwrap_or_default();
            Ok(DryRun::new(self.kind(), user, change.clone()).with_request(request.with_body(body)))
        })
    }

    /// Reads an account, with settings for this call.
    ///
    /// # Errors
    /// See [`status`](AccountSystem::status). Always [`Unsupported`](ErrorKind::Unsupported) unless an implementation says
    /// otherwise.
    fn status_with<'a>(&'a self, user: &'a str, options: CallOptions) -> BoxFuture<'a, Result<AccountStatus>> {
        let (_, _) = (user, options);
        Box::pin(async move {
            Err(Error::new(ErrorKind::Unsupported, self.kind(), "the system has no way to read an account"))
        })
    }

    /// Changes an account.
    ///
    /// # Errors
    /// [`Unsupported`](ErrorKind::Unsupported) and [`InvalidInput`](ErrorKind::InvalidInput) before anything is sent;
    /// [`Contradicted`](ErrorKind::Contradicted) if the system's answer shows another state than the one asked for; else
    /// by what happened to the request. [`applied`](Error::applied) says whether the account may have been changed.
    ///
    /// # What is retried
    /// What [`RetryPolicy`](crate::RetryPolicy) says. A toggle only if it is certain that it was not carried out.
    fn apply<'a>(&'a self, user: &'a str, change: &'a StatusChange) -> BoxFuture<'a, Result<Receipt>> {
        self.apply_with(user, change, CallOptions::default())
    }

    /// Makes a dry run of [`apply`](AccountSystem::apply): the account is read where `apply` reads it
    /// first, the request that would change it is prepared, and not sent. Nothing is read back.
    ///
    /// ```
    /// use user_status::systems::{Symphony, symphony};
    /// use user_status::{AccountSystem, StatusChange};
    ///
    /// # async fn preview() -> user_status::Result<()> {
    /// let symphony = Symphony::builder()
    ///     .base_url("https://acme.symphony.com/pod")
    ///     .credentials(symphony::Credentials::session_token("a-token"))
    ///     .build()?;
    /// let dry_run = symphony.dry_run("7215545078541", &StatusChange::disable()).await?;
    /// let request = dry_run.request.expect("Symphony is not asked before what an account is");
    /// assert_eq!(request.url, "https://acme.symphony.com/pod/v1/admin/user/7215545078541/status/update");
    /// assert_eq!(request.body.as_deref(), Some(r#"{"status":"DISABLED"}"#));
    /// assert!(request.to_string().contains("\nsessiontoken: [redacted]\n"));
    /// # Ok(())
    /// # }
    /// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(preview()).unwrap();
    /// ```
    ///
    /// # Errors
    /// Those of [`check`](AccountSystem::check), of the read, and of the source of credentials. Nothing was changed.
    fn dry_run<'a>(&'a self, user: &'a str, change: &'a StatusChange) -> BoxFuture<'a, Result<DryRun>> {
        self.dry_run_with(user, change, CallOptions::default())
    }

    /// Changes an account and, where the answer is no proof, reads it back. Also after a failure that leaves open
    /// whether the account was changed. An account that does not show the change yet is read again, for up to 2 s.
    ///
    /// # Errors
    /// As [`apply`](AccountSystem::apply), and [`Contradicted`](ErrorKind::Contradicted) if the system said yes and the
    /// account reads otherwise.
    fn apply_and_verify<'a>(&'a self, user: &'a str, change: &'a StatusChange) -> BoxFuture<'a, Result<Receipt>> {
        self.apply_and_verify_with(user, change, CallOptions::default())
    }

    /// [`apply_and_verify`](AccountSystem::apply_and_verify) with settings for this call. Reading back is a call of its
    /// own, with the same settings: it has as much time again.
    ///
    /// # Errors
    /// See [`apply_and_verify`](AccountSystem::apply_and_verify).
    fn apply_and_verify_with<'a>(
        &'a self,
        user: &'a str,
        change: &'a StatusChange,
        options: CallOptions,
    ) -> BoxFuture<'a, Result<Receipt>> {
        Box::pin(apply_and_verify(self, user, change, options, options.total_timeout.unwrap_or(TOTAL_TIMEOUT)))
    }

    /// Reads an account.
    ///
    /// # Errors
    /// [`Unsupported`](ErrorKind::Unsupported) for a system that has no read; else by what happened to the request.
    fn status<'a>(&'a self, user: &'a str) -> BoxFuture<'a, Result<AccountStatus>> {
        self.status_with(user, CallOptions::default())
    }
}

/// How long to wait before an account that does not show a change yet is read again: 2 s together.
const READ_AGAIN: [Duration; 4] =
    [Duration::from_millis(100), Duration::from_millis(300), Duration::from_millis(600), Duration::from_millis(1000)];

/// How long a call may take that says nothing of it.
const TOTAL_TIMEOUT: Duration = Duration::from_secs(120);

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
            match status.shows(change) {
                Some(true) if !besides => Ok(Receipt { proof: Proof::Confirmed, status, ..receipt }),
                Some(_) => {
                    let message = format!("the system said yes to {change}, and the account reads {status}");
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
                    if status.shows(change) == Some(true)
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
    let mut waits = READ_AGAIN.into_iter();
    loop {
        let status = system.status_with(user, options.with_total_timeout(left())).await.ok()?;
        if status.shows(change) != Some(false) {
            return Some(status);
        }
        match waits.next() {
            Some(wait) if wait < left() => clock.sleep(wait, Wait::ReadBack).await,
            _ => return Some(status),
        }
    }
}

/// Hands every call on to another system.
macro_rules! handed_on {
    ($($on:ty),+) => {$(
        impl<S: AccountSystem + ?Sized> AccountSystem for $on {
            fn kind(&self) -> SystemKind {
                (**self).kind()
            }

            fn base_url(&self) -> &str {
                (**self).base_url()
            }

            fn capabilities(&self) -> Capabilities {
                (**self).capabilities()
            }

            fn check(&self, user: &str, change: &StatusChange) -> Result<()> {
                (**self).check(user, change)
            }

            fn repeatable(&self, change: &StatusChange) -> bool {
                (**self).repeatable(change)
            }

            fn clock(&self) -> &dyn Clock {
                (**self).clock()
            }

            fn apply_with<'a>(
                &'a self,
                user: &'a str,
                change: &'a StatusChange,
                options: CallOptions,
            ) -> BoxFuture<'a, Result<Receipt>> {
                (**self).apply_with(user, change, options)
            }

            fn dry_run_with<'a>(
                &'a self,
                user: &'a str,
                change: &'a StatusChange,
                options: CallOptions,
            ) -> BoxFuture<'a, Result<DryRun>> {
                (**self).dry_run_with(user, change, options)
            }

            fn apply_and_verify_with<'a>(
                &'a self,
                user: &'a str,
                change: &'a StatusChange,
                options: CallOptions,
            ) -> BoxFuture<'a, Result<Receipt>> {
                (**self).apply_and_verify_with(user, change, options)
            }

            fn status_with<'a>(&'a self, user: &'a str, options: CallOptions) -> BoxFuture<'a, Result<AccountStatus>> {
                (**self).status_with(user, options)
            }
        }
    )+};
}

handed_on!(&S, Box<S>, Arc<S>);

/// The capabilities of a system.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Capabilities {
    /// The changes that it can express.
    pub changes: &'static [Change],
    /// `true` if a suspension can end by itself.
    pub suspends_until: bool,
    /// `true` if the system keeps a comment.
    pub comments: bool,
    /// `true` if an account can be read.
    pub reads: bool,
}

impl Capabilities {
    /// Creates the capabilities of a system that can express these changes, and nothing else: no end of a suspension, no
    /// comment, no read.
    ///
    /// ```
    /// use user_status::{Capabilities, Change, StatusChange};
    ///
    /// let directory = Capabilities::new(&[Change::Enable, Change::Disable]).with_reads(true);
    /// assert!(directory.supports(&StatusChange::disable()));
    /// assert!(!directory.supports(&StatusChange::lock()));
    /// ```
    pub const fn new(changes: &'static [Change]) -> Capabilities {
        Capabilities { changes, suspends_until: false, comments: false, reads: false }
    }

    /// Sets whether a suspension can end by itself.
    #[must_use]
    pub const fn with_suspends_until(mut self, can: bool) -> Capabilities {
        self.suspends_until = can;
        self
    }

    /// Sets whether the system keeps a comment.
    #[must_use]
    pub const fn with_comments(mut self, can: bool) -> Capabilities {
        self.comments = can;
        self
    }

    /// Sets whether an account can be read.
    #[must_use]
    pub const fn with_reads(mut self, can: bool) -> Capabilities {
        self.reads = can;
        self
    }

    /// Returns whether the system can express a change, with all that belongs to it.
    pub fn supports(&self, change: &StatusChange) -> bool {
        self.refusal(change).is_none()
    }

    /// Why it cannot express a change.
    fn refusal(&self, change: &StatusChange) -> Option<String> {
        let can = || self.changes.iter().map(|change| change.as_str()).collect::<Vec<_>>().join(", ");
        if !self.changes.contains(&change.change()) {
            Some(format!("it cannot {}; it can {}", change.change(), can()))
        } else if change.until().is_some() && !self.suspends_until {
            Some("its suspensions have no end, and the one asked for would be lost; suspend without `until`".to_owned())
        } else if change.comment().is_some() && !self.comments {
            Some("it keeps no comment; leave it out".to_owned())
        } else {
            None
        }
    }

    /// Refuses, before anything is sent, what the system cannot express.
    pub(crate) fn check(&self, system: SystemKind, change: &StatusChange) -> Result<()> {
        if let Some(problem) = change.problem() {
            return Err(Error::invalid_input(system, problem));
        }
        match self.refusal(change) {
            Some(why) => Err(Error::new(ErrorKind::Unsupported, system, why)),
            None => Ok(()),
        }
    }
}

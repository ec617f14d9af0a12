//! One trait over all systems.

use std::fmt::Debug;
use std::sync::LazyLock;

use crate::model::change::StatusChange;
use crate::model::dry_run::{DryRun, DryRunRequest};
use crate::model::error::{Error, ErrorKind, Result};
use crate::model::kind::SystemKind;
use crate::model::receipt::Receipt;
use crate::model::status::AccountStatus;
use crate::policy::clock::{BoxFuture, Clock, SystemClock};
use crate::policy::options::CallOptions;

mod capabilities;
mod handed_on;
pub(crate) mod registry;
mod verify;

pub use capabilities::{Capabilities, Consistency, DisableEffect};
pub(crate) use verify::apply_and_verify;

/// The refusal of a lookup.
pub(crate) const NO_LOOKUP: &str = "the system documents no lookup; name the account by its id";

/// A system whose accounts can be changed. Implemented by the types in [`systems`](crate::systems), by whatever is made of a
/// [`Dialect`](crate::dialect::Dialect), and by `&S`, `Box<S>` and `Arc<S>` of each; usable as `dyn AccountSystem`.
///
/// A system over HTTP is best described by a dialect, from which all of this follows. Where that does not fit (a directory, a
/// database), implement this trait: four methods must be there, and the others are derived from them. `examples/own_ldap.rs` does
/// so for a directory.
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

    /// Returns the base URL, without a trailing slash.
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

    /// Returns whether the owner of an account of this status can sign in now, as far as the system says what its record means;
    /// see [`Capabilities::can_sign_in`].
    fn can_sign_in(&self, status: &AccountStatus) -> Option<bool> {
        self.capabilities().can_sign_in(status, self.clock().wall())
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

    /// Returns whether `user` is the id of an account, and not another name by which [`find`](AccountSystem::find) finds one.
    ///
    /// `true` unless an implementation says otherwise.
    fn is_id(&self, user: &str) -> bool {
        let _ = user;
        true
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

    /// Makes a [dry run](AccountSystem::dry_run) with settings for this call.
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

    /// Finds the id of an account, with settings for this call.
    ///
    /// # Errors
    /// See [`find`](AccountSystem::find). Always [`Unsupported`](ErrorKind::Unsupported) for what is no id, unless an
    /// implementation says otherwise.
    fn find_with<'a>(&'a self, user: &'a str, options: CallOptions) -> BoxFuture<'a, Result<String>> {
        let (_, _) = (user, options);
        Box::pin(async move { Err(Error::new(ErrorKind::Unsupported, self.kind(), NO_LOOKUP)) })
    }

    /// Finds the id of an account by another name of it (one of [`Capabilities::lookups`]), such as `userName:jane@acme.example` of a SCIM service.
    ///
    /// What names an account otherwise can come to name another one. So a name is looked up once, before anything else is sent,
    /// and the id counts from then on. [`apply`](AccountSystem::apply) does that with a name that is no
    /// [id](AccountSystem::is_id) by itself, and says the id in [`Receipt::account`].
    ///
    /// # Errors
    /// [`NotFound`](ErrorKind::NotFound) if nobody has the name, [`InvalidInput`](ErrorKind::InvalidInput) if several have it,
    /// [`UnexpectedResponse`](ErrorKind::UnexpectedResponse) if the system answers with others than were asked for, so that it
    /// cannot be told, [`Unsupported`](ErrorKind::Unsupported) if it documents no lookup. Nothing was changed.
    fn find<'a>(&'a self, user: &'a str) -> BoxFuture<'a, Result<String>> {
        self.find_with(user, CallOptions::default())
    }

    /// Changes an account.
    ///
    /// # Errors
    /// [`Unsupported`](ErrorKind::Unsupported) and [`InvalidInput`](ErrorKind::InvalidInput) before anything is sent;
    /// [`Contradicted`](ErrorKind::Contradicted) if the system's response shows another state than the one asked for; else
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

    /// Changes an account and, where the response is no proof, reads it back. Also after a failure that leaves open
    /// whether the account was changed. An account that does not show the change yet is read again, for up to 2 s.
    ///
    /// # Errors
    /// As [`apply`](AccountSystem::apply), and [`Contradicted`](ErrorKind::Contradicted) if the system accepted the change and the
    /// account reads otherwise.
    fn apply_and_verify<'a>(&'a self, user: &'a str, change: &'a StatusChange) -> BoxFuture<'a, Result<Receipt>> {
        self.apply_and_verify_with(user, change, CallOptions::default())
    }

    /// Does what [`apply_and_verify`](AccountSystem::apply_and_verify) does, with settings for this call. Reading back is a call of its
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
        Box::pin(apply_and_verify(self, user, change, options, options.total_timeout.unwrap_or(verify::TOTAL_TIMEOUT)))
    }

    /// Reads an account.
    ///
    /// # Errors
    /// [`Unsupported`](ErrorKind::Unsupported) for a system that has no read; else by what happened to the request.
    fn status<'a>(&'a self, user: &'a str) -> BoxFuture<'a, Result<AccountStatus>> {
        self.status_with(user, CallOptions::default())
    }
}

//! A system in memory, for tests of programs that use this crate: no socket, no server, and failures on request.
//!
//! For the systems themselves, with their wire formats, there is the mock server in crate `user-status-mock`.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::model::change::{Change, StatusChange};
use crate::model::error::{Applied, Error, ErrorKind, Result};
use crate::model::kind::SystemKind;
use crate::model::receipt::{Proof, Receipt};
use crate::model::status::{AccountStatus, Suspension};
use crate::policy::clock::BoxFuture;
use crate::policy::options::CallOptions;
use crate::system::{AccountSystem, Capabilities};

/// A system in memory, whose calls fail as they are told to. Clones are the same system.
///
/// It can express every change unless [`with_capabilities`](TestSystem::with_capabilities) says otherwise, and knows the accounts
/// that were put into it, and no others.
///
/// ```
/// use user_status::testing::{TestFailure, TestSystem};
/// use user_status::{AccountStatus, AccountSystem, Applied, Proof, StatusChange};
///
/// # async fn test() -> user_status::Result<()> {
/// let mut enabled = AccountStatus::default();
/// enabled.enabled = Some(true);
/// let system = TestSystem::new().with_account("jane", enabled);
///
/// // The response to the change is lost, after the change was carried out.
/// system.fail_next(TestFailure::LostAfter);
/// let error = system.apply("jane", &StatusChange::disable()).await.unwrap_err();
/// assert_eq!(error.applied(), Applied::Unknown);
/// assert_eq!(system.account("jane").unwrap().enabled, Some(false));
///
/// // Reading the account back finds it out.
/// system.fail_next(TestFailure::LostAfter);
/// let receipt = system.apply_and_verify("jane", &StatusChange::enable()).await?;
/// assert_eq!(receipt.proof, Proof::Confirmed);
/// assert_eq!(system.received().len(), 2);
/// # Ok(())
/// # }
/// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(test()).unwrap();
/// ```
#[derive(Clone, Debug)]
pub struct TestSystem {
    kind: SystemKind,
    capabilities: Capabilities,
    state: Arc<Mutex<State>>,
}

#[derive(Debug, Default)]
struct State {
    accounts: BTreeMap<String, AccountStatus>,
    received: Vec<(String, StatusChange)>,
    failures: VecDeque<TestFailure>,
    read_failures: VecDeque<TestFailure>,
}

/// A failure that a [`TestSystem`] is told of beforehand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TestFailure {
    /// The request does not leave: [`NotSent`](ErrorKind::NotSent).
    NotSent,
    /// The credentials are not accepted: [`Credentials`](ErrorKind::Credentials), status code 401.
    Credentials,
    /// The system refuses, and changes nothing: [`Rejected`](ErrorKind::Rejected), status code 400.
    Refused,
    /// There were too many requests: [`RateLimited`](ErrorKind::RateLimited), status code 429, with the time to wait.
    RateLimited(Duration),
    /// The connection breaks before the system carries the change out: [`OutcomeUnknown`](ErrorKind::OutcomeUnknown).
    LostBefore,
    /// The connection breaks after the system has carried the change out: [`OutcomeUnknown`](ErrorKind::OutcomeUnknown).
    LostAfter,
    /// The system carries the change out and says yes, without proof: [`Accepted`](Proof::Accepted). A read succeeds.
    AcceptedOnly,
    /// The system says yes, without proof, and does nothing: [`Accepted`](Proof::Accepted). A read succeeds.
    Ignored,
}

impl Default for TestSystem {
    fn default() -> TestSystem {
        TestSystem::new()
    }
}

impl TestSystem {
    /// Creates a system of the kind `test`, without accounts.
    pub fn new() -> TestSystem {
        const KIND: SystemKind = SystemKind::custom("test");
        let capabilities =
            Capabilities::new(&Change::ALL).with_suspends_until(true).with_comments(true).with_reads(true);
        TestSystem { kind: KIND, capabilities, state: Arc::default() }
    }

    /// Sets the kind.
    #[must_use]
    pub fn with_kind(mut self, kind: SystemKind) -> TestSystem {
        self.kind = kind;
        self
    }

    /// Sets what the system can do.
    #[must_use]
    pub fn with_capabilities(mut self, capabilities: Capabilities) -> TestSystem {
        self.capabilities = capabilities;
        self
    }

    /// Adds an account, and returns the system.
    #[must_use]
    pub fn with_account(self, user: impl Into<String>, status: AccountStatus) -> TestSystem {
        self.set_account(user, status);
        self
    }

    /// Adds an account, or replaces what it was.
    pub fn set_account(&self, user: impl Into<String>, status: AccountStatus) {
        self.state().accounts.insert(user.into(), status);
    }

    /// Returns what an account is; `None` if there is none of that id.
    pub fn account(&self, user: &str) -> Option<AccountStatus> {
        self.state().accounts.get(user).cloned()
    }

    /// Makes the next change fail that does not fail already. Each change takes one failure, in the order given.
    pub fn fail_next(&self, failure: TestFailure) {
        self.state().failures.push_back(failure);
    }

    /// Makes the next read fail that does not fail already. Each read takes one failure, in the order given.
    pub fn fail_next_read(&self, failure: TestFailure) {
        self.state().read_failures.push_back(failure);
    }

    /// Returns the changes whose requests reached the system, carried out or not, in their order.
    pub fn received(&self) -> Vec<(String, StatusChange)> {
        self.state().received.clone()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn change(&self, user: &str, change: &StatusChange) -> Result<Receipt> {
        self.check(user, change)?;
        let mut state = self.state();
        let failure = state.failures.pop_front();
        if failure != Some(TestFailure::NotSent) {
            state.received.push((user.to_owned(), change.clone()));
        }
        let carried_out = matches!(failure, None | Some(TestFailure::LostAfter) | Some(TestFailure::AcceptedOnly));
        if let Some(error) = failure.filter(|_| !carried_out).and_then(|failure| self.error(failure)) {
            return Err(error);
        }
        let Some(account) = state.accounts.get_mut(user) else { return Err(self.no_such(user)) };
        if carried_out {
            carry_out(account, change);
        }
        if let Some(error) = failure.and_then(|failure| self.error(failure)) {
            return Err(error);
        }
        let proof = match failure {
            None if self.capabilities.shows(account, change) == Some(true) => Proof::Confirmed,
            _ => Proof::Accepted,
        };
        let status = if failure.is_none() { account.clone() } else { AccountStatus::default() };
        Ok(Receipt::new(self.kind, user, change.clone(), proof).with_status(status))
    }

    fn read(&self, user: &str) -> Result<AccountStatus> {
        if !self.capabilities.reads {
            return Err(Error::new(ErrorKind::Unsupported, self.kind, "the system has no way to read an account"));
        }
        let mut state = self.state();
        if let Some(error) = state.read_failures.pop_front().and_then(|failure| self.error(failure)) {
            return Err(error.with_applied(Applied::No));
        }
        state.accounts.get(user).cloned().ok_or_else(|| self.no_such(user))
    }

    fn no_such(&self, user: &str) -> Error {
        let message = format!("there is no account `{user}`");
        Error::new(ErrorKind::NotFound, self.kind, message).with_status(404).with_attempts(1)
    }

    /// The error of a failure; `None` for one that is answered with a yes.
    fn error(&self, failure: TestFailure) -> Option<Error> {
        let error = |kind, status: u16| Error::new(kind, self.kind, "as told").with_status(status).with_attempts(1);
        Some(match failure {
            TestFailure::NotSent => Error::new(ErrorKind::NotSent, self.kind, "as told").with_attempts(1),
            TestFailure::Credentials => error(ErrorKind::Credentials, 401),
            TestFailure::Refused => error(ErrorKind::Rejected, 400),
            TestFailure::RateLimited(wait) => error(ErrorKind::RateLimited, 429).with_retry_after(wait),
            TestFailure::LostBefore | TestFailure::LostAfter => {
                Error::new(ErrorKind::OutcomeUnknown, self.kind, "as told").with_attempts(1)
            }
            TestFailure::AcceptedOnly | TestFailure::Ignored => return None,
        })
    }
}

fn carry_out(account: &mut AccountStatus, change: &StatusChange) {
    match change.change() {
        Change::Enable => account.enabled = Some(true),
        Change::Disable => account.enabled = Some(false),
        Change::Suspend => {
            let reason = change.reason().map(str::to_owned);
            account.suspended = Some(Suspension { active: true, reason, until: change.until() });
        }
        Change::Unsuspend => account.suspended = Some(Suspension::default()),
        Change::Lock => account.locked = Some(true),
        Change::Unlock => account.locked = Some(false),
        Change::Toggle => account.enabled = account.enabled.map(|enabled| !enabled),
    }
}

impl AccountSystem for TestSystem {
    fn kind(&self) -> SystemKind {
        self.kind
    }

    fn base_url(&self) -> &str {
        "memory:"
    }

    fn capabilities(&self) -> Capabilities {
        self.capabilities
    }

    fn repeatable(&self, change: &StatusChange) -> bool {
        change.change() != Change::Toggle
    }

    fn apply_with<'a>(
        &'a self,
        user: &'a str,
        change: &'a StatusChange,
        _: CallOptions,
    ) -> BoxFuture<'a, Result<Receipt>> {
        Box::pin(async move { self.change(user, change) })
    }

    fn status_with<'a>(&'a self, user: &'a str, _: CallOptions) -> BoxFuture<'a, Result<AccountStatus>> {
        Box::pin(async move { self.read(user) })
    }
}

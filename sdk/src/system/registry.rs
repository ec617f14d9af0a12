//! The same change for one person in many systems.

use std::collections::BTreeMap;
use std::fmt;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use futures_util::Stream;
use futures_util::stream::FuturesUnordered;

use crate::model::change::StatusChange;
use crate::model::error::Result;
use crate::model::receipt::Receipt;
use crate::policy::clock::BoxFuture;
use crate::policy::options::CallOptions;
use crate::system::AccountSystem;

/// Systems under names of the caller's own: two pods, three tenants, whatever there is. A name stands for one system; clones
/// share the systems.
///
/// ```no_run
/// use user_status::systems::{Mediconnect, Symphony};
/// use user_status::{Registry, StatusChange};
///
/// # async fn f(pod: Symphony, clinic: Mediconnect) {
/// let registry = Registry::default().with("pod", pod).with("clinic", clinic);
/// let accounts = [("pod", "7215545078541"), ("clinic", "42")];
/// for outcome in registry.apply_everywhere(accounts, &StatusChange::disable()).await {
///     match outcome.result {
///         Some(Ok(receipt)) => println!("{}: {}", outcome.system, receipt.proof),
///         Some(Err(error)) => println!("{}: {error}", outcome.system),
///         None => println!("{}: no such system", outcome.system),
///     }
/// }
/// # }
/// ```
#[derive(Clone, Debug, Default)]
pub struct Registry(BTreeMap<String, Arc<dyn AccountSystem>>);

/// The outcome in one system.
#[derive(Debug)]
#[non_exhaustive]
pub struct SystemOutcome {
    /// The name of the system.
    pub system: String,
    /// The account.
    pub user: String,
    /// The result; `None` if the registry has no system of that name, and nothing was sent.
    pub result: Option<Result<Receipt>>,
    /// Its place among the accounts.
    number: usize,
}

impl Registry {
    /// Adds a system, as [`insert`](Registry::insert) does, and returns the registry.
    #[must_use]
    pub fn with(mut self, name: impl Into<String>, system: impl AccountSystem + 'static) -> Registry {
        self.insert(name, system);
        self
    }

    /// Adds a system, and returns the one that had the name before.
    ///
    /// ```
    /// # #[cfg(feature = "testing")] {
    /// use std::sync::Arc;
    /// use user_status::testing::TestSystem;
    /// use user_status::{AccountSystem, Registry};
    ///
    /// let shared: Arc<dyn AccountSystem> = Arc::new(TestSystem::new());
    /// let mut registry = Registry::from_iter([("one", shared.clone()), ("two", shared.clone())]);
    /// assert!(registry.insert("three", shared).is_none());
    /// assert_eq!(registry.len(), 3);
    /// assert!(registry.remove("two").is_some());
    /// assert_eq!(registry.iter().map(|(name, _)| name).collect::<Vec<_>>(), ["one", "three"]);
    /// # }
    /// ```
    pub fn insert(
        &mut self,
        name: impl Into<String>,
        system: impl AccountSystem + 'static,
    ) -> Option<Arc<dyn AccountSystem>> {
        self.0.insert(name.into(), Arc::new(system))
    }

    /// Takes a system out.
    pub fn remove(&mut self, name: &str) -> Option<Arc<dyn AccountSystem>> {
        self.0.remove(name)
    }

    /// Returns the system of a name.
    pub fn get(&self, name: &str) -> Option<&dyn AccountSystem> {
        self.0.get(name).map(|system| &**system)
    }

    /// Returns the number of systems.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Returns `true` if there is no system.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns an iterator over all systems with their names, in the order of the names.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &dyn AccountSystem)> {
        self.0.iter().map(|(name, system)| (name.as_str(), &**system))
    }

    /// Makes one change to accounts in many systems at the same time, each verified where it can be. Every account has
    /// its own outcome, in the order given; none hides another.
    ///
    /// Dropping the future (a time-out, a caller that went away) breaks off the calls under way and loses the outcomes
    /// of those that had ended. Whoever may drop it uses [`outcomes`](Registry::outcomes), which hands each one out as
    /// it comes.
    pub async fn apply_everywhere<'a>(
        &self,
        accounts: impl IntoIterator<Item = (&'a str, &'a str)>,
        change: &StatusChange,
    ) -> Vec<SystemOutcome> {
        self.apply_everywhere_with(accounts, change, CallOptions::default()).await
    }

    /// Does what [`apply_everywhere`](Registry::apply_everywhere) does, with settings for these calls.
    pub async fn apply_everywhere_with<'a>(
        &self,
        accounts: impl IntoIterator<Item = (&'a str, &'a str)>,
        change: &StatusChange,
        options: CallOptions,
    ) -> Vec<SystemOutcome> {
        let accounts: Vec<(&str, &str)> = accounts.into_iter().collect();
        let mut outcomes = self.outcomes_with(accounts, change, options);
        let mut ended = Vec::new();
        while let Some(outcome) = outcomes.next().await {
            ended.push(outcome);
        }
        ended.sort_by_key(|outcome| outcome.number);
        ended
    }

    /// Makes one change to accounts in many systems at the same time, as
    /// [`apply_everywhere`](Registry::apply_everywhere), and gives each outcome as soon as it is there.
    ///
    /// What was given out cannot be lost, whenever the rest is dropped; and before that, [`SystemOutcomes::open`] says whose
    /// outcome is not known.
    ///
    /// ```no_run
    /// # use std::time::Duration;
    /// # use user_status::{Registry, StatusChange};
    /// # async fn f(registry: Registry, accounts: Vec<(&str, &str)>) {
    /// let change = StatusChange::disable();
    /// let mut outcomes = registry.outcomes(accounts, &change);
    /// let all = async {
    ///     while let Some(outcome) = outcomes.next().await {
    ///         println!("{}: {:?}", outcome.system, outcome.result);
    ///     }
    /// };
    /// if tokio::time::timeout(Duration::from_secs(30), all).await.is_err() {
    ///     for account in outcomes.open() {
    ///         match account.begun {
    ///             true => println!("{}: unknown; read {} before you try again", account.system, account.user),
    ///             false => println!("{}: not begun", account.system),
    ///         }
    ///     }
    /// }
    /// # }
    /// ```
    pub fn outcomes<'a>(
        &'a self,
        accounts: impl IntoIterator<Item = (&'a str, &'a str)>,
        change: &'a StatusChange,
    ) -> SystemOutcomes<'a> {
        self.outcomes_with(accounts, change, CallOptions::default())
    }

    /// Does what [`outcomes`](Registry::outcomes) does, with settings for these calls.
    pub fn outcomes_with<'a>(
        &'a self,
        accounts: impl IntoIterator<Item = (&'a str, &'a str)>,
        change: &'a StatusChange,
        options: CallOptions,
    ) -> SystemOutcomes<'a> {
        let accounts: Vec<(&str, &str)> = accounts.into_iter().collect();
        let open = accounts.iter().map(|&(system, user)| Some(OpenAccount { system, user, begun: false })).collect();
        let open = Arc::new(Mutex::new(open));
        let calls = accounts.into_iter().enumerate().map(|(number, (name, user))| -> BoxFuture<'a, SystemOutcome> {
            let open = open.clone();
            Box::pin(async move {
                if let Some(account) = &mut lock(&open)[number] {
                    account.begun = true;
                }
                let result = match self.get(name) {
                    Some(system) => Some(system.apply_and_verify_with(user, change, options).await),
                    None => None,
                };
                SystemOutcome { system: name.to_owned(), user: user.to_owned(), result, number }
            })
        });
        SystemOutcomes { calls: calls.collect(), open }
    }
}

/// Of two systems under one name, the last is kept.
impl<N: Into<String>, S: AccountSystem + 'static> FromIterator<(N, S)> for Registry {
    fn from_iter<I: IntoIterator<Item = (N, S)>>(systems: I) -> Registry {
        let mut registry = Registry::default();
        registry.extend(systems);
        registry
    }
}

/// Of two systems under one name, the last is kept.
impl<N: Into<String>, S: AccountSystem + 'static> Extend<(N, S)> for Registry {
    fn extend<I: IntoIterator<Item = (N, S)>>(&mut self, systems: I) {
        for (name, system) in systems {
            self.insert(name, system);
        }
    }
}

/// The outcomes of one change in many systems, as they come: from [`Registry::outcomes`]. Nothing is sent before the
/// first [`next`](SystemOutcomes::next); dropping it breaks off the calls under way.
///
/// It is a stream, too.
#[must_use = "nothing is sent unless `next` is awaited"]
pub struct SystemOutcomes<'a> {
    calls: FuturesUnordered<BoxFuture<'a, SystemOutcome>>,
    open: Arc<Mutex<Open<'a>>>,
}

/// The accounts in the order given; `None` for one whose outcome was given out.
type Open<'a> = Vec<Option<OpenAccount<'a>>>;

/// An account whose outcome was not given out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct OpenAccount<'a> {
    /// The name of the system.
    pub system: &'a str,
    /// The account.
    pub user: &'a str,
    /// `true` once its call has begun, so that the account may have been changed.
    pub begun: bool,
}

impl<'a> SystemOutcomes<'a> {
    /// Returns the next outcome; `None` after the last. Dropping the future loses nothing: the calls go on with the next one.
    pub async fn next(&mut self) -> Option<SystemOutcome> {
        std::future::poll_fn(|context| Pin::new(&mut *self).poll_next(context)).await
    }

    /// Returns the accounts whose outcome was not given out, in the order given.
    pub fn open(&self) -> Vec<OpenAccount<'a>> {
        lock(&self.open).iter().flatten().copied().collect()
    }
}

impl Stream for SystemOutcomes<'_> {
    type Item = SystemOutcome;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<SystemOutcome>> {
        let next = Pin::new(&mut self.calls).poll_next(context);
        if let Poll::Ready(Some(outcome)) = &next {
            lock(&self.open)[outcome.number] = None;
        }
        next
    }
}

impl fmt::Debug for SystemOutcomes<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Outcomes").field("under_way", &self.calls.len()).finish_non_exhaustive()
    }
}

fn lock<'l, 'a>(open: &'l Mutex<Open<'a>>) -> MutexGuard<'l, Open<'a>> {
    open.lock().unwrap_or_else(PoisonError::into_inner)
}

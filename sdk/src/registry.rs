//! The same change for one person in many systems.

use std::collections::BTreeMap;

use crate::call::CallOptions;
use crate::change::StatusChange;
use crate::error::Result;
use crate::receipt::Receipt;
use crate::system::AccountSystem;

/// Systems under names of the caller's own: two pods, three tenants, whatever there is.
///
/// ```no_run
/// use user_status::vendors::{Mediconnect, Symphony};
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
#[derive(Debug, Default)]
pub struct Registry(BTreeMap<String, Box<dyn AccountSystem>>);

/// What happened in one system.
#[derive(Debug)]
#[non_exhaustive]
pub struct Outcome {
    /// The name of the system.
    pub system: String,
    /// The account.
    pub user: String,
    /// What happened; `None` if the registry has no system of that name, and nothing was sent.
    pub result: Option<Result<Receipt>>,
}

impl Registry {
    /// With another system. One that had the name before is replaced.
    #[must_use]
    pub fn with(mut self, name: impl Into<String>, system: impl AccountSystem + 'static) -> Registry {
        self.0.insert(name.into(), Box::new(system));
        self
    }

    /// The system of that name.
    pub fn get(&self, name: &str) -> Option<&dyn AccountSystem> {
        self.0.get(name).map(|system| &**system)
    }

    /// All systems by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &dyn AccountSystem)> {
        self.0.iter().map(|(name, system)| (name.as_str(), &**system))
    }

    /// Makes one change to accounts in many systems at the same time, each verified where it can be. Every account has
    /// its own outcome, in the order given; none hides another.
    pub async fn apply_everywhere<'a>(
        &self,
        accounts: impl IntoIterator<Item = (&'a str, &'a str)>,
        change: &StatusChange,
    ) -> Vec<Outcome> {
        self.apply_everywhere_with(accounts, change, CallOptions::default()).await
    }

    /// [`apply_everywhere`](Registry::apply_everywhere) with settings for these calls.
    pub async fn apply_everywhere_with<'a>(
        &self,
        accounts: impl IntoIterator<Item = (&'a str, &'a str)>,
        change: &StatusChange,
        options: CallOptions,
    ) -> Vec<Outcome> {
        let calls = accounts.into_iter().map(|(name, user)| async move {
            let result = match self.get(name) {
                Some(system) => Some(system.apply_and_verify_with(user, change, options).await),
                None => None,
            };
            Outcome { system: name.to_owned(), user: user.to_owned(), result }
        });
        futures_util::future::join_all(calls).await
    }
}

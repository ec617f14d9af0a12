//! `&S`, `Box<S>` and `Arc<S>` are systems where `S` is one.

use std::sync::Arc;

use super::{AccountSystem, Capabilities};
use crate::model::change::StatusChange;
use crate::model::dry_run::DryRun;
use crate::model::error::Result;
use crate::model::kind::SystemKind;
use crate::model::receipt::Receipt;
use crate::model::status::AccountStatus;
use crate::policy::clock::{BoxFuture, Clock};
use crate::policy::options::CallOptions;

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

            fn can_sign_in(&self, status: &AccountStatus) -> Option<bool> {
                (**self).can_sign_in(status)
            }

            fn repeatable(&self, change: &StatusChange) -> bool {
                (**self).repeatable(change)
            }

            fn is_id(&self, user: &str) -> bool {
                (**self).is_id(user)
            }

            fn find_with<'a>(&'a self, user: &'a str, options: CallOptions) -> BoxFuture<'a, Result<String>> {
                (**self).find_with(user, options)
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

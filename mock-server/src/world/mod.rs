//! The default world: the users that every new server has. Its credentials are [`Credentials`](crate::Credentials).
//!
//! | system | user | |
//! |---|---|---|
//! | userdocks | [`USERDOCKS_USER`] | and [`USERDOCKS_SECOND_USER`], the owner of the access token |
//! | akana | [`AKANA_USER`] | Philip Pirrip, as in the source document |
//! | mediconnect | [`MEDICONNECT_USER`] | John Smith, as in the source document; [`MEDICONNECT_ADMIN`] is the caller |
//! | symphony | [`SYMPHONY_USER`] | the service users [`SYMPHONY_KEYMANAGER`] and [`SYMPHONY_CESERVICE`] cannot be disabled |
//! | clearsquare | [`CLEARSQUARE_USER`] | |
//! | scim | [`SCIM_USER`] | jane@acme.example, and [`SCIM_SECOND_USER`], joe@acme.example |

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::journal::{Bounds, Exchange};

mod api;
pub(crate) mod clock;
mod document;
pub(crate) mod names;
pub(crate) mod room;
mod state;
pub(crate) mod worlds;

pub use crate::systems::akana::{TENANT as AKANA_TENANT, USER as AKANA_USER};
pub use crate::systems::clearsquare::USER as CLEARSQUARE_USER;
pub use crate::systems::mediconnect::{ADMIN as MEDICONNECT_ADMIN, USER as MEDICONNECT_USER};
pub use crate::systems::scim::{SECOND_USER as SCIM_SECOND_USER, USER as SCIM_USER};
pub use crate::systems::symphony::{
    CESERVICE as SYMPHONY_CESERVICE, KEYMANAGER as SYMPHONY_KEYMANAGER, USER as SYMPHONY_USER,
};
pub use crate::systems::userdocks::{SECOND_USER as USERDOCKS_SECOND_USER, USER as USERDOCKS_USER};
pub use api::World;
pub use document::{WorldError, WorldState};

/// A callback for every request.
pub(crate) type OnRequest = Arc<dyn Fn(&World, &Exchange) + Send + Sync>;

/// The way in which the worlds of a server are kept.
#[derive(Clone)]
pub(crate) struct Settings {
    pub(crate) journal: Bounds,
    /// The most worlds beside the default one.
    pub(crate) most: usize,
    /// The time for which a world is kept that nobody uses.
    pub(crate) idle: Duration,
    pub(crate) on_request: Option<OnRequest>,
    /// `true` if the transport can break the wire.
    pub(crate) breaks_the_wire: bool,
    /// Bytes for all worlds together.
    pub(crate) room: usize,
    /// Bytes for all journals together.
    pub(crate) journals: usize,
}

impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Settings { journal, most, idle, .. } = self;
        f.debug_struct("Settings")
            .field("journal", journal)
            .field("most", most)
            .field("idle", idle)
            .finish_non_exhaustive()
    }
}

/// A panic while a lock was held is a defect that its own test reports; the state itself stays usable.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]
// Without a generated client, what only those need is unused.
#![cfg_attr(not(feature = "_generated"), allow(dead_code, unused_imports))]

mod client;
mod codec;
mod model;
mod pipeline;
mod policy;
#[allow(dead_code, unused_imports, unused_macros, reason = "only generated clients need it")]
mod seam;
mod system;

#[cfg(feature = "bulk")]
pub mod bulk;
pub mod dialect;
#[rustfmt::skip] // byte for byte as `cargo contract generate` writes it
#[allow(unused_imports, reason = "a generated client exports more than is needed here")]
mod generated;
#[cfg(doc)]
pub mod guide;
pub mod systems;
#[cfg(feature = "testing")]
pub mod testing;

#[doc(hidden)] // public for the command line, which shows what it is told by the same rule
pub use codec::text;
#[doc(hidden)] // public for the tests that hold its decision function to its promises
pub use policy::retry;

pub use client::auth::CredentialSource;
pub use client::reach::{Reached, reach};
pub use client::session::Session;
pub use dialect::{Dialect, HttpSystem};
pub use model::change::{Change, StatusChange};
pub use model::conclusion::{Conclusion, StatusRule};
pub use model::connection::ConnectionProblem;
pub use model::dry_run::{DryRun, DryRunRequest};
pub use model::error::{Applied, Error, ErrorKind, Result};
pub use model::id::InvalidId;
pub use model::kind::{InvalidSystemKind, SystemKind};
pub use model::open_enum::UnknownValue;
pub use model::operation::{Idempotence, Operation};
pub use model::raw::RawResponse;
pub use model::receipt::{Proof, Receipt};
pub use model::secret::Secret;
pub use model::status::{AccountStatus, Suspension};
pub use policy::clock::{BoxFuture, Clock, SystemClock, Wait};
pub use policy::limit::{Limit, Throttle};
pub use policy::options::CallOptions;
pub use policy::retry::RetryPolicy;
pub use policy::waiting::{WaitReason, Waiting, hear_waits};
pub use system::registry::{OpenAccount, Registry, SystemOutcome, SystemOutcomes};
pub use system::{AccountSystem, Capabilities, Consistency, DisableEffect};
pub use systems::{operations, status_rules};

/// The version of this SDK, as it is sent in `User-Agent`.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

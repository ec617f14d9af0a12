#![doc = include_str!("../README.md")]
// With some of the systems switched off, what only they need is unused.
#![cfg_attr(
    not(all(
        feature = "userdocks",
        feature = "akana",
        feature = "mediconnect",
        feature = "symphony",
        feature = "clearsquare"
    )),
    allow(unused)
)]

mod auth;
mod base_url;
#[cfg(feature = "bulk")]
pub mod bulk;
mod call;
mod carried;
mod change;
mod clock;
mod conclusion;
mod config;
mod connecting;
mod connection;
mod decode;
pub mod dialect;
mod dry_run;
mod error;
mod fault;
mod freshness;
#[rustfmt::skip] // byte for byte as `cargo contract generate` writes it
#[allow(unused_imports, reason = "a generated client exports more than is needed here")]
mod generated;
#[cfg(doc)]
pub mod guide;
mod id;
mod json;
mod kind;
mod limit;
mod open_enum;
mod operation;
mod proxy;
mod raw;
mod receipt;
mod redact;
mod registry;
mod report;
#[doc(hidden)] // public for the tests that hold its decision function to its promises
pub mod retry;
mod secret;
mod session;
mod status;
mod system;
pub mod systems;
#[cfg(feature = "testing")]
pub mod testing;
#[doc(hidden)] // public for the command line, which shows what it is told by the same rule
pub mod text;
mod tls;
mod transport;
mod waiting;
mod way;
mod xml;

pub use auth::CredentialSource;
pub use call::CallOptions;
pub use change::{Change, StatusChange};
pub use clock::{BoxFuture, Clock, SystemClock, Wait};
pub use conclusion::{Conclusion, StatusRule, status_rules};
pub use connection::ConnectionProblem;
pub use dialect::{Dialect, HttpSystem};
pub use dry_run::{DryRun, DryRunRequest};
pub use error::{Applied, Error, ErrorKind, Result};
pub use id::InvalidId;
pub use kind::{InvalidSystemKind, SystemKind};
pub use limit::{HeldBack, Limit};
pub use open_enum::UnknownValue;
pub use operation::{Idempotence, Operation, operations};
pub use raw::RawResponse;
pub use receipt::{Proof, Receipt};
pub use registry::{OpenAccount, Outcome, Outcomes, Registry};
pub use retry::RetryPolicy;
pub use secret::Secret;
pub use session::Session;
pub use status::{AccountStatus, Suspension};
pub use system::{AccountSystem, Capabilities};
pub use waiting::{WaitReason, Waiting, hear_waits};
pub use way::{Reached, reach};

/// The version of this SDK, as it is sent in `User-Agent`.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

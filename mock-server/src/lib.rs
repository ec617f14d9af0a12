#![doc = include_str!("../README.md")]

mod credentials;
mod engine;
mod model;
mod options;
mod status;
mod systems;
mod transport;
pub mod world;

pub use credentials::{Akana, Clearsquare, Credentials, Mediconnect, Mint, Minted, Symphony, Userdocks};
pub use engine::{Engine, Exchange, Expectation, Fault, FaultError, Pattern, Reply, RetryAfter, WireFault, World};
pub use options::Options;
pub use status::{AccountStatus, Suspension};
pub use systems::Fidelity;
pub use transport::standalone::{Limits, StandaloneServer};
#[cfg(feature = "tls")]
pub use transport::standalone::{Tls, TlsError};
pub use transport::wiremock::MockServer;
pub use user_status_openapi::SystemKind;
pub use user_status_openapi::validate::Violation;
pub use world::{WorldError, WorldState};

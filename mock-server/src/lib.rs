#![doc = include_str!("../README.md")]

mod credentials;
mod engine;
mod status;
mod system;
mod transport;
mod vendors;
pub mod world;

pub use credentials::{Akana, Clearsquare, Credentials, Mediconnect, Mint, Symphony, Userdocks};
pub use engine::{
    Engine, Exchange, Expectation, Fault, FaultError, Options, Pattern, Reply, RetryAfter, WireFault, World,
};
pub use status::{AccountStatus, Suspension};
pub use transport::standalone::{Limits, StandaloneServer};
#[cfg(feature = "tls")]
pub use transport::standalone::{Tls, TlsError};
pub use transport::wiremock::MockServer;
pub use user_status_openapi::Vendor;
pub use vendors::Fidelity;
pub use world::{WorldError, WorldState};

#![doc = include_str!("../README.md")]

mod engine;
mod status;
mod transport;
mod vendors;
pub mod world;

pub use engine::{Engine, Fault, FaultError, Reply, RetryAfter, WireFault};
pub use status::{AccountStatus, Suspension};
pub use transport::standalone::StandaloneServer;
pub use transport::wiremock::MockServer;
pub use user_status_openapi::Vendor;
pub use world::Credentials;

#![doc = include_str!("../README.md")]

mod engine;
mod status;
mod transport;
mod vendors;
pub mod world;

pub use engine::{Engine, Reply};
pub use status::{AccountStatus, Suspension};
pub use transport::wiremock::MockServer;
pub use user_status_openapi::Vendor;
pub use world::Credentials;

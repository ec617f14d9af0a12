#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]

mod bounds;
mod codec;
mod contract;
mod credentials;
mod engine;
mod fault;
mod journal;
mod model;
mod reply;
mod status;
mod systems;
mod transport;
pub mod world;

pub use credentials::{Mint, Minted};
pub use engine::{Engine, Options};
pub use fault::{Fault, FaultError, RetryAfter};
pub use journal::Exchange;
pub use journal::matcher::{Expectation, RequestMatcher, Unmet};
pub use reply::{Reply, WireFault};
pub use status::{AccountStatus, Suspension};
pub use systems::{Credentials, Fidelity};
pub use transport::standalone::{Limits, ServerOptions, StandaloneServer};
#[cfg(feature = "tls")]
pub use transport::standalone::{Tls, TlsError};
pub use transport::wiremock::MockServer;
pub use user_status_openapi::SystemKind;
pub use user_status_openapi::validate::Violation;
pub use world::{World, WorldError, WorldState};

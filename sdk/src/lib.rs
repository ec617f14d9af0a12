#![doc = include_str!("../README.md")]

mod base_url;
mod config;
mod error;
#[rustfmt::skip] // byte for byte as `cargo contract generate` writes it
#[allow(dead_code, unused_imports, reason = "what a vendor needs, with any set of features")]
mod generated;
mod hooks;
mod id;
mod open_enum;
mod operation;
mod secret;
mod session;
mod tls;
mod vendor;
pub mod vendors;

pub use error::{Applied, Error, ErrorKind, Result};
pub use id::InvalidUserId;
pub use open_enum::UnknownValue;
pub use operation::{Idempotence, Operation, operations};
pub use secret::Secret;
pub use session::Session;
pub use vendor::{UnknownVendor, Vendor};

/// The version of this SDK, as it is sent in `User-Agent`.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

//! The five systems, each with its builder, its credentials and its generated typed client.
//!
//! The five modules have the same parts in the same order: the type of the system, its builder, its credentials, and
//! what was generated for it (`Client`, `types`, `builder`).

#[cfg(feature = "akana")]
pub mod akana;
#[cfg(feature = "clearsquare")]
pub mod clearsquare;
#[cfg(feature = "mediconnect")]
pub mod mediconnect;
#[cfg(feature = "symphony")]
pub mod symphony;
#[cfg(feature = "userdocks")]
pub mod userdocks;

#[cfg(feature = "akana")]
pub use akana::Akana;
#[cfg(feature = "clearsquare")]
pub use clearsquare::Clearsquare;
#[cfg(feature = "mediconnect")]
pub use mediconnect::Mediconnect;
#[cfg(feature = "symphony")]
pub use symphony::Symphony;
#[cfg(feature = "userdocks")]
pub use userdocks::Userdocks;

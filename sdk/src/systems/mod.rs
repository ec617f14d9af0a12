//! The five systems, each with its builder, its credentials and its generated typed client.
//!
//! The modules have the same parts in the same order: the type of the system, its builder, its credentials, its conventions,
//! and its dialect: how changes are asked for and what responses show; and what was generated for it (`Client`, `types`,
//! `builder`). Whatever is not peculiar to one system is in [`dialect`](crate::dialect).

use crate::dialect::Conventions;
use crate::kind::SystemKind;

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

/// The kinds of the systems whose features are on, each with its conventions.
pub(crate) const CONVENTIONS: &[(SystemKind, &Conventions)] = &[
    #[cfg(feature = "userdocks")]
    (userdocks::KIND, &userdocks::CONVENTIONS),
    #[cfg(feature = "akana")]
    (akana::KIND, &akana::CONVENTIONS),
    #[cfg(feature = "mediconnect")]
    (mediconnect::KIND, &mediconnect::CONVENTIONS),
    #[cfg(feature = "symphony")]
    (symphony::KIND, &symphony::CONVENTIONS),
    #[cfg(feature = "clearsquare")]
    (clearsquare::KIND, &clearsquare::CONVENTIONS),
];

//! The systems, each with its builder, its credentials and its generated typed client.
//!
//! The modules have the same parts in the same order: the type of the system, its builder, its credentials, its conventions,
//! and its dialect: how changes are asked for and what responses show; and what was generated for it (`Client`, `types`,
//! `builder`). Whatever is not peculiar to one system is in [`dialect`](crate::dialect).

use crate::model::conclusion::StatusRule;
use crate::model::kind::SystemKind;
use crate::policy::conventions::Conventions;

mod operations;

#[cfg(feature = "akana")]
pub mod akana;
#[cfg(feature = "clearsquare")]
pub mod clearsquare;
#[cfg(feature = "mediconnect")]
pub mod mediconnect;
#[cfg(feature = "scim")]
pub mod scim;
#[cfg(feature = "symphony")]
pub mod symphony;
#[cfg(feature = "userdocks")]
pub mod userdocks;

pub(crate) use operations::by_hook_id as operation;
pub use operations::operations;

#[cfg(feature = "akana")]
pub use akana::Akana;
#[cfg(feature = "clearsquare")]
pub use clearsquare::Clearsquare;
#[cfg(feature = "mediconnect")]
pub use mediconnect::Mediconnect;
#[cfg(feature = "scim")]
pub use scim::Scim;
#[cfg(feature = "symphony")]
pub use symphony::Symphony;
#[cfg(feature = "userdocks")]
pub use userdocks::Userdocks;

/// The kinds of the systems whose features are on, each with its conventions.
const CONVENTIONS: &[(SystemKind, &Conventions)] = &[
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
    #[cfg(feature = "scim")]
    (scim::KIND, &scim::CONVENTIONS),
];

/// Returns every conclusion that is drawn from a status code, of the systems whose features are on.
pub fn status_rules() -> impl Iterator<Item = StatusRule> {
    CONVENTIONS.iter().flat_map(|&(system, conventions)| {
        let refusals = conventions.refusals.iter();
        refusals.map(move |&(status, conclusion, source)| StatusRule { system, status, conclusion, source })
    })
}

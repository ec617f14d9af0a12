//! The vocabulary: what is asked for, what is known afterwards, and why not. No I/O.

pub(crate) mod change;
pub(crate) mod conclusion;
pub(crate) mod connection;
pub(crate) mod dry_run;
pub(crate) mod error;
#[allow(dead_code, unused_imports, unused_macros, reason = "each generated type needs a part of it")]
pub(crate) mod id;
pub(crate) mod kind;
#[allow(unused_imports, unused_macros, reason = "each generated type needs a part of it")]
pub(crate) mod open_enum;
pub(crate) mod operation;
pub(crate) mod raw;
pub(crate) mod receipt;
pub(crate) mod secret;
pub(crate) mod span;
pub(crate) mod status;

//! Decisions: what is sent again, when, and what a response is worth. Pure functions and counters, which a clock drives.

pub(crate) mod clock;
pub(crate) mod conventions;
pub(crate) mod freshness;
pub(crate) mod limit;
pub(crate) mod options;
pub mod retry;
pub(crate) mod waiting;

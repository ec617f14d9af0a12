//! What several modules need, and no promise.

pub(crate) mod raw;
pub(crate) mod script;
pub(crate) mod systems;

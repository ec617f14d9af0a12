//! The ways in which the engine is reached.

pub(crate) mod standalone;
pub(crate) mod wiremock;

//! The ways in which the engine is reached.

pub(crate) mod wiremock;

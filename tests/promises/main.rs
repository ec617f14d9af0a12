//! The promises of the project, one module each.

mod contract;
mod dependencies;
mod errors;
mod ids;
mod mock;
mod secrets;
mod wire;

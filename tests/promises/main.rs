//! The promises of the project, one module each.

mod canary;
mod contract;
mod credentials;
mod dependencies;
mod errors;
mod faults;
mod ids;
mod mock;
mod properties;
mod schemas;
mod secrets;
mod unified;
mod wire;

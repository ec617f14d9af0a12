//! The promises of the project, one module each.

mod answers;
mod canary;
mod contract;
mod credentials;
mod dependencies;
mod errors;
mod faults;
mod ids;
mod mock;
mod properties;
mod representations;
mod schemas;
mod secrets;
mod systems;
mod unified;
mod wire;

//! The promises of the project, one module each.

mod abuse;
mod admin;
mod answers;
mod callers;
mod canary;
mod contract;
mod credentials;
mod dependencies;
mod docs;
mod documents;
mod errors;
mod faults;
mod ids;
mod journal;
mod mock;
mod properties;
mod raw;
mod representations;
mod schemas;
mod secrets;
mod systems;
mod transports;
mod unified;
mod wire;
mod wire_faults;
mod worlds;

//! The SDK: what a call claims, what it sends, and what it shows.

mod answers;
mod caches;
mod canary;
mod connections;
mod credentials;
mod dry_runs;
mod encodings;
mod errors;
mod everywhere;
mod faults;
mod ids;
mod limits;
mod log;
mod one_reader;
mod own_systems;
mod properties;
mod redaction;
mod representations;
mod scim;
mod secrets;
mod status_codes;
mod unified;
mod unrecognized;
mod verdicts;
mod wire;

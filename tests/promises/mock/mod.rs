//! The mock server: its systems, its worlds, and what it bears.

mod abuse;
mod admin;
mod callers;
mod journal;
mod journal_secrets;
mod memory;
mod scim;
mod systems;
mod transports;
mod wire_faults;
mod worlds;
mod worlds_of_others;

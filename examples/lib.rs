//! One file per task, beside this one. Run one with `cargo run --example NAME`; each starts a mock server of its own
//! and needs nothing else.

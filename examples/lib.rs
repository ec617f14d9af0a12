//! One file per task, beside this one. Run one with `cargo run --example NAME`; each starts a server of its own and needs
//! nothing else, but `own_ldap`, which needs `slapd`.

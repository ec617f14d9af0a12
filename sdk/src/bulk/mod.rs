//! Changes to many accounts, which survive anything: a crash, an outage, a full disk.

mod row;

pub use row::{BadRow, Row};

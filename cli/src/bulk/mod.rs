//! Changes to many accounts: rows in, a look at what they would do, a confirmation, a run, its outcome.

pub(crate) mod consent;
pub(crate) mod estimate;
pub(crate) mod intake;
pub(crate) mod naming;
pub(crate) mod outcome;
pub(crate) mod planning;
pub(crate) mod progress;
pub(crate) mod session;
pub(crate) mod source;

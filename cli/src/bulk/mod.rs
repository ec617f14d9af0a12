//! Changes to many accounts: rows in, a look at what they would do, a confirmation, a run, its outcome.

pub(crate) mod confirm;
pub(crate) mod estimate;
pub(crate) mod execute;
pub(crate) mod intake;
pub(crate) mod naming;
pub(crate) mod outcome;
pub(crate) mod planning;
pub(crate) mod progress;
pub(crate) mod source;

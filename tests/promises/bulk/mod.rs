//! Runs over many accounts, and their journals.

mod damage;
mod disk;
mod doubt;
mod input;
pub(crate) mod kill;
mod run;
mod undo;
mod waits;

//! The contract itself: what it says, what is generated from it, and that both sides keep it.

mod claims;
mod diff;
pub(crate) mod document;
mod documents;
pub(crate) mod exchanges;
mod matrix;
mod mutants;
mod schemas;
mod shapes;

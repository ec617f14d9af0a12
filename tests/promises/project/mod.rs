//! The project: its structure, and what it brings.

mod dependencies;
mod layers;
mod map;
mod promises;

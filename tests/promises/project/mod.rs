//! The project: its structure, and what it brings.

use std::path::{Path, PathBuf};

mod dependencies;
mod layers;
mod map;
mod promises;

/// The root of the repository.
fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

//! What several modules need, and no promise.

pub(crate) mod raw;
pub(crate) mod script;
pub(crate) mod systems;

/// The root of the repository.
pub(crate) fn repository() -> std::path::PathBuf {
    std::path::Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

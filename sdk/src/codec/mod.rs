//! Bytes of a response as one value, and texts as they may be shown. Pure: nothing here knows of HTTP or of systems.

pub(crate) mod decode;
pub(crate) mod json;
pub(crate) mod redact;
pub mod text;
pub(crate) mod xml;

/// The error of something below.
pub(crate) type BoxError = Box<dyn std::error::Error + Send + Sync>;

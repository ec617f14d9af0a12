//! Bytes of bodies as values and back, in the media types of the contract.

pub(crate) mod decode;
pub(crate) mod json;
pub(crate) mod media_type;
pub(crate) mod xml;

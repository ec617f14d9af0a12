//! What a builder makes: the way to a system, its credentials, and the session that all calls share.

pub(crate) mod auth;
pub(crate) mod base_url;
pub(crate) mod config;
pub(crate) mod connecting;
pub(crate) mod diagnosis;
pub(crate) mod proxy;
pub(crate) mod reach;
pub(crate) mod report;
pub(crate) mod session;
pub(crate) mod tls;
pub(crate) mod way;

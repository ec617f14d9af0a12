//! The default world: the users that every new server has. Its credentials are [`Credentials`](crate::Credentials).
//!
//! | system | user | |
//! |---|---|---|
//! | userdocks | [`USERDOCKS_USER`] | and [`USERDOCKS_SECOND_USER`], the owner of the access token |
//! | akana | [`AKANA_USER`] | Philip Pirrip, as in the source document |
//! | mediconnect | [`MEDICONNECT_USER`] | John Smith, as in the source document; [`MEDICONNECT_ADMIN`] is the caller |
//! | symphony | [`SYMPHONY_USER`] | the service users [`SYMPHONY_KEYMANAGER`] and [`SYMPHONY_CESERVICE`] cannot be disabled |
//! | clearsquare | [`CLEARSQUARE_USER`] | |

pub(crate) mod bounds;
mod document;

pub use document::{WorldError, WorldState};

/// A Userdocks user.
pub const USERDOCKS_USER: &str = "6f1e9c1e-3b57-4f0a-9d0e-0c2f0f5a1d11";
/// Another Userdocks user: the one whose access token [`Credentials`](crate::Credentials) has.
pub const USERDOCKS_SECOND_USER: &str = "0b9d2f3c-7a55-4a0e-8f6e-5b1f4c2d3e22";
/// An Akana user.
pub const AKANA_USER: &str = "f57dd9cc-2608-456e-9dfa-300c85224a73.acmepaymentscorp";
/// The id of the Akana tenant.
pub const AKANA_TENANT: &str = "acmepaymentscorp";
/// A MediConnect user.
pub const MEDICONNECT_USER: i64 = 42;
/// The MediConnect administrator whose token [`Credentials`](crate::Credentials) has.
pub const MEDICONNECT_ADMIN: i64 = 7;
/// A Symphony user.
pub const SYMPHONY_USER: i64 = 7215545078541;
/// The protected service user *keymanager*.
pub const SYMPHONY_KEYMANAGER: i64 = 7215545057281;
/// The protected service user *ceservice*.
pub const SYMPHONY_CESERVICE: i64 = 7215545057282;
/// A ClearSquare user.
pub const CLEARSQUARE_USER: &str = "634441cecbb5901d133039f8";

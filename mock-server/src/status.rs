//! What an account is, in the words of the contract's schema `AccountStatus`.

use jiff::Timestamp;

/// Three independent facts, each `None` where the system does not know it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AccountStatus {
    /// Whether the account is enabled.
    pub enabled: Option<bool>,
    /// Whether, why and until when it is suspended.
    pub suspended: Option<Suspension>,
    /// Whether it is locked.
    pub locked: Option<bool>,
}

/// Whether, why and until when an account is suspended.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Suspension {
    /// Whether it is suspended.
    pub active: bool,
    /// Why.
    pub reason: Option<String>,
    /// When the suspension ends.
    pub until: Option<Timestamp>,
}

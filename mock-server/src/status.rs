//! What an account is, in the words of the contract's schema `AccountStatus`.

use std::fmt;

use jiff::Timestamp;
use serde::Serialize;

/// Three independent facts, each `None` where the system does not know it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct AccountStatus {
    /// `true` if the account is enabled.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub enabled: Option<bool>,
    /// The suspension: whether there is one, why, and until when.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub suspended: Option<Suspension>,
    /// `true` if it is locked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub locked: Option<bool>,
}

/// The suspension of an account: whether there is one, why, and until when.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Suspension {
    /// `true` if it is suspended.
    pub active: bool,
    /// Why.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// When the suspension ends.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
}

impl fmt::Display for AccountStatus {
    /// Such as `enabled, suspended until 2026-12-31T23:59:59Z, not locked`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut facts = Vec::new();
        if let Some(enabled) = self.enabled {
            facts.push(if enabled { "enabled".to_owned() } else { "disabled".to_owned() });
        }
        match &self.suspended {
            Some(Suspension { active: true, until: Some(until), .. }) => facts.push(format!("suspended until {until}")),
            Some(Suspension { active: true, .. }) => facts.push("suspended".to_owned()),
            Some(_) => facts.push("not suspended".to_owned()),
            None => {}
        }
        if let Some(locked) = self.locked {
            facts.push(if locked { "locked".to_owned() } else { "not locked".to_owned() });
        }
        f.write_str(if facts.is_empty() { "unknown" } else { "" })?;
        f.write_str(&facts.join(", "))
    }
}

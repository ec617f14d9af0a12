//! The systems, each a state machine in a file of its own, or in a folder.
//!
//! Each struct is both the state and its part of a world's document. The files have the same parts in the same order: the
//! document, the default world, who may call, what each operation does, what an error looks like, and the users.

use serde::{Deserialize, Serialize};
use user_status_openapi::SystemKind;

use crate::credentials::without_secrets;
pub use crate::model::Fidelity;
use crate::model::{Quirks, SystemModel};

pub(crate) mod akana;
pub(crate) mod clearsquare;
pub(crate) mod mediconnect;
pub(crate) mod scim;
pub(crate) mod symphony;
pub(crate) mod userdocks;

/// Returns what is fixed about a system.
pub(crate) fn quirks(system: SystemKind) -> &'static Quirks {
    match system {
        SystemKind::Userdocks => &userdocks::QUIRKS,
        SystemKind::Akana => &akana::QUIRKS,
        SystemKind::Mediconnect => &mediconnect::QUIRKS,
        SystemKind::Symphony => &symphony::QUIRKS,
        SystemKind::Clearsquare => &clearsquare::QUIRKS,
        SystemKind::Scim => &scim::QUIRKS,
    }
}

/// Credentials that work. They open nothing but the mock. What a world does not have is empty.
#[derive(Clone)]
#[non_exhaustive]
pub struct Credentials {
    /// Userdocks: API keys and an access token.
    pub userdocks: userdocks::Credentials,
    /// Akana: the session of a Site Admin, and one of somebody else.
    pub akana: akana::Credentials,
    /// MediConnect: the token of an administrator, and one of a patient.
    pub mediconnect: mediconnect::Credentials,
    /// Symphony: a session with the entitlement, and one without.
    pub symphony: symphony::Credentials,
    /// ClearSquare: a token.
    pub clearsquare: clearsquare::Credentials,
    /// SCIM: a token that may change accounts, and one that may not.
    pub scim: scim::Credentials,
}

without_secrets!(Credentials);

/// The users of a system. A copy shares with the original whatever neither changes, so that a copy of a million users
/// takes as long as a copy of one: snapshots, resets and new worlds hold nobody up.
pub(crate) type Users<K, V> = rpds::RedBlackTreeMapSync<K, V>;

/// The state of all systems.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Systems {
    pub(crate) userdocks: userdocks::Userdocks,
    pub(crate) akana: akana::Akana,
    pub(crate) mediconnect: mediconnect::Mediconnect,
    pub(crate) symphony: symphony::Symphony,
    pub(crate) clearsquare: clearsquare::Clearsquare,
    pub(crate) scim: scim::Scim,
}

impl Systems {
    /// Credentials that work, as a Rust program gets them.
    pub(crate) fn typed(&self) -> Credentials {
        Credentials {
            userdocks: self.userdocks.typed(),
            akana: self.akana.typed(),
            mediconnect: self.mediconnect.typed(),
            symphony: self.symphony.typed(),
            clearsquare: self.clearsquare.typed(),
            scim: self.scim.typed(),
        }
    }

    pub(crate) fn of(&self, system: SystemKind) -> &dyn SystemModel {
        match system {
            SystemKind::Userdocks => &self.userdocks,
            SystemKind::Akana => &self.akana,
            SystemKind::Mediconnect => &self.mediconnect,
            SystemKind::Symphony => &self.symphony,
            SystemKind::Clearsquare => &self.clearsquare,
            SystemKind::Scim => &self.scim,
        }
    }

    pub(crate) fn of_mut(&mut self, system: SystemKind) -> &mut dyn SystemModel {
        match system {
            SystemKind::Userdocks => &mut self.userdocks,
            SystemKind::Akana => &mut self.akana,
            SystemKind::Mediconnect => &mut self.mediconnect,
            SystemKind::Symphony => &mut self.symphony,
            SystemKind::Clearsquare => &mut self.clearsquare,
            SystemKind::Scim => &mut self.scim,
        }
    }
}

/// A user of a document, as the type that the system keeps.
fn user<T: serde::de::DeserializeOwned>(value: &serde_json::Value) -> Result<T, String> {
    serde_path_to_error::deserialize(value).map_err(|e| match e.path().to_string() {
        path if path == "." => e.inner().to_string(),
        path => format!("/{}: {}", path.replace('.', "/"), e.inner()),
    })
}

/// A user with everything that is given, and the rest as for a new one. What is no object stays, for the contract to
/// refuse.
fn completed(new: serde_json::Value, given: &serde_json::Value) -> serde_json::Value {
    let (Some(members), serde_json::Value::Object(new)) = (given.as_object(), new) else { return given.clone() };
    let mut all = members.clone();
    for (name, value) in new {
        all.entry(name).or_insert(value);
    }
    all.into()
}

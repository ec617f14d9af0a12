//! The MediConnect admin API.

use serde::Deserialize;
use user_status::systems::{Mediconnect, mediconnect};
use user_status::{AccountSystem, Error, Secret, SystemKind};
use user_status_mock::{self as mock, world};

use super::setup::{ConnectError, Given, build};
use super::{Known, NOWHERE, Own, Probe, Sample};
use crate::settings::secret::Reference;
use crate::settings::{Common, settings};

/// The system, as the command line knows it.
pub(super) const KNOWN: Known = Known {
    kind: SystemKind::MEDICONNECT,
    keys: Settings::KEYS,
    read: |table| Ok(Box::new(Settings::deserialize(table)?)),
    capabilities: || {
        let credentials = mediconnect::Credentials::token("none");
        Ok(Mediconnect::builder().base_url(NOWHERE).credentials(credentials).build()?.capabilities())
    },
    on_demand: &[],
    sample: Some(Sample {
        kind: mock::SystemKind::Mediconnect,
        profile: "clinic",
        credentials: |known| vec![("token", "clinic-token", known.mediconnect.token.clone())],
        lines: || vec![format!("own_account = {}", world::MEDICONNECT_ADMIN)],
        user: || world::MEDICONNECT_USER.to_string(),
        place: 3,
        change: "suspend --reason Leave",
    }),
};

settings! {
    /// MediConnect.
    Settings {
        token: Reference,
        active_flag: Option<ActiveFlag>,
    }
}

/// The value of the flag that a change does not target.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum ActiveFlag {
    ReadFirst,
    AssumeActive,
    AssumeInactive,
    LeaveOut,
}

impl Own for Settings {
    fn references(&self) -> Result<Vec<(&'static str, &Reference)>, String> {
        Ok(vec![("token", &self.token)])
    }

    fn connect(&self, common: &Common, given: Given) -> Result<Box<dyn AccountSystem>, ConnectError> {
        let builder = Mediconnect::builder().active_flag(match self.active_flag {
            Some(ActiveFlag::AssumeActive) => mediconnect::ActiveFlag::Assume(true),
            Some(ActiveFlag::AssumeInactive) => mediconnect::ActiveFlag::Assume(false),
            Some(ActiveFlag::LeaveOut) => mediconnect::ActiveFlag::LeaveOut,
            Some(ActiveFlag::ReadFirst) | None => mediconnect::ActiveFlag::ReadFirst,
        });
        build!(builder, common, given, |secrets: &[Secret]| {
            secrets.first().map(|token| mediconnect::Credentials::token(token.clone()))
        })
    }

    fn names_the_caller(&self) -> bool {
        true
    }

    fn probe(&self) -> Probe {
        let is_denied = |error: &Error| {
            let fault = error.error_body::<mediconnect::types::MediconnectError>();
            error.status() == Some(404) && fault.is_some_and(|fault| fault.error.is_some())
        };
        // The largest that every database can look up.
        Probe::Read { user: i32::MAX.to_string(), is_denied }
    }
}

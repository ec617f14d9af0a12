//! The Symphony Pod API.

use serde::Deserialize;
use user_status::systems::{Symphony, symphony};
use user_status::{AccountSystem, Error, Secret, SystemKind};
use user_status_mock::{self as mock, world};

use super::setup::{ConnectError, Given, build};
use super::{Known, NOWHERE, Own, Probe, Sample};
use crate::settings::secret::Reference;
use crate::settings::{Common, settings};

/// The system, as the command line knows it.
pub(super) const KNOWN: Known = Known {
    kind: SystemKind::SYMPHONY,
    keys: Settings::KEYS,
    read: |table| Ok(Box::new(Settings::deserialize(table)?)),
    capabilities: || {
        let credentials = symphony::Credentials::session_token("none");
        Ok(Symphony::builder().base_url(NOWHERE).credentials(credentials).build()?.capabilities())
    },
    on_demand: &[],
    sample: Some(Sample {
        kind: mock::SystemKind::Symphony,
        profile: "pod",
        credentials: |known| vec![("session_token", "pod-session-token", known.symphony.session_token.clone())],
        lines: Vec::new,
        user: || world::SYMPHONY_USER.to_string(),
        place: 1,
        change: "disable",
    }),
};

settings! {
    /// Symphony.
    Settings {
        session_token: Reference,
        unit: Option<Unit>,
    }
}

/// The unit in which a pod counts the end of a suspension.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Unit {
    Milliseconds,
    Seconds,
}

impl Own for Settings {
    fn references(&self) -> Result<Vec<(&'static str, &Reference)>, String> {
        Ok(vec![("session_token", &self.session_token)])
    }

    fn connect(&self, common: &Common, given: Given) -> Result<Box<dyn AccountSystem>, ConnectError> {
        let builder = Symphony::builder().unit(match self.unit {
            Some(Unit::Seconds) => symphony::Unit::Seconds,
            Some(Unit::Milliseconds) | None => symphony::Unit::Milliseconds,
        });
        build!(builder, common, given, |secrets: &[Secret]| {
            secrets.first().map(|token| symphony::Credentials::session_token(token.clone()))
        })
    }

    fn probe(&self) -> Probe {
        let is_denied = |error: &Error| {
            let fault = error.error_body::<symphony::types::SymphonyError>();
            error.status() == Some(400) && fault.is_some_and(|fault| fault.code.is_some())
        };
        // The largest that every database can look up.
        Probe::Read { user: i32::MAX.to_string(), is_denied }
    }
}

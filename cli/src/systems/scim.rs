//! Services that speak SCIM 2.0.

use serde::{Deserialize, Deserializer};
use user_status::systems::{Scim, scim};
use user_status::{AccountSystem, Error, Secret, SystemKind};
use user_status_mock::{self as mock, world};

use super::setup::{ConnectError, Given, build};
use super::{Known, NOWHERE, Own, Probe, Sample};
use crate::settings::secret::Reference;
use crate::settings::{Common, settings};

/// The system, as the command line knows it.
pub(super) const KNOWN: Known = Known {
    kind: SystemKind::SCIM,
    keys: Settings::KEYS,
    read: |table| Ok(Box::new(Settings::deserialize(table)?)),
    capabilities: || {
        let credentials = scim::Credentials::bearer("none");
        Ok(Scim::builder().base_url(NOWHERE).credentials(credentials).build()?.capabilities())
    },
    on_demand: &[],
    sample: Some(Sample {
        kind: mock::SystemKind::Scim,
        profile: "idp",
        credentials: |known| vec![("token", "idp-token", known.scim.token.clone())],
        lines: Vec::new,
        user: || world::SCIM_USER.to_owned(),
        place: 6,
        change: "disable",
    }),
};

settings! {
    /// A SCIM service.
    Settings {
        token: Reference,
        #[serde(default, deserialize_with = "preset")]
        preset: Option<scim::Preset>,
        method: Option<Method>,
        #[serde(default)]
        allow_blind_put: bool,
    }
}

fn preset<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<scim::Preset>, D::Error> {
    String::deserialize(deserializer)?.parse().map(Some).map_err(serde::de::Error::custom)
}

/// The way in which the service takes a change.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Method {
    Patch,
    Put,
}

impl Own for Settings {
    fn references(&self) -> Result<Vec<(&'static str, &Reference)>, String> {
        Ok(vec![("token", &self.token)])
    }

    fn connect(&self, common: &Common, given: Given) -> Result<Box<dyn AccountSystem>, ConnectError> {
        let preset = self.preset.unwrap_or(scim::Preset::STANDARD);
        let builder = Scim::builder().preset(preset).allow_blind_put(self.allow_blind_put);
        let builder = match self.method {
            Some(Method::Patch) => builder.method(scim::Method::Patch),
            Some(Method::Put) => builder.method(scim::Method::Put),
            None => builder,
        };
        build!(builder, common, given, |secrets: &[Secret]| {
            secrets.first().map(|token| scim::Credentials::bearer(token.clone()))
        })
    }

    fn probe(&self) -> Probe {
        // Its own 404 only: of any other, the error says that the base URL may be wrong.
        let is_denied = |error: &Error| error.is_not_found();
        Probe::Read { user: "00000000-0000-4000-8000-000000000000".to_owned(), is_denied }
    }
}

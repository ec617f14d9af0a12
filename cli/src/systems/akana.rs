//! Akana API Platform.

use serde::Deserialize;
use user_status::systems::{Akana, akana};
use user_status::{AccountSystem, Change, Error, Secret, SystemKind};
use user_status_mock::{self as mock, world};

use super::setup::{ConnectError, Given, build};
use super::{Known, NOWHERE, Own, Probe, Sample};
use crate::settings::secret::Reference;
use crate::settings::{Common, settings};

/// The system, as the command line knows it.
pub(super) const KNOWN: Known = Known {
    kind: SystemKind::AKANA,
    keys: Settings::KEYS,
    read: |table| Ok(Box::new(Settings::deserialize(table)?)),
    capabilities: || {
        let builder = Akana::builder().base_url(NOWHERE).tenant("none").unlock_by_enabling(true);
        Ok(builder.credentials(akana::Credentials::session("none", "none")).build()?.capabilities())
    },
    on_demand: &[Change::Unlock],
    sample: Some(Sample {
        kind: mock::SystemKind::Akana,
        profile: "portal",
        credentials: |known| {
            vec![
                ("session_cookie", "portal-session-cookie", known.akana.session_cookie.clone()),
                ("csrf_token", "portal-csrf-token", known.akana.csrf_token.clone()),
            ]
        },
        lines: || vec![format!("tenant = \"{}\"", world::AKANA_TENANT)],
        user: || world::AKANA_USER.to_owned(),
        place: 2,
        change: "lock",
    }),
};

settings! {
    /// Akana.
    Settings {
        session_cookie: Reference,
        csrf_token: Reference,
        tenant: String,
        media_type: Option<String>,
        #[serde(default)]
        unlock_by_enabling: bool,
    }
}

impl Own for Settings {
    fn references(&self) -> Result<Vec<(&'static str, &Reference)>, String> {
        Ok(vec![("session_cookie", &self.session_cookie), ("csrf_token", &self.csrf_token)])
    }

    fn connect(&self, common: &Common, given: Given) -> Result<Box<dyn AccountSystem>, ConnectError> {
        let mut builder = Akana::builder().tenant(&self.tenant).unlock_by_enabling(self.unlock_by_enabling);
        if let Some(wanted) = &self.media_type {
            builder = builder.media_type(media_type(wanted)?);
        }
        build!(builder, common, given, |secrets: &[Secret]| {
            let [cookie, csrf] = secrets else { return None };
            Some(akana::Credentials::session(cookie.clone(), csrf.clone()))
        })
    }

    fn probe(&self) -> Probe {
        let is_denied = |error: &Error| {
            let fault = error.error_body::<akana::types::AkanaFault>();
            error.status() == Some(404) && fault.is_some_and(|fault| fault.faultcode.is_some())
        };
        Probe::Read { user: format!("00000000-0000-0000-0000-000000000000.{}", self.tenant), is_denied }
    }
}

fn media_type(wanted: &str) -> Result<akana::MediaType, ConnectError> {
    let all = akana::MediaType::ALL;
    all.iter().copied().find(|known| known.as_str() == wanted).ok_or_else(|| {
        let known = all.iter().map(|known| known.as_str()).collect::<Vec<_>>().join(", ");
        ConnectError::Setting(format!("`media_type` must be one of {known}"))
    })
}

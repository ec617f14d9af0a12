//! Userdocks.

use serde::Deserialize;
use user_status::systems::{Userdocks, userdocks};
use user_status::{AccountSystem, Error, Secret, SystemKind};
use user_status_mock::{self as mock, world};

use super::setup::{ConnectError, Given, build};
use super::{Known, NOWHERE, Own, Probe, Sample};
use crate::settings::secret::Reference;
use crate::settings::{Common, settings};

/// The system, as the command line knows it.
pub(super) const KNOWN: Known = Known {
    kind: SystemKind::USERDOCKS,
    keys: Settings::KEYS,
    read: |table| Ok(Box::new(Settings::deserialize(table)?)),
    capabilities: || {
        let credentials = userdocks::Credentials::api_key("none", "none");
        Ok(Userdocks::builder().base_url(NOWHERE).credentials(credentials).build()?.capabilities())
    },
    on_demand: &[],
    sample: Some(Sample {
        kind: mock::SystemKind::Userdocks,
        profile: "docs",
        credentials: |known| {
            vec![
                ("api_key", "docs-api-key", known.userdocks.api_key.clone()),
                ("client_id", "docs-client-id", known.userdocks.client_id.clone()),
            ]
        },
        lines: Vec::new,
        user: || world::USERDOCKS_USER.to_owned(),
        place: 4,
        change: "disable",
    }),
};

settings! {
    /// Userdocks.
    Settings {
        api_key: Option<Reference>,
        client_id: Option<Reference>,
        access_token: Option<Reference>,
        route: Option<Route>,
        app: Option<String>,
    }
}

/// The route of a change: one of two.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Route {
    Documented,
    Current,
}

impl Own for Settings {
    fn references(&self) -> Result<Vec<(&'static str, &Reference)>, String> {
        match (&self.api_key, &self.client_id, &self.access_token) {
            (Some(key), Some(id), None) => Ok(vec![("api_key", key), ("client_id", id)]),
            (None, None, Some(token)) => Ok(vec![("access_token", token)]),
            _ => Err("userdocks takes either `api_key` and `client_id`, or `access_token`".to_owned()),
        }
    }

    fn connect(&self, common: &Common, given: Given) -> Result<Box<dyn AccountSystem>, ConnectError> {
        let mut builder = Userdocks::builder().route(match self.route {
            Some(Route::Current) => userdocks::Route::Current,
            Some(Route::Documented) | None => userdocks::Route::Documented,
        });
        if let Some(app) = &self.app {
            builder = builder.app(app);
        }
        build!(builder, common, given, |secrets: &[Secret]| match secrets {
            [key, id] => Some(userdocks::Credentials::api_key(key.clone(), id.clone())),
            [token] => Some(userdocks::Credentials::access_token(token.clone())),
            _ => None,
        })
    }

    fn probe(&self) -> Probe {
        let is_denied = |error: &Error| {
            let fault = error.error_body::<userdocks::types::UserdocksError>();
            matches!(error.status(), Some(400 | 404))
                && fault.is_some_and(|fault| fault.error.is_some() || fault.message.is_some())
        };
        Probe::Read { user: "00000000-0000-0000-0000-000000000000".to_owned(), is_denied }
    }
}

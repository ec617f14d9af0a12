//! The ClearSquare admin API.

use serde::Deserialize;
use user_status::systems::{Clearsquare, clearsquare};
use user_status::{AccountSystem, Secret, SystemKind};
use user_status_mock::{self as mock, world};

use super::setup::{ConnectError, Given, build};
use super::{Known, NOWHERE, Own, Probe, Sample};
use crate::settings::secret::Reference;
use crate::settings::{Common, settings};

/// The system, as the command line knows it.
pub(super) const KNOWN: Known = Known {
    kind: SystemKind::CLEARSQUARE,
    keys: Settings::KEYS,
    read: |table| Ok(Box::new(Settings::deserialize(table)?)),
    capabilities: || {
        let credentials = clearsquare::Credentials::token("none");
        Ok(Clearsquare::builder().base_url(NOWHERE).credentials(credentials).build()?.capabilities())
    },
    on_demand: &[],
    sample: Some(Sample {
        kind: mock::SystemKind::Clearsquare,
        profile: "shop",
        credentials: |known| vec![("token", "shop-token", known.clearsquare.token.clone())],
        lines: Vec::new,
        user: || world::CLEARSQUARE_USER.to_owned(),
        place: 5,
        change: "toggle",
    }),
};

settings! {
    /// ClearSquare.
    Settings {
        token: Reference,
    }
}

impl Own for Settings {
    fn references(&self) -> Result<Vec<(&'static str, &Reference)>, String> {
        Ok(vec![("token", &self.token)])
    }

    fn connect(&self, common: &Common, given: Given) -> Result<Box<dyn AccountSystem>, ConnectError> {
        build!(Clearsquare::builder(), common, given, |secrets: &[Secret]| {
            secrets.first().map(|token| clearsquare::Credentials::token(token.clone()))
        })
    }

    fn names_the_caller(&self) -> bool {
        true
    }

    fn probe(&self) -> Probe {
        // The address of its one operation, asked for as a browser would.
        Probe::Reach { path: "/api/users/manage-status" }
    }
}

//! From a profile to a system that can be called.

use std::collections::BTreeMap;

use user_status::Registry;

use crate::config::Config;
use crate::config::file::Profile;
use crate::failure::{Failure, with_causes};
use crate::safety;
use crate::settings::secret::{Reference, Unfetched};
use crate::systems::setup::{ConnectError, Given};

/// Systems that can be called, by the names of their profiles.
#[derive(Debug, Default)]
pub(crate) struct Connected {
    pub(crate) registry: Registry,
    /// The accounts that the credentials of profiles are of, where they say so.
    pub(crate) subjects: BTreeMap<String, String>,
}

impl Connected {
    /// Fetches the credentials of these profiles and sets up their systems. Nothing is sent to them.
    pub(crate) async fn to(config: &Config, names: &[&str]) -> Result<Connected, Failure> {
        let mut connected = Connected::default();
        for &name in names {
            let added = connected.with(config, name, config.profile(name)?).await;
            connected = added.map_err(|failure| failure.within(&format!("profile `{name}`")))?;
        }
        Ok(connected)
    }

    /// With another system. A failure does not name the profile.
    pub(crate) async fn with(mut self, config: &Config, name: &str, profile: &Profile) -> Result<Connected, Failure> {
        let mut secrets = Vec::new();
        let references = profile.own.references().map_err(Failure::configuration)?;
        for (setting, reference) in &references {
            let secret = reference.fetch(config.folder()).await.map_err(|why| match why {
                Unfetched::Stopped(message) => Failure::stopped(message),
                Unfetched::Not(problem) => Failure::credentials(format!("`{setting}`: {problem}")),
            })?;
            secrets.push(secret);
        }
        if profile.own.names_the_caller()
            && let Some(subject) = secrets.iter().find_map(|secret| safety::subject(secret.expose()))
        {
            self.subjects.insert(name.to_owned(), subject);
        }
        let references: Vec<Reference> = references.into_iter().map(|(_, reference)| reference.clone()).collect();
        let given = Given { references, secrets, folder: config.folder().to_owned() };
        let system = profile.own.connect(&profile.common, given).map_err(|error| match error {
            ConnectError::Setting(problem) => Failure::configuration(problem),
            ConnectError::Sdk(error) => Failure::configuration(with_causes(&error)),
        })?;
        self.registry.insert(name, system);
        Ok(self)
    }
}

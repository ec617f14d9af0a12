//! From settings and credentials to a system that can be called: what is the same for all of them.

use std::error::Error as StdError;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use user_status::{BoxFuture, CredentialSource, Secret};

use crate::settings::secret::Reference;

/// Credentials that were fetched, and where others come from.
pub(crate) struct Given {
    pub(crate) references: Vec<Reference>,
    pub(crate) secrets: Vec<Secret>,
    pub(crate) folder: PathBuf,
}

/// Why a system cannot be called with these settings.
pub(crate) enum ConnectError {
    Setting(String),
    Sdk(user_status::Error),
}

impl From<user_status::Error> for ConnectError {
    fn from(error: user_status::Error) -> ConnectError {
        ConnectError::Sdk(error)
    }
}

/// Sets up a builder with what every system has, and builds the system. Credentials that can change are built once as
/// they are, so that what is wrong with them is known now, and given as a source.
macro_rules! build {
    ($builder:expr, $common:expr, $given:expr, $make:expr) => {{
        let (common, given): (&crate::settings::Common, crate::systems::setup::Given) = ($common, $given);
        // A system that asks for time gets it, and gets less at once after that.
        let mut limit = user_status::Limit::default().adaptive();
        if let Some(most) = common.max_in_flight {
            limit = limit.max_in_flight(most.get());
        }
        if let Some(rate) = common.per_second {
            limit = limit.per_second(rate);
        }
        let mut builder = $builder.base_url(&common.base_url).allow_plain_http(common.allow_plain_http).limit(limit);
        if let Some(time) = common.attempt_timeout {
            builder = builder.attempt_timeout(time.0);
        }
        if let Some(time) = common.connect_timeout {
            builder = builder.connect_timeout(time.0);
        }
        if let Some(time) = common.total_timeout {
            builder = builder.total_timeout(time.0);
        }
        let credentials = $make(&given.secrets)
            .ok_or_else(|| crate::systems::setup::ConnectError::Setting("credentials are missing".to_owned()))?;
        let system = builder.clone().credentials(credentials).build()?;
        let system = match given.references.iter().any(crate::settings::secret::Reference::can_change) {
            true => builder.credential_source(crate::systems::setup::Source::new(given, $make)).build()?,
            false => system,
        };
        Ok(Box::new(system) as Box<dyn user_status::AccountSystem>)
    }};
}

pub(crate) use build;

/// Gives the credentials that were fetched first, and after that fresh ones.
pub(crate) struct Source<C> {
    references: Vec<Reference>,
    folder: PathBuf,
    first: Mutex<Option<Vec<Secret>>>,
    make: fn(&[Secret]) -> Option<C>,
}

impl<C> Source<C> {
    pub(crate) fn new(given: Given, make: fn(&[Secret]) -> Option<C>) -> Source<C> {
        Source { references: given.references, folder: given.folder, first: Mutex::new(Some(given.secrets)), make }
    }
}

impl<C: Send + 'static> CredentialSource<C> for Source<C> {
    fn credentials(&self) -> BoxFuture<'_, Result<C, Box<dyn StdError + Send + Sync>>> {
        Box::pin(async move {
            let first = self.first.lock().unwrap_or_else(PoisonError::into_inner).take();
            let secrets = match first {
                Some(secrets) => secrets,
                None => {
                    let mut fresh = Vec::new();
                    for reference in &self.references {
                        fresh.push(reference.fetch(&self.folder).await?);
                    }
                    fresh
                }
            };
            (self.make)(&secrets).ok_or_else(|| "credentials are missing".into())
        })
    }
}

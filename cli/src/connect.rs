//! From a profile to a system that can be called.

use std::collections::BTreeMap;
use std::error::Error as StdError;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use user_status::systems::{
    Akana, Clearsquare, Mediconnect, Symphony, Userdocks, akana, clearsquare, mediconnect, symphony, userdocks,
};
use user_status::{BoxFuture, CredentialSource, Limit, Registry, Secret};

use crate::config::Config;
use crate::config::file::{ActiveFlag, Common, Profile, Route, System, Unit};
use crate::config::secret::{Reference, Unfetched};
use crate::failure::{Failure, with_causes};
use crate::safety;

/// Systems that can be called, by the names of their profiles.
#[derive(Debug, Default)]
pub(crate) struct Connected {
    pub(crate) registry: Registry,
    /// Whose the credentials of a profile are, where they say so.
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
        let references = references(profile).map_err(Failure::configuration)?;
        for (setting, reference) in &references {
            let secret = reference.fetch(config.folder()).await.map_err(|why| match why {
                Unfetched::Stopped(message) => Failure::stopped(message),
                Unfetched::Not(problem) => Failure::credentials(format!("`{setting}`: {problem}")),
            })?;
            secrets.push(secret);
        }
        if safety::names_the_caller(profile)
            && let Some(subject) = secrets.iter().find_map(|secret| safety::subject(secret.expose()))
        {
            self.subjects.insert(name.to_owned(), subject);
        }
        let references: Vec<Reference> = references.into_iter().map(|(_, reference)| reference.clone()).collect();
        let given = Given { references, secrets, folder: config.folder().to_owned() };
        self.registry = register(self.registry, name, profile, given).map_err(|error| match error {
            Unusable::Setting(problem) => Failure::configuration(problem),
            Unusable::Sdk(error) => Failure::configuration(with_causes(&error)),
        })?;
        Ok(self)
    }
}

/// Where the credentials of a profile come from: each with its setting, in the order in which [`register`] takes them.
pub(crate) fn references(profile: &Profile) -> Result<Vec<(&'static str, &Reference)>, String> {
    Ok(match &profile.system {
        System::Userdocks(own) => match (&own.api_key, &own.client_id, &own.access_token) {
            (Some(key), Some(id), None) => vec![("api_key", key), ("client_id", id)],
            (None, None, Some(token)) => vec![("access_token", token)],
            _ => return Err("userdocks takes either `api_key` and `client_id`, or `access_token`".to_owned()),
        },
        System::Akana(own) => vec![("session_cookie", &own.session_cookie), ("csrf_token", &own.csrf_token)],
        System::Mediconnect(own) => vec![("token", &own.token)],
        System::Symphony(own) => vec![("session_token", &own.session_token)],
        System::Clearsquare(own) => vec![("token", &own.token)],
    })
}

/// Credentials that were fetched, and where others come from.
struct Given {
    references: Vec<Reference>,
    secrets: Vec<Secret>,
    folder: PathBuf,
}

/// Why a system cannot be called with these settings.
enum Unusable {
    Setting(String),
    Sdk(user_status::Error),
}

impl From<user_status::Error> for Unusable {
    fn from(error: user_status::Error) -> Unusable {
        Unusable::Sdk(error)
    }
}

/// Sets up a builder with what every system has, and builds the system. Credentials that can change are built once as
/// they are, so that what is wrong with them is known now, and given as a source.
macro_rules! build {
    ($builder:expr, $common:expr, $given:expr, $make:expr) => {{
        let (common, given): (&Common, Given) = ($common, $given);
        // A system that asks for time gets it, and gets less at once after that.
        let mut limit = Limit::default().adaptive();
        if let Some(most) = common.at_once {
            limit = limit.at_once(most.get());
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
        let credentials =
            $make(&given.secrets).ok_or_else(|| Unusable::Setting("credentials are missing".to_owned()))?;
        let system = builder.clone().credentials(credentials).build()?;
        match given.references.iter().any(Reference::can_change) {
            true => builder.credential_source(Source::new(given, $make)).build()?,
            false => system,
        }
    }};
}

fn register(registry: Registry, name: &str, profile: &Profile, given: Given) -> Result<Registry, Unusable> {
    let common = &profile.common;
    Ok(match &profile.system {
        System::Userdocks(own) => {
            let mut builder = Userdocks::builder().route(match own.route {
                Some(Route::Current) => userdocks::Route::Current,
                Some(Route::Documented) | None => userdocks::Route::Documented,
            });
            if let Some(app) = &own.app {
                builder = builder.app(app);
            }
            registry.with(name, build!(builder, common, given, of_userdocks))
        }
        System::Akana(own) => {
            let mut builder = Akana::builder().tenant(&own.tenant).unlock_by_enabling(own.unlock_by_enabling);
            if let Some(wanted) = &own.media_type {
                builder = builder.media_type(media_type(wanted)?);
            }
            registry.with(name, build!(builder, common, given, of_akana))
        }
        System::Mediconnect(own) => {
            let builder = Mediconnect::builder().active_flag(match own.active_flag {
                Some(ActiveFlag::AssumeActive) => mediconnect::ActiveFlag::Assume(true),
                Some(ActiveFlag::AssumeInactive) => mediconnect::ActiveFlag::Assume(false),
                Some(ActiveFlag::LeaveOut) => mediconnect::ActiveFlag::LeaveOut,
                Some(ActiveFlag::ReadFirst) | None => mediconnect::ActiveFlag::ReadFirst,
            });
            registry.with(name, build!(builder, common, given, of_mediconnect))
        }
        System::Symphony(own) => {
            let builder = Symphony::builder().unit(match own.unit {
                Some(Unit::Seconds) => symphony::Unit::Seconds,
                Some(Unit::Milliseconds) | None => symphony::Unit::Milliseconds,
            });
            registry.with(name, build!(builder, common, given, of_symphony))
        }
        System::Clearsquare(_) => registry.with(name, build!(Clearsquare::builder(), common, given, of_clearsquare)),
    })
}

fn media_type(wanted: &str) -> Result<akana::MediaType, Unusable> {
    let all = akana::MediaType::ALL;
    all.iter().copied().find(|known| known.as_str() == wanted).ok_or_else(|| {
        let known = all.iter().map(|known| known.as_str()).collect::<Vec<_>>().join(", ");
        Unusable::Setting(format!("`media_type` must be one of {known}"))
    })
}

fn of_userdocks(secrets: &[Secret]) -> Option<userdocks::Credentials> {
    match secrets {
        [key, id] => Some(userdocks::Credentials::api_key(key.clone(), id.clone())),
        [token] => Some(userdocks::Credentials::access_token(token.clone())),
        _ => None,
    }
}

fn of_akana(secrets: &[Secret]) -> Option<akana::Credentials> {
    let [cookie, csrf] = secrets else { return None };
    Some(akana::Credentials::session(cookie.clone(), csrf.clone()))
}

fn of_mediconnect(secrets: &[Secret]) -> Option<mediconnect::Credentials> {
    secrets.first().map(|token| mediconnect::Credentials::token(token.clone()))
}

fn of_symphony(secrets: &[Secret]) -> Option<symphony::Credentials> {
    secrets.first().map(|token| symphony::Credentials::session_token(token.clone()))
}

fn of_clearsquare(secrets: &[Secret]) -> Option<clearsquare::Credentials> {
    secrets.first().map(|token| clearsquare::Credentials::token(token.clone()))
}

/// Gives the credentials that were fetched first, and after that fresh ones.
struct Source<C> {
    references: Vec<Reference>,
    folder: PathBuf,
    first: Mutex<Option<Vec<Secret>>>,
    make: fn(&[Secret]) -> Option<C>,
}

impl<C> Source<C> {
    fn new(given: Given, make: fn(&[Secret]) -> Option<C>) -> Source<C> {
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

//! The systems, each with everything that the command line knows of it in a file of its own.

use std::fmt::Debug;

use toml::de::ValueDeserializer;
use user_status::{AccountSystem, Capabilities, Change, Error, SystemKind};
use user_status_mock as mock;

use crate::settings::Common;
use crate::settings::secret::Reference;

mod akana;
mod clearsquare;
mod mediconnect;
mod scim;
pub(crate) mod setup;
mod symphony;
mod userdocks;

use setup::{ConnectError, Given};

/// Every system that a profile can be of.
pub(crate) const ALL: [&Known; 6] =
    [&userdocks::KNOWN, &akana::KNOWN, &mediconnect::KNOWN, &symphony::KNOWN, &clearsquare::KNOWN, &scim::KNOWN];

/// Those that a mock has, each with its sample.
pub(crate) fn samples() -> impl Iterator<Item = (&'static Known, &'static Sample)> {
    ALL.into_iter().filter_map(|known| Some((known, known.sample.as_ref()?)))
}

/// A kind of system, as the command line knows it.
pub(crate) struct Known {
    pub(crate) kind: SystemKind,
    /// The names of the settings that only its profiles have.
    pub(crate) keys: &'static [&'static str],
    /// Reads these settings from the table of a profile.
    pub(crate) read: fn(ValueDeserializer<'_>) -> Result<Box<dyn Own>, toml::de::Error>,
    /// The capabilities with everything switched on. Nothing is sent.
    pub(crate) capabilities: fn() -> user_status::Result<Capabilities>,
    /// The changes that a setting switches on.
    pub(crate) on_demand: &'static [Change],
    /// `None` for a system that the mock does not have.
    pub(crate) sample: Option<Sample>,
}

/// The settings of a profile that only systems of its kind have, its credentials among them.
pub(crate) trait Own: Debug + Send + Sync {
    /// Where the credentials come from: each with its setting, in the order in which [`connect`](Own::connect) takes them.
    ///
    /// # Errors
    /// What is wrong with the settings.
    fn references(&self) -> Result<Vec<(&'static str, &Reference)>, String>;

    /// The system, set up. Nothing is sent.
    fn connect(&self, common: &Common, given: Given) -> Result<Box<dyn AccountSystem>, ConnectError>;

    /// Returns whether the credentials name the caller, whose own account is not changed then.
    fn names_the_caller(&self) -> bool {
        false
    }

    /// Returns how the credentials can be tried.
    fn probe(&self) -> Probe;
}

/// The way in which credentials can be tried without changing anything.
pub(crate) enum Probe {
    /// By reading an account that cannot exist: a system denies it in its own words, and only after it has looked at the
    /// credentials.
    Read {
        user: String,
        /// `true` if an error is that denial. Any server answers 404 for a wrong address.
        is_denied: fn(&Error) -> bool,
    },
    /// Not at all. This path shows whether anybody is there.
    Reach { path: &'static str },
}

/// A profile for a mock, with a change to try.
pub(crate) struct Sample {
    /// The system, as the mock names it.
    pub(crate) kind: mock::SystemKind,
    /// The name of the profile.
    pub(crate) profile: &'static str,
    /// The settings that are credentials, each with the name of its file and its value.
    pub(crate) credentials: fn(&mock::Credentials) -> Vec<(&'static str, &'static str, String)>,
    /// Further lines of the profile.
    pub(crate) lines: fn() -> Vec<String>,
    /// An account of the default world.
    pub(crate) user: fn() -> String,
    /// Its place among the commands to try.
    pub(crate) place: u8,
    /// A change of it, as the command line takes it.
    pub(crate) change: &'static str,
}

/// An address for a system that is never called; plain http, so that no trust roots are loaded for it.
const NOWHERE: &str = "http://127.0.0.1";

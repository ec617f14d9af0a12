//! The settings of a profile: what every system has, and where credentials come from.

use serde::{Deserialize, Deserializer};
use user_status::SystemKind;

use self::value::{Account, Time};

mod program;
pub(crate) mod secret;
mod value;

/// Settings, and their names as they are written.
macro_rules! settings {
    ($(#[$doc:meta])* $name:ident { $($(#[$attribute:meta])* $field:ident: $type:ty,)+ }) => {
        $(#[$doc])*
        #[derive(Debug, Deserialize)]
        pub(crate) struct $name { $($(#[$attribute])* pub(crate) $field: $type,)+ }

        impl $name {
            pub(crate) const KEYS: &'static [&'static str] = &[$(stringify!($field)),+];
        }
    };
}

pub(crate) use settings;

settings! {
    /// The settings of every system.
    Common {
        #[serde(deserialize_with = "system")]
        system: SystemKind,
        base_url: String,
        #[serde(default)]
        allow_plain_http: bool,
        max_in_flight: Option<std::num::NonZeroUsize>,
        #[serde(default, deserialize_with = "rate")]
        per_second: Option<f64>,
        attempt_timeout: Option<Time>,
        connect_timeout: Option<Time>,
        total_timeout: Option<Time>,
        own_account: Option<Account>,
        #[serde(default)]
        protected: Vec<Account>,
    }
}

fn system<'de, D: Deserializer<'de>>(deserializer: D) -> Result<SystemKind, D::Error> {
    let word = String::deserialize(deserializer)?;
    word.parse().map_err(serde::de::Error::custom)
}

fn rate<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<f64>, D::Error> {
    let rate = f64::deserialize(deserializer)?;
    match rate.is_finite() && rate > 0.0 {
        true => Ok(Some(rate)),
        false => Err(serde::de::Error::custom("`per_second` must be above zero; leave it out for no limit")),
    }
}

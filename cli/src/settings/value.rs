//! Values of a configuration that can be written in more than one way.

use std::fmt;
use std::time::Duration;

use jiff::SignedDuration;
use serde::de::{Error, Unexpected, Visitor};
use serde::{Deserialize, Deserializer};

/// A time: whole seconds, or a text such as `"1m 30s"`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Time(pub(crate) Duration);

impl<'de> Deserialize<'de> for Time {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader;

        impl Visitor<'_> for Reader {
            type Value = Time;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a time above zero and up to a day, such as \"30s\"")
            }

            fn visit_i64<E: Error>(self, seconds: i64) -> Result<Time, E> {
                let time = u64::try_from(seconds).ok().map(Duration::from_secs);
                let refuse = || E::invalid_value(Unexpected::Signed(seconds), &self);
                time.filter(|time| in_range(*time)).map(Time).ok_or_else(refuse)
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Time, E> {
                let time = text.parse::<SignedDuration>().ok().and_then(|time| Duration::try_from(time).ok());
                let refuse = || E::invalid_value(Unexpected::Str(text), &self);
                time.filter(|time| in_range(*time)).map(Time).ok_or_else(refuse)
            }
        }

        deserializer.deserialize_any(Reader)
    }
}

fn in_range(time: Duration) -> bool {
    !time.is_zero() && time <= Duration::from_secs(24 * 60 * 60)
}

/// The id of an account: a text, or a number as Symphony and MediConnect have them.
#[derive(Clone, Debug)]
pub(crate) struct Account(pub(crate) String);

impl<'de> Deserialize<'de> for Account {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader;

        impl Visitor<'_> for Reader {
            type Value = Account;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("the id of an account, such as \"7215545078541\"")
            }

            fn visit_i64<E: Error>(self, number: i64) -> Result<Account, E> {
                Ok(Account(number.to_string()))
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Account, E> {
                match text.trim() {
                    "" => Err(E::custom("an account must not be empty; leave the setting out")),
                    text => Ok(Account(text.to_owned())),
                }
            }
        }

        deserializer.deserialize_any(Reader)
    }
}

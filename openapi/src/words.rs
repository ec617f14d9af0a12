//! The words of the contract that have a fixed set of values.

use std::fmt;
use std::str::FromStr;

macro_rules! words {
    ($(#[$doc:meta])* $name:ident, $what:literal, { $($(#[$variant_doc:meta])* $variant:ident = $word:literal),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $name {
            $($(#[$variant_doc])* $variant,)+
        }

        impl $name {
            /// All values, in the order of the contract.
            pub const ALL: &'static [$name] = &[$($name::$variant),+];

            /// Returns the word of the contract.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $($name::$variant => $word,)+
                }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(self.as_str())
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.as_str())
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let word = std::borrow::Cow::<str>::deserialize(deserializer)?;
                word.parse().map_err(serde::de::Error::custom)
            }
        }

        impl FromStr for $name {
            type Err = UnknownName;

            fn from_str(word: &str) -> Result<Self, UnknownName> {
                match word {
                    $($word => Ok($name::$variant),)+
                    _ => Err(UnknownName { what: $what, name: word.to_owned(), known: &[$($word),+] }),
                }
            }
        }
    };
}

words! {
    /// One of the systems of the contract. The word is also the tag of its operations in the contract.
    SystemKind, "system", {
        /// Userdocks, a hosted user management service.
        Userdocks = "userdocks",
        /// Akana API Platform (Community Manager).
        Akana = "akana",
        /// The MediConnect admin API.
        Mediconnect = "mediconnect",
        /// The Symphony Pod API.
        Symphony = "symphony",
        /// The ClearSquare admin API.
        Clearsquare = "clearsquare",
        /// Any service that speaks SCIM 2.0.
        Scim = "scim",
    }
}

words! {
    /// The changes of an account.
    Change, "change", {
        /// The owner may sign in again.
        Enable = "enable",
        /// The owner may no longer sign in.
        Disable = "disable",
        /// For a reason, and possibly until a time.
        Suspend = "suspend",
        /// The suspension is lifted.
        Unsuspend = "unsuspend",
        /// Locked, as after an attack on the account.
        Lock = "lock",
        /// The lock is lifted.
        Unlock = "unlock",
        /// To the other state, whichever it is.
        Toggle = "toggle",
    }
}

/// A word that is not among the known ones.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownName {
    what: &'static str,
    name: String,
    known: &'static [&'static str],
}

impl fmt::Display for UnknownName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "unknown {} `{}`; known are {}", self.what, self.name.escape_debug(), self.known.join(", "))
    }
}

impl std::error::Error for UnknownName {}

//! The five systems.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// One of the five systems.
///
/// ```
/// use user_status::Vendor;
///
/// assert_eq!("symphony".parse(), Ok(Vendor::Symphony));
/// assert_eq!(Vendor::Symphony.to_string(), "symphony");
/// let error = "symfony".parse::<Vendor>().unwrap_err();
/// assert!(error.to_string().contains("known are userdocks, akana"));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Vendor {
    /// Userdocks, a hosted user management service.
    Userdocks,
    /// Akana API Platform (Community Manager).
    Akana,
    /// The MediConnect admin API.
    Mediconnect,
    /// The Symphony Pod API.
    Symphony,
    /// The ClearSquare admin API.
    Clearsquare,
}

impl Vendor {
    /// All five, in the order of the contract.
    pub const ALL: [Vendor; 5] =
        [Vendor::Userdocks, Vendor::Akana, Vendor::Mediconnect, Vendor::Symphony, Vendor::Clearsquare];

    /// The word of the contract.
    pub const fn as_str(self) -> &'static str {
        match self {
            Vendor::Userdocks => "userdocks",
            Vendor::Akana => "akana",
            Vendor::Mediconnect => "mediconnect",
            Vendor::Symphony => "symphony",
            Vendor::Clearsquare => "clearsquare",
        }
    }
}

impl fmt::Display for Vendor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for Vendor {
    type Err = UnknownVendor;

    fn from_str(name: &str) -> Result<Self, UnknownVendor> {
        Vendor::ALL.into_iter().find(|vendor| vendor.as_str() == name).ok_or_else(|| UnknownVendor(name.to_owned()))
    }
}

/// A name that is none of the five.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownVendor(String);

impl fmt::Display for UnknownVendor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let known = Vendor::ALL.map(Vendor::as_str).join(", ");
        write!(f, "unknown vendor `{}`; known are {known}", self.0.escape_debug())
    }
}

impl std::error::Error for UnknownVendor {}

//! The kinds of system.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;
use std::sync::{Mutex, PoisonError};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A kind of system, such as Symphony: what an [`AccountSystem`](crate::AccountSystem) is, whatever name a
/// [`Registry`](crate::Registry) knows it by.
///
/// The kinds that the contract describes are constants. A system of one's own has a kind of its own, named with
/// [`custom`](SystemKind::custom) or parsed from text.
///
/// ```
/// use user_status::SystemKind;
///
/// const PAYROLL: SystemKind = SystemKind::custom("payroll");
///
/// assert_eq!("symphony".parse(), Ok(SystemKind::SYMPHONY));
/// assert_eq!(SystemKind::SYMPHONY.to_string(), "symphony");
/// assert!(SystemKind::SYMPHONY.is_known() && !PAYROLL.is_known());
/// assert_eq!("payroll".parse(), Ok(PAYROLL));
/// let error = "Pay Roll".parse::<SystemKind>().unwrap_err();
/// assert!(error.to_string().contains("lower-case letters"));
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SystemKind(&'static str);

impl SystemKind {
    /// Userdocks, a hosted user management service.
    pub const USERDOCKS: SystemKind = SystemKind("userdocks");
    /// Akana API Platform (Community Manager).
    pub const AKANA: SystemKind = SystemKind("akana");
    /// The MediConnect admin API.
    pub const MEDICONNECT: SystemKind = SystemKind("mediconnect");
    /// The Symphony Pod API.
    pub const SYMPHONY: SystemKind = SystemKind("symphony");
    /// The ClearSquare admin API.
    pub const CLEARSQUARE: SystemKind = SystemKind("clearsquare");
    /// A service that speaks SCIM 2.0 (RFC 7643, RFC 7644).
    pub const SCIM: SystemKind = SystemKind("scim");

    /// The kinds that the contract describes, in its order.
    pub const KNOWN: [SystemKind; 6] = [
        SystemKind::USERDOCKS,
        SystemKind::AKANA,
        SystemKind::MEDICONNECT,
        SystemKind::SYMPHONY,
        SystemKind::CLEARSQUARE,
        SystemKind::SCIM,
    ];

    /// The longest name, in bytes.
    const LONGEST: usize = 63;

    /// Names a kind of one's own: 1 to 63 lower-case letters, digits and hyphens, beginning with a letter.
    ///
    /// # Panics
    /// If the name is not well-formed; in a constant, that is an error of the compiler. Names that are not literals are
    /// parsed instead.
    #[must_use]
    pub const fn custom(name: &'static str) -> SystemKind {
        assert!(
            is_well_formed(name),
            "a kind has 1 to 63 lower-case letters, digits and hyphens, and begins with a letter"
        );
        SystemKind(name)
    }

    /// Returns the name, such as `symphony`.
    pub const fn as_str(self) -> &'static str {
        self.0
    }

    /// Returns `true` for a kind that the contract describes.
    pub fn is_known(self) -> bool {
        SystemKind::KNOWN.contains(&self)
    }
}

const fn is_well_formed(name: &str) -> bool {
    let bytes = name.as_bytes();
    if bytes.is_empty() || bytes.len() > SystemKind::LONGEST || !bytes[0].is_ascii_lowercase() {
        return false;
    }
    let mut at = 1;
    while at < bytes.len() {
        if !matches!(bytes[at], b'a'..=b'z' | b'0'..=b'9' | b'-') {
            return false;
        }
        at += 1;
    }
    true
}

impl fmt::Display for SystemKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.0)
    }
}

/// As it is displayed.
impl fmt::Debug for SystemKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.0)
    }
}

/// Takes every well-formed name. A name that the contract does not have is kept until the program ends, once.
impl FromStr for SystemKind {
    type Err = InvalidSystemKind;

    fn from_str(name: &str) -> Result<SystemKind, InvalidSystemKind> {
        static CUSTOM: Mutex<BTreeSet<&'static str>> = Mutex::new(BTreeSet::new());
        if let Some(known) = SystemKind::KNOWN.into_iter().find(|kind| kind.0 == name) {
            return Ok(known);
        }
        if !is_well_formed(name) {
            return Err(InvalidSystemKind(name.to_owned()));
        }
        let mut custom = CUSTOM.lock().unwrap_or_else(PoisonError::into_inner);
        let kept = custom.get(name).copied().unwrap_or_else(|| {
            let name: &'static str = name.to_owned().leak();
            custom.insert(name);
            name
        });
        Ok(SystemKind(kept))
    }
}

impl Serialize for SystemKind {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.0)
    }
}

impl<'de> Deserialize<'de> for SystemKind {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<SystemKind, D::Error> {
        let name = std::borrow::Cow::<str>::deserialize(deserializer)?;
        name.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(feature = "schemars")]
impl schemars::JsonSchema for SystemKind {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "SystemKind".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "type": "string",
            "pattern": "^[a-z][a-z0-9-]{0,62}$",
            "x-known-values": SystemKind::KNOWN,
        })
    }
}

/// The error of a name that no kind of system can have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvalidSystemKind(String);

impl fmt::Display for InvalidSystemKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let known = SystemKind::KNOWN.map(SystemKind::as_str).join(", ");
        let name = self.0.escape_debug();
        write!(
            f,
            "`{name}` is no kind of system: known are {known}; others have 1 to 63 lower-case letters, digits and hyphens, \
             and begin with a letter"
        )
    }
}

impl std::error::Error for InvalidSystemKind {}

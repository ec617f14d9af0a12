//! Credentials of a world: those that work from the start, and those that are made on demand.
//!
//! Tokens that the systems document as JWTs are JWTs, signed with keys of the mock. What a world's document gives
//! literally works as it is given, signed or not.

use std::collections::HashSet;
use std::fmt;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use user_status_openapi::SystemKind;

mod jwt;

pub(crate) use jwt::{Issuer, SigningKey};

/// A Debug that shows none of the fields.
macro_rules! without_secrets {
    ($($name:ident),+) => {
        $(impl std::fmt::Debug for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.debug_struct(stringify!($name)).finish_non_exhaustive()
            }
        })+
    };
}

pub(crate) use without_secrets;

without_secrets!(Token, Minted);

/// The longest id of a user in a token, so that the token can be one of a document.
const LONGEST_USER: usize = 1024;

/// A description of credentials to issue.
///
/// ```
/// use user_status_mock::{Engine, Mint, SystemKind};
///
/// let engine = Engine::new();
/// let made = engine.world().mint(&Mint::new(SystemKind::Symphony).expires_in(-1)).unwrap();
/// let expired_session = made.get("sessionToken").unwrap();
/// ```
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Mint {
    /// For which system.
    pub(crate) system: SystemKind,
    /// The user that they are of.
    #[serde(default)]
    pub(crate) user: Option<String>,
    /// `true` if they are enough to change an account.
    #[serde(default = "yes")]
    pub(crate) entitled: bool,
    /// Seconds until they expire.
    #[serde(default)]
    pub(crate) expires_in: Option<i64>,
}

impl Mint {
    /// Creates credentials that are enough to change an account, and live as long as the system documents.
    pub fn new(system: SystemKind) -> Mint {
        Mint { system, user: None, entitled: true, expires_in: None }
    }

    /// Sets the user.
    #[must_use]
    pub fn user(mut self, user: impl Into<String>) -> Mint {
        self.user = Some(user.into());
        self
    }

    /// Makes them valid, and not enough to change an account.
    #[must_use]
    pub fn unentitled(mut self) -> Mint {
        self.entitled = false;
        self
    }

    /// Sets when they expire: so many seconds from now on the clock of the world; a negative number makes expired ones.
    #[must_use]
    pub fn expires_in(mut self, seconds: i64) -> Mint {
        self.expires_in = Some(seconds);
        self
    }

    /// Refuses what would make credentials that no document may have.
    pub(crate) fn check(&self) -> Result<(), String> {
        match &self.user {
            Some(user) if user.len() > LONGEST_USER => {
                Err(format!("`user` must have at most {LONGEST_USER} bytes, and has {}", user.len()))
            }
            _ => Ok(()),
        }
    }

    /// When they expire, given what the system documents.
    pub(crate) fn expiry(&self, now: Timestamp, documented: i64) -> Timestamp {
        let seconds = SignedDuration::from_secs(self.expires_in.unwrap_or(documented));
        now.saturating_add(seconds).unwrap_or(Timestamp::MAX)
    }
}

/// Credentials that were made, by the name under which they travel: `bearer` for the token in `Authorization`.
#[derive(Clone, Serialize)]
pub struct Minted {
    pub(crate) system: SystemKind,
    pub(crate) credentials: Value,
}

impl Minted {
    /// Returns the value that travels under this name.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.credentials.get(name).and_then(Value::as_str)
    }
}

/// A bearer token of a world.
#[derive(Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Token {
    /// The token itself; made if it is left out.
    #[serde(default)]
    pub(crate) token: String,
    /// The user that it is of.
    #[serde(default)]
    pub(crate) user: String,
    /// `true` if it is enough to change an account.
    #[serde(default = "yes")]
    pub(crate) entitled: bool,
    /// When it expires; never if it is left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) expires: Option<Timestamp>,
}

/// A token that stands for itself: a session, or the bearer token of a service that says nothing about its tokens.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Session {
    /// The token.
    pub(crate) token: String,
    /// `true` if the caller may change accounts.
    #[serde(default = "yes")]
    pub(crate) entitled: bool,
    /// When it ends; never if it is left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) expires: Option<Timestamp>,
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session").field("entitled", &self.entitled).finish_non_exhaustive()
    }
}

impl Session {
    /// One that never ends.
    pub(crate) fn of(token: &str, entitled: bool) -> Session {
        Session { token: token.to_owned(), entitled, expires: None }
    }

    pub(crate) fn expired(&self, now: Timestamp) -> bool {
        expired(self.expires, now)
    }

    /// The session of this world that a caller sends.
    pub(crate) fn find<'a>(known: &'a [Session], sent: &str) -> Option<&'a Session> {
        known.iter().find(|session| session.token == sent)
    }

    /// The token of a session that works.
    pub(crate) fn working(known: &[Session], now: Timestamp) -> Option<&str> {
        let session = known.iter().find(|session| session.entitled && !session.expired(now));
        session.map(|session| session.token.as_str())
    }

    /// The first token that is entitled, or is not; empty if there is none.
    pub(crate) fn first(known: &[Session], entitled: bool) -> String {
        let first = known.iter().find(|session| session.entitled == entitled);
        first.map(|session| session.token.clone()).unwrap_or_default()
    }
}

pub(crate) fn yes() -> bool {
    true
}

impl Token {
    pub(crate) fn of(user: impl ToString, entitled: bool) -> Token {
        Token { user: user.to_string(), entitled, ..Token::default() }
    }

    /// Makes the token if there is none yet.
    pub(crate) fn sign(&mut self, issuer: &Issuer) {
        if self.token.is_empty() {
            self.token = jwt::sign(issuer, &jwt::Claims::of(self));
        }
    }

    pub(crate) fn expired(&self, now: Timestamp) -> bool {
        expired(self.expires, now)
    }
}

/// Returns whether what expires then has expired.
pub(crate) fn expired(expires: Option<Timestamp>, now: Timestamp) -> bool {
    expires.is_some_and(|expires| expires <= now)
}

/// The token of this world that a caller sends.
pub(crate) fn find_token<'a>(known: &'a [Token], sent: &str) -> Option<&'a Token> {
    known.iter().find(|token| token.token == sent)
}

/// A bearer token that works, as it is listed.
pub(crate) fn bearer(known: &[Token], now: Timestamp) -> Option<&Token> {
    known.iter().find(|token| token.entitled && !token.expired(now))
}

/// Makes a bearer token, which then is one of the world's; as it is listed.
pub(crate) fn mint_bearer(
    known: &mut Vec<Token>,
    issuer: &Issuer,
    mint: &Mint,
    now: Timestamp,
    documented: i64,
    user: &str,
) -> Value {
    let mut token = Token {
        token: String::new(),
        user: mint.user.clone().unwrap_or_else(|| user.to_owned()),
        entitled: mint.entitled,
        expires: Some(mint.expiry(now, documented)),
    };
    token.sign(issuer);
    let listed = json!({ "bearer": token.token });
    known.retain(|other| other.token != token.token);
    known.push(token);
    listed
}

/// Returns what is wrong with the secrets of a system, as they travel in headers.
pub(crate) fn problem<'a>(secrets: impl IntoIterator<Item = &'a str>) -> Option<&'static str> {
    let mut known = HashSet::new();
    for secret in secrets {
        let visible = |byte: u8| byte.is_ascii_graphic() && !b";,\"\\".contains(&byte);
        if secret.is_empty() || secret.len() > 8192 || !secret.bytes().all(visible) {
            return Some("a credential must be 1 to 8192 visible ASCII characters without quotes, `,`, `;` and `\\`");
        }
        if !known.insert(secret) {
            return Some("a credential must be there once");
        }
    }
    None
}

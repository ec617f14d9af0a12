//! JSON Web Tokens, signed as the system of each signs its own.
//!
//! The keys are constants: a token of the mock opens nothing but a mock, and works on every one.

use std::sync::Once;

use jiff::Timestamp;
use jsonwebtoken::crypto::{CryptoProvider, JwtSigner, JwtVerifier, KeyUtils};
use jsonwebtoken::errors::{Error, ErrorKind};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use ring::rand::SystemRandom;
use ring::signature::{RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_SHA256, RsaKeyPair, UnparsedPublicKey};
use ring::{hmac, signature as ring_signature};
use serde::Serialize;
use signature::{Signer, Verifier};
use user_status_openapi::SystemKind;

use super::Token;

/// When the tokens that every world has were made, so that they are the same in every one: 2024-01-01T00:00:00Z.
const MADE: i64 = 1_704_067_200;
/// When a token expires that never does: 2100-01-01T00:00:00Z.
const NEVER: i64 = 4_102_444_800;

/// An issuer of tokens, with its key.
#[derive(Debug)]
pub(crate) struct Issuer {
    pub(crate) system: SystemKind,
    pub(crate) key: SigningKey,
}

/// The key of an issuer.
#[derive(Clone, Copy, Debug)]
pub(crate) enum SigningKey {
    /// RSA, with this private key (PKCS#1, DER).
    Rs256(&'static [u8]),
    /// HMAC, with a secret that follows from the name of the system.
    Hs256,
}

/// The claims of a token.
#[derive(Debug)]
pub(crate) struct Claims {
    pub(crate) sub: String,
    pub(crate) entitled: bool,
    pub(crate) expires: Option<Timestamp>,
}

impl Claims {
    pub(super) fn of(token: &Token) -> Claims {
        Claims { sub: token.user.clone(), entitled: token.entitled, expires: token.expires }
    }
}

#[derive(Serialize)]
#[cfg_attr(test, derive(serde::Deserialize))]
struct Wire {
    iss: String,
    sub: String,
    role: String,
    iat: i64,
    exp: i64,
}

/// The role that may change an account, and one that may not.
const ROLES: [&str; 2] = ["ADMIN", "PATIENT"];

/// Signs a token.
pub(super) fn sign(&Issuer { system, key }: &Issuer, claims: &Claims) -> String {
    install();
    let wire = Wire {
        iss: system.to_string(),
        sub: claims.sub.clone(),
        role: ROLES[usize::from(!claims.entitled)].to_owned(),
        iat: MADE,
        exp: claims.expires.map_or(NEVER, Timestamp::as_second),
    };
    let (algorithm, key) = match key {
        SigningKey::Rs256(private) => (Algorithm::RS256, EncodingKey::from_rsa_der(private)),
        SigningKey::Hs256 => (Algorithm::HS256, EncodingKey::from_secret(secret(system).as_bytes())),
    };
    // The keys and the claims are the mock's own, and a test signs with each.
    jsonwebtoken::encode(&Header::new(algorithm), &wire, &key).expect("the mock's own keys sign")
}

fn secret(system: SystemKind) -> String {
    format!("the secret with which the mock signs tokens for {system}")
}

/// Gives `jsonwebtoken` the cryptography of `ring`, unless the program has given it another.
fn install() {
    static ONCE: Once = Once::new();
    static RING: CryptoProvider = CryptoProvider {
        signer_factory: |algorithm, key| Ok(Box::new(Signing(*algorithm, key.clone()))),
        verifier_factory: |algorithm, key| Ok(Box::new(Verifying(*algorithm, key.try_get_as_bytes()?.to_vec()))),
        key_utils: KeyUtils::new_unimplemented(),
    };
    ONCE.call_once(|| {
        let _ = RING.install_default();
    });
}

struct Signing(Algorithm, EncodingKey);

impl JwtSigner for Signing {
    fn algorithm(&self) -> Algorithm {
        self.0
    }
}

impl Signer<Vec<u8>> for Signing {
    fn try_sign(&self, message: &[u8]) -> Result<Vec<u8>, signature::Error> {
        let key = self.1.as_bytes();
        match self.0 {
            Algorithm::HS256 => Ok(hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), message).as_ref().to_vec()),
            Algorithm::RS256 => {
                let key = RsaKeyPair::from_der(key).map_err(|_| signature::Error::new())?;
                let mut signed = vec![0; key.public().modulus_len()];
                key.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), message, &mut signed)
                    .map_err(|_| signature::Error::new())?;
                Ok(signed)
            }
            _ => Err(unsupported()),
        }
    }
}

struct Verifying(Algorithm, Vec<u8>);

impl JwtVerifier for Verifying {
    fn algorithm(&self) -> Algorithm {
        self.0
    }
}

impl Verifier<Vec<u8>> for Verifying {
    fn verify(&self, message: &[u8], signed: &Vec<u8>) -> Result<(), signature::Error> {
        let verified = match self.0 {
            Algorithm::HS256 => hmac::verify(&hmac::Key::new(hmac::HMAC_SHA256, &self.1), message, signed).is_ok(),
            Algorithm::RS256 => {
                let algorithm: &ring_signature::RsaParameters = &RSA_PKCS1_2048_8192_SHA256;
                UnparsedPublicKey::new(algorithm, &self.1).verify(message, signed).is_ok()
            }
            _ => return Err(unsupported()),
        };
        verified.then_some(()).ok_or_else(signature::Error::new)
    }
}

fn unsupported() -> signature::Error {
    signature::Error::from_source(Error::from(ErrorKind::InvalidAlgorithm))
}

#[cfg(test)]
mod tests {
    use jsonwebtoken::{DecodingKey, Validation};

    use super::*;

    /// One of each kind of key, and one more.
    fn issuers() -> [Issuer; 3] {
        let key = SigningKey::Rs256(include_bytes!("../keys/userdocks-private.der"));
        let [first, second, third] = [0, 1, 2].map(|number| SystemKind::ALL[number]);
        [
            Issuer { system: first, key },
            Issuer { system: second, key: SigningKey::Hs256 },
            Issuer { system: third, key: SigningKey::Hs256 },
        ]
    }

    /// Returns what a token says that is signed by the mock for this system.
    fn verify(&Issuer { system, key }: &Issuer, token: &str) -> Option<Claims> {
        install();
        let (algorithm, key) = match key {
            SigningKey::Rs256(private) => {
                let pair = RsaKeyPair::from_der(private).unwrap();
                (Algorithm::RS256, DecodingKey::from_rsa_der(ring::signature::KeyPair::public_key(&pair).as_ref()))
            }
            SigningKey::Hs256 => (Algorithm::HS256, DecodingKey::from_secret(secret(system).as_bytes())),
        };
        let mut validation = Validation::new(algorithm);
        validation.validate_exp = false;
        validation.set_issuer(&[system.as_str()]);
        let wire = jsonwebtoken::decode::<Wire>(token, &key, &validation).ok()?.claims;
        let expires = Timestamp::from_second(wire.exp).ok()?;
        Some(Claims { sub: wire.sub, entitled: wire.role == ROLES[0], expires: Some(expires) })
    }

    #[test]
    fn a_token_says_what_was_signed_and_to_its_own_system_only() {
        for issuer in issuers() {
            let expires = Some(Timestamp::from_second(1_800_000_000).unwrap());
            let token = sign(&issuer, &Claims { sub: "42".to_owned(), entitled: false, expires });
            let claims = verify(&issuer, &token).unwrap();
            assert_eq!((claims.sub.as_str(), claims.entitled, claims.expires), ("42", false, expires));
            for other in issuers() {
                assert_eq!(verify(&other, &token).is_some(), other.system == issuer.system, "{issuer:?}, {other:?}");
            }
        }
    }

    #[test]
    fn a_token_that_was_touched_is_none() {
        let issuer = &issuers()[1];
        let token = sign(issuer, &Claims { sub: "42".to_owned(), entitled: false, expires: None });
        let [header, claims, signed] = token.split('.').collect::<Vec<_>>()[..] else { panic!("{token}") };
        let admin = sign(issuer, &Claims { sub: "42".to_owned(), entitled: true, expires: None });
        let admin_claims = admin.split('.').nth(1).unwrap();
        // {"typ":"JWT","alg":"none"}
        let none = "eyJ0eXAiOiJKV1QiLCJhbGciOiJub25lIn0";
        for touched in [
            format!("{header}.{admin_claims}.{signed}"),
            format!("{none}.{claims}."),
            format!("{none}.{claims}.{signed}"),
            format!("{header}.{claims}"),
            format!("{header}.{claims}.{}", &signed[1..]),
            String::new(),
            "a.b.c".to_owned(),
        ] {
            assert!(verify(issuer, &touched).is_none(), "{touched}");
        }
    }
}

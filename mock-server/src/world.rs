//! The default world: the users that every new server has, and the credentials that work on it.
//!
//! | vendor | user | |
//! |---|---|---|
//! | userdocks | [`USERDOCKS_USER`] | and [`USERDOCKS_SECOND_USER`], the owner of the access token |
//! | akana | [`AKANA_USER`] | Philip Pirrip, as in the source document |
//! | mediconnect | [`MEDICONNECT_USER`] | John Smith, as in the source document; [`MEDICONNECT_ADMIN`] is the caller |
//! | symphony | [`SYMPHONY_USER`] | the service users [`SYMPHONY_KEYMANAGER`] and [`SYMPHONY_CESERVICE`] cannot be disabled |
//! | clearsquare | [`CLEARSQUARE_USER`] | |

/// A Userdocks user.
pub const USERDOCKS_USER: &str = "6f1e9c1e-3b57-4f0a-9d0e-0c2f0f5a1d11";
/// Another Userdocks user: the one whose access token [`Credentials`] has.
pub const USERDOCKS_SECOND_USER: &str = "0b9d2f3c-7a55-4a0e-8f6e-5b1f4c2d3e22";
/// An Akana user.
pub const AKANA_USER: &str = "f57dd9cc-2608-456e-9dfa-300c85224a73.acmepaymentscorp";
/// The id of the Akana tenant.
pub const AKANA_TENANT: &str = "acmepaymentscorp";
/// A MediConnect user.
pub const MEDICONNECT_USER: i64 = 42;
/// The MediConnect administrator whose token [`Credentials`] has.
pub const MEDICONNECT_ADMIN: i64 = 7;
/// A Symphony user.
pub const SYMPHONY_USER: i64 = 7215545078541;
/// The protected service user *keymanager*.
pub const SYMPHONY_KEYMANAGER: i64 = 7215545057281;
/// The protected service user *ceservice*.
pub const SYMPHONY_CESERVICE: i64 = 7215545057282;
/// A ClearSquare user.
pub const CLEARSQUARE_USER: &str = "634441cecbb5901d133039f8";

/// Credentials of the default world. They open nothing but the mock.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Credentials {
    /// Userdocks: API keys and an access token.
    pub userdocks: Userdocks,
    /// Akana: the session of a Site Admin, and one of somebody else.
    pub akana: Akana,
    /// MediConnect: the token of an administrator, and one of a patient.
    pub mediconnect: Mediconnect,
    /// Symphony: a session with the entitlement, and one without.
    pub symphony: Symphony,
    /// ClearSquare: a token.
    pub clearsquare: Clearsquare,
}

/// Userdocks credentials.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Userdocks {
    /// `X-API-KEY` of type `write`.
    pub api_key: &'static str,
    /// `X-API-KEY` of type `read`: refused with 403.
    pub read_key: &'static str,
    /// `X-CLIENT-ID`.
    pub client_id: &'static str,
    /// Access token of [`USERDOCKS_SECOND_USER`].
    pub access_token: &'static str,
}

/// Akana credentials.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Akana {
    /// Value of the cookie `AtmoAuthToken_acmepaymentscorp` of a Site Admin.
    pub session_cookie: &'static str,
    /// Value of the header `X-Csrf-Token_acmepaymentscorp` for it.
    pub csrf_token: &'static str,
    /// The cookie of a signed-in user who is not a Site Admin: refused with 401.
    pub member_session_cookie: &'static str,
    /// The CSRF token for it.
    pub member_csrf_token: &'static str,
}

/// MediConnect credentials.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Mediconnect {
    /// Token of [`MEDICONNECT_ADMIN`].
    pub token: &'static str,
    /// Token of [`MEDICONNECT_USER`], who is a patient: refused with 403.
    pub patient_token: &'static str,
}

/// Symphony credentials.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Symphony {
    /// `sessionToken` with the entitlement.
    pub session_token: &'static str,
    /// `sessionToken` without it: refused with 403.
    pub unentitled_session_token: &'static str,
}

/// ClearSquare credentials.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Clearsquare {
    /// The token for the header and the body.
    pub token: &'static str,
}

impl Credentials {
    /// The credentials of the default world.
    pub const DEFAULT: Credentials = Credentials {
        userdocks: Userdocks {
            api_key: "mock-userdocks-write-key",
            read_key: "mock-userdocks-read-key",
            client_id: "8c5ab9a4-46a3-4b5f-8f0b-7c0f3f6a9e10",
            access_token: "mock-userdocks-access-token",
        },
        akana: Akana {
            session_cookie: "TokenID%3Dmock-akana-admin-session",
            csrf_token: "TokenID%3Dmock-akana-admin-csrf",
            member_session_cookie: "TokenID%3Dmock-akana-member-session",
            member_csrf_token: "TokenID%3Dmock-akana-member-csrf",
        },
        mediconnect: Mediconnect {
            token: "mock-mediconnect-admin-token",
            patient_token: "mock-mediconnect-patient-token",
        },
        symphony: Symphony {
            session_token: "mock-symphony-session-token",
            unentitled_session_token: "mock-symphony-unentitled-session-token",
        },
        clearsquare: Clearsquare { token: "mock-clearsquare-token" },
    };
}

//! The systems with the credentials of the default world, for the modules that need all of them.

use user_status::StatusChange;
use user_status::systems::{
    Akana, Clearsquare, Mediconnect, Scim, Symphony, Userdocks, akana, clearsquare, mediconnect, scim, symphony,
    userdocks,
};
use user_status_mock::{MockServer, Options, StandaloneServer};

/// The default world, with tokens that a test can write out.
pub(crate) fn options() -> Options {
    Options::new().world(user_status_tests::people::world())
}

pub(crate) async fn mock_server() -> MockServer {
    MockServer::start_with(options()).await
}

pub(crate) async fn standalone_server() -> StandaloneServer {
    StandaloneServer::start_with(options()).await.unwrap()
}

pub(crate) const FOREVER: &str = "2026-12-31T23:59:59Z";

pub(crate) fn suspend_until() -> StatusChange {
    StatusChange::suspend("Leave").with_until(FOREVER.parse().unwrap())
}

pub(crate) fn userdocks(uri: &str) -> Userdocks {
    let credentials =
        userdocks::Credentials::api_key("mock-userdocks-write-key", "8c5ab9a4-46a3-4b5f-8f0b-7c0f3f6a9e10");
    Userdocks::builder().base_url(uri).credentials(credentials).build().unwrap()
}

pub(crate) fn akana_builder(uri: &str) -> akana::AkanaBuilder {
    let credentials =
        akana::Credentials::session("TokenID%3Dmock-akana-admin-session", "TokenID%3Dmock-akana-admin-csrf");
    Akana::builder().base_url(uri).tenant("acmepaymentscorp").credentials(credentials)
}

pub(crate) fn mediconnect_builder(uri: &str) -> mediconnect::MediconnectBuilder {
    Mediconnect::builder().base_url(uri).credentials(mediconnect::Credentials::token("mock-mediconnect-admin-token"))
}

pub(crate) fn symphony_builder(uri: &str) -> symphony::SymphonyBuilder {
    Symphony::builder().base_url(uri).credentials(symphony::Credentials::session_token("mock-symphony-session-token"))
}

pub(crate) fn clearsquare_builder(uri: &str) -> clearsquare::ClearsquareBuilder {
    let credentials = clearsquare::Credentials::token("mock-clearsquare-token");
    Clearsquare::builder().base_url(uri).credentials(credentials)
}

pub(crate) fn clearsquare(uri: &str) -> Clearsquare {
    clearsquare_builder(uri).build().unwrap()
}

pub(crate) fn scim_builder(uri: &str) -> scim::ScimBuilder {
    Scim::builder().base_url(uri).credentials(scim::Credentials::bearer("mock-scim-token"))
}

//! Changes one account in each of six systems, and says of each what is known; then one call that is refused. Runs on the embedded
//! mock server.
//!
//! `cargo run --example quickstart`

use user_status::systems::{
    Akana, Clearsquare, Mediconnect, Scim, Symphony, Userdocks, akana, clearsquare, mediconnect, scim, symphony,
    userdocks,
};
use user_status::{AccountSystem, StatusChange};
use user_status_mock::{MockServer, SystemKind, world};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let server = MockServer::start().await; // in production: the addresses of the systems
    println!("A mock of six systems is listening on {}\n", server.root());
    let known = server.credentials();
    let userdocks = Userdocks::builder()
        .base_url(server.uri(SystemKind::Userdocks))
        .credentials(userdocks::Credentials::api_key(known.userdocks.api_key, known.userdocks.client_id))
        .build()?;
    let akana = Akana::builder()
        .base_url(server.uri(SystemKind::Akana))
        .tenant(world::AKANA_TENANT)
        .credentials(akana::Credentials::session(known.akana.session_cookie, known.akana.csrf_token))
        .build()?;
    let mediconnect = Mediconnect::builder()
        .base_url(server.uri(SystemKind::Mediconnect))
        .credentials(mediconnect::Credentials::token(known.mediconnect.token))
        .build()?;
    let symphony = Symphony::builder()
        .base_url(server.uri(SystemKind::Symphony))
        .credentials(symphony::Credentials::session_token(known.symphony.session_token))
        .build()?;
    let clearsquare = Clearsquare::builder()
        .base_url(server.uri(SystemKind::Clearsquare))
        .credentials(clearsquare::Credentials::token(known.clearsquare.token))
        .build()?;

    let scim = Scim::builder()
        .base_url(server.uri(SystemKind::Scim))
        .credentials(scim::Credentials::bearer(known.scim.token))
        .build()?;

    // One vocabulary for all of them.
    let leave = StatusChange::suspend("Leave of absence").with_until("2099-12-31T23:59:59Z".parse()?);
    let changes: [(&dyn AccountSystem, String, StatusChange); 6] = [
        (&userdocks, world::USERDOCKS_USER.to_owned(), StatusChange::disable()),
        (&akana, world::AKANA_USER.to_owned(), StatusChange::lock()),
        (&mediconnect, world::MEDICONNECT_USER.to_string(), StatusChange::suspend("Left")),
        (&symphony, world::SYMPHONY_USER.to_string(), leave),
        (&clearsquare, world::CLEARSQUARE_USER.to_owned(), StatusChange::toggle()),
        (&scim, "userName:jane@acme.example".to_owned(), StatusChange::disable()),
    ];
    println!("{:<12} {:<8} {:<10} THE ACCOUNT", "SYSTEM", "CHANGE", "PROOF");
    for (system, user, change) in &changes {
        let receipt = system.apply_and_verify(user, change).await?;
        println!("{:<12} {:<8} {:<10} {}", system.kind(), change.change(), receipt.proof, receipt.status);
    }

    println!("\nAnd one that cannot be asked for, which is known before anything is sent:");
    let error = symphony.apply("jane@acme.example", &StatusChange::disable()).await.unwrap_err();
    println!("{error}\nkind: {:?}, changed all the same: {:?}", error.kind(), error.applied());
    Ok(())
}

//! One person leaves: the accounts in five systems are disabled at the same time, each with its own outcome.
//!
//! `cargo run --example offboard_everywhere`

use std::error::Error;

use user_status::systems::{
    Akana, Clearsquare, Mediconnect, Symphony, Userdocks, akana, clearsquare, mediconnect, symphony, userdocks,
};
use user_status::{Applied, Registry, StatusChange};
use user_status_mock::{MockServer, SystemKind, world};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let server = MockServer::start().await;
    let registry = registry(&server)?;

    // The names are the caller's own, and so is the list of who has which account.
    let symphony_user = world::SYMPHONY_USER.to_string();
    let accounts = [
        ("customer portal", world::USERDOCKS_USER),
        ("api platform", world::AKANA_USER),
        ("clinic", "42"),
        ("chat", symphony_user.as_str()),
        ("intranet", world::CLEARSQUARE_USER),
    ];
    let mut open = Vec::new();
    for outcome in registry.apply_everywhere(accounts, &StatusChange::disable()).await {
        match outcome.result {
            Some(Ok(receipt)) => println!("{:<16} {:<10} {}", outcome.system, receipt.proof, receipt.status),
            Some(Err(error)) => {
                let changed = match error.applied() {
                    Applied::No => "not changed",
                    Applied::Unknown => "UNKNOWN",
                };
                println!("{:<16} {changed:<10} {error}", outcome.system);
                open.push(outcome.system);
            }
            None => return Err(format!("{} is not in the registry", outcome.system).into()),
        }
    }
    println!("\nLeft for a person to look at: {}", open.join(", "));
    // ClearSquare can only toggle: whether that would disable the account is for somebody who knows what it is now.
    if open != ["intranet"] {
        return Err("only the intranet should be left".into());
    }
    Ok(())
}

fn registry(server: &MockServer) -> user_status::Result<Registry> {
    let known = server.credentials();
    let userdocks = Userdocks::builder()
        .base_url(server.uri(SystemKind::Userdocks))
        .credentials(userdocks::Credentials::api_key(known.userdocks.api_key, known.userdocks.client_id));
    let akana = Akana::builder()
        .base_url(server.uri(SystemKind::Akana))
        .tenant(world::AKANA_TENANT)
        .credentials(akana::Credentials::session(known.akana.session_cookie, known.akana.csrf_token));
    let mediconnect = Mediconnect::builder()
        .base_url(server.uri(SystemKind::Mediconnect))
        .credentials(mediconnect::Credentials::token(known.mediconnect.token));
    let symphony = Symphony::builder()
        .base_url(server.uri(SystemKind::Symphony))
        .credentials(symphony::Credentials::session_token(known.symphony.session_token));
    let clearsquare = Clearsquare::builder()
        .base_url(server.uri(SystemKind::Clearsquare))
        .credentials(clearsquare::Credentials::token(known.clearsquare.token));
    Ok(Registry::default()
        .with("customer portal", userdocks.build()?)
        .with("api platform", akana.build()?)
        .with("clinic", mediconnect.build()?)
        .with("chat", symphony.build()?)
        .with("intranet", clearsquare.build()?))
}

//! Suspends an account until a time, proves it by reading back, and shows what is refused where a system could not keep
//! the end.
//!
//! `cargo run --example suspend_with_expiry`

use std::error::Error;

use user_status::systems::{Mediconnect, Symphony, mediconnect, symphony};
use user_status::{AccountSystem, Proof, StatusChange};
use user_status_mock::{MockServer, SystemKind, world};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let server = MockServer::start().await;
    let known = server.credentials();
    let leave = StatusChange::suspend("Leave of absence").with_until("2026-12-31T23:59:59Z".parse()?);

    let symphony = Symphony::builder()
        .base_url(server.uri(SystemKind::Symphony))
        .credentials(symphony::Credentials::session_token(known.symphony.session_token))
        .build()?;
    let receipt = symphony.apply_and_verify(&world::SYMPHONY_USER.to_string(), &leave).await?;
    println!("{}: {} – {}", receipt.system, receipt.proof, receipt.status);
    if receipt.proof != Proof::Confirmed || symphony.can_sign_in(&receipt.status) != Some(false) {
        return Err("the suspension is not proved".into());
    }

    // MediConnect has suspensions without an end. Sending this one would lose the end, so nothing is sent.
    let mediconnect = Mediconnect::builder()
        .base_url(server.uri(SystemKind::Mediconnect))
        .credentials(mediconnect::Credentials::token(known.mediconnect.token))
        .build()?;
    match mediconnect.apply("42", &leave).await {
        Err(error) if error.is_unsupported() => println!("{error}"),
        other => return Err(format!("a refusal was expected, not {other:?}").into()),
    }
    Ok(())
}

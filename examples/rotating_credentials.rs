//! Credentials from a source: the session has expired, the source is asked once, and every call that was refused is
//! repeated.
//!
//! `cargo run --example rotating_credentials`

use std::error::Error;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use user_status::systems::{Symphony, symphony};
use user_status::{AccountSystem, BoxFuture, CredentialSource, StatusChange};
use user_status_mock::{MockServer, SystemKind, world};

/// Stands for a vault, or for the sign-in of a bot.
#[derive(Clone)]
struct SignIn {
    times: Arc<AtomicU32>,
    good_token: String,
}

impl CredentialSource<symphony::Credentials> for SignIn {
    fn credentials(&self) -> BoxFuture<'_, Result<symphony::Credentials, Box<dyn Error + Send + Sync>>> {
        Box::pin(async move {
            // The first session has expired by the time it is used.
            let token = match self.times.fetch_add(1, Ordering::SeqCst) {
                0 => "an-expired-session-token",
                _ => &self.good_token,
            };
            Ok(symphony::Credentials::session_token(token))
        })
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let server = MockServer::start().await;
    let sign_in = SignIn { times: Arc::default(), good_token: server.credentials().symphony.session_token };
    let symphony =
        Symphony::builder().base_url(server.uri(SystemKind::Symphony)).credential_source(sign_in.clone()).build()?;

    let user = world::SYMPHONY_USER.to_string();
    let (disable, enable) = (StatusChange::disable(), StatusChange::enable());
    let first = symphony.apply(&user, &disable).await?;
    println!("the first call needed {} requests and is {}", first.attempts, first.proof);
    let second = symphony.apply(&user, &enable).await?;
    println!("the second call needed {} request and is {}", second.attempts, second.proof);
    println!("the source was asked {} times", sign_in.times.load(Ordering::SeqCst));
    if (first.attempts, second.attempts, sign_in.times.load(Ordering::SeqCst)) != (2, 1, 2) {
        return Err("one renewal was expected".into());
    }
    Ok(())
}

//! The typed clients, as `progenitor` generates them: each operation with the types of its own system. Changes one account in each of
//! the six systems, and shows the request and what the account became. Runs on the embedded mock server.
//!
//! `cargo run --example typed_clients`

use std::error::Error;
use std::process::ExitCode;

use user_status::Result;
use user_status::systems::{
    Akana, Clearsquare, Mediconnect, Scim, Symphony, Userdocks, akana, clearsquare, mediconnect, scim, symphony,
    userdocks,
};
use user_status_mock::{MockServer, SystemKind, world};

#[tokio::main]
async fn main() -> ExitCode {
    match run().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run() -> std::result::Result<(), Box<dyn Error>> {
    let server = MockServer::start().await;
    println!("A mock of six systems is listening on {}\n", server.wiremock().uri());

    let changes = [
        (SystemKind::Userdocks, world::USERDOCKS_USER.to_owned(), disable_in_userdocks(&server).await?, "disabled"),
        (SystemKind::Akana, world::AKANA_USER.to_owned(), lock_in_akana(&server).await?, "enabled, locked"),
        (
            SystemKind::Mediconnect,
            world::MEDICONNECT_USER.to_string(),
            suspend_in_mediconnect(&server).await?,
            "enabled, suspended",
        ),
        (
            SystemKind::Symphony,
            world::SYMPHONY_USER.to_string(),
            suspend_in_symphony(&server).await?,
            "enabled, suspended until 2099-12-31T23:59:59Z",
        ),
        (
            SystemKind::Clearsquare,
            world::CLEARSQUARE_USER.to_owned(),
            toggle_in_clearsquare(&server).await?,
            "disabled",
        ),
        (SystemKind::Scim, world::SCIM_USER.to_owned(), disable_in_scim(&server).await?, "disabled"),
    ];
    let requests = server.wiremock().received_requests().await.ok_or("the mock keeps no requests")?;
    println!("{:<12} {:<82} {:<6} THE ACCOUNT IS NOW", "SYSTEM", "REQUEST", "STATUS");
    for ((system, user, status_code, expected), request) in changes.into_iter().zip(&requests) {
        let request_line = format!("{} {}", request.method, request.url.path());
        let now = server.status(system, &user).ok_or("the account is gone")?.to_string();
        println!("{system:<12} {request_line:<82} {status_code:<6} {now}");
        if now != expected {
            return Err(format!("{system}: the account should be {expected}").into());
        }
    }

    println!("\nAnd one call that is refused, by a caller without the entitlement:\n");
    match disable_in_symphony_without_entitlement(&server).await {
        Ok(_) => Err("a call that must be refused was not".into()),
        Err(error) if error.kind() == user_status::ErrorKind::Forbidden => {
            println!("{error}\nkind: {:?}, changed all the same: {:?}", error.kind(), error.applied());
            Ok(())
        }
        Err(error) => Err(error.into()),
    }
}

async fn disable_in_userdocks(server: &MockServer) -> Result<u16> {
    let known = server.credentials().userdocks;
    let userdocks = Userdocks::builder()
        .base_url(server.uri(SystemKind::Userdocks))
        .credentials(userdocks::Credentials::api_key(known.api_key, known.client_id))
        .build()?;
    let answer = userdocks
        .client()
        .set_access_status()
        .user_id(world::USERDOCKS_USER)
        .access_status(userdocks::UserdocksAccessStatus::Freezed)
        .send()
        .await?;
    Ok(answer.status().as_u16())
}

async fn lock_in_akana(server: &MockServer) -> Result<u16> {
    let known = server.credentials().akana;
    let akana = Akana::builder()
        .base_url(server.uri(SystemKind::Akana))
        .tenant(world::AKANA_TENANT)
        .credentials(akana::Credentials::session(known.session_cookie, known.csrf_token))
        .build()?;
    let answer = akana
        .client()
        .change_user_status()
        .user_id(world::AKANA_USER)
        .body_map(|body| body.user_status(akana::AkanaUserStatus::Locked).comments("Account compromised".to_owned()))
        .send()
        .await?;
    Ok(answer.status().as_u16())
}

async fn suspend_in_mediconnect(server: &MockServer) -> Result<u16> {
    let mediconnect = Mediconnect::builder()
        .base_url(server.uri(SystemKind::Mediconnect))
        .credentials(mediconnect::Credentials::token(server.credentials().mediconnect.token))
        .build()?;
    let answer = mediconnect
        .client()
        .toggle_user_status()
        .id(world::MEDICONNECT_USER)
        .body_map(|body| {
            let reason = "Violation of terms of service".to_owned();
            body.is_active(true).is_suspended(true).suspension_reason(reason)
        })
        .send()
        .await?;
    Ok(answer.status().as_u16())
}

async fn suspend_in_symphony(server: &MockServer) -> Result<u16> {
    let symphony = symphony(server, &server.credentials().symphony.session_token)?;
    let answer = symphony
        .client()
        .update_user_status()
        .uid(world::SYMPHONY_USER)
        .body_map(|body| {
            body.status(symphony::SymphonyAccountState::Enabled)
                .suspended(true)
                .suspended_until(4_102_444_799_000_i64) // milliseconds: 2099-12-31T23:59:59Z
                .suspension_reason("Leave of absence".to_owned())
        })
        .send()
        .await?;
    Ok(answer.status().as_u16())
}

async fn toggle_in_clearsquare(server: &MockServer) -> Result<u16> {
    let clearsquare = Clearsquare::builder()
        .base_url(server.uri(SystemKind::Clearsquare))
        .credentials(clearsquare::Credentials::token(server.credentials().clearsquare.token))
        .build()?;
    let answer =
        clearsquare.client().manage_user_status().body_map(|body| body.id(world::CLEARSQUARE_USER)).send().await?;
    Ok(answer.status().as_u16())
}

async fn disable_in_symphony_without_entitlement(server: &MockServer) -> Result<u16> {
    let symphony = symphony(server, &server.credentials().symphony.unentitled_session_token)?;
    let answer = symphony
        .client()
        .update_user_status()
        .uid(world::SYMPHONY_USER)
        .body_map(|body| body.status(symphony::SymphonyAccountState::Disabled))
        .send()
        .await?;
    Ok(answer.status().as_u16())
}

fn symphony(server: &MockServer, session_token: &str) -> Result<Symphony> {
    Symphony::builder()
        .base_url(server.uri(SystemKind::Symphony))
        .credentials(symphony::Credentials::session_token(session_token))
        .build()
}

async fn disable_in_scim(server: &MockServer) -> Result<u16> {
    let scim = Scim::builder()
        .base_url(server.uri(SystemKind::Scim))
        .credentials(scim::Credentials::bearer(server.credentials().scim.token))
        .build()?;
    let disable = scim::types::ScimPatchOperation {
        op: scim::ScimPatchOp::Replace,
        path: scim::ScimPatchPath::Active,
        value: false,
    };
    let message = "urn:ietf:params:scim:api:messages:2.0:PatchOp".to_owned();
    let body = scim::types::ScimPatch { schemas: vec![message], operations: vec![disable] };
    let response = scim.client().patch_scim_user().id(world::SCIM_USER).body(body).send().await?;
    Ok(response.status().as_u16())
}

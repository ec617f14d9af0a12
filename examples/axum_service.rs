//! A small service with one route, `POST /accounts/{system}/{user}`, that takes a change as JSON, makes it, and says by
//! the HTTP status what is known. The example starts it, calls it three times, and ends.
//!
//! `cargo run --example axum_service`

use std::error::Error as StdError;
use std::net::SocketAddr;
use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use axum::{Json, Router};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use user_status::systems::{Mediconnect, mediconnect};
use user_status::{Applied, Error, ErrorKind, Registry, StatusChange};
use user_status_mock::{MockServer, SystemKind};

async fn change_account(
    State(registry): State<Arc<Registry>>,
    Path((system, user)): Path<(String, String)>,
    Json(change): Json<StatusChange>,
) -> Response {
    // In a task of its own: a caller that goes away ends this function wherever it is, and what was sent stays sent. The
    // task goes on, and whoever keeps records of changes keeps them in it.
    let change = tokio::spawn(async move {
        let Some(system) = registry.get(&system) else {
            return (StatusCode::NOT_FOUND, Json(json!({ "error": format!("no system `{system}`") }))).into_response();
        };
        match system.apply_and_verify(&user, &change).await {
            Ok(receipt) => {
                Json(json!({ "proof": receipt.proof.to_string(), "status": receipt.status })).into_response()
            }
            Err(error) => refusal(&error),
        }
    });
    change.await.unwrap_or_else(|_| StatusCode::INTERNAL_SERVER_ERROR.into_response())
}

/// Returns what a caller of this service is to do decides the status code: correct the request, wait, or look before anything
/// else is tried.
fn refusal(error: &Error) -> Response {
    let status = match (error.applied(), error.kind()) {
        // Nobody knows: the caller must not simply try again.
        (Applied::Unknown, _) => StatusCode::BAD_GATEWAY,
        (_, ErrorKind::InvalidInput | ErrorKind::Rejected) => StatusCode::BAD_REQUEST,
        (_, ErrorKind::Unsupported) => StatusCode::UNPROCESSABLE_ENTITY,
        (_, ErrorKind::NotFound) => StatusCode::NOT_FOUND,
        (_, ErrorKind::RateLimited | ErrorKind::NotSent) => StatusCode::SERVICE_UNAVAILABLE,
        // The credentials are this service's own, and no business of its caller.
        _ => StatusCode::INTERNAL_SERVER_ERROR,
    };
    let changed = match error.applied() {
        Applied::No => "no",
        Applied::Unknown => "unknown",
    };
    (status, Json(json!({ "error": error.to_string(), "changed": changed }))).into_response()
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn StdError>> {
    let server = MockServer::start().await;
    let mediconnect = Mediconnect::builder()
        .base_url(server.uri(SystemKind::Mediconnect))
        .credentials(mediconnect::Credentials::token(server.credentials().mediconnect.token))
        .build()?;
    let registry = Arc::new(Registry::default().with("clinic", mediconnect));
    let service = Router::new().route("/accounts/{system}/{user}", post(change_account)).with_state(registry);
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    tokio::spawn(async move { axum::serve(listener, service).await });

    for (path, change, expected) in [
        ("/accounts/clinic/42", json!({ "change": "suspend", "reason": "Leave" }), 200),
        ("/accounts/clinic/42", json!({ "change": "lock" }), 422),
        ("/accounts/clinic/4711", json!({ "change": "disable" }), 404),
    ] {
        let (status, body) = call(address, path, &change).await?;
        println!("POST {path} {change}\n  {status} {body}");
        if status != expected {
            return Err(format!("{expected} was expected").into());
        }
    }
    Ok(())
}

/// One request to the service.
async fn call(address: SocketAddr, path: &str, body: &Value) -> Result<(u16, String), Box<dyn StdError>> {
    let body = body.to_string();
    let mut stream = TcpStream::connect(address).await?;
    let head =
        format!("POST {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\ncontent-type: application/json");
    stream.write_all(format!("{head}\r\ncontent-length: {}\r\n\r\n{body}", body.len()).as_bytes()).await?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await?;
    let (head, body) = answer.split_once("\r\n\r\n").ok_or("no answer")?;
    let status = head.split(' ').nth(1).ok_or("no status")?.parse()?;
    Ok((status, body.to_owned()))
}

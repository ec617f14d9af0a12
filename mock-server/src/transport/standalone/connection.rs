//! One connection: requests in, answers out, within the limits.

use std::convert::Infallible;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderValue, Method, Request, Response, StatusCode, Version, header};
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use serde_json::json;
use tokio::sync::watch;

use super::body::Answer;
use super::limits::Limits;
use super::stream::{Breakable, Plan, Stream};
use crate::engine::{Engine, WireFault};

/// As good as for ever, and a time that can still be added to now.
const FOR_EVER: Duration = Duration::from_secs(365 * 24 * 60 * 60);

/// Serves a connection until the client, a limit, a fault or the end of the server ends it.
pub(super) async fn serve(stream: Stream, engine: Arc<Engine>, limits: Limits, mut stopped: watch::Receiver<bool>) {
    let plan = Plan::default();
    let stream = TokioIo::new(Breakable::new(stream, plan.clone(), limits.write_timeout));
    let service = service_fn(move |request| answer(engine.clone(), plan.clone(), limits, request));
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.head_timeout.min(FOR_EVER))
        .max_buf_size(limits.head.max(8 << 10))
        .max_header_size(limits.head)
        .max_headers(limits.headers)
        .serve_connection(stream, service);
    let mut connection = pin!(connection);
    // What ends a connection early is a fault of ours, a limit, or a client that went away.
    tokio::select! {
        _ = connection.as_mut() => {}
        _ = stopped.changed() => {
            connection.as_mut().graceful_shutdown();
            let _ = connection.await;
        }
    }
}

async fn answer(
    engine: Arc<Engine>,
    plan: Plan,
    limits: Limits,
    request: Request<Incoming>,
) -> Result<Response<Answer>, Infallible> {
    let (parts, body) = request.into_parts();
    let refuse = |status, message: &str| Ok(refuse(&plan, status, message));
    if parts.version == Version::HTTP_11 && !parts.headers.contains_key(header::HOST) {
        return refuse(StatusCode::BAD_REQUEST, "the request must have one Host header");
    }
    if parts.method == Method::OPTIONS && parts.uri.path() == "*" {
        // It asks about the server, not about any of its paths.
        let mut response = Response::new(Answer::whole(&plan, Bytes::new()));
        *response.status_mut() = StatusCode::NO_CONTENT;
        return Ok(response);
    }
    let announced = parts.headers.get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse().ok());
    let too_long = format!("the request body must have at most {} bytes", limits.body);
    if announced.is_some_and(|announced: u64| announced > limits.body as u64) {
        return refuse(StatusCode::PAYLOAD_TOO_LARGE, &too_long);
    }
    let body = match tokio::time::timeout(limits.body_timeout, Limited::new(body, limits.body).collect()).await {
        Ok(Ok(body)) => body.to_bytes(),
        Ok(Err(e)) if e.is::<LengthLimitError>() => return refuse(StatusCode::PAYLOAD_TOO_LARGE, &too_long),
        Ok(Err(_)) => return refuse(StatusCode::BAD_REQUEST, "the request body is not framed as HTTP has it"),
        Err(_) => return refuse(StatusCode::REQUEST_TIMEOUT, "the request body did not come in time"),
    };
    let request = Request::from_parts(parts, body);
    let begun = engine.begin(&request);
    let wait = begun.wait();
    if !wait.is_zero() {
        // A client that goes away in the meantime takes its request along: this future is dropped.
        tokio::time::sleep(wait).await;
    }
    let reply = engine.finish(begun, &request);
    if let Some(delay) = reply.delay {
        tokio::time::sleep(delay).await;
    }
    let (mut parts, mut body) = reply.response.into_parts();
    if reply.wire.is_some() && body.is_empty() {
        // Something for the wire to break off in.
        body = Bytes::from_static(b"{\"message\": \"this text will not arrive whole\"}");
        parts.headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    }
    plan.set(reply.wire, if request.method() == Method::HEAD { 0 } else { body.len() });
    let body = match reply.wire {
        Some(WireFault::Hang) => std::future::pending().await,
        Some(WireFault::Drip { bytes, every }) => Answer::dripping(&plan, body, bytes, every),
        _ => Answer::whole(&plan, body),
    };
    Ok(Response::from_parts(parts, body))
}

/// A refusal of the transport. The rest of the request is not read, so the connection ends.
fn refuse(plan: &Plan, status: StatusCode, message: &str) -> Response<Answer> {
    let body = Bytes::from(json!({ "error": message }).to_string());
    let mut response = Response::new(Answer::whole(plan, body));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
    response
}

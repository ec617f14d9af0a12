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
use hyper_util::rt::TokioIo;
use serde_json::json;
use tokio::sync::watch;

use super::body::Answer;
use super::limits::Limits;
use super::stream::{Breakable, Plan, Stream};
use super::timer::Timer;
use crate::engine::{Engine, WireFault};

/// The limit of headers that `hyper` has of its own accord. Told of one, even of this, it allocates for each request.
const HEADERS: usize = 100;
/// As good as for ever, and a time that can still be added to now.
const FOR_EVER: Duration = Duration::from_secs(365 * 24 * 60 * 60);

/// Serves a connection until the client, a limit, a fault or the end of the server ends it.
pub(super) async fn serve(stream: Stream, engine: Arc<Engine>, limits: Limits, mut stopped: watch::Receiver<bool>) {
    let plan = Plan::default();
    let stream = TokioIo::new(Breakable::new(stream, plan.clone(), limits.write_timeout));
    let timer = Timer::default();
    let mut http = http1::Builder::new();
    http.timer(timer.clone())
        .header_read_timeout(limits.head_timeout.min(FOR_EVER))
        .max_buf_size(limits.head.max(8 << 10))
        .max_header_size(limits.head);
    if limits.headers != HEADERS {
        http.max_headers(limits.headers);
    }
    let service = service_fn(move |request| answer(engine.clone(), plan.clone(), timer.clone(), limits, request));
    let mut connection = pin!(http.serve_connection(stream, service));
    // What ends a connection early is a fault of ours, a limit, or a client that went away.
    tokio::select! {
        biased;
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
    timer: Timer,
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
    let too_long = || {
        let message = format!("the request body must have at most {} bytes", limits.body);
        refuse(StatusCode::PAYLOAD_TOO_LARGE, &message)
    };
    if announced.is_some_and(|announced: u64| announced > limits.body as u64) {
        return too_long();
    }
    let body = tokio::select! {
        biased;
        body = Limited::new(body, limits.body).collect() => body,
        () = timer.after(limits.body_timeout.min(FOR_EVER)) => {
            return refuse(StatusCode::REQUEST_TIMEOUT, "the request body did not come in time");
        }
    };
    let body = match body {
        Ok(body) => body.to_bytes(),
        Err(e) if e.is::<LengthLimitError>() => return too_long(),
        Err(_) => return refuse(StatusCode::BAD_REQUEST, "the request body is not framed as HTTP has it"),
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

//! One connection: requests in, answers out, within the limits.

use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderValue, Method, Request, Response, StatusCode, Version, header};
use http_body::Body as _;
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use serde_json::json;
use tokio::sync::{Semaphore, watch};

use super::body::Answer;
use super::limits::Limits;
use super::memory::{Held, Memory};
use super::stream::{FaultyStream, Stream, Wire, WirePlan};
use super::timer::Timer;
use super::wait::Patience;
use crate::engine::Engine;
use crate::reply::{Pieces, Reply, WireFault};

/// The limit of headers that `hyper` has of its own accord. Told of one, even of this, it allocates for each request.
const HEADERS: usize = 100;
/// As good as for ever, and a time that can still be added to now.
const FOR_EVER: Duration = Duration::from_secs(365 * 24 * 60 * 60);

/// The state that all connections of a server share.
#[derive(Clone)]
pub(super) struct Service {
    pub(super) engine: Arc<Engine>,
    pub(super) limits: Limits,
    pub(super) memory: Memory,
    /// The places for connections.
    pub(super) places: Arc<Semaphore>,
    /// The turns of calls that take long.
    pub(super) long: Arc<Semaphore>,
}

/// Serves a connection until the client, a limit, a fault or the end of the server ends it.
pub(super) async fn serve(stream: Stream, service: Service, mut stopped: watch::Receiver<bool>) {
    let (plan, wire, limits) = (WirePlan::default(), Wire::new(stream), service.limits);
    let patience = Patience::new(wire.clone(), service.places.clone(), limits.wait_timeout.min(FOR_EVER));
    let stream = TokioIo::new(FaultyStream::new(wire, plan.clone(), limits.write_timeout));
    let timer = Timer::default();
    let mut http = http1::Builder::new();
    http.timer(timer.clone())
        .header_read_timeout(limits.head_timeout.min(FOR_EVER))
        .max_buf_size(limits.head.max(8 << 10))
        .max_header_size(limits.head);
    if limits.headers != HEADERS {
        http.max_headers(limits.headers);
    }
    let service =
        service_fn(move |request| answer(service.clone(), plan.clone(), timer.clone(), patience.clone(), request));
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
    service: Service,
    plan: WirePlan,
    timer: Timer,
    patience: Patience,
    request: Request<Incoming>,
) -> io::Result<Response<Answer>> {
    let Service { engine, limits, memory, long, .. } = service;
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
        body = read(body, limits.body, &memory) => body,
        () = timer.after(limits.body_timeout.min(FOR_EVER)) => {
            return refuse(StatusCode::REQUEST_TIMEOUT, "the request body did not come in time");
        }
    };
    let (body, _held) = match body {
        Ok(body) => body,
        Err(Unread::TooLong) => return too_long(),
        Err(Unread::NoMemory) => return refuse(StatusCode::SERVICE_UNAVAILABLE, NO_MEMORY),
        Err(Unread::Framing) => {
            return refuse(StatusCode::BAD_REQUEST, "the request body is not framed as HTTP has it");
        }
    };
    let request = Request::from_parts(parts, body);
    let (head, reply) = if engine.takes_long(&request) {
        let _turn = long.acquire_owned().await;
        let reply = tokio::task::spawn_blocking(move || {
            let reply = engine.finish(engine.begin(&request), &request);
            (request.method() == Method::HEAD, reply)
        });
        reply.await.map_err(io::Error::other)?
    } else {
        let begun = engine.begin(&request);
        let wait = begun.wait();
        if !wait.is_zero() {
            // A client that goes away in the meantime takes its request along.
            patience.wait(wait).await?;
        }
        (request.method() == Method::HEAD, engine.finish(begun, &request))
    };
    if let Some(delay) = reply.delay {
        patience.wait(delay).await?;
    }
    send(&plan, &memory, patience, head, reply).await
}

/// Puts a response on its way.
async fn send(
    plan: &WirePlan,
    memory: &Memory,
    patience: Patience,
    head: bool,
    reply: Reply,
) -> io::Result<Response<Answer>> {
    let (mut parts, mut body) = reply.response.into_parts();
    if reply.wire.is_some() && body.is_empty() {
        // Something for the wire to break off in.
        body = Bytes::from_static(b"{\"message\": \"this text will not arrive whole\"}");
        parts.headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    }
    let (pieces, shared) = match parts.extensions.remove::<Pieces>() {
        Some(Pieces(pieces)) => (pieces, true),
        None => (vec![body], false),
    };
    let length = pieces.iter().map(Bytes::len).sum();
    let mut held = memory.hold();
    // What is shared by all who read it takes nothing more.
    if !shared && !head && !held.reach(length) {
        return Ok(refuse(plan, StatusCode::SERVICE_UNAVAILABLE, NO_MEMORY));
    }
    plan.set(reply.wire, if head { 0 } else { length });
    let body = match reply.wire {
        Some(WireFault::Hang) => return Err(patience.ends().await),
        Some(WireFault::Drip { bytes, every }) => {
            Answer::parts(plan, pieces, Some(held)).dripping(bytes, every, patience)
        }
        _ => Answer::parts(plan, pieces, Some(held)),
    };
    Ok(Response::from_parts(parts, body))
}

/// Why a body is refused that needs more memory than there is.
const NO_MEMORY: &str = "the memory for bodies and large answers is used up; try again, or start the server with more \
                         --max-memory";

/// Why a body was not read.
enum Unread {
    TooLong,
    NoMemory,
    Framing,
}

/// Reads a body, with what it holds of the memory.
async fn read(mut body: Incoming, most: usize, memory: &Memory) -> Result<(Bytes, Held), Unread> {
    let mut held = memory.hold();
    let mut whole = Bytes::new();
    let mut parts: Vec<u8> = Vec::new();
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame.map_err(|_| Unread::Framing)?.into_data() else { continue };
        let length = whole.len() + parts.len() + data.len();
        if length > most {
            return Err(Unread::TooLong);
        }
        if whole.is_empty() && parts.is_empty() && body.is_end_stream() {
            // Most bodies come as one.
            whole = data;
        } else {
            // Copied, since a part may be a byte of a buffer that it keeps as a whole; with room for as much again.
            if !held.reach(2 * length) {
                return Err(Unread::NoMemory);
            }
            parts.extend_from_slice(&data);
        }
    }
    Ok((if parts.is_empty() { whole } else { parts.into() }, held))
}

/// A refusal of the transport. The rest of the request is not read, so the connection ends.
fn refuse(plan: &WirePlan, status: StatusCode, message: &str) -> Response<Answer> {
    let body = Bytes::from(json!({ "error": message }).to_string());
    let mut response = Response::new(Answer::whole(plan, body));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}

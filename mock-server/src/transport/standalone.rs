//! The engine on a socket of its own, over `hyper`. Unlike `wiremock` it can break the wire: reset or close a connection
//! at a chosen byte, or never answer.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use user_status_openapi::{Contract, Vendor};

use crate::engine::{Engine, Fault, FaultError, WireFault};
use crate::status::AccountStatus;
use crate::world::Credentials;

/// The most bytes that a request body may have.
const BODY_LIMIT: usize = 1024 * 1024;

/// A server on a free port of this machine that implements the contract, with a world of its own and faults down to the
/// wire. It stops when it is dropped.
///
/// ```
/// use user_status_mock::{Fault, StandaloneServer, Vendor};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let server = StandaloneServer::start().await?;
/// server.fault(Fault::reset().after_the_change().on_vendor(Vendor::Symphony).times(1))?;
/// println!("Symphony is at {}", server.uri(Vendor::Symphony));
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct StandaloneServer {
    address: SocketAddr,
    engine: Arc<Engine>,
    task: JoinHandle<()>,
}

impl StandaloneServer {
    /// Starts a server with the default world on a free port of this machine.
    ///
    /// # Errors
    /// Why no port can be bound.
    pub async fn start() -> io::Result<StandaloneServer> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let engine = Arc::new(Engine::new());
        let task = tokio::spawn(accept(listener, engine.clone()));
        Ok(StandaloneServer { address, engine, task })
    }

    /// The base URL for a vendor, such as `http://127.0.0.1:PORT/pod` for Symphony.
    pub fn uri(&self, vendor: Vendor) -> String {
        format!("http://{}{}", self.address, Contract::embedded().base_path(vendor))
    }

    /// Credentials that work here.
    pub fn credentials(&self) -> Credentials {
        Credentials::DEFAULT
    }

    /// What an account is now; `None` if the system has no such user.
    pub fn status(&self, vendor: Vendor, user: &str) -> Option<AccountStatus> {
        self.engine.status(vendor, user)
    }

    /// How many requests an operation got.
    pub fn requests(&self, operation: &str) -> u64 {
        self.engine.requests(operation)
    }

    /// Registers a fault. Of several that strike a call, the first registered does.
    ///
    /// # Errors
    /// As [`Engine::fault`].
    pub fn fault(&self, fault: Fault) -> Result<(), FaultError> {
        self.engine.fault(fault)
    }

    /// Takes all faults back.
    pub fn clear_faults(&self) {
        self.engine.clear_faults();
    }
}

impl Drop for StandaloneServer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Accepts connections until the server is dropped; then they end with it.
async fn accept(listener: TcpListener, engine: Arc<Engine>) {
    let mut connections = tokio::task::JoinSet::new();
    loop {
        // An error here is of the one connection (it was aborted) or of the machine (no more file descriptors); the
        // listener itself stays good.
        let Ok((stream, _)) = listener.accept().await else {
            tokio::task::yield_now().await;
            continue;
        };
        while connections.try_join_next().is_some() {}
        connections.spawn(serve(stream, engine.clone()));
    }
}

async fn serve(stream: TcpStream, engine: Arc<Engine>) {
    let plan = Plan::default();
    let stream = TokioIo::new(Breakable { stream, plan: plan.clone(), written: Vec::new() });
    let service = service_fn(move |request| answer(engine.clone(), plan.clone(), request));
    // What ends a connection early is either a fault of ours or a client that went away.
    let _ = hyper::server::conn::http1::Builder::new().serve_connection(stream, service).await;
}

async fn answer(
    engine: Arc<Engine>,
    plan: Plan,
    request: http::Request<Incoming>,
) -> Result<http::Response<Full<Bytes>>, Infallible> {
    let (parts, body) = request.into_parts();
    let body = match Limited::new(body, BODY_LIMIT).collect().await {
        Ok(body) => body.to_bytes(),
        Err(e) => {
            let mut response = http::Response::new(Full::from(format!("the request body cannot be read: {e}")));
            *response.status_mut() = http::StatusCode::PAYLOAD_TOO_LARGE;
            return Ok(response);
        }
    };
    let reply = engine.handle(&http::Request::from_parts(parts, body));
    if let Some(delay) = reply.delay {
        tokio::time::sleep(delay).await;
    }
    match reply.wire {
        Some(WireFault::Hang) => std::future::pending().await,
        fault => plan.set(fault),
    }
    // A body for the wire to break off in.
    let response = match reply.wire {
        Some(WireFault::Truncate | WireFault::ResetInBody) if reply.response.body().is_empty() => {
            let (mut parts, _) = reply.response.into_parts();
            parts.headers.insert(http::header::CONTENT_TYPE, http::HeaderValue::from_static("application/json"));
            http::Response::from_parts(parts, Bytes::from_static(b"{\"message\": \"this text will not arrive whole\"}"))
        }
        _ => reply.response,
    };
    Ok(response.map(Full::new))
}

/// What is to happen to the next bytes written, shared by the service and the stream under it.
#[derive(Clone, Default)]
struct Plan(Arc<Mutex<Option<WireFault>>>);

impl Plan {
    fn set(&self, fault: Option<WireFault>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = fault;
    }

    fn get(&self) -> Option<WireFault> {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A connection that can be broken at a chosen byte.
struct Breakable {
    stream: TcpStream,
    plan: Plan,
    /// What was written of an answer that is to break in its body, until the body has begun.
    written: Vec<u8>,
}

impl Breakable {
    /// How many of these bytes may still be written; `None` for all.
    fn allowed(&self, bytes: &[u8]) -> Option<usize> {
        match self.plan.get()? {
            WireFault::Reset | WireFault::Close => Some(0),
            WireFault::Hang => None,
            WireFault::ResetInBody | WireFault::Truncate => {
                let mut all = self.written.clone();
                all.extend_from_slice(bytes);
                let head = all.windows(4).position(|window| window == b"\r\n\r\n")? + 4;
                // Some of the body, so that the client has begun to read it.
                Some((head + 8).saturating_sub(self.written.len()).min(bytes.len()))
            }
        }
    }

    fn broken(&mut self) -> io::Error {
        if matches!(self.plan.get(), Some(WireFault::Reset | WireFault::ResetInBody)) {
            // Without lingering, closing the socket sends RST instead of FIN.
            let _ = self.stream.set_zero_linger();
        }
        io::Error::other("broken on demand")
    }
}

impl AsyncWrite for Breakable {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        match self.allowed(bytes) {
            Some(0) => Poll::Ready(Err(self.broken())),
            allowed => {
                let bytes = &bytes[..allowed.unwrap_or(bytes.len())];
                let written = std::task::ready!(Pin::new(&mut self.stream).poll_write(cx, bytes))?;
                if self.plan.get().is_some() {
                    self.written.extend_from_slice(&bytes[..written]);
                }
                Poll::Ready(Ok(written))
            }
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

impl AsyncRead for Breakable {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buffer)
    }
}

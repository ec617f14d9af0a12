//! A TCP proxy before a server that does, at a request, what networks do: each connection carries one request.

use std::collections::{BTreeMap, VecDeque};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;

/// What becomes of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Fault {
    /// The connection is closed before the request is read.
    Refuse,
    /// The request is read, and never reaches the server.
    DropBefore,
    /// The server carries it out, and its response is lost.
    DropAfter,
    /// Half of the response arrives.
    Cut,
    /// The response comes after the deadline.
    Delay,
    /// The request reaches the server after the deadline.
    Late,
    /// The request reaches the server twice, and the second response is handed on.
    Repeat,
    /// The request waits until it is released. Only where a test asks for it.
    Hold,
    /// The response is the last one to the same request. Only where a test asks for it.
    Stale,
}

impl Fault {
    pub(crate) const ALL: [Fault; 7] =
        [Fault::Refuse, Fault::DropBefore, Fault::DropAfter, Fault::Cut, Fault::Delay, Fault::Late, Fault::Repeat];
}

/// The proxy of one server.
pub(crate) struct Proxy {
    pub(crate) address: SocketAddr,
    state: Arc<State>,
}

#[derive(Default)]
struct State {
    /// For the requests to come, in their order.
    plan: Mutex<VecDeque<Option<Fault>>>,
    /// The faults that struck since it was asked.
    struck: Mutex<Vec<Fault>>,
    under_way: AtomicUsize,
    /// The last response to each request, by its first line.
    last: Mutex<BTreeMap<Vec<u8>, Vec<u8>>>,
    held: Notify,
    released: Notify,
}

impl Proxy {
    /// Starts before a server. What is late comes after `late`.
    pub(crate) async fn start(server: SocketAddr, late: Duration) -> Proxy {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
        let address = listener.local_addr().expect("it is bound");
        let state = Arc::new(State::default());
        let shared = state.clone();
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let state = shared.clone();
                state.under_way.fetch_add(1, Ordering::SeqCst);
                tokio::spawn(async move {
                    let _ = serve(client, server, late, &state).await;
                    state.under_way.fetch_sub(1, Ordering::SeqCst);
                });
            }
        });
        Proxy { address, state }
    }

    /// Sets what becomes of the next requests; of those after them, nothing.
    pub(crate) fn plan(&self, faults: impl IntoIterator<Item = Option<Fault>>) {
        *self.state.plan.lock().expect("nobody panics with it") = faults.into_iter().collect();
        self.state.struck.lock().expect("nobody panics with it").clear();
    }

    /// Waits until a request is held.
    pub(crate) async fn held(&self) {
        self.state.held.notified().await;
    }

    /// Lets it go on.
    pub(crate) fn release(&self) {
        self.state.released.notify_one();
    }

    /// Waits until no request is on its way any more, and returns the faults that struck.
    pub(crate) async fn settled(&self) -> Vec<Fault> {
        while self.state.under_way.load(Ordering::SeqCst) > 0 {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        let struck = std::mem::take(&mut *self.state.struck.lock().expect("nobody panics with it"));
        self.plan([]);
        struck
    }
}

async fn serve(mut client: TcpStream, server: SocketAddr, late: Duration, state: &State) -> std::io::Result<()> {
    // A connection that is opened and not used is no request.
    let mut first = [0];
    if client.peek(&mut first).await? == 0 {
        return Ok(());
    }
    let fault = state.plan.lock().expect("nobody panics with it").pop_front().flatten();
    state.struck.lock().expect("nobody panics with it").extend(fault);
    if fault == Some(Fault::Refuse) {
        return Ok(());
    }
    // A server may redirect whoever names another host.
    let request = for_host(read_request(&mut client).await?, client.local_addr()?, server);
    if fault == Some(Fault::DropBefore) {
        return Ok(());
    }
    if fault == Some(Fault::Late) {
        tokio::time::sleep(late).await;
    }
    if fault == Some(Fault::Hold) {
        state.held.notify_one();
        state.released.notified().await;
    }
    let line = request.split(|byte| *byte == b'\r').next().unwrap_or_default().to_vec();
    let last = state.last.lock().expect("nobody panics with it").get(&line).cloned();
    if let (Some(Fault::Stale), Some(last)) = (fault, last) {
        client.write_all(&last).await?;
        return client.shutdown().await;
    }
    let mut response = exchange(server, &request).await?;
    state.last.lock().expect("nobody panics with it").insert(line, response.clone());
    if fault == Some(Fault::Repeat) {
        response = exchange(server, &request).await?;
    }
    match fault {
        Some(Fault::DropAfter) => return Ok(()),
        Some(Fault::Cut) => response.truncate(response.len() / 2),
        Some(Fault::Delay) => tokio::time::sleep(late).await,
        _ => {}
    }
    client.write_all(&response).await?;
    client.shutdown().await
}

/// Reads a request: its head, and as much as its `content-length` says. The connection is closed after it.
async fn read_request(client: &mut TcpStream) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    loop {
        if let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
            let head = String::from_utf8_lossy(&bytes[..end]).to_lowercase();
            let length = head.lines().find_map(|line| line.strip_prefix("content-length:")?.trim().parse().ok());
            if bytes.len() >= end + 4 + length.unwrap_or(0) {
                return Ok(bytes);
            }
        }
        if client.read_buf(&mut bytes).await? == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
    }
}

/// The request with the name of the server in the place of the proxy's.
fn for_host(request: Vec<u8>, proxy: SocketAddr, server: SocketAddr) -> Vec<u8> {
    let (asked, real) = (format!("host: {proxy}\r\n").into_bytes(), format!("host: {server}\r\n").into_bytes());
    match request.windows(asked.len()).position(|line| line.eq_ignore_ascii_case(&asked)) {
        Some(at) => [&request[..at], &real, &request[at + asked.len()..]].concat(),
        None => request,
    }
}

async fn exchange(server: SocketAddr, request: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut upstream = TcpStream::connect(server).await?;
    upstream.write_all(request).await?;
    let mut response = Vec::new();
    upstream.read_to_end(&mut response).await?;
    Ok(response)
}

//! The engine on a socket of its own, over `hyper`, with all cores. It has limits for everything that a client could use
//! up, and unlike `wiremock` it can break the wire: reset or close a connection at a chosen byte, or never answer.

use std::io;
use std::net::SocketAddr;
use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::task::{JoinHandle, JoinSet};
use user_status_openapi::{Contract, SystemKind};

use crate::engine::Engine;
use crate::world::World;

mod body;
mod connection;
mod limits;
mod memory;
mod options;
mod stream;
mod timer;
#[cfg(feature = "tls")]
mod tls;
mod wait;
mod workers;

use connection::Service;
pub use limits::Limits;
use memory::Memory;
pub use options::ServerOptions;
use stream::Stream;
#[cfg(feature = "tls")]
pub use tls::{Tls, TlsError};
use workers::Workers;

/// The time to wait when no connection can be accepted, as when there are no more file descriptors.
const ACCEPT_AGAIN: Duration = Duration::from_millis(20);
/// The number of calls that take long run at a time.
const LONG: usize = 2;
/// The buffer of the operating system for each direction of a connection, so that it is known.
const SOCKET: u32 = 64 << 10;
/// The number of connections that may wait to be accepted, if the machine allows as many.
const WAITING: u32 = 4096;

/// A server that implements the contract, with worlds of its own and faults down to the wire. It stops when it is
/// dropped, and verifies then what was [expected](World::expect).
///
/// It is used as its default [`World`]:
///
/// ```
/// use user_status_mock::{Fault, StandaloneServer, SystemKind};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let server = StandaloneServer::start().await?;
/// server.fault(Fault::reset().after_the_change().on_system(SystemKind::Symphony).times(1))?;
/// println!("Symphony is at {}", server.uri(SystemKind::Symphony));
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct StandaloneServer {
    address: SocketAddr,
    scheme: &'static str,
    engine: Arc<Engine>,
    stop: watch::Sender<bool>,
    task: JoinHandle<()>,
}

impl StandaloneServer {
    /// Starts a server with the default world on a free port of this machine.
    ///
    /// # Errors
    /// Why no port can be bound.
    pub async fn start() -> io::Result<StandaloneServer> {
        StandaloneServer::start_with(ServerOptions::default()).await
    }

    /// Starts a server that is set up otherwise.
    ///
    /// # Errors
    /// Why the address cannot be bound. One that other machines can reach is refused without an admin token.
    pub async fn start_with(options: impl Into<ServerOptions>) -> io::Result<StandaloneServer> {
        let options = options.into();
        let (wanted, limits, workers) = (options.listen, options.limits, options.workers);
        if !wanted.ip().is_loopback() && !options.engine.has_admin_token() {
            let problem = format!("{wanted} can be reached from other machines; set an admin token to listen there");
            return Err(io::Error::new(io::ErrorKind::InvalidInput, problem));
        }
        let listener =
            listen(wanted).map_err(|e| io::Error::new(e.kind(), format!("cannot listen on {wanted}: {e}")))?;
        let address = listener.local_addr()?;
        #[cfg(feature = "tls")]
        let tls = options.tls.as_ref().map(Tls::acceptor);
        #[cfg(feature = "tls")]
        let scheme = if tls.is_some() { "https" } else { "http" };
        #[cfg(not(feature = "tls"))]
        let scheme = "http";
        let engine =
            Arc::new(Engine::with(options.engine.memory(limits.worlds(), limits.journals(), limits.transit())));
        let (stop, stopped) = watch::channel(false);
        let places = Arc::new(Semaphore::new(limits.places().min(Semaphore::MAX_PERMITS)));
        let serving = Serving {
            service: Service {
                engine: engine.clone(),
                limits,
                memory: Memory::of(limits.transit()),
                places: places.clone(),
                long: Arc::new(Semaphore::new(LONG)),
            },
            stopped,
            #[cfg(feature = "tls")]
            tls,
        };
        let threads = match workers {
            0 => Places::Here(serving, JoinSet::new()),
            workers => Places::Threads(Workers::start(workers, &serving)?),
        };
        let task = tokio::spawn(accept(listener, places, threads, stop.subscribe()));
        Ok(StandaloneServer { address, scheme, engine, stop, task })
    }

    /// Returns the address that it listens on.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Returns the base URL for a system, such as `http://127.0.0.1:PORT/pod` for Symphony.
    pub fn uri(&self, system: SystemKind) -> String {
        format!("{}{}", self.root(), Contract::embedded().base_path(system))
    }

    /// Returns the URL of the server itself, such as `http://127.0.0.1:PORT`.
    pub fn root(&self) -> String {
        format!("{}://{}", self.scheme, self.address)
    }

    /// Returns a call that works, as a command for a shell; `None` if the world has none to show.
    pub fn sample_call(&self) -> Option<String> {
        SystemKind::ALL.iter().find_map(|&system| self.sample(system, &self.uri(system)))
    }

    /// Returns the engine behind it.
    pub fn engine(&self) -> &Engine {
        &self.engine
    }

    /// Stops to listen, lets the requests in flight end, but for no longer than this, and is gone.
    pub async fn shut_down(mut self, within: Duration) {
        let _ = self.stop.send(true);
        let _ = tokio::time::timeout(within, &mut self.task).await;
    }
}

/// Listens as `TcpListener::bind` does, but for more connections that wait: it has 128, and the client of the next one
/// hears nothing and tries again after a second.
fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    // On Windows it would let two servers have the same port.
    #[cfg(not(windows))]
    socket.set_reuseaddr(true)?;
    // Connections have what their listener has. A client whose machine is gone is found out.
    socket.set_send_buffer_size(SOCKET)?;
    socket.set_recv_buffer_size(SOCKET)?;
    socket.set_keepalive(true)?;
    socket.bind(address)?;
    socket.listen(WAITING)
}

impl Deref for StandaloneServer {
    type Target = World;

    fn deref(&self) -> &World {
        self.engine.world()
    }
}

impl Drop for StandaloneServer {
    fn drop(&mut self) {
        self.task.abort();
        self.engine.verify_on_drop();
    }
}

/// Accepts connections until it is told to stop, and then waits for those that there are.
async fn accept(
    listener: TcpListener,
    permits: Arc<Semaphore>,
    mut places: Places,
    mut stopped: watch::Receiver<bool>,
) {
    loop {
        let (stream, permit) = tokio::select! {
            accepted = accept_one(&listener, &permits) => accepted,
            _ = stopped.changed() => break,
        };
        // Small answers should leave at once; without, they only come later.
        let _ = stream.set_nodelay(true);
        places.serve(stream, permit);
    }
    drop(listener);
    match places {
        Places::Here(_, mut connections) => while connections.join_next().await.is_some() {},
        Places::Threads(workers) => workers.ended().await,
    }
}

async fn accept_one(listener: &TcpListener, permits: &Arc<Semaphore>) -> (TcpStream, OwnedSemaphorePermit) {
    loop {
        let Ok(permit) = permits.clone().acquire_owned().await else {
            // The semaphore is never closed.
            return std::future::pending().await;
        };
        match listener.accept().await {
            Ok((stream, _)) => return (stream, permit),
            // It is of the one connection (it was aborted) or of the machine (no more file descriptors); the listener
            // itself stays good.
            Err(_) => tokio::time::sleep(ACCEPT_AGAIN).await,
        }
    }
}

/// Where connections are served.
enum Places {
    /// On the runtime on which the server was started.
    Here(Serving, JoinSet<()>),
    /// On threads of their own.
    Threads(Workers),
}

impl Places {
    fn serve(&mut self, stream: TcpStream, permit: OwnedSemaphorePermit) {
        match self {
            Places::Here(serving, connections) => {
                // So that what has ended is not kept.
                while connections.try_join_next().is_some() {}
                connections.spawn(serving.clone().serve(stream, permit));
            }
            Places::Threads(workers) => workers.serve(stream, permit),
        }
    }
}

/// The parts that serve a connection.
#[derive(Clone)]
struct Serving {
    service: Service,
    stopped: watch::Receiver<bool>,
    #[cfg(feature = "tls")]
    tls: Option<tokio_rustls::TlsAcceptor>,
}

impl Serving {
    async fn serve(self, stream: TcpStream, permit: OwnedSemaphorePermit) {
        #[cfg(feature = "tls")]
        let stream = match self.tls {
            None => Stream::Plain(stream),
            Some(tls) => match tokio::time::timeout(self.service.limits.head_timeout, tls.accept(stream)).await {
                Ok(Ok(stream)) => Stream::Tls(Box::new(stream)),
                // It is not TLS, or the client does not trust the certificate; it has been told by TLS.
                _ => return,
            },
        };
        #[cfg(not(feature = "tls"))]
        let stream = Stream::Plain(stream);
        connection::serve(stream, self.service, self.stopped).await;
        drop(permit);
    }
}

//! The five ways to send one request, and a server that does nothing but answer it: what the benchmarks of the SDK measure.

use std::net::SocketAddr;

use http_body_util::{BodyExt as _, Full};
use hyper::body::Bytes;
use hyper_util::rt::TokioIo;
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::{Builder, Runtime};
use user_status::systems::Symphony;
use user_status::systems::symphony::{Credentials, types};
use user_status::{AccountSystem, StatusChange};

/// What a benchmark ends with.
pub(crate) type Result<T> = std::result::Result<T, Box<dyn std::error::Error + Send + Sync>>;

const USER: &str = "7215545078541";
const PATH: &str = "/pod/v1/admin/user/7215545078541/status/update";
const ANSWER: &str = r#"{"format":"TEXT","message":"OK"}"#;
const TOKEN: &str = "a-session-token-of-some-length";

/// What sends the request.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Subject {
    Hyper,
    Reqwest,
    Typed,
    SystemKind,
    Unified,
}

impl Subject {
    /// The first is what the others are measured by.
    pub(crate) const ALL: [Subject; 5] =
        [Subject::Reqwest, Subject::Hyper, Subject::Typed, Subject::SystemKind, Subject::Unified];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Subject::Hyper => "hyper",
            Subject::Reqwest => "reqwest",
            Subject::Typed => "typed",
            Subject::SystemKind => "system",
            Subject::Unified => "unified",
        }
    }
}

/// Runs something, on this thread, beside a server on a thread of its own.
pub(crate) fn beside_server<T>(load: impl FnOnce(&Runtime, SocketAddr) -> Result<T>) -> Result<T> {
    let server = std::net::TcpListener::bind("127.0.0.1:0")?;
    server.set_nonblocking(true)?;
    let address = server.local_addr()?;
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let thread = std::thread::spawn(move || -> std::io::Result<()> {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(async {
            tokio::select! {
                served = serve(TcpListener::from_std(server)?) => served,
                _ = stopped => Ok(()),
            }
        })
    });
    let runtime = Builder::new_current_thread().enable_all().build()?;
    let result = load(&runtime, address);
    drop(runtime);
    let _ = stop.send(());
    thread.join().map_err(|_| "the server panicked")??;
    result
}

/// Answers every request alike.
async fn serve(listener: TcpListener) -> std::io::Result<()> {
    let answer = format!(
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{ANSWER}",
        ANSWER.len()
    );
    let answer: std::sync::Arc<[u8]> = answer.into_bytes().into();
    loop {
        let (mut stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        let answer = answer.clone();
        tokio::spawn(async move {
            let mut bytes = Vec::with_capacity(2048);
            loop {
                // The body of every request ends so, and no header does.
                while !bytes.ends_with(b"\"}") {
                    match stream.read_buf(&mut bytes).await {
                        Ok(read) if read > 0 => {}
                        _ => return,
                    }
                }
                bytes.clear();
                if stream.write_all(&answer).await.is_err() {
                    return;
                }
            }
        });
    }
}

/// The clients of all subjects; each keeps its connections.
#[derive(Clone)]
pub(crate) struct Clients {
    address: SocketAddr,
    reqwest: reqwest::Client,
    symphony: Symphony,
}

impl Clients {
    pub(crate) fn new(address: SocketAddr) -> Result<Clients> {
        let _ = rustls::crypto::ring::default_provider().install_default();
        Ok(Clients {
            address,
            reqwest: reqwest::Client::builder().no_proxy().build()?,
            symphony: Symphony::builder()
                .base_url(format!("http://{address}/pod"))
                .credentials(Credentials::session_token(TOKEN))
                .build()?,
        })
    }

    /// Returns what sends one request after the other.
    pub(crate) async fn caller(&self, subject: Subject) -> Result<Caller> {
        Ok(match subject {
            Subject::Hyper => Caller::Hyper(Connection::open(self.address).await?),
            Subject::Reqwest => Caller::Reqwest(self.reqwest.clone(), self.address),
            Subject::Typed => Caller::Typed(self.symphony.clone()),
            Subject::SystemKind => Caller::SystemKind(self.symphony.clone()),
            Subject::Unified => Caller::Unified(Box::new(self.symphony.clone())),
        })
    }
}

pub(crate) enum Caller {
    Hyper(Connection),
    Reqwest(reqwest::Client, SocketAddr),
    Typed(Symphony),
    SystemKind(Symphony),
    Unified(Box<dyn AccountSystem>),
}

impl Caller {
    pub(crate) async fn call(&mut self) -> Result<()> {
        match self {
            Caller::Hyper(connection) => connection.call().await?,
            Caller::Reqwest(client, address) => bare(client, *address).await?,
            Caller::Typed(symphony) => {
                let body = types::SymphonyUserStatus::builder().status(Some("ENABLED".parse()?));
                let call = symphony.client().update_user_status().uid(7_215_545_078_541_i64).body(body);
                call.send().await.map_err(|e| e.to_string())?;
            }
            Caller::SystemKind(symphony) => drop(symphony.apply(USER, &StatusChange::enable()).await?),
            Caller::Unified(system) => drop(system.apply(USER, &StatusChange::enable()).await?),
        }
        Ok(())
    }
}

async fn bare(client: &reqwest::Client, address: SocketAddr) -> Result<()> {
    let request = client.post(format!("http://{address}{PATH}")).header("sessionToken", TOKEN);
    let answer = request.json(&json!({ "status": "ENABLED" })).send().await?.error_for_status()?;
    answer.json::<types::SymphonySuccessResponse>().await?;
    Ok(())
}

/// A connection of bare `hyper`.
pub(crate) struct Connection(hyper::client::conn::http1::SendRequest<Full<Bytes>>);

impl Connection {
    async fn open(address: SocketAddr) -> Result<Connection> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        let (sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
        tokio::spawn(connection);
        Ok(Connection(sender))
    }

    async fn call(&mut self) -> Result<()> {
        self.0.ready().await?;
        let body = serde_json::to_vec(&json!({ "status": "ENABLED" }))?;
        let request = http::Request::post(PATH)
            .header("host", "127.0.0.1")
            .header("sessionToken", TOKEN)
            .header("content-type", "application/json")
            .body(Full::new(Bytes::from(body)))?;
        let answer = self.0.send_request(request).await?;
        let body = answer.into_body().collect().await?.to_bytes();
        serde_json::from_slice::<types::SymphonySuccessResponse>(&body)?;
        Ok(())
    }
}

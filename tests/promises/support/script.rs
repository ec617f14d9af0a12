//! A server that answers by the request and its number, for the modules that need more than one answer.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

/// What is done with a request.
pub(crate) enum Reply {
    /// It is answered with these bytes, and the connection is kept.
    Kept(Vec<u8>),
    /// It is answered with these bytes, and the connection is closed.
    Closed(Vec<u8>),
    /// It is answered twice, the second time a moment later.
    Twice(Vec<u8>, Vec<u8>),
    /// It is never answered.
    Never,
}

/// A response with a JSON body.
pub(crate) fn json(status: u16, headers: &str, body: &str) -> Vec<u8> {
    let length = body.len();
    format!("HTTP/1.1 {status} X\r\ncontent-type: application/json\r\n{headers}content-length: {length}\r\n\r\n{body}")
        .into_bytes()
}

pub(crate) struct Script {
    pub(crate) uri: String,
    requests: Arc<Mutex<Vec<String>>>,
    connections: Arc<AtomicUsize>,
}

impl Script {
    /// Starts one. It is asked with the number of the request, from 0 on, and its text.
    pub(crate) async fn start(reply: impl Fn(usize, &str) -> Reply + Send + Sync + 'static) -> Script {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let uri = format!("http://{}", listener.local_addr().unwrap());
        let (requests, connections) = (Arc::new(Mutex::new(Vec::new())), Arc::new(AtomicUsize::new(0)));
        let (reply, kept, opened) = (Arc::new(reply), requests.clone(), connections.clone());
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                opened.fetch_add(1, Ordering::SeqCst);
                let (reply, kept) = (reply.clone(), kept.clone());
                tokio::spawn(async move {
                    while let Some(request) = read(&mut stream).await {
                        let number = {
                            let mut kept = kept.lock().unwrap();
                            kept.push(request.clone());
                            kept.len() - 1
                        };
                        match reply(number, &request) {
                            Reply::Kept(bytes) => stream.write_all(&bytes).await.ok()?,
                            Reply::Closed(bytes) => {
                                stream.write_all(&bytes).await.ok()?;
                                stream.shutdown().await.ok()?;
                                return Some(());
                            }
                            Reply::Twice(first, second) => {
                                stream.write_all(&first).await.ok()?;
                                tokio::time::sleep(std::time::Duration::from_millis(1)).await;
                                stream.write_all(&second).await.ok()?;
                            }
                            Reply::Never => std::future::pending().await,
                        }
                    }
                    Some(())
                });
            }
        });
        Script { uri, requests, connections }
    }

    /// The requests so far.
    pub(crate) fn requests(&self) -> Vec<String> {
        self.requests.lock().unwrap().clone()
    }

    /// Returns the number of connections that were opened.
    pub(crate) fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }
}

/// One request, its head in lower case.
async fn read(stream: &mut tokio::net::TcpStream) -> Option<String> {
    let mut bytes = Vec::new();
    loop {
        let text = String::from_utf8_lossy(&bytes).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let head = head.to_lowercase();
            let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")?.parse().ok()).unwrap_or(0);
            if body.len() >= length {
                return Some(format!("{head}\r\n\r\n{body}"));
            }
        }
        if stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    }
}

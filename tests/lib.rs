//! What the tests have in common: HTTP by hand, so that no library of either side stands between a test and the wire.

pub mod figures;
pub mod people;

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use user_status::{BoxFuture, Clock, Wait};

/// The program of the README is compiled and run as it stands there.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
pub struct Readme;

/// One HTTP message as it travelled.
#[derive(Clone, Debug, Default)]
pub struct Message {
    /// The request line or the status line.
    pub first_line: String,
    /// The headers in their order, names as they travelled.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
}

impl Message {
    /// The values of a header, whatever the case of its name.
    pub fn header(&self, name: &str) -> Vec<&str> {
        let found = self.headers.iter().filter(|(n, _)| n.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str()).collect()
    }

    /// The names of all headers, in lower case and sorted.
    pub fn header_names(&self) -> Vec<String> {
        let mut names: Vec<String> = self.headers.iter().map(|(name, _)| name.to_lowercase()).collect();
        names.sort();
        names
    }

    /// The status code of a response.
    ///
    /// # Panics
    /// If it is no response.
    pub fn status(&self) -> u16 {
        self.first_line.split(' ').nth(1).and_then(|code| code.parse().ok()).expect("a status line")
    }

    /// The message as it travelled.
    fn bytes(&self) -> Vec<u8> {
        let headers: String = self.headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
        let mut bytes = format!("{}\r\n{headers}\r\n", self.first_line).into_bytes();
        bytes.extend_from_slice(&self.body);
        bytes
    }

    /// The body as JSON.
    ///
    /// # Panics
    /// If it is none.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|e| panic!("{e}: {}", self.text()))
    }

    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

/// A server that keeps what it receives, byte for byte, and answers everything alike.
#[derive(Debug)]
pub struct Recorder {
    address: SocketAddr,
    connections: Arc<Mutex<usize>>,
    received: Arc<Mutex<Vec<Message>>>,
}

impl Recorder {
    /// Starts one that answers with a status code and a JSON body.
    pub async fn answering(status: u16, body: &str) -> Recorder {
        Recorder::start(format!(
            "HTTP/1.1 {status} Whatever\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        ))
        .await
    }

    /// Starts one that answers with these bytes.
    ///
    /// # Panics
    /// If no port can be bound.
    pub async fn start(answer: impl Into<Vec<u8>>) -> Recorder {
        let answer = answer.into();
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port of this machine");
        let address = listener.local_addr().expect("the address of a listener");
        let (connections, received) = (Arc::new(Mutex::new(0)), Arc::new(Mutex::new(Vec::new())));
        let (count, keep) = (connections.clone(), received.clone());
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                *lock(&count) += 1;
                let (keep, answer) = (keep.clone(), answer.clone());
                tokio::spawn(async move {
                    while let Some(message) = read_message(&mut stream).await {
                        lock(&keep).push(message);
                        if stream.write_all(&answer).await.is_err() {
                            break;
                        }
                    }
                });
            }
        });
        Recorder { address, connections, received }
    }

    /// The base URL, without a slash at the end.
    pub fn uri(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Returns the number of connections that were opened.
    pub fn connections(&self) -> usize {
        *lock(&self.connections)
    }

    /// The requests received so far.
    pub fn received(&self) -> Vec<Message> {
        lock(&self.received).clone()
    }

    /// Returns the number of requests that were received so far.
    pub fn requests(&self) -> usize {
        lock(&self.received).len()
    }

    /// The one request received.
    ///
    /// # Panics
    /// If there was none, or more.
    #[track_caller]
    pub fn only_request(&self) -> Message {
        let received = self.received();
        assert_eq!(received.len(), 1, "{received:#?}");
        received[0].clone()
    }
}

/// Stands between a client and a server, and keeps what each of them said, byte for byte.
#[derive(Debug)]
pub struct Relay {
    address: SocketAddr,
    exchanged: Arc<Mutex<Vec<(Message, Message)>>>,
}

impl Relay {
    /// Starts one in front of the server at this base URL.
    ///
    /// # Panics
    /// If no port can be bound.
    pub async fn start(server: &str) -> Relay {
        let authority = server.trim_start_matches("http://").split('/').next().unwrap_or_default().to_owned();
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port of this machine");
        let address = listener.local_addr().expect("the address of a listener");
        let exchanged = Arc::new(Mutex::new(Vec::new()));
        let keep = exchanged.clone();
        tokio::spawn(async move {
            while let Ok((mut client, _)) = listener.accept().await {
                let (keep, authority) = (keep.clone(), authority.clone());
                tokio::spawn(async move {
                    let mut server = TcpStream::connect(authority).await.ok()?;
                    while let Some(request) = read_message(&mut client).await {
                        server.write_all(&request.bytes()).await.ok()?;
                        let answer = read_message(&mut server).await?;
                        // Kept before the client has it, so that whoever has an answer finds it here.
                        lock(&keep).push((request, answer.clone()));
                        client.write_all(&answer.bytes()).await.ok()?;
                    }
                    Some(())
                });
            }
        });
        Relay { address, exchanged }
    }

    /// The base URL, without a slash at the end.
    pub fn uri(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The requests so far, each with its answer.
    pub fn exchanged(&self) -> Vec<(Message, Message)> {
        lock(&self.exchanged).clone()
    }
}

/// Sends one request, written by hand, to the authority of `base`, and reads the answer.
///
/// # Panics
/// If there is no answer.
pub async fn send(base: &str, request_line: &str, headers: &[(&str, &str)], body: &str) -> Message {
    let authority = base.trim_start_matches("http://").split('/').next().unwrap_or_default();
    let mut stream = TcpStream::connect(authority).await.expect("the server listens");
    let mut text = format!("{request_line} HTTP/1.1\r\nhost: {authority}\r\nconnection: close\r\n");
    for (name, value) in headers {
        text.push_str(&format!("{name}: {value}\r\n"));
    }
    if !body.is_empty() {
        text.push_str(&format!("content-length: {}\r\n", body.len()));
    }
    text.push_str("\r\n");
    text.push_str(body);
    stream.write_all(text.as_bytes()).await.expect("the request can be written");
    read_message(&mut stream).await.expect("an answer")
}

/// Reads one message with a `content-length`, or without a body. `None` at the end of the connection.
pub async fn read_message(stream: &mut TcpStream) -> Option<Message> {
    let mut bytes = Vec::new();
    let head_end = loop {
        if let Some(at) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
            break at;
        }
        if stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    };
    let head = String::from_utf8_lossy(&bytes[..head_end]).into_owned();
    let mut lines = head.split("\r\n");
    let mut message = Message { first_line: lines.next()?.to_owned(), ..Message::default() };
    for line in lines {
        let (name, value) = line.split_once(':')?;
        message.headers.push((name.to_owned(), value.trim().to_owned()));
    }
    message.body = bytes.split_off(head_end + 4);
    let length = message.header("content-length").first().and_then(|length| length.parse().ok()).unwrap_or(0);
    while message.body.len() < length {
        if stream.read_buf(&mut message.body).await.ok()? == 0 {
            return None;
        }
    }
    Some(message)
}

/// A thread that panicked has failed its test already.
fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A clock that a test holds. Waiting before another attempt takes no time and moves the clock on; waiting for an answer
/// takes for ever, until the test says that the time is over.
#[derive(Debug)]
pub struct TestClock {
    now: Arc<Mutex<Duration>>,
    waits: Mutex<Vec<(Wait, Duration)>>,
    expired: tokio::sync::watch::Sender<u64>,
}

impl TestClock {
    /// What the clock on the wall shows at the start: long ago, so that no response of a server on this machine is older.
    pub const START: i64 = 1_600_000_000;

    /// A clock that stands at zero.
    pub fn new() -> Arc<TestClock> {
        let expired = tokio::sync::watch::Sender::new(0);
        Arc::new(TestClock { now: Arc::default(), waits: Mutex::default(), expired })
    }

    /// Ends all waits for an answer that are under way.
    pub fn expire(&self) {
        self.expired.send_modify(|count| *count += 1);
    }

    /// The waits of one kind so far.
    pub fn waits(&self, wait: Wait) -> Vec<Duration> {
        lock(&self.waits).iter().filter(|(kind, _)| *kind == wait).map(|(_, duration)| *duration).collect()
    }
}

impl Clock for TestClock {
    fn now(&self) -> Duration {
        *lock(&self.now)
    }

    fn wall(&self) -> Timestamp {
        Timestamp::from_second(TestClock::START).expect("a time") + self.now()
    }

    fn sleep(&self, duration: Duration, wait: Wait) -> BoxFuture<'static, ()> {
        lock(&self.waits).push((wait, duration));
        if wait == Wait::Deadline {
            let mut expired = self.expired.subscribe();
            let (now, end) = (self.now.clone(), self.now() + duration);
            return Box::pin(async move {
                // The sender lives as long as the clock; without it nobody can end the wait.
                if expired.changed().await.is_err() {
                    std::future::pending::<()>().await;
                }
                let mut now = lock(&now);
                *now = (*now).max(end);
            });
        }
        *lock(&self.now) += duration;
        Box::pin(std::future::ready(()))
    }
}

//! Nothing that a client sends, holds back or breaks off harms the standalone server: it gets the right code or is closed,
//! nothing is done that was not asked for, and everybody else is served.
//!
//! Every request here is bytes on a socket, so that no library mends it.

use std::time::Duration;

use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use user_status_mock::{AccountStatus, Fault, Limits, ServerOptions, StandaloneServer, SystemKind, world};
use user_status_tests::Message;

use crate::support::systems;

/// Nothing takes as long as this, unless it hangs.
const GUARD: Duration = Duration::from_secs(60);
/// The limits in time of most servers here.
const SHORT: Duration = Duration::from_millis(300);
/// Where a limit is not to be reached.
const LONG: Duration = Duration::from_secs(60 * 60);
/// The other limits.
const BODY: usize = 4 << 10;
const HEAD: usize = 16 << 10;
const HEADERS: usize = 20;

/// A call that toggles the account of ClearSquare, up to what says how long its body is. Done twice, it shows.
const TOGGLE: &str = "POST /api/users/manage-status HTTP/1.1\r\nhost: mock\r\n\
                      authorization: Bearer mock-clearsquare-token\r\ncontent-type: application/json\r\n";
const TOGGLE_BODY: &str = r#"{"id":"634441cecbb5901d133039f8","token":"mock-clearsquare-token"}"#;
const CHUNKED: &str = "transfer-encoding: chunked\r\n";
const OPERATION: &str = "manageUserStatus";
/// A large answer.
const CONTRACT: &str = "GET /openapi.json HTTP/1.1\r\nhost: mock\r\n\r\n";

fn limits() -> Limits {
    let mut limits = Limits::default();
    (limits.body, limits.head, limits.headers) = (BODY, HEAD, HEADERS);
    (limits.head_timeout, limits.body_timeout, limits.write_timeout) = (SHORT, SHORT, SHORT);
    limits
}

/// One connection at a time, and patience with it: somebody else is served only when it is over.
fn one_at_a_time() -> Limits {
    let mut limits = limits();
    limits.connections = 1;
    (limits.head_timeout, limits.body_timeout, limits.write_timeout) = (LONG, LONG, LONG);
    limits
}

async fn within<T>(what: impl Future<Output = T>) -> T {
    tokio::time::timeout(GUARD, what).await.expect("nothing takes that long")
}

/// A whole call that toggles.
fn toggle() -> String {
    toggle_with(&length(), TOGGLE_BODY)
}

/// One whose headers end like this, and after them comes this.
fn toggle_with(headers: &str, rest: &str) -> String {
    format!("{TOGGLE}{headers}\r\n{rest}")
}

fn length() -> String {
    format!("content-length: {}\r\n", TOGGLE_BODY.len())
}

/// A call that only reads.
fn get(target: &str, headers: &str) -> String {
    format!("GET {target} HTTP/1.1\r\nhost: mock\r\n{headers}\r\n")
}

fn chunk(text: &str) -> String {
    format!("{:x}\r\n{text}\r\n", text.len())
}

/// The body of the call that toggles, in chunks, with this after the last one.
fn chunked(end: &str) -> String {
    let (one, other) = TOGGLE_BODY.split_at(20);
    format!("{}{}0\r\n{end}\r\n", chunk(one), chunk(other))
}

/// A server, how many calls reached the account, and how many of them toggled it.
struct Scene {
    server: StandaloneServer,
    calls: u64,
    toggled: u64,
}

impl Scene {
    async fn new(limits: Limits) -> Scene {
        let server =
            StandaloneServer::start_with(ServerOptions::from(systems::options()).limits(limits)).await.unwrap();
        Scene { server, calls: 0, toggled: 0 }
    }

    async fn connect(&self) -> Wire {
        let stream = within(TcpStream::connect(self.server.address())).await.unwrap();
        Wire { stream, bytes: Vec::new() }
    }

    /// Somebody else calls and is served, and nobody toggled who was not told so.
    async fn serves_others(&mut self, after: &str) {
        let mut wire = self.connect().await;
        wire.send(toggle()).await;
        let answer = wire.answer().await.unwrap_or_else(|| panic!("nobody else is served after {after}"));
        assert_eq!(answer.status(), 200, "after {after}: {}", answer.text());
        (self.calls, self.toggled) = (self.calls + 1, self.toggled + 1);
        assert_eq!(self.server.requests(OPERATION), self.calls, "after {after}");
        assert_eq!(self.account().enabled, Some(self.toggled.is_multiple_of(2)), "after {after}");
    }

    fn account(&self) -> AccountStatus {
        self.server.status(SystemKind::Clearsquare, world::CLEARSQUARE_USER).unwrap()
    }
}

/// The client's end of a connection.
struct Wire {
    stream: TcpStream,
    /// What came and was not yet looked at.
    bytes: Vec<u8>,
}

impl Wire {
    /// Sends as much as the server takes.
    async fn send(&mut self, bytes: impl AsRef<[u8]>) {
        let _ = within(self.stream.write_all(bytes.as_ref())).await;
    }

    /// Says that nothing more comes.
    async fn end(&mut self) {
        self.stream.shutdown().await.unwrap();
    }

    /// Goes away with a reset.
    fn reset(self) {
        self.stream.set_zero_linger().unwrap();
    }

    /// Returns whether there is more to read; not, if the connection ended.
    async fn read(&mut self) -> bool {
        within(self.stream.read_buf(&mut self.bytes)).await.is_ok_and(|read| read > 0)
    }

    /// The next answer; `None` if the connection ends before.
    async fn answer(&mut self) -> Option<Message> {
        self.next(true).await
    }

    async fn next(&mut self, with_body: bool) -> Option<Message> {
        loop {
            if let Some((message, length)) = first(&self.bytes, with_body) {
                self.bytes.drain(..length);
                return Some(message);
            }
            if !self.read().await {
                return None;
            }
        }
    }

    /// All answers until the connection ends.
    async fn answers(&mut self) -> Vec<Message> {
        let mut answers = Vec::new();
        while let Some(answer) = self.answer().await {
            answers.push(answer);
        }
        assert_eq!(String::from_utf8_lossy(&self.bytes), "", "half an answer after {answers:?}");
        answers
    }

    /// Their status codes.
    async fn codes(&mut self) -> Vec<u16> {
        self.answers().await.iter().map(Message::status).collect()
    }
}

/// The first answer of these bytes with its length, if it is there as a whole.
fn first(bytes: &[u8], with_body: bool) -> Option<(Message, usize)> {
    let head = bytes.windows(4).position(|window| window == b"\r\n\r\n")?;
    let text = String::from_utf8_lossy(&bytes[..head]).into_owned();
    let mut lines = text.split("\r\n");
    let mut message = Message { first_line: lines.next()?.to_owned(), ..Message::default() };
    assert!(message.first_line.starts_with("HTTP/1."), "no answer: {text}");
    message.headers = lines
        .map(|line| line.split_once(": ").unwrap_or_else(|| panic!("no header: {line}")))
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
    let length = message.header("content-length").first().map_or(0, |length| length.parse().unwrap());
    let end = head + 4 + if with_body { length } else { 0 };
    message.body = bytes.get(head + 4..end)?.to_vec();
    Some((message, end))
}

/// What one request comes to. There is one answer at most in each case.
#[derive(Clone, Copy, Debug)]
enum Outcome {
    /// The account is toggled.
    Toggled,
    /// ClearSquare itself refuses, with 400.
    ByTheSystem,
    /// It never reaches the account.
    Code(u16),
    Closed,
}
use Outcome::{ByTheSystem, Closed, Code, Toggled};

/// Sends each of these to a server of its own.
async fn try_all(forms: Vec<(&'static str, Vec<u8>, Outcome)>) {
    let mut all = JoinSet::new();
    for (name, bytes, outcome) in forms {
        all.spawn(async move {
            let mut scene = Scene::new(limits()).await;
            let mut wire = scene.connect().await;
            wire.send(bytes).await;
            let (codes, calls, toggled) = match outcome {
                Toggled => (vec![200], 1, 1),
                ByTheSystem => (vec![400], 1, 0),
                Code(code) => (vec![code], 0, 0),
                Closed => (vec![], 0, 0),
            };
            assert_eq!(wire.codes().await, codes, "{name}");
            (scene.calls, scene.toggled) = (calls, toggled);
            scene.serves_others(name).await;
        });
    }
    while let Some(done) = all.join_next().await {
        done.unwrap();
    }
}

#[tokio::test]
async fn one_request_is_one_request_however_its_length_is_said() {
    let (length, hidden) = (length(), toggle());
    let body = |headers: &str| toggle_with(headers, TOGGLE_BODY).into_bytes();
    let chunks = |headers: &str| toggle_with(headers, &chunked("")).into_bytes();
    try_all(vec![
        ("Content-Length", body(&length), Toggled),
        ("Content-Length twice", body(&format!("{length}{length}")), Toggled),
        ("two Content-Lengths", body(&format!("{length}content-length: 0\r\n")), Code(400)),
        ("two Content-Lengths the other way round", body(&format!("content-length: 0\r\n{length}")), Code(400)),
        ("a list of Content-Lengths", body("content-length: 66, 66\r\n"), Code(400)),
        ("Content-Length with a sign", body("content-length: +66\r\n"), Code(400)),
        ("a negative Content-Length", body("content-length: -1\r\n"), Code(400)),
        ("a hexadecimal Content-Length", body("content-length: 0x42\r\n"), Code(400)),
        ("an empty Content-Length", body("content-length:\r\n"), Code(400)),
        ("a Content-Length beyond 64 bits", body("content-length: 99999999999999999999\r\n"), Code(400)),
        ("a Content-Length of almost 64 bits", body("content-length: 18446744073709551613\r\n"), Code(413)),
        ("Content-Length with a space before the colon", body("content-length : 66\r\n"), Code(400)),
        ("chunks", chunks(CHUNKED), Toggled),
        ("chunks in capitals", chunks("Transfer-Encoding: CHUNKED\r\n"), Toggled),
        // Chunks win, and the connection ends, so that nothing after them is read.
        ("Content-Length, then chunks", chunks(&format!("{length}{CHUNKED}")), Toggled),
        ("chunks, then Content-Length", chunks(&format!("{CHUNKED}{length}")), Toggled),
        (
            "a request behind the chunks and within the length",
            toggle_with(&format!("content-length: {}\r\n{CHUNKED}", 5 + hidden.len()), &format!("0\r\n\r\n{hidden}"))
                .into(),
            ByTheSystem,
        ),
        (
            "a request within a chunk and behind the length",
            toggle_with(&format!("content-length: 4\r\n{CHUNKED}"), &format!("{}0\r\n\r\n", chunk(&hidden))).into(),
            ByTheSystem,
        ),
        ("chunked, identity", chunks("transfer-encoding: chunked, identity\r\n"), Code(400)),
        ("identity, chunked", chunks("transfer-encoding: identity, chunked\r\n"), Code(501)),
        ("gzip, chunked", chunks("transfer-encoding: gzip, chunked\r\n"), Code(501)),
        ("chunked twice", chunks("transfer-encoding: chunked, chunked\r\n"), Code(501)),
        ("chunked in two headers", chunks(&format!("{CHUNKED}{CHUNKED}")), Code(501)),
        ("chunked, then identity", chunks(&format!("{CHUNKED}transfer-encoding: identity\r\n")), Code(400)),
        ("identity, then chunked", chunks(&format!("transfer-encoding: identity\r\n{CHUNKED}")), Code(501)),
        ("identity", body("transfer-encoding: identity\r\n"), Code(400)),
        ("xchunked", chunks("transfer-encoding: xchunked\r\n"), Code(400)),
        ("chunked after a vertical tab", chunks("transfer-encoding: \x0bchunked\r\n"), Code(400)),
        ("chunked with a space before the colon", chunks("Transfer-Encoding : chunked\r\n"), Code(400)),
        ("chunked in a folded line", chunks("transfer-encoding:\r\n chunked\r\n"), Code(400)),
        ("chunks with HTTP/1.0", toggle_with(CHUNKED, &chunked("")).replace("HTTP/1.1", "HTTP/1.0").into(), Code(400)),
        ("a folded line", body(&format!("x: a\r\n b\r\n{length}")), Code(400)),
        ("a space before the first header", toggle().replacen("host:", " host:", 1).into(), Code(400)),
        // A line may end with a line feed alone, as RFC 9112 allows, but never with a carriage return alone.
        ("line feeds alone", toggle().replace("\r\n", "\n").into(), Toggled),
        ("carriage returns alone", toggle().replace("\r\n", "\r").into(), Code(400)),
        ("a carriage return in a value", body(&format!("x: a\r{CHUNKED}{length}")), Code(400)),
        ("a line feed in a value", body(&format!("x: a\n{CHUNKED}{length}")), Code(400)),
        (
            "a request in a body",
            toggle_with(&format!("content-length: {}\r\n", hidden.len()), &hidden).into(),
            ByTheSystem,
        ),
        ("a request in a chunk", toggle_with(CHUNKED, &format!("{}0\r\n\r\n", chunk(&hidden))).into(), ByTheSystem),
        (
            "a request in the body of a GET",
            (get("/__admin/health", &format!("content-length: {}\r\n", hidden.len())) + &hidden).into(),
            Code(200),
        ),
    ])
    .await;
}

#[tokio::test]
async fn chunks_are_chunks_or_400() {
    let chunks = |rest: &str| toggle_with(CHUNKED, rest).into_bytes();
    let (size, whole) = (TOGGLE_BODY.len(), chunk(TOGGLE_BODY));
    try_all(vec![
        ("trailers", chunks(&chunked("x: y\r\nx: z\r\n")), Toggled),
        ("extensions", chunks(&format!("{size:x};a=\"b\"\r\n{TOGGLE_BODY}\r\n0;c\r\n\r\n")), Toggled),
        ("leading zeros", chunks(&format!("{size:032x}\r\n{TOGGLE_BODY}\r\n0\r\n\r\n")), Toggled),
        ("no digit", chunks("g\r\nx\r\n0\r\n\r\n"), Code(400)),
        ("no size", chunks("\r\nx\r\n0\r\n\r\n"), Code(400)),
        ("a negative size", chunks("-1\r\nx\r\n0\r\n\r\n"), Code(400)),
        ("a prefix", chunks(&format!("0x{size:x}\r\n{TOGGLE_BODY}\r\n0\r\n\r\n")), Code(400)),
        ("a size beyond 64 bits", chunks("fffffffffffffffff\r\nx\r\n0\r\n\r\n"), Code(400)),
        ("more than the size", chunks("1\r\nxyz\r\n0\r\n\r\n"), Code(400)),
        ("line feeds alone", chunks(&chunked("").replace("\r\n", "\n")), Code(400)),
        ("a line feed in an extension", chunks(&format!("{size:x};a\nb\r\n{TOGGLE_BODY}\r\n0\r\n\r\n")), Code(400)),
        (
            "endless extensions",
            chunks(&format!("{size:x};{}\r\n{TOGGLE_BODY}\r\n0\r\n\r\n", "a".repeat(20 << 10))),
            Code(400),
        ),
        ("a trailer without a colon", chunks(&chunked("x\r\n")), Code(400)),
        ("too many trailers", chunks(&chunked(&"x: y\r\n".repeat(HEADERS + 1))), Code(400)),
        ("too long trailers", chunks(&chunked(&format!("x: {}\r\n", "y".repeat(HEAD)))), Code(400)),
        ("no end in time", chunks(&whole), Code(408)),
        ("a size of 64 bits and nothing more", chunks("ffffffffffffffff\r\nx"), Code(408)),
        ("too much in one", chunks(&format!("{}0\r\n\r\n", chunk(&"x".repeat(BODY + 1)))), Code(413)),
        ("too much in many", chunks(&format!("{}0\r\n\r\n", chunk("xyz").repeat(BODY / 2))), Code(413)),
    ])
    .await;
}

#[tokio::test]
async fn heads_have_limits() {
    let padded = |bytes: usize| get("/__admin/health", &format!("x: {}\r\n", "y".repeat(bytes))).into_bytes();
    let headers = |number: usize| get("/__admin/health", &"x: y\r\n".repeat(number)).into_bytes();
    let target = |bytes: usize| get(&format!("/{}", "a".repeat(bytes)), "").into_bytes();
    try_all(vec![
        // `host` is one, too.
        ("as many headers as may be", headers(HEADERS - 1), Code(200)),
        ("one header more", headers(HEADERS), Code(431)),
        ("100 000 headers", headers(100_000), Code(431)),
        ("a head as long as it may be", padded(HEAD - padded(0).len()), Code(200)),
        ("one byte more", padded(HEAD - padded(0).len() + 1), Code(431)),
        ("a header of 1 MB", padded(1 << 20), Code(431)),
        ("nothing but empty lines", "\r\n".repeat(100 << 10).into(), Code(431)),
        ("a target as long as it may be", target((8 << 10) - 1), Code(404)),
        ("one byte more of it", target(8 << 10), Code(414)),
        // Where it ends is never seen.
        ("a target of 1 MB", target(1 << 20), Code(431)),
    ])
    .await;
}

#[tokio::test]
async fn what_is_no_http_is_400() {
    let raw = |bytes: &[u8]| bytes.to_vec();
    let line = |line: &str| format!("{line}\r\nhost: mock\r\n\r\n").into_bytes();
    let header = |header: &str| toggle_with(&format!("{header}\r\n{}", length()), TOGGLE_BODY).into_bytes();
    let body = |body: &str| toggle_with(&format!("content-length: {}\r\n", body.len()), body).into_bytes();
    try_all(vec![
        ("NUL in the method", line("G\0T /__admin/health HTTP/1.1"), Code(400)),
        ("NUL in the target", line("GET /__admin/\0health HTTP/1.1"), Code(400)),
        ("a control byte in the target", line("GET /__admin/\x01health HTTP/1.1"), Code(400)),
        ("DEL in the target", line("GET /__admin/\x7fhealth HTTP/1.1"), Code(400)),
        ("no UTF-8 in the target", raw(b"GET /\xff HTTP/1.1\r\nhost: mock\r\n\r\n"), Code(400)),
        ("NUL in the name of a header", header("x\0: y"), Code(400)),
        ("NUL in a header", header("x: y\0z"), Code(400)),
        ("a control byte in a header", header("x: y\x01z"), Code(400)),
        ("DEL in a header", header("x: y\x7fz"), Code(400)),
        ("a header without a name", header(": y"), Code(400)),
        ("a header without a colon", header("x"), Code(400)),
        ("NUL in the body", body(&"\0".repeat(TOGGLE_BODY.len())), ByTheSystem),
        ("NUL in a member", body(&TOGGLE_BODY.replace("634441", "63\x0041")), ByTheSystem),
        ("control bytes in a member", body(&TOGGLE_BODY.replace("634441", "\x01\x1b\r\n")), ByTheSystem),
        ("an escaped NUL in a member", body(&TOGGLE_BODY.replace("634441", "63\\u000041")), ByTheSystem),
        ("two spaces", line("GET  /__admin/health HTTP/1.1"), Code(400)),
        ("no version", raw(b"GET /\r\n\r\n"), Code(400)),
        ("HTTP/1.2", line("GET /__admin/health HTTP/1.2"), Code(400)),
        ("HTTP/2.0", line("GET /__admin/health HTTP/2.0"), Code(400)),
        ("small letters", line("get /__admin/health http/1.1"), Code(400)),
        ("no slash", line("GET __admin/health HTTP/1.1"), Code(400)),
        ("no host", raw(b"GET /__admin/health HTTP/1.1\r\n\r\n"), Code(400)),
        ("no host with HTTP/1.0", raw(b"GET /__admin/health HTTP/1.0\r\n\r\n"), Code(200)),
        ("two hosts", get("/__admin/health", "host: other\r\n").into(), Code(400)),
        ("every byte there is", (0..=u8::MAX).collect(), Code(400)),
        ("TLS", raw(b"\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03"), Code(400)),
        // It is told apart, and nothing of it is answered in HTTP/1.
        ("the preface of HTTP/2", raw(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0"), Closed),
        (
            "a request to become HTTP/2",
            get("/__admin/health", "connection: upgrade\r\nupgrade: h2c\r\n").into(),
            Code(200),
        ),
        ("nothing", raw(b""), Closed),
        ("half a line", raw(b"GET /__adm"), Closed),
        ("empty lines before the request", format!("\r\n\r\n{}", toggle()).into(), Toggled),
        ("the absolute form", toggle().replacen("POST /", "POST http://elsewhere:99/", 1).into(), Toggled),
        ("a tunnel", line("CONNECT mock:443 HTTP/1.1"), Code(405)),
        ("a question about the server", line("OPTIONS * HTTP/1.1"), Code(204)),
        ("a method with the target of that", line("GET * HTTP/1.1"), Code(404)),
    ])
    .await;
}

#[tokio::test]
async fn a_head_that_drips_is_closed_after_its_time_and_others_are_served_meanwhile() {
    for start in ["", "GET /__admin/health HTTP/1.1\r\nhost: mock\r\nx: "] {
        let mut scene = Scene::new(limits()).await;
        let mut wire = scene.connect().await;
        wire.send(start).await;
        // The limit counts from the first byte on, and not from the last.
        within(async {
            loop {
                wire.send("a").await;
                if let Ok(more) = tokio::time::timeout(SHORT / 50, wire.read()).await {
                    assert!(!more, "{}", String::from_utf8_lossy(&wire.bytes));
                    break;
                }
                scene.serves_others("one byte of a head").await;
            }
        })
        .await;
        assert!(scene.toggled > 0, "others were served meanwhile");
        scene.serves_others("a head that drips").await;
    }
}

#[tokio::test]
async fn a_body_that_drips_is_408_after_its_time_and_others_are_served_meanwhile() {
    for (headers, piece) in [("content-length: 4096\r\n", " "), (CHUNKED, "1\r\n \r\n")] {
        let mut scene = Scene::new(limits()).await;
        let mut wire = scene.connect().await;
        wire.send(toggle_with(headers, "")).await;
        within(async {
            loop {
                wire.send(piece).await;
                if tokio::time::timeout(SHORT / 50, wire.read()).await.is_ok() {
                    break;
                }
                scene.serves_others("a piece of a body").await;
            }
        })
        .await;
        assert_eq!(wire.codes().await, [408]);
        assert!(scene.toggled > 0, "others were served meanwhile");
        scene.serves_others("a body that drips").await;
    }
}

#[tokio::test]
async fn a_client_reads_413_though_it_goes_on_sending() {
    let announced = toggle_with("content-length: 1073741824\r\n", "");
    let block = "x".repeat(64 << 10);
    for (name, head, block) in [
        ("1 GB announced", announced, block.clone()),
        ("chunks without an end", toggle_with(CHUNKED, ""), chunk(&block)),
    ] {
        // It looks for an answer after so many blocks.
        for blocks in [1, 200] {
            let mut scene = Scene::new(limits()).await;
            let mut wire = scene.connect().await;
            wire.send(&head).await;
            for _ in 0..blocks {
                within(wire.stream.write_all(block.as_bytes())).await.expect("the server still listens");
            }
            let answer = wire.answer().await.expect("an answer");
            assert_eq!((answer.status(), answer.header("connection")), (413, vec!["close"]), "{name}");
            assert_eq!(answer.json(), json!({ "error": "the request body must have at most 4096 bytes" }));
            assert_eq!(wire.answer().await.map(|answer| answer.text()), None, "{name}");
            scene.serves_others(name).await;
        }
    }
}

#[tokio::test]
async fn a_client_that_waits_for_100_gets_it_or_413() {
    let mut scene = Scene::new(limits()).await;
    for (headers, rest) in [(length(), TOGGLE_BODY.to_owned()), (CHUNKED.to_owned(), chunked(""))] {
        let mut wire = scene.connect().await;
        wire.send(toggle_with(&format!("expect: 100-continue\r\n{headers}"), "")).await;
        assert_eq!(wire.answer().await.unwrap().first_line, "HTTP/1.1 100 Continue");
        assert_eq!(scene.server.requests(OPERATION), scene.calls, "nothing is done yet");
        wire.send(rest).await;
        assert_eq!(wire.answer().await.unwrap().status(), 200);
        (scene.calls, scene.toggled) = (scene.calls + 1, scene.toggled + 1);
        scene.serves_others("100").await;
    }
    let mut wire = scene.connect().await;
    wire.send(toggle_with("expect: 100-continue\r\ncontent-length: 1073741824\r\n", "")).await;
    assert_eq!(wire.codes().await, [413]);
    scene.serves_others("413 instead of 100").await;
}

#[tokio::test]
async fn pipelined_requests_are_answered_in_their_order() {
    let mut scene = Scene::new(limits()).await;
    let mut wire = scene.connect().await;
    let head = "HEAD /openapi.json HTTP/1.1\r\nhost: mock\r\n\r\n";
    let health = get("/__admin/health", "");
    let chunks = toggle_with(CHUNKED, &chunked("x: y\r\n"));
    let question = "OPTIONS * HTTP/1.1\r\nhost: mock\r\n\r\n";
    let round = [CONTRACT, head, &toggle(), &health, &chunks, question].concat();
    wire.send(round.repeat(20)).await;
    for _ in 0..20 {
        let contract = wire.answer().await.unwrap();
        let announced = wire.next(false).await.unwrap();
        assert_eq!(announced.header("content-length"), [contract.body.len().to_string()], "and no body");
        assert_eq!(announced.header("content-type"), ["application/json"]);
        assert_eq!(wire.answer().await.unwrap().json()["status"], "success");
        assert_eq!(wire.answer().await.unwrap().json()["status"], "ok");
        assert_eq!(wire.answer().await.unwrap().json()["status"], "success");
        assert_eq!(wire.answer().await.unwrap().status(), 204);
    }
    (scene.calls, scene.toggled) = (40, 40);
    scene.serves_others("240 pipelined requests").await;
}

#[tokio::test]
async fn a_client_that_sends_nothing_more_still_gets_its_answers() {
    let mut scene = Scene::new(one_at_a_time()).await;
    let contract = {
        let mut wire = scene.connect().await;
        wire.send(CONTRACT).await;
        wire.answer().await.unwrap().text()
    };
    // An answer beyond what the sockets hold, and one that takes its time.
    for (name, requests, answers, toggled) in [
        ("a body", toggle(), 1, 1),
        ("chunks", toggle_with(CHUNKED, &chunked("x: y\r\n")), 1, 1),
        ("no body", get("/__admin/health", ""), 1, 0),
        ("many", toggle().repeat(50), 50, 50),
        ("a large answer", CONTRACT.to_owned(), 1, 0),
        ("many large answers", CONTRACT.repeat(100), 100, 0),
    ] {
        let mut wire = scene.connect().await;
        wire.send(requests).await;
        wire.end().await;
        let got = wire.answers().await;
        assert_eq!(got.iter().map(Message::status).collect::<Vec<_>>(), vec![200; answers], "{name}");
        assert!(!name.contains("large") || got.iter().all(|answer| answer.text() == contract), "{name}");
        (scene.calls, scene.toggled) = (scene.calls + toggled, scene.toggled + toggled);
        scene.serves_others(name).await;
    }

    scene.server.fault(Fault::drip(10, Duration::from_millis(2)).times(1)).unwrap();
    let mut wire = scene.connect().await;
    wire.send(toggle()).await;
    wire.end().await;
    assert_eq!(wire.answer().await.unwrap().json()["status"], "success", "though it drips");
    (scene.calls, scene.toggled) = (scene.calls + 1, scene.toggled + 1);

    // Half a request is none.
    for (part, codes) in
        [("", vec![]), ("POST /api/users", vec![]), (&toggle()[..toggle().len() - 1], vec![400]), (TOGGLE, vec![])]
    {
        let mut wire = scene.connect().await;
        wire.send(part).await;
        wire.end().await;
        assert_eq!(wire.codes().await, codes, "{part}");
        scene.serves_others(part).await;
    }

    // Who goes away while the call waits takes it along.
    scene.server.fault(Fault::delay(LONG).before_the_change().times(1)).unwrap();
    let mut wire = scene.connect().await;
    wire.send(toggle()).await;
    wire.end().await;
    assert!(wire.codes().await.is_empty());
    scene.serves_others("a call that waited").await;
}

#[tokio::test]
async fn a_client_may_go_away_at_any_byte() {
    let mut scene = Scene::new(one_at_a_time()).await;
    for request in [toggle(), toggle_with(CHUNKED, &chunked(""))] {
        for end in (0..request.len()).step_by(7) {
            for reset in [false, true] {
                let mut wire = scene.connect().await;
                wire.send(&request[..end]).await;
                if reset {
                    wire.reset();
                } else {
                    drop(wire);
                }
                scene.serves_others(&request[..end]).await;
            }
        }
    }
    // While the answer is on its way, which is more than the sockets hold.
    for reset in [false, true] {
        let mut wire = scene.connect().await;
        wire.send(CONTRACT.repeat(200)).await;
        assert!(wire.read().await);
        if reset {
            wire.reset();
        } else {
            drop(wire);
        }
        scene.serves_others("an answer broken off").await;
    }
}

#[tokio::test]
async fn a_client_that_takes_nothing_is_closed_after_its_time() {
    let mut limits = one_at_a_time();
    limits.write_timeout = SHORT;
    let mut scene = Scene::new(limits).await;
    let mut wire = scene.connect().await;
    wire.send(CONTRACT.repeat(500)).await;
    scene.serves_others("a client that takes nothing").await;
    let mut answers = 0;
    while wire.answer().await.is_some() {
        answers += 1;
    }
    assert!(answers < 500, "{answers}");
}

#[tokio::test]
async fn connections_beyond_the_limit_wait_and_are_served() {
    let mut limits = one_at_a_time();
    limits.connections = 3;
    let mut scene = Scene::new(limits).await;
    let mut first = Vec::new();
    for _ in 0..3 {
        let mut wire = scene.connect().await;
        wire.send(toggle()).await;
        assert_eq!(wire.answer().await.unwrap().status(), 200);
        first.push(wire);
    }
    let mut waiting = Vec::new();
    for _ in 0..20 {
        let mut wire = scene.connect().await;
        wire.send(toggle()).await;
        waiting.push(wire);
    }
    for wire in &mut first {
        wire.send(toggle()).await;
        assert_eq!(wire.answer().await.unwrap().status(), 200);
    }
    assert_eq!(scene.server.requests(OPERATION), 6, "nobody else was served yet");
    drop(first);
    for mut wire in waiting {
        assert_eq!(wire.answer().await.unwrap().status(), 200);
    }
    (scene.calls, scene.toggled) = (26, 26);
    scene.serves_others("those that waited").await;
}

#[tokio::test]
async fn many_that_hold_their_connections_keep_nobody_from_being_served() {
    let mut limits = limits();
    (limits.head_timeout, limits.body_timeout) = (LONG, LONG);
    let mut scene = Scene::new(limits).await;
    let half = toggle();
    let mut held = Vec::new();
    for number in 0..300 {
        let mut wire = scene.connect().await;
        wire.send(&half[..number % half.len()]).await;
        held.push(wire);
    }
    for _ in 0..20 {
        scene.serves_others("300 that hold on").await;
    }
    drop(held);
    scene.serves_others("300 that went").await;
}

#[tokio::test]
async fn limits_may_be_as_large_as_their_types_allow() {
    let mut limits = Limits::default();
    (limits.body, limits.head, limits.connections) = (usize::MAX, usize::MAX, usize::MAX);
    (limits.head_timeout, limits.body_timeout, limits.write_timeout) = (Duration::MAX, Duration::MAX, Duration::MAX);
    let mut scene = Scene::new(limits).await;
    scene.serves_others("nothing").await;
}

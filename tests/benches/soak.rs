//! What a mock server holds after a million requests of every kind, and what it does without file descriptors.
//! `.ci/soak` starts the servers and runs it.
//!
//! `cargo bench -p user-status-benches --bench soak -- --server 127.0.0.1:PORT --pid PID --requests 1000000`
//!
//! Calls that succeed for all five systems and calls that are refused, in as many worlds as the server has by default and
//! in more than that; faults with a probability; reads of the admin API; and connections that break off. Where no fault
//! strikes, each must get its own status code, and none may get 500. The memory may not grow by more than a fifth in the
//! last nine tenths of the requests, and no file descriptor may stay open.
//!
//! `… -- --server 127.0.0.1:PORT --pid PID --exhaust 64` opens more connections than a server has file descriptors,
//! which is to have been started with so many, and wants to be served when they are closed.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::env;
use std::fs;
use std::io::Write as _;
use std::net::SocketAddr;
use std::process::ExitCode;
use std::rc::Rc;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::runtime::Builder;
use tokio::task::LocalSet;

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

/// The time for which a server may be silent before that is a failure.
const PATIENCE: Duration = Duration::from_secs(30);
/// The number of times that the server is looked at while something is waited for.
const LOOK: Duration = Duration::from_millis(20);
/// The number of connections that send at a time.
const CONNECTIONS: usize = 64;
/// The most worlds beside the default one, as the server has it by default.
const WORLDS: u64 = 256;
/// By how much the memory may grow, as a part of it, once so many requests have filled all journals.
const GROWTH: f64 = 0.2;
const FILLED: u64 = 100_000;
/// The most bytes of a request body, as the server has it by default.
const BODY: usize = 1 << 20;

fn main() -> ExitCode {
    let done = Settings::read(env::args().skip(1)).and_then(|settings| {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        LocalSet::new().block_on(&runtime, async {
            match settings.exhaust {
                Some(descriptors) => exhaust(&settings, descriptors).await,
                None => soak(&settings).await,
            }
        })
    });
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("soak: {error}");
            ExitCode::FAILURE
        }
    }
}

/// What the command line says.
struct Settings {
    server: SocketAddr,
    pid: u32,
    requests: u64,
    /// The number of file descriptors that the server has, if that is what is tried.
    exhaust: Option<usize>,
}

impl Settings {
    fn read(mut arguments: impl Iterator<Item = String>) -> Result<Settings> {
        let (mut server, mut pid, mut requests, mut exhaust) = (None, None, 1_000_000, None);
        while let Some(flag) = arguments.next() {
            // Cargo itself passes it.
            if flag == "--bench" {
                continue;
            }
            let value = arguments.next().ok_or_else(|| format!("`{flag}` needs a value"))?;
            let wrong = |e: &dyn std::fmt::Display| format!("`{flag} {value}`: {e}");
            match flag.as_str() {
                "--server" => server = Some(value.parse().map_err(|e| wrong(&e))?),
                "--pid" => pid = Some(value.parse().map_err(|e| wrong(&e))?),
                "--requests" => requests = value.parse().map_err(|e| wrong(&e))?,
                "--exhaust" => exhaust = Some(value.parse().map_err(|e| wrong(&e))?),
                _ => return Err(wrong(&"known are --server, --pid, --requests and --exhaust").into()),
            }
        }
        let (Some(server), Some(pid)) = (server, pid) else {
            return Err("--server and --pid are needed; .ci/soak knows them".into());
        };
        Ok(Settings { server, pid, requests, exhaust })
    }

    /// Returns the number of file descriptors that the server has open.
    fn descriptors(&self) -> Result<usize> {
        let folder = format!("/proc/{}/fd", self.pid);
        Ok(fs::read_dir(&folder).map_err(|e| format!("the server is gone: {folder}: {e}"))?.count())
    }

    /// Its memory in KiB: how much it is, and how much it was at most.
    fn memory(&self) -> Result<(u64, u64)> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.pid))?;
        let line = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
            line.and_then(|rest| rest.split_whitespace().next()?.parse().ok()).ok_or_else(|| format!("no {name}"))
        };
        Ok((line("VmRSS")?, line("VmHWM")?))
    }

    /// Waits until no more than so many file descriptors are open, and says how many are.
    async fn calm(&self, descriptors: usize) -> Result<usize> {
        let until = Instant::now() + PATIENCE;
        loop {
            let open = self.descriptors()?;
            if open <= descriptors {
                return Ok(open);
            }
            if Instant::now() > until {
                return Err(format!("{open} file descriptors stay open; there were {descriptors} before").into());
            }
            tokio::time::sleep(LOOK).await;
        }
    }
}

/// One end of a connection.
struct Wire {
    stream: TcpStream,
    bytes: Vec<u8>,
}

impl Wire {
    async fn open(server: SocketAddr) -> Result<Wire> {
        let stream = TcpStream::connect(server).await.map_err(|e| format!("no connection: {e}"))?;
        stream.set_nodelay(true)?;
        Ok(Wire { stream, bytes: Vec::new() })
    }

    /// Sends a request and reads the answer: its status code, and whether the connection ends after it. `None` if it
    /// ends before.
    async fn call(&mut self, request: &[u8]) -> Result<Option<(u16, bool)>> {
        match tokio::time::timeout(PATIENCE, self.exchange(request)).await {
            Ok(answer) => Ok(answer),
            Err(_) => {
                Err(format!("no answer to {}", String::from_utf8_lossy(&request[..request.len().min(500)])).into())
            }
        }
    }

    async fn exchange(&mut self, request: &[u8]) -> Option<(u16, bool)> {
        // An answer may come before all was taken.
        let _ = self.stream.write_all(request).await;
        self.answer().await
    }

    async fn answer(&mut self) -> Option<(u16, bool)> {
        self.bytes.clear();
        loop {
            if let Some((head, end)) = head(&self.bytes) {
                let status = head.get(9..12)?.parse().ok()?;
                let length = field(head, "content-length").map_or(Some(0), |length| length.parse().ok())?;
                let closes = field(head, "connection").is_some_and(|value| value == "close");
                while self.bytes.len() < end + length {
                    self.more().await?;
                }
                return Some((status, closes));
            }
            self.more().await?;
        }
    }

    async fn more(&mut self) -> Option<()> {
        (self.stream.read_buf(&mut self.bytes).await.ok()? > 0).then_some(())
    }
}

/// The head of an answer, and where it ends.
fn head(bytes: &[u8]) -> Option<(&str, usize)> {
    let end = bytes.windows(4).position(|window| window == b"\r\n\r\n")?;
    Some((str::from_utf8(&bytes[..end]).ok()?, end + 4))
}

fn field<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    head.split("\r\n").find_map(|line| line.split_once(": ").filter(|(n, _)| n.eq_ignore_ascii_case(name)))?.1.into()
}

/// A request on the admin API, and the answer as JSON.
async fn admin(server: SocketAddr, line: &str, body: &str) -> Result<Value> {
    let mut wire = Wire::open(server).await?;
    let length = body.len();
    let request = format!("{line} HTTP/1.1\r\nhost: localhost\r\ncontent-length: {length}\r\n\r\n{body}");
    match wire.call(request.as_bytes()).await? {
        Some((200..=299, _)) => {}
        other => return Err(format!("{line}: {other:?}: {}", String::from_utf8_lossy(&wire.bytes)).into()),
    }
    let (_, end) = head(&wire.bytes).ok_or("no answer")?;
    Ok(serde_json::from_slice(&wire.bytes[end..])?)
}

/// A call that succeeds in every world.
struct Call {
    line: String,
    headers: String,
    body: String,
}

/// One for each system.
async fn calls(server: SocketAddr) -> Result<Vec<Call>> {
    let credentials = admin(server, "GET /__admin/credentials", "").await?;
    let token = credentials["clearsquare"]["bearer"].as_str().ok_or("ClearSquare has no token")?;
    let calls = [
        ("userdocks", "PUT /api/v1/users/6f1e9c1e-3b57-4f0a-9d0e-0c2f0f5a1d11/access-status/1", Value::Null),
        (
            "akana",
            "PUT /api/users/f57dd9cc-2608-456e-9dfa-300c85224a73.acmepaymentscorp/status",
            json!({ "UserStatus": "com.soa.user.status.enabled", "Comments": "x".repeat(200) }),
        ),
        (
            "mediconnect",
            "PATCH /api/admin/users/42/status",
            json!({ "isSuspended": true, "suspensionReason": "Violation of terms of service" }),
        ),
        ("symphony", "POST /pod/v1/admin/user/7215545078541/status/update", json!({ "status": "ENABLED" })),
        ("clearsquare", "POST /api/users/manage-status", json!({ "id": "634441cecbb5901d133039f8", "token": token })),
    ];
    let call = |(system, line, body): (&str, &str, Value)| {
        let mut headers = String::new();
        for (name, value) in credentials[system].as_object().into_iter().flatten() {
            let value = value.as_str().unwrap_or_default();
            headers.push_str(&match name.as_str() {
                // Its API key is enough.
                "bearer" if system == "userdocks" => continue,
                "bearer" => format!("authorization: Bearer {value}\r\n"),
                name if name.starts_with("AtmoAuthToken_") => format!("cookie: {name}={value}\r\n"),
                name => format!("{name}: {value}\r\n"),
            });
        }
        let body = if body.is_null() {
            String::new()
        } else {
            headers.push_str("content-type: application/json\r\n");
            body.to_string()
        };
        Call { line: line.to_owned(), headers, body }
    };
    Ok(calls.into_iter().map(call).collect())
}

/// What may come of a request.
enum Wanted {
    Status(u16),
    /// One of these, or no answer: faults are about.
    Any(&'static [u16]),
    /// Nothing is waited for; the connection is reset, or ended.
    Gone {
        reset: bool,
    },
}

/// What all connections share.
struct Load {
    server: SocketAddr,
    calls: Vec<Call>,
    next: Cell<u64>,
    until: Cell<u64>,
    /// The number of answers by status code; 0 for those that never came.
    answers: RefCell<BTreeMap<u16, u64>>,
}

impl Load {
    /// Writes the request of this number.
    fn write(&self, number: u64, request: &mut Vec<u8>) -> Wanted {
        use Wanted::{Any, Gone, Status};
        request.clear();
        let Call { line, headers, body } = &self.calls[(number % 5) as usize];
        let length = body.len();
        let chance = mix(number);
        let world = number % WORLDS;
        // Writing into memory cannot fail.
        let mut write = |text: std::fmt::Arguments| request.write_fmt(text).unwrap_or_default();
        let whole = format_args!("content-length: {length}\r\n\r\n{body}");
        match chance % 100 {
            0..45 => {
                write(format_args!(
                    "{line} HTTP/1.1\r\nhost: localhost\r\nx-mock-world: soak-{world}\r\n{headers}{whole}"
                ));
                Status(200)
            }
            45..65 => {
                write(format_args!("{line} HTTP/1.1\r\nhost: localhost\r\n{headers}{whole}"));
                Any(&[200, 429, 502, 503])
            }
            65..68 => {
                let head = format_args!("{line} HTTP/1.1\r\nhost: localhost\r\nx-mock-world: soak-{world}\r\n");
                write(format_args!("{head}{headers}transfer-encoding: chunked\r\n\r\n"));
                match length {
                    0 => write(format_args!("0\r\n\r\n")),
                    length => write(format_args!("{length:x}\r\n{body}\r\n0\r\nx: y\r\n\r\n")),
                }
                Status(200)
            }
            68..72 => {
                let line = "POST /api/users/manage-status HTTP/1.1\r\nhost: localhost";
                write(format_args!("{line}\r\nx-mock-world: soak-beyond-{world}\r\ncontent-length: 0\r\n\r\n"));
                Status(503)
            }
            72..76 => {
                write(format_args!("{line} HTTP/1.1\r\nhost: localhost\r\nx-mock-world: soak-{world}\r\n{whole}"));
                Status(401)
            }
            76..80 => {
                let Call { line, headers, .. } = &self.calls[4];
                let noise = chance >> 32;
                let body = format!("{{\"id\": \"{noise:x}\", \"{noise}\": [{noise}]}}");
                let length = body.len();
                write(format_args!("{line} HTTP/1.1\r\nhost: localhost\r\nx-mock-world: soak-{world}\r\n{headers}"));
                write(format_args!("content-length: {length}\r\n\r\n{body}"));
                Status(400)
            }
            80..83 => {
                write(format_args!(
                    "GET /nowhere/{chance} HTTP/1.1\r\nhost: localhost\r\nx-mock-world: soak-{world}\r\n\r\n"
                ));
                Status(404)
            }
            83..85 => {
                write(format_args!("DELETE /api/users/manage-status HTTP/1.1\r\nhost: localhost\r\n\r\n"));
                Status(405)
            }
            85 => {
                let too_many = BODY + 1;
                write(format_args!(
                    "{line} HTTP/1.1\r\nhost: localhost\r\n{headers}content-length: {too_many}\r\n\r\nx"
                ));
                Status(413)
            }
            86 => {
                write(format_args!("GET /nowhere HTTP/1.1\r\nhost: localhost\r\nx: {}\r\n\r\n", "y".repeat(64 << 10)));
                Status(431)
            }
            87 => {
                write(format_args!("{chance} {chance}\r\n\r\n"));
                Status(400)
            }
            88..90 => {
                let page = ["/__admin/users", "/__admin/requests?limit=3", "/docs", "/openapi.json"]
                    [(chance >> 32) as usize % 4];
                write(format_args!("GET {page} HTTP/1.1\r\nhost: localhost\r\nx-mock-world: soak-{world}\r\n\r\n"));
                Status(200)
            }
            rest => {
                write(format_args!("{line} HTTP/1.1\r\nhost: localhost\r\n{headers}{whole}"));
                // Half of them as a whole, the others up to somewhere.
                if rest < 95 {
                    request.truncate((chance >> 32) as usize % request.len());
                }
                Gone { reset: chance >> 63 == 0 }
            }
        }
    }

    /// Sends one request after the other.
    async fn run(&self) -> Result<()> {
        let mut wire = None;
        let mut request = Vec::new();
        while self.next.get() < self.until.get() {
            let number = self.next.get();
            self.next.set(number + 1);
            let wanted = self.write(number, &mut request);
            let mut open = match wire.take() {
                Some(open) => open,
                None => Wire::open(self.server).await?,
            };
            if let Wanted::Gone { reset } = wanted {
                let _ = open.stream.write_all(&request).await;
                if reset {
                    open.stream.set_zero_linger()?;
                }
                continue;
            }
            let answer = open.call(&request).await?;
            let status = answer.map_or(0, |(status, _)| status);
            *self.answers.borrow_mut().entry(status).or_default() += 1;
            let good = match wanted {
                Wanted::Status(wanted) => status == wanted,
                Wanted::Any(all) => status == 0 || all.contains(&status),
                Wanted::Gone { .. } => true,
            };
            if !good {
                let (request, answer) = (&request[..request.len().min(500)], &open.bytes);
                let [request, answer] = [request, answer].map(String::from_utf8_lossy);
                return Err(format!("request {number} had {status}:\n{request}\n{answer}").into());
            }
            wire = answer.is_some_and(|(_, closes)| !closes).then_some(open);
        }
        Ok(())
    }
}

/// A number that looks like chance, and is the same in each run.
fn mix(number: u64) -> u64 {
    let mut z = number.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

async fn soak(settings: &Settings) -> Result<()> {
    let server = settings.server;
    let before = settings.descriptors()?;
    let load = Rc::new(Load {
        server,
        calls: calls(server).await?,
        next: Cell::new(0),
        until: Cell::new(0),
        answers: RefCell::default(),
    });
    for fault in [
        json!({ "kind": "reset", "probability": 0.01 }),
        json!({ "kind": "truncate", "probability": 0.01 }),
        json!({ "kind": "close", "when": "after_the_change", "probability": 0.01 }),
        json!({ "kind": { "malformed_body": {} }, "probability": 0.01, "off_contract": true }),
        json!({ "kind": { "unavailable": { "retry_after": { "seconds": 1 } } }, "probability": 0.05, "off_contract": true }),
        json!({ "kind": "html_502", "probability": 0.01, "off_contract": true }),
        json!({ "kind": { "delay": { "uniform": { "from": 1, "to": 5 } } }, "probability": 0.02 }),
        json!({ "kind": { "drip": { "bytes": 10, "milliseconds": 1 } }, "probability": 0.01 }),
    ] {
        admin(server, "POST /__admin/faults", &fault.to_string()).await?;
    }
    for world in 0..WORLDS {
        admin(server, &format!("GET /__world/soak-{world}/__admin/health"), "").await?;
    }
    println!(
        "{:>9}{:>8}{:>9}{:>11}{:>11}{:>12}{:>11}",
        "requests", "s", "req/s", "RSS MiB", "peak MiB", "fds loaded", "fds after"
    );
    let begin = Instant::now();
    let mut memory = Vec::new();
    for requests in [0, settings.requests / 100, settings.requests / 10, settings.requests] {
        load.until.set(requests);
        let mut connections = Vec::new();
        for _ in 0..if requests == 0 { 0 } else { CONNECTIONS } {
            let load = load.clone();
            connections.push(tokio::task::spawn_local(async move { load.run().await.map_err(|e| e.to_string()) }));
        }
        let mut loaded = settings.descriptors()?;
        while connections.iter().any(|connection| !connection.is_finished()) {
            tokio::time::sleep(LOOK).await;
            loaded = loaded.max(settings.descriptors()?);
        }
        for connection in connections {
            connection.await??;
        }
        let time = begin.elapsed().as_secs_f64();
        // A connection that is closed is listened to for a moment.
        let after = settings.calm(before).await?;
        let (now, peak) = settings.memory()?;
        memory.push(now as f64);
        let mib = |kib: u64| kib as f64 / 1024.0;
        let rate = if requests == 0 { 0.0 } else { requests as f64 / time };
        println!("{requests:>9}{time:>8.1}{rate:>9.0}{:>11.1}{:>11.1}{loaded:>12}{after:>11}", mib(now), mib(peak));
    }
    let answers: Vec<String> = load
        .answers
        .borrow()
        .iter()
        .map(|(status, count)| match status {
            0 => format!("{count} broken off by a fault"),
            status => format!("{count} with {status}"),
        })
        .collect();
    println!("answers: {}", answers.join(", "));
    let (middle, end) = (memory[2], memory[3]);
    if settings.requests / 10 >= FILLED && end > middle * (1.0 + GROWTH) {
        let percent = (end / middle - 1.0) * 100.0;
        return Err(format!("the memory grew by {percent:.0} % after a tenth of the requests").into());
    }
    Ok(())
}

/// Opens more connections than the server has file descriptors, closes them, and wants to be served.
async fn exhaust(settings: &Settings, descriptors: usize) -> Result<()> {
    let before = settings.descriptors()?;
    let health = b"GET /__admin/health HTTP/1.1\r\nhost: localhost\r\n\r\n";
    println!("{:>6}{:>13}{:>10}{:>12}{:>11}", "round", "connections", "answered", "fds loaded", "fds after");
    for round in 1..=3 {
        let mut wires = Vec::new();
        for _ in 0..descriptors * 8 {
            let mut wire = Wire::open(settings.server).await?;
            wire.stream.write_all(health).await?;
            wires.push(wire);
        }
        let until = Instant::now() + PATIENCE;
        while settings.descriptors()? < descriptors {
            if Instant::now() > until {
                return Err("the server never ran out of file descriptors".into());
            }
            tokio::time::sleep(LOOK).await;
        }
        let loaded = settings.descriptors()?;
        // Those that it has are served as ever; the others wait.
        let mut answered = 0;
        for wire in &mut wires {
            match tokio::time::timeout(LOOK, wire.answer()).await {
                Ok(Some((200, _))) => answered += 1,
                Ok(other) => return Err(format!("connection {answered} had {other:?}").into()),
                Err(_) => break,
            }
        }
        match wires[0].call(health).await? {
            Some((200, _)) => {}
            other => return Err(format!("the first connection is no longer served: {other:?}").into()),
        }
        drop(wires);
        let mut wire = Wire::open(settings.server).await?;
        match wire.call(health).await? {
            Some((200, _)) => {}
            other => return Err(format!("nobody is served afterwards: {other:?}").into()),
        }
        drop(wire);
        let after = settings.calm(before).await?;
        println!("{round:>6}{:>13}{answered:>10}{loaded:>12}{after:>11}", descriptors * 8);
    }
    Ok(())
}

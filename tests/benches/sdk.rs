//! What a call of the SDK costs, beside the same request by bare `reqwest` and by bare `hyper`.
//!
//! `cargo bench -p user-status-tests --bench sdk -- [ROUNDS [SECONDS]]`
//!
//! *typed* is a call of the generated client, *vendor* `Symphony::apply`, *unified* the same through
//! `Box<dyn AccountSystem>`; each as it comes, with deadlines, retries, spans, and credentials kept out of the answer. All
//! send the same request over keep-alive connections, and read the answer into a type. They run in turn, round after round,
//! on one thread; a ratio compares two runs of the same round. The server does nothing but answer, on a thread of its own.

use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use http_body_util::{BodyExt as _, Full};
use hyper::body::Bytes;
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use user_status::vendors::Symphony;
use user_status::vendors::symphony::{Credentials, types};
use user_status::{AccountSystem, StatusChange};

type Result<T> = std::result::Result<T, Box<dyn std::error::Error + Send + Sync>>;

const PATH: &str = "/pod/v1/admin/user/7215545078541/status/update";
const ANSWER: &str = r#"{"format":"TEXT","message":"OK"}"#;
const TOKEN: &str = "a-session-token-of-some-length";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    let number = |at: usize, default: f64| arguments.get(at).map_or(Ok(default), |text| text.parse::<f64>());
    let result = number(0, 7.0).and_then(|rounds| Ok((rounds, number(1, 1.0)?)));
    match result
        .map_err(Into::into)
        .and_then(|(rounds, seconds)| run(rounds as usize, Duration::from_secs_f64(seconds)))
    {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("sdk: {error}");
            ExitCode::FAILURE
        }
    }
}

/// What sends the request.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Subject {
    Hyper,
    Reqwest,
    Typed,
    Vendor,
    Unified,
}

const SUBJECTS: [Subject; 5] = [Subject::Reqwest, Subject::Hyper, Subject::Typed, Subject::Vendor, Subject::Unified];

fn run(rounds: usize, time: Duration) -> Result<()> {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let mut report = Vec::new();
    println!("{:<12}{:<10}{:>28}{:>30}", "at once", "", "calls/s, median (spread)", "of reqwest, median (spread)");
    for at_once in [1, 16, 64] {
        let mut rates = vec![Vec::new(); SUBJECTS.len()];
        for round in 0..rounds.max(1) {
            for turn in 0..SUBJECTS.len() {
                // Another one is the first in each round.
                let turn = (turn + round) % SUBJECTS.len();
                rates[turn].push(rate(SUBJECTS[turn], at_once, time)?);
            }
        }
        for (subject, of_subject) in SUBJECTS.iter().zip(&rates) {
            let ratios: Vec<f64> = of_subject.iter().zip(&rates[0]).map(|(rate, reqwest)| rate / reqwest).collect();
            let (rate, ratio) = (Spread::of(of_subject), Spread::of(&ratios));
            let name = format!("{subject:?}").to_lowercase();
            println!("{at_once:<12}{name:<10}{:>28}{:>30}", rate.text(0), ratio.text(2));
            report.push(json!({
                "at_once": at_once, "subject": name, "calls_per_second": rate.json(), "of_reqwest": ratio.json(),
            }));
        }
    }
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().ok_or("there is no target folder")?.join("bench");
    fs::create_dir_all(&target)?;
    fs::write(target.join("sdk.json"), format!("{:#}\n", Value::from(report)))?;
    println!("written to {}", target.join("sdk.json").display());
    Ok(())
}

struct Spread {
    least: f64,
    median: f64,
    most: f64,
}

impl Spread {
    fn of(values: &[f64]) -> Spread {
        let mut values = values.to_vec();
        values.sort_by(f64::total_cmp);
        Spread { least: values[0], median: values[values.len() / 2], most: values[values.len() - 1] }
    }

    fn text(&self, places: usize) -> String {
        format!("{:.places$} ({:.places$}–{:.places$})", self.median, self.least, self.most)
    }

    fn json(&self) -> Value {
        json!({ "lowest": self.least, "median": self.median, "highest": self.most })
    }
}

/// Calls per second of one subject, for one round with a server and connections of its own.
fn rate(subject: Subject, at_once: usize, time: Duration) -> Result<f64> {
    let server = std::net::TcpListener::bind("127.0.0.1:0")?;
    server.set_nonblocking(true)?;
    let address = server.local_addr()?;
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let thread = std::thread::spawn(move || -> std::io::Result<()> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(async {
            tokio::select! {
                served = serve(TcpListener::from_std(server)?) => served,
                _ = stopped => Ok(()),
            }
        })
    });
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let calls = runtime.block_on(load(subject, address, at_once, time))?;
    drop(runtime);
    let _ = stop.send(());
    thread.join().map_err(|_| "the server panicked")??;
    Ok(calls as f64 / time.as_secs_f64())
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

async fn load(subject: Subject, address: SocketAddr, at_once: usize, time: Duration) -> Result<u64> {
    let symphony = Symphony::builder()
        .base_url(format!("http://{address}/pod"))
        .credentials(Credentials::session_token(TOKEN))
        .build()?;
    let client = reqwest::Client::builder().no_proxy().build()?;
    let from = Instant::now() + time.mul_f64(0.2);
    let until = from + time;
    let mut tasks: JoinSet<Result<u64>> = JoinSet::new();
    for _ in 0..at_once {
        let (symphony, client) = (symphony.clone(), client.clone());
        let unified: Box<dyn AccountSystem> = Box::new(symphony.clone());
        let mut connection = Connection::open(address).await?;
        tasks.spawn(async move {
            let (change, mut calls) = (StatusChange::enable(), 0);
            loop {
                let now = Instant::now();
                if now >= until {
                    return Ok(calls);
                }
                calls += u64::from(now >= from);
                match subject {
                    Subject::Hyper => connection.call().await?,
                    Subject::Reqwest => bare(&client, address).await?,
                    Subject::Typed => {
                        let body = types::SymphonyUserStatus::builder().status(Some("ENABLED".parse()?));
                        let call = symphony.client().update_user_status().uid(7_215_545_078_541_i64).body(body);
                        call.send().await.map_err(|e| e.to_string())?;
                    }
                    Subject::Vendor => drop(symphony.apply("7215545078541", &change).await?),
                    Subject::Unified => drop(unified.apply("7215545078541", &change).await?),
                }
            }
        });
    }
    let mut calls = 0;
    while let Some(ended) = tasks.join_next().await {
        calls += ended??;
    }
    Ok(calls)
}

async fn bare(client: &reqwest::Client, address: SocketAddr) -> Result<()> {
    let request = client.post(format!("http://{address}{PATH}")).header("sessionToken", TOKEN);
    let answer = request.json(&json!({ "status": "ENABLED" })).send().await?.error_for_status()?;
    answer.json::<types::SymphonySuccessResponse>().await?;
    Ok(())
}

/// A connection of bare `hyper`.
struct Connection(hyper::client::conn::http1::SendRequest<Full<Bytes>>);

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

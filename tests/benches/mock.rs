//! How fast the mock server answers, beside a bare `axum` route and a bare `wiremock` stub that send the same answer.
//!
//! `cargo bench -p user-status-benches --bench mock -- --connections 64 --rounds 7 --seconds 2`
//!
//! All four get the same request over keep-alive connections. They run in turn, round after round, each on a fresh
//! server, so that a slow phase of the machine meets all of them; a ratio compares two runs of the same round. Each
//! server has one thread, which is what `wiremock` has, and the load has one, in the same process.
//!
//! `wiremock` keeps every request in memory while a round lasts: some kilobytes for each.
//!
//! After that, the memory of each server, in a process of its own, after so many requests. `--memory 0` leaves it out.
//!
//! `USER_STATUS_MOCK_BIN` names a binary of the mock server whose start is then measured as well.

mod wire;

use std::env;
use std::fmt::Write as _;
use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream as BlockingTcpStream};
use std::path::Path;
use std::process::{Child, Command, ExitCode, Stdio};
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use axum::body::Bytes;
use axum::http::header::CONTENT_TYPE;
use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::{Builder, Runtime};
use tokio::task::{JoinHandle, JoinSet};
use user_status_mock::{MockServer, StandaloneServer, SystemKind};
use user_status_tests::figures::{self, Spread};
use wiremock::matchers::{method, path};
use wiremock::{Mock, ResponseTemplate};

use wire::{ANSWER, JSON, PATH, Result, authority, exchange, is_answer, request};

/// The time for which a server may be silent before that is a failure.
const PATIENCE: Duration = Duration::from_secs(10);
/// The number of times that a start is measured.
const STARTS: usize = 20;
/// The part of a round that is run and not counted.
const WARM_UP: f64 = 0.1;

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).filter(|argument| argument != "--bench").collect();
    let done = match arguments.as_slice() {
        [mode, subject] if mode == SERVE => serve(subject),
        _ => Settings::read(arguments.into_iter()).and_then(|settings| run(&settings)),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("mock: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(settings: &Settings) -> Result<()> {
    // So that the cold start does not measure what is new for the process and has nothing to do with the mock server.
    start(Subject::Axum, "")?;
    let (cold, token) = cold_start()?;
    let starts = Starts::measure(cold, &token)?;
    let throughput = throughput(settings, &token)?;
    let memory = memory(settings, &token)?;
    let cpus = thread::available_parallelism().map_or(0, usize::from);

    println!(
        "{} connections, {} rounds of {} s, {cpus} CPUs: median (lowest – highest)\n",
        settings.connections,
        settings.rounds,
        settings.time.as_secs_f64()
    );
    print!("{}\n{}", throughput_table(&throughput), starts.table());

    let report = json!({
        "connections": settings.connections,
        "rounds": settings.rounds,
        "seconds": settings.time.as_secs_f64(),
        "cpus": cpus,
        "throughput": throughput.iter().map(Throughput::json).collect::<Vec<_>>(),
        "start": starts.json(),
        "memory": memory,
    });
    figures::write(env!("CARGO_TARGET_TMPDIR"), "mock", &report)?;
    Ok(())
}

/// What the command line says.
struct Settings {
    /// After how many requests the memory is looked at for the last time.
    memory: usize,
    connections: usize,
    rounds: usize,
    /// The time for which one subject runs in one round.
    time: Duration,
}

impl Settings {
    fn read(mut arguments: impl Iterator<Item = String>) -> Result<Settings> {
        let mut settings = Settings { memory: 1_000_000, connections: 64, rounds: 7, time: Duration::from_secs(2) };
        while let Some(flag) = arguments.next() {
            let mut value = |wanted: &str, valid: fn(f64) -> bool| {
                let value = arguments.next().ok_or_else(|| format!("`{flag}` needs {wanted}"))?;
                let number = value.parse::<f64>().ok().filter(|number| valid(*number));
                number.ok_or_else(|| format!("`{flag} {value}` is not {wanted}"))
            };
            let whole = |number: f64| number.fract() == 0.0 && (1.0..=10_000.0).contains(&number);
            match flag.as_str() {
                "--memory" => {
                    let whole = |number: f64| number.fract() == 0.0 && (0.0..=1e9).contains(&number);
                    settings.memory = value("a whole number up to 1000000000", whole)? as usize;
                }
                "--connections" => settings.connections = value("a whole number from 1 to 10000", whole)? as usize,
                "--rounds" => settings.rounds = value("a whole number from 1 to 10000", whole)? as usize,
                "--seconds" => {
                    let seconds = value("a number from 0.01 to 3600", |number| (0.01..=3600.0).contains(&number))?;
                    settings.time = Duration::from_secs_f64(seconds);
                }
                _ => {
                    let known = "--connections, --rounds, --seconds and --memory";
                    return Err(format!("`{flag}` is not known; known are {known}").into());
                }
            }
        }
        Ok(settings)
    }
}

/// What is measured.
#[derive(Clone, Copy)]
enum Subject {
    Axum,
    Wiremock,
    Standalone,
    Mock,
}

impl Subject {
    const ALL: [Subject; 4] = [Subject::Axum, Subject::Wiremock, Subject::Standalone, Subject::Mock];

    fn name(self) -> &'static str {
        match self {
            Subject::Axum => "bare axum",
            Subject::Wiremock => "bare wiremock",
            Subject::Standalone => "StandaloneServer",
            Subject::Mock => "MockServer",
        }
    }

    /// The runtime that a server is started on; `wiremock` brings one of its own, with one thread as well.
    fn runtime(self) -> Result<Runtime> {
        Ok(Builder::new_multi_thread().worker_threads(1).thread_name(self.name()).enable_all().build()?)
    }

    async fn start(self) -> Result<Server> {
        match self {
            Subject::Axum => {
                let answer = |_: Bytes| async { ([(CONTENT_TYPE, JSON)], ANSWER) };
                let service = axum::Router::new().route(PATH, axum::routing::post(answer));
                let listener = TcpListener::bind("127.0.0.1:0").await?;
                let address = listener.local_addr()?;
                let task = tokio::spawn(async move { axum::serve(listener, service).await });
                Ok(Server::Axum(address, task))
            }
            Subject::Wiremock => {
                // As in `MockServer`: not from the pool, whose servers are warm.
                let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
                let server = wiremock::MockServer::builder().listener(listener).start().await;
                let answer = ResponseTemplate::new(200).set_body_raw(ANSWER, JSON);
                Mock::given(method("POST")).and(path(PATH)).respond_with(answer).mount(&server).await;
                Ok(Server::Wiremock(server))
            }
            Subject::Standalone => Ok(Server::Standalone(StandaloneServer::start().await?)),
            Subject::Mock => Ok(Server::Mock(MockServer::start().await)),
        }
    }
}

/// A subject that runs.
enum Server {
    Axum(SocketAddr, JoinHandle<std::io::Result<()>>),
    Wiremock(wiremock::MockServer),
    Standalone(StandaloneServer),
    Mock(MockServer),
}

impl Server {
    fn address(&self) -> Result<SocketAddr> {
        match self {
            Server::Axum(address, _) => Ok(*address),
            Server::Wiremock(server) => Ok(*server.address()),
            Server::Standalone(server) => authority(&server.uri(SystemKind::Symphony)),
            Server::Mock(server) => Ok(*server.wiremock().address()),
        }
    }

    async fn stop(self) {
        match self {
            Server::Axum(_, task) => task.abort(),
            // Frees the requests here and now, and not in the server's thread while the next subject runs.
            Server::Wiremock(server) => server.reset().await,
            Server::Standalone(_) => {}
            Server::Mock(server) => server.wiremock().reset().await,
        }
    }
}

/// The rates and latencies of one subject, over the rounds.
struct Throughput {
    subject: Subject,
    /// Requests per second.
    rate: Spread,
    /// The rate as a part of the rate of bare `axum` in the same round.
    ratio: Spread,
    /// Half of the answers came within so many milliseconds.
    p50: Spread,
    /// 99 of 100 answers came within so many milliseconds.
    p99: Spread,
}

impl Throughput {
    fn json(&self) -> Value {
        json!({
            "subject": self.subject.name(),
            "requests_per_second": self.rate.json(),
            "ratio_to_bare_axum": self.ratio.json(),
            "p50_ms": self.p50.json(),
            "p99_ms": self.p99.json(),
        })
    }
}

fn throughput(settings: &Settings, token: &str) -> Result<Vec<Throughput>> {
    let request: Arc<[u8]> = request("", token).into();
    let rounds = figures::in_turn(Subject::ALL.len(), settings.rounds, |turn| -> Result<[f64; 3]> {
        let subject = Subject::ALL[turn];
        let name = subject.name();
        eprintln!("{name}");
        let mut latencies = load(subject, settings, &request).map_err(|e| format!("{name}: {e}"))?;
        if latencies.is_empty() {
            return Err(format!("{name}: no request was answered in time; use more `--seconds`").into());
        }
        latencies.sort_unstable();
        let quantile = |part: f64| millis(latencies[((latencies.len() - 1) as f64 * part) as usize]);
        Ok([latencies.len() as f64 / settings.time.as_secs_f64(), quantile(0.5), quantile(0.99)])
    })?;
    let of = |subject: usize, which: usize| rounds[subject].iter().map(|round| round[which]).collect::<Vec<f64>>();
    let throughput = |(turn, subject)| Throughput {
        subject,
        rate: Spread::of(&of(turn, 0)),
        ratio: Spread::of_ratios(&of(turn, 0), &of(0, 0)),
        p50: Spread::of(&of(turn, 1)),
        p99: Spread::of(&of(turn, 2)),
    };
    Ok(Subject::ALL.into_iter().enumerate().map(throughput).collect())
}

/// Runs one subject under load for one round, and returns how long each answer took.
fn load(subject: Subject, settings: &Settings, request: &Arc<[u8]>) -> Result<Vec<Duration>> {
    let servers = subject.runtime()?;
    let clients = Builder::new_current_thread().enable_all().build()?;
    let server = servers.block_on(subject.start())?;
    let address = server.address()?;
    let warm_up = settings.time.mul_f64(WARM_UP);
    let latencies = clients.block_on(async {
        let mut streams = Vec::new();
        for _ in 0..settings.connections {
            let stream = TcpStream::connect(address).await.map_err(|e| format!("no connection: {e}"))?;
            stream.set_nodelay(true)?;
            streams.push(stream);
        }
        let from = Instant::now() + warm_up;
        let until = from + settings.time;
        let mut connections = JoinSet::new();
        for stream in streams {
            connections.spawn(client(stream, request.clone(), from, until));
        }
        let all = async {
            let mut latencies = Vec::new();
            while let Some(answered) = connections.join_next().await {
                latencies.extend(answered??);
            }
            Ok(latencies)
        };
        let limit = warm_up + settings.time + PATIENCE;
        tokio::time::timeout(limit, all).await.map_err(|_| format!("an answer took longer than {PATIENCE:?}"))?
    });
    servers.block_on(server.stop());
    latencies
}

/// Sends one request after the other on one connection, and returns how long the answers to those took that were sent
/// between `from` and `until`.
async fn client(mut stream: TcpStream, request: Arc<[u8]>, from: Instant, until: Instant) -> Result<Vec<Duration>> {
    let mut latencies = Vec::new();
    let mut bytes = Vec::with_capacity(1024);
    let mut sent = Instant::now();
    while sent < until {
        exchange(&mut stream, &request, &mut bytes).await?;
        let now = Instant::now();
        if sent >= from {
            latencies.push(now - sent);
        }
        sent = now;
    }
    Ok(latencies)
}

/// Milliseconds from the start to the first answer.
struct Starts {
    /// Of the first engine in the process: only here is the contract read.
    cold: f64,
    warm: Vec<(Subject, Vec<f64>)>,
    /// Of the processes; `None` if no binary is named.
    process: Option<Vec<f64>>,
}

impl Starts {
    fn measure(cold: f64, token: &str) -> Result<Starts> {
        let mut warm: Vec<_> = Subject::ALL.map(|subject| (subject, Vec::new())).into();
        for _ in 0..STARTS {
            for (subject, times) in &mut warm {
                times.push(start(*subject, token).map_err(|e| format!("start of {}: {e}", subject.name()))?);
            }
        }
        let process = match env::var_os("USER_STATUS_MOCK_BIN") {
            None => None,
            Some(binary) => {
                let binary = Path::new(&binary);
                let times = (0..STARTS).map(|_| process_start(binary, token)).collect::<Result<Vec<_>>>();
                Some(times.map_err(|e| format!("start of {}: {e}", binary.display()))?)
            }
        };
        Ok(Starts { cold, warm, process })
    }

    fn table(&self) -> String {
        let mut table = format!("{:<34}{:>9}\n", "start to first answer", "ms");
        for (subject, times) in &self.warm {
            let _ = writeln!(table, "{:<34}{}", subject.name(), Spread::of(times).text(2));
        }
        let _ = writeln!(table, "{:<34}{:>9.2}", "StandaloneServer, first of process", self.cold);
        let _ = match &self.process {
            Some(times) => writeln!(table, "{:<34}{}", "process", Spread::of(times).text(2)),
            None => writeln!(table, "{:<34}  left out: USER_STATUS_MOCK_BIN names no binary", "process"),
        };
        table
    }

    fn json(&self) -> Value {
        let warm = |(subject, times): &(Subject, Vec<f64>)| json!({ "subject": subject.name(), "ms": Spread::of(times).json() });
        json!({
            "warm": self.warm.iter().map(warm).collect::<Vec<_>>(),
            "first_standalone_ms": self.cold,
            "process_ms": self.process.as_deref().map(|times| Spread::of(times).json()),
        })
    }
}

/// The time of a start, in milliseconds.
fn start(subject: Subject, token: &str) -> Result<f64> {
    let runtime = subject.runtime()?;
    let request = request("", token);
    let begin = Instant::now();
    let server = runtime.block_on(subject.start())?;
    first_answer(server.address()?, &request)?;
    let time = millis(begin.elapsed());
    runtime.block_on(server.stop());
    Ok(time)
}

/// The time of a start in a process that has not started a mock server yet, and the session token that works on all.
fn cold_start() -> Result<(f64, String)> {
    let runtime = Subject::Standalone.runtime()?;
    let begin = Instant::now();
    let server = runtime.block_on(StandaloneServer::start())?;
    let token = server.credentials().symphony.session_token.to_string();
    first_answer(authority(&server.uri(SystemKind::Symphony))?, &request("", &token))?;
    Ok((millis(begin.elapsed()), token))
}

/// The time from the spawn of a process to its first answer, in milliseconds.
fn process_start(binary: &Path, token: &str) -> Result<f64> {
    let request = request("", token);
    let begin = Instant::now();
    let mut process = Process(Command::new(binary).args(["--listen", "127.0.0.1:0"]).stdout(Stdio::piped()).spawn()?);
    let output = process.0.stdout.take().ok_or("the process has no output")?;
    let (sender, receiver) = mpsc::channel();
    // Reads on after the address, so that the process can always write.
    thread::spawn(move || {
        for address in
            BufReader::new(output).lines().map_while(|line| line.ok()).filter_map(|line| authority(&line).ok())
        {
            let _ = sender.send(address);
        }
    });
    let address = receiver.recv_timeout(PATIENCE).map_err(|_| "it printed no http://127.0.0.1:PORT")?;
    first_answer(address, &request)?;
    Ok(millis(begin.elapsed()))
}

/// The argument with which this program serves one subject, for its memory to be looked at.
const SERVE: &str = "--serve";

/// Serves a subject until the process is ended.
fn serve(name: &str) -> Result<()> {
    let known = Subject::ALL.into_iter().find(|subject| subject.name() == name);
    let subject = known.ok_or_else(|| format!("`{name}` is no subject"))?;
    subject.runtime()?.block_on(async {
        let server = subject.start().await?;
        println!("http://{}", server.address()?);
        std::future::pending().await
    })
}

/// The resident memory of each subject, in mebibytes, after more and more requests.
fn memory(settings: &Settings, token: &str) -> Result<Vec<Value>> {
    let counts: Vec<usize> =
        [10_000, 100_000, 1_000_000].into_iter().filter(|count| *count <= settings.memory).collect();
    if counts.is_empty() {
        return Ok(Vec::new());
    }
    let request: Arc<[u8]> = request("", token).into();
    let mut report = Vec::new();
    print!("\n{:<18}", "MiB after");
    counts.iter().for_each(|count| print!("{count:>12}"));
    println!();
    for subject in Subject::ALL {
        let mut command = Command::new(env::current_exe()?);
        let mut process = Process(command.args([SERVE, subject.name()]).stdout(Stdio::piped()).spawn()?);
        let mut line = String::new();
        BufReader::new(process.0.stdout.take().ok_or("the process has no output")?).read_line(&mut line)?;
        let address = authority(&line)?;
        let (mut sent, mut points) = (0, Vec::new());
        print!("{:<18}", subject.name());
        for count in &counts {
            many(address, settings.connections, count - sent, &request)?;
            sent = *count;
            let mebibytes = resident(process.0.id())?;
            print!("{mebibytes:>12.1}");
            points.push(json!({ "requests": count, "mebibytes": mebibytes }));
        }
        println!();
        report.push(json!({ "subject": subject.name(), "points": points }));
    }
    Ok(report)
}

/// Sends so many requests.
fn many(address: SocketAddr, connections: usize, requests: usize, request: &Arc<[u8]>) -> Result<()> {
    let clients = Builder::new_current_thread().enable_all().build()?;
    clients.block_on(async {
        let mut tasks: JoinSet<Result<()>> = JoinSet::new();
        for connection in 0..connections {
            let request = request.clone();
            tasks.spawn(async move {
                let mut stream = TcpStream::connect(address).await?;
                stream.set_nodelay(true)?;
                let mut bytes = Vec::new();
                for _ in (connection..requests).step_by(connections) {
                    exchange(&mut stream, &request, &mut bytes).await?;
                }
                Ok(())
            });
        }
        while let Some(ended) = tasks.join_next().await {
            ended??;
        }
        Ok(())
    })
}

/// The resident memory of a process, in mebibytes.
fn resident(process: u32) -> Result<f64> {
    let status =
        fs::read_to_string(format!("/proc/{process}/status")).map_err(|e| format!("known on Linux only: {e}"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).ok_or("no VmRSS")?;
    let kibibytes: f64 = line.trim().trim_end_matches("kB").trim().parse()?;
    Ok(kibibytes / 1024.0)
}

/// A process that ends when it is dropped.
struct Process(Child);

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn first_answer(address: SocketAddr, request: &[u8]) -> Result<()> {
    let mut stream = BlockingTcpStream::connect(address).map_err(|e| format!("no connection: {e}"))?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.write_all(request)?;
    let mut bytes = Vec::new();
    let mut part = [0; 1024];
    while !is_answer(&bytes)? {
        match stream.read(&mut part)? {
            0 => return Err("the connection was closed before the whole answer".into()),
            read => bytes.extend_from_slice(&part[..read]),
        }
    }
    Ok(())
}

fn throughput_table(all: &[Throughput]) -> String {
    let mut table = format!("{:<18}{:>9}{:>28}{:>27}{:>9}\n", "", "req/s", "of bare axum", "p50 ms", "p99 ms");
    for Throughput { subject, rate, ratio, p50, p99 } in all {
        let (rate, ratio, p50, p99) = (rate.text(0), ratio.text(2), p50.median, p99.median);
        let _ = writeln!(table, "{:<18}{rate:<28}{ratio:<27}{p50:>9.2}{p99:>9.2}", subject.name());
    }
    table
}

fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}

//! What callers can hold of the mock server's memory and of its connections is bounded, and comes back.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use user_status_mock::{Fault, Limits, Options, ServerOptions, StandaloneServer, SystemKind, WorldState, world};
use user_status_tests::send;

/// Nothing takes as long as this, unless it hangs.
const GUARD: Duration = Duration::from_secs(60);
/// Where a limit in time is not to be reached.
const LONG: Duration = Duration::from_secs(60 * 60);

const READ: &str = "GET /api/users/f57dd9cc-2608-456e-9dfa-300c85224a73.acmepaymentscorp HTTP/1.1\r\nhost: mock\r\n\
                    cookie: AtmoAuthToken_acmepaymentscorp=TokenID%3Dmock-akana-admin-session\r\n\r\n";

fn toggle(server: &StandaloneServer) -> String {
    let token = server.credentials().clearsquare.token;
    let body = json!({ "id": world::CLEARSQUARE_USER, "token": token }).to_string();
    let length = body.len();
    format!(
        "POST /api/users/manage-status HTTP/1.1\r\nhost: mock\r\nauthorization: Bearer {token}\r\n\
         content-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}"
    )
}

fn is_active(server: &StandaloneServer) -> Option<bool> {
    server.status(SystemKind::Clearsquare, world::CLEARSQUARE_USER).unwrap().enabled
}

fn patient() -> Limits {
    let mut limits = Limits::default();
    (limits.head_timeout, limits.body_timeout, limits.write_timeout) = (LONG, LONG, LONG);
    limits.wait_timeout = LONG;
    limits
}

async fn start(limits: Limits) -> StandaloneServer {
    StandaloneServer::start_with(ServerOptions::new().limits(limits)).await.unwrap()
}

async fn connect(server: &StandaloneServer, request: &str) -> TcpStream {
    let mut stream = TcpStream::connect(server.address()).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    stream
}

async fn within<T>(what: impl Future<Output = T>) -> T {
    tokio::time::timeout(GUARD, what).await.expect("nothing takes that long")
}

/// The status code of the one answer to come; 0 if the connection ends without.
async fn code(stream: &mut TcpStream) -> u16 {
    let mut head = [0; 12];
    match within(stream.read_exact(&mut head)).await {
        Ok(_) => String::from_utf8_lossy(&head[9..]).parse().unwrap(),
        Err(_) => 0,
    }
}

async fn until(holds: impl Fn() -> bool) {
    within(async {
        while !holds() {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    })
    .await;
}

/// Ten clients leave two more bytes behind and go away, under each fault that waits; there are ten places.
#[tokio::test]
async fn a_client_that_goes_away_while_a_fault_waits_gives_its_place_back() {
    for (name, fault) in [
        ("hang", Fault::hang()),
        ("hang after the change", Fault::hang().after_the_change()),
        ("delay", Fault::delay(LONG)),
        ("delay before the change", Fault::delay(LONG).before_the_change()),
    ] {
        for more in ["", "GE", "GET / HTTP/1.1\r\nhost: mock\r\n\r\n"] {
            for reset in [false, true] {
                let mut limits = patient();
                limits.connections = 10;
                let server = start(limits).await;
                server.fault(fault.clone().times(10)).unwrap();
                let call = toggle(&server);
                let mut gone = Vec::new();
                for _ in 0..10 {
                    gone.push(connect(&server, &format!("{call}{more}")).await);
                }
                let seen = || server.snapshot().to_json()["faults"][0]["times"] == 10 && server.total_requests() == 10;
                if fault_is_after(name) {
                    until(seen).await;
                } else {
                    // They have arrived when an eleventh is not served.
                    tokio::task::yield_now().await;
                }
                for stream in gone {
                    if reset {
                        stream.set_zero_linger().unwrap();
                    }
                    drop(stream);
                }
                let mut others = connect(&server, READ).await;
                assert_eq!(code(&mut others).await, 200, "{name}, {more:?}, reset: {reset}");
            }
        }
    }
}

fn fault_is_after(name: &str) -> bool {
    name == "hang after the change" || name == "delay"
}

/// What waited for the change goes with its client; what waited for the answer stays made.
#[tokio::test]
async fn a_delayed_change_is_not_made_for_a_client_that_has_gone() {
    for (before, more) in [(true, ""), (true, "GE"), (false, ""), (false, "GE")] {
        let mut limits = patient();
        limits.connections = 1;
        let server = start(limits).await;
        let delay = Fault::delay(Duration::from_millis(200)).times(1);
        server.fault(if before { delay.before_the_change() } else { delay }).unwrap();
        drop(connect(&server, &format!("{}{more}", toggle(&server))).await);
        let mut next = connect(&server, READ).await;
        assert_eq!(code(&mut next).await, 200);
        // The delay is over when one as long has passed.
        drop(next);
        server.fault(Fault::delay(Duration::from_millis(250)).times(1)).unwrap();
        assert_eq!(code(&mut connect(&server, READ).await).await, 200);
        assert_eq!(is_active(&server), Some(before), "before: {before}, more: {more:?}");
    }
}

/// What a client sends while its request waits is not lost.
#[tokio::test]
async fn what_comes_while_a_request_waits_is_answered_after_it() {
    let server = start(patient()).await;
    server.fault(Fault::delay(Duration::from_millis(50)).times(1)).unwrap();
    let call = toggle(&server);
    let mut stream = connect(&server, &call).await;
    let mut rest = [&call, &call[..40]].concat();
    stream.write_all(rest.as_bytes()).await.unwrap();
    until(|| server.total_requests() >= 1).await;
    rest = format!("{}{READ}", &call[40..]);
    stream.write_all(rest.as_bytes()).await.unwrap();
    let mut answers = Vec::new();
    within(async {
        while String::from_utf8_lossy(&answers).matches("HTTP/1.1 200").count() < 4 {
            assert!(stream.read_buf(&mut answers).await.unwrap() > 0, "{}", String::from_utf8_lossy(&answers));
        }
    })
    .await;
    assert_eq!(server.requests("manageUserStatus"), 3);
}

/// Those that stay make room when there is none left, and not before.
#[tokio::test]
async fn those_that_wait_make_room_when_all_places_are_taken() {
    for fault in [Fault::hang(), Fault::delay(LONG), Fault::delay(LONG).before_the_change(), Fault::drip(1, LONG / 2)] {
        let mut limits = patient();
        (limits.connections, limits.wait_timeout) = (3, Duration::from_millis(50));
        let server = start(limits).await;
        server.fault(fault.on_operation("manageUserStatus")).unwrap();
        let call = toggle(&server);
        let first = connect(&server, &call).await;
        let mut second = connect(&server, READ).await;
        assert_eq!(code(&mut second).await, 200);
        let (_third, mut fourth) = (connect(&server, &call).await, connect(&server, READ).await);
        assert_eq!(code(&mut fourth).await, 200);
        drop(first);
    }
}

/// A page of megabytes is not copied for each of its readers, and ordinary calls are served while they read. In a process of
/// its own, since the memory that is measured is that of a process.
#[tokio::test]
async fn slow_readers_share_one_page() {
    const ALONE: &str = "USER_STATUS_TESTS_ALONE";
    if std::env::var_os(ALONE).is_none() {
        let name = "mock::memory::slow_readers_share_one_page";
        let mut alone = std::process::Command::new(std::env::current_exe().unwrap());
        let ended = alone.args([name, "--exact", "--nocapture"]).env(ALONE, "1").output().unwrap();
        let said = String::from_utf8_lossy(&ended.stdout);
        assert!(
            ended.status.success() && said.contains("1 passed"),
            "{said}{}",
            String::from_utf8_lossy(&ended.stderr)
        );
        return;
    }
    let mut limits = patient();
    // Less than two pages for all bodies and responses.
    (limits.connections, limits.memory) = (100, 64 << 20);
    let server = start(limits).await;
    let mut readers = Vec::new();
    for i in 0..80 {
        let world = if i % 2 == 0 { String::new() } else { format!("/__world/w{i}") };
        for page in ["docs", "openapi.json"] {
            if readers.len() < 80 {
                readers
                    .push(connect(&server, &format!("GET {world}/{page} HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n")).await);
            }
        }
    }
    for reader in &mut readers {
        assert_eq!(code(reader).await, 200);
    }
    assert_eq!(code(&mut connect(&server, READ).await).await, 200);
    if let Some(held) = resident() {
        assert!(held < 400 << 20, "{held} bytes");
    }
}

/// Returns the number of bytes that this process has in memory, where the system says so.
fn resident() -> Option<usize> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    Some(line.trim().trim_end_matches(" kB").parse::<usize>().ok()? << 10)
}

/// A client that takes a byte now and then is closed as well.
#[tokio::test]
async fn a_reader_that_takes_too_little_is_closed() {
    let mut limits = patient();
    (limits.connections, limits.write_timeout) = (1, Duration::from_millis(200));
    let server = start(limits).await;
    let mut reader = connect(&server, "GET /docs HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n").await;
    let mut others = connect(&server, READ).await;
    let byte = async {
        loop {
            let mut one = [0; 512];
            if reader.read(&mut one).await.is_ok_and(|read| read > 0) {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        }
    };
    tokio::select! {
        answered = code(&mut others) => assert_eq!(answered, 200),
        () = byte => {}
    }
}

/// Bodies and answers that are longer than what is every connection's own are refused when there is no memory for them, and
/// ordinary calls are served meanwhile.
#[tokio::test]
async fn bodies_and_answers_beyond_the_memory_are_503_and_ordinary_calls_are_served() {
    let mut limits = patient();
    (limits.connections, limits.memory) = (64, 24 << 20);
    let server = start(limits).await;
    let head = "POST /pod/v1/admin/user/1/status/update HTTP/1.1\r\nhost: mock\r\ncontent-length: 1000000\r\n\r\n";
    let mut bodies = Vec::new();
    let mut refused = 0;
    for _ in 0..12 {
        let mut stream = connect(&server, head).await;
        // What the server refuses it need not read to the end.
        let _ = stream.write_all("x".repeat(900_000).as_bytes()).await;
        bodies.push(stream);
    }
    for stream in &mut bodies {
        let mut byte = [0; 12];
        if let Ok(Ok(_)) = tokio::time::timeout(Duration::from_millis(100), stream.read_exact(&mut byte)).await {
            assert_eq!(&byte[9..], b"503");
            refused += 1;
        }
    }
    assert!((1..12).contains(&refused), "{refused} of 12 were refused");
    assert_eq!(code(&mut connect(&server, READ).await).await, 200);
    assert_eq!(code(&mut connect(&server, &toggle(&server)).await).await, 200);
    drop(bodies);
    // It comes back.
    within(async {
        loop {
            let mut stream = connect(&server, head).await;
            let sent = stream.write_all("x".repeat(1_000_000).as_bytes()).await;
            if sent.is_ok() && code(&mut stream).await == 401 {
                break;
            }
        }
    })
    .await;
}

#[tokio::test]
async fn an_answer_that_is_longer_than_the_memory_is_refused_before_it_is_made() {
    let users: String = (1..=60_000).map(|id| format!("{id}: {{}}\n      ")).collect();
    let text = format!("systems:\n  symphony:\n    users:\n      {users}");
    let mut limits = Limits::default();
    (limits.connections, limits.memory) = (20, 16 << 20);
    let world = WorldState::from_yaml(&text).unwrap();
    let server =
        StandaloneServer::start_with(ServerOptions::from(Options::new().world(world)).limits(limits)).await.unwrap();
    for line in ["GET /__admin/snapshot", "GET /__admin/users", "GET /__admin/users/symphony"] {
        let answer = send(&server.root(), line, &[], "").await;
        assert_eq!(answer.status(), 503, "{line}");
        assert!(answer.text().contains("--max-memory"), "{}", answer.text());
    }
    assert_eq!(send(&server.root(), "GET /__admin/users/akana", &[], "").await.status(), 200);
}

/// Everything that a world holds is counted, whoever puts it there and into whichever world; what is dropped comes back.
#[tokio::test]
async fn worlds_and_journals_have_a_bound_together() {
    let mut limits = Limits::default();
    (limits.connections, limits.memory) = (10, 24 << 20);
    let server =
        StandaloneServer::start_with(ServerOptions::from(Options::new().journal(100_000, 1 << 20)).limits(limits))
            .await
            .unwrap();
    let fault =
        json!({ "kind": { "response": { "status": 200, "body": { "x": "y".repeat(20_000) } } }, "off_contract": true });
    let fault = fault.to_string();
    let mut put = 0;
    loop {
        let line = format!("POST /__world/w{}/__admin/faults", put % 7);
        let answer = send(&server.root(), &line, &[], &fault).await;
        if answer.status() == 503 {
            assert!(answer.text().contains("the memory for worlds is used up"), "{}", answer.text());
            break;
        }
        assert_eq!(answer.status(), 201, "{}", answer.text());
        put += 1;
        assert!(put < 1000);
    }
    assert!(put > 10, "{put}");
    // Ordinary calls go on, in every world, and what is dropped or reset makes room.
    assert_eq!(send(&server.root(), "POST /__world/w0/__admin/reset", &[], "").await.status(), 204);
    for i in 1..7 {
        send(&server.root(), &format!("DELETE /__world/w{i}/__admin/worlds"), &[], "").await;
    }
    assert_eq!(send(&server.root(), "POST /__world/w9/__admin/faults", &[], &fault).await.status(), 201);

    // The journals of many worlds take no more together than those of a few.
    let long = "x".repeat(4000);
    let mut kept = 0;
    for i in 0..40 {
        let world = server.engine().named_world(&format!("j{i}")).unwrap();
        for _ in 0..40 {
            send(&server.root(), &format!("GET /__world/j{i}/{long}"), &[], "").await;
        }
        kept = world.journal().len();
    }
    let all: usize = (0..40).map(|i| server.engine().named_world(&format!("j{i}")).unwrap().journal().len()).sum();
    assert!(kept > 5 && all * 8000 < 8 << 20, "{kept} of the last world, {all} of all");
}

/// Each bound is that of every way in, and the error says where and how many.
#[tokio::test]
async fn no_document_snapshot_or_call_passes_a_bound_by() {
    let server = StandaloneServer::start().await.unwrap();
    let faults: Vec<Value> = (0..1001).map(|_| json!({ "kind": "normal" })).collect();
    let long =
        json!({ "kind": { "response": { "status": 200, "body": { "x": "y".repeat(66_000) } } }, "off_contract": true });
    let tokens = |number: usize| (0..number).map(|i| json!({ "token": format!("token-{i:05}") })).collect::<Vec<_>>();
    let user = json!({ "FirstName": "x".repeat(66_000) });
    for (world, at, part) in [
        (json!({ "faults": faults }), "/faults", "must have at most 1000 faults, and has 1001"),
        (json!({ "faults": [long] }), "/faults/0", "it must have at most 65536 bytes as JSON, and has 66"),
        (
            json!({ "systems": { "symphony": { "sessions": tokens(1001) } } }),
            "/systems/symphony",
            "must have at most 1000 credentials, and has 1001",
        ),
        (
            json!({ "systems": { "akana": { "users": { "u-1": user } } } }),
            "/systems/akana/users/u-1",
            "a user must have at most 65536 bytes with its id, and has 66",
        ),
    ] {
        let text = world.to_string();
        for error in [WorldState::from_json(&world).unwrap_err(), WorldState::from_yaml(&text).unwrap_err()] {
            assert_eq!(error.pointer(), at, "{error}");
            assert!(error.to_string().contains(part), "{error}");
        }
        let answer = send(&server.root(), "PUT /__admin/snapshot", &[], &text).await;
        assert_eq!(answer.status(), 400);
        let error = answer.json()["error"].as_str().unwrap().to_owned();
        assert!(error.contains(at) && error.contains(part), "{error}");
    }
    // What is at the bound is taken, and put back as it is; one more is refused.
    let full = json!({ "faults": faults[1..], "systems": { "symphony": { "sessions": tokens(1000) } } }).to_string();
    assert_eq!(send(&server.root(), "PUT /__admin/snapshot", &[], &full).await.status(), 204);
    for (line, body, part) in [
        ("POST /__admin/faults", r#"{"kind":"normal"}"#.to_owned(), "at most 1000 faults"),
        ("POST /__admin/tokens", r#"{"system":"symphony"}"#.to_owned(), "symphony must have at most 1000 credentials"),
        (
            "POST /__admin/tokens",
            json!({ "system": "clearsquare", "user": "x".repeat(1025) }).to_string(),
            "`user` must have at most 1024 bytes",
        ),
        ("PUT /__admin/users/akana/u-1", user.to_string(), "a user must have at most 65536 bytes"),
        ("POST /__admin/faults", long.to_string(), "at most 65536 bytes"),
    ] {
        let answer = send(&server.root(), line, &[], &body).await;
        assert_eq!(answer.status(), 400, "{line}");
        assert!(answer.text().contains(part), "{line}: {}", answer.text());
    }
    let snapshot = send(&server.root(), "GET /__admin/snapshot", &[], "").await.text();
    assert_eq!(send(&server.root(), "PUT /__admin/snapshot", &[], &snapshot).await.status(), 204);
}

//! Each fault on the bytes of the wire: what a client sees of it, whether the change was made, and that the server goes on.

use std::net::SocketAddr;
use std::time::Duration;

use axum::body::Bytes;
use axum::http::Request;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::time::timeout;
use user_status_mock::{Engine, Fault, Options, Reply, RetryAfter, StandaloneServer, SystemKind, WorldState, world};
use user_status_openapi::{Contract, Operation};
use user_status_tests::Message;

use crate::support::raw::{self, Call, End, Received};

const JSON: &str = "application/json";
/// The time for which a client waits that is to give up.
const SHORT: Duration = Duration::from_millis(50);
const HOUR: Duration = Duration::from_secs(3600);
const MILLISECOND: Duration = Duration::from_millis(1);

fn now() -> Timestamp {
    "2026-03-01T12:00:00Z".parse().unwrap()
}

fn operation(id: &str) -> &'static Operation {
    Contract::embedded().operation(id).unwrap()
}

/// A server whose clock stands still.
async fn server() -> StandaloneServer {
    let server = StandaloneServer::start().await.unwrap();
    server.set_clock(now());
    server
}

/// An operation's first example, with good credentials.
fn call(server: &StandaloneServer, operation: &Operation) -> Call {
    Call::of(operation, &server.listed_credentials()[operation.system.to_string()])
}

/// What a client sees of a fault.
#[derive(Clone, Copy, Debug)]
enum Seen {
    /// A whole answer: status code, media type, body and `Retry-After`.
    Answer(u16, &'static str, &'static [u8], Option<&'static str>),
    /// RST before the first byte.
    Reset,
    /// The head and some of the body, and RST.
    ResetInBody,
    /// FIN before the first byte.
    Closed,
    /// The head and some of the body, and FIN.
    Truncated,
    /// Nothing, until the client gives up.
    Nothing,
    /// The system's own answer, whose body comes in pieces of so many bytes.
    Dripping(usize),
    /// The system's own answer.
    Own,
}

/// In the place of the media type in which a system writes its JSON.
const OWN_JSON: &str = "";

impl Seen {
    /// A whole JSON answer without `Retry-After`.
    fn answer(status: u16, body: &'static [u8]) -> Seen {
        Seen::Answer(status, JSON, body, None)
    }
}

/// Every fault of a kind of its own, as a Rust test makes it and as JSON has it, with what a client sees, and whether the
/// change is made unless the fault says.
fn faults() -> Vec<(Fault, Value, Seen, bool)> {
    use Seen::*;
    let off = |kind: Value| json!({ "kind": kind, "off_contract": true });
    let of = |kind: Value| json!({ "kind": kind });
    let html = b"<html><body><h1>502 Bad Gateway</h1></body></html>";
    let refusal: &[u8] = br#"{"error":"Too many requests","code":"RATE_LIMITED"}"#;
    let again = |status, value| Answer(status, JSON, if status == 429 { refusal } else { b"{}" }, value);
    let date = RetryAfter::Date("2026-03-01T12:00:09Z".parse().unwrap());
    vec![
        (
            Fault::response(418, json!({ "a": "\u{fc}" })).off_contract().header("Retry-After", "1"),
            off(json!({ "response": { "status": 418, "body": { "a": "\u{fc}" }, "headers": { "Retry-After": "1" } } })),
            Answer(418, JSON, "{\"a\":\"\u{fc}\"}".as_bytes(), Some("1")),
            false,
        ),
        (
            Fault::response(599, json!({})).off_contract(),
            off(json!({ "response": { "status": 599 } })),
            Seen::answer(599, b"{}"),
            false,
        ),
        (Fault::rate_limited(RetryAfter::Missing), of(json!({ "rate_limited": {} })), again(429, None), false),
        (
            Fault::rate_limited(RetryAfter::Seconds(7)),
            of(json!({ "rate_limited": { "retry_after": { "seconds": 7 } } })),
            again(429, Some("7")),
            false,
        ),
        (
            Fault::rate_limited(date),
            of(json!({ "rate_limited": { "retry_after": { "date": "2026-03-01T12:00:09Z" } } })),
            again(429, Some("Sun, 01 Mar 2026 12:00:09 GMT")),
            false,
        ),
        (
            Fault::rate_limited(RetryAfter::DateIn(86_400)),
            of(json!({ "rate_limited": { "retry_after": { "date_in": 86_400 } } })),
            again(429, Some("Mon, 02 Mar 2026 12:00:00 GMT")),
            false,
        ),
        (
            Fault::unavailable(RetryAfter::Missing),
            of(json!({ "unavailable": { "retry_after": "missing" } })),
            again(503, None),
            false,
        ),
        (
            Fault::unavailable(RetryAfter::Seconds(0)),
            of(json!({ "unavailable": { "retry_after": { "seconds": 0 } } })),
            again(503, Some("0")),
            false,
        ),
        (Fault::quota(0, 60), of(json!({ "quota": { "requests": 0, "seconds": 60 } })), again(429, Some("60")), false),
        (Fault::html_502(), of(json!("html_502")), Answer(502, "text/html", html, None), false),
        (
            Fault::malformed_body(200),
            of(json!({ "malformed_body": {} })),
            Answer(200, OWN_JSON, b"{\"message\": \"O", None),
            false,
        ),
        (
            Fault::wrong_content_type(201),
            of(json!({ "wrong_content_type": { "status": 201 } })),
            Answer(201, "text/plain", b"{\"message\": \"OK\"}", None),
            false,
        ),
        (
            Fault::invalid_utf8(200),
            of(json!({ "invalid_utf8": { "status": 200 } })),
            Answer(200, OWN_JSON, b"{\"message\": \"\xff\xfe\"}", None),
            false,
        ),
        (
            Fault::empty_body(500),
            of(json!({ "empty_body": { "status": 500 } })),
            Answer(500, OWN_JSON, b"", None),
            false,
        ),
        (Fault::delay(MILLISECOND), json!({ "kind": { "delay": { "milliseconds": 1 } } }), Own, true),
        (
            Fault::delay_uniform(Duration::ZERO, MILLISECOND),
            json!({ "kind": { "delay": { "uniform": { "from": 0, "to": 1 } } } }),
            Own,
            true,
        ),
        (
            Fault::delay_lognormal(MILLISECOND, 0.5),
            json!({ "kind": { "delay": { "lognormal": { "median": 1, "sigma": 0.5 } } } }),
            Own,
            true,
        ),
        (
            Fault::drip(5, MILLISECOND),
            json!({ "kind": { "drip": { "bytes": 5, "milliseconds": 1 } } }),
            Dripping(5),
            true,
        ),
        (Fault::reset(), json!({ "kind": "reset" }), Reset, false),
        (Fault::reset_in_body(), json!({ "kind": "reset_in_body" }), ResetInBody, false),
        (Fault::close(), json!({ "kind": "close" }), Closed, false),
        (Fault::truncate(), json!({ "kind": "truncate" }), Truncated, false),
        (Fault::hang(), json!({ "kind": "hang" }), Nothing, false),
        (Fault::normal(), json!({ "kind": "normal" }), Own, true),
        (
            Fault::script([Fault::reset().after_the_change(), Fault::normal()]),
            json!({ "kind": { "script": [{ "kind": "reset", "when": "after_the_change" }, { "kind": "normal" }] } }),
            Reset,
            true,
        ),
    ]
}

/// Sends a call and holds what comes back to what must be seen. Gives the whole body, if there is one.
async fn see(address: SocketAddr, call: &Call, seen: Seen, place: &str) -> Option<Vec<u8>> {
    let mut stream = raw::connect(address).await;
    stream.write_all(&call.bytes()).await.unwrap();
    if let Seen::Nothing = seen {
        let mut space = [0; 1];
        let read = timeout(SHORT, stream.read(&mut space)).await;
        assert!(read.is_err(), "{place}: {read:?}");
        // The client gives up, and the server closes the connection.
        stream.shutdown().await.unwrap();
        let received = raw::receive(&mut stream).await;
        assert_eq!((received.reads.len(), received.end), (0, End::Closed), "{place}");
        return None;
    }
    let received = raw::receive(&mut stream).await;
    match seen {
        Seen::Nothing => None,
        Seen::Reset | Seen::Closed => {
            let end = if let Seen::Reset = seen { End::Reset } else { End::Closed };
            assert_eq!((received.bytes().as_slice(), received.end), (&b""[..], end), "{place}");
            None
        }
        Seen::ResetInBody | Seen::Truncated => {
            let end = if let Seen::ResetInBody = seen { End::Reset } else { End::Closed };
            let (head, body) = received.head_and_body();
            assert_eq!((head.status(), received.end), (200, end), "{place}");
            let announced: usize = head.header("content-length")[0].parse().unwrap();
            assert!(!body.is_empty() && body.len() < announced, "{place}: {} of {announced}", body.len());
            None
        }
        Seen::Answer(status, media_type, body, retry_after) => {
            let answer = received.answer(&call.method);
            assert_eq!(
                (answer.status(), answer.header("content-type"), answer.body.as_slice(), answer.header("retry-after")),
                (status, vec![media_type], body, retry_after.into_iter().collect()),
                "{place}"
            );
            Some(answer.body)
        }
        Seen::Dripping(bytes) => Some(drips(&received, &call.method, bytes, place)),
        Seen::Own => {
            let answer = received.answer(&call.method);
            assert_eq!(answer.status(), 200, "{place}: {}", answer.text());
            Some(answer.body)
        }
    }
}

/// The body that came in pieces of so many bytes, none two in one read. The server waits before each, and a client that
/// shares its thread has read the one before by then.
fn drips(received: &Received, method: &str, bytes: usize, place: &str) -> Vec<u8> {
    let body = received.answer(method).body;
    let (_, first) = received.head_and_body();
    assert_eq!(first, body, "{place}");
    let pieces: Vec<&[u8]> = body.chunks(bytes).collect();
    let last = &received.reads[received.reads.len() - pieces.len()..];
    assert_eq!(last, pieces, "{place}");
    assert_eq!(received.reads.len(), pieces.len() + 1, "{place}: the head comes before");
    body
}

/// Each fault with each operation that changes an account, before and after the change, registered in Rust and by the
/// admin API: what the client sees, whether the account changed, how many requests there were, and that the next one is
/// answered.
#[tokio::test]
async fn every_fault_as_a_client_sees_it() {
    for (fault, document, seen, changes) in faults() {
        let read: Fault = serde_json::from_value(document.clone()).unwrap();
        assert_eq!(json!(read), json!(fault), "the two are the same fault");
        for (i, operation) in raw::changes().enumerate() {
            // By turns, so that each way is taken before and after the change.
            for (when, by_api) in [(None, i % 2 == 0), (Some(false), i % 2 == 1), (Some(true), i % 2 == 0)] {
                let place = format!("{} × {document}, after the change: {when:?}", operation.id);
                let server = server().await;
                let (system, user, address) = (operation.system, raw::user(operation), server.address());
                let before = server.status(system, user);
                if by_api {
                    let mut document = document.clone();
                    if let Some(after) = when {
                        document["when"] = json!(if after { "after_the_change" } else { "before_the_change" });
                    }
                    document["times"] = json!(1);
                    let answer = raw::answer(address, &Call::new("POST", "/__admin/faults").json(&document)).await;
                    assert_eq!((answer.status(), answer.json()), (201, json!({ "id": 1 })), "{place}");
                    let listed = raw::answer(address, &Call::new("GET", "/__admin/faults")).await.json();
                    assert_eq!(listed["faults"][0]["fault"]["times"], 1, "{place}");
                } else {
                    let fault = match when {
                        None => fault.clone(),
                        Some(false) => fault.clone().before_the_change(),
                        Some(true) => fault.clone().after_the_change(),
                    };
                    assert_eq!(server.fault(fault.times(1)).unwrap(), 1);
                }
                let call = call(&server, operation);
                let seen = match seen {
                    Seen::Answer(status, OWN_JSON, body, retry_after) => {
                        let json = operation.responses[&200].content[0].name.as_str();
                        Seen::Answer(status, json, body, retry_after)
                    }
                    seen => seen,
                };
                see(address, &call, seen, &place).await;
                // A step of a script says itself when it strikes, and a delay only what it delays.
                let own = matches!(seen, Seen::Own) || document["kind"]["script"].is_array();
                let changed = if own { changes } else { when.unwrap_or(changes) };
                assert_eq!(server.status(system, user) != before, changed, "{place}");
                assert_eq!(server.requests(&operation.id), 1, "{place}");
                let exchange = server.journal().pop().unwrap();
                assert_eq!(
                    (exchange.faults, exchange.before, exchange.after != before),
                    (if document["kind"] == "normal" { vec![] } else { vec![1] }, before, changed),
                    "{place}"
                );

                let answer = raw::answer(address, &call).await;
                assert_eq!(answer.status(), 200, "{place}: the server goes on: {}", answer.text());
                assert_eq!(server.requests(&operation.id), 2, "{place}");
                assert!(server.journal().pop().unwrap().faults.is_empty(), "{place}");
            }
        }
    }
}

/// The list above has every kind of fault that the admin API knows.
#[tokio::test]
async fn no_kind_of_fault_is_left_out() {
    let server = server().await;
    let document = json!({ "kind": "nothing" });
    let answer = raw::answer(server.address(), &Call::new("POST", "/__admin/faults").json(&document)).await;
    let error = answer.json()["error"].as_str().unwrap().to_owned();
    let (_, list) = error.split_once("expected one of ").unwrap();
    let mut known: Vec<String> = list.split(", ").map(|name| name.trim_matches('`').to_owned()).collect();
    let name = |document: &Value| match &document["kind"] {
        Value::String(name) => name.clone(),
        kind => kind.as_object().unwrap().keys().next().unwrap().clone(),
    };
    let mut tested: Vec<String> = faults().iter().map(|(_, document, ..)| name(document)).collect();
    known.sort();
    tested.sort();
    tested.dedup();
    assert_eq!(tested, known);
}

/// What breaks in its body after the change is the system's own answer, up to where it breaks.
#[tokio::test]
async fn what_arrives_of_a_broken_answer_is_its_beginning() {
    let server = server().await;
    for operation in Contract::embedded().operations().iter().filter(|operation| operation.changes.is_empty()) {
        let call = call(&server, operation);
        let whole = raw::answer(server.address(), &call).await;
        for (fault, end) in [(Fault::reset_in_body(), End::Reset), (Fault::truncate(), End::Closed)] {
            server.fault(fault.after_the_change().times(1)).unwrap();
            let received = raw::send(server.address(), &call.bytes()).await;
            let (head, body) = received.head_and_body();
            assert_eq!((received.end, &head.first_line), (end, &whole.first_line));
            assert_eq!(head.header("content-length"), [whole.body.len().to_string()]);
            assert!(whole.body.starts_with(&body) && !body.is_empty() && body.len() < whole.body.len());
        }
        for bytes in [1, 7, 10_000] {
            server.fault(Fault::drip(bytes, MILLISECOND).times(1)).unwrap();
            let received = raw::send(server.address(), &call.bytes()).await;
            assert_eq!(drips(&received, &call.method, bytes, &operation.id), whole.body);
        }
    }
}

/// A connection that is kept breaks where the fault is, and not before.
#[tokio::test]
async fn answers_before_the_broken_one_arrive_whole() {
    for (fault, bytes, end) in [
        (Fault::reset(), 0, End::Reset),
        (Fault::close(), 0, End::Closed),
        (Fault::reset_in_body(), 8, End::Reset),
        (Fault::truncate(), 8, End::Closed),
    ] {
        let server = server().await;
        server.fault(fault.skip(2)).unwrap();
        let call = call(&server, operation("getAdminUser")).header("connection", "keep-alive");
        let mut stream = raw::connect(server.address()).await;
        stream.write_all(&call.bytes().repeat(4)).await.unwrap();
        let received = raw::receive(&mut stream).await;
        let mut text = String::from_utf8(received.bytes()).unwrap();
        let third = text.match_indices("HTTP/1.1 200 OK").nth(2).map_or(text.len(), |(at, _)| at);
        let broken = text.split_off(third);
        assert_eq!(raw::answers(text.as_bytes(), &["GET", "GET"]).len(), 2);
        assert_eq!(broken.split_once("\r\n\r\n").map_or(0, |(_, body)| body.len()), bytes);
        assert_eq!(received.end, end);
        assert_eq!(server.requests("getAdminUser"), 3, "the fourth was never read");
    }
}

/// Akana's answers are broken in the media type that is spoken.
#[tokio::test]
async fn broken_bodies_are_in_the_media_type_that_is_spoken() {
    let server = server().await;
    let operation = operation("getPlatformUser");
    for media_type in &operation.responses[&200].content {
        let xml = media_type.name.ends_with("xml");
        let malformed: &[u8] = if xml { b"<User><UserID>f57dd9cc</User" } else { b"{\"message\": \"O" };
        for (fault, body) in [
            (Fault::malformed_body(200), malformed),
            (Fault::invalid_utf8(200), b"{\"message\": \"\xff\xfe\"}"),
            (Fault::empty_body(200), b""),
        ] {
            server.fault(fault.times(1)).unwrap();
            let call = call(&server, operation).header("accept", &media_type.name);
            let answer = raw::answer(server.address(), &call).await;
            assert_eq!((answer.header("content-type"), answer.body.as_slice()), (vec![media_type.name.as_str()], body));
        }
        // An answer of the contract is written in it, and one that it does not have is JSON.
        for status in [404, 409] {
            let fault = Fault::response(status, json!({ "faultcode": "a", "faultstring": "<b>" })).off_contract();
            server.fault(fault.times(1)).unwrap();
            let call = call(&server, operation).header("accept", &media_type.name);
            let answer = raw::answer(server.address(), &call).await;
            if xml && status == 404 {
                assert!(
                    answer.text().ends_with("<faultcode>a</faultcode><faultstring>&lt;b&gt;</faultstring></Fault>")
                );
            } else {
                assert_eq!(answer.text(), r#"{"faultcode":"a","faultstring":"<b>"}"#);
            }
            let spoken = if status == 404 { media_type.name.as_str() } else { JSON };
            assert_eq!((answer.status(), answer.header("content-type")), (status, vec![spoken]));
        }
    }
}

/// The window of a quota opens with its first request and ends on the clock of the world.
#[tokio::test]
async fn a_quota_is_of_a_window() {
    let server = server().await;
    server.fault(Fault::quota(2, 60).on_system(SystemKind::Symphony)).unwrap();
    let (limited, other) = (call(&server, operation("getUserStatus")), call(&server, operation("getAdminUser")));
    let statuses = async |count: usize| {
        let mut statuses = Vec::new();
        for _ in 0..count {
            let answer = raw::answer(server.address(), &limited).await;
            let wait = if answer.status() == 429 { vec!["60"] } else { vec![] };
            assert_eq!(answer.header("retry-after"), wait);
            statuses.push(answer.status());
        }
        statuses
    };
    server.advance(SignedDuration::from_secs(1000));
    assert_eq!(statuses(4).await, [200, 200, 429, 429]);
    server.advance(SignedDuration::from_secs(59));
    assert_eq!(statuses(1).await, [429]);
    assert_eq!(raw::answer(server.address(), &other).await.status(), 200, "another system");
    server.advance(SignedDuration::from_secs(1));
    assert_eq!(statuses(3).await, [200, 200, 429], "another window");
    server.advance(SignedDuration::from_secs(30));
    assert_eq!(statuses(1).await, [429], "which opened then");
    server.advance(SignedDuration::from_secs(600));
    assert_eq!(statuses(1).await, [200]);
    server.advance(SignedDuration::from_secs(59));
    assert_eq!(statuses(2).await, [200, 429]);
    let faults = server.journal().into_iter().map(|exchange| exchange.faults.len()).sum::<usize>();
    assert_eq!(faults, 6, "only what is refused is struck");
}

/// Of a request whose delay is before the change, nothing comes if the client goes away in the meantime. Of one whose
/// delay is after it, everything.
#[tokio::test]
async fn a_client_that_goes_away_before_the_change_finds_it_not_made() {
    for (before, made) in [(true, 0), (false, 1)] {
        let server = server().await;
        // Longer than the client, and than the test.
        let delay = if before { Fault::delay(HOUR).before_the_change() } else { Fault::delay(HOUR) };
        server.fault(delay.times(1)).unwrap();
        server.fault(Fault::delay(MILLISECOND).before_the_change().skip(1)).unwrap();
        let operation = operation("manageUserStatus");
        let mut stream = raw::connect(server.address()).await;
        stream.write_all(&call(&server, operation).bytes()).await.unwrap();
        drop(stream);
        raw::until(async || raw::struck(server.address()).await == 1).await;

        let answer = raw::answer(server.address(), &call(&server, operation)).await;
        assert_eq!(answer.status(), 200);
        let faults: Vec<Vec<u64>> = server.journal().into_iter().map(|exchange| exchange.faults).collect();
        assert_eq!(faults, if before { vec![vec![2]] } else { vec![vec![1], vec![2]] });
        assert_eq!(server.requests(&operation.id), 1 + made);
        let enabled = server.status(SystemKind::Clearsquare, world::CLEARSQUARE_USER).unwrap().enabled;
        assert_eq!(enabled, Some(made == 1), "toggled once or twice");
    }
}

/// A client that is still there after the delay finds the change made.
#[tokio::test]
async fn a_client_that_waits_before_the_change_finds_it_made() {
    let server = server().await;
    server.fault(Fault::delay(MILLISECOND).before_the_change()).unwrap();
    for (i, operation) in raw::changes().enumerate() {
        let before = server.status(operation.system, raw::user(operation));
        let answer = raw::answer(server.address(), &call(&server, operation)).await;
        assert_eq!(answer.status(), 200);
        // The account is so already, by the operation before.
        let again = ["setAppAccessStatus", "patchScimUser"].contains(&&*operation.id);
        assert_eq!(server.status(operation.system, raw::user(operation)) != before, !again, "{}", operation.id);
        assert_eq!(server.total_requests(), i as u64 + 1);
    }
}

/// An engine without a transport, and one call to it.
struct Alone {
    engine: Engine,
    call: Request<Bytes>,
}

impl Alone {
    fn new(seed: u64) -> Alone {
        let engine = Engine::with(Options::new().world(WorldState::default().seed(seed)).journal(10, 1 << 20));
        Alone { call: Alone::request(&engine, operation("getUserStatus")), engine }
    }

    fn request(engine: &Engine, operation: &Operation) -> Request<Bytes> {
        let call = Call::of(operation, &engine.world().listed_credentials()[operation.system.to_string()]);
        let headers = call.headers.iter();
        let request = Request::builder().method(call.method.as_str()).uri(&call.target);
        let request = headers.fold(request, |request, (name, value)| request.header(name, value));
        request.body(Bytes::from(call.body)).unwrap()
    }

    fn with(seed: u64, faults: impl IntoIterator<Item = Fault>) -> Alone {
        let alone = Alone::new(seed);
        faults.into_iter().for_each(|fault| _ = alone.engine.world().fault(fault).unwrap());
        alone
    }

    fn reply(&self) -> Reply {
        self.engine.handle(&self.call)
    }

    fn statuses(&self, count: usize) -> Vec<u16> {
        (0..count).map(|_| self.reply().response.status().as_u16()).collect()
    }

    fn delays(&self, count: usize) -> Vec<Duration> {
        (0..count).map(|_| self.reply().delay.unwrap_or_default()).collect()
    }
}

/// Delays are drawn by the seed of the world.
#[tokio::test]
async fn equal_seeds_give_equal_delays() {
    let (from, to) = (Duration::from_millis(100), Duration::from_millis(200));
    let median = Duration::from_millis(10_000);
    for fault in [Fault::delay_uniform(from, to), Fault::delay_lognormal(median, 0.5)] {
        let delays = |seed| Alone::with(seed, [fault.clone()]).delays(100);
        assert_eq!(delays(7), delays(7));
        assert_ne!(delays(7), delays(8));
        let mut different = delays(7);
        different.sort();
        different.dedup();
        assert!(different.len() > 50, "{different:?}");
        // What another fault draws changes nothing.
        let beside = [fault.clone().on_system(SystemKind::Symphony), Fault::html_502().probability(0.5)];
        assert_eq!(Alone::with(7, beside).delays(100), delays(7));
    }
    assert_eq!(Alone::with(7, [Fault::delay(from)]).delays(3), [from; 3]);
    assert_eq!(Alone::new(7).delays(3), [Duration::ZERO; 3]);
}

/// Uniform delays are from the one to the other; half of the lognormal ones are below the median, and as many are above
/// it by a sigma as the normal distribution has it. The bounds are five standard errors of 2001 draws.
#[tokio::test]
async fn delays_are_distributed_as_they_say() {
    const DRAWS: usize = 2001;
    let (from, to) = (Duration::from_millis(100), Duration::from_millis(200));
    let mut uniform = Alone::with(7, [Fault::delay_uniform(from, to)]).delays(DRAWS);
    uniform.sort();
    // Of 101 values, each is drawn about 20 times.
    assert_eq!((uniform[0], uniform[DRAWS - 1]), (from, to));
    let mean = uniform.iter().map(Duration::as_secs_f64).sum::<f64>() / DRAWS as f64;
    let error = 0.1 / 12_f64.sqrt() / (DRAWS as f64).sqrt();
    assert!((mean - 0.15).abs() < 5.0 * error, "{mean}");

    for sigma in [0.25, 0.5, 1.0] {
        let median = Duration::from_secs(10);
        let mut drawn = Alone::with(7, [Fault::delay_lognormal(median, sigma)]).delays(DRAWS);
        drawn.sort();
        let middle = (drawn[DRAWS / 2].as_secs_f64() / median.as_secs_f64()).ln();
        let error = sigma * (std::f64::consts::PI / 2.0).sqrt() / (DRAWS as f64).sqrt();
        assert!(middle.abs() < 5.0 * error, "{sigma}: {middle}");
        let long = median.mul_f64(sigma.exp());
        let share = drawn.iter().filter(|delay| **delay > long).count() as f64 / DRAWS as f64;
        let error = (0.158_655_f64 * 0.841_345 / DRAWS as f64).sqrt();
        assert!((share - 0.158_655).abs() < 5.0 * error, "{sigma}: {share}");
    }
    assert_eq!(Alone::with(7, [Fault::delay_lognormal(to, 0.0)]).delays(3), [to; 3]);
    // However long the tail is, no answer is later than an hour.
    let most = Alone::with(7, [Fault::delay_lognormal(HOUR, 10.0)]).delays(DRAWS).into_iter().max();
    assert_eq!(most, Some(HOUR));
}

/// Delays add up, with each other and with another fault.
#[tokio::test]
async fn delays_add_up() {
    let milliseconds = Duration::from_millis;
    let faults = [
        Fault::delay(milliseconds(1)),
        Fault::delay(milliseconds(20)).before_the_change(),
        Fault::html_502().skip(1),
        Fault::delay_uniform(milliseconds(300), milliseconds(300)).skip(2),
        Fault::delay(milliseconds(4000)).on_system(SystemKind::Akana),
    ];
    let alone = Alone::with(0, faults);
    for (delay, status, ids) in [(21, 200, vec![1, 2]), (21, 502, vec![1, 2, 3]), (321, 502, vec![1, 2, 3, 4])] {
        let reply = alone.reply();
        assert_eq!((reply.delay, reply.response.status().as_u16()), (Some(milliseconds(delay)), status));
        assert_eq!(alone.engine.world().journal().pop().unwrap().faults, ids);
    }
}

/// A fault that strikes by chance: the same calls for the same seed, and about as many as it says.
#[tokio::test]
async fn chance_is_by_the_seed() {
    let unlikely = || Fault::html_502().probability(0.3);
    let statuses = |seed| Alone::with(seed, [unlikely()]).statuses(1000);
    assert_eq!(statuses(7), statuses(7));
    assert_ne!(statuses(7), statuses(8));
    for seed in 0..5 {
        // Five standard deviations of 1000 draws.
        let struck = statuses(seed).iter().filter(|status| **status == 502).count();
        assert!((228..=372).contains(&struck), "{seed}: {struck}");
    }
    // Two of them draw apart: the second strikes some of what the first lets pass.
    let two = Alone::with(7, [unlikely(), Fault::empty_body(418).probability(0.5)]).statuses(1000);
    let first = |statuses: &[u16]| statuses.iter().map(|status| *status == 502).collect::<Vec<_>>();
    assert_eq!(first(&two), first(&statuses(7)));
    let second = two.iter().filter(|status| **status == 418).count();
    assert!((271..=429).contains(&second), "{second}");
    assert_eq!(Alone::with(7, [Fault::html_502().probability(0.0)]).statuses(100), [200; 100]);
    assert_eq!(Alone::with(7, [Fault::html_502().probability(1.0)]).statuses(100), [502; 100]);
    // After a reset, and in a restored world, the same again.
    let document = json!({ "seed": 7, "faults": [unlikely()] });
    let world = WorldState::from_json(&document).unwrap();
    let engine = Engine::with(Options::new().world(world.clone()));
    let alone = Alone { call: Alone::request(&engine, operation("getUserStatus")), engine };
    assert_eq!(alone.statuses(100), statuses(7)[..100]);
    alone.engine.world().reset();
    assert_eq!(alone.statuses(100), statuses(7)[..100]);
    alone.engine.world().restore(world).unwrap();
    assert_eq!(alone.statuses(100), statuses(7)[..100]);
    // On the wire as without.
    let server = StandaloneServer::start_with(Options::new().world(WorldState::default().seed(7))).await.unwrap();
    server.fault(unlikely()).unwrap();
    let call = call(&server, operation("getUserStatus"));
    for status in &statuses(7)[..20] {
        assert_eq!(raw::answer(server.address(), &call).await.status(), *status);
    }
}

/// How often, after how many, in which order, and whom.
#[tokio::test]
async fn faults_strike_the_calls_that_they_name() {
    let html = Fault::html_502;
    let missing = RetryAfter::Missing;
    let limited = || Fault::rate_limited(missing);
    for (faults, statuses) in [
        (vec![html().times(2)], &[502, 502, 200, 200][..]),
        (vec![html().skip(2)], &[200, 200, 502, 502]),
        (vec![html().skip(1).times(2)], &[200, 502, 502, 200]),
        (vec![html().times(0)], &[200, 200]),
        // The first registered strikes, and leaves the others as they are.
        (vec![html().times(1), limited().times(1)], &[502, 429, 200]),
        (vec![html().skip(1), limited()], &[429, 502, 502]),
        (vec![html(), limited()], &[502, 502]),
        // No fault is none, and the next one strikes.
        (vec![Fault::normal(), html()], &[502, 502]),
        (vec![Fault::quota(1, 60), html()], &[502, 429, 429]),
        (
            vec![Fault::script([html().times(2), Fault::normal(), limited(), Fault::empty_body(418).times(0)])],
            &[502, 502, 200, 429, 200, 200],
        ),
        (vec![Fault::script([html(), limited()]).skip(1).times(1)], &[200, 502, 200]),
        // After its last step a script leaves the call to the next.
        (vec![Fault::script([html()]), limited().skip(1)], &[502, 429, 429]),
        (vec![limited().times(1), Fault::script([html(), Fault::normal()])], &[429, 502, 200, 200]),
        (vec![Fault::script([html()]).on_system(SystemKind::Akana)], &[200, 200]),
        (vec![html().on_system(SystemKind::Symphony)], &[502]),
        (vec![html().on_operation("updateUserStatus")], &[200]),
        (vec![html().on_operation("getUserStatus").on_user("7215545078541")], &[502]),
        (vec![html().on_user("7215545078542")], &[200]),
    ] {
        let alone = Alone::with(0, faults.clone());
        assert_eq!(alone.statuses(statuses.len()), statuses, "{faults:?}");
    }

    // A delay of a script is one for its turn.
    let (short, long) = (Duration::from_millis(5), Duration::from_millis(9));
    let script = Fault::script([Fault::delay(short), html(), Fault::delay(long).before_the_change().times(2)]);
    let alone = Alone::with(0, [script]);
    assert_eq!(alone.delays(5), [short, Duration::ZERO, long, long, Duration::ZERO]);

    // Taken back, one and all.
    let alone = Alone::with(0, [html(), limited()]);
    let world = alone.engine.world();
    assert_eq!((world.remove_fault(1), world.remove_fault(1)), (true, false));
    assert_eq!(alone.statuses(2), [429, 429]);
    world.clear_faults();
    assert_eq!(alone.statuses(2), [200, 200]);
    assert_eq!(world.fault(html()).unwrap(), 3, "an id is given once");
}

/// The user is the one that the request is about, wherever it says so.
#[tokio::test]
async fn faults_strike_the_user_that_they_name() {
    // What a SCIM service can do is about nobody.
    for operation in Contract::embedded().operations().iter().filter(|operation| operation.id != "getScimConfig") {
        let server = server().await;
        server.fault(Fault::html_502().on_user(raw::user(operation))).unwrap();
        let mut struck = call(&server, operation);
        struck.target.push_str(&raw::query(operation));
        assert_eq!(raw::answer(server.address(), &struck).await.status(), 502, "{}", operation.id);
        let mut other = struck.clone();
        if operation.system == SystemKind::Clearsquare {
            let body = String::from_utf8(other.body).unwrap();
            other.body = body.replace(world::CLEARSQUARE_USER, "000000000000000000000000").into_bytes();
        } else {
            other.target = other.target.replace(raw::user(operation), "1").replace("jane", "joe");
        }
        assert_ne!(raw::answer(server.address(), &other).await.status(), 502, "{}", operation.id);
    }
}

/// The message of a refusal in Rust, and of the same by the admin API.
async fn refusal(server: &StandaloneServer, document: &Value) -> (u16, String) {
    let answer = raw::answer(server.address(), &Call::new("POST", "/__admin/faults").json(document)).await;
    let error = answer.json()["error"].as_str().unwrap_or_default().to_owned();
    if let Ok(fault) = serde_json::from_value::<Fault>(document.clone()) {
        let refused = server.fault(fault).map_err(|e| e.to_string());
        assert_eq!(refused.err().unwrap_or_default(), error, "{document}");
    }
    (answer.status(), error)
}

/// What an operation cannot answer is refused with the place in the contract, unless it is meant to be off it.
#[tokio::test]
async fn a_fault_off_the_contract_says_so() {
    let server = server().await;
    for kind in [json!({ "response": { "status": 418 } }), json!({ "response": { "status": 200, "body": [] } })] {
        for operation in Contract::embedded().operations() {
            let mut document = json!({ "kind": kind, "on": { "operation": operation.id } });
            for script in [false, true] {
                if script {
                    document["kind"] = json!({ "script": [{ "kind": "normal" }, { "kind": kind }] });
                }
                let (status, error) = refusal(&server, &document).await;
                assert_eq!(status, 400, "{document}: {error}");
                let text = error.strip_prefix("the fault was refused: ").unwrap();
                assert!(text.ends_with("; say `off_contract` to send it"), "{error}");
                // The pointer leads to a place of the contract.
                let (_, rest) = text.split_once('#').unwrap();
                let end = rest.find([' ', ')']).unwrap();
                assert!(Contract::embedded().resolve(&rest[..end]).is_some(), "{error}");
                let code = kind.as_object().and_then(|kind| kind.values().next()?["status"].as_u64());
                if code == Some(418) {
                    assert!(text.starts_with(&format!("#{}/responses has no 418;", operation.pointer)), "{error}");
                }
                document["off_contract"] = json!(true);
                assert_eq!(refusal(&server, &document).await.0, 201, "{document}");
                document["off_contract"] = json!(false);
            }
        }
    }
    // One that the contract has needs no leave, and one that some of the operations do not have does.
    let fault = Fault::response(404, json!({ "error": "no" }));
    server.fault(fault.clone().on_system(SystemKind::Mediconnect)).unwrap();
    let refused = server.fault(fault).unwrap_err().to_string();
    let first = &Contract::embedded().operations()[0];
    assert!(refused.contains(&format!("#{}/responses has no 404", first.pointer)), "{refused}");
    // A step of a script may have leave of its own.
    let document =
        json!({ "kind": { "script": [{ "kind": { "response": { "status": 418 } }, "off_contract": true }] } });
    assert_eq!(refusal(&server, &document).await.0, 201);
    // What gateways and broken services send is in no contract, and needs no leave.
    for kind in [
        json!({ "rate_limited": {} }),
        json!({ "unavailable": {} }),
        json!({ "quota": { "requests": 1, "seconds": 1 } }),
        json!("html_502"),
        json!({ "malformed_body": { "status": 418 } }),
        json!({ "wrong_content_type": {} }),
        json!({ "invalid_utf8": {} }),
        json!({ "empty_body": { "status": 418 } }),
    ] {
        for operation in Contract::embedded().operations() {
            let document = json!({ "kind": kind, "on": { "operation": operation.id } });
            assert_eq!(refusal(&server, &document).await.0, 201, "{document}");
        }
    }
}

/// What can never be done, or is not understood, is refused with what would be right.
#[tokio::test]
async fn a_fault_that_makes_no_sense_is_refused() {
    let server = server().await;
    let answer =
        |headers: Value| json!({ "kind": { "response": { "status": 418, "headers": headers } }, "off_contract": true });
    let step = |step: Value| json!({ "kind": { "script": [step] } });
    for (document, problem) in [
        (answer(json!({ "Content-Length": "1" })), "the header `content-length` is for the transport to send"),
        (
            answer(json!({ "transfer-encoding": "chunked" })),
            "the header `transfer-encoding` is for the transport to send",
        ),
        (answer(json!({ "CONNECTION": "close" })), "the header `connection` is for the transport to send"),
        (answer(json!({ "x a": "1" })), "`x a` is no header name"),
        (answer(json!({ "": "1" })), "`` is no header name"),
        (answer(json!({ "x-a": "1\r\nx-b: 2" })), "the value of the header `x-a` is none"),
        (
            json!({ "kind": { "response": { "status": 199 } }, "off_contract": true }),
            "`status` must be from 200 to 599, and is 199",
        ),
        (
            json!({ "kind": { "response": { "status": 600 } }, "off_contract": true }),
            "`status` must be from 200 to 599, and is 600",
        ),
        (
            json!({ "kind": { "empty_body": { "status": 0 } }, "off_contract": true }),
            "`status` must be from 200 to 599, and is 0",
        ),
        (
            step(json!({ "kind": { "empty_body": { "status": 100 } }, "off_contract": true })),
            "`status` must be from 200 to 599",
        ),
        (json!({ "kind": "reset", "probability": 1.01 }), "`probability` must be from 0 to 1"),
        (json!({ "kind": "reset", "probability": -0.1 }), "`probability` must be from 0 to 1"),
        (
            json!({ "kind": { "quota": { "requests": 1, "seconds": 0 } }, "off_contract": true }),
            "`seconds` must be at least 1",
        ),
        (json!({ "kind": { "drip": { "bytes": 0, "milliseconds": 1 } } }), "`bytes` must be at least 1"),
        (
            json!({ "kind": { "drip": { "bytes": 1, "milliseconds": 3_600_000 } } }),
            "`milliseconds` must be less than 3600000",
        ),
        (json!({ "kind": { "delay": { "milliseconds": 3_600_001 } } }), "a delay must be at most 3600000 milliseconds"),
        (json!({ "kind": { "delay": { "uniform": { "from": 0, "to": 3_600_001 } } } }), "a delay must be at most"),
        (json!({ "kind": { "delay": { "uniform": { "from": 2, "to": 1 } } } }), "`from` must not be more than `to`"),
        (
            json!({ "kind": { "delay": { "lognormal": { "median": 3_600_001, "sigma": 1.0 } } } }),
            "a delay must be at most",
        ),
        (
            json!({ "kind": { "delay": { "lognormal": { "median": 1, "sigma": 10.1 } } } }),
            "`sigma` must be from 0 to 10",
        ),
        (
            json!({ "kind": { "delay": { "lognormal": { "median": 1, "sigma": -1.0 } } } }),
            "`sigma` must be from 0 to 10",
        ),
        (json!({ "kind": { "script": [] } }), "a script must have a step"),
        (step(json!({ "kind": { "script": [{ "kind": "normal" }] } })), "must not be a script or a quota"),
        (step(json!({ "kind": { "quota": { "requests": 1, "seconds": 1 } } })), "must not be a script or a quota"),
        (
            step(json!({ "kind": "reset", "on": { "system": "akana" } })),
            "a step of a script has no `on`, `skip` or `probability`",
        ),
        (step(json!({ "kind": "reset", "skip": 1 })), "a step of a script has no `on`, `skip` or `probability`"),
        (
            step(json!({ "kind": "reset", "probability": 1.0 })),
            "a step of a script has no `on`, `skip` or `probability`",
        ),
        (step(json!({ "kind": { "drip": { "bytes": 0, "milliseconds": 1 } } })), "`bytes` must be at least 1"),
        (
            json!({ "kind": "reset", "on": { "operation": "nothing" } }),
            "`nothing` is no operation; there are setAccessStatus,",
        ),
        (
            json!({ "kind": "reset", "on": { "operation": "getUser", "system": "akana" } }),
            "no operation of the contract is struck",
        ),
        // What is no fault at all.
        (json!({ "kind": "nothing" }), "kind: unknown variant `nothing`, expected one of `response`"),
        (json!({ "kind": { "response": { "status": 200, "extra": 1 } } }), "unknown field `extra`"),
        (json!({ "kind": { "response": {} } }), "missing field `status`"),
        (json!({ "kind": { "response": { "status": 65_536 } } }), "65536"),
        (json!({ "kind": { "malformed_body": { "extra": 1 } } }), "unknown field `extra`"),
        (json!({ "kind": { "rate_limited": { "retry_after": { "minutes": 1 } } } }), "unknown variant `minutes`"),
        (json!({ "kind": { "rate_limited": { "retry_after": { "date": "soon" } } } }), "retry_after"),
        (json!({ "kind": { "delay": { "uniform": { "from": 1, "to": 2, "extra": 3 } } } }), "unknown field `extra`"),
        (json!({ "kind": { "delay": { "seconds": 1 } } }), "unknown variant `seconds`"),
        (json!({ "kind": "reset", "extra": 1 }), "unknown field `extra`"),
        (json!({ "kind": "reset", "on": { "extra": 1 } }), "on.extra: unknown field `extra`"),
        (json!({ "kind": "reset", "on": { "system": "nobody" } }), "on.system"),
        (json!({ "kind": "reset", "when": "now" }), "when: unknown variant `now`"),
        (json!({ "kind": "reset", "times": -1 }), "times: "),
        (json!({ "kind": "reset", "skip": 1.5 }), "skip: "),
        (json!({}), "missing field `kind`"),
        (json!([]), ""),
        (step(json!({ "kind": "reset", "extra": 1 })), "unknown field `extra`"),
    ] {
        let (status, error) = refusal(&server, &document).await;
        assert_eq!(status, 400, "{document}");
        assert!(!error.is_empty() && error.contains(problem), "{document}: {error}");
    }
    let listed: Message = raw::answer(server.address(), &Call::new("GET", "/__admin/faults")).await;
    assert_eq!(listed.json(), json!({ "faults": [] }), "none was registered");
    // A world's document is held to the same.
    for (fault, problem) in [
        (json!({ "kind": { "response": { "status": 418 } } }), "/faults/0: the fault was refused: #/paths/"),
        (json!({ "kind": "reset", "extra": 1 }), "/faults/0/extra: unknown field `extra`"),
    ] {
        let error = WorldState::from_json(&json!({ "faults": [fault] })).unwrap_err();
        assert!(error.to_string().starts_with(problem), "{error}");
    }
}

/// A body of a few bytes, and none because of HEAD: it breaks all the same, and nothing of the next answer leaves.
#[tokio::test]
async fn an_answer_without_a_body_to_break_in_breaks_after_its_head() {
    for (fault, reset) in [(Fault::truncate(), false), (Fault::reset_in_body(), true)] {
        let server = StandaloneServer::start().await.unwrap();
        server.fault(fault).unwrap();
        let call = call(&server, operation("getUserStatus"));
        let head = Call { method: "HEAD".to_owned(), ..call };
        let mut stream = raw::connect(server.address()).await;
        stream.write_all(&[head.bytes(), head.bytes(), head.bytes()].concat()).await.unwrap();
        let mut received = Vec::new();
        let end = stream.read_to_end(&mut received).await;
        assert_eq!(end.is_err(), reset, "{end:?}");
        let text = String::from_utf8(received).unwrap();
        assert_eq!((text.matches("HTTP/1.1 ").count(), text.ends_with("\r\n\r\n")), (1, true), "{text}");
    }
}

/// A clock that is put back opens a new window, and does not keep the old one for as long as it was ahead.
#[tokio::test]
async fn a_quota_survives_a_clock_that_is_put_back() {
    let alone = Alone::with(0, [Fault::quota(1, 60)]);
    alone.engine.world().set_clock("2090-01-01T00:00:00Z".parse().unwrap());
    assert_eq!(alone.statuses(2), [200, 429]);
    alone.engine.world().release_clock();
    assert_eq!(alone.statuses(2), [200, 429]);
}

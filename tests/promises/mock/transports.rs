//! Both transports carry the same engine: what is sent to both as bytes comes back the same from both, byte for byte,
//! and leaves the same world and the same journal. Where they differ, the last tests here say how.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::time::Duration;

use jiff::SignedDuration;
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt as _;
use user_status_mock::{
    Fault, Mint, MockServer, Options, RetryAfter, StandaloneServer, SystemKind, World, WorldState, world,
};
use user_status_openapi::{Contract, Operation};
use user_status_tests::Message;

use crate::support::raw::{self, Call, End};

const NOW: &str = "2026-03-01T12:00:00Z";

fn operations() -> &'static [Operation] {
    Contract::embedded().operations()
}

fn operation(id: &str) -> &'static Operation {
    Contract::embedded().operation(id).unwrap()
}

/// Both transports, set up alike, with clocks that stand still.
struct Both {
    mock: MockServer,
    standalone: StandaloneServer,
    differences: Vec<String>,
}

impl Both {
    async fn start() -> Both {
        let world = WorldState::from_yaml(&format!("seed: 7\nclock: {NOW}\n")).unwrap();
        let options = Options::new().world(world).journal(100_000, 256 << 20);
        let (mock, standalone) =
            (MockServer::start_with(options.clone()).await, StandaloneServer::start_with(options).await.unwrap());
        Both { mock, standalone, differences: Vec::new() }
    }

    fn addresses(&self) -> [SocketAddr; 2] {
        [*self.mock.wiremock().address(), self.standalone.address()]
    }

    fn worlds(&self) -> [&World; 2] {
        [&self.mock, &self.standalone]
    }

    /// Does the same in both default worlds; what comes of it is the same.
    #[track_caller]
    fn each<T: PartialEq + std::fmt::Debug>(&self, act: impl Fn(&World) -> T) -> T {
        let [one, other] = self.worlds().map(act);
        assert_eq!(one, other);
        one
    }

    /// Credentials that work, by the name under which they travel.
    fn credentials(&self, system: SystemKind) -> Value {
        self.each(World::listed_credentials)[system.to_string()].clone()
    }

    fn minted(&self, mint: &Mint) -> Value {
        self.each(|world| json!(world.mint(mint).unwrap()))["credentials"].clone()
    }

    fn fault(&self, fault: &Fault) {
        self.each(|world| world.fault(fault.clone()).unwrap());
    }

    /// A call with good credentials.
    fn call(&self, operation: &Operation) -> Call {
        Call::of(operation, &self.credentials(operation.system))
    }

    /// Sends a call to both, and keeps what differs.
    async fn send(&mut self, place: &str, call: &Call) -> Message {
        self.send_bytes(place, &call.bytes(), &[&call.method]).await.pop().unwrap()
    }

    /// Sends the bytes of requests with these methods to both, each on one connection, and keeps what differs.
    async fn send_bytes(&mut self, place: &str, bytes: &[u8], methods: &[&str]) -> Vec<Message> {
        let mut both = Vec::new();
        for address in self.addresses() {
            let received = raw::send(address, bytes).await;
            assert_eq!(received.end, End::Closed, "{place}");
            both.push(raw::answers(&received.bytes(), methods));
        }
        let (standalone, mock) = (both.pop().unwrap(), both.pop().unwrap());
        let of = |answers: &[Message]| answers.iter().map(comparable).collect::<Vec<_>>();
        if of(&mock) != of(&standalone) {
            let show = |answers: &[Message]| answers.iter().map(shown).collect::<Vec<_>>().join("\n");
            self.differences.push(format!(
                "{place}\nMockServer: {}\nStandaloneServer: {}",
                show(&mock),
                show(&standalone)
            ));
        }
        standalone
    }

    /// Nothing differed, and the worlds and journals are the same.
    #[track_caller]
    fn finish(self) {
        let (count, first) = (self.differences.len(), self.differences.iter().take(10).cloned().collect::<Vec<_>>());
        assert_eq!(count, 0, "the first of them:\n{}", first.join("\n\n"));
        self.each(|world| world.snapshot().to_json());
        self.each(World::total_requests);
        for operation in operations() {
            self.each(|world| world.requests(&operation.id));
        }
        let [one, other] = self.worlds().map(World::journal);
        assert_eq!(one.len(), other.len());
        for (one, other) in one.iter().zip(&other) {
            assert_eq!(json!(one), json!(other));
        }
    }
}

/// Returns what must be the same of an answer: everything but the time at which it was sent. The order of headers of different
/// names means nothing.
fn comparable(answer: &Message) -> (String, Vec<(String, String)>, Vec<u8>) {
    if answer.status() >= 200 {
        assert_eq!(answer.header("date").len(), 1, "{answer:?}");
    }
    let mut headers = answer.headers.clone();
    headers.retain(|(name, _)| name != "date");
    headers.sort_by(|(one, _), (other, _)| one.cmp(other));
    (answer.first_line.clone(), headers, answer.body.clone())
}

fn shown(answer: &Message) -> String {
    let (first_line, headers, _) = comparable(answer);
    format!("{first_line} {headers:?} {}", answer.text().chars().take(500).collect::<String>())
}

#[tokio::test]
async fn every_operation_with_every_example_and_every_credential() {
    let mut both = Both::start().await;
    for operation in operations() {
        let system = operation.system;
        let bodies = raw::examples(operation).into_iter().map(Some).collect::<Vec<_>>();
        let bodies = if bodies.is_empty() { vec![None] } else { bodies };
        let mut credentials = vec![
            ("good", both.credentials(system), [200].as_slice()),
            ("none", json!({}), &[401]),
            ("wrong", raw::credentials_of(operation, "a-wrong-credential"), &[401]),
            ("minted", both.minted(&Mint::new(system)), &[200, 403]),
            ("expired", both.minted(&Mint::new(system).expires_in(-1)), &[401]),
            ("unentitled", both.minted(&Mint::new(system).unentitled()), &[401, 403]),
        ];
        if system == SystemKind::Userdocks {
            let known = both.mock.credentials().userdocks;
            let read = json!({ "X-API-KEY": known.read_key, "X-API-KEY-TYPE": "read", "X-CLIENT-ID": known.client_id });
            credentials.push(("of a key to read", read, &[200, 403]));
            // The token is that of another user, and one operation takes no token.
            credentials.retain(|(name, ..)| operation.id != "setAppAccessStatus" || *name != "minted");
        }
        for body in &bodies {
            for (state, listed, statuses) in &credentials {
                let mut call = Call::new(&operation.method, &raw::target(operation)).credentials(listed);
                let mut place = format!("{}, credentials: {state}", operation.id);
                if let Some((media_type, name, example)) = body {
                    call = call.example(media_type, example, listed);
                    place = format!("{place}, {} {name}", media_type.name);
                }
                let answer = both.send(&place, &call).await;
                assert!(statuses.contains(&answer.status()), "{place}: {}", shown(&answer));
            }
        }
    }
    both.finish();
}

#[tokio::test]
async fn every_accept_header() {
    let mut both = Both::start().await;
    for operation in operations() {
        let types: Vec<&str> = operation.responses[&200].content.iter().map(|content| content.name.as_str()).collect();
        let mut accepts: Vec<String> = types.iter().map(ToString::to_string).collect();
        accepts.extend(types.iter().map(|name| format!("{name};q=0, */*;q=0.1")));
        accepts.extend(types.windows(2).map(|pair| format!("{};q=0.2, {};q=0.8", pair[0], pair[1])));
        accepts.extend(
            [
                "*/*",
                "application/*",
                "application/*;q=0.1, application/xml;q=0",
                "text/html, application/xml;q=0.5, application/vnd.soa.v81+json;q=0.9, */*;q=0.1",
                "APPLICATION/XML",
                "application/json; charset=utf-8",
                "application/json;q=none",
                "application/json;q=0",
                "text/html",
                "",
                ",",
                ";",
            ]
            .map(str::to_owned),
        );
        for accept in accepts {
            let call = both.call(operation).header("accept", &accept);
            both.send(&format!("{}, accept: {accept}", operation.id), &call).await;
            let refused = Call::new(&operation.method, &raw::target(operation)).header("accept", &accept);
            both.send(&format!("{}, accept: {accept}, nobody", operation.id), &refused).await;
        }
        let twice = both.call(operation).header("accept", "text/html").header("accept", "application/json");
        both.send(&format!("{}, two accept", operation.id), &twice).await;
    }
    both.finish();
}

#[tokio::test]
async fn methods_paths_and_queries() {
    let mut both = Both::start().await;
    for operation in operations() {
        let good = both.call(operation);
        for method in
            ["GET", "HEAD", "OPTIONS", "PUT", "POST", "PATCH", "DELETE", "TRACE", "PROPFIND", "get", "M-SEARCH"]
        {
            let call = Call { method: method.to_owned(), ..good.clone() };
            both.send(&format!("{method} of {}", operation.id), &call).await;
        }
        // One of the methods deletes a user of SCIM.
        both.send("what there was before", &Call::new("POST", "/__admin/reset")).await;
        let plain = raw::target(operation);
        // Each byte of each parameter, percent-encoded: the same user.
        let encoded =
            raw::target_with(operation, |_, value| value.bytes().map(|byte| format!("%{byte:02x}")).collect());
        let answer = both.send(&format!("{} {encoded}", operation.id), &good.clone().at(&encoded)).await;
        assert_eq!(answer.status(), 200, "{}", shown(&answer));
        let with = |value: &'static str| raw::target_with(operation, move |_, _| value.to_owned());
        let mut targets: Vec<String> = [
            // Other users, and what no id is.
            "nobody",
            "0",
            "-1",
            "0042",
            "9223372036854775807",
            "9223372036854775808",
            "%C3%BC",
            "%c3%bc",
            "%ff",
            "%",
            "%2",
            "%zz",
            "%2F",
            "a%2Fb",
            "%252e",
            "...",
            ".a",
            "a.",
            "%00",
            "%20",
            "a+b",
            "~!$&'()*+,=:@-",
            ";",
            "a;b=c",
            "",
        ]
        .map(with)
        .to_vec();
        targets.extend([
            format!("{plain}/"),
            format!("{plain}//"),
            format!("/{plain}"),
            format!("{plain}/more"),
            plain.to_uppercase(),
            plain.replacen('/', "//", 2),
            plain.replacen("a", "%61", 1),
            format!("{plain}?"),
            format!("{plain}?a"),
            format!("{plain}?a=b&a=c&&d=%20+e&=f&g="),
            format!("{plain}?x=%ff/../y?z"),
            format!("{plain}?token=mock-clearsquare-token"),
            format!("{plain}#fragment"),
            format!("http://{}{plain}", raw::HOST),
            format!("http://{}{plain}?a=b", raw::HOST),
            format!("https://elsewhere.example:8443{plain}"),
        ]);
        for target in targets {
            both.send(&format!("{} at {target}", operation.id), &good.clone().at(&target)).await;
        }
    }
    let long = format!("/{}", "a".repeat(30_000));
    for target in ["/nothing", "/api", "/pod", "/pod/", "/api/users", "/favicon.ico", "/%", "//", "/?", "/*", &long] {
        for method in ["GET", "HEAD", "OPTIONS", "PUT"] {
            both.send(&format!("{method} {target}"), &Call::new(method, target)).await;
        }
    }
    both.finish();
}

#[tokio::test]
async fn headers_that_are_there_twice_or_unusual() {
    let mut both = Both::start().await;
    for operation in operations() {
        let good = both.call(operation);
        for (i, (name, value)) in good.headers.iter().enumerate() {
            let place = |what: &str| format!("{}: {name} {what}", operation.id);
            both.send(&place("twice"), &good.clone().header(name, value)).await;
            both.send(&place("twice, once empty"), &good.clone().header(name, "")).await;
            let upper = name.to_uppercase();
            for (what, name, value) in [
                ("in capitals", upper.as_str(), value.as_str()),
                ("empty", name, ""),
                ("with white space", name, &format!(" \t{value} \t")),
                ("not ASCII", name, "\u{fc}\u{20ac}"),
                ("with a tab", name, "a\tb"),
                ("long", name, &"x".repeat(10_000)),
                ("quoted", name, &format!("\"{value}\"")),
            ] {
                let mut call = good.clone();
                call.headers[i] = (name.to_owned(), value.to_owned());
                both.send(&place(what), &call).await;
            }
            let mut without = good.clone();
            without.headers.remove(i);
            both.send(&place("left out"), &without).await;
        }
        for content_type in [
            "application/json; charset=utf-8",
            "application/json; charset=\"UTF-8\"",
            "application/json;charset=latin1",
            "Application/JSON",
            "application/json, application/xml",
            "text/json",
            "application/vnd.soa.v99+json",
        ] {
            let mut call = both.call(operation);
            call.headers.retain(|(name, _)| name != "content-type");
            let call = call.header("content-type", content_type);
            both.send(&format!("{}: content-type {content_type}", operation.id), &call).await;
        }
        for (name, value) in [
            ("host", ""),
            ("host", "elsewhere.example:1"),
            ("accept-language", "en"),
            ("accept-language", ""),
            ("accept-language", &"x".repeat(257)),
            ("accept-encoding", "gzip, br"),
            ("content-encoding", "gzip"),
            ("if-none-match", "*"),
            ("range", "bytes=0-1"),
            ("upgrade", "h2c"),
            ("te", "trailers"),
            ("x-unknown", "a"),
            ("x-csrf-token_another", "a"),
            ("cookie", "AtmoAuthToken_another=a"),
        ] {
            let call = both.call(operation).header(name, value);
            both.send(&format!("{}: {name}: {value}", operation.id), &call).await;
        }
        let two_hosts = both.call(operation).header("host", raw::HOST).header("host", "elsewhere.example");
        both.send(&format!("{}: two hosts", operation.id), &two_hosts).await;
    }
    both.finish();
}

#[tokio::test]
async fn bodies_and_how_they_are_framed() {
    let mut both = Both::start().await;
    for operation in operations() {
        let good = both.call(operation);
        let place = |what: &str| format!("{}: {what}", operation.id);
        let chunked = |sizes: usize, extension: &str, trailer: &str| {
            let chunk =
                |bytes: &[u8]| [format!("{:x}{extension}\r\n", bytes.len()).as_bytes(), bytes, b"\r\n"].concat();
            let chunks = good.body.chunks(sizes).map(chunk).collect::<Vec<_>>().concat();
            let body = [&chunks[..], format!("0{extension}\r\n{trailer}\r\n").as_bytes()].concat();
            good.clone().header("transfer-encoding", "chunked").body(body)
        };
        for (what, call) in [
            ("one chunk", chunked(usize::MAX, "", "")),
            ("chunks of three bytes", chunked(3, "", "")),
            ("chunks of a byte, with extensions", chunked(1, ";name=value", "")),
            ("chunks and a trailer", chunked(10, "", "x-trailer: a\r\n")),
        ] {
            let answer = both.send(&place(what), &call).await;
            assert_eq!(answer.status(), 200, "{what}: {}", shown(&answer));
        }
        // A length beside chunks does not count.
        let length = good.body.len().to_string();
        both.send(&place("chunks and a length"), &chunked(5, "", "").header("content-length", &length)).await;
        let mut length_first = chunked(5, "", "");
        length_first.headers.insert(0, ("content-length".to_owned(), length));
        both.send(&place("a length and chunks"), &length_first).await;
        // What is not framed as HTTP has it.
        for (name, value) in [
            ("content-length", "x"),
            ("content-length", "-1"),
            ("content-length", "18446744073709551616"),
            ("transfer-encoding", "gzip"),
            ("transfer-encoding", "chunked, gzip"),
        ] {
            let call = good.clone().body("").header(name, value);
            both.send(&place(&format!("{name}: {value}")), &call).await;
        }
        let two = good.clone().body("{}").header("content-length", "2").header("content-length", "1");
        both.send(&place("two lengths"), &two).await;

        let expecting = good.clone().header("expect", "100-continue");
        both.send(&place("expects 100"), &expecting).await;
        let old = Call { version: "HTTP/1.0", ..good.clone() };
        both.send(&place("HTTP/1.0"), &old).await;
        let older = Call { version: "HTTP/0.9", ..good.clone() };
        both.send(&place("HTTP/0.9"), &older).await;
        let newer = Call { version: "HTTP/2.0", ..good.clone() };
        both.send(&place("HTTP/2.0 in the form of HTTP/1.1"), &newer).await;

        // Three on one connection, one after the other and all at once.
        let kept = good.clone().header("connection", "keep-alive");
        let head = Call { method: "HEAD".to_owned(), body: Vec::new(), ..kept.clone() };
        let all = [kept.bytes(), head.bytes(), good.bytes()].concat();
        both.send_bytes(&place("three at once"), &all, &[&good.method, "HEAD", &good.method]).await;

        let deep = format!("{{\"a\":{}1{}}}", "[".repeat(200), "]".repeat(200));
        let long = json!({ "suspensionReason": "x".repeat(3000), "Comments": "x".repeat(3000) }).to_string();
        let huge = format!("{{\"a\":\"{}\"}}", "x".repeat(900_000));
        for body in [
            "",
            " ",
            "null",
            "[]",
            "{}",
            "{",
            "{} {}",
            "\"text\"",
            "{\"a\":1,\"a\":2}",
            "{\"status\":\"GONE\"}",
            "{\"isSuspended\":true}",
            "{\"UserStatus\":\"com.soa.user.status.on-holiday\"}",
            "{\"id\":7,\"token\":\"x\"}",
            "\u{feff}{}",
            "{\"\u{e4}\":\"\u{1f600}\"}",
            "{\"a\":\"\\ud800\"}",
            "{\"n\":1e400}",
            "<a/>",
            &deep,
            &long,
            &huge,
        ] {
            both.send(&place(&format!("body {:.40}", body)), &good.clone().body(body)).await;
            let xml = good.clone().header("accept", "application/xml").body(body);
            both.send(&place(&format!("body {:.40}, answered in XML", body)), &xml).await;
        }
        both.send(&place("a body that is no UTF-8"), &good.clone().body(*b"{\"a\":\"\xff\"}")).await;
    }
    both.finish();
}

#[tokio::test]
async fn every_preference() {
    let mut both = Both::start().await;
    for operation in operations() {
        let mut preferences: BTreeSet<String> = BTreeSet::new();
        for (code, response) in &operation.responses {
            preferences.insert(format!("code={code}"));
            for (name, _) in response.content.iter().flat_map(raw::examples_of) {
                preferences.insert(format!("example={name}"));
                preferences.insert(format!("code={code}, example={name}"));
                preferences.insert(format!("respond-async; Code=\"{code}\""));
            }
        }
        preferences.extend(
            ["code=418", "example=none", "code=", "code", "", "wait=10", "code=200, code=401"].map(str::to_owned),
        );
        for preference in preferences {
            let place = format!("{}, prefer: {preference}", operation.id);
            let call = both.call(operation).header("prefer", &preference);
            both.send(&place, &call).await;
            both.send(&format!("{place}, in XML"), &call.clone().header("accept", "application/xml")).await;
            let nobody = Call::new(&operation.method, &raw::target(operation)).header("prefer", &preference);
            both.send(&format!("{place}, nobody"), &nobody).await;
        }
        let two = both.call(operation).header("prefer", "code=200").header("prefer", "wait=1");
        both.send(&format!("{}, two prefer", operation.id), &two).await;
    }
    both.finish();
}

#[tokio::test]
async fn worlds_by_header_and_by_path() {
    let mut both = Both::start().await;
    for operation in operations() {
        let good = both.call(operation);
        for name in [
            "default",
            "alpha",
            "Alpha",
            "a.b-c_1",
            "",
            "a b",
            "a/b",
            "%61lpha",
            "..",
            &"x".repeat(64),
            &"x".repeat(65),
        ] {
            let place = |how: &str| format!("{} in world {name} by {how}", operation.id);
            both.send(&place("header"), &good.clone().header("x-mock-world", name)).await;
            if !name.contains(' ') && name != ".." {
                let target = format!("/__world/{name}{}", raw::target(operation));
                both.send(&place("path"), &good.clone().at(&target)).await;
                both.send(&place("path and header"), &good.clone().at(&target).header("x-mock-world", "beta")).await;
            }
        }
        both.send("two worlds", &good.clone().header("x-mock-world", "alpha").header("x-mock-world", "beta")).await;
        both.send("a world that is not ASCII", &good.clone().header("x-mock-world", "\u{fc}")).await;
    }
    for target in ["/__world", "/__world/", "/__world/alpha", "/__world/alpha/", "/__world/alpha/__world/beta/docs"] {
        both.send(target, &Call::new("GET", target)).await;
    }
    for name in ["default", "alpha", "beta", "Alpha"] {
        for path in ["snapshot", "requests?limit=1000", "users", "faults", "clock", "worlds"] {
            let target = format!("/__world/{name}/__admin/{path}");
            let answer = both.send(&target, &Call::new("GET", &target)).await;
            assert_eq!(answer.status(), 200);
        }
    }
    both.finish();
}

#[tokio::test]
async fn the_admin_api_and_the_pages() {
    let mut both = Both::start().await;
    for operation in operations() {
        let call = both.call(operation);
        both.send(&operation.id, &call).await;
    }
    both.fault(&Fault::rate_limited(RetryAfter::Seconds(3)).skip(1000).on_system(SystemKind::Akana));
    let description = both.send("the description", &Call::new("GET", "/__admin/openapi.json")).await.json();
    let mut got = 0;
    for (path, item) in description["paths"].as_object().unwrap() {
        let mut targets = BTreeSet::new();
        for system in [SystemKind::ALL, &[]].concat().iter().map(ToString::to_string).chain(["nothing".to_owned()]) {
            for id in [world::USERDOCKS_USER, world::AKANA_USER, "42", "7215545078541", "1", "99", "%34%32", "a%2Fb"] {
                targets.insert(path.replace("{system}", &system).replace("{id}", id));
            }
        }
        for target in targets {
            for method in ["GET", "HEAD", "OPTIONS", "PATCH"] {
                // What it says of the time since the start is not the same twice.
                if (path.as_str(), method) != ("/__admin/health", "GET") {
                    both.send(&format!("{method} {target}"), &Call::new(method, &target)).await;
                    got += usize::from(method == "GET" && item.get("get").is_some());
                }
            }
            let page = Call::new("GET", &target).header("origin", "http://elsewhere.example");
            both.send(&format!("{target} for another page"), &page).await;
            if path != "/__admin/health" {
                let own = Call::new("GET", &target).header("origin", &format!("http://{}", raw::HOST));
                both.send(&format!("{target} for its own page"), &own).await;
            }
        }
    }
    assert!(got > 50, "{got} paths were read");
    let mut health = Vec::new();
    for address in both.addresses() {
        let mut answer = raw::answer(address, &Call::new("GET", "/__admin/health")).await.json();
        assert!(answer["uptime_seconds"].take().is_u64());
        health.push(answer);
    }
    assert_eq!(health[0], health[1]);

    // What changes a world by the API changes both alike.
    let post = |path: &str, body: Value| Call::new("POST", &format!("/__admin{path}")).json(&body);
    let put = |path: &str, body: Value| Call::new("PUT", &format!("/__admin{path}")).json(&body);
    for call in [
        post("/tokens", json!({ "system": "mediconnect", "expires_in": 60 })),
        post("/tokens", json!({ "system": "symphony", "entitled": false })),
        post("/tokens", json!({ "system": "symphony", "user": "1" })),
        post("/tokens", json!({ "system": "nobody" })),
        put("/users/symphony/1001", json!({ "status": "DISABLED" })),
        put("/users/symphony/x", json!({})),
        put("/users/mediconnect/1001", json!({ "isActive": "yes" })),
        post("/users/symphony/1001/sign-in", json!({})),
        post(
            "/faults",
            json!({ "kind": { "unavailable": { "retry_after": { "seconds": 2 } } }, "off_contract": true }),
        ),
        post("/faults", json!({ "kind": "html_502" })),
        post("/faults", json!({ "kind": "nothing" })),
        Call::new("DELETE", "/__admin/faults/1"),
        Call::new("DELETE", "/__admin/faults/1"),
        Call::new("DELETE", "/__admin/faults"),
        post("/requests/count", json!({ "system": "akana" })),
        post("/requests/find", json!({ "valid": true })),
        post("/requests/verify", json!({ "pattern": { "status": 500 }, "least": 1 })),
        post("/clock/advance", json!({ "seconds": 60 })),
        put("/clock", json!({ "now": "2026-03-02T00:00:00Z" })),
        put("/clock", json!({ "now": "yesterday" })),
        put("/snapshot", json!({ "seed": 8, "clock": NOW, "systems": { "akana": { "tenant": "other" } } })),
        put("/snapshot", json!({ "seed": "x" })),
        post("/reset", json!({})),
        post("/reset", json!(null)),
        Call::new("DELETE", "/__admin/requests"),
        Call::new("DELETE", "/__admin/worlds"),
        Call::new("POST", "/__admin/tokens").body("{"),
        Call::new("GET", "/__admin"),
        Call::new("GET", "/__admin/"),
        Call::new("GET", "/__admin/requests?limit=x"),
        Call::new("GET", "/__admin/requests?limit=1"),
        Call::new("GET", "/__administration"),
    ] {
        let place = format!("{} {} {}", call.method, call.target, String::from_utf8_lossy(&call.body));
        both.send(&place, &call).await;
    }

    for target in ["/openapi.json", "/openapi.yaml", "/docs", "/"] {
        for method in ["GET", "HEAD", "OPTIONS", "POST"] {
            let answer = both.send(target, &Call::new(method, target)).await;
            assert!(method != "GET" || answer.status() < 400, "{}", shown(&answer));
            both.send(target, &Call::new(method, target).header("origin", "https://page.example")).await;
        }
    }
    both.finish();
}

#[tokio::test]
async fn what_a_browser_asks() {
    let mut both = Both::start().await;
    let page = |call: Call| call.header("origin", "https://page.example");
    for operation in operations() {
        let target = raw::target(operation);
        for headers in [None, Some("authorization, content-type"), Some("")] {
            for target in [&target, "/nothing", "/openapi.json", "/__admin/users", &format!("/__world/alpha{target}")] {
                let mut asks = page(Call::new("OPTIONS", target)).header("access-control-request-method", "PUT");
                if let Some(headers) = headers {
                    asks = asks.header("access-control-request-headers", headers);
                }
                both.send(&format!("preflight of {target}, {headers:?}"), &asks).await;
            }
        }
        let answer = both.send(&operation.id, &page(both.call(operation))).await;
        assert_eq!(answer.header("access-control-allow-origin"), ["*"]);
        both.send(&operation.id, &page(Call::new("DELETE", &target))).await;
        both.send(&operation.id, &both.call(operation).header("origin", "null")).await;
    }
    both.finish();
}

/// The faults that leave the wire whole.
fn faults() -> Vec<(&'static str, Fault)> {
    let seconds = RetryAfter::Seconds(7);
    let date = RetryAfter::Date("2026-03-01T12:00:09Z".parse().unwrap());
    let off = |status, body| Fault::response(status, body).off_contract();
    let millisecond = Duration::from_millis(1);
    vec![
        ("an answer", off(418, json!({ "a": [1, "\u{fc}"] }))),
        ("an answer of the contract", off(400, json!({ "code": 400, "message": "no" }))),
        ("an answer with headers", off(302, json!({})).header("Location", "/docs").header("x-\u{61}", "\u{fc}")),
        ("an answer in another media type", off(200, json!({})).header("content-type", "text/x")),
        ("an answer in a media type that is not ASCII", off(200, json!({})).header("content-type", "text/\u{fc}")),
        ("an answer in no media type", off(200, json!({})).header("content-type", "")),
        ("an answer that has no body", off(204, json!({}))),
        ("an answer that is not modified", off(304, json!({}))),
        ("an answer with a code that nobody knows", off(599, json!(null))),
        ("429", Fault::rate_limited(RetryAfter::Missing)),
        ("429, seconds", Fault::rate_limited(seconds)),
        ("429, a date", Fault::rate_limited(date)),
        ("429, a date from now", Fault::rate_limited(RetryAfter::DateIn(90))),
        ("503", Fault::unavailable(RetryAfter::Missing)),
        ("503, seconds", Fault::unavailable(seconds)),
        ("503, a date", Fault::unavailable(date)),
        ("502 in HTML", Fault::html_502()),
        ("malformed", Fault::malformed_body(200)),
        ("malformed 404", Fault::malformed_body(404)),
        ("wrong content type", Fault::wrong_content_type(200)),
        ("no UTF-8", Fault::invalid_utf8(200)),
        ("no body", Fault::empty_body(200)),
        ("no body, 500", Fault::empty_body(500)),
        ("a script", {
            let steps = [Fault::html_502().times(2), Fault::normal(), Fault::empty_body(200).after_the_change()];
            Fault::script(steps)
        }),
        ("a quota", Fault::quota(3, 60)),
        ("by chance", Fault::unavailable(seconds).probability(0.5)),
        ("later and not always", Fault::html_502().skip(2).times(3)),
        ("on a user", Fault::html_502().on_user(world::CLEARSQUARE_USER)),
        ("on a system", Fault::html_502().on_system(SystemKind::Userdocks)),
        ("on an operation", Fault::html_502().on_operation("getUserStatus")),
        ("a delay", Fault::delay(millisecond)),
        ("a delay by chance", Fault::delay_uniform(Duration::ZERO, millisecond)),
        ("a delay as of a real service", Fault::delay_lognormal(millisecond, 0.0)),
        ("no fault", Fault::normal()),
    ]
}

#[tokio::test]
async fn every_fault_that_leaves_the_wire_whole() {
    let mut both = Both::start().await;
    for (name, fault) in faults() {
        for fault in [fault.clone(), fault.after_the_change()] {
            both.fault(&fault);
            for operation in operations() {
                let place = format!("{}: {name}", operation.id);
                let call = both.call(operation);
                both.send(&place, &call).await;
                if operation.system == SystemKind::Akana {
                    both.send(&place, &call.clone().header("accept", "application/xml")).await;
                }
                if operation.method == "GET" {
                    both.send(&place, &Call { method: "HEAD".to_owned(), ..call }).await;
                }
                both.send(&place, &Call::new(&operation.method, &raw::target(operation))).await;
            }
            both.each(|world| world.advance(SignedDuration::from_secs(59)));
            let call = both.call(operation("updateUserStatus"));
            both.send(name, &call).await;
            both.each(|world| world.advance(SignedDuration::from_secs(1)));
            both.send(name, &call).await;
            both.send(name, &Call::new("GET", "/__admin/faults")).await;
            both.each(World::clear_faults);
        }
    }
    // Two at once: the first registered strikes, and delays add up.
    for fault in [Fault::delay(Duration::from_millis(1)), Fault::html_502().times(1), Fault::empty_body(200)] {
        both.fault(&fault);
    }
    for operation in operations() {
        let call = both.call(operation);
        both.send("two faults", &call).await;
    }
    both.finish();
}

/// `wiremock` reads the target of a request as a URL: it resolves `.` and `..`, takes `\` for `/`, and percent-encodes what
/// a URL does not have. A `StandaloneServer` takes the target as it was sent.
#[tokio::test]
async fn wiremock_reads_the_target_as_a_url() {
    let both = Both::start().await;
    let operation = operation("setAccessStatus");
    let good = both.call(operation);
    let plain = raw::target(operation);
    let user =
        |id: &str| raw::target_with(operation, |name, value| if name == "userId" { id.to_owned() } else { value });
    for (sent, read, statuses) in [
        (plain.replace("/v1/", "/v1/x/../"), plain.clone(), [200, 404]),
        (plain.replace("/v1/", "/v1/x/%2E%2e/"), plain.clone(), [200, 404]),
        (plain.replace("/v1/", "/v1/./"), plain.clone(), [200, 404]),
        (plain.replace("/v1/", "/v1/%2e/"), plain.clone(), [200, 404]),
        (plain.replace("/v1/", "\\v1\\"), plain.clone(), [200, 404]),
        (user(".."), user("..").replace("/users/..", ""), [404, 400]),
        (user("."), user(".").replace("/.", ""), [404, 400]),
        (format!("{plain}/.."), plain.trim_end_matches('0').to_owned(), [400, 404]),
        (user("a\"b"), user("a%22b"), [400, 400]),
        (user("{a}"), user("%7Ba%7D"), [400, 400]),
        (user("\u{fc}"), user("%C3%BC"), [400, 400]),
        (format!("{plain}?a'b"), format!("{plain}?a%27b"), [400, 400]),
        ("/\"".to_owned(), "/%22".to_owned(), [404, 404]),
    ] {
        let call = good.clone().at(&sent);
        let mut answered = Vec::new();
        for address in both.addresses() {
            answered.push(raw::answer(address, &call).await.status());
        }
        let journaled = both.worlds().map(|world| world.journal().pop().unwrap().target);
        assert_eq!((answered.as_slice(), journaled), (&statuses[..], [read, sent]));
    }
}

/// The limits are those of a `StandaloneServer`; `wiremock` reads a body to its end.
#[tokio::test]
async fn wiremock_has_no_limit_for_a_body() {
    let both = Both::start().await;
    let call = both.call(operation("updateUserStatus")).body(vec![b' '; (1 << 20) + 1]);
    let [mock, standalone] = both.addresses();
    assert_eq!(
        raw::answer(mock, &call).await.json()["message"],
        "/body must be JSON, and is not from line 1 column 1048577"
    );
    let refused = raw::answer(standalone, &call).await;
    assert_eq!((refused.status(), refused.header("connection")), (413, vec!["close"]));
    assert_eq!(both.worlds().map(World::total_requests), [1, 0], "what the transport refuses is in no journal");
    // As long as it may be, both read it.
    let mut both = both;
    let call = both.call(operation("updateUserStatus")).body(vec![b' '; 1 << 20]);
    assert_eq!(both.send("1 MiB", &call).await.status(), 400);
    assert!(both.differences.is_empty(), "{:?}", both.differences);
}

/// `wiremock` speaks HTTP/2 to those who begin with it.
#[tokio::test]
async fn wiremock_speaks_http_2() {
    let both = Both::start().await;
    let mut received = Vec::new();
    for address in both.addresses() {
        let mut stream = raw::connect(address).await;
        stream.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").await.unwrap();
        stream.shutdown().await.unwrap();
        received.push(raw::receive(&mut stream).await.bytes());
    }
    // The type of the first frame: SETTINGS.
    assert_eq!(received[0].get(3), Some(&4));
    assert_eq!(received[1], b"");
}

/// A fault that breaks the wire is refused where it is registered with a `MockServer`, in Rust or by the admin API. Where it
/// is in the document with which the world began, the answer says so.
#[tokio::test]
async fn only_a_standalone_server_breaks_the_wire() {
    type MakeFault = fn() -> Fault;
    let broken: [(MakeFault, &str); 6] = [
        (Fault::reset, "reset"),
        (Fault::reset_in_body, "reset_in_body"),
        (Fault::close, "close"),
        (Fault::truncate, "truncate"),
        (Fault::hang, "hang"),
        (|| Fault::drip(1, Duration::from_millis(1)), "drip"),
    ];
    for (fault, name) in broken {
        let kind = if name == "drip" { json!({ "drip": { "bytes": 1, "milliseconds": 1 } }) } else { json!(name) };
        let document = json!({ "faults": [{ "kind": kind, "on": { "system": "symphony" } }] });
        let options = Options::new().world(WorldState::from_json(&document).unwrap());
        let server = MockServer::start_with(options).await;
        for fault in [fault(), Fault::script([Fault::normal(), fault()])] {
            let refusal = server.fault(fault).unwrap_err().to_string();
            assert_eq!(refusal, "the fault was refused: this transport cannot break the wire; a StandaloneServer can");
        }
        let restored = server.restore(WorldState::from_json(&document).unwrap()).unwrap_err().to_string();
        assert!(restored.contains("this transport cannot break the wire"), "{restored}");
        let address = *server.wiremock().address();
        let registered = json!({ "kind": kind, "when": "after_the_change" });
        let answer = raw::answer(address, &Call::new("POST", "/__admin/faults").json(&registered)).await;
        assert_eq!(answer.status(), 400);
        assert!(answer.text().contains("this transport cannot break the wire"), "{}", answer.text());
        for operation in raw::changes().filter(|operation| operation.system == SystemKind::Symphony) {
            let before = server.status(operation.system, raw::user(operation));
            let call = Call::of(operation, &server.listed_credentials()[operation.system.to_string()]);
            let answer = raw::answer(address, &call).await;
            assert_eq!((answer.status(), answer.header("content-type")), (500, vec!["text/plain"]));
            assert_eq!(answer.text(), "this transport cannot break the wire");
            // A drip leaves the change be; the others strike before it.
            let changed = server.status(operation.system, raw::user(operation)) != before;
            assert_eq!(changed, name == "drip", "{}", operation.id);
        }
    }
}

/// `wiremock` asks for the answer at once and delays it then: the change is not what waits.
#[tokio::test]
async fn only_a_standalone_server_delays_the_change() {
    let both = Both::start().await;
    let operation = operation("manageUserStatus");
    both.fault(&Fault::delay(Duration::from_secs(3600)).before_the_change());
    let call = both.call(operation);
    let mut waiting = Vec::new();
    for address in both.addresses() {
        let mut stream = raw::connect(address).await;
        stream.write_all(&call.bytes()).await.unwrap();
        waiting.push(stream);
        raw::until(async || raw::struck(address).await == 1).await;
    }
    raw::until(async || both.mock.requests(&operation.id) == 1).await;
    let enabled = |world: &World| world.status(SystemKind::Clearsquare, world::CLEARSQUARE_USER).unwrap().enabled;
    assert_eq!(both.worlds().map(enabled), [Some(false), Some(true)]);
    assert_eq!(both.standalone.requests(&operation.id), 0);
}
